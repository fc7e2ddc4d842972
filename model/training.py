"""Fine-tuning: from the base with all corrections, scored honestly, never worse than it was.

Every run starts from the base network and never from an earlier result, so the order of rounds does
not matter and nothing drifts. Averaged weights are scored on held-out corrections while training
runs; the best of them, or a blend with the base, is kept; if nothing beats the base, the result is
the base. Imports Keras; only the engine and the training commands use this module.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from model.backend import device_info, is_out_of_memory
from model.digest import file_sha256
from model.engine.protocol import (
    CancelToken,
    ModelInfo,
    ModelSettings,
    Scores,
    TrainingDone,
    TrainingEvent,
    TrainingPlan,
    TrainingRequest,
    TrainingScored,
    TrainingStep,
    never,
)
from model.errors import CancelledError, TrainingError
from model.estimate import TrainingWorkload, estimate_seconds
from model.evaluation import evaluate_samples
from model.examination import examine
from model.losses import answered_classes, make_loss, match_size, pack_target
from model.model_settings import load_settings
from model.opening import inspect_with_consent, open_with_consent
from model.predictor import Predictor
from model.preprocessing import prepare_input
from model.selection import choose_blend, is_better, learning_rate_at
from model.training_crops import CropSampler, TrainingBatch, crop_plan
from model.training_data import load_material
from model.trust import TrustStore
from model.tunable_network import TunableNetwork, Weights, blend, save_network

BLEND_STRENGTHS = (0.75, 0.5, 0.25)


def fine_tune(
    request: TrainingRequest,
    *,
    is_cancelled: CancelToken = never,
    is_stopped: CancelToken = never,
) -> Iterator[TrainingEvent]:
    """Runs one fine-tuning in the calling thread, one event at a time.

    Args:
        request: what to train on what.
        is_cancelled: asked at every step, image and file; True ends with ``CancelledError`` and
            leaves no file.
        is_stopped: asked at every step; True ends with the best network so far.

    Yields:
        One ``TrainingPlan``, then steps and scorings, last one ``TrainingDone``.

    Raises:
        ModelFileError: base or current model cannot be opened.
        ImageError: an image cannot be read.
        MaskError: a mask cannot be read or does not fit its image.
        TrainingError: nothing to learn from, classes that do not fit, no memory, no number.
        StorageError: the result cannot be written.
        CancelledError: ``is_cancelled`` said so.
    """
    # Dropout draws its seeds when the network is built, so this comes before opening it.
    keras.utils.set_random_seed(request.settings.seed)
    run = _Run(request, is_cancelled, is_stopped)
    yield from run.events()


@dataclass(frozen=True, eq=False)
class _Candidate:
    """Weights that were scored."""

    weights: Weights
    scores: Scores
    step: int


class _Run:
    """One fine-tuning run, from opening the base to the saved result."""

    def __init__(
        self, request: TrainingRequest, is_cancelled: CancelToken, is_stopped: CancelToken
    ) -> None:
        self._started = time.monotonic()
        self._request = request
        self._settings = request.settings
        self._is_cancelled = is_cancelled
        self._is_stopped = is_stopped
        self._notes: list[str] = []
        self._check_cancelled()
        network, self._info = self._open(request.base_path, request.base_settings)
        self._material = load_material(
            request.samples, num_classes=self._info.num_classes, is_cancelled=is_cancelled
        )
        self._network = network
        self._predictor = Predictor(network, self._info)
        self._tunable = TunableNetwork(
            network,
            output_index=self._info.settings.output_index,
            trainable=self._settings.trainable,
        )
        self._base_weights = self._tunable.weights()
        plan = crop_plan(self._info, self._settings, self._material)
        self._crops = CropSampler(
            self._material.train, plan, np.random.default_rng(self._settings.seed)
        )
        self._plan = plan
        self._teacher = self._open_teacher()
        self._batch_size = plan.batch_size
        self._step_seconds: list[float] = []
        self._scoring_seconds = 0.0

    def events(self) -> Iterator[TrainingEvent]:
        """Everything that happens, in order."""
        yield self._planned()
        base = _Candidate(self._base_weights, self._score(), 0)
        yield TrainingScored(0, base.scores, is_best=True)
        before = base.scores if self._current_is_base() else self._score_current()
        best = base
        last_step = 0
        for event, candidate in self._train(base):
            if isinstance(event, TrainingStep):
                last_step = event.step
            best = candidate
            yield event
        for event, candidate in self._blend(best, base):
            best = candidate
            yield event
        yield self._finish(best, before, last_step)

    # -- preparation

    def _open(self, path: str, settings: ModelSettings | None) -> tuple[keras.Model, ModelInfo]:
        return open_model(Path(path), settings, settings_dir=self._settings_dir)

    @property
    def _settings_dir(self) -> Path | None:
        folder = self._request.settings_dir
        return None if folder is None else Path(folder)

    def _open_teacher(self) -> TunableNetwork | None:
        """A second copy of the base, whose answers are kept where nobody contradicted them."""
        if self._settings.keep_old_answers <= 0:
            return None
        network, _ = self._open(self._request.base_path, self._request.base_settings)
        return TunableNetwork(
            network, output_index=self._info.settings.output_index, trainable="all"
        )

    def _planned(self) -> TrainingPlan:
        num_held_out = 0 if self._material.held_out_is_tiles else len(self._material.held_out)
        sizes = [s.classes.size / 1e6 for s in self._material.train]
        workload = TrainingWorkload(
            num_train_images=len(self._material.train),
            num_held_out_images=num_held_out,
            megapixels_per_image=sum(sizes) / len(sizes),
            crop_megapixels=math.prod(self._plan.size) / 1e6,
            current_is_base=self._current_is_base(),
        )
        pixels = self._material.train[0].pixels
        self._predictor.predict(pixels, self._is_cancelled)  # the first one traces
        seconds = self._predictor.predict(pixels, self._is_cancelled).seconds
        return TrainingPlan(
            num_train_images=len(self._material.train),
            num_held_out_images=num_held_out,
            num_trusted_pixels=self._material.num_trusted_pixels(self._info.num_classes),
            num_steps=self._settings.num_steps,
            device=device_info(),
            estimated_seconds=estimate_seconds(
                self._settings, workload, seconds_per_megapixel=seconds / (pixels.size / 3e6)
            ),
        )

    def _current_is_base(self) -> bool:
        return Path(self._request.current_path) == Path(self._request.base_path)

    def _score_current(self) -> Scores:
        network, info = self._open(self._request.current_path, None)
        if info.num_classes != self._info.num_classes:
            raise TrainingError(
                f"The model in force, {info.path}, has {info.num_classes} classes, the base "
                f"{self._info.path} has {self._info.num_classes}: they cannot be compared.",
                remedy="Choose the base model as the model in force, then fine-tune.",
            )
        return self._score(Predictor(network, info))

    # -- training

    def _train(self, base: _Candidate) -> Iterator[tuple[TrainingEvent, _Candidate]]:
        """Steps and scorings, each with the best candidate up to then."""
        loss = make_loss(
            self._info.settings.activation,
            keep_old_answers=self._settings.keep_old_answers,
        )
        self._tunable.prepare(loss, self._settings.learning_rate)
        best, num_without_progress, scored_step = base, 0, 0
        num_steps = self._settings.num_steps
        step = 0
        while step < num_steps and not self._is_stopped():
            step += 1
            value = self._step(step)
            # The loss belongs to the weights before the step, so the weights are looked at too.
            if not math.isfinite(value) or not self._tunable.is_finite():
                self._give_up_on_nan(step)
                return
            yield TrainingStep(step, num_steps, value, self._seconds_left(step)), best
            if step % self._settings.score_every == 0 or step == num_steps:
                candidate = self._averaged(step)
                scored_step = step
                is_best = is_better(candidate.scores, best.scores)
                best = candidate if is_best else best
                num_without_progress = 0 if is_best else num_without_progress + 1
                yield TrainingScored(step, candidate.scores, is_best), best
                if num_without_progress >= self._settings.patience:
                    self._note(f"Stopped after step {step}: no progress any more.")
                    return
        if step > scored_step:  # the user stopped between two scorings
            candidate = self._averaged(step)
            is_best = is_better(candidate.scores, best.scores)
            yield TrainingScored(step, candidate.scores, is_best), candidate if is_best else best

    def _step(self, step: int) -> float:
        """One optimizer step; with less memory than needed, on fewer crops."""
        started = time.monotonic()
        rate = learning_rate_at(step, self._settings)
        while True:
            self._check_cancelled()
            try:
                inputs, target = self._inputs_and_target(self._crops.batch(self._batch_size))
                value = self._tunable.step(inputs, target, learning_rate=rate)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._shrink_batch(error)
                continue
            self._step_seconds.append(time.monotonic() - started)
            return value

    def _inputs_and_target(
        self, batch: TrainingBatch
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        inputs = self._prepared(batch.pixels)
        if self._teacher is None:
            nothing = np.zeros((*batch.classes.shape, 1), np.float32)
            return inputs, pack_target(
                batch.classes, batch.trusted_weight, batch.keep_weight, nothing
            )
        answer = self._teacher.answer(self._prepared(batch.clean))
        old = np.asarray(keras.ops.convert_to_numpy(match_size(answer, self._plan.size)))
        # An accepted answer is one to keep as it is, doubts included; pushing it towards certainty
        # would be a change that nobody asked for.
        is_confirmed = (batch.trusted_weight > 0) & (
            answered_classes(old, self._info.settings.activation) == batch.classes
        )
        keep_weight = np.maximum(batch.keep_weight, is_confirmed.astype(np.float32))
        return inputs, pack_target(batch.classes, batch.trusted_weight, keep_weight, old)

    def _prepared(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        channels = self._info.input_shape[2]
        return np.stack([prepare_input(p, self._info.settings, channels) for p in pixels])

    def _shrink_batch(self, error: Exception) -> None:
        if self._batch_size == 1:
            raise TrainingError(
                f"There is not enough memory to train on even one crop of {self._plan.size[1]} x "
                f"{self._plan.size[0]} pixels.",
                remedy="Choose a smaller crop size, train the decoder only, or close programs.",
            ) from error
        self._batch_size = max(1, self._batch_size // 2)
        self._note(f"Memory ran out; went on with {self._batch_size} crops per step.")

    def _give_up_on_nan(self, step: int) -> None:
        if step == 1:
            raise TrainingError(
                "The loss is not a number at the very first step, so the network or its input "
                "settings are broken.",
                remedy="Check the input scaling in the model's settings.",
            )
        self._note(f"Training broke down at step {step} (loss is not a number); kept the best.")

    # -- scoring

    def _score(self, predictor: Predictor | None = None) -> Scores:
        started = time.monotonic()
        scores = evaluate_samples(
            predictor or self._predictor,
            self._material.held_out,
            num_classes=self._info.num_classes,
            is_cancelled=self._is_cancelled,
        )
        self._scoring_seconds = time.monotonic() - started
        return scores

    def _averaged(self, step: int) -> _Candidate:
        """Scores the running average of the weights, and goes on with the weights themselves."""
        current = self._tunable.weights()
        candidate = self._scored(self._tunable.averaged_weights(), step)
        self._tunable.set_weights(current)
        return candidate

    def _scored(self, weights: Weights, step: int) -> _Candidate:
        self._tunable.set_weights(weights)
        return _Candidate(weights, self._score(), step)

    def _blend(
        self, tuned: _Candidate, base: _Candidate
    ) -> Iterator[tuple[TrainingEvent, _Candidate]]:
        """Tries weights between base and tuned; the way back to the base is the way to forget less.

        Taken is the most cautious blend that keeps most of the best gain: held-out corrections lie
        where the base was wrong, so they overrate change.
        """
        if tuned.step == 0:
            return
        candidates = [tuned]
        for strength in BLEND_STRENGTHS:
            self._check_cancelled()
            candidates.append(
                self._scored(blend(base.weights, tuned.weights, strength), tuned.step)
            )
        chosen = candidates[choose_blend([c.scores for c in candidates], base.scores)]
        if chosen is not tuned:
            strength = BLEND_STRENGTHS[candidates.index(chosen) - 1]
            self._note(f"The result goes {strength:.0%} of the way from the base model.")
            yield TrainingScored(tuned.step, chosen.scores, is_best=True), chosen

    # -- the end

    def _finish(self, best: _Candidate, before: Scores, last_step: int) -> TrainingDone:
        if best.step == 0:
            self._note("Nothing was better than the base model, so the result is the base model.")
        elif best.scores.mean_iou < before.mean_iou:
            self._note(
                "More held-out pixels are right than before, but rare classes lost: look at the "
                "scores of each class before you keep it."
            )
        self._check_cancelled()
        self._tunable.set_weights(best.weights)
        self._save()
        return TrainingDone(
            output_path=self._request.output_path,
            before=before,
            after=best.scores,
            best_step=best.step,
            num_steps_run=last_step,
            seconds=time.monotonic() - self._started,
            held_out_is_tiles=self._material.held_out_is_tiles,
            notes=tuple(self._notes),
        )

    def _save(self) -> None:
        """Writes the network; its own layers are those of the base, and so is their consent."""
        output = Path(self._request.output_path)
        save_network(self._tunable.release(), output, self._info.settings)
        if self._settings_dir is not None:
            store = TrustStore(self._settings_dir)
            store.inherit(self._info.sha256, file_sha256(output), model_name=output.name)

    def _seconds_left(self, step: int) -> float:
        # The first step traces the graph and tells nothing about the others.
        recent = self._step_seconds[1:][-20:] or self._step_seconds
        steps_left = self._settings.num_steps - step
        scorings_left = steps_left / self._settings.score_every + len(BLEND_STRENGTHS)
        return steps_left * sum(recent) / len(recent) + scorings_left * self._scoring_seconds

    def _note(self, sentence: str) -> None:
        self._notes.append(sentence)

    def _check_cancelled(self) -> None:
        if self._is_cancelled():
            raise CancelledError


def open_model(
    path: Path, settings: ModelSettings | None, *, settings_dir: Path | None = None
) -> tuple[keras.Model, ModelInfo]:
    """Opens a model file with the given settings, else those beside it, else guessed ones.

    Args:
        path: of the file.
        settings: how to use it.
        settings_dir: where the user's consents to Python files are kept; None knows none.
    """
    report = inspect_with_consent(path, settings_dir)
    if report.is_program:
        raise TrainingError(
            f"{path.name} is a program without layers: it predicts, and cannot be fine-tuned.",
            remedy="Load a network with layers (.keras, .h5), or train a new one.",
        )
    network = open_with_consent(report, settings_dir)
    return network, examine(network, report, settings=settings or load_settings(path))
