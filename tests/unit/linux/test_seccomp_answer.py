"""Constraints on arguments: which can hold together, and how outcomes are joined."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.seccomp import (
    ALL_BITS,
    ALLOW,
    LOW_BITS,
    Action,
    ActionKind,
    Answers,
    Constraint,
    Given,
    Op,
    Outcome,
    possible,
    tidied,
    together,
)
from stratascope.linux.syscalls import Abi

EPERM = Action(ActionKind.ERRNO, 1)


def low(op: Op, value: int, arg: int = 0) -> Constraint:
    return Constraint(arg, LOW_BITS, op, value)


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        ((), True),
        ((low(Op.EQ, 1),), True),
        ((low(Op.EQ, 1), low(Op.EQ, 2)), False),
        ((low(Op.EQ, 1), low(Op.EQ, 2, arg=1)), True),
        ((low(Op.EQ, 1), low(Op.NE, 1)), False),
        ((low(Op.GT, 5), low(Op.LT, 5)), False),
        ((low(Op.GE, 5), low(Op.LE, 5)), True),
        ((low(Op.GE, 5), low(Op.LE, 5), low(Op.NE, 5)), False),
        ((low(Op.LT, 0),), False),
        ((low(Op.GT, LOW_BITS),), False),
        ((Constraint(0, 0xF0, Op.EQ, 0x0F),), False),
        ((Constraint(0, 0xF0, Op.EQ, 0x10), Constraint(0, 0x10, Op.NE, 0)), True),
        ((Constraint(0, 0xF0, Op.EQ, 0x20), Constraint(0, 0x10, Op.NE, 0)), False),
        ((Constraint(0, 0, Op.OTHER, 0),), True),
    ],
)
def test_what_can_hold_together(constraints: tuple[Constraint, ...], expected: bool) -> None:
    assert possible(constraints) is expected


def test_given_bits_decide() -> None:
    assert possible((Constraint(0, ALL_BITS, Op.NE, 40),), {0: Given(40, LOW_BITS)})
    assert not possible((Constraint(0, LOW_BITS, Op.NE, 40),), {0: Given(40, LOW_BITS)})
    assert not possible((Constraint(0, ALL_BITS, Op.NE, 40),), {0: Given(40)})


_CONSTRAINTS = st.builds(
    Constraint,
    st.integers(0, 1),
    st.sampled_from([ALL_BITS, LOW_BITS, 0xF0, 0xFF00000000]),
    st.sampled_from([Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE]),
    st.integers(0, 300),
)


@given(st.lists(_CONSTRAINTS, max_size=5), st.tuples(st.integers(0, 300), st.integers(0, 300)))
def test_what_holds_is_never_called_impossible(constraints: list[Constraint], values: tuple[int, int]) -> None:
    if all(each.holds(values[each.arg]) for each in constraints):
        assert possible(constraints)
        assert possible(constraints, dict(enumerate(map(Given, values))))


@given(st.lists(_CONSTRAINTS, max_size=5), st.tuples(st.integers(0, 300), st.integers(0, 300)))
def test_with_all_arguments_given_it_is_exact(constraints: list[Constraint], values: tuple[int, int]) -> None:
    if any(each.op is Op.EQ and not each.holds(values[each.arg]) for each in constraints):
        return
    known = dict(enumerate(map(Given, values)))
    assert possible(constraints, known) is all(each.holds(values[each.arg]) for each in constraints)


def test_halves_are_joined_and_equal_answers_lose_their_conditions() -> None:
    high = Constraint(0, ALL_BITS ^ LOW_BITS, Op.EQ, 0)
    found = tidied((Outcome(EPERM, (high, low(Op.EQ, 40))), Outcome(ALLOW, (low(Op.NE, 40),))))
    assert Outcome(EPERM, (Constraint(0, ALL_BITS, Op.EQ, 40),)) in found
    assert tidied((Outcome(EPERM, (low(Op.EQ, 40),)), Outcome(EPERM, (low(Op.NE, 40),)))) == (Outcome(EPERM),)


def test_two_filters_together() -> None:
    one = (Outcome(EPERM, (low(Op.EQ, 1),)), Outcome(ALLOW, (low(Op.NE, 1),)))
    two = (Outcome(EPERM, (low(Op.EQ, 2),)), Outcome(ALLOW, (low(Op.NE, 2),)))
    both = Answers(Abi.X86_64, (("read", together(two, one)),))
    said = [both.actions("read", {0: Given(value)}) for value in (1, 2, 3)]
    assert said == [frozenset({EPERM}), frozenset({EPERM}), frozenset({ALLOW})]
    assert together((Outcome(ALLOW),), (Outcome(EPERM),)) == (Outcome(EPERM),)


def test_answers_are_found_by_name() -> None:
    found = Answers(Abi.X86_64, (("a", (Outcome(ALLOW),)), ("c", (Outcome(EPERM),))))
    assert [found.of(name) for name in ("a", "b", "c", "d")] == [(Outcome(ALLOW),), None, (Outcome(EPERM),), None]
    assert hash(found) == hash(Answers(found.abi, found.calls))
    assert found == Answers(found.abi, found.calls)
