"""The evaluation of filters against the kernel itself: every number, by every entry point, under real filters."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from rig.places import CAPTURES
from stratascope.linux import bpf
from stratascope.linux.seccomp import ALL_BITS, LOW_BITS, Action, Given, possible
from stratascope.linux.seccomp_filters import answers, run
from stratascope.linux.syscalls import Abi, numbers
from unit.linux import seccomp_try
from unit.linux.seccomp_try import Attempt, attempt, mark, marked

CAPTURES = CAPTURES / "seccomp"
FILTERS = {path.stem: bpf.parse_hex(path.read_text()) for path in sorted(CAPTURES.glob("*.hex"))}
ABIS = (Abi.X86_64, Abi.I386, Abi.X32)
PROBES = (335, 336)  # uretprobe and uprobe pass every filter on newer kernels

pytestmark = pytest.mark.skipif(not seccomp_try.can_try(), reason="written for x86_64, needs gcc")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seccomp_try.build(tmp_path_factory.mktemp("seccomp"))


@pytest.fixture(scope="module")
def abis(program: Path) -> tuple[Abi, ...]:
    """Those that this kernel has; x32 numbers reach a filter in any case."""
    _, status = attempt(program, [marked(FILTERS["docker-default"])], [Attempt(Abi.I386, 20)])
    return ABIS if status == 0 else (Abi.X86_64, Abi.X32)


def expected(raw: bytes, each: Attempt) -> Action:
    """The one action that is left with all arguments given."""
    number = each.number | each.abi.number_bit
    high = ALL_BITS if each.abi.wide else LOW_BITS
    values = (*each.arguments, *(0,) * (6 - len(each.arguments)))
    given = {place: Given(value & high) for place, value in enumerate(values)}
    outcomes = run(bpf.decode(raw), each.abi, [number])[number]
    found = {outcome.action for outcome in outcomes if possible(outcome.constraints, given)}
    assert len(found) == 1, each
    return found.pop()


def samples(raw: bytes, abi: Abi) -> list[Attempt]:
    """Every number with zeros, and those that depend on arguments with the values that they name, and beside."""
    found = [Attempt(abi, number) for number in (*range(601), 0x3FFFFFF) if number not in PROBES or abi is Abi.I386]
    for name, outcomes in answers((raw,), abi).calls:
        constraints = [each for outcome in outcomes for each in outcome.constraints]
        values = {0, 1, ALL_BITS, 1 << 32, 1 << 63}
        for each in constraints:
            values |= {each.value, each.value + 1, each.value | 1 << 32, each.value | 1 << 40, each.mask}
            values |= {1 << bit for bit in range(64) if each.mask >> bit & 1}
        for place in {each.arg for each in constraints}:
            for value in values:
                for other in (0, 9, 16):
                    arguments = [other] * 5
                    arguments[place] = value & ALL_BITS
                    found.append(Attempt(abi, numbers(abi)[name], tuple(arguments)))
    return found


@pytest.mark.parametrize("name", list(FILTERS))
def test_each_number_is_answered_as_the_kernel_does(name: str, program: Path, abis: tuple[Abi, ...]) -> None:
    raw = FILTERS[name]
    attempts = [each for abi in abis for each in samples(raw, abi)]
    results, status = attempt(program, [marked(raw)], attempts)
    assert status == 0
    wrong = [
        (each, result, str(expected(raw, each)))
        for each, result in zip(attempts, results, strict=True)
        if result != -mark(expected(raw, each))
    ]
    assert wrong == []
    assert len(attempts) > 600 * len(abis)


def test_of_two_filters_the_strictest_and_then_the_newest_counts(program: Path) -> None:
    """Both weakest answers become TRACE (which is ENOSYS without a tracer), all others marks of their own."""
    older, newer = (
        _weakened(FILTERS[name], base) for name, base in (("docker-default", 1500), ("podman-crun-default", 2500))
    )
    attempts = [Attempt(Abi.X86_64, number) for number in range(470) if number not in PROBES]
    # the first filter would keep the process from setting the second, were seccomp(2) not traced away: so join them
    results, status = attempt(program, [_letting(older, 317), newer], attempts)
    assert status == 0
    both = answers((_letting(older, 317), newer), Abi.X86_64)
    named = {number: name for name, number in numbers(Abi.X86_64).items()}
    compared = 0
    for each, result in zip(attempts, results, strict=True):
        if each.number not in named or each.number in (317, 157):
            continue
        actions = both.actions(named[each.number], {place: Given(0) for place in range(6)})
        assert actions is not None
        (action,) = actions
        wanted = 38 if str(action) == "TRACE" else action.number
        assert result == -wanted, named[each.number]
        compared += 1
    assert compared > 350


def _weakened(raw: bytes, base: int) -> bytes:
    found = []
    for code, true, false, k in bpf.decode(raw):
        value = k
        if code == bpf.RET_K:
            value = 0x7FF00000 if k == 0x7FFF0000 else 0x00050000 | base + (k & 0xFF)
        found.append(bpf.FORMAT.pack(code, true, false, value))
    return b"".join(found)


def _letting(raw: bytes, number: int) -> bytes:
    """The same filter, but that one call passes."""
    first = (
        bpf.FORMAT.pack(bpf.LD_ABS, 0, 0, 0)
        + bpf.FORMAT.pack(bpf.JEQ, 0, 1, number)
        + bpf.FORMAT.pack(bpf.RET_K, 0, 0, 0x7FFF0000)
    )
    return first + raw


def test_probe_calls_pass_every_filter_on_new_kernels(program: Path) -> None:
    """uretprobe out of place ends in SIGILL, uprobe in ENXIO: neither is the filter's answer."""
    release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
    raw = marked(FILTERS["docker-default"])
    results, status = attempt(program, [raw], [Attempt(Abi.X86_64, 335)])
    if release >= (6, 14):
        assert os.WIFSIGNALED(status)
        assert os.WTERMSIG(status) == signal.SIGILL
    elif status == 0:  # a kernel without the call, or one that asks the filter
        assert results == [-mark(expected(FILTERS["docker-default"], Attempt(Abi.X86_64, 335)))]
