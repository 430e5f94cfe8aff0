"""The error for text that shell, YAML or a unit file has no way to write."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain

_SHOWN = 60  # characters of the text that are shown


class NoNotationError(ValueError):
    """`text` contains `character`, which `language` can't express."""

    def __init__(self, language: str, character: str, text: str) -> None:
        super().__init__(f"{language}: {plain(character)}")
        self._language, self._character, self._text = language, character, text

    @property
    def message(self) -> Message:
        """The reason, as a sentence."""
        return msg(
            "{language} can't express the character {character} in {text}.",
            language=self._language,
            character=self._character,
            text=plain(self._text, _SHOWN),
        )
