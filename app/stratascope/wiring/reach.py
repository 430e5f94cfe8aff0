"""Finds the container or process that is asked about, and reads what it can get at."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from stratascope.collector.names import TRIED
from stratascope.collector.read import PID_MAX
from stratascope.core.capture import Capture
from stratascope.core.container import (
    NO_ENGINE,
    OTHER_KERNEL,
    Container,
    EngineState,
    Status,
    matching,
    other_kernel,
)
from stratascope.core.ground import Ground, Surroundings, decode_ground
from stratascope.core.message import colon, msg
from stratascope.core.ports import EngineError, ProbeError, Prober
from stratascope.core.process_match import belongs
from stratascope.core.reach.row import Reached
from stratascope.core.sandboxes.makers import MAKERS
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.layers import all_layers
from stratascope.presentation.takeover import not_found
from stratascope.usecases.live.reader import EngineQueries, take
from stratascope.usecases.reach.judge import reached
from stratascope.usecases.reach.subject import Judged, Once, of_container, of_process, of_shown
from stratascope.value import replace
from stratascope.wiring.engines import Engines, assembler, translations


def reading(once: Once) -> Callable[[Snapshot, ContainerState], Reached]:
    """What a container of a snapshot can get at, read when it is called; it raises ProbeError. `once`: the live
    view's.
    """
    return lambda snapshot, state: reached(of_shown(all_layers(), state, around_of(snapshot, state), once))


def trying(once: Once) -> Callable[[Snapshot, ContainerState], Reached]:
    """The same as `reading`, really tried in its place: takes some seconds."""

    def tries(snapshot: Snapshot, state: ContainerState) -> Reached:
        from stratascope.usecases.reach.attempts import tried  # few rows are tried

        around = around_of(snapshot, state)
        subject = of_shown(all_layers(), state, around, once)
        return tried(subject, once(around.engine, subject.capture.pid, (TRIED,), state.container.id) or Capture(0, ()))

    return tries


def with_drift(snapshot: Snapshot) -> Snapshot:
    """The same, with what its sandboxes were to be without and get at, as findings."""
    if not any(state.container.sandbox is not None for state in snapshot.containers):
        return snapshot
    from stratascope.usecases.reach import drift  # few ask for sandboxes

    with closing(Engines(())) as opened:

        def told(state: ContainerState) -> ContainerState:
            if state.container.sandbox is None or state.container.pid is None or state.gap is not None:
                return state
            with suppress(ProbeError):
                judged = of_container(all_layers(), state, around_of(snapshot, state), opened.local)
                return drift.with_drift(state, reached(judged))
            return state

        return replace(snapshot, containers=tuple(map(told, snapshot.containers)))


def subject_of(
    engines: Engines, word: str, *, privileged: bool = False, terminal: bool = False
) -> tuple[Judged, Prober]:
    """A container by name or id, else a process by its number; and what reads it. `privileged`: as root. Raises
    ProbeError.
    """
    root = engines.local if os.geteuid() == 0 else None
    if privileged and root is None:
        root = engines.root(terminal=terminal).open()
    pid = _pid(word)
    if pid is not None:
        if _serves_another_kernel(pid):
            raise ProbeError(colon(word, OTHER_KERNEL))
        prober = root or engines.local
        listing, ground = EngineQueries(engines.ports), decode_ground(prober.host())
        subject = of_process(all_layers(), pid, ground, prober)
        owner = _owner(listing, subject, ground)
        if owner is None:
            return subject, prober
        return replace(subject, state=replace(subject.state, container=replace(owner, pid=pid))), prober
    shared = translations()
    reader = engines.reader(shared)
    if root is not None:
        reader.use(root)

    def wanted(container: Container) -> bool:
        return bool(matching(word, (container,)))

    machine = take(EngineQueries(engines.ports), reader, wanted)
    snapshot = assembler(shared).snapshot(machine, wanted=wanted)
    by_id = {engine.id: engine for engine in machine.engines}
    every = [shared.container(each.raw, by_id[each.raw.engine]) for each in machine.containers]
    state = _container(snapshot, word, every)
    return _of_container(engines, snapshot, state, root)


def _pid(word: str) -> int | None:
    """The process that the word numbers, if there is one: names of containers may be numbers too, and come second."""
    if not (word.isascii() and word.isdigit() and len(word) < 9 and 0 < int(word) <= PID_MAX):
        return None
    return int(word) if Path(f"/proc/{int(word)}").exists() else None


def _owner(listing: EngineQueries, subject: Judged, ground: Ground) -> Container | None:
    """The container of a process, or its sandbox, which may be one in a container: as far as their engines answer."""
    shared, found = translations(), list[Container]()
    for state, raws in listing.engines:
        with suppress(EngineError):
            engine = state.result()
            if engine.state is EngineState.CONNECTED:
                found += [shared.container(raw, engine) for raw in raws.result()]
    pids = {each.key: each.sandbox.pids for each in found if each.sandbox is not None}
    sandbox = next((each for each in found if subject.capture.pid in pids.get(each.key, ())), None)
    running = (each for each in found if each.sandbox is None and each.status is Status.RUNNING)
    own = next((each for each in running if belongs(each, subject.capture, ground) is None), None)
    # one that is found for itself, too, where its control group does not tell
    return own if sandbox is None or (own is not None and own.pid in pids[sandbox.key]) else sandbox


def _serves_another_kernel(pid: int) -> bool:
    """Whether it is a process of gVisor's, whose kernel runs in it: what the kernel of the machine holds that to is not
    what holds the programs inside.
    """
    name = Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0].decode("utf-8", "replace")
    try:
        program = Path(f"/proc/{pid}/exe").readlink().name.removesuffix(" (deleted)")
    except OSError:
        program = name.partition("-")[0]
    programs = next(each.programs for each in MAKERS if each.id == "gvisor")
    return program in programs and name.startswith(tuple(f"{each}-" for each in programs))


def _container(snapshot: Snapshot, word: str, every: list[Container]) -> ContainerState:
    found = matching(word, (state.container for state in snapshot.containers))
    if not found:
        raise ProbeError(not_found(word, snapshot.engines, (each.name for each in every)), word)
    if len(found) > 1:
        which = ", ".join(f"{each.engine} {each.short_id}" for each in found)
        raise ProbeError(msg("Several containers are named {name}; give an ID: {which}.", name=word, which=which))
    return next(state for state in snapshot.containers if state.key == found[0].key)


def _of_container(
    engines: Engines, snapshot: Snapshot, state: ContainerState, root: Prober | None
) -> tuple[Judged, Prober]:
    name, around = state.container.name, around_of(snapshot, state)
    engine = around.engine
    if other_kernel(state.container):
        raise ProbeError(colon(name, OTHER_KERNEL))
    prober = root if engine.local and root is not None else engines.reach(engine).prober
    if state.container.pid is None or state.gap is not None:
        raise ProbeError(msg("{name} has no process that can be read: it does not run, or runs elsewhere.", name=name))
    if prober is None:
        raise ProbeError(msg("{name} runs on a kernel that is out of reach.", name=name))
    return of_container(all_layers(), state, around, prober), prober


def around_of(snapshot: Snapshot, state: ContainerState) -> Surroundings:
    """What a container of that snapshot is judged beside."""
    engine = next((each for each in snapshot.engines if each.id == state.container.engine), NO_ENGINE)
    return Surroundings(snapshot.ground_of(engine.id), engine, state.peers)
