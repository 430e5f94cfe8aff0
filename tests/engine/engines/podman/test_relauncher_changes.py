"""Each option that hardening changes, in the OCI config of a real Podman's new container."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.engines.podman.replaced import relauncher, replaced
from rig.engine import Rig
from stratascope.core.container import Asked, AskedDevice, AskedLimit, AskedMount, AskedPort, ProfileKind
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.value import replace

pytestmark = pytest.mark.slow  # each option on real engines takes minutes

Config = dict[str, Any]
Told = tuple[Config, Config]  # the OCI config, inspect
NO_LIMIT = (1 << 64) - 1
DEFAULT = 11  # capabilities of Podman's own choice


def caps(told: Told) -> set[str]:
    return set(told[0]["process"].get("capabilities", {}).get("bounding") or ())


def kinds(told: Told) -> set[str]:
    return {each["type"] for each in told[0]["linux"]["namespaces"]}


def mounts(told: Told) -> dict[str, Config]:
    return {each["destination"]: each for each in told[0]["mounts"]}


def nodes(told: Told) -> set[str]:
    """Devices, which rootless engines bind."""
    return {*mounts(told), *(each["path"] for each in told[0]["linux"].get("devices") or ())}


def resources(told: Told) -> Config:
    found: Config = told[0]["linux"].get("resources", {})
    return found


@dataclass(frozen=True)
class Change:
    """`before` and `after` hold the wanted truth about old and new."""

    name: str
    args: tuple[str, ...]
    change: Callable[[Asked], Asked]
    after: Callable[[Told], bool]
    before: Callable[[Told], bool] | None = None  # None: `after` must not hold
    rootless: bool = True


def to(**changes: Any) -> Callable[[Asked], Asked]:
    return lambda asked: replace(asked, **changes)


def plain_again(asked: Asked) -> Asked:
    """Out of privileged mode with all that it drags along."""
    return replace(
        asked,
        privileged=False,
        cap_add=(),
        cap_drop=("CAP_SETFCAP",),
        seccomp=ProfileKind.DEFAULT,
        seccomp_profile="",
        apparmor=ProfileKind.DEFAULT,
        selinux_options=(),
        masked_paths=None,
        read_only_paths=None,
        pid_mode="private",
        network_mode="private",
        uts_mode="private",
    )


CHANGES = (
    Change("drop", (), to(cap_drop=("ALL",), cap_add=("CAP_CHOWN",)), lambda told: caps(told) == {"CAP_CHOWN"}),
    Change("drop-all", ("--cap-add", "SYS_ADMIN"), to(cap_drop=("ALL",), cap_add=()), lambda told: caps(told) == set()),
    Change(
        "no-new-privileges",
        (),
        to(no_new_privileges=True),
        lambda told: told[0]["process"].get("noNewPrivileges") is True,
    ),
    Change(
        "seccomp",
        ("--security-opt", "seccomp=unconfined"),
        to(seccomp=ProfileKind.DEFAULT, seccomp_profile=""),
        lambda told: (
            "seccomp" in told[0]["linux"]
            and "SecurityOpt" in told[1]["HostConfig"]
            and not any("seccomp" in word for word in told[1]["HostConfig"]["SecurityOpt"])
        ),
    ),
    Change(
        "selinux",
        ("--security-opt", "label=disable"),
        to(selinux_options=()),
        lambda told: "io.podman.annotations.label" not in told[0]["annotations"],
    ),
    Change(
        "privileged",
        ("--privileged", "--pid", "host", "--network", "host", "--uts", "host"),
        plain_again,
        lambda told: (
            len(caps(told)) == DEFAULT - 1
            and "seccomp" in told[0]["linux"]
            and "/proc/kcore" in told[0]["linux"]["maskedPaths"]
            and "/proc/sys" in told[0]["linux"]["readonlyPaths"]
            and kinds(told) >= {"pid", "network", "uts", "ipc", "mount"}
            and "ro" in mounts(told)["/sys"]["options"]
            and not told[0]["linux"].get("devices")
            and not told[1]["HostConfig"]["Privileged"]
            and told[1]["HostConfig"]["SecurityOpt"] == []
        ),
    ),
    Change(
        "privileged-with-device",
        ("--privileged", "--device", "/dev/zero:/dev/two:r", "--device", "/dev/full:/dev/three"),
        plain_again,
        lambda told: not told[1]["HostConfig"]["Privileged"] and {"/dev/two", "/dev/three"} <= nodes(told),
    ),
    Change(
        "privileged-without-device",
        ("--privileged", "--device", "/dev/zero:/dev/two:r", "--device", "/dev/fuse"),
        lambda asked: replace(plain_again(asked), devices=()),
        lambda told: not {"/dev/two", "/dev/fuse"} & nodes(told),
    ),
    Change("pid", ("--pid", "host"), to(pid_mode="private"), lambda told: "pid" in kinds(told)),
    Change("ipc", ("--ipc", "host"), to(ipc_mode="private"), lambda told: "ipc" in kinds(told), rootless=False),
    Change("uts", ("--uts", "host"), to(uts_mode="private"), lambda told: "uts" in kinds(told)),
    Change("network", ("--network", "host"), to(network_mode="private"), lambda told: "network" in kinds(told)),
    Change(
        "no-network",
        ("-p", "127.0.0.1::80", "--expose", "99", "--dns", "1.1.1.1", "--add-host", "a:1.2.3.4"),
        to(network_mode="none", ports=()),
        lambda told: "network" in kinds(told) and told[1]["HostConfig"]["NetworkMode"] == "none",
    ),
    Change("cgroupns", ("--cgroupns", "host"), to(cgroupns_mode="private"), lambda told: "cgroup" in kinds(told)),
    Change(
        "read-only",
        ("--tmpfs", "/t"),
        lambda asked: replace(
            asked, read_only_root=True, mounts=(*asked.mounts, AskedMount("tmpfs", "", "/var/cache", True))
        ),
        lambda told: (
            told[0]["root"].get("readonly") is True
            and mounts(told)["/var/cache"]["type"] == "tmpfs"
            and mounts(told)["/t"]["type"] == "tmpfs"
            and "ro" not in mounts(told)["/dev/shm"]["options"]
        ),
    ),
    Change(
        "masks",
        ("--security-opt", "unmask=ALL"),
        to(masked_paths=None, read_only_paths=None),
        lambda told: (
            "/proc/kcore" in told[0]["linux"].get("maskedPaths", ())
            and "/proc/sys" in told[0]["linux"].get("readonlyPaths", ())
        ),
    ),
    Change(
        "bind-read-only",
        ("-v", "{folder}:/data", "-v", "vol-change:/vol"),
        lambda asked: replace(asked, mounts=tuple(replace(each, writable=False) for each in asked.mounts)),
        lambda told: "ro" in mounts(told)["/data"]["options"] and "ro" in mounts(told)["/vol"]["options"],
    ),
    Change(
        "bind-out",
        ("-v", "{folder}:/run/engine", "-v", "{folder}:/kept"),
        lambda asked: replace(asked, mounts=tuple(each for each in asked.mounts if each.target == "/kept")),
        lambda told: "/run/engine" not in mounts(told) and "/kept" in mounts(told),
    ),
    Change(
        "device-out",
        ("--device", "/dev/null:/dev/one:r", "--device", "/dev/zero:/dev/two"),
        lambda asked: replace(asked, devices=tuple(each for each in asked.devices if each.target == "/dev/one")),
        lambda told: "/dev/two" not in str(told[0]) and "/dev/one" in str(told[0]),
        rootless=False,  # its inspect shows no devices
    ),
    Change(
        "device-permissions",
        (
            "--device",
            "/dev/zero:/dev/two",
        ),
        to(devices=(AskedDevice("/dev/zero", "/dev/two", "r"),)),
        lambda told: {"allow": True, "type": "c", "major": 1, "minor": 5, "access": "r"} in resources(told)["devices"],
        rootless=False,
    ),
    Change(
        "devices-and-rules",
        ("--device", "/dev/zero:/dev/two", "--device-cgroup-rule", "b 8:0 r"),
        to(devices=(), device_rules=()),
        lambda told: (
            not [each for each in resources(told)["devices"] if each.get("major") == 8]
            and "device-cgroup-rule" not in str(told[1]["Config"]["CreateCommand"])
        ),
        rootless=False,
    ),
    Change(
        "ports",
        ("-p", "18077:77", "-p", "18078:78/udp"),
        lambda asked: replace(asked, ports=tuple(replace(each, host_ip="127.0.0.1") for each in asked.ports)),
        lambda told: (
            told[1]["HostConfig"]["PortBindings"]
            == {
                "77/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18077"}],
                "78/udp": [{"HostIp": "127.0.0.1", "HostPort": "18078"}],
            }
        ),
    ),
    Change(
        "port-out",
        ("-p", "18077:77", "-p", "18078:78/udp"),
        to(ports=(AskedPort("78/udp", "", "18078"),)),
        lambda told: list(told[1]["HostConfig"]["PortBindings"]) == ["78/udp"],
    ),
    Change(
        "oom-score",
        (),
        to(oom_score_adj=700),
        lambda told: told[0]["process"].get("oomScoreAdj") == told[1]["HostConfig"]["OomScoreAdj"] == 700,
    ),
    Change(
        "oom-score-none",
        ("--oom-score-adj", "700"),
        to(oom_score_adj=0),
        lambda told: not told[0]["process"].get("oomScoreAdj"),
        rootless=False,
    ),
    Change(
        "memory",
        (),
        to(memory=1 << 26),
        lambda told: resources(told).get("memory") == {"limit": 1 << 26, "swap": 1 << 27},
        rootless=False,
    ),
    Change(
        "memory-lower",
        ("-m", "100m", "--memory-reservation", "90m", "--memory-swap", "120m"),
        to(memory=1 << 26, memory_swap=1 << 26),
        lambda told: resources(told)["memory"] == {"limit": 1 << 26, "reservation": 1 << 26, "swap": 1 << 26},
        rootless=False,
    ),
    Change("pids", (), to(pids=55), lambda told: resources(told)["pids"] == {"limit": 55}, rootless=False),
    Change(
        "cpus",
        (),
        to(cpu_cores=0.5, cpuset="0"),
        lambda told: resources(told).get("cpu") == {"quota": 50000, "period": 100000, "cpus": "0"},
        rootless=False,
    ),
    Change(
        "ulimits",
        ("--ulimit", "nofile=2000:3000"),
        to(limits=(AskedLimit("nofile", 100, 200), AskedLimit("core", 0, 0), AskedLimit("data", -1, -1))),
        lambda told: (
            {each["type"]: (each["soft"], each["hard"]) for each in told[0]["process"]["rlimits"]}.items()
            >= {"RLIMIT_NOFILE": (100, 200), "RLIMIT_CORE": (0, 0), "RLIMIT_DATA": (NO_LIMIT, NO_LIMIT)}.items()
        ),
    ),
    Change(
        "user",
        (),
        to(user="1000:1"),
        lambda told: (told[0]["process"]["user"]["uid"], told[0]["process"]["user"]["gid"]) == (1000, 1),
    ),
    Change(
        "user-home",
        (),
        to(user="app"),
        lambda told: told[0]["process"]["user"]["uid"] == 1000 and "HOME=/root" not in told[0]["process"]["env"],
    ),
    Change("userns-keep-id", (), to(userns_mode="keep-id"), lambda told: "user" in kinds(told), rootless=True),
    Change(
        "userns-explicit",
        (),
        to(userns_mode="private", uid_map=((0, 1000, 500),)),
        lambda told: told[0]["linux"].get("uidMappings") == [{"containerID": 0, "hostID": 1000, "size": 500}],
    ),
)
_ROOTLESS_ONLY = (
    Change(
        "userns-auto",
        (),
        to(userns_mode="auto:size=2000"),
        lambda told: (
            [each["size"] for each in told[0]["linux"].get("uidMappings", ())] == [2000]
            and told[1]["HostConfig"]["Annotations"]["io.podman.annotations.userns"] == "auto:size=2000"
        ),
    ),
    Change("userns-nomap", (), to(userns_mode="nomap"), lambda told: bool(told[0]["linux"].get("uidMappings"))),
)
_CASES = [
    pytest.param(kind, change, id=f"{kind}-{change.name}")
    for kind in ("podman_rootful", "podman_rootless")
    for change in (*CHANGES, *(_ROOTLESS_ONLY if kind == "podman_rootless" else ()))
    if (kind == "podman_rootful" or change.rootless) and (kind, change.name) != ("podman_rootful", "userns-keep-id")
]


@pytest.mark.parametrize(("kind", "change"), _CASES)
def test_a_change_is_in_the_new_configuration(request: pytest.FixtureRequest, kind: str, change: Change) -> None:
    rig: Rig = request.getfixturevalue(kind)
    args = [arg.replace("{folder}", str(rig.folder)) for arg in change.args]
    with rig.container(*args) as original, relauncher(rig) as port:
        spec = port.plan(original)
        before = (rig.config(original), rig.inspect(original))
        assert change.before(before) if change.before else not change.after(before)
        asked = change.change(spec.asked)
        with replaced(rig, port, port.body(spec, asked), spec) as new:
            after = (rig.config(new), rig.inspect(new))
            assert change.after(after)
            # Asked for once, it is what the next plan starts from
            again = port.plan(new)
            assert json.loads(port.body(again, again.asked)).get("seccomp_profile_path") == (
                json.loads(port.body(spec, asked)).get("seccomp_profile_path")
            )
            assert again.asked.privileged == asked.privileged
            assert again.asked.no_new_privileges == asked.no_new_privileges
            assert again.asked.read_only_root == asked.read_only_root
            assert again.asked.ports == asked.ports
            assert again.lost == ()


def test_a_seccomp_profile(podman_rootful: Rig, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}))
    with podman_rootful.container() as original, relauncher(podman_rootful) as port:
        spec = port.plan(original)
        asked = replace(spec.asked, seccomp=ProfileKind.CUSTOM, seccomp_profile=str(profile))
        with replaced(podman_rootful, port, port.body(spec, asked), spec) as new:
            assert podman_rootful.config(new)["linux"]["seccomp"]["defaultAction"] == "SCMP_ACT_ALLOW"
            assert port.plan(new).asked.seccomp_profile == str(profile)
        with pytest.raises(ToggleError):
            port.body(spec, replace(asked, seccomp_profile='{"defaultAction": "SCMP_ACT_ALLOW"}'))


def test_mounts_of_another_container_stay(podman_rootful: Rig) -> None:
    with (
        podman_rootful.container("-v", "/lent") as lender,
        podman_rootful.container("--volumes-from", lender) as original,
        relauncher(podman_rootful) as port,
    ):
        spec = port.plan(original)
        with pytest.raises(ToggleError):
            port.body(spec, replace(spec.asked, mounts=()))
