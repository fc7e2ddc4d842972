"""What a configuration would need: listed parts, program code, things from outside. No Keras."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from model.errors import LambdaError, ModelFileError, OpenLambda, OwnLayersError
from model.file_report import FileReport
from model.foreign.assumptions import assumptions_about
from model.foreign.graph import LayerSpec, NetworkSpec, references
from model.foreign.lambda_bodies import LambdaBody, read_lambda
from model.foreign.operation_names import is_listed_function
from model.foreign.options import unlisted_activation
from model.foreign.public_layers import as_listed, meaning_of
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
from model.foreign.writer import Writer, writer_of

OWN_LAYERS_REMEDY = (
    "Name the Python file that defines them, in the window or with --layers FILE.py; it is run "
    "then, so do that only if you know where it comes from."
)

REPLACE_REMEDY = (
    "If you know what it calculates, say so in the window, or with --replace 'NAME=x / 255'; its "
    "code is not run. Or replace it by a built-in layer, and save the model again."
)


@dataclass(frozen=True)
class Contents:
    """Parts of a network that are more than arithmetic, each as ``"Class 'name'"``.

    Attributes:
        code: layers with program code in the file.
        outside: layers that fetch something from outside of the file.
        other_data: class names of layers for sound, text, tables or volumes, each once.
        unknown: class names of layers, and names of activations, that are not listed, each once.
        functions: names of TensorFlow functions that are not listed, each once.
        replaced: Lambda layers whose code is known without running it, with what they calculate:
            ``"Lambda 'norm': x / 255"``. The network is built with these operations instead.
        assumed: what the file does not tell and was decided for it, in sentences.
        lambdas: everything that was found out about each Lambda layer, in the order of the file.
        open_lambdas: those whose code is not recognised, which the user can replace.
        layers: how many layers there are of each class, inner networks opened.
        scales_input: whether a Lambda before the first convolution scales pixels of 0 to 255.
    """

    code: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    other_data: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    lambdas: tuple[LambdaBody, ...] = ()
    open_lambdas: tuple[OpenLambda, ...] = ()
    layers: Mapping[str, int] = field(default_factory=dict)
    scales_input: bool = False

    def check(self, file_name: str, *, model_sha256: str = "") -> None:
        """Refuses what cannot be built from listed parts.

        Args:
            file_name: for messages.
            model_sha256: digest of the file, for those who can have the user consent.

        Raises:
            LambdaError: it has Lambda layers that the user can replace.
            OwnLayersError: all that is missing is a Python file of the user's.
            ModelFileError: see `refusal`.
        """
        refusal = self.refusal(file_name)
        if refusal is None:
            return
        if self.needs_own_layers:
            raise OwnLayersError(
                refusal, names=self.unknown, model_sha256=model_sha256, remedy=self.remedy()
            )
        if self.needs_replacements:
            raise LambdaError(
                refusal, lambdas=self.open_lambdas, model_sha256=model_sha256, remedy=self.remedy()
            )
        raise ModelFileError(refusal, remedy=self.remedy())

    @property
    def needs_replacements(self) -> bool:
        """Whether the user can go on by saying what Lambda layers calculate."""
        is_graver = bool(self.outside or self.other_data)
        return bool(self.code) and not is_graver and len(self.open_lambdas) == len(self.code)

    @property
    def needs_own_layers(self) -> bool:
        """Whether a Python file of the user's may help, for nothing graver is in the way."""
        return bool(self.unknown) and not (self.outside or self.code or self.other_data)

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
            return (
                f"{file_name} uses layers or functions that Keras does not have: "
                f"{_listed(self.unknown, most=20)}."
            )
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
        if self.needs_replacements:
            return REPLACE_REMEDY
        if self.code:
            return "Replace it by a built-in layer such as Rescaling, and save the model again."
        if self.other_data:
            return "Choose a network that gives a class for each pixel of an image."
        if self.unknown:
            return OWN_LAYERS_REMEDY
        return "Rebuild the network with built-in layers, and save it again."


def describe_contents(report: FileReport) -> Contents:
    """Looks through the whole configuration, inner networks included; of a program there is none.

    Raises:
        ModelFileError: the configuration is no network.
    """
    if report.is_program:
        return Contents()
    network = read_network(report.config, file_name=report.path.name)
    return contents_of(network, writer_of(network, report))


def contents_of(network: NetworkSpec, writer: Writer) -> Contents:
    """The same of a network that was read.

    Args:
        network: as read.
        writer: what names in Lambda layers meant.
    """
    lambdas, open_lambdas = [], []
    code, outside, other_data, unknown, functions = [], [], [], [], []
    for layer in network.walk():
        if layer.network is not None:
            continue
        label = f"{layer.class_name} {layer.name!r}"
        if layer.class_name in CODE_LAYERS:
            body = read_lambda(layer, writer)
            lambdas.append(body)
            if body.expression is None or layer.package not in ("", "keras", "Keras"):
                code.append(body.described())
                if body.expression is None:
                    open_lambdas.append(_open_lambda(layer, body, network))
        elif layer.class_name in OUTSIDE_LAYERS:
            outside.append(label)
        elif layer.class_name == "TFOpLambda":
            if not is_listed_function(str(layer.config.get("function", ""))):
                functions.append(str(layer.config.get("function", "")))
        elif _is_for_other_data(layer):
            other_data.append(layer.class_name)
        elif is_unknown(layer):
            unknown.append(f"{layer.package}>{layer.class_name}".removeprefix(">"))
        else:
            unknown += unknown_activations(layer).values()
    counts = Counter(layer.class_name for layer in network.walk() if layer.network is None)
    return Contents(
        tuple(code), tuple(outside), _once(other_data), _once(unknown), _once(functions),
        replaced=(
            *(body.described() for body in lambdas if body.expression is not None),
            *filter(None, map(meaning_of, network.walk())),
        ),
        assumed=assumptions_about(network, writer),
        lambdas=tuple(lambdas), open_lambdas=tuple(open_lambdas),
        layers=dict(sorted(counts.items())),
        scales_input=_scales_input(network, {body.layer: body for body in lambdas}),
    )  # fmt: skip


def _open_lambda(layer: LayerSpec, body: LambdaBody, network: NetworkSpec) -> OpenLambda:
    classes = {each.name: each.class_name for each in network.walk()}
    names = dict.fromkeys(ref.layer for ref in references(layer.calls))
    gets = tuple(f"{classes.get(name, 'layer')} {name!r}" for name in names)
    return OpenLambda(layer.name, body.shown(), gets)


def _scales_input(network: NetworkSpec, lambdas: Mapping[str, LambdaBody]) -> bool:
    for layer in network.walk():
        if "Conv" in layer.class_name or layer.class_name in ("Dense", "Concatenate"):
            return False
        body = lambdas.get(layer.name)
        numbers = _flat(body.constants) if body is not None and body.expression is not None else ()
        if any(abs(number) >= 64 or 0 < abs(number) <= 1 / 64 for number in numbers):
            return True
    return False


def _flat(value: Any) -> Iterator[float]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _flat(item)


def is_unknown(layer: LayerSpec) -> bool:
    """Whether a layer is none that is listed in any way: the user may have defined it."""
    return not (
        _is_listed(layer) or layer.network is not None or _is_for_other_data(layer)
        or layer.class_name in CODE_LAYERS | OUTSIDE_LAYERS | {"TFOpLambda"}
    )  # fmt: skip


def unknown_activations(layer: LayerSpec) -> dict[str, str]:
    """Names of activations of a listed layer that are not listed, by the option they are for."""
    if not _is_listed(layer):
        return {}
    found = {}
    for key, value in layer.config.items():
        name = unlisted_activation(value) if key.endswith("activation") else ""
        if name:
            found[key] = name
    return found


def _is_for_other_data(layer: LayerSpec) -> bool:
    is_keras = layer.package in ("", "keras", "Keras")
    return is_keras and layer.class_name in OTHER_DATA_LAYERS and not _is_listed(layer)


def _is_listed(layer: LayerSpec) -> bool:
    layer = as_listed(layer)
    if layer.class_name == "SlicingOpLambda":
        return True
    if layer.module in OPERATION_MODULES:
        return layer.class_name in OPERATIONS_3[layer.module.rpartition(".")[2]]
    if layer.package == "seggui":
        return layer.class_name in OUR_LAYERS
    if layer.class_name == "SpectralNormalization" and not layer.package:
        # Before Keras had it, people wrote their own.
        home = layer.module.partition(".")[0]
        return home in ("keras", "tf_keras") or (not home and "power_iterations" in layer.config)
    name = current_name(layer.class_name)
    return layer.package in ("", "keras", "Keras") and name in LAYERS


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _listed(names: tuple[str, ...], *, most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
