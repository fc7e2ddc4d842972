"""A Keras network prepared for fine-tuning: what may change, how fast, and how to get it back.

Imports Keras; only the engine and the training commands use this module.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from model.digest import file_sha256
from model.engine.protocol import ModelSettings
from model.engine.training import part_path
from model.errors import StorageError
from model.model_settings import save_settings
from model.remembered_test import RememberedTest
from model.trials import answer_to_keep

_log = logging.getLogger(__name__)

Weights = tuple[npt.NDArray[Any], ...]
"""Values of the trainable variables, in the order of the network; read-only copies."""

EMA_MOMENTUM = 0.97
"""Averages over the last 30 steps or so; single steps on four crops wander."""

ENCODER_RATE = 0.3
"""Share of the learning rate that everything up to the coarsest scale gets."""

WEIGHT_DECAY = 1e-4
CLIP_NORM = 1.0


class TunableNetwork:
    """Wraps a network for training steps on one of its outputs.

    Batch normalisation stays in inference mode with its weights fixed: the statistics of a few
    crops would replace those of the data set the network was trained on. The wrapped network itself
    is never compiled, and :meth:`release` gives its layers their ``trainable`` flags back, so that
    the saved file differs from the base in weights only.

    Attributes:
        encoder: names of the layers up to the coarsest scale, for inspection.
    """

    def __init__(
        self, network: keras.Model, *, output_index: int, trainable: Literal["all", "decoder"]
    ) -> None:
        self._network = network
        # A second model on the same layers: training must not depend on how many outputs exist.
        # One input and no list of one: that is how batches are handed to it.
        self._trained = keras.Model(network.inputs[0], network.outputs[output_index])
        leaves = list(_leaf_layers(network))
        self._flags = [(layer, layer.trainable) for layer in leaves]
        encoder = encoder_layers(self._trained)
        self.encoder = tuple(layer.name for layer in encoder)
        frozen_encoder = {id(layer) for layer in encoder} if trainable == "decoder" else set()
        for layer in leaves:
            is_fixed = isinstance(layer, keras.layers.BatchNormalization)
            layer.trainable = not is_fixed and id(layer) not in frozen_encoder
        self._slow = {v.path for layer in encoder for v in layer.trainable_variables}

    def prepare(self, loss: Callable[[Any, Any], Any], learning_rate: float) -> None:
        """Compiles for training; must be called before :meth:`step`."""
        optimizer = _LayeredAdamW(
            self._slow,
            learning_rate=learning_rate,
            weight_decay=WEIGHT_DECAY,
            global_clipnorm=CLIP_NORM,
            use_ema=True,
            ema_momentum=EMA_MOMENTUM,
        )
        # Variables made inside the first step would make TensorFlow trace it a second time.
        optimizer.build(self._trained.trainable_variables)
        # XLA would compile for minutes on a CPU what then runs for two.
        self._trained.compile(optimizer, loss, jit_compile=False)

    @property
    def num_trainable(self) -> int:
        """Number of trainable weights."""
        return sum(int(np.prod(v.shape)) for v in self._trained.trainable_variables)

    def step(
        self,
        inputs: npt.NDArray[np.float32],
        target: npt.NDArray[np.float32],
        *,
        learning_rate: float,
    ) -> float:
        """Makes one optimizer step and returns the loss before it."""
        self._trained.optimizer.learning_rate = learning_rate
        return float(self._trained.train_on_batch(inputs, target))

    def answer(self, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The output for (N, H, W, channels) inputs, in inference mode."""
        return np.asarray(self._trained.predict_on_batch(inputs), np.float32)

    def weights(self) -> Weights:
        """Copies of the trainable weights as they are now."""
        values = tuple(
            np.array(ops.convert_to_numpy(v.value)) for v in self._trained.trainable_variables
        )
        for value in values:
            value.setflags(write=False)
        return values

    def averaged_weights(self) -> Weights:
        """The running average of the weights over the last steps; the network keeps its own."""
        current = self.weights()
        self._trained.optimizer.finalize_variable_values(self._trained.trainable_variables)
        average = self.weights()
        self.set_weights(current)
        return average

    def set_weights(self, weights: Weights) -> None:
        """Puts weights from :meth:`weights` back."""
        for variable, value in zip(self._trained.trainable_variables, weights, strict=True):
            variable.assign(value)

    def is_finite(self) -> bool:
        """True while no trainable weight is NaN or infinite."""
        # One addition per variable on the device; copying all weights would cost more than a step.
        return all(
            bool(np.isfinite(ops.convert_to_numpy(ops.sum(v.value))))
            for v in self._trained.trainable_variables
        )

    def release(self) -> keras.Model:
        """The wrapped network with the current weights and its own ``trainable`` flags."""
        for layer, is_trainable in self._flags:
            layer.trainable = is_trainable
        return self._network


def blend(base: Weights, tuned: Weights, strength: float) -> Weights:
    """base + strength * (tuned - base), for each weight (WiSE-FT, Wortsman et al., 2022)."""
    return tuple(
        np.asarray(b + (t - b) * np.asarray(strength, b.dtype))
        for b, t in zip(base, tuned, strict=True)
    )


def save_network(network: keras.Model, path: Path, settings: ModelSettings) -> None:
    """Writes a network and its settings file, complete or not at all.

    Args:
        network: what to save; never compiled, so no training state goes into the file.
        path: a ``.keras`` file; an old one is replaced.
        settings: how to use the network.

    Raises:
        StorageError: it could not be written.
    """
    part = part_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        network.save(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        # The settings carry the digest of the new file, so they are written before it is in force.
        save_settings(path, settings, sha256=file_sha256(part), test=_test_of(network, settings))
        os.replace(part, path)
    except OSError as error:
        raise StorageError(
            f"The model could not be written to {path}: {error.strerror or error}.",
            remedy="Free some space or check the permissions of the folder, then train again.",
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _test_of(network: keras.Model, settings: ModelSettings) -> RememberedTest | None:
    try:
        return answer_to_keep(network, settings)
    except Exception:  # noqa: BLE001 - hours of training are saved, also without the small test
        _log.warning("no test is kept with %s", network.name, exc_info=True)
        return None


def encoder_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """The layers up to the end of the coarsest scale: all that its last layer depends on.

    A network without a coarser scale has no encoder in this sense. Pooled vectors of 1 x 1 pixels
    (squeeze-and-excitation, image-level context) are no scale.
    """
    sides = _output_sides(network)
    if not sides or min(s for _, s in sides) == max(s for _, s in sides):
        return []
    coarsest = min(side for _, side in sides)
    last = [tensor for tensor, side in sides if side == coarsest][-1]
    inside = keras.Model(network.inputs, last)
    return [leaf for layer in inside.layers for leaf in _leaf_layers_of(layer)]


def _output_sides(network: keras.Model) -> list[tuple[Any, int]]:
    """(tensor, height of it for a probe image) of each layer with a picture-like output."""
    # Not layer.output: that of a nested model is the one inside, which this graph does not reach.
    found = [layer._inbound_nodes[-1].outputs for layer in network.layers if layer._inbound_nodes]
    tensors = [outputs[0] for outputs in found if len(outputs) == 1 and len(outputs[0].shape) == 4]
    if not tensors:
        return []
    probe = tuple(1 if i == 0 else side or 256 for i, side in enumerate(network.inputs[0].shape))
    shapes = keras.Model(network.inputs, tensors).compute_output_shape(probe)
    sides = [(t, int(s[1])) for t, s in zip(tensors, shapes, strict=True) if s[1]]
    return [(tensor, side) for tensor, side in sides if side > 1]


def _leaf_layers(network: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in network.layers:
        yield from _leaf_layers_of(layer)


def _leaf_layers_of(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    if isinstance(layer, keras.Model):
        yield from _leaf_layers(layer)
    else:
        yield layer
        # After it, since its flag goes to those inside: somebody's own layer may hold a
        # normalisation, which must stay fixed as any other.
        for inner in layer._layers:
            yield from _leaf_layers_of(inner)


class _LayeredAdamW(keras.optimizers.AdamW):
    """AdamW that moves some variables more slowly than the others."""

    def __init__(self, slow: set[str], **options: Any) -> None:
        super().__init__(name="layered_adamw", **options)  # a scope may not begin with "_"
        self._slow = slow

    def build(self, variables: list[Any]) -> None:
        super().build(variables)
        self._rates = [ENCODER_RATE if v.path in self._slow else 1.0 for v in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        # Scaling the gradient instead would do nothing: Adam divides it by its own size.
        factor = self._rates[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)
