"""The harmless calls: what is certainly among them, what never may be, and that each exclusion has a reason."""

from __future__ import annotations

import pytest

from stratascope.core.observation.observation import harmless, is_notable, notable_reason
from stratascope.linux.defaults import default_filter
from stratascope.linux.seccomp import ActionKind
from stratascope.linux.syscalls import Abi, numbers

_DEFAULT = default_filter(
    "docker",
    "28.5",
    frozenset(f"CAP_{name}" for name in ("CHOWN", "FOWNER", "MKNOD", "SETGID", "SETUID", "KILL")),
    Abi.X86_64,
)


def test_they_are_calls_and_no_engine_stops_one() -> None:
    """223 names, each of them a call, each of which Docker's default lets through."""
    names = harmless("x86_64")
    assert len(names) == 223
    assert names <= set(numbers(Abi.X86_64))
    for name in names:
        assert {each.action.kind for each in _DEFAULT.of(name) or ()} == {ActionKind.ALLOW}, name
    assert harmless("i386") - names <= set(numbers(Abi.I386))


def test_what_an_engine_lets_through_and_is_not_harmless_has_a_reason() -> None:
    """Nothing is left out by oversight."""
    unexplained = notable_reason("no such call")
    for name, outcomes in _DEFAULT.calls:
        if any(each.action.kind is ActionKind.ALLOW for each in outcomes) and is_notable("x86_64", name):
            assert notable_reason(name) != unexplained, name


@pytest.mark.parametrize(
    "name", ["socket", "clone", "clone3", "personality", "unshare", "ptrace", "bpf", "chown", "setuid", "mount"]
)
def test_what_must_be_seen_to_be_had(name: str) -> None:
    """Each of these changes what an attacker can do."""
    assert is_notable("x86_64", name)
    assert is_notable("i386", name)
