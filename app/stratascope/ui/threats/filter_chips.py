"""Small chips that are pressed in and out: which outcomes are shown, each with its number."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from stratascope.core.message import msg, plural
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.presentation.threat_outcomes import Protection, protection_word, protections
from stratascope.ui.widgets.focus_ring import outline_pen
from stratascope.ui.widgets.labels import give_tip
from stratascope.ui.widgets.marks import Mark, paint_mark
from stratascope.ui.widgets.stance_cell import PROTECTION_INK, PROTECTION_MARK
from stratascope.ui.widgets.theme import MEDIUM, Theme


class OutcomeChip(QAbstractButton):
    """Mark, number and word; pressed in it has an accent outline and a soft ground."""

    def __init__(self, theme: Theme, text: str, mark: Mark | None, ink: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._mark, self._ink, self._count = theme, mark, ink, 0
        self.setText(text)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_count(self, count: int) -> None:
        """The number before the word."""
        self._count = count
        self.setAccessibleName(translate(msg("{word}: {count}", word=self.text(), count=count)))
        give_tip(self, translate(plural("Show only this {count} threat", "Show only these {count} threats", count)))
        self.updateGeometry()
        self.update()

    def _words(self) -> str:
        return translate(msg("{count} {word}", count=self._count, word=self.text()))

    def sizeHint(self) -> QSize:
        theme = self._theme
        self.setFont(theme.font(12, MEDIUM))
        mark = theme.px(17) if self._mark is not None else 0
        width = self.fontMetrics().horizontalAdvance(self._words()) + mark + theme.px(18)
        return QSize(width, theme.box(12) + theme.px(8))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        on = self.isChecked()
        painter.setPen(outline_pen(theme, "accent" if on else "line2", focused=self.hasFocus()))
        painter.setBrush(theme.color("accent_soft" if on else "sunk" if self.underMouse() else "panel"))
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        left = theme.px(9)
        if self._mark is not None:
            side = theme.px(11)
            paint_mark(painter, QRectF(left, (self.height() - side) / 2, side, side), self._mark, theme, self._ink)
            left += theme.px(17)
        painter.setFont(theme.font(12, MEDIUM))
        painter.setPen(theme.color("text" if self._count or on else "text3"))
        room = self.rect().adjusted(left, 0, 0, 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, self._words())


class OutcomeFilter(QWidget):
    """One chip an outcome; none pressed means all are shown."""

    changed = Signal(object)  # frozenset[Protection]

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.chips = {
            where: OutcomeChip(theme, protection_word(where), PROTECTION_MARK[where], PROTECTION_INK[where], self)
            for where in Protection
        }
        for chip in self.chips.values():
            chip.toggled.connect(lambda _: self.changed.emit(self.chosen))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        theme.changed.connect(self._arrange)

    @property
    def chosen(self) -> frozenset[Protection]:
        """Those that are pressed in."""
        return frozenset(where for where, chip in self.chips.items() if chip.isChecked())

    def show_matrix(self, matrix: Matrix | None) -> None:
        """Count anew."""
        found = protections(matrix) if matrix is not None else dict.fromkeys(Protection, 0)
        for where, chip in self.chips.items():
            chip.show_count(found[where])
            chip.setVisible(found[where] > 0 or chip.isChecked())
        self._arrange()

    def clear(self) -> None:
        """Press all out."""
        for chip in self.chips.values():
            chip.setChecked(False)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._place(width, move=False)

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(300), self._place(max(self.width(), 1), move=False))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(150), self._theme.px(20))

    def resizeEvent(self, event: object) -> None:
        self._arrange()

    def _arrange(self) -> None:
        self._place(self.width(), move=True)
        self.updateGeometry()

    def _place(self, width: int, *, move: bool) -> int:
        """Rows from left to right as the width allows; the height that this takes."""
        gap, x, y, height = self._theme.px(6), 0, 0, 0
        for chip in self.chips.values():
            if chip.isHidden():
                continue
            size = chip.sizeHint()
            if x and x + size.width() > width:
                x, y = 0, y + height + gap
            if move:
                chip.setGeometry(x, y, size.width(), size.height())
            x += size.width() + gap
            height = size.height()
        return y + height
