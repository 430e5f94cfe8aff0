"""Several words in a sunken strip, of which one is pressed in; left and right arrows go from one to the next."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from stratascope.ui.widgets.focus_ring import paint_focus_ring
from stratascope.ui.widgets.labels import give_tip
from stratascope.ui.widgets.theme import BOLD, MEDIUM, Theme


class Segment(QAbstractButton):
    """One word, as wide as it is when bold."""

    letters, beside, edge = 13, 24, "line"  # of the letters, beside the word, and the token of the pressed one's edge
    policy = QSizePolicy.Policy.Fixed

    def __init__(self, theme: Theme, text: str) -> None:
        super().__init__()
        self._theme = theme
        self.setText(text)
        self.setCheckable(True)
        self.setAutoExclusive(True)  # one of several, also for screen readers
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(self.policy, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        theme = self._theme
        self.setFont(theme.font(self.letters, BOLD))
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + theme.px(self.beside), theme.px(26))

    def shown(self, painter: QPainter) -> str:
        """The word, as much of it as there is room for."""
        return painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width() - 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() < self.sizeHint().width() and not self.toolTip():
            give_tip(self, self.text())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box, radius = QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.px(6)
        if self.isChecked():
            painter.setPen(QPen(theme.color(self.edge), 1))
            painter.setBrush(theme.color("panel"))
            painter.drawRoundedRect(box, radius, radius)
        if self.hasFocus():
            paint_focus_ring(painter, box, radius, theme)
        painter.setFont(theme.font(self.letters, BOLD if self.isChecked() else MEDIUM))
        painter.setPen(theme.color("text" if self.isChecked() or self.underMouse() else "text2"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.shown(painter))


class SegmentStrip(QWidget):
    """The strip and its keys; `put` adds a button to it. Only the one that holds is a stop of the Tab key."""

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.buttons: list[QAbstractButton] = []
        self._group = QButtonGroup(self)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(*[theme.px(2)] * 4)
        self._row.setSpacing(0)
        self.setAccessibleName(name)
        theme.changed.connect(self.update)

    def put(self, button: QAbstractButton) -> None:
        """One more at the end."""
        self._group.addButton(button)
        self._row.addWidget(button)
        self.buttons.append(button)

    def clear(self) -> None:
        """All of them away."""
        for button in self.buttons:
            self._group.removeButton(button)
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = []

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        here = next((at for at, button in enumerate(self.buttons) if button.isChecked()), 0)
        if step and 0 <= here + step < len(self.buttons):
            self.buttons[here + step].setFocus(Qt.FocusReason.TabFocusReason)
            self.buttons[here + step].click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sunk"))
        painter.drawRoundedRect(QRectF(self.rect()), theme.px(8), theme.px(8))


class Segments(SegmentStrip):
    """A strip whose words may change."""

    chosen = Signal(int)  # by the person

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, name, parent)
        self._texts: tuple[str, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def offer(self, texts: tuple[str, ...]) -> None:
        """Other words; what was pressed in stays where it is still there."""
        if texts == self._texts:
            return
        before = next((button.text() for button in self.buttons if button.isChecked()), "")
        self._texts = texts
        self.clear()
        for place, text in enumerate(texts):
            button = Segment(self._theme, text)
            button.clicked.connect(lambda _=False, place=place: self.chosen.emit(place))
            self.put(button)
        self.choose(texts.index(before) if before in texts else 0)

    def choose(self, place: int) -> None:
        """Press one in, without telling."""
        if 0 <= place < len(self.buttons):
            self.buttons[place].setChecked(True)
