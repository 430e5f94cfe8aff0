"""`make bench`: how fast it is, as ratios of two things measured side by side in one run on real containers.

Absolute times depend on the machine, ratios hardly do. Each line prints what was measured, both medians, the ratio
and the goal; a goal that is missed is printed as missed, and the exit code is 1.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

from bench import depth as bench_depth
from bench import fleet as bench_fleet
from bench import harden as bench_harden
from bench import moments as bench_moments
from containers.fleet import launched
from rig.engine import Rig
from stratascope.core.container import Engine
from stratascope.core.ground import decode_ground
from stratascope.core.ports import RawContainer
from stratascope.core.record import ContainerRecord, Record
from stratascope.layers import all_layers
from stratascope.probe.local import LocalProber
from stratascope.usecases.live.reader import Reach, Reader
from stratascope.value import replace
from stratascope.wiring import engines as wiring

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # the fleet is drawn by this process
HERE = Path(__file__).resolve().parent
SMALL, MANY = 40, 200
OPTIONS = (
    (),
    ("--memory", "64m", "--pids-limit", "50"),
    ("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"),
    ("--privileged",),
    ("-v", "/etc:/host/etc:ro"),
)


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def median(run: Callable[[], object], times: int, before: Callable[[], object] | None = None) -> float:
    """Seconds, the median of `times` runs; `before` is not measured."""
    taken = []
    for _ in range(times):
        if before is not None:
            before()
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


class Table:
    """Prints the lines and remembers whether each goal was met."""

    def __init__(self) -> None:
        self.missed = 0

    def line(self, what: str, ours: float, base: float, goal: float, unit: str = "ms") -> None:
        ratio = ours / base
        scale = 1000.0 if unit == "ms" else 1.0
        word = "met" if ratio <= goal else "MISSED"
        self.missed += ratio > goal
        numbers = f"{ours * scale:9.1f} {unit} against {base * scale:9.1f} {unit}"
        say(f"{what:62} {numbers} = {ratio:5.2f} (goal <= {goal}) {word}")

    def limit(self, what: str, value: float, goal: float) -> None:
        word = "met" if value <= goal else "MISSED"
        self.missed += value > goal
        say(f"{what:62} {value:9.1f} ms (goal <= {goal} ms) {word}")


def fill(rig: Rig, count: int) -> None:
    """That many containers on this engine, in five configurations."""
    have = len(rig.run("ps", "-q").split())

    def start(place: int) -> None:
        options = OPTIONS[place % len(OPTIONS)]
        rig.run("run", "-d", "--name", f"bench-{place:03}", *options, "busybox", "sleep", "7200")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(start, range(have, count)))


def forget_parsed() -> None:
    """Empty every cache of a decoder, so that a run is a first run."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("stratascope.linux", "stratascope.layers.")):
            for value in vars(module).values():
                clear = getattr(value, "cache_clear", None)
                if clear is not None:
                    clear()


class Bench:
    """One engine with its reader, and a record of it."""

    def __init__(self, rig: Rig) -> None:
        self.engines = wiring.find_engines((), {"STRATASCOPE_ENGINES": rig.endpoint})
        self.shared = wiring.translations()
        self.prober = LocalProber()
        self.reader = Reader(all_layers(), self.shared, self.prober, lambda _: Reach(self.prober))
        self.port = self.engines.ports[0]
        self.engine: Engine = self.port.describe()

    def record(self, count: int) -> Record:
        host = self.reader.host()
        raws = self.port.list()[:count]
        return Record(0.0, host, (self.engine,), self.reader.records(self.engine, raws, decode_ground(host)))


def capture_against_bare(bench: Bench, table: Table) -> None:
    record = bench.record(SMALL)
    raws = [item.raw for item in record.containers]
    ground = decode_ground(record.host)
    files, links = opened_by(lambda: bench.reader.records(bench.engine, raws, ground))

    def whole() -> None:
        records = bench.reader.records(bench.engine, raws, ground)
        wiring.assembler(bench.shared).snapshot(replace(record, containers=records))

    def bare() -> None:
        for name in links:
            os.readlink(name)  # noqa: PTH115 - the bare call is what is measured
        for name in files:
            try:
                descriptor = os.open(name, os.O_RDONLY)
            except OSError:
                continue
            try:
                while os.read(descriptor, 65536) and name.endswith("mountinfo"):
                    pass  # the only one that is longer than one read gives
            except OSError:
                pass
            finally:
                os.close(descriptor)

    def before() -> None:
        forget_parsed()
        gc.collect()

    gc.disable()  # as the report does, for both sides; a pass over this process's modules is no part of a capture
    ours, base = median(whole, 15, before), median(bare, 15, before)
    gc.enable()
    table.line(f"capture, decode, assess {len(raws)} / bare reads of {len(files) + len(links)} files", ours, base, 2.0)


def opened_by(run: Callable[[], object]) -> tuple[list[str], list[str]]:
    """Every file and every link that is read while `run` runs, by whole path, as often as it is read.

    Traced, not taken from the readings: the reader also needs files that become no reading (`cgroup.procs`), and must
    try files that are not there.
    """
    files: list[str] = []
    links: list[str] = []
    opening, reading = os.open, os.readlink

    def place(path: str, directory: int | None) -> str:
        return path if directory is None else f"{reading(f'/proc/self/fd/{directory}')}/{path}"

    def open_(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if not flags & os.O_DIRECTORY:
            files.append(place(path, dir_fd))
        return opening(path, flags, mode, dir_fd=dir_fd)

    def readlink(path: str, *, dir_fd: int | None = None) -> str:
        links.append(place(path, dir_fd))
        return reading(path, dir_fd=dir_fd)

    with patch.object(os, "open", open_), patch.object(os, "readlink", readlink):
        run()
    return files, links


def as_installed(rig: Rig) -> dict[str, str]:
    """The environment of a measured process. With bytecode, which an installed program has, and whoever it is compared
    with: where PYTHONDONTWRITEBYTECODE is set, a checkout would be compiled anew by each process.
    """
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    kept = str(rig.folder / "bytecode")
    return {**environ, "STRATASCOPE_ENGINES": f"docker={rig.endpoint}", "PYTHONPYCACHEPREFIX": kept}


def report_against_inspect(rig: Rig, table: Table) -> None:
    environ = as_installed(rig)
    code = "import sys; from stratascope.__main__ import main; sys.exit(main(['report', '--json']))"
    ids = rig.run("ps", "-q").split()
    listed = subprocess.run(
        (sys.executable, "-c", code.replace("sys.exit(main", "(main") + "; print(*sys.modules)"),
        check=True, env=environ, capture_output=True, text=True,
    ).stdout.splitlines()[-1]  # fmt: skip
    loaded = [name for name in listed.split() if name != "__main__"]
    # the modules that the report has loaded at its end, no more and no less (some are made by others, not imported)
    imports = (
        "import contextlib, gc, importlib\n"
        "gc.disable()\n"  # as the report does
        f"for name in {loaded!r}:\n with contextlib.suppress(ImportError): importlib.import_module(name)"
    )

    def run(*words: str, env: dict[str, str] = environ) -> None:
        subprocess.run(words, check=True, env=env, stdout=subprocess.DEVNULL)

    whole = median(lambda: run(sys.executable, "-c", code), 9)
    importing = median(lambda: run(sys.executable, "-c", imports), 9)
    inspect = median(lambda: run(*rig.command("inspect", *ids), env=rig.env), 9)
    table.line(f"report --json of {len(ids)}, less imports / docker inspect", whole - importing, inspect, 1.5)
    say(f"    (imports {importing * 1000:.0f} ms, whole process {whole * 1000:.0f} ms)")
    say(f"    Qt modules imported by report: {[name for name in loaded if name.startswith('PySide')]}")


def refresh_many_against_few(bench: Bench, table: Table) -> None:
    def refresher(count: int) -> Callable[[], None]:
        record = bench.record(count)
        ground = decode_ground(record.host)
        assembler = wiring.assembler(bench.shared)
        assembler.snapshot(record)
        containers = list(record.containers)

        def refresh() -> None:
            raw = bench.port.inspect(containers[0].raw.id)
            containers[0] = bench.reader.records(bench.engine, (raw,), ground)[0]
            assembler.snapshot(replace(record, containers=tuple(containers)))

        return refresh

    few, many = refresher(20), refresher(MANY)
    table.line(f"refresh after one change: at {MANY} / at 20", median(many, 31), median(few, 31), 1.3)


def window_process(kind: str, environ: dict[str, str]) -> dict[str, float]:
    """What window.py measured."""
    done = subprocess.run(
        (sys.executable, str(HERE / "window.py"), kind, str(time.time())),
        check=True, env=environ, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def window(rig: Rig, table: Table) -> None:
    """Start, memory and blocking of the window; window.py is the process that is measured."""

    environ = as_installed(rig)

    def child(kind: str) -> dict[str, float]:
        return window_process(kind, environ)

    child("ours")  # makes the bytecode
    child("bare")
    ours = [child("ours") for _ in range(5)]
    bare = [child("bare") for _ in range(5)]
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


def judging(rig: Rig, table: Table) -> None:
    """Threats, filters and memory, of containers whose filters are read as root."""
    bench = Bench(rig)
    bench.reader.use(bench.engines.root().open())
    host = bench.reader.host()
    raws = bench.port.list()[:SMALL]
    ground = decode_ground(host)

    def capture(chosen: tuple[RawContainer, ...]) -> tuple[ContainerRecord, ...]:
        return bench.reader.records(bench.engine, chosen, ground)

    def before() -> None:
        forget_parsed()
        bench.reader.forget()
        gc.collect()

    record = Record(0.0, host, (bench.engine,), capture(raws))
    judged = bench_depth.Judged(record)
    together = median(lambda: capture(raws), 9, before) / len(raws)
    single = median(lambda: capture((bench.port.inspect(raws[0].id),)), 15, before)
    table.line(f"judge all threats, of {len(judged.states)} each / its capture", judged.amortised(), together, 1.0)
    table.line("judge all threats, like none before / capture of one", judged.uncached(), single, 1.0)
    first, again = judged.filter_seconds()
    table.limit("evaluate a filter for one entry point, slowest", first * 1000, 20.0)
    table.limit("    the same again", again * 1000, 0.1)
    bench.engines.close()
    found = bench_depth.weighed(record, rig.folder)
    bare = window_process("bare", as_installed(rig))["rss"]
    grown = found["after"] - found["before"]
    what = f"resident: a bare window and {found['matrices']} matrices, none alike / without"
    table.line(what, (bare + grown) / 2**20, bare / 2**20, 1.5, "MiB")


def hardening(rigs: Mapping[str, Rig], table: Table) -> None:
    for rig in rigs.values():
        ours, hand = bench_harden.Downtime(rig, as_installed(rig)).measure()
        table.line(f"down while hardened, {rig.kind} / stop, rm, run by hand", ours, hand, 1.0)
    for rig in rigs.values():
        found = bench_harden.thinking(rig, bench_depth.forget)
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


def main() -> int:
    """Run everything; 1 where a goal is missed."""
    table = Table()
    with launched(("docker_rootful", "podman_rootful")) as rigs:
        hardening(rigs, table)
    with launched(("docker_rootful",)) as rigs:
        rig = rigs["docker_rootful"]
        fill(rig, SMALL)
        report_against_inspect(rig, table)
        bench = Bench(rig)
        capture_against_bare(bench, table)
        window(rig, table)
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
