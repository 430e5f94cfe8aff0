"""The facts of layer 1: a process's namespaces and mounts, compared with the host's and other containers'.

Compared by inode with the host's first process. A namespace that the engine calls "host" but that is not this machine's
belongs to the engine (rootless Docker's network is RootlessKit's). If the links of another user's process are not
readable, other files tell some of it: how many PIDs it has (NSpid), the inode of its list of network devices, how its
ids are mapped.

The rest comes from the engine: the mode of five kinds, and that no engine starts a container in the host's mount
namespace. For another container's namespace it only names that container: whether that one has the host's would have
to be read there.

In a prediction, a namespace that is yet to be created has no inode.
"""

from __future__ import annotations

from stratascope.collector.names import CHROOT, DESCRIPTORS, WHOLE
from stratascope.core.capture import Capture, Gap, GapKind, or_none, process_folder
from stratascope.core.container import Asked, AskedDevice, AskedMount, Container
from stratascope.core.ground import NAMESPACES, Surroundings
from stratascope.core.layer import NamedGap
from stratascope.core.options.capabilities import bounding, named, same_start, starts_as_root, uid_inside
from stratascope.core.options.rules import rules_of
from stratascope.core.overview.shared_parts import OWN_MODES
from stratascope.core.threats.gain import Gain
from stratascope.layers.namespaces.mounts import MountView, judged, view_of
from stratascope.layers.namespaces.predicted_mounts import MOUNTS_MOST, TooManyError, nodes_unknown, predicted_view
from stratascope.layers.shared.descriptors import as_mount, beyond, held, parts_of_host, way_out
from stratascope.layers.shared.devices import special_files
from stratascope.layers.shared.host_paths import HostPath
from stratascope.layers.shared.readings import decoded, process_status, without_root
from stratascope.layers.shared.whose_namespace import (
    READABLE_BY_ALL,
    hosts_after,
    initial_user_namespace,
    is_hosts,
    own_user_namespace_after,
    shared_mode,
)
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.cgroup import Membership, parse_memberships
from stratascope.linux.chroot import Chroot, Holds, parse_chroot
from stratascope.linux.descriptors import Descriptor
from stratascope.linux.mounts import cached_mountinfo
from stratascope.linux.namespace import Namespace, parse_link
from stratascope.linux.routes import Reach, parse_routes
from stratascope.value import Value, replace

ROUTES = "net/route"
LINKS = tuple((kind, f"ns/{kind}") for kind in NAMESPACES)
_CHANGE_ROOT = CapabilitySet.of(("CAP_SYS_CHROOT",))
_TAKE_IDS = CapabilitySet.of(("CAP_SETUID", "CAP_SYS_PTRACE"))


class NamespaceFact(Value):
    """One namespace. `inode` is None if it is predicted or could not be read.

    `shared_with_host` is None if the host's is unknown; `shared_with` names containers, None: unknown.
    """

    inode: int | None
    shared_with_host: bool | None
    shared_with: tuple[str, ...] | None = ()


class NamespacesFacts(Value):
    """All eight namespaces (None: unreadable) and the mount view (None: unreadable; counts of paths)."""

    UNPRINTED = ("memberships", "routes", "beyond", "outside")

    cgroup: NamespaceFact | None
    ipc: NamespaceFact | None
    mnt: NamespaceFact | None
    net: NamespaceFact | None
    pid: NamespaceFact | None
    time: NamespaceFact | None
    user: NamespaceFact | None
    uts: NamespaceFact | None
    root_read_only: bool | None
    masked_paths: int | None
    read_only_paths: int | None
    engine_sockets: tuple[str, ...] | None
    host_paths: tuple[HostPath, ...] | None
    devices: tuple[str, ...] | None
    propagation: str | None
    mounts: MountView | None
    # whether its first process is the host's uid 0, or can become so again, by whatever user namespace
    host_root: bool | None
    takes_ids: bool | None  # whether that process can become any user or trace others: SETUID, SYS_PTRACE
    host_from: str  # whose namespaces are taken as the host's: "PID 1", "PID 2", "own", ""
    process: str  # "/proc/4211", for evidence
    gaps: tuple[NamedGap, ...]
    top_of_cgroup_tree: bool | None = None  # whether its group is the root of some v1 tree
    memberships: tuple[Membership, ...] | None = None  # its control groups
    without_root: tuple[str, ...] = ()  # targets of mounts whose id map leaves out the disk's root
    ids_unread: tuple[str, ...] = ()  # targets of mounts whose id map is unknown
    routes: Reach | None = None  # where the routes of its network namespace lead; None: unknown
    descriptors: tuple[Descriptor, ...] | None = None  # of what lies outside; None: not read
    beyond: MountView | None = None  # the mounts together with what these lead to; None: nothing more
    chroot: Chroot | None = None  # that its first process is in; None: in none
    perhaps_held: bool = False  # whether it is in one of which is not known what it holds
    outside: MountView | None = None  # all of its mount namespace, if it is in a chroot that it can't leave

    def of(self, kind: str) -> NamespaceFact | None:
        """The namespace of that kind."""
        fact: NamespaceFact | None = getattr(self, kind)
        return fact

    @property
    def as_made(self) -> NamespacesFacts:
        """With its mounts as its engine made them, whatever chroot its first process went into since."""
        return self if self.outside is None else _showing(self, self.outside)


class NamespacesAsked(Value):
    """The requested options: namespaces by kind ("private", "host", "container:ID" …), mounts, devices."""

    pid: str
    ipc: str
    uts: str
    net: str
    cgroup: str
    privileged: bool
    root_read_only: bool
    masked_paths: tuple[str, ...] | None
    read_only_paths: tuple[str, ...] | None
    mounts: tuple[AskedMount, ...]
    devices: tuple[AskedDevice, ...]
    userns_mode: str
    uid_map: tuple[tuple[int, int, int], ...]
    runtime: str  # its OCI runtime's name or path; empty: the engine's default

    def of(self, kind: str) -> str:
        """The requested namespace of that kind; empty for kinds without an option."""
        mode: str = getattr(self, kind, "")
        return mode


def asked_of(container: Container) -> NamespacesAsked:
    """The engine's options for this layer."""
    asked = container.asked
    return NamespacesAsked(
        asked.pid_mode,
        asked.ipc_mode,
        asked.uts_mode,
        asked.network_mode,
        asked.cgroupns_mode,
        asked.privileged,
        asked.read_only_root,
        asked.masked_paths,
        asked.read_only_paths,
        asked.mounts,
        asked.devices,
        asked.userns_mode,
        asked.uid_map,
        container.runtime,
    )


def decode(capture: Capture, container: Container, around: Surroundings) -> NamespacesFacts:
    """Compare the inodes with the host's, and decode the mount view; never raises."""
    gaps: list[NamedGap] = []
    # time namespaces exist since Linux 5.6 and cgroup ones since 4.6: before, there is one for all
    found = {kind: _fact(capture, kind, name, around, gaps) for kind, name in LINKS}
    mounts = decoded(capture, "mountinfo", cached_mountinfo, gaps)
    text = None if mounts is None else or_none(capture.text("mountinfo"))
    chroot = or_none(capture.decoded(CHROOT, parse_chroot))
    stays = chroot is not None and chroot.holds is Holds.FILES
    whole = or_none(capture.text(WHOLE)) if stays else None
    special = special_files(capture, around.ground)
    outside = None if whole is None else view_of(whole, container, around, special)
    bound = chroot is not None and outside is not None and _on_host_path(outside, chroot)
    view = None if text is None else view_of(text, container, around, special, bound_root=bound)
    unrooted, unread = without_root(capture, mounts or ())
    host_root, takes_ids = _identity(capture, around)
    memberships = or_none(capture.decoded("cgroup", parse_memberships))
    descriptors = held(capture)
    barred = capture.text(DESCRIPTORS)
    if isinstance(barred, Gap) and barred.kind is GapKind.DENIED:
        # hardly a container holds anything from outside open: that it was not looked at is told, and decides nothing
        gaps.append(NamedGap("fd", barred, capture.source(DESCRIPTORS)))
    return NamespacesFacts(
        cgroup=found["cgroup"],
        ipc=found["ipc"],
        mnt=found["mnt"],
        net=found["net"],
        pid=found["pid"],
        time=found["time"],
        user=found["user"],
        uts=found["uts"],
        root_read_only=None if view is None else view.root_read_only,
        masked_paths=None if view is None else len(view.masked),
        read_only_paths=None if view is None else len(view.read_only),
        engine_sockets=None if view is None else view.engine_sockets,
        host_paths=None if view is None else view.host_paths,
        devices=None if view is None else view.devices,
        propagation=None if view is None else view.propagation,
        mounts=view,
        host_root=host_root,
        takes_ids=takes_ids,
        host_from=around.ground.namespaces_from,
        process=process_folder(capture.pid),
        gaps=tuple(gaps),
        top_of_cgroup_tree=None if memberships is None else _top_of_cgroup_tree(memberships),
        memberships=memberships,
        without_root=unrooted,
        ids_unread=unread,
        routes=or_none(capture.decoded(ROUTES, parse_routes)),
        descriptors=descriptors,
        beyond=None if view is None else _beyond(view, descriptors, container, around),
        chroot=chroot,
        perhaps_held=CHROOT in capture.names() and isinstance(capture.text(CHROOT), Gap),
        outside=outside,
    )


def _on_host_path(view: MountView, chroot: Chroot) -> bool:
    """Whether its root directory is on something of the host that is mounted in the container."""
    place = next((mount.target for mount in view.seen if mount.id == chroot.mount), "")
    return any(path.target == place for path in view.host_paths)


def gained(facts: NamespacesFacts, gain: Gain) -> NamespacesFacts:
    """See `core.layer.Layer.gained`. Who may change its root directory leaves the chroot."""
    if facts.chroot is None or not CapabilitySet(gain.held) & _CHANGE_ROOT:
        return facts
    found = facts if facts.outside is None else _showing(facts, facts.outside)
    return replace(found, chroot=replace(facts.chroot, holds=Holds.NOTHING), outside=None)


def _showing(facts: NamespacesFacts, view: MountView) -> NamespacesFacts:
    return replace(
        facts,
        root_read_only=view.root_read_only,
        masked_paths=len(view.masked),
        read_only_paths=len(view.read_only),
        engine_sockets=view.engine_sockets,
        host_paths=view.host_paths,
        devices=view.devices,
        propagation=view.propagation,
        mounts=view,
    )


def _beyond(
    view: MountView, descriptors: tuple[Descriptor, ...] | None, container: Container, around: Surroundings
) -> MountView | None:
    way, parts = way_out(descriptors), parts_of_host(descriptors, around.ground)
    if way is None and not parts:
        return None
    further = beyond(way, around.ground) if way is not None else tuple(as_mount(each, around.ground) for each in parts)
    seen = (*view.seen, *further)
    return judged(seen, container.id, container.asked.mounts, around, view.special)


def _fact(capture: Capture, kind: str, name: str, around: Surroundings, gaps: list[NamedGap]) -> NamespaceFact | None:
    unread: list[NamedGap] = []
    link = decoded(capture, name, parse_link, unread)
    if link is not None:
        return NamespaceFact(link.inode, around.ground.is_hosts(kind, link.inode), around.peers.of(kind))
    shared = is_hosts(capture, kind, around.ground)
    if shared is None:
        gaps += unread
        return None
    return NamespaceFact(None, shared, around.peers.of(kind) if shared or kind == Namespace.NET else None)


def _identity(capture: Capture, around: Surroundings) -> tuple[bool | None, bool | None]:
    status = process_status(capture)
    if isinstance(status, Gap):
        return None, None  # the layers that judge ids and capabilities report this gap
    # read from inside a user namespace, the uid is not the host's
    known = status.uids is not None and around.ground.initial_user_namespace is not False
    root = 0 in status.uids.within_reach if known and status.uids is not None else None
    return root, None if status.effective is None else bool(CapabilitySet(status.effective) & _TAKE_IDS)


def _top_of_cgroup_tree(memberships: tuple[Membership, ...]) -> bool:
    return any(line.hierarchy and line.path == "/" for line in memberships)


def source_of(kind: str, fact: NamespaceFact | None) -> str:
    """The file of the process that shows that namespace: the link, or the one everybody may read."""
    by_all = fact is not None and fact.inode is None
    return READABLE_BY_ALL.get(Namespace(kind), f"ns/{kind}") if by_all else f"ns/{kind}"


def as_requested(facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> NamespacesFacts:
    """See `core.layer.Layer.as_requested`."""
    found = {kind: _whole(kind, facts.of(kind), asked, around) for kind in NAMESPACES}
    routes = facts.routes or (_routes(asked.net) if asked.net else None)
    if all(found[kind] == facts.of(kind) for kind in NAMESPACES) and routes == facts.routes:
        return facts
    return replace(
        facts,
        cgroup=found["cgroup"],
        ipc=found["ipc"],
        mnt=found["mnt"],
        net=found["net"],
        pid=found["pid"],
        user=found["user"],
        uts=found["uts"],
        routes=routes,
    )


def _whole(kind: str, read: NamespaceFact | None, asked: NamespacesAsked, around: Surroundings) -> NamespaceFact | None:
    mode, others = asked.of(kind), around.peers.requested_of(kind)
    known = others != () or kind == Namespace.MNT or (mode != "" and not shared_mode(mode))
    if read is not None and read.shared_with_host is not None:
        return replace(read, shared_with=others) if known and read.shared_with is None else read
    match kind:
        case Namespace.MNT:
            hosts: bool | None = False
        case Namespace.USER:
            hosts = initial_user_namespace(asked.userns_mode, asked.uid_map, around.engine)
        case _:
            hosts = hosts_after(mode, around, kind) if mode else None
    return read if hosts is None else NamespaceFact(None, hosts, others if known or hosts else None)


def predict(facts: NamespacesFacts | None, before: Asked, after: Asked, around: Surroundings) -> NamespacesFacts | None:
    """See `core.layer.Layer.predict`."""
    if facts is None or before == after:
        return facts
    if facts.outside is not None:  # what it does to itself comes after the start
        facts = _showing(facts, facts.outside)
    found = {
        kind: _with_others(
            _predicted(kind, facts.of(kind), getattr(before, field), getattr(after, field), around),
            around.peers.requested_of(kind),
        )
        for kind, field in OWN_MODES
    }
    own = own_user_namespace_after(before, after, around.engine)
    user = facts.user if own is None else _new(facts.user) if own else _hosts(facts.user)
    foreign = after.foreign_mounts and not before.foreign_mounts
    view, gaps = None, facts.gaps
    if facts.mounts is not None and not foreign:
        try:
            view = predicted_view(facts.mounts, before, after, around)
        except TooManyError:
            gap = Gap(GapKind.UNSUPPORTED, detail=f"more than {MOUNTS_MOST} mounts or devices: leave some of them out")
            gaps = (*gaps, NamedGap("mountinfo", gap, "mountinfo"))
    return replace(
        facts,
        pid=found["pid"],
        ipc=found["ipc"],
        uts=found["uts"],
        net=found["net"],
        cgroup=found["cgroup"],
        mnt=_again(facts.mnt),
        user=user,
        root_read_only=None if view is None else view.root_read_only,
        masked_paths=None if view is None else len(view.masked),
        read_only_paths=None if view is None else len(view.read_only),
        engine_sockets=None if view is None else view.engine_sockets,
        host_paths=None if view is None else view.host_paths,
        # the nodes a privileged container gets are unknown before it starts
        devices=None if view is None or nodes_unknown(before, after, around) else view.devices,
        propagation=None if view is None else view.propagation,
        mounts=view,
        host_root=_host_root(facts.host_root, before, after, own, around),
        gaps=gaps,
        takes_ids=_takes_ids(facts.takes_ids, before, after, around),
        without_root=facts.without_root if own is None else (),
        ids_unread=facts.ids_unread if own is None else (*facts.without_root, *facts.ids_unread),
        routes=(before.network_mode == after.network_mode and facts.routes) or _routes(after.network_mode),
        descriptors=(),  # the engine passes on none
        beyond=None,
        chroot=None,
        perhaps_held=False,
        outside=None,
    )


def _predicted(
    kind: str, fact: NamespaceFact | None, was: str, mode: str, around: Surroundings
) -> NamespaceFact | None:  # fmt: skip
    if was != mode:
        hosts = hosts_after(mode, around, kind)
        if hosts:
            return _hosts(fact)
        if mode == "host" and hosts is False:  # the engine's own: all that ask for it share it
            return _new(fact)
        if mode == "pod" and kind == Namespace.PID and fact is not None:
            # that of its pod; who else will be in it is unknown
            return replace(fact, inode=None, shared_with_host=False, shared_with=None)
        return None if shared_mode(mode) else _new(fact)
    return fact if shared_mode(mode) else _again(fact)


def _routes(mode: str) -> Reach | None:
    """Where routes of such a network will lead. A network of the engine may be internal: only its own are certain."""
    if mode == "none":
        return Reach(near=False, far=False)
    return None if shared_mode(mode) and mode != "host" else Reach(near=True, far=True)


def _with_others(fact: NamespaceFact | None, others: tuple[str, ...]) -> NamespaceFact | None:
    """The namespace as shared with the containers that will join it (its own, or its pod's)."""
    if fact is None or not others or fact.shared_with or fact.shared_with_host is not False:
        return fact
    return replace(fact, shared_with=others)


def _new(fact: NamespaceFact | None) -> NamespaceFact | None:
    """A namespace that the engine will create for it alone; None if the kind could not be read."""
    return None if fact is None else replace(fact, inode=None, shared_with_host=False, shared_with=())


def _hosts(fact: NamespaceFact | None) -> NamespaceFact | None:
    return None if fact is None else replace(fact, inode=None, shared_with_host=True, shared_with=())


def _again(fact: NamespaceFact | None) -> NamespaceFact | None:
    """A namespace that is shared although a private one was requested (the kernel lacks the kind): it stays shared."""
    return None if fact is None else replace(fact, inode=None)


def _host_root(now: bool | None, before: Asked, after: Asked, own: bool | None, around: Surroundings) -> bool | None:
    if own and after.uid_map and not around.engine.rootless:
        inside = uid_inside(after)
        return (
            None
            if inside is None
            else any(
                first <= inside < first + length and outside + inside - first == 0
                for first, outside, length in after.uid_map
            )
        )
    if before.user != after.user and not starts_as_root(after):
        return False
    if own is False:
        return starts_as_root(after)
    if own:
        return None if now else now
    return now if before.user == after.user or (starts_as_root(before) and starts_as_root(after)) else None


def _takes_ids(now: bool | None, before: Asked, after: Asked, around: Surroundings) -> bool | None:
    if same_start(before, after):
        return now
    if not bounding(after, around.engine) & _TAKE_IDS:
        return False
    if rules_of(around.engine).names_capabilities and not starts_as_root(after):
        return bool(named(after.cap_add) & _TAKE_IDS)  # as ambient ones
    return now if now is False or starts_as_root(after) else False
