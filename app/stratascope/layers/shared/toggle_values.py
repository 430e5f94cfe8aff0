"""Helpers shared by the toggles of all layers: normalize values, and build proofs.

A value comes from a person or a script, so anything invalid is a ToggleError that says what to give instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from stratascope.core.container import EngineKind
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import MORE, Preset, Proof, Proven, Subject, ToggleError

# Special values of a toggle: what was observed of the container decides
LEARNED, ORDINARY, TIGHT = "learned", "ordinary", "tight"
UNLIMITED = "unlimited"  # removes a limit
NOT_READ = msg("It could not be read")
LATER_PRESETS = (Preset.RESTRICTED, Preset.STRICT)
_SIZE = re.compile(r"([0-9]{1,18})([bkmgt]?)(?:i?b)?", re.ASCII).fullmatch
_UNITS = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_MOST_WORDS = 32  # per value
_MOST = 1 << 62  # bytes; far below the maximum of a signed 64-bit number


def only(word: str, *more: str) -> Callable[[str, Subject], str]:
    """The check of a toggle that accepts one value, or one of a few."""

    def check(value: str, subject: Subject) -> str:
        found = value.strip().lower()
        if found not in (word, *more):
            words = "|".join((word, *more))
            raise ToggleError(msg("This change accepts only the value {word}, not {value}.", word=words, value=value))
        return found

    return check


def whole_number(value: str, least: int, most: int) -> int:
    """An integer within these bounds. Raises ToggleError."""
    text = value.strip()
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19) or not least <= int(text) <= most:
        raise ToggleError(
            msg("Give a whole number from {least} to {most}, not {value}.", least=least, most=most, value=value)
        )
    return int(text)


def size_of(value: str, least: int) -> int:
    """Bytes from `536870912`, `512m`, `1GiB`. Raises ToggleError."""
    found = _SIZE(value.strip().lower())
    if found is None:
        raise ToggleError(msg("Give a size such as 512m or 1g, not {value}.", value=value))
    size = int(found[1]) << _UNITS[found[2]]
    if not least <= size <= _MOST:
        raise ToggleError(
            msg("A limit of {value} is out of range: the engines accept no less than {least} bytes.",
                value=value, least=least)
        )  # fmt: skip
    return size


def more_of(value: str, subject: Subject, check: Callable[[str, Subject], str]) -> str:
    """Normalize `+A,B`, checking each item; "" if the value is no such list. Raises ToggleError."""
    if not value.strip().startswith(MORE):
        return ""
    words = [word.strip() for word in value.strip()[1:].split(",") if word.strip()]
    if not words or len(words) > _MOST_WORDS:
        raise ToggleError(msg("Give up to {most} of them, separated by commas.", most=_MOST_WORDS))
    return MORE + ",".join(dict.fromkeys(check(word, subject) for word in words))


def listed(value: str) -> tuple[str, ...]:
    """The items in a value `+A,B`."""
    return tuple(value.removeprefix(MORE).split(","))


def no_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    """The risks of a toggle without known ones: none."""
    return ()


def in_no_preset(preset: Preset, subject: Subject) -> str | None:
    """The preset value of a toggle that only a person can choose: none."""
    return None


def no_pieces(subject: Subject) -> tuple[str, ...]:
    """The pieces of a toggle that is in no plan by itself: none."""
    return ()


def proof_of(answer: bool | None, expected: Message, yes: Message, no: Message, source: str) -> Proof:
    """The proof for a question that the facts answer with yes, no or not at all."""
    if answer is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, source)
    return Proof(Proven.ENFORCED if answer else Proven.NOT_ENFORCED, expected, yes if answer else no, source)


def is_docker(subject: Subject) -> bool:
    return subject.engine.kind is EngineKind.DOCKER
