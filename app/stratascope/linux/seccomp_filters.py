"""The combined answer of all of a process's seccomp filters to every call of one entry point.

They share one budget, so a process that installs twenty filters that are hard to follow costs no more than one with a
single filter. Decided against a time limit, which would make a busy machine see less.
"""

from __future__ import annotations

from stratascope.bounded_cache import remembered
from stratascope.linux import bpf
from stratascope.linux.bpf import Program
from stratascope.linux.bpf_run import run
from stratascope.linux.seccomp import Action
from stratascope.linux.seccomp_answer import (
    MOST_OUTCOMES,
    NOT_FOLLOWED,
    Answers,
    Outcome,
    Outcomes,
    Work,
    kept,
    size,
    tidied,
    together,
    without_conditions,
)
from stratascope.linux.syscalls import Abi, numbers


@remembered(40000)
def answers(filters: tuple[bytes, ...], abi: Abi) -> Answers:
    """The answers of these filters together, cached. Raises DecodeError.

    Oldest first: what an engine installed before the container started is known, whatever the container adds.
    """
    work = Work()
    merged: dict[str, Outcomes] = {}
    oldest: dict[str, Outcomes] | None = None
    for program in [bpf.decode(raw) for raw in filters]:
        if work.spent:  # further filters can only be stricter
            merged = _merged(dict.fromkeys(merged, NOT_FOLLOWED), merged, work)
            break
        of_one = _one_filter(program, abi, work)
        if merged and oldest is None:
            oldest = merged
        merged = _merged(of_one, merged, work) if merged else of_one
    return _shared(kept(abi, merged, work, oldest))


def _merged(newer: dict[str, Outcomes], older: dict[str, Outcomes], work: Work) -> dict[str, Outcomes]:
    """Merge per call; hundreds of calls have the same answers, so each pair is only merged once."""
    alike: dict[tuple[int, int], Outcomes] = {}
    found = {}
    for name, one in newer.items():
        two = older[name]
        pair = id(one), id(two)  # both sides keep these objects alive, so ids stay unique
        known = alike.get(pair)
        if known is None:
            known = alike[pair] = together(one, two, work)
        found[name] = known
    work.affords(len(alike))
    return found


@remembered(40000)
def _shared(found: Answers) -> Answers:
    """Return one object for equal answers: the bytes differ between starts of one profile, the answers do not."""
    return found


def _one_filter(program: Program, abi: Abi, work: Work) -> dict[str, Outcomes]:
    table = numbers(abi)
    by_number = run(program, abi, [number | abi.number_bit for number in table.values()], work)
    unconditional: dict[Action, Outcomes] = {}
    alike: dict[tuple[int, ...], Outcomes] = {}
    merged = {}
    for name, number in table.items():
        outcomes = by_number[number | abi.number_bit]
        if len(outcomes) == 1:
            action = outcomes[0].action
            merged[name] = unconditional.setdefault(action, (Outcome(action),))
            continue
        key = tuple(map(id, outcomes))
        known = alike.get(key)
        if known is None:
            whole = len(outcomes) <= MOST_OUTCOMES and work.affords(size(outcomes))
            known = alike[key] = tidied(outcomes if whole else without_conditions(outcomes))
        merged[name] = known
    return merged
