"""Processes as rows, and a line above each exec session. Rows keep their place while nothing begins or ends."""

from __future__ import annotations

import time
from enum import IntEnum, StrEnum

from PySide6.QtCore import QAbstractTableModel, QObject, Qt

from stratascope.core.message import Message, msg
from stratascope.core.overview.processes import Process
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.overview import process_words as words
from stratascope.ui.kit.item_model import ROOT, AnyIndex, ItemRole
from stratascope.ui.kit.labels import tip
from stratascope.value import Value

Key = tuple[int, int | None]  # of a process: its PID and when it began


class Column(IntEnum):
    """From the left."""

    PROCESS = 0
    PIDS = 1
    USER = 2
    CAPABILITIES = 3
    NEW_PRIVILEGES = 4
    FILTERS = 5
    AGE = 6


class Show(StrEnum):
    """Which rows."""

    ALL = "all"
    BEYOND = "beyond"
    ROOT = "root"


class SessionLine(Value):
    """Above the first process of an exec session."""

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
_CHOOSABLE = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
_TIPS = {Column.NEW_PRIVILEGES: msg("no_new_privs: whether it has given up gaining privileges through exec")}


class ProcessModel(QAbstractTableModel):
    """`show` gives it processes in the order of their tree. `now`: the moment from which ages count; None: this one."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[Row, ...] = ()
        self.commands: dict[Key, str] = {}
        self.now: float | None = None
        self._places: dict[Key, int] = {}

    def show(self, processes: tuple[Process, ...], which: Show, commands: dict[Key, str]) -> bool:
        """Others, or the same as they are now. Whether all that was known of places is void."""
        rows: list[Row] = []
        for each in processes:
            if not wanted(each, which):
                continue
            if each.session and not each.depth:
                rows.append(SessionLine(each))
            rows.append(each)
        before, found = self.rows, tuple(rows)
        self.commands = commands
        if [_key(each) for each in found] != [_key(each) for each in before]:
            self.beginResetModel()
            self.rows = found
            self._places = {each.key: place for place, each in enumerate(found) if isinstance(each, Process)}
            self.endResetModel()
            return True
        self.rows = found  # not compared one by one: that would take longer than to draw the few that are in view
        if found:
            self.dataChanged.emit(self.index(0, 0), self.index(len(found) - 1, len(Column) - 1))
        return False

    def place_of(self, key: Key | None) -> int:
        """Of that process; -1: it is not among the rows."""
        return -1 if key is None else self._places.get(key, -1)

    def process_at(self, row: int) -> Process | None:
        """None at a line that is none."""
        found = self.rows[row] if 0 <= row < len(self.rows) else None
        return found if isinstance(found, Process) else None

    @property
    def lines_at(self) -> tuple[int, ...]:
        """At which rows a session begins."""
        return tuple(place for place, each in enumerate(self.rows) if isinstance(each, SessionLine))

    @property
    def moment(self) -> float:
        return time.time() if self.now is None else self.now

    # -- what the view asks

    def rowCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(Column)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        if self.process_at(index.row()) is None:
            return Qt.ItemFlag.NoItemFlags
        return _CHOOSABLE

    def data(self, index: AnyIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        row, column = self.rows[index.row()], Column(index.column())
        if role == ItemRole:
            return row
        if isinstance(row, SessionLine):
            whole = listed(translate(each) for each in words.session(row.first, self.moment))
            return whole if role in _TEXTS and column is Column.PROCESS else None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.lines(row, column)[0]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(self._tip(row, column))
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> object:
        if orientation is not Qt.Orientation.Horizontal or section >= len(Column):
            return None
        column = Column(section)
        if role == Qt.ItemDataRole.DisplayRole:
            return translate(HEADS[column])
        if role == Qt.ItemDataRole.ToolTipRole and column in _TIPS:
            return tip(translate(_TIPS[column]))
        return None

    def lines(self, process: Process, column: Column) -> tuple[str, str]:
        """What a cell says, and what stands behind or below it."""
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


_TEXTS = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole)


def wanted(process: Process, which: Show) -> bool:
    """Whether it is among those that are shown."""
    if which is Show.BEYOND:
        return process.beyond
    return process.root_inside if which is Show.ROOT else True


def _key(row: Row) -> tuple[str, Key, int]:
    if isinstance(row, SessionLine):
        return "session", row.first.key, 0
    return "process", row.key, row.depth


SHOW_WORDS: dict[Show, Message] = {
    Show.ALL: msg("All"),
    Show.BEYOND: msg("More than the first process"),
    Show.ROOT: msg("As root"),
}
