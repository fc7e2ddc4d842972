"""Names of the TensorFlow functions that `model.foreign.operations` knows. No Keras."""

from __future__ import annotations

from model.foreign.vocabulary import words

FUNCTION_NAMES = words(
    """
    __operators__.add __operators__.getitem __operators__.multiply __operators__.subtract abs
    add cast clip_by_value concat depth_to_space divide einsum exp expand_dims floordiv
    gather identity image.flip_left_right image.flip_up_down image.grayscale_to_rgb
    image.per_image_standardization image.resize image.resize_bilinear image.resize_images
    image.resize_nearest_neighbor image.resize_v2 image.rgb_to_grayscale linalg.matmul math.abs
    math.add math.add_n
    math.add_v2 math.ceil math.cos math.divide math.divide_no_nan math.exp math.floor
    math.floordiv math.greater math.greater_equal math.l2_normalize math.less math.less_equal
    math.log math.log1p math.maximum math.minimum math.multiply math.negative math.pow
    math.reciprocal math.reduce_max math.reduce_mean math.reduce_min math.reduce_std
    math.reduce_sum math.reduce_variance math.round math.rsqrt math.sigmoid math.sign math.sin
    math.softmax math.softplus math.sqrt math.square math.squared_difference math.subtract
    math.tanh math.truediv matmul maximum minimum multiply negative nn.avg_pool nn.avg_pool2d
    nn.depth_to_space nn.elu nn.gelu nn.l2_normalize nn.leaky_relu nn.log_softmax nn.max_pool
    nn.max_pool2d nn.relu nn.relu6 nn.selu nn.sigmoid nn.silu nn.softmax nn.softplus
    nn.space_to_depth nn.swish nn.tanh ones_like pad pow realdiv reduce_max reduce_mean
    reduce_min reduce_sum repeat reshape reverse roll shape sigmoid split sqrt square squeeze
    stack stop_gradient strided_slice subtract tanh tile transpose truediv where zeros_like
    """
)
"""Without ``tf.`` and ``compat.v1.``."""


def plain_function(function: str) -> str:
    """The name without the prefixes that mean nothing."""
    return function.removeprefix("tf.").removeprefix("compat.v1.")


def is_listed_function(function: str) -> bool:
    """Whether the function may be a node of a graph."""
    return plain_function(function) in FUNCTION_NAMES
