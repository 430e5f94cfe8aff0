"""Refusals gathered: the kernel's log comes to what it is about, requests over netlink are told, and what could not be
read counts to what is known."""

from __future__ import annotations

from stratascope.core.observation.events import Check, Circumstances, Event, Exit, Failed, Log, Masked, Process, Signal
from stratascope.core.observation.fold import Fold
from stratascope.core.refusals.refusal import AttemptKind
from stratascope.core.refusals.ring import RefusalEntry, RefusalRing

X = "x86_64"
NETLINK = ("cap_capable", "security_capable", "file_ns_capable", "netlink_net_capable", "rtnetlink_rcv_msg")
DIAGNOSE = ("cap_capable", "security_capable", "file_ns_capable", "netlink_net_capable", "inet_diag_dump")


def kill(number: int) -> str:
    return f'pid=10 comm="web" exe="/web" sig=31 arch=c000003e syscall={number} compat=0 ip=0x1 code=0x80000000'


def entries(*events: Event) -> tuple[RefusalEntry, ...]:
    """Of a program `web`, process 10, and its child 11."""
    fold, ring = Fold(), RefusalRing()
    start = (Process(0.5, 10, 9, "there", "web", "/web"), Process(0.6, 11, 10, "fork", "web", ""))
    for event in (*start, *events):
        ring.feed(event, fold.program_of(getattr(event, "pid", 0)))
        fold.feed(event)
    return ring.entries()


def opened(at: float, path: str) -> Failed:
    return Failed(at, 10, X, 257, 13, True, (0,) * 6, path, 1)


def test_a_line_comes_to_all_that_it_may_be_about() -> None:
    found = entries(opened(1.0, "/a"), opened(1.1, "/b"), Log(1.2, 10, "one"), Log(1.3, 11, "another's"))
    assert [each.attempt.lines for each in found] == [("one",), ("one",)]


def test_a_line_may_come_first_but_not_long_before() -> None:
    found = entries(Log(1.0, 10, "old"), Log(9.0, 10, "new"), opened(9.1, "/a"))
    assert [each.attempt.lines for each in found] == [("new",)]


def test_what_was_killed_is_named_by_the_log_before_and_after_its_end() -> None:
    signal, end = Signal(1.1, 10, 31, 1), Exit(1.2, 10, None, 31)
    for events in ((Log(1.0, 10, kill(83)), signal, end), (signal, end, Log(1.3, 10, kill(83)))):
        (found,) = entries(*events)
        assert (found.attempt.kind, found.attempt.abi, found.attempt.name) == (AttemptKind.KILLED, X, "mkdir")
        assert found.ended


def test_two_calls_that_a_filter_kills_for_are_two() -> None:
    again = Process(2.0, 12, 11, "fork", "web", "")
    found = entries(
        *(Signal(1.0, 10, 31, 1), Exit(1.1, 10, None, 31), Log(1.2, 10, kill(83))),
        *(again, Signal(2.1, 12, 31, 1), Exit(2.2, 12, None, 31), Log(2.3, 12, kill(90))),
        *(Process(3.0, 13, 11, "fork", "web", ""), Signal(3.1, 13, 31, 1), Log(3.3, 13, kill(83))),
    )
    assert sorted((each.attempt.name, each.count) for each in found) == [("chmod", 1), ("mkdir", 2)]


def test_a_kill_s_line_is_of_the_kill_alone() -> None:
    found = entries(opened(1.0, "/a"), Signal(1.1, 10, 31, 1), Log(1.2, 10, kill(83)), Log(1.3, 10, "other"))
    assert [each.attempt.lines for each in found] == [("other",), (kill(83),)]


def test_a_refused_request_over_netlink() -> None:
    (found,) = entries(Check(1.0, 10, 12, -1, True, X, 44, NETLINK, 3))
    attempt = found.attempt
    assert (attempt.kind, attempt.name, attempt.errno, attempt.lacked) == (
        AttemptKind.REQUEST,
        "sendto",
        1,
        ("CAP_NET_ADMIN",),
    )
    assert found.count == 3
    assert entries(Check(1.0, 10, 12, -1, True, X, 44, DIAGNOSE, 1)) == ()
    assert entries(Check(1.0, 10, 12, 0, True, X, 44, NETLINK, 1)) == ()


def test_lines_are_bounded() -> None:
    lines = [Log(1.0 + each / 1000, 10, f"line {each}") for each in range(1000)]
    (found,) = entries(*lines, opened(2.0, "/a"), *lines)
    assert len(found.attempt.lines) <= 8


def test_a_path_that_was_not_read_counts_to_the_one_that_was() -> None:
    for events in ((opened(1.0, ""), opened(1.1, "/a")), (opened(1.1, "/a"), opened(1.2, ""))):
        (found,) = entries(*events, Exit(1.3, 10, 1, None))
        assert (found.attempt.path, found.count, found.ended) == ("/a", 2, True)
    both = entries(opened(1.0, "/a"), opened(1.1, "/b"), opened(1.2, ""))
    assert sorted((each.attempt.path, each.count) for each in both) == [("/a", 1), ("/b", 2)]


def test_another_call_or_another_answer_does_not_count_to_it() -> None:
    made = Failed(1.1, 10, X, 83, 13, True, (0,) * 6, "", 1)
    other = Failed(1.2, 10, X, 257, 30, True, (0,) * 6, "", 1)
    filtered = Failed(1.3, 10, X, 257, 13, False, (0,) * 6, "", 1)
    assert len(entries(opened(1.0, "/a"), made, other, filtered)) == 4


def test_a_masked_path_that_is_told_after_the_end_of_who_opened_it() -> None:
    gone = (Process(0.7, 12, 11, "fork", "cat", ""), Exit(1.0, 12, 0, None))
    (found,) = entries(*gone, Masked(1.1, 12, "/proc/acpi", Circumstances()))
    assert (found.attempt.kind, found.attempt.process, found.attempt.path) == (AttemptKind.MASKED, "cat", "/proc/acpi")
    assert entries(*gone, Masked(1.1, 13, "/proc/acpi", Circumstances())) == ()
