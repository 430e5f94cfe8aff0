"""What is said of single lines of the text: what could not be read, what is found; the worst of each line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from stratascope.core.layer import Finding
from stratascope.core.message import msg
from stratascope.core.options.words import Problem
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.threat import Outcome
from stratascope.formats.text import Language, Read
from stratascope.i18n.translate import translate
from stratascope.ui.kit.marks import Mark
from stratascope.value import Value, replace

OPEN, WEAK = "open_soft", "weak_soft"
MARKS = {OPEN: (Mark.OPEN, "open"), WEAK: (Mark.WEAKENED, "weak"), "": (Mark.WEAKENED, "weak")}
_FIRST = re.compile(r"[:.,;] |[：。、]")
_GROUND = {Severity.CRITICAL: OPEN, Severity.HIGH: OPEN, Severity.MEDIUM: WEAK}


class LineNote(Value):
    """`line` from 1; 0: of the text as a whole. `token`: its ground, empty for none. `layer`: a number, 0 for none.
    `unread`: it is a problem of reading, not a finding. `service`: the container that it is found of. `short`: what it
    opens, in a few words; empty where that is not told.
    """

    line: int
    text: str
    token: str = ""
    layer: int = 0
    unread: bool = False
    service: str = ""
    short: str = ""

    @property
    def whole(self) -> str:
        """With where it stands."""
        where = translate(msg("line {line}", line=self.line)) if self.line else ""
        layer = translate(msg("layer {number}", number=self.layer)) if self.layer else ""
        return "  ".join(each for each in (where, layer, self.text) if each)


def notes(read: Read, problems: Sequence[Problem], states: Sequence[ContainerState]) -> tuple[LineNote, ...]:
    """By line, the worst of each first.

    What is merely missing is told where its service begins: that line has no ground for it, unless it is serious. Of a
    run command nobody knows what is missing and what stands in that line.
    """
    begins = set[int]() if read.language is Language.RUN else {each.place.line for each in read.services}
    found = [LineNote(each.place.line, plain(translate(each.text), 300), WEAK, unread=True) for each in problems]
    for state in states:
        numbers = {layer.id: layer.number for layer in state.layers}
        for finding in state.findings:
            if line := line_of(finding.source):
                text, token = plain(translate(finding.text), 300), _GROUND.get(finding.severity, "")
                layer, opened = numbers.get(finding.layer, 0), _opened(finding, state) if token else ""
                found.append(LineNote(line, text, token, layer, service=state.container.id, short=opened))
    placed = (
        replace(each, token="") if each.token == WEAK and each.line in begins else each for each in dict.fromkeys(found)
    )
    return tuple(sorted(placed, key=lambda each: (each.line, (OPEN, WEAK, "").index(each.token), each.unread)))


def _opened(finding: Finding, state: ContainerState) -> str:
    """The worst of what is open by it, and how many there are of that kind."""
    matrix = state.matrix
    there = () if matrix is None else [each for each in matrix.threats if each.threat.id in finding.behind]
    opened = sorted(
        (each.threat for each in there if each.outcome is Outcome.OPEN), key=lambda each: each.severity.rank
    )
    if not opened:
        return ""
    title, count = opened[0].title, sum(each.severity is opened[0].severity for each in opened)
    match opened[0].severity:
        case Severity.CRITICAL:
            return translate(msg("{title}: {count} critical", title=title, count=count))
        case Severity.HIGH:
            return translate(msg("{title}: {count} serious", title=title, count=count))
        case Severity.MEDIUM:
            return translate(msg("{title}: {count} medium", title=title, count=count))
    return ""


def brief_of(sentence: str) -> str:
    """What it says first, without what follows from that."""
    return _FIRST.split(sentence, maxsplit=1)[0]


def by_line(found: Iterable[LineNote]) -> dict[int, tuple[LineNote, ...]]:
    """Of each line all that is said of it, the worst first; nothing of the text as a whole."""
    lines: dict[int, tuple[LineNote, ...]] = {}
    for each in found:
        if each.line:
            lines[each.line] = (*lines.get(each.line, ()), each)
    return lines


def line_of(source: str) -> int:
    """`FILE:LINE`; 0 where it has none."""
    number = source.rpartition(":")[2]
    return int(number) if number.isascii() and number.isdigit() else 0
