"""An engine's version as it reports it (`28.5.2+dfsg4`, `5.8.6-rhel`), and which measured versions apply to it.

Two releases with the same default apply to all between them. Versions outside the measured range don't get the nearest
one, since what an engine does there was never seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

Version = tuple[int, int, int]
_TEXT = re.compile(r"v?([0-9]{1,6})\.([0-9]{1,6})(?:\.([0-9]{1,6}))?(?![0-9.])")


def version_of(text: str) -> Version | None:
    """The three numbers, the last 0 if absent; None if it is no version."""
    found = _TEXT.match(text.strip()[:100])
    return None if found is None else (int(found[1]), int(found[2]), int(found[3] or 0))


def speaking_for(text: str, measured: Iterable[str]) -> tuple[str, ...]:
    """The same measured version (`28.5`), or the two around it; empty outside their range.

    All of them for an engine that was not queried yet and so has reported no version.
    """
    versions = sorted(measured, key=_place)
    if not text:
        return tuple(versions)
    found = version_of(text)
    if found is None:
        return ()
    place = found[:2]
    before = [each for each in versions if _place(each) <= place]
    after = [each for each in versions if _place(each) >= place]
    if not before or not after:
        return ()
    return tuple(dict.fromkeys((before[-1], after[0])))


def _place(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)
