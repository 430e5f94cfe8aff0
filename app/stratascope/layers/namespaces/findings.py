"""Findings on the namespaces that a container shares, and on its mounts.

Requested options are only used if the kernel's facts are missing, and can only make the result worse, never better.
"""

from __future__ import annotations

from stratascope.core.capture import Capture, Gap
from stratascope.core.ground import Surroundings
from stratascope.core.layer import Drift, Finding
from stratascope.core.message import Message, msg, plural
from stratascope.core.severity import Severity, flaws_of
from stratascope.layers.namespaces.explanations import INSPECT, LABELS, SHARED, SHARED_PID_AS_ROOT, WITH_OTHERS
from stratascope.layers.namespaces.facts import LINKS, NamespacesAsked, NamespacesFacts, source_of
from stratascope.layers.namespaces.mounts import MountView
from stratascope.layers.shared.descriptors import kinds_of_nodes
from stratascope.layers.shared.host_paths import (
    HostPath,
    Weight,
    gives_login,
    is_disk,
    is_socket,
    plain,
    socket_maker,
    user_socket,
    weight,
    within,
)
from stratascope.layers.shared.readings import finding, no_policy
from stratascope.linux.descriptors import WORKING_DIRECTORY, Descriptor
from stratascope.linux.mounts import Mount, is_mask
from stratascope.linux.namespace import Namespace
from stratascope.value import Value

_LAYER = "namespaces"
_NOBODY = 65534  # whose owner is not known here: user_namespaces(7)
_SHOWN = 20


class MountFindings(Value):
    """Findings on the mounts. `weakens`: one of them makes the layer WEAKENED."""

    findings: tuple[Finding, ...]
    weakens: bool


def writable_root(facts: NamespacesFacts) -> bool:
    """Whether the host's whole file tree is visible and writable."""
    return any(path.writable and path.source == "/" for path in facts.host_paths or ())


def mount_findings(facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> MountFindings:
    """Judge the mounts; empty if they could not be read."""
    view = facts.mounts
    if view is None:
        return MountFindings((), False)
    source = f"{facts.process}/mountinfo"
    findings: list[Finding] = []
    weakens = not view.proc_guarded
    for socket in view.engine_sockets:
        weakens = True
        findings.append(_socket(socket, facts, view, around))
    for path in view.host_paths:
        heavy = weight(path)
        socket_alone = is_socket(path.source) or path.target in view.engine_sockets
        if not socket_alone and (path.writable or heavy > Weight.ORDINARY):
            weakens = True
            hands_over = path.target in view.system_paths and around.ground.selinux != "enforcing"
            findings.append(_host_path(path, heavy, source, facts.host_root is not False, hands_over))
    if not view.proc_guarded:
        alone = facts.host_root is True and no_policy(around.ground)
        findings.append(_unmasked(asked, source, facts.host_root is not False, alone, around.engine.rootless))
    for mount in _false_masks(view, asked)[:_SHOWN]:
        weakens = True
        findings.append(_false_mask(mount, source))
    for target in view.shared_mounts[:_SHOWN]:
        text = msg("Mounts created below {path} also appear on the host.", path=target)
        advice = msg("Use private or slave propagation for this mount.")
        findings.append(
            finding("namespaces.shared-propagation", Severity.MEDIUM, text, advice, source, "CIS-Docker-1.6.0:5.20")
        )
    if view.devices or asked.devices:
        count = len(set(view.devices) | {device.target for device in asked.devices})
        text = plural(
            "{count} device of the host is accessible inside.",
            "{count} devices of the host are accessible inside.",
            count,
        )
        advice = (
            msg("Pass in only the devices that it needs. A rootless engine can't remove only the write access.")
            if around.engine.rootless
            else msg("Pass in only the devices that it needs, without write access where reading is enough.")
        )
        findings.append(
            finding(
                "namespaces.devices",
                Severity.MEDIUM,
                text,
                advice,
                source if view.devices else "inspect:HostConfig.Devices",
                "CIS-Docker-1.6.0:5.18",
            )
        )
    disks = [device.source for device in asked.devices if is_disk(device.source)] + [
        node for node in view.devices if is_disk(node)
    ]
    if disks:
        names = ", ".join(disks[:5])
        text = msg(
            "Can open a whole disk of the host, past its files' permissions: {names}.",
            names=names,
        )
        if facts.host_root is False:
            text = msg(
                "A whole disk of the host is present inside ({names}). The container is not root on the host, so "
                "only the owner and group of the device node protect it.",
                names=names,
            )
        advice = msg("Mount the directory that it needs instead of passing in the disk.")
        severity = Severity.MEDIUM if facts.host_root is False else Severity.HIGH
        findings.append(
            finding(
                "namespaces.disks",
                severity,
                text,
                advice,
                "inspect:HostConfig.Devices" if asked.devices else source,
                "CIS-Docker-1.6.0:5.18",
            )
        )
    if view.root_read_only is False:
        findings.append(_writable_own_root(asked, source))
    findings.extend(_read_only_drift(view.host_paths, asked, source))
    for held in (facts.descriptors or ())[:_SHOWN]:
        if (held.kind != "c" or kinds_of_nodes((held,))) and (
            held.of_host or held.kind != "d" or held.device != (0, 0)
        ):
            weakens = True
            findings.append(_descriptor(held, facts))
    return MountFindings(tuple(findings), weakens)


def _descriptor(held: Descriptor, facts: NamespacesFacts) -> Finding:
    """The finding on something of the host that it holds open."""
    path, severity, behind = held.path, Severity.MEDIUM, tuple[str, ...]()
    match held.kind:
        case "d" if not held.of_host:
            severity, behind = Severity.HIGH, ("write-host-files",)
            text = msg("It holds a directory of a filesystem of the host open, {path}.", path=path)
        case "d":
            severity, behind = Severity.CRITICAL, ("change-host-system", "write-host-files", "write-core-pattern")
            text = msg(
                "Can reach all of the host's files from a host directory that it holds open, {path}.",
                path=path,
            )
        case "b":
            severity, behind = Severity.CRITICAL, ("open-host-disk",)
            text = msg("It holds a disk of the host open, {path}: no device rule is asked again.", path=path)
        case "c":
            text = msg("It holds a device of the host open, {path}: no device rule is asked again.", path=path)
        case "t" | "T":
            severity, behind = Severity.HIGH, ("type-into-terminal",)
            text = msg(
                "Can run commands as a host user, through a host terminal that it holds open, {path}.",
                path=path,
            )
        case "n":
            text = msg(
                "It holds a handle of another namespace, {path}: with SYS_ADMIN there it could enter it.", path=path
            )
        case "o":
            text = msg(
                "It holds an object of the kernel open, {path}, and can use it without the capability for it.",
                path=path,
            )
        case _:
            severity = Severity.MEDIUM if held.writable else Severity.LOW
            text = msg("It holds a file of the host open, {path}.", path=path)
    place = held.number if held.number == WORKING_DIRECTORY else f"fd/{held.number}"
    return finding(
        "namespaces.descriptor",
        severity,
        text,
        msg("Start it without passing on descriptors (--preserve-fds), and keep the runtime up to date."),
        f"{facts.process}/{place}",
        "proc_pid_fd(5)",
        behind=behind,
        milder=msg("It holds something of the host open, {path}, which leads it no further.", path=path),
    )


def _socket(socket: str, facts: NamespacesFacts, view: MountView, around: Surroundings) -> Finding:
    """The finding on an engine's socket: a root engine gives its clients root; a user's engine, that user's rights."""
    holding = [path for path in view.host_paths if within(socket, path.target)]
    best = max(holding, key=lambda path: len(path.target), default=None)
    place = socket if best is None else best.source.rstrip("/") + socket[len(best.target.rstrip("/")) :]
    severity = Severity.CRITICAL
    name = socket_maker(place) or socket_maker(socket) or msg("engine")
    text = msg("Can take over this machine through the {engine} socket, {path}.", engine=name, path=socket)
    if _is_users(socket, place, view, around):
        severity = Severity.HIGH
        text = msg(
            "Can take over a user's account through that user's {engine} socket, {path}.", engine=name, path=socket
        )
    advice = msg("Remove the mount, or put a filtering proxy before the socket.")
    milder = msg(
        "An engine socket is inside, at {path}, but the container's user has no access to it.",
        path=socket,
    )
    return finding(
        "namespaces.engine-socket",
        severity,
        text,
        advice,
        f"{facts.process}/mountinfo",
        "CIS-Docker-1.6.0:5.32",
        "PSS:baseline",
        behind=("use-engine-socket",),
        milder=milder,
    )


def _is_users(socket: str, place: str, view: MountView, around: Surroundings) -> bool:
    """Whether that is a rootless engine's, which is its user's: as it is known, else by whose the file is."""
    files = () if view.special is None else view.special.files
    file = next((each for each in files if each.path == socket), None)
    endpoint = around.engine.endpoint.removeprefix("unix://")
    if user_socket(place) or (around.engine.rootless and place == endpoint):
        return True
    if file is None or file.file in around.ground.user_sockets:
        return file is not None
    known = {around.engine.socket_file, *(each for each, _ in around.ground.sockets)}
    return file.file not in known and file.uid not in (0, _NOBODY)


def _host_path(path: HostPath, heavy: Weight, source: str, root: bool, hands_over: bool) -> Finding:
    """The finding on a host path. `root`: it is, or may be, the host's uid 0; else file permissions apply as well.

    `hands_over`: writing there is enough to take over the host.
    """
    if heavy is Weight.ROOT and not root:
        severity = Severity.HIGH if path.writable else Severity.MEDIUM
        text = msg(
            "Can reach the host's files below {path}, as its user on the host.",
            path=path.target,
        )
    elif path.writable and heavy is Weight.SYSTEM and not root:
        severity = Severity.MEDIUM
        text = msg(
            "A system path of the host is not read-only: {source}, at {path}. Its user on the host is not root, so "
            "only file permissions protect it.",
            source=path.source,
            path=path.target,
        )
    elif heavy is Weight.ROOT:
        if path.writable:
            text = msg("Can change all of the host's files, below {path}.", path=path.target)
        else:
            text = msg("Can read all of the host's files below {path}, including passwords and keys.", path=path.target)
        severity = Severity.CRITICAL if path.writable else Severity.HIGH
    elif path.writable and heavy is Weight.SYSTEM:
        text = msg("Can change a system path of the host: {source}, at {path}.", source=path.source, path=path.target)
        severity = Severity.HIGH
        if hands_over:  # SELinux keeps containers, even root's, from the host's files
            severity = Severity.CRITICAL
            text = msg(
                "Can take over the host: its system path {source} is writable, at {path}.",
                source=path.source,
                path=path.target,
            )
    elif path.writable and heavy is Weight.SENSITIVE:
        text = msg(
            "Can change a sensitive path of the host: {source}, at {path}.", source=path.source, path=path.target
        )
        severity = Severity.HIGH if gives_login(path.source) else Severity.MEDIUM
    elif heavy is Weight.SENSITIVE:
        text = msg("Can read a sensitive path of the host: {source}, at {path}.", source=path.source, path=path.target)
        severity = Severity.MEDIUM
    else:
        text = msg("Can change a path of the host: {source}, at {path}.", source=path.source, path=path.target)
        severity = Severity.LOW
    advice = msg("Mount only what it needs, read-only where it does not write, or use a volume.")
    refs = ("CIS-Docker-1.6.0:5.6", "PSS:baseline") if heavy > Weight.ORDINARY else ("PSS:baseline",)
    behind = ("change-host-system", "write-host-files") if severity is Severity.CRITICAL else ()
    return finding("namespaces.host-path", severity, text, advice, source, *refs, behind=behind)


def _unmasked(asked: NamespacesAsked, source: str, root: bool, alone: bool, rootless: bool) -> Finding:
    """The finding on unmasked kernel files. `alone`: nothing else protects
    /proc/sys/kernel/core_pattern, whose program the kernel runs as root. `rootless`:
    the engine is rootless, and then binds the host's /proc if it can't mount one of its own.
    """
    refs = ("CIS-Docker-1.6.0:5.5", "PSS:baseline") if asked.privileged else ("PSS:baseline",)
    if asked.masked_paths and not asked.privileged:
        text = msg("The engine was asked to mask paths of /proc, but the kernel's list of mounts shows no such masks.")
        advice = (
            msg("Start it without --pid host: with it a rootless engine shows the host's /proc as it is.")
            if rootless and asked.pid == "host"
            else _AGAIN
        )
        return finding("namespaces.drift-masks", Severity.HIGH, text, advice, source, *refs)
    text = (
        msg(
            "Root inside can change the host's kernel settings, some of which name programs to run: /proc is "
            "not masked."
        )
        if root
        else msg(
            "/proc is not masked: it shows more of the host. Changing the kernel's settings requires root outside."
        )
    )
    advice = msg("Start it without --privileged, systempaths=unconfined (Docker) or unmask (Podman).")
    severity = Severity.CRITICAL if alone else Severity.HIGH if root else Severity.MEDIUM
    return finding(
        "namespaces.unmasked",
        severity,
        text,
        advice,
        source,
        *refs,
        behind=("write-core-pattern", "write-host-sysctl") if alone else (),
    )


_AGAIN = msg("Check how the engine starts it; start it again and compare.")


def _false_masks(view: MountView, asked: NamespacesAsked) -> list[Mount]:
    """Mounts on masked paths that hide nothing. A mount requested there is not meant as a mask."""
    places = set(asked.masked_paths or ()) - {mount.target.rstrip("/") for mount in asked.mounts}
    return [mount for mount in view.seen if mount.target in places and not is_mask(mount)]


def _false_mask(mount: Mount, source: str) -> Finding:
    code = "namespaces.false-mask"
    text = msg(
        "The mask over {path} is not a mask but {what}: the runtime was misled to another file.",
        path=mount.target,
        what=f"{mount.fs_type}:{mount.root}",
    )
    advice = msg("Stop it, use a newer runtime, and check who could change its image or volumes while it started.")
    return finding(code, Severity.HIGH, text, advice, source, *flaws_of(code), "CIS-Docker-1.6.0:5.5")


def _writable_own_root(asked: NamespacesAsked, source: str) -> Finding:
    if asked.root_read_only:
        text = msg("A read-only root filesystem was asked for, but the kernel allows writing to it.")
        return finding("namespaces.drift-root", Severity.HIGH, text, _AGAIN, source, "CIS-Docker-1.6.0:5.13")
    text = msg("An attacker can change its programs and leave tools behind: its root filesystem is writable.")
    advice = msg("Start it with --read-only, and give it a tmpfs where it has to write.")
    return finding("namespaces.writable-root", Severity.LOW, text, advice, source, "CIS-Docker-1.6.0:5.13")


def _read_only_drift(paths: tuple[HostPath, ...], asked: NamespacesAsked, source: str) -> list[Finding]:
    """Findings on mounts requested read-only but writable: usually a submount, which `:ro` does not cover."""
    closed = [plain(mount.target) for mount in asked.mounts if not mount.writable]
    return [
        Finding(
            "namespaces.drift-read-only",
            _LAYER,
            Severity.HIGH,
            msg("A mount was asked for read-only, but {path} is writable.", path=path.target),
            msg("A filesystem mounted below a read-only one keeps its own flag: mount it read-only as well."),
            source,
            ("mount(8)",),
        )
        for path in paths
        if path.writable and any(within(path.target, target) for target in closed) and not _opened(path, asked)
    ]


def _opened(path: HostPath, asked: NamespacesAsked) -> bool:
    return any(mount.writable and mount.target.rstrip("/") == path.target for mount in asked.mounts)


DECIDING = (Namespace.PID, Namespace.MNT, Namespace.NET, Namespace.IPC, Namespace.UTS, Namespace.CGROUP)
_PRIVATE_WORDS = frozenset({"private", "shareable", "none"})
_REMOVE_DRIFT = msg("Check how the engine starts it; start it again and compare.")


def findings_of(facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> list[Finding]:
    """Findings on the namespaces that decide the verdict."""
    found = []
    for kind in DECIDING:
        fact = facts.of(kind)
        source = f"{facts.process}/{source_of(kind, fact)}"
        if fact is None or fact.shared_with_host is None:
            if asked.of(kind) == "host":
                found.append(_shared(kind, INSPECT[kind], verified=False))
        elif fact.shared_with_host:
            found.append(_shared(kind, source, verified=True, reaches=_reaches_files(facts, around)))
            if asked.of(kind) in _PRIVATE_WORDS and (
                kind is not Namespace.CGROUP or around.ground.cgroup_layout == "v2"
            ):
                found.append(_drift(kind, source))
        if fact is not None and fact.shared_with:
            found.append(_with_others(kind, fact.shared_with, source))
    return found


def _reaches_files(facts: NamespacesFacts, around: Surroundings) -> bool:
    """Whether root in the host's PID namespace can reach the host's files: no if AppArmor or SELinux may forbid it."""
    initial = facts.user is not None and facts.user.shared_with_host is True
    return no_policy(around.ground) and initial and facts.host_root is True and facts.takes_ids is True


def _shared(kind: Namespace, source: str, *, verified: bool, reaches: bool = False) -> Finding:
    severity, text, advice, refs = SHARED[kind]
    behind: tuple[str, ...] = ()
    if kind is Namespace.PID and reaches:
        severity, text, behind = (
            Severity.CRITICAL,
            SHARED_PID_AS_ROOT,
            ("enter-host-user-process", "enter-host-process"),
        )
    if not verified:
        text = msg("Asked for, not verified: {what}", what=text)
    return finding(f"namespaces.host-{kind}", severity, text, advice, source, *refs, behind=behind)


def _with_others(kind: Namespace, others: tuple[str, ...], source: str) -> Finding:
    names = ", ".join(others[:5]) + (" …" if len(others) > 5 else "")
    text = Message(WITH_OTHERS[kind].id, (("names", names),))
    advice = msg("That is normal in a pod. Outside a pod, give each container its own.")
    return finding(f"namespaces.shared-{kind}", Severity.LOW, text, advice, source, "namespaces(7)")


def _drift(kind: Namespace, source: str) -> Finding:
    text = msg(
        "The engine was asked for a namespace of its own, but the kernel reports the host's: {kind}.",
        kind=LABELS[kind],
    )
    return finding(f"namespaces.drift-{kind}", Severity.HIGH, text, _REMOVE_DRIFT, source, "namespaces(7)")


def drift(first: Capture, other: Capture) -> tuple[Drift, ...]:
    """Namespaces that differ from the first process's; both must be readable."""
    drifts = []
    for kind, name in LINKS:
        mine, its = first.text(name), other.text(name)
        if isinstance(mine, Gap) or isinstance(its, Gap) or mine.strip() == its.strip():
            continue
        field = f"namespaces.{kind}"
        text = msg(
            "A process of this container is in another namespace than its first process: {kind}.",
            kind=LABELS[Namespace(kind)],
        )
        advice = msg("Find out what started it; a nested container or a sandbox does this on purpose.")
        drifted = finding(
            f"namespaces.process-{kind}", Severity.MEDIUM, text, advice, other.source(name), "namespaces(7)"
        )
        drifts.append(Drift(field, drifted))
    return tuple(drifts)
