"""A measured default filter: each call's answer, for any set of capabilities.

Measured by reading the filters of real containers from the kernel: without capabilities, with each single one added,
and with all. tests/machine/today/test_defaults.py measures again. aarch64 was not measured; its calls are matched by
name.
"""

from __future__ import annotations

from functools import cache

from stratascope.linux.seccomp_answer import ALL_BITS, LOW_BITS, Constraint, Op, Outcome, Outcomes, tidied

from stratascope.linux.seccomp import ALLOW, UNDECIDED, Action, ActionKind
from stratascope.linux.syscalls import Abi, numbers
from stratascope.value import Value, replace

PASSES: Outcomes = (Outcome(ALLOW),)
EPERM: Outcomes = (Outcome(Action(ActionKind.ERRNO, 1)),)
ENOSYS: Outcomes = (Outcome(Action(ActionKind.ERRNO, 38)),)
OPEN: Outcomes = (Outcome(UNDECIDED),)
_WIDE = (Abi.X86_64, Abi.AARCH64)  # those with 64-bit arguments
PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)


class Opened(Value):
    """Answers to calls in a container that has all of these capabilities."""

    capabilities: frozenset[str]
    names: tuple[str, ...]
    answer: Outcomes = PASSES


class Table(Value):
    """The default of one version. Calls listed nowhere pass.

    `refused` and `missing` are answered with EPERM and ENOSYS, `refused_on_x32` with EPERM on x32. Of `opened` the last
    match applies. `conditions` are on 64-bit arguments. `changed`: from that version on these calls are answered
    differently, which was not measured.
    """

    version: str
    refused: frozenset[str]
    missing: frozenset[str]
    opened: tuple[Opened, ...]
    conditions: tuple[tuple[str, Outcomes], ...]
    refused_on_x32: frozenset[str] = frozenset()
    changed: tuple[tuple[tuple[int, int, int], tuple[str, ...]], ...] = ()

    def calls(self, capabilities: frozenset[str], abi: Abi) -> dict[str, Outcomes]:
        """The answer to each call of that entry point."""
        return {**without_any(self, abi), **self.changes(capabilities, abi)}

    def changes(
        self, capabilities: frozenset[str], abi: Abi, wanted: frozenset[str] | None = None
    ) -> dict[str, Outcomes]:
        """The answers to the calls that these capabilities open; `wanted`: only these calls."""
        known = numbers(abi)
        return {
            name: _of_width(each.answer, abi)
            for each in self.opened
            if each.capabilities <= capabilities
            for name in each.names
            if name in known and (wanted is None or name in wanted)
        }

    def deciding(self) -> frozenset[str]:
        """The capabilities that open any call."""
        return frozenset(name for each in self.opened for name in each.capabilities)

    def depending_on(self, capability: str) -> tuple[str, ...]:
        """The calls whose answer may change with this capability."""
        return tuple(sorted({name for each in self.opened if capability in each.capabilities for name in each.names}))


@cache
def without_any(table: Table, abi: Abi) -> dict[str, Outcomes]:
    """The answers without capabilities. Cached: do not modify the dict."""
    found = dict.fromkeys(numbers(abi), PASSES)
    refused = table.refused | table.refused_on_x32 if abi is Abi.X32 else table.refused
    for names, answer in ((table.missing, ENOSYS), (refused, EPERM)):
        found.update({name: answer for name in names if name in found})
    found.update({name: _of_width(outcomes, abi) for name, outcomes in table.conditions if name in found})
    return found


def either(passes: Constraint, stopped: Constraint) -> Outcomes:
    """Pass if the first constraint holds, refuse with EPERM if the second, its negation, does."""
    return tidied((Outcome(ALLOW, (passes,)), Outcome(EPERM[0].action, (stopped,))))


def personality(otherwise: Outcomes) -> Outcomes:
    """Both engines' answer to personality(2): a few values pass."""
    one_of = [Outcome(ALLOW, (Constraint(0, ALL_BITS, Op.EQ, each),)) for each in PERSONALITIES]
    none = tuple(Constraint(0, ALL_BITS, Op.NE, each) for each in PERSONALITIES)
    return tidied((*one_of, Outcome(otherwise[0].action, none)))


def opened(capability: str, names: str, answer: Outcomes = PASSES) -> Opened:
    """The answer to these calls with a capability, or several separated by spaces."""
    return Opened(frozenset(f"CAP_{name}" for name in capability.split()), tuple(names.split()), answer)


def _of_width(outcomes: Outcomes, abi: Abi) -> Outcomes:
    if abi in _WIDE or not any(each.constraints for each in outcomes):
        return outcomes
    return tidied(Outcome(each.action, tuple(_narrow(part) for part in each.constraints)) for each in outcomes)


def _narrow(part: Constraint) -> Constraint:
    return replace(part, mask=part.mask & LOW_BITS, value=part.value & LOW_BITS)
