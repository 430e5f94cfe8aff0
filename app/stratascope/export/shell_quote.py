"""Words for a shell, quoted so that foreign text in them is neither a command nor an act of the terminal.

shlex knows the shell only: an escape sequence in a label goes through it as it is, and the terminal that prints the
exported command obeys it. Such words are written in the form `$'…'` of bash, zsh and ksh, byte by byte, which gives
the same text. Line breaks and tabs stay, since scripts in commands have them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from stratascope.core.sanitize import plain

_HARMLESS = str.maketrans("", "", "\n\t")
_SHORT = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t"}


def word(text: str) -> str:
    """One word."""
    bare = text.translate(_HARMLESS)
    if plain(bare) == bare:
        return shlex.quote(text)
    return "$'" + "".join(_SHORT.get(letter) or _shown(letter) for letter in text) + "'"


def words(texts: Iterable[str]) -> str:
    """Several, with spaces between."""
    return " ".join(map(word, texts))


def _shown(letter: str) -> str:
    if plain(letter) == letter:
        return letter
    return "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape"))
