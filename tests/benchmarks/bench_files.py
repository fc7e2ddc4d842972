"""Times reading and writing of images and masks: ``python -m tests.benchmarks.bench_files``."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from model.data.images import image_size, read_image, read_thumbnail
from model.data.masks import encode_mask, read_mask, unknown_values, write_mask
from model.data.sample import draw_scene, sample_label_set
from model.exporting import ExportItem, export_masks
from model.formats.table import FORMATS

SIZES = ((360, 480), (1024, 2048))
REPEATS = 15


def median_ms(work: Callable[[], object]) -> float:
    """Median wall-clock time of ``work`` in milliseconds, after one run to warm up."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def measure(folder: Path, height: int, width: int) -> dict[str, float]:
    """Runs every case at one size; name -> milliseconds."""
    scene = draw_scene(0, height=height, width=width)
    labels = sample_label_set()
    pictures = {}
    for suffix, options in ((".jpg", {"quality": 90}), (".png", {}), (".tif", {}), (".webp", {})):
        pictures[suffix] = folder / f"image{suffix}"
        Image.fromarray(scene.image).save(pictures[suffix], **options)
    deep = folder / "deep.tif"
    Image.fromarray(scene.image[..., 1].astype(np.uint16) * 37 + 900).save(deep)
    mask_path = folder / "mask.png"
    write_mask(mask_path, scene.mask, labels)

    results = {f"read image {s}": median_ms(lambda p=p: read_image(p)) for s, p in pictures.items()}
    results["read image 16-bit .tif"] = median_ms(lambda: read_image(deep))
    results["image size .jpg"] = median_ms(lambda: image_size(pictures[".jpg"]))
    results["thumbnail 128 .jpg"] = median_ms(lambda: read_thumbnail(pictures[".jpg"], 128))
    results["thumbnail 128 .png"] = median_ms(lambda: read_thumbnail(pictures[".png"], 128))
    results["read mask"] = median_ms(lambda: read_mask(mask_path))
    results["encode mask"] = median_ms(lambda: encode_mask(scene.mask, labels))
    results["write mask, synced"] = median_ms(lambda: write_mask(mask_path, scene.mask, labels))
    results["unknown values"] = median_ms(lambda: unknown_values(scene.mask, labels))
    item = ExportItem("image.jpg", pictures[".jpg"], mask_path, "image.png")
    for name, each in FORMATS.items():
        results[f"encode {name}"] = median_ms(
            lambda e=each: e.encode(scene.mask, scene.image, labels)
        )
        results[f"export {name}"] = median_ms(
            lambda n=name: export_masks([item], folder / "out", n, labels)
        )
    results["draw sample scene"] = median_ms(lambda: draw_scene(1, height=height, width=width))
    return results


def main() -> None:
    """Prints one line per case."""
    columns = []
    for height, width in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            columns.append(measure(Path(folder) / "", height, width))
    print(
        f"{'milliseconds, median of ' + str(REPEATS):32}",
        *(f"{w} x {h}".rjust(12) for h, w in SIZES),
    )
    for name in columns[0]:
        print(f"{name:32}", *(f"{column[name]:12.2f}" for column in columns))


if __name__ == "__main__":
    main()
