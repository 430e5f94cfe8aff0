"""Which ids belong to a user of this machine: its own, and those that the administrator set aside for it (subuid(5)).

A rootless engine's user can change owners among these and no others, so neither does root on that engine's behalf.
Decided against the map of the process that answers: where systemd holds the socket that is in no user namespace, and
whoever answers could join one.
"""

from __future__ import annotations

import pwd
import re
from pathlib import Path

from stratascope.value import Value

_FILES = ("/etc/subuid", "/etc/subgid")
_SWITCH = Path("/etc/nsswitch.conf")
_ELSEWHERE = re.compile(r"^subid:(?!\s*files\s*$)", re.M).search
# A number as strtoul(3) takes it, of any base that it says itself; shadow's getulong
_NUMBER = re.compile(
    r"\s*(?:0[xX](?P<hex>[0-9a-fA-F]{1,16})|0(?P<octal>[0-7]{0,16})|(?P<decimal>[1-9][0-9]{0,15}))"
).fullmatch


class SubIds(Value):
    """Ranges of users and of groups: its own id first, then those that were set aside, in the order of the file."""

    users: tuple[range, ...]
    groups: tuple[range, ...]

    def hold(self, uid: int, gid: int) -> bool:
        """Whether a file of that owner may be changed: both must be among them (user_namespaces(7))."""
        return any(uid in each for each in self.users) and any(gid in each for each in self.groups)


def ids_of(uid: int, files: tuple[str, str] = _FILES, switch: Path = _SWITCH) -> SubIds:
    """Of that user. Raises OSError where nobody has that number, a file can't be read, or they stand elsewhere."""
    if switch.exists() and _ELSEWHERE(switch.read_text("utf-8", "replace")):
        raise OSError("the ranges come from elsewhere: nsswitch.conf(5), subid")
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        raise OSError(f"no user has the number {uid}") from None
    users, groups = (_ranges(each, (user.pw_name, str(uid))) for each in files)
    return SubIds((range(uid, uid + 1), *users), (range(user.pw_gid, user.pw_gid + 1), *groups))


def _ranges(path: str, names: tuple[str, str]) -> tuple[range, ...]:
    """What is no such line counts for nobody, as for newuidmap(1) (shadow: lib/subordinateio.c, subordinate_parse)."""
    found = []
    for line in Path(path).read_text("utf-8", "replace").split("\n"):
        owner, *rest = line.split(":")
        numbers = [_number(word) for word in rest[:2]]
        if owner in names and len(numbers) == 2 and None not in numbers:
            first, count = (number or 0 for number in numbers)
            if first and count:  # root is nobody's
                found.append(range(first, first + count))
    return tuple(found)


def _number(word: str) -> int | None:
    found = _NUMBER(word)
    if found is None:
        return None
    if found["hex"]:
        return int(found["hex"], 16)
    return int(found["decimal"]) if found["decimal"] else int(found["octal"] or "0", 8)
