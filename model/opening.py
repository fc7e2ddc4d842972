"""From a model file to a Keras model: the one place where a foreign file becomes a network.

Keras' own loader is not used: it believes the ending of a name, calls functions that a file names,
and opens less than a third of the files that people have. See `model.foreign`.
"""

from __future__ import annotations

import keras

from model.foreign.contents import describe_contents
from model.foreign.rebuilding import rebuild
from model.inspection import FileReport


def open_network(report: FileReport) -> keras.Model:
    """Opens the file of a report; nothing of its training state is restored, no code in it is run.

    Args:
        report: from `model.inspection.inspect_file`.

    Returns:
        The network, not compiled; an ordinary Keras model that can be trained and saved.

    Raises:
        ModelFileError: the file holds code, layers that are not known, or does not fit together.
    """
    describe_contents(report).check(report.path.name)
    return rebuild(report)
