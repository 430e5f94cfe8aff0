"""The rows of the page "Changes", below a heading for each direction. Where what happened does not fit beside the name,
it is below it, whole.

A row's button at the right does what is next: *Fix* where something was granted, else *Show*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractItemView, QStyle

from stratascope.core.history.machine import Direction, Moved, counted
from stratascope.core.layer import Layer, Verdict
from stratascope.core.message import colon, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import listed, translate
from stratascope.presentation import changes_report as words
from stratascope.presentation.engine_signs import EngineSign, sign_of
from stratascope.presentation.exposure import number_ink
from stratascope.ui.history import moments
from stratascope.ui.kit.engine_icons import SIDE, engine_pixmap
from stratascope.ui.kit.labels import draw_line
from stratascope.ui.kit.marks import Mark, paint_mark, paint_number
from stratascope.ui.kit.table import AnyIndex, Column, ItemModel, ItemRole, ItemTable, RowLook
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, Theme
from stratascope.value import Value

ROW, HEAD = 54, 32  # px of the design
WIDE_NUMBERS, NARROW = 124, 460
_SIGNS = {Direction.NEW: ("+", "accent"), Direction.GONE: ("−", "text2"), Direction.OTHER: ("·", "text2")}


class Heading(Value):
    """The heading of a direction. `count`: containers."""

    direction: Direction
    count: int


Shown = Moved | Heading
Able = Callable[[Moved], bool]


def headed(rows: Sequence[Moved]) -> Iterator[Shown]:
    """The rows below their headings."""
    count = counted(rows)
    shown: Direction | None = None
    for row in rows:
        if row.direction is not shown:
            shown = row.direction
            yield Heading(shown, count[shown])
        yield row


def key_of(row: Shown) -> object:
    """What identifies a row."""
    return row.direction if isinstance(row, Heading) else row.key


def second_line(row: Moved) -> str:
    """When, where and by whom."""
    engine = "" if row.everywhere else plain(row.subject.engine, 40)
    told = (words.when_told(row, moments.lately), engine, words.who_did(row))
    return " · ".join(each for each in told if each)


def whole_text(row: Moved) -> str:
    """All that is known of a row, as plain text."""
    names = listed((plain(each.name, 80) for each in row.subjects), 20)
    numbers = words.numbers_told(row)
    return "\n".join((f"{words.name_of(row)}: {words.what_happened(row)}", second_line(row),
                      translate(msg("Exposure {numbers}", numbers=numbers)), names))  # fmt: skip


class ChangesTable(ItemTable):
    """The table. `pressed`: the button of a row, with the row. `fix_wanted`, `accept_wanted`, `undo_wanted`: F, A and
    U at the current row.
    """

    pressed = Signal(object)
    fix_wanted = Signal()
    accept_wanted = Signal()
    undo_wanted = Signal()
    acts, lead = True, 0

    def __init__(self, theme: Theme, layers: tuple[Layer, ...], can_fix: Able, there: Able,
                 sign: Callable[[str], EngineSign] = sign_of) -> None:  # fmt: skip
        """`can_fix`, `there`: whether a row's plan may take it back, and whether its container still exists. `sign`:
        what the icon of an engine shows, by its id.
        """
        self._sign = sign
        self._numbers = {layer.id: layer.number for layer in layers}
        self._can_fix, self._there = can_fix, there
        self._measures: dict[int, tuple[Moved, float, str, int]] = {}  # by id(): row, scale, what happened, px
        model = ItemModel(self._columns(), key_of, choosable=lambda row: isinstance(row, Moved))
        look = RowLook(bar=True, framed=lambda row: isinstance(row, Moved))
        name = translate(msg("What changed"))
        super().__init__(theme, name, model, self._paint, size=self._size, row=look, high=ROW)
        self.horizontalHeader().hide()
        self.setWordWrap(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        keys = msg("Enter shows a row's container, F fixes it, U undoes a relaunch, A accepts it")
        self.setAccessibleDescription(translate(keys))
        self.viewport().setCursor(Qt.CursorShape.ArrowCursor)

    def _columns(self) -> tuple[Column, ...]:
        def what(row: Shown) -> str:
            if isinstance(row, Heading):
                return translate(words.TITLES[row.direction])
            return " ".join(filter(None, (words.name_of(row), words.pill_of(row), words.what_happened(row))))

        def spoken(row: Shown) -> str:
            if isinstance(row, Heading):
                title = translate(words.TITLES[row.direction])
                return translate(colon(title, row.count))
            title = translate(words.TITLES[row.direction])
            return translate(colon(title, whole_text(row).replace("\n", ". ")))

        def whole(row: Shown) -> str:
            return "" if isinstance(row, Heading) else whole_text(row)

        def numbers(row: Shown) -> str:
            return "" if isinstance(row, Heading) else words.numbers_told(row)

        def button(row: Shown) -> str:
            return "" if isinstance(row, Heading) else self.button_word(row)

        nothing = translate(msg("none"))
        return (
            Column(msg("What changed"), what, grows=1, whole=whole, spoken=spoken),
            Column(msg("Exposure"), numbers, spoken=lambda row: numbers(row) or nothing),
            Column(msg("Action"), button, spoken=lambda row: button(row) or nothing),
        )

    def button_word(self, row: Moved) -> str:
        """What a row's button does; empty: it has none."""
        if not self._there(row):
            return ""
        return translate(msg("Fix") if self._can_fix(row) else msg("Show"))

    def show_moved(self, rows: Sequence[Moved]) -> None:
        """Replace the rows; those that stay keep their places and the current one is kept."""
        shown = set(map(id, rows))
        self._measures = {each: kept for each, kept in self._measures.items() if each in shown}
        self.show_rows(tuple(headed(rows)), anew=True)
        self._set_heights()

    def chosen(self) -> Moved | None:
        """The current row; None for a heading."""
        row = self.current()
        return row if isinstance(row, Moved) else None

    # -- sizes

    def rows_placed(self) -> None:
        self._set_heights()

    def fit(self) -> None:
        """The words take what number and button leave."""
        theme, whole = self._theme, self.viewport().width()
        narrow = whole < theme.px(NARROW)
        metrics = QFontMetrics(theme.font(12, BOLD))
        words_ = (translate(msg("Fix")), translate(msg("Show")))
        button = max(metrics.horizontalAdvance(each) for each in words_) + theme.px(40)
        self.setColumnHidden(2, narrow)
        numbers = theme.px(WIDE_NUMBERS)
        self.setColumnWidth(1, numbers)
        self.setColumnWidth(2, button)
        self.setColumnWidth(0, max(theme.px(80), whole - numbers - (0 if narrow else button)))
        self._set_heights()

    def _high(self, row: Shown) -> int:
        theme = self._theme
        if isinstance(row, Heading):
            return max(theme.px(HEAD), theme.box(13) + theme.px(10))
        below = self._wrapped(row, self.columnWidth(0) - theme.px(46))
        return max(theme.px(ROW), theme.box(13) + below + theme.box(11) + theme.px(16))

    def _wrapped(self, row: Moved, width: int) -> int:
        """The height of what happened where it does not fit beside the name; 0: it does."""
        text, wide = self._measured(row)
        if wide <= width:
            return 0
        metrics = QFontMetrics(self._theme.font(13, REGULAR))
        return metrics.boundingRect(QRect(0, 0, max(1, width), 10_000), Qt.TextFlag.TextWordWrap, text).height()

    def _measured(self, row: Moved) -> tuple[str, int]:
        """What happened, and the width of the whole line. Kept: the width of the page changes while it is shown."""
        theme = self._theme
        kept = self._measures.get(id(row))
        if kept is None or kept[0] is not row or kept[1] != theme.scale:
            text = words.what_happened(row)
            wide = QFontMetrics(theme.font(13, REGULAR)).horizontalAdvance(text)
            wide += 0 if row.everywhere else theme.px(SIDE + 6)
            for each, font in (
                (words.name_of(row), theme.font(13, BOLD)),
                (words.pill_of(row), theme.font(11, MEDIUM)),
            ):
                wide += QFontMetrics(font).horizontalAdvance(each) + theme.px(8) if each else 0
            kept = self._measures[id(row)] = row, theme.scale, text, wide
        return kept[2:]

    def _set_heights(self) -> None:
        rows = self.verticalHeader()
        rows.setMinimumSectionSize(1)
        for at, row in enumerate(self.model_.rows):
            high = self._high(row)
            if rows.sectionSize(at) != high:
                rows.resizeSection(at, high)

    def _size(self, index: AnyIndex) -> QSize:
        return QSize(10, self._high(index.data(ItemRole)))

    # -- events

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        row = self.model_.at(index.row())
        if event.button() is Qt.MouseButton.LeftButton and index.column() == 2 and isinstance(row, Moved):
            self.pressed.emit(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        plain_key = not event.modifiers() and self.chosen() is not None
        if plain_key and event.key() == Qt.Key.Key_F:
            self.fix_wanted.emit()
        elif plain_key and event.key() == Qt.Key.Key_A:
            self.accept_wanted.emit()
        elif plain_key and event.key() == Qt.Key.Key_U:
            self.undo_wanted.emit()
        else:
            super().keyPressEvent(event)

    # -- painting

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, state: QStyle.StateFlag) -> None:
        row, px = index.data(ItemRole), self._theme.px
        if isinstance(row, Heading):
            if index.column() == 0:
                self._paint_heading(painter, rect.adjusted(px(14), 0, 0, 0), row)
        elif index.column() == 0:
            self._paint_words(painter, rect.adjusted(px(14), 0, -px(8), -1), row)
        elif index.column() == 1:
            self._paint_numbers(painter, rect.adjusted(0, 0, -px(10), -1), row)
        else:
            self._paint_button(painter, QRectF(rect), row, chosen=bool(state & QStyle.StateFlag.State_Selected))

    def _paint_heading(self, painter: QPainter, room: QRect, row: Heading) -> None:
        theme = self._theme
        word = translate(words.TITLES[row.direction])
        draw_line(painter, room, word, theme.font(13, BOLD), theme, "text")
        room.setLeft(room.left() + QFontMetrics(theme.font(13, BOLD)).horizontalAdvance(word) + theme.px(8))
        draw_line(painter, room, str(row.count), theme.font(12), theme, "text2")

    def _paint_words(self, painter: QPainter, room: QRect, row: Moved) -> None:
        theme = self._theme
        one, two = theme.box(13), theme.box(11)
        wrapped = self._wrapped(row, room.width() - theme.px(24))
        top = room.top() + (room.height() - one - wrapped - two - theme.px(3)) // 2
        self._paint_sign(painter, QRectF(room.left(), room.center().y() - theme.px(6), theme.px(12), theme.px(12)), row)
        room.setLeft(room.left() + theme.px(24))
        line = QRect(room.left(), top, room.width(), one)
        if not row.everywhere:
            icon = engine_pixmap(self._sign(row.subject.engine), theme, painter.device().devicePixelRatioF())
            painter.drawPixmap(QPointF(line.left(), top + (one - theme.px(SIDE)) / 2), icon)
            line.setLeft(line.left() + theme.px(SIDE + 6))
        for text, font, ink in (
            (words.name_of(row), theme.font(13, BOLD), "text"),
            (words.pill_of(row), theme.font(11, MEDIUM), "text2"),
            ("" if wrapped else self._measured(row)[0], theme.font(13, REGULAR), "text"),
        ):
            if text:
                draw_line(painter, line, text, font, theme, ink)
                line.setLeft(line.left() + QFontMetrics(font).horizontalAdvance(text) + theme.px(8))
        if wrapped:
            painter.setFont(theme.font(13, REGULAR))
            painter.setPen(theme.color("text"))
            lines = QRect(room.left(), top + one, room.width(), wrapped)
            painter.drawText(lines, Qt.TextFlag.TextWordWrap, self._measured(row)[0])
        below = QRect(room.left(), top + one + wrapped + theme.px(3), room.width(), two)
        draw_line(painter, below, second_line(row), theme.font(11), theme, "text2")

    def _paint_sign(self, painter: QPainter, box: QRectF, row: Moved) -> None:
        theme = self._theme
        if row.direction in _SIGNS:
            sign, ink = _SIGNS[row.direction]
            painter.setFont(theme.font(16, BOLD))
            painter.setPen(theme.color(ink))
            painter.drawText(box.adjusted(-4, -6, 4, 6), Qt.AlignmentFlag.AlignCenter, sign)
            return
        worse = row.direction is Direction.WORSE
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color((number_ink(row.after) if row.after else "open") if worse else "enf"))
        left, right, middle = box.left(), box.right(), box.center().x()
        top, bottom = (box.top() + 1, box.bottom() - 1) if worse else (box.bottom() - 1, box.top() + 1)
        painter.drawPolygon(QPolygonF([QPointF(middle, top), QPointF(right, bottom), QPointF(left, bottom)]))

    def _paint_numbers(self, painter: QPainter, room: QRect, row: Moved) -> None:
        theme, px = self._theme, self._theme.px
        number = self._numbers.get(words.layer_with(row), 0)
        if number:
            side = px(16)
            box = QRectF(room.left(), room.center().y() - side / 2, side, side)
            paint_number(painter, box, number, theme)
        room.setLeft(room.left() + px(20))
        if row.everywhere and row.layers:
            self._paint_verdicts(painter, room, row)
            return
        now = row.before if row.after is None else row.after
        if now is None:
            return
        big, small = theme.font(16, BOLD, tabular=True), theme.font(12, MEDIUM, tabular=True)
        painter.setFont(big)
        text = f"{now:.1f}"
        painter.setPen(theme.color(number_ink(now)))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)
        moved = row.direction in (Direction.WORSE, Direction.BETTER, Direction.OTHER)
        if moved and row.before is not None and row.after is not None and row.before != row.after:
            room.setRight(room.right() - QFontMetrics(big).horizontalAdvance(text) - px(4))
            for piece, ink in ((" → ", "text2"), (f"{row.before:.1f}", number_ink(row.before))):
                painter.setFont(small)
                painter.setPen(theme.color(ink))
                painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, piece)
                room.setRight(room.right() - QFontMetrics(small).horizontalAdvance(piece))

    def _paint_verdicts(self, painter: QPainter, room: QRect, row: Moved) -> None:
        theme, side = self._theme, self._theme.px(11)
        _, before, now = row.layers[0]
        y = room.center().y() - side / 2
        x = room.right() - 3 * side - self._theme.px(8)
        for at, verdict in ((x, before), (room.right() - side, now)):
            known = verdict in [each.value for each in Verdict]
            paint_mark(painter, QRectF(at, y, side, side), Mark(verdict) if known else Mark.UNKNOWN, theme)
        painter.setFont(theme.font(12))
        painter.setPen(theme.color("text2"))
        between = QRectF(x + side, y - side, room.right() - side - x - side, 3 * side)
        painter.drawText(between, Qt.AlignmentFlag.AlignCenter, "→")

    def _paint_button(self, painter: QPainter, rect: QRectF, row: Moved, *, chosen: bool) -> None:
        theme, word = self._theme, self.button_word(row)
        if not word:
            return
        high = theme.box(12) + theme.px(10)
        box = QRectF(rect.left() + theme.px(4), rect.center().y() - high / 2, rect.width() - theme.px(14), high)
        main = chosen and self._can_fix(row)
        painter.setPen(Qt.PenStyle.NoPen if main else QPen(theme.color("line2"), 1.0))
        painter.setBrush(theme.color("accent" if main else "panel"))
        painter.drawRoundedRect(box, theme.px(6), theme.px(6))
        painter.setFont(theme.font(12, BOLD))
        painter.setPen(theme.color("on_accent" if main else "text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)
