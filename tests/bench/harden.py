"""The downtime of a container during hardening, and the time to plan and to preview. For `make bench`.

Downtime is taken from the engine's events, from the end of the original to the start of the replacement, for
`stratascope harden` and for `stop`, `rm`, `run` typed by hand, alternating in the same run.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rig.engine import Rig
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.snapshot import ContainerState
from stratascope.engines.shared.endpoint import connect_here
from stratascope.engines.shared.http_connection import Bounds, HttpConnection
from stratascope.wiring.engines import open_engines
from stratascope.wiring.hardening import ConnectedHardening, connected

NAME = "bench-harden"
ROUNDS = 7
OPTIONS = ("-v", "bench-data:/data", "-p", "127.0.0.1:18099:80", "--restart", "unless-stopped", "-e", "A=1")
COMMAND = ("sh", "-c", "trap 'exit 0' TERM; sleep 7200 & wait")
CONTAINERS = "%7B%22type%22%3A%5B%22container%22%5D%7D"  # {"type":["container"]}


class Downtime:
    """One engine, hardened and relaunched by hand in turn."""

    def __init__(self, rig: Rig, environ: dict[str, str]) -> None:
        self._rig = rig
        self._environ = {**environ, "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}"}
        self._run = ("run", "-d", "--name", NAME, *OPTIONS, "busybox", *COMMAND)

    def measure(self) -> tuple[float, float]:
        """Median seconds: ours, and by hand."""
        ours, hand = [], []
        for _ in range(ROUNDS):
            hand.append(self._between(self._by_hand))
            ours.append(self._between(self._harden))
        return statistics.median(ours), statistics.median(hand)

    def _harden(self) -> None:
        with tempfile.TemporaryDirectory() as state:
            words = (
                "harden",
                NAME,
                "--json",
                "--yes",
                "--watch",
                "0",
                "--enforced-is-enough",
                "--set",
                "no-new-privileges=on",
            )
            subprocess.run(
                (sys.executable, "-m", "stratascope", *words),
                check=True, env={**self._environ, "XDG_STATE_HOME": state}, stdout=subprocess.DEVNULL,
            )  # fmt: skip

    def _by_hand(self) -> None:
        secured = (*self._run[:4], "--security-opt", "no-new-privileges", *self._run[4:])
        for words in (("stop", NAME), ("rm", NAME), secured):
            subprocess.run(self._rig.command(*words), check=True, env=self._rig.env, stdout=subprocess.DEVNULL)

    def _between(self, relaunch: Callable[[], None]) -> float:
        """Seconds from the end of one container to the start of the other."""
        self._rig.run(*self._run)
        since = time.time()
        relaunch()
        found = self._events(since, time.time() + 0.1)
        self._rig.remove(*self._rig.run("ps", "-aq").split())
        ended = next(stamp for stamp, word in found if word in ("die", "died"))
        started = next(stamp for stamp, word in found if word == "start" and stamp > ended)
        return (started - ended) / 1e9

    def _events(self, since: float, until: float) -> list[tuple[int, str]]:
        link = HttpConnection(lambda: connect_here(self._rig.socket, 5.0))
        target = f"/v1.41/events?since={since:.6f}&until={until:.6f}&filters={CONTAINERS}"
        status, body = link.call(target, Bounds(30.0, 30.0, 1 << 20))
        link.shut()
        assert status == 200, body
        lines = [json.loads(line) for line in body.splitlines() if line]
        return sorted((line["timeNano"], line["Action"]) for line in lines)


@dataclass(frozen=True, slots=True)
class Thinking:
    """Seconds, medians for one container: `preview` of all presets and `options`, which need no engine; `plan` of all
    presets; and one `inspect` by the engine's own command line.
    """

    options: float
    preview: float
    plan: float
    inspect: float


def thinking(rig: Rig, forget: Callable[[], None]) -> Thinking:
    """`forget` empties the caches, so that each run is a first run."""
    rig.run("run", "-d", "--name", NAME, *OPTIONS, "busybox", *COMMAND)
    with hardening_on(rig) as found:
        container = rig.inspect(NAME)["Id"]

        def fresh() -> ContainerState:
            forget()
            state = found.accesses[0].read(container)
            assert state is not None
            return state

        def preview(state: ContainerState) -> None:
            for preset in Preset:
                found.hardening.preview(state, found.hardening.preset(state, preset))

        def plan(state: ContainerState) -> None:
            for preset in Preset:
                found.hardening.plan(state, found.hardening.preset(state, preset))

        def inspect(state: ContainerState) -> None:
            subprocess.run(
                rig.command("inspect", state.container.id), check=True, env=rig.env, stdout=subprocess.DEVNULL
            )

        taken: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for name, run in (("options", found.hardening.offer), ("preview", preview), ("plan", plan),
                              ("inspect", inspect)):  # fmt: skip
                state = fresh()
                start = time.perf_counter()
                run(state)
                taken.setdefault(name, []).append(time.perf_counter() - start)
    rig.remove(NAME)
    return Thinking(**{name: statistics.median(seconds) for name, seconds in taken.items()})


@contextmanager
def hardening_on(rig: Rig) -> Iterator[ConnectedHardening]:
    """Hardening on this engine."""
    with open_engines((), {"STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}"}) as engines:
        yield connected(engines)
