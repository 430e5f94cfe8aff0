"""Docker's inspect JSON, as recorded from real daemons (rootful and rootless 26.1), into containers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.places import CAPTURES
from stratascope.core.container import (
    AskedDevice,
    AskedMount,
    Container,
    Engine,
    EngineFacts,
    EngineKind,
    ProfileKind,
    Status,
)
from stratascope.core.options.capabilities import ENGINE_DEFAULTS
from stratascope.core.ports import RawContainer
from stratascope.engines.docker.inspect import redact, translate
from stratascope.linux.capability import NAMES

DEFAULT = ENGINE_DEFAULTS[EngineKind.DOCKER].names()

CAPTURES = CAPTURES / "inspect"
ENGINE = Engine("docker", EngineKind.DOCKER, "unix:///run/docker.sock")
PROFILE = '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}'


def container(text: str, engine: Engine = ENGINE) -> Container:
    return translate(RawContainer("docker", "id", text), engine)


def recorded(name: str) -> Container:
    return container((CAPTURES / f"{name}.json").read_text())


def made(host: dict[str, Any] | None = None, engine: Engine = ENGINE, **top: Any) -> Container:
    return container(json.dumps({"Id": "a" * 64, "HostConfig": host or {}, **top}), engine)


def test_a_default_container() -> None:
    found = recorded("docker_rootful-default")
    assert found.name == "cc-default"
    assert found.image == "busybox"
    assert found.status is Status.RUNNING
    assert found.pid is not None
    assert len(found.id) == 64
    assert found.command == "sleep 3600"
    assert found.runtime == "runc"
    assert 0 < found.started - found.created < 5
    asked = found.asked
    assert asked.capabilities == DEFAULT
    assert (asked.pid_mode, asked.ipc_mode, asked.uts_mode) == ("private", "private", "private")
    assert asked.network_mode == "bridge"
    assert asked.cgroupns_mode == "host"  # recorded on cgroup v1
    assert (asked.seccomp, asked.apparmor) == (ProfileKind.DEFAULT, ProfileKind.DEFAULT)
    assert asked.masked_paths is not None
    assert "/proc/kcore" in asked.masked_paths
    assert asked.read_only_paths is not None
    assert "/proc/sys" in asked.read_only_paths
    assert (asked.memory, asked.memory_swap, asked.pids, asked.cpu_cores) == (None, None, None, None)
    assert not asked.privileged
    assert not asked.no_new_privileges


@pytest.mark.parametrize("engine", ["docker_rootful", "docker_rootless"])
def test_privileged_takes_filter_profile_and_masks_along(engine: str) -> None:
    asked = recorded(f"{engine}-privileged").asked
    assert asked.privileged
    assert asked.capabilities == NAMES
    assert (asked.seccomp, asked.apparmor) == (ProfileKind.UNCONFINED, ProfileKind.UNCONFINED)
    assert asked.masked_paths == ()
    assert asked.read_only_paths == ()
    assert asked.selinux_options == ("disable",)


def test_limits() -> None:
    asked = recorded("docker_rootful-limits").asked
    assert (asked.memory, asked.memory_swap, asked.pids, asked.cpu_cores) == (64 << 20, 128 << 20, 50, 0.5)


def test_host_namespaces() -> None:
    asked = recorded("docker_rootful-host").asked
    assert (asked.pid_mode, asked.network_mode, asked.uts_mode) == ("host", "host", "host")


def test_another_containers_network() -> None:
    asked = recorded("docker_rootful-share").asked
    assert asked.network_mode.startswith("container:")
    assert asked.ipc_mode == "host"


def test_a_hardened_container() -> None:
    asked = recorded("docker_rootful-hard").asked
    assert asked.user == "1000"
    assert asked.cap_drop == ("ALL",)
    assert asked.cap_add == ("CAP_NET_BIND_SERVICE",)
    assert asked.capabilities == ("CAP_NET_BIND_SERVICE",)
    assert asked.no_new_privileges
    assert asked.read_only_root
    assert asked.mounts == (AskedMount("tmpfs", "", "/scratch", True),)


def test_security_options() -> None:
    asked = recorded("docker_rootful-secopt").asked
    assert asked.no_new_privileges
    assert (asked.seccomp, asked.seccomp_profile) == (ProfileKind.CUSTOM, PROFILE)
    asked = recorded("docker_rootful-unconf").asked
    assert asked.seccomp is ProfileKind.UNCONFINED
    assert asked.selinux_options == ("type:spc_t",)
    assert asked.capabilities == tuple(name for name in NAMES if name != "CAP_CHOWN")
    asked = recorded("docker_rootful-systempaths").asked
    assert (asked.masked_paths, asked.read_only_paths) == ((), ())


def test_rules_for_devices() -> None:
    assert recorded("docker_rootful-mounts").asked.device_rules == ()
    assert made({"DeviceCgroupRules": ["c 1:3 mr"]}).asked.device_rules == ("c 1:3 mr",)


def test_mounts_devices_and_init() -> None:
    found = recorded("docker_rootful-mounts")
    assert found.init
    assert found.asked.devices == (AskedDevice("/dev/null", "/dev/mynull", "r"),)
    volume, bind, tmpfs = found.asked.mounts
    assert bind == AskedMount("bind", "/etc", "/host-etc", False, "rprivate")
    assert (volume.kind, volume.target, volume.writable, volume.volume) == ("volume", "/data", True, "data")
    assert tmpfs == AskedMount("tmpfs", "", "/t", True)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["no-new-privileges"], True),
        (["no-new-privileges:true"], True),
        (["no-new-privileges=true"], True),
        (["no-new-privileges=false"], False),
        (["no-new-privileges:false"], False),
        (["no-new-privileges", "no-new-privileges=false"], False),
        ([], False),
        (None, False),
    ],
)
def test_no_new_privileges_forms(options: list[str] | None, expected: bool) -> None:
    assert made({"SecurityOpt": options}).asked.no_new_privileges is expected


@pytest.mark.parametrize(
    ("options", "privileged", "kind", "text"),
    [
        (["seccomp=unconfined"], False, ProfileKind.UNCONFINED, ""),
        (["seccomp:unconfined"], False, ProfileKind.UNCONFINED, ""),
        (["seccomp=builtin"], False, ProfileKind.DEFAULT, ""),
        (["seccomp={}"], False, ProfileKind.CUSTOM, "{}"),
        ([], True, ProfileKind.UNCONFINED, ""),
        (["seccomp={}"], True, ProfileKind.CUSTOM, "{}"),
    ],
)
def test_seccomp_forms(options: list[str], privileged: bool, kind: ProfileKind, text: str) -> None:
    asked = made({"SecurityOpt": options, "Privileged": privileged}).asked
    assert (asked.seccomp, asked.seccomp_profile) == (kind, text)


def test_what_the_daemon_defaults_to_counts() -> None:
    facts = EngineFacts(seccomp_profile="unconfined", security_options=("name=no-new-privileges",))
    engine = Engine("docker", EngineKind.DOCKER, "unix:///run/docker.sock", facts=facts)
    asked = made(engine=engine).asked
    assert asked.seccomp is ProfileKind.UNCONFINED
    assert asked.no_new_privileges
    assert not made({"SecurityOpt": ["no-new-privileges=false"]}, engine).asked.no_new_privileges


@pytest.mark.parametrize(
    ("add", "drop", "expected"),
    [
        (["all"], ["ALL"], tuple(name for name in NAMES)),
        (["SYS_ADMIN"], ["cap_chown"], {*DEFAULT, "CAP_SYS_ADMIN"} - {"CAP_CHOWN"}),
        (["CAP_CHOWN"], ["chown"], set(DEFAULT)),
        (None, ["ALL"], set()),
    ],
)
def test_how_capabilities_add_up(add: list[str] | None, drop: list[str], expected: set[str]) -> None:
    assert set(made({"CapAdd": add, "CapDrop": drop}).asked.capabilities or ()) == set(expected)


@pytest.mark.parametrize(
    ("host", "cores"),
    [
        ({"CpuQuota": 150000}, 1.5),
        ({"CpuQuota": 50000, "CpuPeriod": 50000}, 1.0),
        ({"CpuQuota": -1}, None),
        ({"NanoCpus": 0}, None),
    ],
)
def test_cpu_limits(host: dict[str, int], cores: float | None) -> None:
    assert made(host).asked.cpu_cores == cores


@pytest.mark.parametrize("unlimited", [0, -1, None])
def test_no_limit_has_many_forms(unlimited: int | None) -> None:
    asked = made({"Memory": unlimited, "MemorySwap": unlimited, "PidsLimit": unlimited}).asked
    assert (asked.memory, asked.memory_swap, asked.pids) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0001-01-01T00:00:00Z", 0.0),
        ("1970-01-01T00:00:10.123456789Z", 10.123456789),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("", 0.0),
    ],
)
def test_dates(text: str, seconds: float) -> None:
    assert made(Created=text).created == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("state", "status", "pid"),
    [
        ({"Status": "exited", "Pid": 0}, Status.EXITED, None),
        ({"Status": "paused", "Pid": 7}, Status.PAUSED, 7),
        ({"Status": "created"}, Status.CREATED, None),
        ({"Status": "levitating"}, Status.UNKNOWN, None),
        ({"Running": True, "Pid": 9}, Status.RUNNING, 9),
        ({}, Status.UNKNOWN, None),
    ],
)
def test_states(state: dict[str, Any], status: Status, pid: int | None) -> None:
    found = made(State=state)
    assert (found.status, found.pid) == (status, pid)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[]", "expected an object"),
        ("[{}, {}]", "expected an object"),
        ("3", "expected an object"),
        ('{"HostConfig": []}', "HostConfig: expected an object"),
        ('{"HostConfig": {"Memory": "64m"}}', "HostConfig.Memory: expected a number"),
        ('{"HostConfig": {"Memory": 1e400}}', "out of range"),
        ('{"HostConfig": {"Memory": NaN}}', "NaN"),
        ('{"HostConfig": {"Privileged": "yes"}}', "HostConfig.Privileged: expected true or false"),
        ('{"HostConfig": {"CapAdd": [1]}}', "HostConfig.CapAdd: expected texts"),
        ('{"State": {"Pid": true}}', "State.Pid: expected a number"),
        ('{"Created": "yesterday"}', "Created: no date"),
        ('{"Created": "2026-13-01T00:00:00Z"}', "Created: no date"),
        ('{"Mounts": [{"Source": {}}]}', r"Mounts\[0\].Source: expected text"),
        ('{"Config": {"Labels": {"a": 1}}}', "Config.Labels.a: expected text"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_damaged_json(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        container(text)


FIELDS = st.sampled_from(
    [
        "Id",
        "Created",
        "Path",
        "Args",
        "State",
        "Status",
        "Pid",
        "Name",
        "HostConfig",
        "Config",
        "Mounts",
        "SecurityOpt",
        "CapAdd",
        "CapDrop",
        "Privileged",
        "Devices",
        "Tmpfs",
        "Memory",
        "NanoCpus",
        "MaskedPaths",
        "Labels",
        "Env",
        "CreateCommand",
        "Type",
        "Source",
        "IDMappings",
        "UidMap",
        "BoundingCaps",
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("seccomp=x"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=6),
    max_leaves=20,
)


@given(st.dictionaries(FIELDS, ANYTHING, max_size=8))
def test_only_value_errors_come_out(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    outcomes = [outcome(container, text), outcome(redact, text)]
    assert all(outcomes)


@given(st.text())
def test_any_text(text: str) -> None:
    assert outcome(container, text)
    assert outcome(redact, text)


def outcome(function: Callable[[str], object], text: str) -> object:
    """What it returns, or the words of its ValueError."""
    try:
        return function(text)
    except ValueError as error:
        return str(error)


def test_redacting_takes_only_values() -> None:
    before = {"Config": {"Env": ["A=secret", "B=", "C"], "Cmd": ["x=y"]}, "Other": [1, "ü\u202e", None]}
    after = json.loads(redact(json.dumps(before)))
    assert after == {"Config": {"Env": ["A=", "B=", ""], "Cmd": ["x=y"]}, "Other": [1, "ü\u202e", None]}


@given(st.lists(st.text(alphabet="XYZ", min_size=1, max_size=5).map(lambda name: f"{name}=hunter2{name}")))
def test_no_value_of_the_environment_survives(environment: list[str]) -> None:
    assert "hunter2" not in redact(json.dumps([{"Config": {"Env": environment}}]))


@pytest.mark.parametrize(
    ("state", "code", "ended"),
    [
        ({"Status": "exited", "ExitCode": 137, "FinishedAt": "1970-01-01T00:01:40Z"}, 137, 100.0),
        ({"Status": "running", "Pid": 7, "ExitCode": 0, "FinishedAt": "1970-01-01T00:01:40Z"}, None, 0.0),
        ({"Status": "created", "ExitCode": 0, "FinishedAt": "0001-01-01T00:00:00Z"}, 0, 0.0),
        ({"Status": "exited"}, None, 0.0),
    ],
)
def test_when_its_last_run_ended(state: dict[str, Any], code: int | None, ended: float) -> None:
    found = made(State=state)
    assert (found.exit_code, found.ended) == (code, ended)
