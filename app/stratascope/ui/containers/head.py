"""The heads above the list: how it is divided (a menu), the numbers of the six layers, and the exposure."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSizePolicy, QWidget

from stratascope.core.message import Message, msg
from stratascope.i18n.translate import translate
from stratascope.ui.containers.order import ViewBy
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme

EXPOSURE = 52  # px: the exposure's column, with the gap before it


def view_by_word(view_by: ViewBy) -> str:
    """The division in words."""
    words: dict[ViewBy, Message] = {
        ViewBy.WORST: msg("Worst first"),
        ViewBy.PROJECT: msg("By project"),
        ViewBy.ENGINE: msg("By engine"),
        ViewBy.NAME: msg("By name"),
    }
    return translate(words[view_by])


class ListHead(QWidget):
    """`chosen` tells the division that was picked."""

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
            action = QAction(view_by_word(view_by), self)
            action.setCheckable(True)
            action.setData(view_by)
            action.triggered.connect(lambda _=False, chosen=view_by: self.chosen.emit(chosen))
            self.group.addAction(action)
            self.menu.addAction(action)
        self.button.setMenu(self.menu)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.px(9), 0, 0, 0)
        layout.addWidget(self.button)
        layout.addStretch(1)
        self.inset = 0  # width of the list's scroll bar
        self.show_view_by(ViewBy.WORST)
        theme.changed.connect(self.update)

    def show_view_by(self, view_by: ViewBy) -> None:
        """Tell how the list is divided now."""
        self.button.setText(translate(msg("{division} ▾", division=view_by_word(view_by))))
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
        word = translate(msg("Exposure"))
        cut = QFontMetrics(self._theme.font(10, MEDIUM)).horizontalAdvance(word) > self._theme.px(EXPOSURE)
        give_tip(self, word if cut else "")

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
        for number in range(1, 7) if fits else ():
            box = QRect(left + (number - 1) * pitch - 4, 0, mark + 8, self.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(number))
        word = translate(msg("Exposure"))
        cut = painter.fontMetrics().elidedText(word, Qt.TextElideMode.ElideRight, theme.px(EXPOSURE))
        box = QRect(right - theme.px(EXPOSURE) - 1, 0, theme.px(EXPOSURE) + 1, self.height())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, cut)
