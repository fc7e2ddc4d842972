"""The network of a recipe, and what is to be known about it. Imports Keras."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt

from model.conv_muon import ConvMuon
from model.data.label_sets import LabelSet
from model.engine.protocol import Activation, Fit, ModelInfo, ModelSettings, OutputInfo
from model.errors import TrainingError
from model.recipes import Recipe
from model.scratch_losses import (
    ACCURACY_STRIDE,
    CrossentropyWithOverlap,
    LabelledAccuracy,
    LabelledCrossentropy,
    LovaszSoftmax,
    class_weights,
)
from model.training_schedule import learning_rate
from model.unet import UNetConfig, build_plain_unet, build_seed_unet, build_unet

STEM_STRIDES = {"compact": 2, "plain": 1}
"""By how much the first convolution of a network makes the image smaller."""

CROSS_ENTROPY = "cross_entropy"

VOID_NAME, VOID_COLOR = "Void", (0, 0, 0)


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
    config = network_config(recipe, num_classes)
    return build_plain_unet(config) if recipe.architecture == "plain" else build_unet(config)


def network_config(recipe: Recipe, num_classes: int) -> UNetConfig:
    """The shape of a recipe's compact or plain network.

    Raises:
        TrainingError: sizes that do not go together.
    """
    blocks = (0,) * len(recipe.widths) if recipe.architecture == "plain" else recipe.blocks
    try:
        return UNetConfig(
            max(2, num_classes + recipe.trains_void), channels=recipe.channels,
            widths=recipe.widths, blocks=blocks, normalization=recipe.normalization,
            upsampling=recipe.upsampling, decoder=recipe.decoder, dropout=recipe.dropout,
            input_size=recipe.input_size, stem_stride=STEM_STRIDES[recipe.architecture],
        )  # fmt: skip
    except ValueError as error:
        raise TrainingError(f"{error}.", remedy="Choose another shape of the network.") from error


def learner_of(network: keras.Model, recipe: Recipe) -> tuple[keras.Model, int]:
    """The part of a network that has to run for a step of training.

    The compact network answers at half the size of the image and enlarges the answer. Enlarging,
    softmax and loss at the full size took a third of a step and teach nothing that the answer at
    half the size, held against the pixels it stands for, does not.

    Returns:
        A model that shares all variables with the network, and how many pixels of the image (in
        rows, and in columns) one place of its answer stands for. The answers are scores before
        the softmax where `learns_from_logits`, else the network's own.
    """
    if not learns_from_logits(recipe):
        return network, 1
    logits = network.get_layer("logits").output
    # One input and no list of one: that is how batches are handed to it.
    return keras.Model(network.inputs[0], logits, name="learner"), STEM_STRIDES[recipe.architecture]


def learns_from_logits(recipe: Recipe) -> bool:
    """Whether the loss sees scores before the softmax."""
    return recipe.architecture != "seed" and not recipe.trains_void


def compile_learner(
    network: keras.Model, recipe: Recipe, class_pixels: npt.NDArray[np.int64]
) -> keras.optimizers.Optimizer:
    """Gives what is trained the loss, metric and optimizer of a recipe.

    Args:
        network: of `learner_of`; is compiled in place.
        recipe: how to train.
        class_pixels: (C,) pixels of each class in the training images.
    """
    optimizer = _optimizer(recipe)
    if recipe.trains_void:
        network.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    else:
        loss = _cross_entropy(recipe, class_pixels)
        network.compile(optimizer, loss, metrics=[LabelledAccuracy(stride=ACCURACY_STRIDE)])
    # Built before the first step, or TensorFlow traces the step a second time.
    optimizer.build(network.trainable_variables)
    return optimizer


def _optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    rate, decay = learning_rate(recipe, 0, 0.0), recipe.weight_decay
    if recipe.optimizer == "muon":
        optimizer: keras.optimizers.Optimizer = ConvMuon(rate, weight_decay=decay)
    elif decay:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=decay)
    else:
        return keras.optimizers.Adam(rate)
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    return optimizer


def learns_overlap(recipe: Recipe) -> bool:
    """Whether the loss of a recipe counts overlap at any time."""
    return recipe.overlap_from < 1.0 and not recipe.trains_void


def add_overlap(learner: keras.Model, recipe: Recipe, class_pixels: npt.NDArray[np.int64]) -> None:
    """From now on the loss counts overlap, too; optimizer and its state stay.

    Args:
        learner: of `compile_learner`, of a recipe that `learns_overlap`. It tells the cross-entropy
            as `CROSS_ENTROPY` beside its loss, which is the number that goes on from before.
        recipe: how to train.
        class_pixels: (C,) pixels of each class in the training images.
    """
    cross_entropy = _cross_entropy(recipe, class_pixels)
    overlap = LovaszSoftmax(len(class_pixels), from_logits=learns_from_logits(recipe))
    learner.compile(
        learner.optimizer, CrossentropyWithOverlap(cross_entropy, overlap),
        metrics=[
            LabelledAccuracy(stride=ACCURACY_STRIDE),
            keras.metrics.MeanMetricWrapper(cross_entropy.call, name=CROSS_ENTROPY),
        ],
    )  # fmt: skip


def _cross_entropy(recipe: Recipe, class_pixels: npt.NDArray[np.int64]) -> LabelledCrossentropy:
    weights = class_weights(class_pixels) if recipe.weighs_classes else None
    return LabelledCrossentropy(
        len(class_pixels), recipe.label_smoothing, weights, from_logits=learns_from_logits(recipe)
    )


def network_info(
    path: str, network: keras.Model, recipe: Recipe, settings: ModelSettings
) -> ModelInfo:
    """What the predictor needs to know of a network that is still in training."""
    num_classes = len(settings.class_names) - recipe.trains_void
    is_free = recipe.architecture != "seed"
    shape = tuple(network.outputs[0].shape)
    height, width, channels = network.inputs[0].shape[1:]
    return ModelInfo(
        path, "", "keras", keras.__version__, network.count_params(), (height, width, channels),
        network_config(recipe, num_classes).size_multiple if is_free else 1,
        (OutputInfo(network.output_names[0], shape),), int(shape[-1]), settings,
        settings_are_guessed=False,
    )  # fmt: skip
