"""The list of processes: rows of 40 in tree order, and a line above each exec session."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from enum import IntEnum, StrEnum
from functools import partial

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QAbstractItemView, QStyle

from stratascope.core.message import Message, msg
from stratascope.core.overview.processes import Process
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import listed, translate
from stratascope.presentation import processes as words
from stratascope.ui.kit import table
from stratascope.ui.kit.labels import draw_line
from stratascope.ui.kit.marks import Mark, paint_mark
from stratascope.ui.kit.table import AnyIndex, Heads, ItemModel, ItemRole, ItemTable
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.value import Value

ROW, SESSION = 40, 30
# px left of the first column; indentation per level; the deepest level that is indented
SIDE, STEP, DEEPEST = 14, 14, 8

Key = tuple[int, int | None]  # a process's PID and start time


class Column(IntEnum):
    """The columns, from the left."""

    PROCESS = 0
    PIDS = 1
    USER = 2
    CAPABILITIES = 3
    NEW_PRIVILEGES = 4
    FILTERS = 5
    AGE = 6


class Show(StrEnum):
    """Which processes are shown."""

    ALL = "all"
    BEYOND = "beyond"
    ROOT = "root"


class SessionLine(Value):
    """The line above the first process of an exec session."""

    first: Process


Row = Process | SessionLine
HEADS = {
    Column.PROCESS: msg("Process"),
    Column.PIDS: msg("PID in / host"),
    Column.USER: msg("User in → host"),
    Column.CAPABILITIES: msg("Capabilities in effect"),
    Column.NEW_PRIVILEGES: msg("NNP"),
    Column.FILTERS: msg("Filters"),
    Column.AGE: msg("Age"),
}
_TIPS = {Column.NEW_PRIVILEGES: msg("no_new_privs: whether exec can no longer give it privileges")}
# columns in the order in which they are hidden if there is little room, with their widths (LOOK-NEXT, section 12)
_LEAVING = ((Column.AGE, 74), (Column.NEW_PRIVILEGES, 58), (Column.PIDS, 140))
_WIDTHS = {Column.USER: 124, Column.CAPABILITIES: 190, Column.FILTERS: 72}
_LEAST = 190  # px: minimum of the first column
SHOW_WORDS: dict[Show, Message] = {
    Show.ALL: msg("All"),
    Show.BEYOND: msg("More than the first process"),
    Show.ROOT: msg("As root"),
}


def wanted(process: Process, which: Show) -> bool:
    """Whether a process is among those shown."""
    if which is Show.BEYOND:
        return process.beyond
    return process.root_inside if which is Show.ROOT else True


def rows_of(processes: tuple[Process, ...], which: Show) -> Iterator[Row]:
    """Yield the processes shown, with a line where a session begins."""
    for each in processes:
        if wanted(each, which):
            if each.session and not each.depth:
                yield SessionLine(each)
            yield each


def key_of(row: Row) -> tuple[object, ...]:
    """Return a row's key. A session's line is identified by its first process; the depth is included since rows of
    another depth are painted elsewhere.
    """
    return ("session", row.first.key) if isinstance(row, SessionLine) else ("process", row.key, row.depth)


def _tint(row: Row) -> str:
    return "open_soft" if isinstance(row, Process) and row.beyond else ""


class ProcessTable(ItemTable):
    """The table. `now`: the moment that ages count from; None: the present. `commands`: the command lines that could be
    read.
    """

    acts = True

    def __init__(self, theme: Theme) -> None:
        self.now: float | None = None
        self.commands: dict[Key, str] = {}
        model = ItemModel(tuple(map(self._column, Column)), key_of, choosable=lambda row: isinstance(row, Process))
        look = table.RowLook(bar=True, tint=_tint, framed=lambda row: isinstance(row, Process))
        super().__init__(theme, translate(msg("Processes")), model, self._paint, row=look)
        self.set_heads(Heads(theme, SIDE))
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().setMinimumSectionSize(1)
        self.fit()

    def row_height(self) -> int:
        """Return the row height: 40, or what two lines need."""
        return max(self._theme.px(ROW), self._theme.box(13) + self._theme.box(11) + self._theme.px(6))

    @property
    def moment(self) -> float:
        """The moment that ages count from."""
        return time.time() if self.now is None else self.now

    @property
    def chosen(self) -> Process | None:
        """The process of the current row."""
        row = self.current()
        return row if isinstance(row, Process) else None

    def show_processes(self, processes: tuple[Process, ...], which: Show, commands: dict[Key, str]) -> None:
        """Show processes in tree order."""
        self.commands = commands
        self.show_rows(tuple(rows_of(processes, which)), anew=True)

    def choose(self, key: Key) -> None:
        """Select that process."""
        rows = self.model_.rows
        place = next((at for at, row in enumerate(rows) if isinstance(row, Process) and row.key == key), -1)
        if place >= 0:
            self.make_current(place)
            self.scrollTo(self.model_.index(place, 0))

    def fit(self) -> None:
        """Distribute the width; if there is little, hide columns."""
        px, whole = self._theme.px, self.viewport().width()
        widths = {column: px(width) for column, width in (*_WIDTHS.items(), *_LEAVING)}
        for column, _ in _LEAVING:
            gone = sum(widths.values()) + px(_LEAST) > whole
            self.setColumnHidden(column, gone)
            if gone:
                del widths[column]
        for column, width in widths.items():
            self.setColumnWidth(column, width)
        self.setColumnWidth(Column.PROCESS, max(px(80), whole - sum(widths.values())))
        self.rows_placed()
        self.viewport().update()

    def rows_placed(self) -> None:
        rows = self.verticalHeader()
        rows.setDefaultSectionSize(self.row_height())
        self.verticalScrollBar().setSingleStep(self.row_height())
        self.clearSpans()
        line = max(self._theme.px(SESSION), self._theme.box(12) + self._theme.px(10))
        for row, each in enumerate(self.model_.rows):
            if isinstance(each, SessionLine):
                rows.resizeSection(row, line)
                self.setSpan(row, 0, 1, len(Column))

    # -- texts

    def _column(self, column: Column) -> table.Column:
        def said(of_process: Callable[[Process, Column], str], row: Row) -> str:
            if isinstance(row, Process):
                return of_process(row, column)
            whole = listed(translate(each) for each in words.session(row.first, self.moment))
            return whole if column is Column.PROCESS else ""

        return table.Column(
            HEADS[column],
            partial(said, lambda process, column: self.lines(process, column)[0]),
            whole=partial(said, self._tip),
            spoken=partial(said, self._spoken),
            explained=translate(_TIPS[column]) if column in _TIPS else "",
        )

    def lines(self, process: Process, column: Column) -> tuple[str, str]:
        """Return a cell's text, and the text after or below it."""
        match column:
            case Column.PROCESS:
                below = self.commands.get(process.key, "")
                if process.thread_of is not None:
                    below = translate(msg("a thread with its own credentials"))
                return plain(process.command, 100) or "?", plain(below, 300)
            case Column.PIDS:
                return words.pids(process), ""
            case Column.USER:
                return words.users(process), ""
            case Column.CAPABILITIES:
                return words.capabilities(process)
            case Column.NEW_PRIVILEGES:
                return words.yes_no(process.no_new_privs), ""
            case Column.FILTERS:
                return words.filters(process), ""
            case Column.AGE:
                return words.age_of(process, self.moment), ""

    def _spoken(self, process: Process, column: Column) -> str:
        parts = [each for each in self.lines(process, column) if each]
        if column is Column.PROCESS:
            parts.append(translate(msg("level {number}", number=process.depth + 1)))
            if process.session:
                parts.append(translate(words.session(process, self.moment)[0]))
        return ", ".join(parts)

    def _tip(self, process: Process, column: Column) -> str:
        if column is Column.CAPABILITIES and process.effective:
            return words.capability_names(process)
        more = (words.named_user(process),) if column is Column.USER else ()
        return "\n".join(each for each in (*self.lines(process, column), *more) if each)

    # -- painting

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, _: QStyle.StateFlag) -> None:
        row, column, px = index.data(ItemRole), Column(index.column()), self._theme.px
        if isinstance(row, SessionLine):
            self._session(painter, rect, row)
            return
        room = rect.adjusted(px(SIDE if column is Column.PROCESS else 6), 0, -px(6), -1)
        if column is Column.PROCESS:
            self._name(painter, room, row)
        else:
            self._value(painter, room, row, column)

    def _session(self, painter: QPainter, rect: QRect, line: SessionLine) -> None:
        theme, alarming = self._theme, line.first.beyond
        painter.fillRect(rect, theme.color("open_soft" if alarming else "sunk"))
        painter.setPen(theme.color("open" if alarming else "line"))
        painter.drawLine(rect.left(), rect.top(), rect.right(), rect.top())
        side, left = theme.px(9), rect.left() + theme.px(SIDE)
        ink = "open" if alarming else "text2"
        paint_mark(painter, QRectF(left, rect.center().y() - side / 2, side, side), Mark.DOT, theme, ink)
        name, more = map(translate, words.session(line.first, self.moment))
        font = theme.font(12, BOLD)
        painter.setFont(font)
        room = rect.adjusted(left - rect.left() + theme.px(16), 0, -theme.px(8), 0)
        wide = min(room.width(), painter.fontMetrics().horizontalAdvance(name) + theme.px(10))
        draw_line(painter, QRect(room.left(), room.top(), wide, room.height()), name, font, theme, ink)
        draw_line(painter, room.adjusted(wide, 0, 0, 0), more, theme.font(12), theme, "text")

    def _name(self, painter: QPainter, room: QRect, process: Process) -> None:
        theme = self._theme
        name, below = self.lines(process, Column.PROCESS)
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
        text, more = self.lines(process, column)
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
