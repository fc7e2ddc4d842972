"""Running a float32 network in bfloat16, with the same weights. Imports Keras.

bfloat16 has the range of float32 and 8 significant bits. Processors with instructions for it
multiply matrices two to sixteen times as fast; all others emulate it and are slower.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import keras

_FAST_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
_POLICY = "mixed_bfloat16"
"""Computes in bfloat16; variables are and stay float32."""


@cache
def is_fast_here() -> bool:
    """Whether the processor multiplies bfloat16 itself; only Linux tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return has_fast_bfloat16(file.read())
    except OSError:
        return False


def has_fast_bfloat16(processor_info: str) -> bool:
    """Whether all processors of a text like ``/proc/cpuinfo`` can multiply bfloat16.

    Only x86 is judged; TensorFlow has no such kernels for others in its packages.
    """
    flags = [
        set(value.split())
        for name, _, value in (line.partition(":") for line in processor_info.splitlines())
        if name.strip() == "flags"
    ]
    return bool(flags) and all(found & _FAST_FLAGS for found in flags)


@contextlib.contextmanager
def computing_in_bfloat16(network: keras.Model) -> Iterator[None]:
    """While it lasts, what is traced of the network computes in bfloat16.

    No second network is built, so there is no second set of weights: what is traced reads the
    variables of the network itself, casts them, and follows when they change. The last layers with
    weights and all behind them stay float32: they cost little, and neighbouring probabilities
    would become equal.

    Args:
        network: changed within the context and as before after it; nobody else may use it there.
    """
    last = _last_layers(network)
    changed = [
        (layer, layer.dtype_policy)
        for layer in network._flatten_layers(include_self=False)
        if id(layer) not in last and not isinstance(layer, keras.Model)
        and layer.dtype_policy.name == "float32"
    ]  # fmt: skip
    try:
        for layer, _ in changed:
            layer.dtype_policy = _POLICY
        yield
    finally:
        for layer, policy in changed:
            layer.dtype_policy = policy


def _last_layers(network: keras.Model) -> set[int]:
    """Identities of the layers from the last ones with weights to the answers."""
    found: set[int] = set()
    waiting: list[Any] = list(keras.tree.flatten(network.outputs))
    seen: set[int] = set()
    while waiting:
        history = waiting.pop()._keras_history
        operation = history.operation
        if isinstance(operation, keras.Model):
            found |= _last_layers(operation)
        elif isinstance(operation, keras.Layer):
            found |= {id(layer) for layer in operation._flatten_layers()}
        if getattr(operation, "weights", ()) or id(operation) in seen:
            continue
        seen.add(id(operation))
        waiting += operation._inbound_nodes[history.node_index].input_tensors
    return found
