"""The things that stand and move in the sample scenes: each function paints one of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from model.data.sample_canvas import Canvas, Point3, Rgb, mixed, shaded

SKY, BUILDING, POLE, ROAD, PAVEMENT, TREE, SIGN, FENCE, CAR, PEDESTRIAN, BICYCLIST = range(11)

CAR_COLORS: tuple[Rgb, ...] = (
    (168, 30, 32), (36, 60, 120), (205, 208, 210), (40, 42, 46), (120, 126, 132), (232, 232, 226),
    (70, 96, 84), (196, 158, 60),
)  # fmt: skip
_CLOTHES: tuple[Rgb, ...] = (
    (60, 66, 92), (150, 48, 48), (44, 44, 48), (190, 186, 170), (72, 104, 66), (196, 128, 52),
    (96, 72, 116), (40, 92, 140),
)  # fmt: skip
_SKIN: tuple[Rgb, ...] = ((224, 182, 150), (188, 138, 104), (120, 82, 60))
_FACADES: tuple[Rgb, ...] = (
    (176, 132, 104), (150, 84, 66), (206, 194, 168), (188, 180, 172), (132, 122, 118),
    (214, 178, 126), (168, 150, 128), (122, 92, 80), (196, 204, 200),
)  # fmt: skip
_SHOPS: tuple[Rgb, ...] = ((120, 36, 36), (34, 70, 60), (40, 52, 88), (150, 110, 50))
_GLASS: Rgb = (64, 80, 96)


def box(
    canvas: Canvas, near: Point3, size: Point3, color: Rgb, label: int, *, taper: float = 0.0
) -> None:
    """Paints a box: its visible side, its top if the camera sees it, its near face.

    Args:
        canvas: where to.
        near: bottom middle of the near face.
        size: width, height, length in metres.
        color: of the near face; the other faces are lighter and darker.
        label: class index.
        taper: how much the top is smaller on each side, in metres.
    """
    x, y, z = near
    width, height, length = size
    left, right, top, far = x - width / 2, x + width / 2, y + height, z + length
    inner_left, inner_right, roof_near, roof_far = left + taper, right - taper, z + taper * 2, far
    if canvas.camera.x < left or canvas.camera.x > right:
        a, b = (left, inner_left) if canvas.camera.x < left else (right, inner_right)
        side: list[Point3] = [(a, y, z), (b, top, roof_near), (b, top, roof_far), (a, y, far)]
        canvas.face(side, shaded(color, 0.72), label)
    roof: list[Point3] = [
        (inner_left, top, roof_near), (inner_right, top, roof_near),
        (inner_right, top, roof_far), (inner_left, top, roof_far),
    ]  # fmt: skip
    canvas.face(roof, shaded(color, 1.18), label)
    front: list[Point3] = [
        (left, y, z), (right, y, z), (inner_right, top, roof_near), (inner_left, top, roof_near)
    ]  # fmt: skip
    canvas.face(front, color, label)


def upright(
    canvas: Canvas, left_bottom: Point3, width: float, height: float, *, color: Rgb, label: int
) -> None:
    """Paints a rectangle that faces the camera."""
    x, y, z = left_bottom
    corners: list[Point3] = [(x, y, z), (x + width, y, z), (x + width, y + height, z)]
    canvas.face([*corners, (x, y + height, z)], color, label)


def limb(
    canvas: Canvas, start: Point3, end: Point3, width: float, *, color: Rgb, label: int
) -> None:
    """Paints a thick line between two points at about the same distance."""
    (x0, y0, z0), (x1, y1, z1) = start, end
    length = math.hypot(x1 - x0, y1 - y0) or 1.0
    dx, dy = (y1 - y0) / length * width / 2, (x0 - x1) / length * width / 2
    corners: list[Point3] = [(x0 - dx, y0 - dy, z0), (x0 + dx, y0 + dy, z0)]
    canvas.face([*corners, (x1 + dx, y1 + dy, z1), (x1 - dx, y1 - dy, z1)], color, label)


def car(canvas: Canvas, x: float, z: float, random: Random, *, is_oncoming: bool) -> None:
    """Paints a car, or a van one time in six, seen from behind or from the front."""
    color = random.choice(CAR_COLORS)
    is_van = random.random() < 1 / 6
    width, length = (1.95, 5.0) if is_van else (1.76, 4.1)
    _car_shadow(canvas, x, z, (width, length))
    for wheel in (z + length * 0.78, z + length * 0.16):
        box(canvas, (x, 0.0, wheel - 0.3), (width - 0.06, 0.55, 0.62), (24, 24, 26), CAR)
    body_top = 1.0 if is_van else 0.92
    box(canvas, (x, 0.24, z), (width, body_top - 0.24, length), color, CAR)
    roof = 2.1 if is_van else 1.48
    cabin_z, cabin_length = (z + 0.1, length - 1.0) if is_van else (z + 0.55, length * 0.6)
    cabin = (width - 0.08, roof - body_top, cabin_length)
    box(canvas, (x, body_top, cabin_z), cabin, shaded(_GLASS, 0.8), CAR, taper=0.14)
    _car_pillars(canvas, (x, roof, cabin_z), cabin, color)
    _car_side(canvas, x, z, (width, length))
    _car_lights(canvas, x, z, width, is_oncoming=is_oncoming)


def _car_shadow(canvas: Canvas, x: float, z: float, size: tuple[float, float]) -> None:
    left, right = x - size[0] / 2 - 0.1, x + size[0] / 2 + 0.1
    corners: list[Point3] = [(left, 0, z - 0.35), (right, 0, z - 0.35)]
    far = z + size[1]
    canvas.face([*corners, (right, 0, far), (left, 0, far)], (46, 46, 50), None)


def _car_pillars(canvas: Canvas, roof: Point3, cabin: Point3, color: Rgb) -> None:
    (x, top, z), half = roof, cabin[0] / 2 - 0.12
    box(canvas, (x, top - 0.07, z + 0.24), (2 * half, 0.1, cabin[2] - 0.24), color, CAR)
    for sign in (-1, 1):
        foot: Point3 = (x + sign * (cabin[0] / 2 - 0.03), top - cabin[1], z)
        limb(canvas, foot, (x + sign * half, top - 0.03, z + 0.26), 0.09, color=color, label=CAR)


def _car_side(canvas: Canvas, x: float, z: float, size: tuple[float, float]) -> None:
    """Paints the wheels, and a line along the doors, on the side that the camera sees."""
    width, length = size
    if abs(canvas.camera.x - x) < width / 2:
        return
    flank = x + math.copysign(width / 2, canvas.camera.x - x)
    line: list[Point3] = [(flank, 0.6, z), (flank, 0.66, z), (flank, 0.66, z + length)]
    canvas.face([*line, (flank, 0.6, z + length)], (50, 50, 54), CAR)
    for middle in (z + length * 0.8, z + length * 0.18):
        for radius, color in ((0.36, (22, 22, 24)), (0.2, (150, 152, 156))):
            rim: list[Point3] = [
                (flank, 0.34 + radius * math.sin(a), middle + radius * math.cos(a))
                for a in (i * math.tau / 12 for i in range(12))
            ]
            canvas.face(rim, color, CAR)


def _car_lights(canvas: Canvas, x: float, z: float, width: float, *, is_oncoming: bool) -> None:
    lamp: Rgb = (250, 246, 220) if is_oncoming else (196, 24, 20)
    for left in (x - width / 2 + 0.06, x + width / 2 - 0.36):
        upright(canvas, (left, 0.62, z), 0.3, 0.17, color=lamp, label=CAR)
    upright(canvas, (x - 0.26, 0.44, z), 0.52, 0.12, color=(226, 224, 206), label=CAR)
    bumper = (x - width / 2, 0.24, z)
    upright(canvas, bumper, width, 0.13, color=(46, 46, 50), label=CAR)


def person(canvas: Canvas, x: float, z: float, random: Random, stride: float) -> None:
    """Paints somebody walking; ``stride`` in radians is where in the step they are."""
    tall = random.uniform(0.9, 1.08)
    coat, legs, skin = random.choice(_CLOTHES), random.choice(_CLOTHES), random.choice(_SKIN)
    swing = 0.17 * math.sin(stride)
    hip = 0.86 * tall
    for side, offset in ((-1, -swing), (1, swing)):
        foot: Point3 = (x + side * 0.07 + offset, 0.0, z)
        limb(
            canvas, (x + side * 0.08, hip, z), foot, 0.15, color=shaded(legs, 0.8), label=PEDESTRIAN
        )
    shoulder = 1.42 * tall
    for side in (-1, 1):
        hand: Point3 = (x + side * 0.29 - side * swing, 0.85 * tall, z)
        limb(
            canvas,
            (x + side * 0.21, shoulder, z),
            hand,
            0.1,
            color=shaded(coat, 0.85),
            label=PEDESTRIAN,
        )
    torso: list[Point3] = [(x - 0.17, hip - 0.08, z), (x + 0.17, hip - 0.08, z)]
    canvas.face([*torso, (x + 0.23, shoulder, z), (x - 0.23, shoulder, z)], coat, PEDESTRIAN)
    canvas.disc((x, 1.6 * tall, z), 0.115, skin, PEDESTRIAN, stretch=1.25)
    hair = shaded(random.choice(((60, 42, 30), (28, 26, 26), (150, 120, 80))), 1.0)
    canvas.disc((x, 1.67 * tall, z), 0.115, hair, PEDESTRIAN, stretch=0.75)


def bicyclist(canvas: Canvas, x: float, z: float, random: Random, stride: float) -> None:
    """Paints a cyclist from behind; rider and bicycle are one class, as in CamVid."""
    coat, skin = random.choice(_CLOTHES), random.choice(_SKIN)
    helmet: Rgb = random.choice(((210, 210, 214), (200, 60, 40), (40, 60, 90)))
    upright(canvas, (x - 0.045, 0.0, z), 0.09, 0.68, color=(26, 26, 28), label=BICYCLIST)
    limb(
        canvas, (x - 0.27, 0.98, z), (x + 0.27, 0.98, z), 0.07, color=(40, 40, 44), label=BICYCLIST
    )
    for side in (-1, 1):
        knee = 0.16 * math.sin(stride + (side > 0) * math.pi)
        pedal: Point3 = (x + side * 0.12, 0.3 + knee, z)
        limb(canvas, (x + side * 0.1, 0.95, z), pedal, 0.14, color=(44, 48, 62), label=BICYCLIST)
        hand: Point3 = (x + side * 0.27, 1.0, z)
        limb(canvas, (x + side * 0.2, 1.4, z), hand, 0.1, color=shaded(coat, 0.85), label=BICYCLIST)
    torso: list[Point3] = [(x - 0.18, 0.86, z), (x + 0.18, 0.86, z), (x + 0.22, 1.42, z)]
    canvas.face([*torso, (x - 0.22, 1.42, z)], coat, BICYCLIST)
    canvas.disc((x, 1.6, z), 0.12, skin, BICYCLIST, stretch=1.2)
    canvas.disc((x, 1.66, z), 0.14, helmet, BICYCLIST, stretch=0.75)


def tree(canvas: Canvas, x: float, z: float, random: Random) -> None:
    """Paints a trunk and a crown of many leaf clusters, lit from above."""
    tall = random.uniform(4.2, 8.0)
    spread = tall * random.uniform(0.22, 0.32)
    green: Rgb = random.choice(((84, 112, 48), (66, 98, 52), (112, 122, 54), (92, 104, 40)))
    upright(canvas, (x - 0.15, 0.0, z), 0.3, tall * 0.6, color=(82, 66, 52), label=TREE)
    clusters = []
    for _ in range(46):
        angle, reach = random.uniform(0, math.tau), math.sqrt(random.random())
        dx, dy = math.cos(angle) * reach, math.sin(angle) * reach
        clusters.append((dx * spread, tall * 0.68 + dy * tall * 0.3, random.uniform(0.75, 1.25)))
    for dx, y, tone in sorted(clusters, key=lambda c: c[1] * 0.5 + c[2]):
        light = 0.62 + 0.55 * (y / tall) ** 2
        radius = spread * random.uniform(0.22, 0.38)
        canvas.disc((x + dx, y, z), radius, shaded(green, light * tone), TREE, stretch=0.85)


def hedge(canvas: Canvas, x: float, z: float, random: Random, length: float) -> None:
    """Paints a row of bushes along the road."""
    count = max(2, round(length / 1.1))
    for i in reversed(range(count)):
        tone = random.uniform(0.7, 1.15)
        height = random.uniform(0.5, 0.8)
        center = (x + random.uniform(-0.2, 0.2), height * 0.6, z + i * length / count)
        canvas.disc(center, height * 1.15, shaded((70, 98, 46), tone), TREE, stretch=0.9)


def lamp_post(canvas: Canvas, x: float, z: float) -> None:
    """Paints a street lamp whose arm reaches over the road."""
    gray: Rgb = (112, 116, 118)
    upright(canvas, (x - 0.11, 0.0, z), 0.22, 1.0, color=shaded(gray, 0.8), label=POLE)
    upright(canvas, (x - 0.07, 1.0, z), 0.14, 5.6, color=gray, label=POLE)
    tip = x - math.copysign(1.6, x)
    limb(canvas, (x, 6.5, z), (tip, 6.85, z), 0.1, color=gray, label=POLE)
    limb(
        canvas,
        (tip, 6.83, z),
        (tip - math.copysign(0.6, x), 6.86, z),
        0.2,
        color=(212, 210, 196),
        label=POLE,
    )


def traffic_sign(canvas: Canvas, x: float, z: float, random: Random) -> None:
    """Paints a sign on its pole: round, triangular, or square; or a traffic light."""
    upright(canvas, (x - 0.04, 0.0, z), 0.08, 2.6, color=(128, 130, 132), label=POLE)
    kind = random.randrange(4)
    if kind == 0:
        canvas.disc((x, 2.7, z), 0.38, (200, 28, 32), SIGN)
        canvas.disc((x, 2.7, z), 0.27, (240, 240, 236), SIGN)
    elif kind == 1:
        canvas.face([(x - 0.45, 2.3, z), (x + 0.45, 2.3, z), (x, 3.08, z)], (204, 32, 34), SIGN)
        canvas.face([(x - 0.25, 2.42, z), (x + 0.25, 2.42, z), (x, 2.86, z)], (242, 240, 230), SIGN)
    elif kind == 2:
        upright(canvas, (x - 0.36, 2.3, z), 0.72, 0.72, color=(30, 78, 168), label=SIGN)
        upright(canvas, (x - 0.12, 2.42, z), 0.24, 0.46, color=(238, 240, 244), label=SIGN)
    else:
        upright(canvas, (x - 0.2, 2.3, z), 0.4, 1.1, color=(30, 32, 32), label=SIGN)
        lit = random.randrange(3)
        for i, lamp in enumerate(((50, 214, 90), (250, 190, 40), (240, 50, 40))):
            canvas.disc((x, 2.5 + 0.34 * i, z), 0.13, lamp if i == lit else shaded(lamp, 0.3), SIGN)


def fence(canvas: Canvas, x: float, z: float, random: Random, length: float) -> None:
    """Paints a fence along the road in panels, boards or bars."""
    color: Rgb = random.choice(((122, 96, 70), (96, 100, 98), (168, 166, 158), (70, 88, 76)))
    height, count = random.uniform(1.1, 1.7), max(1, round(length / 0.5))
    for i in reversed(range(count)):
        start, end = z + i * length / count, z + (i + 1) * length / count
        panel: list[Point3] = [(x, 0, start), (x, height, start), (x, height, end), (x, 0, end)]
        canvas.face(panel, shaded(color, 1.0 if i % 2 else 0.84), FENCE)
    for low in (height * 0.2, height * 0.8):
        rail: list[Point3] = [(x, low, z), (x, low + 0.09, z), (x, low + 0.09, z + length)]
        canvas.face([*rail, (x, low, z + length)], shaded(color, 0.68), FENCE)


@dataclass(frozen=True)
class _Look:
    """How the facade of a house is painted: wall, frames, shop (None without), its own chance."""

    wall: Rgb
    trim: Rgb
    shop: Rgb | None
    random: Random


def building(canvas: Canvas, x: float, z: float, random: Random, length: float) -> None:
    """Paints a house whose facade runs along the road at ``x`` from ``z`` on."""
    color = random.choice(_FACADES)
    floors, storey = random.randint(2, 5), random.uniform(2.9, 3.5)
    height = floors * storey + 1.0
    side = 1 if x > 0 else -1
    gable: list[Point3] = [(x, 0, z), (x + side * 11, 0, z), (x + side * 11, height, z)]
    canvas.face([*gable, (x, height, z)], shaded(color, 0.78), BUILDING)
    sunlit = 1.0 + 0.12 * canvas.light.contrast * (1 if side == canvas.light.sun_side else -2)
    trim = shaded(mixed(color, (255, 255, 255), 0.35), sunlit)
    shop = random.choice(_SHOPS) if random.random() < 0.45 else None
    look = _Look(shaded(color, sunlit), trim, shop, random)
    bays = max(2, round(length / 2.8))
    for bay in reversed(range(bays)):
        along = (z + bay * length / bays, z + (bay + 1) * length / bays)
        _panel(canvas, x, along, (0, height), look.wall)
        for floor in range(floors):
            if floor == 0 and look.shop:
                _shop_front(canvas, x, along, storey, look.shop)
            else:
                _window(canvas, x, along, (floor * storey, (floor + 1) * storey), look)
    _panel(canvas, x, (z, z + length), (height - 0.55, height - 0.2), shaded(trim, 0.9))
    _panel(canvas, x, (z, z + length), (height - 0.2, height), shaded(color, 0.5))


def _panel(
    canvas: Canvas, x: float, along: tuple[float, float], up: tuple[float, float], color: Rgb
) -> None:
    (z0, z1), (y0, y1) = along, up
    canvas.face([(x, y0, z0), (x, y1, z0), (x, y1, z1), (x, y0, z1)], color, BUILDING)


def _shop_front(
    canvas: Canvas, x: float, along: tuple[float, float], storey: float, color: Rgb
) -> None:
    z0, z1 = along
    inset = (z1 - z0) * 0.08
    _panel(canvas, x, along, (0, storey * 0.95), shaded(color, 0.8))
    _panel(canvas, x, (z0 + inset, z1 - inset), (0.45, storey * 0.72), shaded(_GLASS, 1.25))
    _panel(canvas, x, along, (storey * 0.76, storey * 0.95), shaded(color, 1.35))


def _window(
    canvas: Canvas, x: float, along: tuple[float, float], up: tuple[float, float], look: _Look
) -> None:
    (z0, z1), (y0, y1) = along, up
    margin, low, high = (z1 - z0) * 0.27, y0 + (y1 - y0) * 0.3, y0 + (y1 - y0) * 0.82
    frame = (z0 + margin * 0.8, z1 - margin * 0.8)
    _panel(canvas, x, frame, (low - 0.12, high + 0.1), look.trim)
    glass = mixed(_GLASS, canvas.light.sky_low, look.random.uniform(0.0, 0.55))
    if look.random.random() < 0.1:
        glass = (236, 206, 140)
    _panel(canvas, x, (z0 + margin, z1 - margin), (low, high), glass)
    middle = (z0 + z1) / 2
    _panel(canvas, x, (middle - 0.05, middle + 0.05), (low, high), look.trim)
