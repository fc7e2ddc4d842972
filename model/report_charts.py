"""The charts of a report as inline HTML and SVG: bars, confusion matrix, training curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from model.data.label_sets import Color
from model.evaluation_result import Evaluation
from model.training_log import TrainingLog

MOST_CLASSES_IN_MATRIX = 40

_NUM_COLORS = 6
_MOST_CHARTS = 8
_WIDTH, _HEIGHT = 460, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 10, 26


def percent(share: float | None) -> str:
    """A share for people, with the exact value in the markup; a dash where there is none."""
    if share is None:
        return "&ndash;"
    return f'<data value="{share!r}">{100 * share:.1f}&nbsp;%</data>'


def swatch(color: Color) -> str:
    """A small square in the colour of a class."""
    return f'<span class="swatch" style="background:rgb{color}"></span>'


def bar(share: float | None, color: Color) -> str:
    """A horizontal bar of the length of a share."""
    width = 100 * (share or 0.0)
    return (
        '<svg viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="14"/>'
        f'<rect class="value" width="{width:.3f}" height="14" fill="rgb{color}"/></svg>'
    )


def confusion_table(evaluation: Evaluation) -> str:
    """The confusion matrix as a table: share of each true class, counts when pointed at.

    Of more than ``MOST_CLASSES_IN_MATRIX`` classes only those with the most pixels are shown.
    """
    shown = shown_classes(evaluation)
    names = evaluation.class_names
    head = "".join(f'<th scope="col"><span>{escape(names[j])}</span></th>' for j in shown)
    rows = "".join(
        f'<tr><th scope="row">{swatch(evaluation.class_colors[i])}{escape(names[i])}</th>'
        f"{''.join(_cell(evaluation, i, j) for j in shown)}</tr>"
        for i in shown
    )
    return (
        '<div class="scroll"><table class="heat"><thead><tr>'
        f'<th class="corner">truth &darr; &nbsp; prediction &rarr;</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def shown_classes(evaluation: Evaluation) -> list[int]:
    """The classes that `confusion_table` shows, in the order of their index."""
    pixels = np.array(evaluation.true_pixels) + np.array(evaluation.predicted_pixels)
    most = np.argsort(-pixels, kind="stable")[:MOST_CLASSES_IN_MATRIX]
    return sorted(int(i) for i in most)


def _cell(evaluation: Evaluation, i: int, j: int) -> str:
    count, total = int(evaluation.confusion[i, j]), evaluation.true_pixels[i]
    right = " right" if i == j else ""
    truth, predicted = evaluation.class_names[i], evaluation.class_names[j]
    title = escape(f"{truth} predicted as {predicted}: {count:,} of {total:,} pixels")
    if not total:
        return f'<td class="none{right}" title="{title}">&middot;</td>'
    share = count / total
    strong = " strong" if share > 0.55 else ""
    text = f"{100 * share:.1f}" if share >= 0.0005 or i == j else ("&lt;0.1" if count else "")
    return (
        f'<td class="cell{right}{strong}" title="{title}" '
        f'style="background:rgba(var(--heat),{share:.3f})">{text}</td>'
    )


@dataclass(frozen=True)
class _Chart:
    title: str
    names: tuple[str, ...]


def training_charts(log: TrainingLog) -> str:
    """The curves of a training: losses in one chart, shares in one, everything else by itself."""
    return "".join(_chart_html(log, chart) for chart in _group(log)[:_MOST_CHARTS])


def _group(log: TrainingLog) -> list[_Chart]:
    losses = [name for name in log.columns if "loss" in name.lower()]
    rest = [name for name in log.columns if name not in losses]
    shares = [name for name in rest if _is_share(name, log.columns[name])]
    charts = [_Chart(title, tuple(names))
              for title, names in (("Loss", losses), ("Scores", shares)) if names]  # fmt: skip
    others = [name for name in rest if name not in shares]
    return charts + [_Chart(_words(name), (name,)) for name in others]


def _is_share(name: str, values: Sequence[float | None]) -> bool:
    is_rate = "rate" in name.lower() or name.lower() == "lr"
    return not is_rate and all(0 <= v <= 1 for v in _finite(values))


def _finite(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]


def _chart_html(log: TrainingLog, chart: _Chart) -> str:
    bases = list(dict.fromkeys(_base(name) for name in chart.names))
    styles = {
        name: f"s{bases.index(_base(name)) % _NUM_COLORS}{_kind(name, chart.names)}"
        for name in chart.names
    }
    keys = "".join(
        f'<span><span class="key {styles[name]}"></span>{escape(_words(name))}</span>'
        for name in chart.names
    )
    svg = _curves_svg(log, chart, styles)
    title = escape(chart.title)
    return f'<div class="chart"><h3>{title}</h3>{svg}<div class="legend">{keys}</div></div>'


def _base(name: str) -> str:
    return name.removeprefix("val_")


def _kind(name: str, names: tuple[str, ...]) -> str:
    """Dashed where the same number of the validation stands beside it."""
    return " train" if f"val_{name}" in names else ""


def _words(name: str) -> str:
    return name.replace("val_", "validation ").replace("_", " ")


def _curves_svg(log: TrainingLog, chart: _Chart, styles: dict[str, str]) -> str:
    values = [value for name in chart.names for value in _finite(log.columns[name])]
    y_ticks = ticks(min(values), max(values))
    x_low, x_high = min(log.positions), max(log.positions)
    x_ticks = [t for t in ticks(x_low, x_high) if x_low <= t <= x_high] or [x_low]

    def x(value: float) -> float:
        span = (x_high - x_low) or 1.0
        return _LEFT + (value - x_low) / span * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        share = (value - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(t):.1f}" y2="{y(t):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y(t) + 4:.1f}" text-anchor="end">{t:g}</text>'
        for t in y_ticks
    ]
    parts += [
        f'<text x="{x(t):.1f}" y="{_HEIGHT - 10}" text-anchor="middle">{t:g}</text>'
        for t in x_ticks
    ]
    for name in chart.names:
        for line in _unbroken(log.positions, log.columns[name]):
            points = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line)
            parts.append(
                f'<polyline class="{styles[name]}" points="{points}" style="fill:none"/>'
                if len(line) > 1
                else f'<circle class="{styles[name]}" r="2.5" cx="{x(line[0][0]):.1f}" '
                f'cy="{y(line[0][1]):.1f}"/>'
            )
    label = escape(f"{chart.title} by {log.position_name}")
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def _unbroken(
    positions: Sequence[float], values: Sequence[float | None]
) -> Iterator[list[tuple[float, float]]]:
    """The stretches of a curve: what is not finite breaks it, what was not measured does not."""
    line: list[tuple[float, float]] = []
    for position, value in zip(positions, values, strict=True):
        if value is None:
            continue
        if math.isfinite(value):
            line.append((position, value))
        elif line:
            yield line
            line = []
    if line:
        yield line


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from below ``low`` to above ``high``, at least two, about five."""
    if not high > low:
        margin = abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
    raw = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]
