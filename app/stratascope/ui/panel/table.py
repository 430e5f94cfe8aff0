"""Decoded facts as a table: title, value, what was requested, source. An item view, laid out in full."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QVBoxLayout, QWidget

from stratascope.core.container import AskedDevice, AskedMount, LogKeeping, ProfileKind
from stratascope.core.layer import Row, Table, Tone
from stratascope.core.message import Message, msg, verbatim
from stratascope.core.options.table import TITLES
from stratascope.core.sanitize import plain
from stratascope.core.text import size_text
from stratascope.i18n.translate import listed, translate
from stratascope.layers.namespaces.explanations import LABELS
from stratascope.linux.namespace import Namespace
from stratascope.ui.kit.focus_order import focus_pen
from stratascope.ui.kit.labels import Label, breakable
from stratascope.ui.kit.marks import TONE_INK, TONE_MARK, paint_mark, tone_mark, tone_word
from stratascope.ui.kit.table import AnyIndex, Column, ItemModel, ItemRole, ItemTable
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.value import Value

LABEL, VALUE, ASKED, SOURCE = range(4)
LONGEST = 2000  # characters of one cell


def cell_text(row: Row, column: int) -> str:
    """One cell as plain text."""
    if column == SOURCE:
        return plain(row.source, LONGEST)
    message = (row.label, row.value, row.asked)[column]
    return plain(translate(message), LONGEST) if message is not None else ""


def _note(row: Row, column: int) -> str:
    return plain(translate(row.note), LONGEST) if column == VALUE and row.note is not None else ""


def _column(at: int) -> Column:
    def whole(row: Row) -> str:
        return "\n".join(part for part in (cell_text(row, at), _note(row, at)) if part)

    def spoken(row: Row) -> str:
        mark = tone_word(row.tone, row.basis) if at == VALUE else ""
        parts = [part for part in (cell_text(row, at), mark, _note(row, at)) if part]
        return "\n".join(parts) or translate(msg("empty"))

    return Column(_HEADS[at], lambda row: cell_text(row, at), grows=_SHARES[at], whole=whole, spoken=spoken)


_HEADS, _SHARES = (msg("Fact"), msg("Value"), msg("Asked for"), msg("Source")), (20, 41, 15, 24)
_WRAP = int(Qt.TextFlag.TextWordWrap)
COLUMNS = tuple(map(_column, range(4)))


def columns_of(rows: tuple[Row, ...]) -> tuple[Column, ...]:
    """Return the columns; those of requested values and of sources only if a row has any."""
    asked, source = any(row.asked is not None for row in rows), any(row.source for row in rows)
    return tuple(COLUMNS[at] for at in (LABEL, VALUE, *((ASKED,) if asked else ()), *((SOURCE,) if source else ())))


def _height(font: QFont, text: str, width: int, least: int) -> int:
    metrics, width = QFontMetrics(font), max(20, width)
    box = QRect(0, 0, width, 100000)
    return max(least, metrics.boundingRect(box, _WRAP, breakable(text, metrics, width)).height() + 1)


class FactsList(ItemTable):
    """The table, as high as its rows; the page around it scrolls."""

    def __init__(self, theme: Theme, rows: tuple[Row, ...], name: str) -> None:
        model = ItemModel(columns_of(rows), lambda row: row.label)
        super().__init__(theme, name, model, self._paint, size=self._size, row=None)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.model_.modelReset.connect(self.fit)
        self.model_.dataChanged.connect(self.fit)
        self.viewport().installEventFilter(self)
        self.show_facts(rows)

    def show_facts(self, rows: tuple[Row, ...]) -> None:
        """Replace the rows; in place if only values differ."""
        self.show_rows(rows, columns_of(rows))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel:
            event.ignore()  # the page scrolls, not the table
            return watched is self.viewport()
        return super().eventFilter(watched, event)

    def fit(self) -> None:
        """Distribute the width, and take the resulting height."""
        width, columns = max(100, self.viewport().width()), self.model_.columns
        total = sum(column.grows for column in columns)
        for place, column in enumerate(columns):
            self.setColumnWidth(place, width * column.grows // total)
        self.resizeRowsToContents()
        rows = sum(self.rowHeight(row) for row in range(self.model_.rowCount()))
        self.setFixedHeight(rows + self.horizontalHeader().sizeHint().height() + 2)

    # -- painting

    def _at(self, index: AnyIndex) -> int:
        return COLUMNS.index(self.model_.columns[index.column()])

    def _font(self, column: int, tone: Tone) -> QFont:
        if column == SOURCE:
            return self._theme.font(11, fixed=True)
        strong = column == VALUE and tone is not Tone.PLAIN
        return self._theme.font(12, BOLD if strong else MEDIUM if column == VALUE else MEDIUM.Normal)

    def _size(self, index: AnyIndex) -> QSize:
        theme, column = self._theme, self._at(index)
        row: Row = index.data(ItemRole)
        width = max(40, self.columnWidth(index.column()) - theme.px(12) - self._mark_room(column, row))
        height = _height(self._font(column, row.tone), cell_text(row, column), width, theme.box(12))
        note = _note(row, column)
        if note:
            height += _height(theme.font(11), note, width, theme.box(11))
        return QSize(width, height + theme.px(7))

    def _mark_room(self, column: int, row: Row) -> int:
        return self._theme.px(17) if column == VALUE and row.tone in TONE_MARK else 0

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, state: QStyle.StateFlag) -> None:
        theme, column, row = self._theme, self._at(index), index.data(ItemRole)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if state & QStyle.StateFlag.State_Selected and self.hasFocus():
            painter.fillRect(rect, theme.color("sel"))
        painter.setPen(theme.color("line"))
        painter.drawLine(rect.left(), rect.bottom(), rect.right(), rect.bottom())
        inner = rect.adjusted(theme.px(6), theme.px(3), -theme.px(6), -theme.px(3))
        room = self._mark_room(column, row)
        if room:
            side = theme.px(11)
            y = inner.top() + (theme.box(12) - side) / 2
            paint_mark(painter, QRectF(inner.left(), y, side, side), tone_mark(row.tone, row.basis), theme)
            inner.setLeft(inner.left() + room)
        font = self._font(column, row.tone)
        painter.setFont(font)
        ink = {LABEL: "text2", SOURCE: "text3", ASKED: "text2"}.get(column, TONE_INK[row.tone])
        painter.setPen(theme.color(ink))
        text = breakable(cell_text(row, column), painter.fontMetrics(), max(20, inner.width()))
        height = _height(font, text, inner.width(), theme.box(12))
        top = QRect(inner.left(), inner.top(), inner.width(), height)
        painter.drawText(top, _WRAP | int(Qt.AlignmentFlag.AlignVCenter), text)
        note = _note(row, column)
        if note:
            painter.setFont(theme.font(11))
            painter.setPen(theme.color("text2"))
            rest = inner.adjusted(0, height, 0, 0)
            painter.drawText(rest, _WRAP, breakable(note, painter.fontMetrics(), max(20, rest.width())))
        if state & QStyle.StateFlag.State_HasFocus and self.hasFocus():
            painter.setPen(focus_pen(theme))
            painter.drawRect(rect.adjusted(1, 1, -1, -2))


class TableBlock(QWidget):
    """A heading with its table."""

    def __init__(self, theme: Theme, table: Table, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = Label(theme, 13, BOLD, text=plain(translate(table.title)))
        self.list = FactsList(theme, table.rows, plain(translate(table.title)))
        theme.lay(QVBoxLayout(self), self.title, self.list, around=0, gap=2)

    def show_table(self, table: Table) -> None:
        """Replace the rows."""
        self.title.setText(plain(translate(table.title)))
        self.list.show_facts(table.rows)


# -- what an engine was asked for, field by field in words, for a layer of which nothing could be read
#
# Keyed by field names, not by layers: a new layer shows its fields under their own names until they have words here.
# Decided against words in the layers themselves, as only the window shows this.


# Fields that have no option of their own
NAMES = {
    "pid": LABELS[Namespace.PID],
    "ipc": LABELS[Namespace.IPC],
    "uts": LABELS[Namespace.UTS],
    "net": LABELS[Namespace.NET],
    "cgroup": LABELS[Namespace.CGROUP],
    "root_read_only": msg("Root filesystem read-only"),
    "in_pod": msg("In a pod"),
    "own_users": msg("Own user namespace"),
    "own": msg("Own user namespace"),
    "modes": msg("Namespaces of other kinds"),
    "runtime": msg("Runtime"),
    "restored": msg("Restored from a checkpoint"),
    "added": msg("Added"),
    "dropped": msg("Dropped"),
    "bounding": msg("Bounding set"),
    "profile": msg("Seccomp profile"),
    "custom": msg("Profile file or text"),
    "host_processes": msg("The host's processes or shared memory"),
    "network": msg("Network"),
    "first_free_port": msg("First unprivileged port"),
}
_LIMITS = ("memory", "memory_swap", "pids", "cpu_cores")  # None, 0 or -1: no limit was requested
_PROFILES = {
    ProfileKind.DEFAULT: msg("The engine's default"),
    ProfileKind.CUSTOM: msg("Custom"),
    ProfileKind.UNCONFINED: msg("None: unconfined"),
    ProfileKind.UNKNOWN: msg("Not known"),
}
_LOGS = {
    LogKeeping.UNLIMITED: msg("Stored without a size limit"),
    LogKeeping.LIMITED: msg("Stored up to a set size"),
    LogKeeping.JOURNAL: msg("Written to the host's journal"),
    LogKeeping.ELSEWHERE: msg("Passed to another program"),
    LogKeeping.UNKNOWN: msg("Not known"),
}


def asked_table(asked: object) -> Table | None:
    """Return what the engine was asked for, field by field."""
    if not isinstance(asked, Value):
        return None
    rows = tuple(Row(_name(field), _value(field, getattr(asked, field)), "inspect")
                 for field in asked.__struct_fields__)  # fmt: skip
    return Table(msg("What the engine was asked for"), rows) if rows else None


def _name(field: str) -> Message:
    return NAMES.get(field) or TITLES.get(field) or verbatim(field.replace("_", " "))


def _value(field: str, value: object) -> Message:
    match value:
        case None | int() | float() if field in _LIMITS and (value or 0) <= 0:
            return msg("No limit")
        case None if field.endswith("_paths"):
            return msg("The engine's default")
        case None:
            return msg("The engine does not say")
        case bool():
            return msg("yes") if value else msg("no")
        case ProfileKind():
            return _PROFILES[value]
        case LogKeeping():
            return _LOGS[value]
        case int() if field.startswith("memory"):
            return verbatim(size_text(value))
        case float():
            return msg("{cores} cores", cores=value)
        # names and paths, which are the same in every language
        case tuple() if all(isinstance(part, str) for part in value):
            return verbatim(", ".join(map(str, value)) or "–")
        case tuple():
            return verbatim(listed(_parts(value)))
    return verbatim(str(value) or "–")


def _parts(values: tuple[object, ...]) -> Iterator[str]:
    for value in values:
        match value:
            case AskedMount(writable=True):
                yield translate(msg("{source} at {target}, writable", source=_source(value), target=value.target))
            case AskedMount():
                yield translate(msg("{source} at {target}, read-only", source=_source(value), target=value.target))
            case AskedDevice():
                yield value.target or value.source
            case tuple():  # an id map
                yield ":".join(str(part) for part in value)
            case _:
                yield str(value)


def _source(mount: AskedMount) -> str:
    return mount.volume or mount.source or mount.kind
