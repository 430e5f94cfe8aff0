"""The list of containers: rows between group headers, by keyboard and mouse.

The current index has the keyboard, and may be a header that folds; the selected row is always a container. Decided
against one for both: folding a group must not choose another container.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QPersistentModelIndex, QPoint, Qt
from PySide6.QtCore import Signal as QtSignal
from PySide6.QtGui import QContextMenuEvent, QCursor, QEnterEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.ui.containers.model import ContainerModel
from stratascope.ui.containers.row_paint import Past, RowPaint
from stratascope.ui.containers.rows import ListRow, Reach, replicas_key
from stratascope.ui.kit.table import AnyIndex, CellPainter
from stratascope.ui.kit.theme import Theme

Flag = QItemSelectionModel.SelectionFlag


class ContainerView(QListView):
    """The list view. Qt handles arrows, type-ahead and selection; headers that do not fold are skipped."""

    chosen = QtSignal(object)  # the key of the current container
    opened = QtSignal(object)  # the same, by Enter or a click
    menu_wanted = QtSignal(object, QPoint)  # the key of a container, and the position on screen
    left = QtSignal()  # Escape
    head_menu_wanted = QtSignal(QPoint)  # the position on screen; for the header of any group
    folded = QtSignal(str, bool)  # a group was folded or unfolded by hand: its key, and whether it is folded now
    # replicas were unfolded or folded by hand: their key, and whether each has a row now
    unfolded = QtSignal(str, bool)

    def __init__(self, theme: Theme, containers: ContainerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.containers = containers
        self._following = False
        self._sight: tuple[QPersistentModelIndex, int, bool] | None = None  # see `_note_sight`
        self._paint = RowPaint(theme, self.hasFocus)
        # before Qt's own handlers, which forget where rows are as soon as some go
        for about in (containers.rowsAboutToBeRemoved, containers.rowsAboutToBeInserted, containers.rowsAboutToBeMoved):
            about.connect(self._note_sight)
        self.setModel(containers)
        self.setItemDelegate(CellPainter(theme, self, self._paint.draw, self._paint.size))
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAccessibleName(translate(msg("Containers")))
        self.setAccessibleDescription(translate(msg("Each with its exposure and the verdicts of its six layers")))
        self.selectionModel().currentChanged.connect(self._current_changed)
        self.clicked.connect(self._open)
        self.activated.connect(self._open)
        theme.changed.connect(self._restyle)

    @property
    def narrow(self) -> bool:
        """Whether rows show initials only."""
        return self._paint.narrow

    def set_narrow(self, narrow: bool) -> None:
        self._paint.narrow = narrow
        self._restyle()
        self.viewport().update()

    def set_elsewhere(self, elsewhere: bool) -> None:
        """Draw the selected row as an outline only: the page in view is about all containers."""
        self._paint.elsewhere = elsewhere
        self.viewport().update()

    def set_reach(self, reach: Reach) -> None:
        """Set the source of what sandboxes get at."""
        self._paint.reach = self.containers.reach = reach
        self.viewport().update()

    def set_past(self, past: Past) -> None:
        """Set the source of the exposure of recent days."""
        self._paint.past = past
        self.viewport().update()

    def dataChanged(self, first: AnyIndex, last: AnyIndex, roles: Sequence[int] = ()) -> None:
        """Repaint rows only: their heights never change, but QListView would lay out all of them anew."""
        QAbstractItemView.dataChanged(self, first, last, roles)

    def chosen_row(self) -> int:
        """Return the row of the selected container; -1 without one."""
        chosen = self.selectionModel().selectedIndexes()
        return chosen[0].row() if chosen else -1

    def select_key(self, key: tuple[str, str] | None) -> bool:
        """Choose that container, None: the first one; False if it is not in the list."""
        row = self.containers.row_of(key) if key is not None else self.containers.first_row()
        self._make_current(row, select=True)
        return row >= 0

    def follow(self, key: tuple[str, str] | None) -> None:
        """Select the container in view, whoever chose it: its own row, the row of its replicas, or none."""
        row = self.containers.row_of(key) if key is not None else -1
        if row == self.chosen_row():
            return
        self._following = True
        try:
            if row < 0:
                self.selectionModel().clearSelection()
                if self._is_container(self.currentIndex().row()):
                    self.selectionModel().setCurrentIndex(QModelIndex(), Flag.NoUpdate)
            elif self._is_container(self.currentIndex().row()) or not self.currentIndex().isValid():
                self.selectionModel().setCurrentIndex(self.containers.index(row), Flag.ClearAndSelect)
            else:  # the keyboard is on a header, and stays there
                self.selectionModel().select(self.containers.index(row), Flag.ClearAndSelect)
        finally:
            self._following = False

    def reveal(self, key: tuple[str, str]) -> None:
        """Unfold the group that hides a container, and scroll to it."""
        self.containers.reveal(key)
        self.roll_to(key)

    def roll_to(self, key: tuple[str, str]) -> None:
        """Select the row of a container and scroll to it, if it has one."""
        self.follow(key)
        row = self.containers.row_of(key)
        if row >= 0:
            self.scrollTo(self.containers.index(row))

    def keep_in_sight(self, *, still: bool = False) -> None:
        """After rows have come, gone or moved: the row under the pointer stays where it is, or else the selected one if
        `still`; otherwise that only stays in view.
        """
        noted, self._sight = self._sight, None
        if noted is None or not noted[0].isValid():
            return
        index, top, pointed = self.containers.index(noted[0].row()), noted[1], noted[2]
        self.executeDelayedItemsLayout()
        if pointed or still:
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + self.visualRect(index).top() - top)
        if not pointed:
            self.scrollTo(index)

    # -- Qt's handlers

    def scrollTo(
        self, index: AnyIndex, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        """The first row of a group brings the group's header along."""
        if index.row() > 0 and not self._is_container(index.row() - 1):
            self.scrollTo(self.containers.index(index.row() - 1), hint)
        super().scrollTo(index, hint)

    def selectionCommand(self, index: AnyIndex, event: QEvent | None = None) -> Flag:
        """Headers take the keyboard, but are never selected."""
        if index.isValid() and not self._is_container(index.row()):
            return Flag.NoUpdate
        return super().selectionCommand(index, event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.containers.hold(True)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.containers.hold(False)

    def hideEvent(self, event: QEvent) -> None:
        self.containers.hold(False)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row, entry = self._at(event.position().toPoint())
        if entry is not None and event.button() == Qt.MouseButton.LeftButton and self._folds_at(row, entry, event):
            return
        if event.button() != Qt.MouseButton.RightButton and (entry is None or entry.state is not None):
            super().mousePressEvent(event)  # the right button opens a menu and selects nothing

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not event.buttons() or self._at(event.position().toPoint())[1] is not None:
            super().mouseMoveEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Open the menu: the right button's for the row below it, the Menu key's for the current row."""
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            index = self.currentIndex()
            row, entry = index.row(), self.containers.entry(index.row())
            at = self.viewport().mapToGlobal(self.visualRect(index).bottomLeft() + QPoint(self.width() // 6, 0))
        else:
            row, entry = self._at(self.viewport().mapFromGlobal(event.globalPos()))
            at = event.globalPos()
        if row >= 0 and entry is not None and entry.state is not None:
            self.menu_wanted.emit(entry.state.key, at)
        elif row >= 0 and entry is not None:
            self.head_menu_wanted.emit(at)

    def fold_all(self, *, folded: bool) -> None:
        """Fold or unfold every group that folds, as by hand."""
        entries = [self.containers.entry(row) for row in range(self.containers.rowCount())]
        for section in [each.section for each in entries if each is not None and each.folds]:
            self.containers.fold(section, folded=folded)
            self.folded.emit(section, folded)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.containers.touch()
        row = self.currentIndex().row()
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
            return
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._fold(row, folded=event.key() == Qt.Key.Key_Left)
            return
        if event.key() in (Qt.Key.Key_Home, Qt.Key.Key_Up) and row <= self.containers.first_row():
            self.scrollToTop()  # keep the header above the first row reachable
        entry = self.containers.entry(row)
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        if entry is not None and entry.folds and event.key() in keys:
            self._fold(row, folded=not entry.folded)
            return
        super().keyPressEvent(event)

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Move as Qt does, but skip headers that do not fold."""
        index = super().moveCursor(action, modifiers)
        actions = QAbstractItemView.CursorAction
        if not index.isValid() or self._can_be_current(index.row()):
            return index
        back = action in (actions.MoveUp, actions.MovePageUp, actions.MovePrevious, actions.MoveEnd)
        for step in (-1, 1) if back else (1, -1):
            row = index.row()
            while 0 <= row < self.containers.rowCount():
                if self._can_be_current(row):
                    return self.containers.index(row)
                row += step
        return self.currentIndex()

    # -- internals

    def _note_sight(self) -> None:
        """Before rows come, go or move: note the row under the pointer with its place, or the selected one in view."""
        if self._sight is not None:
            return
        row = self._at(self.viewport().mapFromGlobal(QCursor.pos()))[0] if self.containers.held else -1
        pointed = row >= 0
        if not pointed:
            row = self.chosen_row()
        index = self.containers.index(row)
        box = self.visualRect(index)
        if row >= 0 and box.intersects(self.viewport().rect()):
            self._sight = QPersistentModelIndex(index), box.top(), pointed

    def _fold(self, row: int, *, folded: bool) -> None:
        """Fold or unfold on Left and Right, from the inside out: replicas, then their group."""
        model, entry = self.containers, self.containers.entry(row)
        if entry is None:
            return
        if entry.state is None:
            if entry.folds:
                model.fold(entry.section, folded=folded)
                self.folded.emit(entry.section, folded)
            return
        if not folded:
            if entry.members:
                self._open_replicas(entry.state, opened=True)
            return
        first = model.first_of(row)
        if first is not None:
            self._open_replicas(first, opened=False)
            self._make_current(model.row_of(first.key), select=True)
            return
        head = model.head_of(row)
        outer = model.entry(head)
        if outer is not None and outer.folds:
            self._make_current(head)

    def _open_replicas(self, first: ContainerState, *, opened: bool) -> None:
        key = replicas_key(first)
        self.containers.open_replicas(key, opened=opened)
        self.unfolded.emit(key, opened)

    def _make_current(self, row: int, *, select: bool = False) -> None:
        if row >= 0:
            index = self.containers.index(row)
            self.selectionModel().setCurrentIndex(index, Flag.ClearAndSelect if select else Flag.NoUpdate)
            self.scrollTo(index)

    def _folds_at(self, row: int, entry: ListRow, event: QMouseEvent) -> bool:
        """Fold on a click on a header, or on the number of replicas in a row."""
        if entry.state is None:
            if entry.folds:
                self._fold(row, folded=not entry.folded)
            return True
        chip = self._paint.chip_box(self.visualRect(self.containers.index(row)), entry)
        if chip.contains(event.position()):
            self._open_replicas(entry.state, opened=bool(entry.members))
            return True
        return False

    def _at(self, point: QPoint) -> tuple[int, ListRow | None]:
        row = self.indexAt(point).row()
        return row, self.containers.entry(row)

    def _open(self, index: QModelIndex) -> None:
        entry = self.containers.entry(index.row())
        if entry is not None and entry.state is not None:
            self.opened.emit(entry.state.key)

    def _is_container(self, row: int) -> bool:
        entry = self.containers.entry(row)
        return entry is not None and entry.state is not None

    def _can_be_current(self, row: int) -> bool:
        """Whether the row can be current."""
        entry = self.containers.entry(row)
        return entry is not None and (entry.state is not None or entry.folds)

    def _current_changed(self, current: QModelIndex) -> None:
        entry = self.containers.entry(current.row()) if current.isValid() else None
        quiet = self._following or self.containers.dividing  # otherwise removing rows would select another one
        if entry is not None and entry.state is not None and not quiet:
            self.chosen.emit(entry.state.key)

    def _restyle(self) -> None:
        self.scheduleDelayedItemsLayout()
