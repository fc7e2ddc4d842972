"""What makes a training step fast on a CPU, with the same network and weights. Imports Keras."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras

from model import backend, bfloat16
from model.fused_normalization import fused_normalization
from model.recipes import Precision


@contextlib.contextmanager
def fast_steps(network: keras.Model, *, precision: Precision = "auto") -> Iterator[None]:
    """While it lasts, steps that are traced calculate as is fastest on this machine.

    With bfloat16 (Kalamkar et al., "A Study of BFLOAT16 for Deep Learning Training", 2019) only
    products are rounded: weights, their gradients' sums, the optimizer and the loss stay float32.

    Args:
        network: changed within the context and as before after it; nobody else may use it there,
            and what is traced there computes so for ever.
        precision: ``"auto"`` takes bfloat16 where the processor has instructions for it.
    """
    with contextlib.ExitStack() as stack:
        if precision == "auto" and trains_in_bfloat16():
            stack.enter_context(bfloat16.computing_in_bfloat16(network))
        stack.enter_context(fused_normalization(network))
        yield


def trains_in_bfloat16() -> bool:
    """Whether training is faster in bfloat16 here: where the engine would predict in it, too."""
    return "bfloat16" in backend.ways()
