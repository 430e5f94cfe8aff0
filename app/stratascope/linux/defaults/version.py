"""An engine's version as it tells it (`28.5.2+dfsg4`, `5.8.6-rhel`), and which measured versions speak for it.

Two releases between which nothing was changed speak for all between them. Decided against taking the nearest one for
what is newer or older than all: what an engine does there was never seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

Version = tuple[int, int, int]
_TEXT = re.compile(r"v?([0-9]{1,6})\.([0-9]{1,6})(?:\.([0-9]{1,6}))?(?![0-9.])")


def version_of(text: str) -> Version | None:
    """Its three numbers, the last 0 where it is not told; None where it is no version."""
    found = _TEXT.match(text.strip()[:100])
    return None if found is None else (int(found[1]), int(found[2]), int(found[3] or 0))


def speaking_for(text: str, measured: Iterable[str]) -> tuple[str, ...]:
    """Of the measured versions (`28.5`) the same one, or the two around it; none where it lies beyond them.

    All of them for an engine that is not asked yet, and so tells no version.
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
