"""The image with its mask, and what the pointer does to it."""
