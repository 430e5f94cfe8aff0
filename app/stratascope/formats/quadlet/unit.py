"""Units of systemd as text: read as systemd splits them, and written so that all who read them see the same letters.

By systemd.syntax(7). Read: specifiers (%h, %t …) are left as they are, since what they come to is not known here.

Written: Quadlet splits, unquotes, unescapes or trims a value as its key has it, one version so and another so, takes
some for the names of other units, and writes a mount's source into the service as it is, line breaks too. systemd then
fills in specifiers and variables. So a key gets a text only where nobody could read it otherwise. All other text goes
by PodmanArgs=, which each version reads as quoted words with C's escapes, and writes with such. A word of it is always
an option with its value: an empty word ends the list, and a lone semicolon begins another command.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from stratascope.core import shell_quote
from stratascope.core.options.difference import Change, UnwritableError
from stratascope.core.options.table import OPTIONS
from stratascope.core.options.words import GivenOption, Position
from stratascope.core.sanitize import plain
from stratascope.core.shell_quote import NoNotationError
from stratascope.formats.run.read import ShellError, commands
from stratascope.value import Value

LATER = frozenset(("Memory",))  # keys that not all versions of Podman know that are in use
ENDINGS = (".container", ".pod", ".kube")  # of those that Quadlet makes containers of


class Assignment(Value):
    """One assignment."""

    section: str
    key: str
    value: str
    place: Position


class UnitError(Exception):
    """A line that is none of a unit."""

    def __init__(self, line: int) -> None:
        super().__init__(str(line))
        self.line = line


def is_unit(text: str, file: str) -> bool:
    """Whether it is one of Quadlet's, by its ending or its section."""
    return file.endswith(ENDINGS) or ("[Container]" in text and not file.endswith((".yml", ".yaml", ".json")))


def entries(text: str, file: str) -> list[Assignment]:
    """All assignments in order. Raises UnitError."""
    found: list[Assignment] = []
    section, begun, whole = "", 0, ""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        bare = line.strip()
        if (not whole and not bare) or bare.startswith(("#", ";")):
            continue
        begun = begun or number
        if bare.endswith("\\"):
            whole += bare[:-1] + " "
            continue
        whole, place, begun = (whole + bare).strip(), Position(file, begun), 0
        if whole.startswith("[") and whole.endswith("]"):
            section = whole[1:-1]
        elif "=" in whole and section:
            key, _, value = whole.partition("=")
            key, value = key.strip(), value.strip()
            found.append(Assignment(section, key, value, place))
        elif whole:
            raise UnitError(place.line)
        whole = ""
    return found


def in_effect(found: list[Assignment]) -> list[Assignment]:
    """Those that count: an empty one takes back what its key had before, in other files too."""
    last = {(entry.section, entry.key): number for number, entry in enumerate(found) if not entry.value}
    return [entry for number, entry in enumerate(found) if number > last.get((entry.section, entry.key), -1)]


def words(value: str) -> list[str]:
    """A value as words; one word where its quotes do not fit."""
    try:
        found = commands(value.replace("#", "\\#").replace(";", "\\;").replace("&", "\\&").replace("|", "\\|"))
    except ShellError:
        return [value]
    return [word.text for command in found for word in command]


# -- a section written

# Not at the front: a dash, which makes a device optional, and a point, which makes a path relative
_PLAIN = re.compile(r"[A-Za-z0-9/_\[][A-Za-z0-9/_.:,=@+*\[\]-]*").fullmatch
_BARE = re.compile(r"[A-Za-z0-9/_.:,=@+*\[\]-]+").fullmatch
_UNIT = re.compile(r"\.(artifact|build|container|image|kube|network|pod|volume)").search
# What has no escape that Quadlet and systemd both know: Quadlet has no bytes, writes U+0080 as one, and systemd takes
# no line with a character that Unicode will never have (systemd.syntax(7), src/basic/utf8.c)
_NEVER = "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
_UNWRITABLE = re.compile(f"[\0\x80\ud800-\udfff\ufdd0-\ufdef{_NEVER}]").search
_SPECIAL = {"%": "%%", "$": "$$", "\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class ContainerSection:
    """The lines so far. All that takes a text raises NoNotationError."""

    def __init__(self) -> None:
        self.lines = ["[Container]"]

    def put(self, key: str, value: str = "") -> None:
        """A value of our own; an empty one takes back what was said before."""
        self.lines.append(f"{key}={value}")

    def flag(self, key: str, value: bool) -> None:
        self.put(key, str(value).lower())

    def option(self, option: str, value: str) -> None:
        """By PodmanArgs=; `option` is what precedes the value, its equals sign too."""
        self.put("PodmanArgs", _word(option + value))

    def add(self, key: str, option: str, value: str) -> None:
        """One more of a list."""
        if is_plain(value):
            self.put(key, value)
        else:
            self.option(option, value)

    def anew(self, key: str, option: str, values: Iterable[str]) -> None:
        """A list that begins anew."""
        self.put(key)
        for value in values:
            self.add(key, option, value)

    def once(self, key: str, option: str, value: str) -> None:
        """What is said once, and the last time counts."""
        if not is_plain(value):
            self.put(key)
        self.add(key, option, value)


def is_plain(text: str) -> bool:
    """Whether each key that takes a text takes this one as it is."""
    return bool(_PLAIN(text)) and not _UNIT(text)


def _word(text: str) -> str:
    if (found := _UNWRITABLE(text)) is not None:
        raise NoNotationError("systemd", found[0], text)
    return text if _BARE(text) else '"' + "".join(map(_letter, text)) + '"'


def _letter(letter: str) -> str:
    if letter in _SPECIAL:
        return _SPECIAL[letter]
    if plain(letter) == letter:
        return letter
    code = ord(letter)
    # By its number, not by its bytes: Quadlet takes \x for a character
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


# -- changed options written into a Quadlet unit: a key's own line where it has one, PodmanArgs where it has none

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
