"""A row of the plan whose change is in force since a relaunch: what it is, and how that is known. Nothing to switch:
the way back is Undo.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.core.message import colon, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.plan_rows import in_force_title, in_force_value, proved_word
from stratascope.ui.harden.plan_row import HEIGHT, SWITCH, SWITCH_HIGH, TITLE
from stratascope.ui.kit.buttons import paint_switch
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import paint_evidence
from stratascope.ui.kit.theme import MEDIUM, Theme, smooth_painter
from stratascope.usecases.plan.offers import InForce


class ProvedRow(QWidget):
    """The row. `tried`: something was refused by it since."""

    def __init__(self, theme: Theme, change: InForce) -> None:
        super().__init__()
        self._theme, self.change = theme, change
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._title = in_force_title(change.choice)
        self._value = in_force_value(change.choice)
        theme.changed.connect(self.update)
        self.show_tried(tried=False)

    def show_tried(self, *, tried: bool) -> None:
        """Whether it has refused something since."""
        self._word = proved_word(self.change.proof, tried=tried)
        self.word = translate(self._word.text)
        title = translate(colon(self._title, self._value)) if self._value else self._title
        self.setAccessibleName(translate(msg("{title}, in force, {evidence}", title=title, evidence=self.word)))
        found = plain(translate(self.change.proof.found), 300)
        back = translate(msg("Undo takes it back, with all else."))
        self.setAccessibleDescription(found)
        give_tip(self, "\n".join((title, found, back)))
        self.update()

    def _room(self, width: int) -> int:
        theme = self._theme
        word = QFontMetrics(theme.font(11, MEDIUM)).horizontalAdvance(self.word) + theme.px(15 + 12)
        value = QFontMetrics(theme.font(11)).horizontalAdvance(self._value) + theme.px(8) if self._value else 0
        return max(theme.px(60), width - theme.px(TITLE) - word - value)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        theme, wrap = self._theme, int(Qt.TextFlag.TextWordWrap)
        metrics = QFontMetrics(theme.font(13, MEDIUM))
        tall = metrics.boundingRect(0, 0, self._room(width), 999, wrap, self._title).height()
        return max(theme.px(HEIGHT), 0 if tall <= theme.box(13) else tall + theme.px(8))

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(300), self.heightForWidth(max(self.width(), self._theme.px(300))))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(240), self._theme.px(HEIGHT))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter, width, high = self._theme, smooth_painter(self), self.width(), self.height()
        centre, wrap = Qt.AlignmentFlag.AlignVCenter, Qt.TextFlag.TextWordWrap
        painter.setOpacity(0.5)  # on, and not to be switched
        switch = QRectF(3, (high - theme.px(SWITCH_HIGH)) / 2, theme.px(SWITCH), theme.px(SWITCH_HIGH))
        paint_switch(painter, switch, theme, on=True)
        painter.setOpacity(1.0)
        left, room = theme.px(TITLE), self._room(width)
        painter.setFont(theme.font(13, MEDIUM))
        painter.setPen(theme.color("text"))
        painter.drawText(QRectF(left, 0, room + 2, high), centre | wrap, self._title)
        if self._value:
            left += min(room, painter.fontMetrics().horizontalAdvance(self._title)) + theme.px(8)
            painter.setFont(theme.font(11))
            painter.setPen(theme.color("text2"))
            painter.drawText(QRectF(left, 0, width - left, high), centre, self._value)
        painter.setFont(theme.font(11, MEDIUM))
        wide, side = painter.fontMetrics().horizontalAdvance(self.word) + 2, theme.px(11)
        painter.setPen(theme.color(self._word.ink))
        painter.drawText(QRectF(width - wide - 3, 0, wide, high), centre, self.word)
        mark = QRectF(width - wide - 3 - theme.px(15), (high - side) / 2, side, side)
        paint_evidence(painter, mark, self._word.mark, theme, self._word.ink)
        painter.setPen(theme.color("line"))
        painter.drawLine(theme.px(TITLE), high - 1, width, high - 1)
        if self.hasFocus():
            paint_focus_ring(painter, self.rect().adjusted(1, 1, -1, -2), theme.px(6), theme)
