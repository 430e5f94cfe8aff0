"""The text that asks for containers: typed, pasted or dropped, with syntax colours and notes on its lines.

A line that matters says why at its right end. The note never covers the text, and is not cut: if there is no room even
for a shorter one, only the mark and the layer's number remain, in margins of their own. The full note is in the
tooltip, is announced to screen readers when the cursor enters the line, and is shown in the bar below the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QHelpEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QSyntaxHighlighter,
    QTextBlock,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QToolTip, QWidget

from stratascope.core.layer import Finding
from stratascope.core.message import msg, plural
from stratascope.core.options.given import Problem
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.threat import Outcome
from stratascope.formats.text import Language, Read
from stratascope.i18n.translate import translate
from stratascope.ui.before.notes_list import NotesList
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.labels import Label, give_tip, tip
from stratascope.ui.kit.marks import Mark, MarkBox, paint_mark, paint_number
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.value import Value, replace

OPEN, WEAK = "open_soft", "weak_soft"
MARKS = {OPEN: (Mark.OPEN, "open"), WEAK: (Mark.WEAKENED, "weak"), "": (Mark.WEAKENED, "weak")}
_FIRST = re.compile(r"[:.,;] |[：。]")
_GROUND = {Severity.CRITICAL: OPEN, Severity.HIGH: OPEN, Severity.MEDIUM: WEAK}


class LineNote(Value):
    """A note on a line.

    `line` from 1; 0: the text as a whole. `token`: the line's background colour, empty for none. `layer`: a number, 0
    for none. `unread`: a problem of reading, not a finding. `service`: the container that it was found in. `short`:
    what it opens, in a few words; may be empty.
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
        """The note with its position."""
        where = translate(msg("line {line}", line=self.line)) if self.line else ""
        layer = translate(msg("layer {number}", number=self.layer)) if self.layer else ""
        return "  ".join(each for each in (where, layer, self.text) if each)


def notes(read: Read, problems: Sequence[Problem], states: Sequence[ContainerState]) -> tuple[LineNote, ...]:
    """Return the notes ordered by line, the worst of each first.

    What is merely missing is noted where its service begins: that line gets no background unless it is serious. For a
    run command the two cannot be told apart, since everything is on one line.
    """
    begins = set[int]() if read.language is Language.RUN else {each.place.line for each in read.services}
    found = [
        LineNote(each.place.line, plain(translate(each.text), 300), WEAK, unread=not each.added) for each in problems
    ]
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
    """Return the worst threat that the finding leaves open, or may, and how many there are of that severity."""
    matrix = state.matrix
    there = () if matrix is None else [each for each in matrix.threats if each.threat.id in finding.behind]
    opened = sorted(
        (each.threat for each in there if each.outcome is not Outcome.STOPPED), key=lambda each: each.severity.rank
    )
    if not opened:
        return ""
    title, count = opened[0].title, sum(each.severity is opened[0].severity for each in opened)
    match opened[0].severity:
        case Severity.LOW:
            return ""
        case _ if count == 1:
            return translate(title)
        case Severity.CRITICAL:
            return translate(msg("{title}, and {count} more critical", title=title, count=count - 1))
        case Severity.HIGH:
            return translate(msg("{title}, and {count} more serious", title=title, count=count - 1))
    return translate(msg("{title}, and {count} more medium", title=title, count=count - 1))


def brief_of(sentence: str) -> str:
    """Return the first clause of a sentence, without its consequences."""
    return _FIRST.split(sentence, maxsplit=1)[0]


def by_line(found: Iterable[LineNote]) -> dict[int, tuple[LineNote, ...]]:
    """Group the notes by line, the worst first, without those on the text as a whole."""
    lines: dict[int, tuple[LineNote, ...]] = {}
    for each in found:
        if each.line:
            lines[each.line] = (*lines.get(each.line, ()), each)
    return lines


def line_of(source: str) -> int:
    """Return the line number of `FILE:LINE`; 0 if there is none."""
    number = source.rpartition(":")[2]
    return int(number) if number.isascii() and number.isdigit() else 0


COLOURED = 400  # characters of a line that are coloured
_PARTS = (
    ("accent", re.compile(r"^\s*(?:- )*([\w./-]+):(?=\s|$)")),  # a key of YAML
    ("accent", re.compile(r"^(\[\w+\]|[A-Z]\w*(?==))")),  # a section or key of a unit
    ("accent", re.compile(r"(?:^|\s)(--?[A-Za-z][\w-]*)")),  # an option of a command
    ("text2", re.compile(r"(?:^|\s)([#].*)$")),
)


class Colours(QSyntaxHighlighter):
    """Syntax colours, following the theme."""

    def __init__(self, document: QTextDocument, theme: Theme) -> None:
        super().__init__(document)
        self._theme = theme
        theme.changed.connect(self.rehighlight)

    def highlightBlock(self, text: str) -> None:
        for token, pattern in _PARTS:
            shape = QTextCharFormat()
            shape.setForeground(self._theme.color(token))
            for found in pattern.finditer(text[:COLOURED]):
                self.setFormat(found.start(1), found.end(1) - found.start(1), shape)


MOST = 4 << 20  # characters: longer text is cut, and refused by the readers anyway
WRAPPED = 100_000  # characters: in longer text lines are not wrapped, which takes Qt too long
NUMBER, MARK = 16, 11  # px of the design: a layer's number, a mark


class _Margin(QWidget):
    """A margin next to the lines; the field paints it and supplies its tooltips."""

    decoration = True

    def __init__(self, field: TextField, paint: Callable[[QPainter, QTextBlock, QRectF], None]) -> None:
        super().__init__(field)
        self._field, self._paint = field, paint

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for block, top, height in self._field.lines_in_view():
            self._paint(painter, block, QRectF(0, top, self.width(), height))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            self._field.explain(event, self)
            return True
        return super().event(event)


class TextField(QPlainTextEdit):
    """The text field. `dropped` carries the path of a file. `line_entered`: the cursor is in another line."""

    dropped = Signal(object)
    line_entered = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._notes: Mapping[int, tuple[LineNote, ...]] = {}
        self._line = 1
        self.setObjectName("text")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFont(theme.font(12, fixed=True))
        self.textChanged.connect(self._wrap)
        self.setTabChangesFocus(True)
        self.setAccessibleName(translate(msg("What asks for containers")))
        self.setPlaceholderText(
            translate(
                msg(
                    "Paste a docker run or podman run command, a Compose file, a Quadlet unit, a Kubernetes "
                    "manifest or a devcontainer.json, or drop a file here. Nothing is started."
                )
            )
        )
        self._colours = Colours(self.document(), theme)
        self._left, self._right = _Margin(self, self._paint_left), _Margin(self, self._paint_right)
        self.updateRequest.connect(self._scrolled)
        self.blockCountChanged.connect(self._fit)
        self.cursorPositionChanged.connect(self._moved)
        theme.changed.connect(self._shade)
        self._fit()

    # -- notes

    def show_notes(self, found: Sequence[LineNote]) -> None:
        """Show the notes on lines; those on the text as a whole are shown elsewhere."""
        self._notes = by_line(found)
        self._shade()
        self._describe()

    @property
    def notes(self) -> Mapping[int, tuple[LineNote, ...]]:
        """The notes by line, from 1; the worst of each first."""
        return self._notes

    @property
    def line(self) -> int:
        """The cursor's line, from 1."""
        return self.textCursor().blockNumber() + 1

    def replace_all(self, text: str) -> None:
        """Replace the text; undo restores the previous one."""
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        cursor.setPosition(0)
        self.setTextCursor(cursor)

    def go_to(self, number: int, *, focus: bool = True) -> None:
        """Move the cursor to the beginning of that line, counted from 1, and scroll to it."""
        block = self.document().findBlockByNumber(max(0, number - 1))
        if block.isValid():
            self.setTextCursor(QTextCursor(block))
            self.centerCursor()
            if focus:
                self.setFocus()

    def lines_in_view(self) -> Iterator[tuple[QTextBlock, float, float]]:
        """Yield each visible block with its top and height, px."""
        block, bottom = self.firstVisibleBlock(), self.viewport().height()
        while block.isValid():
            box = self.blockBoundingGeometry(block).translated(self.contentOffset())
            if box.top() > bottom:
                return
            yield block, box.top(), box.height()
            block = block.next()

    def reason_of(self, number: int) -> str:
        """Return the reason shown at the end of that line; empty if there is no room."""
        block = self.document().findBlockByNumber(number - 1)
        return self._reason(block)[0] if number in self._notes and block.isValid() else ""

    def explain(self, event: QHelpEvent, of: QWidget) -> None:
        """Show the tooltip: all notes on the line below the pointer."""
        place = self.viewport().mapFromGlobal(event.globalPos())
        found = self._notes.get(self.cursorForPosition(place).blockNumber() + 1, ())
        QToolTip.showText(event.globalPos(), tip("\n".join(each.whole for each in found)), of)

    # -- painting

    def _shade(self) -> None:
        for part in (self.viewport(), self._left, self._right):
            part.update()

    def _moved(self) -> None:
        if self.line != self._line:
            self._line = self.line
            self._describe()
            if self._line in self._notes and self.hasFocus():
                accessibility.announce(self, self.accessibleDescription())
            self.line_entered.emit()

    def _describe(self) -> None:
        found = self._notes.get(self.line, ())
        self.setAccessibleDescription("\n".join(each.whole for each in found) or self.placeholderText())

    def _wrap(self) -> None:
        modes = QPlainTextEdit.LineWrapMode
        mode = modes.NoWrap if self.document().characterCount() > WRAPPED else modes.WidgetWidth
        if mode is not self.lineWrapMode():
            self.setLineWrapMode(mode)

    def _fit(self) -> None:
        """Make the margins as wide as the numbers; they lie in the frame, next to what scrolls."""
        theme = self._theme
        digits = max(2, len(str(self.blockCount())))
        number = QFontMetrics(theme.font(11, fixed=True)).horizontalAdvance("0") * digits
        self._numbers = number + theme.px(12)
        left, right = self._numbers + theme.px(MARK + 16), theme.px(NUMBER + 14)
        self.setViewportMargins(left, 0, right, 0)
        box: QRect = self.contentsRect()
        bar = self.verticalScrollBar().width() if self.verticalScrollBar().isVisible() else 0
        height = self.viewport().height()
        self._left.setGeometry(box.left(), box.top(), left, height)
        self._right.setGeometry(box.right() + 1 - bar - right, box.top(), right, height)

    def _scrolled(self, box: QRect, by: int) -> None:
        for margin in (self._left, self._right):
            if by:
                margin.scroll(0, by)
            else:
                margin.update(0, box.y(), margin.width(), box.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            self.explain(event, self.viewport())
            return True
        return super().viewportEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, wide = self._theme, self.viewport().width()
        painter = QPainter(self.viewport())
        painter.setFont(theme.font(11, MEDIUM))
        for block, top, height in self.lines_in_view():
            note = self._ground(painter, block, QRectF(0, top, wide, height))
            if note is not None and note.token:
                text, width = self._reason(block)
                painter.setPen(theme.color(MARKS[note.token][1]))
                last = height / max(1, block.layout().lineCount())
                room = QRectF(wide - width, top + height - last, width, last)
                painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)
        painter.end()
        super().paintEvent(event)  # the text is painted over the background

    def _reason(self, block: QTextBlock) -> tuple[str, float]:
        """Return the reason that fits behind the text of that line, where it wraps behind its end, and its width."""
        theme, found = self._theme, self._notes[block.blockNumber() + 1]
        lines = block.layout().lineCount()
        end = block.layout().lineAt(lines - 1).naturalTextWidth() if lines else 0.0
        end += self.contentOffset().x() + self.document().documentMargin() + theme.px(24)
        metrics, more = QFontMetrics(theme.font(11, MEDIUM)), f"  +{len(found) - 1}" if len(found) > 1 else ""
        wide = metrics.horizontalAdvance(more) + 2
        room = round(self.viewport().width() - end - wide)
        if room < 0:
            return "", 0.0
        short, whole = found[0].short, found[0].text
        ways = (short or whole, brief_of(whole), brief_of(short))
        said = next((each for each in ways if metrics.horizontalAdvance(each) <= room), "")
        text = said + more if said else more.strip()
        return text, metrics.horizontalAdvance(text) + 2

    def _ground(self, painter: QPainter, block: QTextBlock, box: QRectF) -> LineNote | None:
        found = self._notes.get(block.blockNumber() + 1)
        if not found:
            return None
        if found[0].token:
            painter.fillRect(box, self._theme.color(found[0].token))
        return found[0]

    def _paint_left(self, painter: QPainter, block: QTextBlock, box: QRectF) -> None:
        theme, note = self._theme, self._ground(painter, block, box)
        box.setHeight(box.height() / max(1, block.layout().lineCount()))  # of a wrapped line the first
        painter.setFont(theme.font(11, fixed=True))
        painter.setPen(theme.color("text2"))
        numbers = QRectF(0, box.top(), self._numbers, box.height())
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(numbers, centre | Qt.AlignmentFlag.AlignRight, str(block.blockNumber() + 1))
        if note is not None and note.token:
            side = theme.px(MARK)
            corner = QPointF(self._numbers + theme.px(8), box.center().y() - side / 2)
            mark, ink = MARKS[note.token]
            paint_mark(painter, QRectF(corner.x(), corner.y(), side, side), mark, theme, ink)

    def _paint_right(self, painter: QPainter, block: QTextBlock, box: QRectF) -> None:
        theme, note = self._theme, self._ground(painter, block, box)
        box.setTop(box.bottom() - box.height() / max(1, block.layout().lineCount()))  # beside the reason
        if note is not None and note.token and note.layer:
            side = min(theme.px(NUMBER), box.height())
            place = QRectF(theme.px(6), box.center().y() - side / 2, side, side)
            paint_number(painter, place, note.layer, theme, MARKS[note.token][1])

    # -- input

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return bool(_files(source)) or super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Insert plain text, never markup; for a file its content instead of its address."""
        files = _files(source)
        if files:
            self.dropped.emit(files[0])
        elif source.hasText():
            self.insertPlainText(source.text()[:MOST])


def _files(source: QMimeData) -> list[Path]:
    urls = source.urls() if source.hasUrls() else []
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]


class StatusBar(QWidget):
    """The bar below the text. `chosen` carries the LineNote that the user picked."""

    chosen = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._notes: tuple[LineNote, ...] = ()
        self._line, self._more = 0, ""
        self.mark = MarkBox(theme, 11)
        self.text = Label(theme, 12, ink="text2", wrap=True)
        self.all = text_button(theme, "", self.open_list, look="link")
        self.list = NotesList(theme, lambda note: note.whole, self)  # type: ignore[attr-defined]
        self.list.chosen.connect(self.chosen)
        theme.lay(QHBoxLayout(self), self.mark, (self.text, 1), self.all, around=(12, 1, 6, 1), gap=6)

    def show_notes(self, notes: Sequence[LineNote], line: int) -> None:
        """Show the notes of the text, and the one on the cursor's line."""
        self._notes = tuple(notes)
        count = len(self._notes)
        self.all.setText(translate(plural("{count} note", "{count} notes", count)))
        self.all.setVisible(bool(count))
        give_tip(self.all, translate(msg("All notes on the text; each leads to its line")))
        self.show_line(line)

    def show_line(self, line: int) -> None:
        """Show the notes on the cursor's new line."""
        here = [each for each in self._notes if each.line == line]
        first = [each for each in self._notes if each.unread and not each.line]
        told = here or first or [each for each in self._notes if each.unread]
        self.mark.setVisible(bool(told))
        self.setVisible(bool(self._notes))
        if told:
            unread = told[0].unread
            ink = "weak" if unread or not told[0].token else {"open_soft": "open"}.get(told[0].token, "weak")
            self.mark.show_mark(Mark.TRIANGLE if unread else Mark.DOT, ink)
        words = told[0].whole if told else ""
        if len(told) > 1:
            words = translate(msg("{text}; {count} more", text=words.removesuffix("."), count=len(told) - 1))
        self.text.setText(words)
        give_tip(self.text, "\n".join(each.whole for each in told))

    def tell(self, text: str) -> None:
        """Show another message until the cursor moves on."""
        self.mark.show_mark(Mark.TRIANGLE, "weak")
        self.mark.show()
        self.show()
        self.text.setText(text)
        accessibility.announce(self, text)

    def open_list(self) -> None:
        """Open the list of the notes; each leads to its line, and to its layer."""
        self.list.open_at(self.all, self._notes)
