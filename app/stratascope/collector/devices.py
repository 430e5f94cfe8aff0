"""Which kinds of character devices the host has in /dev: by the kernel's numbers, and by names where numbers vary.

Directories are listed, nothing in them is opened. The layers use the same table.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Dict, FrozenSet, Optional, Set

# For each kind: majors with any minor, pairs of numbers (Documentation/admin-guide/devices.txt), and names below /dev
KINDS = {
    "disk commands": ((21,), (), r"sg[0-9]+|bsg/.+|ng[0-9]+n[0-9]+|nvme[0-9]+"),
    "input": ((13,), ((10, 223), (10, 239)), r"uinput|uhid|hidraw[0-9]+|input/.+"),
    "file systems": ((), ((10, 229),), r"fuse"),
    "console": ((7,), tuple((4, minor) for minor in range(64)), r"tty[0-9]+|vcs[au]?[0-9]*"),
    "graphics": ((195, 226), (), r"dri/.+|nvidia.*|kfd|mali[0-9]*|accel/.+"),
    "virtual machines": ((), ((10, 196), (10, 232), (10, 238), (10, 241)), r"kvm|vhost-.+|vfio/.+"),
    "machine": (
        (202,),
        ((10, 130), (10, 135), (10, 144), (10, 224)),
        r"watchdog[0-9]*|rtc[0-9]*|mei[0-9]+|tpm(?:rm)?[0-9]+|ptp[0-9]+|ipmi[0-9]+|ipmi/.+|nvram",
    ),
    "page faults": ((), (), r"userfaultfd"),
}
FEATURES: Dict[str, str] = {"devices_" + kind.replace(" ", "_"): kind for kind in KINDS}
_NAMES = {kind: re.compile(names) for kind, (_, _, names) in KINDS.items()}
_DEV = "/dev"
_ITEMS_MAX = 4000


def kind_of(major: int, minor: int, name: str) -> Optional[str]:
    """The kind of a character device with these numbers, or of that name below /dev."""
    for kind, (majors, pairs, _) in KINDS.items():
        if major in majors or (major, minor) in pairs:
            return kind
    return next((kind for kind, names in _NAMES.items() if names.fullmatch(name)), None)


def kinds_there() -> FrozenSet[str]:
    """The kinds of which /dev has a node, in it or one folder below. OSError where it can't be listed."""
    found: Set[str] = set()
    folders, left = [""], _ITEMS_MAX
    for folder in folders:
        try:
            with os.scandir(os.path.join(_DEV, folder)) as items:
                for item in items:
                    left -= 1
                    if left <= 0:
                        return frozenset(found)
                    if item.is_dir(follow_symlinks=False):
                        if not folder:
                            folders.append(item.name)
                        continue
                    about = item.stat(follow_symlinks=False)
                    if stat.S_ISCHR(about.st_mode):
                        name = os.path.join(folder, item.name)
                        kind = kind_of(os.major(about.st_rdev), os.minor(about.st_rdev), name)
                        if kind is not None:
                            found.add(kind)
        except OSError:
            if not folder:
                raise
    return frozenset(found)
