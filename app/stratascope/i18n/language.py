"""The program's language and its catalogue: chosen once, at the start, before any text is made.

In order: `STRATASCOPE_LANGUAGE`, the setting `language`, then the desktop's own variables as gettext reads them. The
program starts even if these are invalid, in English; only a language requested by name (the first two) gets an
explanation. `xx` is a pseudo-locale, for tests and developers.

The file is opened here rather than by `gettext.translation`, which searches other programs' folders, caches what it
finds forever, and lets exceptions about damaged files through. Decided against the C library's locale (`setlocale`)
too: it would localize the numbers in files and commands, and requires the locale to be installed.
"""

from __future__ import annotations

import gettext
import re
import struct
from collections.abc import Mapping
from pathlib import Path

from stratascope import resources
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import DOMAIN, install

VARIABLE = "STRATASCOPE_LANGUAGE"
SETTING = "language"  # in state.settings; "": as the desktop
ENGLISH = "en"  # the language of the messages themselves, without a catalogue
PSEUDO = "xx"
# Each by its own name, never translated, so that users who can't read the current language find theirs.
LANGUAGES = {ENGLISH: "English", "ja": "日本語"}


class CatalogueError(Exception):
    """A catalogue that can't be used; the text says why."""


def start(environ: Mapping[str, str], setting: str | None) -> Message | None:
    """Use the requested language from now on. Returns an explanation if one requested by name is not available."""
    asked = environ.get(VARIABLE, "").strip() or (setting or "").strip()
    wanted = code(asked) if asked else desktop(environ)
    if wanted is None:
        _use(ENGLISH, gettext.NullTranslations())
        return msg(
            "Stratascope has no language {language}, so this is English. Available: {known}.",
            language=plain(asked, 40),
            known=", ".join(LANGUAGES),
        )
    try:
        _use(wanted, catalogue(wanted))
    except CatalogueError as error:
        _use(ENGLISH, gettext.NullTranslations())
        if not asked:
            return None
        return msg(
            "The texts of the language {language} can't be read, so this is English: {why}. Installing Stratascope "
            "again restores them.",
            language=wanted,
            why=str(error),
        )
    return None


def code(name: str) -> str | None:
    """Our code for a language given as `ja`, `ja_JP.UTF-8`, `ja-JP` or the like; None if it is not available."""
    short = re.split(r"[_.@-]", name.strip().lower(), maxsplit=1)[0]
    if short == PSEUDO or short in LANGUAGES:
        return short
    return ENGLISH if short in ("c", "posix") else None


def desktop(environ: Mapping[str, str]) -> str:
    """The first available one of the desktop's languages, else English. LANGUAGE only applies if a locale is set."""
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    found = code(locale) if locale else None
    if locale.lower() in ("c", "posix") or locale.lower().startswith("c."):
        return ENGLISH  # as in gettext 0.22: LC_ALL=C asks for the untranslated messages
    for name in environ.get("LANGUAGE", "").split(":"):
        if name and (known := code(name)) is not None:
            return known
    return found or ENGLISH


def catalogue(language: str) -> gettext.NullTranslations:
    """One language's translations. Raises CatalogueError."""
    if language == ENGLISH:
        return gettext.NullTranslations()
    if language == PSEUDO:
        return Pseudo()
    try:
        file = resources.path(f"locale/{language}/LC_MESSAGES/{DOMAIN}.mo")
    except resources.MissingResourceError as error:
        raise CatalogueError(str(error)) from error
    return read(file)


def read(file: Path) -> gettext.NullTranslations:
    """Read a compiled catalogue. Raises CatalogueError."""
    try:
        with file.open("rb") as stream:
            return gettext.GNUTranslations(stream)
    except OSError as error:
        raise CatalogueError(f"{file} can't be read ({error.strerror or 'it is no catalogue'})") from error
    except (ValueError, LookupError, struct.error, SyntaxError, RecursionError, MemoryError, OverflowError) as error:
        raise CatalogueError(f"{file} is damaged") from error


def _use(language: str, translations: gettext.NullTranslations) -> None:
    install(translations, language)


OPEN, CLOSE = "⟦", "⟧"
LONGER = 0.4
_FIELDS = re.compile(r"(\{\{|\}\}|\{[^{}]*\}|%(?:\(\w+\))?[sdr])")
_ACCENTS = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "ÀƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞǪŔŠŢÛṼŴẊÝŽàƀçðéƒĝĥîĵķļɱñöþǫŕšţûṽŵẋýž",
)


class Pseudo(gettext.NullTranslations):
    """Accented English in brackets, two fifths longer, generated at run time. Fields (`{name}`) stay unchanged.

    On screen, text without accents is not translated, a missing bracket means that it is cut off, and the length shows
    where a language with longer words would not fit. Decided against a catalogue on disk: this is never out of date.
    """

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
