"""Threads that are not as their process's first one: all kinds are found, and most is read once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.collector import target
from rig.collector.asking import as_ordinary, needs_root, read
from stratascope.collector import threads
from stratascope.collector.names import SECCOMP
from stratascope.collector.read import read_file
from stratascope.collector.serve import Collector, ContainerReply
from stratascope.linux.process import parse_status

WANTS = ("status", "stat", "comm", "ns/mnt", "cgroup", "mountinfo", "limits")


@pytest.fixture(scope="module", autouse=True)
def program() -> Iterator[None]:
    yield
    target.remove()


def ask(pid: int, collector: Collector | None = None) -> ContainerReply:
    return (collector or Collector()).capture([(pid, WANTS, ("status", "comm"), True, "")])[0]


def texts(entries: list[Any]) -> list[tuple[str, str]]:
    return [(item[0], item[2]) for item in entries if item[2] is not None]


@needs_root
@pytest.mark.parametrize("what", ["caps", "uid", "filter"])
def test_what_the_first_thread_gave_up_and_another_keeps(what: str) -> None:
    with target.threaded(5, what) as it:
        answer = ask(it.pid)
        assert len(answer[1]) == 1
        assert answer[3] == 0
        number, entries, _ = answer[1][0]
        assert number != it.pid
        first = parse_status(dict(texts(answer[0][1]))["status"])
        other = parse_status(dict(texts(entries))["status"])
        assert (other.tgid, first.tgid) == (it.pid, it.pid)
        told = {
            "caps": (first.effective, other.effective != 0),
            "uid": (first.uids and first.uids.effective - 1000, other.uids and other.uids.effective == 0),
            "filter": (first.seccomp and first.seccomp - 2, other.seccomp == 0),
        }
        assert told[what] == (0, True)
        assert {item[1] for item in entries if item[0] == "status"} == {f"/proc/{it.pid}/task/{number}/status"}


def test_threads_that_are_all_alike_are_not_told() -> None:
    with target.threaded(50) as it:
        answer = ask(it.pid)
        assert (answer[1], answer[3]) == ([], 0)


def test_most_is_read_once_and_what_changes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def noted(path: str, directory: int | None = None) -> str:
        opened.append(path)
        return read_file(path, directory)

    monkeypatch.setattr(threads, "read_file", noted)
    collector = Collector()
    with target.threaded(200) as it:
        ask(it.pid, collector)
        assert len(opened) == 199
        opened.clear()
        ask(it.pid, collector)
        assert opened == []
        it.give_up("filter")  # the first one is another now: the others are held against that
        assert len(ask(it.pid, collector)[1]) == 1
        assert len(opened) == 200
        opened.clear()
        assert len(ask(it.pid, collector)[1]) == 1
        assert len(opened) == 1  # a witness


def test_so_many_are_read_at_once_and_the_others_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stratascope.collector.members.READ_MAX", 50)
    collector = Collector()
    with target.threaded(120) as it:
        assert [ask(it.pid, collector)[3] for _ in range(4)] == [69, 19, 0, 0]


def test_a_first_thread_that_has_ended_is_stood_for_by_one_that_lives() -> None:
    with target.threaded(4, "exit") as it:
        assert "\nState:\tZ" in Path(f"/proc/{it.pid}/status").read_text()
        (pid, entries, _), members, _, unread = ask(it.pid)
        assert (pid, members, unread) == (it.pid, [], 0)
        found = dict(texts(entries))
        living = max(int(each.name) for each in Path(f"/proc/{it.pid}/task").iterdir())
        assert found["cgroup"] == Path(f"/proc/{it.pid}/task/{living}/cgroup").read_text()
        assert found["ns/mnt"] == str(Path("/proc/self/ns/mnt").readlink())
        assert found["mountinfo"]
        assert parse_status(found["status"]).tgid == it.pid
        assert found["stat"].split()[0] == str(it.pid)  # when the process began, not the thread
        sources = {item[0]: item[1] for item in entries}
        assert sources["cgroup"].startswith(f"/proc/{it.pid}/task/")


@needs_root
def test_filters_of_one_whose_first_thread_has_ended() -> None:
    with target.threaded(3, "exit") as it:
        assert read(it.pid, SECCOMP) == {SECCOMP: ("ABSENT", "no filter is in force")}


@needs_root
def test_filters_of_one_thread() -> None:
    with target.threaded(3, "filter") as it:
        ((other, _, _),) = ask(it.pid)[1]
        assert list(read(it.pid, SECCOMP)) == ["seccomp:0"]
        assert read(other, SECCOMP) == {SECCOMP: ("ABSENT", "no filter is in force")}


@needs_root
def test_kinds_beyond_a_bound_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "KINDS_MAX", 0)
    with target.threaded(5, "caps") as it:
        answer = ask(it.pid)
        assert (answer[1], answer[3]) == ([], 1)


@needs_root
def test_whoever_may_read_little_sees_threads_too() -> None:
    with target.threaded(3, "caps") as it:
        request = {"ask": "capture", "wishes": [[it.pid, ["status", "stat", "ns/net"], ["status"], True, ""]]}
        first, members, _, unread = as_ordinary(json.dumps(request))["found"][0]
        assert [item[3] for item in first[1] if item[2] is None] == ["DENIED"]
        assert (len(members), unread) == (1, 0)
        assert parse_status(dict(texts(members[0][1]))["status"]).effective
