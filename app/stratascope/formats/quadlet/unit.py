"""Parse, write and edit systemd unit files for Quadlet.

By systemd.syntax(7). Parsing: specifiers (%h, %t …) stay as they are, since their values are not known here.

Writing: Quadlet splits, unquotes, unescapes or trims a value depending on key and version, treats some as names of
other units, and copies a mount's source into the service verbatim, with line breaks. systemd then expands specifiers
and variables. So a key only gets text that every reader reads the same way. All other text goes into PodmanArgs=,
which each version reads, and writes, as quoted words with C escapes. Each word there is an option together with its
value: an empty word would end the list, and a lone semicolon would start another command.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from stratascope.core import shell_quote
from stratascope.core.options.difference import Change, UnwritableError
from stratascope.core.options.given import GivenOption, Position
from stratascope.core.options.table import OPTIONS
from stratascope.core.sanitize import plain
from stratascope.core.shell_quote import NoNotationError
from stratascope.formats.run.read import ShellError, commands
from stratascope.value import Value

LATER = frozenset(("Memory",))  # keys that some Podman versions in use do not know
ENDINGS = (".container", ".pod", ".kube")  # unit types from which Quadlet creates containers


class Assignment(Value):
    """One KEY=VALUE line."""

    section: str
    key: str
    value: str
    place: Position


class UnitError(Exception):
    """A line that is not valid in a unit."""

    def __init__(self, line: int) -> None:
        super().__init__(str(line))
        self.line = line


def is_unit(text: str, file: str) -> bool:
    """Whether it is a Quadlet unit, by its ending or section."""
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
    """The assignments in effect: an empty one resets earlier ones of its key, in other files too."""
    last = {(entry.section, entry.key): number for number, entry in enumerate(found) if not entry.value}
    return [entry for number, entry in enumerate(found) if number > last.get((entry.section, entry.key), -1)]


def words(value: str) -> list[str]:
    """Split a value into words; a single word if its quotes do not match."""
    try:
        found = commands(value.replace("#", "\\#").replace(";", "\\;").replace("&", "\\&").replace("|", "\\|"))
    except ShellError:
        return [value]
    return [word.text for command in found for word in command]


# -- writing a section

# Not at the start: a dash, which makes a device optional, and a dot, which makes a path relative
_PLAIN = re.compile(r"[A-Za-z0-9/_\[][A-Za-z0-9/_.:,=@+*\[\]-]*").fullmatch
_BARE = re.compile(r"[A-Za-z0-9/_.:,=@+*\[\]-]+").fullmatch
_UNIT = re.compile(r"\.(artifact|build|container|image|kube|network|pod|volume)").search
# Characters without an escape that both Quadlet and systemd support: Quadlet can't express bytes, writes U+0080 as one,
# and systemd rejects lines with Unicode noncharacters (systemd.syntax(7), src/basic/utf8.c)
_NEVER = "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
_UNWRITABLE = re.compile(f"[\0\x80\ud800-\udfff\ufdd0-\ufdef{_NEVER}]").search
_SPECIAL = {"%": "%%", "$": "$$", "\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class ContainerSection:
    """Builds the lines of a [Container] section. Methods that take a text raise NoNotationError."""

    def __init__(self) -> None:
        self.lines = ["[Container]"]

    def put(self, key: str, value: str = "") -> None:
        """Add a key with a value of our own; an empty one resets earlier assignments."""
        self.lines.append(f"{key}={value}")

    def flag(self, key: str, value: bool) -> None:
        self.put(key, str(value).lower())

    def option(self, option: str, value: str) -> None:
        """Add an option by PodmanArgs=; `option`: what precedes the value, including the equals sign."""
        self.put("PodmanArgs", _word(option + value))

    def add(self, key: str, option: str, value: str) -> None:
        """Add a value to a list."""
        if is_plain(value):
            self.put(key, value)
        else:
            self.option(option, value)

    def replace_list(self, key: str, option: str, values: Iterable[str]) -> None:
        """Replace a list."""
        self.put(key)
        for value in values:
            self.add(key, option, value)

    def set(self, key: str, option: str, value: str) -> None:
        """Set a key that takes one value, where the last assignment counts."""
        if not is_plain(value):
            self.put(key)
        self.add(key, option, value)


def is_plain(text: str) -> bool:
    """Whether every key reads this text as it is."""
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
    # By code point, not by bytes: Quadlet reads \x as a character
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


# -- editing a unit: a changed option goes into its key's line, or into PodmanArgs= if it has no key

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
    """What stays of a line with several values."""
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
    """The index after the last assignment in [Container]."""
    at = last = None
    for number, line in enumerate(lines):
        if re.fullmatch(r"\[.*\]", line.strip()):
            at = line.strip() == "[Container]"
        if at and line.strip() and not line.strip().startswith(("#", ";")):
            last = number
    if last is None:
        raise UnwritableError("[Container]")
    return last + 1
