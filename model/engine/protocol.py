"""What crosses the border of the engine: frozen requests, results and events. Imports no Keras."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from model.data.label_sets import Color
from model.input_kinds import DEFAULT_PERCENTILES

if TYPE_CHECKING:
    import numpy.typing as npt

    from model.remembered_test import RememberedTest


class Scaling(str, Enum):
    """How 8-bit pixels become the network's input. The value is what settings files store."""

    RAW = "raw"  # 0..255 as they are: the network scales by itself
    UNIT = "unit"  # 0..1
    SIGNED = "signed"  # -1..1
    IMAGENET = "imagenet"  # 0..1, minus ImageNet mean, by ImageNet standard deviation
    CAFFE = "caffe"  # BGR minus ImageNet means, 0..255 scale (the Caffe models' convention)
    MEANS = "means"  # the same without turning to BGR, as keras-segmentation does it
    L2 = "l2"  # each image divided by its Euclidean norm, rows as samples as the seed project did
    STANDARD = "standard"  # per image: minus mean, by standard deviation
    PERCENTILES = "percentiles"  # per image and channel: two percentiles become 0 and 1


class Activation(str, Enum):
    """What the chosen output holds."""

    SOFTMAX = "softmax"  # probabilities that sum to 1 over the channels
    SIGMOID = "sigmoid"  # independent probabilities; one channel means background / foreground
    LOGITS = "logits"  # unbounded scores; one channel: foreground where > 0


class Fit(str, Enum):
    """How an image of any size meets the network's input size."""

    WHOLE = "whole"  # padded to the size multiple, tiled only when too large for memory
    RESIZE = "resize"  # resized to the input size; probabilities are resized back
    TILE = "tile"  # overlapping tiles of the input size at the image's own scale


@dataclass(frozen=True)
class ModelSettings:
    """What a model file does not say, worked out or corrected by the user; kept beside the model.

    Attributes:
        scaling: how pixels become input.
        channel_order: order of the colour channels the network was trained with.
        output_index: which of the network's outputs holds the classes.
        activation: what that output holds.
        fit: how images of other sizes are brought to the network.
        input_size: (height, width) used with ``RESIZE`` and ``TILE``; None with ``WHOLE``.
        class_names: one per class; may be "class 0", "class 1", ... when nothing is known.
        class_colors: one per class.
        excluded_classes: indices of classes that are never answered, e.g. a void that the network
            was trained with as a class; the others keep their index. Ascending.
        percentiles: the lower and the upper one, 0..100, for ``Scaling.PERCENTILES``.
    """

    scaling: Scaling
    channel_order: Literal["rgb", "bgr"]
    output_index: int
    activation: Activation
    fit: Fit
    input_size: tuple[int, int] | None
    class_names: tuple[str, ...]
    class_colors: tuple[Color, ...]
    excluded_classes: tuple[int, ...] = ()
    percentiles: tuple[float, float] = DEFAULT_PERCENTILES


@dataclass(frozen=True)
class OutputInfo:
    """One output of a network: name and shape (N, H, W, channels) with None where it is free."""

    name: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class ModelInfo:
    """What a model file turned out to be.

    Attributes:
        path: the file, absolute.
        sha256: hexadecimal digest of the file; names this network everywhere.
        file_format: ``"keras"`` or ``"hdf5"``.
        keras_version: of the writer, or an empty string when the file does not tell.
        num_parameters: weights in the network; 0 for a program, which hides them.
        input_shape: (H, W, channels), None where free; channels is 1 or 3, or one more
            for opacity.
        size_multiple: free input sides must be multiples of this many pixels; 1 when fixed.
        outputs: every output of the network.
        num_classes: classes the chosen output distinguishes (2 for one sigmoid channel).
        settings: worked out, or as the user corrected them.
        settings_are_guessed: False once they come from a settings file or from the user.
        notes: sentences about what was noticed, for the model dialog.
        test: what it answered to a known input when it was opened, to be kept with its settings.
        change: a sentence when that differs from what is kept with them; else empty. It is among
            the notes, too.
        is_program: it has no layers; it predicts, and cannot be fine-tuned.
    """

    path: str
    sha256: str
    file_format: str
    keras_version: str
    num_parameters: int
    input_shape: tuple[int | None, int | None, int]
    size_multiple: int
    outputs: tuple[OutputInfo, ...]
    num_classes: int
    settings: ModelSettings
    settings_are_guessed: bool
    notes: tuple[str, ...] = ()
    test: RememberedTest | None = None
    change: str = ""
    is_program: bool = False


@dataclass(frozen=True)
class DeviceInfo:
    """What the network runs on.

    Attributes:
        kind: ``"gpu"`` or ``"cpu"``.
        name: for people, e.g. ``"NVIDIA H100"`` or ``"CPU, 2 cores"``.
        backend: Keras backend with version, e.g. ``"tensorflow 2.21.0"``.
    """

    kind: Literal["cpu", "gpu"]
    name: str
    backend: str


@dataclass(frozen=True, eq=False)
class Prediction:
    """The network's answer for one image, at the image's own size. Arrays are read-only.

    Attributes:
        classes: (H, W) uint8 class indices.
        confidence: (H, W) uint8, probability of that class times 255, rounded.
        model_sha256: which network said so.
        seconds: time inside the network and its pre- and post-processing.
    """

    classes: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.uint8]
    model_sha256: str
    seconds: float


class CancelToken(Protocol):
    """Asked by long work at every tile, batch and file; ``threading.Event.is_set`` fits."""

    def __call__(self) -> bool:
        """Returns True once the work is no longer wanted."""
        ...


def never() -> bool:
    """The token of work that nobody takes back."""
    return False


class Engine(Protocol):
    """The network, wherever it lives. One thread at a time may call; every call blocks.

    Both hostings (child process, calling thread) pass the same contract tests.
    """

    @property
    def model(self) -> ModelInfo | None:
        """What is loaded, or None."""
        ...

    def device(self) -> DeviceInfo:
        """Starts the engine when it is not running, and names what it runs on."""
        ...

    def load(self, path: str, settings: ModelSettings | None = None) -> ModelInfo:
        """Opens a model file and makes it the one that predicts.

        Args:
            path: a ``.keras`` or ``.h5`` file.
            settings: overrides what the settings file beside it, or inspection, says.

        Raises:
            ModelFileError: no model, wrong rank, a classifier...; the previous model stays.
        """
        ...

    def predict(
        self, pixels: npt.NDArray[np.uint8], *, is_cancelled: CancelToken | None = None
    ) -> Prediction:
        """Predicts one image.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            is_cancelled: asked between tiles.

        Raises:
            EngineError: no model loaded, or the network failed on this image.
            EngineDiedError: the process ended; the next call starts it again, model included.
            CancelledError: ``is_cancelled`` said so.
        """
        ...

    def try_settings(
        self,
        pixels: npt.NDArray[np.uint8],
        settings: ModelSettings,
        *,
        is_cancelled: CancelToken | None = None,
    ) -> Prediction:
        """Predicts one image as if other settings were in force; those in force stay.

        The image is predicted as it is given. With ``Fit.RESIZE`` the caller may bring a large one
        to the input size before (`model.preprocessing.resize_pixels`): the network sees the same.
        With the other fits a smaller image is another question, since the network knows things at
        the size they had in training.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            settings: how to use the network this once.
            is_cancelled: asked between tiles.

        Raises:
            ModelFileError: ``settings`` do not fit the network.
            EngineError: no model loaded, or the network failed on this image.
            EngineDiedError: the process ended; the next call starts it again, model included.
            CancelledError: ``is_cancelled`` said so.
        """
        ...

    def close(self) -> None:
        """Ends the engine and waits for it. Safe to call twice."""
        ...


@dataclass(frozen=True)
class TrainingSample:
    """One image with trusted pixels.

    Attributes:
        image_path: the image file.
        mask_path: its mask PNG, class index per pixel, 255 = ignore.
        provenance_path: its provenance PNG (see ``seggui.core.records.Provenance``); None trusts
            every pixel that is not 255.
        is_held_out: True when the image is never trained on, only scored.
    """

    image_path: str
    mask_path: str
    provenance_path: str | None
    is_held_out: bool


@dataclass(frozen=True)
class TrainingSettings:
    """How to fine-tune. The defaults suit 1 to 50 corrected images on a laptop.

    Attributes:
        num_steps: optimizer steps at most.
        batch_size: crops per step.
        crop_size: height and width of a crop in pixels, rounded to what the network accepts;
            ignored when the network's input size is fixed.
        learning_rate: peak rate of AdamW.
        trainable: ``"all"`` layers, or the ``"decoder"`` only (all after the coarsest scale).
        keep_old_answers: weight of the old network's answer on pixels nobody touched, 0..1;
            guards against forgetting.
        score_every: steps between two scorings of the held-out images.
        patience: scorings without progress until training stops by itself.
        seed: of crops and augmentation.
    """

    num_steps: int = 150
    batch_size: int = 4
    crop_size: int = 256
    learning_rate: float = 3e-4
    trainable: Literal["all", "decoder"] = "all"
    keep_old_answers: float = 0.5
    score_every: int = 25
    patience: int = 4
    seed: int = 0


@dataclass(frozen=True)
class TrainingRequest:
    """One fine-tuning run.

    Attributes:
        base_path: the model that training starts from.
        base_settings: how to use it.
        current_path: the model in force, scored as "before"; often the base itself.
        samples: images with trusted pixels.
        output_path: where the best network is written (``.keras``).
        settings: how to train.
        settings_dir: where the user's consents to Python files are kept; None knows none.
    """

    base_path: str
    base_settings: ModelSettings
    current_path: str
    samples: tuple[TrainingSample, ...]
    output_path: str
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    settings_dir: str | None = None


@dataclass(frozen=True)
class Scores:
    """How well a network agrees with trusted pixels. One confusion matrix over all of them.

    Attributes:
        accuracy: share of pixels with the right class, 0..1.
        mean_iou: mean over the classes that occur in truth or prediction, 0..1.
        iou: per class, 0..1, None for a class that occurs in neither.
        num_pixels: trusted pixels of each class.
    """

    accuracy: float
    mean_iou: float
    iou: tuple[float | None, ...]
    num_pixels: tuple[int, ...]


@dataclass(frozen=True)
class TrainingPlan:
    """Sent first: what is about to happen.

    Attributes:
        num_train_images: images trained on.
        num_held_out_images: images only scored; 0 when tiles of the train images are held out.
        num_trusted_pixels: per class, over the train images.
        num_steps: at most.
        device: what it runs on.
        estimated_seconds: until the end, measured on this machine.
    """

    num_train_images: int
    num_held_out_images: int
    num_trusted_pixels: tuple[int, ...]
    num_steps: int
    device: DeviceInfo
    estimated_seconds: float


@dataclass(frozen=True)
class TrainingStep:
    """Sent after every optimizer step: 1-based ``step``, its ``loss``, and the time left."""

    step: int
    num_steps: int
    loss: float
    seconds_left: float


@dataclass(frozen=True)
class TrainingScored:
    """Sent after a scoring of the held-out pixels; step 0 is the untrained base."""

    step: int
    scores: Scores
    is_best: bool


@dataclass(frozen=True)
class TrainingDone:
    """Sent last: the best network is at ``output_path``, its settings file beside it.

    Attributes:
        output_path: the new model.
        before: the current model on the held-out pixels.
        after: the new model on the same pixels.
        best_step: optimizer step the new model was taken from; 0 means nothing beat the base.
        num_steps_run: steps really made.
        seconds: wall clock.
        held_out_is_tiles: True when no held-out image existed and tiles were held out instead.
        notes: sentences for the user, e.g. that nothing was better than the base.
    """

    output_path: str
    before: Scores
    after: Scores
    best_step: int
    num_steps_run: int
    seconds: float
    held_out_is_tiles: bool
    notes: tuple[str, ...] = ()


TrainingEvent = TrainingPlan | TrainingStep | TrainingScored | TrainingDone
