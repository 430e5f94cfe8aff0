"""The measured defaults of engines against the filters of real containers, and which versions they speak for."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.places import CAPTURES
from stratascope.linux.bpf import parse_hex
from stratascope.linux.capability import NAMES
from stratascope.linux.defaults import TABLES, deciding, default_filter, opened_by, version_of, versions_for
from stratascope.linux.seccomp import Given
from stratascope.linux.seccomp_filters import answers
from stratascope.linux.seccomp_profile import parse_profile, resolve
from stratascope.linux.syscalls import Abi, known_names

CAPTURES = CAPTURES / "seccomp"
DEFAULT = frozenset(NAMES[number] for number in (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31))
OF_PODMAN = DEFAULT - {"CAP_NET_RAW", "CAP_MKNOD", "CAP_AUDIT_WRITE"}
ABIS = (Abi.X86_64, Abi.I386, Abi.X32)
EACH = [(engine, table.version) for engine, tables in TABLES.items() for table in tables]


@pytest.mark.parametrize(
    ("capture", "engine", "version", "capabilities"),
    [
        ("docker-default", "docker", "26.1.5", DEFAULT),
        ("docker-capdropall-nnp", "docker", "26.1.5", frozenset[str]()),
        ("podman-crun-default", "podman", "5.4.2", OF_PODMAN),
        ("podman-rootless-runc", "podman", "5.4.2", OF_PODMAN),
    ],
)
@pytest.mark.parametrize("abi", ABIS)
def test_as_the_filters_of_real_containers(
    capture: str, engine: str, version: str, capabilities: frozenset[str], abi: Abi
) -> None:
    real = answers((parse_hex((CAPTURES / f"{capture}.hex").read_text()),), abi)
    table = default_filter(engine, version, capabilities, abi)
    conditional = {name for name, outcomes in real.calls if len(outcomes) > 1}
    assert conditional == ({"clone", "personality", "socket"} if engine == "docker" else {"personality", "socket"})
    assert [each for each in table.calls if each[0] not in conditional] == [
        each for each in real.calls if each[0] not in conditional
    ]
    for name in conditional:
        for value in (0, 8, 9, 16, 39, 40, 41, 0x11, 0x20000, 0x20008, 0x40000, 0x10000011, 0x80000000, 0xFFFFFFFF):
            for third, high in ((0, 0), (0, 1 << 32), (9, 0), (9, 1 << 32)):
                values = {0: value | high, 2: third}
                arguments = {place: Given(values.get(place, 0)) for place in range(6)}
                assert table.actions(name, arguments) == real.actions(name, arguments), (name, hex(value | high), third)


@pytest.mark.parametrize("abi", ABIS)
def test_capabilities_that_decide_together_as_podman_s_file_says(abi: Abi) -> None:
    profile = parse_profile((CAPTURES / "podman-5.4-seccomp.json").read_text())
    for count in (1, 2, 3):
        for names in combinations(sorted(deciding("podman")), count):
            file = dict(resolve(profile, frozenset(names), (6, 18), "x86_64", abi).calls)
            table = default_filter("podman", "5.4", frozenset(names), abi)
            for name, outcomes in table.calls:
                if len(file[name]) == 1:
                    assert (names, name, file[name]) == (names, name, outcomes)


@pytest.mark.parametrize(("engine", "version"), EACH)
def test_each_capability_opens_calls_that_exist(engine: str, version: str) -> None:
    assert deciding(engine) <= set(NAMES)
    table = next(each for each in TABLES[engine] if each.version == version)
    named = {name for each in table.opened for name in each.names} | {name for name, _ in table.conditions}
    assert named | table.refused | table.missing <= known_names()
    assert not table.refused & table.missing
    for capability in deciding(engine):
        changed = dict(opened_by(engine, version, frozenset(), capability, Abi.I386))
        now = dict(default_filter(engine, version, frozenset({capability}), Abi.I386).calls)
        assert changed == {name: now[name] for name in changed}


def said(engine: str, version: str, *names: str) -> list[str]:
    table = default_filter(engine, version, frozenset(), Abi.X86_64)
    return ["/".join(sorted({str(each) for each in table.actions(name, {}) or ()})) for name in names]


def test_between_two_measured_versions_only_what_both_say_is_known() -> None:
    assert said("docker", "26.1.5+dfsg1", "mount", "read", "mseal") == ["ERRNO(1)", "ALLOW", "ERRNO(38)"]
    assert said("docker", "27.3.1", "mount", "read", "mseal") == ["ERRNO(1)", "ALLOW", "UNDECIDED"]
    assert said("docker", "28.5.2+dfsg4", "mount", "read", "mseal") == ["ERRNO(1)", "ALLOW", "ALLOW"]
    assert said("podman", "5.6.0", "acct", "fanotify_init") == ["ERRNO(1)", "UNDECIDED"]
    assert said("podman", "6.0.2", "acct", "fanotify_init") == ["ERRNO(1)", "ALLOW"]


@pytest.mark.parametrize("version", ["25.0.8", "29.0.0", "moby", "28", "28.5.2.1", "٢٨.5", "28.5" * 40])
def test_beyond_the_measured_versions_nothing_is_known(version: str) -> None:
    assert versions_for("docker", version) == ()
    calls = default_filter("docker", version, DEFAULT, Abi.X86_64).calls
    assert {each.action.lets_through for _, outcomes in calls for each in outcomes} == {None}


def test_a_fix_that_was_not_measured_is_not_known() -> None:
    """Podman 5.8.10 compares 32 bits of socket's arguments: CVE-2026-123876."""
    assert said("podman", "5.8.9", "socket") == ["ALLOW/ERRNO(1)/ERRNO(22)"]
    assert said("podman", "5.8.10-rhel", "socket", "acct") == ["UNDECIDED", "ERRNO(1)"]


@pytest.mark.parametrize(
    ("version", "speaking"),
    [
        ("26.1.5+dfsg1", ("26.1",)),
        ("v26.1", ("26.1",)),
        ("26.10.0", ("26.1", "28.5")),
        ("28.0.1-rc.2", ("26.1", "28.5")),
        ("28.5.0", ("28.5",)),
        ("28.6.0", ()),
        ("", ("26.1", "28.5")),
    ],
)
def test_which_measured_versions_speak_for_one(version: str, speaking: tuple[str, ...]) -> None:
    assert versions_for("docker", version) == speaking


@given(st.text())
def test_any_text_may_be_told_as_a_version(text: str) -> None:
    found = version_of(text)
    assert found is None or all(0 <= number < 1_000_000 for number in found)
    assert set(versions_for("podman", text)) <= {"5.4", "5.8", "6.1"}
