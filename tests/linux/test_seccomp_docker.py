"""Our table of Docker's default against the filters of real containers."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratascope.linux.bpf import parse_hex
from stratascope.linux.capability import NAMES
from stratascope.linux.seccomp_answer import Given
from stratascope.linux.seccomp_docker import OPENED, docker_default, same_version
from stratascope.linux.seccomp_filters import answers
from stratascope.linux.syscalls import Abi, known_names

CAPTURES = Path(__file__).parents[1] / "captures" / "seccomp"
DEFAULT = frozenset(NAMES[number] for number in (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31))


@pytest.mark.parametrize(
    ("capture", "capabilities"), [("docker-default", DEFAULT), ("docker-capdropall-nnp", frozenset[str]())]
)
@pytest.mark.parametrize("abi", [Abi.X86_64, Abi.I386, Abi.X32])
def test_as_the_filters_of_real_containers(capture: str, capabilities: frozenset[str], abi: Abi) -> None:
    real = answers((parse_hex((CAPTURES / f"{capture}.hex").read_text()),), abi)
    table = docker_default(capabilities, abi)
    conditional = {name for name, outcomes in real.calls if len(outcomes) > 1}
    assert conditional == {"clone", "personality", "socket"}
    assert [each for each in table.calls if each[0] not in conditional] == [
        each for each in real.calls if each[0] not in conditional
    ]
    for name in conditional:
        for value in (0, 8, 9, 39, 40, 41, 0x11, 0x20000, 0x20008, 0x40000, 0x10000011, 0x80000000, 0xFFFFFFFF):
            for high in (0, 1 << 32):
                given = {place: Given(value | high if place == 0 else 0) for place in range(6)}
                assert table.actions(name, given) == real.actions(name, given), (name, hex(value | high))


def test_each_capability_opens_calls_that_exist() -> None:
    assert set(OPENED) <= set(NAMES)
    assert {name for names in OPENED.values() for name in names} <= known_names()
    for capability, names in OPENED.items():
        table = docker_default(frozenset({capability}), Abi.I386)
        assert {str(each) for name in names for each in table.actions(name, {}) or ()} == {"ALLOW"}
        none = docker_default(frozenset(), Abi.I386)
        assert all(
            "ALLOW" not in {str(each) for each in none.actions(name, {}) or ()} or name == "clone" for name in names
        )


def test_of_another_version_only_what_never_changed_is_told() -> None:
    table = docker_default(frozenset(), Abi.X86_64, False)
    said = {name: {str(each) for each in table.actions(name, {}) or ()} for name in ("mount", "read", "io_uring_setup")}
    assert said == {"mount": {"ERRNO(1)"}, "read": {"ALLOW"}, "io_uring_setup": {"UNDECIDED"}}


@pytest.mark.parametrize(
    ("version", "same"), [("26.1.5+dfsg1", True), ("26.1", True), ("", True), ("26.10.0", False), ("28.0.1", False)]
)
def test_versions(version: str, same: bool) -> None:
    assert same_version(version) is same
