"""The text that asks for containers: typed, pasted or dropped; lines that matter have a ground of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QMimeData, Signal
from PySide6.QtGui import QTextBlockFormat, QTextCursor, QTextFormat
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.widgets.theme import Theme

MOST = 4 << 20  # characters: what is longer is cut, and refused by the readers anyway


class TextField(QPlainTextEdit):
    """`dropped` has the path of a file."""

    dropped = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._marked: Mapping[int, str] = {}
        self.setFont(theme.font(12, fixed=True))
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTabChangesFocus(True)
        self.setAccessibleName(translate(msg("What asks for containers")))
        self.setPlaceholderText(
            translate(
                msg(
                    "Paste a docker run or podman run command, a Compose file, a Quadlet unit or a Kubernetes "
                    "manifest, or drop a file here. Nothing is started."
                )
            )
        )
        theme.changed.connect(lambda: self.mark(self._marked))

    def mark(self, lines: Mapping[int, str]) -> None:
        """`lines`: their number, from 1, and a token of a colour for their ground."""
        self._marked = dict(lines)
        found = []
        for number, token in self._marked.items():
            block = self.document().findBlockByNumber(number - 1)
            if not block.isValid():
                continue
            selection = QTextEdit.ExtraSelection()
            shape = QTextBlockFormat().toCharFormat()
            shape.setBackground(self._theme.color(token))
            shape.setProperty(QTextFormat.Property.FullWidthSelection, True)
            selection.format = shape
            selection.cursor = QTextCursor(block)
            found.append(selection)
        self.setExtraSelections(found)

    def go_to(self, number: int) -> None:
        """The keyboard at the beginning of that line, counted from 1."""
        block = self.document().findBlockByNumber(max(0, number - 1))
        if block.isValid():
            self.setTextCursor(QTextCursor(block))
            self.centerCursor()
            self.setFocus()

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return bool(_files(source)) or super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Text as it is, and never as markup; a file instead of its address."""
        files = _files(source)
        if files:
            self.dropped.emit(files[0])
        elif source.hasText():
            self.insertPlainText(source.text()[:MOST])


def _files(source: QMimeData) -> list[Path]:
    urls = source.urls() if source.hasUrls() else []
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
