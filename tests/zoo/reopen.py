"""Say how plain `load_model` of this environment opens the zoo: `reopen.py ZOO_DIR [PREFIX]`.

In the environment that wrote PREFIX it proves that file and sample belong together; with another
Keras it shows what a user gets without this program. Refused and hostile files are left out.
Options: `--tf-keras`, `--standalone` (package `keras` instead of `tf.keras`).
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import extras
import numpy as np
import shelf as shelves

if "--tf-keras" in sys.argv:
    import tf_keras as keras
elif "--standalone" in sys.argv:
    import keras
else:
    from tensorflow import keras


def load(path, entry):
    """Open one file as a user would who knows what is in it; weights onto their architecture."""
    options = {"compile": False}
    if "code" in entry:
        user = extras.load_user_code(entry["code"])
        names = entry["unknown"]
        options["custom_objects"] = {name: getattr(user, name.split(">")[-1]) for name in names}
    if "architecture" not in entry:
        return keras.models.load_model(path, **options)
    folder = os.path.dirname(path)
    with open(os.path.join(folder, entry["architecture"]), encoding="utf-8") as stream:
        model = keras.models.model_from_json(stream.read())
    model.load_weights(path)
    return model


def difference(path, entry, arrays):
    """Return the largest difference between the model's outputs and the sample's."""
    model = load(path, entry)
    wanted = [arrays[name] for name in sorted(arrays.files) if name.startswith("y")]
    outputs = shelves.predict(model, arrays["x"])
    pairs = zip(outputs, wanted)  # noqa: B905, Python 3.6 has no strict
    return max(float(np.abs(output - y).max()) for output, y in pairs)


def main():
    """Print one line for each file that has a sample."""
    folder = sys.argv[1]
    prefix = sys.argv[2] if len(sys.argv) > 2 and not sys.argv[2].startswith("-") else ""
    for entry in shelves.read_index(folder):
        if "sample" not in entry or not entry["file"].startswith(prefix):
            continue
        path = os.path.join(folder, entry["file"])
        try:
            with np.load(os.path.join(folder, entry["sample"])) as arrays:
                said = f"differs by {difference(path, entry, arrays):.1e}"
        except Exception as error:
            said = f"{type(error).__name__}: {(str(error).strip() or '-').splitlines()[0][:90]}"
        sys.stdout.write(f"{entry['file']}: {said}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
