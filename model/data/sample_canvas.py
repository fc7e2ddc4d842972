"""The drawing board of the sample scenes: a road camera, and one call that paints image and mask.

World coordinates are metres: x to the right of the road's middle, y up from the road, z along the
road. Image and mask are drawn by the same rasteriser from the same coordinates, so the mask is
exact by construction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image, ImageDraw

Rgb = tuple[float, float, float]
"""(red, green, blue), each 0..255."""

Point3 = tuple[float, float, float]
"""(x, y, z) in metres."""

NEAR_M = 1.0
FAR_M = 170.0


@dataclass(frozen=True)
class Light:
    """The weather of a drive.

    Attributes:
        sky_top: colour of the sky overhead.
        sky_low: colour of the sky at the horizon, and of haze.
        tint: what white looks like, 1 is neutral.
        haze_m: distance at which two thirds of a colour are haze.
        sun_side: -1, sunlit houses on the left, or 1, on the right.
        contrast: how strong shadows are, 0..1.
        clouds: how much of the sky they take, 0..1.
    """

    sky_top: Rgb
    sky_low: Rgb
    tint: Rgb
    haze_m: float
    sun_side: int
    contrast: float
    clouds: float


@dataclass(frozen=True)
class Camera:
    """A pinhole camera above the road.

    Attributes:
        height: of the image in pixels.
        width: of the image in pixels.
        x: metres right of the middle of the road.
        z: metres along the road.
        bend: curvature of the road ahead, 1/m.
        pitch: how far the horizon moves down, as a share of the height.
    """

    height: int
    width: int
    x: float
    z: float
    bend: float
    pitch: float

    @property
    def horizon(self) -> float:
        """Row of the horizon."""
        return self.height * (0.44 + self.pitch)

    @property
    def focal_px(self) -> float:
        """Focal length; about 55 degrees across for a 4:3 image."""
        return 0.72 * math.hypot(self.width, self.height)

    def depth(self, z: float) -> float:
        """Distance ahead in metres, never nearer than the near plane."""
        return max(NEAR_M, z - self.z)

    def project(self, point: Point3) -> tuple[float, float]:
        """World metres to (column, row) in pixels."""
        x, y, z = point
        depth = self.depth(z)
        across = x - self.x + self.bend * depth * depth / 2
        scale = self.focal_px / depth
        return self.width / 2 + across * scale, self.horizon + (1.45 - y) * scale


class Canvas:
    """An image and its mask that are always painted together."""

    def __init__(self, camera: Camera, light: Light) -> None:
        self.camera = camera
        self.light = light
        size = (camera.width, camera.height)
        self.image = Image.new("RGB", size)
        self.mask = Image.new("L", size)
        self._image_draw = ImageDraw.Draw(self.image)
        self._mask_draw = ImageDraw.Draw(self.mask)

    def face(self, points: list[Point3], color: Rgb, label: int | None) -> None:
        """Paints a flat polygon given in the world; ``label`` None leaves the mask as it is."""
        depths = [z - self.camera.z for _, _, z in points]
        if max(depths) <= NEAR_M or min(depths) > FAR_M:
            return
        distance = max(NEAR_M, sum(depths) / len(depths))
        self.flat([self.camera.project(p) for p in points], self.hazed(color, distance), label)

    def flat(self, points: list[tuple[float, float]], color: Rgb, label: int | None) -> None:
        """Paints a polygon given in pixels (column, row)."""
        columns = [column for column, _ in points]
        if max(columns) < 0 or min(columns) > self.camera.width:
            return
        # Whole pixels, kept near the image: Pillow's edges overflow far outside of it.
        limit = 8 * (self.camera.width + self.camera.height)
        whole = [
            (min(limit, max(-limit, round(column))), min(limit, max(-limit, round(row))))
            for column, row in points
        ]
        self._image_draw.polygon(whole, fill=_bytes(color))
        if label is not None:
            self._mask_draw.polygon(whole, fill=label)

    def disc(
        self,
        center: Point3,
        radius_m: float,
        color: Rgb,
        label: int | None,
        *,
        stretch: float = 1.0,
    ) -> None:
        """Paints a disc that faces the camera; ``stretch`` is its height by its width."""
        distance = center[2] - self.camera.z
        if not NEAR_M < distance <= FAR_M:
            return
        column, row = self.camera.project(center)
        across = radius_m * self.camera.focal_px / distance
        if column + across < 0 or column - across > self.camera.width:
            return
        down = across * stretch
        corners = (
            round(column - across),
            round(row - down),
            round(column + across),
            round(row + down),
        )
        self._image_draw.ellipse(corners, fill=_bytes(self.hazed(color, distance)))
        if label is not None:
            self._mask_draw.ellipse(corners, fill=label)

    def hazed(self, color: Rgb, distance: float) -> Rgb:
        """The colour as it looks from afar, in this light."""
        lit = tuple(c * t for c, t in zip(color, self.light.tint, strict=True))
        share = 1 - math.exp(-distance / self.light.haze_m)
        return mixed((lit[0], lit[1], lit[2]), self.light.sky_low, share)


def mixed(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Blends two colours; ``share`` 0 is the first, 1 the second."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def shaded(color: Rgb, factor: float) -> Rgb:
    """A lighter or darker colour."""
    red, green, blue = (min(255.0, c * factor) for c in color)
    return red, green, blue


def _bytes(color: Rgb) -> tuple[int, int, int]:
    red, green, blue = (min(255, max(0, round(c))) for c in color)
    return red, green, blue
