"""Processes in a chroot, as this machine's kernel shows them: each in a mount namespace of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.collector.asking import as_ordinary
from stratascope.collector.chroot import MOUNTS
from stratascope.collector.names import CHROOT, WHOLE
from stratascope.collector.serve import Collector
from stratascope.linux.mounts import parse_mountinfo

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to change root directories")

_PROGRAM = """
import ctypes, os, sys, time
root, *words = sys.argv[1:]
if "open" in words:
    os.open("/", os.O_RDONLY)
if "stay" not in words:
    os.chdir(root)
os.chroot(root)
if "user" in words:
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
if "seen" in words:
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: as after an exec
print(os.getpid(), flush=True)
time.sleep(600)
"""


@contextmanager
def in_chroot(root: Path, *words: str, own: bool = True) -> Iterator[int]:
    """`own`: in a mount namespace of its own."""
    root.mkdir(exist_ok=True)
    root.parent.chmod(0o755)
    new = ("unshare", "-m", "--propagation", "private") if own else ()
    command = (*new, sys.executable, "-c", _PROGRAM, str(root), *words)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def read(pid: int, *names: str) -> dict[str, tuple[object, ...]]:
    wants = names or (MOUNTS, "status")
    ((_, entries, _), *_) = Collector().capture([(pid, wants, (), False, "")])[0]
    return {str(item[0]): item for item in entries}


@pytest.mark.parametrize(
    ("words", "word"),
    [
        ((), "leaves"),  # root holds everything
        (("user",), "stays"),
        (("user", "stay"), "reaches"),
        (("user", "open"), "reaches"),
    ],
)
def test_what_it_holds(tmp_path: Path, words: tuple[str, ...], word: str) -> None:
    with in_chroot(tmp_path / "jail", *words) as pid:
        found = read(pid)
        number, held, path = str(found[CHROOT][2]).split(" ", 2)
        own = Path(f"/proc/{pid}/mountinfo").read_text()
    assert (held, path) == (word, str(tmp_path / "jail"))
    listed = parse_mountinfo(str(found[MOUNTS][2]))
    whole = parse_mountinfo(str(found[WHOLE][2])) if word == "stays" else listed
    assert {mount.target for mount in whole} >= {"/", "/proc"}
    assert (WHOLE in found) is (word == "stays")
    if word == "stays":
        (root,) = listed  # nothing is mounted below
        assert (root.id, root.target) == (int(number), "/")
        assert root.root.endswith("/jail")
        assert own == ""


def test_who_is_in_none(tmp_path: Path) -> None:
    found = read(os.getpid())
    assert CHROOT not in found
    assert found[MOUNTS][2] == Path("/proc/self/mountinfo").read_text()


@pytest.mark.parametrize(("words", "told"), [((), "0 leaves /"), (("user", "open"), None)])
def test_what_cannot_be_seen_is_not_told(tmp_path: Path, words: tuple[str, ...], told: str | None) -> None:
    """Of root's, an ordinary user sees that there is no root directory in the list, and the capabilities."""
    with in_chroot(tmp_path / "jail", *words) as pid:
        request = f'{{"ask":"capture","wishes":[[{pid},["mountinfo","status"],[],false,""]]}}'
        (((_, entries, _), *_),) = as_ordinary(request)["found"]
    found = {item[0]: item for item in entries}
    assert (found[MOUNTS][2:4], "in a chroot" in found[MOUNTS][5]) == ([None, "UNSUPPORTED"], True)
    assert found[CHROOT][2] == told


def test_an_ordinary_user_sees_his_own_in_the_mount_namespace_that_he_is_in(tmp_path: Path) -> None:
    """As the parts of Chromium are, that joins none: nothing has to be joined to read it."""
    with in_chroot(tmp_path / "jail", "user", "stay", "seen", own=False) as pid:
        request = f'{{"ask":"capture","wishes":[[{pid},["mountinfo","status"],[],false,""]]}}'
        (((_, entries, _), *_),) = as_ordinary(request)["found"]
    found = {item[0]: item for item in entries}
    assert " leaves " in found[CHROOT][2]  # the reader is one of that user outside of it
    assert {"/", "/proc"} <= {mount.target for mount in parse_mountinfo(found[MOUNTS][2])}


def test_a_place_with_odd_names(tmp_path: Path) -> None:
    with in_chroot(tmp_path / "a jail\\of\nmine", "user") as pid:
        found = read(pid)
    (root,) = parse_mountinfo(str(found[MOUNTS][2]))
    assert root.root.endswith("/a jail\\of\nmine")
    assert str(found[CHROOT][2]).endswith("/a jail\\of?mine")


def test_where_its_root_directory_is_a_mount(tmp_path: Path) -> None:
    """Its own list has a root directory then, and stays as it is."""
    jail = tmp_path / "jail"
    jail.mkdir()
    tmp_path.chmod(0o755)
    script = 'mount -t tmpfs none "$0" && exec "$1" -c "$2" "$0" user'
    command = ("unshare", "-m", "--propagation", "private", "sh", "-c", script, str(jail), sys.executable, _PROGRAM)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            pid = int(process.stdout.readline())
            found = read(pid)
            assert found[MOUNTS][2] == Path(f"/proc/{pid}/mountinfo").read_text()
            assert " stays " in str(found[CHROOT][2])
        finally:
            process.kill()
