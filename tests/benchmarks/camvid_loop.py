"""Measures the loop on CamVid: correct a few frames, fine-tune, score later frames and old ones.

    python -m tests.benchmarks.camvid_loop DATA_DIR BASE.keras [--frames 5,10] [--out FILE]

Stage "P3 other day": the base network (``camvid_base``) saw the drives 0001TP and 0016E5. Of drive
0006R0, frames 1-56 are the pool that a simulated person corrects some of. Three sets are scored:
``rest``, the pool without the corrected frames, is what a person sees next; ``future``, frames
61-101, is another street with other shares of the classes (the pool is 4 % building and 24 % tree,
the future 20 % and 11 %); ``past``, 20 frames of 0016E5 that the base never saw, shows what was
forgotten.

Arms: ``painted`` trusts the brush only; ``accepted`` also trusts the rest of a corrected frame, as
after pressing "accept"; ``dense`` is the true mask of the same frames, which no person paints in a
minute. One in five corrected frames is held out for scoring, as in the program.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from model.engine.protocol import (
    Activation,
    Fit,
    ModelSettings,
    Scaling,
    Scores,
    TrainingDone,
    TrainingPlan,
    TrainingRequest,
    TrainingSample,
    TrainingScored,
    TrainingSettings,
    TrainingStep,
)
from model.engine.training import TrainingRun
from model.training_data import ACCEPTED, CORRECTED, PREDICTED, LoadedSample
from tests.benchmarks.camvid_base import NUM_CLASSES, NUM_FORGETTING
from tests.benchmarks.simulated_annotator import correct

NAMES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian",
    "bicyclist",
)  # fmt: skip
POOL, FUTURE = slice(0, 56), slice(60, 101)
SETTINGS = ModelSettings(
    scaling=Scaling.RAW,
    channel_order="rgb",
    output_index=0,
    activation=Activation.SOFTMAX,
    fit=Fit.WHOLE,
    input_size=None,
    class_names=NAMES,
    class_colors=tuple((i * 20, 255 - i * 20, 128) for i in range(NUM_CLASSES)),
)


def read_frame(data_dir: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 pixels and (H, W) uint8 truth with 255 = void."""
    pixels = np.array(Image.open(data_dir / "train" / name).convert("RGB"))
    truth = np.array(Image.open(data_dir / "trainannot" / name))
    return pixels, np.where(truth >= NUM_CLASSES, 255, truth).astype(np.uint8)


def dense_samples(data_dir: Path, names: list[str]) -> list[LoadedSample]:
    """Frames with their true masks, for scoring."""
    samples = []
    for name in names:
        pixels, truth = read_frame(data_dir, name)
        nothing = np.zeros(truth.shape, bool)
        samples.append(LoadedSample(name, pixels, truth, nothing, nothing))
    return samples


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Scores of one network on the three sets."""

    rest: Scores
    future: Scores
    past: Scores


class Judge:
    """Scores networks on the rest of the pool, on the future and on the past."""

    def __init__(self, data_dir: Path, *, is_quick: bool) -> None:
        names = sorted(p.name for p in (data_dir / "train").iterdir())
        drive = [n for n in names if n.startswith("0006R0")]
        old = [n for n in names if n.startswith("0016E5")][-NUM_FORGETTING:]
        self._data_dir = data_dir
        self._step = 3 if is_quick else 1
        self.pool = drive[POOL]
        self._future = dense_samples(data_dir, drive[FUTURE][:: self._step])
        self._past = dense_samples(data_dir, old[:: self._step])

    def picked(self, count: int) -> list[str]:
        """Frames of the pool, evenly in time."""
        places = np.linspace(0, len(self.pool) - 1, count).round().astype(int)
        return [self.pool[i] for i in places]

    def verdict(self, path: Path, picked: list[str]) -> Verdict:
        """How good the network in a file is."""
        from model.evaluation import evaluate_samples

        predictor = load_predictor(path)
        rest = [n for n in self.pool if n not in picked][:: self._step]
        sets = (dense_samples(self._data_dir, rest), self._future, self._past)
        return Verdict(
            *(
                evaluate_samples(
                    predictor, samples, num_classes=NUM_CLASSES, is_cancelled=lambda: False
                )
                for samples in sets
            )
        )


def load_predictor(path: Path):
    """The network in a file, ready to predict."""
    from model.predictor import Predictor
    from model.training import open_model

    return Predictor(*open_model(path, SETTINGS))


def corrected_frames(
    data_dir: Path, names: list[str], folder: Path, base: Path, *, arm: str, budget_s: float
) -> tuple[tuple[TrainingSample, ...], dict[str, float]]:
    """Lets the simulated person correct the frames, and writes what the program would keep."""
    predictor = load_predictor(base)
    samples, seconds, strokes, painted_share = [], 0.0, 0, []
    for i, name in enumerate(names):
        pixels, truth = read_frame(data_dir, name)
        mask, provenance = truth, np.full(truth.shape, ACCEPTED, np.uint8)
        if arm != "dense":
            done = correct(
                predictor.predict(pixels).classes, truth,
                budget_s=budget_s, rng=np.random.default_rng(i),
            )  # fmt: skip
            rest = ACCEPTED if arm == "accepted" else PREDICTED
            mask, provenance = done.mask, np.where(done.painted, CORRECTED, rest).astype(np.uint8)
            seconds, strokes = seconds + done.seconds, strokes + done.num_strokes
            painted_share.append(float(done.painted.mean()))
        paths = [folder / f"{kind}_{name}" for kind in ("mask", "provenance")]
        for path, array in zip(paths, (mask, provenance), strict=True):
            Image.fromarray(array).save(path)
        is_held_out = len(names) >= 5 and i % 5 == 2
        samples.append(
            TrainingSample(
                str(data_dir / "train" / name), str(paths[0]), str(paths[1]), is_held_out
            )
        )
    effort = {
        "annotator_seconds": seconds,
        "strokes": strokes,
        "painted_share": float(np.mean(painted_share)) if painted_share else 1.0,
    }
    return tuple(samples), effort


def run_once(
    request: TrainingRequest, *, hosting: str, is_verbose: bool
) -> tuple[TrainingDone, dict[str, float]]:
    """Runs one fine-tuning; returns its end and what it cost."""
    started, first_step, losses, plan_s = time.monotonic(), 0.0, [], 0.0
    for event in TrainingRun(request, hosting=hosting).events():  # type: ignore[arg-type]
        if isinstance(event, TrainingPlan):
            plan_s = event.estimated_seconds
        elif isinstance(event, TrainingStep):
            first_step = first_step or time.monotonic()
            losses.append(event.loss)
        elif isinstance(event, TrainingScored) and is_verbose:
            recent = np.mean(losses[-25:]) if losses else float("nan")
            print(f"    step {event.step:4d}  loss {recent:.3f}  "
                  f"held-out mIoU {event.scores.mean_iou:.4f}  "
                  f"{'best' if event.is_best else ''}", flush=True)  # fmt: skip
        elif isinstance(event, TrainingDone):
            end = event
    wall_s = time.monotonic() - started
    cost = {
        "wall_seconds": wall_s,
        "estimated_seconds": plan_s,
        "seconds_per_step": (time.monotonic() - first_step) / max(1, end.num_steps_run),
        "steps": end.num_steps_run,
        "best_step": end.best_step,
    }
    return end, cost


def main() -> None:
    """Runs all arms and prints one line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("base", type=Path)
    parser.add_argument("--frames", default="5,10")
    parser.add_argument("--arms", default="painted,accepted,dense")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds per frame")
    parser.add_argument("--settings", default="{}", help="JSON: fields of TrainingSettings")
    parser.add_argument("--hosting", choices=("process", "thread"), default="process")
    parser.add_argument("--quick", action="store_true", help="score every second frame only")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()

    settings = dataclasses.replace(TrainingSettings(), **json.loads(arguments.settings))
    judge = Judge(arguments.data_dir, is_quick=arguments.quick)
    results = []
    for count in map(int, arguments.frames.split(",")):
        picked = judge.picked(count)
        base = judge.verdict(arguments.base, picked)
        print_row(f"base-{count}", base, base, {})
        results.append({"arm": f"base-{count}", **dataclasses.asdict(base)})
        for arm in arguments.arms.split(","):
            verdict, more = run_arm(arm, picked, judge, settings, arguments)
            print_row(f"{arm}-{count}", verdict, base, more)
            results.append({"arm": f"{arm}-{count}", **dataclasses.asdict(verdict), **more})
    if arguments.out:
        report = {"settings": dataclasses.asdict(settings), "results": results}
        arguments.out.write_text(json.dumps(report, indent=2))


def run_arm(
    arm: str,
    picked: list[str],
    judge: Judge,
    settings: TrainingSettings,
    arguments: argparse.Namespace,
) -> tuple[Verdict, dict[str, float]]:
    """Corrects, trains and scores once."""
    with tempfile.TemporaryDirectory() as folder:
        samples, effort = corrected_frames(
            arguments.data_dir, picked, Path(folder), arguments.base,
            arm=arm, budget_s=arguments.budget,
        )  # fmt: skip
        base, output = str(arguments.base), Path(folder) / "tuned.keras"
        request = TrainingRequest(base, SETTINGS, base, samples, str(output), settings)
        end, cost = run_once(request, hosting=arguments.hosting, is_verbose=True)
        if end.notes:
            print("    " + " ".join(end.notes))
        return judge.verdict(output, picked), {**effort, **cost}


def print_row(name: str, verdict: Verdict, base: Verdict, more: dict[str, float]) -> None:
    """For people: mIoU and accuracy in points, and what changed against the base."""
    print(f"{name:12s} " + "  ".join(f"{k} {v:.3g}" for k, v in more.items()))
    for field in dataclasses.fields(Verdict):
        now, then = getattr(verdict, field.name), getattr(base, field.name)
        per_class = "  ".join(
            f"{n[:5]} {100 * (a or 0):.0f}({100 * ((a or 0) - (b or 0)):+.0f})"
            for n, a, b in zip(NAMES, now.iou, then.iou, strict=True)
        )
        print(
            f"    {field.name:6s} mIoU {100 * now.mean_iou:5.2f} "
            f"({100 * (now.mean_iou - then.mean_iou):+5.2f})  accuracy {100 * now.accuracy:5.2f} "
            f"({100 * (now.accuracy - then.accuracy):+5.2f})  {per_class}",
            flush=True,
        )


if __name__ == "__main__":
    main()
