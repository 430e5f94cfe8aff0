"""Layer 1, namespaces: which of the eight are the container's own, and what its mounts show of the host.

Compared by inode with the host's first process and with the other containers. A namespace that the engine calls
"host" but that is not this machine's is the engine's (rootless Docker's network is RootlessKit's). Decided against
reading NSpid for the PID namespace: the link says it for all eight in one way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stratascope.core.capture import Capture, Gap, GapKind
from stratascope.core.container import Asked, AskedDevice, AskedMount, Container
from stratascope.core.ground import NAMESPACES, Surroundings
from stratascope.core.layer import About, Assessment, Drift, Finding, NamedGap
from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Ruling
from stratascope.layers.namespaces.assess import judge
from stratascope.layers.namespaces.mounts import MountView, view_of
from stratascope.layers.namespaces.prediction import predict_namespaces
from stratascope.layers.namespaces.stances import NamespacePosture, namespace_posture, namespace_stance
from stratascope.layers.namespaces.words import ABOUT, LABELS
from stratascope.layers.shared.host_paths import HostPath
from stratascope.layers.shared.process_status import process_status
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.cgroup import parse_memberships
from stratascope.linux.decode import DecodeError
from stratascope.linux.mounts import cached_mountinfo
from stratascope.linux.namespace import Kind, is_initial, parse_link

_LINKS = tuple((kind, f"ns/{kind}") for kind in NAMESPACES)
_TAKE_IDS = CapabilitySet.of(("CAP_SETUID", "CAP_SYS_PTRACE"))
_MEMBER_LINKS = tuple((Kind(kind), f"ns/{kind}") for kind in NAMESPACES)


@dataclass(frozen=True, slots=True)
class NamespaceFact:
    """One namespace. `inode` is None where it is only predicted.

    `shared_with_host` is None where the host's is not known; `shared_with` names containers.
    """

    inode: int | None
    shared_with_host: bool | None
    shared_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NamespacesFacts:
    """All eight (None: not readable) and the mount view (None: not readable; counts of paths)."""

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
    host_root: bool | None  # whether its first process is the host's uid 0, or may be again, by whatever user namespace
    takes_ids: bool | None  # whether that process may become any user or trace others: SETUID, SYS_PTRACE
    host_from: str  # whose namespaces count as the host's: "PID 1", "PID 2", "own", ""
    process: str  # "/proc/4211", for evidence
    gaps: tuple[NamedGap, ...]
    top_of_cgroup_tree: bool | None = None  # whether its group in some tree of version 1 is the topmost one

    def of(self, kind: str) -> NamespaceFact | None:
        """The namespace of that kind."""
        fact: NamespaceFact | None = getattr(self, kind)
        return fact


@dataclass(frozen=True, slots=True)
class NamespacesAsked:
    """What the engine was told, by kind ("private", "host", "container:ID" …), and of mounts and devices."""

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


class NamespacesLayer:
    """See the module."""

    id = "namespaces"
    number = 1
    about: About = ABOUT
    wants = (*(name for _, name in _LINKS), "mountinfo", "status", "cgroup")
    member_wants = tuple(name for _, name in _LINKS)

    def asked(self, container: Container) -> NamespacesAsked:
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
        )

    def decode(self, capture: Capture, container: Container, around: Surroundings) -> NamespacesFacts:
        """Inodes beside the host's, and the mount view."""
        gaps: list[NamedGap] = []
        found = {kind: _fact(capture, kind, name, around, gaps) for kind, name in _LINKS}
        view = _view(capture, container, around, gaps)
        host_root, takes_ids = _identity(capture, around)
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
            process=f"/proc/{capture.pid}",
            gaps=tuple(gaps),
            top_of_cgroup_tree=_top_of_cgroup_tree(capture),
        )

    def assess(self, facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> Assessment:
        """Verdict by the design's table."""
        return judge(facts, asked, around)

    privileged_wants: tuple[str, ...] = ()

    def posture(self, facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> NamespacePosture:
        """See `core.layer.Layer`."""
        return namespace_posture(facts, asked, around)

    def predict(
        self, facts: NamespacesFacts | None, before: Asked, after: Asked, around: Surroundings
    ) -> NamespacesFacts | None:
        """See `core.layer.Layer`."""
        return predict_namespaces(facts, before, after, around)

    def stance(self, need: Need, posture: NamespacePosture) -> Ruling | None:
        """See `core.layer.Layer`."""
        return namespace_stance(need, posture)

    def drift(self, first: Capture, other: Capture) -> tuple[Drift, ...]:
        """Another namespace than the first process's; both must be readable."""
        drifts = []
        for kind, name in _MEMBER_LINKS:
            mine, its = first.text(name), other.text(name)
            if isinstance(mine, Gap) or isinstance(its, Gap) or mine.strip() == its.strip():
                continue
            field = f"namespaces.{kind}"
            finding = Finding(
                f"namespaces.process-{kind}",
                "namespaces",
                Severity.MEDIUM,
                msg("A process of this container is in another namespace than its first: {kind}.", kind=LABELS[kind]),
                msg("Find out what started it; a nested container or a sandbox does this on purpose."),
                other.source(name),
                ("namespaces(7)",),
            )
            drifts.append(Drift(field, finding))
        return tuple(drifts)


def gap_of(capture: Capture, gap: Gap) -> Gap:
    """The same gap, but UNSUPPORTED where this way of reading never gives it (an engine's own `top`)."""
    return replace(gap, kind=GapKind.UNSUPPORTED) if capture.via != "proc" and gap.kind is GapKind.ABSENT else gap


def _top_of_cgroup_tree(capture: Capture) -> bool | None:
    text = capture.text("cgroup")
    if isinstance(text, Gap):
        return None
    try:
        return any(line.hierarchy and line.path == "/" for line in parse_memberships(text))
    except DecodeError:
        return None


def _fact(capture: Capture, kind: str, name: str, around: Surroundings, gaps: list[NamedGap]) -> NamespaceFact | None:
    text = capture.text(name)
    if isinstance(text, Gap):
        # before Linux 5.6 there are no time namespaces, before 4.6 no cgroup ones: the kernel has one for all
        gaps.append(NamedGap(name, gap_of(capture, text), capture.source(name)))
        return None
    try:
        inode = parse_link(text).inode
    except DecodeError as error:
        gaps.append(NamedGap(name, Gap(GapKind.UNPARSED, detail=str(error)), capture.source(name)))
        return None
    host = around.ground.namespace(kind)
    shared: bool | None = None if host is None else inode == host
    if shared is None or around.ground.namespaces_from == "own":
        # the reader may sit in a namespace of its own: where the kernel fixes the first one's inode, believe that
        fixed = is_initial(Kind(kind), inode)
        shared = shared if fixed is None else fixed
    return NamespaceFact(inode, shared, around.peers.of(kind))


def _identity(capture: Capture, around: Surroundings) -> tuple[bool | None, bool | None]:
    status = process_status(capture)
    if isinstance(status, Gap):
        return None, None  # the layers that judge ids and capabilities tell this gap
    # seen from inside a user namespace the uid is not the host's
    known = status.uids is not None and around.ground.initial_user_namespace is not False
    root = 0 in status.uids.within_reach if known and status.uids is not None else None
    return root, None if status.effective is None else bool(CapabilitySet(status.effective) & _TAKE_IDS)


def _view(capture: Capture, container: Container, around: Surroundings, gaps: list[NamedGap]) -> MountView | None:
    text = capture.text("mountinfo")
    if isinstance(text, Gap):
        gaps.append(NamedGap("mountinfo", gap_of(capture, text), capture.source("mountinfo")))
        return None
    try:
        return view_of(cached_mountinfo(text), container, around)
    except DecodeError as error:
        gaps.append(NamedGap("mountinfo", Gap(GapKind.UNPARSED, detail=str(error)), capture.source("mountinfo")))
        return None


LAYER = NamespacesLayer()
