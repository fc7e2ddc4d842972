"""Layers of well-known libraries, by what they calculate. No Keras.

Such a layer is unknown to Keras, but its formula is public: the file opens without its library.
What a layer was taken for is told to the user, since somebody else may use the same name.
"""

from __future__ import annotations

from dataclasses import replace

from model.foreign.graph import LayerSpec

_MEANINGS = {
    # efficientnet and segmentation_models: Dropout whose noise shape may be open
    ("", "FixedDropout"): ("", "Dropout", "Dropout, as in efficientnet"),
    # keras-unet-collection
    ("", "GELU"): ("seggui", "TanhGELU", "the GELU of keras-unet-collection"),
    ("", "Snake"): ("seggui", "Snake", "the Snake of keras-unet-collection"),
    ("", "patch_extract"): ("seggui", "PatchExtract", "patches, as in keras-unet-collection"),
    ("", "patch_embedding"): (
        "seggui", "PatchEmbedding", "patches with positions, as in keras-unet-collection",
    ),
    ("", "patch_merging"): ("seggui", "PatchMerging", "merging, as in keras-unet-collection"),
    ("", "patch_expanding"): ("seggui", "PatchExpanding", "expanding, as in keras-unet-collection"),
    ("", "SwinTransformerBlock"): (
        "seggui", "SwinTransformerBlock", "the Swin block of keras-unet-collection",
    ),
    # TensorFlow Addons
    ("Addons", "FilterResponseNormalization"): (
        "seggui", "FilterResponseNormalization", "that of TensorFlow Addons",
    ),
    ("Addons", "GELU"): ("seggui", "ApproximateGELU", "that of TensorFlow Addons"),
    ("Addons", "GroupNormalization"): ("", "GroupNormalization", "GroupNormalization"),
    ("Addons", "InstanceNormalization"): (
        "", "GroupNormalization", "GroupNormalization with a group per channel",
    ),
}  # fmt: skip


def as_listed(layer: LayerSpec) -> LayerSpec:
    """The same layer as one that is listed; unchanged where nothing is known about it."""
    meaning = _MEANINGS.get((layer.package, layer.class_name))
    if meaning is None:
        return layer
    package, class_name, _ = meaning
    config = dict(layer.config)
    if layer.class_name == "InstanceNormalization":
        config["groups"] = -1
    return replace(layer, package=package, class_name=class_name, config=config)


def meaning_of(layer: LayerSpec) -> str:
    """What a layer of a library was taken for, for people; empty for all others."""
    meaning = _MEANINGS.get((layer.package, layer.class_name))
    return "" if meaning is None else f"{layer.class_name} {layer.name!r}: {meaning[2]}"
