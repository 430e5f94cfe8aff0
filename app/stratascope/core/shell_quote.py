r"""Words for a shell, quoted so that foreign text in them is neither a command nor an act of the terminal.

sh, dash, bash, zsh and fish read the same words. Two things that shlex writes are read otherwise somewhere: fish takes
`\\` and `\'` in single quotes for escapes, and zsh takes `=x` at the front for the path of a program. A text with what
a terminal would obey is written in the one form that all of them know: `"$(printf 'a\033b')"`. Decided against `$'…'`,
which dash and fish take for a dollar and a text that ends at the first apostrophe in it. Line breaks and tabs stay,
since scripts in commands have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from stratascope.core.notation import NoNotationError
from stratascope.core.sanitize import plain

_KEPT = str.maketrans("", "", "\n\t")
_BARE = re.compile(r"[A-Za-z0-9_@+:,./-][A-Za-z0-9_@%+=:,./-]*").fullmatch
_QUOTED = str.maketrans({"'": "'\"'\"'", "\\": "'\"\\\\\"'"})
# Of ASCII, what means itself to printf and within each kind of quotes
_FORMAT = re.compile(r"[A-Za-z0-9_@+=:,./ -]").fullmatch
_INERT = re.compile(r"[\w .,:/@%+=-]*").fullmatch


def word(text: str) -> str:
    """One word. Raises NoNotationError."""
    if _BARE(text):
        return text
    if _is_harmless(text):
        return "'" + text.translate(_QUOTED) + "'"
    return _printed(text)


def words(texts: Iterable[str]) -> str:
    """Several, with spaces between. Raises NoNotationError."""
    return " ".join(map(word, texts))


def comment(text: str) -> str:
    """A comment of one line. zsh, when something is pasted into it, takes `#` for a command, and the rest for words."""
    shown = plain(text)
    return f"# {shown}" if _INERT(shown) else "# '" + shown.replace("'", "’") + "'"


def _is_harmless(text: str) -> bool:
    kept = text.translate(_KEPT)
    return plain(kept) == kept


def _printed(text: str) -> str:
    """By printf. What it prints loses the line breaks at its end."""
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
