"""The themes in words, for menu and settings."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.i18n.translate import translate
from stratascope.ui.widgets.theme import Mode


def mode_word(mode: Mode) -> str:
    """A theme in words."""
    words: dict[Mode, Message] = {
        Mode.AUTO: msg("As the desktop"),
        Mode.LIGHT: msg("Light"),
        Mode.DARK: msg("Dark"),
    }
    return translate(words[mode])
