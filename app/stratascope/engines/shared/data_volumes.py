"""Volumes made for a relaunch, and what a container has at a path, by calls that both engines have.

What is there comes as a tar archive, read as it arrives and not kept. Text of others: a damaged archive is an
EngineError, and names are only compared.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import quote

from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.data_volume import Entry
from stratascope.engines.shared import errors
from stratascope.engines.shared.json_reader import JsonObject, parse_object, words_of
from stratascope.engines.shared.rest_client import answered, gone
from stratascope.engines.shared.rest_engine import SLOW, RestEngine, command, found

_KINDS = {tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l", tarfile.FIFOTYPE: "p"}
_MOST = 500_000  # files in one directory: the container is stopped meanwhile
_HASHED = 1 << 20  # bytes of each file
_STEP = 1 << 16


def make(engine: RestEngine, path: str, request: str, name: str, labels: Mapping[str, str]) -> None:
    """Docker answers with the volume that there is; so who made it is checked afterwards."""
    place = engine.volume_path(quote(name, safe=""))
    taken = RefusedError(EngineState.CONNECTED, msg("There is a volume of that name already: {name}.", name=name))
    if found(engine, place) is not None:
        raise taken
    command(engine, "POST", path, data=request, silence=SLOW)
    made = found(engine, place)
    if made is None or not dict(labels).items() <= dict(JsonObject(parse_object(made)).pairs("Labels")).items():
        raise taken


def remove(engine: RestEngine, names: tuple[str, ...]) -> None:
    """One that is in use stays."""
    for name in names:
        path = f"/volumes/{quote(name, safe='')}"
        command(engine, "DELETE", path, silence=SLOW, well=(404, 409))


def labelled(label: str, value: str) -> dict[str, str]:
    """The parameters of a list."""
    return {"filters": json.dumps({"label": [f"{label}={value}"]})} if label else {}


def contents(engine: RestEngine, container: str, path: str) -> Iterator[Entry]:
    """See `core.relaunch.data_volume.DataVolumes`."""
    status, body, stream = engine.follow(f"/containers/{container}/archive", {"path": path})
    with closing(stream):
        if gone(status, body):
            if "no such container" in words_of(body).lower():
                raise NoSuchContainerError(words_of(body))
            return  # it has no such path
        answered(status, body, container)
        try:
            with tarfile.open(fileobj=io.BufferedReader(_Pieces(stream.pieces()), _STEP), mode="r|") as archive:
                yield from _entries(archive)
        except (tarfile.TarError, ValueError, OSError) as error:
            raise EngineError(EngineState.UNREACHABLE, errors.nonsense(), str(error)) from error


def _entries(archive: tarfile.TarFile) -> Iterator[Entry]:
    known: dict[str, Entry] = {}
    for item in archive:
        path = _below(item.name)
        kind, size, content = _KINDS.get(item.type, "f"), 0, ""
        if item.islnk():
            first = known.get(_below(item.linkname))
            kind, size, content = ("f", first.size, first.content) if first is not None else ("f", 0, "?")
        elif item.isreg():
            size, content = item.size, _digest(archive, item)
            kind = "f"
        elif kind == "l":
            content = item.linkname
        elif kind == "f":
            continue  # a device
        entry = Entry(path, kind, item.mode, item.uid, item.gid, size, int(item.mtime), content)
        known[path] = entry
        if len(known) > _MOST:
            text = msg("It keeps more than {most} files there, which is too much to compare.", most=_MOST)
            raise RefusedError(EngineState.CONNECTED, text)
        yield entry


def _below(name: str) -> str:
    """Without the directory's own name, which Podman leaves empty for a volume."""
    return name.partition("/")[2].rstrip("/") if "/" in name else ""


def _digest(archive: tarfile.TarFile, item: tarfile.TarInfo) -> str:
    file, digest, left = archive.extractfile(item), hashlib.sha256(), _HASHED
    while file is not None and left and (part := file.read(min(_STEP, left))):
        digest.update(part)
        left -= len(part)
    return digest.hexdigest()


class _Pieces(io.RawIOBase):
    """A stream of pieces as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """See `io.RawIOBase`."""
        into = memoryview(buffer)
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        size = min(len(into), len(self._rest))
        into[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
