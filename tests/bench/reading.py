"""How long it takes to read containers: the whole command, and its parts. For `make bench`."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from unittest.mock import patch

from bench.table import Table, in_turn, median, say
from rig.engine import Rig
from stratascope import bounded_cache
from stratascope.core.container import Engine
from stratascope.core.ground import decode_ground
from stratascope.core.snapshot import MachineCapture
from stratascope.layers import all_layers
from stratascope.probe.local import LocalProber
from stratascope.usecases.live.reader import Reach, Reader
from stratascope.value import replace
from stratascope.wiring import engines as wiring

FEW, SMALL, MANY = 20, 40, 200
INSTALLED = "import sys; from stratascope.__main__ import main; sys.exit(main())"  # the script that pip makes


class Bench:
    """One engine with its reader, and a capture of it."""

    def __init__(self, rig: Rig) -> None:
        self.engines = wiring.find_engines((), {"STRATASCOPE_ENGINES": rig.endpoint})
        self.shared = wiring.translations()
        self.prober = LocalProber()
        self.reader = Reader(all_layers(), self.shared, self.prober, lambda _: Reach(self.prober))
        self.port = self.engines.ports[0]
        self.engine: Engine = self.port.describe()

    def capture(self, count: int) -> MachineCapture:
        host = self.reader.host()
        raws = self.port.list()[:count]
        return MachineCapture(0.0, host, (self.engine,), self.reader.captured(self.engine, raws, decode_ground(host)))


def capture_against_bare(bench: Bench, table: Table) -> None:
    capture = bench.capture(SMALL)
    raws = [item.raw for item in capture.containers]
    ground = decode_ground(capture.host)
    held = wiring.assembler(bench.shared).snapshot(capture)  # to judge is measured by itself
    files, links = opened_by(lambda: bench.reader.captured(bench.engine, raws, ground))

    def whole() -> None:
        captured = bench.reader.captured(bench.engine, raws, ground)
        wiring.assembler(bench.shared).snapshot(replace(capture, containers=captured))

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
        bounded_cache.forget()
        gc.collect()

    def first() -> None:
        before()
        gc.disable()  # as the report does, for both sides; a pass over this process's modules is no part of a capture

    ours, base = [], []
    for _ in range(15):
        ours.append(median(whole, 1, first))
        base.append(median(bare, 1, first))
        gc.enable()
    assert held.containers
    what = f"capture, decode, assess {len(raws)} / bare reads of {len(files) + len(links)} files"
    table.line(what, statistics.median(ours), statistics.median(base), 3.0)


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
    with: where PYTHONDONTWRITEBYTECODE is set, a checkout would be compiled anew by each process. And without
    typing_extensions, which msgspec loads where the tests' own tools have brought it.
    """
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    kept, without = rig.folder / "bytecode", rig.folder / "not-installed"
    without.mkdir(exist_ok=True)
    (without / "typing_extensions.py").write_text("raise ImportError(name=__name__)\n")
    path = os.pathsep.join((str(without), *filter(None, [environ.get("PYTHONPATH")])))
    told = {"STRATASCOPE_ENGINES": f"docker={rig.endpoint}", "PYTHONPYCACHEPREFIX": str(kept), "PYTHONPATH": path}
    return {**environ, **told}


def report_against_inspect(rig: Rig, table: Table) -> None:
    environ = as_installed(rig)
    ids = rig.run("ps", "-q").split()
    code = "import sys; from stratascope.__main__ import main; main(['report', '--json']); print(); print(*sys.modules)"
    listed = subprocess.run((sys.executable, "-c", code), check=True, env=environ, capture_output=True, text=True)
    loaded = [name for name in listed.stdout.splitlines()[-1].split() if name != "__main__"]
    # the modules that the report has loaded at its end, no more and no less (some are made by others, not imported)
    imports = (
        "import contextlib, gc, importlib\n"
        "gc.disable()\n"  # as the report does
        f"for name in {loaded!r}:\n with contextlib.suppress(ImportError): importlib.import_module(name)"
    )

    def run(*words: str, env: dict[str, str] = environ) -> None:
        subprocess.run(words, check=True, env=env, stdout=subprocess.DEVNULL)

    whole, importing, inspect = in_turn(
        15,
        lambda: run(sys.executable, "-c", INSTALLED, "report", "--json"),
        lambda: run(sys.executable, "-c", imports),
        lambda: run(*rig.command("inspect", *ids), env=rig.env),
    )
    table.line(f"report --json of {len(ids)}, less imports / docker inspect", whole - importing, inspect, 2.0)
    # the goal was 100 ms where this inspect takes 34
    table.line("imports of the command line, Python's own start too / the same", importing, inspect, 2.94)
    say(f"    (whole process {whole * 1000:.0f} ms; of {len(loaded)} modules)")
    say(f"    Qt modules imported by report: {[name for name in loaded if name.startswith('PySide')]}")


def refresh_many_against_few(bench: Bench, table: Table) -> None:
    def refresher(count: int) -> Callable[[], None]:
        capture = bench.capture(count)
        ground = decode_ground(capture.host)
        assembler = wiring.assembler(bench.shared)
        assembler.snapshot(capture)
        containers = list(capture.containers)

        def refresh() -> None:
            raw = bench.port.inspect(containers[0].raw.id)
            containers[0] = bench.reader.captured(bench.engine, (raw,), ground)[0]
            assembler.snapshot(replace(capture, containers=tuple(containers)))

        return refresh

    few, many = refresher(FEW), refresher(MANY)
    table.line(f"refresh after one change: at {MANY} / at {FEW}", median(many, 31), median(few, 31), 1.3)
