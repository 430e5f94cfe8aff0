"""What is not seen: the engines that let nobody in or give no answer, and running containers of which nothing is known.

They may be the worst of all, so nothing is called safe, or not there, without naming them. A Docker that is stopped, or
an engine that is not installed, is no such case: it runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from stratascope.core.capture import GapKind
from stratascope.core.container import Engine, EngineKind, EngineState
from stratascope.core.message import Message, msg
from stratascope.core.snapshot import Snapshot
from stratascope.presentation.takeover import may_run

_SILENT = frozenset({EngineState.DENIED, EngineState.UNREACHABLE})


def unseen_engines(snapshot: Snapshot) -> tuple[str, ...]:
    """The engines that may run containers of which nothing is known: they let nobody in, or give no answer.

    What one ran before it hung may be on screen still; what it runs now is not known.
    """
    asking = (each for each in snapshot.asking if each)  # of captures that are still to be read no engine is known yet
    return (*asking, *(each.id for each in snapshot.engines if each.state in _SILENT))


def unchecked_engines(engines: Iterable[Engine], *, named: bool) -> tuple[str, ...]:
    """The engines whose containers no limit can be held against; where they were `named`, all that can't be used.

    A Podman that is stopped may have containers that run, as may whatever does not listen on another machine.
    """
    return tuple(
        each.id
        for each in engines
        if each.state in _SILENT
        or (each.state is EngineState.STOPPED and (each.kind is EngineKind.PODMAN or not each.local))
        or (named and each.state is not EngineState.CONNECTED)
    )


def unread(snapshot: Snapshot) -> tuple[str, ...]:
    """The containers that run, or may, and have no exposure, by name; one that has ended meanwhile does not run."""
    return tuple(
        state.container.name
        for state in snapshot.containers
        if may_run(state) and state.matrix is None and (state.gap is None or state.gap.kind is not GapKind.GONE)
    )


def not_found(name: str, engines: Iterable[Engine], known: Iterable[str] = ()) -> Message:
    """No container of these engines has that name or id; with the names that are like it, and why those engines are
    not asked that may have it.
    """
    found = msg("No container has the name or ID {name}.", name=name)
    from difflib import get_close_matches  # only where there is something to be told

    close = get_close_matches(name, dict.fromkeys(known), 3)
    if close:
        found = msg("{text} Did you mean {names}?", text=found, names=", ".join(close))
    asked = tuple(engines)
    none = not any(each.state is EngineState.CONNECTED for each in asked)
    for each in asked:
        if each.message is not None and (each.state in _SILENT or (none and each.state is EngineState.STOPPED)):
            found = msg("{text} {engine}: {why}", text=found, engine=each.id, why=each.message)
    return found
