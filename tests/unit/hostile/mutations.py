"""JSON documents with one thing in them changed into something odd, and the same for what their texts hold.

A text may be JSON itself (an engine's answer) or what a kernel wrote; both are gone into. The same seed gives the same
document, so that a number is all that it takes to see a failure again.
"""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any


class Raw:
    """JSON text that Python's encoder would not write."""

    def __init__(self, text: str) -> None:
        self.text = text


VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 7, 1.5, -0.0, 2**31, 2**32, 2**63, 2**64, -(2**63), 10**400,
    Raw("1e400"), Raw("-1e400"), Raw("NaN"), Raw("Infinity"), Raw("9" * 5000), Raw("1e-400"),
    "", " ", "\n", "\0", "\ud800", "\udcff", "0", "-1", "+1", "1_0", "٣", "1e400", "nan", "9" * 400, "9" * 5000,
    "0x10", "/", "/..", "../..", "c 1:2:3 rwm", "*:* rwm", "1:2:3", "a" * 70_000, "\u202e\x1b[2J", "{x}", "{", "%s%n",
    "true", "null", "{}", "[]", '{"a":1}', "[" * 2000, "4294967295", "18446744073709551616",
    [], {}, [None], [[]], [{}], [1, "a"], ["\ud800"], {"a": 1}, {"": ""}, {"\ud800": "\udfff"}, [[[[[[]]]]]],
    Raw("[" * 900 + "]" * 900), Raw("[" * 100_000 + "]" * 100_000), Raw('{"a":' * 900 + "1" + "}" * 900),
    Raw('{"a":1,"a":2}'),
)  # fmt: skip
# between words of a line; lines; what stands where a number stood
WORDS = (
    "", "0", "-1", "1", "+1", "1_0", "٣", "²", "max", "nan", "1e400", "inf", "9" * 30, "9" * 5000, "0x",
    "f" * 16, "f" * 400, "1:2:3", ":", "::", "*", "*:*", "a *:* rwm", "/", "..", "\\040", "\\777", "\0", "\ud800",
    "\udcff", "\u2028", "a" * 70_000, ",", "-", "=", "{", "[4026531840]", "net:[1]", "net:[x]", "4294967295",
    "2147483648", "1-0", "0-999999",
)  # fmt: skip
_TOKEN = re.compile(r"[0-9a-fA-Fx]+|[^\s]+|\s")


def dumped(value: Any) -> str:
    """As JSON text; lone surrogates stay escaped."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{dumped(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dumped, value)) + "]"
    return json.dumps(value)


def mutated(value: Any, random: Random, times: int = 1) -> str:
    """The document's text, with that many things in it changed."""
    for _ in range(times):
        value = _changed(value, random)
    return dumped(value)


def _changed(value: Any, random: Random) -> Any:
    """A copy in which something, at any depth, is another."""
    if isinstance(value, Raw) or random.random() < 0.02:
        return random.choice(VALUES)
    if isinstance(value, dict) and value:
        key = _place(value, random)
        chance = random.random()
        if chance < 0.02:
            return {name: each for name, each in value.items() if name != key}
        if chance < 0.04:
            other = random.choice(["\ud800", "", "a" * 300, "\0", key + "x", key.swapcase(), "1"])
            return {(other if name == key else name): each for name, each in value.items()}
        return {**value, key: _changed(value[key], random)}
    if isinstance(value, list) and value:
        at = _place(dict(enumerate(value)), random)
        chance = random.random()
        if chance < 0.02:
            return value[:at] + value[at + 1 :]
        if chance < 0.04:
            return [*value[:at], *[value[at]] * 3, *value[at:]]
        if chance < 0.06:
            return [*value[:at], random.choice(VALUES), *value[at:]]
        return [*value[:at], _changed(value[at], random), *value[at + 1 :]]
    if isinstance(value, str) and value and random.random() < 0.85:
        return _text(value, random)
    return random.choice(VALUES)


def _place(values: dict[Any, Any], random: Random) -> Any:
    """What is larger is taken more often, so that depths are reached."""
    return random.choices(list(values), [_size(each) ** 0.7 for each in values.values()])[0]


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return 2 + sum(map(_size, value.values()))
    if isinstance(value, list):
        return 2 + sum(map(_size, value))
    return 2 + min(len(value), 3000) // 8 if isinstance(value, str) else 2


def _text(text: str, random: Random) -> Any:
    if text[0] in "{[" and random.random() < 0.95:
        try:
            inside = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            return mutated(inside, random)
    lines = text.split("\n")
    chance = random.random()
    at = random.randrange(len(lines))
    if chance < 0.08:
        lines = lines[:at] + lines[at + 1 :]
    elif chance < 0.14:
        lines = lines[:at] + [lines[at]] * random.choice([2, 3, 2000]) + lines[at + 1 :]
    elif chance < 0.20:
        lines[at] = lines[at][: random.randrange(len(lines[at]) + 1)]
    elif chance < 0.26:
        lines[at] = random.choice(WORDS)
    else:
        tokens = _TOKEN.findall(lines[at]) or [""]
        place = random.randrange(len(tokens))
        tokens[place] = random.choice(WORDS)
        lines[at] = "".join(tokens)
    return "\n".join(lines)
