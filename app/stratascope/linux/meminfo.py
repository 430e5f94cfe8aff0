"""/proc/meminfo: how much memory the machine has. See proc_meminfo(5)."""

from __future__ import annotations

import re

from stratascope.linux.decode import DecodeError

_TOTAL = re.compile(r"^MemTotal: +([0-9]{1,15}) kB$", re.M).search


def parse_memory_total(text: str) -> int:
    """Bytes. Raises DecodeError."""
    found = _TOTAL(text)
    if found is None:
        raise DecodeError("meminfo: no line MemTotal")
    return int(found[1]) * 1024
