"""Descriptors that a process holds of what lies outside of its container, as the collector lists them."""

from __future__ import annotations

import re
from typing import NamedTuple

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import rows

WORKING_DIRECTORY = "cwd"
_LINE = re.compile(
    r"([0-9]{1,10}|cwd) ([dfbctTno]) (r|w|rw|p) ([0-9]{1,10}):([0-9]{1,10}) (host|else) (.*)", re.ASCII | re.S
).fullmatch


class Descriptor(NamedTuple):
    """One of them. `kind`: d directory, f file, b and c devices, t terminal, T its controlling one, n namespace, o
    object of the kernel (BPF, perf).

    `writable`: it was opened for writing. `of_host`: it leads to the host's files. `device`: of a directory that does
    not, its file system's, if the host has that too; `writable` is then its mount.
    """

    number: str  # or "cwd"
    kind: str
    writable: bool
    device: tuple[int, int]
    of_host: bool
    path: str


@remembered()
def parse_descriptors(text: str) -> tuple[Descriptor, ...]:
    """Decode one per line; a final line `...` means that there may be more. Raises DecodeError."""
    return tuple(
        [
            Descriptor(name, kind, "w" in access, (int(major), int(minor)), where == "host", path)
            for name, kind, access, major, minor, where, path in rows(text, _LINE, "descriptors")
        ]
    )
