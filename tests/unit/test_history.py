"""The undo line: what it keeps, forgets and reports."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seggui.core.history import EditHistory
from seggui.core.records import MaskEdit, Rect


def edit(text, num_bytes=10):
    return MaskEdit(Rect(0, 0, 1, 1), b"m" * num_bytes, b"", "stroke", text)


def texts(history):
    return [e.text for e in history.edits]


def test_undo_and_redo_walk_the_line():
    history = EditHistory()
    assert (history.undo(), history.redo()) == (None, None)
    first, second = edit("first"), edit("second")
    history.push(first)
    history.push(second)
    assert (history.undo(), history.undo(), history.undo()) == (second, first, None)
    assert not history.can_undo
    assert (history.redo(), history.redo(), history.redo()) == (first, second, None)
    assert not history.can_redo


def test_a_new_step_forgets_what_could_be_redone():
    history = EditHistory([edit("a"), edit("b"), edit("c")], 1)
    assert history.push(edit("d")) == 0
    assert texts(history) == ["a", "d"]
    assert history.position == 2
    assert history.num_bytes == EditHistory(history.edits).num_bytes


def test_too_many_edits_drop_the_oldest_and_say_how_many():
    history = EditHistory(max_edits=3)
    assert [history.push(edit(str(n))) for n in range(5)] == [0, 0, 0, 1, 1]
    assert texts(history) == ["2", "3", "4"]
    assert history.position == 3
    assert history.num_forgotten == 2


def test_too_much_memory_drops_the_oldest_until_it_fits():
    history = EditHistory(max_bytes=10_000)
    for n in range(4):
        history.push(edit(str(n), 1_000))
    assert history.push(edit("large", 7_000)) == 3
    assert texts(history) == ["3", "large"]
    assert history.num_bytes <= 10_000


def test_the_newest_step_can_be_undone_however_large_it_is():
    history = EditHistory([edit("small")], max_bytes=10_000)
    assert history.push(edit("huge", 50_000)) == 1
    assert texts(history) == ["huge"]
    assert history.undo().text == "huge"


def test_a_restored_line_goes_on_where_it_was():
    edits = [edit("a"), edit("b"), edit("c")]
    history = EditHistory(edits, 2)
    assert history.next_undo is edits[1]
    assert history.next_redo is edits[2]
    assert EditHistory(edits).position == 3


def test_a_restored_line_over_its_bounds_drops_the_oldest_first():
    history = EditHistory([edit(str(n)) for n in range(6)], 4, max_edits=3)
    assert texts(history) == ["3", "4", "5"]
    assert (history.position, history.num_forgotten) == (1, 3)


def test_a_restored_line_of_undone_steps_drops_the_furthest():
    history = EditHistory([edit(str(n)) for n in range(6)], 0, max_edits=2)
    assert texts(history) == ["0", "1"]
    assert (history.position, history.num_forgotten) == (0, 0)


@pytest.mark.parametrize("position", [-1, 3])
def test_a_position_outside_the_line_is_refused(position):
    with pytest.raises(ValueError, match="history of 2"):
        EditHistory([edit("a"), edit("b")], position)


@pytest.mark.parametrize("bounds", [{"max_bytes": 0}, {"max_edits": 0}])
def test_senseless_bounds_are_refused(bounds):
    with pytest.raises(ValueError, match="at least 1"):
        EditHistory(**bounds)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(["undo", "redo"]), st.integers(0, 4_000)), max_size=40),
    st.integers(1, 6),
    st.integers(1, 12_000),
)
def test_any_sequence_keeps_a_connected_line_within_its_bounds(actions, max_edits, max_bytes):
    history = EditHistory(max_edits=max_edits, max_bytes=max_bytes)
    done, undone = [], []  # the unbounded truth
    dropped = 0
    for number, action in enumerate(actions):
        if action == "undo":
            if (step := history.undo()) is not None:
                assert step.text == done[-1]
                undone.append(done.pop())
            else:
                assert len(done) == dropped
        elif action == "redo":
            step = history.redo()
            assert (step is None) == (not undone)
            if step is not None:
                assert step.text == undone[-1]
                done.append(undone.pop())
        else:
            dropped += history.push(edit(str(number), action))
            done.append(str(number))
            undone.clear()
        assert texts(history) == done[dropped:] + undone[::-1]
        assert history.position == len(done) - dropped
        assert history.num_forgotten == dropped
        assert len(history.edits) <= max_edits
        assert history.num_bytes <= max_bytes or len(history.edits) == 1
        assert history.num_bytes == EditHistory(history.edits).num_bytes
