"""The networks of `networks.py` with their samples and facts, and how one of them is written."""

import zlib

import networks
import shelf as shelves

# name: (builder, channels, size, range of x, facts of the index). `output` is what the numbers are.
MENU = {
    "unet_transpose": (networks.unet_transpose, 3, 16, (0, 1), {"output": "softmax"}),
    "unet_nearest": (networks.unet_nearest, 1, 16, (0, 1), {"output": "sigmoid"}),
    "unet_bilinear": (networks.unet_bilinear, 3, 16, (0, 1), {"output": "independent sigmoids"}),
    "mobile": (networks.mobile, 3, 32, (-1, 1), {"output": "logits", "output_stride": 4}),
    "nested_encoder": (networks.nested_encoder, 3, 16, (0, 1), {"output": "softmax"}),
    "shared_encoder": (networks.shared_encoder, 3, 16, (0, 1), {"output": "sigmoid"}),
    "sequential": (networks.sequential, 3, 16, (0, 1), {"output": "logits"}),
    "sequential_inside": (networks.sequential_inside, 3, 16, (-1, 1), {"output": "softmax"}),
    "deep_supervision": (
        networks.deep_supervision,
        3,
        16,
        (0, 1),
        {"output": "softmax", "best_output": 2},
    ),
    "valid_padding": (networks.valid_padding, 1, 32, (0, 1), {"output": "softmax"}),
    "flattened": (networks.flattened, 3, 16, (0, 1), {"output": "softmax", "flattened": True}),
    "activations": (networks.activations, 3, 16, (0, 1), {"output": "independent sigmoids"}),
    "new_activations": (networks.new_activations, 3, 16, (0, 1), {"output": "softmax"}),
    "attention_gate": (networks.attention_gate, 3, 16, (0, 1), {"output": "sigmoid"}),
    "squeeze_excite": (networks.squeeze_excite, 3, 16, (0, 1), {"output": "softmax"}),
    "aspp": (networks.aspp, 4, 16, (0, 1), {"output": "softmax"}),
    "preprocessing_layers": (
        networks.preprocessing_layers,
        3,
        16,
        (0, 255),
        {"output": "softmax", "takes_raw": True},
    ),
    "norms": (networks.norms, 3, 16, (0, 1), {"output": "softmax"}),
    "transformer": (networks.transformer, 3, 16, (0, 1), {"output": "softmax"}),
    "permuted": (networks.permuted, 3, 16, (0, 1), {"output": "softmax"}),
    "mixed": (networks.mixed, 3, 16, (0, 1), {"output": "softmax", "precision": "float16"}),
    "grouped": (networks.grouped, 3, 16, (0, 1), {"output": "softmax"}),
}


# Networks of `networks_tf.py`, which only TensorFlow can build: pass them as `build`.
for _name, _channels, _high in (("tf_operators", 3, 255), ("tf_resize", 4, 1), ("tf_more", 3, 255)):
    MENU[_name] = (None, _channels, 16, (0, _high), {"output": "softmax"})
MENU["tf_resize"][-1]["output"] = "sigmoid"


def seed_of(text):
    """Return a seed that is the same in every Python."""
    return zlib.crc32(text.encode()) % 100000


def speaking_outputs(model, k, x, name):
    """Randomise until no channel is constant or saturated; return the outputs for x."""
    for attempt in range(20):
        shelves.randomise(model, seed_of(name) + attempt, k)
        outputs = shelves.predict(model, x)
        try:
            shelves.check_outputs(name, outputs)
        except ValueError:
            continue
        return outputs
    raise ValueError(f"{name}: no weights give outputs that would show a mistake")


def first_sentence(function):
    """Return the first paragraph of a docstring as one line."""
    return " ".join(function.__doc__.split("\n\n")[0].split())


def save_plainly(model, path):
    """Write the file as people do."""
    model.save(path)


def write_all(shelf, k, ending, names):
    """Write several networks of the menu in one format, with nothing special about them."""
    for name in names:
        write(shelf, k, name, ending)


def write(
    shelf,
    k,
    name,
    ending,
    menu_name=None,
    what="",
    build=None,
    prepare=None,
    save=save_plainly,
    expects="opens",
    **facts,
):
    """Build, randomise, run and save one network of the menu and add it to the index.

    Args:
        shelf: Where it goes.
        k: The Keras that writes.
        name: Name of the file without the writer's tag and ending.
        ending: ".h5", ".keras" or "" for a folder.
        menu_name: Name in MENU when it is not `name`.
        what: Added to the builder's first sentence.
        build: Another builder than the menu's, taking `k`.
        prepare: Called with the model before it is saved, for instance to compile it.
        save: Called with model and path.
        expects: As in the index.
        facts: Further keys of the index entry; they win over the menu's.
    """
    k.backend.clear_session()
    builder, channels, size, (low, high), known = MENU[menu_name or name]
    model = (build or builder)(k)
    low, high = facts.get("range", (low, high))
    x = shelves.sample(size, channels, low, high, seed_of(name))
    outputs = speaking_outputs(model, k, x, shelf.tag + name)
    if prepare is not None:
        prepare(model)
        outputs = shelves.predict(model, x)
    sample = shelf.put_sample(name, x, outputs)
    path = shelf.path(f"{shelf.tag}_{name}{ending}")
    save(model, path)
    shelves.deflate(path)
    known = dict(known, range=[low, high])
    known.update(facts)
    sentence = " ".join(part for part in (first_sentence(build or builder), what) if part)
    shelf.put(name, ending, sentence, expects, sample=sample, **known)
    return model
