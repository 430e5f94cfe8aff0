"""What a process holds open from outside, as this machine's kernel shows it: outside is what its mounts do not have."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stratascope.collector.descriptors import CUT, Outside
from stratascope.collector.names import DESCRIPTORS
from stratascope.collector.read import open_process
from stratascope.linux.descriptors import Descriptor, parse_descriptors

_NULL, _PIPE = subprocess.DEVNULL, subprocess.PIPE
NOTHING = ""  # the mounts of a process to which everything is outside


@contextmanager
def holding(*numbers: int) -> Iterator[int]:
    script = ("sh", "-c", "echo; read _")
    with subprocess.Popen(script, pass_fds=numbers, stdin=_PIPE, stdout=_PIPE, stderr=_NULL) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()  # only now its loader holds no library open
            yield process.pid
        finally:
            process.kill()


def listed(pid: int, mountinfo: str) -> tuple[Descriptor, ...]:
    directory = open_process(pid)
    try:
        name, source, text, *_ = Outside().read(directory, pid, mountinfo)
    finally:
        os.close(directory)
    assert (name, source) == (DESCRIPTORS, f"/proc/{pid}/fd")
    return parse_descriptors(text)


def test_folders_files_and_nothing_harmless(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    file = os.open(tmp_path / "file", os.O_WRONLY)
    ours, theirs = os.pipe()
    try:
        with holding(folder, file, ours, theirs) as pid:
            found = {each.number: each for each in listed(pid, NOTHING)}
            assert found.keys() == {str(folder), str(file), "cwd"}
            assert found[str(folder)] == Descriptor(str(folder), "d", False, (0, 0), True, str(tmp_path))
            assert (found[str(file)].kind, found[str(file)].writable) == ("f", True)
            assert found["cwd"].path == str(Path.cwd())
    finally:
        for number in (folder, file, ours, theirs):
            os.close(number)


def test_what_its_own_mounts_show_is_not_outside(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with holding(folder) as pid:
            assert listed(pid, Path(f"/proc/{pid}/mountinfo").read_text()) == ()
    finally:
        os.close(folder)


@pytest.mark.parametrize("options", ["", "-o remount,bind,ro"])
def test_what_was_unmounted_meanwhile(tmp_path: Path, options: str) -> None:
    """No list has that mount any more; whose its file system is, its number tells."""
    (tmp_path / "file").touch()
    lines = (
        f"mount --bind {tmp_path} {tmp_path}",
        f"mount {options} {tmp_path}" if options else "",
        f"cd {tmp_path}",
        f"exec 7< {tmp_path} 8< {tmp_path}/file",
        f"umount -l {tmp_path}",
        "echo ready",
        "exec sleep 600",
    )
    command = ("unshare", "-rm", "--propagation", "private", "sh", "-ec", "\n".join(lines))
    number = tmp_path.stat().st_dev
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=_NULL) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            found = {
                each.number: each for each in listed(process.pid, Path(f"/proc/{process.pid}/mountinfo").read_text())
            }
        finally:
            process.kill()
    device = (os.major(number), os.minor(number))
    assert found["7"] == Descriptor("7", "d", not options, device, False, "/")
    assert found["cwd"] == Descriptor("cwd", "d", not options, device, False, "/")
    assert found["8"] == Descriptor("8", "f", False, (0, 0), False, "/file")


def test_memory_without_a_name_is_nobody_s() -> None:
    number = os.memfd_create("strata")
    try:
        with holding(number) as pid:
            assert str(number) not in {each.number for each in listed(pid, NOTHING)}
    finally:
        os.close(number)


def test_too_many_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stratascope.collector.descriptors.DESCRIPTORS_MAX", 1)
    directory = open_process(os.getpid())
    try:
        assert str(Outside().read(directory, os.getpid(), NOTHING)[2]).endswith(CUT)
    finally:
        os.close(directory)


def _terminals(pid: int) -> tuple[str, ...]:
    return tuple(each.kind for each in listed(pid, NOTHING) if each.kind in "tT")


def test_a_terminal_of_the_host_and_whether_it_is_its_own() -> None:
    master, number = os.openpty()
    name = os.ttyname(number)
    take = f"fcntl.ioctl({number}, termios.TIOCSCTTY, 0)"
    wait = f"import fcntl, termios, time; {take}; print(1, flush=True); time.sleep(600)"
    try:
        with holding(number) as pid:
            assert _terminals(pid) == ("t",)
        with subprocess.Popen(
            (sys.executable, "-c", wait),
            pass_fds=(number,),
            stdin=_NULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == b"1\n"
                assert _terminals(process.pid) == ("T",)
                assert name in {each.path for each in listed(process.pid, NOTHING)}
                assert _terminals_of_its_mounts(process.pid) == ()
            finally:
                process.kill()
    finally:
        os.close(number)
        os.close(master)


def _terminals_of_its_mounts(pid: int) -> tuple[str, ...]:
    return tuple(each.kind for each in listed(pid, Path(f"/proc/{pid}/mountinfo").read_text()) if each.kind in "tT")
