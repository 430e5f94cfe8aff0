"""What the collector tells of the host's files that are bound in: real folders, and lists of mounts as text."""

from __future__ import annotations

import os
import time
from math import inf
from pathlib import Path

import pytest

from stratascope.collector import bound_files
from stratascope.collector.bound_files import BoundFiles, bound_mounts, read_root
from stratascope.collector.chroot import Files, files_of
from stratascope.collector.names import BOUND, ROOT
from stratascope.collector.read import open_process

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to other users")


def lines_of(folder: Path, until: float = inf) -> set[str]:
    top = os.open(folder, os.O_PATH)
    try:
        return bound_files.Looking(top, [str(folder)], until).all()
    finally:
        os.close(top)


def text_of(mountinfo: str) -> list[str]:
    directory = open_process(os.getpid())
    try:
        name, _, text = BoundFiles().read(Files(directory, os.getpid(), mountinfo, top=False))
    finally:
        os.close(directory)
    assert name == BOUND
    lines: list[str] = text.splitlines()
    return lines


def mount_line(folder: Path, target: str, options: str = "rw") -> str:
    """As the kernel would list a bind mount of that folder."""
    best = max(
        (each for each in bound_files.own_mounts() if str(folder).startswith(f"{each.target.rstrip('/')}/")),
        key=lambda each: len(each.target),
    )
    kind = next(
        line.partition(" - ")[2].split()[0]
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
        if line.startswith(f"{best.number} ")
    )
    root = best.root.rstrip("/") + str(folder)[len(best.target.rstrip("/")) :]
    return f"900 1 {best.device} {root} {target} {options} - {kind} x rw\n"


@needs_root
def test_owners_and_modes_with_the_way_there(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o750)
    (tmp_path / "a" / "file").write_text("")
    os.chown(tmp_path / "a" / "file", 1000, 50)
    (tmp_path / "a" / "file").chmod(0o640)
    (tmp_path / "link").symlink_to("/etc")
    tmp_path.chmod(0o755)
    (tmp_path / "a").chmod(0o750)
    assert lines_of(tmp_path) == {
        "- d - 0:0:755",
        "- d 0:0:755 0:0:750",
        "- f 0:0:755,0:0:750 1000:50:640",
    }


def test_equal_files_are_told_once(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / str(number)).write_text("")
    assert len(lines_of(tmp_path)) == 2


def test_a_search_cut_short_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        (tmp_path / str(number)).write_text("")
    assert any(line.split()[1] == "?" for line in lines_of(tmp_path, until=0.0))
    monkeypatch.setattr(bound_files, "ITEMS_MAX", 10)
    assert any(line.split()[1] == "?" for line in lines_of(tmp_path))


def test_what_ended_by_time_is_not_told_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is one process's: what its other mounts took is no reason to know less of the next one's."""
    for number in range(50):
        (tmp_path / str(number)).write_text("")
    reader, directory = BoundFiles(), open_process(os.getpid())
    answers = []
    try:
        for seconds in (-1.0, 10.0):
            monkeypatch.setattr(bound_files, "SECONDS", seconds)
            files = Files(directory, os.getpid(), mount_line(tmp_path, "/data"), top=False)
            answers.append(reader.read(files)[2] or "")
    finally:
        os.close(directory)
    assert [" ? " in each for each in answers] == [True, False]


def test_the_number_of_items_ends_a_search_before_its_time(tmp_path: Path) -> None:
    """Or the answer would be another one whenever the machine is busy."""
    for number in range(bound_files.ITEMS_MAX + 100):
        (tmp_path / str(number)).touch()
    began = time.thread_time()
    assert any(line.split()[1] == "?" for line in lines_of(tmp_path))
    assert time.thread_time() - began < bound_files.SECONDS


def test_a_bind_mount_is_found_by_its_path_on_the_host(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    about = tmp_path.stat()
    found = text_of(mount_line(tmp_path, "/data"))
    if "b ? - 0:0:777" in found[1]:
        pytest.skip("a file system that is not looked at")
    assert found == ["900 = /data", f"900 - d - {about.st_uid}:{about.st_gid}:755"]


def test_one_that_can_not_be_looked_at_is_told(tmp_path: Path) -> None:
    assert text_of("900 1 99:99 /x /data rw - nfs4 x rw\n") == ["900 = /data", "900 b ? - 0:0:777"]
    assert text_of("900 1 0:99 /x /data rw - fuse.sshfs x rw\n") == ["900 = /data", "900 b ? - 0:0:777"]
    assert text_of("900 1 99:99 /x /data rw - ext4 x rw\n") == ["900 = /data", "900 b ? - 0:0:777"]


@pytest.mark.parametrize(
    "line",
    [
        "900 1 0:50 / / rw - overlay overlay rw",
        "900 1 254:0 /x /data ro - ext4 /dev/vda rw",
        "900 1 254:0 /x /data rw - ext4 /dev/vda ro",
        "900 1 0:51 / /tmp rw - tmpfs tmpfs rw",
        "900 1 0:52 / /proc rw - proc proc rw",
        "900 1 0:52 /bus /x rw - proc proc rw",
        "900 1 0:53 net:[4026531840] /n rw - nsfs nsfs rw",
        "900 1 254:0 /c/" + "a" * 64 + "/hosts /etc/hosts rw - ext4 /dev/vda rw",
    ],
)
def test_what_is_the_containers_own_is_left_out(line: str) -> None:
    assert bound_mounts(line + "\n", frozenset({"254:0"})) == []


def test_settings_of_the_kernel(tmp_path: Path) -> None:
    assert text_of("900 1 0:52 /sys/kernel /x rw - proc proc rw\n") == ["900 = /x", "900 r k - 0:0:644"]


def test_the_root_directory() -> None:
    directory = open_process(os.getpid())
    try:
        name, _, text = read_root(files_of(directory, os.getpid(), []))
    finally:
        os.close(directory)
    about = Path("/").stat()
    assert (name, text) == (ROOT, f"{about.st_uid}:{about.st_gid}:{about.st_mode & 0o7777:o}\n")
