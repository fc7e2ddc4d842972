"""Damaged and hostile model files, made from genuine ones, and processes that try to open them."""
