"""The pseudo-locale `xx`: accented English in brackets, two fifths longer, generated at run time.

On screen, text without accents is not translated, a missing bracket means that it is truncated, and the length shows
where a language with longer words would not fit. Fields (`{name}`) and their values stay unchanged. Decided against a
catalogue on disk: this one is never out of date.
"""

from __future__ import annotations

import gettext
import re

OPEN, CLOSE = "⟦", "⟧"
LONGER = 0.4
_FIELDS = re.compile(r"(\{\{|\}\}|\{[^{}]*\}|%(?:\(\w+\))?[sdr])")
_ACCENTS = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "ÀƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞǪŔŠŢÛṼŴẊÝŽàƀçðéƒĝĥîĵķļɱñöþǫŕšţûṽŵẋýž",
)


class Pseudo(gettext.NullTranslations):
    """Translates every message algorithmically."""

    def gettext(self, message: str) -> str:
        return stretched(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return stretched(super().ngettext(msgid1, msgid2, n))


def stretched(message: str) -> str:
    """The message in the pseudo-locale."""
    parts = _FIELDS.split(message)  # alternating text and fields
    letters = sum(len(part) for part in parts[::2])
    if not any(letter.isalpha() for part in parts[::2] for letter in part):
        return message  # only fields and punctuation: nothing to translate
    accented = "".join(part if place % 2 else part.translate(_ACCENTS) for place, part in enumerate(parts))
    lead = accented[: len(accented) - len(accented.lstrip())]
    tail = accented[len(accented.rstrip()) :]
    more = "~" * round(letters * LONGER)
    if " " in message.strip():  # keep it breakable where the English is
        more = " ".join(more[place : place + 6] for place in range(0, len(more), 6))
    return f"{lead}{OPEN}{accented.strip()}{more}{CLOSE}{tail}"
