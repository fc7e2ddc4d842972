"""How long a training from scratch runs, has still to run, and waits for data. No Keras."""

from __future__ import annotations

import time

_NUM_RECENT = 20


class Pace:
    """The clock of one run.

    Attributes:
        minutes: that the run may take; None for as long as it needs.
        scoring_seconds: that the latest scoring took.
    """

    def __init__(self, minutes: float | None) -> None:
        """The run starts now."""
        self.minutes = minutes
        self.scoring_seconds = 0.0
        self._started = time.monotonic()
        self._waited = 0.0
        self._steps: list[float] = []

    def go_on_after(self, seconds: float) -> None:
        """The run had taken so many seconds before it was interrupted."""
        self._started = time.monotonic() - seconds

    @property
    def elapsed(self) -> float:
        """Seconds of the run so far."""
        return time.monotonic() - self._started

    @property
    def is_over(self) -> bool:
        """Whether the minutes are used up."""
        return self.minutes is not None and self.elapsed >= 60 * self.minutes

    @property
    def waiting_share(self) -> float:
        """Share of the training time in which nothing was done but waiting for data, 0..1."""
        return self._waited / max(1e-9, self._waited + sum(self._steps))

    def note_wait(self, seconds: float) -> None:
        """A step had to wait for its batch."""
        self._waited += seconds

    def note_step(self, seconds: float) -> None:
        """A step was made."""
        self._steps.append(seconds)

    def seconds_left(self, num_steps: int, num_epochs: int) -> float:
        """What steps and scorings still take, judged by the latest ones."""
        recent = self._steps[1:][-_NUM_RECENT:] or self._steps  # the first one is traced
        left = num_steps * sum(recent) / len(recent) + num_epochs * self.scoring_seconds
        return self.limited(left)

    def limited(self, seconds: float) -> float:
        """Seconds, but not more than the minutes leave."""
        if self.minutes is None:
            return seconds
        return min(seconds, max(0.0, 60 * self.minutes - self.elapsed))
