"""What stays of what was read of a refused call, once it is seen what its thread called meanwhile.

Held against the rule itself, which looks at every later record for each refused call; and it is counted how often
records are looked at, since a container that is refused in a loop has as many as the rings hold.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stratascope.collector.observe.calls import ROUND_MAX, Calls, WantedCalls
from stratascope.collector.observe.credentials import Credentials
from stratascope.collector.observe.memory import Stack
from stratascope.collector.observe.moments import Moment, Moments, RefusedSyscall
from stratascope.collector.observe.perf import Record
from stratascope.collector.observe.processes import Known, Processes
from stratascope.collector.observe.refusals import Refusals
from stratascope.collector.observe.trace import Point
from stratascope.linux.syscalls import Abi, numbers

CALLS = numbers(Abi.X86_64)
NUMBERS = {"x86_64": CALLS}
KEPT = {"tid", "place", "other", "address", "forked_in_vain"}  # of who is not known to be who called
MEMORY = {"place", "other", "address"}
LEADER, THREAD, OTHER = (7, 7), (7, 8), (9, 9)
State = tuple[str, int, str, dict[str, Any] | None]


class Given(Moments):
    """What is read is what the registers say: the first where, the second whether it is told who called."""

    def __init__(self) -> None:
        super().__init__({}, {}, {})
        self.overwrote: list[tuple[int, int]] = []

    def of(self, call: RefusedSyscall, taken: Callable[[], Stack], forks: bool) -> Moment | None:
        where, told, path, *_ = call.values
        around = {"tid": call.tid, "ids": [], "limits": {}, "place": {}, "address": [], "forked_in_vain": 1}
        return Moment("/x" if path else "", where, "a", around if told else None, (call.number, where))

    def overwritten(self, pid: int, moment: Moment) -> Moment:
        self.overwrote.append((pid, moment.at))
        return super().overwritten(pid, moment)


class Doubting(Credentials):
    def __init__(self) -> None:
        super().__init__(NUMBERS)
        self.doubts: dict[tuple[int, int], None] = {}  # in their order; once more changes nothing

    def doubted(self, pid: int, at: int) -> None:
        self.doubts[pid, at] = None


def calls() -> tuple[Calls, Given, Doubting]:
    processes = Processes(lambda *_: None, "x86_64", "i386")
    for pid in (7, 9):
        processes.known[pid] = Known(1, "x", "/x", "x86_64", {pid})
    moments, credentials = Given(), Doubting()
    point = Point(1, {"id": (8, 8)})
    refusals = Refusals(NUMBERS, {}, "x86_64", "i386")
    asked = WantedCalls({}, {}, {})
    return (
        Calls(lambda *_: None, processes, asked, (point, point), refusals, moments, credentials),
        moments,
        credentials,
    )


def enter(at: int, who: tuple[int, int], name: str, *values: int) -> Record:
    raw = struct.pack("=8xq6Q", CALLS[name], *(*values, *(0,) * 6)[:6])
    return Record(at, "enter", *who, raw, b"", (), 0, 0)


def leave(at: int, who: tuple[int, int], *values: int, answer: int = -13) -> Record:
    raw = struct.pack("=8xqq", CALLS["mkdir"], answer)
    return Record(at, "leave", *who, raw, b"", (*values, *(0,) * 6)[:6], 64, 0)


def executed(at: int, who: tuple[int, int], about: dict[str, Any] | None = None, kind: str = "exec") -> Record:
    return Record(at, kind, *who, b"", b"", (), 64, 0, about=about)


_times = st.integers(1, 12)
_who = st.sampled_from([LEADER, THREAD, OTHER])
_values = st.tuples(*[st.integers(0, 3)] * 3)
_names = st.sampled_from(["getppid", "mkdir", "setuid", "prctl"])
_first = st.sampled_from([0, 1, 2, 3, 15, 38])  # of prctl: 38 may change who it is
_records = st.one_of(
    st.builds(
        lambda at, who, name, first, values: enter(at, who, name, first, *values), _times, _who, _names, _first, _values
    ),
    st.builds(
        lambda at, who, values, answer: leave(at, who, *values, answer=answer),
        *(_times, _who, _values, st.sampled_from([-13, -13, -1, -2])),
    ),
    st.builds(executed, _times, _who, st.sampled_from([None, {}])),
    st.builds(lambda at, who: executed(at, who, kind="fork"), _times, _who),
)


def thread(record: Record) -> int:
    """Whose doing it is: what is executed takes over the first thread's number."""
    return record.pid if record.kind == "exec" else record.tid


def changes(record: Record) -> bool:
    if record.kind == "exec":
        return True
    number, first = struct.unpack_from("=8xqQ", record.raw) if record.kind == "enter" else (-1, 0)
    return bool(number == CALLS["setuid"] or (number == CALLS["prctl"] and first == 38))


def names(record: Record, place: int) -> bool:
    if record.kind == "enter":
        return place in struct.unpack_from("=8xq6Q", record.raw)[1:]
    return record.kind == "exec" or (record.kind == "leave" and place in record.registers)


def by_the_rule(records: list[Record]) -> tuple[list[State | None], list[tuple[int, int]], list[tuple[int, int]]]:
    """What is to be told of each record; whose start is doubted; whose memory was used again."""
    told: list[State | None] = []
    doubts: dict[tuple[int, int], None] = {}
    overwrote: list[tuple[int, int]] = []
    for record in records:
        later = [each for each in records if each.time > record.time]
        another = any(changes(each) for each in later if thread(each) == record.tid)
        if record.kind == "exec" and record.about is not None and another:
            doubts[record.pid, record.time] = None
        moment = None
        if record.kind == "leave" and struct.unpack("=8xqq", record.raw)[1] in (-1, -13):
            moment = Given().of(
                RefusedSyscall(record.pid, record.tid, "", 0, 0, record.registers, 0), lambda: Stack(()), False
            )
        if moment is None:
            told.append(None)
            continue
        path, at, address, around = moment.path, moment.at, moment.address, moment.around
        if around is not None and another:
            around = {name: value for name, value in around.items() if name in KEPT}
        if at and any(names(each, at) for each in later if thread(each) in (record.tid, record.pid)):
            overwrote.append((record.pid, at))
            path = address = ""
            if around is not None:
                around = {name: value for name, value in around.items() if name not in MEMORY}
        told.append((path, at, address, around))
    return told, list(doubts), overwrote


@given(st.lists(st.lists(_records, max_size=12), min_size=1, max_size=4))
def test_what_is_told_is_what_the_rule_says(batches: list[list[Record]]) -> None:
    made, moments, credentials = calls()
    came, *rest = batches
    found = made.fresh(list(came), lambda: list(rest.pop(0)) if rest else [])
    taken = [record for batch in batches for record in batch][: len(found)]
    assert [record[:-1] for record in found] == [record[:-1] for record in taken]  # all but what is read of them
    told, doubts, overwrote = by_the_rule(taken)
    states = [
        (each.about.path, each.about.at, each.about.address, each.about.around)
        if isinstance(each.about, Moment)
        else None
        for each in found
    ]
    assert states == told
    assert list(credentials.doubts) == doubts
    assert moments.overwrote == overwrote


def test_each_of_the_rules() -> None:
    """So that it is known that what is made at random means something."""
    mine = leave(5, THREAD, 2, 1, 1)
    for other, path, who in (
        (enter(6, THREAD, "getppid", 3), "/x", True),
        (enter(6, THREAD, "getppid", 2), "", True),
        (enter(6, LEADER, "getppid", 2), "", True),
        (enter(5, THREAD, "getppid", 2), "/x", True),
        (enter(6, OTHER, "getppid", 2), "/x", True),
        (leave(6, THREAD, 1, 2), "", True),
        (enter(6, THREAD, "setuid", 5), "/x", False),
        (enter(6, LEADER, "setuid", 5), "/x", True),
        (executed(6, LEADER), "", True),
        (executed(6, OTHER), "/x", True),
    ):
        made, _, _ = calls()
        (found, _) = made.fresh([mine, other], list)
        assert (found.about.path, "ids" in found.about.around) == (path, who), other


class Counted(Record):
    """One that counts how often it is looked at."""

    looks = 0

    def __getattribute__(self, name: str) -> Any:
        if name in ("kind", "time"):
            Counted.looks += 1
        return super().__getattribute__(name)


def looked_at(refused: int) -> int:
    """For so many calls of one thread, refused at one path as a loop makes them, all of which came at once."""
    made, _, _ = calls()
    pairs = ((enter(2 * n, LEADER, "mkdir", 2), leave(2 * n + 1, LEADER, 2, 1, 1)) for n in range(1, refused + 1))
    records = [Counted(*each) for pair in pairs for each in pair]
    Counted.looks = 0
    found = made.fresh(list(records), list)
    assert sum(isinstance(each.about, Moment) for each in found) == refused
    assert [bool(each.about.path) for each in found if each.kind == "leave"] == [False] * (refused - 1) + [True]
    return Counted.looks


def test_a_loop_of_refusals_costs_as_much_as_there_are_of_them() -> None:
    some = looked_at(ROUND_MAX)
    assert looked_at(4 * ROUND_MAX) <= 4.5 * some
