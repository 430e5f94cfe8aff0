"""The filter above the list: what may be typed is said in it, and Tab completes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.usecases.listing.completion import Completion, complete

NARROW = 130  # px; below it there is room for one word, and none for its key

States = Callable[[], Sequence[ContainerState]]
_WHAT = msg(
    "Part of a name, or name: cap: user: project: port: image: label: engine: followed by what to look for. All "
    "words must match. Tab completes, / comes here."
)


class FilterField(QLineEdit):
    """The filter, with a glass at the left and its key at the right. `states`: the containers that there are."""

    def __init__(self, theme: Theme, states: States, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._states = theme, states
        self._ways: Completion | None = None  # while Tab goes round them
        self._way = -1
        self.textChanged.connect(self._begin_anew)
        self._narrow: bool | None = None
        self.setAccessibleName(translate(msg("Filter containers")))
        self.setAccessibleDescription(translate(_WHAT))
        give_tip(self, translate(_WHAT))
        self.setMaxLength(200)
        self.setFixedHeight(theme.px(30))
        self.setFont(theme.font(13))
        self.setClearButtonEnabled(False)
        self._fit()

    def event(self, event: QEvent) -> bool:
        """Tab completes what is being typed; where there is nothing to complete it goes on, as ever."""
        tabs = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
        key = event.key() if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress else 0
        if key in tabs and self._complete(back=key == Qt.Key.Key_Backtab):
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        theme, narrow = self._theme, self.width() < self._theme.px(NARROW)
        if narrow is not self._narrow:
            self._narrow = narrow
            self.setPlaceholderText(translate(msg("Filter…") if narrow else msg("Filter: name, cap:, user:")))
            self.setTextMargins(theme.px(20), 0, 0 if narrow else theme.px(26), 0)

    def _complete(self, *, back: bool) -> bool:
        if self._ways is not None:
            self._way = (self._way + (-1 if back else 1)) % len(self._ways.words)
            self._put(self._ways.start, self._ways.words[self._way])
            return True
        before, after = self.text()[: self.cursorPosition()], self.text()[self.cursorPosition() :]
        found = complete(before, self._states(), after)
        word = before[found.start :]
        if back or not found.words or found.words == (word,):
            return False
        if len(found.words) == 1:
            only = found.words[0]
            self._put(found.start, only if only.endswith(":") else f"{only} ")
        elif len(found.common) > len(word):
            self._put(found.start, found.common)
        else:
            self._ways, self._way = found, 0
            self._put(found.start, found.words[0])
        return True

    def _begin_anew(self) -> None:
        self._ways = None

    def _put(self, start: int, word: str) -> None:
        """In the place of what stands from there to the cursor."""
        text, cursor, ways = self.text(), self.cursorPosition(), self._ways
        self.setText(f"{text[:start]}{word}{text[cursor:]}")
        self._ways = ways
        self.setCursorPosition(start + len(word))
        accessibility.announce(self, word)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("text3"), 1.5))
        side, middle = theme.px(9), self.height() / 2
        left = theme.px(10)
        painter.drawEllipse(QRectF(left, middle - side / 2 - 1, side, side))
        end = left + side
        painter.drawLine(round(end - 1), round(middle + side / 2 - 2), round(end + 3), round(middle + side / 2 + 2))
        if not self.hasFocus() and not self.text() and not self._narrow:
            box = QRectF(self.width() - theme.px(28), middle - theme.px(9), theme.px(20), theme.px(18))
            painter.setPen(QPen(theme.color("line"), 1))
            painter.setBrush(theme.color("panel"))
            painter.drawRoundedRect(box, 4, 4)
            painter.setFont(theme.font(11, MEDIUM))
            painter.setPen(theme.color("text2"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "/")
