"""What the engine adds to the network: ``python -m tests.benchmarks.bench_engine [--rounds N]``.

Compares a prediction through the child process (pixels out, classes and confidence back) with
``predict_on_batch`` of the bare network on input that is ready. Both take turns at the same
priority, so a busy machine slows both; on a very busy one trust the ratio of processor times.
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

from model.engine.client import ProcessEngine

SIZES = ((360, 480), (512, 1024))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "unet.keras"
        _save_network(path)
        engine = ProcessEngine()
        try:
            info = engine.load(str(path))
            if hasattr(os, "nice"):
                os.nice(5)  # as the engine's process, which was started first
            print(f"{engine.device().name}, {info.num_parameters} parameters, {rounds} rounds")
            for size in SIZES:
                _report(size, _bare(path, _image(size), info), engine, rounds)
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
    size: tuple[int, int], bare: Callable[[], object], engine: ProcessEngine, rounds: int
) -> None:
    pixels = _image(size)
    calls = {"bare": bare, "engine": lambda: engine.predict(pixels)}
    clocks = {"wall": time.perf_counter, "processor": lambda: _processor_seconds(engine.pid)}
    spent: dict[tuple[str, str], list[float]] = {(c, n): [] for c in clocks for n in calls}
    for turn in range(rounds + 2):
        for name, call in calls.items():
            before = {clock: read() for clock, read in clocks.items()}
            call()
            if turn >= 2:  # the first two compile and warm up
                for clock, read in clocks.items():
                    spent[clock, name].append(read() - before[clock])
    bare_wall, engine_wall = (statistics.median(spent["wall", name]) for name in calls)
    processor_bare, processor_engine = (sum(spent["processor", name]) for name in calls)
    print(
        f"{size[1]} x {size[0]}: bare {bare_wall * 1e3:.1f} ms, engine {engine_wall * 1e3:.1f} ms; "
        f"ratio of medians {engine_wall / bare_wall:.3f}, "
        f"of the fastest {min(spent['wall', 'engine']) / min(spent['wall', 'bare']):.3f}, "
        f"of processor time {processor_engine / processor_bare:.3f}"
    )


def _image(size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)


def _processor_seconds(child: int) -> float:
    """Spent by this process and the engine's together; other programs do not count."""
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
