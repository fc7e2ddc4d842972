"""What a configuration would need: listed parts, program code, things from outside. No Keras."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from model.errors import ModelFileError
from model.foreign.graph import LayerSpec, NetworkSpec
from model.foreign.operation_names import is_listed_function
from model.foreign.reading import read_network
from model.foreign.vocabulary import (
    CODE_LAYERS,
    LAYERS,
    OPERATION_MODULES,
    OPERATIONS_3,
    OTHER_DATA_LAYERS,
    OUR_LAYERS,
    OUTSIDE_LAYERS,
    current_name,
)
from model.inspection import FileReport


@dataclass(frozen=True)
class Contents:
    """Parts of a network that are more than arithmetic, each as ``"Class 'name'"``.

    Attributes:
        code: layers with program code in the file.
        outside: layers that fetch something from outside of the file.
        other_data: class names of layers for sound, text, tables or volumes, each once.
        unknown: class names of layers that are not listed, each once.
        functions: names of TensorFlow functions that are not listed, each once.
        layers: how many layers there are of each class, inner networks opened.
    """

    code: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    other_data: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    layers: Mapping[str, int] = field(default_factory=dict)

    def check(self, file_name: str) -> None:
        """Refuses what cannot be built from listed parts.

        Raises:
            ModelFileError: see `refusal`.
        """
        refusal = self.refusal(file_name)
        if refusal is not None:
            raise ModelFileError(refusal, remedy=self.remedy())

    @property
    def is_plain(self) -> bool:
        """Whether everything is listed."""
        return not (self.code or self.outside or self.other_data or self.unknown or self.functions)

    def refusal(self, file_name: str) -> str | None:
        """Why the file is not opened, all reasons of the gravest kind at once; None if it is."""
        if self.outside:
            return (
                f"{file_name} wants to fetch code or data from outside of itself in the layer "
                f"{_listed(self.outside)}; a network that is complete in its file was expected."
            )
        if self.code:
            return (
                f"{file_name} contains program code in the layer {_listed(self.code)}; "
                "a file from elsewhere could do anything with it, so it is not opened."
            )
        if self.other_data:
            return (
                f"{file_name} is made for other data than images: it uses "
                f"{_listed(self.other_data)}."
            )
        if self.unknown:
            return f"{file_name} uses layers that Keras does not have: {_listed(self.unknown)}."
        if self.functions:
            return (
                f"{file_name} uses functions that this program does not know: "
                f"{_listed(self.functions)}."
            )
        return None

    def remedy(self) -> str:
        """What to do about the refusal."""
        if self.outside:
            return "Ask where the file comes from before using it."
        if self.code:
            return "Replace it by a built-in layer such as Rescaling, and save the model again."
        if self.other_data:
            return "Choose a network that gives a class for each pixel of an image."
        return "Rebuild the network with built-in layers, and save it again."


def describe_contents(report: FileReport) -> Contents:
    """Looks through the whole configuration, inner networks included.

    Raises:
        ModelFileError: the configuration is no network.
    """
    return contents_of(read_network(report.config, file_name=report.path.name))


def contents_of(network: NetworkSpec) -> Contents:
    """The same of a network that was read."""
    code, outside, other_data, unknown, functions = [], [], [], [], []
    for layer in network.walk():
        if layer.network is not None:
            continue
        label = f"{layer.class_name} {layer.name!r}"
        if layer.class_name in CODE_LAYERS:
            code.append(label)
        elif layer.class_name in OUTSIDE_LAYERS:
            outside.append(label)
        elif layer.class_name == "TFOpLambda":
            if not is_listed_function(str(layer.config.get("function", ""))):
                functions.append(str(layer.config.get("function", "")))
        elif not _is_listed(layer):
            is_keras = layer.package in ("", "keras", "Keras")
            if is_keras and layer.class_name in OTHER_DATA_LAYERS:
                other_data.append(layer.class_name)
            else:
                unknown.append(f"{layer.package}>{layer.class_name}".removeprefix(">"))
    counts = Counter(layer.class_name for layer in network.walk() if layer.network is None)
    return Contents(
        tuple(code), tuple(outside), _once(other_data), _once(unknown), _once(functions),
        layers=dict(sorted(counts.items())),
    )  # fmt: skip


def _is_listed(layer: LayerSpec) -> bool:
    if layer.class_name == "SlicingOpLambda":
        return True
    if layer.module in OPERATION_MODULES:
        return layer.class_name in OPERATIONS_3[layer.module.rpartition(".")[2]]
    if layer.package == "seggui":
        return layer.class_name in OUR_LAYERS
    name = current_name(layer.class_name)
    return layer.package in ("", "keras", "Keras") and (name in LAYERS or name == "TimeDistributed")


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
