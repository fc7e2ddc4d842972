"""A survey as text for people and as plain data for programs."""

from __future__ import annotations

from typing import Any

from model.data.datasets.findings import Finding
from model.data.datasets.survey import DatasetSurvey

_MOST_SIZES = 8


def survey_table(survey: DatasetSurvey) -> str:
    """The survey as lines of text for a terminal."""
    lines = [
        f"{survey.name} ({survey.layout}) in {survey.folder}",
        f"Images: {survey.num_images:,} with a mask{_parts(survey)}",
        f"Sizes:  {_sizes(survey)}",
        "",
        *_class_rows(survey),
    ]
    if survey.unknown:
        lines += ["", *_unknown_rows(survey)]
    if survey.findings:
        lines += ["", *(line for finding in survey.findings for line in _finding_rows(finding))]
    return "\n".join(lines)


def to_json(survey: DatasetSurvey) -> dict[str, Any]:
    """The survey as one JSON object; shares are 0..1."""
    total = max(1, survey.num_pixels)
    return {
        "name": survey.name,
        "layout": survey.layout,
        "folder": str(survey.folder),
        "num_images": survey.num_images,
        "num_usable": len(survey.usable),
        "splits": dict(survey.num_by_split),
        "sizes": [
            {"width": each.width, "height": each.height, "num_images": each.num_images}
            for each in survey.sizes
        ],
        "classes": [
            {
                "index": each.index,
                "name": each.name,
                "color": list(each.color),
                "num_pixels": survey.class_pixels[each.index],
                "share": survey.class_share(each.index),
                "num_images": survey.class_images[each.index],
            }
            for each in survey.label_set.classes
        ],
        "num_pixels": survey.num_pixels,
        "ignored_pixels": survey.ignored_pixels,
        "ignored_share": survey.ignored_pixels / total,
        "unknown_pixels": survey.unknown_pixels,
        "unknown": [
            {
                "value": each.value,
                "num_pixels": each.num_pixels,
                "num_files": each.num_files,
                "files": list(each.files),
            }
            for each in survey.unknown
        ],
        "findings": [
            {
                "kind": each.kind,
                "severity": each.severity,
                "message": each.message,
                "remedy": each.remedy,
                "num_files": each.num_files,
                "files": list(each.files),
            }
            for each in survey.findings
        ],
    }


def _parts(survey: DatasetSurvey) -> str:
    parts = ", ".join(f"{number:,} {split}" for split, number in survey.num_by_split)
    return f": {parts}" if parts else ""


def _sizes(survey: DatasetSurvey) -> str:
    shown = [f"{s.width} x {s.height} ({s.num_images:,})" for s in survey.sizes[:_MOST_SIZES]]
    num_more = len(survey.sizes) - len(shown)
    return ", ".join(shown) + (f", and {num_more} more sizes" if num_more else "")


def _class_rows(survey: DatasetSurvey) -> list[str]:
    width = max(len("without a class"), *(len(each.name) for each in survey.label_set.classes))
    rows = [f"  #  {'Class':<{width}}  {'Pixels':>15}  {'Share':>8}  {'Images':>7}"]
    for each in survey.label_set.classes:
        pixels, images = survey.class_pixels[each.index], survey.class_images[each.index]
        share = f"{100 * survey.class_share(each.index):.2f} %"
        rows.append(
            f"{each.index:>3}  {each.name:<{width}}  {pixels:>15,}  {share:>8}  {images:>7,}"
        )
    total = max(1, survey.num_pixels)
    for name, pixels in (("ignored", survey.ignored_pixels), ("unknown", survey.unknown_pixels)):
        if pixels or name == "ignored":
            share = f"{100 * pixels / total:.2f} %"
            rows.append(f"     {name:<{width}}  {pixels:>15,}  {share:>8}  of all pixels")
    return rows


def _unknown_rows(survey: DatasetSurvey) -> list[str]:
    rows = ["Values or colours without a class:"]
    for each in survey.unknown:
        files = ", ".join(each.files[:3]) + (", ..." if each.num_files > 3 else "")
        rows.append(
            f"  {each.value:<13}{each.num_pixels:>13,} pixels in {each.num_files:,}: {files}"
        )
    return rows


def _finding_rows(finding: Finding) -> list[str]:
    rows = [f"{finding.severity.capitalize()}: {finding.message} {finding.remedy}".rstrip()]
    more = ", ..." if finding.num_files > len(finding.files) else ""
    if finding.files:
        rows.append(f"  {', '.join(finding.files)}{more}")
    return rows
