"""What is said of single lines of the text: what could not be read, what is found; the worst of each line."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.check.reading import Problem
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.value import Value

_GROUND = {Severity.CRITICAL: "open_soft", Severity.HIGH: "open_soft", Severity.MEDIUM: "weak_soft"}


class LineNote(Value):
    """`line` from 1; 0: of the text as a whole. `token`: its ground, empty for none. `layer`: a number, 0 for none."""

    line: int
    text: str
    token: str = ""
    layer: int = 0


def notes(problems: Sequence[Problem], state: ContainerState | None) -> tuple[LineNote, ...]:
    """By line; what could not be read stands first within one."""
    found = [LineNote(each.place.line, plain(translate(each.text), 300), "weak_soft") for each in problems]
    if state is not None:
        numbers = {layer.id: layer.number for layer in state.layers}
        for finding in state.findings:
            line = _line(finding.source)
            if line:
                text, token = plain(translate(finding.text), 300), _GROUND.get(finding.severity, "")
                found.append(LineNote(line, text, token, numbers.get(finding.layer, 0)))
    return tuple(sorted(dict.fromkeys(found), key=lambda each: each.line))


def marked(found: Sequence[LineNote]) -> dict[int, str]:
    """The lines that get a ground: what is worst counts."""
    lines: dict[int, str] = {}
    for each in found:
        if each.line and each.token and lines.get(each.line) != "open_soft":
            lines[each.line] = each.token
    return lines


def _line(source: str) -> int:
    """`FILE:LINE`."""
    number = source.rpartition(":")[2]
    return int(number) if number.isascii() and number.isdigit() else 0
