"""What only root can read, of real processes: right, harmless to the target, and nothing is waited for too long."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.collector import target
from rig.collector.asking import as_ordinary, needs_root, read, wait_for
from stratascope.collector import privileged_readings
from stratascope.collector.entering import join_own
from stratascope.collector.filters import FILTERS_MAX
from stratascope.collector.names import GIVING_PROGRAMS, PORT_START, SECCOMP
from stratascope.collector.privileged_readings import OWNERS, PRIVILEGED, PrivilegedReader, run
from stratascope.collector.read import start_of
from stratascope.collector.serve import Collector, reply

INITIAL_USER = "user:[4026531837]"


@pytest.fixture(scope="module", autouse=True)
def program() -> Iterator[None]:
    yield
    target.remove()


@needs_root
@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_filters_as_they_were_put_in_place(count: int) -> None:
    with target.running(count) as it:
        assert read(it.pid, SECCOMP) == {f"seccomp:{n}": target.own_filter(n) for n in range(count)}


@needs_root
def test_the_source_says_how_it_was_read() -> None:
    with target.running(1) as it:
        ((_, entries, _), *_) = Collector().capture([(it.pid, [SECCOMP, *OWNERS, PORT_START], [], False, "")])[0]
        sources = {item[0]: item[1] for item in entries}
        assert sources["seccomp:0"] == f"PTRACE_SECCOMP_GET_FILTER 0 of /proc/{it.pid}"
        assert sources["owner:net"] == f"NS_GET_USERNS of /proc/{it.pid}/ns/net"
        assert sources[PORT_START].endswith(f"/proc/{it.pid}/ns/net")


@needs_root
def test_no_filter_is_absent_and_nothing_is_stopped_for_it() -> None:
    with target.running(0) as it:
        assert read(it.pid, SECCOMP) == {SECCOMP: ("ABSENT", "no filter is in force")}


@needs_root
def test_more_filters_than_are_told_is_a_gap_and_no_part() -> None:
    with target.running(FILTERS_MAX) as it:
        assert len(read(it.pid, SECCOMP)) == FILTERS_MAX
    with target.running(FILTERS_MAX + 1) as it:
        assert read(it.pid, SECCOMP) == {SECCOMP: ("UNSUPPORTED", f"more than {FILTERS_MAX} filters")}


@needs_root
def test_the_limit_for_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileged_readings, "REQUEST_LIMIT", 0.0)
    with target.running(1) as it:
        assert read(it.pid, SECCOMP) == {SECCOMP: ("UNSUPPORTED", "no time was left for it")}


def test_a_process_that_has_ended_is_gone() -> None:
    zombie = subprocess.Popen(["true"])
    try:
        wait_for(lambda: Path(f"/proc/{zombie.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
        ((pid, entries, _), *_) = Collector().capture([(zombie.pid, ["stat", SECCOMP, "owner:net"], [], False, "")])[0]
        assert (pid, [item[3] for item in entries]) == (zombie.pid, ["GONE"])
    finally:
        zombie.wait()


@pytest.mark.parametrize("start", ["1", ""])
def test_another_process_with_the_same_number_is_not_read(start: str) -> None:
    errand = PrivilegedReader(os.getpid(), start, [SECCOMP, PORT_START], [], [])
    run([errand])
    assert {(item[0], item[3]) for item in errand.entries} == {(SECCOMP, "GONE"), (PORT_START, "GONE")}


@needs_root
def test_many_that_die_while_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileged_readings, "TARGET_LIMIT", 600.0)  # a busy machine may take longer than its limits
    monkeypatch.setattr(privileged_readings, "REQUEST_LIMIT", 600.0)
    many = [subprocess.Popen([str(target.built()), "1"], stdout=subprocess.PIPE) for _ in range(40)]
    try:
        for each in many:
            assert each.stdout is not None
            each.stdout.readline()
        killer = threading.Timer(0.005, kill_all, (many,))
        killer.start()
        answers = Collector().capture([(each.pid, ["stat", SECCOMP], [], False, "") for each in many])
        killer.join()
        for (_, entries, _), *_ in answers:
            last = entries[-1]
            assert last[2] == target.own_filter(0) if last[2] is not None else last[3] == "GONE", last
    finally:
        for each in many:
            each.kill()
            each.wait()
            if each.stdout is not None:
                each.stdout.close()


@needs_root
def test_owners_and_the_port_setting_of_another_network_namespace() -> None:
    outside = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    inside = "0" if outside else "7"
    script = f'echo {inside} > /proc/sys/net/ipv4/ip_unprivileged_port_start; exec "$0" "$@"'
    with target.running(0, "unshare", "-n", "sh", "-c", script) as it:
        found = read(it.pid, PORT_START, "owner:net", "owner:mnt")
        assert found == {PORT_START: f"{inside}\n", "owner:net": INITIAL_USER, "owner:mnt": INITIAL_USER}
        assert read(os.getpid(), PORT_START) == {PORT_START: f"{outside}\n"}
    with target.running(0, "unshare", "-Un", "--map-root-user") as it:
        found = read(it.pid, *OWNERS)
        own = f"user:[{os.stat(f'/proc/{it.pid}/ns/user').st_ino}]"  # noqa: PTH116
        assert own != INITIAL_USER
        assert found["owner:net"] == own
        assert found["owner:mnt"] == found["owner:pid"] == found["owner:cgroup"] == INITIAL_USER


@needs_root
def test_an_ordinary_user_gets_gaps_and_its_own_owners() -> None:
    with target.running(1) as it:
        request = {"ask": "capture", "wishes": [[it.pid, ["comm", SECCOMP, PORT_START, "owner:net"], [], False, ""]]}
        answer = as_ordinary(json.dumps(request))
        ((_, entries, _), *_) = answer["found"][0]
        assert [(item[0], item[3:4]) for item in entries[1:]] == [
            ("owner:net", ["DENIED"]),
            (PORT_START, ["DENIED"]),
            (SECCOMP, ["DENIED"]),
        ]
        assert "CAP_SYS_ADMIN" in entries[-1][5]
        assert "TracerPid:\t0\n" in Path(f"/proc/{it.pid}/status").read_text()
        assert as_ordinary('{"ask":"hello"}')["barred"] == "the reader lacks CAP_SYS_ADMIN or CAP_SYS_PTRACE"
        own = as_ordinary('{"ask":"capture","wishes":[[PID,["owner:net","owner:uts"],[],false,""]]}')
        ((_, entries, _), *_) = own["found"][0]
        assert [item[2] for item in entries] == [INITIAL_USER, INITIAL_USER]


@needs_root
def test_an_ordinary_user_reads_within_a_user_namespace_of_its_own() -> None:
    """As its rootless engine's containers are, and one of theirs below that."""
    setting = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
    script = f"echo 7 > {setting}; echo ready; exec sleep 60"
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    within = ("unshare", "-Un", "--map-root-user")
    for below in ((), within):
        command = [*nobody, *within, *below, "sh", "-c", script]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/") as child:
            try:
                assert child.stdout is not None
                assert child.stdout.readline() == "ready\n"
                wish = [child.pid, [PORT_START, "owner:net", "owner:mnt", GIVING_PROGRAMS], [], False, ""]
                ((_, entries, _), *_) = as_ordinary(json.dumps({"ask": "capture", "wishes": [wish]}))["found"][0]
                found = {item[0]: item[2] for item in entries}
                own = str(Path(f"/proc/{child.pid}/ns/user").readlink())
                assert found[PORT_START] == "7\n"
                assert (found["owner:net"], found["owner:mnt"]) == (own, INITIAL_USER)
                assert found[GIVING_PROGRAMS] is not None
            finally:
                child.kill()


@needs_root
def test_what_joined_a_user_namespace_is_out_of_reach_from_there() -> None:
    with target.running(0, "unshare", "-U", "--map-root-user") as it:
        own = os.stat(f"/proc/{it.pid}/ns/user").st_ino  # noqa: PTH116
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            joined = join_own(it.pid)
            dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # PR_GET_DUMPABLE
            os.write(theirs, json.dumps([joined, dumpable, os.stat("/proc/self/ns/user").st_ino]).encode())  # noqa: PTH116
            os._exit(0)
        os.close(theirs)
        with os.fdopen(ours) as answer:
            assert json.loads(answer.read()) == [True, 0, own]
        os.waitpid(child, 0)


def test_what_is_not_privileged_is_not_read_for_members() -> None:
    child = subprocess.Popen(["sleep", "30"])
    try:
        proc = os.open("/proc/self", os.O_RDONLY)
        entries = privileged_readings.owners(proc, os.getpid(), ["comm", "owner:user", "owner:"])
        assert entries == []
        found = read(os.getpid(), "owner:user", "owner:../mnt", "seccomp:0", "netns:kernel.hostname")
        assert {value[0] for value in found.values()} == {"UNSUPPORTED"}
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("7 (a) b) R " + " ".join(str(n) for n in range(4, 53)), "22"),
        ("7 (a) R 1 2", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_start_time(text: str | None, start: str) -> None:
    assert start_of(text) == start


NAMES = st.lists(st.sampled_from(sorted(PRIVILEGED)) | st.text(max_size=9), max_size=6)


@settings(deadline=None, max_examples=60)
@given(st.integers(-3, 1 << 23) | st.just(os.getpid()), NAMES, NAMES, st.booleans())
def test_any_request_of_these_names_gets_a_reply(pid: int, wants: list[str], members: list[str], more: bool) -> None:
    line = json.dumps({"ask": "capture", "wishes": [[pid, wants, members, more, ""]]}).encode()
    answer = json.loads(reply(Collector(), line))
    assert set(answer) in ({"found"}, {"refused"})
    if "found" in answer:
        (_, entries, _), *_ = answer["found"][0]
        if len(entries) != 1 or entries[0][0]:
            told = {item[0].partition(":")[0] if item[0].startswith("seccomp:") else item[0] for item in entries}
            assert told == {"seccomp" if name.startswith("seccomp:") else name for name in wants if name != "cgroup:*"}


def kill_all(many: list[subprocess.Popen[bytes]]) -> None:
    for each in many:
        each.kill()
