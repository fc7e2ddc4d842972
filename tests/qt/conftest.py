"""A program driver that is always closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytestqt.qtbot import QtBot

from tests.qt.program_kit import ColorEngine, Driver


@pytest.fixture
def make_driver(qtbot: QtBot) -> Iterator[Callable[..., Driver]]:
    """Makes programs; those still open are closed at the end."""
    drivers: list[Driver] = []

    def make(engine: ColorEngine | None = None) -> Driver:
        drivers.append(Driver(qtbot, engine))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.engine.gate.set()
        driver.close()


@pytest.fixture
def driver(make_driver: Callable[..., Driver]) -> Driver:
    """One program with an engine that needs no Keras."""
    return make_driver()
