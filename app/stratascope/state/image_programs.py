"""Which programs of an image give rights, as its engine's archive showed once: it takes seconds to be read again.

A file for an engine and image, named by both; at most FILES_MOST, of which the one not used for longest goes. They may
be damaged, or deleted at any time: then the archive is read again.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from stratascope import atomic_file, resources
from stratascope.linux.decode import DecodeError
from stratascope.linux.giving_programs import parse_giving

FILES_MOST = 256
BYTES_MOST = 256 << 10
_FORM = "stratascope programs 1"


class ImagePrograms:
    """A `usecases.live.exported_programs.Kept` in a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def get(self, engine: str, image: str) -> str | None:
        """The collector's text (`collector/giving_programs.py`); None if there is none that can be read."""
        with suppress(OSError, RuntimeError, UnicodeDecodeError, DecodeError):
            path = self._path(engine, image)
            atomic_file.check_folder(path.parent)
            data = atomic_file.read(path, BYTES_MOST, ours=True)
            head, _, text = (b"" if data is None else data).decode().partition("\n")
            if head == _head(engine, image):
                parse_giving(text)
                os.utime(path)
                return text
        return None

    def keep(self, engine: str, image: str, text: str) -> None:
        """Nothing is kept where it can't be, or of a text that is too long."""
        with suppress(OSError, RuntimeError, UnicodeEncodeError):
            path = self._path(engine, image)
            data = f"{_head(engine, image)}\n{text}".encode()
            if len(data) > BYTES_MOST:
                return
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            atomic_file.check_folder(path.parent)
            atomic_file.write(path, data, lasting=False)
            kept = sorted(path.parent.iterdir(), key=lambda each: each.lstat().st_mtime)
            for old in kept[:-FILES_MOST]:
                old.unlink(missing_ok=True)

    def _path(self, engine: str, image: str) -> Path:
        folder = self._folder or resources.state_home() / "stratascope" / "programs"
        return folder / hashlib.sha256(_head(engine, image).encode()).hexdigest()


def _head(engine: str, image: str) -> str:
    return " ".join((_FORM, *(word.replace("\n", "?") for word in (engine, image))))
