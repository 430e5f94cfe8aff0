"""Makes 200,000 calls that return nothing, and prints how many it survived; for test_void_calls.py."""

from __future__ import annotations

import sys

from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QPen

app = QGuiApplication([sys.argv[0], "-platform", "offscreen"])
image = QImage(8, 8, QImage.Format.Format_RGB32)
painter = QPainter(image)
pen = QPen(QColor("black"))
count = 0
while count < 200_000:
    painter.setPen(pen)
    count += 1
painter.end()
sys.stdout.write(f"{count}\n")
