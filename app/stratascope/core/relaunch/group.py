"""Several relaunches that are done, and undone, as one: what the journal has of them while they are under way.

Each of them is a transaction of its own, with its own way back, and names the group by `Transaction.group`; that stays
for as long as it can be undone. What is here says what is to become of them all if this program dies in the middle,
and is forgotten at the end. Decided against one transaction for all: the originals would stand still until the last one
is proven, where now each of them stops only while its own replacement starts.
"""

from __future__ import annotations

from stratascope.value import Value


class Group(Value):
    """`members`: full ids of the containers that are to be relaunched, one for each transaction, where they are to be
    hardened; of the transactions that are to be undone where `undoes`.

    Broken off, hardenings are undone unless all of them were done; undos go on to their end.
    """

    id: str
    engine: str
    endpoint: str
    name: str  # for people: names of the containers
    undoes: bool
    members: tuple[str, ...]
    started_at: float
