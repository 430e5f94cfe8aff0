"""Twins: a disposable copy of a container beside it, and what it is made of.

A twin can change nothing of its original: what that may write to lies below an overlay, it has a network with nothing
in it, and what can't be copied so refuses the twin, with the reason. It is written into the journal before it exists.
Apart from `trial`, since ports and journal name these, and every command loads them.
"""

from __future__ import annotations

from stratascope.value import Value

TWIN = "io.github.stratascope.twin"  # label of a twin and of its volumes: the twin's number
TWIN_NAME = "twin-"  # after the name of its original and a dot
CHECK_INTERVAL = 1_000_000_000  # nanoseconds between two runs of a twin's healthcheck
CHECK_FAILURES = 100_000  # failures that it may have: whoever watches the twin knows how long to wait


class TwinMount(Value):
    """A bind or a volume as the twin gets it. `source` is on the engine's host, with no link at its end.

    `overlaid`: the twin writes into a layer of its own; all else is mounted as it is, and read-only.
    """

    source: str
    target: str
    overlaid: bool
    volume: str = ""  # its name


class TwinRecord(Value):
    """A twin as the journal has it: all that is needed to remove it, and what came with it."""

    id: str  # also the value of the label
    engine: str
    endpoint: str
    original: str  # full id
    name: str
    started_at: float
    cgroup: str = ""  # made for it to lie below, from the top of the control groups; empty: none
