"""Compares the prediction for a container with what is read from it once it runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# Facts that only a running container has: numbers, use, names of files and groups, and the place named of several
_WORDS = """
    inode shared_with process gaps path own memory_from pids_from cpu_from sources source status_source label_source
    mode_source user_namespace_source memory_current memory_peak pids_current pids_peak pids_room filters
    handles host_file_system host_writable node_place disk_place shared_mounts range_shared_with
"""
_OF_RUNNING = frozenset(_WORDS.split())
_OF_OTHERS = re.compile(r"/overlay2?/(?:[0-9a-z]+|CONTAINER)/merged|/(?:overlay-)?containers/[0-9a-f]{64}/").search


@dataclass
class Score:
    """Counts over several containers."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    dangerous: list[str] = field(default_factory=list)  # predicted as stopped, but open
    missing: list[str] = field(default_factory=list)  # not predicted

    def add(self, name: str, said: dict[str, Any], real: dict[str, Any]) -> None:
        """Add one container from both reports."""
        for layer, found in real["layers"].items():
            expected = dict(_flat(said["layers"][layer]["facts"]))
            for key, value in _flat(found["facts"]):
                self._count("facts", f"{name}: {layer}.{key}", expected.get(key), value)
        for threat, found in real["threats"].items():
            before, now = said["threats"][threat]["outcome"], found["outcome"]
            self._count("threats", f"{name}: {threat}", None if before == "unknown" else before, now)
            if (before, now) == ("stopped", "open"):
                self.dangerous.append(f"{name}: {threat}")

    def _count(self, what: str, place: str, said: Any, real: Any) -> None:
        self.counts[what] += 1
        if said == real or (said is None and real == "unknown"):
            self.counts[f"{what} equal"] += 1
        elif said is None:
            self.counts[f"{what} unknown"] += 1
            self.missing.append(place)
        else:
            if isinstance(said, list) and isinstance(real, list):  # what one has and the other has not
                said, real = (
                    [each for each in said if each not in real],
                    [each for each in real if each not in said],
                )
            self.wrong.append(f"{place}: said {str(said)[:300]}, is {str(real)[:300]}")

    def share(self, what: str) -> float:
        """The share of facts and threats that are `equal` or `unknown`, in percent."""
        both = self.counts["facts"] + self.counts["threats"]
        return 100 * (self.counts[f"facts {what}"] + self.counts[f"threats {what}"]) / both

    def told(self) -> str:
        """A summary for a log."""
        counts = ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))
        return f"equal {self.share('equal'):.2f} %, unknown {self.share('unknown'):.2f} % ({counts})"


def _flat(value: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in _OF_RUNNING:
                yield from _flat(each, f"{above}.{key}" if above else key)
    elif isinstance(value, list):
        # folders of other containers, whichever run meanwhile, in the engine's own
        yield above, sorted(text for text in map(str, value) if not _OF_OTHERS(text))
    else:
        yield above, value
