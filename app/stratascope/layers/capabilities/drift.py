"""How a container's other processes and threads differ from its first process in their capability sets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from stratascope.core.capture import Capture, Gap
from stratascope.core.ground import inode_of
from stratascope.core.layer import Drift, Finding
from stratascope.core.message import msg
from stratascope.core.process_match import thread_of
from stratascope.core.severity import Severity
from stratascope.layers.capabilities.explanations import SERIOUS, SET_WORDS, TAKE_OVER
from stratascope.layers.capabilities.facts import SETS
from stratascope.layers.capabilities.findings import CIS_NO_NEW_PRIVILEGES, short
from stratascope.layers.shared.readings import process_status, who
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.namespace import Kind, is_initial

_THREADS = msg(
    "Let the program give up its capabilities before it starts threads, or in each of them (capabilities(7))."
)
_CIS_EXEC_PRIVILEGED = "CIS-Docker-1.6.0:5.23"
_LINES = {field: line for field, _, line in SETS}
# most significant first: what a process can do now
_BY_SIGNIFICANCE = ("effective", "permitted", "ambient", "bounding", "inheritable")


def drift(first: Capture, other: Capture) -> tuple[Drift, ...]:
    """Sets in which `other` differs from the first process; more is a serious finding, less a low one."""
    if first.text("status") == other.text("status"):
        return ()
    one, two = process_status(first), process_status(other)
    if isinstance(one, Gap) or isinstance(two, Gap):
        return ()
    mine, its = inode_of(first.text("ns/user")), inode_of(other.text("ns/user"))
    nested = mine is not None and its is not None and mine != its and not is_initial(Kind.USER, its)
    more: dict[str, CapabilitySet] = {}
    less: dict[str, CapabilitySet] = {}
    for field, _, _ in SETS:
        before, after = getattr(one, field), getattr(two, field)
        if before != after and before is not None and after is not None:
            gained = CapabilitySet(after) - CapabilitySet(before)
            (more if gained else less)[field] = gained or CapabilitySet(before) - CapabilitySet(after)
    found = [*_set_drifts(more, partial(_more, other, nested)), *_set_drifts(less, partial(_less, other))]
    if one.no_new_privs != two.no_new_privs and one.no_new_privs is not None and two.no_new_privs is not None:
        found.append(_no_new_privs_drift(two.no_new_privs, other))
    return tuple(found)


def _set_drifts(sets: dict[str, CapabilitySet], say: Callable[[str, CapabilitySet], Finding]) -> list[Drift]:
    """One finding for all sets, about the most significant: they change together."""
    if not sets:
        return []
    field = min(sets, key=_BY_SIGNIFICANCE.index)
    finding = say(field, sets[field])
    return [Drift(f"capabilities.{each}", finding) for each in sets]


def _more(other: Capture, nested: bool, field: str, names: CapabilitySet) -> Finding:
    source = f"{other.source('status')}:{_LINES[field]}"
    if nested:
        return Finding(
            f"capabilities.drift-{field}-nested",
            "capabilities",
            Severity.LOW,
            msg(
                "{process} holds more in its {field} set than the first process, but in another user namespace: "
                "{names}.",
                process=who(other),
                field=SET_WORDS[field],
                names=short(names),
            ),
            msg("Find out what started it; a nested container or a browser's sandbox does this on purpose."),
            source,
            ("user_namespaces(7)",),
        )
    return Finding(
        f"capabilities.drift-{field}",
        "capabilities",
        Severity.HIGH if names & (TAKE_OVER | SERIOUS) else Severity.MEDIUM,
        msg(
            "{process} holds more in its {field} set than the container's first process: {names}.",
            process=who(other),
            field=SET_WORDS[field],
            names=short(names),
        ),
        _THREADS
        if thread_of(other)
        else msg("Look for an exec with --privileged or another user; end that session when it is no longer needed."),
        source,
        (_CIS_EXEC_PRIVILEGED,),
    )


def _less(other: Capture, field: str, names: CapabilitySet) -> Finding:
    return Finding(
        f"capabilities.drift-{field}-less",
        "capabilities",
        Severity.LOW,
        msg(
            "{process} holds less in its {field} set than the container's first process: it gave up {names}.",
            process=who(other),
            field=SET_WORDS[field],
            names=short(names),
        ),
        msg("Nothing to do: services give up capabilities that they no longer need."),
        f"{other.source('status')}:{_LINES[field]}",
        ("capabilities(7)",),
    )


def _no_new_privs_drift(on: bool, other: Capture) -> Drift:
    source = f"{other.source('status')}:NoNewPrivs"
    if on:
        finding = Finding(
            "capabilities.drift-no-new-privs-on",
            "capabilities",
            Severity.LOW,
            msg(
                "{process} has given up gaining privileges; the container's first process has not.", process=who(other)
            ),
            msg("Nothing to do: it is stricter than the first process."),
            source,
            (CIS_NO_NEW_PRIVILEGES,),
        )
    else:
        finding = Finding(
            "capabilities.drift-no-new-privs",
            "capabilities",
            Severity.MEDIUM,
            msg("{process} can gain privileges through exec; the container's first process can't.", process=who(other)),
            msg("Look for an exec session that was started without no-new-privileges, and end it."),
            source,
            (CIS_NO_NEW_PRIVILEGES,),
        )
    return Drift("capabilities.no_new_privs", finding)
