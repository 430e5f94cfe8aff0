"""The switch of presets on top of the right column: Recommended, Restricted, Strict, and one's own choice."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from stratascope.core.message import msg
from stratascope.core.toggle import Preset
from stratascope.i18n import translate
from stratascope.ui.harden_words import preset_tip, preset_word
from stratascope.ui.labels import tip
from stratascope.ui.theme import BOLD, MEDIUM, Look

ALL: tuple[Preset | None, ...] = (*Preset, None)


class _Part(QAbstractButton):
    def __init__(self, look: Look, preset: Preset | None) -> None:
        super().__init__()
        self._look = look
        self.setText(preset_word(preset))
        self.setToolTip(tip(preset_tip(preset)))
        self.setAccessibleDescription(preset_tip(preset))
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.MinimumExpanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        look = self._look
        self.setFont(look.font(12, BOLD))
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + look.px(8), look.px(26))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._look.px(24), self._look.px(26))

    def paintEvent(self, event: QPaintEvent) -> None:
        look, painter = self._look, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box, radius = QRectF(self.rect()).adjusted(1, 1, -1, -1), look.px(6)
        if self.isChecked():
            painter.setPen(QPen(look.color("line2"), 1))
            painter.setBrush(look.color("panel"))
            painter.drawRoundedRect(box, radius, radius)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(look.color("accent"), 2))
            painter.drawRoundedRect(box, radius, radius)
        painter.setFont(look.font(12, BOLD if self.isChecked() else MEDIUM))
        painter.setPen(look.color("text" if self.isChecked() or self.underMouse() else "text2"))
        text = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width() - 2)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)


class PresetSwitch(QWidget):
    """As wide as its column; arrows go from one to the next, and only the one that holds is a stop of the Tab key."""

    chosen = Signal(object)  # Preset, or None for one's own choice; by the person

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.setAccessibleName(translate(msg("Preset")))
        self.parts = {preset: _Part(look, preset) for preset in ALL}
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(*[look.px(2)] * 4)
        row.setSpacing(0)
        for preset, part in self.parts.items():
            self._group.addButton(part)
            row.addWidget(part)
            part.clicked.connect(lambda _=False, preset=preset: self.chosen.emit(preset))
        look.changed.connect(self.update)

    @property
    def current(self) -> Preset | None:
        """The one that is pressed in."""
        return next((preset for preset, part in self.parts.items() if part.isChecked()), None)

    def choose(self, preset: Preset | None) -> None:
        """Press one in, without telling."""
        self.parts[preset].setChecked(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        place = ALL.index(self.current) + step
        if step and 0 <= place < len(ALL):
            part = self.parts[ALL[place]]
            part.setFocus(Qt.FocusReason.TabFocusReason)
            part.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        look, painter = self._look, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.color("sunk"))
        painter.drawRoundedRect(QRectF(self.rect()), look.px(8), look.px(8))
