"""Puts one written network after the other on the shelf: file, sample and index entry.

Runs under Python 3.6 to 3.13 and with every Keras from 2.2 on, so it imports neither Keras nor
TensorFlow and uses no newer syntax than f-strings.
"""

import json
import os
import platform
import shutil
import zipfile

import numpy as np

INDEX_NAME = "zoo.json"


def random_array(name, shape, generator):
    """Return values for one variable that differ everywhere and keep activations sane."""
    name = name.lower()
    if "variance" in name:
        return generator.uniform(0.5, 1.6, shape)
    if "gamma" in name or "scale" in name or name.endswith("/g:0"):
        return generator.uniform(0.6, 1.4, shape)
    if len(shape) <= 1 or any(part in name for part in ("bias", "beta", "mean")):
        return generator.normal(0.0, 0.25, shape)
    if "alpha" in name:
        return generator.uniform(0.05, 0.45, shape)
    inputs = shape[0] * shape[1] if "depthwise" in name else np.prod(shape[:-1])
    return generator.normal(0.0, np.sqrt(2.0 / max(float(inputs), 1.0)), shape)


def randomise(model, seed, k):
    """Give every variable of `model` its own random values.

    Args:
        model: A built Keras model of any generation.
        seed: Seed of the values.
        k: The Keras it was built with.
    """
    generator = np.random.RandomState(seed)
    pairs = []
    for variable in model.weights:
        dtype = getattr(variable.dtype, "base_dtype", variable.dtype)
        if "float" not in str(getattr(dtype, "name", dtype)):
            continue
        shape = tuple(int(side) for side in variable.shape)
        name = getattr(variable, "path", None) or variable.name
        pairs.append((variable, random_array(name, shape, generator).astype(np.float32)))
    is_keras_3 = str(getattr(k, "__version__", "")).startswith("3")
    if hasattr(k.backend, "batch_set_value") and not is_keras_3:
        k.backend.batch_set_value(pairs)
    else:
        for variable, value in pairs:
            variable.assign(value)


def sample(size, channels, low=0.0, high=1.0, seed=0):
    """Return a (1, size, size, channels) float32 image in 64 steps of low..high: shapes and noise.

    Steps, because a packed sample of 4-byte noise would be larger than many of the networks.
    """
    generator = np.random.RandomState(seed + 7)
    coarse = generator.uniform(0.0, 1.0, (size // 4, size // 4, channels))
    image = np.repeat(np.repeat(coarse, 4, axis=0), 4, axis=1)
    image = 0.7 * image + 0.3 * generator.uniform(0.0, 1.0, image.shape)
    return (low + (high - low) * np.round(image * 64) / 64)[None].astype(np.float32)


def check_outputs(name, outputs):
    """Raise ValueError where an output hides wrong weights (constant, saturated, not finite)."""
    for index, output in enumerate(np.asarray(part, dtype=np.float64) for part in outputs):
        if not np.isfinite(output).all():
            raise ValueError(f"{name}: output {index} is not finite")
        spread = output.reshape(-1, output.shape[-1] if output.ndim != 2 else 1).std(axis=0)
        if spread.min() < 0.005:
            raise ValueError(f"{name}: a channel of output {index} is constant: {spread}")
        edge = np.mean((np.abs(output) < 1e-4) | (np.abs(output - 1) < 1e-4))
        if edge > 0.6:
            raise ValueError(f"{name}: output {index} is saturated to {edge:.0%}")


def deflate(path):
    """Pack the members of a zip tighter, byte-equal inside: Keras stores them uncompressed."""
    if not os.path.isfile(path) or not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content)


class Shelf:
    """One output folder with its index, filled by one writer.

    Attributes:
        folder: Where files, samples and the index go.
        tag: First part of every name, for instance "tf210".
        entry: What every index entry of this writer has.
    """

    def __init__(self, folder, tag, writer, keras_version):
        self.folder = os.path.abspath(folder)
        self.tag = tag
        python = ".".join(platform.python_version_tuple()[:2])
        self.entry = {"writer": writer, "keras": keras_version, "python": python}
        os.makedirs(self.folder, exist_ok=True)

    def path_of(self, file):
        """Return the path of `file` and leave what lies there."""
        return os.path.join(self.folder, file)

    def path(self, file):
        """Return the path of `file`, after removing what lay there."""
        path = os.path.join(self.folder, file)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.exists(path):
            os.remove(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def put(self, name, ending, what, expects, **facts):
        """Add the index entry of `tag_name + ending`; `facts` are further keys of the entry."""
        entry = {"name": f"{self.tag}_{name}", "file": f"{self.tag}_{name}{ending}"}
        entry.update(self.entry, what=what, expects=expects)
        entry.update(facts)
        write_entry(self.folder, entry)

    def put_sample(self, name, x, outputs):
        """Check and write `tag_name.npz` with x and y (or y0, y1, ...); return its file name."""
        file = f"{self.tag}_{name}.npz"
        check_outputs(file, outputs)
        arrays = {"x": np.asarray(x, dtype=np.float32)}
        for index, output in enumerate(outputs):
            arrays["y" if len(outputs) == 1 else f"y{index}"] = np.asarray(output, np.float32)
        np.savez_compressed(self.path(file), **arrays)
        return file


def read_index(folder):
    """Return the index of `folder` as a list of entries, [] without one."""
    path = os.path.join(folder, INDEX_NAME)
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def write_entry(folder, entry):
    """Replace or add one entry; the index stays sorted by file."""
    entries = [old for old in read_index(folder) if old["file"] != entry["file"]] + [entry]
    entries.sort(key=lambda old: old["file"])
    with open(os.path.join(folder, INDEX_NAME), "w", encoding="utf-8") as stream:
        lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
        stream.write(f"[\n{lines}\n]\n")


def predict(model, x):
    """Return the outputs of `model` for `x` as a list of arrays, with dropout off."""
    outputs = model.predict_on_batch(x)
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    return [np.asarray(o) for o in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]
