"""The time to judge threats and evaluate filters, and the memory of many matrices. For `make bench`.

python tests/bench/depth.py FILE      one line of JSON: resident bytes before and with 300 containers like those of that
                                      capture, of which no two have the same capabilities and limits
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from stratascope.bounded_cache import forget
from stratascope.core.container import EngineKind
from stratascope.core.ground import Ground, Surroundings, decode_ground
from stratascope.core.options.capabilities import ENGINE_DEFAULTS
from stratascope.core.snapshot import ContainerState, MachineCapture
from stratascope.core.threats import depth
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import Matrix, Postures
from stratascope.layers import all_layers
from stratascope.layers.seccomp.facts import SeccompFacts
from stratascope.layers.seccomp.filter_source import KernelFilters, entry_points
from stratascope.linux.syscalls import Abi
from stratascope.state import capture_file
from stratascope.value import replace
from stratascope.wiring.engines import assembler

DEFAULT = ENGINE_DEFAULTS[EngineKind.DOCKER].names()

MANY = 300


def seconds(run: Callable[[], object]) -> float:
    """The duration of one run, without garbage collection."""
    gc.collect()
    gc.disable()
    start = time.perf_counter()
    run()
    taken = time.perf_counter() - start
    gc.enable()
    return taken


def bases(states: Iterable[ContainerState]) -> tuple[KernelFilters, ...]:
    """The filters that were read from the kernel, each once."""
    facts = (each.facts for state in states for each in state.layers)
    found = (each.origin for each in facts if isinstance(each, SeccompFacts))
    return tuple(dict.fromkeys(origin for origin in found if isinstance(origin, KernelFilters)))


class Judged:
    """Containers with decoded facts, to be judged again without cached results."""

    def __init__(self, capture: MachineCapture) -> None:
        known = (state for state in assembler().snapshot(capture).containers if state.matrix is not None)
        self.states = tuple(replace(state, matrix=None) for state in known)
        self._ground: Ground = decode_ground(capture.host)
        self._engines = {engine.id: engine for engine in capture.engines}

    def postures(self, state: ContainerState) -> Postures:
        """The postures of one container."""
        around = Surroundings(self._ground, self._engines[state.container.engine])
        return tuple(
            (layer, layer.posture(known.facts, known.asked, around))
            for layer, known in zip(all_layers(), state.layers, strict=True)
        )

    def judge(self, state: ContainerState) -> Matrix:
        """All threats for one container, from its facts."""
        return depth.judge(all_threats(), self.postures(state), self._ground)

    def all(self, states: Iterable[ContainerState]) -> list[Matrix]:
        """Judge all in turn, as the program does."""
        return [self.judge(state) for state in states]

    def like_no_other(self, number: int) -> Postures:
        """A container with capabilities and limits that are unique to each number."""
        state = self.states[number % len(self.states)]
        asked = state.container.asked
        wanted = replace(
            asked,
            capabilities=tuple(name for place, name in enumerate(DEFAULT) if number * 37 >> place & 1),
            memory=(64 << 20) + number * 4096,
            pids=50 + number,
        )
        container = replace(state.container, asked=wanted)
        around = Surroundings(self._ground, self._engines[container.engine])
        found = []
        for layer, known in zip(all_layers(), state.layers, strict=True):
            facts = layer.predict(known.facts, asked, wanted, around)
            found.append((layer, layer.posture(facts, layer.asked(container), around)))
        return tuple(found)

    def amortised(self, rounds: int = 9) -> float:
        """Seconds per container over all of them, with cold caches at the start."""
        taken = []
        for _ in range(rounds):
            forget()
            taken.append(seconds(lambda: self.all(self.states)) / len(self.states))
        return statistics.median(taken)

    def uncached(self) -> float:
        """Seconds for one container that is like none before. Its filters are evaluated: see `filter_seconds`."""
        taken = []
        for state in self.states:
            forget()
            for origin in bases((state,)):
                for abi, _ in entry_points(self._ground):
                    origin.answers(abi)
            taken.append(seconds(partial(self.judge, state)))
        return statistics.median(taken)

    def filter_seconds(self, rounds: int = 9) -> tuple[float, float]:
        """The slowest of the filters and entry points: the first time, and again."""
        first, again = 0.0, 0.0
        for origin in bases(self.states):
            for abi in (Abi.X86_64, Abi.I386, Abi.X32):
                taken = []
                for _ in range(rounds):
                    forget()
                    taken.append(seconds(partial(origin.answers, abi)))
                first = max(first, statistics.median(taken))
                again = max(again, seconds(partial(origin.answers, abi)))
        return first, again


def resident() -> int:
    """Bytes, from /proc/self/statm."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def weigh(file: Path) -> dict[str, int]:
    """Resident bytes with the decoded capture, and with that many matrices more."""
    capture = capture_file.load(file)
    judged = Judged(capture)
    ground = decode_ground(capture.host)
    gc.collect()
    before = resident()
    kept, seen = [], set()
    for number in range(MANY):
        postures = judged.like_no_other(number)
        seen.add(postures)
        kept.append(depth.judge(all_threats(), postures, ground))
    gc.collect()
    return {"before": before, "after": resident(), "matrices": len(seen)}


def weighed(capture: MachineCapture, folder: Path) -> dict[str, int]:
    """Run `weigh` in another process."""
    file = folder / "weigh.json"
    capture_file.save(capture, file)
    done = subprocess.run((sys.executable, __file__, str(file)), check=True, capture_output=True, text=True)
    found: dict[str, int] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(weigh(Path(sys.argv[1]))) + "\n")
