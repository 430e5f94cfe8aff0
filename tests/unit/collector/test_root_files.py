"""Device nodes in a process's root directory: of a real one, made here."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stratascope.collector import root_files
from stratascope.collector.serve import Collector
from stratascope.core.capture import Capture, Reading
from stratascope.core.container import Container, Status
from stratascope.core.ground import UNREAD
from stratascope.core.ports import ContainerCapture
from stratascope.core.relaunch.evidence import RootFiles
from stratascope.usecases.evidence.readings import parent
from stratascope.usecases.evidence.readings import root_files_of as decoded

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make nodes")
ID = "ab" * 32
CONTAINER = Container("docker", ID, "web", "image", Status.RUNNING, 7, 0.0, 0.0)


@pytest.fixture
def rooted(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A process with a root directory of its own."""
    for folder in ("bin", "usr/bin/deep/er", "dev/dri", "opt"):
        (tmp_path / folder).mkdir(parents=True)
    tmp_path.chmod(0o755)
    (tmp_path / "bin/busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (tmp_path / "bin/busybox").chmod(0o755)
    for name, number, kind in (("null", (1, 3), 0o20666), ("dri/card0", (226, 0), 0o20660), ("sda", (8, 0), 0o60660)):
        os.mknod(tmp_path / "dev" / name, kind, os.makedev(*number))
    child = subprocess.Popen(["chroot", "--userspec=65534:65534", str(tmp_path), "/bin/busybox", "sleep", "60"])
    # before it runs another program it is still root, and could leave
    while Path(f"/proc/{child.pid}/exe").readlink() != tmp_path / "bin/busybox":
        time.sleep(0.01)
    yield child.pid, tmp_path
    child.kill()
    child.wait()


def look(pid: int, *wants: str) -> dict[str, tuple[object, ...]]:
    (_, entries, _), *_ = Collector().capture([(pid, wants, (), False, "")])[0]
    return {str(item[0]): item for item in entries}


def test_device_nodes(rooted: tuple[int, Path]) -> None:
    text = str(look(rooted[0], "root:dev")["root:dev"][2])
    assert sorted(text.splitlines()) == ["b 8:0 /dev/sda", "c 1:3 /dev/null", "c 226:0 /dev/dri/card0"]
    assert of(**{"root:dev": text}).nodes == ("/dev/dri/card0", "/dev/sda")


def test_too_many_files_are_no_answer(rooted: tuple[int, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_files, "NODES_MAX", 2)
    found = look(rooted[0], "root:dev")["root:dev"]
    assert found[2:4] == (None, "UNSUPPORTED")


def test_what_takes_too_long_is_no_answer(rooted: tuple[int, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_files, "SECONDS", -1.0)
    assert look(rooted[0], "root:dev")["root:dev"][2:4] == (None, "UNSUPPORTED")


def test_links_lead_nowhere(rooted: tuple[int, Path], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither one in the place of a folder that is looked at, nor one in it, to a folder or to a node."""
    pid, root = rooted
    outside = tmp_path_factory.mktemp("outside")
    os.mknod(outside / "sdz", 0o60660, os.makedev(8, 400))
    (root / "dev/out").symlink_to(outside)
    (root / "dev/sdz").symlink_to(outside / "sdz")
    found = look(pid, "root:dev")
    assert "8:400" not in str(found["root:dev"][2])
    assert "sda" in str(found["root:dev"][2])


def of(**texts: str) -> RootFiles:
    given = {"cgroup": f"0::/docker/{ID}\n", "status": "Name:\tx\nPPid:\t41\n", **texts}
    found = ContainerCapture(Capture(7, tuple(Reading(name, name, text) for name, text in given.items())))
    assert parent(CONTAINER, found, UNREAD) == 41
    return decoded(CONTAINER, found, None, UNREAD)


def test_what_was_not_read_is_not_none() -> None:
    assert of() == RootFiles(None, None, None)
    assert of(**{"root:dev": "", "root:programs": ""}) == RootFiles((), (), None)
    assert of(**{"root:dev": "x 1:3 /dev/null\n"}).nodes is None
    other = ContainerCapture(Capture(7, (Reading("cgroup", "cgroup", f"0::/docker/{'cd' * 32}\n"),)))
    assert decoded(CONTAINER, other, other, UNREAD) == RootFiles()
    assert parent(CONTAINER, other, UNREAD) is None
    assert decoded(CONTAINER, None, None, UNREAD) == RootFiles()
