"""Readings are kept as the same object where they say nothing new, so that nothing is judged or drawn again."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from stratascope.core.capture import Reading
from stratascope.core.ground import decode_ground
from stratascope.core.history.entry import Counted
from stratascope.core.ports import Event, EventKind
from stratascope.core.process_match import thread_of
from stratascope.core.snapshot import CapturedContainer
from stratascope.usecases.live.engine_readings import (
    ALL,
    LASTING,
    LATE_LOOK,
    LATEST,
    LONG,
    REST,
    SECOND_LOOK,
    EngineReadings,
    alike,
)
from stratascope.value import replace
from stratascope.wiring.engines import assembler, demo_capture, translations


def with_text(item: CapturedContainer, name: str, old: str, new: str) -> CapturedContainer:
    """The container as read again, with one piece of one text another."""
    assert item.found is not None
    first = item.found.first

    def changed(reading: Reading) -> Reading:
        assert reading.name != name or (reading.text is not None and old in reading.text), reading
        return (
            replace(reading, text=(reading.text or "").replace(old, new)) if reading.name == name else replace(reading)
        )

    return replace(item, found=replace(item.found, first=replace(first, readings=tuple(map(changed, first.readings)))))


@pytest.fixture
def item() -> CapturedContainer:
    """One of the demo's, with its current use."""
    return next(
        each
        for each in demo_capture().containers
        if each.found is not None
        and any(name.endswith(":0:memory.usage_in_bytes") for name in each.found.first.names())
    )


def usage(item: CapturedContainer) -> tuple[str, str]:
    """The name of its own group's use of memory, and the text."""
    assert item.found is not None
    reading = next(each for each in item.found.first.readings if each.name.endswith(":0:memory.usage_in_bytes"))
    assert reading.text is not None
    return reading.name, reading.text


def levels_without_limit(item: CapturedContainer) -> list[str]:
    """The names of its control groups that limit no number of processes."""
    assert item.found is not None
    first = item.found.first
    return [
        each.removesuffix(".current")
        for each in first.names()
        if each.endswith(":pids.current") and first.text(each.replace(".current", ".max")) == "max\n"
    ]


def kept(readings: EngineReadings, item: CapturedContainer) -> bool:
    """Whether that reading was news."""
    with readings.ready:
        return readings.keep((item,), whole=False)


@pytest.fixture
def readings(item: CapturedContainer) -> EngineReadings:
    """With that one, read once."""
    made = EngineReadings(port=None)  # type: ignore[arg-type]  # nothing is asked
    assert kept(made, item)
    return made


def test_the_same_reading_stays_the_same_object(readings: EngineReadings, item: CapturedContainer) -> None:
    again = with_text(item, "status", "Name:", "Name:")
    assert again == item
    assert again is not item
    assert not kept(readings, again)
    assert readings.captured[item.raw.id] is item


def test_mere_use_is_news_of_the_container_in_view_only(readings: EngineReadings, item: CapturedContainer) -> None:
    name, text = usage(item)
    more = with_text(item, name, text.strip(), "123456789")
    assert not kept(readings, more)
    readings.watched = item.raw.id
    assert kept(readings, more)
    assert readings.captured[item.raw.id] is more
    others = with_text(more, "status", "voluntary_ctxt_switches:\t", "voluntary_ctxt_switches:\t9")
    for level in levels_without_limit(more):
        if ":0:" not in level:
            others = with_text(others, f"{level}.current", "\n", "7\n")
    assert others != more
    assert not kept(readings, others)  # of the groups above, and when it ran, nothing is shown


def test_how_many_processes_there_are_is_news_where_their_number_is_limited(
    readings: EngineReadings, item: CapturedContainer
) -> None:
    level = levels_without_limit(item)[0]
    assert not kept(readings, with_text(item, f"{level}.current", "\n", "7\n"))
    limited = with_text(item, f"{level}.max", "max", "100000")
    assert kept(readings, limited)
    assert kept(readings, with_text(limited, f"{level}.current", "\n", "7\n"))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("status", "CapEff:\t", "CapEff:\tf"), ("status", "Uid:\t", "Uid:\t1"), ("status", "Seccomp:\t", "Seccomp:\t1")],
)
def test_a_right_is_news_of_every_container(
    readings: EngineReadings, item: CapturedContainer, name: str, old: str, new: str
) -> None:
    assert kept(readings, with_text(item, name, old, new))


def test_another_limit_or_answer_of_the_engine_is_news(readings: EngineReadings, item: CapturedContainer) -> None:
    assert item.found is not None
    limit = next(each for each in item.found.first.readings if each.name.endswith(":0:memory.limit_in_bytes"))
    assert kept(readings, with_text(item, limit.name, (limit.text or "").strip(), "4096"))
    assert kept(readings, replace(item, raw=replace(item.raw, inspect=item.raw.inspect + " ")))
    assert kept(readings, replace(item, found=None))


def test_an_answer_that_says_nothing_of_the_processes_leaves_them_the_same_object(
    readings: EngineReadings, item: CapturedContainer
) -> None:
    """So nothing of them is decoded or judged again, as after each health check."""
    name, text = usage(item)
    answer = replace(item.raw, inspect=item.raw.inspect + " ")
    assert kept(readings, replace(with_text(item, name, text.strip(), "123456789"), raw=answer))
    assert readings.captured[item.raw.id].raw is answer
    assert readings.captured[item.raw.id].found is item.found


def test_one_that_is_still_being_set_up_is_always_news(readings: EngineReadings, item: CapturedContainer) -> None:
    readings.unsettled.add(item.raw.id)
    assert kept(readings, item)


def test_readings_that_are_alike_are_judged_alike(item: CapturedContainer) -> None:
    """Whatever is called mere use here changes no verdict, no finding and no threat."""
    name, text = usage(item)
    more = with_text(item, name, text.strip(), "123456789")
    more = with_text(more, "status", "voluntary_ctxt_switches:\t", "voluntary_ctxt_switches:\t9")
    more = with_text(more, "status", "SigQ:\t", "SigQ:\t9")
    for level in levels_without_limit(more):
        more = with_text(more, f"{level}.current", "\n", "7\n")
    assert alike(item.found, more.found)
    demo = demo_capture()

    def judged(one: CapturedContainer) -> object:
        capture = replace(demo, containers=tuple(one if each is item else each for each in demo.containers))
        whole = assembler(translations()).snapshot(capture)
        states = [each for each in whole.containers if each.container.id == item.raw.id]
        return [(each.matrix, each.findings, [layer.assessment for layer in each.layers]) for each in states]

    found = next(each for each in demo.containers if each.raw == item.raw)
    demo = replace(demo, containers=tuple(item if each is found else each for each in demo.containers))
    assert judged(item) == judged(more)


class FakeGroups:
    """A container's control groups as they are now."""

    def __init__(self, processes: set[int]) -> None:
        self.counted, self.now = Counted(1 << 20, 1, 0.5, 0), processes

    def read(self, groups: str) -> Counted:
        assert groups
        return self.counted

    def processes(self, container: str, groups: str) -> frozenset[int]:
        assert groups
        return frozenset(self.now)


def test_what_changed_at_once_is_read_at_once_and_again(readings: EngineReadings) -> None:
    with readings.ready:
        readings.want("c0ffee", 100.0)
        assert readings.take_due(100.0) == {"c0ffee"}
        assert readings.take_due(100.7) == {"c0ffee"}


def test_what_changes_while_it_is_read_is_read_once_more_after_that(readings: EngineReadings) -> None:
    """However long the reading takes, and whether changes go on or not."""
    with readings.ready:
        for begun, others in ((100.0, 0), (200.0, 40)):
            for number in range(others):
                readings.want(f"{number:02}", begun)
            readings.want("c0ffee", begun)
            assert "c0ffee" in readings.take_due(begun + LATEST)  # it is read from here
            readings.want("c0ffee", begun + LATEST + 0.1)
            over = begun + LATEST + 5.0
            assert "c0ffee" in readings.take_due(over)
            assert readings.take_due(over + LATEST) == set()


def test_what_ended_while_a_command_began_is_looked_at_again(readings: EngineReadings) -> None:
    """A reading without an event may meet the runtime that is about to become a command's process."""
    item, ground = readings.captured[_running(readings).raw.id], decode_ground(demo_capture().host)
    assert item.found is not None
    first = item.found.first
    head, _, rest = str(first.text("stat")).rpartition(") ")
    fields = rest.split()
    assert ground.boot_time is not None
    assert ground.clock_ticks is not None
    fields[19] = str(int((time.time() - ground.boot_time) * ground.clock_ticks))  # its start, proc_pid_stat(5)
    texts = {"comm": "runc:[2:INIT]", "stat": f"{head}) {' '.join(fields)}"}
    kept = [each for each in first.readings if each.name not in texts]
    begins = replace(
        first, pid=4_000_000, readings=(*kept, *(Reading(name, "", text, None) for name, text in texts.items()))
    )
    again = replace(item, found=replace(item.found, members=(begins,)))
    with readings.ready:
        readings.renew((item,), (again,), ground)
        assert readings.captured[item.raw.id] is again
        assert readings.take_due(time.monotonic() + SECOND_LOOK) == {item.raw.id}
        readings.renew((item,), (again,), ground)  # read anew since then: that is kept
        assert readings.later == {}


def test_a_health_check_costs_a_look_at_the_processes(readings: EngineReadings) -> None:
    """When it is over, or lasts; a person's command at once and once more, and what it leaves behind is read."""
    item = _running(readings)
    assert item.found is not None
    known = {item.found.first.pid, *(each.pid for each in item.found.members if thread_of(each) is None)}
    name, groups = item.raw.id, FakeGroups(known)
    begun = Event(EventKind.COMMAND, name, "/bin/sh -c true", "1")
    over = Event(EventKind.COMMAND_OVER, name, "", "1")
    with readings.ready:
        readings.hear(begun, "/bin/sh -c true", 10.0)
        assert readings.take_commands(10.0 + LASTING - 0.1) == set()
        readings.hear(over, "/bin/sh -c true", 11.0)
        (ended,) = readings.take_commands(99.0)
        assert not readings.take_commands(99.0)
    assert not readings.differs(ended, groups, 99.0)
    groups.now.add(4_000_000)  # it left something
    assert readings.differs(ended, groups, 99.0)
    groups.now.discard(4_000_000)
    with readings.ready:
        readings.hear(begun, "", 100.0)
        (mine,) = readings.take_commands(100.0 + SECOND_LOOK)
    assert not readings.differs(mine, groups, 100.7)  # not begun yet
    groups.now.add(4_000_000)
    with readings.ready:
        assert readings.take_commands(100.7 + LATE_LOOK) == {mine}
    assert readings.differs(mine, groups, 103.2)


def test_the_container_in_view_is_not_read_while_nothing_runs_in_it(readings: EngineReadings) -> None:
    item, groups = _running(readings), FakeGroups(set())
    assert not readings.at_rest(item, groups, 10.0)
    assert readings.at_rest(item, groups, 12.0)
    groups.counted = replace(groups.counted, cpu=0.500001)
    assert not readings.at_rest(item, groups, 14.0)
    assert readings.at_rest(item, groups, 16.0)
    assert not readings.at_rest(item, groups, 14.0 + REST)  # what changes it from outside
    groups.counted = Counted()
    assert not any(readings.at_rest(item, groups, 30.0 + moment) for moment in range(5))


def _running(readings: EngineReadings) -> CapturedContainer:
    """One of the demo's that is read from its control group, as the last reading has it."""
    found = next(
        each
        for each in demo_capture().containers
        if each.found is not None and each.found.members_from == "cgroup" and not each.found.unread
    )
    readings.keep((found,), whole=True)
    return found


def test_where_changes_go_on_each_container_is_read_once_when_it_has_settled(readings: EngineReadings) -> None:
    with readings.ready:
        for number in range(40):
            readings.want(f"{number:02}", 10.0 + number / 100)
        first = readings.take_due(10.4)
        assert 0 < len(first) < 10
        assert readings.take_due(10.4 + SECOND_LOOK) == {f"{number:02}" for number in range(40)}
        assert readings.take_due(10.4 + LATEST) == set()
        readings.want("busy", 12.0, hurried=True)  # somebody waits for it
        readings.want(ALL, 12.0)
        assert readings.take_due(12.0) == {"busy", ALL}
        readings.take_due(20.0)
        readings.want("calm", 99.0)
        assert readings.take_due(99.0) == {"calm"}


def test_one_that_never_settles_is_read_all_the_same(readings: EngineReadings) -> None:
    read = []
    with readings.ready:
        for tick in range(100):
            now = 10.0 + tick / 10
            readings.want("busy", now)
            read += [now] * len(readings.take_due(now))
    assert max(after - before for before, after in pairwise(read)) < LATEST + 0.15  # looked at ten times a second


def test_one_that_comes_and_goes_where_changes_go_on_is_not_read(readings: EngineReadings) -> None:
    with readings.ready:
        for number in range(40):
            readings.want(f"{number:02}", 10.0)
        readings.take_due(10.0)
        readings.want("moment", 10.0)
        assert "moment" not in readings.take_due(10.3)
        readings.forget("moment")
        assert "moment" not in readings.take_due(99.0)


def test_a_burst_is_not_yet_a_crowd_and_a_crowd_ends(readings: EngineReadings) -> None:
    for number in range(40):  # a project that starts
        readings.want(f"{number}", number / 40)
    assert not readings.crowded_for_long(1.0)
    for number in range(150):
        readings.want(f"{number}", 1.0 + number / 10)
    assert readings.crowded_for_long(16.0)
    assert not readings.crowded_for_long(16.0 + LONG)
    readings.want("later", 17.0 + LONG)
    assert not readings.crowded_for_long(17.0 + LONG)
