"""Units of systemd as text: sections, keys with their lines, lines that go on, words as systemd splits them.

By systemd.syntax(7). Specifiers (%h, %t …) are left as they stand: what they come to is not known here.
"""

from __future__ import annotations

from stratascope.check.reading import Place
from stratascope.check.shell_words import ShellError, commands
from stratascope.value import Value

ENDINGS = (".container", ".pod", ".kube")  # of those that Quadlet makes containers of


class Entry(Value):
    """One assignment."""

    section: str
    key: str
    value: str
    place: Place


class UnitError(Exception):
    """A line that is none of a unit."""

    def __init__(self, line: int) -> None:
        super().__init__(str(line))
        self.line = line


def is_unit(text: str, file: str) -> bool:
    """Whether it is one of Quadlet's, by its ending or its section."""
    return file.endswith(ENDINGS) or ("[Container]" in text and not file.endswith((".yml", ".yaml", ".json")))


def entries(text: str, file: str) -> list[Entry]:
    """All assignments in order. Raises UnitError."""
    found: list[Entry] = []
    section, begun, whole = "", 0, ""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        bare = line.strip()
        if (not whole and not bare) or bare.startswith(("#", ";")):
            continue
        begun = begun or number
        if bare.endswith("\\"):
            whole += bare[:-1] + " "
            continue
        whole, place, begun = (whole + bare).strip(), Place(file, begun), 0
        if whole.startswith("[") and whole.endswith("]"):
            section = whole[1:-1]
        elif "=" in whole and section:
            key, _, value = whole.partition("=")
            key, value = key.strip(), value.strip()
            found.append(Entry(section, key, value, place))
        elif whole:
            raise UnitError(place.line)
        whole = ""
    return found


def in_effect(found: list[Entry]) -> list[Entry]:
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
