"""The cells of the map of system calls: one for each call, as many in a row as fit, below headings of their groups.

A heading is a row that cannot be selected, so that a single list gives one keyboard and screen reader order. What
differs from the other side comes first, under a heading of its own.

The mark's silhouette shows the verdict, as everywhere: full square denied, half square conditional, ring allowed, `?`
unknown. Most calls pass in every container, so a ring is grey; it is red only if a dangerous call passes that the other
side stops. The background of a cell is patterned like the bands of the strata.
"""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QFrame, QListView, QStyle

from stratascope.core.layer import CallTable, CallVerdict
from stratascope.core.message import NOTHING, Message, colon, msg, plural
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.layers.seccomp.call_groups import GROUPS, group_of
from stratascope.presentation.syscall_map import VERDICTS, Pair, dangerous, explain, pairs
from stratascope.ui.kit.focus_order import focus_pen
from stratascope.ui.kit.marks import INK, Mark, paint_mark
from stratascope.ui.kit.table import AnyIndex, CellPainter, Column, ItemModel, ItemRole
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.value import Value

ABSENT = msg("not in this table")


class Heading(Value):
    """The name of a group, and how many of its calls are shown."""

    title: str
    count: int


class Cell(Value):
    """One call; `compared` if there is another side."""

    pair: Pair
    dangerous: bool
    compared: bool

    @property
    def verdict(self) -> CallVerdict:
        """This side's verdict."""
        return CallVerdict.UNKNOWN if self.pair.here is None else self.pair.here.verdict

    @property
    def differs(self) -> bool:
        """Whether the other side's answer is different."""
        return self.compared and self.pair.differs


CallRow = Heading | Cell


def answer(pair: Pair, *, here: bool) -> str:
    """Return one side's answer in words: the verdict, and its condition if any."""
    call = pair.here if here else pair.there
    if call is None:
        return translate(ABSENT)
    word = translate(VERDICTS[call.verdict])
    if call.condition is None:
        return word
    return translate(colon(word, call.condition))


def rows_of(here: CallTable, there: CallTable | None, search: str) -> tuple[CallRow, ...]:
    """Return headings and calls whose name (or number) contains `search`."""
    wanted = search.strip().lower()
    shown = [
        Cell(pair, dangerous(pair.name), there is not None)
        for pair in pairs(here, there)
        if not wanted or wanted in pair.name.lower() or (pair.here is not None and wanted == str(pair.here.number))
    ]
    groups: dict[Message, list[Cell]] = {}
    different = [cell for cell in shown if cell.differs]
    for cell in shown:
        if not cell.differs:
            groups.setdefault(group_of(cell.pair.name), []).append(cell)
    rows: list[CallRow] = []
    if different:
        different.sort(key=lambda cell: (not cell.pair.wider, not cell.dangerous, cell.pair.name))
        rows += [Heading(translate(msg("Different")), len(different)), *different]
    for group in sorted(groups, key=GROUPS.index):
        rows += [Heading(plain(translate(group)), len(groups[group])), *groups[group]]
    return tuple(rows)


def spoken(row: CallRow) -> str:
    """Return the accessible text of a row."""
    if isinstance(row, Heading):
        return translate(
            plural("{title}, {count} system call", "{title}, {count} system calls", row.count, title=row.title)
        )
    here = answer(row.pair, here=True)
    if row.differs:
        there = answer(row.pair, here=False)
        return translate(msg("{name}: {here}, different there: {there}", name=row.pair.name, here=here, there=there))
    return translate(colon(row.pair.name, here))


def _name(row: CallRow) -> str:
    return row.title if isinstance(row, Heading) else plain(row.pair.name)


def _whole(row: CallRow) -> str:
    if isinstance(row, Heading):
        return ""
    return "\n".join((spoken(row), *map(translate, explain(row.pair.name))))


def key_of(row: CallRow) -> str:
    """Return a row's key: a call's name, which no heading has."""
    return f"{row.title}:" if isinstance(row, Heading) else row.pair.name


CALLS = (Column(NOTHING, _name, whole=_whole, spoken=spoken),)


CELL, ROW, HEAD = 132, 22, 27
MARKS = {
    CallVerdict.ALLOWED: Mark.OPEN,
    CallVerdict.DENIED: Mark.ENFORCED,
    CallVerdict.DEPENDS: Mark.WEAKENED,
    CallVerdict.UNKNOWN: Mark.UNKNOWN,
}
_SOFT = {CallVerdict.DENIED: "enf_soft", CallVerdict.DEPENDS: "weak_soft", CallVerdict.UNKNOWN: "unk_soft"}


def ink_of(cell: Cell, verdict: CallVerdict, *, here: bool = True) -> str:
    """Return the colour of a mark: red only for a dangerous call that passes here and not there."""
    if verdict is not CallVerdict.ALLOWED:
        return INK[MARKS[verdict]]
    if here and cell.dangerous and cell.differs and cell.pair.wider:
        return "open"
    return "text3"


def paint_ground(painter: QPainter, box: QRectF, verdict: CallVerdict, theme: Theme) -> None:
    """Paint the background of a verdict: outline, full, hatched, dotted."""
    painter.save()
    radius = theme.px(4)
    soft = _SOFT.get(verdict)
    painter.setPen(QPen(theme.color("line"), 1) if soft is None else Qt.PenStyle.NoPen)
    painter.setBrush(Qt.BrushStyle.NoBrush if soft is None else theme.color(soft))
    painter.drawRoundedRect(box, radius, radius)
    painter.setClipRect(box)
    if verdict is CallVerdict.DEPENDS:
        painter.setPen(QPen(theme.color("weak", 0.18 if not theme.high_contrast else 0.6), 1.5))
        pitch, x = theme.px(9), box.left() - box.height()
        while x < box.right():
            painter.drawLine(QPointF(x, box.bottom()), QPointF(x + box.height(), box.top()))
            x += pitch
    elif verdict is CallVerdict.UNKNOWN:
        painter.setPen(QPen(theme.color("unk", 0.5), 1.2))
        pitch = theme.px(6)
        for row in range(int(box.height()) // pitch + 1):
            for column in range(int(box.width()) // pitch + 1):
                painter.drawPoint(QPointF(box.left() + 3 + column * pitch, box.top() + 3 + row * pitch))
    painter.restore()


class CallList(QListView):
    """The list: cells from left to right; a heading takes a row of its own."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.calls = ItemModel(CALLS, key_of, self, choosable=lambda row: isinstance(row, Cell))
        self.cell_width, self.row_width, self.row_height, self.head_height = CELL, 4 * CELL, ROW, HEAD
        self.setModel(self.calls)
        self.setItemDelegate(CellPainter(theme, self, self._paint, self._size))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMouseTracking(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setAccessibleName(translate(msg("System calls")))
        self.setAccessibleDescription(translate(msg("Arrow keys move from call to call; a description is shown below")))
        self.reflow()
        theme.changed.connect(self.reflow)

    def reflow(self) -> None:
        """Divide the width among as many cells as fit."""
        theme = self._theme
        self.row_height = max(theme.px(ROW), theme.box(11) + theme.px(5))
        self.head_height = max(theme.px(HEAD), theme.box(11) + theme.px(9))
        # reserve the scroll bar's width, so that its coming and going moves no cell
        width = max(theme.px(CELL), self.width() - self.verticalScrollBar().sizeHint().width() - 1)
        count = max(1, width // theme.px(CELL))
        self.cell_width = width // count
        self.row_width = self.cell_width * count
        self.verticalScrollBar().setSingleStep(self.row_height)
        self.scheduleDelayedItemsLayout()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.reflow()

    def moveCursor(self, action: QListView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Let left and right wrap at a row's end, and skip headings."""
        step = {QListView.CursorAction.MoveLeft: -1, QListView.CursorAction.MoveRight: 1}.get(action)
        first_or_last = {QListView.CursorAction.MoveHome: 1, QListView.CursorAction.MoveEnd: -1}.get(action)
        rows = self.calls.rows
        if first_or_last is not None:
            places = range(len(rows))[::first_or_last]
        elif step is not None and self.currentIndex().isValid():
            at = self.currentIndex().row()
            places = range(at + 1, len(rows)) if step > 0 else range(at - 1, -1, -1)
        else:
            return super().moveCursor(action, modifiers)
        found = next((place for place in places if isinstance(rows[place], Cell)), None)
        return self.currentIndex() if found is None else self.calls.index(found, 0)

    # -- painting

    def _size(self, index: AnyIndex) -> QSize:
        if isinstance(index.data(ItemRole), Heading):
            return QSize(self.row_width, self.head_height)
        return QSize(self.cell_width, self.row_height)

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, state: QStyle.StateFlag) -> None:
        row = index.data(ItemRole)
        if isinstance(row, Heading):
            self._heading(painter, rect, row)
        else:
            self._call(painter, rect, row, state)

    def _heading(self, painter: QPainter, rect: QRect, row: Heading) -> None:
        theme = self._theme
        box = rect.adjusted(0, theme.px(5), 0, 0)
        painter.setFont(theme.font(11, BOLD))
        painter.setPen(theme.color("text2"))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, row.title)
        x = rect.left() + painter.fontMetrics().horizontalAdvance(row.title) + theme.px(8)
        painter.setFont(theme.font(11, MEDIUM))
        painter.setPen(theme.color("text3"))
        count = str(row.count)
        painter.drawText(QRect(x, box.top(), theme.px(60), box.height()), Qt.AlignmentFlag.AlignVCenter, count)
        x += painter.fontMetrics().horizontalAdvance(count) + theme.px(8)
        painter.setPen(QPen(theme.color("line"), 1))
        middle = box.center().y() + 0.5
        painter.drawLine(QPointF(x, middle), QPointF(rect.left() + self.row_width - theme.px(4), middle))

    def _call(self, painter: QPainter, rect: QRect, cell: Cell, state: QStyle.StateFlag) -> None:
        theme = self._theme
        gap = theme.px(3)
        box = QRectF(rect.left() + 0.5, rect.top() + 0.5, self.cell_width - gap, self.row_height - gap)
        paint_ground(painter, box, cell.verdict, theme)
        side = theme.px(9)
        top = box.center().y() - side / 2
        x = box.left() + theme.px(5)
        for here in (True, False):
            call = cell.pair.here if here else cell.pair.there
            if not here and not cell.differs:
                continue
            mark = Mark.NOT_RUNNING if call is None else MARKS[call.verdict]
            ink = "" if call is None else ink_of(cell, call.verdict, here=here)
            paint_mark(painter, QRectF(x, top, side, side), mark, theme, ink)
            x += side + theme.px(4 if here and cell.differs else 5)
            if here and cell.differs:
                painter.setPen(QPen(theme.color("line2"), 1))
                painter.drawLine(QPointF(x, box.top() + theme.px(4)), QPointF(x, box.bottom() - theme.px(4)))
                x += theme.px(4)
        warned = cell.dangerous and cell.verdict is not CallVerdict.DENIED
        painter.setFont(theme.font(11, BOLD if warned else MEDIUM.Normal))
        painter.setPen(theme.color("text"))
        room = int(box.right() - x - theme.px(4))
        name = painter.fontMetrics().elidedText(plain(cell.pair.name, 80), Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(QRectF(x, box.top(), room + 1, box.height()), Qt.AlignmentFlag.AlignVCenter, name)
        if cell.differs:
            corner = theme.px(7)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("text2"))
            painter.drawPolygon(
                QPolygonF(
                    [QPointF(box.right() - corner, box.top()), box.topRight(), QPointF(box.right(), box.top() + corner)]
                )
            )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if state & QStyle.StateFlag.State_Selected:
            strong = self.hasFocus()
            painter.setPen(focus_pen(theme, 2.4) if strong else QPen(theme.color("line2"), 1))
            inside = 0.7 if strong else 0.0
            painter.drawRoundedRect(box.adjusted(inside, inside, -inside, -inside), theme.px(4), theme.px(4))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(QPen(theme.color("line2"), 1))
            painter.drawRoundedRect(box, theme.px(4), theme.px(4))
