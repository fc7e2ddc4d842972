"""Strokes that were painted before the mask was there come out as if they were painted later."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seggui.core.document import MaskDocument, PaintRule
from seggui.core.early_strokes import EarlyStrokes, Segment
from seggui.core.records import Rect

HEIGHT, WIDTH = 40, 60
ROAD, CAR = 0, 1

places = st.tuples(st.floats(-20, HEIGHT + 20), st.floats(-20, WIDTH + 20))
pieces = st.builds(Segment, places, places, st.floats(0.5, 15))


def painted_into(early, document):
    changed, finished = [], []
    early.paint_into(document, changed=changed.append, finished=finished.append)
    return changed, finished


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(pieces, min_size=1, max_size=4), min_size=1, max_size=3))
def test_they_give_what_the_same_strokes_give_in_the_document(strokes):
    early, expected = EarlyStrokes(), MaskDocument.blank(HEIGHT, WIDTH)
    for number, stroke in enumerate(strokes):
        rule = PaintRule(number)
        early.begin(rule, text="Brush")
        expected.begin_stroke(rule, text="Brush")
        for piece in stroke:
            early.extend(piece)
            expected.extend_stroke(piece.start, piece.end, piece.radius_px)
        early.commit()
        expected.commit_stroke()
    document = MaskDocument.blank(HEIGHT, WIDTH)

    _, finished = painted_into(early, document)

    assert not early
    assert len(finished) == len(strokes)
    assert np.array_equal(document.mask, expected.mask)
    assert document.status.can_undo == expected.status.can_undo


@settings(max_examples=60, deadline=None)
@given(pieces)
def test_the_rectangle_of_a_piece_holds_all_that_it_paints(piece):
    document = MaskDocument.blank(HEIGHT, WIDTH)
    document.begin_stroke(PaintRule(CAR), text="Brush")
    changed = document.extend_stroke(piece.start, piece.end, piece.radius_px)
    if not changed.is_empty:
        assert piece.rect.union(changed) == piece.rect


def test_each_is_an_undo_step_and_keeps_what_was_protected():
    document = MaskDocument.blank(HEIGHT, WIDTH)
    document.begin_stroke(PaintRule(ROAD), text="Brush")
    document.extend_stroke((10, 10), (10, 10), 5)
    document.commit_stroke()
    before = document.mask.copy()
    early = EarlyStrokes()
    early.begin(PaintRule(CAR, locked=frozenset({ROAD})), text="Brush: Car")
    early.extend(Segment((10, 10), (10, 14), 6))
    early.commit()

    painted_into(early, document)

    assert document.mask[10, 10] == ROAD
    assert document.mask[10, 18] == CAR
    assert document.status.undo_text == "Brush: Car"
    document.undo()
    assert np.array_equal(document.mask, before)


def test_a_stroke_in_the_hand_goes_on_in_the_document():
    early, document = EarlyStrokes(), MaskDocument.blank(HEIGHT, WIDTH)
    early.begin(PaintRule(CAR), text="Brush")
    early.extend(Segment((10, 10), (10, 10), 2))

    changed, finished = painted_into(early, document)

    assert document.in_stroke
    assert finished == []
    assert changed == [Rect(8, 8, 12, 12)]
    document.extend_stroke((10, 10), (10, 30), 2)
    document.commit_stroke()
    document.undo()
    assert (document.mask == 255).all()


def test_a_stroke_that_is_taken_back_was_never_there():
    early = EarlyStrokes()
    early.begin(PaintRule(ROAD), text="Brush")
    early.extend(Segment((1, 1), (2, 2), 3))
    early.begin(PaintRule(CAR), text="Brush")  # ends the first one
    early.abort()
    early.abort()  # nothing is in the hand
    assert [stroke.rule.label for stroke in early] == [ROAD]
    early.clear()
    assert not early


def test_a_piece_without_a_stroke_is_refused():
    with pytest.raises(RuntimeError, match="no stroke"):
        EarlyStrokes().extend(Segment((1, 1), (2, 2), 3))
