"""Whether a window can be shown at all; asked before anything is installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping


def why_no_window(
    environment: Mapping[str, str] = os.environ, platform: str = sys.platform
) -> str | None:
    """Returns a sentence that says why no window can be shown and what to do, or None."""
    if not platform.startswith("linux"):
        return None
    if any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        return None
    return (
        "There is no display for the window (neither DISPLAY nor WAYLAND_DISPLAY is set). "
        "Without one these work: inspect, predict, fine-tune, export, demo; -h shows how."
    )
