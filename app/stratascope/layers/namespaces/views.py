"""The tables of the namespaces layer: the eight namespaces, and a row for each thing that its mounts expose."""

from __future__ import annotations

from stratascope.core.ground import Surroundings
from stratascope.core.layer import Place, Row, Tab, Table, Tone
from stratascope.core.message import Message, bracketed, msg, plural, verbatim
from stratascope.core.threats.threat import Basis
from stratascope.layers.namespaces.explanations import INSPECT, LABELS, NOTES
from stratascope.layers.namespaces.facts import NamespacesAsked, NamespacesFacts, as_requested, source_of
from stratascope.layers.namespaces.runtime import RUNTIME_TITLE, runtime_rows
from stratascope.layers.shared.host_paths import HostPath, Weight, weight
from stratascope.layers.shared.readings import NO, NONE, NOT_READABLE, YES, counted
from stratascope.linux.namespace import Namespace

_ORDER = (
    Namespace.PID,
    Namespace.NET,
    Namespace.MNT,
    Namespace.IPC,
    Namespace.UTS,
    Namespace.CGROUP,
    Namespace.USER,
    Namespace.TIME,
)
_NAMESPACES_TITLE = msg("The eight namespaces")
_MOUNTS_TITLE = msg("Mounts")
_OWN = msg("Its own")
_HOST = msg("The host's")
_NOT_COMPARED = msg("Whose is not known: the host's can't be read")
_ENGINES = msg("The engine's, not the host's")
_ENGINE_NOTE = msg(
    "The engine runs in a namespace of its own; when asked for the host's, it gave the container its own."
)
_ROOT, _MASKED, _READ_ONLY = msg("Root filesystem read-only"), msg("Masked paths"), msg("Read-only paths in /proc")
_PROPAGATION, _SOCKETS, _HOST_PATH = msg("Propagation"), msg("Engine sockets"), msg("Host path")
_HOST_PATHS, _DEVICES, _ASKED_DEVICES = msg("Host paths"), msg("Devices of the host"), msg("Devices asked for")
_ROOT_NOTE = msg("If it is read-only, an attacker can't change the programs or leave tools behind.")
_MASK_NOTE = msg("Kernel files that show or change the host are hidden behind empty ones.")
_SOCKET_NOTE = msg(
    "Anyone who controls a root engine is root on the host. Mounting the socket read-only does not change that."
)
_DEVICE_NOTE = msg("Asked, not verified: nodes created in the container are not in the list of mounts.")
_PROPAGATION_WORDS = {
    "private": msg("private: mounts stay on their side"),
    "slave": msg("slave: mounts of the host propagate into the container"),
    "shared": msg("shared: mounts made inside also appear on the host"),
    "unbindable": msg("unbindable: private, and can't be bind-mounted"),
}
_SHOWN = 20


def tabs_of(facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> tuple[Tab, ...]:
    """Both tabs."""
    whole = facts if around.verified_only else as_requested(facts, asked, around)
    rows = tuple(_row(facts, whole, asked, kind) for kind in _ORDER)
    runtime = runtime_rows(facts, asked, around)
    made = (Table(RUNTIME_TITLE, runtime),) if runtime else ()
    return (
        Tab(_NAMESPACES_TITLE, (Table(_NAMESPACES_TITLE, rows), *made)),
        Tab(_MOUNTS_TITLE, (Table(_MOUNTS_TITLE, _mount_rows(facts, asked)),), Place.DETAILS),
    )


def _row(facts: NamespacesFacts, whole: NamespacesFacts, asked: NamespacesAsked, kind: Namespace) -> Row:
    read, fact = facts.of(kind), whole.of(kind)
    source = f"{facts.process}/{source_of(kind, read)}"
    wish = asked.of(kind)
    asked_word = verbatim(wish) if wish else None
    if fact is None:
        return Row(LABELS[kind], NOT_READABLE, source, Tone.UNKNOWN, asked_word, NOTES[kind])
    basis = Basis.KERNEL
    if read is None or read.shared_with_host is not fact.shared_with_host:
        basis, source = Basis.ASKED, INSPECT.get(kind, "inspect:HostConfig")
    inode = fact.inode
    tone, whose, note = Tone.GOOD, _OWN, NOTES[kind]
    if fact.shared_with_host is None:
        tone, whose = Tone.UNKNOWN, _NOT_COMPARED
    elif fact.shared_with_host:
        whose = _HOST
        tone = Tone.PLAIN if kind in (Namespace.TIME, Namespace.USER) else Tone.WARN
        tone = Tone.BAD if kind in (Namespace.PID, Namespace.NET, Namespace.MNT) else tone
    elif wish == "host":
        tone, whose, note = Tone.WARN, _ENGINES, _ENGINE_NOTE
    elif fact.shared_with:
        tone, whose = Tone.WARN, msg("Shared with {names}", names=", ".join(fact.shared_with[:5]))
    value = whose if inode is None else bracketed(whose, inode)
    return Row(LABELS[kind], value, source, tone, asked_word, note, basis)


def _mount_rows(facts: NamespacesFacts, asked: NamespacesAsked) -> tuple[Row, ...]:
    """The table "Mounts"."""
    source = f"{facts.process}/mountinfo"
    view = facts.mounts
    if view is None:
        rows = [Row(_HOST_PATHS, NOT_READABLE, source, Tone.UNKNOWN)]
        rows.extend(
            Row(
                _HOST_PATH, _arrow(HostPath(mount.source, mount.target, mount.writable)), "inspect:Mounts", Tone.UNKNOWN
            )
            for mount in asked.mounts[:_SHOWN]
            if mount.kind == "bind"
        )
        return tuple(rows)
    guarded = Tone.GOOD if view.proc_guarded else Tone.BAD
    root_tone = Tone.GOOD if view.root_read_only else Tone.UNKNOWN if view.root_read_only is None else Tone.WARN
    root = YES if view.root_read_only else msg("Its root is not a mount") if view.root_read_only is None else NO
    wanted = None if asked.masked_paths is None else verbatim(len(asked.masked_paths))
    closed = None if asked.read_only_paths is None else verbatim(len(asked.read_only_paths))
    rows = [
        Row(_ROOT, root, source, root_tone, YES if asked.root_read_only else NO, _ROOT_NOTE),
        Row(_MASKED, counted(view.masked, _SHOWN), source, guarded, wanted, _MASK_NOTE),
        Row(_READ_ONLY, counted(view.read_only, _SHOWN), source, guarded, closed),
        Row(
            _PROPAGATION,
            _PROPAGATION_WORDS[view.propagation],
            source,
            Tone.WARN if view.shared_mounts else Tone.PLAIN,
        ),
        Row(
            _SOCKETS,
            counted(view.engine_sockets, _SHOWN) if view.engine_sockets else NONE,
            source,
            Tone.BAD if view.engine_sockets else Tone.GOOD,
            None,
            _SOCKET_NOTE,
        ),
    ]
    if not view.host_paths:
        rows.append(Row(_HOST_PATHS, NONE, source, Tone.GOOD))
    for path in view.host_paths[:_SHOWN]:
        heavy = weight(path)
        tone = Tone.BAD if path.writable and heavy >= Weight.SYSTEM else Tone.PLAIN
        tone = Tone.WARN if tone is Tone.PLAIN and (path.writable or heavy is not Weight.ORDINARY) else tone
        rows.append(Row(_HOST_PATH, _arrow(path), source, tone))
    if len(view.host_paths) > _SHOWN:
        more = len(view.host_paths) - _SHOWN
        rows.append(Row(_HOST_PATHS, plural("{count} more", "{count} more", more), source))
    if view.devices:
        rows.append(Row(_DEVICES, counted(view.devices, _SHOWN), source, Tone.WARN))
    if asked.devices:
        names = tuple(f"{device.target} ({device.permissions})" for device in asked.devices)
        rows.append(
            Row(_ASKED_DEVICES, counted(names, _SHOWN), "inspect:HostConfig.Devices", Tone.WARN, None, _DEVICE_NOTE)
        )
    return tuple(rows)


def _arrow(path: HostPath) -> Message:
    if path.writable:
        return msg("{source} at {target}, writable", source=path.source, target=path.target)
    return msg("{source} at {target}, read-only", source=path.source, target=path.target)
