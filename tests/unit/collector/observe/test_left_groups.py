"""A container in the group of an observer that was killed: who is not root is told, until it is moved back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rig.collector.asking import needs_root
from stratascope.collector.cgroups import Mounts
from stratascope.collector.observe.left_groups import left_by_observer, new_name, put_back
from stratascope.collector.observe.trace import start_of_process

UNIFIED = next((each for each in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
                if (each / "cgroup.procs").exists()), None)  # fmt: skip


def name_of(pid: int, start: str) -> str:
    return f"session-{os.urandom(8).hex()}.{pid}.{start}"


def ended() -> int:
    child = subprocess.Popen(("true",))
    child.wait()
    return child.pid


def test_only_the_group_of_one_that_has_ended_is_left() -> None:
    pid = ended()
    assert left_by_observer(f"0::/above/{name_of(pid, '1')}\n")
    assert left_by_observer(f"0::/{name_of(os.getpid(), '1')}\n"), "its number was taken again"
    assert not left_by_observer(f"0::/{new_name()}\n")
    assert not left_by_observer(f"0::/{name_of(os.getpid(), start_of_process(os.getpid()))}\n")
    assert not left_by_observer(f"0::/{name_of(pid, '1')}/below\n")
    assert not left_by_observer("0::/session-1.scope\n12:pids:/user.slice\n")


@needs_root
@pytest.mark.skipif(UNIFIED is None, reason="no unified hierarchy")
def test_it_is_moved_back_and_the_group_is_gone() -> None:
    assert UNIFIED is not None
    folder = UNIFIED / name_of(ended(), "1")
    folder.mkdir()
    with subprocess.Popen(("sleep", "600")) as child:
        (folder / "cgroup.procs").write_text(str(child.pid))
        place = Path(f"/proc/{child.pid}/cgroup")
        assert left_by_observer(place.read_text())
        mounts = Mounts()
        mounts.refresh()
        assert put_back(place.read_text(), mounts)
        assert not left_by_observer(place.read_text())
        assert not folder.exists()
        child.kill()
