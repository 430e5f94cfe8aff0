"""One toggle in the right column: a drawn switch, what it does, what it could break, and its layer's number.

Nothing in it is cut: a long title or note takes more lines. What it could break stands there while it is switched on,
and is in the tooltip else, where a sign says that there is something. A toggle that takes values has a button with its
value; that opens a sheet of its own (`value_sheet`).
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QFontMetricsF, QKeyEvent, QPaintEvent, QPen, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from stratascope.core.message import msg, plural
from stratascope.core.relaunch.toggle import Unit
from stratascope.core.sanitize import plain
from stratascope.core.text import exact_size
from stratascope.i18n.translate import translate
from stratascope.linux.capability import LAST
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.buttons import SWITCH_HEIGHT, SWITCH_WIDTH, paint_chevron, paint_switch
from stratascope.ui.kit.focus_order import outline_pen, paint_focus_ring
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import Mark, paint_mark, paint_number
from stratascope.ui.kit.theme import MEDIUM, REGULAR, Theme, smooth_painter
from stratascope.usecases.plan.offers import Asking, Option

HEIGHT, TEXT_LEFT, NUMBER = 38, 44, 16
VALUE_MOST = 104  # widest value; longer ones are cut


def takes_values(option: Option) -> bool:
    """Whether there is anything to choose: more than one word, or words of one's own."""
    return not option.piece and (len(option.toggle.words) > 1 or bool(option.toggle.placeholder))


class ValueButton(QAbstractButton):
    """The value of a toggle, with a small arrow; opens the sheet where it is changed."""

    opens = True

    def __init__(self, theme: Theme, row: QWidget) -> None:
        super().__init__(row)
        self._theme, self._row = theme, row
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # by Right from its row
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._row.setFocus(Qt.FocusReason.OtherFocusReason)
        if event.key() != Qt.Key.Key_Left:
            super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        theme = self._theme
        width = QFontMetrics(theme.font(12, MEDIUM)).horizontalAdvance(self.text()) + theme.px(24)
        return QSize(min(width, theme.px(VALUE_MOST)), theme.px(22))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        focus = self.hasFocus()
        edge = 1.0 if focus else 0.5
        box = QRectF(self.rect()).adjusted(edge, edge, -edge, -edge)
        painter.setPen(outline_pen(theme, "line2", focused=focus))
        painter.setBrush(theme.color("sunk" if self.underMouse() else "panel"))
        painter.drawRoundedRect(box, theme.px(5), theme.px(5))
        painter.setFont(theme.font(12, MEDIUM))
        painter.setPen(theme.color("text"))
        room = self.rect().adjusted(theme.px(7), 0, -theme.px(16), 0)
        text = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)
        paint_chevron(painter, self.width() - theme.px(10), self.height() / 2 + 1, theme)


class ToggleRow(QAbstractButton):
    """`switched` and `value_wanted` are the person's doing."""

    switched = Signal(str, bool)
    value_wanted = Signal(str)

    def __init__(self, theme: Theme, option: Option, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self.option, self._number, self._note = theme, option, number, ""
        self.value_text = option.value
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.value = ValueButton(theme, self)
        self.value.clicked.connect(lambda _=False: self.value_wanted.emit(self.option.key))
        self.toggled.connect(self._place)
        self.clicked.connect(lambda on: self.switched.emit(self.option.key, on))
        theme.changed.connect(self.update)
        self.show_option(option)

    @property
    def able(self) -> bool:
        """Whether it can be switched."""
        return self.option.why_not is None and not self.option.already

    def show_option(self, option: Option) -> None:
        """The same toggle, told anew."""
        self.option = option
        self.setText(plain(translate(option.title), 200))
        self.setEnabled(True)  # also what can't be switched must be reachable, to be read
        self.setCheckable(self.able or option.already)
        self.setChecked(option.already)
        told = plain(note_text(option))
        self._note = told
        self.show_value(option.value)
        whole = whole_text(option)
        give_tip(self, f"{self.text()}\n{whole}")
        layer = translate(msg("Layer {number}", number=self._number))
        self.setAccessibleDescription("\n".join(plain(line) for line in (*whole.split("\n"), layer)))
        self._place()
        self.update()

    def show_value(self, value: str) -> None:
        """What it would be set to."""
        self.value_text = value
        self.value.setText(human(self.option, value))
        name = translate(msg("{title}: {value}", title=self.text(), value=self.value.text()))
        self.value.setAccessibleName(
            translate(msg("{title}, change the value: {value}", title=self.text(), value=self.value.text()))
        )
        give_tip(self.value, translate(msg("{name}. Click to change it.", name=name)))
        self.setAccessibleName(name if takes_values(self.option) and self.isChecked() else self.text())
        self._place()

    def nextCheckState(self) -> None:
        if self.able:
            super().nextCheckState()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Right and self.value.isVisible():
            self.value.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            super().keyPressEvent(event)

    def _place(self, _: bool = False) -> None:
        """The value stands left of the layer's number, on the title's line."""
        wanted = takes_values(self.option) and self.able and self.isChecked()
        self.value.setVisible(wanted)
        if wanted:
            size = self.value.sizeHint()
            left = self.width() - self._theme.px(NUMBER + 8) - size.width()
            self.value.setGeometry(left, self._theme.px(3), size.width(), size.height())
        self.updateGeometry()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.update()
        return super().event(event)

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(240), self.heightForWidth(max(self.width(), self._theme.px(240))))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        theme = self._theme
        title, note, risk = self._lines(width)
        needed = title.height() + note.height() + risk.height() + theme.px(8)
        return max(theme.px(HEIGHT), round(needed))

    def _lines(self, width: int) -> tuple[QRectF, QRectF, QRectF]:
        """Where title, note and what it could break stand in a row of that width, from its upper edge."""
        theme, left = self._theme, self._theme.px(4 + TEXT_LEFT)
        end = width - theme.px(NUMBER + 8)
        if not self.value.isHidden():
            end -= self.value.sizeHint().width() + theme.px(6)
        title = self._box(13, left, end - left, self.text())
        note_left = left + (theme.px(14) if self._doubtful else 0)
        note = self._box(11, note_left, width - note_left - 2, self._note)
        risk = self._box(11, note_left, width - note_left - 2, self._risk) if self._risk else QRectF()
        return title, note, risk

    def _box(self, size: int, left: float, width: float, text: str) -> QRectF:
        metrics = QFontMetricsF(self._theme.font(size, MEDIUM if size == 13 else REGULAR))
        wrap = int(Qt.TextFlag.TextWordWrap.value)
        tall = metrics.boundingRect(QRectF(0, 0, max(20.0, width), 10000), wrap, text).height()
        return QRectF(left, 0, max(20.0, width), max(float(self._theme.box(size)), tall))

    @property
    def _doubtful(self) -> bool:
        """Whether there is something to keep in mind."""
        opens = self.option.asking is not None and bool(self.option.asking.opened)
        return self.able and (bool(self.option.risks) or opens)

    @property
    def _risk(self) -> str:
        """What it could break, while it is switched on."""
        return plain(translate(self.option.risks[0])) if self.able and self.isChecked() and self.option.risks else ""

    def hitButton(self, pos: object) -> bool:
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        able = self.able
        if self.underMouse() and able:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("sunk"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(-1, 0, 1, -2), theme.px(6), theme.px(6))
        left, least = theme.px(4), theme.px(HEIGHT)
        title, note, risk = self._lines(self.width())
        top = (self.height() - title.height() - note.height() - risk.height()) / 2
        title.moveTop(top)
        note.moveTop(title.bottom())
        risk.moveTop(note.bottom())
        box = QRectF(left, (least - theme.px(SWITCH_HEIGHT)) / 2 - 1, theme.px(SWITCH_WIDTH), theme.px(SWITCH_HEIGHT))
        paint_switch(painter, box, theme, on=self.isChecked(), able=able)
        number = QRectF(self.width() - theme.px(NUMBER) - 2, top + (theme.box(13) - theme.px(NUMBER)) / 2,
                        theme.px(NUMBER), theme.px(NUMBER))  # fmt: skip
        wrap = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
        painter.setFont(theme.font(13, MEDIUM))
        painter.setPen(theme.color("text" if able else "text2"))
        painter.drawText(title, wrap, self.text())
        paint_number(painter, number, self._number, theme)
        if self._doubtful:
            side = theme.px(9)
            sign = QRectF(title.left(), note.top() + (theme.box(11) - side) / 2, side, side)
            paint_mark(painter, sign, Mark.TRIANGLE, theme)
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("text2" if able else "text3"))
        painter.drawText(note, wrap, self._note)
        if self._risk:
            painter.setPen(theme.color("text2"))
            painter.drawText(risk, wrap, self._risk)
        painter.setPen(theme.color("line"))
        painter.drawLine(round(title.left()), self.height() - 1, self.width(), self.height() - 1)
        if self.hasFocus():
            paint_focus_ring(painter, self.rect().adjusted(1, 1, -1, -2), theme.px(6), theme)


class FoldButton(QAbstractButton):
    """A head over rows that are folded away: "In effect now 6"."""

    unfolds = True

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._count = theme, 0
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.toggled.connect(self._tell)

    def show_head(self, text: str, count: int) -> None:
        """What is below it, and how many."""
        self.setText(text)
        self._count = count
        self._tell()

    def _tell(self, _: bool = False) -> None:
        self.setAccessibleName(translate(msg("{head}: {count}", head=self.text(), count=self._count)))
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
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, f"{self.text()}  {self._count}")
        if self.hasFocus():
            paint_focus_ring(painter, self.rect().adjusted(1, 1, -1, -1), theme.px(6), theme)


def human(option: Option, value: str) -> str:
    """A value for reading: 512 MiB, 3 of 41; else as it is typed."""
    which = option.toggle
    if which.unit is Unit.BYTES and value.isascii() and value.isdigit() and value != "0":
        return exact_size(int(value))
    if which.unit is Unit.CAPABILITIES and value not in which.words:
        return translate(msg("{count} of {all}", count=len([n for n in value.split(",") if n]), all=LAST + 1))
    return plain(value, 200)


def gain_text(option: Option) -> str:
    """How much it brings alone."""
    if option.already:
        return translate(msg("In effect now"))
    if option.gains <= 0:
        return translate(msg("Stops nothing more here"))
    if option.serious:
        return translate(
            plural("Stops {count}, {serious} serious", "Stops {count}, {serious} serious", option.gains,
                   serious=option.serious)
        )  # fmt: skip
    return translate(plural("Stops {count}", "Stops {count}", option.gains))


def note_text(option: Option) -> str:
    """The second line of a toggle's row: what it brings, what it would open, or why it can't be had."""
    if option.why_not is not None:
        return translate(option.why_not)
    return gain_text(option) if option.asking is None else asking_text(option.asking)


def asking_text(asking: Asking) -> str:
    """What it would open."""
    if asking.opened is None:
        return translate(msg("What it would open can't be predicted"))
    if not asking.opened:
        return translate(msg("Opens no threat"))
    return translate(plural("Opens {count} threat", "Opens {count} threats", asking.opened))


_WANTED = msg("It was refused this while it was watched.")


def whole_text(option: Option) -> str:
    """All of it, for the tooltip and screen readers."""
    if option.asking is not None:  # what the toggle is for is the opposite
        return "\n".join((translate(_WANTED), asking_text(option.asking)))
    lines = [translate(option.toggle.what)]
    if option.why_not is not None:
        lines.append(translate(option.why_not))
    else:
        lines.append(gain_text(option))
        if not option.already:
            lines.extend(translate(risk) for risk in option.risks)
    return "\n".join(lines)
