"""Opens damaged and hostile model files: ``python -m tests.benchmarks.fuzz_models``.

Files of the zoo are mutated and opened in processes with limits of time and memory. Right is a
network, or a ModelFileError; everything else is counted as a failure and kept with its seed:
``--only SEED`` makes and opens that file again.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.corpus import read_corpus
from tests.fuzz.making import make_file
from tests.fuzz.workers import Task, Tried, try_files

STAGES = ("inspect", "contents", "weights", "network")


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if options.only:
        return _once(options.only)
    end = time.monotonic() + options.seconds if options.seconds else None
    tally: Counter[tuple[str, str]] = Counter()
    failures: list[Tried] = []
    slowest: list[tuple[float, str]] = []
    start = time.monotonic()
    for tried in try_files(
        _tasks(options, end), num_workers=options.workers, with_keras=options.every > 0,
        kept_in=options.keep,
    ):  # fmt: skip
        outcome = tried.outcome
        tally[outcome.stage, outcome.result] += 1
        slowest = sorted([*slowest, (outcome.seconds, tried.task.seed)])[-3:]
        if outcome.result == "failure":
            failures.append(tried)
            print(f"{tried.task.seed}  {outcome.kind} at {outcome.stage}: {outcome.detail}  "
                  f"({tried.recipe})", flush=True)  # fmt: skip
    _report(tally, failures, slowest, time.monotonic() - start)
    return 1 if failures else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0, help="stop after; 0 for no limit")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--every", type=int, default=20,
                        help="share that Keras builds: one of so many; 0 for none")  # fmt: skip
    parser.add_argument("--keep", type=Path, help="folder for files that fail")
    parser.add_argument("--only", help="one seed, to see what happens")
    return parser.parse_args(arguments)


def _tasks(options: argparse.Namespace, end: float | None) -> Iterator[Task]:
    for number in itertools.count(options.first):
        is_over = end is not None and time.monotonic() > end
        if number >= options.first + options.files or is_over:
            return
        as_network = options.every > 0 and number % options.every == 0
        yield Task(f"{options.seed}-{number}", as_network)


def _once(seed: str) -> int:
    """One file in this process, without limits, with the traceback."""
    from model.foreign.contents import describe_contents
    from model.inspection import inspect_file
    from model.opening import open_network

    with tempfile.TemporaryDirectory(prefix="seggui-fuzz-") as place:
        made = make_file(read_corpus(), seed, Path(place))
        print(made.recipe, flush=True)
        report = inspect_file(made.path)
        print(describe_contents(report), flush=True)
        open_network(report).summary()
    return 0


def _report(
    tally: Counter[tuple[str, str]], failures: list[Tried], slowest: list[tuple[float, str]],
    seconds: float,
) -> None:  # fmt: skip
    print(f"\n{sum(tally.values())} files in {seconds:.0f} s\n")
    print("| Last stage | refused | opened | failures |\n|---|---|---|---|")
    for stage in (*STAGES, ""):
        counts = [tally[stage, result] for result in ("refused", "opened", "failure")]
        if any(counts):
            print(f"| {stage or 'process lost'} | {counts[0]} | {counts[1]} | {counts[2]} |")
    print("\nslowest: " + ", ".join(f"{s:.2f} s ({seed})" for s, seed in reversed(slowest)))
    for (kind, where), count in Counter(
        (tried.outcome.kind, tried.outcome.detail.partition("[")[2] or tried.outcome.stage)
        for tried in failures
    ).most_common():
        print(f"{count:5d} {kind}: {where}")


if __name__ == "__main__":
    sys.exit(main())
