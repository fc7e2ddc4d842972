"""How fast the recipes' networks run and learn here, in the ways that there are.

    python -m tests.benchmarks.bench_network [--rounds 5] [--only default plain seed] [--bfloat16]

The ways take turns, so that other load on the machine hits all of them; the fastest round of each
counts. ``predict`` is plain ``model.predict``; the others are those of `model.backend.ways`, with
everything that a prediction needs behind the network. Training is one step on the same crops, plain
float32 ``model.fit`` beside the step of ``seggui train``. Not part of the test suite.

Where ``onnxruntime`` and ``tf2onnx`` are installed, ONNX Runtime takes its turn with the same
network in float32: alone, which leaves out what the others do behind it, and with the classes.
Neither belongs to the development tools; an environment of their own is a good place for them.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from model.recipes import DEFAULT, PLAIN

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

NUM_CLASSES = 11
CROPS = {
    "default": (DEFAULT.batch_size, *DEFAULT.crop_size, 3),
    "plain": (PLAIN.batch_size, *PLAIN.crop_size, 3),
    "seed": (2, 416, 416, 1),
}
"""What one training step is measured on; the seed's own batch of 8 takes half a minute."""


def networks() -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Name -> network and the shape of one image for it."""
    from model.scratch_network import build_network
    from model.unet import build_seed_unet

    return {
        "default": (build_network(DEFAULT, NUM_CLASSES), (1, 368, 480, 3)),
        "plain": (build_network(PLAIN, NUM_CLASSES), (1, 368, 480, 3)),
        "seed": (build_seed_unet(), (1, 416, 416, 1)),
    }


def fastest(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Milliseconds of the fastest round of each, after one that does not count."""
    for run in runs.values():
        run()
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            best[name] = min(best[name], 1000 * (time.perf_counter() - started))
    return best


def prediction_runs(
    network: Any, shape: tuple[int, ...], *, with_bfloat16: bool
) -> dict[str, Callable[[], object]]:
    """Plain ``predict``, every way of the engine and ONNX Runtime on one image."""
    from model import backend

    image = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    runs: dict[str, Callable[[], object]] = {
        "predict": lambda: network.predict(image, verbose=0).argmax(-1)
    }

    def labels(inputs: Any) -> tuple[Any, ...]:
        return backend.highest(network(inputs, training=False))

    forced = ("bfloat16",) if with_bfloat16 else ()
    for way in dict.fromkeys((*backend.ways(), *forced)):
        run = backend.compiled(labels, way=way, network=network)
        runs[way] = lambda run=run: run(image)  # type: ignore[misc]
    try:
        runs |= onnx_runs(network, image)
    except ImportError as error:
        print(f"ONNX Runtime is left out: {str(error).splitlines()[0]}")
    return runs


def onnx_runs(network: Any, image: np.ndarray) -> dict[str, Callable[[], object]]:
    """The network in ONNX Runtime, float32, with its own choice of threads.

    Raises:
        ImportError: it or the converter is not installed.
    """
    import keras
    import onnxruntime

    from model import backend

    with_classes = keras.Model(network.inputs, list(backend.highest(network.outputs[0])))
    networks = {"ONNX": network, "ONNX with classes": with_classes}
    signature = [keras.InputSpec(shape=image.shape, dtype="float32", name="image")]
    runs: dict[str, Callable[[], object]] = {}
    for name, exported in networks.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "network.onnx")
            exported.export(path, format="onnx", input_signature=signature, verbose=False)
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        inputs = {session.get_inputs()[0].name: image}
        runs[name] = lambda session=session, inputs=inputs: session.run(None, inputs)  # type: ignore[misc]
    return runs


def training_runs(name: str) -> tuple[dict[str, Callable[[], object]], str]:
    """One step by ``fit`` in float32 and one as ``seggui train`` makes it, on the same crops.

    Returns:
        What to run, and what a step is.
    """
    import keras

    from model.batches import every_nth_pixel
    from model.fast_steps import fast_steps
    from model.recipes import RECIPES, Precision
    from model.scratch_network import build_network, compile_learner, learner_of

    recipe = RECIPES[name]
    num_images, height, width, channels = shape = CROPS[name]
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, shape).astype(np.float32)
    masks = rng.integers(0, NUM_CLASSES, shape[:3]).astype(np.uint8)
    targets = np.eye(NUM_CLASSES + 1, dtype=np.float32)[masks] if recipe.trains_void else masks
    plain = build_network(recipe, NUM_CLASSES)
    loss = "categorical_crossentropy" if recipe.trains_void else "sparse_categorical_crossentropy"
    plain.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    plain_targets = targets if recipe.trains_void else masks.astype(np.int32)  # no uint8 here

    def our_step(precision: Precision) -> Callable[[], None]:
        network = build_network(recipe, NUM_CLASSES)
        learner, stride = learner_of(network, recipe)
        compile_learner(learner, recipe, np.ones(NUM_CLASSES, np.int64))
        some = every_nth_pixel(targets, stride, phase=0)

        def step() -> None:
            with fast_steps(network, precision=precision):
                learner.train_on_batch(images, some, return_dict=True)

        return step

    runs: dict[str, Callable[[], object]] = {
        "model.fit": lambda: plain.fit(images, plain_targets, batch_size=num_images, verbose=0),
        "seggui train": our_step("auto"),
        "the same in float32": our_step("float32"),
    }
    return runs, f"{num_images} crops of {width}x{height}x{channels}"


def main() -> None:
    """Prints one line per network and work."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=tuple(CROPS))
    parser.add_argument("--bfloat16", action="store_true", help="also where it is not fast")
    arguments = parser.parse_args()
    for name, (network, shape) in networks().items():
        if arguments.only and name not in arguments.only:
            continue
        size = f"{shape[2]}x{shape[1]}"
        runs = prediction_runs(network, shape, with_bfloat16=arguments.bfloat16)
        best = fastest(runs, arguments.rounds)
        _report(f"{name}, {network.count_params():,} parameters, one image {size}", best, "predict")
        steps, what = training_runs(name)
        best = fastest(steps, max(2, arguments.rounds // 2))
        _report(f"{name}, one training step of {what}", best, "model.fit")


def _report(title: str, best: dict[str, float], bound: str) -> None:
    parts = (f"{n} {ms:.0f} ms ({best[bound] / ms:.2f}x)" for n, ms in best.items())
    print(f"{title}: " + ", ".join(parts), flush=True)


if __name__ == "__main__":
    main()
