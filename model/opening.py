"""From a model file to a Keras model: the one place where a foreign file becomes a network.

Keras' own loader is not used: it believes the ending of a name, calls functions that a file names,
and opens less than a third of the files that people have. See `model.foreign`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras

from model.errors import ModelFileError, OwnLayersError
from model.foreign.contents import OWN_LAYERS_REMEDY, describe_contents
from model.foreign.own_layers import OwnLayers, run_file
from model.foreign.rebuilding import rebuild
from model.inspection import FileReport
from model.trust import TrustStore


def open_network(
    report: FileReport, *, code: Path | None = None, code_sha256: str | None = None
) -> keras.Model:
    """Opens the file of a report; nothing of its training state is restored, no code in it is run.

    Args:
        report: from `model.inspection.inspect_file`.
        code: Python file that defines layers and functions that are not listed. It is run, and only
            if the network needs it: give it only with the user's consent (`model.trust`).
        code_sha256: its content at the time of the consent; None trusts what is there.

    Returns:
        The network, not compiled; an ordinary Keras model that can be trained and saved.

    Raises:
        OwnLayersError: it uses layers or functions of its user's own, and ``code`` is None, fails,
            or does not define them all.
        ModelFileError: the file holds code, layers that are not known, or does not fit together.
    """
    contents = describe_contents(report)
    if code is None or not contents.needs_own_layers:
        contents.check(report.path.name, model_sha256=report.sha256)
        return rebuild(report)
    replace(contents, unknown=()).check(report.path.name)
    try:
        return rebuild(report, own=_run(report, code, code_sha256, contents.unknown))
    except OwnLayersError as error:
        raise OwnLayersError(
            error.message, names=contents.unknown, model_sha256=report.sha256, remedy=error.remedy
        ) from error


def open_with_consent(report: FileReport, settings_dir: Path | None) -> keras.Model:
    """Opens a file, with the Python file that the user consented to for it, if it needs one.

    Args:
        report: from `model.inspection.inspect_file`.
        settings_dir: where consents are kept; None knows none.

    Raises:
        OwnLayersError: it needs a Python file, and there is no consent, or the file changed since.
        ModelFileError: see `open_network`.
        StorageError: the consents cannot be read.
    """
    if settings_dir is None or not describe_contents(report).needs_own_layers:
        return open_network(report)
    consent = TrustStore(settings_dir).entry(report.sha256)
    if consent is None:
        return open_network(report)
    if not consent.is_unchanged():
        state = "has changed" if consent.path.exists() else "is not there any more"
        raise OwnLayersError(
            f"{report.path.name} uses layers of its own. The Python file that was trusted for it, "
            f"{consent.path}, {state}.",
            names=describe_contents(report).unknown, model_sha256=report.sha256,
            remedy=OWN_LAYERS_REMEDY,
        )  # fmt: skip
    return open_network(report, code=consent.path, code_sha256=consent.sha256)


def _run(
    report: FileReport, code: Path, code_sha256: str | None, names: tuple[str, ...]
) -> OwnLayers:
    """Runs the file and looks whether all names can be had from it."""
    try:
        own = run_file(code, sha256=code_sha256)
    except ModelFileError as error:  # another file may do better
        raise OwnLayersError(error.message, names=names, remedy=error.remedy) from error
    missing = [name for name in names if not own.defines(name)]
    if missing:
        raise OwnLayersError(
            f"{code.name} does not define {', '.join(missing)}, which {report.path.name} uses.",
            names=names, remedy="Choose the Python file that defines all of them.",
        )  # fmt: skip
    return own
