"""A painted picture that is kept until what it shows changes: patterns and many lines take long to paint."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPixmap


class PixmapCache:
    """One picture of a widget's size."""

    def __init__(self) -> None:
        self._kept: tuple[Hashable, QPixmap] | None = None

    def get(self, key: Hashable, size: QSize, ratio: float, paint: Callable[[QPainter], None]) -> QPixmap:
        """The picture, painted anew where `key` (all that it shows), size or pixels to a length have changed."""
        whole = (key, size.width(), size.height(), ratio)
        if self._kept is None or self._kept[0] != whole:
            pixmap = QPixmap(size * ratio)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint(painter)
            painter.end()
            self._kept = (whole, pixmap)
        return self._kept[1]

    def forget(self) -> None:
        """Paint it anew the next time."""
        self._kept = None
