"""The users and groups of an image, by its /etc/passwd and /etc/group, and whom `--user` means there.

As in moby/sys/user (GetExecUser), which both engines use. Lines that are not of their form are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratascope.value import Value

MOST = 1 << 18  # bytes of a file: images have some dozens of lines
_IDS = 1 << 31  # the engines refuse higher numbers


class Account(Value):
    """Whom a process starts as: `user` as requested, its numbers, and the groups that the image puts it in."""

    user: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()


class Accounts(Value, cache_hash=True):
    """Names and numbers of an image. `users`: name, uid, gid; `groups`: name, gid, members."""

    users: tuple[tuple[str, int, int], ...] = ()
    groups: tuple[tuple[str, int, tuple[str, ...]], ...] = ()

    def account(self, user: str) -> Account | None:
        """Whom `USER[:GROUP]` means; None if there is no such user or group: the container would not start."""
        name, colon, group = user.partition(":")
        number = _number(name or "0")
        entry = next((each for each in self.users if each[0] == name or each[1] == number), None)
        if entry is None and number is None:
            return None
        uid, gid = (number or 0, 0) if entry is None else entry[1:]
        if not colon or not group:
            member = "" if entry is None else entry[0]
            return Account(user, uid, gid, tuple(each[1] for each in self.groups if member and member in each[2]))
        wanted = _number(group)
        found = next((each[1] for each in self.groups if each[0] == group or each[1] == wanted), wanted)
        return None if found is None else Account(user, uid, found)

    def group(self, name: str) -> int | None:
        """The number of a group by name or number; None if there is none."""
        number = _number(name)
        return next((each[1] for each in self.groups if each[0] == name), number)


def parse(passwd: str, group: str) -> Accounts:
    """The content of both files."""
    users = ((name, uid, gid) for name, (uid, gid), _ in _rows(passwd, 2))
    groups = ((name, gid, tuple(filter(None, rest.split(",")))) for name, (gid,), rest in _rows(group, 1))
    return Accounts(tuple(users), tuple(groups))


def _rows(text: str, numbers: int) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Name, numbers, and what follows them, of lines `NAME:PASSWORD:NUMBER…:REST`."""
    for line in text.split("\n"):
        name, *words = line.strip().split(":")
        found = [_number(word) for word in words[1 : 1 + numbers]]
        if name and not name.startswith("#") and len(found) == numbers and None not in found:
            yield name, tuple(number or 0 for number in found), ":".join(words[1 + numbers :])


def _number(text: str) -> int | None:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None
    return number if number is not None and number < _IDS else None
