"""Captures of many machines, joined as the program joins them: for the fleet's tests, pictures and measurements."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.container import EngineKind, EngineState
from stratascope.core.message import msg
from stratascope.core.snapshot import Captured, ContainerState, Snapshot
from stratascope.usecases.live.recorded import joined
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot

TROUBLE = msg("It can't be read: {why}.", why="Permission denied")
_NAMES = ("db", "web", "build", "edge")
FOREIGN = f"{' '.join(_NAMES)} lost Permission denied"  # words that no language has


def machine(number: int, containers: int = 4) -> Snapshot:
    """One machine, whose containers are the demo's, starting with a different one on each machine."""
    demo = demo_snapshot()
    some = [demo.containers[(number + at) % len(demo.containers)] for at in range(containers)]
    states = tuple(_numbered(state, number * 1000 + at) for at, state in enumerate(some))
    return replace(demo, taken_at=demo.taken_at + number, containers=states)


def _numbered(state: ContainerState, number: int) -> ContainerState:
    return replace(state, container=replace(state.container, id=f"{number:064x}"))


def replicas(state: ContainerState, count: int) -> tuple[ContainerState, ...]:
    """Copies of one machine, named by number."""
    return tuple(
        replace(
            state,
            container=replace(state.container, id=f"{90000 + at:064x}", name=f"worker-{at + 1}", labels=()),
        )
        for at in range(count)
    )  # fmt: skip


def parts(count: int, containers: int = 4, *, unread: int = 0) -> Sequence[tuple[Captured, Snapshot | None]]:
    """That many readable captures, and that many unreadable ones."""
    found: list[tuple[Captured, Snapshot | None]] = []
    for number in range(count):
        name = f"{_NAMES[number % len(_NAMES)]}-{number // len(_NAMES) + 1}"
        read = machine(number, containers)
        found.append((Captured(name, read.taken_at), read))
    return [*found, *((Captured(f"lost-{number + 1}", trouble=TROUBLE), None) for number in range(unread))]


def fleet(count: int, containers: int = 4, *, unread: int = 0) -> Snapshot:
    """All of them in one snapshot."""
    return joined(parts(count, containers, unread=unread))


def with_engines_elsewhere() -> Snapshot:
    """This machine with the first engine of the demo, and others over the network: the second on a host whose kernel
    was read, with another one that has no container; one behind a port of this machine, one that does not answer, and
    one behind a forwarded socket.
    """
    demo = demo_snapshot()
    first, second = demo.engines[:2]
    elsewhere = replace(second, rootless=False, endpoint="ssh://root@web-01.example:22")
    further = (
        elsewhere,
        replace(elsewhere, id="far-podman", kind=EngineKind.PODMAN, endpoint="ssh://me@web-01.example/run/podman.sock"),
        replace(elsewhere, id="in-a-vm", endpoint="ssh://core@127.0.0.1:2222/run/podman.sock"),
        replace(
            elsewhere,
            id="lost",
            endpoint="tcp://lost:2375",
            state=EngineState.UNREACHABLE,
            message=msg("It is asleep."),
        ),
        replace(elsewhere, id="forwarded", endpoint="unix:///tmp/far.sock", state=EngineState.UNREACHABLE),
    )
    there = replace(demo.ground, kernel="6.1.0-far")
    shown = {first.id, second.id}
    return replace(
        demo,
        demo=False,
        engines=(first, *further),
        containers=tuple(each for each in demo.containers if each.container.engine in shown),
        elsewhere=((second.id, there), ("far-podman", there), ("forwarded", there)),
    )
