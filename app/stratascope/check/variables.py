"""`${NAME:-default}` and `.env` as Compose has them. Of the environment only what was handed in is taken."""

from __future__ import annotations

import re
from collections.abc import Mapping

_VARIABLE = re.compile(
    r"\$(?:(?P<twice>\$)|(?P<bare>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<how>:?[-?+])(?P<rest>(?:[^{}]|\$\{[^{}]*\})*))?\})"
)


_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*[=:]\s*(.*)")
_MOST, _LONGEST = 2000, 4096  # lines of a `.env`, and characters of one value
_WHOLE = 1 << 16  # characters that one text may come to: values may hold each other many times over


def dotenv(text: str) -> dict[str, str]:
    """Names and values of a `.env`; what is no assignment is left out. Values of several lines are not followed."""
    found: dict[str, str] = {}
    for line in text.split("\n")[:_MOST]:
        parts = _LINE.fullmatch(line.rstrip("\r"))
        if parts is None or line.lstrip().startswith("#"):
            continue
        value = parts[2].strip()
        if value[:1] in ("'", '"') and value.rfind(value[0]) > 0:
            mark, value = value[0], value[1 : value.rfind(value[0])]
            value = value if mark == "'" else expanded(value, found)[0]
        else:
            value = expanded(re.split(r"\s#", value, maxsplit=1)[0].rstrip(), found)[0]
        found[parts[1]] = value[:_LONGEST]
    return found


def expanded(text: str, known: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The text with defaults and what is known put in, and the names of those without a value, which stay."""
    missing: list[str] = []
    made = 0

    def put(found: re.Match[str]) -> str:
        nonlocal made
        value = one(found) if made < _WHOLE else found[0]
        made += len(value)
        return value

    def one(found: re.Match[str]) -> str:
        if found["twice"]:
            return "$"
        name = found["bare"] or found["name"]
        value, how = known.get(name), found["how"] or ""
        if how.endswith("+"):
            there = bool(value) if how.startswith(":") else value is not None
            return expanded(found["rest"], known)[0] if there else ""
        if value is not None and (value or not how.startswith(":")):
            return value
        if how.endswith("-"):
            inner, more = expanded(found["rest"], known)
            missing.extend(more)
            return inner
        missing.append(name)
        return found[0]

    return _VARIABLE.sub(put, text), tuple(dict.fromkeys(missing))
