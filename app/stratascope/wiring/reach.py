"""Finds the container or process that is asked about, and reads what it can get at."""

from __future__ import annotations

import os
from pathlib import Path

from stratascope.collector.read import PID_MAX
from stratascope.core.container import NO_ENGINE, matching
from stratascope.core.ground import Surroundings, decode_ground
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError, Prober
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.layers import all_layers
from stratascope.presentation.takeover import not_found
from stratascope.usecases.live.reader import EngineQueries, take
from stratascope.usecases.reach.subject import Judged, of_container, of_process
from stratascope.wiring.engines import Engines, assembler, translations


def subject_of(engines: Engines, word: str, *, privileged: bool = False, terminal: bool = False) -> Judged:
    """A container by name or id, else a process by its number. `privileged`: read as root. Raises ProbeError."""
    root = engines.local if os.geteuid() == 0 else None
    if privileged and root is None:
        root = engines.root(terminal=terminal).open()
    pid = _pid(word)
    if pid is not None:
        prober = root or engines.local
        return of_process(all_layers(), pid, decode_ground(prober.host()), prober, root=root is not None)
    shared = translations()
    reader = engines.reader(shared)
    if root is not None:
        reader.use(root)
    snapshot = assembler(shared).snapshot(take(EngineQueries(engines.ports), reader))
    state = _container(snapshot, word)
    return _of_container(engines, snapshot, state, root)


def _pid(word: str) -> int | None:
    """The process that the word numbers, if there is one: names of containers may be numbers too, and come second."""
    if not (word.isascii() and word.isdigit() and len(word) < 9 and 0 < int(word) <= PID_MAX):
        return None
    return int(word) if Path(f"/proc/{int(word)}").exists() else None


def _container(snapshot: Snapshot, word: str) -> ContainerState:
    found = matching(word, (state.container for state in snapshot.containers))
    if not found:
        raise ProbeError(not_found(word, snapshot.engines, (each.container.name for each in snapshot.containers)), word)
    if len(found) > 1:
        which = ", ".join(f"{each.engine} {each.short_id}" for each in found)
        raise ProbeError(msg("Several containers are named {name}; give an ID: {which}.", name=word, which=which))
    return next(state for state in snapshot.containers if state.key == found[0].key)


def _of_container(engines: Engines, snapshot: Snapshot, state: ContainerState, root: Prober | None) -> Judged:
    name = state.container.name
    engine = next((each for each in snapshot.engines if each.id == state.container.engine), NO_ENGINE)
    prober = root if engine.local and root is not None else engines.reach(engine).prober
    if state.container.pid is None or state.gap is not None:
        raise ProbeError(msg("{name} has no process that can be read: it does not run, or runs elsewhere.", name=name))
    if prober is None:
        raise ProbeError(msg("{name} runs on a kernel that is out of reach.", name=name))
    around = Surroundings(snapshot.ground_of(engine.id), engine)
    return of_container(all_layers(), state, around, prober)
