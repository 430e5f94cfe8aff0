"""A text that can't be written: a shell, YAML or a unit has nothing that stands for one of its characters."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain

_SHOWN = 60  # characters of the text


class NoNotationError(ValueError):
    """`language` can't hold `character`, which is in `text`."""

    def __init__(self, language: str, character: str, text: str) -> None:
        super().__init__(f"{language}: {plain(character)}")
        self._language, self._character, self._text = language, character, text

    @property
    def message(self) -> Message:
        """Why, as a sentence."""
        return msg(
            "{language} can't express the character {character} in {text}.",
            language=self._language,
            character=self._character,
            text=plain(self._text, _SHOWN),
        )
