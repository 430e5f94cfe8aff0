r"""Words for a shell, quoted so that foreign text can be neither a command nor a terminal escape.

sh, dash, bash, zsh and fish read them the same way. shlex writes two things that they do not: fish interprets `\\` and
`\'` in single quotes, and zsh expands a leading `=x` to the path of a program. Text with characters that a terminal
would act on is written in the one form that all of them support: `"$(printf 'a\033b')"`. Decided against `$'…'`: dash
and fish read a dollar and a string that ends at its first apostrophe. Line breaks and tabs stay, since scripts in
commands contain them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain

_KEPT = str.maketrans("", "", "\n\t")
_BARE = re.compile(r"[A-Za-z0-9_@+:,./-][A-Za-z0-9_@%+=:,./-]*").fullmatch
_QUOTED = str.maketrans({"'": "'\"'\"'", "\\": "'\"\\\\\"'"})
# ASCII characters that are literal for printf and in each kind of quotes
_FORMAT = re.compile(r"[A-Za-z0-9_@+=:,./ -]").fullmatch
_INERT = re.compile(r"[\w .,:/@%+=-]*").fullmatch


def word(text: str) -> str:
    """Quote one word. Raises NoNotationError."""
    if _BARE(text):
        return text
    if _is_harmless(text):
        return "'" + text.translate(_QUOTED) + "'"
    return _printed(text)


def words(texts: Iterable[str]) -> str:
    """Quote several words, separated by spaces. Raises NoNotationError."""
    return " ".join(map(word, texts))


def comment(text: str) -> str:
    """A comment on one line. Pasted into an interactive zsh, `#` is a command and the rest are its words, so those are
    quoted.
    """
    shown = plain(text)
    return f"# {shown}" if _INERT(shown) else "# '" + shown.replace("'", "’") + "'"


def _is_harmless(text: str) -> bool:
    kept = text.translate(_KEPT)
    return plain(kept) == kept


def _printed(text: str) -> str:
    """Write it by printf. Command substitution strips trailing newlines, so those follow in single quotes."""
    printed = text.rstrip("\n")
    form = "".join(letter if _FORMAT(letter) else _escaped(letter, text) for letter in printed)
    if form.startswith("-"):
        form = _escaped("-", text) + form[1:]
    ends = text[len(printed) :]
    return f"\"$(printf '{form}')\"" + (f"'{ends}'" if ends else "")


def _escaped(character: str, text: str) -> str:
    if character == "%":
        return "%%"
    if not character.isascii() and _is_harmless(character):
        return character
    try:
        found = character.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise NoNotationError("sh", character, text) from error
    if found == b"\0":
        raise NoNotationError("sh", character, text)
    return "".join(f"\\{byte:03o}" for byte in found)


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
