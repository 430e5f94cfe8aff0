"""The list of refusals: rows at least 48 high; the current one unfolds to explain the refusal and to offer remedies.

Rows keep their order while somebody looks at them: first what was fatal, then the newest. A repeated refusal moves up
only after a quiet minute, so that several frequent ones do not change places twice a second. While the list is being
read, new rows are appended, where they move nothing.

No sentence is cut: a row is as high as its longest text needs. Only the raw call is elided, in its middle.
"""

from __future__ import annotations

import time
from enum import IntEnum
from functools import partial

from PySide6.QtCore import QEvent, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QMouseEvent, QPainter
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStyle, QVBoxLayout, QWidget

from stratascope.core.layer import Verdict
from stratascope.core.message import Message, msg
from stratascope.core.refusals.refusal import Refusal
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation import refusals_report as words
from stratascope.ui.kit import table
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.flow import Flow
from stratascope.ui.kit.labels import Label, Line, breakable, draw_line
from stratascope.ui.kit.marks import Mark, paint_mark, paint_number
from stratascope.ui.kit.table import AnyIndex, Heads, ItemModel, ItemRole
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, STRETCH, Theme
from stratascope.ui.kit.unfolding import RowDetails, UnfoldingTable
from stratascope.value import Value

OFFERED = 3  # remedies that get a button
_ON_THE_RIGHT = msg("It is switched on in the plan, and takes effect with the next relaunch.")


class Act(Value):
    """An action on a refusal: a button here, an entry in the context menu."""

    word: Message
    name: str  # allow, copy, fold or show
    choices: tuple[Choice, ...] = ()
    more: str = ""  # the tooltip


def acts(denial: Refusal, *, folded: bool, able: bool) -> tuple[Act, ...]:
    """Return the actions on a refusal. `folded`: the user marked it as harmless; `able`: relaunching is available."""
    found: list[Act] = []
    for remedy in denial.remedies if able else ():
        if remedy.choice is not None and len(found) < OFFERED:
            text, opens = plain(translate(remedy.text), 80), words.opens(remedy)[0]
            more = "\n".join(each for each in (opens, translate(_ON_THE_RIGHT)) if each)
            word = msg("Or: {remedy}", remedy=text) if found else msg("Allow: {remedy}", remedy=text)
            found.append(Act(word, "allow", remedy.choices, more))
    found.append(Act(msg("Copy"), "copy"))
    if folded:
        found.append(Act(msg("Show such refusals again"), "show"))
    elif not denial.benign:
        found.append(Act(msg("Treat such refusals as harmless"), "fold"))
    return tuple(found)


class Details(RowDetails):
    """The unfolded part of a row. `wanted` carries the Act of the button that was pressed."""

    wanted = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._acts: tuple[Act, ...] = ()
        self.why = Label(theme, 12, wrap=True).selectable()
        self.why.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the list is read by arrow keys; Copy has the whole text
        self.why.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.buttons = Flow(theme, middle=False)
        self.times = Line(theme, 11, ink="text2", fixed=True)
        self.times.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.times.setAlignment(Qt.AlignmentFlag.AlignRight)
        below = theme.lay(QHBoxLayout(), self.times)
        self._column = theme.lay(
            QVBoxLayout(self), self.why, self.buttons, below, STRETCH, around=(0, 2, 12, 10), gap=6
        )

    def show_denial(self, denial: Refusal, found: tuple[Act, ...]) -> None:
        """Show a refusal; its buttons are replaced only if they change, so that one keeps the focus."""
        self.why.setText(words.whole(denial))
        self.times.say(words.span_text(denial))
        self.setAccessibleName(self.why.text().split("\n")[0])
        if found != self._acts:
            self._acts = found
            made = (
                text_button(self._theme, act.word, partial(self.wanted.emit, act), look="act", more=act.more)
                for act in found
            )
            self.buttons.put(tuple(made))

    def spoken(self) -> str:
        return self.why.text()

    def high_at(self, width: int) -> int:
        theme, edges = self._theme, self._column.contentsMargins()
        inner = max(1, width - edges.left() - edges.right())
        self.buttons.resize(inner, self.buttons.height())
        text = self.why.heightForWidth(inner)
        self.why.setFixedHeight(text)  # otherwise the other widgets would share the height above its minimum
        parts = (text, self.buttons.sizeHint().height(), theme.box(11))
        return sum(parts) + 2 * theme.px(6) + edges.top() + edges.bottom()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent):  # swallow clicks: passed on, they would press the row, which folds it
            event.accept()
            return True
        return super().event(event)


ROW = 48
SIDE = 12  # px left of the first column
TIGHT = 620  # below this width the time is hidden, and the raw call and the process share the rest
QUIET = 60.0  # seconds
_KNOWN = 5000  # cached heights of texts


class Column(IntEnum):
    """The columns, from the left."""

    TIME = 0
    PROCESS = 1
    TRIED = 2
    LAYER = 3
    ALLOWED = 4


_HEADS = {
    Column.TIME: msg("Time"),
    Column.PROCESS: msg("Process"),
    Column.TRIED: msg("What it tried"),
    Column.LAYER: msg("Refused by"),
    Column.ALLOWED: msg("What would allow it"),
}
_SHARES = {Column.PROCESS: 0.17, Column.TRIED: 0.33, Column.LAYER: 0.23, Column.ALLOWED: 0.27}


class DenialModel(ItemModel):
    """The rows; harmless refusals, if shown, are below all others."""

    def __init__(self, layers: words.Layers) -> None:
        super().__init__(tuple(map(self._column, Column)), lambda denial: denial.key)
        self._layers = layers
        self.harmless: frozenset[str] = frozenset()  # keys of the harmless ones
        self.waiting = 0  # new rows at the end that have no place in the order yet
        self._rank: dict[str, float] = {}  # by key: the moment that decides its place

    def placed(self, shown: tuple[Refusal, ...], harmless: tuple[Refusal, ...], *, hold: bool) -> tuple[Refusal, ...]:
        """Return refusals in their order. `hold`: rows keep their places, new ones come last."""
        self.harmless = frozenset(each.key for each in harmless)
        found = {each.key: each for each in (*shown, *harmless)}
        if hold:
            stay = [found.pop(each.key, each) for each in self.rows]
            self.waiting += len(found)
            return (*stay, *found.values())
        self.waiting = 0
        self._place(found)
        return tuple(sorted(found.values(), key=self._order))

    def _place(self, found: dict[str, Refusal]) -> None:
        ranks = {}
        for key, each in found.items():
            rank = self._rank.get(key)
            ranks[key] = each.last if rank is None or each.last - rank > QUIET else rank
        self._rank = ranks

    def _order(self, denial: Refusal) -> tuple[bool, bool, float, str]:
        return denial.key in self.harmless, not denial.ended, -self._rank[denial.key], denial.key

    def _column(self, column: Column) -> table.Column:
        def text(denial: Refusal) -> str:
            return self.lines(denial, column)[0]

        def spoken(denial: Refusal) -> str:
            return ", ".join(filter(None, self.lines(denial, column)))

        def whole(denial: Refusal) -> str:
            lines = (words.span_text(denial),) if column is Column.TIME else self.lines(denial, column)
            return "\n".join(filter(None, lines))

        return table.Column(_HEADS[column], text, whole=whole, spoken=spoken)

    def lines(self, denial: Refusal, column: Column) -> tuple[str, str]:
        """Return the two lines of a cell."""
        match column:
            case Column.TIME:
                return words.time_lines(denial.last, time.time())
            case Column.PROCESS:
                return plain(denial.process, 100), words.process_below(denial)
            case Column.TRIED:
                return words.tried(denial), words.answered(denial)
            case Column.LAYER:
                return self._layers.title(denial.claim.layer), words.reason(denial.claim)
            case Column.ALLOWED:
                allowed, opens, _ = words.allowed_by(denial)
                return allowed, opens


class DenialTable(UnfoldingTable):
    """The table."""

    lead = int(Column.TRIED)
    model_: DenialModel

    def __init__(self, theme: Theme, layers: words.Layers) -> None:
        self.layers = layers
        self.whose: ContainerState | None = None  # the container whose refusals are shown
        self.leftmost = Column.TIME
        self._tall: dict[tuple[int, bool, int, str], int] = {}  # key: size, bold, width, text
        self.details: Details
        super().__init__(
            theme, translate(msg("What was refused")), DenialModel(layers), self._paint, self._make_details
        )
        self.set_heads(Heads(theme, SIDE))
        self.setAccessibleDescription(translate(msg("Enter expands a row, with the reason and what would allow it")))
        self.fit()

    def _make_details(self, parent: QWidget) -> Details:
        self.details = Details(self._theme, parent)
        return self.details

    def restyle(self) -> None:
        self._tall.clear()
        super().restyle()

    @property
    def chosen(self) -> Refusal | None:
        """The refusal of the current row."""
        return self.current()  # type: ignore[no-any-return]

    @property
    def at_top(self) -> bool:
        """Whether new rows may be inserted: nothing further down or unfolded is being read."""
        return not self.open and self.verticalScrollBar().value() == 0

    def show_denials(self, shown: tuple[Refusal, ...], harmless: tuple[Refusal, ...], *, hold: bool) -> None:
        """Replace the refusals; the unfolded row stays unfolded. `hold`: as in the model."""
        self.show_rows(self.model_.placed(shown, harmless, hold=hold))
        self.place_details()

    def fit(self) -> None:
        """Distribute the width; if there is little, hide the time."""
        theme, whole = self._theme, self.viewport().width()
        tight = whole < theme.px(TIGHT)
        self.leftmost = Column.PROCESS if tight else Column.TIME
        self.setColumnHidden(Column.TIME, tight)
        wide = 0 if tight else theme.px(SIDE + 8 + 66)
        self.setColumnWidth(Column.TIME, max(1, wide))
        left = whole - wide
        for column, share in _SHARES.items():
            self.setColumnWidth(column, max(theme.px(40), round(left * share)))
        used = sum(self.columnWidth(column) for column in (Column.PROCESS, Column.TRIED, Column.LAYER))
        self.setColumnWidth(Column.ALLOWED, max(theme.px(40), left - used))
        self.verticalScrollBar().setSingleStep(theme.px(ROW))
        self.set_heights()
        self.viewport().update()

    def needed(self, row: Refusal) -> int:
        least = max(self._theme.px(ROW), self._theme.box(13) + self._theme.box(11) + self._theme.px(10))
        return max(least, self._texts_high(row))

    def details_left(self) -> int:
        return self.columnViewportPosition(Column.PROCESS) + self._theme.px(
            SIDE if self.leftmost == Column.PROCESS else 6
        )

    # -- painting

    def _texts_high(self, denial: Refusal) -> int:
        """Return the height that a row's texts need."""
        lines = self.model_.lines
        return max(sum(self._heights(denial, column, *lines(denial, column))) for column in Column) + self._theme.px(10)

    def _heights(self, denial: Refusal, column: Column, one: str, two: str) -> tuple[int, int]:
        """Return the heights of the two texts of a cell."""
        theme = self._theme
        left = theme.px(SIDE if column == self.leftmost else 6)
        width = max(20, self.columnWidth(column) - left - theme.px(6))
        if column is Column.TIME:
            return theme.box(11), theme.box(11)
        beside = 0
        if column is Column.LAYER and self.layers.number(denial.claim.layer):
            marked = mark_of(self.whose, denial.claim.layer) is not None
            beside = theme.px(21 + (17 if marked else 0))
        size = 12 if column is Column.ALLOWED else 13
        bold = column is Column.PROCESS
        upper = max(theme.box(13), self._text_high(one, size, width - beside, bold=bold))
        if column is Column.TRIED:
            return upper, theme.box(11)
        signed = column is Column.ALLOWED and words.allowed_by(denial)[2] == "weak"
        signed = signed or (column is Column.PROCESS and denial.ended)
        return upper, max(theme.box(11), self._text_high(two, 11, width - (theme.px(14) if signed else 0)))

    def _text_high(self, text: str, size: int, width: int, *, bold: bool = False) -> int:
        key = size, bold, width, text
        found = self._tall.get(key)
        if found is None:
            if len(self._tall) >= _KNOWN:
                self._tall.clear()
            metrics = QFontMetrics(self._theme.font(size, BOLD if bold else MEDIUM if size == 12 else REGULAR))
            width, wrap = max(20, width), int(Qt.TextFlag.TextWordWrap.value)
            box = metrics.boundingRect(QRect(0, 0, width, 10000), wrap, breakable(text, metrics, width))
            found = self._tall[key] = box.height()
        return found

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, _: QStyle.StateFlag) -> None:
        theme, column, denial = self._theme, Column(index.column()), index.data(ItemRole)
        left = theme.px(SIDE if column == self.leftmost else 6)
        room = rect.adjusted(left, 0, -theme.px(6), -1)
        self._cell(painter, room, denial, column, pale=denial.key in self.model_.harmless)

    def _cell(self, painter: QPainter, room: QRect, denial: Refusal, column: Column, *, pale: bool) -> None:
        theme = self._theme
        one, two = self.model_.lines(denial, column)
        first, second = self._heights(denial, column, one, two)
        top = room.top() + (room.height() - first - second) // 2
        upper, lower = QRect(room.left(), top, room.width(), first), QRect(room.left(), top + first, room.width(),
                                                                          second)  # fmt: skip
        ink, below = "text2" if pale else "text", "text2"
        match column:
            case Column.TIME:
                for box, text in ((upper, one), (lower, two)):
                    draw_line(painter, box, text, theme.font(11, fixed=True), theme, "text2")
                return
            case Column.PROCESS:
                _draw_text(painter, upper, one, theme.font(13, BOLD if not pale else REGULAR), theme, ink)
                if denial.ended and not pale:
                    lower, below = self._sign(painter, lower, Mark.TRIANGLE, "open"), "open"
            case Column.TRIED:
                _draw_text(painter, upper, one, theme.font(13), theme, ink)
                painter.setFont(theme.font(11, fixed=True))
                fits = painter.fontMetrics().horizontalAdvance
                found = next((each for each in words.shorter(two) if fits(each) <= lower.width()), None)
                two = found or words.shorter(two)[-1]
                draw_line(painter, lower, two, theme.font(11, fixed=True), theme, below, middle=True)
                return
            case Column.LAYER:
                upper = self._layer(painter, upper, denial)
                _draw_text(painter, upper, one, theme.font(13), theme, ink)
            case Column.ALLOWED:
                _draw_text(painter, upper, one, theme.font(12, MEDIUM), theme, "text2" if not denial.remedies else ink)
                if words.allowed_by(denial)[2] == "weak":
                    lower = self._sign(painter, lower, Mark.TRIANGLE, "weak")
        _draw_text(painter, lower, two, theme.font(11), theme, below)

    def _sign(self, painter: QPainter, room: QRect, mark: Mark, ink: str) -> QRect:
        theme, side = self._theme, self._theme.px(10)
        top = room.top() + (theme.box(11) - side) / 2
        paint_mark(painter, QRectF(room.left(), top, side, side), mark, theme, ink)
        return room.adjusted(theme.px(14), 0, 0, 0)

    def _layer(self, painter: QPainter, room: QRect, denial: Refusal) -> QRect:
        """Paint the layer's number and mark; return the room left for its name."""
        theme = self._theme
        number, side = self.layers.number(denial.claim.layer), theme.px(16)
        if not number:
            return room
        middle = room.top() + theme.box(13) / 2
        top = middle - side / 2
        paint_number(painter, QRectF(room.left(), top, side, side), number, theme)
        room = room.adjusted(theme.px(21), 0, 0, 0)
        mark = mark_of(self.whose, denial.claim.layer)
        if mark is not None:
            box = theme.px(11)
            paint_mark(painter, QRectF(room.left(), middle - box / 2, box, box), mark, theme)
            room = room.adjusted(theme.px(17), 0, 0, 0)
        return room


def _draw_text(painter: QPainter, room: QRect, text: str, font: QFont, theme: Theme, ink: str) -> None:
    painter.setFont(font)
    painter.setPen(theme.color(ink))
    shown = breakable(text, painter.fontMetrics(), room.width())
    painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap, shown)


def mark_of(state: ContainerState | None, which: str) -> Mark | None:
    """Return the mark of that layer's verdict in this container; None: not a layer, or unknown."""
    layers = () if state is None else state.layers
    verdict = next((each.assessment.verdict for each in layers if each.id == which), Verdict.UNKNOWN)
    return None if verdict is Verdict.UNKNOWN else Mark(verdict.value)
