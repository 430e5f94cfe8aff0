"""Seccomp filters that are hard to follow: the effort is bounded for all filters of a process, and what is left open
is undecided, never "stopped" and never "passes".

Effort is counted in calls of Python's functions, which are the same on every machine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from rig.hostile.filters import ALLOW, EPERM, SHAPES, answers_apart, answers_by_upper_halves, answers_of_six, code, word
from rig.places import TESTS
from rig.recorded import container, recorded, surroundings, with_text
from stratascope import bounded_cache
from stratascope.core.container import EngineKind, ProfileKind
from stratascope.core.layer import Verdict
from stratascope.core.threats.needs import Call, Calls
from stratascope.core.threats.threat import Stance
from stratascope.layers.seccomp.layer import LAYER
from stratascope.linux import bpf
from stratascope.linux.seccomp import ActionKind
from stratascope.linux.seccomp_filters import answers
from stratascope.linux.seccomp_profile import parse_profile, resolve
from stratascope.linux.syscalls import Abi

DOCKER = bpf.parse_hex((TESTS / "captures/seccomp/docker-default.hex").read_text())
EFFORT = 4_000_000  # calls of functions for one entry point; 20 filters of 600 instructions took 60 times as many
KEPT = 50_000  # comparisons in what is kept


class TooMuchError(Exception):
    """Somebody works without end."""


@contextmanager
def bounded(effort: int = EFFORT) -> Iterator[None]:
    left = effort

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal left
        left -= event == "call"
        if left < 0:
            sys.setprofile(None)
            raise TooMuchError(f"more than {effort} calls")

    bounded_cache.forget()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)


def slow(*values: int) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(("count", "size"), [(20, 600), slow(7, 4000), slow(1000, 24)])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_all_filters_of_a_process_have_one_budget(shape: Callable[[int], bytes], count: int, size: int) -> None:
    with bounded():
        found = answers((DOCKER, *[shape(size)] * count), Abi.X86_64)
    assert sum(1 + len(each.constraints) for _, outcomes in found.calls for each in outcomes) < KEPT
    engine = dict(answers((DOCKER,), Abi.X86_64).calls)
    for name, outcomes in found.calls:
        kinds = {each.action.kind for each in outcomes}
        if {each.action.kind for each in engine[name]} == {ActionKind.ERRNO}:
            assert True not in {each.action.lets_through for each in outcomes}, name
            assert ActionKind.UNDECIDED not in kinds, "what the engine's filter stops is stopped"
        else:
            assert found.cut or kinds <= {ActionKind.ALLOW, ActionKind.ERRNO}


def test_what_is_not_followed_is_undecided_and_not_let_through() -> None:
    with bounded():
        found = answers((DOCKER, *[answers_of_six()] * 20), Abi.X86_64)
    assert found.cut
    assert {str(each.action) for each in found.of("read") or ()} == {"UNDECIDED"}
    assert {each.action.kind for each in found.of("mount") or ()} == {ActionKind.ERRNO}


def test_what_is_undecided_is_no_looser_than_another_filter_s_answer() -> None:
    """UNDECIDED may be a refusal: with a filter that allows it stays undecided, with one that refuses it is refused."""
    computed = code(word(0), (bpf.RET_A, 0))
    allow, deny = code((bpf.RET_K, ALLOW)), code((bpf.RET_K, EPERM))
    for filters, expected in (
        ((allow, computed), "UNDECIDED"),
        ((computed, allow), "UNDECIDED"),
        ((computed, deny), "ERRNO(1)"),
        ((deny, computed), "ERRNO(1)"),
    ):
        (outcome,) = answers(filters, Abi.X86_64).of("read") or ()
        assert str(outcome.action) == expected


def test_thousands_of_different_answers_cost_no_more() -> None:
    """Without conditions, too, thousands of answers of two filters would go together in millions of pairs."""
    with bounded():
        found = answers((answers_apart(4000), answers_apart(3900), answers_apart(3800)), Abi.X86_64)
    assert sum(len(outcomes) for _, outcomes in found.calls) < KEPT


def test_a_list_of_hundreds_of_values_is_followed_whole() -> None:
    """As libseccomp writes it: one argument in two halves, each value with the same answer."""
    pairs = [each for place in range(300) for each in ((bpf.JEQ, 0, 1, 0x5400 + place), (bpf.RET_K, ALLOW))]
    number = ((bpf.LD_ABS, 0), (bpf.JEQ, 1, 0, 16), (bpf.RET_K, ALLOW))
    upper = (word(1, 1), (bpf.JEQ, 1, 0, 0), (bpf.RET_K, EPERM))
    found = answers((code(*number, *upper, word(1), *pairs, (bpf.RET_K, EPERM)),), Abi.X86_64)
    assert not found.cut
    assert {str(each.action) for each in found.of("ioctl") or ()} == {"ALLOW", "ERRNO(1)"}


def test_the_layer_says_that_it_is_not_known_and_why() -> None:
    capture = recorded_with(DOCKER, *[answers_by_upper_halves()] * 20)
    around = surroundings(EngineKind.DOCKER, machine="x86_64")
    mine = container(seccomp=ProfileKind.DEFAULT)
    with bounded(5 * EFFORT):  # three entry points, and what is compared with the default
        facts = LAYER.decode(capture, mine, around)
        assessment = LAYER.assess(facts, LAYER.asked(mine), around)
        posture = LAYER.posture(facts, LAYER.asked(mine), around)
        read = LAYER.stance(Calls((Call("read"),)), posture)
        mount = LAYER.stance(Calls((Call("mount"),)), posture)
    (gap,) = assessment.gaps
    assert (gap.what, gap.gap.kind.value) == ("seccomp:*", "UNPARSED")
    assert "too long to follow" in gap.gap.detail
    assert read is not None
    assert mount is not None
    assert (read.stance, mount.stance) == (Stance.UNKNOWN, Stance.STOPS)
    assert facts.attack_surface.more_than_default == ()


def test_a_filter_of_the_engine_that_is_too_long_is_not_called_as_strict_as_the_default() -> None:
    capture = recorded_with(*[answers_of_six()] * 20)
    around = surroundings(EngineKind.DOCKER, machine="x86_64")
    mine = container(seccomp=ProfileKind.CUSTOM)
    with bounded(5 * EFFORT):
        facts = LAYER.decode(capture, mine, around)
        assert LAYER.assess(facts, LAYER.asked(mine), around).verdict is Verdict.UNKNOWN


def test_more_filters_than_the_kernel_takes_are_none() -> None:
    filters = [answers_of_six(4000)] * 9
    with bounded():
        facts = LAYER.decode(recorded_with(*filters), container(), surroundings(machine="x86_64"))
    assert facts.origin is None
    assert "the kernel takes 32768" in facts.gaps[0].gap.detail


def test_a_profile_has_the_same_budget() -> None:
    rules = [
        {
            "names": ["openat"],
            "action": ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRAP")[place % 3],
            "args": [
                {"index": index, "op": ("SCMP_CMP_LE", "SCMP_CMP_GT")[place % 2], "value": 7 * place + index}
                for index in range(6)
            ],
        }
        for place in range(3000)
    ]
    profile = parse_profile(json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}))
    with bounded():
        found = resolve(profile, frozenset(), None, "x86_64", Abi.X86_64)
    assert found.cut
    assert len(found.of("openat") or ()) <= 512


def recorded_with(*filters: bytes) -> Any:
    """A process of Docker's with these filters."""
    capture = with_text(recorded("lsm/none/docker"), "status", STATUS.format(count=len(filters)))
    for place, raw in enumerate(filters):
        capture = with_text(capture, f"seccomp:{place}", raw.hex())
    return capture


STATUS = """Name:\tweb
Pid:\t4211
Uid:\t0\t0\t0\t0
Gid:\t0\t0\t0\t0
CapInh:\t0000000000000000
CapPrm:\t00000000a80425fb
CapEff:\t00000000a80425fb
CapBnd:\t00000000a80425fb
CapAmb:\t0000000000000000
NoNewPrivs:\t0
Seccomp:\t2
Seccomp_filters:\t{count}
"""
