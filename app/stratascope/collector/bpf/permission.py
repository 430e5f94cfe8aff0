"""Who may have threads read by BPF: everybody asks, and the programs are loaded for root alone."""

from __future__ import annotations

from typing import Collection, Iterable, List, Optional, Tuple

from stratascope.collector.names import DOMAIN_IDS, LANDLOCK, SECUREBITS
from stratascope.collector.read import Entry, TooLongError, failed, read_file

NAMES = frozenset((LANDLOCK, SECUREBITS, DOMAIN_IDS))
SOURCE = "BPF iterator, thread %d"
WHY_NOT = "it needs CAP_BPF and CAP_PERFMON"
_NEEDED = ((1 << 38) | (1 << 39), 1 << 21)  # CAP_PERFMON and CAP_BPF, or CAP_SYS_ADMIN

Wish = Tuple[int, Collection[str], List[Entry]]  # a process or thread, names of `NAMES`, and its entries


def permitted() -> bool:
    """Whether this thread has the capabilities for it."""
    try:
        lines = read_file("/proc/thread-self/status").splitlines()
    except (OSError, TooLongError):
        return False
    for line in lines:
        if line.startswith("CapEff:"):
            effective = int(line.split()[1], 16)
            return any(effective & wanted == wanted for wanted in _NEEDED)
    return False


def not_read(wishes: Iterable[Wish], kind: str, errno: Optional[int], detail: str) -> None:
    """Add to the entries of each why what is wished of it could not be read."""
    for number, names, into in wishes:
        into.extend(failed(name, SOURCE % number, kind, errno, detail) for name in names)
