"""Layers of a user of Keras 3: plain definitions, nothing but `keras`."""

import keras


class ScaledShift(keras.layers.Layer):
    """Scale and shift per channel, with weights of its own and an argument."""

    def __init__(self, power=1.0, **kwargs):
        super().__init__(**kwargs)
        self.power = power

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer="ones")
        self.shift = self.add_weight(name="shift", shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs):
        return keras.ops.abs(inputs) ** self.power * self.scale + self.shift

    def get_config(self):
        return dict(super().get_config(), power=self.power)


class TwoConvolutions(keras.layers.Layer):
    """A block that holds two layers of equal shape."""

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.first = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")
        self.second = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build((*input_shape[:-1], self.filters))

    def call(self, inputs):
        return self.second(self.first(inputs))

    def get_config(self):
        return dict(super().get_config(), filters=self.filters)
