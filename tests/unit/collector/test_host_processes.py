"""The host's processes by what ptrace(2) compares, as this machine's kernel shows them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from stratascope.collector import host_processes
from stratascope.collector.host_processes import CUT, Targets, sees_host
from stratascope.collector.names import HOST_PROGRAMS
from stratascope.collector.read import Entry, open_process
from stratascope.linux.process import HostProgram, parse_host_programs

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
CGROUPS = tuple(map(Path, ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")))
CHOWN, NET_RAW = 1 << 0, 1 << 13


def beside(pid: int = os.getpid(), *, hidepid: bool = False) -> Entry:
    directory = open_process(pid)
    try:
        return Targets(hidepid).beside(directory)
    finally:
        os.close(directory)


def listed(pid: int = os.getpid()) -> tuple[HostProgram, ...]:
    name, source, text, *_ = beside(pid)
    assert isinstance(text, str)
    assert (name, source) == (HOST_PROGRAMS, "/proc")
    return parse_host_programs(text).kinds


@contextmanager
def sleeping(uid: int, *more: str, before: tuple[str, ...] = (), only: str = "reuid") -> Iterator[int]:
    user = ("setpriv", f"--{only}={uid}", f"--regid={uid}", "--clear-groups", *more)
    command = (*before, *user, "sh", "-p", "-c", "echo; exec sleep 600")
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.read(1) == b"\n"
            yield process.pid
        finally:
            os.killpg(process.pid, signal.SIGKILL)


@ROOT
def test_one_that_holds_less_takes_the_place_of_all_that_hold_more() -> None:
    uid, own = 4_242_423, Path("/proc/self/ns/user").stat().st_ino
    both, one = (f"--inh-caps=+{caps}" for caps in ("chown,+net_raw", "chown"))
    with sleeping(uid, both, both.replace("inh", "ambient")):
        assert [each for each in listed() if each.uid == uid] == [HostProgram(uid, uid, CHOWN | NET_RAW, own)]
        with sleeping(uid, one, one.replace("inh", "ambient")):
            assert [each for each in listed() if each.uid == uid] == [HostProgram(uid, uid, CHOWN, own)]


@ROOT
def test_one_in_a_pid_namespace_of_its_own_is_no_program_of_the_host() -> None:
    uid = 4_242_424
    with sleeping(uid):
        assert [each.container for each in listed() if each.uid == uid] == [""]
    with sleeping(uid, before=("unshare", "--pid", "--fork")):
        assert [bool(each.container) for each in listed() if each.uid == uid] == [True]


@ROOT
def test_one_with_mixed_ids_is_left_out() -> None:
    uid = 4_242_425
    with sleeping(uid, only="ruid"):
        assert uid not in {each.uid for each in listed()}


@ROOT
def test_a_confined_service_is_nobody_else_to_itself() -> None:
    uid, confined = 4_242_426, ("--no-new-privs",)
    group = next(each for each in CGROUPS if each.is_dir()) / f"stratascope-{os.getpid()}.service"
    group.mkdir()
    try:
        with sleeping(uid, *confined) as own, sleeping(uid, *confined) as other:
            for pid in (own, other):
                (group / "cgroup.procs").write_text(str(pid))
            assert uid not in {each.uid for each in listed(own)}
            assert uid in {each.uid for each in listed()}
            with sleeping(uid, *confined):  # in no service, or in that of who started all of them
                assert uid in {each.uid for each in listed(own)}
            with sleeping(uid) as starter:
                (group / "cgroup.procs").write_text(str(starter))
                assert uid in {each.uid for each in listed(own)}
    finally:
        for _ in range(50):
            with suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


def test_the_list_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(beside(hidepid=True)[2]).endswith(CUT)
    monkeypatch.setattr(host_processes, "PROCESSES_MAX", 3)
    assert not parse_host_programs(beside()[2]).whole


def test_who_sees_them() -> None:
    status, mounts = Path("/proc/self/status").read_text(), Path("/proc/self/mountinfo").read_text()
    assert sees_host(status, "")
    inside = status.replace("NSpid:\t", "NSpid:\t7\t")
    assert sees_host(inside, mounts)  # the reader's own /proc
    assert not sees_host(inside, "30 20 0:9999 / /proc rw - proc proc rw\n31 20 0:40 / / rw - overlay overlay rw\n")
    assert not sees_host(None, None)
