"""How to train a network from scratch: three tested recipes, and what can be changed. No Keras."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from model.engine.protocol import Scaling

Precision = Literal["auto", "float32"]
Architecture = Literal["compact", "plain", "seed"]
Optimizer = Literal["adam", "muon"]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training from scratch comes to, but the data.

    Attributes:
        name: what the command line calls it.
        architecture: ``"compact"`` is `model.unet.build_unet`, ``"plain"`` is
            `model.unet.build_plain_unet`, ``"seed"`` the seed's U-Net.
        widths, blocks, normalization, upsampling, decoder, dropout: shape of the compact network,
            see `model.unet.UNetConfig`; the plain one has no choice of blocks and decoder, the
            seed's has none at all.
        channels: 1 reads images as gray, 3 as colour.
        input_size: (height, width) that images are resized to; None trains on crops of the images
            at their own size, and the network takes any size.
        scaling: how pixels become input; saved with the network.
        trains_void: void is a class of its own, as the seed had it; else it is never counted.
        epochs: at most.
        batch_size: images or crops per step.
        learning_rate: peak rate.
        weight_decay: share of the rate by which weights shrink at each step, decoupled from their
            gradients (Loshchilov and Hutter, 2019); 0 for none.
        warmup_steps: over which the rate rises from nothing.
        schedule: the rate stays, or falls as (1 - t) ** 0.9 until the last step.
        weighs_classes: rare classes count more, by 1 / log(1.10 + share) (Paszke et al., ENet).
        label_smoothing: share of certainty that is spread over the other classes, 0..1.
        averaging: momentum of the running mean of the weights that is kept, 0 for none.
        crop_size: (height, width) of crops; only without ``input_size``.
        augments: random scale, mirroring, light and colours; half of the crops around a random
            class.
        monitor: what decides which epoch is kept, and when to stop.
        patience: epochs without progress until training stops by itself; 0 never stops.
        min_delta: smaller progress does not count against ``patience``.
        split: the share that is held out is cut out in blocks of neighbouring frames, or drawn
            image by image as the seed did (scikit-learn's ``train_test_split``).
        validation_share: held out of the training images where the dataset holds nothing out.
        seed: of the split, the weights, the order and the crops.
        precision: ``"auto"`` multiplies in bfloat16 where the processor has instructions for it;
            ``"float32"`` never does.
        score_every: epochs between two scorings on what is held out; the first and the last epoch
            are always scored.
        overlap_from: share of the run, 0..1, from which on the loss also counts how little answers
            and truth overlap in each class (`model.scratch_losses.LovaszSoftmax`); 1 never does,
            and neither does a recipe that trains void.
        mixed_share: share of crops, 0..1, that get some classes of another crop of their batch laid
            over them (`model.augmentation.with_classes_of`).
        optimizer: Adam, which is AdamW with ``weight_decay``, or `model.conv_muon.ConvMuon`.
    """

    name: str
    architecture: Architecture
    channels: Literal[1, 3]
    input_size: tuple[int, int] | None
    scaling: Scaling
    trains_void: bool
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warmup_steps: int
    schedule: Literal["constant", "poly"]
    weighs_classes: bool
    label_smoothing: float
    averaging: float
    crop_size: tuple[int, int]
    augments: bool
    monitor: Literal["val_accuracy", "val_mean_iou"]
    patience: int
    min_delta: float
    validation_share: float
    seed: int
    split: Literal["blocks", "drawn"] = "blocks"
    widths: tuple[int, ...] = (16, 48, 96, 128)
    blocks: tuple[int, ...] = (0, 2, 4, 2)
    normalization: Literal["batch", "group", "none"] = "batch"
    upsampling: Literal["bilinear", "nearest", "transposed"] = "bilinear"
    decoder: Literal["plain", "residual"] = "plain"
    dropout: float = 0.1
    precision: Precision = "auto"
    score_every: int = 1
    overlap_from: float = 1.0
    optimizer: Optimizer = "adam"
    mixed_share: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("epochs", 1, 1_000_000), ("batch_size", 1, 4096), ("learning_rate", 1e-9, 10.0),
            ("weight_decay", 0.0, 1.0), ("label_smoothing", 0.0, 0.9), ("averaging", 0.0, 0.99999),
            ("validation_share", 0.0, 0.9), ("patience", 0, 1_000_000), ("warmup_steps", 0, 10**9),
            ("score_every", 1, 1_000_000), ("overlap_from", 0.0, 1.0),
            ("mixed_share", 0.0, 1.0),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}; {low} to {high} was expected")


SEED = Recipe(
    name="seed", architecture="seed", channels=1, input_size=(416, 416), scaling=Scaling.L2,
    trains_void=True, epochs=100, batch_size=8, learning_rate=1e-3, weight_decay=0.0,
    warmup_steps=0, schedule="constant", weighs_classes=False, label_smoothing=0.0, averaging=0.0,
    crop_size=(416, 416), augments=False, monitor="val_accuracy", patience=5, min_delta=1e-4,
    validation_share=0.1, seed=14, split="drawn",
)  # fmt: skip
"""What the seed project did: gray, 416 x 416, L2-normalised images, void as twelfth class."""

DEFAULT = Recipe(
    name="default", architecture="compact", channels=3, input_size=None, scaling=Scaling.RAW,
    trains_void=False, epochs=500, batch_size=14, learning_rate=1e-2, weight_decay=1e-2,
    warmup_steps=100, schedule="poly", weighs_classes=True, label_smoothing=0.05, averaging=0.998,
    crop_size=(208, 288), augments=True, monitor="val_mean_iou", patience=0, min_delta=0.0,
    validation_share=0.1, seed=0, score_every=6, overlap_from=0.75,
    optimizer="muon", mixed_share=0.5,
)  # fmt: skip
"""A compact colour U-Net that a laptop trains in an hour or two."""

PLAIN = replace(
    DEFAULT, name="plain", architecture="plain", widths=(8, 16, 32, 64, 128), blocks=(),
    upsampling="transposed",
)  # fmt: skip
"""A U-Net as in the paper, as wide as its steps of training take as long as the default network's.

It is trained as the default one is: something to hold that one against, and a start for those who
want a U-Net of their own depth and widths. (Less than half of the multiply-adds: its first and last
scale have the size of the image, where more time goes into reading and writing. Widths that are no
multiples of 8 would double it.)
"""

RECIPES = {recipe.name: recipe for recipe in (DEFAULT, PLAIN, SEED)}


def without_effect(recipe: Recipe) -> tuple[str, ...]:
    """Names of the fields that a recipe's network has no choice of."""
    if recipe.architecture == "compact":
        return ()
    shape = ("widths", "normalization", "upsampling", "dropout", "crop_size")
    return ("blocks", "decoder", *(shape if recipe.architecture == "seed" else ()))
