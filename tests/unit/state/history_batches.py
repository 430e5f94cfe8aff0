"""Batches of a history for programs that are killed, or whose disk takes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from stratascope.core.history.entry import Batch, Exposed, HistoryEntry, PartKind, Subject, WatchSpan

WEB = Subject("docker", "web")


def many(count: int = 100_000) -> Iterator[Batch]:
    """One after the other, an exposure each."""
    for at in range(count):
        worst = at % 10
        yield Batch(
            WatchSpan(0.0, float(at)), ((WEB, HistoryEntry(float(at), PartKind.EXPOSED, Exposed(worst, worst))),)
        )
