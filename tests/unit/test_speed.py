"""Choosing the way of running a network: the fastest that answers the same, tried once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model import speed
from model.speed import Choice, ChoiceStore, choose_way

CLASSES = np.arange(1000).reshape(1, 20, 50).astype(np.uint8) % 7
INPUT = (np.zeros((1, 20, 50, 3), np.float32),)


def answering(classes: np.ndarray) -> Callable[..., tuple[np.ndarray, ...]]:
    return lambda *_: (classes, np.zeros_like(classes))


def with_wrong(number: int) -> np.ndarray:
    changed = CLASSES.copy()
    changed.reshape(-1)[:number] += 1
    return changed


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """What each way pretends to take; they are told apart by the order of their turns."""
    costs: dict[str, float] = {}
    turn = iter(range(10**6))

    def measured(_: Callable[[], object]) -> float:
        names = list(costs)
        return costs[names[next(turn) % len(names)]]

    monkeypatch.setattr(speed, "seconds_of", measured)
    return costs


def chosen(make: dict[str, np.ndarray], *, interrupted_at: int = 10**9) -> Choice | None:
    asked = iter(range(10**6))
    found = choose_way(
        answering(CLASSES), {way: lambda c=c: answering(c) for way, c in make.items()}, INPUT,
        is_interrupted=lambda: next(asked) >= interrupted_at,
    )  # fmt: skip
    return None if found is None else found[0]


def test_the_fastest_way_wins(seconds: dict[str, float]) -> None:
    seconds.update(graph=1.0, constants=0.8, xla=0.5)
    choice = chosen({"constants": CLASSES, "xla": CLASSES})

    assert choice is not None
    assert choice.way == "xla"
    assert choice.milliseconds == {"graph": 1000, "constants": 800, "xla": 500}


def test_a_gain_that_may_be_noise_changes_nothing(seconds: dict[str, float]) -> None:
    seconds.update(graph=1.0, xla=0.97)
    choice = chosen({"xla": CLASSES})

    assert choice is not None
    assert choice.way == "graph"


@pytest.mark.parametrize(("num_wrong", "way"), [(5, "xla"), (6, "graph")])
def test_a_way_must_keep_the_class_of_995_pixels_in_a_thousand(
    seconds: dict[str, float], num_wrong: int, way: str
) -> None:
    seconds["graph"] = 1.0
    if way == "xla":
        seconds["xla"] = 0.1
    choice = chosen({"xla": with_wrong(num_wrong)})

    assert choice is not None
    assert choice.way == way
    assert bool(choice.refused) == (way == "graph")


def test_probabilities_are_compared_by_their_class(seconds: dict[str, float]) -> None:
    seconds.update(graph=1.0, xla=0.5)
    one = np.random.default_rng(0).random((1, 8, 8, 4)).astype(np.float32)

    found = choose_way(
        lambda *_: (one,), {"xla": lambda: lambda *_: (one * 0.9,)}, INPUT,
        is_interrupted=lambda: False,
    )  # fmt: skip

    assert found is not None
    assert found[0].way == "xla"


def test_a_way_that_does_not_run_is_left_out(seconds: dict[str, float]) -> None:
    seconds.update(graph=1.0)

    def broken() -> Callable[..., tuple[np.ndarray, ...]]:
        raise NotImplementedError("no such operation")

    found = choose_way(answering(CLASSES), {"xla": broken}, INPUT, is_interrupted=lambda: False)

    assert found is not None
    assert found[0].way == "graph"
    assert "NotImplementedError" in found[0].refused["xla"]


@pytest.mark.parametrize("moment", range(6))
def test_who_waits_interrupts_at_any_moment(seconds: dict[str, float], moment: int) -> None:
    seconds.update(graph=1.0, xla=0.5)
    assert chosen({"xla": CLASSES}, interrupted_at=moment) is None


def test_choices_are_remembered(tmp_path: Path) -> None:
    ChoiceStore(tmp_path).remember("net", Choice("xla", {"graph": 9.04, "xla": 5.0}, {}))

    assert ChoiceStore(tmp_path).find("net") == "xla"
    assert ChoiceStore(tmp_path).find("other") is None
    stored = json.loads((tmp_path / "speed.json").read_text())
    assert stored["net"]["milliseconds"] == {"graph": 9.0, "xla": 5.0}


def test_only_the_latest_choices_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "MAX_REMEMBERED", 2)
    store = ChoiceStore(tmp_path)
    for name in "abc":
        store.remember(name, Choice("graph", {}, {}))

    assert [store.find(name) for name in "abc"] == [None, "graph", "graph"]


@pytest.mark.parametrize("content", ["{", "[]", '{"net": 3}', "\x00"])
def test_a_damaged_memory_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "speed.json").write_text(content)
    store = ChoiceStore(tmp_path)

    assert store.find("net") is None
    store.remember("net", Choice("xla", {}, {}))
    assert store.find("net") == "xla"


def test_without_a_folder_nothing_is_remembered() -> None:
    store = ChoiceStore(None)
    store.remember("net", Choice("xla", {}, {}))
    assert store.find("net") is None
