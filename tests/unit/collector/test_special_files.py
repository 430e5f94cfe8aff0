"""Sockets and device nodes in a process's sight: in its /dev and in what of the host is bound in. A real one."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stratascope.collector import special_files
from stratascope.collector.host import read_host
from stratascope.collector.serve import Collector

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make nodes and mounts")


@pytest.fixture
def rooted(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A process with a root directory of its own, as a container has it, and a folder of the host's bound in."""
    root, bound = tmp_path / "root", tmp_path / "bound"
    for folder in ("bin", "dev", "data", "own"):
        (root / folder).mkdir(parents=True)
    (bound / "a/b/c/d").mkdir(parents=True)
    (root / "bin/busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (root / "bin/busybox").chmod(0o755)
    os.mknod(root / "dev/null", 0o20666, os.makedev(1, 3))
    os.mknod(root / "dev/harmless", 0o60640, os.makedev(7, 0))
    (root / "dev/single").touch()
    os.mknod(bound / "log", 0o20644, os.makedev(1, 11))
    (bound / "file").write_text("x")
    (bound / "link").symlink_to("log")
    with socket.socket(socket.AF_UNIX) as near, socket.socket(socket.AF_UNIX) as far:
        near.bind(str(bound / "a/x.sock"))
        here = Path.cwd()
        os.chdir(bound / "a/b/c/d")  # a path in a socket's address has 107 bytes
        try:
            far.bind("far")
        finally:
            os.chdir(here)
        script = """mount --bind "$0" "$0" && mount --bind "$1" "$0/data" && mount -t tmpfs none "$0/own" &&
            mknod "$0/own/node" c 10 232 && mknod "$0/own/unseen" c 10 1 &&
            mount --bind "$0/own/node" "$0/dev/single" &&
            exec chroot --userspec=65534:65534 "$0" /bin/busybox sleep 60"""
        command = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, str(root), str(bound)]
        child = subprocess.Popen(command)
        while Path(f"/proc/{child.pid}/exe").readlink() != root / "bin/busybox":  # no longer root
            time.sleep(0.01)
        yield child.pid, root
        child.kill()
        child.wait()


def look(pid: int) -> tuple[object, ...]:
    (_, entries, _), *_ = Collector().capture([(pid, ("root:special",), (), False, "")])[0]
    return next(item for item in entries if item[0] == "root:special")


def lines(pid: int) -> list[list[str]]:
    return sorted(line.split(" ") for line in str(look(pid)[2]).splitlines())


def test_by_what_they_are(rooted: tuple[int, Path]) -> None:
    found = lines(rooted[0])
    assert [(words[0], words[1], words[4], words[6]) for words in found] == [
        ("b", "7:0", "640", "/dev/harmless"),
        ("c", "10:232", "644", "/dev/single"),  # crun makes nodes on a file system of its own, and mounts each
        ("c", "1:11", "644", "/data/log"),
        ("s", "0:0", "755", "/data/a/x.sock"),
    ]  # the one that lies deeper than it looks is not found
    about = (rooted[1].parent / "bound/a/x.sock").stat()
    assert found[3][5] == f"{os.major(about.st_dev)}:{os.minor(about.st_dev)}:{about.st_ino}"


def test_it_is_told_where_it_was_broken_off(rooted: tuple[int, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(special_files, "SECONDS", -1.0)
    found = str(look(rooted[0])[2])
    assert found.endswith("...\n")
    assert "/dev/harmless" in found  # what is mounted is looked at in any case
    assert "x.sock" not in found


def test_a_gap_where_the_process_is_gone() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    (_, entries, _), *_ = Collector().capture([(child.pid, ("root:special",), (), False, "")])[0]
    assert entries[0][3] == "GONE"


def test_the_usual_places_of_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(special_files, "PLACES", (str(tmp_path / "engine.sock"), str(tmp_path / "none.sock")))
    monkeypatch.setattr(special_files, "USERS", str(tmp_path / "none"))
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(tmp_path / "engine.sock"))
        about = (tmp_path / "engine.sock").stat()
        expected = f"{os.major(about.st_dev)}:{os.minor(about.st_dev)}:{about.st_ino} {tmp_path}/engine.sock\n"
        assert read_host(["sockets:engines"]) == [("sockets:engines", "lstat(2)", expected)]
