"""Refusals to make something in a folder: it is the folder that refuses, whatever the name, so many names are one.

A program that tries a name of chance again and again (mkstemp) would else have a line for each. Device nodes are left
out, which are refused by what they are, and sockets, of which few have names of chance. Decided against looking at the
names: what looks like chance is a guess.
"""

from __future__ import annotations

import posixpath

from stratascope.core.denials.attempt import Attempt
from stratascope.core.denials.tried import MAKES, Use, uses

NAMES = 3  # in one folder, from which on they are one
_BY_WHAT_THEY_ARE = frozenset(("mknod", "mknodat", "bind"))
_MOST = 4096


def folder_of(attempt: Attempt) -> str:
    """Where it would have made something; empty: that is not what it tried, or not known."""
    path = attempt.path.rstrip("/")
    made = attempt.name in MAKES or (uses(attempt) == (Use.NAMES,) and attempt.name.startswith(("open", "creat")))
    if not (attempt.entered and made and path.startswith("/")) or attempt.name in _BY_WHAT_THEY_ARE:
        return ""
    return posixpath.dirname(path)


class SameFolder:
    """By folder, and how it refused: the keys so far, or the one that they have together."""

    def __init__(self) -> None:
        self._keys: dict[str, list[str]] = {}
        self._together: dict[str, str] = {}  # by key: the one that it counts to

    def now(self, key: str) -> str:
        """The key under which that one counts."""
        return self._together.get(key, key)

    def join(self, key: str, common: str) -> tuple[str, ...]:
        """One more, of those that would have `common` together. All that have it from now on; none: too few so far."""
        known = self._keys.setdefault(common, [])
        if key in known:
            return ()
        if len(known) >= NAMES:
            self._remember(key, common)
            return (key,)
        known.append(key)
        if len(self._keys) > _MOST:
            del self._keys[next(iter(self._keys))]
        if len(known) < NAMES:
            return ()
        for each in known:
            self._remember(each, common)
        return tuple(known)

    def _remember(self, key: str, common: str) -> None:
        if len(self._together) >= _MOST:
            del self._together[next(iter(self._together))]
        self._together[key] = common
