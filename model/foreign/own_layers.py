"""Layers and functions of the user's own: a Python file that is run, and what it defines.

The only place of the program that runs code which is not its own. It is called in the engine's
process, for a file that the user consented to for this very model (`model.trust`), and for no
other.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from model.digest import bytes_sha256
from model.errors import ModelFileError, OwnLayersError
from model.foreign.graph import LayerSpec
from model.foreign.old_keras import (
    adapt,
    guarded_imports,
    is_missing,
    missing_imports,
    old_names_known,
)
from model.foreign.options import activation_parts, policy_name
from model.foreign.vocabulary import CODE_LAYERS, OUTSIDE_LAYERS
from model.trust import read_code

_OF_KERAS_2 = ("batch_input_shape", "build_config", "input_dtype")
_BASE_OPTIONS = frozenset({"name", "trainable", "dtype"})
_NOT_IN_OPTIONS = CODE_LAYERS | OUTSIDE_LAYERS | {"__lambda__"}
_WRAPPED_BY_KERAS = ("Exception encountered when calling ", "Could not automatically infer the ")
"""What Keras makes of the error of a layer; the error itself is its context."""
_REPAIR = "Correct the file, or choose another one."


class OwnLayers:
    """A Python file that was run.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path, module: ModuleType) -> None:
        self.path = path
        self._module = module

    def layer_class(self, package: str, name: str) -> type[keras.layers.Layer] | None:
        """The class of a layer: by the name that it was registered under, else by its own."""
        for found in (self._registered(package, name), getattr(self._module, name, None)):
            if isinstance(found, type) and issubclass(found, keras.layers.Layer):
                return found
        return None

    def function(self, name: str) -> Any:
        """A function or class that serves as activation; None if the file has none of that name."""
        package, _, plain = name.rpartition(">")
        for found in (self._registered(package, plain), getattr(self._module, plain, None)):
            if callable(found) and not is_missing(found):
                return found
        return None

    def defines(self, name: str) -> bool:
        """Whether ``X`` or ``package>X`` can be had from the file."""
        package, _, plain = name.rpartition(">")
        return self.layer_class(package, plain) is not None or self.function(name) is not None

    @property
    def missing_imports(self) -> tuple[str, ...]:
        """What the file imports that is not installed here; it was run without."""
        return missing_imports(vars(self._module))

    def items(self) -> tuple[tuple[str, Any], ...]:
        """Everything that the file has a name for, in its order."""
        return tuple(vars(self._module).items())

    @contextlib.contextmanager
    def knowing_old_names(self) -> Iterator[None]:
        """For calls of the file's functions, which may import something, too."""
        with old_names_known(self._module.__name__):
            yield

    def is_defined_here(self, value: Any) -> bool:
        """Whether a function or class is the file's own, and not one that it imports."""
        return getattr(value, "__module__", None) == self._module.__name__

    def make(self, spec: LayerSpec) -> keras.layers.Layer:
        """Makes a layer as Keras would: from its options, through ``from_config`` if it has one.

        Raises:
            ModelFileError: its options hold code of another kind.
            Exception: whatever the user's class raises; see `reason`.
        """
        kind = self.layer_class(spec.package, spec.class_name)
        assert kind is not None
        config = self._options(spec)
        with keras.saving.custom_object_scope(self._own_objects()):
            if _has_own_from_config(kind):
                layer = kind.from_config(config)
            else:
                layer = kind(**_accepted_options(kind, config))
        if not isinstance(layer, keras.layers.Layer):
            raise TypeError(f"{kind.__name__} gives {type(layer).__name__}, and no layer")
        if "name" not in config or layer.name != config["name"]:
            layer.name = _plain_name(spec.name)
        return layer

    def activation(self, value: Any) -> Any:
        """What a stored activation stands for: a function, or a layer that serves as one."""
        name, options = activation_parts(value)
        found = self.function(name)
        if isinstance(found, type):
            return found(**{key: item for key, item in options.items() if key != "dtype"})
        return found

    @contextlib.contextmanager
    def naming_line(self, what: str) -> Iterator[None]:
        """Turns an error of the file into one for the user that names the line.

        Raises:
            OwnLayersError: instead of whatever was raised inside; whoever knows adds the names.
        """
        try:
            yield
        except ModelFileError:
            raise
        except (Exception, SystemExit) as error:
            raise OwnLayersError(
                f"{what}: {reason(error, self.path)}.", names=(), remedy=_REPAIR
            ) from error

    def _options(self, spec: LayerSpec) -> dict[str, Any]:
        _refuse_code(spec.config, spec)
        config = {
            key: _with_tuples(value) for key, value in spec.config.items()
            if key not in _OF_KERAS_2
        }  # fmt: skip
        if "dtype" in config:
            config["dtype"] = policy_name(config["dtype"], spec)
        if "name" in config:
            config["name"] = _plain_name(str(config["name"]))
        return config

    def _own_objects(self) -> dict[str, Any]:
        """What the file defines itself: names that options may refer to."""
        return {
            name: value for name, value in vars(self._module).items()
            if self.is_defined_here(value) and callable(value)
        }  # fmt: skip

    def _registered(self, package: str, name: str) -> Any:
        found = keras.saving.get_registered_object(f"{package or 'Custom'}>{name}")
        return found if self.is_defined_here(found) else None


def run_file(path: Path, *, sha256: str | None = None) -> OwnLayers:
    """Runs a Python file as a module of its own, once; **only after consent**.

    The folder of the file is not searched for modules: the consent is for this one file.

    Args:
        path: of the file.
        sha256: content that the user consented to; None trusts what is there.

    Raises:
        OwnLayersError: it fails; the text of its error as it is.
        ModelFileError: it cannot be read, or has changed.
    """
    source = read_code(path)
    digest = bytes_sha256(source)
    if sha256 is not None and digest != sha256:
        raise ModelFileError(
            f"{path.name} has changed since it was trusted.", remedy="Choose it again."
        )
    module = ModuleType(f"seggui_own_layers_{digest[:12]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # data classes and the like look their module up there
    own = OwnLayers(path, module)
    with own.naming_line(f"{path.name} cannot be used"):
        try:
            with old_names_known(module.__name__, unless=guarded_imports(source)):
                exec(compile(source, str(path), "exec"), module.__dict__)
        except BaseException:
            sys.modules.pop(module.__name__, None)
            raise
    adapt(module.__dict__, own=own.is_defined_here)
    return own


def reason(error: BaseException, path: Path) -> str:
    """First line of an error, as it is, with the line of the file that it comes from."""
    while str(error).startswith(_WRAPPED_BY_KERAS) and error.__context__ is not None:
        error = error.__context__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = (lines[0] if lines else "")[:300].rstrip(" .")
    number = error.lineno if isinstance(error, SyntaxError) else None
    if number is None:
        frames = traceback.extract_tb(error.__traceback__)
        number = next((f.lineno for f in reversed(frames) if f.filename == str(path)), None)
    where = f"line {number}: " if number is not None else ""
    return f"{where}{type(error).__name__}{f': {text}' if text else ''}"


def _has_own_from_config(kind: type[keras.layers.Layer]) -> bool:
    for base in kind.__mro__:
        if base is keras.layers.Layer:
            return False
        if "from_config" in base.__dict__:
            return True
    return False


def _accepted_options(kind: type[keras.layers.Layer], config: dict[str, Any]) -> dict[str, Any]:
    """Name, precision and the like only where the class takes them."""
    parameters = inspect.signature(kind).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return config
    return {k: v for k, v in config.items() if k not in _BASE_OPTIONS or k in parameters}


def _with_tuples(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.get("class_name") in ("__tuple__", "TensorShape"):
            return tuple(_with_tuples(item) for item in value.get("items", ()))
        return {key: _with_tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_tuples(item) for item in value]
    return value


def _refuse_code(value: Any, spec: LayerSpec) -> None:
    """The consent is for the Python file; code inside of the model file is another matter."""
    if isinstance(value, Mapping):
        if value.get("class_name") in _NOT_IN_OPTIONS:
            raise ModelFileError(
                f"The layer {spec.name!r} ({spec.class_name}) has a {value['class_name']} among "
                "its options; program code inside of the model file is not run.",
                remedy="Ask where the file comes from before using it.",
            )
        for item in value.values():
            _refuse_code(item, spec)
    elif isinstance(value, list):
        for item in value:
            _refuse_code(item, spec)


def _plain_name(name: str) -> str:
    return name.replace("/", "_")
