"""Random sequences of everything the document can do, against a model that keeps full copies."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from model.data.label_sets import IGNORE
from seggui.core.brush import capsule
from seggui.core.document import MaskDocument, PaintRule, prepare_prediction
from seggui.core.edits import edit_result
from seggui.core.fill import flood_fill
from seggui.core.history import EditHistory
from seggui.core.polygon import polygon_pixels
from seggui.core.records import Provenance

HEIGHT, WIDTH = 9, 11
MAX_EDITS = 6
LABELS = st.sampled_from([0, 1, 2, IGNORE])
LABEL_SETS = st.frozensets(LABELS, max_size=2)
RULES = st.builds(PaintRule, LABELS, locked=LABEL_SETS, only_over=st.none() | LABEL_SETS)
POINTS = st.tuples(st.floats(-3, HEIGHT + 3), st.floats(-3, WIDTH + 3))
PREDICTIONS = st.lists(LABELS, min_size=HEIGHT, max_size=HEIGHT).map(
    lambda rows: np.array(rows, np.uint8)[:, None].repeat(WIDTH, axis=1)
)


class DocumentMachine(RuleBasedStateMachine):
    """Every state that was ever reached is kept as a copy; undo and redo pick one."""

    @initialize(rows=st.lists(LABELS, min_size=HEIGHT, max_size=HEIGHT), data=st.data())
    def start(self, rows, data):
        mask = np.array(rows, np.uint8)[:, None].repeat(WIDTH, axis=1)
        origins = st.sampled_from([Provenance.PREDICTED, Provenance.CORRECTED, Provenance.ACCEPTED])
        provenance = np.array([data.draw(origins) for _ in range(WIDTH)], np.uint8)
        provenance = provenance[None].repeat(HEIGHT, axis=0)
        provenance[mask == IGNORE] = Provenance.UNSEEN
        self.document = MaskDocument(mask, provenance, EditHistory(max_edits=MAX_EDITS))
        self.states = [(mask, provenance)]
        self.position = 0
        self.revision = 0
        self.brush = None
        self.working = None

    # -- the naive model ----------------------------------------------------------------------

    def committed(self):
        return tuple(array.copy() for array in self.states[self.position])

    def expect(self, mask, provenance, edit):
        """A step from the committed state to this one, unless they are equal."""
        before = self.committed()
        if all(np.array_equal(*pair) for pair in zip(before, (mask, provenance), strict=True)):
            assert edit is None
            return
        assert edit is not None
        self.states = [*self.states[: self.position + 1], (mask, provenance)]
        if len(self.states) > MAX_EDITS + 1:
            self.states.pop(0)
        self.position = len(self.states) - 1
        self.revision += 1

    @staticmethod
    def paint(mask, provenance, selected, brush):
        for r, c in np.argwhere(selected):
            over = int(mask[r, c])
            if over in brush.locked:
                continue
            if brush.only_over is not None and over not in brush.only_over:
                continue
            is_eraser = brush.label == IGNORE
            mask[r, c] = brush.label
            provenance[r, c] = Provenance.UNSEEN if is_eraser else Provenance.CORRECTED

    @staticmethod
    def whole(rect, pixels):
        image = np.zeros((HEIGHT, WIDTH), bool)
        image[rect.slices] = pixels
        return image

    # -- strokes ------------------------------------------------------------------------------

    @precondition(lambda self: self.brush is None)
    @rule(brush=RULES)
    def begin(self, brush):
        self.document.begin_stroke(brush, text="Brush")
        self.brush = brush
        self.working = self.committed()

    @precondition(lambda self: self.brush is not None)
    @rule(p=POINTS, q=POINTS, radius=st.floats(0.5, 4))
    def extend(self, p, q, radius):
        before = self.document.mask.copy(), self.document.provenance.copy()
        rect = self.document.extend_stroke(p, q, radius)
        covered = self.whole(*capsule(p, q, radius, height=HEIGHT, width=WIDTH))
        self.paint(*self.working, covered, self.brush)
        inside = self.whole(rect, True)
        assert np.array_equal(self.document.mask[~inside], before[0][~inside])
        assert np.array_equal(self.document.provenance[~inside], before[1][~inside])

    @precondition(lambda self: self.brush is not None)
    @rule()
    def commit(self):
        self.expect(*self.working, self.document.commit_stroke())
        self.brush = self.working = None

    @precondition(lambda self: self.brush is not None)
    @rule()
    def abort(self):
        self.document.abort_stroke()
        self.brush = self.working = None

    # -- steps --------------------------------------------------------------------------------

    @precondition(lambda self: self.brush is None)
    @rule(row=st.integers(0, HEIGHT - 1), col=st.integers(0, WIDTH - 1), brush=RULES)
    def fill(self, row, col, brush):
        mask, provenance = self.committed()
        self.paint(mask, provenance, self.whole(*flood_fill(mask, row, col)), brush)
        self.expect(mask, provenance, self.document.fill(row, col, brush, text="Fill"))

    @precondition(lambda self: self.brush is None)
    @rule(points=st.lists(POINTS, max_size=5), brush=RULES)
    def polygon(self, points, brush):
        mask, provenance = self.committed()
        inside = self.whole(*polygon_pixels(points, height=HEIGHT, width=WIDTH))
        self.paint(mask, provenance, inside, brush)
        self.expect(mask, provenance, self.document.paint_polygon(points, brush, text="Polygon"))

    @precondition(lambda self: self.brush is None)
    @rule(old=LABELS, new=LABELS, locked=LABEL_SETS)
    def replace(self, old, new, locked):
        mask, provenance = self.committed()
        self.paint(mask, provenance, mask == old, PaintRule(new, locked=locked))
        self.expect(
            mask, provenance, self.document.replace_class(old, new, text="Replace", locked=locked)
        )

    @rule()
    def keep_snapshot(self):
        self.document.keep_snapshot()

    @precondition(lambda self: self.brush is None)
    @rule(classes=PREDICTIONS, prepared=st.booleans(), with_result=st.booleans())
    def predict(self, classes, prepared, with_result):
        mask, provenance = self.committed()
        for r, c in np.ndindex(HEIGHT, WIDTH):
            if provenance[r, c] in (Provenance.UNSEEN, Provenance.PREDICTED):
                has_class = classes[r, c] != IGNORE
                mask[r, c] = classes[r, c]
                provenance[r, c] = Provenance.PREDICTED if has_class else Provenance.UNSEEN
        if prepared:
            *arrays, revision = self.document.snapshot()
            edit = prepare_prediction(*arrays, classes, text="Prediction")
            if edit is not None:
                result = edit_result(edit, *arrays) if with_result else None
                assert self.document.apply_prepared(edit, revision=revision, result=result)
        else:
            edit = self.document.apply_prediction(classes, text="Prediction")
        self.expect(mask, provenance, edit)

    @precondition(lambda self: self.brush is None)
    @rule(accept=st.booleans())
    def review(self, accept):
        mask, provenance = self.committed()
        old, new = (
            (Provenance.PREDICTED, Provenance.ACCEPTED)
            if accept
            else (Provenance.ACCEPTED, Provenance.PREDICTED)
        )
        provenance[provenance == old] = new
        action = self.document.accept_rest if accept else self.document.unaccept
        self.expect(mask, provenance, action(text="Review"))

    @precondition(lambda self: self.brush is None)
    @rule(mask=PREDICTIONS)
    def import_mask(self, mask):
        provenance = np.full_like(mask, Provenance.ACCEPTED)
        provenance[mask == IGNORE] = Provenance.UNSEEN
        self.expect(mask, provenance, self.document.import_mask(mask, text="Import"))

    @precondition(lambda self: self.brush is None)
    @rule(times=st.integers(1, 4))
    def undo(self, times):
        for _ in range(times):
            can_undo = self.position > 0
            assert (self.document.undo() is not None) == can_undo
            self.position -= can_undo
            self.revision += can_undo

    @precondition(lambda self: self.brush is None)
    @rule(times=st.integers(1, 4))
    def redo(self, times):
        for _ in range(times):
            can_redo = self.position < len(self.states) - 1
            assert (self.document.redo() is not None) == can_redo
            self.position += can_redo
            self.revision += can_redo

    # -- what always holds --------------------------------------------------------------------

    @invariant()
    def shows_the_models_pixels(self):
        mask, provenance = self.working or self.states[self.position]
        assert np.array_equal(self.document.mask, mask)
        assert np.array_equal(self.document.provenance, provenance)

    @invariant()
    def snapshots_are_the_committed_pixels(self):
        mask, provenance, revision = self.document.snapshot()
        expected = self.states[self.position]
        assert np.array_equal(mask, expected[0])
        assert np.array_equal(provenance, expected[1])
        assert revision == self.revision

    @invariant()
    def status_is_right(self):
        status = self.document.status
        provenance = self.document.provenance
        assert status.num_corrected_pixels == (provenance == Provenance.CORRECTED).sum()
        assert status.can_undo == (self.position > 0)
        assert status.can_redo == (self.position < len(self.states) - 1)
        assert status.revision == self.revision
        assert self.document.in_stroke == (self.brush is not None)

    @invariant()
    def pixels_without_class_are_unseen(self):
        mask, provenance = self.document.mask, self.document.provenance
        assert np.array_equal(mask == IGNORE, provenance == Provenance.UNSEEN)


TestDocumentAgainstModel = DocumentMachine.TestCase
TestDocumentAgainstModel.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
