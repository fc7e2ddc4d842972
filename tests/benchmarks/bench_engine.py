"""What the engine adds to the network: ``python -m tests.benchmarks.bench_engine [--rounds N]``.

Compares a prediction through the child process (pixels out, classes and confidence back) with
``predict_on_batch`` of the bare network on input that is ready. Both take turns in one run at the same
priority, so a busy machine slows both; the ratio of the medians counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from model.engine.client import open_engine

SIZES = ((360, 480), (512, 1024))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "unet.keras"
        _save_network(path)
        engine = open_engine()
        try:
            info = engine.load(str(path))
            if hasattr(os, "nice"):
                os.nice(5)  # as the engine's process, which was started first
            print(f"{engine.device().name}, {info.num_parameters} parameters, {rounds} rounds")
            for size in SIZES:
                pixels = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
                _report(size, _bare(path, pixels, info), lambda p=pixels: engine.predict(p), rounds)
        finally:
            engine.close()


def _save_network(path: Path) -> None:
    from model.unet import UNetConfig, build_unet

    build_unet(UNetConfig(num_classes=11)).save(path)


def _bare(path: Path, pixels: np.ndarray, info: object) -> Callable[[], object]:
    """The network alone, on input that is scaled and padded already."""
    import keras

    from model.predictor import padded_size
    from model.preprocessing import prepare_input

    # Opened anew for each size: Keras 3.15.1 cannot trace a bilinear U-Net for a second one.
    network = keras.models.load_model(path, compile=False)
    height, width = padded_size(pixels.shape[:2], info.size_multiple)
    scaled = prepare_input(pixels, info.settings, 3)
    missing = ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0))
    batch = np.pad(scaled, missing, mode="reflect")[np.newaxis]
    return lambda: network.predict_on_batch(batch)


def _report(
    size: tuple[int, int], bare: Callable[[], object], engine: Callable[[], object], rounds: int
) -> None:
    times: dict[str, list[float]] = {"bare": [], "engine": []}
    for turn in range(rounds + 2):
        for name, call in (("bare", bare), ("engine", engine)):
            start = time.perf_counter()
            call()
            if turn >= 2:  # the first two compile and warm up
                times[name].append(time.perf_counter() - start)
    alone, through = (statistics.median(times[name]) for name in ("bare", "engine"))
    best = min(times["engine"]) / min(times["bare"])
    print(
        f"{size[1]} x {size[0]}: bare {alone * 1e3:.1f} ms, engine {through * 1e3:.1f} ms, "
        f"ratio {through / alone:.3f} (of the fastest rounds {best:.3f})"
    )


if __name__ == "__main__":
    main()
