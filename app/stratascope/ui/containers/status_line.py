"""The line below the list: how many containers on how many engines, and how old the picture is. No Qt."""

from __future__ import annotations

from stratascope.core.container import EngineState
from stratascope.core.message import Message, age, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import listed

UNCHANGED = 90  # seconds without news, after which minutes are told


def age_line(snapshot: Snapshot, now: float) -> Message:
    """`now`: seconds since the epoch, as `taken_at` is."""
    if snapshot.nothing_read:
        return msg("Nothing could be read")
    count = len(snapshot.containers)
    if snapshot.captures:
        machines = len(snapshot.captures)
        if machines == 1:
            return plural("{count} container from a capture", "{count} containers from a capture", count)
        where = plural("{count} capture", "{count} captures", machines)
        return plural("{count} container from {where}", "{count} containers from {where}", count, where=where)
    if snapshot.reading:
        return msg("Reading what was captured…")
    if snapshot.demo:
        return plural("{count} demo container", "{count} demo containers", count)
    shown = {state.container.engine for state in snapshot.containers}
    silent = [each.id for each in snapshot.engines if each.state is EngineState.UNREACHABLE and each.id in shown]
    if silent:  # what is shown of these is how it was before
        names = listed(plain(each, 60) for each in silent)
        return plural(
            "{count} container; no answer from {engines}", "{count} containers; no answer from {engines}", count,
            engines=names,
        )  # fmt: skip
    engines = sum(engine.state is EngineState.CONNECTED for engine in snapshot.engines)
    where = plural("{count} engine", "{count} engines", engines)
    seconds = max(0, round(now - snapshot.taken_at))
    if seconds < UNCHANGED:
        return plural(
            "{count} container on {where}, read {seconds} s ago",
            "{count} containers on {where}, read {seconds} s ago",
            count,
            where=where,
            seconds=seconds,
        )
    return plural(
        "{count} container, unchanged for {age}",
        "{count} containers, unchanged for {age}",
        count,
        age=age(seconds),
    )


def filter_line(shown: int, count: int, unknown: int) -> Message:
    """While something is filtered. `unknown`: of how many it is not known whether they are meant."""
    if unknown:
        return msg("{shown} of {count} shown, {unknown} not known. Esc shows all", shown=shown, count=count,
                   unknown=unknown)  # fmt: skip
    return msg("{shown} of {count} shown. Esc shows all", shown=shown, count=count)
