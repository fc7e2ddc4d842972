"""The process that owns Keras: requests in, frozen events out."""
