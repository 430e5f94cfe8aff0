"""Below the prediction, where it stays serious: the one further toggle that would help most, to be switched on."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import exposure_range
from stratascope.ui.kit.labels import Label, give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.usecases.plan.offers import Hint

LINK = -5  # px of the design: a link's own padding, so that its word begins where other text does


class HintLine(QWidget):
    """`taken` has the switch's key and its value."""

    taken = Signal(str, str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._words = theme, ("", "")
        self.hint: Hint | None = None
        self.text = Label(theme, 12, ink="text2", wrap=True)
        self.link = QPushButton()
        self.link.setObjectName("link")
        self.link.setFont(theme.font(12, MEDIUM))
        self.link.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.link.clicked.connect(lambda _=False: self._take())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.text)
        below = QHBoxLayout()
        below.setContentsMargins(theme.px(LINK), 0, 0, 0)
        below.addWidget(self.link)
        below.addStretch(1)
        column.addLayout(below)
        self.setSizePolicy(
            QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum
        )  # as high as its words at any width
        self.hide()

    def show_hint(self, hint: Hint | None) -> None:
        """None: nothing would help more. The column shows it where there is room."""
        self.hint = hint
        if hint is not None:
            open_ = msg("A serious threat stays open. What would help most:")
            maybe = msg("Whether a serious threat stays open is not known. What would help most:")
            self.text.setText(translate(open_ if hint.certain else maybe))
            title, number = hint.toggle.titled(hint.value), exposure_range(hint.after)
            self._words = translate(msg("{title}: {exposure}", title=title, exposure=number)), translate(title)
            self._fit()
            give_tip(self.link, translate(hint.toggle.what))
            spoken = msg("Switch on {title}; the exposure would be {exposure}", title=title, exposure=number)
            self.link.setAccessibleName(translate(spoken))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """With the number where there is room for it."""
        whole, title = self._words
        room = self.width() - 2 * self._theme.px(-LINK)
        self.link.setText(whole if self.link.fontMetrics().horizontalAdvance(whole) <= room else title)

    def _take(self) -> None:
        if self.hint is not None:
            self.taken.emit(self.hint.key or self.hint.toggle.id, self.hint.value)
