"""Messages into text of the user's language, with gettext. No Qt; the only place where arguments meet text."""

from __future__ import annotations

import gettext
from collections.abc import Callable, Iterable

from stratascope.core.message import Argument, Message, msg
from stratascope.core.sanitize import plain

DOMAIN = "stratascope"
_translations: gettext.NullTranslations = gettext.NullTranslations()
_language = "en"


def install(translations: gettext.NullTranslations, language: str = "en") -> None:
    """Use these translations from now on (process-wide: the language is one per program)."""
    global _translations, _language
    _translations, _language = translations, language


def language() -> str:
    """The current language as HTML and Qt name it: en, ja."""
    return _language


def translate(message: Message) -> str:
    """The message in the current language; foreign text in its arguments made harmless.

    A translation whose fields are wrong must not bring the program down: then the English is shown.
    """
    if not message.id:
        return ""  # gettext's own answer to this is the head of the catalogue
    if message.count is None:
        template = _translations.gettext(message.id)
    else:
        template = _translations.ngettext(message.id, message.many, message.count)
    if not message.args:
        return template.replace("{{", "{").replace("}}", "}") if "{" in template else template
    values = {name: _text(value) for name, value in message.args}
    try:
        return template.format_map(values)
    except (LookupError, ValueError, AttributeError):
        english = message.id if message.count in (None, 1) else message.many
        return english.format_map(values)


def listed(texts: Iterable[str]) -> str:
    """Translated texts as a list in one sentence: `a, b` or `a、b`."""
    return _joined(texts, lambda first, rest: msg("{first}, {rest}", first=first, rest=rest))


def together(texts: Iterable[str]) -> str:
    """Translated sentences one after the other, with a space between them where the language has one."""
    return _joined(texts, lambda first, rest: msg("{first} {rest}", first=first, rest=rest))


def _joined(texts: Iterable[str], join: Callable[[str, str], Message]) -> str:
    found = ""
    for text in texts:
        found = translate(join(found, text)) if found and text else found or text
    return found


def _text(value: Argument) -> str | int | float:
    if isinstance(value, Message):
        return translate(value)
    return plain(value) if isinstance(value, str) else value
