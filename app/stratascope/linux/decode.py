"""The one error that this package's decoders raise for text they do not understand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator


class DecodeError(ValueError):
    """Kernel text not in the form that proc(5) and related pages describe; the message says what and where."""


def rows(text: str, match: Callable[[str], re.Match[str] | None], what: str) -> Iterator[tuple[str, ...]]:
    """The groups of each line of a list that the collector wrote; a line `...`, that there may be more, is left out.
    Raises DecodeError.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line in ("", "..."):
            continue
        found = match(line)
        if found is None:
            raise DecodeError(f"{what}, line {number}: {line[:80]!r}")
        yield found.groups()
