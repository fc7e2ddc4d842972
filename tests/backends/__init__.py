"""The tests of the Keras half with other backends than TensorFlow."""
