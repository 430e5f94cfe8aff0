"""Files of the engine's host, with this process as the engine: what is there, what changed, what can't be told."""

from __future__ import annotations

import os
import posixpath
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stratascope.core.ports import HostPath, HostPathKind
from stratascope.engines.shared.host_files import LocalFiles


@pytest.fixture
def files(tmp_path: Path) -> Iterator[LocalFiles]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "engine.sock"))
        server.listen()
        yield LocalFiles(f"unix://{tmp_path / 'engine.sock'}")


def test_exists(files: LocalFiles, tmp_path: Path) -> None:
    assert files.exists(str(tmp_path)) is True
    assert files.exists(str(tmp_path / "gone")) is False
    (tmp_path / "file").touch()
    assert files.exists(str(tmp_path / "file" / "below")) is False
    assert files.exists("\0") is None
    (tmp_path / "loop").symlink_to("loop")
    assert files.exists(str(tmp_path / "loop")) is None


def test_an_engine_elsewhere_can_not_be_told() -> None:
    there = LocalFiles("ssh://host")
    assert there.exists("/") is None
    assert there.replaced(os.getpid(), "/", "/") is None
    assert there.propagation("/") is None
    assert there.entries("/", "/", 5) is None


def test_a_socket_that_nobody_answers_on(tmp_path: Path) -> None:
    """Then paths mean what they mean here."""
    assert LocalFiles(f"unix://{tmp_path}/none.sock").exists(str(tmp_path)) is True


def test_entries(files: LocalFiles, tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "a" / "deep").mkdir(parents=True)
    (top / "a" / "deep" / "file").touch(0o600)
    (top / "file").touch(0o644)
    (top / "link").symlink_to("/")
    top.chmod(0o750)
    found = files.entries(str(top), "/data/", 100)
    assert found is not None
    assert {
        (entry.path, oct(entry.mode), entry.folder) for entry in found if entry.path not in ("/data/a", "/data/a/deep")
    } == {
        ("/data", "0o750", True),
        ("/data/file", "0o644", False),
        ("/data/a/deep/file", "0o600", False),
    }
    assert {entry.uid for entry in found} == {os.getuid()}
    assert len(files.entries(str(top), "/data", 3) or ()) == 3
    single = files.entries(str(top / "file"), "/etc/file", 100)
    assert single is not None
    assert [entry.path for entry in single] == ["/etc/file"]
    assert files.entries(str(tmp_path / "gone"), "/data", 100) is None


def test_replaced(files: LocalFiles, tmp_path: Path) -> None:
    """The root is a mount in every mount namespace."""
    assert files.replaced(os.getpid(), "/", "/") is False
    assert files.replaced(os.getpid(), str(tmp_path), "/proc") is True
    assert files.replaced(os.getpid(), str(tmp_path), str(tmp_path)) is None  # nothing is mounted there
    assert files.replaced(1 << 30, "/", "/") is None  # no such process


def test_propagation_is_that_of_the_nearest_mount(files: LocalFiles) -> None:
    assert files.propagation("/proc") is not None
    assert files.propagation("/proc/self/status") == files.propagation("/proc")


def test_what_lies_at_a_path(files: LocalFiles, tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "below").mkdir(parents=True)
    (here / "file").touch()
    os.mkfifo(here / "pipe")
    (tmp_path / "link").symlink_to("here/../here/below")
    (tmp_path / "again").symlink_to(tmp_path / "link")
    assert files.place(str(tmp_path / "again"), 9) == HostPath(str(here / "below"), HostPathKind.FOLDER, mounted=False)
    assert files.place(str(here / "file"), 9) == HostPath(str(here / "file"), HostPathKind.FILE, mounted=False)
    assert files.place(str(here / "pipe"), 9) == HostPath(str(here / "pipe"), HostPathKind.OTHER, mounted=False)
    assert files.place(str(tmp_path / "engine.sock"), 9) == HostPath(
        str(tmp_path / "engine.sock"), HostPathKind.SOCKET, mounted=False
    )
    assert files.place(str(here), 9) == HostPath(str(here), HostPathKind.FOLDER, mounted=False, sockets=False)
    assert files.place(str(here), 2) == HostPath(str(here), HostPathKind.FOLDER, mounted=False, sockets=None)
    assert files.place(str(tmp_path), 99) == HostPath(str(tmp_path), HostPathKind.FOLDER, mounted=False, sockets=True)
    (tmp_path / "loop").symlink_to("loop")
    assert files.place(str(tmp_path / "loop"), 9) is None
    assert files.place(str(tmp_path / "gone"), 9) is None
    for place in ("/", "/proc"):
        found = files.place(place, 1)
        assert found is not None
        assert (found.kind, found.mounted) == (HostPathKind.FOLDER, True)
    assert LocalFiles("ssh://host").place("/", 1) is None


def test_marks(files: LocalFiles, tmp_path: Path) -> None:
    """A socket, and a file for the number of a process with one that runs; other numbers are data."""
    own = {"app.pid": os.getpid(), "app.lock": 1, "old.pid": 2**30, "version": 1, "not.pid": "x", "data": "1 2"}
    for name, text in own.items():
        (tmp_path / name).write_text(f"{text}\n")
    (tmp_path / "link.pid").symlink_to("app.pid")
    os.mkfifo(tmp_path / "fifo.pid")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control"))
        os.setxattr(tmp_path / "data", "user.note", b"x")
        names = (*own, "link.pid", "fifo.pid", "control", "gone")
        found = files.marks(os.getpid(), tuple(str(tmp_path / name) for name in names))
    assert found is not None
    assert {posixpath.basename(path) for path in found.passing} == {"app.pid", "app.lock", "control"}
    assert found.attributes == ((str(tmp_path / "data"), "user.note"),)
    assert LocalFiles("ssh://host").marks(os.getpid(), ()) is None
