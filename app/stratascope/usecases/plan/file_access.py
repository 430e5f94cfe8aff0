"""Which files of its mounts a container could no longer access as another user or with fewer rights, and which volumes
are its alone, so that their files can be given to its new user.

Access is that of its first program at start, before and after: what it can't read today is not news. The rules are
those of path_resolution(7) and capabilities(7): owner, group or others by the mode; CAP_DAC_OVERRIDE bypasses them, in
a user namespace only for files whose owner and group are mapped there. ACLs are ignored.

A volume that another container uses too, running or not, keeps its owners, and so does one in which another can write
through a folder above or below it, and everything on the host. An original replaced by this one shares its volumes and
does not count: an undo restores the owners before starting it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stratascope.core.container import Asked, AskedMount, Container, Engine
from stratascope.core.message import msg
from stratascope.core.ports import HostEntry, RefusedError
from stratascope.core.relaunch.data_volume import new_volumes
from stratascope.core.relaunch.file_owners import Ids, VolumeChange
from stratascope.core.relaunch.toggle import Choice, OwnVolume, Subject, ToggleError
from stratascope.core.relaunch.transaction import Transaction
from stratascope.layers.shared.host_paths import within
from stratascope.layers.shared.whose_namespace import initial_user_namespace
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.linux.namespace import EVERY_ID
from stratascope.usecases.engine_access import EngineAccess
from stratascope.value import Value

ENTRIES = 2000  # files that are looked at in one mount, nearest to its root
_OVERRIDE = "CAP_DAC_OVERRIDE"
_READ, _WRITE, _SEARCH = 4, 2, 1  # bits of a mode, as for others

IdMap = tuple[tuple[int, int, int], ...]


class Identity(Value):
    """A process's identity for the host's files. Id None: one that owns nothing there. Maps: (inside,
    outside, length).
    """

    uid: int | None
    gid: int | None
    uids: IdMap
    gids: IdMap
    override: bool


class Losses(Value):
    """Paths that could be read, or written, and no longer can."""

    unread: tuple[str, ...] = ()
    unwritten: tuple[str, ...] = ()


def identities(before: Asked, after: Asked, subject: Subject) -> tuple[Identity, Identity] | None:
    """Of the first program as it starts now, and as it would. None if not known, or if nothing changes."""
    facts: UsermapFacts | None = subject.of("usermap")
    if facts is None or facts.uid_map is None or facts.gid_map is None:
        return None
    user, group = _start(before.user, facts)
    uids, gids = facts.uid_map, facts.gid_map
    now = Identity(_outside(uids, user), _outside(gids, group), uids, gids, _overrides(before, user))
    if (before.userns_mode, before.uid_map) != (after.userns_mode, after.uid_map):
        then = _elsewhere(after, facts, subject.engine)
    else:
        user, group = _start(after.user, facts)
        then = Identity(_outside(uids, user), _outside(gids, group), uids, gids, _overrides(after, user))
    return None if now == then else (now, then)


def losses(entries: Iterable[HostEntry], now: Identity, then: Identity, *, writable: bool) -> Losses:
    """Among the entries of one mount."""
    unread, unwritten = [], []
    for entry in entries:
        reading = _READ | (_SEARCH if entry.folder else 0)
        if _may(now, entry, reading) and not _may(then, entry, reading):
            unread.append(entry.path)
        elif writable and _may(now, entry, _WRITE) and not _may(then, entry, _WRITE):
            unwritten.append(entry.path)
    return Losses(tuple(unread), tuple(unwritten))


def _may(who: Identity, entry: HostEntry, bits: int) -> bool:
    if who.override and _holds(who.uids, entry.uid) and _holds(who.gids, entry.gid):
        return True
    shift = 6 if entry.uid == who.uid else 3 if entry.gid == who.gid else 0
    return entry.mode >> shift & bits == bits


def _start(user: str, facts: UsermapFacts) -> tuple[int | None, int | None]:
    """User and group inside. A name is resolved by the image's files only, so for one the present ids are used."""
    name, _, group = user.partition(":")
    if not name or name == "root":
        return 0, int(group) if group.isdecimal() else 0
    uid = int(name) if name.isdecimal() else facts.uid_inside
    return uid, int(group) if group.isdecimal() else facts.gid_inside if uid == facts.uid_inside else 0


def _overrides(asked: Asked, uid: int | None) -> bool:
    """Only root starts with effective capabilities."""
    return uid == 0 and (asked.capabilities is None or _OVERRIDE in asked.capabilities)


def _elsewhere(asked: Asked, facts: UsermapFacts, engine: Engine) -> Identity:
    """In another user namespace."""
    if asked.userns_mode == "keep-id" and engine.daemon_uid is not None:
        own = ((engine.daemon_uid, engine.daemon_uid, 1),)
        return Identity(engine.daemon_uid, None, own, (), override=False)
    whole = initial_user_namespace(asked.userns_mode, asked.uid_map, engine)
    ids = EVERY_ID if whole else asked.uid_map
    if ids and not engine.rootless:
        user, group = _start(asked.user, facts)
        return Identity(_outside(ids, user), _outside(ids, group), ids, ids, _overrides(asked, user))
    return Identity(None, None, (), (), override=False)  # a range that the engine will choose: owns nothing yet


def _outside(ids: IdMap, inside: int | None) -> int | None:
    for first, outside, length in ids:
        if inside is not None and first <= inside < first + length:
            return outside + inside - first
    return None


def _holds(ids: IdMap, outside: int) -> bool:
    return any(first <= outside < first + length for _, first, length in ids)


def own_volumes(
    access: EngineAccess, subject: Subject, others: Sequence[Container], transactions: Iterable[Transaction]
) -> tuple[OwnVolume, ...] | None:
    """None if no owner can be changed from here."""
    container = subject.container
    if access.port.no_owners() is not None:
        return None
    before = {
        member.old
        for item in transactions
        if item.concerns(container.id)
        for member in (*item.members, *filter(None, (item.kept,)))
        if member.old != container.id
    }
    theirs = [
        mount for other in others if other.id != container.id and other.id not in before for mount in other.asked.mounts
    ]
    return tuple(
        OwnVolume(mount.target, _owners(access, mount))
        for mount in container.asked.mounts
        if _writable(mount) and mount.source and not any(_reaches(each, mount) for each in theirs)
    )


def _reaches(theirs: AskedMount, own: AskedMount) -> bool:
    """Whether another container has the volume by that mount, or can write to it: through a symlink, or
    another path.
    """
    if {theirs.source, theirs.volume} & {own.source, own.volume} - {""}:
        return True
    there = theirs.source and theirs.writable
    return bool(there) and (within(own.source, theirs.source) or within(theirs.source, own.source))


def _writable(mount: AskedMount) -> bool:
    return mount.kind == "volume" and mount.writable


def _owners(access: EngineAccess, mount: AskedMount) -> tuple[int, ...]:
    entries = access.host.entries(mount.source, mount.target, ENTRIES) or ()
    return tuple(sorted({entry.uid for entry in entries}))


def check_owners(
    access: EngineAccess, subject: Subject, before: Asked, wanted: Asked, handed: Sequence[VolumeChange]
) -> None:
    """Raises ToggleError if it is to start as another user than the one whose data its new volumes are filled with, and
    they are not handed over.
    """
    if any(change.new for change in handed):
        return
    places = tuple(volume.target for volume in new_volumes(before, wanted))
    who = identities(before, wanted, subject) if places else None
    if who is None or who[0].uid == who[1].uid:
        return
    pid = subject.container.pid
    found = access.host.folders(pid, places, subject.container.created) if pid else None
    owners = {folder.path: folder.uid for folder in found or ()}
    if found is not None and who[1].uid and (absent := [place for place in places if place not in owners]):
        raise ToggleError(
            msg(
                "There is no directory {paths}, so its new volume would be root's. Make it in the container "
                "first, and give it to user {user}.",
                paths=", ".join(absent[:5]),
                user=who[1].uid,
            )
        )
    if other := [place for place in places if who[1].uid is None or owners.get(place) != who[1].uid]:
        raise ToggleError(msg("The data that goes into its new volume is not known to be that user's: {paths}.",
                              paths=", ".join(other[:5])))  # fmt: skip


def handed_over(
    access: EngineAccess, subject: Subject, before: Asked, wanted: Asked, chosen: Sequence[Choice]
) -> tuple[VolumeChange, ...]:
    """What would have to be restored for each; empty if the user stays the same. Its new volumes are handed over where
    that can be done, since they are copies; those that it has, if a choice asks for it.

    Raises ToggleError for what can't be handed over, EngineError.
    """
    asks = any(item.toggle.hands_over for item in chosen)
    new = {volume.target for volume in new_volumes(before, wanted)}
    who = identities(before, wanted, subject) if asks or new else None
    why_not = access.port.no_owners() if asks or who is not None else None
    if asks and why_not is not None:
        raise ToggleError(why_not)
    if who is None or why_not is not None:
        return ()
    (now, then), maps = who, (before.userns_mode, before.uid_map) != (wanted.userns_mode, wanted.uid_map)
    facts: UsermapFacts | None = subject.of("usermap")
    maps = maps or facts is None or facts.idmapped  # on disk, its files have other owners than it sees
    if maps or None in (now.uid, now.gid, then.uid, then.gid):
        if not asks:
            return ()
        raise ToggleError(msg("Which IDs its new user has on the host is not known, so no file can be handed over."))
    was, becomes = Ids(now.uid or 0, now.gid or 0), Ids(then.uid or 0, then.gid or 0)
    if was == becomes:
        return ()
    fresh = tuple(VolumeChange(mount.source, was, becomes, new=True) for mount in wanted.mounts if mount.target in new)
    if not asks:
        return fresh
    own = {volume.target for volume in subject.own_volumes or ()}
    writable = [mount for mount in before.mounts if _writable(mount)]
    if shared := [mount.target for mount in writable if mount.target not in own]:
        raise ToggleError(msg("Other containers also use these volumes, so their files keep their owners: {paths}.",
                              paths=", ".join(shared[:5])))  # fmt: skip
    try:
        return (*(access.port.volume_change(mount.source, was, becomes) for mount in writable), *fresh)
    except RefusedError as error:
        raise ToggleError(error.message) from error
