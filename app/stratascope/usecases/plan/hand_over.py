"""Which volumes are a container's alone, so that their files can be given to another user, and from which owner.

A volume that another container uses too, running or not, stays as it is, and so does one in which another can write
through a folder above or below it, and everything on the host. An original replaced by this one shares its volumes and
does not count: an undo restores the owners before starting it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stratascope.core.container import Asked, AskedMount, Container
from stratascope.core.message import msg
from stratascope.core.ports import RefusedError
from stratascope.core.relaunch.toggle import Choice, OwnVolume, Subject, ToggleError
from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.relaunch.volume_owners import Ids, VolumeChange
from stratascope.layers.shared.host_paths import within
from stratascope.layers.toggles import toggle
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.file_access import identities
from stratascope.usecases.plan.preflight import Block, Caution

OWNED = Block(
    "volume-owner",
    msg("Compose or systemd re-creates it, and may start it before its files belong to the new user."),
    msg("Change the owners by hand, and leave out this toggle."),
)
NOTHING_HANDED = Caution(
    "volume-owner", msg("It starts as the same user as before, or writes to no volume: no file gets another owner.")
)
_LOOKED_AT = 2000  # files of one volume, nearest to its root


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
    entries = access.host.entries(mount.source, mount.target, _LOOKED_AT) or ()
    return tuple(sorted({entry.uid for entry in entries}))


def handed_over(
    access: EngineAccess, subject: Subject, before: Asked, wanted: Asked, chosen: Sequence[Choice]
) -> tuple[VolumeChange, ...]:
    """What would have to be restored for each; empty if no choice asks for it, or the user stays the same.

    Raises ToggleError for what can't be handed over, EngineError.
    """
    if not any(toggle(item.toggle).hands_over for item in chosen):
        return ()
    why_not = access.port.no_owners()
    if why_not is not None:
        raise ToggleError(why_not)
    who = identities(before, wanted, subject)
    if who is None:
        return ()
    (now, then), maps = who, (before.userns_mode, before.uid_map) != (wanted.userns_mode, wanted.uid_map)
    facts: UsermapFacts | None = subject.of("usermap")
    maps = maps or facts is None or facts.idmapped  # on disk, its files have other owners than it sees
    if maps or None in (now.uid, now.gid, then.uid, then.gid):
        raise ToggleError(msg("Which IDs its new user has on the host is not known, so no file can be handed over."))
    own = {volume.target for volume in subject.own_volumes or ()}
    writable = [mount for mount in before.mounts if _writable(mount)]
    if shared := [mount.target for mount in writable if mount.target not in own]:
        raise ToggleError(msg("Other containers also use these volumes, so their files keep their owners: {paths}.",
                              paths=", ".join(shared[:5])))  # fmt: skip
    was, becomes = Ids(now.uid or 0, now.gid or 0), Ids(then.uid or 0, then.gid or 0)
    if was == becomes:
        return ()
    try:
        return tuple(access.port.volume_change(mount.source, was, becomes) for mount in writable)
    except RefusedError as error:
        raise ToggleError(error.message) from error
