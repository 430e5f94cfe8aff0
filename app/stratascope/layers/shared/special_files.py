"""Sockets and device nodes visible to a process: what they open, and whom their permissions let in.

Only read with privilege. Device numbers are from Documentation/admin-guide/devices.txt.
"""

from __future__ import annotations

from stratascope.core.capture import Capture, or_none
from stratascope.core.special_files import SpecialFile, SpecialFiles, parse_special

SPECIAL = "root:special"
_MEMORY = frozenset(((1, 1), (1, 2), (1, 4)))  # mem, kmem, port
_LOG = (1, 11)  # kmsg


def special_files(capture: Capture) -> SpecialFiles | None:
    """None if they were not read."""
    return or_none(capture.decoded(SPECIAL, parse_special))


def node_kind(item: SpecialFile) -> str:
    """disk, memory or log, as in `core.threats.needs.Node`; empty: none of these."""
    if item.kind == "b":
        return "disk"
    number = (item.major, item.minor)
    return "memory" if item.kind == "c" and number in _MEMORY else "log" if (item.kind, number) == ("c", _LOG) else ""
