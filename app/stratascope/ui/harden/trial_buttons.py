"""The two buttons of the column that lead to trials on a twin: the tightest settings, and what is switched on."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QPushButton, QWidget

from stratascope.core.message import Message, msg
from stratascope.i18n.translate import translate
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme


class TrialButton(QPushButton):
    """Opens the sheet of trials."""

    opens = True

    def __init__(self, theme: Theme, word: Message) -> None:
        super().__init__()
        self.setFont(theme.font(13, MEDIUM))
        self.say(word)

    def say(self, word: Message) -> None:
        """Another word on it."""
        self.setText(translate(word))
        self.setAccessibleName(self.text())


class TrialButtons(QObject):
    """`wanted`: True for what is switched on."""

    wanted = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.tighten = TrialButton(theme, msg("Tighten…"))
        self.try_chosen = TrialButton(theme, msg("Try on a twin"))
        self.try_chosen.setAccessibleName(
            translate(msg("Try the settings that are switched on, on a twin"))
        )  # the page has one too
        self.tighten.clicked.connect(lambda _=False: self.wanted.emit(False))
        self.try_chosen.clicked.connect(lambda _=False: self.wanted.emit(True))
        give_tip(self.tighten, translate(msg("Find the tightest settings with which it still works, on a twin")))
        give_tip(
            self.try_chosen,
            translate(msg("Try the settings that are switched on, on a twin; the container keeps running")),
        )
        self._chosen, self._low = False, False
        self.show_able(False, chosen=False, under_way=False)

    def set_low(self, low: bool) -> None:
        """In a low window there is one of them: its sheet has the other's choice, too."""
        self._low = low
        self.try_chosen.setVisible(self._chosen and not low)

    def show_able(self, able: bool, *, chosen: bool, under_way: bool) -> None:
        """`able`: there can be trials; `chosen`: of what is switched on, too; `under_way`: there are some now."""
        self.tighten.say(msg("Show the trials") if under_way else msg("Tighten…"))
        self.tighten.setVisible(able or under_way)
        self._chosen = chosen and not under_way
        self.set_low(self._low)


class ButtonPair(QWidget):
    """A button left of the main one, or above it where they don't fit into one line."""

    def __init__(self, theme: Theme, small: QWidget, large: QWidget) -> None:
        super().__init__()
        self._small, self._large = small, large
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(theme.px(8))
        self._row.addWidget(small)
        self._row.addWidget(large, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._turn()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # there may be another word on one of them
            self._turn()
        return super().event(event)

    def _turn(self) -> None:
        needed = self._small.sizeHint().width() + self._row.spacing() + self._large.sizeHint().width()
        fits = needed <= self.width()
        way = QBoxLayout.Direction.LeftToRight if fits else QBoxLayout.Direction.TopToBottom
        if way != self._row.direction():
            self._row.setDirection(way)
