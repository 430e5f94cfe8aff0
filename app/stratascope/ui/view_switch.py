"""The switch of the tool bar (Strata, Matrix, System calls, Fleet): segments of which one is pressed in."""

from __future__ import annotations

from enum import StrEnum
from functools import partial

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QMenu, QSizePolicy, QToolButton, QWidget

from stratascope.core.message import Message, msg
from stratascope.i18n import translate
from stratascope.ui.labels import tip
from stratascope.ui.theme import BOLD, MEDIUM, Look


class View(StrEnum):
    """What the middle of the window shows."""

    STRATA = "strata"
    MATRIX = "matrix"
    CALLS = "calls"
    FLEET = "fleet"


def view_word(view: View) -> str:
    """A view in words."""
    words: dict[View, Message] = {
        View.STRATA: msg("Strata"),
        View.MATRIX: msg("Matrix"),
        View.CALLS: msg("System calls"),
        View.FLEET: msg("Fleet"),
    }
    return translate(words[view])


class _Segment(QAbstractButton):
    def __init__(self, look: Look, text: str) -> None:
        super().__init__()
        self._look = look
        self.setText(text)
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        look = self._look
        self.setFont(look.font(13, BOLD))
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + look.px(24), look.px(26))

    def paintEvent(self, event: QPaintEvent) -> None:
        look, painter = self._look, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        radius = look.px(6)
        if self.isChecked():
            painter.setPen(QPen(look.color("line"), 1))
            painter.setBrush(look.color("panel"))
            painter.drawRoundedRect(box, radius, radius)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(look.color("accent"), 2))
            painter.drawRoundedRect(box, radius, radius)
        painter.setFont(look.font(13, BOLD if self.isChecked() else MEDIUM))
        lit = self.isChecked() or self.underMouse()
        painter.setPen(look.color("text" if lit else "text2"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())


class Segments(QWidget):
    """Several words of which one holds; left and right arrows go from one to the next."""

    chosen = Signal(int)  # by the person

    def __init__(self, look: Look, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._texts: tuple[str, ...] = ()
        self.buttons: list[QAbstractButton] = []
        self._group = QButtonGroup(self)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(*[look.px(2)] * 4)
        self._row.setSpacing(0)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    def offer(self, texts: tuple[str, ...]) -> None:
        """Other words; what was pressed in stays where it is still there."""
        if texts == self._texts:
            return
        before = next((button.text() for button in self.buttons if button.isChecked()), "")
        self._texts = texts
        for button in self.buttons:
            self._group.removeButton(button)
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = []
        for place, text in enumerate(texts):
            button = _Segment(self._look, text)
            button.clicked.connect(lambda _=False, place=place: self.chosen.emit(place))
            self._group.addButton(button)
            self._row.addWidget(button)
            self.buttons.append(button)
        self.choose(texts.index(before) if before in texts else 0)

    def choose(self, place: int) -> None:
        """Press one in, without telling."""
        if 0 <= place < len(self.buttons):
            self.buttons[place].setChecked(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        here = next((at for at, button in enumerate(self.buttons) if button.isChecked()), 0)
        if step and 0 <= here + step < len(self.buttons):
            self.buttons[here + step].setFocus(Qt.FocusReason.TabFocusReason)
            self.buttons[here + step].click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        look, painter = self._look, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.color("sunk"))
        painter.drawRoundedRect(QRectF(self.rect()), look.px(8), look.px(8))


class ViewSwitch(QWidget):
    """The switch itself; folded it is one button with a menu."""

    turned = Signal(object)  # View

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.views: tuple[View, ...] = ()
        self.segments = Segments(look, translate(msg("View")))
        self.button = QToolButton()
        self.button.setFont(look.font(13, MEDIUM))
        self.button.hide()
        self.menu = QMenu(self)
        self.button.clicked.connect(self._open)
        self.segments.chosen.connect(lambda place: self.turned.emit(self.views[place]))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.segments)
        layout.addWidget(self.button)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def offer_views(self, views: tuple[View, ...]) -> None:
        """Which are there, in order; Ctrl and their number turn to them."""
        self.views = views
        self.segments.offer(tuple(view_word(view) for view in views))
        self.menu.clear()
        for place, (view, button) in enumerate(zip(views, self.segments.buttons, strict=True), 1):
            word = translate(msg("{view} (Ctrl+{number})", view=view_word(view), number=place))
            button.setToolTip(tip(word))
            action = QAction(word, self.menu)
            action.triggered.connect(partial(self._turn, view))
            self.menu.addAction(action)
        self.show_view(views[0])

    def show_view(self, view: View) -> None:
        """Press that one in."""
        if view in self.views:
            self.segments.choose(self.views.index(view))
            self.button.setText(translate(msg("{view} ▾", view=view_word(view))))
            self.button.setAccessibleName(translate(msg("View: {view}", view=view_word(view))))

    def set_folded(self, folded: bool) -> None:
        """One button instead of all segments."""
        self.segments.setVisible(not folded)
        self.button.setVisible(folded)

    def _turn(self, view: View, _: bool = False) -> None:
        self.turned.emit(view)

    def _open(self) -> None:
        self.menu.popup(self.button.mapToGlobal(QPoint(0, self.button.height() + 2)))
