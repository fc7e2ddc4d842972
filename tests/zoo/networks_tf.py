"""Networks with plain TensorFlow functions in them: TFOpLambda and SlicingOpLambda from TF 2.4 on.

Every function takes `k` (tf.keras or tf_keras).
"""

import tensorflow as tf
from networks import two_convs


def tf_operators(k, size=16):
    """x / 255, minus a mean, channels turned round, tf.nn.relu, tf.concat, tf.nn.softmax."""
    layers = k.layers
    image = k.Input((size, size, 3))
    x = image / 255.0
    x = x - [0.485, 0.456, 0.406]
    x = x / tf.constant([0.229, 0.224, 0.225])
    x = x[:, :, :, ::-1]
    first = tf.nn.relu(layers.Conv2D(4, 3, padding="same")(x))
    x = tf.nn.max_pool2d(first, 2, 2, "SAME")
    x = layers.Conv2D(4, 3, padding="same")(x)
    x = tf.nn.leaky_relu(x, alpha=0.3)
    x = tf.image.resize(x, (size, size), method="bilinear")
    x = tf.concat([first, x], axis=-1)
    x = layers.Conv2D(3, 1)(x)
    return k.Model(image, tf.nn.softmax(x, axis=-1))


def tf_resize(k):
    """Free size: resized to tf.shape of the skip, slices and strides, scale and shift, exp."""
    layers = k.layers
    image = k.Input((None, None, 4))
    x = 2.0 * image[..., :3] - 1.0
    alpha = image[:, :, :, 3:]
    first = two_convs(k, x)
    low = layers.Conv2D(4, 3, padding="same")(layers.MaxPooling2D()(first))
    up = tf.image.resize(low, tf.shape(first)[1:3])
    near = tf.image.resize(low, (tf.shape(first)[1], tf.shape(first)[2]), method="nearest")
    x = tf.concat([first, up, near, tf.stop_gradient(alpha)], -1)
    x = tf.keras.activations.relu(layers.Conv2D(4, 1)(x)) if k is tf.keras else layers.ReLU()(x)
    pooled = tf.reduce_mean(x, axis=[1, 2], keepdims=True)
    x = x * tf.sigmoid(pooled) + tf.math.square(x) * 0.1
    return k.Model(image, tf.math.sigmoid(layers.Conv2D(1, 1)(x)))


def tf_more(k, size=16):
    """tf.pad, tf.add, tf.multiply, tf.math.maximum, tf.clip_by_value, tf.transpose, tf.reshape."""
    layers = k.layers
    image = k.Input((size, size, 3))
    x = tf.cast(image, tf.float32)
    x = tf.math.subtract(tf.math.divide(x, 127.5), 1.0)
    x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="REFLECT")
    x = layers.Conv2D(4, 3)(x)
    x = tf.nn.relu6(x)
    y = layers.Conv2D(4, 3, padding="same")(x)
    x = tf.add(x, y)
    x = tf.multiply(x, tf.nn.sigmoid(y))
    x = tf.math.maximum(x, -x)
    x = tf.clip_by_value(x, -4.0, 4.0)
    left, right = tf.split(x, 2, axis=-1)
    x = tf.stack([left, right], axis=3)
    x = tf.reshape(x, (-1, size, size, 4))
    x = tf.transpose(tf.transpose(x, [0, 2, 1, 3]), perm=(0, 2, 1, 3))
    mean = tf.expand_dims(tf.expand_dims(tf.math.reduce_max(x, axis=(1, 2)), 1), 1)
    x = tf.nn.elu(x) + tf.tile(mean, [1, size, size, 1])
    x = tf.nn.depth_to_space(layers.Conv2D(8, 3, strides=2, padding="same")(x), 2)
    return k.Model(image, layers.Conv2D(2, 1, activation="softmax")(x))
