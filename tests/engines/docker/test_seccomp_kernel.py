"""Our tables and the evaluation of profiles against the filters that real engines really set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rig.engine import Rig
from stratascope.collector.filters import read_filters, why_not
from stratascope.core.ground import PROFILES
from stratascope.core.syscall_table import CallVerdict
from stratascope.layers.seccomp.conditions import verdict_of
from stratascope.layers.seccomp.filter_source import DockerDefault, KernelFilters, ProfileFilter
from stratascope.layers.seccomp.tables import more
from stratascope.linux.capability import NAMES
from stratascope.linux.seccomp_docker import OPENED, VERSION
from stratascope.linux.status import parse_status
from stratascope.linux.syscalls import Abi

ABIS = (Abi.X86_64, Abi.I386, Abi.X32)
needs_root = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")


def filters_of(rig: Rig, container: str) -> KernelFilters:
    return KernelFilters(tuple(bytes.fromhex(text) for text in read_filters(rig.pid(container), lambda: True)))


def bounding(rig: Rig, container: str) -> frozenset[str]:
    held = parse_status(Path(f"/proc/{rig.pid(container)}/status").read_text()).bounding
    assert held is not None
    return frozenset(name for number, name in enumerate(NAMES) if held >> number & 1)


def differences(
    one: KernelFilters, other: DockerDefault | ProfileFilter
) -> list[tuple[str, str, CallVerdict, CallVerdict]]:
    """Calls with another verdict, and those that depend on other values."""
    found = []
    for abi in ABIS:
        real, ours = one.answers(abi), other.answers(abi)
        for (name, outcomes), (_, told) in zip(real.calls, ours.calls, strict=True):
            if verdict_of(outcomes) is not verdict_of(told):
                found.append((abi.value, name, verdict_of(outcomes), verdict_of(told)))
        for name in (*more(real, ours), *more(ours, real)):
            found.append((abi.value, name, CallVerdict.DEPENDS, CallVerdict.DEPENDS))
    return found


def single(name: str) -> tuple[str, ...]:
    return ("--cap-drop", "ALL", "--cap-add", name.removeprefix("CAP_"))


OPTIONS: list[tuple[str, ...]] = [
    (),
    ("--cap-drop", "ALL"),
    ("--cap-add", "ALL"),
    ("--user", "1000", "--security-opt", "no-new-privileges"),
    ("--cap-add", "SYS_ADMIN", "--cap-add", "BPF"),
    *(single(name) for name in sorted(OPENED)),
]


@needs_root
def test_docker_s_default_is_as_measured(docker_rootful: Rig) -> None:
    version = docker_rootful.run("version", "--format", "{{.Server.Version}}")
    if not version.startswith(f"{VERSION}."):
        pytest.skip(f"our table is of Docker {VERSION}, this is {version}")
    for options in OPTIONS:
        with docker_rootful.container(*options) as container:
            table = DockerDefault(bounding(docker_rootful, container))
            assert (options, differences(filters_of(docker_rootful, container), table)) == (options, [])


@needs_root
def test_rootless_docker_has_the_same_default(docker_rootless: Rig) -> None:
    version = docker_rootless.run("version", "--format", "{{.Server.Version}}")
    if not version.startswith(f"{VERSION}."):
        pytest.skip(f"our table is of Docker {VERSION}, this is {version}")
    with docker_rootless.container() as container:
        table = DockerDefault(bounding(docker_rootless, container))
        assert differences(filters_of(docker_rootless, container), table) == []


@needs_root
@pytest.mark.parametrize("kind", ["podman_rootful", "podman_rootless"])
def test_podman_s_file_gives_its_filter(kind: str, request: pytest.FixtureRequest) -> None:
    """With runc's and crun's filter alike; both are made from the file on this host."""
    rig: Rig = request.getfixturevalue(kind)
    path = next(path for path in map(Path, PROFILES) if path.exists())
    text = path.read_text()
    for options in OPTIONS if kind == "podman_rootful" else OPTIONS[:4]:
        with rig.container(*options) as container:
            profile = ProfileFilter(text, str(path), bounding(rig, container), (6, 18), "x86_64")
            assert (options, differences(filters_of(rig, container), profile)) == (options, [])


CUSTOM = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    "syscalls": [
        {"names": ["mount", "umount2"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13},
        {"names": ["ptrace"], "action": "SCMP_ACT_LOG"},
        {"names": ["reboot"], "action": "SCMP_ACT_KILL_PROCESS"},
        {"names": ["acct"], "action": "SCMP_ACT_TRAP"},
        {
            "names": ["socket"],
            "action": "SCMP_ACT_ERRNO",
            "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_GE"}, {"index": 1, "value": 2, "op": "SCMP_CMP_LT"}],
        },
        {
            "names": ["unshare"],
            "action": "SCMP_ACT_ERRNO",
            "args": [{"index": 0, "value": 0x10000000, "valueTwo": 0x10000000, "op": "SCMP_CMP_MASKED_EQ"}],
        },
        {
            "names": ["personality"],
            "action": "SCMP_ACT_ERRNO",
            "args": [
                {"index": 0, "value": 0x40000, "op": "SCMP_CMP_EQ"},
                {"index": 0, "value": 0x80000, "op": "SCMP_CMP_EQ"},
            ],
        },
    ],
}


@needs_root
@pytest.mark.parametrize("kind", ["docker_rootful", "podman_rootful", "podman_rootless"])
def test_a_profile_of_one_s_own(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    rig: Rig = request.getfixturevalue(kind)
    path = tmp_path / "own.json"
    path.write_text(json.dumps(CUSTOM))
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    with rig.container("--security-opt", f"seccomp={path}") as container:
        profile = ProfileFilter(path.read_text(), str(path), bounding(rig, container), (6, 18), "x86_64")
        real = filters_of(rig, container)
        assert differences(real, profile) == []
        actions = {
            name: {str(each.action) for each in real.answers(Abi.X86_64).of(name) or ()} for name in ("mount", "ptrace")
        }
        assert actions == {"mount": {"ERRNO(13)"}, "ptrace": {"LOG"}}
