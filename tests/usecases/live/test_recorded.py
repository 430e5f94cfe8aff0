"""Captures shown one after the other: what is published while they are read, and what they have in common."""

from __future__ import annotations

import threading
from functools import partial

from stratascope.core.record import Record
from stratascope.core.snapshot import Captured, Snapshot
from stratascope.state import record as records
from stratascope.usecases.live.recorded import Joining, RecordedView, joined
from stratascope.usecases.live.shared_texts import SharedTexts
from stratascope.wiring.engines import demo_record
from usecases.listing import many_machines


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
    assert sizes[:3] == [9, 19, 28], "the first ones at once, and each by itself"
    assert sizes == sorted(sizes)
    assert sizes[-1] == 9500
    # a quarter more each time is five times all of them together; more come only after a second without any
    quarters = [size for before, size in zip([0, *sizes], sizes, strict=False) if size >= 1.2 * before]
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


def test_texts_that_captures_have_in_common_are_held_once() -> None:
    def texts(record: Record) -> list[str]:
        captures = [record.host, *(each.found.first for each in record.containers if each.found is not None)]
        return [reading.text for capture in captures for reading in capture.readings if reading.text]

    demo = demo_record()
    other = records.loads(records.dumps(demo), "other")
    assert other == demo
    shared = SharedTexts()
    one, two = shared.of(demo), shared.of(other)
    assert one == demo
    assert two == other
    assert all(first is second for first, second in zip(texts(one), texts(two), strict=True))
    assert not all(first is second for first, second in zip(texts(demo), texts(other), strict=True))
