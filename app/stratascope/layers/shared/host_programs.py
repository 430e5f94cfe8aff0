"""The host's programs as one container sees them: into which of them the kernel lets it look.

__ptrace_may_access, kernel/ptrace.c: all three uids and all three gids of a process must be the reader's, or it holds
SYS_PTRACE in that process's user namespace. Then cap_ptrace_access_check, security/commoncap.c: in the same user
namespace the process may hold no capability that the reader lacks, or again SYS_PTRACE; in one below, the user that
made that namespace holds all capabilities over it (cap_capable). So the weakest program decides.

What files show of a program of root's (/proc/PID/root, /proc/PID/mem) is the host's whatever capabilities it holds.
"""

from __future__ import annotations

from collections.abc import Iterable

from stratascope.collector.names import HOST_PROGRAMS
from stratascope.core.capture import Capture, Gap, or_none
from stratascope.core.container import Asked, Engine
from stratascope.core.ground import Surroundings, inode_of
from stratascope.layers.shared.descriptors import held, way_out
from stratascope.layers.shared.host_paths import plain
from stratascope.layers.shared.whose_namespace import hosts_after, is_hosts
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.mounts import cached_mountinfo
from stratascope.linux.namespace import INITIAL_INODES, IdMap, Namespace, parse_full, parse_idmap, to_host
from stratascope.linux.process import HostProgram, HostPrograms, parse_host_programs
from stratascope.value import Value, replace

_INITIAL = INITIAL_INODES[Namespace.USER]
_NEW = 0  # of a user namespace that is yet to be made, or was not read
_TAKES_GROUPS = CapabilitySet.of(("CAP_SETGID",)).bits
_TAKES_USERS = CapabilitySet.of(("CAP_SETUID",)).bits


class InSight(Value):
    """The host's programs, and the inode of the container's own user namespace (0: none of the programs is in it).

    `listed` None: not read. `seen`: whether the container has them in sight; None: not known.
    """

    listed: HostPrograms | None
    namespace: int
    seen: bool | None
    container: frozenset[str] = frozenset()  # by what the kernel's listing may name it itself
    gids: IdMap = ()  # of its user namespace: with SETGID it may take any of them
    root: int | None = None  # the host uid of root in its user namespace, where it has one

    def sets_of_root(self) -> tuple[int | None, ...] | None:
        """Permitted sets of root's programs, those that are worth comparing; None among them: perhaps of others.

        None for all: the container does not see them, so that nothing particular is known of them.
        """
        return self._sets([(each, each.namespace in (None, _INITIAL)) for each in self._kinds() if each.uid == 0])

    def sets_of(self, uid: int, gid: int, held: int) -> tuple[int | None, ...] | None:
        """The same of the programs with these ids, in its own user namespace or one below."""
        return self._sets(self._alike(self._kinds(), uid, gid, held))

    def sets_in_others(self, uid: int, gid: int, held: int) -> tuple[int | None, ...] | None:
        """The same of processes of other containers; with SETUID it may become any of their users."""
        listed = () if self.listed is None else self.listed.kinds
        others = [each for each in listed if each.container and each.container not in self.container]
        if held & _TAKES_USERS:
            others = [each._replace(uid=uid) for each in others]
        return self._sets(self._alike(others, uid, gid, held))

    def _alike(self, kinds: Iterable[HostProgram], uid: int, gid: int, held: int) -> list[tuple[HostProgram, bool]]:
        """Those with these ids into which it may look at all, and whether they are in its own user namespace."""
        initial = self.namespace == _INITIAL
        return [
            (each, each.namespace == self.namespace or (initial and each.namespace is None))
            for each in kinds
            if each.uid == uid
            and (each.gid == gid or (held & _TAKES_GROUPS and (initial or self._may_take(each.gid))))
            and (initial or each.namespace == self.namespace)
        ]

    def _may_take(self, gid: int) -> bool:
        return any(0 <= gid - part.outside < part.length for part in self.gids)

    def has_kin(self) -> bool:
        """Whether a program of the host is in its user namespace, other than the initial one."""
        return bool(self.seen) and any(each.namespace == self.namespace != _INITIAL for each in self._kinds())

    def _kinds(self) -> tuple[HostProgram, ...]:
        return () if self.listed is None else tuple([each for each in self.listed.kinds if not each.container])

    def _sets(self, found: list[tuple[HostProgram, bool]]) -> tuple[int | None, ...] | None:
        if self.seen is False:
            return None
        sets: set[int] = {each.permitted if same else 0 for each, same in found}
        fewest = sorted(one for one in sets if not any(other != one and not other & ~one for other in sets))
        return tuple(fewest) if self.listed is not None and self.listed.whole else (*fewest, None)


def may_be(ids: tuple[int, int] | None, own: tuple[int | None, int | None] | None, held: int) -> bool | None:
    """Whether a process with its own ids is, or can become, who has these: in a user namespace that both are in."""
    if ids is None or own is None or None in own:
        return None
    if -1 in ids:
        return False
    return all(
        its == mine or held & way for its, mine, way in zip(ids, own, (_TAKES_USERS, _TAKES_GROUPS), strict=True)
    )


NOTHING = InSight(None, _NEW, False)


def in_sight(capture: Capture, container: str, around: Surroundings) -> InSight:
    """Of a process of the container with that id, as it was read."""
    if HOST_PROGRAMS not in capture.names() and capture.via == "proc":
        return NOTHING  # the collector looks at them where they are in sight; captures of old never have them
    found = capture.decoded(HOST_PROGRAMS, parse_host_programs)
    listed = None if isinstance(found, Gap) else found
    inode = inode_of(capture.text("ns/pid"))
    shared = is_hosts(capture, Namespace.PID, around.ground) if inode is None else around.ground.is_hosts("pid", inode)
    seen = True if shared or _shows_host(capture, around) or way_out(held(capture)) is not None else shared
    namespace = inode_of(capture.text("ns/user"))
    if namespace is None:
        # the initial one maps every id to itself, and hardly another does
        namespace = _INITIAL if or_none(capture.decoded("uid_map", parse_full)) else _NEW
    own = frozenset({container, str(inode_of(capture.text("ns/mnt")))})
    uids, gids = (or_none(capture.decoded(name, parse_idmap)) or () for name in ("uid_map", "gid_map"))
    return InSight(_as_engine(listed, namespace, around.engine), namespace, seen, own, gids, to_host(uids, 0))


def _as_engine(listed: HostPrograms | None, namespace: int, engine: Engine) -> HostPrograms | None:
    """The programs; where none is in that namespace (a recorded one), those in the namespaces of its rootless engine's
    user are taken to be in it, whatever their own users: which of several engines is meant does not show.
    """
    if listed is None or not engine.rootless or any(each.namespace == namespace for each in listed.kinds):
        return listed
    own = {each.namespace for each in listed.kinds if each.uid == engine.daemon_uid} - {None, _INITIAL}
    kinds = [each._replace(namespace=namespace) if each.namespace in own else each for each in listed.kinds]
    return listed._replace(kinds=tuple(kinds))


def _shows_host(capture: Capture, around: Surroundings) -> bool:
    mounts = capture.decoded("mountinfo", cached_mountinfo)
    if isinstance(mounts, Gap):
        return False
    devices = {device for device, _, _ in around.ground.mounts}
    return any(mount.fs_type == "proc" and mount.root == "/" and mount.device in devices for mount in mounts)


def after(found: InSight, asked: Asked, own: bool | None, around: Surroundings) -> InSight:
    """After a relaunch with these options. `own`: whether it gets a user namespace of its own (None: the same)."""
    bound = any(mount.kind != "tmpfs" and plain(mount.source or "-") in ("/", "/proc") for mount in asked.mounts)
    namespace = found.namespace if own is None else _NEW if own else _INITIAL
    seen = True if bound else hosts_after(asked.pid_mode, around, Namespace.PID)
    if found == NOTHING:
        return NOTHING
    if own is None:
        return replace(found, namespace=namespace, seen=seen)
    return replace(found, namespace=namespace, seen=seen, gids=(), root=None if own else 0)
