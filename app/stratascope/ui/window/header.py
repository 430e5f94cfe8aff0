"""The head of the middle: the container's name, its chips, its exposure, and one sentence that says why.

While a layer is taken away in thought, the sentence says what then reaches the kernel, with the way back beside it. It
follows the selection while it is in view.
"""

from __future__ import annotations

import time
from functools import cached_property

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from stratascope.core.container import Container, Status
from stratascope.core.layer import Layer
from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import ThreatState
from stratascope.i18n.translate import translate
from stratascope.presentation.words import age
from stratascope.ui.containers.model import short_image
from stratascope.ui.threats.exposure import ExposureButton, ExposureSheet
from stratascope.ui.widgets.chip import Chip
from stratascope.ui.widgets.exposure_words import why, worst_open
from stratascope.ui.widgets.gap_words import runs, status_word
from stratascope.ui.widgets.labels import Line, give_tip
from stratascope.ui.widgets.marks import SEVERITY_INK, Mark, MarkBox
from stratascope.ui.widgets.selection import Selection
from stratascope.ui.widgets.theme import BOLD, MEDIUM, Theme
from stratascope.ui.widgets.what_if import sentence


class WhatIfLine(QFrame):
    """What would reach the kernel, on a soft ground, and the button that brings all layers back."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.text = Line(theme, 13, MEDIUM)
        self.back = QPushButton(translate(msg("Bring back")))
        self.back.setObjectName("link")
        self.back.setFont(theme.font(12, BOLD))
        self.back.setCursor(Qt.CursorShape.PointingHandCursor)
        give_tip(self.back, translate(msg("As it really is (Escape)")))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.px(8), 0, theme.px(4), 0)
        layout.setSpacing(theme.px(6))
        layout.addWidget(self.text, 1)
        layout.addWidget(self.back)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent_soft"))
        painter.drawRoundedRect(QRectF(self.rect()), theme.px(6), theme.px(6))


class Header(QWidget):
    """Name 22, chips, exposure 30, and one sentence from the worst open threat.

    `back_wanted`: to the list. `threat_chosen` has the id of one of the sheet's.
    """

    back_wanted = Signal()
    threat_chosen = Signal(str)

    def __init__(
        self, theme: Theme, layers: tuple[Layer, ...], selection: Selection, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme, self._selection = theme, selection
        self._titles = {layer.number: translate(layer.about.title) for layer in layers}
        self._worst: ThreatState | None = None
        self.back = QToolButton()
        self.back.setObjectName("flat")
        self.back.setText("←")
        self.back.setAccessibleName(translate(msg("Back to the list")))
        give_tip(self.back, translate(msg("Back to the list (Alt+Left)")))
        self.back.hide()
        self.name = Line(theme, 22, BOLD, middle=True)
        self.chips = [Chip(theme) for _ in range(5)]
        self.exposure = ExposureButton(theme)
        self.mark = MarkBox(theme, 11)
        self.sentence = Line(theme, 13)
        self.suppose = WhatIfLine(theme)
        self.suppose.hide()
        top = QHBoxLayout()
        top.setSpacing(theme.px(6))
        top.addWidget(self.back)
        top.addWidget(self.name, 0)
        top.addSpacing(theme.px(6))
        for chip in self.chips:
            top.addWidget(chip, 0)
        top.addStretch(1)
        self._second = QWidget()
        self._second.setFixedHeight(theme.box(13) + theme.px(3))
        second = QHBoxLayout(self._second)
        second.setContentsMargins(0, 0, 0, 0)
        second.setSpacing(theme.px(7))
        second.addWidget(self.mark)
        second.addWidget(self.sentence, 1)
        second.addWidget(self.suppose, 1)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addLayout(top)
        words.addWidget(self._second)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.px(10))
        layout.addLayout(words, 1)
        layout.addWidget(self.exposure, 0)
        self.back.clicked.connect(self.back_wanted)
        self.exposure.clicked.connect(self.show_sheet)
        self.suppose.back.clicked.connect(selection.bring_back)
        selection.container_changed.connect(self._show)
        selection.supposed.connect(self._show_exposure)

    @cached_property
    def sheet(self) -> ExposureSheet:
        """Made when it is first opened."""
        sheet = ExposureSheet(self._theme, self)
        sheet.threat_chosen.connect(self.threat_chosen)
        return sheet

    def show_sheet(self) -> None:
        """How the exposure comes about."""
        matrix = self._selection.what_if.result()
        if matrix is not None:
            self.sheet.open_below(self.exposure, matrix)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show()

    def _show(self) -> None:
        state = self._selection.current
        if state is not None and self.isVisible():
            self._show_state(state, self._selection.now)
            self._show_exposure()

    def _show_state(self, state: ContainerState, now: float | None) -> None:
        container = state.container
        self.name.say(container.name or container.id[:12])
        engine, image, pid, up, status = self.chips
        engine.say(container.engine)
        image.say(short_image(container.image), container.image)
        pid.say(translate(msg("PID {pid}", pid=str(container.pid))) if runs(state) else "")
        up.say(since(container, time.time() if now is None else now) if runs(state) else "")
        status.say("" if container.status is Status.RUNNING else status_word(container), ink="weak")
        self.sentence.say(why(state))
        self._worst = worst_open(state)
        self._mark()
        self._fit()

    def _show_exposure(self) -> None:
        """As it is and as supposed, and what then reaches the kernel."""
        state, what_if = self._selection.current, self._selection.what_if
        layers = state.layers if state is not None else ()
        supposed = sentence(what_if, {layer.id: self._titles.get(layer.number, layer.id) for layer in layers})
        self.exposure.show_exposure(what_if.matrix, what_if.result())
        had_focus = self.suppose.back.hasFocus()
        self.suppose.text.say(supposed)
        self.suppose.setVisible(bool(supposed))
        self.sentence.setVisible(not supposed)
        if had_focus and not supposed:
            self.exposure.setFocus(Qt.FocusReason.OtherFocusReason)
        self._mark()
        self._fit()

    def _mark(self) -> None:
        severity = self._worst.threat.severity if self._worst is not None else None
        serious = severity in (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM)
        self.mark.setVisible(serious and self.suppose.isHidden())
        if severity is not None:
            self.mark.show_mark(Mark.TRIANGLE, SEVERITY_INK[severity])

    def _fit(self) -> None:
        """The name comes first; chips that find no room beside it are left out, the least telling ones first."""
        exposure = self.exposure.sizeHint().width() + self._theme.px(10)
        room = self.width() - exposure
        room -= min(self.name.sizeHint().width(), round(room * 0.6)) + self._theme.px(60)
        engine, image, pid, up, status = self.chips
        for chip in (status, image, pid, engine, up):
            needed = chip.sizeHint().width() + self._theme.px(6)
            fits = not chip.empty and needed <= room
            chip.setVisible(fits)
            room -= needed if fits else 0

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()


def since(container: Container, now: float) -> str:
    """How long it has been up, in one unit; empty where the engine does not say."""
    seconds = now - container.started
    if container.started <= 0 or seconds < 0:
        return ""
    return translate(msg("up {age}", age=age(seconds)))
