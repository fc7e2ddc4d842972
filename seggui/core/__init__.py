"""The editing domain, without Qt and without Keras."""
