"""Training from scratch: any dataset, a recipe, an event at a time. Imports Keras.

After every epoch the state of the run is on disk; an interrupted run goes on from there with the
batches that it would have had. What a network is kept for is decided on images that were held out.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from model.backend import device_info, is_out_of_memory
from model.batches import TrainingBatches, prefetched
from model.data.datasets.dataset import Dataset, DatasetItem
from model.data.datasets.opening import open_dataset
from model.data.datasets.split import split_dataset
from model.data.datasets.survey import DatasetSurvey, survey_dataset
from model.data.label_sets import LabelSet
from model.engine.protocol import (
    Activation,
    CancelToken,
    Fit,
    ModelInfo,
    ModelSettings,
    OutputInfo,
    Scores,
    TrainingDone,
    TrainingEvent,
    TrainingPlan,
    TrainingScored,
    TrainingStep,
)
from model.errors import CancelledError, StorageError, TrainingError
from model.metrics import ConfusionMatrix
from model.predictor import Predictor
from model.recipes import Recipe
from model.scratch_state import EpochRow, RunState, ScratchRequest, TrainingFolder
from model.training_schedule import learning_rate, progress
from model.tunable_network import save_network
from model.unet import UNetConfig, build_seed_unet, build_unet

NUM_WORKERS = 2
MAX_FINDINGS = 5
VOID_NAME, VOID_COLOR = "Void", (0, 0, 0)
_TINY = 1e-7


def _never() -> bool:
    return False


def train_from_scratch(
    request: ScratchRequest,
    *,
    is_cancelled: CancelToken = _never,
    is_stopped: CancelToken = _never,
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
        TrainingError: nothing to train on, no memory, no number.
        StorageError: the result cannot be written.
        CancelledError: ``is_cancelled`` said so.
    """
    keras.utils.set_random_seed(request.recipe.seed)
    yield from _ScratchRun(request, is_cancelled, is_stopped).events()


class _ScratchRun:
    """One run, from opening the dataset to the saved network."""

    def __init__(
        self, request: ScratchRequest, is_cancelled: CancelToken, is_stopped: CancelToken
    ) -> None:
        self._started = time.monotonic()
        self._request, self._recipe = request, request.recipe
        self._is_cancelled, self._is_stopped = is_cancelled, is_stopped
        self._notes: list[str] = []
        self._folder = TrainingFolder(Path(request.output_path))
        dataset = open_dataset(
            Path(request.dataset_path), layout=request.layout, label_set=request.label_set
        )
        self._dataset = dataset
        self._label_set: LabelSet = dataset.label_set
        survey = survey_dataset(dataset, is_cancelled=is_cancelled)
        self._note_findings(survey)
        self._train, self._validation = chosen_items(dataset, survey, request)
        self._class_pixels = pixels_of(dataset, survey, self._train)
        recipe = self._recipe
        self._settings = settings_for(recipe, self._label_set)
        self._network = build_network(recipe, len(self._label_set))
        self._averaged = build_network(recipe, len(self._label_set))
        multiple = 1
        if recipe.architecture == "compact":
            multiple = network_config(recipe, len(self._label_set)).size_multiple
        self._predictor = Predictor(
            self._averaged, _info(request.output_path, self._averaged, self._settings, multiple)
        )
        self._batch_size = recipe.batch_size
        self._waited = self._worked = 0.0
        self._step_seconds: list[float] = []
        self._scoring_seconds = 0.0
        self._state = RunState()
        self._best_weights: list[npt.NDArray[Any]] | None = None
        self._best_scores: Scores | None = None
        self._compile()

    # -- events

    def events(self) -> Iterator[TrainingEvent]:
        """Everything that happens, in order."""
        self._resume()
        batches = self._batches()
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
            scored, is_over = self._close_epoch(batches)
            yield scored
            is_over = is_over or self._is_stopped()
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
        for inputs, targets in prefetched(
            batches, state.epoch, num_workers=NUM_WORKERS, note_wait=self._note_wait
        ):
            if self._is_cancelled():
                raise CancelledError
            started = time.perf_counter()
            share = progress(state.step, num_steps, self._elapsed(), self._request.minutes)
            self._optimizer.learning_rate = learning_rate(self._recipe, state.step, share)
            self._network.reset_metrics()  # else Keras gives running means
            values = self._network.train_on_batch(inputs, targets, return_dict=True)
            loss = float(values["loss"])
            if not math.isfinite(loss):
                self._give_up_on_nan()
                return
            state.step += 1
            state.add(values)
            self._average()
            self._worked += time.perf_counter() - started
            self._step_seconds.append(time.perf_counter() - started)
            yield TrainingStep(state.step, num_steps, loss, self._seconds_left(num_steps))
            if self._is_stopped() or self._is_out_of_time():
                return

    def _close_epoch(self, batches: TrainingBatches) -> tuple[TrainingScored, bool]:
        """Scores, remembers, logs; tells whether the run is over."""
        state, recipe = self._state, self._recipe
        started = time.monotonic()
        scores, row = self._score()
        self._scoring_seconds = time.monotonic() - started
        state.epoch += 1
        value = row[recipe.monitor] if self._validation else -row["loss"]
        is_best = not state.is_broken and (value > state.best_value or not self._validation)
        if is_best:  # without held-out images the last network is kept
            state.best_value, state.best_step = value, state.step
            self._best_weights, self._best_scores = self._averaged.get_weights(), scores
        state.num_without_progress += 1
        if value > state.stopping_value + recipe.min_delta:
            state.stopping_value, state.num_without_progress = value, 0
        state.elapsed = self._elapsed()
        self._log(EpochRow(state.epoch, state.step, state.elapsed, row))
        if not state.is_broken:
            self._save_state()
        is_over = state.is_broken or self._is_out_of_time()
        if recipe.patience and state.num_without_progress >= recipe.patience:
            self._note(f"Stopped after epoch {state.epoch}: no progress any more.")
            is_over = True
        return TrainingScored(state.step, scores, is_best), is_over

    def _finish(self) -> TrainingDone:
        if self._best_weights is None or self._best_scores is None:
            raise TrainingError(
                "The training ended before one epoch was complete, so there is no network.",
                remedy="Start it again and let it run longer; it goes on where it is with --resume."
            )  # fmt: skip
        share = self._waited / max(1e-9, self._waited + self._worked)
        self._note(f"Waiting for data took {share:.1%} of the training time.")
        self._averaged.set_weights(self._best_weights)
        save_network(self._averaged, Path(self._request.output_path), self._settings)
        if not self._is_stopped():
            self._folder.remove_state()
        return TrainingDone(
            output_path=self._request.output_path, before=_nothing(len(self._label_set)),
            after=self._best_scores, best_step=self._state.best_step,
            num_steps_run=self._state.step, seconds=self._elapsed(),
            held_out_is_tiles=False, notes=tuple(self._notes),
        )  # fmt: skip

    # -- scoring

    def _score(self) -> tuple[Scores, dict[str, float]]:
        """Scores of the averaged network on what is held out, and the row of the log."""
        row = self._state.means()
        if not self._recipe.averaging:
            self._averaged.set_weights(self._network.get_weights())
        if not self._validation:
            return _nothing(len(self._label_set)), row
        if self._recipe.input_size is not None:
            scores, values = self._score_batches()
            row |= values
        else:
            scores = self._score_images()
            row["val_accuracy"] = scores.accuracy
        row["val_mean_iou"] = scores.mean_iou
        return scores, row

    def _score_images(self) -> Scores:
        confusion = ConfusionMatrix(len(self._label_set))
        for item in self._validation:
            self._check_cancelled()
            pixels = self._dataset.read_image(item)
            predicted = self._predictor.predict(pixels, self._is_cancelled).classes
            confusion.add(self._dataset.read_mask(item), predicted)
        return confusion.scores()

    def _score_batches(self) -> tuple[Scores, dict[str, float]]:
        """As Keras validates: at the network's size, void counted where it is a class."""
        num_classes = len(self._label_set)
        confusion = ConfusionMatrix(num_classes + self._recipe.trains_void)
        batches = self._batches(self._validation, is_shuffled=False)
        loss_sum, num_right, num_all = 0.0, 0, 0
        for index in range(len(batches)):
            self._check_cancelled()
            inputs, targets = batches[index]
            answer = np.asarray(keras.ops.convert_to_numpy(self._averaged.predict_on_batch(inputs)))
            if not self._recipe.trains_void:
                raise RuntimeError("only recipes that train void validate on batches")
            truth = targets.argmax(axis=-1).astype(np.uint8)
            predicted = answer.argmax(axis=-1).astype(np.uint8)
            confusion.add(
                truth.reshape(-1, truth.shape[-1]), predicted.reshape(-1, predicted.shape[-1])
            )
            chosen = np.take_along_axis(answer, truth[..., None].astype(np.intp), axis=-1)
            loss_sum += float(-np.log(np.maximum(chosen, _TINY)).mean()) * len(inputs)
            num_right += int((truth == predicted).sum())
            num_all += truth.size
        values = {"val_loss": loss_sum / len(self._validation), "val_accuracy": num_right / num_all}
        return _without_void(confusion, num_classes), values

    # -- preparation

    def _compile(self) -> None:
        recipe = self._recipe
        rate = learning_rate(recipe, 0, 0.0)
        if recipe.weight_decay:
            optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
            optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
        else:
            optimizer = keras.optimizers.Adam(rate)
        self._optimizer = optimizer
        if recipe.trains_void:
            self._network.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
        else:
            weights = class_weights(self._class_pixels) if recipe.weighs_classes else None
            loss = LabelledCrossentropy(len(self._label_set), recipe.label_smoothing, weights)
            self._network.compile(optimizer, loss, metrics=[LabelledAccuracy(name="accuracy")])
        # Built before the first step, or TensorFlow traces the step a second time.
        optimizer.build(self._network.trainable_variables)
        self._averaged.set_weights(self._network.get_weights())

    def _batches(
        self, items: tuple[DatasetItem, ...] | None = None, *, is_shuffled: bool = True
    ) -> TrainingBatches:
        return TrainingBatches(
            self._dataset, self._train if items is None else items, self._recipe, self._settings,
            num_classes=len(self._label_set), batch_size=self._batch_size, is_shuffled=is_shuffled,
        )  # fmt: skip

    def _average(self) -> None:
        momentum, step = self._recipe.averaging, self._state.step
        if not momentum:
            return
        # Young averages forget faster, or the random start would stay in them for long.
        momentum = min(momentum, (1 + step) / (10 + step))
        pairs = zip(self._averaged.get_weights(), self._network.get_weights(), strict=True)
        self._averaged.set_weights([momentum * old + (1 - momentum) * new for old, new in pairs])

    def _note_findings(self, survey: DatasetSurvey) -> None:
        """What is wrong with the data is said with the result, not only by ``seggui dataset``."""
        grave = [f for f in survey.findings if f.severity != "note"]
        for finding in grave[:MAX_FINDINGS]:
            self._note(f"{finding.message} {finding.remedy}".strip())
        if len(grave) > MAX_FINDINGS:
            self._note(f"{len(grave) - MAX_FINDINGS} more findings: see `seggui dataset`.")

    # -- state on disk

    def _resume(self) -> None:
        if not self._request.resumes:
            self._folder.start_log()
            return
        loaded = self._folder.load(self._recipe)
        self._state = loaded.state
        self._averaged.set_weights(loaded.averaged)
        variables = (*self._network.variables, *self._optimizer.variables)
        for variable, value in zip(variables, loaded.weights + loaded.optimizer, strict=True):
            variable.assign(value)
        self._best_weights, self._best_scores = loaded.best_weights, loaded.best_scores
        self._started = time.monotonic() - self._state.elapsed
        self._batch_size = self._state.batch_size or self._batch_size
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

    def _log(self, row: EpochRow) -> None:
        try:
            self._folder.log(row)
        except StorageError as error:
            self._note(f"The log has no line for epoch {row.epoch}: {error}")

    # -- trouble and time

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
        self._note(
            f"The loss was not a number any more in epoch {self._state.epoch + 1}; the best "
            "network before that is kept. Choose a smaller learning rate to go further."
        )

    def _note_wait(self, seconds: float) -> None:
        self._waited += seconds

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _is_out_of_time(self) -> bool:
        minutes = self._request.minutes
        return minutes is not None and self._elapsed() >= 60 * minutes

    def _seconds_left(self, num_steps: int) -> float:
        recent = self._step_seconds[1:][-20:] or self._step_seconds
        steps_left = num_steps - self._state.step
        epochs_left = self._recipe.epochs - self._state.epoch
        left = steps_left * sum(recent) / len(recent) + epochs_left * self._scoring_seconds
        if self._request.minutes is not None:
            left = min(left, max(0.0, 60 * self._request.minutes - self._elapsed()))
        return left

    def _estimate(self, batches: TrainingBatches) -> float:
        """Seconds of the whole run, from one step that is taken back."""
        weights = self._network.get_weights()
        inputs, targets = batches[0]
        seconds = []
        for _ in range(2):  # the first one traces
            started = time.monotonic()
            self._network.test_on_batch(inputs, targets)
            seconds.append(time.monotonic() - started)
        self._network.set_weights(weights)
        per_step = 3.0 * seconds[-1]  # a backward pass costs twice a forward pass
        total = per_step * len(batches) * (self._recipe.epochs - self._state.epoch)
        return total if self._request.minutes is None else min(total, 60 * self._request.minutes)

    def _note(self, sentence: str) -> None:
        self._notes.append(sentence)

    def _check_cancelled(self) -> None:
        if self._is_cancelled():
            raise CancelledError


class LabelledCrossentropy(keras.losses.Loss):
    """Cross-entropy over class indices where 255 never counts; classes may weigh differently.

    The mean is over what counts, so that an image that is mostly void teaches as much as others.
    """

    def __init__(
        self,
        num_classes: int,
        label_smoothing: float = 0.0,
        weights: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """Weights are one per class, or None for 1."""
        super().__init__(name="labelled_crossentropy", reduction=None)
        self._num_classes, self._smoothing = num_classes, label_smoothing
        self._weights = np.ones(num_classes, np.float32) if weights is None else weights

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Indices (N, H, W) and probabilities (N, H, W, C) to one number."""
        ops = keras.ops
        truth = ops.one_hot(ops.cast(y_true, "int32"), self._num_classes, dtype="float32")
        weight = ops.matmul(truth, ops.convert_to_tensor(self._weights))  # 0 where it is 255
        if self._smoothing:
            truth = truth * (1 - self._smoothing) + self._smoothing / self._num_classes
        loss = -ops.sum(truth * ops.log(ops.maximum(y_pred, _TINY)), axis=-1)
        return ops.sum(loss * weight) / ops.maximum(ops.sum(weight), 1.0)


class LabelledAccuracy(keras.metrics.Metric):
    """Share of right pixels among those that are not 255."""

    def __init__(self, name: str = "accuracy") -> None:
        super().__init__(name=name)
        self._num_right = self.add_weight(name="right", initializer="zeros")
        self._num_all = self.add_weight(name="all", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch."""
        ops = keras.ops
        truth = ops.cast(y_true, "int32")
        counts = ops.cast(truth != 255, "float32")
        is_right = ops.cast(ops.cast(ops.argmax(y_pred, axis=-1), "int32") == truth, "float32")
        self._num_right.assign_add(ops.sum(is_right * counts))
        self._num_all.assign_add(ops.sum(counts))

    def result(self) -> Any:
        """Share, 0 without any pixel."""
        return self._num_right / keras.ops.maximum(self._num_all, 1.0)


def chosen_items(
    dataset: Dataset, survey: DatasetSurvey, request: ScratchRequest
) -> tuple[tuple[DatasetItem, ...], tuple[DatasetItem, ...]]:
    """What is trained on and what is held out, of what can be used.

    Raises:
        TrainingError: nothing to train on, or nothing held out where the recipe needs it.
    """
    recipe = request.recipe
    items = tuple(i for i in survey.usable if not request.groups or i.group in request.groups)
    if not items and not request.groups:
        grave = next((f for f in survey.findings if f.severity == "error"), None)
        raise TrainingError(
            f"No image of {dataset.folder} can be trained on. {grave.message if grave else ''}",
            remedy=grave.remedy if grave else "Add masks with classes.",
        )
    if not items:
        groups = sorted({item.group for item in dataset.items})
        raise TrainingError(
            f"No image of {dataset.folder} belongs to {', '.join(request.groups)}.",
            remedy=f"Choose among: {', '.join(groups[:20])}.",
        )
    if request.holds_out == "nothing":
        train = tuple(i for i in items if i.split != "test")
        validation: tuple[DatasetItem, ...] = ()
    else:
        if request.holds_out == "share":  # what the dataset holds out is left alone
            items = tuple(
                dataclasses.replace(i, split=None) for i in items if i.split in (None, "train")
            )
        if recipe.split == "drawn":
            return drawn_split(items, recipe)
        part = dataclasses.replace(dataset, items=items)
        rows = _rows(dataset, survey, items)
        split = split_dataset(
            part, seed=recipe.seed, validation_share=recipe.validation_share, test_share=0.0,
            survey=dataclasses.replace(survey, usable=items, pixels_per_item=rows),
        )  # fmt: skip
        train, validation = split.train, split.validation
    if not train:
        raise TrainingError(
            f"{dataset.folder} has no images to train on.",
            remedy="A dataset needs images with masks; `seggui dataset` says what was found.",
        )
    if not validation and recipe.patience:
        raise TrainingError(
            f"Nothing of {dataset.folder} is held out, but the recipe {recipe.name!r} stops by it.",
            remedy="Hold something out, or give --patience 0.",
        )
    return train, validation


def drawn_split(
    items: tuple[DatasetItem, ...], recipe: Recipe
) -> tuple[tuple[DatasetItem, ...], tuple[DatasetItem, ...]]:
    """Train and validation as ``sklearn.model_selection.train_test_split`` draws them.

    Only of images that the dataset does not hold out itself.
    """
    pool = [item for item in items if item.split in (None, "train")]
    order = np.random.RandomState(recipe.seed).permutation(len(pool))
    num_held_out = math.ceil(recipe.validation_share * len(pool))
    held_out, train = order[:num_held_out], order[num_held_out:]
    return tuple(pool[i] for i in train), tuple(pool[i] for i in held_out)


def settings_for(recipe: Recipe, label_set: LabelSet) -> ModelSettings:
    """How the trained network is to be used; saved beside it."""
    names = tuple(c.name for c in label_set.classes)
    colors = tuple(c.color for c in label_set.classes)
    if recipe.trains_void:
        names, colors = (*names, VOID_NAME), (*colors, VOID_COLOR)
    fit = Fit.WHOLE if recipe.input_size is None else Fit.RESIZE
    return ModelSettings(
        recipe.scaling, "rgb", 0, Activation.SOFTMAX, fit, recipe.input_size, names, colors,
        # Void is learnt where the recipe says so, but it is no answer that anybody could use.
        excluded_classes=(len(label_set),) if recipe.trains_void else (),
    )  # fmt: skip


def build_network(recipe: Recipe, num_classes: int) -> keras.Model:
    """The untrained network of a recipe."""
    if recipe.architecture == "seed":
        return build_seed_unet(
            recipe.input_size or (416, 416), channels=recipe.channels,
            num_classes=num_classes + recipe.trains_void,
        )  # fmt: skip
    return build_unet(network_config(recipe, num_classes), name="unet")


def network_config(recipe: Recipe, num_classes: int) -> UNetConfig:
    """The shape of a recipe's compact network.

    Raises:
        TrainingError: sizes that do not go together.
    """
    try:
        return UNetConfig(
            max(2, num_classes + recipe.trains_void), channels=recipe.channels,
            widths=recipe.widths, blocks=recipe.blocks, normalization=recipe.normalization,
            upsampling=recipe.upsampling, decoder=recipe.decoder, dropout=recipe.dropout,
            input_size=recipe.input_size,
        )  # fmt: skip
    except ValueError as error:
        raise TrainingError(f"{error}.", remedy="Choose another shape of the network.") from error


def pixels_of(
    dataset: Dataset, survey: DatasetSurvey, items: tuple[DatasetItem, ...]
) -> npt.NDArray[np.int64]:
    """Pixels of each class in some items.

    Raises:
        TrainingError: fewer than two classes occur, so there is nothing to tell apart.
    """
    counts: npt.NDArray[np.int64] = _rows(dataset, survey, items)[:, :-1].sum(axis=0)
    if (counts > 0).sum() < 2:
        found = [c.name for c, n in zip(dataset.label_set.classes, counts, strict=True) if n]
        raise TrainingError(
            f"The training images hold {' and '.join(found) or 'no class'} only; a network needs "
            "two classes to tell apart.",
            remedy="Add images of other classes, or mark the background as a class of its own.",
        )
    return counts


def _rows(
    dataset: Dataset, survey: DatasetSurvey, items: tuple[DatasetItem, ...]
) -> npt.NDArray[np.int64]:
    """The survey's counts of some items, in their order."""
    places = {item.key: place for place, item in enumerate(dataset.items)}
    rows: npt.NDArray[np.int64] = survey.pixels_per_item[[places[item.key] for item in items]]
    return rows


def class_weights(class_pixels: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """1 / log(1.10 + share of the class), scaled so that a mean pixel weighs 1.

    Source: Paszke et al., "ENet", 2016, with 1.10 for their 1.02: milder.
    """
    shares = class_pixels / max(1, int(class_pixels.sum()))
    weights = 1.0 / np.log(1.10 + shares)
    result: npt.NDArray[np.float32] = (weights / (weights * shares).sum()).astype(np.float32)
    return result


def _info(
    path: str, network: keras.Model, settings: ModelSettings, size_multiple: int
) -> ModelInfo:
    shape = tuple(network.outputs[0].shape)
    height, width, channels = network.inputs[0].shape[1:]
    return ModelInfo(
        path, "", "keras", keras.__version__, network.count_params(), (height, width, channels),
        size_multiple,
        (OutputInfo(network.output_names[0], shape),), int(shape[-1]), settings,
        settings_are_guessed=False,
    )  # fmt: skip


def _nothing(num_classes: int) -> Scores:
    return Scores(0.0, 0.0, (None,) * num_classes, (0,) * num_classes)


def _without_void(confusion: ConfusionMatrix, num_classes: int) -> Scores:
    """Scores over the pixels whose truth is a class; a prediction of void there is an error."""
    counts = confusion.counts.copy()
    counts[num_classes:] = 0
    kept = ConfusionMatrix(confusion.num_classes)
    kept.counts = counts
    scores = kept.scores()
    iou = scores.iou[:num_classes]
    known = [value for value in iou if value is not None]
    return dataclasses.replace(
        scores, iou=iou, num_pixels=scores.num_pixels[:num_classes],
        mean_iou=float(np.mean(known)) if known else 0.0,
    )  # fmt: skip
