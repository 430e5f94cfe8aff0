"""Sockets and device nodes in a process's sight: which of them open what, and whom their permissions let in.

Read with privilege only. Device numbers are those of Documentation/admin-guide/devices.txt.
"""

from __future__ import annotations

from stratascope.core.capture import Capture, or_none
from stratascope.core.special_files import SpecialFile, SpecialFiles, parse_special

SPECIAL = "root:special"
_MEMORY = frozenset(((1, 1), (1, 2), (1, 4)))  # mem, kmem, port
_LOG = (1, 11)  # kmsg


def special_files(capture: Capture) -> SpecialFiles | None:
    """None where they were not read."""
    return or_none(capture.decoded(SPECIAL, parse_special))


def node_kind(item: SpecialFile) -> str:
    """disk, memory or log, as `core.threats.needs.Node` has them; empty: none of these."""
    if item.kind == "b":
        return "disk"
    number = (item.major, item.minor)
    return "memory" if item.kind == "c" and number in _MEMORY else "log" if (item.kind, number) == ("c", _LOG) else ""
