"""What may be in a network from a file: layers, activations and operations, by name. No Keras.

Everything else is refused or asked about. A name on these lists can do nothing but arithmetic on
the tensors that it is given: no files, no network, no code, no settings of the program.
"""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


LAYERS = words(
    """
    Activation ActivityRegularization Add AlphaDropout AveragePooling2D Average
    BatchNormalization CenterCrop Concatenate Conv2D Conv2DTranspose Cropping2D Dense
    DepthwiseConv2D Dot Dropout ELU Flatten GaussianDropout GaussianNoise GlobalAveragePooling2D
    GlobalMaxPooling2D GroupNormalization InputLayer LayerNormalization LeakyReLU MaxPooling2D
    Maximum Minimum MultiHeadAttention Multiply Normalization PReLU Permute RandomBrightness
    RandomContrast RandomCrop RandomFlip RandomRotation RandomTranslation RandomZoom ReLU
    RepeatVector Rescaling Reshape Resizing SeparableConv2D Softmax SpatialDropout2D Subtract
    ThresholdedReLU UnitNormalization UpSampling2D ZeroPadding2D Attention AdditiveAttention
    EinsumDense Identity RMSNormalization TimeDistributed SpectralNormalization
    """
)
"""Layers by the names that Keras gives them today; Keras 3 lost ``ThresholdedReLU``, it is ours."""

WRAPPERS = words("TimeDistributed SpectralNormalization WeightNormalization")
"""Layers that apply another one, which is among their options."""

NESTED_LAYERS = words(
    "PatchExtract PatchEmbedding PatchMerging PatchExpanding SwinTransformerBlock "
    "SpatialPyramidPooling"
)
"""Layers of ours that have layers inside (package ``seggui``)."""

OUR_LAYERS = NESTED_LAYERS | words(
    """
    ThresholdedReLU OldBilinearUpSampling2D ResizeLike OldResizing TanhGELU Snake
    FilterResponseNormalization ApproximateGELU WeightNormalization MirroredBorder
    """
)
"""Layers of `model.foreign.equivalents`, as they are saved again (package ``seggui``)."""

OUR_ACTIVATION = "keras_2_hard_sigmoid"
"""Of `model.foreign.equivalents`."""

OUR_ACTIVATIONS = {
    "Addons>gelu": "tanh_gelu", "Addons>hardshrink": "hard_shrink", "Addons>lisht": "lisht",
    "Addons>rrelu": "mean_rrelu", "Addons>snake": "snake", "Addons>softshrink": "soft_shrink",
    "Addons>tanhshrink": "tanh_shrink",
    **{f"seggui>{name}": name for name in ("tanh_gelu", "lisht", "mean_rrelu", "snake")},
}  # fmt: skip
"""Activations of TensorFlow Addons, and ours for them (`model.foreign.addon_layers`)."""

SPELLINGS = {
    "BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "Convolution2D": "Conv2D", "Convolution2DTranspose": "Conv2DTranspose",
    "Deconvolution2D": "Conv2DTranspose", "SeparableConvolution2D": "SeparableConv2D",
    "MaxPool2D": "MaxPooling2D", "AvgPool2D": "AveragePooling2D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D", "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "LayerNormalizationV2": "LayerNormalization", "DropoutV2": "Dropout",
}  # fmt: skip
"""Older names of the same layers."""

INACTIVE = words(
    """
    ActivityRegularization AlphaDropout Dropout GaussianDropout GaussianNoise SpatialDropout2D
    RandomBrightness RandomContrast RandomFlip RandomRotation RandomTranslation RandomZoom
    """
)
"""Layers that give their input back unless the network is trained."""

MERGES = words(
    """
    Add Average Concatenate Dot Maximum Minimum Multiply Subtract
    """
)

ACTIVATIONS = words(
    """
    elu exponential gelu hard_sigmoid hard_silu hard_swish leaky_relu linear log_sigmoid
    log_softmax mish relu relu6 selu sigmoid silu softmax softplus softsign swish tanh celu glu
    hard_tanh squareplus soft_shrink hard_shrink tanh_shrink threshold sparse_plus
    """
)
"""Activations by name. ``hard_sigmoid`` of Keras 2 is another function than that of Keras 3."""

OPERATIONS_3 = {
    "numpy": words(
        """
        Absolute Add Amax Amin Append BroadcastTo Ceil Clip Concatenate Cos Divide DivideNoNan
        Einsum Exp ExpandDims Expm1 Flip Floor FloorDivide GetItem Log Log1p Matmul Max Maximum
        Mean Min Minimum Mod Moveaxis Multiply Negative NanToNum OnesLike Pad Power Prod
        Reciprocal Repeat Reshape Roll Round Sign Sin Split Sqrt Square Squeeze Stack Std
        Subtract Sum Swapaxes Take Tanh Tile Transpose TrueDivide Var Where ZerosLike Equal
        Greater GreaterEqual Less LessEqual LogicalAnd LogicalNot LogicalOr NotEqual Dot
        """
    ),
    "nn": words(
        """
        AveragePool Celu DepthwiseConv Elu Gelu Glu HardSigmoid HardSilu HardTanh LeakyRelu
        LogSigmoid LogSoftmax MaxPool Normalize Relu Relu6 Selu Sigmoid Silu Softmax Softplus
        Softsign DepthToSpace SpaceToDepth
        """
    ),
    "image": words(
        """
        CropImages PadImages RGBToGrayscale Resize
        """
    ),
    "core": words("Cast StopGradient"),
    "math": frozenset(["Rsqrt", "Logsumexp"]),
}  # fmt: skip
"""Operations of Keras 3 that may be nodes of a graph, by the module that has them."""

OPERATION_MODULES = tuple(f"keras.src.ops.{home}" for home in OPERATIONS_3)


def operation_module(class_name: str) -> str:
    """The module of an operation of Keras 3; empty if there is none of this name."""
    homes = (home for home, names in OPERATIONS_3.items() if class_name in names)
    home = next(homes, "")
    return f"keras.src.ops.{home}" if home else ""


CODE_LAYERS = frozenset({"Lambda"})
"""Layers that hold program code. Without consent, they are shown and not built."""

OTHER_DATA_LAYERS = words(
    """
    Conv1D Conv1DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Bidirectional
    AveragePooling1D AveragePooling3D MaxPooling1D MaxPooling3D GlobalAveragePooling1D
    GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling3D Cropping1D Cropping3D
    DepthwiseConv1D SeparableConv1D UpSampling1D UpSampling3D ZeroPadding1D ZeroPadding3D
    SpatialDropout1D SpatialDropout3D LocallyConnected1D Embedding LSTM GRU SimpleRNN RNN
    StackedRNNCells LSTMCell GRUCell SimpleRNNCell CuDNNLSTM CuDNNGRU Masking
    CategoryEncoding Discretization MelSpectrogram STFTSpectrogram
    """
)
"""Layers of Keras for sound, text, tables and volumes."""

OUTSIDE_LAYERS = words(
    """
    TFSMLayer TorchModuleWrapper JaxLayer FlaxLayer StringLookup IntegerLookup TextVectorization
    Hashing HashedCrossing
    """
)
"""Layers that fetch code or data from outside of the file: always refused."""


def current_name(class_name: str) -> str:
    """What Keras calls the layer today."""
    return SPELLINGS.get(class_name, class_name)
