"""Accepted findings on disk: in files named by the user, and the window's own list in its configuration directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stratascope import atomic_file, resources
from stratascope.core.accepted import MOST, MOST_BYTES, Accepted, AcceptedError, read_toml, toml_text
from stratascope.core.message import colon, msg

_COMMENT = "Findings that were accepted in the window of Stratascope, which writes this file anew."


def load(path: Path) -> tuple[Accepted, ...]:
    """The exceptions in a file named by the user. Raises AcceptedError."""
    try:
        data = atomic_file.read(path, MOST_BYTES, piped=True)
    except OSError as error:
        raise _failed(path, error) from error
    return _read(path, data)


def default_path() -> Path:
    """`$XDG_CONFIG_HOME/stratascope/accepted.toml`. Raises RuntimeError if the user has no home."""
    return resources.config_home() / "stratascope" / "accepted.toml"


class AcceptedFile:
    """The window's own list: written whole, by rename, and at most `MOST` long. All methods raise AcceptedError."""

    def __init__(self, path: Path | None = None) -> None:
        self._given = path

    def entries(self) -> tuple[Accepted, ...]:
        """Its entries; empty if there is no file."""
        path = self._path()
        try:
            data = atomic_file.read(path, MOST_BYTES, ours=True)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise _failed(path, error) from error
        return _read(path, data)

    def add(self, entry: Accepted) -> None:
        """Add an entry, replacing one for the same finding of the same containers."""
        self._change(lambda kept: (*(each for each in kept if _same(each) != _same(entry)), entry))

    def remove(self, entry: Accepted) -> None:
        """Remove an entry, if present."""
        self._change(lambda kept: tuple(each for each in kept if _same(each) != _same(entry)))

    def _change(self, change: Callable[[tuple[Accepted, ...]], tuple[Accepted, ...]]) -> None:
        path = self._path()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_file.check_folder(path.parent)
            with atomic_file.locked(path.with_name(f"{path.name}.lock")):  # another window may do the same
                before = self.entries()
                after = change(before)
                if after == before:
                    return
                text = toml_text(after, _COMMENT)
                if len(after) > MOST or len(text.encode()) > MOST_BYTES:
                    raise AcceptedError(msg("{file} is full. Remove exceptions that are no longer needed.",
                                            file=str(path)))  # fmt: skip
                read_toml(text, str(path))  # never write what could not be read back
                atomic_file.tidy(path)
                atomic_file.write(path, text.encode())
        except OSError as error:
            raise _failed(path, error) from error

    def _path(self) -> Path:
        try:
            return atomic_file.followed(self._given or default_path())  # a symbolic link is kept
        except RuntimeError as error:
            raise AcceptedError(msg("There is no directory for settings: set {name} to a directory.",
                                    name="XDG_CONFIG_HOME")) from error  # fmt: skip
        except OSError as error:
            raise _failed(self._given or default_path(), error) from error


def _same(entry: Accepted) -> tuple[str, ...]:
    return entry.finding, entry.container, entry.engine, entry.image, entry.group


def _read(path: Path, data: bytes | None) -> tuple[Accepted, ...]:
    if data is None:
        raise AcceptedError(
            msg(
                "{file} is longer than {most} bytes, so it is not a list of exceptions.",
                file=str(path),
                most=MOST_BYTES,
            )
        )
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise AcceptedError(msg("{file} is not UTF-8. Save it in that encoding.", file=str(path))) from error
    return read_toml(text, str(path))


def _failed(path: Path, error: OSError) -> AcceptedError:
    return AcceptedError(colon(str(error.filename or path), error.strerror or str(error)))
