"""The errors a user can meet. Each says what was received, expected, and what to do."""

from __future__ import annotations

from dataclasses import dataclass


class SegguiError(Exception):
    """Base of all expected errors; ``str(error)`` is a complete sentence for the user.

    Attributes:
        message: what was received and what was expected.
        remedy: what the user can do about it, or an empty string.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message = message
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross the pipe from the engine; the default forgets keyword-only arguments.
        return _rebuild, (type(self), self.message, self.remedy)


def _rebuild(cls: type[SegguiError], message: str, remedy: str) -> SegguiError:
    return cls(message, remedy=remedy)


class ImageError(SegguiError):
    """An image file cannot be used: missing, broken, empty, truncated or too large."""


class MaskError(SegguiError):
    """A mask file cannot be used: broken, wrong size, or values that are no class."""


class LabelSetError(SegguiError):
    """A label set is inconsistent, or does not fit the network or the masks."""


class DatasetError(SegguiError):
    """A folder is no dataset that can be read, or a dataset cannot be used as asked."""


class ModelFileError(SegguiError):
    """A model file cannot be opened, or is not a segmentation network."""


class OwnLayersError(ModelFileError):
    """A model uses layers or functions of its user's own, and nobody consented to run their file.

    Attributes:
        names: all of them, ``X`` or ``package>X``, each once.
        model_sha256: digest of the model file, for `model.trust.TrustStore`; or an empty string.
    """

    def __init__(
        self, message: str, *, names: tuple[str, ...], model_sha256: str = "", remedy: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.names = names
        self.model_sha256 = model_sha256

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_own_layers, (self.message, self.names, self.model_sha256, self.remedy)


def _rebuild_own_layers(
    message: str, names: tuple[str, ...], model_sha256: str, remedy: str
) -> OwnLayersError:
    return OwnLayersError(message, names=names, model_sha256=model_sha256, remedy=remedy)


class _FileOfDigestError(ModelFileError):
    """A file that opens once the user says something, which is remembered for its content."""

    def __init__(self, message: str, *, model_sha256: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.model_sha256 = model_sha256

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_of_digest, (type(self), self.message, self.model_sha256, self.remedy)


def _rebuild_of_digest(
    cls: type[_FileOfDigestError], message: str, model_sha256: str, remedy: str
) -> _FileOfDigestError:
    return cls(message, model_sha256=model_sha256, remedy=remedy)


class ProgramError(_FileOfDigestError):
    """A SavedModel holds a program and no layers, and nobody consented to run it.

    Attributes:
        model_sha256: digest of the folder, for `model.trust.TrustStore`; or an empty string where
            it cannot be run at all.
    """


class WeightsOnlyError(_FileOfDigestError):
    """A file holds weights, and the network that they belong to is not known.

    Attributes:
        model_sha256: digest of the file, for `model.foreign.architectures.ArchitectureStore`.
    """


@dataclass(frozen=True)
class OpenLambda:
    """A Lambda layer of a file, and what shows of it.

    Attributes:
        layer: its name.
        found: what its code shows: problem, decoded constants, names; in words.
        gets: layers that it calculates from, each as ``"Class 'name'"``.
        shapes: what it gets, one text per tensor, ``? x 64 x 64 x 3``; empty when not known.
        chosen: what the user lets it calculate, or an empty string.
    """

    layer: str
    found: str
    gets: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    chosen: str = ""


class LambdaError(ModelFileError):
    """A model has Lambda layers whose code is not recognised; the user may say what they calculate.

    Attributes:
        lambdas: all of them.
        model_sha256: digest of the file, for `model.foreign.replacements.ReplacementStore`.
    """

    def __init__(
        self,
        message: str,
        *,
        lambdas: tuple[OpenLambda, ...],
        model_sha256: str = "",
        remedy: str = "",
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.lambdas = lambdas
        self.model_sha256 = model_sha256

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_lambda, (self.message, self.lambdas, self.model_sha256, self.remedy)


def _rebuild_lambda(
    message: str, lambdas: tuple[OpenLambda, ...], model_sha256: str, remedy: str
) -> LambdaError:
    return LambdaError(message, lambdas=lambdas, model_sha256=model_sha256, remedy=remedy)


class EngineError(SegguiError):
    """The engine failed at a request; it goes on serving."""


class EngineDiedError(EngineError):
    """The engine process ended unexpectedly; it is started again at the next request."""


class TrainingError(SegguiError):
    """Training cannot start or had to stop."""


class StorageError(SegguiError):
    """A project, mask or export could not be read or written. Nothing painted is lost."""


class CancelledError(SegguiError):
    """The user cancelled; whatever was complete before stays."""

    def __init__(self, message: str = "Cancelled.", *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
