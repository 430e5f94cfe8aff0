"""Whether the kernel would load a module by an alias: what depmod(8) listed, without what modprobe.d(5) turns off.

Only names from the list of modules are looked for, in regular files of modprobe's own folders, bounded in number and
size. Nothing is loaded.
"""

from __future__ import annotations

import os
import stat
from typing import FrozenSet, Optional

FOLDERS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
ALIASES_MAX = 16 << 20  # bytes
_FILES_MAX, _FILE_MAX = 400, 1 << 18  # in one folder; bytes
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_NOTHING = ("false", "true", ":")  # the usual programs of a line `install MODULE /bin/false`


class Loadable:
    """The list of one kernel's modules and modprobe's settings, each read when first needed."""

    def __init__(self) -> None:
        self._listed: Optional[bytes] = None
        self._off: Optional[FrozenSet[str]] = None

    def by(self, alias: str) -> bool:
        """Whether `alias` leads to a module. OSError where the list can't be read."""
        if self._listed is None:
            self._listed = listed()
        head = b"alias %s " % alias.encode()
        start = self._listed.find(head)
        if start < 0:
            return False
        name = self._listed[start + len(head) : self._listed.find(b"\n", start)].decode("utf-8", "replace").strip()
        if self._off is None:
            self._off = turned_off()
        return alias not in self._off and name.replace("-", "_") not in self._off


def listed() -> bytes:
    """The start of the list of aliases of the running kernel's modules. OSError where it can't be read."""
    descriptor = os.open("/lib/modules/%s/modules.alias" % os.uname().release, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, ALIASES_MAX)
    finally:
        os.close(descriptor)


def turned_off() -> FrozenSet[str]:
    """Aliases that lead nowhere, and modules (with `_` for `-`) that no alias loads, by modprobe.d(5)."""
    found = set()
    seen = set()
    for folder in FOLDERS:
        try:
            names = sorted(os.listdir(folder))[:_FILES_MAX]
        except OSError:
            continue
        for name in names:
            if name.endswith(".conf") and name not in seen:  # the same name in an earlier folder replaces it
                seen.add(name)
                for line in _text(os.path.join(folder, name)).splitlines():
                    words = line.split()
                    if words[:1] == ["alias"] and words[2:3] == ["off"]:
                        found.add(words[1])
                    elif words[:1] == ["blacklist"] or (
                        words[:1] == ["install"] and len(words) == 3 and words[2].rpartition("/")[2] in _NOTHING
                    ):
                        found.update(word.replace("-", "_") for word in words[1:2])
    return frozenset(found)


def _text(path: str) -> str:
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return ""
            return os.read(descriptor, _FILE_MAX).decode("utf-8", "replace")
        finally:
            os.close(descriptor)
    except OSError:
        return ""
