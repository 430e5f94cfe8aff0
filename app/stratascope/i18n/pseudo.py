"""The pseudo-locale `xx`: English with accents, in brackets and two fifths longer, made while the program runs.

Text without accents on screen was not translated, a bracket that is missing was cut off, and what is this long shows
where a language with longer words would not fit. Fields (`{name}`) and what is foreign in them stay as they are.
Decided against a catalogue of it on disk: this one is never out of date.
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
    """Translates everything, by itself."""

    def gettext(self, message: str) -> str:
        return stretched(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return stretched(super().ngettext(msgid1, msgid2, n))


def stretched(message: str) -> str:
    """The message in the pseudo-locale."""
    parts = _FIELDS.split(message)  # text, field, text …
    letters = sum(len(part) for part in parts[::2])
    if not any(letter.isalpha() for part in parts[::2] for letter in part):
        return message  # fields and marks: nothing to translate
    accented = "".join(part if place % 2 else part.translate(_ACCENTS) for place, part in enumerate(parts))
    lead = accented[: len(accented) - len(accented.lstrip())]
    tail = accented[len(accented.rstrip()) :]
    more = "~" * round(letters * LONGER)
    if " " in message.strip():  # what may be broken into lines in English may be broken here
        more = " ".join(more[place : place + 6] for place in range(0, len(more), 6))
    return f"{lead}{OPEN}{accented.strip()}{more}{CLOSE}{tail}"
