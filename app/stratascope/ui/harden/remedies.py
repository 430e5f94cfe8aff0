"""Boxes to tick: the options that make a blocked relaunch safe, shown where one is offered or taken."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent, QTextLayout
from PySide6.QtWidgets import QCheckBox, QSizePolicy, QStyle, QStyleOptionButton, QVBoxLayout, QWidget

from stratascope.core.relaunch.transaction import Remedy
from stratascope.i18n.translate import translate
from stratascope.ui.harden.status_note import remedy_title
from stratascope.ui.kit.theme import Theme


class WrappedBox(QCheckBox):
    """In as many lines as its width asks for; Qt's own cuts its words off."""

    def __init__(self, theme: Theme, words: str) -> None:
        super().__init__(words)
        self._words = words
        self.setFont(theme.font(12))
        self.setAccessibleName(words)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        room = self.style().subElementRect(QStyle.SubElement.SE_CheckBoxContents, option, self).width()
        layout, lines = QTextLayout(self._words, self.font()), []
        layout.beginLayout()
        while (line := layout.createLine()).isValid():
            line.setLineWidth(room)
            lines.append(self._words[line.textStart() : line.textStart() + line.textLength()].rstrip())
        layout.endLayout()
        self.setText("\n".join(lines))


class RemedyBoxes(QWidget):
    """`turned` is the person's doing."""

    turned = Signal(object, bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boxes: dict[Remedy, WrappedBox] = {}
        self.any = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(4))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        for remedy in Remedy:
            box = self.boxes[remedy] = WrappedBox(theme, translate(remedy_title(remedy)))
            box.clicked.connect(lambda on, remedy=remedy: self.turned.emit(remedy, on))
            column.addWidget(box)

    def show_remedies(self, shown: tuple[Remedy, ...], taken: frozenset[Remedy]) -> None:
        """`shown`: those that are offered or taken."""
        self.any = bool(shown)
        for remedy, box in self.boxes.items():
            box.setVisible(remedy in shown)
            box.setChecked(remedy in taken)
