"""Changed options written into a Quadlet unit: a key's own line where it has one, PodmanArgs where it has none."""

from __future__ import annotations

import re

from stratascope.core import shell_quote
from stratascope.core.options.difference import Change, UnwritableError
from stratascope.core.options.given import GivenOption
from stratascope.core.options.table import OPTIONS
from stratascope.formats.quadlet.unit import LATER, words

_KEYS = {option.name: option.quadlet for option in OPTIONS if option.quadlet and option.quadlet not in LATER}


def rewritten(text: str, change: Change) -> str:
    """The text with one change. Raises UnwritableError."""
    lines = text.split("\n")
    if change.old is not None:
        at = change.old.place.line - 1
        if at >= len(lines) or lines[at].rstrip().endswith("\\") or "=" not in lines[at]:
            raise UnwritableError(change.old.name)
        key, _, value = lines[at].partition("=")
        kept = _kept(key.strip(), value.strip(), change.old)
        new = _line(change) if change.name else ""
        lines[at : at + 1] = [line for line in (f"{key}={kept}" if kept else "", new) if line]
        return "\n".join(lines)
    at = _end_of_section(lines)
    lines.insert(at, _line(change))
    return "\n".join(lines)


def _line(change: Change) -> str:
    if (change.name, change.value) == ("security-opt", "no-new-privileges"):
        return "NoNewPrivileges=true"
    key = _KEYS.get(change.name)
    if key:
        return f"{key}={change.value}"
    return f"PodmanArgs=--{change.name}={shell_quote.word(change.value)}"


def _kept(key: str, value: str, old: GivenOption) -> str:
    """What stays of a line with several words."""
    if key in ("AddCapability", "DropCapability", "Sysctl"):
        return " ".join(word for word in words(value) if word != old.value)
    if key != "PodmanArgs":
        return ""
    found, left = words(value), []
    while found:
        word = found.pop(0)
        name, equals, rest = word.lstrip("-").partition("=")
        if name != old.name:
            left.append(word)
            continue
        if not equals and old.value is not None and found and found[0] == old.value:
            found.pop(0)
        elif equals and rest != old.value:
            left.append(word)
    return " ".join(shell_quote.word(word) for word in left)


def _end_of_section(lines: list[str]) -> int:
    """Behind the last assignment of [Container]."""
    at = last = None
    for number, line in enumerate(lines):
        if re.fullmatch(r"\[.*\]", line.strip()):
            at = line.strip() == "[Container]"
        if at and line.strip() and not line.strip().startswith(("#", ";")):
            last = number
    if last is None:
        raise UnwritableError("[Container]")
    return last + 1
