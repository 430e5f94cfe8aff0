"""Files that never answer, in a container or beside it: nobody asks them anything, so nobody waits for them.

A wait for such a file system can't be broken off, not even by SIGKILL, so it is no help to give up in time: `asked`
tells what it was asked, and must be empty.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.hostile.silent_fuse import silent
from machine.truth.fleet import report
from rig.engine import Rig
from rig.places import APP
from stratascope.collector import paths, privileged_readings, root_files
from stratascope.collector.serve import Collector
from stratascope.engines.shared import runtime_state
from stratascope.engines.shared.host_files import LocalFiles
from stratascope.linux.giving_programs import parse_giving

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
PROGRAMS = ("opt/own/su", "usr/local/bin/su", "usr/bin/su", "bin/at")


@pytest.fixture
def rooted(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A process with a root directory and a mount namespace of its own, of a user who can't leave it."""
    tmp_path.chmod(0o755)
    for name in PROGRAMS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\x7fELF")
        (tmp_path / name).chmod(0o4755)
    for folder in ("opt/x", "usr/local/x", "dev/dri", "proc"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "usr/bin/single").write_text("x")
    (tmp_path / "bin/busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (tmp_path / "bin/busybox").chmod(0o755)
    os.mknod(tmp_path / "dev/sda", 0o60660, os.makedev(8, 0))
    script = (
        f"mount --rbind {tmp_path} {tmp_path} && exec chroot --userspec=65534:65534 {tmp_path} /bin/busybox sleep 600"
    )
    child = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c", script])
    while Path(f"/proc/{child.pid}/exe").readlink() != tmp_path / "bin/busybox":  # no longer root
        time.sleep(0.01)
    yield child.pid, tmp_path
    child.kill()
    child.wait()


def look(pid: int) -> dict[str, tuple[object, ...]]:
    (_, entries, _), *_ = Collector().capture([(pid, ("root:dev", "root:programs", "root:special"), (), False, "")])[0]
    return {str(item[0]): item for item in entries}


def programs_in(found: dict[str, tuple[object, ...]]) -> list[str]:
    """Their paths; that there are files which were not looked at is told."""
    given = parse_giving(str(found["root:programs"][2]))
    assert not given.whole
    return sorted(each.path for each in given.programs)


@pytest.fixture(params=["openat2", "mount ids"])
def any_kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With openat2(2), and as on kernels before it."""
    if request.param == "mount ids":
        monkeypatch.setattr(paths, "openat2", lambda: None)


@pytest.mark.usefixtures("any_kernel")
@pytest.mark.parametrize("place", ["opt/x", "usr/local/x", "usr/bin/single", "dev/dri", "opt/own/su"])
def test_a_mount_inside_is_left_out_and_the_rest_is_told(rooted: tuple[int, Path], place: str) -> None:
    pid, root = rooted
    with silent(pid, str(root / place)) as asked:
        found = look(pid)
        assert asked() == []
    assert programs_in(found) == sorted(f"/{name}" for name in PROGRAMS if name != place)
    assert str(found["root:dev"][2]).splitlines() == ["b 8:0 /dev/sda"]
    assert str(found["root:special"][2]).endswith(" /dev/sda\n")


@pytest.mark.usefixtures("any_kernel")
@pytest.mark.parametrize(("place", "lost"), [("opt", (0,)), ("usr/local", (1,)), ("usr", (1, 2))])
def test_a_folder_of_programs_that_is_a_mount(rooted: tuple[int, Path], place: str, lost: tuple[int, ...]) -> None:
    pid, root = rooted
    with silent(pid, str(root / place)) as asked:
        found = look(pid)
        assert asked() == []
    assert programs_in(found) == sorted(f"/{name}" for number, name in enumerate(PROGRAMS) if number not in lost)


def test_dev_and_the_root_itself(rooted: tuple[int, Path]) -> None:
    """Nothing is known then, and the reason is told."""
    pid, root = rooted
    with silent(pid, str(root / "dev")) as asked:
        found = look(pid)
        assert (found["root:dev"][2:4], "may not answer" in str(found["root:dev"][5])) == ((None, "UNSUPPORTED"), True)
        assert found["root:programs"][2] is not None
        assert asked() == []
    other = root / "opt/x"
    with silent(pid, str(other)) as asked:
        inside = subprocess.Popen(
            ("nsenter", "-t", str(pid), "-m", sys.executable, "-c", _CHROOT, str(other)), stdout=subprocess.PIPE
        )
        assert inside.stdout is not None
        inside.stdout.readline()
        try:
            assert asked() == []
            found = look(inside.pid)
            assert asked() == []
            for name in ("root:dev", "root:programs", "root:special"):
                assert (found[name][2:4], "may not answer" in str(found[name][5])) == ((None, "UNSUPPORTED"), True)
        finally:
            inside.kill()
            inside.communicate()


_CHROOT = """
import os, sys, time
os.chroot(sys.argv[1])
os.chdir("/")
os.setresuid(65534, 65534, 65534)
print(flush=True)
time.sleep(600)
"""


def into_any_mount(name: str, folder: int) -> int:
    return os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)


def children() -> set[str]:
    return {child for path in Path("/proc/self/task").glob("*/children") for child in path.read_text().split()}


def test_what_is_asked_all_the_same_is_given_up(rooted: tuple[int, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """An overlay over it looks like any other: its reader waits, is given up in a sentence, and never doubled."""
    pid, root = rooted
    with silent(pid, str(root / "dev/dri")) as asked:
        monkeypatch.setattr(root_files, "open_here", into_any_mount)
        before = children()
        for _ in range(3):
            found = look(pid)["root:dev"]
            assert (found[2:4], "did not answer" in str(found[5])) == ((None, "UNSUPPORTED"), True)
            assert len(set(asked())) == 1
            assert len(children() - before) == 1
        assert len(privileged_readings.given_up()) == 1
        monkeypatch.undo()
    while privileged_readings.given_up():
        time.sleep(0.01)


def test_files_of_the_host(tmp_path: Path) -> None:
    """Paths that an engine names, where another user may have mounted what they like."""
    (tmp_path / "there/deep").mkdir(parents=True)
    (tmp_path / "there/config.json").write_text("{}")
    (tmp_path / "link").symlink_to("there/config.json")
    (tmp_path / "single").write_text("{}")
    files = LocalFiles(f"unix://{tmp_path}/none.sock")
    assert runtime_state.read_config_here(str(tmp_path / "link")) == "{}"
    with ExitStack() as stack:
        asked = [stack.enter_context(silent(os.getpid(), str(tmp_path / name))) for name in ("there", "single")]
        for path in ("there/config.json", "link", "single", "there"):
            with pytest.raises(OSError, match="may not answer"):
                runtime_state.read_config_here(str(tmp_path / path))
        assert files.exists(str(tmp_path / "there")) is True
        assert files.exists(str(tmp_path / "there/config.json")) is None
        assert files.exists(str(tmp_path / "link")) is None
        assert files.entries(str(tmp_path / "there"), "/data", 9) is None
        inside = files.entries(str(tmp_path), "/data", 9)
        assert inside is not None
        assert {item.path for item in inside} == {"/data"}
        assert files.propagation(str(tmp_path / "there/deep")) is None
        assert files.replaced(os.getpid(), "/", str(tmp_path / "there")) is None
        assert files.replaced(os.getpid(), str(tmp_path / "single"), "/") is None
        assert [each() for each in asked] == [[], []]


def dry_run(rig: Rig, name: str) -> str:
    done = subprocess.run(
        (sys.executable, "-m", "stratascope", "harden", "--dry-run", "--commit-layer", name),
        env={**os.environ, "PYTHONPATH": str(APP), "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


PLACES = ("/opt/x", "/usr/local/x", "/bin/single", "/data", "/data2/deep")


def test_a_container_with_silent_files(each_api: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over folders, a single file, a mount of the engine's, below one, and as the working directory of a process."""
    rig = each_api
    shared = rig.folder / "shared"
    (shared / "deep").mkdir(parents=True, exist_ok=True)
    shared.chmod(0o777)
    with rig.container("-v", f"{shared}:/data", "-v", f"{shared}:/data2", name="silent") as container:
        rig.run("exec", container, "mkdir", "-p", "/opt/x", "/usr/local/x")
        rig.run("exec", container, "touch", "/bin/single")
        pid = rig.pid(container)
        with ExitStack() as stack:
            asked = [stack.enter_context(silent(pid, place)) for place in PLACES]
            rig.run("exec", "-d", "-w", "/opt/x", container, "sleep", "3599")
            while len(found := report(rig, "--privileged", "silent")["silent"]["processes"]) != 1:
                time.sleep(0.05)
            assert os.readlink(f"/proc/{found[0]['pid']}/cwd") == "/opt/x"  # noqa: PTH115
            mark = f"silent-{os.urandom(8).hex()}"
            monkeypatch.setenv("LOGNAME", mark)  # one of those that the collector is given too
            assert dry_run(rig, "silent")
            read = report(rig, "--privileged", "silent")["silent"]
            assert read["layers"]["capabilities"]["verdict"] == "ENFORCED"
            assert [each() for each in asked] == [[] for _ in PLACES]
            assert left_behind(mark) == []
        rig.run("exec", container, "pkill", "-f", "sleep 3599", check=False)


def left_behind(mark: str) -> list[str]:
    """Processes that were started with this in their environment, and are there still."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                if mark.encode() in (entry / "environ").read_bytes():
                    found.append(entry.name)
            except OSError:
                continue
    return found
