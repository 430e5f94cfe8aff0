"""Programs that give rights, from a container's files as its engine hands them out, for who may not look there.

An engine's archive of a container has owners, modes and file capabilities of everything except mounts. It is read once
for an image, and what was found is kept; the containers of an image differ in what root wrote there since, which is not
seen. Its reader asks only where it decides something: of a process that is not root, and can still gain rights.
"""

from __future__ import annotations

import struct
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any, Protocol

from stratascope.collector.giving_programs import FILE_MAX, FOUND_MAX
from stratascope.collector.known_programs import recognised
from stratascope.collector.names import GIVING_PROGRAMS
from stratascope.collector.own_rules import FILES_MAX, TEXT_MAX, own_rules
from stratascope.core.capture import Capture, Gap, Reading
from stratascope.core.container import Container
from stratascope.core.ports import EngineError, NoSuchContainerError

SECONDS = 3.0  # for all that is asked at once
SIZE_MAX = 4 << 30
KNOWN_MAX = 256  # images
_CAPABILITY = "SCHILY.xattr.security.capability"
_ACCESS_LIST = "SCHILY.acl.access"
_RULES = ("etc/passwd", "etc/group", "etc/shadow", "etc/sudoers", "etc/doas.conf")
_RULE_FOLDERS = ("etc/sudoers.d/", "etc/pam.d/", "etc/doas.d/", "usr/lib/pam.d/")
_ELF = b"\x7fELF"

Export = Callable[[str], Iterator[bytes]]  # of a container, by its id. Raises EngineError, NoSuchContainerError


class Kept(Protocol):
    """What was found, over the end of the program."""

    def get(self, engine: str, image: str) -> str | None:
        """None if nothing is kept."""

    def keep(self, engine: str, image: str, text: str) -> None:
        """Keep it if possible."""


class ExportedPrograms:
    """What was read, by engine and image. As thread-safe as a dictionary."""

    def __init__(self, kept: Kept | None = None) -> None:
        self._kept = kept
        self._known: dict[tuple[str, str], str | None] = {}

    def of(self, found: Sequence[tuple[Container, Capture]], export: Export) -> dict[tuple[str, str], Reading]:
        """The reading for each container, by its key, where there is none yet and it could be made."""
        until = time.monotonic() + SECONDS
        made = {}
        for container, first in found:
            if not isinstance(first.text(GIVING_PROGRAMS), Gap):
                continue
            text = self._of(container, export, until)
            if text is not None:
                cut = "...\n" if any(mount.kind == "bind" for mount in container.asked.mounts) else ""
                made[container.key] = Reading(GIVING_PROGRAMS, f"export of {container.name}", text + cut)
        return made

    def _of(self, container: Container, export: Export, until: float) -> str | None:
        key = container.engine, container.image_id or container.id
        if key not in self._known:
            kept = self._kept if container.image_id else None
            text = kept.get(*key) if kept is not None else None
            if text is None and time.monotonic() >= until:
                return None
            if text is None:
                text = _exported(export, container.id, until)
                if text is not None and kept is not None:
                    kept.keep(*key, text)
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[key] = text
        return self._known[key]


def _exported(export: Export, container: str, until: float) -> str | None:
    try:
        with closing(_Stream(export(container), until)) as stream:
            return programs_in(stream)
    except (EngineError, NoSuchContainerError, tarfile.TarError, OSError, ValueError):
        return None


class _Stream:
    """Pieces as a file that is read from its start to its end, once."""

    def __init__(self, pieces: Iterator[bytes], until: float) -> None:
        self._pieces, self._until = pieces, until
        self._left: bytes | memoryview = b""
        self._size = 0

    def read(self, size: int) -> bytes:
        found: list[bytes | memoryview] = []
        while size > 0:
            if not self._left:
                if time.monotonic() > self._until or self._size > SIZE_MAX:
                    raise OSError("it took too long")
                piece = next(self._pieces, b"")
                if not piece:
                    break
                self._size += len(piece)
                self._left = memoryview(piece)
            part = self._left[:size]
            self._left = self._left[size:]
            size -= len(part)
            found.append(part)
        return b"".join(found)

    def close(self) -> None:
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()


class _Rules:
    """As `collector.own_rules.Files`, of an archive."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.modes: dict[str, tuple[int, int, int]] = {}

    def text(self, path: str) -> str:
        return self.texts.get(path.lstrip("/"), "")

    def names(self, path: str) -> list[str]:
        start = f"{path.strip('/')}/"
        return sorted(name.removeprefix(start) for name in self.texts if name.startswith(start))[:FILES_MAX]

    def access(self, path: str) -> tuple[int, int, int] | None:
        return self.modes.get(path.strip("/"))


def programs_in(stream: Any) -> str:
    """The text of GIVING_PROGRAMS, of a tar archive that is read once. Raises tarfile.TarError, OSError, ValueError."""
    rules, closed = _Rules(), dict[str, str]()
    lines, known, links = ["inside"], set[str](), dict[str, str]()
    whole = False
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for item in archive:
            whole = True
            name = item.name.removeprefix("./").strip("/")
            mode = item.mode & 0o7777 | (1 if _ACCESS_LIST in item.pax_headers else 0)
            if name.startswith("etc"):
                rules.modes[name] = item.uid, item.gid, mode & 0o777
            if item.isdir():
                if not mode & 1:
                    closed[name] = f"{item.uid}:{item.gid}:{mode & 0o777:o}"
            elif item.isreg():
                is_rule = name in _RULES or name.startswith(_RULE_FOLDERS)
                if is_rule and len(rules.texts) < FILES_MAX:
                    rules.texts[name] = _content(archive, item, TEXT_MAX).decode("utf-8", "replace")
                given = _capabilities(item.pax_headers)
                if not mode & 0o111 or not (mode & 0o6000 or any(given)):
                    continue
                data = _content(archive, item, FILE_MAX)
                if not data.startswith(_ELF):
                    continue
                if len(lines) > FOUND_MAX:
                    lines.append("...")
                    break
                which = recognised("/" + name, data)
                known.add(which)
                gates = ",".join(closed[each] for each in _above(name) if each in closed) or "-"
                words = f"{item.uid} {item.gid} {mode:o} {given[0]:x} {given[1]:x} {given[2]} {given[3]}"
                links[name] = f"p {words} {which or '-'} {gates} "
                lines.append(f"{links[name]}/{_one(name)}")
            elif item.islnk() and (target := item.linkname.removeprefix("./").strip("/")) in links:
                lines.append(f"{links[target]}/{_one(name)}")
    if not whole:
        raise ValueError("an empty archive")
    lines += own_rules(rules, known)
    return "".join(f"{line}\n" for line in lines)


def _content(archive: tarfile.TarFile, item: tarfile.TarInfo, most: int) -> bytes:
    file = archive.extractfile(item)
    return b"" if file is None else file.read(most)


def _above(name: str) -> Iterable[str]:
    parts = name.split("/")
    return ["", *("/".join(parts[:end]) for end in range(1, len(parts)))]


def _capabilities(headers: Any) -> tuple[int, int, int, int]:
    """As `collector.giving_programs`; struct vfs_ns_cap_data, in text that may have been decoded as UTF-8."""
    text = headers.get(_CAPABILITY)
    with suppress(UnicodeEncodeError, struct.error):
        data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else b""
        if len(data) >= 20:
            magic, low, low_inheritable, high, high_inheritable = struct.unpack("<5I", data[:20])
            return low | high << 32, low_inheritable | high_inheritable << 32, magic & 1, 0
    return 0, 0, 0, 0


def _one(path: str) -> str:
    return path.replace("\n", "?")
