"""unshare(1), which says what it made as long as it waits for a child (`--fork`)."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.container import Asked, ProfileKind
from stratascope.core.sandboxes.asked.asked_of import AskedOf
from stratascope.core.sandboxes.asked.modes import options, with_modes

_SHORT = {
    "U": "user",
    "p": "pid",
    "n": "net",
    "i": "ipc",
    "u": "uts",
    "C": "cgroup",
    "m": "mount",
    "T": "time",
    "r": "map-root-user",
    "c": "map-current-user",
    "f": "fork",
    "R": "root",
    "w": "wd",
    "S": "setuid",
    "G": "setgid",
}
_VALUES = (
    *("root", "wd", "setuid", "setgid", "map-user", "map-group", "map-users", "map-groups", "propagation"),
    *("setgroups", "monotonic", "boottime", "load-interp"),
)
_MAPS = ("map-root-user", "map-current-user", "map-auto", "map-user", "map-group", "map-users", "map-groups")


def read(argv: Sequence[str]) -> AskedOf:
    """By its command line, its own name first."""
    given, command = options(list(argv[1:]), _SHORT, _VALUES)
    names = {name for name, _ in given}
    own = {name for name in names if name in ("user", "pid", "net", "ipc", "uts", "cgroup")}
    if names.intersection(_MAPS):
        own.add("user")
    held = Asked(
        masked_paths=(),
        read_only_paths=(),
        device_rules=None,
        seccomp=ProfileKind.UNCONFINED,
        apparmor=ProfileKind.UNCONFINED,
    )
    return AskedOf(command=tuple(command), asked=with_modes(held, own))
