"""Boxes to tick: the options that make a blocked relaunch safe, shown where one is offered or taken."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.relaunch.transaction import Remedy
from stratascope.i18n.translate import translate
from stratascope.ui.harden.status_note import remedy_title
from stratascope.ui.widgets.theme import Theme


class RemedyBoxes(QWidget):
    """`turned` is the person's doing."""

    turned = Signal(object, bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boxes: dict[Remedy, QCheckBox] = {}
        self.any = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(4))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        for remedy in Remedy:
            box = self.boxes[remedy] = QCheckBox(translate(remedy_title(remedy)))
            box.setFont(theme.font(12))
            box.clicked.connect(lambda on, remedy=remedy: self.turned.emit(remedy, on))
            column.addWidget(box)

    def show_remedies(self, shown: tuple[Remedy, ...], taken: frozenset[Remedy]) -> None:
        """`shown`: those that are offered or taken."""
        self.any = bool(shown)
        for remedy, box in self.boxes.items():
            box.setVisible(remedy in shown)
            box.setChecked(remedy in taken)
