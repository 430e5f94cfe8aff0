"""The files of an image that decide, from the folders of its layers on this machine: who its users are, and which of
its programs give rights.

No engine tells them, and starting a container to look would change something. The folders are what the engine says, and
their content is the image's: no link leads out of them, only regular files are opened, and nothing that may not answer.
What a layer hides of those below: Documentation/filesystems/overlayfs.rst; fuse-overlayfs writes `.wh.` files instead.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Collection, Iterator, Sequence

from stratascope.collector.giving_programs import Search, with_closed
from stratascope.collector.own_rules import TEXT_MAX, own_rules
from stratascope.collector.paths import LINKS_MAX, Sight, open_here, reopen
from stratascope.core.accounts import MOST, Accounts, parse

_LAYERS_MOST = 200  # overlayfs has a limit of 500, and Docker one of 125
_NAMES_MOST = 4096
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK
_OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque", "user.fuseoverlayfs.opaque")
_GONE = ".wh."
_ALL_GONE = ".wh..wh..opq"


class _UnreadableError(OSError):
    """A file is there, but can't be read as the container would."""


def accounts_of(layers: Sequence[str]) -> Accounts | None:
    """`layers`: folders, topmost first. None if they can't be read."""
    texts = []
    try:
        with _opened(layers) as image:
            for path in ("/etc/passwd", "/etc/group"):
                try:
                    texts.append(image.whole(path, MOST))
                except FileNotFoundError:
                    texts.append("")
    except OSError:
        return None
    return parse(*texts)


def add_programs(layers: Sequence[str], covered: Sequence[str], search: Search) -> None:
    """Add the programs that give rights to what was found, with ids as on the disk. `covered`: paths where something
    else is mounted. Raises OSError if the layers can't be read.
    """
    with _opened(layers) as image:
        image.add_programs(covered, search)


def rules(layers: Sequence[str], covered: Collection[str], known: set[str]) -> tuple[list[str], bool]:
    """Whom the image's own rules let in of these programs (`collector.own_rules`), and whether that is certain. Raises
    OSError.
    """
    if not known:
        return [], True
    with _opened(layers) as image:
        lines = own_rules(image, known)
        return lines, image.sure and not any(path == "/etc" or _decides(path) for path in covered)


def _decides(path: str) -> bool:
    return path.startswith("/etc/") and path not in ("/etc/resolv.conf", "/etc/hostname", "/etc/hosts")


@contextlib.contextmanager
def _opened(layers: Sequence[str]) -> Iterator[_Image]:
    if not layers or len(layers) > _LAYERS_MOST:
        raise _UnreadableError("no folders are told")
    sight, tops = Sight(), list[int]()
    try:
        for layer in layers:
            tops.append(sight.answering(layer))
        yield _Image(tops)
    finally:
        for top in tops:
            os.close(top)


class _Image:
    """An image's root directory; also `own_rules.Files`. `sure`: whether all could be read as the container would."""

    def __init__(self, tops: Sequence[int]) -> None:
        self._tops = tops
        self.sure = True

    def whole(self, path: str, most: int) -> str:
        """All of a regular file that no link leads to. Raises OSError."""
        place = self._found(self._way(path, links=False))
        try:
            about = os.fstat(place)
            if not stat.S_ISREG(about.st_mode) or about.st_size > most:
                raise _UnreadableError(path)
            with os.fdopen(reopen(place, _READ), "rb") as file:
                return file.read(most).decode("utf-8", "replace")
        finally:
            os.close(place)

    # -- own_rules.Files

    def text(self, path: str) -> str:
        """See Files."""
        try:
            return self.whole("/" + "/".join(self._way(path)), TEXT_MAX)
        except FileNotFoundError:
            return ""
        except OSError:
            self.sure = False
            return ""

    def names(self, path: str) -> list[str]:
        """See Files."""
        try:
            parts = self._way(path)
        except OSError:
            return []
        found, gone = set[str](), set[str]()
        for top in self._tops:
            here, hides = _in_layer(top, parts)
            if here is not None:
                try:
                    hides = hides or _opaque(here)
                    there, away = _listed(here)
                finally:
                    os.close(here)
                found |= there - gone
                gone |= away
            if hides:
                break
        return sorted(found)

    def access(self, path: str) -> tuple[int, int, int] | None:
        """See Files."""
        try:
            place = self._found(self._way(path))
        except OSError:
            return None
        try:
            about = os.fstat(place)
        finally:
            os.close(place)
        return about.st_uid, about.st_gid, about.st_mode & 0o777

    # -- programs

    def add_programs(self, covered: Sequence[str], search: Search) -> None:
        """See the function of that name."""
        search.elsewhere = set(covered)
        for top in self._tops:
            before = len(search.lines)
            search.below(top, "/", "")
            search.lines[before:] = [
                line for each in search.lines[before:] if (line := self._as_seen(each, top)) is not None
            ]

    def _as_seen(self, line: str, top: int) -> str | None:
        """The line with the folders as they are in the image; None if a layer above hides the file."""
        words = line.split(" ", 10)
        parts = words[10].strip("/").split("/")
        try:
            if not _same(_in_layer(top, parts)[0], self._found(parts)):
                return None
        except FileNotFoundError:
            return line if "?" in words[10] else None  # a line break in its name, which is not told
        closed = ""
        for end in range(len(parts)):
            folder = self._found(parts[:end])
            try:
                closed = with_closed(closed, os.fstat(folder), folder)
            finally:
                os.close(folder)
        return " ".join((*words[:9], closed or "-", words[10]))

    # -- looking up

    def _way(self, path: str, *, links: bool = True) -> list[str]:
        """The path with its links resolved, as from the root directory. Raises OSError."""
        left, way, followed = path.split("/")[::-1], list[str](), 0
        while left:
            part = left.pop()
            if part in ("", "."):
                continue
            if part == "..":
                del way[-1:]
                continue
            place = self._found([*way, part])
            try:
                mode = os.fstat(place).st_mode
                if stat.S_ISLNK(mode):
                    followed += 1
                    if not links or followed > LINKS_MAX:
                        raise _UnreadableError(path)
                    target = os.readlink("", dir_fd=place)
                    if target.startswith("/"):
                        way.clear()
                    left += target.split("/")[::-1]
                    continue
                if left and not stat.S_ISDIR(mode):
                    raise _UnreadableError(path)
            finally:
                os.close(place)
            way.append(part)
        return way

    def _found(self, parts: Sequence[str]) -> int:
        """Open what the image has at a path without links, as O_PATH. Raises OSError."""
        for top in self._tops:
            place, hides = _in_layer(top, parts)
            if place is not None:
                return place
            if hides:
                break
        raise FileNotFoundError("/".join(parts))


def _in_layer(top: int, parts: Sequence[str]) -> tuple[int | None, bool]:
    """The file in one layer (None: it has none), and whether it hides that of the layers below. Raises OSError."""
    here, hides = os.dup(top), False
    try:
        for number, part in enumerate(parts, 1):
            hides = hides or _opaque(here)
            if _is_there(_GONE + part, here):
                return None, True
            try:
                deeper = open_here(part, here)
            except FileNotFoundError:
                return None, hides
            os.close(here)
            here = deeper
            about = os.fstat(here)
            if _whiteout(about) or (number < len(parts) and not stat.S_ISDIR(about.st_mode)):
                return None, True
        found, here = here, -1
        return found, hides
    finally:
        if here >= 0:
            os.close(here)


def _same(one: int | None, other: int) -> bool:
    """Whether both are the same file; closes them."""
    try:
        return one is not None and os.path.samestat(os.fstat(one), os.fstat(other))
    finally:
        for each in (one, other):
            if each is not None:
                os.close(each)


def _whiteout(about: os.stat_result) -> bool:
    return stat.S_ISCHR(about.st_mode) and about.st_rdev == 0


def _is_there(name: str, folder: int) -> bool:
    try:
        os.close(open_here(name, folder))
    except FileNotFoundError:
        return False
    return True


def _opaque(folder: int) -> bool:
    path = f"/proc/self/fd/{folder}"
    for name in _OPAQUE:
        with contextlib.suppress(OSError):
            if os.getxattr(path, name) == b"y":
                return True
    return _is_there(_ALL_GONE, folder)


def _listed(folder: int) -> tuple[set[str], set[str]]:
    """The names in one layer's folder, and those that it hides."""
    found, gone = set[str](), set[str]()
    try:
        here = reopen(folder, _FOLDER)
    except OSError:
        return found, gone
    try:
        for name in sorted(os.listdir(here))[:_NAMES_MOST]:  # noqa: PTH208
            if name.startswith(_GONE):
                gone.add(name.removeprefix(_GONE))
            elif _whiteout(os.stat(name, dir_fd=here, follow_symlinks=False)):
                gone.add(name)
            else:
                found.add(name)
    except OSError:
        pass
    finally:
        os.close(here)
    return found, gone
