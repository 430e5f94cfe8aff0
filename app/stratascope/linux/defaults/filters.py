"""The default filter of an engine version, from measurements: one pure function for all who need it.

A version between two measured ones gets what both have in common, and UNDECIDED elsewhere; a version outside the
measured range is UNDECIDED throughout.
"""

from __future__ import annotations

from functools import cache

from stratascope.bounded_cache import remembered
from stratascope.linux.defaults import docker, podman
from stratascope.linux.defaults.table import OPEN, Table, without_any
from stratascope.linux.defaults.version import speaking_for, version_of
from stratascope.linux.seccomp_answer import Answers, Outcomes
from stratascope.linux.syscalls import Abi, numbers

TABLES: dict[str, tuple[Table, ...]] = {"docker": docker.TABLES, "podman": podman.TABLES}


@remembered()
def versions_for(engine: str, version: str) -> tuple[str, ...]:
    """The measured versions that apply to this one; empty if its default was never measured."""
    return speaking_for(version, (each.version for each in TABLES[engine]))


@remembered(40000)
def default_filter(engine: str, version: str, capabilities: frozenset[str], abi: Abi) -> Answers:
    """What that version (as reported by the engine) answers in a container with this bounding set (CAP_… names)."""
    tables, unmeasured = _speaking(engine, version)
    changed = _merged(tables, unmeasured, capabilities, abi, None)
    return Answers(
        abi, tuple([(name, changed.get(name, each)) for name, each in _without_any(tables, unmeasured, abi).items()])
    )


@cache
def deciding(engine: str) -> frozenset[str]:
    """The capabilities that a default depends on."""
    return frozenset().union(*(each.deciding() for each in TABLES[engine]))


def opened_by(
    engine: str, version: str, capabilities: frozenset[str], capability: str, abi: Abi
) -> tuple[tuple[str, Outcomes], ...]:
    """The answers to the calls that depend on this capability once it is held too; ordered by name."""
    names = _depending(engine, capability)
    if not names:
        return ()
    tables, unmeasured = _speaking(engine, version)
    changed = _merged(tables, unmeasured, capabilities | {capability}, abi, names)
    usual = _without_any(tables, unmeasured, abi)
    return tuple([(name, changed.get(name, usual[name])) for name in sorted(names & usual.keys())])


@cache
def _depending(engine: str, capability: str) -> frozenset[str]:
    return frozenset(name for each in TABLES[engine] for name in each.depending_on(capability))


@remembered(4000)
def _speaking(engine: str, version: str) -> tuple[tuple[Table, ...], frozenset[str]]:
    """The tables that apply, and the calls for which they are known to be outdated."""
    measured, reported = versions_for(engine, version), version_of(version)
    tables = tuple(each for each in TABLES[engine] if each.version in measured)
    later = [
        name
        for table in tables
        for since, names in table.changed
        if reported is not None and reported >= since and reported[:2] == since[:2]
        for name in names
    ]
    return tables, frozenset(later)


@remembered(4000)
def _without_any(tables: tuple[Table, ...], unmeasured: frozenset[str], abi: Abi) -> dict[str, Outcomes]:
    """Every call's answers in a container without capabilities; ordered by name."""
    if not tables:
        return dict.fromkeys(numbers(abi), OPEN)
    first, *others = (without_any(table, abi) for table in tables)
    return {
        name: OPEN if name in unmeasured or any(other[name] != each for other in others) else each
        for name, each in first.items()
    }


def _merged(
    tables: tuple[Table, ...],
    unmeasured: frozenset[str],
    capabilities: frozenset[str],
    abi: Abi,
    wanted: frozenset[str] | None,
) -> dict[str, Outcomes]:
    """The calls that these capabilities open, limited to `wanted`."""
    changes = [table.changes(capabilities, abi, wanted) for table in tables]
    found: dict[str, Outcomes] = {}
    for name in {name for each in changes for name in each} - unmeasured:
        first, *others = (
            change.get(name) or without_any(table, abi)[name] for table, change in zip(tables, changes, strict=True)
        )
        found[name] = OPEN if any(other != first for other in others) else first
    return found
