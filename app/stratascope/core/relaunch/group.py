"""Several relaunches that are done and undone as one: their entry in the journal while they are under way.

Each is a transaction of its own, with its own way back, and names the group in `Transaction.group`, for as long as it
can be undone. The entry here says what happens to all of them if this program dies in the middle, and is deleted at the
end. Decided against one transaction for all: the originals would be down until the last one is proven, whereas now each
is down only while its own replacement starts.
"""

from __future__ import annotations

from stratascope.value import Value


class Group(Value):
    """`members`: when hardening, full ids of the containers to relaunch, one per transaction; when `undoes`, ids of the
    transactions to undo.

    After a crash, an unfinished hardening is undone unless all members were done; an unfinished undo is completed.
    """

    id: str
    engine: str
    endpoint: str
    name: str  # for people: names of the containers
    undoes: bool
    members: tuple[str, ...]
    started_at: float
