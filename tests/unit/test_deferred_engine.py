"""The engine that is made at its first use."""

import numpy as np
import pytest

from model.engine.client import open_engine
from model.engine.deferred import DeferredEngine
from model.engine.protocol import Engine
from model.errors import EngineError

PIXELS = np.zeros((4, 4, 3), np.uint8)


class Maker:
    """Makes engines in this thread, and counts them."""

    def __init__(self) -> None:
        self.num_made = 0

    def __call__(self) -> Engine:
        self.num_made += 1
        return open_engine("thread")


def test_nothing_is_made_before_the_first_question_and_then_once() -> None:
    make = Maker()
    engine = DeferredEngine(make)

    assert engine.model is None
    assert make.num_made == 0
    for _ in range(2):
        with pytest.raises(EngineError, match="No model"):
            engine.predict(PIXELS)
    assert make.num_made == 1
    engine.close()


def test_closing_what_was_never_used_makes_nothing() -> None:
    make = Maker()

    DeferredEngine(make).close()

    assert make.num_made == 0


def test_a_closed_engine_refuses_as_any_other() -> None:
    engine = DeferredEngine(Maker())
    engine.close()

    with pytest.raises(EngineError, match="closed"):
        engine.load("network.keras")
