"""The cost of an event-flooding engine for the others. For `make bench`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import threading
import time

from bench.table import Table
from rig.engine import Rig
from rig.places import TESTS
from stratascope.core.snapshot import Snapshot
from stratascope.layers import all_layers
from stratascope.probe.local import LocalProber
from stratascope.usecases.live.live_view import LiveView
from stratascope.usecases.live.reader import Reach, Reader
from stratascope.wiring.engines import assembler, find_engines, translations

ROUNDS = 9


def until_they_stand(endpoints: str, count: int) -> float:
    """Seconds from the start of a live view until its snapshot has that many containers with all layers."""
    engines = find_engines((), {"STRATASCOPE_ENGINES": endpoints})
    shared, prober = translations(), LocalProber()
    view = LiveView(engines.ports, Reader(all_layers(), shared, prober, lambda _: Reach(prober)), assembler(shared))
    stand = threading.Event()

    def look(snapshot: Snapshot) -> None:
        if sum(state.matrix is not None for state in snapshot.containers) >= count:
            stand.set()

    start = time.perf_counter()
    view.start(look)
    stand.wait()
    taken = time.perf_counter() - start
    view.stop()
    engines.close()
    return taken


def beside_a_liar(rig: Rig, table: Table) -> None:
    count = len(rig.run("ps", "-q").split())
    own = f"docker={rig.endpoint}"
    alone, beside = [], []
    with tempfile.TemporaryDirectory() as folder:
        liar = subprocess.Popen(
            (sys.executable, "-m", "rig.hostile.server", f"{folder}/engine.sock"),
            cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert liar.stdin is not None
        assert liar.stdout is not None
        endpoint = liar.stdout.readline().strip()
        try:
            for _ in range(ROUNDS):
                alone.append(until_they_stand(own, count))
                beside.append(until_they_stand(f"{endpoint} {own}", count))
        finally:
            liar.stdin.close()
            liar.wait()
            liar.stdout.close()
    what = f"{count} containers stand, beside an engine that floods / alone"
    table.line(what, statistics.median(beside), statistics.median(alone), 1.2)
