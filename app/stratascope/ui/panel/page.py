"""A page of the layer panel: its views below each other, scrolled as one, updated in place if possible, and below them
what stays; and the raw text behind a layer, as the kernel wrote it: read-only, searchable, copyable.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPaintEvent, QPen, QResizeEvent, QTextCursor, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.capture import Capture, Reading
from stratascope.core.layer import Bar, Bars, BitGrid, CallMap, Rulers, Table, Tone, View
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import reason
from stratascope.ui.kit import feedback
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.marks import TONE_INK, TONE_MARK, paint_mark, tone_mark, tone_word
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme, smooth_painter
from stratascope.ui.panel.bits import BitsView
from stratascope.ui.panel.rulers import RulersBlock
from stratascope.ui.panel.table import TableBlock
from stratascope.ui.syscalls.compared import ComparedCalls
from stratascope.ui.syscalls.view import CallsView


def extent(bar: Bar) -> tuple[float, float]:
    """Return the used part of the bar's length, and the position of its limit (1.0 at the end; 0.0 without)."""
    whole = bar.limit if bar.limit else bar.capacity if bar.capacity else bar.used
    if not whole or whole <= 0:
        return 0.0, 0.0
    used = min(1.0, max(0.0, (bar.used or 0.0) / whole))
    return used, 1.0 if bar.limit else 0.0


class BarWidget(QWidget):
    """Label, value, bar, source, note."""

    def __init__(self, theme: Theme, bar: Bar, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self.bar = theme, bar
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.show_bar(bar)

    def show_bar(self, bar: Bar) -> None:
        """Show another value."""
        self.bar = bar
        note = plain(translate(bar.note)) if bar.note else ""
        self._texts = (plain(translate(bar.label), 200), plain(translate(bar.value), 300), plain(bar.source, 300), note)
        self.setAccessibleName(f"{self._texts[0]}: {self._texts[1]}")
        told = (tone_word(bar.tone, bar.basis), *self._texts[2:])
        self.setAccessibleDescription("\n".join(part for part in told if part))
        give_tip(self, "\n".join(part for part in self._texts if part))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        theme = self._theme
        return QSize(theme.px(200), theme.box(12) + theme.px(12) + theme.box(11) + theme.px(4))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        label, value, source, note = self._texts
        width, one = self.width() - 2, theme.box(12)
        middle = Qt.AlignmentFlag.AlignVCenter
        left = 0
        if self.bar.tone in TONE_MARK:
            side, mark = theme.px(11), tone_mark(self.bar.tone, self.bar.basis)
            paint_mark(painter, QRectF(0, (one - side) / 2, side, side), mark, theme)
            left = theme.px(17)
        painter.setFont(theme.font(12, BOLD))
        painter.setPen(theme.color("text"))
        painter.drawText(QRectF(left, 0, width, one), middle, label)
        left += painter.fontMetrics().horizontalAdvance(label) + theme.px(10)
        painter.setFont(theme.font(12, MEDIUM))
        painter.setPen(theme.color(TONE_INK[self.bar.tone] if self.bar.tone is not Tone.PLAIN else "text2"))
        shown = painter.fontMetrics().elidedText(value, Qt.TextElideMode.ElideRight, width - left)
        painter.drawText(QRectF(left, 0, width - left, one), middle, shown)
        track = QRectF(0.5, one + theme.px(3), width - 1, theme.px(7))
        used, limit = extent(self.bar)
        painter.setPen(QPen(theme.color("line2"), 1, Qt.PenStyle.SolidLine if limit else Qt.PenStyle.DashLine))
        painter.setBrush(theme.color("sunk"))
        painter.drawRoundedRect(track, 3.5, 3.5)
        if used > 0:
            full = theme.color("open" if limit and used >= 0.9 else "accent" if limit else "bitoff")
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(full)
            painter.drawRoundedRect(
                QRectF(track.left(), track.top(), max(3.0, track.width() * used), track.height()), 3, 3
            )
        if self.bar.limit and self.bar.capacity and self.bar.capacity > self.bar.limit and limit:
            painter.setPen(QPen(theme.color("text2"), 2))
            painter.drawLine(QPointF(track.right(), track.top() - 2), QPointF(track.right(), track.bottom() + 2))
        y = track.bottom() + theme.px(2)
        painter.setFont(theme.font(11, fixed=True))
        painter.setPen(theme.color("text3"))
        room = width * 0.5 if note else width
        shown = painter.fontMetrics().elidedText(source, Qt.TextElideMode.ElideMiddle, int(room))
        taken = painter.fontMetrics().horizontalAdvance(shown)
        painter.drawText(QRectF(width - taken, y, taken + 2, theme.box(11)), middle, shown)
        if note:
            painter.setFont(theme.font(11))
            painter.setPen(theme.color("text2"))
            shown = painter.fontMetrics().elidedText(
                note, Qt.TextElideMode.ElideRight, int(width - taken - theme.px(12))
            )
            painter.drawText(QRectF(0, y, width - taken, theme.box(11)), middle, shown)
        if self.hasFocus():
            paint_focus_ring(painter, self.rect().adjusted(1, 1, -1, -1), theme.px(4), theme)


class BarsBlock(QWidget):
    """A heading with its bars."""

    def __init__(self, theme: Theme, bars: Bars, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = Label(theme, 13, BOLD, text=plain(translate(bars.title)))
        self.bars = [BarWidget(theme, bar) for bar in bars.bars]
        layout = theme.lay(QVBoxLayout(self), title, around=0, gap=6)
        for bar in self.bars:
            layout.addWidget(bar)
        if not self.bars:
            line = Line(theme, 12, ink="text2", text=translate(msg("No limit could be read")))
            layout.addWidget(line)

    def show_bars(self, bars: Bars) -> bool:
        """Show new values; False if the number of bars differs and the block must be made again."""
        if len(bars.bars) != len(self.bars):
            return False
        for widget, bar in zip(self.bars, bars.bars, strict=True):
            widget.show_bar(bar)
        return True


def make_view(theme: Theme, view: View, selection: Selection | None = None) -> QWidget:
    """Return the widget for a view of the closed set. `selection`: whose containers a map can be compared with."""
    match view:
        case Table():
            return TableBlock(theme, view)
        case BitGrid():
            return BitsView(theme, view)
        case Bars():
            return BarsBlock(theme, view)
        case Rulers():
            return RulersBlock(theme, view)
        case CallMap():
            return CallsView(theme, view) if selection is None else ComparedCalls(theme, selection, view)


def update_view(widget: QWidget, view: View) -> bool:
    """Show `view` in an existing widget; False if it must be made again."""
    match widget, view:
        case TableBlock(), Table():
            widget.show_table(view)
        case BitsView(), BitGrid():
            widget.show_grid(view)
        case BarsBlock(), Bars():
            return widget.show_bars(view)
        case RulersBlock(), Rulers():
            widget.show_rulers(view)
        case CallsView(), CallMap():
            widget.show_map(view)
        case _:
            return False
    return True


class Page(Scrolled):
    """A scrolling column of widgets: views, and below them what stays. `selection`: see `make_view`."""

    def __init__(self, theme: Theme, selection: Selection | None = None) -> None:
        super().__init__()
        self._theme, self._beside = theme, selection
        self.inner = TextColumn()
        self.inner.setObjectName("page")
        self.column = theme.lay(QVBoxLayout(self.inner), around=(15, 9, 15, 10), gap=12)
        self.column.addStretch(1)
        self.setWidget(self.inner)
        self._views: tuple[View, ...] = ()
        self.made: list[QWidget] = []
        self.below: list[QWidget] = []

    def begin(self) -> None:
        """Scroll to the top and select what is worth seeing first: another container is shown."""
        self.verticalScrollBar().setValue(0)
        for widget in self.made:
            if isinstance(widget, BitsView):
                widget.begin()

    def _room(self) -> int:
        """The height that its views have without scrolling."""
        margins = self.column.contentsMargins()
        return self.viewport().height() - margins.top() - margins.bottom()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for widget in self.made:
            if isinstance(widget, BitsView):
                widget.set_page(self._room())

    def show_views(self, views: tuple[View, ...]) -> None:
        """Show these views; scroll position and selection are kept where the kinds of views match."""
        if views == self._views and self.made:
            return
        at = self.verticalScrollBar().value()
        if len(views) == len(self.made) and all(
            update_view(widget, view) for widget, view in zip(self.made, views, strict=True)
        ):
            self._views = views
            return
        self.show_widgets([make_view(self._theme, view, self._beside) for view in views])
        self._views = views
        self.verticalScrollBar().setValue(at)

    def show_widgets(self, widgets: list[QWidget]) -> None:
        """Replace the views by these widgets."""
        self._put(self.made, widgets, 0)
        self.made, self._views = widgets, ()

    def show_below(self, widgets: list[QWidget]) -> None:
        """Replace what stands below the views."""
        self._put(self.below, widgets, len(self.made))
        self.below = widgets

    def _put(self, old: list[QWidget], new: list[QWidget], place: int) -> None:
        for widget in old:
            self.column.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        for at, made in enumerate(new, place):
            if isinstance(made, BitsView):
                made.set_page(self._room())
            # a grid takes the available room, and scrolls within it
            self.column.insertWidget(at, made, 100 if isinstance(made, (BitsView, CallsView, RawView)) else 0)


LONGEST = 400_000  # characters shown; longer readings are cut, so that they never block the window
_LINE = 20_000


def raw_text(capture: Capture | None, wants: tuple[str, ...]) -> str:
    """Return all readings of a layer (of the whole capture if `wants` is empty), each under its path."""
    if capture is None:
        return translate(msg("Nothing was read from this container."))
    blocks = []
    for reading in capture.readings:
        if wants and not _wanted(reading.name, wants):
            continue
        blocks.append(f"── {plain(capture.source(reading.name))}\n{_body(reading)}")
    return "\n".join(blocks)[:LONGEST] or translate(msg("Nothing was read for this layer."))


def _wanted(name: str, wants: tuple[str, ...]) -> bool:
    return (
        name in wants
        or any(name.startswith(want.split("*")[0]) for want in wants if "*" in want or want.startswith("cgroup:"))
        or (name.startswith("cgroup:") and any(want.startswith("cgroup") for want in wants))
    )


def _body(reading: Reading) -> str:
    if reading.text is not None:
        return "".join(_line(line) + "\n" for line in reading.text.splitlines())
    if reading.gap is None:
        return ""
    code = f" (errno {reading.gap.errno})" if reading.gap.errno else ""
    return f"{reading.gap.kind.value}{code}: {reason(reading.gap)}\n"


def _line(text: str) -> str:
    """Return a line without control characters, except for the kernel's tabs between name and value."""
    text = text if len(text) <= _LINE else text[: _LINE - 1] + "…"
    return "\t".join(map(plain, text.split("\t")))


class RawView(QWidget):
    """The raw text, with a search field and buttons."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._whose: object = None
        self.field = QLineEdit()
        self.field.setPlaceholderText(translate(msg("Search the raw text")))
        self.field.setAccessibleName(translate(msg("Search the raw text")))
        self.field.setAccessibleDescription(translate(msg("Enter goes to the next match")))
        self.field.setMinimumHeight(theme.px(28))
        self.field.setMaximumWidth(theme.px(320))
        self.found = Line(theme, 11, ink="text2")
        self.copy = QPushButton(translate(msg("Copy all")))
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(translate(msg("Raw text")))
        self.field.textChanged.connect(lambda _: self._search(fresh=True))
        self.field.returnPressed.connect(lambda: self._search(fresh=False))
        self.copy.clicked.connect(lambda: feedback.copy(self, self.text.toPlainText()))
        top = theme.lay(QHBoxLayout(), (self.field, 1), self.found, STRETCH, self.copy, gap=8)
        self.text.setMinimumHeight(theme.px(130))
        theme.lay(QVBoxLayout(self), top, (self.text, 1), around=0, gap=8)
        theme.changed.connect(self._restyle)
        self._restyle()

    def show_text(self, text: str, whose: object = None) -> None:
        """Update the text; selection, cursor and scroll position are kept, by line and column.

        For another subject (`whose`) only the scroll position is kept.
        """
        other, self._whose = whose != self._whose, whose
        if text == self.text.toPlainText():
            return
        cursor = self.text.textCursor()
        anchor, position = self._place(cursor.anchor()), self._place(cursor.position())
        bars = self.text.verticalScrollBar(), self.text.horizontalScrollBar()
        at = [bar.value() for bar in bars]
        self.text.setPlainText(text)
        if not other:
            cursor = self.text.textCursor()
            cursor.setPosition(self._position(*anchor))
            cursor.setPosition(self._position(*position), QTextCursor.MoveMode.KeepAnchor)
            self.text.setTextCursor(cursor)
        for bar, value in zip(bars, at, strict=True):  # last, since moving the cursor scrolls to it
            bar.setValue(min(value, bar.maximum()))
        if self.found.text() and not self.text.document().find(self.field.text()).isNull():
            self.found.say("")  # the text appeared with this reading

    def _place(self, position: int) -> tuple[int, int]:
        """Return line and column of a position."""
        block = self.text.document().findBlock(position)
        return block.blockNumber(), position - block.position()

    def _position(self, line: int, column: int) -> int:
        """Return the position of a line and column in the present text, or the last one before it."""
        document = self.text.document()
        block = document.findBlockByNumber(min(line, document.blockCount() - 1))
        return block.position() + min(column, block.length() - 1)

    def _search(self, *, fresh: bool) -> None:
        needle = self.field.text()
        if not needle:
            self.found.say("")
            return
        if fresh:
            self.text.moveCursor(QTextCursor.MoveOperation.Start)
        if not self.text.find(needle):
            self.text.moveCursor(QTextCursor.MoveOperation.Start)
            self.found.say("" if self.text.find(needle, QTextDocument.FindFlag(0)) else translate(msg("No matches")))
            return
        self.found.say("")

    def _restyle(self) -> None:
        self.text.setFont(self._theme.font(11, fixed=True))
        self.field.setFont(self._theme.font(12))
        self.copy.setFont(self._theme.font(12))
