"""Layers of well-known libraries, by what they calculate. No Keras.

Such a layer is unknown to Keras, but its formula is public: the file opens without its library.
What a layer was taken for is told to the user, since somebody else may use the same name.
"""

from __future__ import annotations

from dataclasses import replace

from model.foreign.graph import LayerSpec
from model.foreign.writer import Writer

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
    ("Addons", "SpectralNormalization"): ("keras", "SpectralNormalization", "that of Keras"),
    ("Addons", "WeightNormalization"): (
        "seggui", "WeightNormalization", "that of TensorFlow Addons",
    ),
    # keras-hub, and keras-cv before it
    ("keras_hub", "SpatialPyramidPooling"): (
        "seggui", "SpatialPyramidPooling", "the pyramid of DeepLab, as in keras-hub",
    ),
    ("keras_cv", "SpatialPyramidPooling"): (
        "seggui", "SpatialPyramidPooling", "the pyramid of DeepLab, as in keras-cv",
    ),
    # keras-segmentation, and the PSPNet that it is from
    ("", "Interp"): ("", "Resizing", "bilinear resizing, as in keras-segmentation"),
}  # fmt: skip


def as_listed(layer: LayerSpec, writer: Writer | None = None) -> LayerSpec:
    """The same layer as one that is listed; unchanged where nothing is known about it.

    Args:
        layer: as stored.
        writer: of the file, whose rule of resizing counts; None takes the newest.
    """
    meaning = _MEANINGS.get(_known_as(layer))
    if meaning is None:
        return layer
    if layer.class_name == "Interp":
        return _resizing(layer, writer or Writer())
    package, class_name, _ = meaning
    config = dict(layer.config)
    if layer.class_name == "InstanceNormalization":
        config["groups"] = -1
    return replace(layer, package=package, class_name=class_name, config=config)


def _resizing(layer: LayerSpec, writer: Writer) -> LayerSpec:
    """``Interp``: ``tf.image.resize`` where there is one, else ``resize_images`` with corners."""
    kept = {key: value for key, value in layer.config.items() if key in ("name", "dtype")}
    size = layer.config.get("new_size")
    sides = list(size) if isinstance(size, list | tuple) and len(size) == 2 else [size, size]
    if writer.resize_of_tensorflow != "old":
        options = {"height": sides[0], "width": sides[1], "interpolation": "bilinear"}
        return replace(layer, class_name="Resizing", config={**kept, **options})
    options = {"size": sides, "align_corners": not writer.has_image_resize}
    return replace(layer, package="seggui", class_name="OldResizing", config={**kept, **options})


def meaning_of(layer: LayerSpec) -> str:
    """What a layer of a library was taken for, for people; empty for all others."""
    meaning = _MEANINGS.get(_known_as(layer))
    return "" if meaning is None else f"{layer.class_name} {layer.name!r}: {meaning[2]}"


def _known_as(layer: LayerSpec) -> tuple[str, str]:
    """Package and class; keras-hub registers most of its layers under no package."""
    home = layer.module.partition(".")[0]
    return layer.package or (home if home in ("keras_hub", "keras_cv") else ""), layer.class_name
