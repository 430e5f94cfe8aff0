"""The page "Shared": namespaces, paths, volumes, host users, networks and control groups that several have.

A row is one thing; below it stands what that comes to, and who has it. A container opened there comes into view.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.message import msg, plural
from stratascope.core.overview.shared_parts import Kind, Shared, shared_parts
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.presentation.overview import shared_words as words
from stratascope.ui.kit.chip import ChipRow, FilterChip
from stratascope.ui.kit.focus_ring import paint_focus_ring
from stratascope.ui.kit.item_model import AnyIndex, as_listing, paint_row
from stratascope.ui.kit.labels import Label, Line, draw_line, give_tip
from stratascope.ui.kit.selection import Key
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.ui.shared.model import Column, SharedModel, member_text

ROW, CARD = 34, 220


class _Cell(QStyledItemDelegate):
    def __init__(self, theme: Theme, table: QTableView) -> None:
        super().__init__(table)
        self._theme, self._table = theme, table

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        theme, rect = self._theme, option.rect
        flags: QStyle.StateFlag = option.state
        model = self._table.model()
        assert isinstance(model, SharedModel)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_row(painter, option, theme)
        column = Column(index.column())
        room = rect.adjusted(theme.px(6), 0, -theme.px(6), -1)  # as the heads
        grave = model.grave(index.row())
        font = theme.font(13, BOLD) if column is Column.WHAT else theme.font(13)
        ink = "weak" if grave and column is Column.KIND else "text2" if column is Column.KIND else "text"
        middle = column in (Column.WHAT, Column.WHO)  # names
        draw_line(painter, room, str(index.data()), font, theme, ink, middle=middle)
        if flags & QStyle.StateFlag.State_HasFocus and self._table.hasFocus():
            paint_focus_ring(painter, rect.adjusted(1, 1, -1, -2), theme.px(4), theme)
        painter.restore()


class _Table(QTableView):
    """Its columns have shares of its width."""

    def __init__(self, theme: Theme, model: SharedModel) -> None:
        super().__init__()
        self._theme = theme
        self.setModel(model)
        self.setItemDelegate(_Cell(theme, self))
        as_listing(self, theme.font(11, MEDIUM))
        self.setAccessibleName(translate(msg("Who shares what")))
        self.horizontalHeader().setStretchLastSection(True)
        self.verticalHeader().setDefaultSectionSize(max(theme.px(ROW), theme.box(13) + theme.px(8)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        theme, whole = self._theme, self.viewport().width()
        for column, share, most in ((Column.KIND, 0.18, 210), (Column.WHAT, 0.34, 420), (Column.COUNT, 0.06, 60)):
            self.setColumnWidth(column, max(theme.px(44), min(theme.px(most), round(whole * share))))


class SharedPage(QWidget):
    """`chosen`: the Key of a container that is to come into view."""

    chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._states: tuple[ContainerState, ...] = ()
        self._all: tuple[Shared, ...] = ()
        self._names: dict[Key, str] = {}
        self._filter = ""
        self.kind: Kind | None = None
        self.setAccessibleName(translate(msg("Shared")))
        self.title = Line(theme, 18, BOLD)
        self.title.say(translate(msg("Who shares what")))
        self.chips: dict[Kind | None, FilterChip] = {None: FilterChip(theme, translate(msg("All")))}
        for kind in Kind:
            self.chips[kind] = FilterChip(theme, translate(words.KINDS[kind]))
        self.row = ChipRow(theme)
        self.row.setAccessibleName(translate(msg("Filter by kind")))
        self.model_ = SharedModel(self)
        self.table = _Table(theme, self.model_)
        self.what, self.meaning = Line(theme, 15, BOLD), Label(theme, 13, ink="text2", wrap=True)
        self.members = QListWidget()
        self.members.setFont(theme.font(13))
        self.members.setAccessibleName(translate(msg("Containers that share it")))
        self.nothing = Label(theme, 13, ink="text2", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._lay_out()
        for which, chip in self.chips.items():
            chip.clicked.connect(partial(self._show_kind, which))
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._show_card())
        self.members.itemActivated.connect(lambda item: self.chosen.emit(item.data(Qt.ItemDataRole.UserRole)))
        self.setFocusProxy(self.table)

    def _lay_out(self) -> None:
        theme = self._theme
        for chip in self.chips.values():
            chip.setAutoExclusive(True)
            self.row.put(chip)
        self.chips[None].setChecked(True)
        head = QHBoxLayout()
        head.setSpacing(theme.px(12))
        head.addWidget(self.title)
        head.addWidget(self.row, 1)
        upper, self.card = QFrame(), QFrame()
        for frame, name in ((upper, msg("Who shares what")), (self.card, msg("Containers that share it"))):
            frame.setObjectName("card")
            frame.setAccessibleName(translate(name))
        self.stack = QStackedWidget()
        self.stack.addWidget(self.table)
        self.stack.addWidget(self.nothing)
        column = QVBoxLayout(upper)
        column.setContentsMargins(1, theme.px(4), 1, 1)
        column.addWidget(self.stack)
        below = QVBoxLayout(self.card)
        below.setContentsMargins(*(theme.px(length) for length in (14, 10, 14, 8)))
        below.setSpacing(theme.px(6))
        for widget in (self.what, self.meaning):
            below.addWidget(widget)
        below.addWidget(self.members, 1)
        self.card.setFixedHeight(theme.px(CARD))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(*(theme.px(length) for length in (16, 12, 16, 12)))
        whole.setSpacing(theme.px(10))
        whole.addLayout(head)
        whole.addWidget(upper, 1)
        whole.addWidget(self.card)

    # -- what is shown

    def show_snapshot(self, snapshot: Snapshot, words_: str) -> None:
        """All of it, or what one of the containers has whose name holds these words."""
        if snapshot.containers == self._states and words_ == self._filter:
            return
        if snapshot.containers is not self._states:
            self._states = snapshot.containers
            self._all = shared_parts(snapshot)
            self._names = {state.key: plain(state.container.name, 80) for state in snapshot.containers}
        self._filter = words_
        self._refresh()

    def _refresh(self) -> None:
        wanted = self._filter.casefold().split()
        found = [each for each in self._all if not wanted or self._holds(each, wanted)]
        for which, chip in self.chips.items():
            count = sum(which in (None, each.kind) for each in found)
            word = translate(msg("All") if which is None else words.KINDS[which])
            chip.say(translate(msg("{word} {count}", word=word, count=count)), empty=not count)
            chip.setAccessibleName(translate(msg("{word}: {count}", word=word, count=count)))
            give_tip(chip, chip.accessibleName())
            chip.setVisible(which is None or bool(count) or which is self.kind)
        self.row.arrange()
        before = self._current()
        rows = tuple(each for each in found if self.kind in (None, each.kind))
        if self.model_.show(rows, self._names):
            place = next((at for at, each in enumerate(rows) if before is not None and _same(each, before)), 0)
            if rows:
                flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
                self.table.selectionModel().setCurrentIndex(self.model_.index(place, Column.KIND), flags)
        self.nothing.setText(translate(msg("No two containers share anything that could be read."))
                             if not self._all else translate(msg("Nothing of this kind is shared.")))  # fmt: skip
        self.stack.setCurrentWidget(self.table if rows else self.nothing)
        self._show_card()

    def _holds(self, shared: Shared, wanted: list[str]) -> bool:
        text = " ".join((words.what(shared), *(self._names.get(key, "") for key in shared.containers))).casefold()
        return all(word in text for word in wanted)

    def _current(self) -> Shared | None:
        row = self.table.currentIndex().row()
        return self.model_.rows[row] if 0 <= row < len(self.model_.rows) else None

    def _show_kind(self, which: Kind | None, _: bool = False) -> None:
        self.kind = which
        self._refresh()

    def _show_card(self) -> None:
        shared = self._current()
        self.card.setVisible(shared is not None)
        if shared is None:
            return
        count = plural("{count} container", "{count} containers", len(shared.containers))
        self.what.say(translate(msg("{kind}: {what}, {containers}", kind=words.kind(shared), what=words.what(shared),
                                    containers=count)))  # fmt: skip
        meaning = words.meaning(shared)
        if shared.asked:
            note = msg("{text} Only the engine says so; it could not be read.", text=meaning)
            meaning = translate(note)
        self.meaning.setText(meaning)
        self.members.clear()
        for key in shared.containers:
            item = QListWidgetItem(member_text(shared, key, self._names.get(key, key[1][:12])))
            item.setData(Qt.ItemDataRole.UserRole, key)
            self.members.addItem(item)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.card.setFixedHeight(min(self._theme.px(CARD), max(self._theme.px(110), self.height() // 3)))


def _same(one: Shared, other: Shared) -> bool:
    return (one.kind, one.name, one.engine, one.containers[:1]) == (
        other.kind,
        other.name,
        other.engine,
        other.containers[:1],
    )
