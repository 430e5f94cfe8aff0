"""Which processes belong to a container's start, and which of them its replacement lacks."""

from __future__ import annotations

import pytest

from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.ground import UNREAD
from stratascope.core.ports import ContainerCapture
from stratascope.usecases.evidence.readings import (
    SETTLED,
    ProcessKind,
    all_processes,
    certain,
    missing,
    startup_processes,
)


def process(pid: int, name: str, uid: int, parent: int, start: int | None = 1000, state: str = "S") -> Capture:
    """`start` in ticks of a hundredth of a second; None: not readable."""
    status = f"Name:\t{name}\nState:\t{state} (x)\nPPid:\t{parent}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n"
    stat = f"{pid} ({name}) {state} {parent} 0 0 0 0 4194304 {' '.join('0' * 12)} {start}"
    gap = Gap(GapKind.DENIED)
    return Capture(
        pid,
        (
            Reading("status", "", status),
            Reading("stat", "", None, gap) if start is None else Reading("stat", "", stat),
            Reading("uid_map", "", "0 100000 65536\n"),
        ),
    )


FIRST = process(7, "nginx", 100000, 2)
WORKER = process(8, "nginx", 100033, 7)


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ((WORKER, process(9, "nginx", 100033, 7)), {ProcessKind("nginx", 33)}),
        (
            (process(9, "logger", 100001, 8), WORKER),
            {ProcessKind("nginx", 33), ProcessKind("logger", 1)},
        ),  # a child's child
        ((process(9, "sh", 100000, 1),), set()),  # a session of exec came from elsewhere
        ((process(9, "sh", 100000, 7, start=2001),), set()),  # started later, on demand
        ((process(9, "sh", 100000, 7, state="Z"),), set()),
        ((process(9, "odd", 5, 7),), {ProcessKind("odd", None)}),  # a user that does not exist inside
        ((process(9, "gone", 100000, 7, start=None),), set()),
        ((process(9, "a", 100000, 10), process(10, "b", 100000, 9)), set()),  # parents that can't be true
    ],
)
def test_what_it_was_born_with(members: tuple[Capture, ...], found: set[ProcessKind]) -> None:
    assert startup_processes(ContainerCapture(FIRST, members), UNREAD) == frozenset(found)


def test_unreadable_is_not_nobody() -> None:
    assert startup_processes(ContainerCapture(process(7, "nginx", 100000, 2, start=None), (WORKER,)), UNREAD) is None
    assert startup_processes(ContainerCapture(Capture(7, ()), (WORKER,)), UNREAD) is None
    assert all_processes(ContainerCapture(Capture(7, ()), (WORKER,))) is None
    some = ContainerCapture(FIRST, (WORKER,), "cgroup", unread=1)
    assert startup_processes(some, UNREAD) is None
    assert all_processes(some) is None


def test_what_did_not_come_back() -> None:
    before = frozenset((ProcessKind("nginx", 33), ProcessKind("logger", 1)))
    now = all_processes(ContainerCapture(process(70, "nginx", 100000, 2), (process(71, "logger", 100001, 70),)))
    assert now is not None
    assert missing(before, now, users=True) == (ProcessKind("nginx", 33),)
    assert missing(before, now, users=False) == (), "as another user its workers may be of that one"
    assert missing(before, frozenset(), users=False) == (ProcessKind("logger", 1), ProcessKind("nginx", 33))


WORKER_33, PICKUP, SMTPD, LOGGER = (ProcessKind("nginx", 33), ProcessKind("pickup", 101), ProcessKind("smtpd", 101),
                                    ProcessKind("logger", 0))  # fmt: skip


@pytest.mark.parametrize(
    ("lost", "now", "seconds", "users", "found"),
    [
        ((SMTPD,), (ProcessKind("master", 0), PICKUP), 20.0, True, ()),  # somebody asked for it: comes on demand
        ((SMTPD,), (ProcessKind("master", 0), PICKUP), SETTLED, True, (SMTPD,)),  # it outlived every idle time
        ((WORKER_33,), (ProcessKind("nginx", 0),), 20.0, True, (WORKER_33,)),  # the master may not become it any more
        ((LOGGER,), (ProcessKind("nginx", 0),), 20.0, True, ()),  # nothing tells; the log may
        ((SMTPD,), (ProcessKind("master", 5),), 20.0, False, ()),  # all have another user now
        ((SMTPD,), (ProcessKind("master", 5),), SETTLED, False, (SMTPD,)),
    ],
)
def test_what_must_have_come_back(
    lost: tuple[ProcessKind, ...], now: tuple[ProcessKind, ...], seconds: float, users: bool,
    found: tuple[ProcessKind, ...],
) -> None:  # fmt: skip
    assert certain(lost, frozenset(now), seconds, users=users) == found
