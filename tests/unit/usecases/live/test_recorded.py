"""Captures shown one after the other: what is published while they are read, and what they have in common."""

from __future__ import annotations

import threading
from functools import partial

from rig.usecases.listing import many_machines
from stratascope.core.capture import Capture, Gap, Reading
from stratascope.core.snapshot import Captured, MachineCapture, Snapshot
from stratascope.state import capture_file
from stratascope.usecases.live.further_processes import as_judged
from stratascope.usecases.live.recorded import Joining, RecordedView, SharedTexts, joined
from stratascope.wiring.engines import assembler, demo_capture, demo_snapshot


def test_the_pictures_of_a_thousand_machines_are_no_more_work_than_a_few_of_all() -> None:
    """9,500 containers. How long it took is not judged here: what was put into pictures is counted."""
    reads = [(f"m{number}", partial(many_machines.machine, number, 9 + number % 2)) for number in range(1000)]
    sizes: list[int] = []
    last: list[Snapshot] = []
    done = threading.Event()

    def publish(snapshot: Snapshot) -> None:
        sizes.append(len(snapshot.containers))
        if not snapshot.asking:
            last.append(snapshot)
            done.set()

    view = RecordedView(reads)
    view.start(publish)
    assert done.wait(600)
    view.stop()
    assert sizes[:4] == [0, 9, 19, 28], "that they are read; then the first ones at once, and each by itself"
    assert sizes == sorted(sizes)
    assert sizes[-1] == 9500
    # a quarter more each time is five times all of them together; more come only after a second without any
    quarters = [size for before, size in zip([0, *sizes], sizes, strict=False) if size and size >= 1.2 * before]
    assert sum(quarters) < 7 * 9500
    assert len(last[0].captures) == 1000
    assert len({state.key for state in last[0].containers}) == 9500


def test_one_by_one_is_the_same_as_all_at_once() -> None:
    parts = many_machines.parts(5, unread=2)
    joining = Joining(alone=False)
    for number, (captured, snapshot) in enumerate(parts, 1):
        joining.add(captured, snapshot)
        if number > 1:
            assert joining.picture() == joined(parts[:number])
    first = Joining(alone=False)
    first.add(*parts[0])
    assert first.picture().containers == joining.picture().containers[: len(first.picture().containers)], (
        "the first one is called as it will be called among the others"
    )


def test_the_newest_stands_for_all() -> None:
    parts = many_machines.parts(3)
    assert joined(parts[::-1]).taken_at == joined(parts).taken_at == max(each.taken_at for each, _ in parts)
    assert joined([(Captured("a"), None)]).containers == ()


def test_what_captures_have_in_common_is_held_once_and_told_as_before() -> None:
    def captures(machine: MachineCapture) -> list[Capture]:
        return [machine.host, *(each.found.first for each in machine.containers if each.found is not None)]

    def texts(machine: MachineCapture) -> list[str]:
        return [reading.text for capture in captures(machine) for reading in capture.readings if reading.text]

    def told(machine: MachineCapture) -> list[tuple[str, str, str | Gap]]:
        return [
            (name, capture.source(name), capture.text(name))
            for capture in captures(machine)
            for name in capture.names()
        ]

    demo = demo_capture()
    other = capture_file.loads(capture_file.dumps(demo), "other")
    assert other == demo
    shared = SharedTexts()
    one, two = shared.of(demo), shared.of(other)
    assert told(one) == told(two) == told(demo)
    assert all(first is second for first, second in zip(texts(one), texts(two), strict=True))
    assert not all(first is second for first, second in zip(texts(demo), texts(other), strict=True))
    first, second = (captures(machine)[1].readings for machine in (one, two))
    assert all(mine is its for mine, its in zip(first, second, strict=True))
    assert assembler().snapshot(one).containers[1].matrix == demo_snapshot().containers[1].matrix


def test_a_further_process_is_told_where_its_readings_were_read() -> None:
    """Those that it has from the first process, too, though the first one's place is told by its number alone."""
    first = Capture(100, (Reading("ns/pid", "", "pid:[1]"), Reading("uid_map", "", "0 0 1")))
    other = Capture(200, (Reading("ns/pid", "", "pid:[1]"),))
    found = as_judged(first, other)
    assert (found.source("ns/pid"), found.source("uid_map")) == ("/proc/200/ns/pid", "/proc/100/uid_map")


def test_what_is_seldom_met_is_let_go() -> None:
    shared = SharedTexts()

    def capture(number: int) -> Capture:
        return Capture(number, (Reading("uid_map", f"/proc/{number}/uid_map", "0 0 1"),
                                Reading("cgroup", f"/proc/{number}/cgroup", f"0::/{number}")))  # fmt: skip

    def of(number: int) -> tuple[Reading, ...]:
        return shared.of(MachineCapture(0.0, capture(number), (), ())).host.readings

    usual, own = of(1)
    for number in range(2, 30_000):
        assert of(number)[0] is usual
    assert of(1)[0] is usual
    assert of(1)[1] is not own
