"""*About*: what this program is, its version, and its components with their licences in full."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

import stratascope
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.state.shipped import Part, parts
from stratascope.ui.kit.flow import resize_on_screen
from stratascope.ui.kit.labels import Label, tip
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme

SIZE = (640, 560)


class About(QDialog):
    """The dialog; deletes itself when closed."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(translate(msg("About Stratascope")))
        title = Label(theme, 22, BOLD, text=translate(msg("Stratascope {version}", version=stratascope.__version__)))
        text = Label(theme, 13, wrap=True)
        text.setText(
            translate(
                msg(
                    "Shows what really stands between a container and the kernel, layer by layer, as the kernel "
                    "enforces it. Every line says where it was read."
                )
            )
        )
        head = Label(theme, 14, BOLD, text=translate(msg("Components")))
        self._parts = parts()
        self.table = self._table(self._parts)
        self.table.setAccessibleName(head.text())
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setFont(theme.font(11, fixed=True))
        self.text.setAccessibleName(translate(msg("Licence text")))
        close = QPushButton(translate(msg("Close")))
        close.setDefault(True)
        close.clicked.connect(self.reject)
        end = theme.lay(QHBoxLayout(), STRETCH, close)
        theme.lay(QVBoxLayout(self), title, text, head, (self.table, 1), (self.text, 1), end, around=20, gap=10)
        resize_on_screen(self, theme, *SIZE)
        self.table.selectRow(0)

    def _table(self, shown: tuple[Part, ...]) -> QTableWidget:
        theme = self._theme
        table = QTableWidget(len(shown), 3)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(theme.px(26))
        heads = (msg("Name"), msg("Version"), msg("Licence"))
        table.setHorizontalHeaderLabels([translate(head) for head in heads])
        header = table.horizontalHeader()
        header.setFont(theme.font(11, MEDIUM))
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        for row, part in enumerate(shown):
            for column, word in enumerate((part.name, part.version, part.licence)):
                item = QTableWidgetItem(plain(word, 200))
                item.setToolTip(tip(word))
                table.setItem(row, column, item)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Interactive)
        wide = max(table.sizeHintForColumn(1), header.sectionSizeHint(1))
        table.setColumnWidth(1, wide + theme.px(12))  # else a long version touches its licence
        table.itemSelectionChanged.connect(self._show_text)
        return table

    def _show_text(self) -> None:
        row = self.table.currentRow()
        part = self._parts[row] if 0 <= row < len(self._parts) else None
        missing = translate(msg("Its text is not part of this installation."))
        self.text.setPlainText(missing if part is None or not part.text else part.text)
