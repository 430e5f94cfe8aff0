"""The modes of seccomp(2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp import ALLOW, Action, ActionKind, SeccompMode, action_of, seccomp_mode, strictest


@pytest.mark.parametrize(("number", "name"), [(0, "disabled"), (1, "strict"), (2, "filter"), (3, "filter")])
def test_modes(number: int, name: str) -> None:
    assert seccomp_mode(number).value == name


@pytest.mark.parametrize("number", [-1, 4, 1 << 40])
def test_no_such_mode(number: int) -> None:
    with pytest.raises(DecodeError):
        seccomp_mode(number)


@given(st.integers())
def test_any_number_is_a_mode_or_a_decode_error(number: int) -> None:
    try:
        mode = seccomp_mode(number)
    except DecodeError:
        assert not 0 <= number <= 3
    else:
        assert mode in SeccompMode


@pytest.mark.parametrize(
    ("value", "words", "through"),
    [
        (0x7FFF0000, "ALLOW", True),
        (0x7FFFABCD, "ALLOW", True),
        (0x7FFC0000, "LOG", True),
        (0x00050001, "ERRNO(1)", False),
        (0x0005FFFF, "ERRNO(4095)", False),
        (0x00030000, "TRAP", False),
        (0x7FF00000, "TRACE", False),
        (0x7FC00000, "USER_NOTIF", None),
        (0x00000000, "KILL_THREAD", False),
        (0x80000000, "KILL_PROCESS", False),
        (0x00010000, "KILL_PROCESS", False),
    ],
)
def test_actions(value: int, words: str, through: bool | None) -> None:
    action = action_of(value)
    assert (str(action), action.lets_through) == (words, through)


def test_the_strictest_counts_and_among_equals_the_newer() -> None:
    order = [action_of(value) for value in (0x80000000, 0, 0x30000, 0x50001, 0x7FC00000, 0x7FF00000, 0x7FFC0000)]
    order.append(ALLOW)
    for place, strict in enumerate(order):
        for weak in order[place:]:
            assert strictest(strict, weak) == strict
            assert strictest(weak, strict) == strict
    assert strictest(Action(ActionKind.ERRNO, 13), Action(ActionKind.ERRNO, 1)).number == 13
