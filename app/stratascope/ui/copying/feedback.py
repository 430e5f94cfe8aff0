"""That something was copied or saved: a few words at the foot of the window, which go by themselves.

Where the eye is anyway it changes nothing: no button is renamed, nothing moves, the keyboard stays.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QWidget

from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.background import later

STAYS = 2500  # ms
_EDGE = 24  # px below it


class Feedback(QLabel):
    """One a window; a newer text takes the place of the one before."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.setObjectName("feedback")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._timer = later(self, STAYS, self.hide)

    def say(self, text: str) -> None:
        """For a moment, over what is at the foot of the window."""
        window = self._window
        room = max(1, window.width() - 4 * _EDGE)
        shown = plain(text, 500)
        self.ensurePolished()
        self.setText(self.fontMetrics().elidedText(shown, Qt.TextElideMode.ElideMiddle, room))
        self.adjustSize()
        self.move((window.width() - self.width()) // 2, window.height() - self.height() - _EDGE)
        self.show()
        self.raise_()
        self._timer.start()
        accessibility.announce(window, shown)


def tell(widget: QWidget, text: str) -> None:
    """These words, in the window of `widget`."""
    window = widget.window()
    found = window.findChild(Feedback, options=Qt.FindChildOption.FindDirectChildrenOnly)
    (found or Feedback(window)).say(text)


def copy(widget: QWidget, text: str) -> None:
    """Plain text onto the clipboard, and that it is there."""
    QGuiApplication.clipboard().setText(text)
    copied(widget)


def copied(widget: QWidget) -> None:
    """That something is on the clipboard now."""
    tell(widget, translate(msg("Copied")))


def saved(widget: QWidget, path: Path) -> None:
    """That it was written, and where."""
    tell(widget, translate(msg("Saved as {path}", path=str(path))))
