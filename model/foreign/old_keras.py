"""What a user's Python file from years ago imports, and a current Keras no longer has.

Such a file is wanted for the layers or the network in it, but most of them fail in their first
lines: modules were moved (``keras.engine.topology``), functions of the backend dropped
(``K.int_shape``), arguments renamed (``Adam(lr=...)``), and a training script imports plotting
libraries that nobody needs to open a network. Only imports of that very file are helped out.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NoReturn

import keras

from model.foreign.vocabulary import words

_MODULES = words(
    """
    engine topology base_layer input_layer training network functional sequential core
    convolutional convolutional_recurrent merge merging normalization pooling recurrent
    advanced_activations noise regularization embeddings wrappers local reshaping attention
    generic_utils np_utils conv_utils tf_utils layer_utils data_utils vis_utils objectives
    experimental preprocessing legacy interfaces tensorflow_backend image
    """
)
"""Last parts of modules that are not there any more."""

_HOMES = (
    "keras", "keras.layers", "keras.models", "keras.utils", "keras.activations", "keras.losses",
    "keras.metrics", "keras.optimizers", "keras.initializers", "keras.regularizers",
    "keras.constraints", "keras.callbacks", "keras.backend",
)  # fmt: skip
_RENAMED = {
    "Convolution2D": "Conv2D", "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D", "GlobalPooling2D": "GlobalAveragePooling2D",
}  # fmt: skip
_OPTIMIZER_WORDS = {"lr": "learning_rate"}
_DROPPED_WORDS = frozenset({"decay"})


@contextlib.contextmanager
def old_names_known(asking: str, *, unless: frozenset[str] = frozenset()) -> Iterator[None]:
    """Lets a file import and use what old versions of Keras had, while the context lasts.

    Args:
        asking: name of the module that the file is run as; only its imports are helped out.
        unless: names that it can do without, see `guarded_imports`.
    """
    finder = _Finder(asking, unless)
    with contextlib.ExitStack() as stack:
        sys.meta_path.append(finder)
        stack.callback(finder.leave)
        for module in _public_modules():
            for name, value in list(vars(module).items()):
                tolerant = _tolerant(value)
                if tolerant is not None:
                    stack.callback(setattr, module, name, value)
                    setattr(module, name, tolerant)
        backend = importlib.import_module("keras.backend")
        if not hasattr(backend, "__getattr__"):
            vars(backend)["__getattr__"] = _of_old_backend
            stack.callback(vars(backend).pop, "__getattr__")
        yield


def guarded_imports(source: bytes) -> frozenset[str]:
    """Modules that a file tries to import, and has another way for when they are missing.

    Args:
        source: of the file; one that cannot be compiled has none.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    found: set[str] = set()
    for block in ast.walk(tree):
        if isinstance(block, ast.Try) and block.handlers:
            for statement in (each for part in block.body for each in ast.walk(part)):
                if isinstance(statement, ast.Import):
                    found.update(alias.name for alias in statement.names)
                elif isinstance(statement, ast.ImportFrom) and statement.module:
                    found.add(statement.module)
                    found.update(f"{statement.module}.{alias.name}" for alias in statement.names)
    return frozenset(found)


def adapt(namespace: dict[str, Any], *, own: Callable[[Any], bool]) -> None:
    """Makes what a file defined work later on, when its layers are built and called.

    Args:
        namespace: of the module; names for the backend and for TensorFlow find what old versions
            had, too.
        own: whether a class is the file's own.
    """
    for name, value in list(namespace.items()):
        if isinstance(value, ModuleType) and value.__name__.endswith("keras.backend"):
            namespace[name] = _WithFallback(value, _old_backend())
        elif isinstance(value, ModuleType) and value.__name__ == "tensorflow":
            namespace[name] = _WithFallback(value, value.compat.v1)
        elif _is_layer_class(value) and own(value) and value.add_weight is _CURRENT_ADD_WEIGHT:
            value.add_weight = _add_weight


def is_missing(value: Any) -> bool:
    """Whether something only stands for what is not installed."""
    return isinstance(value, _Missing)


def missing_imports(namespace: Mapping[str, Any]) -> tuple[str, ...]:
    """What a file imports that is not installed, or that Keras has dropped; each once."""
    found = [value.__name__ for value in namespace.values() if is_missing(value)]
    return tuple(dict.fromkeys(found))


# -- imports --------------------------------------------------------------------------------------


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Asked last, once nobody else has a module."""

    def __init__(self, asking: str, unless: frozenset[str]) -> None:
        self._asking, self._unless = asking, unless
        self._made: list[str] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if _importer() != self._asking:
            return None  # libraries look for what they can do without
        if any(fullname == name or fullname.startswith(f"{name}.") for name in self._unless):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        self._made.append(name)
        sys.modules[name] = _found(name)

    def leave(self) -> None:
        """Nobody else is to see what was made."""
        sys.meta_path.remove(self)
        for name in self._made:
            made = sys.modules.pop(name, None)
            parent, _, last = name.rpartition(".")
            home = sys.modules.get(parent)
            if home is not None and vars(home).get(last) is made:
                delattr(home, last)


def _importer() -> str:
    """Name of the module that is importing right now."""
    frame = sys._getframe(2)
    while frame is not None and "importlib" in frame.f_globals.get("__name__", ""):
        frame = frame.f_back  # type: ignore[assignment]
    return "" if frame is None else str(frame.f_globals.get("__name__", ""))


def _found(name: str) -> Any:
    """What stands for a module, or for a name that is asked of one, that is not there."""
    root, _, _ = name.partition(".")
    last = name.rpartition(".")[2]
    if root not in ("keras", "tensorflow", "tf_keras"):
        return _Missing(name)
    if last == "tensorflow_backend":
        return _old_backend()
    if last not in _MODULES:
        with contextlib.suppress(AttributeError):
            return _known(last)
        return _Missing(name)
    return _Everything(name)


def _known(name: str) -> Any:
    """What a current Keras has under a name, wherever it lives.

    Raises:
        AttributeError: nothing.
    """
    special = _SPECIAL.get(name)
    if special is not None:
        return special
    name = _RENAMED.get(name, name)
    for home in _HOMES:
        module = importlib.import_module(home)
        if name in vars(module):
            return vars(module)[name]
    return getattr(_old_backend(), name)


class _Everything(ModuleType):
    """A module that is no longer there: has all that Keras has."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in _MODULES:
            return _Everything(f"{self.__name__}.{name}")
        return _known(name)


class _Missing(ModuleType):
    """Something that is not installed, or that Keras has dropped: fine until it is used."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Missing(f"{self.__name__}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ImportError(f"{self.__name__} is used, which is not installed here")

    def __mro_entries__(self, bases: tuple[Any, ...]) -> NoReturn:
        raise ImportError(f"{self.__name__} is used, which is not installed here")


# -- names that meant a little more ---------------------------------------------------------------


def _public_modules() -> list[ModuleType]:
    names = [
        f"{root}{part}" for root in ("keras", "tensorflow.keras")
        for part in ("", ".models", ".optimizers", ".optimizers.legacy")
    ]  # fmt: skip
    found = []
    for name in names:
        with contextlib.suppress(ImportError):
            found.append(importlib.import_module(name))
    return found


def _tolerant(value: Any) -> Any:
    """The same with the arguments of old versions; None for what needs none."""
    if value is _CURRENT_MODEL:
        return _OldModel
    is_class = isinstance(value, type) and issubclass(value, _OPTIMIZER)
    return _optimizer(value) if is_class and value is not _OPTIMIZER else None


def _optimizer(kind: type[keras.optimizers.Optimizer]) -> Callable[..., Any]:
    def make(*args: Any, **kwargs: Any) -> Any:
        return kind(*args, **_reworded(kwargs, _OPTIMIZER_WORDS))

    make.__name__ = kind.__name__
    return make


def _reworded(kwargs: Mapping[str, Any], words_: Mapping[str, str]) -> dict[str, Any]:
    kept = {key: value for key, value in kwargs.items() if key not in _DROPPED_WORDS}
    return {words_.get(key, key): value for key, value in kept.items()}


class _OldModel(keras.Model):
    """``Model(input=..., output=...)`` of Keras 1; a class, for others derive from it."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is not _OldModel:
            return super().__new__(cls, *args, **kwargs)
        return _CURRENT_MODEL(*args, **_reworded(kwargs, {"input": "inputs", "output": "outputs"}))


_CURRENT_MODEL, _OPTIMIZER = keras.Model, keras.optimizers.Optimizer


def _is_layer_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, keras.layers.Layer)


def _add_weight(self: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
    """``add_weight(name, shape, dtype, initializer, ...)`` was the order of Keras 2."""
    if args and (args[0] is None or isinstance(args[0], str)):
        order = ("name", "shape", "dtype", "initializer", "regularizer", "trainable", "constraint")
        kwargs.update(zip(order, args, strict=False))
        args = ()
    return _CURRENT_ADD_WEIGHT(self, *args, **kwargs)


_CURRENT_ADD_WEIGHT = keras.layers.Layer.add_weight


def _old_backend() -> Any:
    """Functions of ``keras.backend`` that Keras 3 has dropped; they need TensorFlow."""
    return importlib.import_module("keras.src.legacy.backend")


def _of_old_backend(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    if name in ("set_image_dim_ordering", "set_image_data_format"):
        return lambda *_: None  # images have their channels last here, whatever a file says
    if name == "image_dim_ordering":
        return lambda: "tf"
    return getattr(_old_backend(), name)


class _WithFallback(ModuleType):
    """A module that has what another one has as well, modules inside of it included."""

    def __init__(self, module: ModuleType, fallback: Any) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(_module=module, _fallback=fallback)

    def __getattr__(self, name: str) -> Any:
        try:
            value = getattr(self.__dict__["_module"], name)
        except AttributeError:
            return getattr(self.__dict__["_fallback"], name)
        other = getattr(self.__dict__["_fallback"], name, None)
        if isinstance(value, ModuleType) and isinstance(other, ModuleType) and other is not value:
            return _WithFallback(value, other)
        return value


def _normalize_tuple(value: Any, n: int, name: str, **_: Any) -> tuple[int, ...]:
    values = (value,) * n if isinstance(value, int) else tuple(value)
    if len(values) != n:
        raise ValueError(f"{name} is {value!r}; {n} whole numbers were expected")
    return values


def _normalize_data_format(value: str | None) -> str:
    return "channels_last" if value is None else value.lower()


_SPECIAL: dict[str, Any] = {
    "relu6": keras.activations.relu6,
    "normalize_tuple": _normalize_tuple,
    "normalize_data_format": _normalize_data_format,
}
