"""Capture and belonging on all four kinds of real engines: ours is ours, everything else is not."""

from __future__ import annotations

import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest

from rig.engine import Rig
from stratascope.core.capture import GapKind, whole_gap
from stratascope.core.container import Asked, Container, Status
from stratascope.core.ground import decode_ground
from stratascope.core.ports import ContainerCapture, Wish
from stratascope.core.process_match import WANTS, belongs
from stratascope.linux.process import parse_status
from stratascope.probe.local import LocalProber
from stratascope.probe.podman_top import PodmanTop
from stratascope.value import replace

PROBER = LocalProber()


def described(rig: Rig, name: str, pid_mode: str = "private") -> Container:
    """What belonging needs of the engine's answer, taken by this test itself."""
    answer = rig.inspect(name)
    created = datetime.fromisoformat(answer["Created"]).timestamp()
    started = datetime.fromisoformat(answer["State"]["StartedAt"]).timestamp()
    pid = answer["State"]["Pid"]
    asked = Asked(pid_mode=pid_mode)
    return Container(rig.kind, answer["Id"], name, "", Status.RUNNING, pid, created, started, asked=asked)


def look(pid: int, container: str = "") -> ContainerCapture:
    return PROBER.capture((Wish(pid, (*WANTS, "cgroup:*"), ("status", "comm"), container=container),))[0]


def test_ours_and_not_another_s(each_api: Rig) -> None:
    ground = decode_ground(PROBER.host())
    with each_api.container() as name:
        time.sleep(4)  # more than the slack, so that time alone tells the second from the first
        with each_api.container() as other:
            one, two = described(each_api, name), described(each_api, other)
            first, second = look(one.pid or 0), look(two.pid or 0)
            assert belongs(one, first.first, ground) is None
            assert belongs(two, second.first, ground) is None
            for wrong in (belongs(one, second.first, ground), belongs(two, first.first, ground)):
                assert wrong is not None
                assert wrong.kind is GapKind.FOREIGN
            # the engine's PID for it, but this host's process
            for pid in (1, 2):
                foreign = belongs(one, look(pid).first, ground)
                assert foreign is not None
                assert foreign.kind is GapKind.FOREIGN
    gone = whole_gap(look(one.pid or 0).first)
    assert gone is not None
    assert gone.kind is GapKind.GONE


@pytest.mark.parametrize("pid", ["private", "host"])
def test_ours_after_the_wall_clock_was_set(any_engine: Rig, pid: str) -> None:
    """Setting it moves the time of boot: the engine's times of before don't fit any more, those of a new container
    don't fit what was read before.
    """
    ground = decode_ground(PROBER.host())
    assert ground.boot_time is not None
    with any_engine.container(*(["--pid", "host"] if pid == "host" else [])) as name:
        container = described(any_engine, name, pid)
        found = look(container.pid or 0).first
        for hours in (-72, -1, 0, 1, 72):
            stepped = replace(ground, boot_time=ground.boot_time + 3600.0 * hours)
            assert belongs(container, found, stepped) is None
            foreign = belongs(replace(container, id="e" * 64), found, stepped)
            assert foreign is not None
            assert foreign.kind is GapKind.FOREIGN


def test_pid_host(any_engine: Rig) -> None:
    ground = decode_ground(PROBER.host())
    with any_engine.container("--pid", "host") as name:
        container = described(any_engine, name, "host")
        found = look(container.pid or 0)
        assert belongs(container, found.first, ground) is None
        elsewhere = belongs(replace(container, id="e" * 64), look(2).first, ground)
        assert elsewhere is not None
        assert elsewhere.kind is GapKind.FOREIGN
        if found.members_from == "":
            assert found.members == ()


def test_members_are_the_exec_sessions_too(any_engine: Rig) -> None:
    with any_engine.container() as name:
        number, pid = described(any_engine, name).id, described(any_engine, name).pid or 0
        session = subprocess.Popen(
            any_engine.command("exec", name, "sleep", "77"), env=any_engine.environ, stdin=subprocess.DEVNULL
        )
        try:
            found = look(pid, number)
            # the runtime's own first steps inside are a member too, for a moment; and in the midst of exec
            # a process has its new name, but no arguments yet
            while [Path(f"/proc/{item.pid}/cmdline").read_bytes() for item in found.members] != [b"sleep\x0077\x00"]:
                time.sleep(0.1)
                found = look(pid, number)
            found = look(pid, number)  # the last one may have been before that moment
            assert [member.text("comm") for member in found.members] == ["sleep\n"]
            assert found.members_from in ("cgroup", "pid namespace")
            cgroup = found.first.text("cgroup")
            assert (found.members_from == "cgroup") == (
                isinstance(cgroup, str) and described(any_engine, name).id in cgroup
            )
        finally:
            session.kill()
            session.wait()


def test_the_limit_that_the_kernel_has(docker_rootful: Rig) -> None:
    with docker_rootful.container("--memory", "64m", "--pids-limit", "55") as name:
        capture = look(described(docker_rootful, name).pid or 0).first
        limits = {key: capture.text(key) for key in capture.names() if key.startswith("cgroup:")}
        assert "67108864\n" in limits.values()
        assert "55\n" in limits.values()


@pytest.mark.parametrize(
    "options", [(), ("--privileged",), ("--cap-drop", "ALL")], ids=["default", "privileged", "none"]
)
def test_podman_top_agrees_with_the_kernel(podman_rootless: Rig, options: tuple[str, ...]) -> None:
    def ask(container: str, columns: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        rows = podman_rootless.run("top", container, *columns).splitlines()[1:]
        return tuple(tuple(row.split()) for row in rows)

    with podman_rootless.container(*options) as name:
        pid = podman_rootless.pid(name)
        told = PodmanTop(ask)(name, pid)
        says = parse_status(str(told.first.text("status")))
        kernel = parse_status(Path(f"/proc/{pid}/status").read_text())
        assert told.first.pid == pid
        assert (says.effective, says.bounding, says.permitted, says.inheritable, says.ambient, says.seccomp) == (
            kernel.effective,
            kernel.bounding,
            kernel.permitted,
            kernel.inheritable,
            kernel.ambient,
            kernel.seccomp,
        )
        assert says.nspid == kernel.nspid
