"""Our tables and the evaluation of profiles against the filters that real engines really set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rig.engine import Rig
from rig.filters import OPTIONS, bounding, differences, filters_of, server_version, unlike_measured
from stratascope.collector.filters import why_not
from stratascope.core.container import EngineKind
from stratascope.core.ground import PROFILES
from stratascope.layers.seccomp.filter_source import MeasuredDefault, ProfileFilter
from stratascope.linux.defaults import versions_for
from stratascope.linux.syscalls import Abi

needs_root = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")


def measured(rig: Rig, container: str) -> MeasuredDefault:
    """What is known of that version; skips where it was never measured."""
    version = server_version(rig)
    if len(versions_for(rig.kind, version)) != 1:
        pytest.skip(f"the default of {rig.kind} {version} was never measured")
    return MeasuredDefault(EngineKind(rig.kind), version, bounding(rig, container))


@pytest.mark.slow
@needs_root
@pytest.mark.parametrize("kind", ["docker_rootful", "podman_rootful"])
def test_the_default_is_as_measured(kind: str, request: pytest.FixtureRequest) -> None:
    rig: Rig = request.getfixturevalue(kind)
    for options in OPTIONS:
        with rig.container(*options) as container:
            assert (options, differences(filters_of(rig, container), measured(rig, container))) == (options, [])


@pytest.mark.slow
def test_the_other_defaults_are_as_measured(any_engine: Rig) -> None:
    version = server_version(any_engine)
    if len(versions_for(any_engine.kind, version)) != 1:
        pytest.skip(f"the default of {any_engine.kind} {version} was never measured")
    assert unlike_measured(any_engine, version) == []


@needs_root
def test_rootless_docker_has_the_same_default(docker_rootless: Rig) -> None:
    with docker_rootless.container() as container:
        assert differences(filters_of(docker_rootless, container), measured(docker_rootless, container)) == []


@pytest.mark.slow
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
