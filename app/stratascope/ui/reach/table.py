"""The rows of the page "Reach", below a heading for each group: a thing, its ray through the layers, and the answer.

The ray runs from the outermost layer (6) to the innermost: a square where it is closed, an outlined one where a further
layer would close it too, an arrow where it gets through, dotted where that is not known. The current row unfolds what
is known of it. In a long page the closed rows of a group are one row, until they are wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStyle, QVBoxLayout, QWidget

from stratascope.core.message import Message, colon, msg, plural
from stratascope.core.reach.row import STRATA, Answer, Group, How, Known, Reached, ReachRow
from stratascope.core.reach.things import INWARD
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.i18n.translate import listed, translate
from stratascope.presentation import reach_report as words
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.flow import Flow
from stratascope.ui.kit.labels import Label, Line, draw_line
from stratascope.ui.kit.marks import Mark, paint_mark, paint_number
from stratascope.ui.kit.table import AnyIndex, Column, ItemModel, ItemRole
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, STRETCH, Theme, smooth_painter
from stratascope.ui.kit.unfolding import RowDetails, UnfoldingTable
from stratascope.value import Value

ROW, HEAD, SIDE = 22, 24, 14  # px of the design
RAY, RAY_LEAST, OUTCOME, KNOWN, ACT = 176, 110, 104, 86, 66
LEAST = 150  # of the first column
LONG = 36  # rows from which closed ones fold
THING, WAY, ANSWER, BASIS, DOES = range(5)


class Heading(Value):
    """The heading of a group. `open`: of `count` rows."""

    title: Message
    open: int
    count: int


class Folded(Value):
    """The closed rows of a group, as one."""

    title: Message
    rows: tuple[ReachRow, ...]


Shown = Heading | Folded | ReachRow


def key_of(row: Shown) -> str:
    """What identifies a row."""
    if isinstance(row, ReachRow):
        return row.thing.id
    return f"{'head' if isinstance(row, Heading) else 'closed'} {row.title.id}"


def shown_rows(found: Reached | None, spread: frozenset[str] = frozenset()) -> tuple[Shown, ...]:
    """The rows below their headings. `spread`: the keys of the folded rows whose rows are wanted."""
    if found is None:
        return ()
    made: list[Shown] = []
    for section in words.sections(found):
        needed = sum(row.answer is Answer.NEEDED for row in section.rows)
        made.append(Heading(section.title, section.open, len(section.rows) - needed))
        closed = tuple(row for row in section.rows if row.answer is Answer.CLOSED)
        folded = Folded(section.title, closed)
        if len(found.rows) > LONG and len(closed) > 1 and key_of(folded) not in spread:
            made += [row for row in section.rows if row.answer is not Answer.CLOSED]
            made.append(folded)
        else:
            made += section.rows
    return tuple(made)


def outcome_word(row: ReachRow) -> str:
    """The answer in a word."""
    word = translate(words.ANSWERS[row.answer])
    return word[:1].upper() + word[1:]


def ink_of(row: ReachRow) -> str:
    """The colour token of a row's ray and answer."""
    match row.answer:
        case Answer.OPEN:
            return "open" if row.thing.severity is Severity.CRITICAL else "weak"
        case Answer.CLOSED:
            return "enf"
        case Answer.UNKNOWN:
            return "unk"
    return "text2"


def mark_of(row: ReachRow) -> Mark:
    """The mark of a row's answer: outlined if it is only known from what was asked for."""
    asked = row.known is Known.ASKED
    match row.answer:
        case Answer.OPEN if row.thing.severity is Severity.CRITICAL:
            return Mark.OPEN_AS_ASKED if asked else Mark.OPEN
        case Answer.OPEN:
            return Mark.WEAKENED_AS_ASKED if asked else Mark.WEAKENED
        case Answer.CLOSED:
            return Mark.ENFORCED_AS_ASKED if asked else Mark.ENFORCED
        case Answer.UNKNOWN:
            return Mark.UNKNOWN
    return Mark.OPEN_AS_ASKED


def place_of(row: ReachRow, length: int = 500) -> str:
    """The same place as in the report, in one's own home from there."""
    text, home = words.place(row, length), str(Path.home())
    return f"~{text[len(home) :]}" if len(home) > 1 and text.startswith(f"{home}/") else text


def basis_word(row: ReachRow) -> str:
    """How it is known; a dash where it is not, though the kernel was asked."""
    unread = row.answer is Answer.UNKNOWN and row.known is Known.ENFORCED
    return "–" if unread else translate(words.KNOWN[row.known])


def act_word(row: ReachRow) -> Message | None:
    """What a row's button does; None: it has none."""
    if row.answer is not Answer.OPEN or row.remedy is None:
        return None
    if row.thing.group not in (Group.CREDENTIALS, Group.FILES):
        return msg("Fix")
    return msg("Lock") if row.thing.id.endswith("-write") else msg("Hide")


class Details(RowDetails):
    """The unfolded part of a row: what is known of it, and what would close it."""

    fix_wanted = Signal()
    copy_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.text = Label(theme, 12, wrap=True).selectable()
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.code = Label(theme, 11, wrap=True, fixed=True).selectable()
        for label in (self.text, self.code):
            label.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the list is read by arrow keys; Copy has the whole text
        self.fix = text_button(theme, msg("Add to plan"), self.fix_wanted.emit, look="act")
        self.copy = text_button(theme, msg("Copy"), self.copy_wanted.emit, look="act")
        self.buttons = Flow(theme, middle=False)
        self.buttons.put((self.fix, self.copy))
        self._column = theme.lay(
            QVBoxLayout(self), self.text, self.code, self.buttons, STRETCH, around=(0, 2, 12, 8), gap=6
        )

    def show_row(self, row: ReachRow, fix: str) -> None:
        """Show a row. `fix`: what the plan's button says; empty: nothing of it goes into the plan."""
        self.text.setText("\n".join(words.row_lines(row)))
        option = "" if row.remedy is None or row.remedy.how is How.TOGGLE else plain(row.remedy.value, 500)
        self.code.setText(option)
        self.code.setVisible(bool(option))
        self.copy.setText(translate(msg("Copy what to write") if option else msg("Copy")))
        self.fix.setText(fix)
        self.fix.setVisible(bool(fix))
        self.buttons.arrange()
        self.setAccessibleName(self.text.text().split("\n")[0])

    def spoken(self) -> str:
        return self.text.text()

    def high_at(self, width: int) -> int:
        edges, gap = self._column.contentsMargins(), self._theme.px(6)
        inner = max(1, width - edges.left() - edges.right())
        self.buttons.resize(inner, self.buttons.height())
        whole = edges.top() + edges.bottom() + self.buttons.sizeHint().height()
        for label in (self.text, self.code):
            if label.text():
                high = label.heightForWidth(inner)
                label.setFixedHeight(high)  # otherwise the other widgets would share the height above its minimum
                whole += high + gap
        return whole

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent):  # swallow clicks: passed on, they would press the row, which folds it
            event.accept()
            return True
        return super().event(event)


class ReachTable(UnfoldingTable):
    """The table. `pressed`: the button of a row, with the row; `spread_wanted`: a folded row. `in_plan`: whether what
    closes a row is in the plan.
    """

    pressed = Signal(object)
    spread_wanted = Signal(object)
    fitted = Signal()
    lead = THING

    def __init__(self, theme: Theme, in_plan: Callable[[ReachRow], bool]) -> None:
        self._in_plan = in_plan
        self.details: Details
        model = ItemModel(self._columns(), key_of, choosable=lambda row: not isinstance(row, Heading))
        super().__init__(
            theme, translate(msg("What it can get at")), model, self._paint, self._make_details,
            framed=lambda row: not isinstance(row, Heading),
            ruled=False,
        )  # fmt: skip
        self.horizontalHeader().hide()
        self.setAccessibleDescription(translate(msg("Enter expands a row, F closes what it is about")))
        self.fit()

    def _make_details(self, parent: QWidget) -> Details:
        self.details = Details(self._theme, parent)
        return self.details

    def _columns(self) -> tuple[Column, ...]:
        def cell(of: Callable[[ReachRow], str], heading: Callable[[Heading | Folded], str] = lambda _: "") -> Any:
            return lambda row: of(row) if isinstance(row, ReachRow) else heading(row)

        def more(head: Message, of: Callable[[ReachRow], str]) -> Column:
            """One that a heading leaves empty; a screen reader hears the heading there, too."""
            return Column(head, cell(of), spoken=cell(lambda row: of(row) or translate(msg("none")), _head_text))

        return (
            Column(msg("What it can get at"), cell(lambda row: translate(row.thing.name), _head_text),
                   whole=cell(_whole, _head_text), spoken=cell(_spoken, _head_text)),
            more(msg("Layers"), _way_text),
            more(msg("Outcome"), outcome_word),
            more(msg("How known"), basis_word),
            more(msg("Action"), self.button_word),
        )  # fmt: skip

    def button_word(self, row: ReachRow) -> str:
        """The word of a row's button; empty: it has none."""
        word = act_word(row)
        if word is None:
            return ""
        return "✓" if self._in_plan(row) else translate(word)

    @property
    def chosen(self) -> ReachRow | None:
        """The current row, unless it stands for others."""
        row = self.current()
        return row if isinstance(row, ReachRow) else None

    def unfold(self, key: str) -> None:
        row = self.model_.at(self.model_.place_of(key))
        if isinstance(row, Folded):
            self.spread_wanted.emit(row)
        else:
            super().unfold(key)

    # -- sizes

    def needed(self, row: Shown) -> int:
        theme, heading = self._theme, isinstance(row, Heading)
        return max(theme.px(HEAD if heading else ROW), theme.box(13) + theme.px(5 if heading else 3))

    def details_left(self) -> int:
        return self._theme.px(SIDE)

    def fit(self) -> None:
        """The ray gives way first, then how it is known, then the button: details say and do the same."""
        theme, whole = self._theme, self.viewport().width()
        widths = {WAY: RAY, ANSWER: OUTCOME, BASIS: KNOWN, DOES: ACT}
        wide = {at: theme.px(width) for at, width in widths.items()}
        metrics = QFontMetrics(theme.font(12, MEDIUM))
        for at, texts in ((ANSWER, words.ANSWERS.values()), (BASIS, words.KNOWN.values())):
            longest = max(metrics.horizontalAdvance(translate(text)) for text in texts)
            wide[at] = max(wide[at], longest + theme.px(36 if at == ANSWER else 24))
        acts = (msg("Fix"), msg("Lock"), msg("Hide"))
        wide[DOES] = max(wide[DOES], max(metrics.horizontalAdvance(translate(word)) for word in acts) + theme.px(34))
        least = theme.px(LEAST)
        left = whole - sum(wide.values()) - least
        if left < theme.px(60):
            wide[WAY] = max(theme.px(RAY_LEAST), wide[WAY] + left - theme.px(60))
        for at in (BASIS, DOES):
            away = whole - sum(wide.values()) < least
            self.setColumnHidden(at, away)
            if away:
                del wide[at]
        for at, width in wide.items():
            self.setColumnWidth(at, width)
        self.setColumnWidth(THING, max(theme.px(80), whole - sum(wide.values())))
        self.set_heights()
        self.viewport().update()
        self.fitted.emit()

    # -- events

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        row = self.model_.at(index.row())
        if index.column() == DOES and isinstance(row, ReachRow) and act_word(row) is not None:
            self._pressed = key_of(row) if self.open == key_of(row) else self._pressed
            self.setCurrentIndex(index)
            self.pressed.emit(row)
            self.setState(self.State.NoState)
            return
        super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.chosen
        if event.key() == Qt.Key.Key_F and not event.modifiers() and row is not None and act_word(row) is not None:
            self.pressed.emit(row)
        else:
            super().keyPressEvent(event)

    # -- painting

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, state: QStyle.StateFlag) -> None:
        row, column, theme = index.data(ItemRole), index.column(), self._theme
        if isinstance(row, Heading):
            if column == THING:
                self._paint_heading(painter, self._across(painter, rect).adjusted(0, theme.px(2), 0, 0), row)
        elif isinstance(row, Folded):
            if column == THING:
                draw_line(painter, self._across(painter, rect), _folded_text(row), theme.font(12), theme, "text2")
        elif column == THING:
            self._paint_thing(painter, rect.adjusted(theme.px(SIDE), 0, -theme.px(8), -1), row)
        elif column == WAY:
            paint_ray(painter, QRectF(rect), row, theme)
        elif column == ANSWER:
            side = theme.px(11)
            top = rect.center().y() - side / 2
            paint_mark(painter, QRectF(rect.left() + theme.px(2), top, side, side), mark_of(row), theme, ink_of(row))
            room = rect.adjusted(theme.px(18), 0, -2, -1)
            draw_line(painter, room, outcome_word(row), theme.font(12, MEDIUM), theme, ink_of(row))
        elif column == BASIS:
            self._paint_basis(painter, rect, row)
        else:
            self._paint_button(painter, QRectF(rect), row)

    def _across(self, painter: QPainter, rect: QRect) -> QRect:
        """The room of a row that has no further cells."""
        painter.setClipping(False)
        side = self._theme.px(SIDE)
        return QRect(side, rect.top(), self.viewport().width() - 2 * side, rect.height())

    def _paint_heading(self, painter: QPainter, room: QRect, row: Heading) -> None:
        theme, bold = self._theme, self._theme.font(12, BOLD)
        title = translate(row.title)
        draw_line(painter, room, title, bold, theme, "text")
        room.setLeft(room.left() + QFontMetrics(bold).horizontalAdvance(title) + theme.px(8))
        draw_line(painter, room, _counted(row), theme.font(12), theme, "open" if row.open else "text2")

    def _paint_thing(self, painter: QPainter, room: QRect, row: ReachRow) -> None:
        theme = self._theme
        font = theme.font(13, MEDIUM if row.answer is Answer.OPEN else REGULAR)
        name = translate(row.thing.name)
        draw_line(painter, room, name, font, theme, "text")
        room.setLeft(room.left() + QFontMetrics(font).horizontalAdvance(name) + theme.px(8))
        paint_place(painter, room, row, theme)

    def _paint_basis(self, painter: QPainter, rect: QRect, row: ReachRow) -> None:
        theme, tried = self._theme, row.known is Known.TRIED
        font = theme.font(12, MEDIUM if tried else REGULAR)
        draw_line(painter, rect, basis_word(row), font, theme, "text" if tried else "text2")

    def _paint_button(self, painter: QPainter, rect: QRectF, row: ReachRow) -> None:
        theme, word = self._theme, self.button_word(row)
        if not word:
            return
        painter.setFont(theme.font(11, MEDIUM))
        wide = painter.fontMetrics().horizontalAdvance(word) + theme.px(16)
        high = min(rect.height() - 2, theme.box(11) + theme.px(3))
        box = QRectF(rect.right() - wide - theme.px(12), rect.center().y() - high / 2, wide, high)
        done = self._in_plan(row)
        painter.setPen(Qt.PenStyle.NoPen if done else QPen(theme.color("line2"), 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush if done else theme.color("panel"))
        painter.drawRoundedRect(box, theme.px(5), theme.px(5))
        painter.setPen(theme.color("enf" if done else "accent"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)


def _counted(row: Heading) -> str:
    return translate(msg("{open} of {count}", open=row.open, count=row.count))


def _folded_text(row: Folded) -> str:
    names = listed(translate(each.thing.name) for each in row.rows)
    return translate(plural("{count} closed: {names}", "{count} closed: {names}", len(row.rows), names=names))


def _head_text(row: Heading | Folded) -> str:
    if isinstance(row, Folded):
        return _folded_text(row)
    return translate(colon(row.title, _counted(row)))


def _whole(row: ReachRow) -> str:
    return "\n".join((translate(row.thing.name), *words.row_lines(row)))


def _spoken(row: ReachRow) -> str:
    told = (translate(row.thing.name), outcome_word(row), place_of(row), translate(words.closed_by(row)))
    return ". ".join(each for each in told if each)


def _way_text(row: ReachRow) -> str:
    return translate(words.closed_by(row))


# -- the ray

_PITCH = 23 / RAY  # of the column's width, between two layers
_FIRST = 21 / RAY


def stations(rect: QRectF) -> tuple[float, ...]:
    """Where the six layers stand, from the outermost."""
    return tuple(rect.left() + rect.width() * (_FIRST + _PITCH * place) for place in range(len(STRATA)))


LEGIBLE = 0.7  # of a path: less of it says nothing, and its tooltip has all


def paint_place(painter: QPainter, room: QRect, row: ReachRow, theme: Theme) -> None:
    """Draw what a row is about, if most of it can be read. Where it is cut, that is the path: `/etc/ss…_key +2`. Of a
    published port then only its outside is drawn.
    """
    font = theme.font(11, fixed=True)
    whole, width = place_of(row, 200), QFontMetrics(font).horizontalAdvance
    if width(whole) < room.width():
        draw_line(painter, room, whole, font, theme, "text2", middle=True)
        return
    others = f" +{row.more}" if row.more else ""
    path = room.adjusted(0, 0, -width(others), 0)
    text = whole.removesuffix(words.others(row))
    if width(text) >= path.width() and row.thing.id in INWARD:
        text = text.partition(" → ")[0]
    if path.width() < LEGIBLE * width(text):
        return
    draw_line(painter, path, text, font, theme, "text2", middle=True)
    if others:
        draw_line(painter, room.adjusted(path.width(), 0, 0, 0), others, font, theme, "text2")


def paint_ray(painter: QPainter, rect: QRectF, row: ReachRow, theme: Theme) -> None:
    """Draw a row's way through the layers."""
    at, levels = stations(rect), words.level(row)
    y, begin, end = rect.center().y() + 0.5, rect.left(), at[-1] + rect.width() * _FIRST
    ink = theme.color(ink_of(row))
    thick = (2.2 if ink_of(row) == "open" else 1.5) * theme.scale
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if row.answer is Answer.UNKNOWN:
        pen = QPen(ink, 1.5 * theme.scale)
        pen.setDashPattern([2, 2.5])
        painter.setPen(pen)
        painter.drawLine(QPointF(begin, y), QPointF(end, y))
        painter.setPen(QPen(ink, 1.2 * theme.scale))
        painter.setBrush(theme.color("panel"))
        side = theme.px(4)
        corners = ((0, -side), (side, 0), (0, side), (-side, 0))
        painter.drawPolygon(QPolygonF([QPointF(at[-1] + x, y + down) for x, down in corners]))
    elif row.answer is Answer.CLOSED:
        stop = levels.index("closes") if "closes" in levels else len(levels) - 1
        _paint_closed(painter, at, levels, stop, (begin, end, y), theme)
    else:
        painter.setPen(QPen(ink, thick))
        painter.drawLine(QPointF(begin, y), QPointF(end - theme.px(4), y))
        for x in at:
            _paint_passed(painter, QPointF(x, y), ink, theme)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        side = theme.px(4)
        tip = (QPointF(end + side / 2, y), QPointF(end - side * 1.5, y - side), QPointF(end - side * 1.5, y + side))
        painter.drawPolygon(QPolygonF(list(tip)))
    painter.restore()


def _paint_passed(painter: QPainter, at: QPointF, ink: Any, theme: Theme) -> None:
    painter.setPen(QPen(ink, 1.2 * theme.scale))
    painter.setBrush(theme.color("panel"))
    painter.drawEllipse(at, 3 * theme.scale, 3 * theme.scale)


def _paint_closed(
    painter: QPainter,
    at: Sequence[float],
    levels: Sequence[str],
    stop: int,
    line: tuple[float, float, float],
    theme: Theme,
) -> None:
    """`stop`: the layer that closes it; `line`: begin, end and height of the ray."""
    begin, end, y = line
    quiet = theme.color("text3")
    painter.setPen(QPen(quiet, 1.5 * theme.scale))
    painter.drawLine(QPointF(begin, y), QPointF(at[stop], y))
    pen = QPen(theme.color("line2"), 1.0 * theme.scale)
    pen.setDashPattern([1, 3])
    painter.setPen(pen)
    painter.drawLine(QPointF(at[stop], y), QPointF(end, y))
    for x in at[:stop]:
        _paint_passed(painter, QPointF(x, y), quiet, theme)
    full, less = 6 * theme.scale, 4 * theme.scale
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("enf"))
    painter.drawRoundedRect(QRectF(at[stop] - full, y - full, 2 * full, 2 * full), 2 * theme.scale, 2 * theme.scale)
    painter.setPen(QPen(theme.color("enf"), 1.2 * theme.scale))
    painter.setBrush(theme.color("panel"))
    for x, level in zip(at, levels, strict=True):
        if level == "would":
            painter.drawRoundedRect(QRectF(x - less, y - less, 2 * less, 2 * less), theme.scale, theme.scale)


class Heads(QWidget):
    """The head of the card: what is asked, and the layers and words above the table's columns. `again`: its button."""

    def __init__(self, theme: Theme, table: ReachTable, again: QPushButton) -> None:
        super().__init__()
        self._theme, self._table, self.again = theme, table, again
        self.title, self.count = Line(theme, 13, BOLD), Line(theme, 12, ink="text2")
        self.title.say(translate(msg("What can it get at?")))
        theme.lay(QHBoxLayout(self), self.title, self.count, STRETCH, again, around=(SIDE, 3, 6, 3), gap=10)
        self.setMinimumHeight(theme.px(30))
        table.fitted.connect(self.update)
        theme.changed.connect(self.update)

    def show_count(self, found: Reached | None) -> None:
        """Show how many rows are open."""
        text = "" if found is None else translate(
            msg("{open} of {count}", open=len(found.open), count=words.asked(found))
        )  # fmt: skip
        self.count.say(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, table, painter = self._theme, self._table, smooth_painter(self)
        painter.setPen(theme.color("line"))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
        place = partial(self._place, table)
        left = self.count.geometry().right() if self.count.text() else self.title.geometry().right()
        ray, side, middle = place(WAY), theme.px(14), self.height() / 2
        if ray.left() > left:
            for number, x in zip(range(len(STRATA), 0, -1), stations(ray), strict=True):
                box = QRectF(x - side / 2 + 0.5, middle - side / 2 + 0.5, side, side)
                paint_number(painter, box, number, theme)
        for column, word in ((ANSWER, msg("Outcome")), (BASIS, msg("How known"))):
            room, text = place(column), translate(word)
            wide = QFontMetrics(theme.font(11, MEDIUM)).horizontalAdvance(text)
            if not table.isColumnHidden(column) and left < room.left() and room.left() + wide < self.again.x():
                draw_line(painter, room.toRect(), text, theme.font(11, MEDIUM), theme, "text3")

    def _place(self, table: ReachTable, column: int) -> QRectF:
        x = self.mapFromGlobal(table.viewport().mapToGlobal(QPoint(0, 0))).x()
        return QRectF(x + table.columnViewportPosition(column), 0, table.columnWidth(column), self.height())
