"""Options changed by a relaunch on real Docker engines: the OCI config of the replacement says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rig.engine import Rig
from rig.torture import PROFILE
from stratascope.core.container import (
    Asked,
    AskedLimit,
    AskedMount,
    AskedPort,
    EngineKind,
    ProfileKind,
)
from stratascope.core.options.capabilities import ENGINE_DEFAULTS
from stratascope.engines.docker.engine import DockerEngine
from stratascope.engines.open import relauncher_of
from stratascope.engines.shared.endpoint import Endpoint
from stratascope.value import replace

DEFAULT = ENGINE_DEFAULTS[EngineKind.DOCKER].names()

pytestmark = pytest.mark.slow  # each option on real engines takes minutes

Config = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """`args` of the original; `asked` changes; `seen` tells whether the replacement's config and inspect have it."""

    name: str
    args: tuple[str, ...]
    asked: Callable[[Asked], Asked]
    seen: Callable[[Config, Config], bool]
    rootless: bool = True


def bounding(config: Config) -> set[str]:
    return set(config["process"]["capabilities"].get("bounding", ()))


def mount(config: Config, target: str) -> Config | None:
    return next((each for each in config["mounts"] if each["destination"] == target), None)


def closed(config: Config, target: str) -> bool:
    """Read-only, with all that is mounted below it where the kernel can (`rro`)."""
    return bool({"ro", "rro"} & set((mount(config, target) or {})["options"]))


def namespace(config: Config, kind: str) -> bool:
    """Whether it has a namespace of its own."""
    return any(each["type"] == kind for each in config["linux"]["namespaces"])


def masked(config: Config) -> bool:
    return "/proc/kcore" in config["linux"].get("maskedPaths", ()) and "/proc/sys" in config["linux"].get(
        "readonlyPaths", ()
    )


def without(asked: Asked, target: str) -> Asked:
    return replace(asked, mounts=tuple(each for each in asked.mounts if each.target != target))


def read_only(asked: Asked, target: str) -> Asked:
    changed = tuple(replace(each, writable=False) if each.target == target else each for each in asked.mounts)
    return replace(asked, mounts=changed)


def tmpfs(asked: Asked, *targets: str) -> Asked:
    made = tuple(AskedMount("tmpfs", "", target, True) for target in targets)
    return replace(asked, read_only_root=True, mounts=(*asked.mounts, *made))


CHANGES = (
    Change(
        "drop-all-but",
        ("--cap-add", "net_admin"),
        lambda asked: replace(asked, cap_add=("CAP_CHOWN",), cap_drop=("ALL",), capabilities=("CAP_CHOWN",)),
        lambda config, _: bounding(config) == {"CAP_CHOWN"},
    ),
    Change(
        "only-the-result-is-said",
        ("--cap-drop", "mknod", "--cap-add", "all"),
        lambda asked: replace(asked, capabilities=("CAP_KILL", "CAP_SETUID")),
        lambda config, _: bounding(config) == {"CAP_KILL", "CAP_SETUID"},
    ),
    Change(
        "no-capabilities",
        (),
        lambda asked: replace(asked, cap_add=(), cap_drop=("ALL",), capabilities=()),
        lambda config, _: not bounding(config),
    ),
    Change(
        "default-capabilities",
        ("--cap-add", "ALL"),
        lambda asked: replace(asked, cap_add=(), cap_drop=(), capabilities=DEFAULT),
        lambda config, inspect: bounding(config) == set(DEFAULT) and not inspect["HostConfig"]["CapDrop"],
    ),
    Change(
        "no-new-privileges",
        ("--security-opt", "no-new-privileges=false", "--security-opt", "label=type:t"),
        lambda asked: replace(asked, no_new_privileges=True),
        lambda config, inspect: (
            config["process"]["noNewPrivileges"] is True
            and inspect["HostConfig"]["SecurityOpt"] == ["label=type:t", "no-new-privileges"]
        ),
    ),
    Change(
        "leave-privileged",
        ("--privileged",),
        lambda asked: replace(asked, privileged=False),
        lambda config, inspect: (
            bounding(config) == set(DEFAULT)
            and masked(config)
            and config["linux"]["seccomp"]["defaultAction"] == "SCMP_ACT_ERRNO"
            and not inspect["HostConfig"]["SecurityOpt"]
        ),
    ),
    Change(
        "leave-privileged-and-host-pid",
        ("--privileged", "--pid", "host", "--security-opt", "seccomp=unconfined", "--security-opt", "label=disable"),
        lambda asked: replace(
            asked,
            privileged=False,
            pid_mode="private",
            seccomp=ProfileKind.DEFAULT,
            selinux_options=(),
            masked_paths=None,
            read_only_paths=None,
            capabilities=("CAP_KILL",),
        ),
        lambda config, inspect: (
            bounding(config) == {"CAP_KILL"}
            and masked(config)
            and namespace(config, "pid")
            and "seccomp" in config["linux"]
            and not inspect["HostConfig"]["SecurityOpt"]
        ),
    ),
    Change(
        "leave-privileged-keep-host-pid",
        ("--privileged", "--pid", "host"),
        lambda asked: replace(asked, privileged=False),
        lambda config, inspect: (
            not namespace(config, "pid")
            and masked(config)
            and inspect["HostConfig"]["SecurityOpt"] == ["label=disable"]
        ),
        rootless=False,  # see below
    ),
    Change(
        "default-filter",
        ("--security-opt", "seccomp=unconfined", "--security-opt", "no-new-privileges"),
        lambda asked: replace(asked, seccomp=ProfileKind.DEFAULT),
        lambda config, _: (
            config["linux"]["seccomp"]["defaultAction"] == "SCMP_ACT_ERRNO" and config["process"]["noNewPrivileges"]
        ),
    ),
    Change(
        "own-filter",
        ("--security-opt", "seccomp=unconfined"),
        lambda asked: replace(asked, seccomp=ProfileKind.CUSTOM, seccomp_profile=json.dumps(PROFILE)),
        lambda config, _: config["linux"]["seccomp"]["syscalls"][0]["names"] == ["mkdirat"],
    ),
    Change(
        "apparmor-default",
        ("--security-opt", "apparmor=unconfined"),
        lambda asked: replace(asked, apparmor=ProfileKind.DEFAULT),
        lambda _, inspect: not inspect["HostConfig"]["SecurityOpt"],
    ),
    Change(
        "apparmor-own",
        ("--security-opt", "apparmor=unconfined"),
        lambda asked: replace(asked, apparmor=ProfileKind.CUSTOM, apparmor_profile="my-profile"),
        lambda _, inspect: inspect["HostConfig"]["SecurityOpt"] == ["apparmor=my-profile"],
    ),
    Change(
        "selinux-confined-again",
        ("--security-opt", "label=disable", "--security-opt", "label=level:s0:c1"),
        lambda asked: replace(asked, selinux_options=("level:s0:c1",)),
        lambda _, inspect: inspect["HostConfig"]["SecurityOpt"] == ["label=level:s0:c1"],
    ),
    Change(
        "own-namespaces",
        ("--pid", "host", "--uts", "host", "--network", "host", "--cgroupns", "host"),
        lambda asked: replace(
            asked, pid_mode="private", uts_mode="private", network_mode="private", cgroupns_mode="private"
        ),
        lambda config, inspect: (
            all(namespace(config, kind) for kind in ("pid", "uts", "network", "cgroup"))
            and inspect["HostConfig"]["NetworkMode"] == "bridge"
            and inspect["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] != ""
            and config["hostname"] == inspect["Id"][:12]
            and not inspect["HostConfig"]["SecurityOpt"]
        ),
    ),
    Change(
        "own-ipc",
        ("--ipc", "host"),
        lambda asked: replace(asked, ipc_mode="private"),
        lambda config, inspect: namespace(config, "ipc") and not inspect["HostConfig"]["SecurityOpt"],
        rootless=False,
    ),
    Change(
        "read-only-root-with-tmpfs",
        ("--tmpfs", "/old:size=1m"),
        lambda asked: tmpfs(asked, "/tmp", "/var/new"),
        lambda config, _: (
            config["root"]["readonly"]
            and all((mount(config, path) or {}).get("type") == "tmpfs" for path in ("/tmp", "/var/new", "/old"))
            and {"noexec", "nosuid", "nodev", "mode=1777"} <= set((mount(config, "/tmp") or {})["options"])
            and "size=1m" in (mount(config, "/old") or {})["options"]
        ),
    ),
    Change(
        "masks-back",
        ("--security-opt", "systempaths=unconfined"),
        lambda asked: replace(asked, masked_paths=None, read_only_paths=None),
        lambda config, _: masked(config),
    ),
    Change(
        "own-masks",
        (),
        lambda asked: replace(asked, masked_paths=(*(asked.masked_paths or ()), "/proc/version")),
        lambda config, _: masked(config) and "/proc/version" in config["linux"]["maskedPaths"],
    ),
    Change(
        "bind-read-only",
        ("-v", "/etc:/host/etc/:rw,rprivate", "-v", "/usr:/host/usr"),
        lambda asked: read_only(asked, "/host/etc"),
        lambda config, _: closed(config, "/host/etc") and not closed(config, "/host/usr"),
    ),
    Change(
        "mount-read-only",
        ("--mount", "type=bind,src=/etc,dst=/host/etc", "--mount", "type=volume,dst=/vol"),
        lambda asked: read_only(read_only(asked, "/host/etc"), "/vol"),
        lambda config, _: closed(config, "/host/etc") and closed(config, "/vol"),
    ),
    Change(
        "bind-removed",
        ("-v", "/run:/host/run", "--mount", "type=bind,src=/etc,dst=/host/etc", "-v", "/usr:/host/usr"),
        lambda asked: without(without(asked, "/host/run"), "/host/etc"),
        lambda config, _: (
            mount(config, "/host/run") is None
            and mount(config, "/host/etc") is None
            and bool(mount(config, "/host/usr"))
        ),
    ),
    Change(
        "devices-removed",
        ("--device", "/dev/zero:/dev/first", "--device-cgroup-rule", "c 1:3 rwm"),
        lambda asked: replace(asked, devices=(), device_rules=()),
        lambda config, inspect: (
            "/dev/first" not in json.dumps(config) and not inspect["HostConfig"]["DeviceCgroupRules"]
        ),
        rootless=False,
    ),
    Change(
        "one-device-removed",
        ("--device", "/dev/zero:/dev/first", "--device", "/dev/null:/dev/second"),
        lambda asked: replace(asked, devices=asked.devices[1:]),
        lambda _, inspect: [each["PathInContainer"] for each in inspect["HostConfig"]["Devices"]] == ["/dev/second"],
        rootless=False,
    ),
    Change(
        "loopback-only",
        ("-p", "18077:77", "-p", "79"),
        lambda asked: replace(asked, ports=tuple(replace(each, host_ip="127.0.0.1") for each in asked.ports)),
        lambda _, inspect: (
            inspect["NetworkSettings"]["Ports"]["77/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": "18077"}]
            and inspect["NetworkSettings"]["Ports"]["79/tcp"][0]["HostIp"] == "127.0.0.1"
        ),
    ),
    Change(
        "loopback-only-of-all",
        ("-P", "--expose", "81"),
        lambda asked: replace(asked, ports=tuple(replace(each, host_ip="127.0.0.1") for each in asked.ports)),
        lambda _, inspect: [each["HostIp"] for each in inspect["NetworkSettings"]["Ports"]["81/tcp"]] == ["127.0.0.1"],
    ),
    Change(
        "port-pinned",
        ("-p", "82"),
        lambda asked: replace(asked, ports=(AskedPort("82/tcp", "", "18082"),)),
        lambda _, inspect: inspect["NetworkSettings"]["Ports"]["82/tcp"][0]["HostPort"] == "18082",
    ),
    Change(
        "memory",
        (),
        lambda asked: replace(asked, memory=64 << 20),
        lambda config, _: (
            config["linux"]["resources"]["memory"]["limit"] == 64 << 20
            and config["linux"]["resources"]["memory"]["swap"] == 128 << 20
        ),
        rootless=False,
    ),
    Change(
        "less-memory",
        ("--memory", "512m", "--memory-reservation", "256m"),
        lambda asked: replace(asked, memory=64 << 20),
        lambda config, _: (
            config["linux"]["resources"]["memory"]["limit"] == 64 << 20
            and config["linux"]["resources"]["memory"]["swap"] == 128 << 20
            and config["linux"]["resources"]["memory"]["reservation"] == 64 << 20
        ),
        rootless=False,
    ),
    Change(
        "more-memory-than-swap",
        ("--memory", "64m", "--memory-swap", "80m"),
        lambda asked: replace(asked, memory=256 << 20),
        lambda config, _: config["linux"]["resources"]["memory"]["swap"] == 256 << 20,
        rootless=False,
    ),
    Change(
        "memory-without-swap",
        (),
        lambda asked: replace(asked, memory=64 << 20, memory_swap=64 << 20),
        lambda config, _: config["linux"]["resources"]["memory"]["swap"] == 64 << 20,
        rootless=False,
    ),
    Change(
        "memory-as-much-as-with-swap",
        ("--memory", "64m"),
        lambda asked: replace(asked, memory=128 << 20, memory_swap=128 << 20),
        lambda config, _: config["linux"]["resources"]["memory"]["swap"] == 128 << 20,
        rootless=False,
    ),
    Change(
        "oom-score",
        ("--oom-score-adj", "100"),
        lambda asked: replace(asked, oom_score_adj=700),
        lambda config, told: config["process"]["oomScoreAdj"] == told["HostConfig"]["OomScoreAdj"] == 700,
    ),
    Change(
        "pids-and-cores",
        ("--cpu-quota", "20000", "--cpu-period", "50000"),
        lambda asked: replace(asked, pids=55, cpu_cores=0.25),
        lambda config, _: (
            config["linux"]["resources"]["pids"]["limit"] == 55
            and config["linux"]["resources"]["cpu"]["quota"] * 4 == config["linux"]["resources"]["cpu"]["period"]
        ),
        rootless=False,
    ),
    Change(
        "ulimits",
        ("--ulimit", "nofile=100:200", "--ulimit", "core=1"),
        lambda asked: replace(asked, limits=(AskedLimit("nofile", 64, 64), asked.limits[0])),
        lambda config, _: (
            {(each["type"], each["soft"], each["hard"]) for each in config["process"]["rlimits"]}
            == {("RLIMIT_NOFILE", 64, 64), ("RLIMIT_CORE", 1, 1)}
        ),
    ),
    Change(
        "another-user",
        (),
        lambda asked: replace(asked, user="1000:1"),
        lambda config, _: (config["process"]["user"]["uid"], config["process"]["user"]["gid"]) == (1000, 1),
    ),
)


def check(rig: Rig, change: Change) -> None:
    engine = DockerEngine(Endpoint(rig.id, EngineKind.DOCKER, rig.endpoint, "test", rig.rootless))
    try:
        port = relauncher_of(engine)
        with rig.container(*change.args) as original:
            spec = port.plan(original)
            wanted = change.asked(spec.asked)
            assert wanted != spec.asked
            body = port.body(spec, wanted)
            port.stop(original, 0)
            made = port.create(body, f"{spec.name}.new", {})
            try:
                port.start(made.id)
                config, inspect = json.loads(port.oci_config(made.id)), rig.inspect(made.id)
                assert config == rig.config(made.id)
                assert change.seen(config, inspect), json.dumps([config, inspect["HostConfig"]])
                again = port.plan(made.id).asked
                told = {
                    name: (getattr(again, name), getattr(wanted, name))
                    for name in Asked.__struct_fields__
                    if getattr(again, name) != getattr(wanted, name)
                    and name not in FOLLOWS
                    and getattr(wanted, name) != getattr(spec.asked, name)
                }
                assert told == {}
            finally:
                rig.remove(made.id)
    finally:
        engine.close()


# Fields that say the same in other words afterwards, or that follow another one
FOLLOWS = ("network_mode", "masked_paths", "read_only_paths", "cap_add", "cap_drop", "memory_swap")


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_changed_on_rootful(docker_rootful: Rig, change: Change) -> None:
    check(docker_rootful, change)


@pytest.mark.slow
@pytest.mark.parametrize("change", [each for each in CHANGES if each.rootless], ids=lambda change: change.name)
def test_changed_on_rootless(docker_rootless: Rig, change: Change) -> None:
    check(docker_rootless, change)


def test_a_mount_of_another_container_is_left_out(docker_rootful: Rig, tmp_path: Path) -> None:
    rig = docker_rootful
    engine = DockerEngine(Endpoint(rig.id, EngineKind.DOCKER, rig.endpoint, "test"))
    try:
        port = relauncher_of(engine)
        with (
            rig.container("-v", f"{tmp_path}:/socket", "-v", "/lent", "-v", f"{tmp_path}:/ro") as lender,
            rig.container("--volumes-from", lender) as original,
        ):
            spec = port.plan(original)
            body = port.body(spec, read_only(without(spec.asked, "/socket"), "/ro"))
            made = port.create(body, f"{spec.name}.new", {})
            try:
                port.start(made.id)
                config = rig.config(made.id)
                assert mount(config, "/socket") is None
                assert (mount(config, "/lent") or {})["source"] == (mount(rig.config(lender), "/lent") or {})["source"]
                assert closed(config, "/ro")
            finally:
                rig.remove(made.id)
    finally:
        engine.close()


@pytest.mark.slow
def test_rootless_docker_masks_nothing_beside_the_hosts_processes(docker_rootless: Rig) -> None:
    """Why leaving privileged mode alone does not bring the masks back there: nothing does, with the host's PIDs."""
    with docker_rootless.container("--pid", "host") as container:
        assert not masked(docker_rootless.config(container))
