"""A file that is replaced: whole or as it was, with the right mode, through no link."""

from __future__ import annotations

import errno
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from stratascope import atomic_file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_replaced_whole_and_nothing_left_over(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    inode = path.stat().st_ino
    atomic_file.write(path, b"new" * 100_000)
    assert path.read_bytes() == b"new" * 100_000
    assert path.stat().st_ino != inode, "renamed over, not written into"
    assert names(tmp_path) == ["file"]


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        atomic_file.write(path, b"new")
    assert (path.read_text(), names(tmp_path)) == ("old", ["file"])


@pytest.mark.parametrize(
    ("mode", "exact", "expected"), [(0o666, False, 0o640), (0o666, True, 0o666), (0o600, False, 0o600)]
)
def test_mode(tmp_path: Path, mode: int, exact: bool, expected: int) -> None:
    path = tmp_path / "file"
    before = os.umask(0o027)
    try:
        atomic_file.write(path, b"", mode=mode, exact=exact)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    atomic_file.write(path, b"", owner=(1234, 1235))
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1235)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("theirs")
    path = tmp_path / "file"
    path.symlink_to(other)
    atomic_file.write(path, b"ours")
    assert (path.is_symlink(), path.read_text(), other.read_text()) == (False, "ours", "theirs")


def test_drafts_of_a_crash_are_tidied_and_nothing_else(tmp_path: Path) -> None:
    for name in (".a.12345678.new", ".a.new", "a.12345678.new", ".b.12345678.new", "a"):
        (tmp_path / name).touch()
    atomic_file.tidy(tmp_path / "a")
    assert names(tmp_path) == [".a.new", ".b.12345678.new", "a", "a.12345678.new"]
    (tmp_path / ".[x].12345678.new").touch()
    (tmp_path / ".x.12345678.new").touch()
    atomic_file.tidy(tmp_path / "[x]")
    assert ".x.12345678.new" in names(tmp_path)
    assert ".[x].12345678.new" not in names(tmp_path)


@pytest.mark.parametrize(("length", "whole"), [(0, True), (1, True), (9, True), (10, True), (11, False), (5000, False)])
def test_read_up_to_its_limit(length: int, whole: bool, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * length)
    assert atomic_file.read(path, 10) == (b"x" * length if whole else None)


def test_a_file_that_grows_meanwhile_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.touch()
    before = path.stat()
    path.write_bytes(b"x" * 100_000)
    monkeypatch.setattr(os, "fstat", lambda descriptor: before)
    assert atomic_file.read(path, 1 << 20) == path.read_bytes()
    assert atomic_file.read(path, 10) is None


@pytest.mark.parametrize(
    "place",
    ["/proc/kmsg", "/proc/self/environ", "/proc/self/mountinfo", "/sys/kernel/uevent_seqnum", "/dev/zero", "/", "fifo",
     "socket", "link"],
)  # fmt: skip
def test_what_is_no_ordinary_file_is_not_read(place: str, tmp_path: Path) -> None:
    """Nor what the kernel makes up: by whatever name, and as whoever."""
    path = tmp_path / place
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/proc/kmsg")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        with pytest.raises(OSError, match=r"not an ordinary file|Is a directory|Permission denied"):
            atomic_file.read(path, 1 << 20)


@pytest.mark.parametrize(("length", "whole"), [(0, True), (10, True), (11, False), (70_000, False)])
def test_a_pipe_without_a_name_is_read_where_it_may_be(length: int, whole: bool) -> None:
    for piped in (True, False):
        out, into = os.pipe()
        writer = threading.Thread(target=_fill, args=(into, length))
        writer.start()
        try:
            if piped:
                assert atomic_file.read(Path(f"/proc/self/fd/{out}"), 10, piped=True) == (
                    b"x" * length if whole else None
                )
            else:
                with pytest.raises(OSError, match="not an ordinary file"):
                    atomic_file.read(Path(f"/proc/self/fd/{out}"), 10)
        finally:
            os.close(out)
            writer.join()


def _fill(descriptor: int, length: int) -> None:
    with suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as file:
        file.write(b"x" * length)
