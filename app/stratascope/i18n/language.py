"""Which language the program speaks, and its catalogue: chosen once, at the start, before any text is made.

The order: `STRATASCOPE_LANGUAGE`, the setting `language`, then the desktop's own variables in gettext's manner.
Whatever is wrong with them the program starts, in English; only who asked by name (the first two) is told why.
`xx` is the pseudo-locale (`pseudo.py`), for tests and developers.

The file is opened here and not by `gettext.translation`: that looks into folders of other programs, keeps what it
found for ever, and lets a damaged file's exceptions out. Decided against the C library's locale too (`setlocale`):
it would change the numbers in files and commands with the language, and needs the locale to be installed.
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
SETTING = "language"  # of state.settings; "" as the desktop
ENGLISH = "en"  # the language of the messages themselves: needs no catalogue
PSEUDO = "xx"
# Each by its own name, which is never translated: who does not read the current language must find it.
LANGUAGES = {ENGLISH: "English", "ja": "日本語"}


class CatalogueError(Exception):
    """A catalogue can't be used; the text says why."""


def start(environ: Mapping[str, str], setting: str | None) -> Message | None:
    """Use the language that is wanted, from now on. A sentence where one was asked for by name and can't be had."""
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
    """Our name of a language that is called `ja`, `ja_JP.UTF-8`, `ja-JP` or the like; None where we have it not."""
    short = re.split(r"[_.@-]", name.strip().lower(), maxsplit=1)[0]
    if short == PSEUDO or short in LANGUAGES:
        return short
    return ENGLISH if short in ("c", "posix") else None


def desktop(environ: Mapping[str, str]) -> str:
    """The first language of the desktop that we have, else English. LANGUAGE counts only where a locale is set."""
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    found = code(locale) if locale else None
    if locale.lower() in ("c", "posix") or locale.lower().startswith("c."):
        return ENGLISH  # as gettext 0.22: who sets LC_ALL=C wants the program's own words
    for name in environ.get("LANGUAGE", "").split(":"):
        if name and (known := code(name)) is not None:
            return known
    return found or ENGLISH


def catalogue(language: str) -> gettext.NullTranslations:
    """The texts of one of our languages. Raises CatalogueError."""
    if language == ENGLISH:
        return gettext.NullTranslations()
    if language == PSEUDO:
        from stratascope.i18n.pseudo import Pseudo  # nobody else pays for it

        return Pseudo()
    try:
        file = resources.path(f"locale/{language}/LC_MESSAGES/{DOMAIN}.mo")
    except resources.MissingResourceError as error:
        raise CatalogueError(str(error)) from error
    return read(file)


def read(file: Path) -> gettext.NullTranslations:
    """A compiled catalogue. Raises CatalogueError."""
    try:
        with file.open("rb") as stream:
            return gettext.GNUTranslations(stream)
    except OSError as error:
        raise CatalogueError(f"{file} can't be read ({error.strerror or 'it is no catalogue'})") from error
    except (ValueError, LookupError, struct.error, SyntaxError, RecursionError, MemoryError, OverflowError) as error:
        raise CatalogueError(f"{file} is damaged") from error


def _use(language: str, translations: gettext.NullTranslations) -> None:
    install(translations, language)
