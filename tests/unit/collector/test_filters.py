"""Stopping a process for its filters: harmless to it whatever happens, and why filters are not given."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from errno import ETIMEDOUT
from pathlib import Path

import pytest

from rig.collector import target
from rig.collector.asking import needs_root, read, wait_for
from stratascope.collector import filters
from stratascope.collector.filters import FILTERS_MAX, INSTRUCTIONS_MAX, NoFiltersError, needless
from stratascope.collector.names import SECCOMP
from stratascope.collector.serve import Collector


@pytest.fixture(scope="module", autouse=True)
def program() -> Iterator[None]:
    yield
    target.remove()


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
def test_two_readers_at_once_both_get_the_filters() -> None:
    """A process has one tracer at most, and another window or command may read it at the same moment."""
    with target.running(2) as it:
        found: list[int] = []

        def several() -> None:
            found.extend(len(read(it.pid, SECCOMP)) for _ in range(100))

        readers = [threading.Thread(target=several) for _ in range(3)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert found == [2] * 300


@needs_root
def test_a_signal_at_whose_delivery_it_stops_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop may be that of a signal. Here it surely is: the target is not interrupted, a signal is sent instead."""
    monkeypatch.setattr(filters, "INTERRUPT", 0x4206)  # a second SEIZE, which fails and does nothing
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
        "if pid == 0: libc.sleep(3600); libc._exit(0)\n"
    )
    stuck = subprocess.Popen(["/usr/bin/env", "python3", "-SIc", code], stdout=subprocess.PIPE)
    try:
        assert stuck.stdout is not None
        stuck.stdout.readline()
        wait_for(lambda: Path(f"/proc/{stuck.pid}/stat").read_text().rpartition(")")[2].split()[0] == "D")
        with target.running(1) as it:
            answers = Collector().capture([(pid, ["stat", SECCOMP], [], False, "") for pid in (stuck.pid, it.pid)])
        (_, first, _), (_, second, _) = (answer[0] for answer in answers)
        assert first[-1][0] == SECCOMP
        assert first[-1][3] == "UNSUPPORTED"
        assert first[-1][4] == ETIMEDOUT
        assert "did not stop in 1 s" in first[-1][5]
        assert second[-1][2] == target.own_filter(0)
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


@needs_root
def test_what_turns_out_to_be_another_while_it_stands_still_is_let_go() -> None:
    with target.running(1) as it:
        with pytest.raises(NoFiltersError) as caught:
            filters.read_filters(it.pid, lambda: False)
        assert caught.value.kind == "GONE"
        assert "TracerPid:\t0\n" in Path(f"/proc/{it.pid}/status").read_text()
        assert it.counts()[0] == 0


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
        filters.filters_of(lambda *_: waiting.pop(0), Buffer())
    assert caught.value.kind == kind
    assert words in caught.value.detail


def children_of(pid: int) -> list[int]:
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]
