"""Messages into text of the user's language, with gettext. No Qt; the only place where arguments meet text."""

from __future__ import annotations

import gettext
from string import Formatter

from stratascope.core.message import Argument, Message
from stratascope.core.plain import plain

DOMAIN = "stratascope"
_translations: gettext.NullTranslations = gettext.NullTranslations()


def install(translations: gettext.NullTranslations) -> None:
    """Use these translations from now on (process-wide: the language is one per program)."""
    global _translations  # noqa: PLW0603
    _translations = translations


def translate(message: Message) -> str:
    """The message in the current language; foreign text in its arguments made harmless."""
    if message.count is None:
        template = _translations.gettext(message.id)
    else:
        template = _translations.ngettext(message.id, message.many, message.count)
    if not message.args:
        return template.replace("{{", "{").replace("}}", "}") if "{" in template else template
    return Formatter().vformat(template, (), {name: _text(value) for name, value in message.args})


def _text(value: Argument) -> str | int | float:
    if isinstance(value, Message):
        return translate(value)
    return plain(value) if isinstance(value, str) else value
