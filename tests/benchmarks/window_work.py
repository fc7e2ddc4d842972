"""Next image, undo, the event loop under work, predicting a folder, memory."""

from __future__ import annotations

import argparse
import operator
import time
from functools import partial
from pathlib import Path

from model.engine.client import ProcessEngine
from model.engine.pipeline import ImageJob, predict_images
from model.engine.protocol import Prediction
from tests.benchmarks.other_load import OtherLoad
from tests.benchmarks.window_motion import bare, driven, wait_for
from tests.benchmarks.window_report import Report
from tests.benchmarks.window_scenes import (
    SIZE,
    block_color,
    write_corrections,
    write_folder,
    write_image,
    write_network,
)

NUM_STEPS = 60
WATCH_SECONDS = 20
NUM_IN_BATCH = 40


def measure_steps(place: Path, options: argparse.Namespace, report: Report) -> None:
    """Key D until the next image is seen, and Control Z until a stroke is gone."""
    folder = write_folder(place / "folder", 200)
    next_ms, undo_ms = [], []
    with driven(folder, place / "home") as window:
        screen, remote = window.screen, window.remote
        time.sleep(8)  # the engine starts
        remote.ask("view", 0)
        left, top, width, height = remote.ask("canvas")
        x, y = left + width // 2, top + height // 2
        screen.move(x, y - 100)
        time.sleep(1)  # the window gets the keyboard
        for number in range(1, NUM_STEPS + 1):
            start = time.perf_counter()
            screen.key("d")
            seen = screen.wait_until(x, y, partial(operator.eq, block_color(number)))
            next_ms.append((seen - start) * 1000)
            time.sleep(0.6)  # somebody looks at it, the neighbour is read ahead
        remote.ask("brush", 60, 1)
        before = screen.pixel(x, y)
        for _ in range(NUM_STEPS):
            screen.move(x - 100, y)
            screen.button(True)
            screen.move(x, y)
            screen.move(x + 100, y)
            screen.wait_until(x, y, lambda color: color != before)
            screen.button(False)
            time.sleep(0.1)
            start = time.perf_counter()
            screen.key("z", with_control=True)
            seen = screen.wait_until(x, y, lambda color: color == before)
            undo_ms.append((seen - start) * 1000)
    report.times("next image, read ahead", next_ms)
    report.times("undo of a stroke", undo_ms)


def measure_gaps(place: Path, options: argparse.Namespace, report: Report) -> None:
    """From beat to beat of a 2 ms timer in the window, and in the bare widget beside it."""
    image = place / "image.png"
    write_image(image, SIZE, 0)
    folder = write_folder(place / "folder", 40)
    write_corrections(folder, range(1, 8))
    network = write_network(place / "network.keras")
    with bare(image) as probe, driven(folder, place / "home") as window:
        remote = window.remote

        def watch(name: str, is_over: object, *, timeout: float = 300) -> None:
            load = OtherLoad()
            probe.remote.ask("start_heartbeat")
            remote.ask("start_heartbeat")
            if callable(is_over):
                wait_for(remote, is_over, timeout=timeout)
            else:
                time.sleep(WATCH_SECONDS)
            gaps, bare_gaps = remote.ask("stop_heartbeat"), probe.remote.ask("stop_heartbeat")
            report.times(name, gaps, bare_gaps)
            report.line(f"   other programs took {load.share():.1%} of the cores meanwhile")

        watch("engine starts, idle otherwise", None)
        remote.ask("load_model", str(network))
        watch("network is loaded, first prediction", lambda state: state["answers"] > 0)
        for name, waits_for_answer, first in (
            ("20 images in a row, as fast as they come", False, "frame_00000.png"),
            ("20 images in a row, each predicted", True, "frame_00020.png"),
        ):
            remote.ask("show", first)
            time.sleep(3)
            remote.ask("walk", 20, waits_for_answer)
            watch(name, lambda state: not state["is_walking"])
        remote.ask("show", "frame_00000.png")
        remote.ask("fine_tune", 100_000)
        watch("fine-tuning starts", lambda state: state["steps"] > 2)
        watch("fine-tuning", None)
        remote.ask("walk", 20)
        watch("fine-tuning, 20 images in a row", lambda state: not state["is_walking"])
        remote.ask("stop_training")
        wait_for(remote, lambda state: not state["is_training"])
        remote.ask("predict_all")
        watch("predicting the folder", lambda state: state["batch_seconds"] > 0)
        for problem in remote.ask("state")["problems"]:
            report.line(f"   the window reported: {problem}")


def measure_batch(place: Path, options: argparse.Namespace, report: Report) -> None:
    """Images per second: the network alone, the folder pipeline, and the window's batch."""
    folder = write_folder(place / "folder", NUM_IN_BATCH)
    network = write_network(place / "network.keras")
    with driven(folder, place / "home") as window:
        remote = window.remote
        remote.ask("automatic", False)
        remote.ask("load_model", str(network))
        wait_for(remote, lambda state: state["model"])
        alone = [_network_seconds(network, folder)]
        pipeline = _pipeline_seconds(network, folder, place / "out")
        num_images = remote.ask("predict_all")
        in_window = wait_for(remote, lambda state: state["batch_seconds"] > 0)["batch_seconds"]
        alone.append(_network_seconds(network, folder))
    rate = NUM_IN_BATCH / (sum(alone) / len(alone))
    for name, images, seconds in (
        ("folder pipeline of the command line", NUM_IN_BATCH, pipeline),
        ("predict all in the window", num_images, in_window),
    ):
        report.line(
            f"{name}: {images / seconds:.2f} images/s, network alone {rate:.2f} images/s, "
            f"share {images / seconds / rate:.3f}"
        )


def _network_seconds(network: Path, folder: Path) -> float:
    """For as many predictions of one image that is in memory."""
    from model.data.images import read_image

    pixels = read_image(folder / "frame_00000.png").pixels
    engine = ProcessEngine()
    try:
        engine.load(str(network))
        engine.predict(pixels)
        start = time.perf_counter()
        for _ in range(NUM_IN_BATCH):
            engine.predict(pixels)
        return time.perf_counter() - start
    finally:
        engine.close()


def _pipeline_seconds(network: Path, folder: Path, output: Path) -> float:
    from model.data.label_sets import generic_label_set
    from model.data.masks import write_mask

    output.mkdir()
    label_set = generic_label_set(11)

    def write(job: ImageJob, prediction: Prediction) -> None:
        write_mask(job.output_path, prediction.classes, label_set)

    jobs = [ImageJob(path, output / path.name) for path in sorted(folder.glob("*.png"))]
    engine = ProcessEngine()
    try:
        engine.load(str(network))
        next(iter(predict_images(engine, jobs[:1], write)))
        start = time.perf_counter()
        errors = [outcome.error for outcome in predict_images(engine, jobs, write)]
        seconds = time.perf_counter() - start
    finally:
        engine.close()
    if any(errors):
        raise RuntimeError(f"not all images were predicted: {errors}")
    return seconds


def measure_memory(place: Path, options: argparse.Namespace, report: Report) -> None:
    """Of the window's process, over many switches of the image."""
    folder = write_folder(place / "folder", options.images)
    network = write_network(place / "network.keras")
    with driven(folder, place / "home") as window:
        remote = window.remote
        remote.ask("load_model", str(network))
        wait_for(remote, lambda state: state["answers"] > 0)
        report.line(f"first image shown and predicted: {remote.megabytes:.0f} MB")
        shares = []
        for _ in range(10):
            start = time.monotonic()
            remote.ask("walk", options.switches // 10)
            wait_for(remote, lambda state: not state["is_walking"], timeout=600)
            took = (time.monotonic() - start) / (options.switches // 10)
            shares.append(remote.megabytes)
            report.line(
                f"after {len(shares) * options.switches // 10} switches: {shares[-1]:.0f} MB, "
                f"{took * 1000:.0f} ms per switch"
            )
        report.line(f"growth over the last nine tenths: {shares[-1] - shares[0]:+.1f} MB")
