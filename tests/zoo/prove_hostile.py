"""Show that the code in the hostile files does run: `prove_hostile.py ZOO_DIR`.

Opens every file of the index that has "marker" with the Keras of this environment: Keras 2 as it
is, Keras 3 as it is and with `safe_mode=False`; says whether the marker file appeared.
"""

import os
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import shelf as shelves

if "--tf-keras" in sys.argv:
    import tf_keras as keras
else:
    import keras


def outcome(path, options):
    """Open and run the model; return what happened in a few words."""
    import numpy as np

    marker = os.environ["SEGGUI_ZOO_MARKER"]
    if os.path.exists(marker):
        os.remove(marker)
    try:
        model = keras.models.load_model(path, compile=False, **options)
        said = "opened"
        model.predict_on_batch(np.zeros((1, 16, 16, 3), "float32"))
        said = "ran"
    except Exception as error:
        said = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:60]}"
    return f"{'MARKER' if os.path.exists(marker) else 'no marker'} ({said})"


def main():
    """Print one line for each file and way to open it."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEGGUI_ZOO_MARKER"] = os.path.join(folder, "marker")
        for entry in shelves.read_index(sys.argv[1]):
            if not entry.get("marker"):
                continue
            path = os.path.join(sys.argv[1], entry["file"])
            for options in ({}, {"safe_mode": False}):
                said = outcome(path, options)
                sys.stdout.write(f"{keras.__version__} {entry['file']} {options}: {said}\n")


if __name__ == "__main__":
    main()
