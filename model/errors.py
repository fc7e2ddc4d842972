"""The errors a user can meet. Each says what was received, expected, and what to do."""

from __future__ import annotations


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
