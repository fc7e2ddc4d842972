"""What stands where along the endless sample street: everything follows from the seed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from random import Random

from model.data import sample_objects as objects
from model.data.sample_canvas import FAR_M, Canvas, Point3, Rgb, shaded

ROAD_HALF_M = 5.4
PAVEMENT_M = 3.6
_LOT_M = 22.0
_BLOCK_M = 30.0
_HOUSE_X = ROAD_HALF_M + PAVEMENT_M + 0.6

Painting = tuple[float, Callable[[], None]]
"""(z of the near end, what paints it); painted from far to near."""


def paint_ground(canvas: Canvas, seed: int) -> None:
    """Paints grass, pavements, kerbs, road and markings; all markings are road."""
    camera = canvas.camera
    edge = ROAD_HALF_M + PAVEMENT_M
    grass, stone, asphalt = (104, 118, 70), (164, 158, 150), (92, 92, 95)
    for along in _strips(camera.z):
        _ground(canvas, (-60, 60), along, grass, objects.TREE)
        _ground(canvas, (-edge, edge), along, stone, objects.PAVEMENT)
        for kerb in (-ROAD_HALF_M - 0.2, ROAD_HALF_M):
            _ground(canvas, (kerb, kerb + 0.2), along, (196, 192, 184), objects.PAVEMENT)
        _ground(canvas, (-ROAD_HALF_M, ROAD_HALF_M), along, asphalt, objects.ROAD)
    _paint_slabs(canvas)
    _paint_markings(canvas, seed)


def _strips(z: float) -> list[tuple[float, float]]:
    """Cuts the ground across, finely enough for a bend, far ones first."""
    depths = [0.0, 4.0]
    while depths[-1] < FAR_M:
        depths.append(depths[-1] * 1.12)
    return [(z + a, z + b) for a, b in itertools.pairwise(depths)][::-1]


def _ground(
    canvas: Canvas,
    across: tuple[float, float],
    along: tuple[float, float],
    color: Rgb,
    label: int | None,
) -> None:
    (x0, x1), (z0, z1) = across, along
    canvas.face([(x0, 0, z0), (x1, 0, z0), (x1, 0, z1), (x0, 0, z1)], color, label)


def _paint_slabs(canvas: Canvas) -> None:
    first = math.ceil(canvas.camera.z / 1.5)
    joint = (138, 132, 126)
    for z in (slab * 1.5 for slab in range(first, first + 24)):
        for x in (-ROAD_HALF_M - PAVEMENT_M, ROAD_HALF_M + 0.2):
            _ground(canvas, (x, x + PAVEMENT_M - 0.2), (z, z + 0.05), joint, None)


def _paint_markings(canvas: Canvas, seed: int) -> None:
    white = (216, 214, 206)
    first = math.floor(canvas.camera.z / 6.0)
    for z in (dash * 6.0 for dash in range(first, first + 22)):
        _ground(canvas, (-0.07, 0.07), (z, z + 3.0), white, None)
        for x in (-ROAD_HALF_M + 0.25, ROAD_HALF_M - 0.37):
            _ground(canvas, (x, x + 0.1), (z, z + 6.0), shaded(white, 0.9), None)
    for block in _blocks(canvas.camera.z):
        _paint_wear(canvas, Random(f"road {seed} {block}"), block * _BLOCK_M)


def _paint_wear(canvas: Canvas, random: Random, z: float) -> None:
    """Repaired patches of asphalt, and now and then a zebra crossing."""
    at, x = z + random.random() * 0.5 * _BLOCK_M, random.uniform(-4.4, 2.4)
    patch = (x, x + random.uniform(0.8, 1.8)), (at, at + random.uniform(2, 7))
    _ground(canvas, *patch, (74, 74, 77), None)
    if random.random() < 0.3:
        for left in (-ROAD_HALF_M + 0.45 + i for i in range(10)):
            _ground(canvas, (left, left + 0.5), (z + 26, z + 29), (216, 214, 206), None)


def _blocks(z: float) -> range:
    return range(math.floor(z / _BLOCK_M) - 1, math.ceil((z + FAR_M) / _BLOCK_M))


def shadows(z: float, seed: int, sun_side: int) -> list[list[Point3]]:
    """The outlines of shadows that houses and trees throw on the ground, as polygons."""
    outlines: list[list[Point3]] = []
    shadow_side = -sun_side
    for lot in range(math.floor(z / _LOT_M) - 1, math.ceil((z + FAR_M) / _LOT_M)):
        random = Random(f"shade {seed} {lot}")
        reach = shadow_side * (ROAD_HALF_M - random.uniform(0.0, 5.5))
        start, end = lot * _LOT_M, lot * _LOT_M + random.uniform(0.55, 1.0) * _LOT_M
        wall = shadow_side * _HOUSE_X
        outlines.append(
            [(wall, 0, start), (reach, 0, start + 2), (reach, 0, end + 2), (wall, 0, end)]
        )
    return outlines


def houses(canvas: Canvas, seed: int) -> list[Painting]:
    """Buildings, and gardens with fences and hedges between them."""
    paintings: list[Painting] = []
    z = canvas.camera.z
    for lot in range(math.floor(z / _LOT_M) - 1, math.ceil((z + FAR_M) / _LOT_M)):
        for side in (-1, 1):
            paintings.extend(_lot(canvas, Random(f"lot {seed} {side} {lot}"), side, lot * _LOT_M))
    return paintings


def _lot(canvas: Canvas, random: Random, side: int, z: float) -> list[Painting]:
    x = side * _HOUSE_X
    house = random.uniform(0.5, 1.0) * _LOT_M if random.random() < 0.86 else 0.0
    gap = _LOT_M - house
    inner = Random(random.random())
    paintings: list[Painting] = []
    if house:
        paintings.append((z, lambda: objects.building(canvas, x, z, inner, house)))
    if gap > 2.5:
        border = Random(random.random())
        garden = Random(random.random())
        what = objects.fence if random.random() < 0.7 else objects.hedge
        paintings.append((z + house, lambda: what(canvas, x - side * 0.5, z + house, border, gap)))
        tree_z = z + house + gap * 0.6
        paintings.append((tree_z, lambda: objects.tree(canvas, x + side * 3, tree_z, garden)))
    return paintings


def street_life(canvas: Canvas, seed: int, time_s: float) -> list[Painting]:
    """Everything on road and pavements: trees, poles, signs, people, cyclists, cars."""
    paintings: list[Painting] = []
    for block in _blocks(canvas.camera.z):
        for side in (-1, 1):
            random = Random(f"street {seed} {side} {block}")
            paintings.extend(_furniture(canvas, random, side, block * _BLOCK_M))
            paintings.extend(_parked(canvas, random, side, block * _BLOCK_M))
            paintings.extend(_walkers(canvas, random, side, block * _BLOCK_M, time_s))
    return paintings + _traffic(canvas, seed, time_s)


def _furniture(canvas: Canvas, random: Random, side: int, z: float) -> list[Painting]:
    kerb = side * (ROAD_HALF_M + 0.6)
    lamp_z, sign_z = z + random.uniform(1, 5), z + random.uniform(8, 26)
    paintings: list[Painting] = [(lamp_z, lambda: objects.lamp_post(canvas, kerb, lamp_z))]
    if random.random() < 0.7:
        sign = Random(random.random())
        paintings.append((sign_z, lambda: objects.traffic_sign(canvas, kerb, sign_z, sign)))
    if random.random() < 0.65:
        for _ in range(random.randint(1, 3)):
            paintings.append(_tree(canvas, random, side * (ROAD_HALF_M + 0.9), z))
    return paintings


def _tree(canvas: Canvas, random: Random, x: float, z: float) -> Painting:
    own, at = Random(random.random()), z + random.uniform(5, 29)
    return at, lambda: objects.tree(canvas, x, at, own)


def _parked(canvas: Canvas, random: Random, side: int, z: float) -> list[Painting]:
    def painting(at: float, own: Random) -> Painting:
        x = side * (ROAD_HALF_M - 1.05)
        return at, lambda: objects.car(canvas, x, at, own, is_oncoming=side < 0)

    spots = [z + 1.0 + 5.6 * i for i in range(5)]
    return [painting(at, Random(random.random())) for at in spots if random.random() < 0.3]


def _walkers(canvas: Canvas, random: Random, side: int, z: float, time_s: float) -> list[Painting]:
    def painting(own: Random) -> Painting:
        speed = own.choice((-1, 1)) * own.uniform(0.9, 1.6)
        at = z + own.uniform(0, _BLOCK_M) + speed * time_s
        x = side * (ROAD_HALF_M + own.uniform(0.9, PAVEMENT_M - 0.4))
        return at, lambda: objects.person(canvas, x, at, own, 5 * time_s + at)

    return [painting(Random(random.random())) for _ in range(random.choice((0, 1, 2, 3, 4)))]


def _traffic(canvas: Canvas, seed: int, time_s: float) -> list[Painting]:
    """Moving cars and cyclists; they keep coming, because each repeats along the road."""
    random = Random(f"traffic {seed}")
    paintings: list[Painting] = []
    for _ in range(3):
        own = random.random()
        at = _ahead(canvas.camera.z, random.uniform(0, 150) - 7 * time_s)
        paintings.append((at, _car_painter(canvas, -1.7, at, own, is_oncoming=True)))
    lead = canvas.camera.z + 17 + 8 * math.sin(0.11 * time_s + random.uniform(0, math.tau))
    paintings.append((lead, _car_painter(canvas, 1.5, lead, random.random(), is_oncoming=False)))
    for lane in (3.0, -3.0, 3.1):
        rider = random.random()
        at = _ahead(canvas.camera.z, random.uniform(0, 110) + math.copysign(3.6, lane) * time_s)
        paintings.append((at, _rider_painter(canvas, lane, at, rider, 6 * time_s)))
    return paintings


def _ahead(camera_z: float, z: float) -> float:
    return camera_z + (z - camera_z) % 150.0


def _car_painter(
    canvas: Canvas, x: float, z: float, seed: float, *, is_oncoming: bool
) -> Callable[[], None]:
    return lambda: objects.car(canvas, x, z, Random(seed), is_oncoming=is_oncoming)


def _rider_painter(
    canvas: Canvas, x: float, z: float, seed: float, stride: float
) -> Callable[[], None]:
    return lambda: objects.bicyclist(canvas, x, z, Random(seed), stride)
