"""The filter as typed: words, some with a key before a colon. Pure.

    worker cap:net_admin port:8080 label:tier=front image:"my image"

All of them have to match. A quoted text is one word, and a word without a key matches part of a name. A word that can't
be understood reports why, and the query matches nothing: a filter that silently ignored a word would show containers
that nobody asked for.
"""

from __future__ import annotations

import re
from enum import StrEnum

from stratascope.core.message import Message, msg
from stratascope.linux.capability import NAMES
from stratascope.value import Value

TEXT_MAX, TERMS_MAX = 1000, 20  # characters and words; the rest is ignored
_WORD = re.compile(r'(?:[^\s"]|"[^"]*"?)+').finditer
_KEY = re.compile(r"([A-Za-z]+):(.*)", re.DOTALL).fullmatch
_PORT = re.compile(r"([0-9]{1,5})(/[a-z]*)?").fullmatch
_PREFIX = "cap_"


class Key(StrEnum):
    """What a word is compared with; the prefix before the colon, as typed."""

    NAME = "name"
    CAP = "cap"
    USER = "user"
    PROJECT = "project"
    PORT = "port"
    IMAGE = "image"
    LABEL = "label"
    ENGINE = "engine"


class Term(Value):
    """One word: `key` None is free text, in lower case. `numbers`: the capabilities or the port that it means."""

    key: Key | None
    text: str
    numbers: tuple[int, ...] = ()


class Query(Value):
    """All words; `trouble`: why one of them can't be searched for."""

    terms: tuple[Term, ...] = ()
    trouble: Message | None = None

    @property
    def empty(self) -> bool:
        """Whether everything is listed."""
        return not self.terms and self.trouble is None


def parse(text: str) -> Query:
    """Never raises. A key without a value is still being typed, and is ignored."""
    terms: list[Term] = []
    for found in list(_WORD(text[:TEXT_MAX]))[:TERMS_MAX]:
        try:
            term = _term(found.group())
        except ValueError as error:
            return Query(tuple(terms), error.args[0])
        if term is not None:
            terms.append(term)
    return Query(tuple(terms))


def capabilities(text: str) -> tuple[int, ...]:
    """The numbers that a name, part of a name or a number means; empty if there is none."""
    name = text.casefold()
    if name.isascii() and name.isdecimal() and len(name) <= 2:
        return (int(name),) if int(name) < len(NAMES) else ()
    short = name.removeprefix(_PREFIX)
    exact = tuple(number for number in range(len(NAMES)) if short == short_name(number))
    return exact or tuple(number for number, known in enumerate(NAMES) if name in known.casefold())


def short_name(number: int) -> str:
    """`sys_admin` for 21."""
    return NAMES[number].casefold().removeprefix(_PREFIX)


def _term(word: str) -> Term | None:
    """Raises ValueError with a Message."""
    if word.startswith('"'):
        text = word.replace('"', "")
        return Term(None, text.casefold()) if text.strip() else None
    keyed = _KEY(word)
    if keyed is None:
        return Term(None, word.replace('"', "").casefold())
    name, text = keyed[1].casefold(), keyed[2].replace('"', "").casefold()
    if name not in set(Key):
        known = " ".join(f"{key}:" for key in Key)
        raise ValueError(
            msg('"{word}:" is not a filter. Available: {known}. Put a text with a colon in quotes.',
                word=keyed[1], known=known)
        )  # fmt: skip
    if not text.strip():
        return None
    key = Key(name)
    if key is Key.CAP:
        numbers = capabilities(text)
        if not numbers:
            raise ValueError(msg('There is no capability "{word}".', word=text))
        return Term(key, text, numbers)
    if key is Key.PORT:
        port = _PORT(text)
        if port is None or not 0 < int(port[1]) < 65536:
            raise ValueError(msg('"{word}" is not a port. Give a number from 1 to 65535, optionally with /udp or /tcp.',
                                 word=text))  # fmt: skip
        return Term(key, (port[2] or "").removeprefix("/"), (int(port[1]),))
    return Term(key, text)
