"""A process's cells: its place in the tree, its name over its command line, and what the first lacks."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QObject, QRect, QRectF, QSize
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from stratascope.core.overview.processes import Process
from stratascope.i18n.translate import translate
from stratascope.presentation.overview import process_words as words
from stratascope.ui.kit.focus_ring import paint_focus_ring
from stratascope.ui.kit.item_model import AnyIndex, ItemRole
from stratascope.ui.kit.labels import draw_line
from stratascope.ui.kit.marks import Mark, paint_mark
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.ui.processes.model import Column, ProcessModel, SessionLine

SIDE, STEP, DEEPEST = 14, 14, 8  # left of the first column; a level further right, and at how many it ends


class InTable(Protocol):
    """What cells have of the table that they are in."""

    model_: ProcessModel

    def row_height(self) -> int:
        """Of a process."""

    def hasFocus(self) -> bool:
        """Whether the keyboard is there."""


class ProcessDelegate(QStyledItemDelegate):
    """Paints one cell."""

    def __init__(self, theme: Theme, table: InTable, parent: QObject) -> None:
        super().__init__(parent)
        self._theme, self._table = theme, table

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        return QSize(10, self._table.row_height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        rect = QRect(option.rect)
        flags: QStyle.StateFlag = option.state
        row = index.data(ItemRole)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if isinstance(row, SessionLine):
            self._session(painter, rect, row)
        else:
            self._process(painter, rect, flags, row, Column(index.column()))
        painter.restore()

    def _session(self, painter: QPainter, rect: QRect, line: SessionLine) -> None:
        theme, alarming = self._theme, line.first.beyond
        painter.fillRect(rect, theme.color("open_soft" if alarming else "sunk"))
        painter.setPen(theme.color("open" if alarming else "line"))
        painter.drawLine(rect.left(), rect.top(), rect.right(), rect.top())
        side, left = theme.px(9), rect.left() + theme.px(SIDE)
        ink = "open" if alarming else "text2"
        paint_mark(painter, QRectF(left, rect.center().y() - side / 2, side, side), Mark.DOT, theme, ink)
        name, more = map(translate, words.session(line.first, self._table.model_.moment))
        font = theme.font(12, BOLD)
        painter.setFont(font)
        room = rect.adjusted(left - rect.left() + theme.px(16), 0, -theme.px(8), 0)
        wide = min(room.width(), painter.fontMetrics().horizontalAdvance(name) + theme.px(10))
        draw_line(painter, QRect(room.left(), room.top(), wide, room.height()), name, font, theme, ink)
        draw_line(painter, room.adjusted(wide, 0, 0, 0), more, theme.font(12), theme, "text")

    def _process(
        self, painter: QPainter, rect: QRect, flags: QStyle.StateFlag, process: Process, column: Column
    ) -> None:
        theme = self._theme
        if flags & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("sel"))
            if column is Column.PROCESS:
                painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), theme.color("accent"))
        elif process.beyond:
            painter.fillRect(rect, theme.color("open_soft"))
        elif flags & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, theme.color("sunk"))
        painter.setPen(theme.color("line"))
        painter.drawLine(rect.left(), rect.bottom(), rect.right(), rect.bottom())
        left = theme.px(SIDE if column is Column.PROCESS else 6)
        room = rect.adjusted(left, 0, -theme.px(6), -1)
        if column is Column.PROCESS:
            self._name(painter, room, process)
        else:
            self._value(painter, room, process, column)
        if flags & QStyle.StateFlag.State_HasFocus and self._table.hasFocus():
            paint_focus_ring(painter, rect.adjusted(1, 1, -1, -2), theme.px(4), theme)

    def _name(self, painter: QPainter, room: QRect, process: Process) -> None:
        theme = self._theme
        name, below = self._table.model_.lines(process, Column.PROCESS)
        if process.depth:
            step = theme.px(STEP)
            along = room.left() + (min(process.depth, DEEPEST) - 1) * step + step // 2
            painter.setPen(theme.color("line2"))
            middle = room.center().y()
            painter.drawLine(along, room.top(), along, middle)
            painter.drawLine(along, middle, along + step // 2, middle)
            room = room.adjusted(min(process.depth, DEEPEST) * step + theme.px(4), 0, 0, 0)
        first, second = theme.box(13), theme.box(11) if below else 0
        top = room.top() + (room.height() - first - second) // 2
        draw_line(painter, QRect(room.left(), top, room.width(), first), name, theme.font(13, BOLD), theme, "text")
        if below:
            box = QRect(room.left(), top + first, room.width(), second)
            draw_line(painter, box, below, theme.font(11, fixed=process.thread_of is None), theme, "text2")

    def _value(self, painter: QPainter, room: QRect, process: Process, column: Column) -> None:
        theme = self._theme
        text, more = self._table.model_.lines(process, column)
        match column:
            case Column.PIDS:
                draw_line(painter, room, text, theme.font(12, fixed=True), theme, "text")
            case Column.CAPABILITIES:
                ink = "open" if process.more else "enf" if process.effective == 0 else "text"
                bold = bool(process.more) or process.state is None or process.effective == 0
                font = theme.font(13, BOLD) if bold else theme.font(13)
                painter.setFont(font)
                wide = min(room.width(), painter.fontMetrics().horizontalAdvance(text) + theme.px(6))
                draw_line(painter, QRect(room.left(), room.top(), wide, room.height()), text, font, theme, ink)
                behind = "open" if process.more else "text2"
                if process.more and QFontMetrics(theme.font(13)).horizontalAdvance(more) > room.width() - wide:
                    more = f"+{process.more}"
                draw_line(painter, room.adjusted(wide, 0, 0, 0), more, theme.font(13), theme, behind)
            case Column.NEW_PRIVILEGES | Column.FILTERS:
                bad = process.freer if column is Column.NEW_PRIVILEGES else process.unfiltered
                font = theme.font(13, BOLD) if bad else theme.font(13)
                draw_line(painter, room, text, font, theme, "open" if bad else "text")
            case Column.AGE:
                draw_line(painter, room, text, theme.font(12), theme, "text2")
            case _:
                draw_line(painter, room, text, theme.font(13), theme, "text")
