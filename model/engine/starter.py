"""Makes an untrained network to start from, in a child process: Keras stays out of this one."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

from model.errors import EngineError


def write_starter_network(path: Path, num_classes: int, *, log_path: Path | None = None) -> None:
    """Writes a small U-Net with random weights, for training on a plain CPU within minutes.

    Args:
        path: the ``.keras`` file to write; its folder exists.
        num_classes: of the softmax.
        log_path: file that the child's output is appended to; None drops it.

    Raises:
        EngineError: the child process failed.
    """
    # Never fork: TensorFlow hangs for good in a forked child.
    context = multiprocessing.get_context("spawn")
    child = context.Process(
        target=_write, args=(path, num_classes, log_path), name="seggui-starter", daemon=True
    )
    child.start()
    try:
        child.join()
    finally:
        child.terminate()
        child.join()
    if child.exitcode != 0 or not path.is_file():
        where = f" {log_path} tells more." if log_path is not None else ""
        raise EngineError(
            f"The process that makes a network ended with status {child.exitcode}.{where}"
        )


def _write(path: Path, num_classes: int, log_path: Path | None) -> None:
    descriptor = os.open(log_path or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    import keras

    from model.unet import UNetConfig, build_unet

    keras.utils.set_random_seed(0)
    config = UNetConfig(num_classes, widths=(16, 32, 64, 96), blocks=(1, 1, 2, 2))
    build_unet(config, name="starter").save(path)
