"""Settings kept between runs, as texts in one JSON file in the user's configuration directory.

Nothing is lost: a damaged file counts as empty and is kept next to the new one; unknown keys of a newer version are
kept; an unreadable file is never overwritten. None of that prevents the start. Another window may have written
meanwhile, so only what was chosen here is changed. `state/preferences.py` has the table of a person's choices; the rest
(window sizes …) belongs to the code that uses it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stratascope import atomic_file, resources
from stratascope.core.message import Message, msg

VERSION = 1
_VERSION = "version"
_MOST = 1 << 20  # bytes; a larger file is not ours


def default_path() -> Path:
    """`$XDG_CONFIG_HOME/stratascope/settings.json`."""
    try:
        return resources.config_home() / "stratascope" / "settings.json"
    except RuntimeError:  # a uid without a home directory: in containers HOME is / then
        return Path("/.config/stratascope/settings.json")


class Settings:
    """Texts by key. Written at once, by rename, so a crash leaves the old or the new file.

    `trouble`: what was wrong with the file when it was read; `unkept`: why the last change could not be written.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or default_path()
        self._may_write = True
        self._pending: dict[str, str] = {}  # chosen, but not in the file yet
        self.trouble: Message | None = None
        self.unkept: Message | None = None
        self._values = _texts(self._load())

    def get(self, key: str) -> str | None:
        """The remembered value, or None."""
        return self._values.get(key)

    def set(self, key: str, value: str) -> None:
        """Remember a value; never raises."""
        if self._values.get(key) == value and key not in self._pending:
            return
        self._values[key] = self._pending[key] = value
        if not self._may_write:
            self.unkept = msg("{file} can't be read, so it will not be written either. Your choices last until the "
                              "program ends.", file=str(self._path))  # fmt: skip
            return
        try:
            self._keep()
        except (OSError, ValueError, RecursionError) as error:  # the window works without it
            self.unkept = msg("{file} could not be written: {why}. Your choices last until the program ends.",
                              file=str(self._path), why=getattr(error, "strerror", None) or str(error))  # fmt: skip
        else:
            self._pending.clear()
            self.unkept = None

    def _load(self) -> dict[str, Any]:
        try:
            self._path = atomic_file.followed(self._path)  # a symbolic link is kept
            document = _read(self._path)
        except FileNotFoundError:
            return {}
        except NotADirectoryError:
            return {}
        except OSError as error:
            self._may_write = False
            self.trouble = msg("The settings in {file} can't be read ({why}), so the defaults are used.",
                               file=str(self._path), why=error.strerror or str(error))  # fmt: skip
            return {}
        if document is None:
            self.trouble = msg(
                "The settings in {file} are damaged, so the defaults are used. The file is kept as {kept}.",
                file=str(self._path),
                kept=_free(self._path).name,
            )
            return {}
        found = document.get(_VERSION, VERSION)
        if isinstance(found, int) and found > VERSION:
            self.trouble = msg(
                "The settings in {file} come from a newer version of Stratascope. Those known to this version are "
                "used, the rest is kept.",
                file=str(self._path),
            )
        return document

    def _keep(self) -> None:
        """Write the file's current content, by whomever, updated with what is pending."""
        try:
            document = _read(self._path)
        except (FileNotFoundError, NotADirectoryError):
            document = {}
        if document is None:  # damaged: our values in memory are still good
            self._path.replace(_free(self._path))
            document = dict(self._values)
        _write(self._path, {_VERSION: VERSION, **document, **self._pending})


def _read(path: Path) -> dict[str, Any] | None:
    """None: it is not a JSON object, or too large. Raises OSError."""
    data = atomic_file.read(path, _MOST, ours=True)
    try:
        document = None if data is None else json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _texts(document: dict[str, Any]) -> dict[str, str]:
    return {key: value for key, value in document.items() if isinstance(value, str)}


def _free(path: Path) -> Path:
    """A free name next to it."""
    number, name = 1, path.with_name(f"{path.name}.damaged")
    while name.exists():
        number += 1
        name = path.with_name(f"{path.name}.damaged-{number}")
    return name


def _write(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_file.check_folder(path.parent)
    atomic_file.write(path, json.dumps(values, indent=1).encode(), exact=True)
