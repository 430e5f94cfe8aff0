"""Threats tried in running containers and sandboxes themselves: as on a copy, and nothing is changed there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.attempts.trying import tried
from engine.twins.stage import left, stage_of
from rig.collector.asking import needs_root, wait_for
from rig.engine import Rig
from rig.ordinary import as_theirs
from rig.places import APP, CHECKOUT
from rig.plan import ordinary_user
from rig.sandboxes import descendants
from stratascope.attempts import build
from stratascope.core.container import matching
from stratascope.core.ports import ProbeError
from stratascope.core.threats.attempt import AttemptOutcome, Tried
from stratascope.i18n.translate import translate
from stratascope.usecases.attempts import reasons
from stratascope.usecases.attempts.attempts import threats
from stratascope.wiring.attempts import tries_in_place, tries_where_shown
from stratascope.wiring.engines import assembler, open_engines, take_capture, translations

AT_LEAST = 35  # threats
CHANGES = {"mount-file-system", "set-hostname", "write-root-file-system", "fork-bomb", "load-module", "rare-sockets"}


@pytest.fixture(autouse=True)
def program() -> None:
    build.build(CHECKOUT)


def in_place(word: str) -> list[AttemptOutcome]:
    with open_engines(()) as engines:
        events = tries_in_place(engines, word, threats(()))
        return [each for each in events if isinstance(each, AttemptOutcome)]


def state_of(rig: Rig, name: str) -> tuple[object, ...]:
    """What would tell that it was restarted, has another process, or another file."""
    found = json.loads(rig.run("inspect", "--type", "container", name))[0]["State"]
    pid = found["Pid"]
    mounts = Path(f"/proc/{pid}/mountinfo").read_text("utf-8")
    return pid, found["StartedAt"], mounts, sorted(rig.run("diff", name).split("\n"))


@pytest.mark.parametrize(
    "options", [(), ("--cap-drop", "ALL", "--user", "1000", "--read-only")], ids=["plain", "least"]
)
@pytest.mark.parametrize("kind", ["docker_rootful", "podman_rootless"])
def test_it_comes_as_on_a_copy(
    kind: str,
    options: tuple[str, ...],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig: Rig = request.getfixturevalue(kind)
    stage_of(rig, tmp_path, monkeypatch)
    with rig.container(*options, command=("sleep", "600")) as name:
        before = state_of(rig, name)
        here = in_place(name)
        assert state_of(rig, name) == before
        copy = {each.threat: each for each in tried(rig, name, tmp_path, monkeypatch)}
    own = [each for each in here if each.tried is not Tried.NOT_TRIED]
    assert [(each.threat, each.tried) for each in own if copy[each.threat].tried is not each.tried] == []
    assert [each for each in own if each.differs] == []
    assert len(own) >= AT_LEAST
    assert {each.threat for each in here if each.why == reasons.ON_A_COPY} >= CHANGES
    assert left(rig) == []


def test_it_sees_nobody(one_engine: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that looks at its processes all the time sees no other while it is tried."""
    stage_of(one_engine, tmp_path, monkeypatch)
    watching = "while :; do for each in /proc/[0-9]*; do echo ${each#/proc/}; done; done"
    with one_engine.container(command=("sh", "-c", f"{watching} | awk '!seen[$0]++ {{ print; fflush() }}'")) as name:
        wait_for(lambda: "1" in one_engine.run("logs", name).split())
        time.sleep(0.5)
        before = one_engine.run("logs", name).split()
        in_place(name)
        assert one_engine.run("logs", name).split() == before


def test_as_it_is_shown(docker_rootful: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a snapshot has, as in the window; not another process that runs there by now."""
    stage_of(docker_rootful, tmp_path, monkeypatch)
    with docker_rootful.container(command=("sleep", "600")) as name, open_engines(()) as engines:
        shared = translations()
        shown = assembler(shared).snapshot(take_capture(engines, shared))
        state = next(each for each in shown.containers if matching(name, (each.container,)))
        made = [*tries_where_shown(engines, shown, state, threats(()))]
        own = [each for each in made if isinstance(each, AttemptOutcome) and each.tried is not Tried.NOT_TRIED]
        assert len(own) >= AT_LEAST
        assert [each for each in own if each.differs] == []
        docker_rootful.run("restart", "-t", "0", name)
        with pytest.raises(ProbeError):
            list(tries_where_shown(engines, shown, state, ("bpf",)))


@pytest.fixture
def sandbox() -> Iterator[int]:
    """The first process of a bubblewrap sandbox of the ordinary user's."""
    uid, gid, _ = ordinary_user()
    words = ("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "bwrap", "--ro-bind", "/", "/",
             "--dev", "/dev", "--proc", "/proc", "--unshare-all", "--die-with-parent", "sleep", "600")  # fmt: skip
    with subprocess.Popen(words) as child:
        until = time.monotonic() + 10
        while not (found := [pid for pid in descendants(child.pid) if _runs(pid)]) and time.monotonic() < until:
            time.sleep(0.02)
        try:
            yield found[0]
        finally:
            child.kill()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8") == "sleep\n"
    except OSError:
        return False


def by_user(word: str, *more: str) -> subprocess.CompletedProcess[str]:
    """The same as the ordinary user."""
    words = as_theirs(sys.executable, "-m", "stratascope", "try", word, "--in-place", *more)
    environ = {"PATH": os.environ["PATH"], "HOME": str(ordinary_user()[2]), "LC_ALL": "C.UTF-8", "PYTHONPATH": str(APP),
               "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
    return subprocess.run(words, env=environ, cwd="/", capture_output=True, text=True, check=False)


@needs_root
def test_only_root_enters_what_is_roots() -> None:
    with subprocess.Popen(("unshare", "--net", "sleep", "600")) as child:
        try:
            done = by_user(str(child.pid))
        finally:
            child.kill()
    assert done.returncode == 2
    assert "sudo stratascope try NAME --in-place" in done.stderr


@needs_root
def test_a_sandbox_by_its_owner(sandbox: int) -> None:
    done = by_user(str(sandbox), "--json")
    assert done.returncode == 0, done.stderr
    found = {each["threat"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert [found[name]["tried"] for name in ("new-user-namespace", "trace-child", "bpf", "reboot")] == [
        "open", "open", "stopped", "stopped"]  # fmt: skip
    assert sum(each["tried"] != "not-tried" for each in found.values()) >= AT_LEAST
    assert found["pivot-root"]["tried"] == "not-tried"  # Landlock might refuse it, and can't be taken on
    as_root = {each.threat: each for each in in_place(str(sandbox))}
    both = {name for name, each in found.items() if "not-tried" not in (each["tried"], as_root[name].tried)}
    assert len(both) >= AT_LEAST
    assert {name for name in both if as_root[name].tried != found[name]["tried"]} == set()


@needs_root
def test_never_on_the_host() -> None:
    with subprocess.Popen(("sleep", "600")) as child:
        try:
            with pytest.raises(ProbeError) as refused:
                in_place(str(child.pid))
            assert "shares all namespaces" in translate(refused.value.message)
        finally:
            child.kill()
