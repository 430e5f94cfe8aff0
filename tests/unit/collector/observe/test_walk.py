"""Where a path leads for the process that named it: its links, below its own root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.collector.asking import needs_root
from stratascope.collector.observe.paths import Walk
from stratascope.core.observation.events import circumstances_of

pytestmark = needs_root


@pytest.fixture
def root(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A process in a root directory of its own (no mount, but a procfs), and one that sees all of its mounts."""
    for name in ("proc", "inner", "etc", "dev"):
        (tmp_path / name).mkdir()
    (tmp_path / "etc" / "closed").write_text("x")
    (tmp_path / "etc" / "closed").chmod(0o4640)
    os.chown(tmp_path / "etc" / "closed", 7, 8)
    (tmp_path / "etc" / "closed").chmod(0o4640)
    (tmp_path / "absolute").symlink_to("/etc/closed")
    (tmp_path / "out").symlink_to("../../../../../../etc/closed")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "gone").symlink_to("/no/where")
    os.mknod(tmp_path / "dev" / "tun", 0o20600, os.makedev(10, 200))
    script = 'mount -t proc proc "$1/proc" && exec python3 -SIc "$2" "$1"'
    program = "import os, sys; os.chroot(sys.argv[1]); os.chdir('/inner'); print(1, flush=True); sys.stdin.read()"
    command = (
        "unshare",
        "-mpf",
        "--kill-child",
        "--propagation",
        "private",
        "sh",
        "-c",
        script,
        "sh",
        tmp_path,
        program,
    )
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        (first,) = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        yield int(first), child.pid
        child.communicate()


def led(pids: tuple[int, int], path: str, follow: bool = True) -> dict[str, object]:
    found = Walk(*pids).led(path, follow)
    assert found is not None
    circumstances_of({"place": found})  # the program understands it
    return found


@pytest.mark.parametrize("path", ["/absolute", "/out", "/inner/../../../etc/./closed", "/proc/self/root/etc/closed"])
def test_links_lead_to_below_its_root(root: tuple[int, int], path: str) -> None:
    found = led(root, path)
    assert found["node"] == ["file", 0o4640, 7, 8, "", False, ""]
    assert str(found["path"]).endswith("/etc/closed")


def test_a_link_at_the_end_may_be_what_is_meant(root: tuple[int, int]) -> None:
    found = led(root, "/absolute", follow=False)
    assert found["path"] == "/absolute"
    assert found["node"][0] == "link"  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "where"),
    [("/gone", "/no/where"), ("/etc/closed/below", "/etc/closed/below"), ("/etc/new", "/etc/new")],
)
def test_what_is_not_there(root: tuple[int, int], path: str, where: str) -> None:
    found = led(root, path)
    assert (found["path"], found["node"]) == (where, None)
    assert found["folder"][0] == "folder"  # type: ignore[index]


def test_a_loop_ends(root: tuple[int, int]) -> None:
    assert led(root, "/loop")["path"] == "/loop"
    assert led(root, "/inner/" + "../inner/" * 2000)["node"] is None


def test_a_device_and_its_mount(root: tuple[int, int]) -> None:
    found = led(root, "/dev/tun")
    assert found["node"] == ["character", 0o600, 0, 0, "10:200", False, "net/tun"]
    inside = led(root, "/proc/self/status")
    assert inside["path"] == "/proc/1/status"
    assert " - proc proc " in str(inside["mount"])


def test_what_lies_on_a_mount_that_is_not_known_is_not_asked(root: tuple[int, int]) -> None:
    """The kernel does not tell a process in such a root directory which mount that is on."""
    found = led((root[0], 0), "/etc/closed")
    assert (found["path"], found["node"], found["folder"]) == ("/etc/closed", None, None)


def test_a_process_that_has_ended() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert Walk(child.pid, 0).led("/etc", True) is None
    assert Walk(child.pid, 0).opened("exe") is None


def test_a_file_that_it_runs() -> None:
    with subprocess.Popen(["sleep", "3600"]) as child:
        os.sched_yield()
        while Path(f"/proc/{child.pid}/exe").readlink() == Path("/proc/self/exe").readlink():
            os.sched_yield()
        found = Walk(child.pid, 0).opened("exe")
        child.kill()
    assert found is not None
    assert found["node"][0] == "file"
    assert str(found["path"]).startswith("/")
