"""The text of the guide: a browser that loads nothing, keeps its lines short, and puts the cursor where it was led."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QResizeEvent, QTextCursor
from PySide6.QtWidgets import QFrame, QTextBrowser, QWidget

from stratascope.ui.guide.document import GuideDocument
from stratascope.ui.kit.theme import Theme

MEASURE = 760  # of a line at most; longer ones are hard to follow


class GuideView(QTextBrowser):
    """Links are told by `anchorClicked` and never opened by Qt."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setOpenLinks(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setObjectName("guide")
        self.setTabChangesFocus(False)
        kinds = Qt.TextInteractionFlag
        self.setTextInteractionFlags(kinds.TextBrowserInteraction | kinds.TextSelectableByKeyboard)
        self.document_: GuideDocument | None = None  # held: Qt does not keep it alive

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """No file and no network."""
        return None

    def show_document(self, document: GuideDocument, title: str) -> None:
        """Another chapter, from its beginning."""
        if document is not self.document_:
            self.document_ = document
            self.setDocument(document)
            self.setAccessibleName(title)
            self._fit()
            self.moveCursor(QTextCursor.MoveOperation.Start)

    def go_to(self, anchor: str) -> None:
        """That place to the top; without one the beginning."""
        document = self.document_
        if document is None:
            return
        at = document.places.get(anchor) if anchor else None
        cursor = QTextCursor(document)
        cursor.setPosition(at or 0)
        self.setTextCursor(cursor)
        top = 0.0
        if at is not None:
            top = document.documentLayout().blockBoundingRect(document.findBlock(at)).top() - self._theme.px(20)
        self.verticalScrollBar().setValue(round(top))

    def select(self, start: int, length: int) -> None:
        """Select that piece of the text, and bring it into view."""
        cursor = self.textCursor()
        cursor.setPosition(start)
        cursor.setPosition(start + length, QTextCursor.MoveMode.KeepAnchor)
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self.document_ is None:
            return
        frame = self.document_.rootFrame()
        form = frame.frameFormat()
        over = self.viewport().width() - self._theme.px(MEASURE) - 2 * self.document_.documentMargin()
        right = max(self.document_.documentMargin(), self.document_.documentMargin() + over)
        if form.rightMargin() != right:
            form.setRightMargin(right)
            frame.setFrameFormat(form)
