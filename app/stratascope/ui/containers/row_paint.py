"""Paints the rows and group headers of the list: name, marks, exposure and its trend, filter matches, drift."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QColor,
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSizePolicy, QStyle, QWidget

from stratascope.core.container import Container, Status
from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import best_text, ended_word, level_ink, number_text
from stratascope.presentation.takeover import runs
from stratascope.ui.containers.rows import GroupKind, ListRow, Reach, ViewBy, nothing_of
from stratascope.ui.kit import marks
from stratascope.ui.kit.engine_icons import SIDE, engine_pixmap
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import Mark, paint_mark
from stratascope.ui.kit.table import AnyIndex, ItemRole
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, STRETCH, Theme

SPARK_WIDE, SPARK_HIGH = 36, 12  # px
DAYS = 7.0
_STROKE, _DOT = 1.4, 1.6
_MOST = 10.0  # maximum of an exposure

Step = tuple[float, float]  # days ago (0 is now), and the exposure from then on


def corners(steps: Sequence[Step], box: QRectF) -> tuple[QPointF, ...]:
    """Return the corners of the line, from the left; empty without steps. A step from before the box starts at its
    edge.
    """
    known = sorted((step for step in steps if step[0] >= 0.0), key=lambda step: -step[0])
    before = [step for step in known if step[0] >= DAYS]
    inside = ([(DAYS, before[-1][1])] if before else []) + [step for step in known if step[0] < DAYS]
    found: list[QPointF] = []
    for days, exposure in inside:
        x = box.right() - box.width() * days / DAYS
        y = box.bottom() - box.height() * min(max(exposure, 0.0), _MOST) / _MOST
        if found and found[-1].y() != y:
            found.append(QPointF(x, found[-1].y()))
        found.append(QPointF(x, y))
    if found:
        found.append(QPointF(box.right(), found[-1].y()))
    return tuple(found)


def paint_sparkline(painter: QPainter, box: QRectF, steps: Sequence[Step], ink: QColor, ground: QColor) -> bool:
    """Paint a sparkline; False if there is nothing to draw. `ground`: colour of the base line (exposure 0)."""
    inner = box.adjusted(0, _DOT, -_DOT, -_DOT)
    line = corners(steps, inner)
    if not line:
        return False
    painter.setPen(QPen(ground, 1))
    painter.drawLine(QPointF(box.left(), box.bottom()), QPointF(box.right(), box.bottom()))
    painter.setPen(QPen(ink, _STROKE, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.MiterJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF(list(line)))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawEllipse(line[-1], _DOT, _DOT)
    return True


EXPOSURE = 52  # px: the exposure's column, with the gap before it


def view_by_word(view_by: ViewBy) -> Message:
    """Return the grouping in words."""
    words: dict[ViewBy, Message] = {
        ViewBy.WORST: msg("Worst first"),
        ViewBy.PROJECT: msg("By project"),
        ViewBy.ENGINE: msg("By engine"),
        ViewBy.NAME: msg("By name"),
    }
    return words[view_by]


class ListHead(QWidget):
    """The header of the list. `chosen` carries the grouping that was picked."""

    chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.button = QPushButton(self)
        self.button.setFlat(True)
        self.button.setFont(theme.font(11, MEDIUM))
        self.menu = QMenu(self)
        self.group = QActionGroup(self)
        for view_by in ViewBy:
            action = QAction(translate(view_by_word(view_by)), self)
            action.setCheckable(True)
            action.setData(view_by)
            action.triggered.connect(lambda _=False, chosen=view_by: self.chosen.emit(chosen))
            self.group.addAction(action)
            self.menu.addAction(action)
        self.button.setMenu(self.menu)
        self._line = theme.lay(QHBoxLayout(self), self.button, STRETCH, around=(9, 0, 0, 0))
        self.inset = 0  # width of the list's scroll bar, px
        self.show_view_by(ViewBy.WORST)
        theme.changed.connect(self.update)

    def show_view_by(self, view_by: ViewBy) -> None:
        """Show how the list is grouped."""
        self.button.setText(f"{translate(view_by_word(view_by))} ▾")
        self.button.setAccessibleName(translate(msg("List order: {division}", division=view_by_word(view_by))))
        for action in self.group.actions():
            action.setChecked(action.data() == view_by)

    def set_inset(self, inset: int) -> None:
        """Keep the numbers above the marks when the scroll bar appears."""
        if inset != self.inset:
            self.inset = inset
            self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        ways = QHBoxLayout.Direction
        self._line.setDirection(ways.RightToLeft if self._slim else ways.LeftToRight)
        word = translate(msg("Exposure"))
        cut = QFontMetrics(self._theme.font(10, MEDIUM)).horizontalAdvance(word) > self._theme.px(EXPOSURE)
        give_tip(self, word if cut else "")

    @property
    def _slim(self) -> bool:
        return self.width() < self._theme.px(SLIM)

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(240), max(self._theme.px(24), self._theme.box(11) + self._theme.px(8)))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setFont(theme.font(10, MEDIUM))
        painter.setPen(theme.color("text3"))
        pitch, mark = theme.px(16), theme.px(11)
        right = self.width() - 1 - self.inset - theme.px(16)
        left = right - theme.px(EXPOSURE) - 5 * pitch - mark
        text = self.button.fontMetrics().horizontalAdvance(self.button.text())
        fits = left - 4 >= self.button.x() + theme.px(7) + text
        if self._slim:  # above the marks, which are at the left there
            left, fits = theme.px(EDGE), True
        for number in range(1, 7) if fits else ():
            box = QRect(left + (number - 1) * pitch - 4, 0, mark + 8, self.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(number))
        word = "" if self._slim else translate(msg("Exposure"))
        cut = painter.fontMetrics().elidedText(word, Qt.TextElideMode.ElideRight, theme.px(EXPOSURE))
        box = QRect(right - theme.px(EXPOSURE) - 1, 0, theme.px(EXPOSURE) + 1, self.height())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, cut)


ROW, HEAD, PITCH, MARK, EDGE = 42, 25, 16, 11, 16
ICON = SIDE + 6  # px: an engine's icon and the gap behind it
SLIM = 260  # px of the design: a narrower list has marks in the place of the image
DRIFT, HALO = 8, 2.5  # px: the drift dot after a name, and the halo around it
STRIPS = 200  # cached pixmaps of six marks
_ARROW = 12  # px: room for the arrow of a header that folds

Past = Callable[[ContainerState], Sequence[Step]]  # the exposure of recent days; empty: unknown


def mark_of(entry: ListRow, number: int) -> Mark:
    """Return the mark of one layer in a row."""
    if entry.state is None or not runs(entry.state):
        return Mark.NOT_RUNNING
    layer = next((layer for layer in entry.state.layers if layer.number == number), None)
    return marks.mark_of(layer.assessment) if layer else Mark.UNKNOWN


class RowPaint:
    """Paints headers and rows. `narrow`: initials only. `elsewhere`: the selected row is an outline only."""

    def __init__(self, theme: Theme, focused: Callable[[], bool]) -> None:
        """`focused`: whether the list has the focus."""
        self._theme, self._focused = theme, focused
        self.narrow = self.elsewhere = False
        self._strips: dict[object, QPixmap] = {}
        self.past: Past = lambda state: ()
        self.reach: Reach = nothing_of

    def size(self, index: AnyIndex) -> QSize:
        """Return the size of a row or a header."""
        theme, entry = self._theme, index.data(ItemRole)
        if entry.state is None:
            return QSize(10, max(theme.px(HEAD), theme.box(12) + theme.px(6)))
        return QSize(10, max(theme.px(ROW), theme.box(13) + theme.box(11) + theme.px(6)))

    def draw(self, painter: QPainter, rect: QRect, index: AnyIndex, state: QStyle.StateFlag) -> None:
        """Paint a row or a header."""
        entry: ListRow = index.data(ItemRole)
        if entry.state is None:
            self._head(painter, rect, entry, focused=bool(state & QStyle.StateFlag.State_HasFocus) and self._focused())
        else:
            self._ground(painter, rect, state)
            if self.narrow:
                self._initials(painter, rect, entry)
            else:
                self._row(painter, rect, entry)

    def chip_box(self, rect: QRect, entry: ListRow) -> QRectF:
        """Return the box of a row's number of replicas; empty if it is a single container."""
        text = alike_text(entry)
        if not text or self.narrow:
            return QRectF()
        theme = self._theme
        left, right, top = self._edges(rect)
        left += theme.px(ICON)
        number = QFontMetrics(theme.font(15, BOLD, tabular=True)).horizontalAdvance(
            number_text(entry.state.matrix if entry.state else None)
        )
        wide = QFontMetrics(theme.font(11, MEDIUM)).horizontalAdvance(text) + theme.px(12)
        room = right - number - theme.px(8) - wide - theme.px(6) - left
        name = min(QFontMetrics(theme.font(13, MEDIUM)).horizontalAdvance(entry.title), room)
        high = theme.box(11)
        return QRectF(left + name + theme.px(6), top + (theme.box(13) - high) / 2, wide, high)

    # -- headers

    def _head(self, painter: QPainter, rect: QRect, entry: ListRow, *, focused: bool) -> None:
        theme = self._theme
        left, right = rect.left() + theme.px(EDGE), rect.right() - theme.px(EDGE)
        if focused:
            ring = QRectF(rect).adjusted(theme.px(6) + 1, 1, -theme.px(6) - 1, -1)
            paint_focus_ring(painter, ring, theme.px(6), theme)
        if self.narrow:
            painter.setPen(theme.color("line"))
            painter.drawLine(left, rect.center().y(), right, rect.center().y())
            return
        y = rect.center().y() + 1
        if entry.folds:
            self._arrow(painter, QPointF(left + theme.px(3), y), folded=entry.folded)
            left += theme.px(_ARROW)
        loud = entry.kind is GroupKind.TAKE_OVER
        number = number_text(entry.worst) if entry.worst is not None else ""
        count = QFontMetrics(theme.font(11)).horizontalAdvance(str(entry.count)) + theme.px(6)
        room = right - left - count - theme.px(36 if number else 0)
        painter.setFont(theme.font(11, BOLD))
        painter.setPen(theme.color("open" if loud else "text"))
        title = painter.fontMetrics().elidedText(entry.title, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(QRect(left, rect.top(), room + count, rect.height()), Qt.AlignmentFlag.AlignVCenter, title)
        x = left + painter.fontMetrics().horizontalAdvance(title) + theme.px(6)
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("text3"))
        more = translate(msg("{kind} · {count}", kind=entry.second, count=entry.count)) if entry.second else ""
        beside = painter.fontMetrics().horizontalAdvance(more) <= right - x - theme.px(44)
        more = more if more and beside else str(entry.count)
        painter.drawText(QRect(x, rect.top(), right - x, rect.height()), Qt.AlignmentFlag.AlignVCenter, more)
        x += painter.fontMetrics().horizontalAdvance(more) + theme.px(8)
        if number:
            painter.setFont(theme.font(12, BOLD, tabular=True))
            painter.setPen(theme.color(level_ink(entry.worst)))
            box = QRect(x, rect.top(), right - x + 1, rect.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, number)
            right -= painter.fontMetrics().horizontalAdvance(number) + theme.px(8)
        if x < right:
            painter.setPen(theme.color("line"))
            painter.drawLine(x, y, right, y)

    def _arrow(self, painter: QPainter, at: QPointF, *, folded: bool) -> None:
        side = self._theme.px(3)
        across, down = QPointF(side, 0), QPointF(0, side)
        half = (across / 2, down) if folded else (down / 2, across)
        points = [at - half[0] - half[1], at + half[0], at - half[0] + half[1]]
        painter.setPen(QPen(self._theme.color("text2"), 1.4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF(points))

    # -- rows

    def _ground(self, painter: QPainter, rect: QRect, state: QStyle.StateFlag) -> None:
        theme = self._theme
        box = QRectF(rect).adjusted(theme.px(6), 0.5, -theme.px(6), -0.5)
        if state & QStyle.StateFlag.State_Selected and self.elsewhere:
            painter.setPen(QPen(theme.color("line2"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), theme.px(7), theme.px(7))
        elif state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("sel"))
            painter.drawRoundedRect(box, theme.px(7), theme.px(7))
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(QRectF(box.left(), box.top() + 6, 3, box.height() - 12), 1.5, 1.5)
        if state & QStyle.StateFlag.State_HasFocus and self._focused():
            paint_focus_ring(painter, box.adjusted(1, 1, -1, -1), theme.px(6), theme)
        elif state & QStyle.StateFlag.State_MouseOver and not state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("sunk"))
            painter.drawRoundedRect(box, theme.px(7), theme.px(7))

    def _edges(self, rect: QRect) -> tuple[int, int, int]:
        """Return left, right and the top of the text."""
        theme = self._theme
        high = theme.box(13) + theme.box(11)
        return rect.left() + theme.px(EDGE), rect.right() - theme.px(EDGE), rect.top() + (rect.height() - high) // 2

    def _row(self, painter: QPainter, rect: QRect, entry: ListRow) -> None:
        theme = self._theme
        left, right, top = self._edges(rect)
        one, two = theme.box(13), theme.box(11)
        marks_left = right - theme.px(EXPOSURE) - 5 * theme.px(PITCH) - theme.px(MARK)
        running = entry.state is not None and runs(entry.state)
        line, name_right, begin = QRect(left, top, right - left, one), right, left + theme.px(ICON)
        if entry.sign is not None:
            icon = engine_pixmap(entry.sign, theme, painter.device().devicePixelRatioF())
            painter.drawPixmap(QPointF(left, top + (one - theme.px(SIDE)) / 2), icon)
        if running:
            name_right = self._exposure(painter, line, entry.state)
        elif entry.state is not None and entry.state.as_started is not None:
            name_right = self._predicted_exposure(painter, line, entry.state.as_started.matrix)
        chip = self.chip_box(rect, entry)
        if not chip.isEmpty():
            self._chip(painter, chip, alike_text(entry))
            name_right = round(chip.left()) - theme.px(6)
        if entry.drift:
            name_right -= theme.px(DRIFT + 2 * HALO + 4)
        end = begin + self._name(painter, QRect(begin, top, name_right - begin + 1, one), entry, quiet=not running)
        if entry.drift:
            self._drift(painter, QPointF(end + theme.px(DRIFT / 2 + HALO + 4), top + one / 2))
        stopped = None if running or entry.state is None else entry.state.container
        small = rect.width() < theme.px(SLIM)
        slim = small and stopped is None and not entry.reason
        reached = None if entry.reason or entry.state is None else self.reach(entry.state)
        told = (
            "" if slim else entry.reason or (entry.second if reached is None else f"→ {translate(reached.thing.name)}")
        )
        font, gap = theme.font(11, MEDIUM if entry.reason else REGULAR), theme.px(8)
        fits = begin + QFontMetrics(font).horizontalAdvance(told) + gap <= marks_left
        marked = stopped is None and (slim or fits or not small)  # the reason comes first
        if slim:
            marks_left = left
        elif stopped is not None and not entry.kept:  # its end, in place of the marks
            box = QRect(marks_left, top + one, right - theme.px(EXPOSURE) - marks_left, two)
            if small:  # at the right, so that the image has the rest
                box.setRight(right if entry.state is None or entry.state.as_started is None else box.right())
                box.setLeft(box.right())
            marks_left = self._ended(painter, box, stopped)
        elif not marked:
            marks_left = right - theme.px(EXPOSURE) + gap
        painter.setFont(font)
        ink = "text2" if reached is None else "open" if reached.thing.severity is Severity.CRITICAL else "weak"
        painter.setPen(theme.color("accent" if entry.reason else ink))
        room = marks_left - begin - gap
        second = painter.fontMetrics().elidedText(told, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(begin, top + one, room, two), Qt.AlignmentFlag.AlignVCenter, second)
        if marked:
            strip = self._marks(tuple(mark_of(entry, number) for number in range(1, 7)), painter)
            painter.drawPixmap(QPointF(marks_left, top + one + (two - theme.px(MARK)) / 2), strip)

    def _name(self, painter: QPainter, room: QRect, entry: ListRow, *, quiet: bool) -> int:
        """Paint a name, and the engine's id behind it where another one has the same; return the width of both."""
        theme, gap = self._theme, self._theme.px(5)
        small, middle = theme.font(11, REGULAR), Qt.AlignmentFlag.AlignVCenter
        behind = min(QFontMetrics(small).horizontalAdvance(entry.apart) + gap, room.width() // 2) if entry.apart else 0
        painter.setFont(theme.font(13, MEDIUM))
        painter.setPen(theme.color("text2" if quiet else "text"))
        metrics = painter.fontMetrics()
        name = metrics.elidedText(entry.title, Qt.TextElideMode.ElideMiddle, room.width() - behind)
        painter.drawText(room, middle, name)
        wide = metrics.horizontalAdvance(name)
        if behind:
            painter.setFont(small)
            painter.setPen(theme.color("text2"))
            rest = room.adjusted(wide + gap, 0, 0, 0)
            told = painter.fontMetrics().elidedText(entry.apart, Qt.TextElideMode.ElideMiddle, rest.width())
            painter.drawText(rest, middle, told)
            wide += gap + painter.fontMetrics().horizontalAdvance(told)
        return wide

    def _ended(self, painter: QPainter, room: QRect, container: Container) -> int:
        """Paint a stopped container's state in a word; return its left edge, left of `room` if the word is long."""
        theme, never = self._theme, container.status is Status.CREATED
        word = translate(msg("not started")) if never else ended_word(container)
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("weak" if container.exit_code else "text2"))
        left = min(room.left(), room.right() - painter.fontMetrics().horizontalAdvance(word))
        painter.drawText(QRect(left, room.top(), room.right() - left + 1, room.height()), Qt.AlignmentFlag.AlignVCenter,
                         word)  # fmt: skip
        return left

    def _marks(self, shown: tuple[Mark, ...], painter: QPainter) -> QPixmap:
        """Return six marks as a pixmap, cached: many containers share them, and painting them takes half of a row's
        time.
        """
        theme, ratio = self._theme, painter.device().devicePixelRatioF()
        key = (shown, theme.name, theme.high_contrast, theme.scale, ratio)
        if key not in self._strips:
            if len(self._strips) >= STRIPS:
                self._strips.clear()
            side, pitch = theme.px(MARK), theme.px(PITCH)
            pixmap = QPixmap(QSize(5 * pitch + side, side) * ratio)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            own = QPainter(pixmap)
            for place, mark in enumerate(shown):
                paint_mark(own, QRectF(place * pitch, 0, side, side), mark, theme)
            own.end()
            self._strips[key] = pixmap
        return self._strips[key]

    def _chip(self, painter: QPainter, box: QRectF, text: str) -> None:
        theme = self._theme
        painter.setPen(QPen(theme.color("line"), 1))
        painter.setBrush(theme.color("sunk"))
        painter.drawRoundedRect(box, theme.px(4), theme.px(4))
        painter.setFont(theme.font(11, MEDIUM))
        painter.setPen(theme.color("text2"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _drift(self, painter: QPainter, at: QPointF) -> None:
        theme, half = self._theme, self._theme.px(DRIFT) / 2
        halo = half + HALO * theme.scale
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("open_soft"))
        painter.drawEllipse(at, halo, halo)
        painter.setBrush(theme.color("open"))
        painter.drawEllipse(at, half, half)

    def _exposure(self, painter: QPainter, line: QRect, state: ContainerState | None) -> int:
        """Paint the exposure at the right of the name's line, and below it "best 2.6", the sparkline or a bar; return
        the left edge.
        """
        theme = self._theme
        matrix = state.matrix if state is not None else None
        ink = theme.color(level_ink(matrix))
        painter.setFont(theme.font(15, BOLD, tabular=True))
        painter.setPen(ink)
        number = number_text(matrix)
        tall = theme.box(15)
        box = QRect(line.left(), line.center().y() - tall // 2, line.width(), tall)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, number)
        begin = line.right() - painter.fontMetrics().horizontalAdvance(number) - theme.px(8)
        below = QRect(line.left(), line.bottom() + 1, line.width(), theme.box(11))
        best = best_text(matrix)
        wide, high = theme.px(SPARK_WIDE), theme.px(SPARK_HIGH)
        graph = QRectF(line.right() + 1 - wide, below.center().y() - high / 2, wide, high)
        if best:
            painter.setFont(theme.font(11, MEDIUM))
            painter.setPen(theme.color("text2"))
            painter.drawText(below, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, best)
        elif state is not None and matrix is not None:
            steps = self.past(state)
            if not paint_sparkline(painter, graph, steps, ink, theme.color("line")):
                self._bar(painter, graph, matrix.exposure.worst, level_ink(matrix))
        return begin

    def _predicted_exposure(self, painter: QPainter, line: QRect, matrix: Matrix | None) -> int:
        """Paint the exposure it would have when started, thin and uncoloured; return its left edge."""
        theme, right = self._theme, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.setPen(theme.color("text2"))
        painter.setFont(theme.font(11))
        below = QRect(line.right() + 1 - theme.px(EXPOSURE), line.bottom() + 1, theme.px(EXPOSURE), theme.box(11))
        word = translate(msg("if run"))
        painter.drawText(
            below, right, painter.fontMetrics().elidedText(word, Qt.TextElideMode.ElideRight, below.width())
        )
        painter.setFont(theme.font(15, REGULAR, tabular=True))
        tall = theme.box(15)
        number = number_text(matrix)
        if matrix is not None and best_text(matrix):  # there is no line for it below
            number = f"{matrix.exposure.best:.1f}–{number}"
        painter.drawText(QRect(line.left(), line.center().y() - tall // 2, line.width(), tall), right, number)
        return line.right() - painter.fontMetrics().horizontalAdvance(number) - theme.px(8)

    def _bar(self, painter: QPainter, graph: QRectF, exposure: float, ink: str) -> None:
        theme, high = self._theme, self._theme.px(3)
        bar = QRectF(graph.left(), graph.center().y() - high / 2 + 1, graph.width(), high)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("line"))
        painter.drawRoundedRect(bar, high / 2, high / 2)
        if exposure > 0:
            bar.setWidth(max(float(high), graph.width() * exposure / 10))
            painter.setBrush(theme.color(ink))
            painter.drawRoundedRect(bar, high / 2, high / 2)

    def _initials(self, painter: QPainter, rect: QRect, entry: ListRow) -> None:
        theme = self._theme
        one, side = theme.box(13), theme.px(MARK)
        top = rect.top() + (rect.height() - one - side) // 2
        painter.setFont(theme.font(13, BOLD))
        painter.setPen(theme.color("text"))
        letters = [part[:1] for part in entry.title.replace("_", "-").replace(".", "-").split("-") if part]
        text = "".join(letters[:2]) if len(letters) > 1 else entry.title[:2]
        painter.drawText(QRect(rect.left(), top, rect.width(), one), Qt.AlignmentFlag.AlignCenter, text)
        state = entry.state
        worst = Mark(state.worst.value) if state is not None and runs(state) else Mark.NOT_RUNNING
        matrix = state.matrix if state is not None and runs(state) else None
        number = number_text(matrix) if matrix is not None else ""
        painter.setFont(theme.font(11, BOLD))
        gap = theme.px(4) if number else 0
        x = rect.center().x() - (side + gap + painter.fontMetrics().horizontalAdvance(number)) / 2
        paint_mark(painter, QRectF(x, top + one, side, side), worst, theme)
        painter.setPen(theme.color(level_ink(matrix)))
        box = QRectF(x + side + gap, top + one - theme.px(3), theme.px(40), side + theme.px(6))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, number)


def alike_text(entry: ListRow) -> str:
    """Return how many replicas a row stands for, and what a click does; empty for a single container."""
    if entry.count > 1:
        return f"×{entry.count} ▸"
    return f"×{entry.opened} ▾" if entry.opened > 1 else ""
