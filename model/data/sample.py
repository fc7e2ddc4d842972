"""Synthetic street drives with exact masks: for the demo, the welcome page, tests, benchmarks."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from model.data import sample_objects as objects
from model.data import sample_world as world
from model.data.atomic import write_atomic
from model.data.label_sets import LabelSet, suggest_label_set
from model.data.masks import write_mask
from model.data.sample_canvas import FAR_M, Camera, Canvas, Light, Rgb, mixed

_SPEED_M_PER_S = 6.0
_LIGHTS = (
    Light((96, 150, 214), (206, 220, 232), (1.04, 1.02, 0.98), 160.0, 1, 0.9, 0.35),
    Light((168, 178, 188), (214, 217, 220), (0.94, 0.96, 1.0), 110.0, -1, 0.15, 0.9),
    Light((104, 132, 186), (246, 214, 170), (1.1, 0.98, 0.84), 130.0, -1, 1.0, 0.5),
    Light((58, 66, 104), (196, 148, 132), (0.7, 0.66, 0.72), 120.0, 1, 0.3, 0.6),
)
_TEXTURE = {  # class -> (strength of grain, size of grain in pixels at 480 x 360)
    objects.SKY: (1.0, 4), objects.BUILDING: (8.0, 2), objects.POLE: (5.0, 1),
    objects.ROAD: (8.0, 1), objects.PAVEMENT: (9.0, 1), objects.TREE: (26.0, 2),
    objects.SIGN: (4.0, 1), objects.FENCE: (11.0, 2), objects.CAR: (5.0, 2),
    objects.PEDESTRIAN: (10.0, 1), objects.BICYCLIST: (10.0, 1),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Scene:
    """One frame of a sample drive.

    Attributes:
        image: (H, W, 3) uint8 RGB, read-only.
        mask: (H, W) uint8 class indices of CamVid 11, exact, read-only.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]

    def __post_init__(self) -> None:
        self.image.setflags(write=False)
        self.mask.setflags(write=False)


def draw_scene(seed: int, *, height: int = 360, width: int = 480, time: float = 0.0) -> Scene:
    """Draws what the camera of a drive sees; the same arguments give the same pixels.

    Args:
        seed: which street, weather and traffic.
        height: rows, at least 1.
        width: columns, at least 1.
        time: seconds since the drive began; nearby times look alike.
    """
    random = Random(f"drive {seed}")
    light = random.choice(_LIGHTS)
    z = random.uniform(0, 60) + _SPEED_M_PER_S * time
    bend = 0.004 * math.sin(z / 90 + random.uniform(0, math.tau))
    sway, bump = 1.7 + 0.12 * math.sin(time * 0.7), 0.006 * math.sin(time * 2.3)
    canvas = Canvas(Camera(height, width, x=sway, z=z, bend=bend, pitch=bump), light)
    _paint_sky(canvas, seed, time)
    world.paint_ground(canvas, seed)
    _paint_shadows(canvas, seed)
    for layer in (world.houses(canvas, seed), world.street_life(canvas, seed, time)):
        for _, paint in sorted(layer, key=lambda painting: -painting[0]):
            paint()
    mask = np.array(canvas.mask)
    noise = np.random.default_rng([abs(seed), round(time * 1000) % 2**32])
    return Scene(_photographed(canvas, mask, noise), mask)


def write_sample_folder(
    folder: Path,
    *,
    num_images: int = 20,
    seed: int = 0,
    with_masks: bool = False,
    height: int = 360,
    width: int = 480,
    masks_folder: Path | None = None,
) -> None:
    """Writes consecutive frames of one drive, one second apart, as ``drive_0000.png``, ...

    Args:
        folder: gets the images.
        num_images: how many.
        seed: which drive.
        with_masks: also write the true masks.
        height: rows of each image.
        width: columns of each image.
        masks_folder: gets the masks; ``folder / "masks"`` when None.

    Raises:
        StorageError: disk full or no permission.
    """
    label_set = suggest_label_set(11)
    for i in range(num_images):
        scene = draw_scene(seed, height=height, width=width, time=float(i))
        name = f"drive_{i:04}.png"
        write_atomic(folder / name, _png(scene.image))
        if with_masks:
            write_mask((masks_folder or folder / "masks") / name, scene.mask, label_set)


def sample_label_set() -> LabelSet:
    """The classes of the sample masks."""
    return suggest_label_set(11)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _paint_sky(canvas: Canvas, seed: int, time: float) -> None:
    camera, light = canvas.camera, canvas.light
    rows = np.clip(np.arange(camera.height) / max(1.0, camera.horizon), 0, 1)[:, None, None]
    gradient = np.array(light.sky_top) * (1 - rows) + np.array(light.sky_low) * rows
    share = _cloud_cover(camera, light, seed, time)[..., None] * (1 - rows**3)
    white = np.array(mixed(light.sky_low, (255, 255, 255), 0.6))
    sky = gradient * (1 - share) + white * share
    canvas.image.paste(Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8)))
    canvas.mask.paste(objects.SKY, (0, 0, camera.width, camera.height))
    _paint_backdrop(canvas, seed)


def _cloud_cover(camera: Camera, light: Light, seed: int, time: float) -> NDArray[np.float32]:
    """(H, W) share of cloud, 0..0.85; a drive has one wide field, past which the window moves."""
    random = np.random.default_rng([abs(seed), 7])
    shape = (max(1, round(camera.horizon)), 2 * camera.width)
    octaves = [(0.5, (3, 8)), (0.27, (7, 22)), (0.15, (16, 60)), (0.08, (40, 150))]
    field = sum(weight * _smooth_noise(random, cells, shape) for weight, cells in octaves)
    start = round(time * camera.width / 400) % camera.width
    cover = np.zeros((camera.height, camera.width), np.float32)
    seen = min(camera.height, shape[0])
    window = np.asarray(field, np.float32)[:seen, start : start + camera.width]
    cover[:seen] = np.clip((window - 0.66 + 0.3 * light.clouds) * 4.0, 0, 0.85)
    return cover


def _paint_backdrop(canvas: Canvas, seed: int) -> None:
    """Closes the end of the street with far trees and roofs."""
    camera = canvas.camera
    random = Random(f"far {seed}")
    far = camera.z + FAR_M
    for i in range(36):
        x = -90 + i * 5 + random.uniform(-1, 1)
        if random.random() < 0.4:
            tall, color = random.uniform(6, 14), (140.0, 120.0, 108.0)
            objects.upright(canvas, (x, -1, far - 1), 7, tall, color=color, label=objects.BUILDING)
        else:
            green: Rgb = (76, 96 + random.uniform(-10, 10), 54)
            canvas.disc((x, 2.0, far - 0.5), random.uniform(4, 7), green, objects.TREE)


def _paint_shadows(canvas: Canvas, seed: int) -> None:
    camera = canvas.camera
    shade = Image.new("L", canvas.image.size, 255)
    draw = ImageDraw.Draw(shade)
    depth = round(255 * (1 - 0.5 * canvas.light.contrast))
    for outline in world.shadows(camera.z, seed, canvas.light.sun_side):
        points = [camera.project(point) for point in outline]
        limit = 8 * (camera.width + camera.height)
        draw.polygon(
            [(max(-limit, min(limit, c)), max(-limit, min(limit, r))) for c, r in points], depth
        )
    shade = shade.filter(ImageFilter.GaussianBlur(camera.width / 300))
    factor = np.asarray(shade, np.float32)[..., None] / 255
    ground = (np.asarray(canvas.mask) != objects.SKY)[..., None]
    lit = np.where(ground, np.asarray(canvas.image) * factor, np.asarray(canvas.image))
    canvas.image.paste(Image.fromarray(lit.astype(np.uint8)))


def _photographed(
    canvas: Canvas, mask: NDArray[np.uint8], noise: np.random.Generator
) -> NDArray[np.uint8]:
    """Adds what a camera sees and a drawing lacks: surfaces, lens, vignette, sensor noise."""
    height, width = mask.shape
    pixels = np.asarray(canvas.image, np.float32) + _grain(mask, noise)[..., None]
    sharp = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    soft = np.asarray(
        sharp.filter(ImageFilter.GaussianBlur(0.6 * max(1.0, width / 960))), np.float32
    )
    rows, columns = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    vignette = 1 - 0.13 * (rows**2 + columns**2)
    sensor = noise.normal(0, 2.2, (height, width, 3)).astype(np.float32)
    return np.clip(soft * vignette[..., None] + sensor, 0, 255).astype(np.uint8)


def _grain(mask: NDArray[np.uint8], noise: np.random.Generator) -> NDArray[np.float32]:
    height, width = mask.shape
    scale = max(1.0, width / 480)
    fields = {}
    for size in {size for _, size in _TEXTURE.values()}:
        cells = (max(1, round(height / size / scale)), max(1, round(width / size / scale)))
        fields[size] = _smooth_noise(noise, cells, (height, width)) - 0.5
    total = np.zeros((height, width), np.float32)
    for label, (strength, size) in _TEXTURE.items():
        np.copyto(total, strength * 2 * fields[size], where=mask == label)
    return total


def _smooth_noise(
    random: np.random.Generator, cells: tuple[int, int], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Random (H, W) values in 0..1 that change over one cell."""
    coarse = Image.fromarray(random.random(cells, np.float32))
    fine = np.asarray(coarse.resize(shape[::-1], Image.Resampling.BICUBIC))
    clipped: NDArray[np.float32] = np.clip(fine, np.float32(0), np.float32(1))
    return clipped
