"""Twins: disposable copies of a container next to it, and what they are made of.

A twin can change nothing of its original: writable files are below an overlay, its network is empty, and anything that
can't be copied this way refuses the twin, with the reason. It is written into the journal before it exists. Not in
`trial`, because ports and journal use these types and every command imports them.
"""

from __future__ import annotations

from stratascope.value import Value

TWIN = "io.github.stratascope.twin"  # label of a twin and of its volumes: the twin's number
TWIN_NAME = "twin-"  # suffix of its name, after the original's name and a dot
CHECK_INTERVAL = 1_000_000_000  # nanoseconds between two runs of a twin's healthcheck
CHECK_FAILURES = 100_000  # failures allowed, practically unlimited: whoever watches the twin knows how long to wait


class TwinMount(Value):
    """A bind or a volume as mounted in the twin. `source` is on the engine's host, with a final symlink resolved.

    `overlaid`: the twin writes into a layer of its own; everything else is mounted as it is, read-only.
    """

    source: str
    target: str
    overlaid: bool
    volume: str = ""  # its name


class TwinRecord(Value):
    """A twin's entry in the journal: all that is needed to remove it and what was made for it."""

    id: str  # also the value of the label
    engine: str
    endpoint: str
    original: str  # full id
    name: str
    started_at: float
    cgroup: str = ""  # its parent control group, made for it, as a path from the cgroup root; empty: none
