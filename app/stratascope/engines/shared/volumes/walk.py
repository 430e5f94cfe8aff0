"""All that lies below a folder, each by a descriptor, however deep, wide or restless it is.

Whoever fills a volume chooses its shape, and root walks through it while the container stands still. So the way down is
one step and the way up is one too, "..", held against the folder that was left: neither time nor open files grow with
the depth. Decided against the way from the top for each folder: with 4,000 in each other that took a minute, and it
grows with the square.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator

from stratascope.collector.paths import open_here, reopen

DEPTH_MOST = 256  # folders in each other whose paths are told: a text of that is made for each
_UP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE = (errno.EXDEV, errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # another mount; gone, or something else meanwhile


class _Level:
    """A folder on the way from the top: its name, which one it is, and those below it that are still to be looked at.

    `path` is None below `DEPTH_MOST`.
    """

    def __init__(self, name: str, path: str | None, place: int) -> None:
        self.name, self.path, self.number = name, path, _number(place)
        self.below: list[str] = []


def walk(top: int) -> Iterator[tuple[str | None, int, os.stat_result]]:
    """Path below the top, descriptor (for as long as the step takes) and state of each; the top first, as "".

    The path is None for what lies too deep. No link is followed, no other mount entered; folders that are moved
    meanwhile may be left out. Raises OSError.
    """
    yield "", top, os.fstat(top)
    here, levels = os.dup(top), [_Level("", "", top)]
    try:
        yield from _listed(here, levels)
        while True:
            if levels[-1].below:
                there = _opened(levels[-1].below[-1], here)
                name = levels[-1].below.pop()
                if there is None:
                    continue
                os.close(here)
                here = there
                path = levels[-1].path if len(levels) < DEPTH_MOST else None
                levels.append(_Level(name, None if path is None else f"{path}/{name}", here))
                if stat.S_ISDIR(os.fstat(here).st_mode):
                    yield from _listed(here, levels)
                continue
            levels.pop()
            if not levels:
                return
            above = _above(top, here, levels)
            os.close(here)
            here = above
    finally:
        os.close(here)


def _listed(folder: int, levels: list[_Level]) -> Iterator[tuple[str | None, int, os.stat_result]]:
    level = levels[-1]
    readable = reopen(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK)
    try:
        with os.scandir(readable) as entries:
            for entry in entries:
                place = _opened(entry.name, folder)
                if place is None:
                    continue
                try:
                    found = os.fstat(place)
                    yield None if level.path is None else f"{level.path}/{entry.name}", place, found
                finally:
                    os.close(place)
                if stat.S_ISDIR(found.st_mode):
                    level.below.append(entry.name)
    finally:
        os.close(readable)


def _above(top: int, below: int, levels: list[_Level]) -> int:
    """The last of these, of which `below` was in the folder; where that was moved, by the names from the top.

    What is not there any more is taken from `levels`.
    """
    place = os.dup(top) if len(levels) == 1 else os.open("..", _UP, dir_fd=below)
    while _number(place) != levels[-1].number:
        os.close(place)
        place = _down(top, levels[1:])
        if place < 0:
            levels.pop()
            place = os.dup(top)
    return place


def _down(top: int, levels: list[_Level]) -> int:
    """-1 where they are gone."""
    place = os.dup(top)
    for level in levels:
        there = _opened(level.name, place)
        os.close(place)
        if there is None:
            return -1
        place = there
        if _number(place) != level.number:
            os.close(place)
            return -1
    return place


def _opened(name: str, folder: int) -> int | None:
    try:
        return open_here(name, folder)
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise


def _number(place: int) -> tuple[int, int]:
    found = os.fstat(place)
    return found.st_dev, found.st_ino
