"""Who may write to a file, by owner, mode and ACL: path_resolution(7), acl(5), capabilities(7).

Also the form in which the collector reports files that are bound in (`collector/bound_files.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from stratascope.bounded_cache import remembered
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.decode import DecodeError
from stratascope.value import Value

Ranges = tuple[tuple[int, int, int], ...]  # inside, outside, length
READ, WRITE, SEARCH = 4, 2, 1
_STICKY = 0o1000
_OVERRIDE = CapabilitySet.of(("CAP_DAC_OVERRIDE",)).bits
_READ_SEARCH = CapabilitySet.of(("CAP_DAC_READ_SEARCH",)).bits
_OWNING = CapabilitySet.of(("CAP_CHOWN", "CAP_FOWNER")).bits
_FOWNER = CapabilitySet.of(("CAP_FOWNER",)).bits
_CHOWN = CapabilitySet.of(("CAP_CHOWN",)).bits
_SETUID = CapabilitySet.of(("CAP_SETUID",)).bits
_SETGID = CapabilitySet.of(("CAP_SETGID",)).bits


class Permissions(Value):
    """Owner, mode, and the entries of the ACL: kind (u, G, g, m; as getfacl(1), G the owning group), id, bits."""

    uid: int
    gid: int
    mode: int
    acl: tuple[tuple[str, int, int], ...] = ()


class BoundItem(Value):
    """A file or folder. `kind`: d, f, p (only replacing something in it counts), ? (unknown content), k (a setting)."""

    runs: str  # r: the host's root runs what lies there, u: one of its users, b: both, - neither
    kind: str
    way: tuple[Permissions, ...]  # the folders that lead there
    item: Permissions


class BoundMount(Value):
    """What is known of one mount."""

    target: str
    items: tuple[BoundItem, ...]


class Writer(Value):
    """A process. Ids are the host's; `uids` and `gids` are its user namespace's maps."""

    uid: int
    gids: tuple[int, ...]
    uids: Ranges
    gid_ranges: Ranges
    held: int  # capabilities


class Writable(Value):
    """Whether it may write there; None: unknown."""

    somewhere: bool | None = None
    placing: bool | None = None  # in a folder, or to a file that is root's or can be given to it
    roots: bool | None = None  # where lies what the host's root runs
    users: bool | None = None  # where lies what one of its users runs


UNREAD = BoundItem("b", "?", (), Permissions(0, 0, 0o777))

_PERMISSIONS = re.compile(r"([0-9]{1,10}):([0-9]{1,10}):([0-7]{1,4})(?::([^:,\s]+))?").fullmatch
_ENTRY = re.compile(r"([uGgm])([0-9]{0,10})=([0-7])").fullmatch


@remembered()
def outside_of(ranges: Ranges | None, inside: int | None) -> int | None:
    """An id on the other side of that map; None if the map leaves it out, or either is unknown."""
    if ranges is None or inside is None:
        return None
    return next((outside + inside - first for first, outside, size in ranges if first <= inside < first + size), None)


def parse_bound(text: str) -> tuple[BoundMount, ...]:
    """Parse the collector's lines. Raises DecodeError."""
    targets: dict[str, str] = {}
    items: dict[str, list[BoundItem]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        mount, _, rest = line.partition(" ")
        if rest.startswith("= "):
            targets[mount] = rest[2:]
            items[mount] = []
            continue
        words = rest.split(" ")
        if mount not in items or len(words) != 4 or words[0] not in ("r", "u", "b", "-") or words[1] not in "dfp?k":
            raise DecodeError(f"files bound in, line {number}: {line[:80]!r}")
        way = () if words[2] == "-" else tuple(_permissions(word, number) for word in words[2].split(","))
        items[mount].append(BoundItem(words[0], words[1], way, _permissions(words[3], number)))
    return tuple(BoundMount(targets[mount], tuple(found)) for mount, found in items.items())


def parse_permissions(text: str) -> Permissions:
    """Parse one owner and mode, `0:0:755`. Raises DecodeError."""
    return _permissions(text.strip(), 1)


def _permissions(word: str, number: int) -> Permissions:
    found = _PERMISSIONS(word)
    if found is None:
        raise DecodeError(f"files bound in, line {number}: {word[:80]!r}")
    uid, gid, mode, acl = found.groups()
    entries = [_ENTRY(entry) for entry in (acl or "").split("/") if entry]
    if None in entries:
        raise DecodeError(f"files bound in, line {number}: {word[:80]!r}")
    known = tuple((entry[1], int(entry[2] or 0), int(entry[3], 8)) for entry in entries if entry is not None)
    return Permissions(int(uid), int(gid), int(mode, 8), known)


def may(who: Writer, what: Permissions, bits: int, *, fixed: bool = False) -> bool:
    """Whether it has these rights, or can give them to itself: as owner, as owner's uid, or by a capability.

    `fixed`: owner and mode can't be changed, as through a read-only mount.
    """
    if fixed:
        return _as_it_is(who, what, bits)
    if who.uid == what.uid:
        return True  # an owner can change the mode
    if any(_bits(who.uid, gids, what) & bits == bits for gids in _groups(who, what)):
        return True
    helps = _OVERRIDE | _OWNING | (_READ_SEARCH if bits in (READ, SEARCH) else 0)
    # capable_wrt_inode_uidgid, kernel/capability.c: both ids must be mapped
    if who.held & helps and _maps(who.uids, what.uid) and _maps(who.gid_ranges, what.gid):
        return True
    return bool(who.held & _SETUID) and _maps(who.uids, what.uid)


def _as_it_is(who: Writer, what: Permissions, bits: int) -> bool:
    """The same with owner and mode as they are: by its ids, by those that it can take, or by a capability."""
    helps = _OVERRIDE | (_READ_SEARCH if bits in (READ, SEARCH, READ | SEARCH) else 0)
    if who.held & helps and _maps(who.uids, what.uid) and _maps(who.gid_ranges, what.gid):
        return True
    owners = what.mode >> 6 & bits == bits
    if who.uid == what.uid:
        if owners:
            return True
    elif any(_bits(who.uid, gids, what) & bits == bits for gids in _groups(who, what)):
        return True
    if not who.held & _SETUID:
        return False
    named = (uid for kind, uid, _ in what.acl if kind == "u")
    return (owners and _maps(who.uids, what.uid)) or any(
        _maps(who.uids, uid) and _bits(uid, gids, what) & bits == bits for uid in named for gids in _groups(who, what)
    )


def _groups(who: Writer, what: Permissions) -> Iterator[tuple[int, ...]]:
    """Its groups, and what else counts of those that it can take or leave; setresgid(2)."""
    yield who.gids
    if who.held & _SETGID:
        named = (what.gid, *(number for kind, number, _ in what.acl if kind == "g"))
        yield ()
        yield from ((gid,) for gid in named if _maps(who.gid_ranges, gid))


def _bits(uid: int, gids: tuple[int, ...], what: Permissions) -> int:
    """acl_permission_check, fs/namei.c, and posix_acl_permission, fs/posix_acl.c, for anyone but the owner."""
    mask = next((bits for kind, _, bits in what.acl if kind == "m"), 7)
    for kind, number, bits in what.acl:
        if kind == "u" and number == uid:
            return bits & mask
    own = next((bits for kind, _, bits in what.acl if kind == "G"), what.mode >> 3 & 7)
    groups = [own] if what.gid in gids else []
    groups += [bits for kind, number, bits in what.acl if kind == "g" and number in gids]
    if groups:
        found = 0
        for bits in groups:
            found |= bits & mask
        return found
    return what.mode & 7


def _maps(ranges: Ranges, outside: int) -> bool:
    return any(first <= outside < first + length for _, first, length in ranges)


def writable(mounts: Iterable[BoundMount], who: Writer) -> Writable:
    """What it may write to in all these mounts together."""
    found = [_Sum() for _ in range(4)]
    for mount in mounts:
        for item in mount.items:
            _add(found, item, who)
    return Writable(*(each.result for each in found))


class _Sum:
    """Collects whether anything is writable; what there is none of is not known either."""

    def __init__(self) -> None:
        self.open = self.unknown = self.some = False

    @property
    def result(self) -> bool | None:
        return True if self.open else None if self.unknown or not self.some else False


def _add(found: list[_Sum], item: BoundItem, who: Writer) -> None:
    somewhere, placing, roots, users = found
    ours = [
        *((somewhere, placing) if item.kind in "df?" else ()),
        *((roots,) if item.runs in ("r", "b") else ()),
        *((users,) if item.runs in ("u", "b") else ()),
    ]
    for each in ours:
        each.some = True
    if all(each.open for each in ours) or not all(may(who, folder, SEARCH) for folder in item.way):
        return
    match item.kind:
        case "?":
            if may(who, item.item, SEARCH):
                for each in ours:
                    each.unknown = True
            return
        case "k":
            writes = who.uid == 0  # test_perm, fs/proc/proc_sysctl.c: no capability helps
        case "f":
            writes = may(who, item.item, WRITE)
        case _:
            writes = may(who, item.item, WRITE | SEARCH)
    if item.kind == "p" and item.item.mode & _STICKY and who.uid != item.item.uid:  # __check_sticky, fs/namei.c
        writes = writes and bool(who.held & _FOWNER) and _maps(who.uids, item.item.uid)
    if not writes:
        return
    for each in ours:
        given = item.kind == "d" or item.item.uid == 0 or (who.held & _CHOWN and _maps(who.uids, item.item.uid))
        if each is not placing or given:
            each.open = True
