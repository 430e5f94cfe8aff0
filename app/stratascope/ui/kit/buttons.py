"""Buttons and choices: the main button, a combo box, a strip of segments, and a switch (the style's own check box is
invisible on a dark panel).
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QWidget,
)

from stratascope.core.message import Message, colon
from stratascope.core.text import count_text
from stratascope.i18n.translate import translate
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.focus_order import outline_pen, paint_focus_ring
from stratascope.ui.kit.labels import give_tip, tip
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme, smooth_painter


def paint_switch(painter: QPainter, box: QRectF, theme: Theme, *, on: bool, able: bool = True) -> None:
    """Paint a switch. On: filled, knob right, a stroke in the track. Off: outline, knob left. Disabled: pale."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    track = box.adjusted(0.75, 0.75, -0.75, -0.75)
    radius = track.height() / 2
    knob = box.height() * 0.29
    if on:
        fill = theme.color("accent" if able else "bitoff")
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawRoundedRect(track, radius, radius)
        painter.setBrush(theme.color("on_accent" if able else "panel"))
        painter.drawEllipse(QPointF(track.right() - radius, track.center().y()), knob, knob)
        painter.setPen(QPen(theme.color("on_accent" if able else "panel"), 1.4))
        x, y = track.left() + radius, track.center().y()
        painter.drawLine(QPointF(x, y - knob * 0.6), QPointF(x, y + knob * 0.6))
    else:
        painter.setPen(QPen(theme.color("line2" if able else "line"), 1.3))
        painter.setBrush(theme.color("sunk"))
        painter.drawRoundedRect(track, radius, radius)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("line2" if able else "barlow"))
        painter.drawEllipse(QPointF(track.left() + radius, track.center().y()), knob, knob)
    painter.restore()


def text_button(
    theme: Theme,
    word: Message | str,
    then: Callable[[], object] | None = None,
    *,
    size: int = 12,
    weight: QFont.Weight = MEDIUM,
    look: str = "",
    spoken: Message | None = None,
    more: Message | str = "",
) -> QPushButton:
    """Return a plain button that calls `then`. `look`: its name in the style sheet, such as "link"; `spoken`: its
    accessible name if that is more than its text; `more`: the tooltip.
    """
    button = QPushButton(word if isinstance(word, str) else translate(word))
    button.setFont(theme.font(size, weight))
    button.setObjectName(look)
    if spoken is not None:
        button.setAccessibleName(translate(spoken))
    if more:
        give_tip(button, more if isinstance(more, str) else translate(more))
    if then is not None:
        button.clicked.connect(lambda _=False: then())
    return button


class MainButton(QAbstractButton):
    """The main button, 36 high; with `set_low` 28 high, with smaller letters."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._letters, self._least, self._tip = theme, 14, 36, ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def set_low(self, low: bool) -> None:
        """Use the low form, for one line."""
        self._letters, self._least = (12, 28) if low else (14, 36)
        self.updateGeometry()
        self.update()

    def say(self, text: str, tip: str = "", spoken: str = "") -> None:
        """Set the text, the tooltip of a text that is not cut, and its accessible name if that is another."""
        self.setText(text)
        self.setAccessibleName(spoken or text)
        self.updateGeometry()
        self._tip = tip
        self._update_tip()
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()  # only QPushButton does that by itself
            return
        super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        theme = self._theme
        word = QFontMetrics(theme.font(self._letters, BOLD)).horizontalAdvance(self.text())
        return QSize(word + theme.px(24), max(theme.px(self._least), theme.box(self._letters) + theme.px(8)))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(80), self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._update_tip()

    def _update_tip(self) -> None:
        cut = QFontMetrics(self._theme.font(self._letters, BOLD)).horizontalAdvance(self.text()) > self._room()
        give_tip(self, self.text() if cut else self._tip)

    def _room(self) -> int:
        return self.width() - self._theme.px(6)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        radius = theme.px(7)
        if not self.isEnabled():
            painter.setPen(QPen(theme.color("line"), 1))
            painter.setBrush(theme.color("sunk"))
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent", 0.9 if self.underMouse() or self.isDown() else 1.0))
        painter.drawRoundedRect(box, radius, radius)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("on_accent" if self.isEnabled() else "accent"), 1.5))
            painter.drawRoundedRect(box.adjusted(2.5, 2.5, -2.5, -2.5), radius - 2, radius - 2)
        painter.setFont(theme.font(self._letters, BOLD))
        painter.setPen(theme.color("on_accent" if self.isEnabled() else "text3"))
        shown = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self._room())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, shown)


def paint_chevron(painter: QPainter, x: float, y: float, theme: Theme, ink: str = "text2") -> None:
    """Paint the small arrow of something that opens downwards, centred there."""
    half = theme.px(3)
    painter.setPen(QPen(theme.color(ink), 1.3))
    painter.drawPolyline(
        QPolygonF([QPointF(x - half, y - half / 2), QPointF(x, y + half / 2), QPointF(x + half, y - half / 2)])
    )


def pad_field(theme: Theme, field: QAbstractSpinBox) -> None:
    """Put a number or date field's text off its frame, which a style sheet does not, and give it room for its longest
    text; called when its range or format is set.
    """
    line, gap = field.findChild(QLineEdit), theme.px(6)
    if line is not None:
        line.setTextMargins(gap, 0, gap, 0)
    field.setMinimumWidth(field.sizeHint().width() + 2 * gap + theme.px(20))  # Qt's hint lacks these and the buttons


class ChoiceBox(QComboBox):
    """A combo box drawn by the style sheet, except for the arrow, which a style sheet can only take from a file."""

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, letters: int = 0) -> None:
        """`letters`: its minimum width in letters, whatever it lists; 0: it grows with its items."""
        super().__init__(parent)
        self._theme = theme
        if letters:
            self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            self.setMinimumContentsLength(letters)
            self.currentTextChanged.connect(self._tell)

    def _tell(self, text: str) -> None:
        self.setToolTip(tip(text))
        self.setAccessibleDescription(" ")  # its name says it; without a description, Qt exposes the tooltip

    def sizeHint(self) -> QSize:
        return super().sizeHint() + QSize(2, 0)  # Qt's own is a pixel short of its longest item

    def shown_text(self) -> str:
        """The text as drawn: elided in its middle, since names often differ at their end."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, self)
        text = self.currentText() or self.placeholderText()
        return self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, room.width())

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self.shown_text()
        painter = smooth_painter(self)
        self.style().drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option, painter, self)
        self.style().drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option, painter, self)
        paint_chevron(painter, self.width() - self._theme.px(14), self.height() / 2 + 1, self._theme)


BESIDE = 8  # px on either side of a word if there is little room


class Segment(QAbstractButton):
    """A segment: one word, as wide as in bold."""

    # size of the letters, px around the word, and the colour token of the pressed one's edge
    letters, beside, edge = 13.0, 24, "line"
    policy = QSizePolicy.Policy.Fixed

    def __init__(self, theme: Theme, text: str) -> None:
        super().__init__()
        self._theme, self.count, self.tight = theme, 0, False
        self.setText(text)
        self.setCheckable(True)
        self.setAutoExclusive(True)  # one of several, also for screen readers
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(self.policy, QSizePolicy.Policy.Fixed)

    def show_count(self, count: int) -> None:
        """Show a number after the word; 0: none."""
        if count != self.count:
            self.count = count
            told = translate(colon(self.text(), count)) if count else self.text()
            self.setAccessibleName(told)
            self.updateGeometry()
            self.update()

    def set_tight(self, tight: bool) -> None:
        """Use smaller letters and margins."""
        if tight is not self.tight:
            self.tight = tight
            self.letters, self.beside = (self.letters - 1, BESIDE) if tight else (type(self).letters, type(self).beside)
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        theme = self._theme
        self.setFont(theme.font(self.letters, BOLD))
        width = self.fontMetrics().horizontalAdvance(self.text()) + theme.px(self.beside)
        return QSize(width + (self._count_width() if self.count else 0), theme.px(26))

    def _count_width(self) -> int:
        theme = self._theme
        return QFontMetrics(theme.font(11, BOLD)).horizontalAdvance(count_text(self.count)) + theme.px(5)

    def shown(self, painter: QPainter) -> str:
        """Return the word, elided to the width."""
        return painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width() - 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() < self.sizeHint().width() and not self.toolTip():
            give_tip(self, self.text())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        box, radius = QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.px(6)
        if self.isChecked():
            painter.setPen(QPen(theme.color(self.edge), 1))
            painter.setBrush(theme.color("panel"))
            painter.drawRoundedRect(box, radius, radius)
        if self.hasFocus():
            paint_focus_ring(painter, box, radius, theme)
        painter.setFont(theme.font(self.letters, BOLD if self.isChecked() else MEDIUM))
        painter.setPen(theme.color("text" if self.isChecked() or self.underMouse() else "text2"))
        if not self.count:
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.shown(painter))
            return
        number = self._count_width()
        text = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width() - number - 2)
        wide = painter.fontMetrics().horizontalAdvance(text)
        left = (self.width() - wide - number) / 2
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(left, 0, wide + 2, self.height()), centre, text)
        painter.setFont(theme.font(11, BOLD))
        painter.setPen(theme.color("text2"))
        painter.drawText(QRectF(left + wide + theme.px(5), 0, number, self.height()), centre, count_text(self.count))


class SegmentStrip(QWidget):
    """A strip of exclusive buttons with arrow keys; one tab stop, at the pressed one.

    `fills`: it is as wide as its column, and shrinks its words if they would touch the edges of their buttons.
    """

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None, *, fills: bool = False) -> None:
        super().__init__(parent)
        self._theme, self._fills = theme, fills
        self.buttons: list[Segment] = []
        self._group = QButtonGroup(self)
        self._row = theme.lay(QHBoxLayout(self), around=2, gap=0)
        self.setAccessibleName(name)
        theme.changed.connect(self.update)

    def lead(self, word: QWidget) -> None:
        """Put a label in front of the buttons."""
        self._row.insertSpacing(0, self._theme.px(6))
        self._row.insertWidget(1, word)
        self._row.insertSpacing(2, self._theme.px(4))

    def put(self, button: Segment) -> None:
        """Append a button."""
        self._group.addButton(button)
        self._row.addWidget(button)
        self.buttons.append(button)

    def clear(self) -> None:
        """Remove all buttons."""
        for button in self.buttons:
            self._group.removeButton(button)
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = []

    def _fit(self) -> None:
        if self._fills:
            for button in self.buttons:
                button.set_tight(False)
            room = self.width() - 2 * self._theme.px(2)
            tight = sum(button.sizeHint().width() for button in self.buttons) > room
            for button in self.buttons:
                button.set_tight(tight)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        here = next((at for at, button in enumerate(self.buttons) if button.isChecked()), 0)
        if step and 0 <= here + step < len(self.buttons):
            self.buttons[here + step].setFocus(Qt.FocusReason.TabFocusReason)
            self.buttons[here + step].click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sunk"))
        painter.drawRoundedRect(QRectF(self.rect()), theme.px(8), theme.px(8))


class Segments(SegmentStrip):
    """A strip whose words may change."""

    chosen = Signal(int)  # by the user

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None, *, fills: bool = False) -> None:
        super().__init__(theme, name, parent, fills=fills)
        self._texts: tuple[str, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def offer(self, texts: tuple[str, ...]) -> None:
        """Replace the words; the pressed one stays pressed if it is still there."""
        if texts == self._texts:
            return
        before = next((button.text() for button in self.buttons if button.isChecked()), "")
        self._texts = texts
        self.clear()
        for place, text in enumerate(texts):
            button = Segment(self._theme, text)
            button.clicked.connect(lambda _=False, place=place: self.chosen.emit(place))
            self.put(button)
        self._fit()
        self.choose(texts.index(before) if before in texts else 0)

    def needed(self, lead: int) -> int:
        """Its width with that of what leads it, in px; a layout that is hidden tells what it was."""
        layout, parts = self.layout(), [button.sizeHint().width() for button in self.buttons]
        parts += [lead] if lead else []
        edges = self.contentsMargins() if layout is None else layout.contentsMargins()
        gaps = 0 if layout is None else layout.spacing() * max(0, len(parts) - 1)
        return sum(parts) + gaps + edges.left() + edges.right()

    def choose(self, place: int) -> None:
        """Press a segment without emitting `chosen`; an index out of range releases all."""
        if 0 <= place < len(self.buttons):
            self.buttons[place].setChecked(True)
            return
        self._group.setExclusive(False)  # an exclusive group never releases its pressed button
        for button in self.buttons:
            button.setChecked(False)
        self._group.setExclusive(True)

    def count(self, place: int, count: int) -> None:
        """Show a number after a word."""
        self.buttons[place].show_count(count)


SWITCH_WIDTH, SWITCH_HEIGHT = 32, 18
EDGE = 3  # around the switch, for the focus ring


class Switch(QAbstractButton):
    """A switch with its label, or without one if the label is next to it and is its accessible name."""

    def __init__(self, theme: Theme, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setText(text)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        theme = self._theme
        words = QFontMetrics(theme.font(13)).horizontalAdvance(self.text()) + theme.px(14) if self.text() else 0
        high = max(theme.px(SWITCH_HEIGHT), theme.box(13) if words else 0)
        return QSize(theme.px(SWITCH_WIDTH) + words + 2 * EDGE, high + 2 * EDGE)

    def hitButton(self, pos: QPoint) -> bool:
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        wide, high = theme.px(SWITCH_WIDTH), theme.px(SWITCH_HEIGHT)
        paint_switch(painter, QRectF(EDGE, (self.height() - high) / 2, wide, high), theme, on=self.isChecked())
        if self.hasFocus():
            paint_focus_ring(painter, self.rect(), theme.px(10), theme)
        if self.text():
            painter.setFont(theme.font(13))
            painter.setPen(theme.color("text"))
            room = self.rect().adjusted(EDGE + wide + theme.px(10), 0, 0, 0)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, self.text())


def paint_ground(painter: QPainter, button: QAbstractButton, theme: Theme) -> None:
    """Paint what is behind a button without an outline, under the mouse and with the focus."""
    if button.hasFocus() or button.underMouse():
        painter.setPen(outline_pen(theme, focused=button.hasFocus()))
        painter.setBrush(theme.color("sunk"))
        painter.drawRoundedRect(QRectF(button.rect()).adjusted(1, 1, -1, -1), theme.px(7), theme.px(7))


class GlyphButton(QAbstractButton):
    """A button that is a painted sign, 32 on a side; `paint_glyph` paints it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(32), self._theme.px(32))

    def paint_glyph(self, painter: QPainter) -> None:
        """Paint the sign, above the ground that is there under the mouse and with the focus."""
        raise NotImplementedError

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = smooth_painter(self)
        paint_ground(painter, self, self._theme)
        self.paint_glyph(painter)


class FoldButton(QAbstractButton):
    """A head over rows that are folded away: "Already in place 6"; `said` stands behind it."""

    unfolds = True

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._count, self._said = theme, 0, ""
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.toggled.connect(self._tell)

    def show_head(self, text: str, count: int, said: str = "") -> None:
        """What is below it, and how many."""
        self.setText(text)
        self._count, self._said = count, said
        self._tell()

    def _tell(self, _: bool = False) -> None:
        self.setAccessibleName(translate(colon(self.text(), self._count)))
        accessibility.tell_unfolded(self)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), max(self._theme.px(28), self._theme.box(12) + self._theme.px(8)))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        middle, x, half = self.height() / 2, theme.px(10), theme.px(4)
        painter.setPen(QPen(theme.color("text2"), 1.5))
        if self.isChecked():
            points = [QPointF(x - half, middle - half / 2), QPointF(x, middle + half / 2),
                      QPointF(x + half, middle - half / 2)]  # fmt: skip
        else:
            points = [QPointF(x - half / 2, middle - half), QPointF(x + half / 2, middle),
                      QPointF(x - half / 2, middle + half)]  # fmt: skip
        painter.drawPolyline(QPolygonF(points))
        painter.setFont(theme.font(12, MEDIUM))
        painter.setPen(theme.color("text" if self.underMouse() else "text2"))
        room = QRectF(theme.px(22), 0, self.width() - theme.px(22), self.height())
        text = f"{self.text()}  {self._count}"
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)
        if self._said:
            room.setLeft(room.left() + painter.fontMetrics().horizontalAdvance(text) + theme.px(8))
            painter.setFont(theme.font(11))
            painter.setPen(theme.color("text2"))
            if painter.fontMetrics().horizontalAdvance(self._said) <= room.width():  # else below, once unfolded
                painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, self._said)
        if self.hasFocus():
            paint_focus_ring(painter, self.rect().adjusted(1, 1, -1, -1), theme.px(6), theme)


class MenuLink(QAbstractButton):
    """A link that opens a menu: its word in the accent's colour, and a small arrow."""

    opens = True

    def __init__(self, theme: Theme, text: Message) -> None:
        super().__init__()
        self._theme = theme
        self.setText(translate(text))
        self.setAccessibleName(self.text())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def say(self, text: Message, spoken: Message | None = None) -> None:
        """Another word; `spoken`: what it says to a screen reader."""
        self.setText(translate(text))
        self.setAccessibleName(translate(spoken or text))
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        theme = self._theme
        wide = QFontMetrics(theme.font(12, MEDIUM)).horizontalAdvance(self.text())
        return QSize(wide + theme.px(18), max(theme.px(28), theme.box(12)))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        painter.setFont(theme.font(12, MEDIUM))
        ink = "accent" if self.isEnabled() else "text3"
        painter.setPen(theme.color(ink))
        room = self.rect().adjusted(2, 0, -theme.px(14), 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, self.text())
        paint_chevron(painter, self.width() - theme.px(7), self.height() / 2 + 1, theme, ink)
        if self.hasFocus():
            paint_focus_ring(painter, self.rect().adjusted(1, 2, -1, -2), theme.px(5), theme)
