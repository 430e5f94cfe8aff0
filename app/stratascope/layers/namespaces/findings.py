"""Findings on the namespaces that a container shares. `mount_findings.py` has those on its mounts.

Requested options are only used if the kernel's facts are missing, and can only make it worse, never better.
"""

from __future__ import annotations

from stratascope.core.capture import Capture, Gap
from stratascope.core.ground import Surroundings
from stratascope.core.layer import Drift, Finding
from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.layers.namespaces.explanations import INSPECT, LABELS, SHARED, SHARED_PID_AS_ROOT, WITH_OTHERS
from stratascope.layers.namespaces.facts import LINKS, NamespacesAsked, NamespacesFacts, source_of
from stratascope.layers.namespaces.mount_findings import no_policy
from stratascope.linux.namespace import Kind

DECIDING = (Kind.PID, Kind.MNT, Kind.NET, Kind.IPC, Kind.UTS, Kind.CGROUP)
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
            if asked.of(kind) in _PRIVATE_WORDS and (kind is not Kind.CGROUP or around.ground.cgroup_layout == "v2"):
                found.append(_drift(kind, source))
        if fact is not None and fact.shared_with:
            found.append(_with_others(kind, fact.shared_with, source))
    return found


def _reaches_files(facts: NamespacesFacts, around: Surroundings) -> bool:
    """Whether root in the host's PID namespace can reach the host's files: no if AppArmor or SELinux may forbid it."""
    initial = facts.user is not None and facts.user.shared_with_host is True
    return no_policy(around) and initial and facts.host_root is True and facts.takes_ids is True


def _shared(kind: Kind, source: str, *, verified: bool, reaches: bool = False) -> Finding:
    severity, text, advice, refs = SHARED[kind]
    behind: tuple[str, ...] = ()
    if kind is Kind.PID and reaches:
        severity, text, behind = (
            Severity.CRITICAL,
            SHARED_PID_AS_ROOT,
            ("enter-host-user-process", "enter-host-process"),
        )
    if not verified:
        text = msg("Asked for, not verified: {what}", what=text)
    return Finding(f"namespaces.host-{kind}", "namespaces", severity, text, advice, source, refs, behind)


def _with_others(kind: Kind, others: tuple[str, ...], source: str) -> Finding:
    names = ", ".join(others[:5]) + (" …" if len(others) > 5 else "")
    return Finding(
        f"namespaces.shared-{kind}",
        "namespaces",
        Severity.LOW,
        Message(WITH_OTHERS[kind].id, (("names", names),)),
        msg("That is how a pod works. Outside a pod, give each container its own."),
        source,
        ("namespaces(7)",),
    )


def _drift(kind: Kind, source: str) -> Finding:
    return Finding(
        f"namespaces.drift-{kind}",
        "namespaces",
        Severity.HIGH,
        msg(
            "The engine was asked for a namespace of its own, but the kernel reports the host's: {kind}.",
            kind=LABELS[kind],
        ),
        _REMOVE_DRIFT,
        source,
        ("namespaces(7)",),
    )


def drift(first: Capture, other: Capture) -> tuple[Drift, ...]:
    """Namespaces that differ from the first process's; both must be readable."""
    drifts = []
    for kind, name in LINKS:
        mine, its = first.text(name), other.text(name)
        if isinstance(mine, Gap) or isinstance(its, Gap) or mine.strip() == its.strip():
            continue
        field = f"namespaces.{kind}"
        finding = Finding(
            f"namespaces.process-{kind}",
            "namespaces",
            Severity.MEDIUM,
            msg(
                "A process of this container is in another namespace than its first process: {kind}.",
                kind=LABELS[Kind(kind)],
            ),
            msg("Find out what started it; a nested container or a sandbox does this on purpose."),
            other.source(name),
            ("namespaces(7)",),
        )
        drifts.append(Drift(field, finding))
    return tuple(drifts)
