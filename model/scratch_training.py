"""Training from scratch: any dataset, a recipe, an event at a time. Imports Keras.

After every epoch the state of the run is on disk; an interrupted run goes on from there with the
batches that it would have had. What a network is kept for is decided on images that were held out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from model.backend import device_info, is_out_of_memory
from model.batches import TrainingBatches, every_nth_pixel, prefetched
from model.data.datasets.opening import open_dataset
from model.data.datasets.survey import DatasetSurvey, survey_dataset
from model.engine.protocol import (
    CancelToken,
    Scores,
    TrainingDone,
    TrainingEvent,
    TrainingPlan,
    TrainingScored,
    TrainingStep,
    never,
)
from model.errors import CancelledError, StorageError, TrainingError
from model.fast_steps import fast_steps
from model.running_mean import RunningMean
from model.scratch_items import chosen_items, pixels_of
from model.scratch_logs import ScratchLogs
from model.scratch_network import (
    CROSS_ENTROPY,
    add_overlap,
    build_network,
    compile_learner,
    learner_of,
    learns_overlap,
    network_info,
    settings_for,
)
from model.scratch_pace import Pace
from model.scratch_resume import require_same_images, save_request
from model.scratch_scoring import HeldOut, no_scores
from model.scratch_state import EpochRow, RunState, ScratchRequest, TrainingFolder
from model.training_schedule import learning_rate, progress
from model.tunable_network import save_network

NUM_WORKERS = 2
MAX_FINDINGS = 5


def train_from_scratch(
    request: ScratchRequest,
    *,
    is_cancelled: CancelToken = never,
    is_stopped: CancelToken = never,
) -> Iterator[TrainingEvent]:
    """Runs one training in the calling thread, one event at a time.

    Args:
        request: what to train on what, and how.
        is_cancelled: asked at every step; True ends with ``CancelledError``. The state of the last
            epoch stays for ``request.resumes``.
        is_stopped: asked at every step; True ends with the best network so far.

    Yields:
        One ``TrainingPlan``, then steps and, after each epoch, a scoring; last ``TrainingDone``.

    Raises:
        DatasetError: the dataset cannot be opened.
        ImageError: an image cannot be read.
        MaskError: a mask cannot be read or does not fit its image.
        TrainingError: nothing to train on, no memory, no number, or another process does it.
        StorageError: the result cannot be written.
        CancelledError: ``is_cancelled`` said so.
    """
    folder = TrainingFolder(Path(request.output_path))
    if request.resumes:
        folder.require_state()  # at once, and not after the survey of a large dataset
        require_same_images(request)
    keras.utils.set_random_seed(request.recipe.seed)
    run = _ScratchRun(request, is_cancelled, is_stopped)
    with folder.locked():
        yield from run.events()


class _ScratchRun:
    """One run, from opening the dataset to the saved network."""

    def __init__(
        self, request: ScratchRequest, is_cancelled: CancelToken, is_stopped: CancelToken
    ) -> None:
        self._pace = Pace(request.minutes)
        self._request, self._recipe = request, request.recipe
        self._is_cancelled, self._is_stopped = is_cancelled, is_stopped
        self._notes: list[str] = []
        self._folder = TrainingFolder(Path(request.output_path))
        self._logs = ScratchLogs(self._folder, self._note)
        dataset = self._dataset = open_dataset(
            Path(request.dataset_path), layout=request.layout, label_set=request.label_set
        )
        survey = survey_dataset(dataset, is_cancelled=is_cancelled)
        self._note_findings(survey)
        self._train, self._validation = chosen_items(dataset, survey, request)
        self._num_classes = len(dataset.label_set)
        self._settings = settings_for(self._recipe, dataset.label_set)
        self._class_pixels = pixels_of(dataset, survey, self._train)
        self._network = build_network(self._recipe, self._num_classes)
        self._averaged = build_network(self._recipe, self._num_classes)
        self._held_out = HeldOut(
            dataset, self._validation, self._recipe, self._averaged, is_cancelled=is_cancelled,
            info=network_info(request.output_path, self._averaged, self._recipe, self._settings),
        )  # fmt: skip
        self._batch_size = self._recipe.batch_size
        self._state = RunState()
        self._best_weights: list[npt.NDArray[Any]] | None = None
        self._best_scores: Scores | None = None
        self._learner, self._stride = learner_of(self._network, self._recipe)
        self._optimizer = compile_learner(self._learner, self._recipe, self._class_pixels)
        self._counts_overlap = False
        self._mean = RunningMean(self._network, self._averaged, self._recipe.averaging)

    # -- events

    def events(self) -> Iterator[TrainingEvent]:
        """Everything that happens, in order."""
        with fast_steps(self._network, precision=self._recipe.precision):
            yield from self._events()

    def _events(self) -> Iterator[TrainingEvent]:
        self._begin()
        batches = TrainingBatches(
            self._dataset, self._train, self._recipe, self._settings,
            num_classes=self._num_classes, batch_size=self._batch_size, is_shuffled=True,
        )  # fmt: skip
        yield TrainingPlan(
            num_train_images=len(self._train), num_held_out_images=len(self._validation),
            num_trusted_pixels=(), num_steps=self._recipe.epochs * len(batches),
            device=device_info(), estimated_seconds=self._estimate(batches),
        )  # fmt: skip
        is_over = False
        while not is_over and self._state.epoch < self._recipe.epochs:
            before = self._state.step
            yield from self._epoch(batches)
            if self._is_stopped() and self._state.step == before:
                break
            scored, is_over = self._close_epoch()
            if scored is not None:
                yield scored
        yield self._finish()

    def _epoch(self, batches: TrainingBatches) -> Iterator[TrainingStep]:
        state = self._state
        while True:
            state.sums, state.num_sums = {}, 0
            try:
                yield from self._steps(batches)
                return
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._shrink_batch(error)
                batches.batch_size = self._batch_size

    def _steps(self, batches: TrainingBatches) -> Iterator[TrainingStep]:
        state, num_steps = self._state, self._recipe.epochs * len(batches)
        for inputs, masks in prefetched(
            batches, state.epoch, num_workers=NUM_WORKERS, note_wait=self._pace.note_wait
        ):
            if self._is_cancelled():
                raise CancelledError
            started = time.perf_counter()
            share = progress(state.step, num_steps, self._pace.elapsed, self._pace.minutes)
            self._optimizer.learning_rate = learning_rate(self._recipe, state.step, share)
            self._count_overlap_in_time(share)
            targets = every_nth_pixel(masks, self._stride, phase=state.step)
            self._learner.reset_metrics()  # else Keras gives running means
            values = self._learner.train_on_batch(inputs, targets, return_dict=True)
            if not math.isfinite(float(values["loss"])):
                self._give_up_on_nan()
                return
            # What is told stays comparable when overlap comes into the loss.
            values["loss"] = values.pop(CROSS_ENTROPY, values["loss"])
            loss = float(values["loss"])
            state.step += 1
            state.add(values)
            self._mean.note_step(state.step)
            self._logs.add_step(state.step, loss)
            self._pace.note_step(time.perf_counter() - started)
            epochs_left = self._recipe.epochs - state.epoch
            seconds_left = self._pace.seconds_left(num_steps - state.step, epochs_left)
            yield TrainingStep(state.step, num_steps, loss, seconds_left)
            if self._is_stopped() or self._pace.is_over:
                return

    def _count_overlap_in_time(self, share: float) -> None:
        is_time = learns_overlap(self._recipe) and share >= self._recipe.overlap_from
        if is_time and not self._counts_overlap:
            add_overlap(self._learner, self._recipe, self._class_pixels)
            self._counts_overlap = True

    def _close_epoch(self) -> tuple[TrainingScored | None, bool]:
        """Scores where it is time to, remembers, logs; tells whether the run is over."""
        state, recipe = self._state, self._recipe
        self._bring_mean_up_to_date()
        state.epoch += 1
        is_over = state.is_broken or self._is_out_of_time()
        row, scored = state.means(), None
        if is_over or state.epoch == 1 or state.epoch % recipe.score_every == 0:
            scored, values = self._score(row)
            row |= values
        state.elapsed = self._pace.elapsed
        self._logs.add_epoch(
            EpochRow(state.epoch, state.step, state.elapsed, row),
            rate=float(self._optimizer.learning_rate),
        )
        if not state.is_broken:
            self._save_state()
        if recipe.patience and state.num_without_progress >= recipe.patience:
            self._note(f"Stopped after epoch {state.epoch}: no progress any more.")
            is_over = True
        return scored, is_over

    def _is_out_of_time(self) -> bool:
        is_last = self._state.epoch >= self._recipe.epochs
        return is_last or self._pace.is_over or self._is_stopped()

    def _score(self, row: dict[str, float]) -> tuple[TrainingScored, dict[str, float]]:
        """Scores on what is held out; keeps the weights if they are the best so far.

        Args:
            row: means of the epoch, by which the rest is judged where nothing is held out.
        """
        state, recipe = self._state, self._recipe
        started = time.monotonic()
        scores, values = self._held_out.score(self._batch_size)
        self._pace.scoring_seconds = (time.monotonic() - started) / recipe.score_every
        value = values[recipe.monitor] if self._validation else -row.get("loss", math.inf)
        is_best = not state.is_broken and (value > state.best_value or not self._validation)
        if is_best:  # without held-out images the last network is kept
            state.best_value, state.best_step = value, state.step
            self._best_weights, self._best_scores = self._averaged.get_weights(), scores
        state.num_without_progress += 1
        if value > state.stopping_value + recipe.min_delta:
            state.stopping_value, state.num_without_progress = value, 0
        return TrainingScored(state.step, scores, is_best), values

    def _finish(self) -> TrainingDone:
        if self._best_weights is None or self._best_scores is None:
            raise TrainingError(
                "The training ended before one epoch was complete, so there is no network.",
                remedy="Start it again and let it run longer; it goes on where it is with --resume."
            )  # fmt: skip
        self._note(f"Waiting for data took {self._pace.waiting_share:.1%} of the training time.")
        self._averaged.set_weights(self._best_weights)
        save_network(self._averaged, Path(self._request.output_path), self._settings)
        if not self._is_stopped():
            self._folder.remove_state()
        return TrainingDone(
            output_path=self._request.output_path, before=no_scores(self._num_classes),
            after=self._best_scores, best_step=self._state.best_step,
            num_steps_run=self._state.step, seconds=self._pace.elapsed,
            held_out_is_tiles=False, notes=tuple(self._notes),
        )  # fmt: skip

    # -- state on disk

    def _begin(self) -> None:
        if self._request.resumes:
            self._resume()
        else:
            self._folder.start_log()
        save_request(self._request)

    def _resume(self) -> None:
        loaded = self._folder.load(self._recipe)
        self._state = loaded.state
        self._averaged.set_weights(loaded.averaged)
        variables = (*self._network.variables, *self._optimizer.variables)
        for variable, value in zip(variables, loaded.weights + loaded.optimizer, strict=True):
            variable.assign(value)
        self._best_weights, self._best_scores = loaded.best_weights, loaded.best_scores
        self._pace.go_on_after(self._state.elapsed)
        self._batch_size = self._state.batch_size or self._batch_size
        self._logs.trim(self._state)
        self._note(f"Went on after epoch {self._state.epoch}.")

    def _save_state(self) -> None:
        self._state.batch_size = self._batch_size
        try:
            self._folder.save(
                self._recipe, self._state,
                # With the state of dropout's random numbers, which get_weights() leaves out.
                weights=[v.numpy() for v in self._network.variables],
                averaged=self._averaged.get_weights(),
                optimizer=[v.numpy() for v in self._optimizer.variables],
                best_weights=self._best_weights, best_scores=self._best_scores,
            )  # fmt: skip
        except StorageError as error:
            # The state of the epoch before is still there; hours of training must not end here.
            self._note(f"After epoch {self._state.epoch} the state could not be saved: {error}")

    # -- trouble

    def _bring_mean_up_to_date(self) -> None:
        """A step of finite loss can still lead to weights that are none; they are not kept."""
        if self._state.is_broken:
            return
        if all(np.isfinite(weights).all() for weights in self._network.get_weights()):
            self._mean.catch_up()
        else:
            self._give_up_on_nan()

    def _shrink_batch(self, error: Exception) -> None:
        if self._batch_size == 1:
            raise TrainingError(
                "There is not enough memory to train on even one image per step.",
                remedy="Choose a smaller crop size or a smaller network, or close programs.",
            ) from error
        self._batch_size = max(1, self._batch_size // 2)
        self._note(f"Memory ran out; went on with {self._batch_size} images per step.")

    def _give_up_on_nan(self) -> None:
        if self._best_weights is None:
            raise TrainingError(
                f"The loss is not a number any more after {self._state.step} steps.",
                remedy="Choose a smaller learning rate.",
            )
        self._state.is_broken = True
        self._mean.forget_waiting()
        self._note(
            f"The loss was not a number any more in epoch {self._state.epoch + 1}; the best "
            "network before that is kept. Choose a smaller learning rate to go further."
        )

    # -- time and words

    def _estimate(self, batches: TrainingBatches) -> float:
        """Seconds of the whole run, from one step that is taken back."""
        weights = self._network.get_weights()
        inputs, targets = batches[0]
        targets = every_nth_pixel(targets, self._stride, phase=0)
        seconds = []
        for _ in range(2):  # the first one traces
            started = time.monotonic()
            self._learner.test_on_batch(inputs, targets)
            seconds.append(time.monotonic() - started)
        self._network.set_weights(weights)
        per_step = 3.0 * seconds[-1]  # a backward pass costs twice a forward pass
        epochs_left = self._recipe.epochs - self._state.epoch
        return self._pace.limited(per_step * len(batches) * epochs_left)

    def _note_findings(self, survey: DatasetSurvey) -> None:
        """What is wrong with the data is said with the result, not only by ``seggui dataset``."""
        grave = [f for f in survey.findings if f.severity != "note"]
        for finding in grave[:MAX_FINDINGS]:
            self._note(f"{finding.message} {finding.remedy}".strip())
        if len(grave) > MAX_FINDINGS:
            self._note(f"{len(grave) - MAX_FINDINGS} more findings: see `seggui dataset`.")

    def _note(self, sentence: str) -> None:
        self._notes.append(sentence)
