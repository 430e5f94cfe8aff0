"""What a maker was asked for, as far as its command line or files say."""

from __future__ import annotations

from stratascope.core.container import Asked
from stratascope.value import Value


class AskedOf(Value):
    """`name`: what the maker calls it; `command`: what it was to run. Empty, None: not said."""

    UNPRINTED = ("texts",)

    name: str = ""
    command: tuple[str, ...] = ()
    asked: Asked | None = None
    texts: tuple[tuple[str, str], ...] = ()  # source and text
