"""Groups and warnings of system calls, and conditions as words."""

from __future__ import annotations

import pytest

from stratascope.i18n.translate import translate
from stratascope.layers.seccomp.call_groups import GROUPS, group_of, warning
from stratascope.layers.seccomp.tables import condition_of
from stratascope.linux.seccomp import ALL_BITS, ALLOW, Action, ActionKind, Constraint, Op, Outcome
from stratascope.linux.syscalls import known_names

EPERM = Action(ActionKind.ERRNO, 1)


def test_every_call_has_a_group_and_every_group_calls() -> None:
    found = {group_of(name) for name in known_names()}
    assert found == set(GROUPS)
    words = {
        name: translate(group_of(name)) for name in ("mount", "socket", "kill", "openat", "bpf", "keyctl", "clone")
    }
    assert words == {
        "mount": "Namespaces and mounts",
        "socket": "Network",
        "kill": "Signals",
        "openat": "Files and directories",
        "bpf": "The kernel itself",
        "keyctl": "Keys",
        "clone": "Processes",
    }


def test_warnings_are_short_and_only_for_the_dangerous() -> None:
    assert warning("read") is None
    for name in ("mount", "bpf", "init_module", "kexec_load", "io_uring_setup", "open_by_handle_at", "ptrace", "setns"):
        found = warning(name)
        assert found is not None
        assert 20 < len(translate(found)) < 130
    assert 40 < sum(warning(name) is not None for name in known_names()) < 90


@pytest.mark.parametrize(
    ("name", "outcomes", "expected"),
    [
        (
            "unshare",
            (
                Outcome(EPERM, (Constraint(0, 0x10000000, Op.NE, 0),)),
                Outcome(ALLOW, (Constraint(0, 0x10000000, Op.EQ, 0),)),
            ),
            "denied with CLONE_NEWUSER",
        ),
        (
            "socket",
            (
                Outcome(EPERM, (Constraint(0, ALL_BITS, Op.EQ, 40),)),
                Outcome(ALLOW, (Constraint(0, ALL_BITS, Op.NE, 40),)),
            ),
            "denied with AF_VSOCK",
        ),
        (
            "ioctl",
            (
                Outcome(ALLOW, (Constraint(1, ALL_BITS, Op.EQ, 0x5412),)),
                Outcome(EPERM, (Constraint(1, ALL_BITS, Op.NE, 0x5412),)),
            ),
            "allowed only with TIOCSTI",
        ),
        (
            "prlimit64",
            (
                Outcome(EPERM, (Constraint(2, ALL_BITS, Op.GT, 9), Constraint(0, ALL_BITS, Op.NE, 0))),
                Outcome(ALLOW, (Constraint(2, ALL_BITS, Op.LE, 9),)),
                Outcome(ALLOW, (Constraint(2, ALL_BITS, Op.GT, 9), Constraint(0, ALL_BITS, Op.EQ, 0))),
            ),
            "denied if arg2 > 9 && arg0 != 0",
        ),
        (
            "read",
            (Outcome(EPERM, (Constraint(0, 0, Op.OTHER, 0),)), Outcome(ALLOW, (Constraint(0, 0, Op.OTHER, 0),))),
            "depends on its arguments",
        ),
    ],
)
def test_conditions(name: str, outcomes: tuple[Outcome, ...], expected: str) -> None:
    found = condition_of(name, outcomes)
    assert found is not None
    assert translate(found) == expected


def test_without_a_choice_there_is_no_condition() -> None:
    assert condition_of("read", (Outcome(ALLOW),)) is None
    assert condition_of("read", (Outcome(EPERM),)) is None
