"""The raw text behind a layer, as the kernel wrote it: read-only, searchable, to be copied."""

from __future__ import annotations

from PySide6.QtGui import QTextCursor, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from stratascope.core.capture import Capture, Reading
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import reason
from stratascope.ui.copying import feedback
from stratascope.ui.kit.labels import Line
from stratascope.ui.kit.theme import Theme

LONGEST = 400_000  # characters shown; a reading is cut, never the window stopped
_LINE = 20_000


def raw_text(capture: Capture | None, wants: tuple[str, ...]) -> str:
    """All readings of a layer (all at all where `wants` is empty), each under the place it was read from."""
    if capture is None:
        return translate(msg("Nothing was read from this container."))
    blocks = []
    for reading in capture.readings:
        if wants and not _wanted(reading.name, wants):
            continue
        blocks.append(f"── {plain(capture.source(reading.name))}\n{_body(reading)}")
    return "\n".join(blocks)[:LONGEST] or translate(msg("Nothing was read for this layer."))


def _wanted(name: str, wants: tuple[str, ...]) -> bool:
    return (
        name in wants
        or any(name.startswith(want.split("*")[0]) for want in wants if "*" in want or want.startswith("cgroup:"))
        or (name.startswith("cgroup:") and any(want.startswith("cgroup") for want in wants))
    )


def _body(reading: Reading) -> str:
    if reading.text is not None:
        return "".join(_line(line) + "\n" for line in reading.text.splitlines())
    if reading.gap is None:
        return ""
    code = f" (errno {reading.gap.errno})" if reading.gap.errno else ""
    return f"{reading.gap.kind.value}{code}: {reason(reading.gap)}\n"


def _line(text: str) -> str:
    """Harmless, but with the tabs that the kernel writes between name and value."""
    text = text if len(text) <= _LINE else text[: _LINE - 1] + "…"
    return "\t".join(map(plain, text.split("\t")))


class RawView(QWidget):
    """Field, buttons, text."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._whose: object = None
        self.field = QLineEdit()
        self.field.setPlaceholderText(translate(msg("Search the raw text")))
        self.field.setAccessibleName(translate(msg("Search the raw text")))
        self.field.setAccessibleDescription(translate(msg("Enter goes to the next match")))
        self.field.setMinimumHeight(theme.px(28))
        self.field.setMaximumWidth(theme.px(320))
        self.found = Line(theme, 11, ink="text2")
        self.copy = QPushButton(translate(msg("Copy all")))
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(translate(msg("Raw text")))
        self.field.textChanged.connect(lambda _: self._search(fresh=True))
        self.field.returnPressed.connect(lambda: self._search(fresh=False))
        self.copy.clicked.connect(lambda: feedback.copy(self, self.text.toPlainText()))
        top = QHBoxLayout()
        top.setSpacing(theme.px(8))
        top.addWidget(self.field, 1)
        top.addWidget(self.found)
        top.addStretch(1)
        top.addWidget(self.copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.px(15), theme.px(8), theme.px(15), theme.px(12))
        layout.setSpacing(theme.px(8))
        layout.addLayout(top)
        layout.addWidget(self.text, 1)
        theme.changed.connect(self._relook)
        self._relook()

    def show_text(self, text: str, whose: object = None) -> None:
        """Newer text: what is selected, the cursor and what is in view stay where they are, by line and column.

        Of the text of something else (`whose`) only what is in view is as far down.
        """
        other, self._whose = whose != self._whose, whose
        if text == self.text.toPlainText():
            return
        cursor = self.text.textCursor()
        anchor, position = self._place(cursor.anchor()), self._place(cursor.position())
        bars = self.text.verticalScrollBar(), self.text.horizontalScrollBar()
        at = [bar.value() for bar in bars]
        self.text.setPlainText(text)
        if not other:
            cursor = self.text.textCursor()
            cursor.setPosition(self._position(*anchor))
            cursor.setPosition(self._position(*position), QTextCursor.MoveMode.KeepAnchor)
            self.text.setTextCursor(cursor)
        for bar, value in zip(bars, at, strict=True):  # last: the cursor is brought into view wherever it is
            bar.setValue(min(value, bar.maximum()))
        if self.found.text() and not self.text.document().find(self.field.text()).isNull():
            self.found.say("")  # it has come with this reading

    def _place(self, position: int) -> tuple[int, int]:
        """Line and column."""
        block = self.text.document().findBlock(position)
        return block.blockNumber(), position - block.position()

    def _position(self, line: int, column: int) -> int:
        """The same place in the text that is there now, or the last one before it."""
        document = self.text.document()
        block = document.findBlockByNumber(min(line, document.blockCount() - 1))
        return block.position() + min(column, block.length() - 1)

    def _search(self, *, fresh: bool) -> None:
        needle = self.field.text()
        if not needle:
            self.found.say("")
            return
        if fresh:
            self.text.moveCursor(QTextCursor.MoveOperation.Start)
        if not self.text.find(needle):
            self.text.moveCursor(QTextCursor.MoveOperation.Start)
            self.found.say("" if self.text.find(needle, QTextDocument.FindFlag(0)) else translate(msg("No matches")))
            return
        self.found.say("")

    def _relook(self) -> None:
        self.text.setFont(self._theme.font(11, fixed=True))
        self.field.setFont(self._theme.font(12))
        self.copy.setFont(self._theme.font(12))
