"""Tiny networks of the kinds people have, written with whatever Keras is handed in.

Every function takes `k` (the module `keras`, `tf.keras` or `tf_keras`) and returns an uncompiled
model. Only spellings that all generations know are used here; what needs `tf.` functions is in
`networks_tf.py`. Runs under Python 3.6.
"""


def conv_block(k, x, filters, name=None, dropout=0.0):
    """Two convolutions of equal shape (a shuffled pair would show), then BatchNorm and ReLU."""
    layers = k.layers
    x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name and name + "a")(x)
    x = layers.Conv2D(
        filters,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name and name + "b",
    )(x)
    x = layers.BatchNormalization(name=name and name + "_bn")(x)
    x = layers.Activation("relu")(x)
    return layers.SpatialDropout2D(dropout)(x) if dropout else x


def two_convs(k, x, filters=4, padding="same"):
    """Two plain convolutions of equal shape: half the file of `conv_block`."""
    x = k.layers.Conv2D(filters, 3, padding=padding, activation="relu")(x)
    return k.layers.Conv2D(filters, 3, padding=padding, activation="relu")(x)


def unet_transpose(k, size=16):
    """U-Net with Conv2DTranspose; layer names that do not sort like their order."""
    layers = k.layers
    image = k.Input((size, size, 3), name="image")
    first = conv_block(k, image, 4, "conv10", dropout=0.2)
    second = conv_block(k, layers.MaxPooling2D()(first), 4, "conv2")
    third = conv_block(k, layers.MaxPooling2D()(second), 4, "conv1")
    up = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu", name="up9")(
        third
    )
    up = layers.concatenate([up, second])
    up = layers.Conv2DTranspose(4, 2, strides=(2, 2), padding="same", name="up10")(up)
    up = conv_block(k, layers.concatenate([first, up], axis=3), 4, "conv3")
    return k.Model(image, layers.Conv2D(3, 1, activation="softmax", name="classes")(up))


def unet_nearest(k, size=16):
    """U-Net with nearest UpSampling2D, Dropout, one sigmoid channel, default layer names."""
    layers = k.layers
    image = k.Input((size, size, 1))
    first = layers.Conv2D(4, 3, activation="relu", padding="same")(image)
    first = layers.Conv2D(4, 3, activation="relu", padding="same")(first)
    x = layers.MaxPooling2D((2, 2))(first)
    x = layers.Dropout(0.5)(x)
    x = layers.Conv2D(4, 3, activation="relu", padding="same")(x)
    x = layers.Conv2D(4, 3, activation="relu", padding="same")(x)
    x = layers.UpSampling2D((2, 2))(x)
    x = layers.Conv2D(4, 2, activation="relu", padding="same")(x)
    x = layers.Concatenate(axis=-1)([first, x])
    x = layers.Conv2D(4, 3, activation="relu", padding="same")(x)
    return k.Model(inputs=image, outputs=layers.Conv2D(1, 1, activation="sigmoid")(x))


def unet_bilinear(k):
    """Free size, UpSampling2D(bilinear), two sigmoid channels (independent labels)."""
    layers = k.layers
    image = k.Input((None, None, 3))
    first = two_convs(k, image)
    x = layers.BatchNormalization()(layers.AveragePooling2D(2)(first))
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = two_convs(k, layers.Add()([first, x]))
    return k.Model(image, layers.Conv2D(2, 1, activation="sigmoid")(x))


def mobile(k, size=32):
    """MobileNet-like: ZeroPadding2D, depthwise and separable convolutions, ReLU(6), logits / 4."""
    layers = k.layers
    image = k.Input((size, size, 3), name="input_image")
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name="Conv1_pad")(image)
    x = layers.Conv2D(4, 3, strides=2, padding="valid", use_bias=False, name="Conv1")(x)
    x = layers.BatchNormalization(epsilon=1e-3, momentum=0.999, name="bn_Conv1")(x)
    x = layers.ReLU(6.0, name="Conv1_relu")(x)
    for index in (10, 2):
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"dw{index}")(x)
        x = layers.BatchNormalization(axis=-1, name=f"dw{index}_bn")(x)
        x = layers.ReLU(6.0)(x)
        x = layers.SeparableConv2D(4, 3, padding="same", depth_multiplier=2, name=f"sep{index}")(x)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)(x)
    return k.Model(image, layers.Conv2D(5, 1, name="logits")(x))


def nested_encoder(k, size=16):
    """An encoder Model with two outputs, called inside the model."""
    layers = k.layers
    crop = k.Input((size, size, 3), name="crop")
    high = conv_block(k, crop, 4, "enc10")
    low = conv_block(k, layers.MaxPooling2D()(high), 4, "enc2")
    encoder = k.Model(crop, [low, high], name="encoder")
    image = k.Input((size, size, 3), name="image")
    low, high = encoder(image)
    x = layers.Conv2DTranspose(4, 2, strides=2)(low)
    x = layers.Concatenate()([x, high])
    return k.Model(image, layers.Conv2D(3, 1, activation="softmax", name="head")(x))


def shared_encoder(k, size=16):
    """An encoder called twice, on the image and on its half; one convolution shared as well."""
    layers = k.layers
    crop = k.Input((None, None, 3))
    encoder = k.Model(crop, conv_block(k, crop, 4, "shared"), name="twice")
    image = k.Input((size, size, 3))
    full = encoder(image)
    half = layers.UpSampling2D()(encoder(layers.AveragePooling2D(2)(image)))
    mix = layers.Conv2D(4, 3, padding="same", activation="tanh", name="mix")
    x = layers.Subtract()([mix(full), mix(half)])
    return k.Model(image, layers.Conv2D(1, 1, activation="sigmoid")(x))


def sequential(k, size=16):
    """A Sequential with input_shape at its first layer, logits."""
    layers = k.layers
    return k.Sequential(
        [
            layers.Conv2D(4, 3, padding="same", activation="relu", input_shape=(size, size, 3)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.Conv2DTranspose(4, 2, strides=2, activation="relu"),
            layers.Conv2D(3, 1),
        ]
    )


def sequential_inside(k, size=16):
    """pix2pix style: Sequential down and up blocks inside a Functional, LeakyReLU, tanh inside."""
    layers = k.layers

    def down(filters):
        block = k.Sequential()
        block.add(layers.Conv2D(filters, 4, strides=2, padding="same", use_bias=False))
        block.add(layers.BatchNormalization())
        block.add(layers.LeakyReLU())
        return block

    def up(filters):
        block = k.Sequential()
        block.add(layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False))
        block.add(layers.BatchNormalization())
        block.add(layers.Dropout(0.5))
        block.add(layers.ReLU())
        return block

    image = k.Input((size, size, 3))
    first = down(4)(image)
    second = down(4)(first)
    x = layers.Concatenate()([up(4)(second), first])
    last = layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="softmax")
    return k.Model(image, last(x))


def deep_supervision(k, size=16):
    """Three outputs: two at full size, one at half; the last is the best."""
    layers = k.layers
    image = k.Input((size, size, 3))
    first = two_convs(k, image)
    low = two_convs(k, layers.MaxPooling2D()(first))
    side = layers.Conv2D(3, 1, activation="softmax", name="side_half")(low)
    up = layers.UpSampling2D()(low)
    early = layers.Conv2D(3, 1, activation="softmax", name="early")(up)
    x = two_convs(k, layers.Concatenate()([first, up]))
    final = layers.Conv2D(3, 1, activation="softmax", name="final")(x)
    return k.Model(image, [side, early, final])


def channels_first(k, data_format="channels_first", size=16):
    """A U-Net in NCHW, BatchNorm and Concatenate on axis 1, softmax over axis 1.

    With data_format "channels_last" it is the twin with the same weights in the same order.
    """
    layers = k.layers
    is_first = data_format == "channels_first"
    axis = 1 if is_first else -1
    options = {"padding": "same", "data_format": data_format}
    image = k.Input((3, size, size) if is_first else (size, size, 3))
    first = layers.Conv2D(4, 3, **options)(image)
    first = layers.BatchNormalization(axis=axis)(first)
    first = layers.PReLU(shared_axes=[2, 3] if is_first else [1, 2])(first)
    x = layers.MaxPooling2D(2, data_format=data_format)(first)
    x = layers.Conv2D(4, 3, activation="relu", **options)(x)
    x = layers.DepthwiseConv2D(3, **options)(x)
    x = layers.BatchNormalization(axis=axis)(x)
    x = layers.Conv2DTranspose(4, 2, strides=2, **options)(x)
    x = layers.Concatenate(axis=axis)([x, first])
    x = layers.Conv2D(3, 1, data_format=data_format)(x)
    return k.Model(image, layers.Softmax(axis=axis)(x))


def valid_padding(k, size=32):
    """The U-Net of 2015: valid padding and Cropping2D, 32 in, 16 out."""
    layers = k.layers
    image = k.Input((size, size, 1))
    first = two_convs(k, image, 2, padding="valid")
    low = two_convs(k, layers.MaxPooling2D()(first), 2, padding="valid")
    up = layers.Conv2DTranspose(2, 2, strides=2)(low)
    x = layers.Concatenate()([layers.Cropping2D(4)(first), up])
    x = two_convs(k, x, 2, padding="valid")
    return k.Model(image, layers.Conv2D(2, 1, activation="softmax")(x))


def flattened(k, size=16, classes=4):
    """SegNet of the keras-segmentation kind: Reshape to (H*W, C), then softmax."""
    layers = k.layers
    image = k.Input((size, size, 3))
    x = layers.ZeroPadding2D((1, 1))(image)
    x = layers.Conv2D(4, (3, 3), padding="valid")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.MaxPooling2D((2, 2))(x)
    x = layers.UpSampling2D((2, 2))(x)
    x = layers.Conv2D(classes, (3, 3), padding="same")(x)
    x = layers.Reshape((size * size, -1))(x)
    return k.Model(image, layers.Activation("softmax")(x))


def activations(k, size=16, leaky=None):
    """One after the other the activations whose spelling or meaning changed between versions."""
    layers = k.layers
    image = k.Input((size, size, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="elu")(image)
    x = layers.Conv2D(4, 3, padding="same")(x)
    x = layers.LeakyReLU(**(leaky or {"alpha": 0.13}))(x)
    x = layers.Conv2D(4, 3, padding="same")(x)
    x = layers.PReLU(shared_axes=[1, 2])(x)
    x = layers.Conv2D(4, 3, padding="same")(x)
    x = layers.ELU(alpha=0.7)(x)
    x = layers.Conv2D(4, 3, padding="same", activation="softplus")(x)
    x = layers.Conv2D(4, 3, padding="same", activation="selu")(x)
    x = layers.Conv2D(4, 3, padding="same", activation="softsign")(x)
    x = layers.PReLU()(x)
    return k.Model(image, layers.Conv2D(2, 1, activation="hard_sigmoid")(x))


def new_activations(k, size=16, gelu=True):
    """swish and gelu, ReLU with all three numbers, Softmax layer: known from TF 2.2 on."""
    layers = k.layers
    image = k.Input((size, size, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="swish")(image)
    x = layers.Conv2D(4, 3, padding="same")(x)
    x = layers.Activation("gelu" if gelu else "swish")(x)
    x = layers.Conv2D(4, 3, padding="same")(x)
    x = layers.ReLU(max_value=3.0, negative_slope=0.2, threshold=0.1)(x)
    x = layers.Conv2D(3, 1)(x)
    return k.Model(image, layers.Softmax()(x))


def attention_gate(k, size=16):
    """Attention U-Net: Add, sigmoid, Multiply; gates of equal shape."""
    layers = k.layers

    def gate(skip, signal, name):
        theta = layers.Conv2D(4, 1, name=f"{name}_theta")(skip)
        phi = layers.Conv2D(4, 1, name=f"{name}_phi")(signal)
        psi = layers.Activation("relu")(layers.Add()([theta, phi]))
        psi = layers.Conv2D(1, 1, activation="sigmoid", name=f"{name}_psi")(psi)
        return layers.Multiply()([skip, psi])

    image = k.Input((size, size, 3))
    first = two_convs(k, image)
    second = two_convs(k, layers.MaxPooling2D()(first))
    third = layers.Conv2D(4, 3, padding="same", activation="relu")(layers.MaxPooling2D()(second))
    up = layers.UpSampling2D()(third)
    x = two_convs(k, layers.Concatenate()([gate(second, up, "gate10"), up]))
    up = layers.UpSampling2D()(x)
    x = layers.Concatenate()([gate(first, up, "gate9"), up])
    return k.Model(image, layers.Conv2D(1, 1, activation="sigmoid")(x))


def squeeze_excite(k, size=16):
    """GlobalAveragePooling2D, Reshape, two Dense, Multiply; residual Add; Maximum and Average."""
    layers = k.layers
    image = k.Input((size, size, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    for _ in range(2):
        squeezed = layers.GlobalAveragePooling2D()(x)
        squeezed = layers.Reshape((1, 1, 8))(squeezed)
        squeezed = layers.Dense(2, activation="relu", use_bias=False)(squeezed)
        squeezed = layers.Dense(8, activation="sigmoid", use_bias=False)(squeezed)
        scaled = layers.Multiply()([x, squeezed])
        scaled = layers.Conv2D(8, 3, padding="same", activation="relu")(scaled)
        x = layers.Add()([x, scaled])
    x = layers.Concatenate()([layers.Maximum()([x, scaled]), layers.Average()([x, scaled])])
    return k.Model(image, layers.Conv2D(3, 1, activation="softmax")(x))


def aspp(k, size=16):
    """DeepLab-like: strides, dilation, pooled branch, x4 upsampling; regularizers; noise layers."""
    layers = k.layers
    image = k.Input((size, size, 4))
    x = layers.GaussianNoise(0.1)(image)
    x = layers.Conv2D(4, 3, strides=2, padding="same", kernel_regularizer=k.regularizers.l2(1e-4))(
        x
    )
    x = layers.BatchNormalization(scale=False, epsilon=1e-5)(x)
    x = layers.Activation("relu")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    side = size // 4
    pooled = layers.GlobalMaxPooling2D()(x)
    pooled = layers.Reshape((1, 1, 4))(pooled)
    pooled = layers.Conv2D(4, 1, kernel_constraint=k.constraints.max_norm(9.0))(pooled)
    pooled = layers.UpSampling2D((side, side))(pooled)
    branches = [pooled] + [
        layers.Conv2D(4, 3, padding="same", dilation_rate=rate, name=f"rate{rate}")(x)
        for rate in (12, 2, 6, 1)
    ]
    x = layers.Concatenate()(branches)
    x = layers.BatchNormalization(center=False)(x)
    x = layers.Conv2D(5, 1, activation="softmax", name="head")(x)
    return k.Model(image, layers.UpSampling2D((4, 4))(x))


def preprocessing_layers(k, size=16):
    """Augmentation layers that do nothing at prediction, Rescaling with offset, Resizing."""
    layers = k.layers
    found = layers if hasattr(layers, "Rescaling") else layers.experimental.preprocessing
    image = k.Input((size, size, 3))
    x = found.RandomFlip("horizontal")(image)
    x = found.RandomRotation(0.1)(x)
    x = found.Rescaling(1 / 127.5, offset=-1)(x)
    small = found.Resizing(size // 2, size // 2)(x)
    small = layers.Conv2D(4, 3, padding="same", activation="relu")(small)
    small = found.Resizing(size, size, interpolation="nearest")(small)
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = layers.Concatenate()([x, small])
    return k.Model(image, layers.Conv2D(3, 1, activation="softmax")(x))


def norms(k, size=16, group=True):
    """LayerNormalization over channels and over everything, GroupNormalization where it exists."""
    layers = k.layers
    image = k.Input((size, size, 3))
    x = layers.Conv2D(4, 3, padding="same")(image)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.Activation("relu")(x)
    x = layers.Conv2D(4, 3, padding="same")(x)
    x = layers.LayerNormalization(axis=[1, 2, 3])(x)
    if group:
        x = layers.Conv2D(4, 3, padding="same")(x)
        x = layers.GroupNormalization(groups=2)(x)
        x = layers.GroupNormalization(groups=-1, axis=-1)(x)
    return k.Model(image, layers.Conv2D(2, 1, activation="softmax")(x))


def transformer(k, size=16):
    """Patches, two MultiHeadAttention blocks of equal shape, back to an image."""
    layers = k.layers
    side = size // 4
    image = k.Input((size, size, 3))
    x = layers.Conv2D(8, 4, strides=4)(image)
    x = layers.Reshape((side * side, 8))(x)
    for index in (10, 2):
        y = layers.LayerNormalization()(x)
        y = layers.MultiHeadAttention(num_heads=2, key_dim=4, name=f"mha{index}")(y, y)
        x = layers.Add()([x, layers.Dropout(0.1)(y)])
    x = layers.Add()([x, layers.Dense(8, activation="relu")(x)])
    x = layers.Reshape((side, side, 8))(x)
    x = layers.Conv2DTranspose(4, 4, strides=4, activation="relu")(x)
    return k.Model(image, layers.Conv2D(3, 1, activation="softmax")(x))


def permuted(k, size=16):
    """Permute there and back, TimeDistributed Dense, Flatten of a side branch, RepeatVector."""
    layers = k.layers
    image = k.Input((size, size, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = layers.Permute((2, 1, 3))(x)
    x = layers.Conv2D(4, (1, 5), padding="same", activation="relu")(x)
    x = layers.Permute((2, 1, 3))(x)
    x = layers.TimeDistributed(layers.Dense(4, activation="relu"))(x)
    context = layers.Flatten()(layers.AveragePooling2D(8)(x))
    context = layers.RepeatVector(size * size)(layers.Dense(2)(context))
    context = layers.Reshape((size, size, 2))(context)
    x = layers.Concatenate()([x, context])
    return k.Model(image, layers.Conv2D(2, 1, activation="softmax")(x))


def mixed(k, size=16):
    """Built under a mixed_float16 policy; the last activation is float32 as the guides say."""
    layers = k.layers
    image = k.Input((size, size, 3))
    first = conv_block(k, image, 4)
    x = layers.Conv2DTranspose(4, 2, strides=2)(layers.MaxPooling2D()(first))
    x = layers.Conv2D(3, 1)(layers.Concatenate()([x, first]))
    return k.Model(image, layers.Activation("softmax", dtype="float32")(x))


def grouped(k, size=16):
    """Grouped convolution: known from TF 2.3 on, must not be dropped like groups=1."""
    layers = k.layers
    image = k.Input((size, size, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = layers.Conv2D(4, 3, padding="same", groups=2, activation="relu")(x)
    return k.Model(image, layers.Conv2D(2, 1, activation="softmax")(x))
