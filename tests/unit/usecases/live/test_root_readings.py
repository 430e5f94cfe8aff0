"""What only root can read is read once for each process, never of a stranger, and its loss is a gap with the reason."""

from __future__ import annotations

import time
from errno import ETIMEDOUT
from itertools import pairwise
from math import inf

import pytest

from stratascope.core.capture import Capture, Gap, GapKind, Reading, unread
from stratascope.core.container import Container, Status
from stratascope.core.message import msg
from stratascope.core.ports import ContainerCapture, ProbeError, Wish
from stratascope.usecases.live.root_readings import AGAIN, RARELY, RootReadings
from stratascope.value import replace

WANTS = ("seccomp:*", "owner:net")
CONTAINER = Container("docker", "ab" * 32, "web", "image", Status.RUNNING, 7, 1.0, 2.0)


def stat(start: int) -> str:
    return f"7 (web) S {' '.join(['1'] * 18)} {start} 0 0\n"


def capture(start: int = 100, filters: int = 1) -> Capture:
    status = f"Name:\tweb\nPid:\t7\nSeccomp:\t2\nSeccomp_filters:\t{filters}\n"
    return Capture(7, (Reading("status", "/proc/7/status", status), Reading("stat", "/proc/7/stat", stat(start))))


class Root:
    """Answers with what it is told, and keeps what it was asked."""

    def __init__(self, answer: Capture | None = None) -> None:
        self.answer = answer or Capture(
            7, (Reading("stat", "s", stat(100)), Reading("seccomp:0", "p", "06"), Reading("owner:net", "o", "user:[1]"))
        )
        self.asked: list[Wish] = []
        self.broken = False

    def host(self, names: tuple[str, ...] | None = None) -> Capture:
        if self.broken:
            raise ProbeError(msg("It has ended."), "killed")
        return Capture(0, ())

    def capture(self, wishes: tuple[Wish, ...]) -> tuple[ContainerCapture, ...]:
        if self.broken:
            raise ProbeError(msg("It has ended."), "killed")
        self.asked.extend(wishes)
        return tuple(ContainerCapture(self.answer) for _ in wishes)

    def close(self) -> None:
        """Nothing to end."""


def told(readings: RootReadings, first: Capture, container: Container = CONTAINER) -> dict[str, str | Gap | None]:
    return {
        each.name: each.text or each.gap
        for each in readings.of([(container, first)], None).get((container.key, first.pid), ())
    }


def test_nothing_is_said_where_nobody_is_root() -> None:
    readings = RootReadings(WANTS)
    assert not readings.wanted
    assert readings.of([(CONTAINER, capture())], None) == {}
    assert readings.host() is None
    assert readings.capture(()) is None


def test_read_once_and_again_only_where_something_is_another() -> None:
    root, readings = Root(), RootReadings(WANTS)
    readings.use(root, None)
    for _ in range(3):
        assert told(readings, capture()) == {"seccomp:0": "06", "owner:net": "user:[1]"}
    assert root.asked == [Wish(7, ("stat", *WANTS), (), members=False)]
    told(readings, capture(filters=2))
    assert len(root.asked) == 2
    told(readings, capture(filters=2), replace(CONTAINER, status=Status.PAUSED))
    assert len(root.asked) == 3
    readings.forget(("docker", "other"))
    told(readings, capture(filters=2), replace(CONTAINER, status=Status.PAUSED))
    assert len(root.asked) == 3
    readings.forget(CONTAINER.key)
    told(readings, capture(filters=2), replace(CONTAINER, status=Status.PAUSED))
    assert len(root.asked) == 4
    readings.forget(None)
    told(readings, capture(filters=2), replace(CONTAINER, status=Status.PAUSED))
    assert len(root.asked) == 5
    readings.forget_all_but({CONTAINER.key})
    told(readings, capture(filters=2), replace(CONTAINER, status=Status.PAUSED))
    assert len(root.asked) == 5
    readings.forget_all_but(set())
    told(readings, capture(filters=2), replace(CONTAINER, status=Status.PAUSED))
    assert len(root.asked) == 6


def test_another_process_under_the_same_number_is_gone_and_asked_again() -> None:
    root, readings = Root(), RootReadings(WANTS)
    readings.use(root, None)
    for times in (1, 2):
        gaps = told(readings, capture(start=101))
        assert {gap.kind for gap in gaps.values() if isinstance(gap, Gap)} == {GapKind.GONE}
        assert set(gaps) == set(WANTS)
        assert len(root.asked) == times


def test_a_process_that_ended_meanwhile() -> None:
    readings = RootReadings(WANTS)
    readings.use(Root(unread(7, Gap(GapKind.GONE, detail="no such process"))), None)
    assert told(readings, capture()) == dict.fromkeys(WANTS, Gap(GapKind.GONE, detail="no such process"))


@pytest.mark.parametrize("by", ["of", "host", "capture"])
def test_a_loss_is_told_once_and_stands_as_a_gap(by: str) -> None:
    root, readings = Root(), RootReadings(WANTS)
    lost: list[ProbeError] = []
    readings.use(root, lost.append)
    told(readings, capture())
    root.broken = True
    readings.forget(None)
    if by == "of":
        told(readings, capture())
    elif by == "host":
        assert readings.host() is None
    else:
        assert readings.capture(()) is None
    for _ in range(2):
        assert told(readings, capture()) == dict.fromkeys(WANTS, Gap(GapKind.UNSUPPORTED, detail="killed"))
    assert [error.words for error in lost] == ["killed"]
    readings.use(Root(), lost.append)
    assert told(readings, capture()) == {"seccomp:0": "06", "owner:net": "user:[1]"}


def test_another_machine_is_asked_there_and_its_loss_is_its_own() -> None:
    root, elsewhere, readings = Root(), Root(), RootReadings(WANTS)
    lost: list[ProbeError] = []
    readings.use(root, lost.append)
    assert readings.of([(CONTAINER, capture())], elsewhere)[(CONTAINER.key, 7)][0].text == "06"
    assert (len(root.asked), len(elsewhere.asked)) == (0, 1)
    elsewhere.broken = True
    readings.forget(None)
    (first, _) = readings.of([(CONTAINER, capture())], elsewhere)[(CONTAINER.key, 7)]
    assert first.gap == Gap(GapKind.UNSUPPORTED, detail="killed")
    assert lost == []


def test_what_did_not_answer_in_time_is_read_again_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, silent = [100.0], Gap(GapKind.UNSUPPORTED, ETIMEDOUT, "it did not stop in 1 s")
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    root, readings = Root(), RootReadings(WANTS)
    readings.use(root, None)
    answer = root.answer
    root.answer = Capture(7, (answer.readings[0], Reading("seccomp:*", "p", None, silent)))
    moments = []
    while clock[0] < 400.0:
        before = len(root.asked)
        assert told(readings, capture()) == {"seccomp:*": silent}
        if len(root.asked) > before:
            moments.append(clock[0])
            assert clock[0] < readings.due(CONTAINER.key) < inf
        clock[0] += 1.0
    assert [after - one for one, after in pairwise(moments)] == [AGAIN, 2 * AGAIN, 4 * AGAIN, 8 * AGAIN, RARELY, RARELY]
    root.answer, clock[0] = answer, 500.0
    assert told(readings, capture()) == {"seccomp:0": "06", "owner:net": "user:[1]"}
    assert readings.due(CONTAINER.key) == inf


def test_one_that_is_paused_is_not_waited_for() -> None:
    """It does not stop until it goes on, which is another state."""
    silent = Gap(GapKind.UNSUPPORTED, ETIMEDOUT, "it did not stop in 1 s")
    root = Root(Capture(7, (Reading("stat", "s", stat(100)), Reading("seccomp:*", "p", None, silent))))
    readings = RootReadings(WANTS)
    readings.use(root, None)
    told(readings, capture(), replace(CONTAINER, status=Status.PAUSED))
    assert readings.due(CONTAINER.key) == inf
