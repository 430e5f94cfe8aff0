"""Make foreign text (names, labels, commands, an engine's messages) safe to show.

Control characters, terminal escapes, bidirectional marks and lone surrogates (bytes that are not UTF-8) become visible
escapes such as `\\x1b` or `\\u202e`. The result is plain text: it must still not be displayed as markup (Qt.PlainText,
html.escape).
"""

from __future__ import annotations

import unicodedata

# Cc control, Cf format (direction marks, zero width), Cs surrogate, Co private use, Zl and Zp line breaks
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def plain(text: str, limit: int = 0) -> str:
    """`text` on one line, with nothing in it that could act; cut with `…` beyond `limit` (> 0) characters."""
    if limit and len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _UNSAFE:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8 (surrogateescape)
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
