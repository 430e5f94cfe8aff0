"""The smallest set that contains a member of each given set: branch and bound, exact, and pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

_STEPS = 20000  # then the best one found so far; real cuts take a few dozen

T = TypeVar("T", bound=Hashable)


def smallest_hitting(sets: Iterable[frozenset[T]], cost: Callable[[T], tuple[int, ...]]) -> frozenset[T]:
    """Among equally small sets, one with the lowest total cost. Empty sets are ignored.

    Members that hit the same sets are interchangeable, so only the cheapest of them is considered.
    """
    wanted = [each for each in set(sets) if each]
    wanted = [each for each in wanted if not any(other < each for other in wanted)]
    hits = {
        member: frozenset(n for n, each in enumerate(wanted) if member in each) for each in wanted for member in each
    }
    costs = {member: cost(member) for member in hits}
    cheapest: dict[frozenset[int], T] = {}
    for member in sorted(hits, key=lambda member: costs[member]):
        cheapest.setdefault(hits[member], member)
    members = [
        member for member in cheapest.values()
        if not any(hits[member] < hits[other] and costs[other] <= costs[member] for other in cheapest.values())
    ]  # fmt: skip
    return _Search(tuple(members), hits, costs).run(frozenset(range(len(wanted))))


class _Search(Generic[T]):
    def __init__(self, members: Sequence[T], hits: dict[T, frozenset[int]], costs: dict[T, tuple[int, ...]]) -> None:
        self._members, self._hits, self._costs = members, hits, costs
        self._best: tuple[int, tuple[int, ...], tuple[T, ...]] | None = None
        self._steps = 0

    def run(self, wanted: frozenset[int]) -> frozenset[T]:
        """A set that hits all of these."""
        self._try((), wanted)
        return frozenset() if self._best is None else frozenset(self._best[2])

    def _try(self, taken: tuple[T, ...], wanted: frozenset[int]) -> None:
        self._steps += 1
        if not wanted:
            total = tuple(map(sum, zip(*[self._costs[each] for each in taken], strict=True)))
            found = len(taken), total, taken
            if self._best is None or found[:2] < self._best[:2]:
                self._best = found
            return
        most = max(len(self._hits[each] & wanted) for each in self._members)
        least = len(taken) + -(-len(wanted) // most)
        if self._best is not None and (least > self._best[0] or self._steps > _STEPS):
            return
        hardest = min(wanted, key=lambda n: sum(n in self._hits[each] for each in self._members))
        ways = [each for each in self._members if hardest in self._hits[each]]
        for each in sorted(ways, key=lambda each: (-len(self._hits[each] & wanted), self._costs[each])):
            self._try((*taken, each), wanted - self._hits[each])
