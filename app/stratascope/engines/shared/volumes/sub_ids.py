"""Which ids belong to a user of this machine: its own, and those that the administrator set aside for it (subuid(5)).

A rootless engine's user can change owners among these and no others, so neither does root on that engine's behalf.
Decided against the map of the process that answers: where systemd holds the socket that is in no user namespace, and
whoever answers could join one.
"""

from __future__ import annotations

import pwd
from pathlib import Path

from stratascope.value import Value

_FILES = ("/etc/subuid", "/etc/subgid")


class SubIds(Value):
    """Ranges of users and of groups."""

    users: tuple[range, ...]
    groups: tuple[range, ...]

    def hold(self, uid: int, gid: int) -> bool:
        """Whether a file of that owner may be changed: both must be among them (user_namespaces(7))."""
        return any(uid in each for each in self.users) and any(gid in each for each in self.groups)


def ids_of(uid: int, files: tuple[str, str] = _FILES) -> SubIds:
    """Of that user. Raises OSError where nobody has that number, or a file can't be read."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        raise OSError(f"no user has the number {uid}") from None
    users, groups = (_ranges(each, (user.pw_name, str(uid))) for each in files)
    return SubIds((range(uid, uid + 1), *users), (range(user.pw_gid, user.pw_gid + 1), *groups))


def _ranges(path: str, names: tuple[str, str]) -> tuple[range, ...]:
    """What is no such line counts for nobody."""
    found = []
    for line in Path(path).read_text("utf-8", "replace").splitlines():
        words = line.split(":")
        if len(words) == 3 and words[0] in names and all(word.isascii() and word.isdigit() for word in words[1:]):
            first, count = int(words[1]), int(words[2])
            if first:  # root is nobody's
                found.append(range(first, first + count))
    return tuple(found)
