"""Small settings that the window remembers, as texts in one JSON file in the user's configuration folder.

A damaged or unwritable file is no reason not to start: it counts as empty, and what can't be kept is forgotten.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import platformdirs


def default_path() -> Path:
    """`$XDG_CONFIG_HOME/stratascope/settings.json`."""
    return platformdirs.user_config_path("stratascope") / "settings.json"


class Settings:
    """Keys to texts. Written at once, by rename, so a crash leaves the old or the new file."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or default_path()
        self._values: dict[str, str] = _read(self._path)

    def get(self, key: str) -> str | None:
        """The remembered value, or None."""
        return self._values.get(key)

    def set(self, key: str, value: str) -> None:
        """Remember a value."""
        if self._values.get(key) == value:
            return
        self._values[key] = value
        try:
            _write(self._path, self._values)
        except OSError:
            return  # a read-only home: the window works all the same


def _read(path: Path) -> dict[str, str]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    return {key: value for key, value in document.items() if isinstance(value, str)}


def _write(path: Path, values: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".settings-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=1)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
