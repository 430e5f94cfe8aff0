"""The cost of a container's threads: five hundred compared with five. For `make bench`."""

from __future__ import annotations

import statistics
import time
from functools import partial

from bench.reading import Bench
from bench.table import Table, in_turn, say
from rig.collector import target
from rig.engine import Rig
from stratascope.core.container import Engine
from stratascope.core.ground import decode_ground
from stratascope.core.ports import RawContainer
from stratascope.core.snapshot import MachineCapture
from stratascope.layers import all_layers
from stratascope.probe.local import LocalProber
from stratascope.usecases.live.reader import Reach, Reader
from stratascope.wiring import engines as wiring

FEW, MANY = 5, 500


def _reach(prober: LocalProber, _: Engine) -> Reach:
    return Reach(prober)


def many_threads_against_few(rig: Rig, bench: Bench, table: Table) -> None:
    """Measure reading and judging, repeated as by the live view, and the first time."""
    folder = rig.folder / "programs"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    program = folder / "threaded"
    program.write_bytes(target.built("threaded").read_bytes())
    program.chmod(0o755)
    names = [f"threads-{count}" for count in (FEW, MANY)]
    for name, count in zip(names, (FEW, MANY), strict=True):
        command = ("busybox", "/programs/threaded", str(count))
        rig.run("run", "-d", "-i", "--name", name, "-v", f"{folder}:/programs:ro", *command)
    time.sleep(1.0)
    host = bench.reader.host()
    ground = decode_ground(host)
    raws = [bench.port.inspect(name) for name in names]

    def refreshed(raw: RawContainer, reader: Reader) -> None:
        captured = reader.captured(bench.engine, (raw,), ground)
        wiring.assembler(bench.shared).snapshot(MachineCapture(0.0, host, (bench.engine,), captured))

    few, many = in_turn(31, *(partial(refreshed, raw, bench.reader) for raw in raws))
    table.line(f"read and judge a container of {MANY} threads / of {FEW}", many, few, 3.0)
    first: dict[str, list[float]] = {raw.id: [] for raw in raws}
    alone: dict[str, list[float]] = {raw.id: [] for raw in raws}
    for _ in range(15):
        for raw in raws:
            prober = LocalProber()
            reader = Reader(all_layers(), bench.shared, prober, partial(_reach, prober))
            for taken in (first, alone):
                began = time.perf_counter()
                reader.captured(bench.engine, (raw,), ground)
                taken[raw.id].append(time.perf_counter() - began)
    for what, taken in (("the first time", first), ("again", alone)):
        few, many = (statistics.median(taken[raw.id]) for raw in raws)
        say(f"    (its reading alone, {what}: {many * 1000:.2f} ms against {few * 1000:.2f} ms)")
    rig.remove(*names)
    target.remove()
