"""How a successful call changes a process: credentials(7), capabilities(7), security/commoncap.c.

Only as far as that follows from its previous state and the call's own arguments; its memory is never read.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

Around = Dict[str, Any]
Ranges = Tuple[Tuple[int, int, int], ...]  # inside, outside, how many (user_namespaces(7))

_SET_UID, _SET_GID = 7, 6  # capabilities
_UNCHANGED = 0xFFFFFFFF  # (uid_t) -1
_KEEPCAPS, _CAPBSET_DROP, _SET_SECUREBITS, _SET_NO_NEW_PRIVS, _CAP_AMBIENT = 8, 24, 28, 38, 47
_AMBIENT_RAISE, _AMBIENT_IS_SET, _AMBIENT_LOWER, _AMBIENT_CLEAR_ALL = 2, 1, 3, 4
_LAST = 64
_NEW_USER, _NEW_MOUNTS = 0x10000000, 0x00020000  # CLONE_NEWUSER, CLONE_NEWNS
_RANGES_MOST = 32
_ALL = (1 << 41) - 1  # as of Linux 5.9; newer capabilities are not tracked


class Held(NamedTuple):
    """What a process had. `around`: as reported; unknown values are missing. `users`, `groups`: real, effective, saved;
    empty: unknown. `maps`: of users and groups. `inheritable`, `ambient`: −1 if unknown. `view`: its mount namespace,
    and its root directory there.
    """

    around: Around
    users: Tuple[int, ...]
    groups: Tuple[int, ...]
    maps: Tuple[Ranges, Ranges]
    inheritable: int
    ambient: int
    view: Tuple[str, str]


def ranges(text: str) -> Ranges:
    """Parse /proc/PID/uid_map. Raises ValueError."""
    found: List[Tuple[int, int, int]] = []
    for line in text.split("\n"):
        if line:
            inside, outside, count = map(int, line.split())
            found.append((inside, outside, count))
    return tuple(found)


def transformed(before: Held) -> Optional[Held]:
    """After execve(2) of a file that adds nothing (capabilities(7), Transformation …); None: unknown."""
    around = dict(before.around)
    root = _outside(before.maps[0], 0)
    if root is None or "no_new_privs" not in around or not before.users:
        return None
    user, group = around["ids"][:2]
    around["ids"] = [user, group, user, group]
    permitted = effective = before.ambient
    if root in (user, before.users[0]):
        permitted = before.inheritable
        if permitted >= 0:
            permitted |= int(around["bounding"], 16)
        if around["no_new_privs"]:
            permitted = permitted & int(around["permitted"], 16) if permitted >= 0 and "permitted" in around else -1
        if user == root:
            effective = permitted
    _hold(around, permitted, effective)
    users, groups = (before.users[0], user, user), (before.groups[0], group, group)
    return before._replace(around=around, users=users, groups=groups)


def keeps_capabilities(name: str, values: Tuple[int, ...], for_good: bool = False) -> bool:
    """Whether that call may let a process keep its capabilities when it leaves root; `for_good`: across exec too."""
    option = values[0] & _UNCHANGED if name == "prctl" else 0
    return option == _SET_SECUREBITS or (option == _KEEPCAPS and not for_good)


def became(name: str, values: Tuple[int, ...], before: Held, plain: bool) -> Optional[Held]:
    """After a successful call; None: unknown. `plain`: it loses its capabilities when it leaves root."""
    name = name[:-2] if name.endswith("32") else name
    if not before.users and name not in ("prctl", "unshare"):
        return None
    numbers = [value & _UNCHANGED for value in values]
    if name in ("setgid", "setregid", "setresgid"):
        groups = _set(name[3:-3], numbers, before, 1)
        return None if groups is None else _with_groups(before, groups)
    if name in ("setuid", "setreuid", "setresuid"):
        users = _set(name[3:-3], numbers, before, 0)
        return None if users is None else _with_users(before, users, plain)
    if name == "prctl":
        return _after_prctl(numbers, before)
    if name == "unshare":
        return apart(before, numbers[0])
    around = dict(before.around)
    if name == "capset":  # which ones is in its memory; the ambient set can only shrink
        _hold(around, -1, -1)
        return before._replace(around=around, inheritable=-1, ambient=0 if before.ambient == 0 else -1)
    if name == "setgroups":
        around.pop("groups", None)
        if numbers[0] == 0:
            around["groups"] = []
        return before._replace(around=around)
    if name in ("setrlimit", "prlimit64"):
        around.pop("limits", None)
        return before._replace(around=around)
    return None


def apart(before: Optional[Held], flags: int) -> Optional[Held]:
    """After unshare(2), or for a child of clone(2), with these flags. A new user namespace has no maps yet, and the
    process holds all capabilities in it, whoever it is.
    """
    if before is None:
        before = Held({}, (), (), ((), ()), 0, 0, ("", "")) if flags & _NEW_USER else None
    if before is None:
        return None
    view = ("", "") if flags & _NEW_MOUNTS else before.view
    if not flags & _NEW_USER:
        return before._replace(view=view)
    around = {**before.around, "effective": _bits(_ALL), "permitted": _bits(_ALL), "bounding": _bits(_ALL)}
    around["maps"] = [[], []]
    return before._replace(around=around, maps=((), ()), inheritable=0, ambient=0, view=view)


def told(maps: Tuple[Ranges, Ranges]) -> Optional[List[List[List[int]]]]:
    """The maps as reported; None if they are too long."""
    return None if max(map(len, maps)) > _RANGES_MOST else [[list(each) for each in known] for known in maps]


def _outside(known: Ranges, number: int) -> Optional[int]:
    return next((outside + number - inside for inside, outside, count in known if 0 <= number - inside < count), None)


def _set(kind: str, numbers: List[int], before: Held, which: int) -> Optional[Tuple[int, ...]]:
    """Real, effective, saved after setuid (kind ""), setreuid ("re") or setresuid ("res"); `which`: 1 for groups."""
    real, effective, saved = before.groups if which else before.users
    wanted = []
    for number in numbers[: {"": 1, "re": 2, "res": 3}[kind]]:
        found = _outside(before.maps[which], number) if number != _UNCHANGED else -1
        if found is None:
            return None
        wanted.append(found)
    if not kind:
        right = 1 << (_SET_GID if which else _SET_UID)
        if "effective" not in before.around:
            return None
        new = wanted[0]
        return (new, new, new) if int(before.around["effective"], 16) & right else (real, new, saved)
    first = real if wanted[0] < 0 else wanted[0]
    second = effective if wanted[1] < 0 else wanted[1]
    if kind == "res":
        return first, second, saved if wanted[2] < 0 else wanted[2]
    return first, second, second if wanted[0] >= 0 or (wanted[1] >= 0 and second != real) else saved


def _with_groups(before: Held, groups: Tuple[int, ...]) -> Held:
    ids = before.around["ids"]
    around = {**before.around, "ids": [ids[0], groups[1], ids[2], groups[1]]}
    return before._replace(around=around, groups=groups)


def _with_users(before: Held, users: Tuple[int, ...], plain: bool) -> Optional[Held]:
    """cap_task_fix_setuid: losing all root uids clears all sets, losing the effective one only the effective set."""
    root = _outside(before.maps[0], 0)
    ids = before.around["ids"]
    permitted, effective = (int(before.around.get(name, "-1"), 16) for name in ("permitted", "effective"))
    ambient = before.ambient
    if root is not None and root in before.users and root not in users:
        ambient = 0
        permitted, effective = (0, 0) if plain else (-1, -1)
    elif root == before.users[1] != users[1]:
        effective = 0
    elif root == users[1] != before.users[1]:
        effective = permitted
    around = {**before.around, "ids": [users[1], ids[1], users[1], ids[3]]}
    _hold(around, permitted, effective)
    return before._replace(around=around, users=users, ambient=ambient)


def _after_prctl(numbers: List[int], before: Held) -> Optional[Held]:
    option, first, second, *rest = numbers[:5]
    around = dict(before.around)
    if option == _KEEPCAPS:
        return before
    if option == _SET_NO_NEW_PRIVS and [first, second, *rest] == [1, 0, 0, 0]:
        around["no_new_privs"] = 1
        return before._replace(around=around)
    if option == _CAPBSET_DROP and first < _LAST and "bounding" in around:
        around["bounding"] = _bits(int(around["bounding"], 16) & ~(1 << first))
        return before._replace(around=around)
    if option == _CAP_AMBIENT and first == _AMBIENT_IS_SET:
        return before
    if option == _CAP_AMBIENT and first == _AMBIENT_CLEAR_ALL and not any((second, *rest)):
        return before._replace(ambient=0)
    one = first in (_AMBIENT_RAISE, _AMBIENT_LOWER) and second < _LAST and not any(rest)
    if option == _CAP_AMBIENT and one and before.ambient >= 0:
        changed = 1 << second
        return before._replace(
            ambient=before.ambient | changed if first == _AMBIENT_RAISE else before.ambient & ~changed
        )
    return None


def _hold(around: Around, permitted: int, effective: int) -> None:
    """Store the sets; −1: unknown."""
    for name, found in (("permitted", permitted), ("effective", effective)):
        if found < 0:
            around.pop(name, None)
        else:
            around[name] = _bits(found)


def _bits(found: int) -> str:
    return "%016x" % found
