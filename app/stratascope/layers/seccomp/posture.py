"""The posture of layer 4: the answers of a process's filters by each entry point, which decide its stances."""

from __future__ import annotations

from weakref import WeakKeyDictionary, ref

from stratascope.bounded_cache import remembered
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
from stratascope.value import Value

STATUS = "@status:Seccomp"
_ALL = frozenset(NAMES)


class SeccompPosture(Value, cache_hash=True, weakref=True):
    """`points`: each entry point, whether the kernel certainly has it, and its answers.

    `points` is empty if the machine is unknown. `opened`: for an engine's default, the answers that one more capability
    would change. `unseen`: there are further filters, which are unknown.
    """

    mode: SeccompMode | None
    source: str
    points: tuple[tuple[Abi, bool, Answers | None], ...]
    opened: tuple[tuple[str, Answers], ...]
    unseen: bool
    kernel: tuple[int, int] | None
    read: bool = True  # whether it was read from the kernel, rather than a profile that the engine names


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
    """Return the first of equal postures that is still alive: comparing two means walking thousands of outcomes."""
    known = _held.get(posture)
    first = None if known is None else known()
    if first is None:
        _held[posture] = ref(posture)
        return posture
    return first
