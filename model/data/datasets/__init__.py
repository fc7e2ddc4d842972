"""Datasets: images with masks in the layouts people have, opened, surveyed and split."""
