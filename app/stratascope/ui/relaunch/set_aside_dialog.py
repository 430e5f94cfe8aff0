"""What is set aside: originals that wait for an undo, how much disk they hold, and journal files that can't be read."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.message import msg
from stratascope.core.relaunch.transaction import Damaged, Stage, Transaction
from stratascope.core.sanitize import plain
from stratascope.core.sizes import size_text
from stratascope.i18n.translate import translate
from stratascope.presentation.terms import since_text
from stratascope.ui.kit import focus_order
from stratascope.ui.kit.labels import Label, tip
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.usecases.hardening import Aside


class SetAsideDialog(QDialog):
    """A table, and two buttons for the row that is selected."""

    undo_wanted = Signal(object)  # Transaction
    discard_wanted = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._window = theme, parent
        self._found: tuple[Aside | Damaged, ...] = ()
        self.setWindowTitle(translate(msg("Set aside")))
        self.title = Label(theme, 18, BOLD)
        self.title.setText(translate(msg("Set aside")))
        self.lead = Label(theme, 13, ink="text2", wrap=True)
        self.table = QTableWidget(0, 5)
        table = self.table
        table.setAccessibleName(self.title.text())
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        heads = (msg("Container"), msg("Engine"), msg("When"), msg("Disk"), msg("State"))
        table.setHorizontalHeaderLabels([translate(head) for head in heads])
        header = table.horizontalHeader()
        header.setFont(theme.font(11, MEDIUM))
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        table.itemSelectionChanged.connect(self._tell)
        self.undo = QPushButton(translate(msg("Undo…")))
        self.discard = QPushButton(translate(msg("Discard…")))
        self.close_ = QPushButton(translate(msg("Close")))
        self.undo.clicked.connect(lambda _=False: self._emit(self.undo_wanted))
        self.discard.clicked.connect(lambda _=False: self._emit(self.discard_wanted))
        self.close_.clicked.connect(self.hide)
        end = QHBoxLayout()
        end.setSpacing(theme.px(8))
        for button in (self.undo, self.discard):
            end.addWidget(button)
        end.addStretch(1)
        end.addWidget(self.close_)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.px(20)] * 4)
        layout.setSpacing(theme.px(10))
        layout.addWidget(self.title)
        layout.addWidget(self.lead)
        layout.addWidget(table, 1)
        layout.addLayout(end)

    def focusNextPrevChild(self, forward: bool) -> bool:
        return focus_order.step(self, forward=forward)

    def open_waiting(self) -> None:
        """Show it before the engines have answered."""
        theme, parent = self._theme, self._window
        self.lead.setText(translate(msg("Asking the engines…")))
        self._fill(())
        self.resize(min(theme.px(680), parent.width() - 16), min(theme.px(360), parent.height() - 16))
        self.show()
        self.raise_()
        self.table.setFocus()

    def show_aside(self, found: tuple[Aside | Damaged, ...]) -> None:
        """What there is."""
        text = msg(
            "Containers that you can go back to. They are stopped, do not start by themselves, and keep their disk."
        )
        self.lead.setText(translate(text if found else msg("Nothing is set aside.")))
        self._fill(found)

    def tell_failed(self, text: str) -> None:
        """It can't be told."""
        self.lead.setText(plain(text))

    @property
    def current(self) -> Transaction | None:
        """The selected one; None where it is a damaged file."""
        row = self.table.currentRow()
        item = self._found[row] if 0 <= row < len(self._found) else None
        return item.transaction if isinstance(item, Aside) else None

    def _fill(self, found: tuple[Aside | Damaged, ...]) -> None:
        table, theme, selected = self.table, self._theme, self.current
        self._found = found
        table.setRowCount(len(found))
        for row, item in enumerate(found):
            if isinstance(item, Damaged):
                state = translate(msg("Its journal file can't be read: {words}", words=item.words))
                texts = (plain(item.path, 300), "–", "–", "–", plain(state, 300))
            else:
                done = item.transaction
                state = translate(msg("Can be undone") if done.stage is Stage.DONE else msg("Not finished"))
                texts = (plain(done.name, 200), plain(item.engine, 60), since_text(time.time() - done.started_at),
                         bytes_text(None if done.owner is not None else item.size), state)  # fmt: skip
            for column, text in enumerate(texts):
                cell = QTableWidgetItem(text)
                cell.setFont(theme.font(13, MEDIUM if column == 0 else theme.font(13).weight()))
                cell.setToolTip(tip(text))
                table.setItem(row, column, cell)
            table.setRowHeight(row, max(theme.px(30), theme.box(13) + theme.px(8)))
        for column in range(1, table.columnCount()):
            wide = max(table.sizeHintForColumn(column), table.horizontalHeader().sectionSizeHint(column))
            table.setColumnWidth(column, wide + theme.px(24))
        same = (row for row, item in enumerate(found) if isinstance(item, Aside) and selected is not None
                and item.transaction.id == selected.id)  # fmt: skip
        if found:
            table.selectRow(next(same, 0))
        self._tell()

    def _tell(self) -> None:
        done = self.current
        self.undo.setEnabled(done is not None and done.stage is Stage.DONE)
        self.discard.setEnabled(done is not None and done.stage is Stage.DONE)
        owned = done is not None and done.owner is not None
        self.discard.setText(translate(msg("Accept…") if owned else msg("Discard…")))

    def _emit(self, signal: SignalInstance) -> None:
        if self.current is not None:
            signal.emit(self.current)


def bytes_text(size: int | None) -> str:
    """A size to be read, rounded; a dash where it is not known."""
    return "–" if size is None else size_text(size)
