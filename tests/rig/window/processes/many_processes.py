"""Processes of a capture of real containers, and a container with very many of them."""

from __future__ import annotations

from rig.places import CAPTURES
from stratascope.core.capture import Capture, Reading
from stratascope.core.snapshot import ContainerState, ProcessState, Snapshot
from stratascope.layers import all_layers
from stratascope.state import capture_file
from stratascope.usecases.live.assembler import Assembler
from stratascope.value import replace
from stratascope.wiring.engines import translations

SAVED = CAPTURES / "processes" / "docker.json"


def real() -> Snapshot:
    """Hardened containers with sessions and threads in them, as they were read once."""
    return Assembler(all_layers(), translations()).snapshot(capture_file.load(SAVED))


def with_state(snapshot: Snapshot, state: ContainerState) -> Snapshot:
    """With that one in place of the one of its key."""
    states = tuple(state if each.key == state.key else each for each in snapshot.containers)
    return replace(snapshot, containers=states)


def many(count: int, turn: int = 0) -> Snapshot:
    """A container with so many processes, and as many threads that differ."""
    snapshot = real()
    state = next(each for each in snapshot.containers if each.container.name == "hardened")
    template = next(each.capture for each in state.processes if each.capture is not None)

    def capture(pid: int, tgid: int, parent: int) -> Capture:
        def text(reading: Reading) -> Reading:
            if reading.name != "status" or reading.text is None:
                return reading
            lines = []
            for line in reading.text.split("\n"):
                name = line.partition(":")[0]
                new = {"Pid": pid, "Tgid": tgid, "PPid": parent, "NSpid": f"{pid}\t{pid - 900000}", "VmRSS": turn}
                lines.append(f"{name}:\t{new[name]}" if name in new else line)
            return replace(reading, text="\n".join(lines))

        return replace(template, pid=pid, readings=tuple(map(text, template.readings)))

    first = state.container.pid or 0
    processes = [ProcessState(p, None, "x", (), capture=capture(p, p, first)) for p in range(1000000, 1000000 + count)]
    processes += [
        ProcessState(p, None, "x", ("capabilities.effective",), thread_of=1000000, capture=capture(p, 1000000, first))
        for p in range(2000000, 2000000 + count)
    ]
    return with_state(snapshot, replace(state, processes=tuple(processes)))
