"""Every toggle on every engine: a container that needs it is hardened with it, and /proc of the new process agrees.

What an engine can't do must be refused with a reason and change nothing, which is held against a list here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.cli.hardened import QUICK, Desk, desk_at, start
from rig.engine import KINDS, Rig
from stratascope.layers.toggles import all_toggles

PROFILE = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["acct"], "action": "SCMP_ACT_ERRNO"}]}
ENGINES = frozenset(("docker_rootful", "docker_rootless", "podman_rootful", "podman_rootless"))
ROOTLESS = frozenset(("docker_rootless", "podman_rootless"))
DOCKER = frozenset(("docker_rootful", "docker_rootless"))
SERVER = ("sh", "-c", "trap 'exit 0' TERM; httpd -f -p 8080 & sleep 3600 & wait")


@dataclass(frozen=True)
class Case:
    """Options that make a container need the toggle; the engines that can't do it (usage error)."""

    toggle: str
    value: str
    options: tuple[str, ...] = ()
    cannot: frozenset[str] = frozenset()
    name: str = ""
    command: tuple[str, ...] | None = None


CASES = (
    Case("capabilities", "none"),
    Case("capabilities", "default", ("--cap-add", "SYS_ADMIN"), name="capabilities-default"),
    Case("drop", "SYS_ADMIN,KILL", ("--cap-add", "SYS_ADMIN")),
    Case("no-new-privileges", "on"),
    Case("privileged", "off", ("--privileged",)),
    Case("seccomp", "default", ("--security-opt", "seccomp=unconfined")),
    Case("seccomp", "PROFILE", name="seccomp-file"),
    Case("apparmor", "default", cannot=ENGINES),  # none is active on the machines that run these tests
    Case("selinux", "default", cannot=ENGINES),
    Case("pid", "private", ("--pid", "host")),
    Case("ipc", "private", ("--ipc", "host")),
    Case("uts", "private", ("--uts", "host")),
    Case("network", "private", ("--network", "host")),
    Case("cgroupns", "private", ("--cgroupns", "host")),
    Case("read-only-root", "on"),
    Case("tmpfs", "/scratch,/var/tmp"),
    Case("volume", "/opt/kept,/var/lib/made"),
    Case("masked-paths", "default", ("--security-opt", "UNMASK")),
    Case("host-paths", "read-only", ("-v", "FOLDER:/data")),
    Case("engine-socket", "remove", ("-v", "SOCKET:/run/docker.sock")),
    Case("unmount", "/taken", ("-v", "FOLDER:/taken")),
    Case("devices", "remove", ("--device", "/dev/fuse")),
    Case("publish", "loopback", ("-p", "PORT:8080"), command=SERVER),
    Case("memory", "64m", cannot=ROOTLESS),
    Case("pids", "64", cannot=ROOTLESS),
    Case("cpus", "0.5", cannot=ROOTLESS),
    Case("oom-score-adj", "700"),
    Case("oom-score-adj", "100", ("--oom-score-adj", "700"), name="oom-score-adj-less"),
    Case("ulimit-nofile", "512"),
    Case("ulimit-nproc", "4096"),
    Case("ulimit-core", "0"),
    Case("user", "1000:1000"),
    Case("volume-owner", "change", ("-v", "/own")),
    Case("userns", "0:200000:65536", cannot=DOCKER | {"podman_rootless"}, name="userns-map"),
    Case("userns", "keep-id", cannot=DOCKER | {"podman_rootful"}, name="userns-keep-id"),
)
# Rootless engines refuse --ipc host here; rootless Docker can't stop a container in the host's PID namespace, as it has
# no control group of its own whose processes could be killed
NOT_HERE = {("docker_rootless", "ipc"), ("podman_rootless", "ipc"), ("docker_rootless", "pid")}


@pytest.fixture
def desk(any_engine: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(any_engine, tmp_path) as found:
        yield found


def _filled(words: tuple[str, ...], desk: Desk) -> tuple[str, ...]:
    folder = desk.rig.folder / "shared"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    unmask = "systempaths=unconfined" if desk.rig.kind == "docker" else "unmask=ALL"
    port = 21000 + os.getpid() % 5000
    found = []
    for word in words:
        for key, text in (("FOLDER", str(folder)), ("SOCKET", str(desk.rig.socket)), ("UNMASK", unmask),
                          ("PORT", str(port))):  # fmt: skip
            word = word.replace(key, text)  # noqa: PLW2901
        found.append(word)
    return tuple(found)


def _value(case: Case, desk: Desk) -> str:
    if case.value != "PROFILE":
        return case.value
    path = desk.rig.folder / "profile.json"
    path.write_text(json.dumps(PROFILE))
    path.chmod(0o644)
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("any_engine", "case"),
    [
        pytest.param(kind, case, id=f"{kind}-{case.name or case.toggle}")
        for kind in KINDS
        for case in CASES
        if (kind, case.toggle) not in NOT_HERE
    ],
    indirect=["any_engine"],
)
def test_each_toggle_is_enforced(desk: Desk, case: Case) -> None:
    options = _filled(case.options, desk)
    original = start(desk, *options, command=QUICK if case.command is None else case.command)
    code, last, err = desk.harden("--set", f"{case.toggle}={_value(case, desk)}")
    if desk.rig.name in case.cannot:
        if case.name == "userns-map" and desk.rig.kind == "podman":  # which ids a user has Podman alone knows
            assert (code, last["result"]) == (4, "rolled-back"), last
            assert "too few IDs" in last["blame"]
        else:
            assert code == 2, last
            assert err.strip(), "it must say why"
        assert desk.only_one_runs() == original
        return
    assert (code, [item["outcome"] for item in last["toggles"]]) == (0, ["enforced"]), (last, err)
    assert last["result"] in ("verified", "enforced", "limits-changed")
    assert last["toggles"][0]["id"] == case.toggle


# Containers that need nearly all of them: one with what privileged mode rules out, one in privileged mode, and one with
# a new volume, which is refused beside another user or map
TOGETHER = {
    "shared": (
        "seccomp pid ipc uts network cgroupns masked-paths host-paths engine-socket devices volume-owner",
        "capabilities=none no-new-privileges=on seccomp=default pid=private ipc=private uts=private network=private"
        " cgroupns=private read-only-root=on tmpfs=/scratch masked-paths=default host-paths=read-only"
        " engine-socket=remove devices=remove ulimit-nofile=512 ulimit-nproc=4096 ulimit-core=0 user=1000"
        " volume-owner=change memory=64m pids=64 cpus=0.5 oom-score-adj=700",
    ),
    "privileged": (
        "privileged publish unmount",
        "privileged=off publish=loopback unmount=/taken capabilities=default drop=KILL,MKNOD userns=0:200000:65536",
    ),
    "kept": ("", "no-new-privileges=on read-only-root=on volume=/opt/kept,/var/lib/made"),
}


@pytest.mark.parametrize("which", TOGETHER)
def test_many_toggles_at_once(desk: Desk, which: str) -> None:
    """One relaunch for each of these containers: the quick form of the test above."""
    needed, text = TOGETHER[which]
    name = desk.rig.name
    skipped = {case.toggle for case in CASES if name in case.cannot and case.name != "userns-keep-id"}
    skipped |= {toggle for engine, toggle in NOT_HERE if engine == name}
    wanted = [word for word in text.split() if word.partition("=")[0] not in skipped]
    options = [
        option
        for case in CASES
        if case.toggle in needed.split() and case.toggle not in skipped
        for option in case.options
    ]
    start(desk, *_filled(tuple(options), desk), command=SERVER)
    code, last, err = desk.harden(*(word for each in wanted for word in ("--set", each)))
    found = {item["id"]: (item["outcome"], item["found"]) for item in last.get("toggles", ())}
    assert "; ".join(f"{key}: {value}" for key, value in found.items() if value[0] != "enforced") == "", err
    assert (code, last["enforced"]) == (0, True), (last, err)
    assert set(found) == {word.partition("=")[0] for word in wanted}


OF_SANDBOXES = {"hide", "lock"}  # machine/sandboxes/test_corrected_line.py


def test_no_toggle_is_left_out() -> None:
    every = {toggle.id for toggle in all_toggles() if not toggle.only_gives} - OF_SANDBOXES
    assert {case.toggle for case in CASES} == every
    together = {word.partition("=")[0] for _, text in TOGETHER.values() for word in text.split()}
    assert together == every - {"apparmor", "selinux"}
