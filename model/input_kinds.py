"""What a network may take, as numbers that several parts have to agree on. Nothing is imported."""

from __future__ import annotations

CHANNELS = (1, 2, 3, 4)
"""Of images: gray, gray and opacity, colour, colour and opacity."""

WITH_OPACITY = (2, 4)
"""Those whose last channel is opacity."""

DEFAULT_PERCENTILES = (1.0, 99.8)
"""What most descriptions of bioimage.io ask for."""
