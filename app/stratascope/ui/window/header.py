"""The head of the middle: the container's name, its chips, its exposure, and one sentence that says why.

While a layer is taken away in thought, the sentence says what then reaches the kernel, with the way back beside it.
"""

from __future__ import annotations

import time

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from stratascope.core.container import Container, Status
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.i18n.translate import translate
from stratascope.presentation.words import age
from stratascope.ui.containers.model import short_image
from stratascope.ui.threats.exposure import ExposureButton
from stratascope.ui.widgets.exposure_words import why, worst_open
from stratascope.ui.widgets.gap_words import runs, status_word
from stratascope.ui.widgets.labels import Line, give_tip
from stratascope.ui.widgets.marks import SEVERITY_INK, Mark, MarkBox
from stratascope.ui.widgets.theme import BOLD, MEDIUM, Theme


class Chip(QWidget):
    """A short fact on a soft ground; elided when there is no room."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._text, self._ink = theme, "", "text2"
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def empty(self) -> bool:
        """Whether it has nothing to say."""
        return not self._text

    def say(self, text: str, whole: str = "", ink: str = "text2") -> None:
        """Show `text`; `whole` is its long form for tooltip and screen reader."""
        self._text, self._ink = plain(text, 200), ink
        self.setAccessibleName(plain(whole or text, 400))
        give_tip(self, whole or text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        theme = self._theme
        width = self._metrics_width() + theme.px(16)
        return QSize(min(width, theme.px(160)), theme.box(11) + theme.px(6))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("unk_soft"))
        painter.drawRoundedRect(QRectF(self.rect()), self.height() / 2, self.height() / 2)
        painter.setFont(theme.font(11, MEDIUM))
        painter.setPen(theme.color(self._ink))
        inner = self.rect().adjusted(theme.px(8), 0, -theme.px(8), 0)
        text = painter.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideMiddle, inner.width() + 1)
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignHCenter, text)

    def _metrics_width(self) -> int:
        self.setFont(self._theme.font(11, MEDIUM))
        return self.fontMetrics().horizontalAdvance(self._text)


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
    """Name 22, chips, exposure 30, and one sentence from the worst open threat."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
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

    def show_state(self, state: ContainerState, now: float | None = None) -> None:
        """Tell it of this container; `show_exposure` follows."""
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

    def show_exposure(self, base: Matrix | None, matrix: Matrix | None, supposed: str) -> None:
        """The exposure as it is (`base`) and as supposed; `supposed`: what then reaches the kernel, else empty."""
        self.exposure.show_exposure(base, matrix)
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
