"""Findings on who a container's processes are on the host, and on the map that decides it."""

from __future__ import annotations

from stratascope.core.capture import Capture, Gap, or_none
from stratascope.core.container import Engine
from stratascope.core.ground import Surroundings
from stratascope.core.layer import Drift, Finding
from stratascope.core.message import Message, msg
from stratascope.core.options.rules import rules_of
from stratascope.core.severity import Severity
from stratascope.layers.shared.readings import finding, process_status, who
from stratascope.layers.usermap.facts import MAPS, UsermapAsked, UsermapFacts
from stratascope.linux.namespace import EVERY_ID, is_full, parse_idmap, to_inside


def findings_of(facts: UsermapFacts, asked: UsermapAsked, around: Surroundings) -> list[Finding]:
    if facts.uid_map is None or around.ground.initial_user_namespace is False:
        return []
    found = []
    source = f"{facts.process}/uid_map"
    full = facts.uid_map == EVERY_ID
    if facts.root_is_host_uid == 0 and (facts.uid_outside == 0 or not full):
        text = msg("Root inside is root on this machine: anyone who breaks out as root is root there.")
        advice = _own_namespace(asked, around)
        refs: tuple[str, ...] = (
            ("CIS-Docker-1.6.0:5.31", "user_namespaces(7)") if asked.userns_mode == "host" else ("user_namespaces(7)",)
        )
        if facts.uid_inside == 0:
            refs = (*refs, "PSS:restricted")  # the standard's runAsNonRoot is about the process
        found.append(finding("usermap.host-root", Severity.HIGH, text, advice, source, *refs))
    elif full and facts.uid_outside is not None:
        text = msg("It runs as user {uid} of this machine: anyone who breaks out is that user.", uid=facts.uid_outside)
        advice = _own_namespace(asked, around)
        found.append(finding("usermap.host-user", Severity.LOW, text, advice, source, "user_namespaces(7)"))
    if facts.owner_inside is not None:
        found.append(_own_user(facts, facts.owner_inside, around.engine, source))
    if facts.range_shared_with and not full:
        names = ", ".join(facts.range_shared_with[:5])
        text = msg("Other containers run with the same host IDs: {names}.", names=names)
        if rules_of(around.engine).own_users:
            advice = msg("Give each container its own range: --userns=auto does.")
        else:
            advice = msg(
                "Docker gives all its containers one range; Podman's --userns=auto gives each container its own."
            )
        found.append(finding("usermap.shared-range", Severity.LOW, text, advice, source, "subuid(5)"))
    wanted = asked.uid_map and set(asked.uid_map) != set(facts.uid_map)
    private = asked.userns_mode in ("private", "auto", "keep-id", "nomap") and facts.initial_namespace
    # a rootless engine reads the requested map relative to its own user namespace
    if (wanted and not around.engine.rootless) or private:
        text = msg("The ID map is not the one that the engine was asked for.")
        advice = msg("Check how the engine starts it; start it again and compare.")
        found.append(finding("usermap.drift-map", Severity.HIGH, text, advice, source, "user_namespaces(7)"))
    return found


def _own_namespace(asked: UsermapAsked, around: Surroundings) -> Message:
    """How to get another user namespace than the initial one, on that engine."""
    if rules_of(around.engine).own_users:
        return msg("Run it rootless, or with --userns=auto: for that, the user containers needs IDs in /etc/subuid.")
    if asked.userns_mode == "host" and around.engine.facts.userns_remap:
        return msg("Start it without --userns host.")
    return msg("Run it rootless, or set userns-remap for the whole daemon: Docker can't do it for one container.")


def _own_user(facts: UsermapFacts, uid: int, engine: Engine, source: str) -> Finding:
    """A rootless engine's own user, if the map includes it."""
    severity = Severity.MEDIUM
    text = msg(
        "User {uid} inside is the user who runs the engine: anyone who breaks out has that user's files.",
        uid=uid,
    )
    if rules_of(engine).own_users:
        advice = msg("Use --userns=auto or --userns=nomap, so that this user's ID is not in the map.")
    elif facts.uid_inside in (None, uid):
        advice = msg("Run its programs as another user inside (--user): rootless Docker always maps its own user.")
    else:
        severity = Severity.LOW
        text = msg("User {uid} inside is the user who runs the engine; its first process is another user.", uid=uid)
        advice = msg(
            "This can't be changed: rootless Docker always maps its own user. Make sure nothing in it "
            "becomes that user."
        )
    return finding("usermap.own-user", severity, text, advice, source, "subuid(5)")


def drift(first: Capture, other: Capture) -> tuple[Drift, ...]:
    """A map that differs from the first process's, and so another user namespace; and root while the first is not."""
    drifts = []
    for name in MAPS:
        mine, its = first.text(name), other.text(name)
        if isinstance(mine, Gap) or isinstance(its, Gap) or mine.split() == its.split():
            continue
        text = msg(
            "A process of this container has another ID map than its first process: it is in another user namespace."
        )
        advice = msg("Find out what started it; a nested container or a sandbox does this on purpose.")
        drifted = finding(
            f"usermap.process-{name.replace('_', '-')}",
            Severity.MEDIUM,
            text,
            advice,
            other.source(name),
            "user_namespaces(7)",
        )
        drifts.append(Drift(f"usermap.{name}", drifted))
    if _root(other) and _root(first) is False:
        text = msg("{process} is root inside; the container's first process is not.", process=who(other))
        advice = msg("Let the program change its user in all of its threads, and end root's sessions.")
        drifted = finding(
            "usermap.process-root", Severity.HIGH, text, advice, f"{other.source('status')}:Uid", "credentials(7)"
        )
        drifts.append(Drift("usermap.uid", drifted))
    return tuple(drifts)


def _root(process: Capture) -> bool | None:
    """Whether its uid is 0 inside, or can become so again. None: unknown."""
    status, ranges = or_none(process_status(process)), or_none(process.decoded("uid_map", parse_idmap))
    if status is None or status.uids is None or ranges is None:
        return None
    return any(to_inside(ranges, uid) == 0 or (uid == 0 and is_full(ranges)) for uid in status.uids.within_reach)
