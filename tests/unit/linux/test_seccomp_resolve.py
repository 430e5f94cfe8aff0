"""Profiles resolved for a container: against real filters made from the same file, and rule by rule."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rig.places import CAPTURES
from stratascope.linux.bpf import parse_hex
from stratascope.linux.seccomp import Answers, Given
from stratascope.linux.seccomp_filters import answers
from stratascope.linux.seccomp_profile import entry_points, parse_profile, resolve, unknown_calls
from stratascope.linux.syscalls import Abi

CAPTURES = CAPTURES / "seccomp"
PODMAN = CAPTURES / "podman-5.4-seccomp.json"
# Podman's default capabilities, for which the captured filters were made
DEFAULT = frozenset(
    f"CAP_{name}"
    for name in (
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
    )
) | {"CAP_SETUID", "CAP_SYS_CHROOT"}


def said(found: Answers, name: str, *arguments: int) -> str:
    """The answer with these arguments, and zeros for all others."""
    values = (*arguments, *(0,) * (6 - len(arguments)))
    actions = found.actions(name, {place: Given(value) for place, value in enumerate(values)})
    assert actions is not None
    (action,) = actions
    return str(action)


@pytest.mark.parametrize("capture", ["podman-crun-default", "podman-rootless-runc"])
@pytest.mark.parametrize("abi", [Abi.X86_64, Abi.I386, Abi.X32])
def test_podman_s_file_says_what_its_filter_says(capture: str, abi: Abi) -> None:
    real = answers((parse_hex((CAPTURES / f"{capture}.hex").read_text()),), abi)
    found = resolve(parse_profile(PODMAN.read_text()), DEFAULT, (6, 18), "x86_64", abi)
    conditional = {name for name, outcomes in real.calls if len(outcomes) > 1}
    assert conditional == {"personality", "socket"}
    assert [each for each in found.calls if each[0] not in conditional] == [
        each for each in real.calls if each[0] not in conditional
    ]
    for family in (0, 1, 2, 15, 16, 17, 40, 1 << 32 | 16):
        for protocol in (0, 8, 9, 10):
            assert said(found, "socket", family, 0, protocol) == said(real, "socket", family, 0, protocol)
    for persona in (0, 1, 8, 9, 0x20000, 0x20008, 0x40000, 0xFFFFFFFF, 0xFFFFFFFE):
        assert said(found, "personality", persona) == said(real, "personality", persona)


def test_podman_s_file_is_wholly_known() -> None:
    profile = parse_profile(PODMAN.read_text())
    assert profile.warnings == ()
    assert unknown_calls(profile, "x86_64") == ()
    assert unknown_calls(profile, "aarch64") == ()


def resolved(*rules: dict[str, Any], abi: Abi = Abi.X86_64, machine: str = "x86_64", **more: Any) -> Answers:
    capabilities, kernel = more.pop("capabilities", frozenset()), more.pop("kernel", (6, 18))
    text = json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": list(rules), **more})
    return resolve(parse_profile(text), capabilities, kernel, machine, abi)


def allow(name: str, **fields: Any) -> dict[str, Any]:
    return {"names": [name], "action": "SCMP_ACT_ALLOW", **fields}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], "ERRNO(1)"),
        ([allow("bpf")], "ALLOW"),
        ([allow("bpf", includes={"caps": ["CAP_BPF"]})], "ALLOW"),
        ([allow("bpf", includes={"caps": ["CAP_BPF", "CAP_SYS_ADMIN"]})], "ERRNO(1)"),
        ([allow("bpf", excludes={"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]})], "ERRNO(1)"),
        ([allow("bpf", includes={"arches": ["amd64", "x86"]})], "ALLOW"),
        ([allow("bpf", includes={"arches": ["arm64"]})], "ERRNO(1)"),
        ([allow("bpf", excludes={"arches": ["amd64"]})], "ERRNO(1)"),
        ([allow("bpf", includes={"minKernel": "4.8"})], "ALLOW"),
        ([allow("bpf", includes={"minKernel": "6.19"})], "ERRNO(1)"),
        ([allow("bpf", excludes={"minKernel": "4.8"})], "ERRNO(1)"),
        # of rules without arguments the first counts, and each beats those with
        ([allow("bpf"), {"names": ["bpf"], "action": "SCMP_ACT_LOG"}], "ALLOW"),
        ([allow("bpf", args=[{"index": 0, "value": 9, "op": "SCMP_CMP_EQ"}]), allow("bpf")], "ALLOW"),
    ],
)
def test_when_a_rule_counts(rules: list[dict[str, Any]], expected: str) -> None:
    assert said(resolved(*rules, capabilities=frozenset({"CAP_BPF"})), "bpf") == expected


def test_all_arguments_of_a_rule_must_match_but_two_of_one_are_alternatives() -> None:
    both = [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}]
    found = resolved(allow("ioctl", args=both))
    assert [said(found, "ioctl", *values) for values in ((1, 2), (1, 3), (2, 2))] == ["ALLOW", "ERRNO(1)", "ERRNO(1)"]
    either = [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]
    found = resolved(allow("ioctl", args=either))
    assert [said(found, "ioctl", value) for value in (1, 2, 3)] == ["ALLOW", "ALLOW", "ERRNO(1)"]


def test_rules_of_different_actions_that_overlap_are_undecided() -> None:
    found = resolved(
        allow("ioctl", args=[{"index": 0, "value": 5, "op": "SCMP_CMP_GE"}]),
        {"names": ["ioctl"], "action": "SCMP_ACT_TRAP", "args": [{"index": 0, "value": 9, "op": "SCMP_CMP_LE"}]},
    )
    assert [said(found, "ioctl", value) for value in (4, 7, 10)] == ["TRAP", "UNDECIDED", "ALLOW"]


def test_entry_points_that_are_not_named_are_killed() -> None:
    assert said(resolved(allow("bpf"), abi=Abi.I386), "bpf") == "KILL_THREAD"
    assert said(resolved(allow("bpf"), abi=Abi.I386, architectures=["SCMP_ARCH_X86"]), "bpf") == "ALLOW"
    sub = [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}]
    assert said(resolved(allow("bpf"), abi=Abi.X32, archMap=sub), "bpf") == "ALLOW"
    assert said(resolved(allow("bpf"), abi=Abi.AARCH64, machine="aarch64", archMap=sub), "bpf") == "ALLOW"
    assert said(resolved(allow("bpf"), abi=Abi.X86_64, machine="aarch64"), "bpf") == "KILL_THREAD"
    assert entry_points(parse_profile('{"defaultAction": "SCMP_ACT_LOG"}'), "x86_64") == {Abi.X86_64}


def test_misspelt_calls_are_named() -> None:
    text = json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [allow("mout"), allow("mount")]})
    assert unknown_calls(parse_profile(text), "x86_64") == ("mout",)


def test_many_rules_on_one_call_end_in_time() -> None:
    rules = [
        allow("ioctl", args=[{"index": place % 6, "value": place, "op": "SCMP_CMP_GT"}])
        if place % 2
        else {"names": ["ioctl"], "action": "SCMP_ACT_TRAP", "args": [{"index": place % 6, "op": "SCMP_CMP_NE"}]}
        for place in range(40)
    ]
    outcomes = resolved(*rules).of("ioctl")
    assert outcomes is not None
    assert {str(outcome.action) for outcome in outcomes} >= {"ALLOW", "TRAP"}
