"""Refusals gathered: alike ones together, what somebody died of marked, and bounded whatever comes."""

from __future__ import annotations

import json
from typing import Any

from stratascope.core.observation.events import parse_event
from stratascope.core.observation.fold import Program
from stratascope.core.refusals.ring import KINDS_MOST, RefusalRing

OPENAT = 257


def refused(
    ring: RefusalRing, at: float, path: str, *, pid: int = 10, session: bool = False, around: Any = None
) -> None:
    line = ["failed", at, pid, "x86_64", OPENAT, 13, True, [0, 0, 0, 0, 0, 0], path, 1, around or {"tid": pid}]
    ring.feed(parse_event(json.dumps(line)), Program("cat", session))


def ended(ring: RefusalRing, at: float, pid: int, code: int) -> None:
    ring.feed(parse_event(json.dumps(["exit", at, pid, code, None])), None)


def test_alike_ones_are_one_with_a_count() -> None:
    ring = RefusalRing()
    for number in range(3):
        refused(ring, float(number), f"/data/file{number}", pid=10 + number)
    refused(ring, 5.0, "/other")
    assert [(entry.attempt.path, entry.count) for entry in ring.entries()] == [("/data/file2", 3), ("/other", 1)]


def test_what_lies_behind_the_last_argument_tells_nothing_apart() -> None:
    """As in sshd's hundreds of audit sockets, whose further registers are never twice the same."""
    calls = ((41, (16, 3, 9)), (41, (16, 3, 15)), (272, (0x10000000,)), (157, (24, 21)), (157, (24, 12)))
    ring = RefusalRing()
    for junk in range(1, 40):
        for number, arguments in calls:
            values = [*arguments, *[junk * 0x7F001234] * (6 - len(arguments))]
            line = ["failed", float(junk), 10 + junk, "x86_64", number, 22, False, values, "", 1, {"tid": 10 + junk}]
            ring.feed(parse_event(json.dumps(line)), Program("sshd"))
        name = [
            "failed",
            float(junk),
            9,
            "x86_64",
            157,
            1,
            True,
            [15, junk * 0x7F001234, 0, 0, 0, 0],
            "",
            1,
            {"tid": 9},
        ]
        ring.feed(parse_event(json.dumps(name)), Program("sshd"))
    assert [(entry.attempt.name, entry.count) for entry in ring.entries()] == [
        *(("socket", 39), ("socket", 39), ("unshare", 39), ("prctl", 39), ("prctl", 39), ("prctl", 39))
    ]


def test_what_a_session_was_refused_too_is_of_the_session() -> None:
    ring = RefusalRing()
    refused(ring, 1.0, "/data/file")
    assert not ring.entries()[0].session
    refused(ring, 2.0, "/data/file", pid=20, session=True)
    assert [(entry.count, entry.session) for entry in ring.entries()] == [(2, True)]


def test_what_a_process_died_of_right_after_it() -> None:
    ring = RefusalRing()
    refused(ring, 1.0, "/long-ago")
    refused(ring, 9.5, "/just-now")
    ended(ring, 10.0, 10, 1)
    assert [(entry.attempt.path, entry.ended) for entry in ring.entries()] == [
        ("/long-ago", False),
        ("/just-now", True),
    ]


def test_who_ends_well_died_of_nothing() -> None:
    ring = RefusalRing()
    refused(ring, 9.5, "/just-now")
    ended(ring, 10.0, 10, 0)
    assert not ring.entries()[0].ended


def test_who_was_ended_by_somebody_died_of_nothing() -> None:
    ring = RefusalRing()
    refused(ring, 9.5, "/just-now")
    ring.feed(parse_event(json.dumps(["exit", 10.0, 10, None, 15])), None)
    assert not ring.entries()[0].ended


def test_who_was_killed_for_want_of_memory_died_of_that() -> None:
    ring = RefusalRing()
    ring.feed(parse_event(json.dumps(["out-of-memory", 9.9, 10])), Program("cat"))
    ring.feed(parse_event(json.dumps(["exit", 10.0, 10, None, 9])), None)
    (entry,) = ring.entries()
    assert entry.ended


def test_who_went_on_or_ended_well_has_survived_it() -> None:
    """One alike that died of it does not change that: another one went on."""
    ring = RefusalRing()
    refused(ring, 1.0, "/at-once")
    refused(ring, 1.0, "/well", pid=11)
    refused(ring, 1.0, "/living", pid=12)
    refused(ring, 1.0, "/long-ago", pid=13)
    ended(ring, 1.05, 10, 1)
    ended(ring, 1.05, 11, 0)
    assert {entry.attempt.path for entry in ring.entries() if entry.survived} == {"/well"}
    ended(ring, 4.0, 13, 1)
    assert {entry.attempt.path for entry in ring.entries() if entry.survived} == {"/well", "/living", "/long-ago"}
    refused(ring, 5.0, "/living", pid=14)
    ended(ring, 5.0, 14, 1)
    (both,) = [entry for entry in ring.entries() if entry.attempt.path == "/living"]
    assert both.ended
    assert both.survived


def test_however_many_come_few_are_kept_and_the_rest_counted() -> None:
    ring = RefusalRing()
    letters = "abcdefghijklmnopqrstuvwxyz"
    paths = [f"/{a}{b}" for a in letters for b in letters]
    for number, path in enumerate(paths):
        refused(ring, float(number), path, pid=number + 1)
    assert len(ring.entries()) == KINDS_MOST
    assert ring.forgotten == len(paths) - KINDS_MOST
    assert ring.entries()[-1].attempt.path == "/zz"


def test_what_is_no_program_of_the_container_is_not_told() -> None:
    ring = RefusalRing()
    line = ["failed", 1.0, 10, "x86_64", OPENAT, 13, True, [0] * 6, "/x", 1]
    ring.feed(parse_event(json.dumps(line)), None)
    assert ring.entries() == ()


def making(ring: RefusalRing, at: float, path: str, *, pid: int = 10, call: int = 83) -> None:
    """mkdir, or another call."""
    line = ["failed", at, pid, "x86_64", call, 30, True, [0o700, 0, 0, 0, 0, 0], path, 1, {"tid": pid, "uid": 0}]
    ring.feed(parse_event(json.dumps(line)), Program("npm"))


def test_names_of_chance_in_one_folder_are_one() -> None:
    ring = RefusalRing()
    making(ring, 1.0, "/tmp/xa", pid=1)
    making(ring, 2.0, "/tmp/xb", pid=2)
    assert [(entry.attempt.path, entry.many) for entry in ring.entries()] == [("/tmp/xa", False), ("/tmp/xb", False)]
    for number, name in enumerate("cdefgh", 3):
        making(ring, float(number), f"/tmp/x{name}", pid=number)
    making(ring, 9.0, "/tmp/xa", pid=9)
    making(ring, 9.0, "/srv/one", pid=9)
    found = [(entry.attempt.path, entry.count, entry.at, entry.last, entry.many) for entry in ring.entries()]
    assert found == [("/tmp/xa", 9, 1.0, 9.0, True), ("/srv/one", 1, 9.0, 9.0, False)]


def test_however_many_names_of_chance_nothing_else_is_forgotten() -> None:
    ring = RefusalRing()
    refused(ring, 0.0, "/etc/shadow")
    for a in "abcdefghijklmnopqrstuvwxyz":
        for b in "abcdefghijklmnopqrstuvwxyz":
            making(ring, 1.0, f"/tmp/{a}{b}x")
    assert [entry.attempt.path for entry in ring.entries()] == ["/etc/shadow", "/tmp/zzx"]
    assert ring.forgotten == 0


def test_what_a_process_died_of_is_marked_among_many_names() -> None:
    ring = RefusalRing()
    making(ring, 9.5, "/tmp/xa", pid=1)
    for name in "bcd":
        making(ring, 9.6, f"/tmp/x{name}", pid=2)
    ended(ring, 10.0, 1, 1)
    (entry,) = ring.entries()
    assert (entry.count, entry.ended) == (4, True)


def test_device_nodes_of_one_folder_stay_apart() -> None:
    ring = RefusalRing()
    for name in "abcdef":
        making(ring, 1.0, f"/dev/{name}", call=133)
    assert len(ring.entries()) == 6
