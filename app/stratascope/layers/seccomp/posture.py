"""What of a process's filters decides its stances, the posture of layer 4: their answers, by each entry point."""

from __future__ import annotations

from weakref import WeakKeyDictionary, ref

from stratascope.core.ground import Surroundings
from stratascope.layers.seccomp.facts import SeccompAsked, SeccompFacts
from stratascope.layers.seccomp.filter_source import (
    FilterSource,
    KernelFilters,
    NoFilter,
    entry_points,
    kernel_release,
    opened_by,
)
from stratascope.linux.capability import NAMES
from stratascope.linux.seccomp import SeccompMode
from stratascope.linux.seccomp_answer import Answers
from stratascope.linux.syscalls import Abi
from stratascope.remembered import remembered
from stratascope.value import Value

STATUS = "@status:Seccomp"
_ALL = frozenset(NAMES)


class SeccompPosture(Value, cache_hash=True, weakref=True):
    """All that decides. `points`: each entry point, whether the kernel has it for certain, and its answers.

    `points` is empty where the machine is not known. `opened`: for an engine's default, the answers that one
    capability more would change. `unseen`: there are filters besides, of which nothing is known.
    """

    mode: SeccompMode | None
    source: str
    points: tuple[tuple[Abi, bool, Answers | None], ...]
    opened: tuple[tuple[str, Answers], ...]
    unseen: bool
    kernel: tuple[int, int] | None
    read: bool = True  # whether it is known from the kernel, and not from a profile that the engine states


def posture_of(facts: SeccompFacts, asked: SeccompAsked, around: Surroundings) -> SeccompPosture:
    """See `core.layer.Layer.posture`."""
    origin = facts.origin
    by_default = facts.default if facts.profile == "default" and origin is not None else None
    ground = around.ground
    return _posture(facts.mode, origin, by_default, facts.unseen > 0, entry_points(ground), kernel_release(ground))


@remembered()
def _posture(
    mode: SeccompMode | None,
    origin: FilterSource | None,
    default: FilterSource | None,
    unseen: bool,
    entries: tuple[tuple[Abi, bool], ...],
    kernel: tuple[int, int] | None,
) -> SeccompPosture:
    points = tuple((abi, certain, None if origin is None else origin.answers(abi)) for abi, certain in entries)
    opened = () if default is None else opened_by(default, _ALL)
    source = STATUS if origin is None else origin.source
    read = origin is None or isinstance(origin, KernelFilters | NoFilter)
    return _one(SeccompPosture(mode, source, points, opened, unseen, kernel, read))


_held: WeakKeyDictionary[SeccompPosture, ref[SeccompPosture]] = WeakKeyDictionary()


def _one(posture: SeccompPosture) -> SeccompPosture:
    """Of equal ones that somebody holds the first: whoever compares them has thousands of outcomes to go through."""
    known = _held.get(posture)
    first = None if known is None else known()
    if first is None:
        _held[posture] = ref(posture)
        return posture
    return first
