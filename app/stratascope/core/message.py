"""Text for people, as an id with arguments.

The id is the English sentence with `{name}` fields, as in gettext. Layers, engines and use cases make messages; only
`cli`, `presentation`, `export` and `ui` render them (`i18n`). Decided against ready-made strings: a report saved in
English must still be readable in Japanese.
"""

from __future__ import annotations

from functools import lru_cache

from stratascope.value import Value


class Message(Value):
    """`id` (and `many` where `count` picks the plural form) with named arguments.

    A `str` argument is foreign text (a container's name, an engine's error): `core.sanitize.plain` makes it harmless
    when the message is rendered. A `Message` argument is translated first.
    """

    id: str
    args: tuple[tuple[str, Argument], ...] = ()
    many: str = ""
    count: int | None = None


Argument = str | int | float | Message
NOTHING = Message("")  # no text; `msg("")` would be extracted for translation


class MessageError(Exception):
    """Something failed. `message`: why, or what to do; `words`: the error text of the failing program."""

    def __init__(self, message: Message, words: str = "") -> None:
        super().__init__(words or message.id)
        self.message = message
        self.words = words


def msg(text: str, /, **args: Argument) -> Message:
    """A message without plural forms; `text` must be a literal, since it is extracted for translation."""
    return Message(text, tuple(args.items())) if args else _fixed(text)


@lru_cache(maxsize=2048)
def _fixed(text: str) -> Message:
    return Message(text)


def plural(one: str, many: str, /, count: int, **args: Argument) -> Message:
    """A message that depends on a number; both forms may contain `{count}`."""
    return Message(one, (("count", count), *args.items()), many, count)


def verbatim(text: Argument, /) -> Message:
    """What is the same in every language: a name, a number, a path."""
    return msg("{text}", text=text)


def colon(label: Argument, text: Argument, /) -> Message:
    """`label: text`. This and what follows join texts as each language does it."""
    return msg("{label}: {text}", label=label, text=text)


def bracketed(text: Argument, more: Argument, /) -> Message:
    """`text (more)`."""
    return msg("{text} ({more})", text=text, more=more)


def comma(first: Argument, rest: Argument, /) -> Message:
    """`first, rest`."""
    return msg("{first}, {rest}", first=first, rest=rest)


def followed(first: Argument, rest: Argument, /) -> Message:
    """A sentence, and another one: `First. Rest.`"""
    return msg("{first} {rest}", first=first, rest=rest)


def became(before: Argument, after: Argument, /) -> Message:
    """`before → after`."""
    return msg("{before} → {after}", before=before, after=after)


def age(seconds: float) -> Message:
    """A duration in its largest unit: "3 days"."""
    whole = max(0, int(seconds))
    if whole < 60:
        return plural("{count} second", "{count} seconds", whole)
    if whole < 3600:
        return plural("{count} minute", "{count} minutes", whole // 60)
    if whole < 86400:
        return plural("{count} hour", "{count} hours", whole // 3600)
    return plural("{count} day", "{count} days", whole // 86400)
