"""The document: strokes, areas, predictions, review, undo and redo."""

import numpy as np
import pytest

from model.data.label_sets import IGNORE
from model.errors import MaskError, StorageError
from seggui.core import document as document_module
from seggui.core.document import MaskDocument, PaintRule, prepare_prediction
from seggui.core.history import EditHistory
from seggui.core.records import EMPTY_RECT, MaskEdit, Provenance, Rect

HEIGHT, WIDTH = 20, 30
UNSEEN, PREDICTED, CORRECTED, ACCEPTED = map(int, Provenance)
ROAD, CAR, SKY = 0, 1, 2


def predicted(label=ROAD):
    """A document whose every pixel was predicted."""
    document = MaskDocument.blank(HEIGHT, WIDTH)
    document.apply_prediction(np.full((HEIGHT, WIDTH), label, np.uint8), text="Prediction")
    return document


def stroke(document, rule, *points, radius=3.0):
    document.begin_stroke(rule, text="Brush")
    for p, q in zip(points, points[1:] or points, strict=False):
        document.extend_stroke(p, q, radius)
    return document.commit_stroke()


def state(document):
    return document.mask.copy(), document.provenance.copy()


def assert_state(document, expected):
    assert np.array_equal(document.mask, expected[0])
    assert np.array_equal(document.provenance, expected[1])


class TestViews:
    def test_a_blank_document_knows_nothing(self):
        document = MaskDocument.blank(HEIGHT, WIDTH)
        assert (document.height, document.width) == (HEIGHT, WIDTH)
        assert (document.mask == IGNORE).all()
        assert (document.provenance == UNSEEN).all()
        status = document.status
        assert (status.revision, status.can_undo, status.num_corrected_pixels) == (0, False, 0)

    def test_views_are_read_only_and_follow_the_stroke(self):
        document = MaskDocument.blank(HEIGHT, WIDTH)
        mask, provenance = document.mask, document.provenance
        document.begin_stroke(PaintRule(CAR), text="Brush")
        document.extend_stroke((5.5, 5.5), (5.5, 5.5), 0.5)
        assert (mask[5, 5], provenance[5, 5]) == (CAR, CORRECTED)
        assert document.mask is mask
        assert document.provenance is provenance
        with pytest.raises(ValueError, match="read-only"):
            mask[0, 0] = 1

    def test_the_arrays_given_are_not_shared(self):
        mask, provenance = np.zeros((2, 4, 4), np.uint8)
        document = MaskDocument(mask, provenance)
        mask[:] = 7
        assert (document.mask == 0).all()

    @pytest.mark.parametrize(
        ("mask", "provenance"),
        [
            (np.zeros((3, 3), np.int64), np.zeros((3, 3), np.uint8)),
            (np.zeros((3, 3, 3), np.uint8), np.zeros((3, 3), np.uint8)),
            (np.zeros((0, 3), np.uint8), np.zeros((0, 3), np.uint8)),
            (np.zeros((3, 3), np.uint8), np.zeros((3, 4), np.uint8)),
            (np.zeros((3, 3), np.uint8), np.full((3, 3), 4, np.uint8)),
        ],
    )
    def test_arrays_that_do_not_fit_are_refused(self, mask, provenance):
        with pytest.raises(MaskError, match="expected"):
            MaskDocument(mask, provenance)


class TestStrokes:
    def test_a_stroke_is_one_step(self):
        document = predicted()
        before = state(document)
        edit = stroke(document, PaintRule(CAR), (5.0, 5.0), (8.0, 20.0), (15.0, 20.0))
        assert (edit.kind, edit.text) == ("stroke", "Brush")
        assert document.status.undo_text == "Brush"
        after = state(document)
        assert document.undo() is edit
        assert_state(document, before)
        assert document.status.redo_text == "Brush"
        assert document.redo() is edit
        assert_state(document, after)

    def test_the_dirty_rectangle_covers_every_change(self):
        document = predicted()
        document.begin_stroke(PaintRule(CAR), text="Brush")
        before = document.mask.copy()
        rect = document.extend_stroke((2.0, 3.0), (17.0, 26.0), 1.5)
        changed = np.argwhere(document.mask != before)
        assert rect == Rect(*map(int, changed.min(axis=0)), *map(int, changed.max(axis=0) + 1))
        assert document.extend_stroke((2.0, 3.0), (17.0, 26.0), 1.5) == EMPTY_RECT

    def test_a_long_diagonal_is_painted_in_blocks_and_taken_back_as_one(self):
        document = MaskDocument.blank(700, 900)
        for finish in (document.abort_stroke, lambda: (document.commit_stroke(), document.undo())):
            document.begin_stroke(PaintRule(CAR), text="Brush")
            assert document.extend_stroke((1.5, 2.5), (698.5, 897.5), 0.5) == Rect(1, 2, 699, 898)
            assert (document.mask[[1, 698], [2, 897]] == CAR).all()
            finish()
            assert (document.mask == IGNORE).all()
            assert (document.provenance == UNSEEN).all()
            assert document.status.num_corrected_pixels == 0

    def test_painting_the_same_class_confirms_a_prediction(self):
        document = predicted(ROAD)
        assert stroke(document, PaintRule(ROAD), (5.5, 5.5), radius=0.5) is not None
        assert (document.mask[5, 5], document.provenance[5, 5]) == (ROAD, CORRECTED)
        assert document.status.num_corrected_pixels == 1

    def test_a_stroke_that_changes_nothing_is_no_step(self):
        document = predicted()
        stroke(document, PaintRule(CAR), (5.5, 5.5))
        revision = document.revision
        assert stroke(document, PaintRule(CAR), (5.5, 5.5)) is None
        assert stroke(document, PaintRule(CAR), (-50.0, 5.5)) is None
        assert document.revision == revision
        assert not document.in_stroke
        assert len(document.history.edits) == 2

    def test_the_eraser_leaves_unseen_pixels_without_class(self):
        document = predicted()
        stroke(document, PaintRule(CAR), (9.5, 9.5), radius=4)
        stroke(document, PaintRule(IGNORE), (9.5, 9.5), radius=2)
        erased = document.provenance == UNSEEN
        assert erased.sum() == 13  # the pixels of a disc of radius 2 around a centre
        assert (document.mask[erased] == IGNORE).all()
        assert document.status.num_corrected_pixels == 49 - 13

    @pytest.mark.parametrize("label", [CAR, IGNORE, ROAD])
    def test_locked_classes_are_never_painted_over(self, label):
        document = MaskDocument(
            np.tile(np.arange(3, dtype=np.uint8), (HEIGHT, 10)),
            np.full((HEIGHT, WIDTH), PREDICTED, np.uint8),
        )
        before = state(document)
        stroke(document, PaintRule(label, locked=frozenset({ROAD, SKY})), (5, 0), (15, 30))
        is_locked = before[0] != CAR
        assert np.array_equal(document.mask[is_locked], before[0][is_locked])
        assert (document.provenance[is_locked] == PREDICTED).all()
        assert (document.provenance[~is_locked] != PREDICTED).any()

    def test_only_over_leaves_everything_else(self):
        document = predicted(ROAD)
        stroke(document, PaintRule(SKY), (0, 0), (0, 30), radius=5)
        stroke(document, PaintRule(CAR, only_over=frozenset({ROAD})), (0, 15), (20, 15), radius=4)
        assert (document.mask[:5] == SKY).all()
        assert (document.mask[6:20, 15] == CAR).all()

    def test_what_is_locked_wins_over_only_over(self):
        document = predicted(ROAD)
        rule = PaintRule(CAR, locked=frozenset({ROAD}), only_over=frozenset({ROAD}))
        assert stroke(document, rule, (5, 5)) is None

    def test_aborting_restores_everything(self):
        document = predicted()
        stroke(document, PaintRule(SKY), (9, 9), radius=4)
        before, status = state(document), document.status
        document.begin_stroke(PaintRule(CAR), text="Brush")
        painted = document.extend_stroke((3, 3), (15, 12), 2)
        painted = painted.union(document.extend_stroke((15, 12), (4, 25), 5))
        assert document.abort_stroke() == painted
        assert_state(document, before)
        assert document.status == status
        assert not document.in_stroke
        assert stroke(document, PaintRule(CAR), (9, 9)) is not None

    def test_a_refused_segment_leaves_the_stroke_as_it_was(self):
        document = predicted()
        document.begin_stroke(PaintRule(CAR), text="Brush")
        document.extend_stroke((3, 3), (5, 5), 1)
        with pytest.raises(ValueError, match="not finite"):
            document.extend_stroke((5, 5), (float("nan"), 5), 1)
        document.commit_stroke()
        document.undo()
        assert (document.mask == ROAD).all()

    def test_stroke_methods_need_a_stroke(self):
        document = predicted()
        for action in (
            lambda: document.extend_stroke((1, 1), (2, 2), 1),
            document.commit_stroke,
            document.abort_stroke,
        ):
            with pytest.raises(RuntimeError, match="none is begun"):
                action()

    def test_everything_else_waits_for_the_end_of_the_stroke(self):
        document = predicted()
        classes = np.zeros((HEIGHT, WIDTH), np.uint8)
        rule = PaintRule(CAR)
        document.begin_stroke(rule, text="Brush")
        document.extend_stroke((5, 5), (9, 9), 2)
        before = state(document)
        for action in (
            document.undo,
            document.redo,
            lambda: document.begin_stroke(rule, text=""),
            lambda: document.fill(1, 1, rule, text=""),
            lambda: document.paint_polygon([(0, 0), (9, 0), (9, 9)], rule, text=""),
            lambda: document.replace_class(ROAD, CAR, text=""),
            lambda: document.fill_unlabelled(CAR, text=""),
            lambda: document.apply_prediction(classes, text=""),
            lambda: document.import_mask(classes, text=""),
            lambda: document.accept_rest(text=""),
            lambda: document.unaccept(text=""),
        ):
            with pytest.raises(RuntimeError, match="during a stroke"):
                action()
        assert_state(document, before)
        assert document.commit_stroke() is not None

    @pytest.mark.parametrize("label", [-1, 256, 300])
    def test_a_label_that_is_no_mask_value_is_refused(self, label):
        for make in (
            lambda: PaintRule(label),
            lambda: PaintRule(1, locked=frozenset({label})),
            lambda: PaintRule(1, only_over=frozenset({label})),
        ):
            with pytest.raises(ValueError, match="expected 0 to 255"):
                make()

    def test_work_follows_the_brush_and_not_the_image(self, monkeypatch):
        document = MaskDocument.blank(3000, 4000)
        document.begin_stroke(PaintRule(CAR), text="Brush")
        touched = []
        original = document_module.Painter.paint

        def watched(painter, mask, provenance, selection):
            touched.append(selection.size)
            return original(painter, mask, provenance, selection)

        monkeypatch.setattr(document_module.Painter, "paint", watched)
        document.extend_stroke((1500.0, 2000.0), (1510.0, 2010.0), 10)
        assert sum(touched) <= 31 * 31
        touched.clear()
        document.extend_stroke((0.0, 0.0), (3000.0, 4000.0), 2)
        assert sum(touched) < 3000 * 4000 / 40


class TestAreas:
    def test_fill_paints_the_region_of_one_class(self):
        document = predicted()
        stroke(document, PaintRule(SKY), (0, 15), (20, 15), radius=1)
        edit = document.fill(10, 3, PaintRule(CAR), text="Fill: Car")
        assert (edit.kind, edit.text) == ("fill", "Fill: Car")
        assert (document.mask[:, :14] == CAR).all()
        assert (document.mask[:, 16:] == ROAD).all()
        assert document.status.num_corrected_pixels == HEIGHT * 16

    @pytest.mark.parametrize(("row", "col"), [(-1, 5), (5, -1), (HEIGHT, 5), (5, WIDTH)])
    def test_fill_outside_the_image_does_nothing(self, row, col):
        document = predicted()
        assert document.fill(row, col, PaintRule(CAR), text="Fill") is None
        assert (document.mask == ROAD).all()

    def test_fill_respects_locks(self):
        document = predicted(ROAD)
        assert document.fill(5, 5, PaintRule(CAR, locked=frozenset({ROAD})), text="") is None
        assert document.fill(5, 5, PaintRule(CAR, only_over=frozenset({SKY})), text="") is None
        assert document.status.num_corrected_pixels == 0

    def test_filling_twice_changes_nothing_the_second_time(self):
        document = predicted()
        assert document.fill(5, 5, PaintRule(CAR), text="Fill") is not None
        assert document.fill(5, 5, PaintRule(CAR), text="Fill") is None

    def test_a_polygon_is_painted_and_can_be_undone(self):
        document = predicted()
        edit = document.paint_polygon(
            [(2, 3), (2, 9), (8, 9), (8, 3)], PaintRule(CAR), text="Polygon"
        )
        assert edit.kind == "polygon"
        assert edit.rect == Rect(2, 3, 8, 9)
        assert (document.mask[2:8, 3:9] == CAR).all()
        assert document.status.num_corrected_pixels == 36
        document.undo()
        assert (document.mask == ROAD).all()
        assert document.status.num_corrected_pixels == 0

    def test_a_polygon_that_encloses_nothing_is_no_step(self):
        document = predicted()
        assert document.paint_polygon([(2, 3), (2, 9)], PaintRule(CAR), text="Polygon") is None

    def test_unlabelled_pixels_are_filled_and_no_others(self):
        document = MaskDocument.blank(HEIGHT, WIDTH)
        stroke(document, PaintRule(CAR), (5, 5), (15, 25))
        before = document.mask.copy()
        document.fill_unlabelled(SKY, text="Fill the rest")
        assert (document.mask[before == IGNORE] == SKY).all()
        assert (document.mask[before == CAR] == CAR).all()
        assert (document.provenance == CORRECTED).all()

    def test_a_class_is_replaced_unless_it_is_locked(self):
        document = predicted(ROAD)
        stroke(document, PaintRule(CAR), (5, 5))
        assert document.replace_class(CAR, SKY, text="", locked={CAR}) is None
        edit = document.replace_class(CAR, SKY, text="Replace: Car with Sky")
        assert not (document.mask == CAR).any()
        assert document.mask[5, 5] == SKY
        assert edit.rect.height < HEIGHT

    def test_replacing_by_ignore_erases(self):
        document = predicted(ROAD)
        document.replace_class(ROAD, IGNORE, text="Erase: Road")
        assert (document.mask == IGNORE).all()
        assert (document.provenance == UNSEEN).all()

    def test_an_area_without_memory_for_its_step_leaves_everything(self, monkeypatch):
        document = predicted()
        stroke(document, PaintRule(SKY), (5, 5))
        before, status = state(document), document.status

        def fail(*_, **__):
            raise MemoryError

        monkeypatch.setattr(document_module, "make_edit", fail)
        for action in (
            lambda: document.fill(15, 15, PaintRule(CAR), text=""),
            lambda: document.accept_rest(text=""),
            lambda: document.import_mask(np.ones((HEIGHT, WIDTH), np.uint8), text=""),
        ):
            with pytest.raises(MemoryError):
                action()
            assert_state(document, before)
            assert document.status == status


class TestPredictions:
    def test_a_prediction_never_touches_what_a_person_said(self):
        document = predicted(ROAD)
        stroke(document, PaintRule(CAR), (5, 5))
        document.accept_rest(text="Reviewed")
        stroke(document, PaintRule(IGNORE), (15, 15))
        before = state(document)
        document.apply_prediction(np.full((HEIGHT, WIDTH), SKY, np.uint8), text="Prediction")
        erased = before[1] == UNSEEN
        assert (document.mask[erased] == SKY).all()
        assert (document.provenance[erased] == PREDICTED).all()
        assert np.array_equal(document.mask[~erased], before[0][~erased])
        assert np.array_equal(document.provenance[~erased], before[1][~erased])

    def test_the_same_prediction_again_is_no_step(self):
        document = predicted(ROAD)
        classes = np.full((HEIGHT, WIDTH), ROAD, np.uint8)
        assert document.apply_prediction(classes, text="Prediction") is None
        assert document.revision == 1

    def test_a_prepared_prediction_is_applied_when_nothing_happened_since(self):
        document = predicted(ROAD)
        mask, provenance, revision = document.snapshot()
        edit = prepare_prediction(mask, provenance, np.full_like(mask, SKY), text="Prediction")
        assert document.apply_prepared(edit, revision=revision)
        assert (document.mask == SKY).all()
        assert document.undo() is edit
        assert (document.mask == ROAD).all()

    def test_a_prepared_prediction_comes_too_late_after_a_change(self):
        document = predicted(ROAD)
        mask, provenance, revision = document.snapshot()
        edit = prepare_prediction(mask, provenance, np.full_like(mask, SKY), text="Prediction")
        stroke(document, PaintRule(CAR), (5, 5))
        before = state(document)
        assert not document.apply_prepared(edit, revision=revision)
        document.undo()  # the same pixels, but another revision
        assert not document.apply_prepared(edit, revision=revision)
        document.redo()
        assert_state(document, before)

    def test_a_prepared_prediction_waits_for_a_stroke(self):
        document = predicted(ROAD)
        mask, provenance, revision = document.snapshot()
        edit = prepare_prediction(mask, provenance, np.full_like(mask, SKY), text="Prediction")
        document.begin_stroke(PaintRule(CAR), text="Brush")
        document.extend_stroke((5, 5), (9, 9), 2)
        assert not document.apply_prepared(edit, revision=revision)
        document.abort_stroke()
        assert document.apply_prepared(edit, revision=revision)

    def test_a_snapshot_has_complete_steps_only_and_stays_as_it_is(self):
        document = predicted(ROAD)
        document.begin_stroke(PaintRule(CAR), text="Brush")
        document.extend_stroke((5, 5), (9, 9), 2)
        mask, provenance, _ = document.snapshot()
        document.commit_stroke()
        assert (mask == ROAD).all()
        assert (provenance == PREDICTED).all()
        assert not mask.flags.writeable
        assert not provenance.flags.writeable

    def test_a_kept_snapshot_is_given_out_once_without_copying(self):
        document = predicted(ROAD)
        document.keep_snapshot()
        kept = document.snapshot()
        assert (kept[0] == ROAD).all()
        assert kept[2] == document.revision
        assert document.snapshot()[0] is not kept[0]

    def test_a_kept_snapshot_is_forgotten_with_the_next_step(self):
        document = predicted(ROAD)
        document.keep_snapshot()
        stroke(document, PaintRule(CAR), (5, 5))
        mask, provenance, revision = document.snapshot()
        assert mask[5, 5] == CAR
        assert provenance[5, 5] == CORRECTED
        assert revision == document.revision

    @pytest.mark.parametrize(
        "classes", [np.zeros((HEIGHT, WIDTH + 1), np.uint8), np.zeros((HEIGHT, WIDTH), np.int64)]
    )
    def test_a_prediction_or_import_that_does_not_fit_is_refused(self, classes):
        document = predicted()
        with pytest.raises(MaskError, match="prediction"):
            document.apply_prediction(classes, text="")
        with pytest.raises(MaskError, match="imported mask"):
            document.import_mask(classes, text="")
        assert document.revision == 1


class TestReview:
    def test_accepting_the_rest_accepts_predicted_classes_only(self):
        document = MaskDocument(
            np.array([[IGNORE, 1, IGNORE, 3, 4]], np.uint8),
            np.array([[UNSEEN, PREDICTED, PREDICTED, CORRECTED, ACCEPTED]], np.uint8),
        )
        edit = document.accept_rest(text="Reviewed")
        assert edit.kind == "review"
        assert document.provenance.tolist() == [[UNSEEN, ACCEPTED, PREDICTED, CORRECTED, ACCEPTED]]
        assert document.accept_rest(text="Reviewed") is None
        assert document.status.num_corrected_pixels == 1

    def test_taking_the_review_back_frees_accepted_pixels(self):
        document = predicted(ROAD)
        stroke(document, PaintRule(CAR), (5, 5))
        before = state(document)
        document.accept_rest(text="Reviewed")
        document.unaccept(text="Not reviewed")
        assert_state(document, before)

    def test_an_import_replaces_everything_and_is_one_step(self):
        document = predicted(ROAD)
        stroke(document, PaintRule(CAR), (5, 5))
        before, num_corrected = state(document), document.status.num_corrected_pixels
        mask = np.full((HEIGHT, WIDTH), SKY, np.uint8)
        mask[:4] = IGNORE
        assert document.import_mask(mask, text="Import").kind == "import"
        assert np.array_equal(document.mask, mask)
        assert (document.provenance[:4] == UNSEEN).all()
        assert (document.provenance[4:] == ACCEPTED).all()
        assert document.status.num_corrected_pixels == 0
        document.undo()
        assert_state(document, before)
        assert document.status.num_corrected_pixels == num_corrected


class TestHistory:
    def test_a_restored_history_goes_on(self):
        document = predicted(ROAD)
        stroke(document, PaintRule(CAR), (5, 5))
        stroke(document, PaintRule(SKY), (9, 9))
        after = state(document)
        document.undo()
        history = document.history
        restored = MaskDocument(
            document.mask, document.provenance, EditHistory(history.edits, history.position)
        )
        restored.redo()
        assert_state(restored, after)
        for _ in range(3):
            restored.undo()
        assert (restored.mask == IGNORE).all()
        assert not restored.status.can_undo
        assert restored.status.num_corrected_pixels == 0

    def test_a_damaged_restored_step_is_reported_and_changes_nothing(self):
        bad = MaskEdit(Rect(0, 0, 5, 5), b"broken", b"broken", "stroke", "Brush")
        document = MaskDocument(
            np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8), EditHistory([bad, bad], 1)
        )
        for action in (document.undo, document.redo):
            with pytest.raises(StorageError):
                action()
        assert (document.mask == 0).all()
        assert document.history.position == 1
        assert document.revision == 0

    def test_undo_and_redo_at_the_ends_do_nothing(self):
        document = MaskDocument.blank(4, 4)
        assert document.undo() is None
        assert document.redo() is None
        assert document.revision == 0

    def test_forgotten_steps_are_reported(self):
        blank = np.full((HEIGHT, WIDTH), IGNORE, np.uint8)
        document = MaskDocument(blank, np.zeros_like(blank), EditHistory(max_edits=2))
        for label in range(5):
            stroke(document, PaintRule(label), (5, 5))
        assert document.history.num_forgotten == 3
        document.undo()
        document.undo()
        assert document.undo() is None
        assert document.mask[5, 5] == 2
