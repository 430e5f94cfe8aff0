"""`make bench`: measures speed as ratios of two durations, alternating in one run on real containers.

Absolute times depend on the machine, ratios hardly do. Each line prints what was measured, both medians, the ratio
and the goal. A missed goal is marked, and the exit code is 1.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import captures as bench_captures
from bench import checks as bench_checks
from bench import depth as bench_depth
from bench import fleet as bench_fleet
from bench import harden as bench_harden
from bench import moments as bench_moments
from bench.flooding import beside_a_liar
from bench.reading import (
    MANY,
    SMALL,
    Bench,
    as_installed,
    capture_against_bare,
    refresh_many_against_few,
    report_against_inspect,
)
from bench.table import Table, median, say
from bench.threads import many_threads_against_few
from rig.engine import Rig
from rig.fleet import launched
from stratascope import bounded_cache
from stratascope.core.ground import decode_ground
from stratascope.core.ports import RawContainer
from stratascope.core.snapshot import CapturedContainer, MachineCapture

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # the fleet is drawn by this process
HERE = Path(__file__).resolve().parent

OPTIONS = (
    (),
    ("--memory", "64m", "--pids-limit", "50"),
    ("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"),
    ("--privileged",),
    ("-v", "/etc:/host/etc:ro"),
)


def fill(rig: Rig, count: int) -> None:
    """Start that many containers on this engine, in five configurations."""
    have = len(rig.run("ps", "-q").split())

    def start(place: int) -> None:
        options = OPTIONS[place % len(OPTIONS)]
        rig.run("run", "-d", "--name", f"bench-{place:03}", *options, "busybox", "sleep", "7200")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(start, range(have, count)))


def window_process(kind: str, environ: dict[str, str]) -> dict[str, float]:
    """Run window.py; returns its measurements."""
    done = subprocess.run(
        (sys.executable, str(HERE / "window.py"), kind, str(time.time())),
        check=True, env=environ, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def holds(rig: Rig, table: Table) -> None:
    """How long opening pages blocks the window's thread: the median of three processes."""
    path = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
    environ = {**as_installed(rig), "PYTHONPATH": path}  # with the tests' own tools
    runs = []
    for _ in range(3):
        done = subprocess.run(
            (sys.executable, str(HERE / "holds.py")),
            check=True, env=environ, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        runs.append([json.loads(line) for line in done.stdout.splitlines()])
    for each in zip(*runs, strict=True):
        table.limit(each[0]["what"], statistics.median(one["ms"] for one in each), each[0]["goal"])


def window(rig: Rig, table: Table) -> None:
    """Start, memory and blocking of the window; window.py is the process that is measured."""

    environ = as_installed(rig)

    def child(kind: str) -> dict[str, float]:
        return window_process(kind, environ)

    child("ours")  # makes the bytecode
    child("bare")
    ours, bare = [], []
    for _ in range(7):
        ours.append(child("ours"))
        bare.append(child("bare"))
    table.line(
        "start to the painted list / bare PySide6 + pyqtgraph window",
        statistics.median(run["painted"] for run in ours),
        statistics.median(run["painted"] for run in bare),
        1.5,
    )
    table.line(
        "resident memory / the same",
        statistics.median(run["rss"] for run in ours) / 2**20,
        statistics.median(run["rss"] for run in bare) / 2**20,
        1.5,
        "MiB",
    )
    rig.freeze()
    try:
        blocked = child("frozen")["blocked"]
    finally:
        rig.thaw()
    table.limit("longest block of the window's thread, engine stopped", blocked * 1000, 50.0)
    table.limit("window idle, 40 containers, one in view", child("idle")["busy"] * 100, 1.0, "% of a core")
    kept = long_run()
    what = f"resident after {kept['containers']} different containers came and went / at the start"
    table.line(what, kept["after"] / 2**20, kept["before"] / 2**20, 1.2, "MiB")


def long_run() -> dict[str, int]:
    """Run long_run.py; returns its measurements."""
    done = subprocess.run(
        (sys.executable, str(HERE / "long_run.py")),
        check=True, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def judging(rig: Rig, table: Table) -> None:
    """Measure threats, filters and memory, for containers whose filters are read as root."""
    bench = Bench(rig)
    bench.reader.use(bench.engines.root().open())
    host = bench.reader.host()
    raws = bench.port.list()[:SMALL]
    ground = decode_ground(host)

    def capture(chosen: tuple[RawContainer, ...]) -> tuple[CapturedContainer, ...]:
        return bench.reader.captured(bench.engine, chosen, ground)

    def before() -> None:
        bounded_cache.forget()
        bench.reader.forget()
        gc.collect()

    machine = MachineCapture(0.0, host, (bench.engine,), capture(raws))
    judged = bench_depth.Judged(machine)
    together = median(lambda: capture(raws), 9, before) / len(raws)
    single = median(lambda: capture((bench.port.inspect(raws[0].id),)), 15, before)
    table.line(f"judge all threats, of {len(judged.states)} each / its capture", judged.amortised(), together, 1.0)
    table.line("judge all threats, like none before / capture of one", judged.uncached(), single, 1.0)
    first, again = judged.filter_seconds()
    table.limit("evaluate a filter for one entry point, slowest", first * 1000, 20.0)
    table.limit("    the same again", again * 1000, 0.1)
    bench.engines.close()
    found = bench_depth.weighed(machine, rig.folder)
    bare = window_process("bare", as_installed(rig))["rss"]
    grown = found["after"] - found["before"]
    what = f"resident: a bare window and {found['matrices']} matrices, none alike / without"
    table.line(what, (bare + grown) / 2**20, bare / 2**20, 1.4, "MiB")


def hardening(rigs: Mapping[str, Rig], table: Table) -> None:
    for rig in rigs.values():
        ours, hand = bench_harden.Downtime(rig, as_installed(rig)).measure()
        table.line(f"down while hardened, {rig.kind} / stop, rm, run by hand", ours, hand, 1.0)
    for rig in rigs.values():
        found = bench_harden.thinking(rig, bounded_cache.forget)
        table.limit(f"plan and preview all presets, {rig.kind}", (found.plan + found.preview) * 1000, 100.0)
        table.limit("    preview alone", found.preview * 1000, 100.0)
        table.limit("    all options of one container", found.options * 1000, 100.0)
        ratios = [f"{seconds / found.inspect:.2f}" for seconds in (found.plan, found.preview, found.options)]
        say(f"    (plan, preview, options / one inspect of {found.inspect * 1000:.0f} ms: {', '.join(ratios)})")


def fleet_many_against_few(table: Table) -> None:
    numbers = bench_fleet.measure()
    for name, what in (("near", "as it opens"), ("whole", "all in view")):
        few, many = numbers[f"{name}_30"] / 1000, numbers[f"{name}_300"] / 1000
        table.line(f"one repaint of the fleet, {what}: of 300 / of 30", many, few, 3.0)


def a_thousand_captures(table: Table) -> None:
    found = bench_captures.measure()
    what = f"open {found['captures']} captures, {found['containers']} containers"
    table.limit(what, found["seconds"], 10.0, "s")
    table.limit("    the processor's time of that", found["processor"], 10.0, "s")
    table.limit("    memory at the peak", found["peak"], 300.0, "MiB")


def main() -> int:
    """Run everything; 1 if a goal is missed."""
    table = Table()
    a_thousand_captures(table)
    with launched(("docker_rootful", "podman_rootful")) as rigs:
        hardening(rigs, table)
    with launched(("docker_rootful",)) as rigs:
        rig = rigs["docker_rootful"]
        fill(rig, SMALL)
        report_against_inspect(rig, table)
        bench_checks.check_against_report(rig, table)
        bench_checks.fifty_services(table)
        bench = Bench(rig)
        capture_against_bare(bench, table)
        many_threads_against_few(rig, bench, table)
        beside_a_liar(rig, table)
        window(rig, table)
        holds(rig, table)
        judging(rig, table)
        fleet_many_against_few(table)
        for moment in bench_moments.measure():
            table.limit(moment.what, moment.seconds * 1000, moment.goal)
        fill(rig, MANY)
        refresh_many_against_few(bench, table)
        bench.engines.close()
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
