"""What only root can read, of containers on all four kinds of real engines."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.collector import target
from rig.engine import Rig
from stratascope.collector.filters import why_not
from stratascope.collector.names import PORT_START, SECCOMP
from stratascope.collector.privileged_readings import OWNERS
from stratascope.core.capture import Capture, Gap, GapKind
from stratascope.core.ports import Prober, Wish
from stratascope.probe.helper.elevated import ElevatedProber, open_elevated, ways
from stratascope.probe.local import LocalProber

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or bool(why_not()), reason="needs root")
ALL = (SECCOMP, *OWNERS, PORT_START)


@pytest.fixture(scope="module")
def root() -> Iterator[Prober]:
    told: list[ElevatedProber] = []
    yield open_elevated(ways({}), started=told)
    for prober in told:
        prober.close()
    target.remove()


def look(prober: Prober, pid: int, *names: str) -> Capture:
    (found,) = prober.capture((Wish(pid, ("stat", *names), members=False),))
    return found.first


def filters(capture: Capture) -> list[str]:
    return [str(capture.text(name)) for name in capture.names() if name.startswith("seccomp:")]


def test_in_process_and_as_a_child_read_the_same(any_engine: Rig, root: Prober) -> None:
    with any_engine.container() as name:
        pid = any_engine.pid(name)
        here, there = look(LocalProber(), pid, *ALL), look(root, pid, *ALL)
        keep = [(r.name, r.source, r.text, r.gap) for r in here.readings if r.name != "stat"]
        assert keep == [(r.name, r.source, r.text, r.gap) for r in there.readings if r.name != "stat"]
        assert len(filters(here)) == int(status(pid, "Seccomp_filters")) == 1
        code = bytes.fromhex(filters(here)[0])
        assert len(code) % 8 == 0
        assert code[:8] == bytes.fromhex("2000000004000000"), "the architecture is loaded first"
        assert any_engine.said(name, "echo", "still there") == "still there"


def test_a_filter_of_its_own_comes_after_the_engine_s(any_engine: Rig, root: Prober) -> None:
    program = f"{target.built()}:/target:ro"
    with any_engine.container("-v", program, command=("/target", "2")) as name:
        pid = any_engine.pid(name)
        wait_for_filters(pid, 3)
        engine, *own = filters(look(root, pid, SECCOMP))
        assert own == [target.own_filter(0), target.own_filter(1)]
        with any_engine.container() as plain:
            other = filters(look(root, any_engine.pid(plain), SECCOMP))
        assert [len(other[0]), len(other)] == [len(engine), 1]


def test_no_filter_and_no_engine_s_filter(any_engine: Rig, root: Prober) -> None:
    with any_engine.container("--security-opt", "seccomp=unconfined") as name:
        gap = look(root, any_engine.pid(name), SECCOMP).text(SECCOMP)
        assert gap == Gap(GapKind.ABSENT, None, "no filter is in force")


def test_the_owners_of_its_namespaces(any_engine: Rig, root: Prober) -> None:
    with any_engine.container() as name:
        pid = any_engine.pid(name)
        capture = look(root, pid, *OWNERS, "ns/user")
        own = capture.text("ns/user")
        assert own == os.readlink(f"/proc/{pid}/ns/user")  # noqa: PTH115
        found = {owner: capture.text(owner) for owner in OWNERS if os.path.exists(f"/proc/{pid}/{OWNERS[owner]}")}  # noqa: PTH110
        initial = "user:[4026531837]"
        assert (own != initial) == any_engine.rootless
        # a namespace of its own belongs to its user namespace; one that is the host's to the initial one
        for owner, text in found.items():
            link = OWNERS[owner]
            shared = os.readlink(f"/proc/{pid}/{link}") == os.readlink(f"/proc/2/{link}")  # noqa: PTH115
            if shared or not any_engine.rootless:
                assert text == initial, owner
            else:
                assert str(text).startswith("user:["), owner
                assert text != initial, owner


def test_the_port_setting_inside(docker_rootful: Rig, podman_rootful: Rig, root: Prober) -> None:
    outside = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()
    with docker_rootful.container() as docker, podman_rootful.container() as podman:
        # Docker sets it to 0 in each network namespace that it makes, Podman leaves the kernel's 1024
        assert look(root, docker_rootful.pid(docker), PORT_START).text(PORT_START) == "0\n"
        assert look(root, podman_rootful.pid(podman), PORT_START).text(PORT_START) == "1024\n"
    sysctl = ("--sysctl", "net.ipv4.ip_unprivileged_port_start=81")
    with podman_rootful.container(*sysctl) as other:
        assert look(root, podman_rootful.pid(other), PORT_START).text(PORT_START) == "81\n"
    assert Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text() == outside


def test_a_paused_container_is_a_gap_and_unharmed(docker_rootful: Rig, root: Prober) -> None:
    with docker_rootful.container() as name, docker_rootful.container() as other:
        pid = docker_rootful.pid(name)
        docker_rootful.run("pause", name)
        try:
            paused, running = root.capture(
                tuple(Wish(each, ("stat", *ALL), members=False) for each in (pid, docker_rootful.pid(other)))
            )
            gap = paused.first.text(SECCOMP)
            assert isinstance(gap, Gap)
            assert "frozen" in gap.detail
            assert paused.first.text(PORT_START) == "0\n"
            assert len(filters(running.first)) == 1
        finally:
            docker_rootful.run("unpause", name)
        assert len(filters(look(root, pid, SECCOMP))) == 1
        assert docker_rootful.said(name, "echo", "alive") == "alive"


def test_the_profile_is_what_was_asked_for(docker_rootful: Rig, root: Prober, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text(
        json.dumps(
            {
                "defaultAction": "SCMP_ACT_ALLOW",
                "architectures": ["SCMP_ARCH_X86_64"],
                "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77}],
            }
        )
    )
    with docker_rootful.container("--security-opt", f"seccomp={profile}") as name:
        (code,) = filters(look(root, docker_rootful.pid(name), SECCOMP))
        assert (0x00050000 | 77).to_bytes(4, "little").hex() in code


def status(pid: int, key: str) -> str:
    lines = dict(line.partition(":\t")[::2] for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return lines[key]


def wait_for_filters(pid: int, count: int) -> None:
    while status(pid, "Seccomp_filters") != str(count):
        time.sleep(0.02)
