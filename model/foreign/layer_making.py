"""One layer of today's Keras from one that is listed, or from the user's Python file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
from keras.src.backend import compute_output_spec
from keras.src.utils.python_utils import is_default

from model.errors import ModelFileError, OwnLayersError
from model.foreign.contents import is_unknown, unknown_activations
from model.foreign.equivalents import EQUIVALENTS, OUR_FUNCTIONS
from model.foreign.graph import LayerSpec
from model.foreign.layout import Layout, calculates_turned, turned_options
from model.foreign.options import options_of
from model.foreign.own_layers import OwnLayers
from model.foreign.parser_errors import reason_of
from model.foreign.public_layers import as_listed
from model.foreign.vocabulary import LAYERS, OUR_LAYERS, WRAPPERS, current_name
from model.foreign.writer import Writer

REMEDY = "Save it with a current Keras, or report it to the developers of this program."


@dataclass(frozen=True)
class Plan:
    """What is known of a file before its layers are made.

    Attributes:
        file_name: for messages.
        is_keras_2: written by Keras 2, where a few names meant something else.
        has_old_bilinear: bilinear enlarging follows the rule of TensorFlow 1.
        writer: what names meant when it was written.
        widths: lengths that the stored arrays have; None checks nothing.
        own: what the user's Python file defines.
        layout: knows which tensors have their channels last where the file has them first; None
            where the file has them last, too.
    """

    file_name: str
    is_keras_2: bool
    has_old_bilinear: bool
    writer: Writer
    widths: frozenset[int] | None = None
    own: OwnLayers | None = None
    layout: Layout | None = None

    def is_turned(self, spec: LayerSpec) -> bool:
        """Whether a layer works on channels last where the file has them first."""
        inner = spec.wrapped if spec.class_name in _SAME_SHAPE else None
        spec = inner or spec
        data_format = spec.config.get("data_format")
        return self.layout is not None and calculates_turned(spec.class_name, data_format)

    def is_own(self, spec: LayerSpec) -> bool:
        """Whether a layer, or the one that it wraps, is the user's."""
        is_around = spec.wrapped is not None and self.is_own(spec.wrapped)
        return self.own is not None and (is_unknown(spec) or is_around)

    def wrong(self, what: str) -> ModelFileError:
        """The refusal of a file that does not fit together."""
        return ModelFileError(f"{self.file_name} {what}.", remedy=REMEDY)

    def unknown(self, spec: LayerSpec) -> ModelFileError:
        """The refusal of a layer that is not listed."""
        return ModelFileError(
            f"{self.file_name} uses a layer of its own called {spec.class_name!r} "
            f"({spec.name!r}), which Keras does not have.",
            remedy="Rebuild the network with built-in layers, and save it again.",
        )

    def failed(self, spec: LayerSpec, error: Exception) -> ModelFileError:
        """The refusal of a layer that Keras cannot make or call."""
        return ModelFileError(
            f"{self.file_name}: the layer {spec.name!r} ({spec.class_name}) cannot be built: "
            f"{reason_of(error)}.",
            remedy=REMEDY,
        )


_SAME_SHAPE = frozenset({"SpectralNormalization", "WeightNormalization"})
"""Wrappers that give their layer what they get."""


class LayerMaker:
    """Makes layers whose weights are still to be placed."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def make(self, spec: LayerSpec) -> keras.layers.Layer:
        """Makes a layer.

        Raises:
            OwnLayersError: it is the user's, and their Python file fails.
            ModelFileError: it is not listed, or its options do not fit.
        """
        if self._plan.own is not None and is_unknown(spec):
            return self._own_layer(spec, self._plan.own)
        return self._listed_layer(spec)

    def around(self, spec: LayerSpec, inner: keras.layers.Layer) -> keras.layers.Layer:
        """Makes a wrapper around what was made already.

        Raises:
            ModelFileError: it is not listed, or its options do not fit.
        """
        kind, stored_as = self._kind(spec)
        config = {key: value for key, value in spec.config.items() if key != "layer"}
        options = options_of(
            replace(spec, config=config), accepted(stored_as), is_keras_2=self._plan.is_keras_2
        )
        options.pop("dtype", None)  # the layer inside has its own
        if is_default(inner.compute_output_shape):
            inner.compute_output_shape = _traced_shape(inner)
        try:
            return kind(inner, **options)
        except Exception as error:
            raise self._plan.failed(spec, error) from error

    def _own_layer(self, spec: LayerSpec, own: OwnLayers) -> keras.layers.Layer:
        if own.layer_class(spec.package, spec.class_name) is None:
            raise OwnLayersError(
                f"{own.path.name} defines {spec.class_name!r}, but as no layer of the Keras that "
                "runs here.",
                names=(), remedy="Derive it from keras.layers.Layer, or choose another file.",
            )  # fmt: skip
        with own.naming_line(f"{own.path.name} cannot make the layer {spec.name!r}"):
            return own.make(spec)

    def _listed_layer(self, stored: LayerSpec) -> keras.layers.Layer:
        spec = as_listed(stored, self._plan.writer)
        if spec.wrapped is not None and spec.class_name in WRAPPERS:
            return self.around(spec, self.make(spec.wrapped))
        kind, stored_as = self._kind(spec)
        options = self._options(spec, kind, accepted(stored_as))
        try:
            if self._plan.is_turned(spec):
                options = turned_options(spec.class_name, options)
            return kind(**options)
        except Exception as error:
            raise self._plan.failed(spec, error) from error

    def _options(self, spec: LayerSpec, kind: Any, known: frozenset[str]) -> dict[str, Any]:
        own_activations = self._own_activations(spec)
        config = {k: v for k, v in spec.config.items() if k not in own_activations}
        options = options_of(replace(spec, config=config), known, is_keras_2=self._plan.is_keras_2)
        self._check_widths(spec, options)
        if kind is EQUIVALENTS["OldBilinearUpSampling2D"]:
            options = {key: options[key] for key in ("name", "size", "dtype") if key in options}
        if kind is EQUIVALENTS["Snake"]:
            options.setdefault("is_stored", self._plan.is_keras_2)
        for key, value in options.items():
            if key.endswith("activation"):
                options[key] = _activation(value)
        return {**options, **own_activations}

    def _kind(self, spec: LayerSpec) -> tuple[Any, Any]:
        """The class for a listed layer, and the one whose options the file has."""
        name = current_name(spec.class_name)
        if spec.package == "seggui" and name in OUR_LAYERS:
            return EQUIVALENTS[name], EQUIVALENTS[name]
        if name not in LAYERS or spec.package not in ("", "keras", "Keras"):
            raise self._plan.unknown(spec)
        if self._is_old_bilinear(spec):
            return EQUIVALENTS["OldBilinearUpSampling2D"], keras.layers.UpSampling2D
        kind = EQUIVALENTS.get(name) or getattr(keras.layers, name)
        return kind, kind

    def _own_activations(self, spec: LayerSpec) -> dict[str, Any]:
        """Activations of the user's Python file, by the option that they are for."""
        own, found = self._plan.own, {}
        names = unknown_activations(spec) if own is not None else {}
        for key, name in names.items():
            assert own is not None
            with own.naming_line(f"{own.path.name} cannot make the activation {name!r}"):
                function = own.activation(spec.config[key])
            if function is None:
                raise self._plan.unknown(replace(spec, class_name=name))
            found[key] = function
        return found

    def _is_old_bilinear(self, spec: LayerSpec) -> bool:
        is_bilinear = spec.config.get("interpolation") == "bilinear"
        return self._plan.has_old_bilinear and spec.class_name == "UpSampling2D" and is_bilinear

    def _check_widths(self, spec: LayerSpec, options: Mapping[str, Any]) -> None:
        widths = self._plan.widths
        for key in ("filters", "units", "num_channels"):
            width = options.get(key)
            if widths is not None and isinstance(width, int) and width not in widths:
                raise ModelFileError(
                    f"{self._plan.file_name} declares {key} = {width} for the layer "
                    f"{spec.name!r}, but holds no weights of that size.",
                    remedy="Ask where the file comes from before using it.",
                )


def _traced_shape(layer: keras.layers.Layer) -> Callable[[Any], Any]:
    """What a layer that does not say so makes of a shape; wrappers of Keras 3 want to know."""
    return lambda shape: compute_output_spec(layer.call, keras.KerasTensor(shape)).shape


def _activation(value: Any) -> Any:
    if isinstance(value, tuple):
        kind, config = value
        options = {k: v for k, v in config.items() if isinstance(v, int | float | type(None))}
        if kind == "LeakyReLU" and "alpha" in options:
            options["negative_slope"] = options.pop("alpha")
        return getattr(keras.layers, kind)(
            **{k: v for k, v in options.items() if k in accepted(getattr(keras.layers, kind))}
        )
    return OUR_FUNCTIONS.get(value, value)


def accepted(kind: Any) -> frozenset[str]:
    """Names of keyword arguments that a class takes, its base layers' included."""
    names: set[str] = set()
    for base in kind.__mro__:
        init = base.__dict__.get("__init__")
        if init is not None and base is not object:
            names.update(inspect.signature(init).parameters)
        if base is keras.layers.Layer:
            break
    return frozenset(names - {"self", "args", "kwargs"})


def plain_name(name: str) -> str:
    """A name without slashes, which Keras does not allow any more."""
    return name.replace("/", "_")
