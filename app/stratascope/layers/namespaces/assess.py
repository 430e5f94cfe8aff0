"""The verdict, findings and rows of the namespaces layer, from its facts.

Asked facts stand in only where the kernel's word is missing, and can only make the verdict worse, never better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratascope.core.layer import Assessment, Finding, Row, Tab, Table, Tone, Verdict
from stratascope.core.message import Message, msg, plural
from stratascope.core.severity import Severity
from stratascope.layers.namespaces.mount_findings import mount_findings, no_policy, writable_root
from stratascope.layers.namespaces.mount_rows import mount_rows
from stratascope.layers.namespaces.words import LABELS, NOTES, SHARED, SHARED_PID_AS_ROOT, SHORT, WITH_OTHERS
from stratascope.layers.shared.process_status import why_unknown
from stratascope.linux.namespace import Kind

if TYPE_CHECKING:
    from stratascope.core.ground import Surroundings
    from stratascope.layers.namespaces.layer import NamespaceFact, NamespacesAsked, NamespacesFacts

_DECIDING = (Kind.PID, Kind.MNT, Kind.NET, Kind.IPC, Kind.UTS, Kind.CGROUP)
_ORDER = (Kind.PID, Kind.NET, Kind.MNT, Kind.IPC, Kind.UTS, Kind.CGROUP, Kind.USER, Kind.TIME)
_PRIVATE_WORDS = frozenset({"private", "shareable", "none"})
_INSPECT = {
    Kind.PID: "inspect:HostConfig.PidMode",
    Kind.NET: "inspect:HostConfig.NetworkMode",
    Kind.IPC: "inspect:HostConfig.IpcMode",
    Kind.UTS: "inspect:HostConfig.UTSMode",
    Kind.CGROUP: "inspect:HostConfig.CgroupnsMode",
}

_NAMESPACES_TITLE = msg("The eight namespaces")
_MOUNTS_TITLE = msg("Mounts")
_OWN = msg("Its own")
_HOST = msg("The host's")
_NOT_COMPARED = msg("Not known whose: the host's can't be read")
_NOT_READABLE = msg("Not readable")
_ENGINES = msg("The engine's, not the host's")
_ENGINE_NOTE = msg("The engine runs in a namespace of its own; asked for the host's, the container got the engine's.")
_ASKED_HOST = msg("host (asked, not verified)")
_REMOVE_DRIFT = msg("Look at how the engine starts it; start it again and compare.")


def judge(facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> Assessment:
    """See the design, section 6."""
    findings: list[Finding] = []
    host: set[Kind] = set()
    unknown: list[Kind] = []
    weak = False
    for kind in _DECIDING:
        fact = facts.of(kind)
        if fact is None or fact.shared_with_host is None:
            unknown.append(kind)
            if _asked(asked, kind) == "host":
                host.add(kind)
                findings.append(_shared(kind, _INSPECT[kind], verified=False))
        elif fact.shared_with_host:
            host.add(kind)
            source = f"{facts.process}/ns/{kind}"
            findings.append(_shared(kind, source, verified=True, reaches=_reaches_files(facts, around)))
            if _asked(asked, kind) in _PRIVATE_WORDS and (
                kind is not Kind.CGROUP or around.ground.cgroup_layout == "v2"
            ):
                findings.append(_drift(kind, source))
        if fact is not None and fact.shared_with:
            weak = True
            findings.append(_with_others(kind, fact, f"{facts.process}/ns/{kind}"))
    found = mount_findings(facts, asked, around)
    findings.extend(found.findings)
    root_open = writable_root(facts)
    net_and_pid = Kind.PID in host and Kind.NET in host
    gaps = facts.gaps
    if net_and_pid or root_open or Kind.MNT in host:
        verdict = Verdict.OPEN
    elif unknown or facts.mounts is None:
        verdict = Verdict.UNKNOWN
    elif host or weak or found.weakens:
        verdict = Verdict.WEAKENED
    else:
        verdict = Verdict.ENFORCED

    def draw() -> tuple[Tab, ...]:
        return (
            Tab(_NAMESPACES_TITLE, (Table(_NAMESPACES_TITLE, tuple(_row(facts, asked, kind) for kind in _ORDER)),)),
            Tab(_MOUNTS_TITLE, (Table(_MOUNTS_TITLE, mount_rows(facts, asked)),)),
        )

    return Assessment(verdict, _band(facts, verdict, host, unknown, weak), tuple(findings), draw, gaps)


def _asked(asked: NamespacesAsked, kind: Kind) -> str:
    match kind:
        case Kind.PID:
            return asked.pid
        case Kind.NET:
            return asked.net
        case Kind.IPC:
            return asked.ipc
        case Kind.UTS:
            return asked.uts
        case Kind.CGROUP:
            return asked.cgroup
    return ""


def _reaches_files(facts: NamespacesFacts, around: Surroundings) -> bool:
    """Whether root in the host's PID namespace gets at the host's files: not where AppArmor or SELinux may forbid."""
    initial = facts.user is not None and facts.user.shared_with_host is True
    return no_policy(around) and initial and facts.host_root is True and facts.takes_ids is True


def _shared(kind: Kind, source: str, *, verified: bool, reaches: bool = False) -> Finding:
    severity, text, advice, refs = SHARED[kind]
    if kind is Kind.PID and reaches:
        severity, text = Severity.CRITICAL, SHARED_PID_AS_ROOT
    if not verified:
        text = msg("Asked for, not verified: {what}", what=text)
    return Finding(f"namespaces.host-{kind}", "namespaces", severity, text, advice, source, refs)


def _with_others(kind: Kind, fact: NamespaceFact, source: str) -> Finding:
    names = ", ".join(fact.shared_with[:5]) + (" …" if len(fact.shared_with) > 5 else "")
    return Finding(
        f"namespaces.shared-{kind}",
        "namespaces",
        Severity.LOW,
        Message(WITH_OTHERS[kind].id, (("names", names),)),
        msg("That is how a pod works. Where there is no pod, give each container its own."),
        source,
        ("namespaces(7)",),
    )


def _drift(kind: Kind, source: str) -> Finding:
    return Finding(
        f"namespaces.drift-{kind}",
        "namespaces",
        Severity.HIGH,
        msg(
            "The engine was asked for a namespace of its own, but the kernel says the host's: {kind}.",
            kind=LABELS[kind],
        ),
        _REMOVE_DRIFT,
        source,
        ("namespaces(7)",),
    )


def _row(facts: NamespacesFacts, asked: NamespacesAsked, kind: Kind) -> Row:
    fact = facts.of(kind)
    source = f"{facts.process}/ns/{kind}"
    wish = _asked(asked, kind)
    asked_word = msg("{mode}", mode=wish) if wish else None
    if fact is None:
        value = _ASKED_HOST if wish == "host" else _NOT_READABLE
        return Row(LABELS[kind], value, source, Tone.UNKNOWN, asked_word, NOTES[kind])
    inode = fact.inode
    tone, whose, note = Tone.GOOD, _OWN, NOTES[kind]
    if fact.shared_with_host is None:
        tone, whose = Tone.UNKNOWN, _NOT_COMPARED
    elif fact.shared_with_host:
        whose = _HOST
        tone = Tone.PLAIN if kind in (Kind.TIME, Kind.USER) else Tone.WARN
        tone = Tone.BAD if kind in (Kind.PID, Kind.NET, Kind.MNT) else tone
    elif wish == "host":
        tone, whose, note = Tone.WARN, _ENGINES, _ENGINE_NOTE
    elif fact.shared_with:
        tone, whose = Tone.WARN, msg("Shared with {names}", names=", ".join(fact.shared_with[:5]))
    value = whose if inode is None else msg("{whose} ({inode})", whose=whose, inode=inode)
    return Row(LABELS[kind], value, source, tone, asked_word, note)


def _band(facts: NamespacesFacts, verdict: Verdict, host: set[Kind], unknown: list[Kind], weak: bool) -> Message:
    """The one fact that matters most."""
    if writable_root(facts):
        return msg("The host's root directory is writable")
    if Kind.PID in host and Kind.NET in host:
        return msg("The host's PID and network namespaces")
    if Kind.MNT in host:
        return msg("In the host's mount namespace")
    if verdict is Verdict.UNKNOWN:
        return why_unknown(facts.gaps) if facts.gaps else msg("The host's namespaces can't be read")
    if facts.engine_sockets:
        return msg("Engine socket inside")
    telling = host - {Kind.CGROUP}  # the view of control groups shows paths, and opens nothing
    if len(telling) > 1:
        return plural("{count} shared with the host", "{count} shared with the host", len(telling))
    if telling:
        return msg("Shared with the host: {kind}", kind=SHORT[next(iter(telling))])
    if facts.mounts is not None and not facts.mounts.proc_guarded:
        return msg("Own namespaces; /proc is not masked")
    if facts.host_paths:
        return plural("Own namespaces; {count} host path", "Own namespaces; {count} host paths", len(facts.host_paths))
    if host:
        return msg("Shared with the host: {kind}", kind=SHORT[Kind.CGROUP])
    if weak:
        return msg("Shared with other containers")
    return msg("Own namespaces, masks in place")
