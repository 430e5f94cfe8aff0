"""Batches of a history for programs that are killed, or whose disk takes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from stratascope.core.history.entry import Batch, Entry, Exposed, Kind, Subject, Watch

WEB = Subject("docker", "web")


def many(count: int = 100_000) -> Iterator[Batch]:
    """One after the other, an exposure each."""
    for at in range(count):
        worst = at % 10
        yield Batch(Watch(0.0, float(at)), ((WEB, Entry(float(at), Kind.EXPOSED, Exposed(worst, worst))),))
