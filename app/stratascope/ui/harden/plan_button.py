"""The button of the plan with its arrow, and the line above it. While a copy is tried it fills; Escape stops that."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from stratascope.core.message import Message, comma, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.harden.next_step import PlanButton, Sign
from stratascope.ui.kit.buttons import MainButton
from stratascope.ui.kit.labels import Label, give_tip
from stratascope.ui.kit.marks import paint_evidence
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme, smooth_painter

_SIGNS = {Sign.DONE: ("square", "enf"), Sign.ATTENTION: ("triangle", "weak"), Sign.UNKNOWN: ("question", "unk")}
ARROW, FLAT = 34, 12  # px of the design: the arrow's width; how far a rounded box reaches below its neighbour


class TryButton(MainButton):
    """Word, numbers behind it where there is room, and how much of what is under way is done.

    Its spoken name is the word with its numbers, without the seconds that run.
    """

    def __init__(self, theme: Theme, *, in_card: bool = False) -> None:
        """`in_card`: of two in a window, the one that stands alone."""
        super().__init__(theme)
        self._in_card, self.joined = in_card, not in_card  # joined: to the arrow at its right
        self._word = self._numbers = ""
        self._part: float | None = None

    def show_button(self, button: PlanButton, numbers: tuple[str, ...]) -> None:
        """`numbers`: now and, with a plan, then."""
        self._word, self._part = translate(button.word), button.part
        self._numbers = " → ".join(numbers) if button.numbers else ""
        text = f"{self._word}  {self._numbers}".strip()
        if text != self.text():
            self.say(text, spoken=self._spoken(button.spoken or button.word, numbers))
        self.setEnabled(button.able)
        self.update()

    def _spoken(self, word: Message, numbers: tuple[str, ...]) -> str:
        if self._numbers and len(numbers) == 2:
            word = msg("{word}, {now} to {then}", word=word, now=numbers[0], then=numbers[1])
        elif self._numbers:
            word = comma(word, self._numbers)
        return translate(msg("In the card: {word}", word=word) if self._in_card else word)

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(80), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        box, able = QRectF(self.rect()).adjusted(1, 1, 0 if self.joined else -1, -1), self.isEnabled()
        running = self._part is not None
        painter.setClipRect(self.rect())
        shape = box.adjusted(0, 0, theme.px(FLAT), 0) if self.joined else box
        radius = theme.px(7)
        if running:
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.setBrush(theme.color("accent_soft"))
            painter.drawRoundedRect(box, radius, radius)
            self._fill(painter, box, radius)
        elif not able:
            painter.setPen(QPen(theme.color("line"), 1))
            painter.setBrush(theme.color("sunk"))
            painter.drawRoundedRect(shape, radius, radius)
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent", 0.9 if self.underMouse() or self.isDown() else 1.0))
            painter.drawRoundedRect(shape, radius, radius)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("accent" if running or not able else "on_accent"), 1.5))
            painter.drawRoundedRect(box.adjusted(2.5, 2.5, -2.5, -2.5), radius - 2, radius - 2)
        self._write(painter, theme.color("text" if running else "on_accent" if able else "text3"))

    def _fill(self, painter: QPainter, box: QRectF, radius: int) -> None:
        painter.save()
        painter.setClipRect(QRectF(box.left(), box.top(), box.width() * (self._part or 0.0), box.height()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("area"))
        painter.drawRoundedRect(box, radius, radius)
        painter.restore()

    def _write(self, painter: QPainter, ink: QColor) -> None:
        theme = self._theme
        large, small = theme.font(self._letters, BOLD), theme.font(self._letters, MEDIUM)
        numbers = self._numbers
        wide = QFontMetrics(large).horizontalAdvance(self._word)
        beside = QFontMetrics(small).horizontalAdvance(numbers) + theme.px(10) if numbers else 0
        if wide + beside > self._room():
            numbers, beside = "", 0
        painter.setPen(ink)
        painter.setFont(large)
        shown = painter.fontMetrics().elidedText(self._word, Qt.TextElideMode.ElideRight, self._room())
        wide = min(wide, self._room())
        left = (self.width() - wide - beside) / 2
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(left, 0, wide + 2, self.height()), centre, shown)
        if numbers:
            painter.setFont(small)
            painter.drawText(QRectF(left + wide + theme.px(10), 0, beside, self.height()), centre, numbers)


class ArrowButton(QAbstractButton):
    """At the right of the button, joined to it; opens the menu of what else can be done."""

    opens = True

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.setAccessibleName(translate(msg("More ways to use the plan")))
        give_tip(self, self.accessibleName())
        self.pale = False  # as the button beside it
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(ARROW), self._theme.px(36))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        painter.setClipRect(self.rect())
        box, radius = QRectF(self.rect()).adjusted(0, 1, -1, -1), theme.px(7)
        shape = box.adjusted(-theme.px(FLAT), 0, 0, 0)
        if self.pale:
            painter.setPen(QPen(theme.color("line"), 1))
            painter.setBrush(theme.color("sunk"))
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent", 0.9 if self.underMouse() or self.isDown() else 1.0))
        painter.drawRoundedRect(shape, radius, radius)
        ink = theme.color("text2" if self.pale else "on_accent")
        painter.setPen(QPen(theme.color("line2") if self.pale else theme.color("on_accent", 0.5), 1))
        painter.drawLine(QPointF(0.5, 2), QPointF(0.5, self.height() - 2))
        x, y, half = self.width() / 2, self.height() / 2 + 1, theme.px(4)
        painter.setPen(QPen(ink, 1.7 * theme.scale))
        painter.drawPolyline(
            [QPointF(x - half, y - half / 2), QPointF(x, y + half / 2), QPointF(x + half, y - half / 2)]
        )
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(ink, 1.5))
            painter.drawRoundedRect(box.adjusted(3, 2.5, -2.5, -2.5), radius - 2, radius - 2)


class SignLine(QWidget):
    """The line above the button, led by a sign."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._sign = theme, Sign.NONE
        self.text = Label(theme, 12, ink="text2", wrap=True)
        self._row = theme.lay(QHBoxLayout(self), self.text, around=0, gap=0)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)

    def show_button(self, button: PlanButton) -> None:
        """Nothing to say: no trace of it."""
        lead = "" if button.lead is None else translate(button.lead)
        rest = "" if button.line is None else translate(button.line)
        self._sign = button.sign
        told = plain(f"{lead} {rest}".strip(), 500)
        self.text.setText(told)
        attention = button.sign is Sign.ATTENTION
        self.text.tint("weak" if attention else "enf" if button.sign is Sign.DONE else "text2")
        give_tip(self.text, button.more)
        self._row.setContentsMargins(0 if button.sign is Sign.NONE else self._theme.px(18), 0, 0, 0)
        self.setVisible(bool(told))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._sign in _SIGNS:
            theme, painter = self._theme, smooth_painter(self)
            mark, ink = _SIGNS[self._sign]
            side = theme.px(11)
            box = QRectF(1, (theme.box(12) - side) / 2, side, side)
            paint_evidence(painter, box, mark, theme, ink)


class PlanButtons(QWidget):
    """The button and its arrow. `pressed`: as by the card's; `more_wanted`: the menu."""

    pressed = Signal()
    more_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.button, self.arrow = TryButton(theme), ArrowButton(theme)
        theme.lay(QHBoxLayout(self), (self.button, 1), self.arrow, around=0, gap=0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.button.clicked.connect(lambda _=False: self.pressed.emit())
        self.arrow.clicked.connect(lambda _=False: self.more_wanted.emit())

    def show_button(self, button: PlanButton, numbers: tuple[str, ...], *, more: bool) -> None:
        """`more`: there is something in the menu."""
        there = more and button.part is None
        self.arrow.setVisible(there)
        self.button.joined = there
        self.arrow.pale = not button.able
        self.button.show_button(button, numbers)
        self.arrow.update()
