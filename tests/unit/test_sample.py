"""What the sample drives promise: repeatable, exact, any size, all classes, gradual change."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageDraw

from model.data import sample_objects
from model.data.images import read_image
from model.data.masks import read_mask, unknown_values
from model.data.sample import draw_scene, sample_label_set, write_sample_folder

SMALL = {"height": 90, "width": 120}


def test_the_same_arguments_give_the_same_pixels():
    first, second = draw_scene(5, time=2.5, **SMALL), draw_scene(5, time=2.5, **SMALL)

    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.mask, second.mask)


def test_another_seed_gives_another_street():
    assert (draw_scene(1, **SMALL).mask != draw_scene(2, **SMALL).mask).mean() > 0.05


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (361, 479), (64, 512), (256, 64)])
def test_any_size_is_drawn(shape):
    scene = draw_scene(0, height=shape[0], width=shape[1])

    assert scene.image.shape == (*shape, 3)
    assert scene.mask.shape == shape
    assert scene.image.dtype == scene.mask.dtype == np.uint8


@pytest.mark.parametrize("seed", [-3, 0, 1, 2, 3])
def test_masks_hold_classes_of_the_label_set_only(seed):
    assert unknown_values(draw_scene(seed, **SMALL).mask, sample_label_set()) == {}


def test_scenes_are_read_only():
    scene = draw_scene(0, **SMALL)

    assert not scene.image.flags.writeable
    assert not scene.mask.flags.writeable


def test_a_drive_meets_every_class():
    seen = set()
    for seed in range(4):
        seen |= set(np.unique(draw_scene(seed).mask).tolist())

    assert seen == set(range(11))


@pytest.mark.parametrize("seed", range(4))
def test_every_scene_is_a_street(seed):
    mask = draw_scene(seed).mask
    share = np.bincount(mask.ravel(), minlength=11) / mask.size

    assert share[sample_objects.ROAD] > 0.15
    assert share[sample_objects.SKY] + share[sample_objects.BUILDING] > 0.15
    assert mask[-1, 200] == sample_objects.ROAD


def test_a_drive_changes_gradually():
    frames = [draw_scene(3, time=t, **SMALL).mask for t in (0.0, 0.1, 1.0, 30.0)]
    changes = [(frames[0] != frame).mean() for frame in frames[1:]]

    assert 0 < changes[0] < changes[1] < changes[2]
    assert changes[0] < 0.12


def test_what_is_drawn_in_the_image_is_drawn_in_the_mask(monkeypatch):
    calls = {"RGB": [], "L": []}
    polygon, ellipse = ImageDraw.ImageDraw.polygon, ImageDraw.ImageDraw.ellipse

    def spy(kind, draw):
        def recorded(self, corners, fill=None, *rest, **options):
            calls[self.mode].append((kind, list(corners), fill))
            return draw(self, corners, fill, *rest, **options)

        return recorded

    monkeypatch.setattr(ImageDraw.ImageDraw, "polygon", spy("polygon", polygon))
    monkeypatch.setattr(ImageDraw.ImageDraw, "ellipse", spy("ellipse", ellipse))
    draw_scene(2, **SMALL)

    drawn = iter([(kind, corners) for kind, corners, _ in calls["RGB"]])
    labelled = [
        (kind, corners) for kind, corners, fill in calls["L"] if isinstance(fill, int) and fill < 11
    ]
    assert len(labelled) > 500
    assert all(shape in drawn for shape in labelled)  # in the same order, with the same corners


def test_classes_can_be_told_apart_in_the_image():
    scenes = [draw_scene(seed) for seed in range(4)]
    pixels = np.concatenate([s.image.reshape(-1, 3) for s in scenes]).astype(float)
    labels = np.concatenate([s.mask.ravel() for s in scenes])
    means = {c: pixels[labels == c].mean(axis=0) for c in (0, 1, 3, 5)}

    for a, b in ((0, 3), (0, 5), (1, 3), (0, 1)):
        assert np.linalg.norm(means[a] - means[b]) > 20


def test_a_folder_of_images_is_written_without_masks(tmp_path):
    write_sample_folder(tmp_path / "drive", num_images=3, seed=1, with_masks=False, **SMALL)

    files = sorted(p.name for p in (tmp_path / "drive").iterdir())
    assert files == ["drive_0000.png", "drive_0001.png", "drive_0002.png"]
    expected = draw_scene(1, time=2.0, **SMALL)
    assert np.array_equal(read_image(tmp_path / "drive" / files[2]).pixels, expected.image)


def test_true_masks_are_written_where_asked(tmp_path):
    write_sample_folder(tmp_path / "a", num_images=1, seed=1, with_masks=True, **SMALL)
    write_sample_folder(
        tmp_path / "b",
        num_images=1,
        seed=1,
        with_masks=True,
        masks_folder=tmp_path / "truth",
        **SMALL,
    )

    expected = draw_scene(1, **SMALL).mask
    assert np.array_equal(read_mask(tmp_path / "a" / "masks" / "drive_0000.png"), expected)
    assert np.array_equal(read_mask(tmp_path / "truth" / "drive_0000.png"), expected)
    assert not (tmp_path / "b" / "masks").exists()
