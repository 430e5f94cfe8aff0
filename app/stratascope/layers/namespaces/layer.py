"""Layer 1, namespaces: which of the eight are the container's own, and what its mounts show of the host."""

from __future__ import annotations

from stratascope.collector.names import DESCRIPTORS, IDMAPS, NETWORK_INODE, SPECIAL
from stratascope.core.ground import Surroundings
from stratascope.core.layer import About, Assessment, Layer, Verdict, on_demand
from stratascope.core.message import Message, msg, plural
from stratascope.layers.namespaces.explanations import SHORT
from stratascope.layers.namespaces.facts import (
    LINKS,
    ROUTES,
    NamespacesAsked,
    NamespacesFacts,
    as_requested,
    asked_of,
    decode,
    gained,
    predict,
)
from stratascope.layers.namespaces.findings import DECIDING, drift, findings_of, mount_findings, writable_root
from stratascope.layers.namespaces.runtime import runtime_findings
from stratascope.layers.namespaces.stances import posture_of, stance_of
from stratascope.layers.namespaces.views import tabs_of
from stratascope.layers.shared.readings import why_unknown
from stratascope.linux.namespace import Namespace

ABOUT = About(
    title=msg("Namespaces"),
    role=msg("keeps processes apart"),
    picture=msg("Walls: each flat has its own rooms, its own letter box and its own doorbell."),
    explanation=(
        msg(
            "A namespace gives a process its own view of one thing: its own list of processes, network, mounts or "
            "names."
        ),
        msg("What is outside that view can't be named, so it can't be reached, signalled or read."),
        msg(
            "Without it, the container shares that thing with the host: it sees and can touch what the host has there."
        ),
    ),
)


def assess(facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> Assessment:
    """The verdict, by the namespaces shared with the host and by its mounts."""
    host: set[Namespace] = set()
    unknown = weak = False
    for kind in DECIDING:
        fact = facts.of(kind)
        if fact is None or fact.shared_with_host is None:
            unknown = True
        elif fact.shared_with_host:
            host.add(kind)
        weak = weak or (fact is not None and bool(fact.shared_with))
    mounts = mount_findings(facts, asked, around)
    if {Namespace.PID, Namespace.NET} <= host or writable_root(facts) or Namespace.MNT in host:
        verdict = Verdict.OPEN
    elif unknown or facts.mounts is None:
        verdict = Verdict.UNKNOWN
    elif host or weak or mounts.weakens:
        verdict = Verdict.WEAKENED
    else:
        verdict = Verdict.ENFORCED
    runtime = runtime_findings(facts, asked, around)
    findings = (*findings_of(facts, asked, around), *mounts.findings, *runtime)
    band = _fact(facts, verdict, host, weak)
    return Assessment(verdict, band, findings, lambda: tabs_of(facts, asked, around), facts.gaps)


def _fact(facts: NamespacesFacts, verdict: Verdict, host: set[Namespace], weak: bool) -> Message:
    """The most important fact, for the band."""
    if writable_root(facts):
        return msg("The host's root filesystem is writable")
    if Namespace.PID in host and Namespace.NET in host:
        return msg("The host's PID and network namespaces")
    if Namespace.MNT in host:
        return msg("In the host's mount namespace")
    if verdict is Verdict.UNKNOWN:
        return why_unknown(facts.gaps) if facts.gaps else msg("The host's namespaces can't be read")
    if facts.engine_sockets:
        return msg("Engine socket inside")
    telling = host - {Namespace.CGROUP}  # the host's cgroup namespace only shows paths and opens nothing
    if len(telling) > 1:
        return plural("{count} shared with the host", "{count} shared with the host", len(telling))
    if telling:
        return msg("Shared with the host: {kind}", kind=SHORT[next(iter(telling))])
    if facts.mounts is not None and not facts.mounts.proc_guarded:
        return msg("Own namespaces; /proc is not masked")
    if facts.host_paths:
        return plural("Own namespaces; {count} host path", "Own namespaces; {count} host paths", len(facts.host_paths))
    if host:
        return msg("Shared with the host: {kind}", kind=SHORT[Namespace.CGROUP])
    if weak:
        return msg("Shared with other containers")
    return msg("Own namespaces, masks in place")


LAYER = Layer(
    id="namespaces",
    number=1,
    about=ABOUT,
    wants=(
        *(name for _, name in LINKS),
        NETWORK_INODE,
        ROUTES,
        "mountinfo",
        "status",
        "cgroup",
        "uid_map",
        DESCRIPTORS,
    ),
    privileged_wants=(SPECIAL, IDMAPS),
    member_wants=(*(name for _, name in LINKS), DESCRIPTORS),
    asked=asked_of,
    decode=decode,
    assess=assess,
    drift=drift,
    posture=posture_of,
    as_requested=as_requested,
    predict=predict,
    stance=stance_of,
    gained=gained,
    refused=on_demand("stratascope.layers.namespaces.refusals", "refused"),
)
