"""The one button that asks for root. It says exactly what it starts, and afterwards that it is on."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.privilege import Privilege, PrivilegeState
from stratascope.i18n.translate import translate
from stratascope.ui.kit.focus_order import outline_pen
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme

KEYS = "Ctrl+R"
_ASK = msg("Show what only root can read")
_WORDS: dict[PrivilegeState, Message] = {
    PrivilegeState.ABSENT: _ASK,
    PrivilegeState.IDLE: _ASK,
    PrivilegeState.ASKING: msg("Asking for root…"),
    PrivilegeState.ON: msg("Root reading on"),
    PrivilegeState.REFUSED: _ASK,
}
_WHAT = msg("It reads seccomp filters and namespaces, changes nothing, and ends with this window.")


class RootButton(QAbstractButton):
    """A lock and words; the lock alone where there is no room. Hidden where nothing is live."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._folded = False
        self._state = PrivilegeState.ABSENT
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.show_privilege(Privilege())

    def show_privilege(self, privilege: Privilege) -> None:
        """How it stands, and what would be started."""
        self._state = privilege.state
        words = translate(_WORDS[privilege.state])
        self.setText(words)
        self.setAccessibleName(words)
        told = translate(self._told(privilege))
        self.setAccessibleDescription(told)
        give_tip(self, f"{words} ({KEYS})\n{told}" if self.can_ask else f"{words}\n{told}")
        self.setEnabled(self.can_ask)
        self.setVisible(privilege.state is not PrivilegeState.ABSENT)
        self.updateGeometry()
        self.update()

    @property
    def can_ask(self) -> bool:
        """Whether pressing it does something."""
        return self._state in (PrivilegeState.IDLE, PrivilegeState.REFUSED)

    def set_folded(self, folded: bool) -> None:
        """Only the lock."""
        if folded is not self._folded:
            self._folded = folded
            self.updateGeometry()
            self.update()

    def _told(self, privilege: Privilege) -> Message:
        if self._state is PrivilegeState.ON:
            return msg("The collector runs as root. {what}", what=_WHAT)
        if not privilege.command:
            return msg("Stratascope already runs as root, so no password is needed. {what}", what=_WHAT)
        return msg("Starts only the collector as root: {command}\n{what}",
                   command=privilege.command, what=_WHAT)  # fmt: skip

    def sizeHint(self) -> QSize:
        theme = self._theme
        self.setFont(theme.font(12.5, MEDIUM))
        if self._folded:
            return QSize(theme.px(34), theme.px(30))
        return QSize(theme.px(12 + 18 + 12) + self.fontMetrics().horizontalAdvance(self.text()), theme.px(30))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on = self._state is PrivilegeState.ON
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.hasFocus():
            box.adjust(0.5, 0.5, -0.5, -0.5)
        painter.setPen(outline_pen(theme, "" if on else "text3", focused=self.hasFocus()))
        hovered = self.underMouse() and self.can_ask
        painter.setBrush(theme.color("enf_soft" if on else "sunk" if hovered else "panel"))
        painter.drawRoundedRect(box, theme.px(7), theme.px(7))
        ink = theme.color("enf" if on else "text" if self.can_ask else "text2")
        left = (self.width() - theme.px(11)) / 2 if self._folded else float(theme.px(12))
        self._lock(painter, QRectF(left, (self.height() - theme.px(13)) / 2, theme.px(11), theme.px(13)), open_=on)
        if not self._folded:
            painter.setFont(theme.font(12.5, MEDIUM))
            painter.setPen(ink)
            x = theme.px(12 + 18)
            area = QRectF(x, 0, self.width() - x, self.height())
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, self.text())

    def _lock(self, painter: QPainter, box: QRectF, *, open_: bool) -> None:
        """A body with a shackle; open, the shackle stands aside."""
        theme = self._theme
        ink = theme.color("enf" if open_ else "text2")
        body = QRectF(box.left(), box.top() + box.height() * 0.45, box.width(), box.height() * 0.55)
        width = box.width() * 0.62
        side = box.left() + (box.width() * 0.45 if open_ else (box.width() - width) / 2)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(ink, 1.6 * theme.scale))
        shackle = QRectF(side, box.top() + theme.scale, width, box.height() * 0.7)
        painter.drawArc(shackle, 0, 180 * 16)
        middle = shackle.center().y()
        painter.drawLine(round(shackle.left()), round(middle), round(shackle.left()), round(body.top()))
        if not open_:
            painter.drawLine(round(shackle.right()), round(middle), round(shackle.right()), round(body.top()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        painter.drawRoundedRect(body, 1.5 * theme.scale, 1.5 * theme.scale)
