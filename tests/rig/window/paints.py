"""What is painted, and how much of it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget


class Paints(QObject):
    """Records the paint events of the widgets that it filters."""

    def __init__(self, *watched: QWidget) -> None:
        super().__init__()
        self.seen: list[tuple[QObject, int]] = []
        for widget in watched:
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if isinstance(event, QPaintEvent):
            self.seen.append((watched, event.rect().height()))
        return False
