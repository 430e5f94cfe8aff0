"""Translates messages with gettext. No Qt; the only place where arguments are inserted into text."""

from __future__ import annotations

import gettext
from collections.abc import Callable, Iterable

from stratascope.core.message import Argument, Message, comma, followed, msg
from stratascope.core.sanitize import plain

DOMAIN = "stratascope"
_SOURCE = gettext.NullTranslations()
_translations = _SOURCE
_language = "en"


def install(translations: gettext.NullTranslations, language: str = "en") -> None:
    """Use these translations from now on (process-wide: a program has one language)."""
    global _translations, _language
    _translations, _language = translations, language


def language() -> str:
    """The current language as HTML and Qt name it: en, ja."""
    return _language


def translate(message: Message) -> str:
    """The message in the current language, with control characters in its arguments escaped.

    A translation with wrong fields must not crash the program: the English is shown instead.
    """
    return _filled(message, _translations)


def english(message: Message) -> str:
    """The message as `translate` returns it where nothing is translated."""
    return _filled(message, _SOURCE)


def _filled(message: Message, translations: gettext.NullTranslations) -> str:
    if not message.id:
        return ""  # gettext would return the catalogue's header
    if message.count is None:
        template = translations.gettext(message.id)
    else:
        template = translations.ngettext(message.id, message.many, message.count)
    if not message.args:
        return template.replace("{{", "{").replace("}}", "}") if "{" in template else template
    values = {name: _text(value, translations) for name, value in message.args}
    try:
        return template.format_map(values)
    except (LookupError, ValueError, AttributeError):
        english = message.id if message.count in (None, 1) else message.many
        return english.format_map(values)


def listed(texts: Iterable[str], most: int = 0) -> str:
    """Translated texts as a list in one sentence: `a, b` or `a、b`; those after the first `most` are only counted."""
    every = list(texts)
    more = len(every) - most if most else 0
    found = _joined(every[:most] if more > 0 else every, comma)
    return translate(msg("{first} and {count} more", first=found, count=more)) if more > 0 else found


def together(texts: Iterable[str]) -> str:
    """Join translated sentences, separated by a space if the language uses one."""
    return _joined(texts, followed)


def _joined(texts: Iterable[str], join: Callable[[str, str], Message]) -> str:
    found = ""
    for text in texts:
        found = translate(join(found, text)) if found and text else found or text
    return found


def _text(value: Argument, translations: gettext.NullTranslations) -> str | int | float:
    if isinstance(value, Message):
        return _filled(value, translations)
    return plain(value) if isinstance(value, str) else value
