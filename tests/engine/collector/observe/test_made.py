"""Groups of the observer's own: who is moved comes back, and nothing of them is left, whoever made them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.collector.watching import Watch
from rig.engine import Rig
from rig.places import APP
from stratascope.collector.observe.group import NoGroupError, ObservedGroup, is_ours, place
from stratascope.collector.serve import Collector
from stratascope.core.observation.events import End
from stratascope.probe.observer import ObservationTarget

UNIFIED = Path("/sys/fs/cgroup/unified")
NAME = "watched"


@pytest.fixture
def container(docker_rootful: Rig) -> Iterator[tuple[int, str]]:
    """One whose engine left it in the root of the unified hierarchy: its process and its id."""
    if not (UNIFIED / "cgroup.procs").exists() or Path("/sys/fs/cgroup/perf_event").exists():
        pytest.skip("the hierarchies of this machine are mounted in another way")
    with docker_rootful.container(name=NAME, command=("sh", "-c", "sleep 3600 & exec sleep 3600")) as number:
        pid = docker_rootful.pid(NAME)
        deadline = time.monotonic() + 60
        while not children(pid):
            assert time.monotonic() < deadline, "no child in a minute"
            time.sleep(0.01)
        yield pid, number


def unified(pid: int) -> str:
    """Where a process is in the unified hierarchy."""
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return next(line.removeprefix("0::") for line in lines if line.startswith("0::"))


def children(pid: int) -> list[int]:
    """Those that it started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ours() -> set[str]:
    """The groups in the unified hierarchy that are an observer's."""
    return {path.name for path in UNIFIED.iterdir() if is_ours(f"/{path.name}")}


def made(pid: int, number: str) -> ObservedGroup:
    """A group for it, which it had none of."""
    found = place(pid, "", number, "")
    assert found.made is not None
    assert found.adopting is not None
    return found


def test_moved_and_back(container: tuple[int, str]) -> None:
    """All of its processes, those that come later too; nothing else is in another place than before."""
    pid, number = container
    before = Path(f"/proc/{pid}/cgroup").read_text()
    found = made(pid, number)
    group = unified(pid)
    assert is_ours(group)
    assert {unified(child) for child in children(pid)} == {group}
    assert [line for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if "0::" not in line] == [
        line for line in before.splitlines() if "0::" not in line
    ]
    found.leave()
    assert Path(f"/proc/{pid}/cgroup").read_text() == before
    assert group[1:] not in ours()


def test_who_is_born_meanwhile_comes_back_too(docker_rootful: Rig, container: tuple[int, str]) -> None:
    """A process that was made while the others were moved back stayed behind, and its group with it."""
    docker_rootful.run("exec", "-d", NAME, "sh", "-c", "while :; do sleep 0.002; done")
    for _ in range(60):
        found = made(*container)
        group = unified(container[0])
        found.leave()
        assert group[1:] not in ours()


def test_all_is_as_before_when_the_end_is_told(container: tuple[int, str]) -> None:
    """Whoever has read the end kills the observer: it told it before it moved anybody back."""
    pid, number = container
    before = unified(pid)
    for _ in range(3):
        watch = Watch(ObservationTarget(pid, container=number))
        group = unified(pid)
        assert is_ours(group)
        watch.close()
        assert watch.of(End)
        assert unified(pid) == before
        assert group[1:] not in ours()


def test_a_session_is_moved_too(docker_rootful: Rig, container: tuple[int, str]) -> None:
    """Whoever comes in while it is observed."""
    pid, number = container
    found = made(pid, number)
    try:
        docker_rootful.run("exec", "-d", NAME, "sleep", "3599")
        assert found.adopting is not None
        for _ in range(500):
            found.adopting.take()
            if len(list((UNIFIED / unified(pid)[1:] / "cgroup.procs").read_text().split())) > 2:
                break
            os.sched_yield()
        assert len((UNIFIED / unified(pid)[1:] / "cgroup.procs").read_text().split()) > 2
    finally:
        found.leave()


def test_what_a_killed_observer_left(container: tuple[int, str]) -> None:
    """The next one takes it over, and away at its end."""
    pid, number = container
    made(pid, number)  # and nobody leaves
    left = unified(pid)
    again = made(pid, number)
    group = unified(pid)
    assert group != left
    assert left[1:] not in ours()
    again.leave()
    assert unified(pid) == "/"
    assert group[1:] not in ours()


def test_what_a_killed_observer_left_comes_back_with_the_next_command(container: tuple[int, str]) -> None:
    """Of whatever kind: it was put back only when it was observed again."""
    pid, number = container
    code = (
        "import sys; from stratascope.collector.observe.group import place; place(int(sys.argv[1]), '', *sys.argv[2:])"
    )
    environ = {**os.environ, "PYTHONPATH": str(APP)}
    subprocess.run([sys.executable, "-c", code, str(pid), number, ""], check=True, env=environ)
    left = unified(pid)
    assert is_ours(left)
    assert "strata" not in left, "it can be read in the container"
    (((_, entries, _), *_),) = Collector().capture([(pid, ("status", "cgroup"), (), False, number)])
    assert unified(pid) == "/"
    assert left[1:] not in ours()
    assert "session-" not in str(entries), "what is told is as it is now"


def test_what_is_observed_stays_so(container: tuple[int, str]) -> None:
    """A command beside it moves nothing."""
    pid, number = container
    found = made(pid, number)
    group = unified(pid)
    Collector().capture([(pid, ("status", "cgroup"), (), False, number)])
    assert unified(pid) == group
    found.leave()


@pytest.fixture
def session() -> Iterator[tuple[Path, int]]:
    """A group of several programs, and the first process of a PID namespace among them, with a child."""
    if os.geteuid() != 0 or not (UNIFIED / "cgroup.procs").exists() or Path("/sys/fs/cgroup/perf_event").exists():
        pytest.skip("the hierarchies of this machine are mounted in another way, or it takes root")
    folder = UNIFIED / "strata-session"
    folder.mkdir()
    other = subprocess.Popen(["sleep", "3600"])
    outside = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", "sleep 3600 & echo; wait"], stdout=subprocess.PIPE
    )
    with other, outside:
        try:
            assert outside.stdout is not None
            outside.stdout.readline()
            (first,) = children(outside.pid)
            for pid in (other.pid, first, *children(first)):
                (folder / "cgroup.procs").write_text(str(pid))
            yield folder, first
        finally:
            outside.kill()
            other.kill()
    groups = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
    for path in (*groups, folder):
        while (path / "cgroup.procs").read_text():
            os.sched_yield()
        path.rmdir()


def groups(folder: Path) -> list[str]:
    """Those below it."""
    return [path.name for path in folder.iterdir() if path.is_dir()]


def test_gathered_and_back(session: tuple[Path, int]) -> None:
    """Who is in another group stays there: it would not come back to that one."""
    folder, first = session
    (child,) = children(first)
    (folder / "below").mkdir()
    (folder / "below" / "cgroup.procs").write_text(str(child))
    found = place(first, "", "", "")
    assert is_ours("/" + Path(unified(first)).name)
    assert unified(child) == "/strata-session/below"
    found.leave()
    assert (unified(first), unified(child)) == ("/strata-session", "/strata-session/below")
    assert groups(folder) == ["below"]


def test_what_a_killed_observer_gathered(session: tuple[Path, int]) -> None:
    """Its group was taken for the container's own, and stayed."""
    folder, first = session
    place(first, "", "", "")  # and nobody leaves
    left = Path(unified(first)).name
    again = place(first, "", "", "")
    assert again.made is not None
    assert left not in groups(folder)
    again.leave()
    assert {unified(pid) for pid in (first, *children(first))} == {"/strata-session"}
    assert groups(folder) == []


def test_a_parent_for_a_twin(docker_rootful: Rig) -> None:
    """It is there before anybody is in it, in each hierarchy, and goes with the observer."""
    path = "/stratascope-00112233aabbccdd"
    found = place(0, "", "", path)
    tops = [each for each in (*Path("/sys/fs/cgroup").iterdir(), Path("/sys/fs/cgroup")) if (each / path[1:]).is_dir()]
    assert tops
    found.leave()
    assert [each for each in tops if (each / path[1:]).is_dir()] == []


@pytest.mark.parametrize(
    "path",
    ["/", "/nobody-s", "/../stratascope-00112233", "/stratascope-00112233/x", "/stratascope-xyz", "stratascope-00"],
)
def test_no_other_group_is_made(path: str) -> None:
    """Only one of ours, by its whole name."""
    assert not is_ours(path)
    with pytest.raises(NoGroupError):
        place(0, "", "", path)
