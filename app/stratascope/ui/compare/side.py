"""One of the two that are compared."""

from __future__ import annotations

from stratascope.core.snapshot import ContainerState
from stratascope.value import Value


class Side(Value):
    """Something to choose: a container, and what it is called; `source`: the capture that it is of, empty: now."""

    state: ContainerState
    name: str
    source: str = ""
