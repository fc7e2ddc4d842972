"""What differs between Keras' backends, all of it: devices, memory, compiling, determinism.

Everything else in the Keras half uses ``keras.ops`` and runs on TensorFlow, torch and JAX alike.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from model import bfloat16, winograd
from model.engine.protocol import DeviceInfo

_ASSUMED_MEMORY = 4 * 2**30

Compiled = Callable[..., tuple[npt.NDArray[Any], ...]]
"""Takes arrays, returns arrays."""


def configure() -> None:
    """Prepares the backend; called once, before anything else touches it.

    GPU memory is taken as needed and not all at once, so that a second process (fine-tuning) fits.
    A user's ``keras.json`` must not change what a model file means.
    """
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        for gpu in tf.config.list_physical_devices("GPU"):
            try:
                tf.config.experimental.set_memory_growth(gpu, True)
            except RuntimeError:
                # Something used the GPU before; growth is a courtesy to others, not a condition.
                return


def make_deterministic(seed: int) -> None:
    """Seeds Python, NumPy and the backend, and asks the backend for reproducible kernels."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "torch":
        import torch

        torch.use_deterministic_algorithms(True, warn_only=True)


def device_info() -> DeviceInfo:
    """What networks run on in this process."""
    name = keras.backend.backend()
    gpu, version = _PROBES.get(name, _probe_nothing)()
    backend = f"{name} {version}".strip()
    if gpu:
        return DeviceInfo("gpu", gpu, backend)
    cores = num_cores()
    return DeviceInfo("cpu", f"CPU, {cores} core{'s' if cores != 1 else ''}", backend)


def num_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ways() -> tuple[str, ...]:
    """Names of the ways in which `compiled` can run a function here; the first always works."""
    if keras.backend.backend() == "tensorflow" and device_info().kind == "cpu":
        extra = ("bfloat16",) if bfloat16.is_fast_here() else ()
        return ("graph", "constants", "xla", "winograd", *extra)
    return ("graph",)


def compiled(
    function: Callable[..., Sequence[Any]],
    *,
    on_cpu: bool = False,
    way: str = "graph",
    network: keras.Model | None = None,
) -> Compiled:
    """Compiles a function of tensors for one set of input shapes.

    Shapes stay fixed on purpose: Keras' bilinear ``UpSampling2D`` cannot be traced with a free size
    (3.15.1 tests a symbolic size for truth), which is why ``predict_on_batch`` fails at the second
    image size of such a network. Callers keep one compiled function per shape.

    Args:
        function: takes tensors, returns a sequence of tensors.
        on_cpu: run on the CPU though there is a GPU.
        way: one of :func:`ways`. With ``"constants"`` the weights of the moment are part of the
            graph, with ``"winograd"`` those of wide convolutions: later changes are not seen.
        network: what the function runs. ``"bfloat16"`` and ``"winograd"`` have to know it, and JAX,
            or it takes the weights of the first call for constants.

    Returns:
        A function that takes arrays and returns arrays.
    """
    call = _jit(function, way, network)

    def run(*arrays: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
        if on_cpu:
            with keras.device("cpu:0"):
                return _to_numpy(call(*map(keras.ops.convert_to_tensor, arrays)))
        return _to_numpy(call(*map(keras.ops.convert_to_tensor, arrays)))

    return run


def highest(values: Any) -> tuple[Any, Any]:
    """The highest value along the last axis and where it is; of equals the first.

    Args:
        values: (..., C) tensor.

    Returns:
        Two (...) tensors: values and int indices.
    """
    if keras.backend.backend() == "tensorflow" and device_info().kind == "cpu":
        # Half the processor time of max and argmax, which was 7 % of a small U-Net's: 14 instead of
        # 33 ms for 512 x 1024 x 11 with TensorFlow 2.21.
        found, indices = keras.ops.top_k(values, 1)
        return found[..., 0], indices[..., 0]
    return keras.ops.max(values, axis=-1), keras.ops.argmax(values, axis=-1)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a failure means that the device had no room for the tensors."""
    if isinstance(error, MemoryError):
        return True
    if type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError"):
        return True
    text = str(error)
    return "RESOURCE_EXHAUSTED" in text or "OOM when allocating" in text


def available_memory() -> int:
    """Bytes of main memory that may still be used; 4 GiB where the system does not tell."""
    candidates = [_system_memory(), _group_memory()]
    return min((c for c in candidates if c is not None), default=_ASSUMED_MEMORY)


def _jit(
    function: Callable[..., Sequence[Any]], way: str, network: keras.Model | None
) -> Callable[..., Sequence[Any]]:
    name = keras.backend.backend()
    if name == "tensorflow":
        return _trace_with_tensorflow(function, way, network)
    if name == "jax":
        return _jit_with_jax(function, network)
    if name == "torch":
        import torch

        return torch.no_grad()(function)  # type: ignore[no-any-return]
    return function


def _trace_with_tensorflow(
    function: Callable[..., Sequence[Any]], way: str, network: keras.Model | None
) -> Callable[..., Sequence[Any]]:
    import tensorflow as tf

    if way in ("bfloat16", "winograd") and network is None:
        raise ValueError(f"the way {way!r} needs the network that the function runs")
    traced: list[Callable[..., Sequence[Any]]] = []

    def run(*tensors: Any) -> Sequence[Any]:
        if not traced:
            # XLA takes seconds per shape, and images come in many: only where it was asked for.
            general = tf.function(function, autograph=False, jit_compile=way == "xla")
            specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors]
            with _traced_as(way, network):
                concrete = general.get_concrete_function(*specs)
            traced.append(_with_constants(concrete) if way == "constants" else concrete)
        return traced[0](*tensors)

    return run


def _jit_with_jax(
    function: Callable[..., Sequence[Any]], network: keras.Model | None
) -> Callable[..., Sequence[Any]]:
    """Compiles with the weights as arguments, so that later changes of them are seen."""
    import jax

    variables = [] if network is None else network.variables

    def stateless(values: Sequence[Any], *tensors: Any) -> Sequence[Any]:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return function(*tensors)

    general = jax.jit(stateless)
    return lambda *tensors: general([variable.value for variable in variables], *tensors)


def _traced_as(way: str, network: keras.Model | None) -> contextlib.AbstractContextManager[None]:
    """How the network computes while it is traced; its variables are float32 always."""
    if way == "bfloat16" and network is not None:
        return bfloat16.computing_in_bfloat16(network)
    if way == "winograd" and network is not None:
        room = min(winograd.MAX_BYTES, available_memory() // 4)
        return winograd.fewer_multiplications(network, max_bytes=room)
    return contextlib.nullcontext()


def _with_constants(concrete: Any) -> Callable[..., Sequence[Any]]:
    """The same graph with the weights inside, which TensorFlow then simplifies further."""
    from tensorflow.python.framework import convert_to_constants

    frozen: Callable[..., Sequence[Any]] = convert_to_constants.convert_variables_to_constants_v2(
        concrete
    )
    return frozen


def _to_numpy(tensors: Sequence[Any]) -> tuple[npt.NDArray[Any], ...]:
    return tuple(np.asarray(keras.ops.convert_to_numpy(tensor)) for tensor in tensors)


def _probe_tensorflow() -> tuple[str, str]:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "", tf.__version__
    details = tf.config.experimental.get_device_details(gpus[0])
    return str(details.get("device_name", "GPU")), tf.__version__


def _probe_torch() -> tuple[str, str]:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0), torch.__version__
    if torch.backends.mps.is_available():
        return "Apple GPU", torch.__version__
    return "", torch.__version__


def _probe_jax() -> tuple[str, str]:
    import jax

    device = jax.devices()[0]
    return ("" if device.platform == "cpu" else str(device.device_kind)), jax.__version__


def _probe_nothing() -> tuple[str, str]:
    return "", ""


_PROBES: dict[str, Callable[[], tuple[str, str]]] = {
    "tensorflow": _probe_tensorflow,
    "torch": _probe_torch,
    "jax": _probe_jax,
}


def _system_memory() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return _windows_memory() if os.name == "nt" else None
    return None


def _windows_memory() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in (
                "total", "available", "total_page", "available_page", "total_virtual",
                "available_virtual", "extended")),
        )  # fmt: skip

    status = Status(length=ctypes.sizeof(Status))
    kernel: Any = getattr(ctypes, "windll").kernel32  # noqa: B009 - exists on Windows only
    return int(status.available) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None


def _group_memory() -> int | None:
    """What a container still allows (control groups, version 2)."""
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            limit = file.read().strip()
        with open("/sys/fs/cgroup/memory.current", encoding="ascii") as file:
            used = int(file.read())
    except (OSError, ValueError):
        return None
    return max(0, int(limit) - used) if limit.isdigit() else None
