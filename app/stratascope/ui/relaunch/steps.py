"""The steps of a relaunch as they happen: one line each, with its mark and how long it took."""

from __future__ import annotations

import time

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.transaction import Progress, State
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.terms import seconds_text
from stratascope.ui.kit.marks import Mark, paint_mark
from stratascope.ui.kit.theme import BOLD, REGULAR, Theme

_TICK = 100  # ms between two looks at the clock of the present step


def state_word(state: State) -> str:
    """How a step stands."""
    words: dict[State, Message] = {
        State.BEGUN: msg("in progress"),
        State.DONE: msg("done"),
        State.FAILED: msg("failed"),
    }
    return translate(words[state])


class StepLine(QWidget):
    """A ring while it lasts, a hook when it is done, a triangle where it failed."""

    def __init__(self, theme: Theme, progress: Progress) -> None:
        super().__init__()
        self._theme = theme
        self.progress = progress
        self.begun = time.monotonic()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_progress(progress)

    def show_progress(self, progress: Progress) -> None:
        """How it stands now."""
        self.progress = progress
        text = plain(translate(progress.message))
        took = "" if progress.state is State.BEGUN else seconds_text(progress.seconds)
        self.setAccessibleName(
            translate(msg("{step}: {state} {took}", step=text, state=state_word(progress.state), took=took)).strip()
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(300), max(self._theme.px(28), self._theme.box(13) + self._theme.px(6)))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter, progress = self._theme, QPainter(self), self.progress
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side, middle = theme.px(14), self.height() / 2
        box = QRectF(theme.px(2), middle - side / 2, side, side)
        if progress.state is State.FAILED:
            paint_mark(painter, box, Mark.TRIANGLE, theme, "open")
        elif progress.state is State.DONE:
            painter.setPen(QPen(theme.color("enf"), 2))
            painter.drawPolyline(QPolygonF([QPointF(box.left() + side * 0.12, middle + side * 0.05),
                                            QPointF(box.left() + side * 0.4, middle + side * 0.3),
                                            QPointF(box.left() + side * 0.88, middle - side * 0.3)]))  # fmt: skip
        else:
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawEllipse(box.adjusted(2, 2, -2, -2))
        now = progress.state is State.BEGUN
        painter.setFont(theme.font(13, BOLD if now else REGULAR))
        painter.setPen(theme.color("text"))
        seconds = time.monotonic() - self.begun if now else progress.seconds
        took = seconds_text(seconds)
        wide = theme.px(56)
        room = QRectF(theme.px(26), 0, self.width() - theme.px(30) - wide, self.height())
        text = plain(translate(progress.message))
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, round(room.width()))
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(room, centre, text)
        painter.setFont(theme.font(12))
        painter.setPen(theme.color("text2"))
        right = QRectF(self.width() - wide, 0, wide - 2, self.height())
        painter.drawText(right, centre | Qt.AlignmentFlag.AlignRight, took)


class StepList(QWidget):
    """All of them, in the order in which they came."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.lines: dict[str, StepLine] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK)
        self._clock.timeout.connect(self._tick)
        self.setAccessibleName(translate(msg("Steps")))

    def clear(self) -> None:
        """For another run."""
        for line in self.lines.values():
            self._column.removeWidget(line)
            line.hide()
            line.deleteLater()
        self.lines = {}
        self._clock.start()

    def tell(self, progress: Progress) -> None:
        """A step begins, is done, or failed."""
        line = self.lines.get(progress.step)
        if line is None:
            if progress.state is State.BEGUN and progress.step == "roll-back":
                self.stop(failed=True)
            line = self.lines[progress.step] = StepLine(self._theme, progress)
            self._column.addWidget(line)
        else:
            line.show_progress(progress)

    def stop(self, *, failed: bool = False) -> None:
        """Nothing goes on; what was under way did not come to its end."""
        for line in self.lines.values():
            if line.progress.state is State.BEGUN and failed:
                told = line.progress
                line.show_progress(Progress(told.step, State.FAILED, time.monotonic() - line.begun, told.message))
        if not failed:
            self._clock.stop()

    def _tick(self) -> None:
        for line in self.lines.values():
            if line.progress.state is State.BEGUN:
                line.update()
