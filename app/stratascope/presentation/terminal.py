"""Formats text for terminals: colours, marks, and widths in terminal cells, so that Japanese names line up too."""

from __future__ import annotations

import re
import textwrap

from stratascope.core.layer import Assessment, Verdict
from stratascope.core.severity import Severity
from stratascope.core.threats.threat import Basis
from stratascope.value import Value

WIDTH = 100  # cells of a line where no terminal says otherwise, and the most of running text
_PARAGRAPH_MOST = 8000  # characters; breaking a word takes time quadratic in its length
_MARKS = {Verdict.ENFORCED: "■", Verdict.WEAKENED: "◪", Verdict.OPEN: "○", Verdict.UNKNOWN: "?"}
_PLAIN_MARKS = {Verdict.ENFORCED: "#", Verdict.WEAKENED: "/", Verdict.OPEN: "o", Verdict.UNKNOWN: "?"}
_MARKS_AS_ASKED = {Verdict.ENFORCED: "□", Verdict.WEAKENED: "◫", Verdict.OPEN: "◌", Verdict.UNKNOWN: "?"}
VERDICT_STYLE = {Verdict.ENFORCED: "32", Verdict.WEAKENED: "33", Verdict.OPEN: "31", Verdict.UNKNOWN: "2"}
# by the exposure's level
LEVEL_STYLE = {"critical": "1;31", "high": "31", "medium": "33", "low": "32", "none": "32"}
SEVERITY_STYLE = {Severity.CRITICAL: "1;31", Severity.HIGH: "31", Severity.MEDIUM: "33", Severity.LOW: "2"}
_HEAD = re.compile(r" *(?:[-!?x|$#] )?")  # before the first word of a line: blanks, and a mark
_OPENING = "（「『【〔《〈［｛"
_CLOSING = "、。，．・：；？！）」』】〕》〉］｝…‥〜ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ々ゝゞヽヾ"
_UNIT = re.compile(rf"[{_OPENING}]*(?:[!-~]+|\s+|\S)[{_CLOSING}]*")


class Style(Value):
    """How to print: ANSI colours or not, all of Unicode or ASCII marks only, every decoded fact or the summary, and the
    width of a line in cells.
    """

    colour: bool = False
    unicode: bool = True
    details: bool = False
    width: int = WIDTH

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text

    def mark(self, known: Assessment) -> str:
        """The coloured mark of a verdict; a word next to it says the same."""
        return self.paint(self.bare_mark(known.verdict, asked=known.basis is Basis.ASKED), VERDICT_STYLE[known.verdict])

    def bare_mark(self, verdict: Verdict, *, asked: bool = False) -> str:
        """The mark without colour. `asked`: only the engine states it."""
        if not self.unicode:
            return _PLAIN_MARKS[verdict]
        return (_MARKS_AS_ASKED if asked else _MARKS)[verdict]


def wrap(text: str, indent: str, style: Style, code: str = "") -> list[str]:
    width = max(20, min(style.width, WIDTH) - len(indent))
    if len(text) > _PARAGRAPH_MOST:
        text = text[:_PARAGRAPH_MOST] + " …"
    narrow = width_of(text) <= len(text)
    lines = _broken(text, width) if narrow else _wide(text, width)
    lines = lines or [""]
    return [indent + (style.paint(line, code) if code else line) for line in lines]


def hang(line: str, width: int) -> list[str]:
    """Break a line at words; what follows goes on below its first word. A word is left whole: it may be a path, or a
    command to be copied.
    """
    if width_of(line) <= width:
        return [line]
    head = _HEAD.match(line).group()  # type: ignore[union-attr]  # it also matches nothing
    text, room = line[len(head) :], max(20, width - len(head))
    lines = _broken(text, room, whole=True) if width_of(text) <= len(text) else _wide(text, room)
    return [(head if number == 0 else " " * len(head)) + each for number, each in enumerate(lines)]


def _wide(text: str, width: int) -> list[str]:
    """Wrap text without spaces between words: lines break before any wide letter, but no line begins with closing
    punctuation or ends with an opening bracket (kinsoku, JIS X 4051)."""
    lines, line = [], ""
    for unit in _UNIT.findall(text):
        if line and width_of(line) + width_of(unit.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += unit if line else unit.lstrip()
        while width_of(line.rstrip()) > width:
            first, *_ = _broken(line, width)
            lines.append(first)
            line = line[len(first) :].lstrip()
    return [*lines, line.rstrip()] if line.strip() else lines


# wcwidth is two dozen modules, which most text does not need: it is imported only to look up a letter's width


def _broken(text: str, width: int, *, whole: bool = False) -> list[str]:
    if text.isascii() and text.isprintable():
        lines = textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=not whole)
        return [line.rstrip() for line in lines]
    import wcwidth

    return wcwidth.wrap(text, width, break_on_hyphens=False, break_long_words=not whole)


def _first(text: str, width: int) -> str:
    import wcwidth

    return wcwidth.clip(text, 0, width)


def width_of(text: str) -> int:
    if text.isascii() and text.isprintable():
        return len(text)
    import wcwidth

    return max(0, wcwidth.width(text))


def pad(text: str, width: int) -> str:
    return text + " " * max(0, width - width_of(text))


def clip(text: str, width: int) -> str:
    return text if width_of(text) <= width else _first(text, max(0, width - 1)) + "…"


def cut_middle(text: str, width: int) -> str:
    """Shorten a path in the middle, since its end identifies the file."""
    if width_of(text) <= width:
        return text
    tail = width * 2 // 3
    return _first(text, width - tail - 1) + "…" + text[-tail:]
