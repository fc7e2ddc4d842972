"""What the program remembers of its user: window, theme, recent folders and models."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QByteArray, QObject, QSettings

MAX_RECENT = 10


def data_dir() -> Path:
    """The user's folder for seggui's own data: projects of read-only folders, samples, logs."""
    override = os.environ.get("SEGGUI_HOME")
    if override:
        return Path(override)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "seggui"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "seggui"
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "seggui"


def settings_dir() -> Path:
    """Where the settings of models in read-only folders are kept."""
    return data_dir() / "models"


class Settings(QObject):
    """Typed access to one settings file; a broken or unwritable one never stops the program."""

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        file = path or data_dir() / "settings.ini"
        self._settings = QSettings(str(file), QSettings.Format.IniFormat, self)

    def text(self, name: str, default: str) -> str:
        """A text, or ``default`` when it was never set."""
        value = self._settings.value(name, default)
        return value if isinstance(value, str) else default

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        """A number inside [low, high]; anything else becomes ``default``."""
        try:
            value = float(str(self._settings.value(name, default)))
        except ValueError:
            return default
        return value if low <= value <= high else default

    def flag(self, name: str, default: bool) -> bool:
        """A switch."""
        return str(self._settings.value(name, default)).lower() == "true"

    def theme(self) -> Literal["system", "dark", "light"]:
        """The look that the user chose."""
        value = self.text("window/theme", "system")
        return value if value in ("dark", "light") else "system"  # type: ignore[return-value]

    def bytes(self, name: str) -> QByteArray:
        """Window geometry and the like; empty when unknown."""
        value = self._settings.value(name)
        return value if isinstance(value, QByteArray) else QByteArray()

    def set(self, name: str, value: Any) -> None:
        """Stores one value."""
        self._settings.setValue(name, value)

    def recent(self, name: str) -> list[Path]:
        """Recent folders or models, newest first."""
        try:
            entries = json.loads(self.text(f"recent/{name}", "[]"))
        except json.JSONDecodeError:
            return []
        return [Path(e) for e in entries if isinstance(e, str)] if isinstance(entries, list) else []

    def add_recent(self, name: str, path: Path) -> None:
        """Puts a path first."""
        entries = [path, *(p for p in self.recent(name) if p != path)][:MAX_RECENT]
        self.set(f"recent/{name}", json.dumps([str(p) for p in entries]))

    def sync(self) -> None:
        """Writes to disk now."""
        self._settings.sync()


def kept_home(settings: Settings, folder: Path) -> Path | None:
    """Where a folder's project is kept when the user chose another place for it."""
    kept = settings.text(f"homes/{name_of_home(folder)}", "")
    return Path(kept) if kept else None


def name_of_home(folder: Path) -> str:
    """A name for a folder's project elsewhere: readable, and different for equal last names."""
    import zlib

    digest = zlib.crc32(str(folder.absolute()).encode("utf-8", "surrogateescape"))
    return f"{folder.name or 'root'}-{digest:08x}"
