import numpy as np
import pytest

from model.augmentation import View, relight
from model.errors import CancelledError, MaskError, TrainingError
from model.sample_store import Memory
from model.training_crops import CropPlan, CropSampler, class_weights, painted_weight
from model.training_data import LoadedSample, hold_out_tiles, load_material, load_sample
from tests.unit.toy_task import scene, write_sample


def never():
    return False


def loaded(classes, *, painted=None, untouched=None, name="image"):
    classes = np.asarray(classes, np.uint8)
    pixels = np.zeros((*classes.shape, 3), np.uint8)
    return LoadedSample(
        name=name,
        pixels=pixels,
        classes=classes,
        painted=np.zeros(classes.shape, bool) if painted is None else painted,
        untouched=np.zeros(classes.shape, bool) if untouched is None else untouched,
    )


def test_only_painted_and_accepted_pixels_are_trusted(tmp_path):
    pixels, _ = scene(1)
    mask = np.ones(pixels.shape[:2], np.uint8)
    provenance = np.zeros(mask.shape, np.uint8)
    provenance[0, :4] = (0, 1, 2, 3)
    mask[1, :2], provenance[1, :2] = 255, 2  # painted as "ignore"
    sample = load_sample(
        write_sample(tmp_path, "a", pixels=pixels, mask=mask, provenance=provenance)
    )
    assert sample.classes[0, :4].tolist() == [255, 255, 1, 1]
    assert sample.painted[0, :4].tolist() == [False, False, True, False]
    assert sample.untouched[0, :4].tolist() == [True, True, False, False]
    assert not sample.painted[1, :2].any()
    assert not sample.untouched[1, :2].any()


def test_without_provenance_everything_but_void_is_trusted(tmp_path):
    pixels, truth = scene(2)
    truth = truth.copy()
    truth[:5] = 255
    sample = load_sample(write_sample(tmp_path, "a", pixels=pixels, mask=truth, provenance=None))
    assert sample.num_trusted == np.count_nonzero(truth != 255)
    assert not sample.untouched.any()


def test_mask_of_another_size_is_refused_with_both_sizes(tmp_path):
    pixels, truth = scene(2)
    sample = write_sample(tmp_path, "a", pixels=pixels, mask=truth[:40], provenance=None)
    with pytest.raises(MaskError, match=r"64 x 40 pixels.*64 x 64"):
        load_sample(sample)


def test_class_that_the_network_lacks_is_refused_with_its_number(tmp_path):
    pixels, truth = scene(3)
    sample = write_sample(tmp_path, "a", pixels=pixels, mask=truth + 5, provenance=None)
    with pytest.raises(TrainingError, match=r"class 5, 6, 7, .*classes 0 to 2"):
        load_material([sample], num_classes=3, is_cancelled=never)


def test_nothing_trusted_is_refused(tmp_path):
    pixels, truth = scene(3)
    nothing = np.zeros(truth.shape, np.uint8)
    sample = write_sample(tmp_path, "a", pixels=pixels, mask=truth, provenance=nothing)
    with pytest.raises(TrainingError, match="Correct at least one image"):
        load_material([sample], num_classes=3, is_cancelled=never)


def test_cancelled_before_the_first_file(tmp_path):
    pixels, truth = scene(3)
    sample = write_sample(tmp_path, "a", pixels=pixels, mask=truth, provenance=None)
    with pytest.raises(CancelledError):
        load_material([sample], num_classes=3, is_cancelled=lambda: True)


def test_held_out_images_are_scored_and_never_trained_on(tmp_path):
    samples = []
    for seed in (1, 2):
        pixels, truth = scene(seed)
        samples.append(
            write_sample(tmp_path, f"s{seed}", pixels=pixels, mask=truth, provenance=None,
                         is_held_out=seed == 2)
        )  # fmt: skip
    material = load_material(samples, num_classes=3, is_cancelled=never)
    assert [s.name for s in material.train] == [samples[0].image_path]
    assert [s.name for s in material.held_out] == [samples[1].image_path]
    assert not material.held_out_is_tiles


def test_held_out_image_without_trusted_pixels_makes_tiles_be_held_out(tmp_path):
    pixels, truth = scene(1)
    untouched = np.zeros(truth.shape, np.uint8)
    samples = [
        write_sample(tmp_path, "a", pixels=pixels, mask=truth, provenance=None),
        write_sample(
            tmp_path, "b", pixels=pixels, mask=truth, provenance=untouched, is_held_out=True
        ),
    ]
    material = load_material(samples, num_classes=3, is_cancelled=never)
    assert material.held_out_is_tiles
    assert [s.name for s in material.held_out] == [samples[0].image_path]


def test_held_out_tiles_are_a_quarter_and_never_overlap_the_rest():
    sample = loaded(np.ones((256, 384)), untouched=np.ones((256, 384), bool))
    train, scored = hold_out_tiles(sample)
    is_trained, is_scored = train.classes != 255, scored.classes != 255
    assert not (is_trained & is_scored).any()
    assert (is_trained | is_scored).all()
    assert is_scored.mean() == 0.25
    assert not (train.untouched & is_scored).any()
    assert is_scored[:64, :64].all()


def test_sparse_painting_is_split_by_smaller_tiles():
    painted = np.zeros((256, 256), bool)
    painted[100:130, 100:130] = True  # a single stroke inside few 64 px tiles
    sample = loaded(np.where(painted, 1, 255), painted=painted)
    train, scored = hold_out_tiles(sample)
    assert 0.1 <= scored.num_trusted / painted.sum() <= 0.5
    assert train.num_trusted + scored.num_trusted == painted.sum()


def test_a_dot_of_paint_alone_is_refused(tmp_path):
    pixels, truth = scene(1)
    provenance = np.zeros(truth.shape, np.uint8)
    provenance[20:22, 20:22] = 2
    sample = write_sample(tmp_path, "a", pixels=pixels, mask=truth, provenance=provenance)
    with pytest.raises(TrainingError, match="Only 4 corrected pixels"):
        load_material([sample], num_classes=3, is_cancelled=never)


def test_painted_pixels_make_up_half_of_the_loss_within_a_limit():
    painted = np.zeros((10, 10), bool)
    painted[:2] = True
    assert painted_weight([loaded(np.ones((10, 10)), painted=painted)]) == 4.0
    painted = np.zeros((100, 100), bool)
    painted[0, 0] = True
    assert painted_weight([loaded(np.ones((100, 100)), painted=painted)]) == 10.0
    assert painted_weight([loaded(np.ones((10, 10)))]) == 10.0


def test_rare_classes_weigh_more_but_not_without_limit():
    classes = np.zeros((100, 100), np.uint8)
    classes[:10], classes[10] = 1, 2
    classes[11:20] = 255
    weights = class_weights([loaded(classes)])
    counts = np.bincount(classes.ravel(), minlength=256)
    assert weights[0] < weights[1] < weights[2]
    assert weights[1] / weights[0] == pytest.approx((counts[0] / counts[1]) ** 0.5)
    assert weights[255] == 0
    assert weights[3] == 0
    trusted = classes[classes != 255]
    assert weights[trusted].mean() == pytest.approx(1.0)
    single = classes.copy()
    single[10, 1:] = 0
    rarest = class_weights([loaded(single)])
    assert rarest[2] / rarest[0] < 8  # 90 without the limit


def sampler(samples, size=(32, 32), *, is_whole_image=False, batch_size=8):
    plan = CropPlan(size, is_whole_image, batch_size)
    return CropSampler(samples, plan, np.random.default_rng(0))


def test_half_of_the_crops_show_painted_pixels_however_few():
    painted = np.zeros((400, 400), bool)
    painted[200:204, 300:304] = True
    crops = sampler([loaded(np.where(painted, 1, 255), painted=painted)], batch_size=40).batch()
    with_paint = (crops.trusted_weight > 0).any(axis=(1, 2))
    assert with_paint[::2].all()
    assert with_paint[1::2].sum() < 10


def test_rare_classes_are_drawn_as_often_as_common_ones():
    classes = np.zeros((300, 300), np.uint8)
    classes[150:154, 150:154] = 1
    crops = sampler([loaded(classes)], batch_size=60).batch()
    shows_rare = (crops.classes == 1).any(axis=(1, 2))[::2]
    assert 8 <= shows_rare.sum() <= 22


def test_masks_in_crops_hold_only_classes_that_were_there():
    classes = np.where(np.arange(100) // 7 % 2, 5, 250).astype(np.uint8)[None].repeat(90, 0)
    crops = sampler([loaded(classes)]).batch()
    assert set(np.unique(crops.classes)) <= {5, 250}


def test_image_smaller_than_the_crop_is_padded_without_weight():
    crops = sampler([loaded(np.ones((10, 12)))], (32, 32)).batch()
    assert crops.pixels.shape == (8, 32, 32, 3)
    assert 0 < np.count_nonzero(crops.trusted_weight) < crops.trusted_weight.size
    assert (crops.trusted_weight[crops.classes == 255] == 0).all()


def test_whole_image_networks_get_the_whole_image_resized():
    classes = np.repeat(np.arange(4, dtype=np.uint8), 50)[None].repeat(120, 0)
    crops = sampler([loaded(classes)], (48, 64), is_whole_image=True, batch_size=30).batch()
    assert crops.classes.shape == (30, 48, 64)
    num_classes_seen = [len(set(np.unique(c)) - {255}) for c in crops.classes]
    assert np.mean(num_classes_seen) > 3


def test_pixels_and_labels_of_a_view_stay_together():
    rng = np.random.default_rng(4)
    classes = rng.integers(0, 200, (40, 50)).astype(np.uint8)
    image = np.repeat(classes[..., None], 3, axis=-1)
    view = View(-3, 20, 30, 40, (30, 40), is_mirrored=True)
    labels, pixels = view.labels(classes, fill=255), view.pixels(image)
    inside = labels != 255
    assert inside.sum() == 27 * 30
    np.testing.assert_array_equal(pixels[..., 0][inside], labels[inside])


def test_same_seed_gives_the_same_crops():
    sample = loaded(np.random.default_rng(0).integers(0, 3, (80, 80)))
    one, two = sampler([sample]).batch(), sampler([sample]).batch()
    np.testing.assert_array_equal(one.classes, two.classes)
    np.testing.assert_array_equal(one.pixels, two.pixels)


def test_relighting_changes_brightness_a_little_and_keeps_type_and_shape():
    pixels, _ = scene(5)
    lit = relight(pixels, np.random.default_rng(0))
    assert lit.dtype == np.uint8
    assert lit.shape == pixels.shape
    assert 0 < np.abs(lit.astype(int) - pixels).mean() < 60


def test_more_images_than_memory_are_read_again_and_give_the_same_crops(tmp_path):
    samples = []
    for seed in range(5):
        pixels, truth = scene(seed)
        samples.append(
            write_sample(tmp_path, f"s{seed}", pixels=pixels, mask=truth, provenance=None,
                         is_held_out=seed == 4)
        )  # fmt: skip
    batches = []
    for limit in (1, 2**30):
        material = load_material(samples, num_classes=3, is_cancelled=never, limit_bytes=limit)
        batches.append(sampler(material.train).batch())
    np.testing.assert_array_equal(batches[0].pixels, batches[1].pixels)
    np.testing.assert_array_equal(batches[0].classes, batches[1].classes)


def test_memory_forgets_what_was_not_used_for_longest():
    class Item:
        num_bytes = 10

    memory, loads = Memory(25), []

    def get(key):
        return memory.get(key, lambda: loads.append(key) or Item())

    for key in "abacab":
        get(key)
    assert "".join(loads) == "abcb"
