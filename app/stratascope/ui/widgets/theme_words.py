"""The themes in words, for menu and settings."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.i18n.translate import translate
from stratascope.ui.widgets.theme import ThemeMode


def mode_word(mode: ThemeMode) -> str:
    """A theme in words."""
    words: dict[ThemeMode, Message] = {
        ThemeMode.AUTO: msg("Same as the desktop"),
        ThemeMode.LIGHT: msg("Light"),
        ThemeMode.DARK: msg("Dark"),
    }
    return translate(words[mode])
