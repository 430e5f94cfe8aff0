"""What only root can read, of real processes: right, harmless to the target, and nothing is waited for too long."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import target
from stratascope.collector import filters, privileged
from stratascope.collector.filters import FILTERS_MAX, INSTRUCTIONS_MAX, NoFiltersError, needless, why_not
from stratascope.collector.privileged import OWNERS, PORT_START, PRIVILEGED, SECCOMP, Errand, run, start_of
from stratascope.collector.serve import Collector, reply

INITIAL_USER = "user:[4026531837]"
needs_root = pytest.mark.skipif(os.geteuid() != 0 or bool(why_not()), reason=f"needs root: {why_not()}")


@pytest.fixture(scope="module", autouse=True)
def program() -> Iterator[None]:
    yield
    target.remove()


def read(pid: int, *names: str) -> dict[str, Any]:
    """Text, or (kind, detail), by name."""
    ((_, entries, _), _, _) = Collector().capture([(pid, list(names), [], False)])[0]
    return {item[0]: item[2] if item[2] is not None else (item[3], item[5]) for item in entries}


@needs_root
@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_filters_as_they_were_put_in_place(count: int) -> None:
    with target.running(count) as it:
        assert read(it.pid, SECCOMP) == {f"seccomp:{n}": target.own_filter(n) for n in range(count)}


@needs_root
def test_the_source_says_how_it_was_read() -> None:
    with target.running(1) as it:
        ((_, entries, _), _, _) = Collector().capture([(it.pid, [SECCOMP, *OWNERS, PORT_START], [], False)])[0]
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
def test_no_signal_is_lost_and_the_other_thread_goes_on() -> None:
    """Realtime signals queue: each one that is sent must arrive, also those that wait while the target is stopped."""
    sent = 0
    with target.running(2) as it:
        over = threading.Event()

        def send() -> None:
            nonlocal sent
            while not over.is_set():
                with contextlib.suppress(BlockingIOError):  # the queue is full
                    os.kill(it.pid, signal.SIGRTMIN)
                    sent += 1
                time.sleep(0)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            for _ in range(150):
                assert len(read(it.pid, SECCOMP)) == 2
        finally:
            over.set()
            sender.join()
        before = it.counts()
        time.sleep(0.1)
        after = it.counts()
        assert after[0] == sent > 150
        assert after[1] > before[1]
        assert "TracerPid:\t0\n" in Path(f"/proc/{it.pid}/status").read_text()


@needs_root
def test_a_signal_at_whose_delivery_it_stops_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop may be that of a signal. Here it surely is: the target is not interrupted, a signal is sent instead."""
    monkeypatch.setattr(filters, "_INTERRUPT", 0x4206)  # a second SEIZE, which fails and does nothing
    sent = 0
    with target.running(1) as it:
        over = threading.Event()

        def send() -> None:
            nonlocal sent
            while not over.wait(0.02):
                os.kill(it.pid, signal.SIGRTMIN)
                sent += 1

        sender = threading.Thread(target=send)
        sender.start()
        try:
            for _ in range(20):
                assert read(it.pid, SECCOMP) == {"seccomp:0": target.own_filter(0)}
        finally:
            over.set()
            sender.join()
        assert it.counts()[0] == sent >= 20


@needs_root
def test_one_that_was_stopped_by_hand_stays_stopped() -> None:
    with target.running(1) as it:
        os.kill(it.pid, signal.SIGSTOP)
        assert read(it.pid, SECCOMP) == {"seccomp:0": target.own_filter(0)}
        time.sleep(0.1)
        assert Path(f"/proc/{it.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        os.kill(it.pid, signal.SIGCONT)
        assert it.counts()[0] == 0


@needs_root
def test_one_that_never_stops_is_given_up_and_the_others_are_read() -> None:
    """In vfork the parent waits in the kernel until the child execs or ends, and answers nobody."""
    code = (
        "import ctypes, os\n"
        "print('ready', flush=True)\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.prctl(38, 1, 0, 0, 0)\n"
        "import struct\n"
        "class P(ctypes.Structure): _fields_ = [('n', ctypes.c_ushort), ('f', ctypes.c_char_p)]\n"
        "libc.prctl(22, 2, ctypes.byref(P(1, struct.pack('=HBBI', 6, 0, 0, 0x7fff0000))), 0, 0)\n"
        "pid = libc.vfork()\n"
        "if pid == 0: libc.sleep(30); libc._exit(0)\n"
    )
    stuck = subprocess.Popen(["/usr/bin/env", "python3", "-SIc", code], stdout=subprocess.PIPE)
    try:
        assert stuck.stdout is not None
        stuck.stdout.readline()
        wait_for(lambda: Path(f"/proc/{stuck.pid}/stat").read_text().rpartition(")")[2].split()[0] == "D")
        with target.running(1) as it:
            before = time.monotonic()
            answers = Collector().capture([(pid, ["stat", SECCOMP], [], False) for pid in (stuck.pid, it.pid)])
            took = time.monotonic() - before
        (_, first, _), (_, second, _) = (answer[0] for answer in answers)
        assert first[-1][0] == SECCOMP
        assert first[-1][3] == "UNSUPPORTED"
        assert "did not stop in 1 s" in first[-1][5]
        assert second[-1][2] == target.own_filter(0)
        assert took < 3
        status = Path(f"/proc/{stuck.pid}/status").read_text()
        assert "TracerPid:\t0\n" in status
    finally:
        for pid in (*children_of(stuck.pid), stuck.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        stuck.wait()
        if stuck.stdout is not None:
            stuck.stdout.close()


@needs_root
def test_the_limit_for_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileged, "REQUEST_LIMIT", 0.0)
    with target.running(1) as it:
        assert read(it.pid, SECCOMP) == {SECCOMP: ("UNSUPPORTED", "no time was left for it")}


@needs_root
def test_a_target_goes_on_when_its_reader_is_killed() -> None:
    with target.running(1) as it:
        before = it.counts()
        held = subprocess.Popen(
            ["/usr/bin/env", "python3", "-SIc", HOLD, str(it.pid)], stdout=subprocess.PIPE, text=True
        )
        assert held.stdout is not None
        assert held.stdout.readline() == "held\n"
        os.kill(it.pid, signal.SIGRTMIN)
        held.kill()
        held.wait()
        held.stdout.close()
        wait_for(lambda: it.counts()[0] == before[0] + 1)


HOLD = """
import ctypes, os, sys, time
pid = int(sys.argv[1])
call = ctypes.CDLL(None).ptrace
call.argtypes = (ctypes.c_long,) * 4
call(0x4206, pid, 0, 0)
call(0x4207, pid, 0, 0)
os.waitpid(pid, 0x40000000)
print("held", flush=True)
time.sleep(60)
"""


@needs_root
def test_one_that_is_traced_already_is_denied() -> None:
    with target.running(1) as it:
        held = subprocess.Popen(
            ["/usr/bin/env", "python3", "-SIc", HOLD, str(it.pid)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert held.stdout is not None
            held.stdout.readline()
            ((kind, detail),) = read(it.pid, SECCOMP).values()
            assert kind == "DENIED"
            assert "another program traces it" in detail
        finally:
            held.kill()
            held.wait()
            if held.stdout is not None:
                held.stdout.close()


def test_a_process_that_has_ended_is_gone() -> None:
    zombie = subprocess.Popen(["true"])
    try:
        wait_for(lambda: Path(f"/proc/{zombie.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
        ((pid, entries, _), _, _) = Collector().capture([(zombie.pid, ["stat", SECCOMP, "owner:net"], [], False)])[0]
        assert (pid, [item[3] for item in entries]) == (zombie.pid, ["GONE"])
    finally:
        zombie.wait()


@pytest.mark.parametrize("start", ["1", ""])
def test_another_process_with_the_same_number_is_not_read(start: str) -> None:
    errand = Errand(os.getpid(), start, [SECCOMP, PORT_START], [])
    run([errand])
    assert {(item[0], item[3]) for item in errand.entries} == {(SECCOMP, "GONE"), (PORT_START, "GONE")}


@needs_root
def test_what_turns_out_to_be_another_while_it_stands_still_is_let_go() -> None:
    with target.running(1) as it:
        with pytest.raises(NoFiltersError) as caught:
            filters.read_filters(it.pid, lambda: False)
        assert caught.value.kind == "GONE"
        assert "TracerPid:\t0\n" in Path(f"/proc/{it.pid}/status").read_text()
        assert it.counts()[0] == 0


@needs_root
def test_many_that_die_while_they_are_read() -> None:
    many = [subprocess.Popen([str(target.built()), "1"], stdout=subprocess.PIPE) for _ in range(40)]
    try:
        for each in many:
            assert each.stdout is not None
            each.stdout.readline()
        killer = threading.Timer(0.005, kill_all, (many,))
        killer.start()
        answers = Collector().capture([(each.pid, ["stat", SECCOMP], [], False) for each in many])
        killer.join()
        for (_, entries, _), _, _ in answers:
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
        request = {"ask": "capture", "wishes": [[it.pid, ["comm", SECCOMP, PORT_START, "owner:net"], [], False]]}
        answer = as_ordinary(json.dumps(request))
        ((_, entries, _), _, _) = answer["found"][0]
        assert [(item[0], item[3:4]) for item in entries[1:]] == [
            ("owner:net", ["DENIED"]),
            (PORT_START, ["DENIED"]),
            (SECCOMP, ["DENIED"]),
        ]
        assert "CAP_SYS_ADMIN" in entries[-1][5]
        assert "TracerPid:\t0\n" in Path(f"/proc/{it.pid}/status").read_text()
        assert as_ordinary('{"ask":"hello"}')["barred"] == "the reader lacks CAP_SYS_ADMIN or CAP_SYS_PTRACE"
        own = as_ordinary('{"ask":"capture","wishes":[[PID,["owner:net","owner:uts"],[],false]]}')
        ((_, entries, _), _, _) = own["found"][0]
        assert [item[2] for item in entries] == [INITIAL_USER, INITIAL_USER]


def as_ordinary(request: str) -> Any:
    """The answer of a collector that runs as nobody; PID in the request is its own."""
    from stratascope.probe.bundle import program as text

    child = subprocess.Popen(
        ["/usr/bin/env", "python3", "-SI", "-c", text().decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        user=65534,
        group=65534,
        extra_groups=[],
    )
    answer, _ = child.communicate(request.replace("PID", str(child.pid)) + "\n", timeout=20)
    return json.loads(answer)


def test_what_is_not_privileged_is_not_read_for_members() -> None:
    child = subprocess.Popen(["sleep", "30"])
    try:
        entries = privileged.owners(os.open("/proc/self", os.O_RDONLY), os.getpid(), ["comm", "owner:user", "owner:"])
        assert entries == []
        found = read(os.getpid(), "owner:user", "owner:../mnt", "seccomp:0", "netns:kernel.hostname")
        assert {value[0] for value in found.values()} == {"UNSUPPORTED"}
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("Seccomp:\t0\nSeccomp_filters:\t0\n", "ABSENT"),
        ("Seccomp:\t1\n", "ABSENT"),
        ("Name:\tx\n", "UNSUPPORTED"),
        ("Seccomp:\tx\n", "UNSUPPORTED"),
        ("", "UNSUPPORTED"),
    ],
)
def test_status_tells_that_there_is_nothing_to_read(status: str, kind: str) -> None:
    told = needless(status)
    assert told is not None
    assert told.kind == kind


def test_status_tells_that_there_is_a_filter() -> None:
    assert needless("NoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n") is None


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


@pytest.mark.parametrize(
    ("answers", "kind", "words"),
    [
        ([-22], "UNSUPPORTED", "CONFIG_CHECKPOINT_RESTORE"),
        ([1, -124], "UNSUPPORTED", "not classic BPF"),
        ([-13], "DENIED", "not allowed"),
        ([1, -3], "GONE", "ended"),
        ([-5], "UNSUPPORTED", ""),
        ([1] * (FILTERS_MAX + 1), "UNSUPPORTED", "more than"),
    ],
)
def test_why_a_filter_is_not_given(answers: list[int], kind: str, words: str) -> None:
    class Buffer:
        raw = b"\x06" + bytes(7) + bytes(8 * INSTRUCTIONS_MAX)

    waiting = list(answers)
    with pytest.raises(NoFiltersError) as caught:
        filters._all(lambda *_: waiting.pop(0), Buffer())
    assert caught.value.kind == kind
    assert words in caught.value.detail


NAMES = st.lists(st.sampled_from(sorted(PRIVILEGED)) | st.text(max_size=9), max_size=6)


@settings(deadline=None, max_examples=60)
@given(st.integers(-3, 1 << 23) | st.just(os.getpid()), NAMES, NAMES, st.booleans())
def test_any_request_of_these_names_gets_a_reply(pid: int, wants: list[str], members: list[str], more: bool) -> None:
    line = json.dumps({"ask": "capture", "wishes": [[pid, wants, members, more]]}).encode()
    answer = json.loads(reply(Collector(), line))
    assert set(answer) in ({"found"}, {"refused"})
    if "found" in answer:
        (_, entries, _), _, _ = answer["found"][0]
        if len(entries) != 1 or entries[0][0]:
            told = {item[0].partition(":")[0] if item[0].startswith("seccomp:") else item[0] for item in entries}
            assert told == {"seccomp" if name.startswith("seccomp:") else name for name in wants if name != "cgroup:*"}


def kill_all(many: list[subprocess.Popen[bytes]]) -> None:
    for each in many:
        each.kill()


def wait_for(done: Any, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def children_of(pid: int) -> list[int]:
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]
