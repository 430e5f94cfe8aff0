"""A chapter of the guide as a document in the fonts and colours of the look.

Qt reads the Markdown and knows nothing of our design, so each part gets its form afterwards. The marks of the window
stand in the text as characters (■ ⬕ ○ ▲) and are drawn as the window draws them. No HTML is understood, and nothing
is loaded from anywhere.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, QUrl
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImage,
    QPainter,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrameFormat,
    QTextImageFormat,
    QTextLength,
    QTextTable,
)

from stratascope.ui.guide.chapters import Chapter
from stratascope.ui.kit.marks import Mark, paint_mark
from stratascope.ui.kit.theme import BOLD, Theme

SIZE, HEADINGS = 14, {1: 24, 2: 18, 3: 15}
MARKS = {"■": Mark.ENFORCED, "⬕": Mark.WEAKENED, "○": Mark.OPEN, "▲": Mark.TRIANGLE}
MARK = 13
LINE_HEIGHT, CLOSE = 145, 122  # percent, in text and in headings and tables
_FEATURES = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML


class GuideDocument(QTextDocument):
    """`places` tells where each anchor is, as a position in the text."""

    def __init__(self, chapter: Chapter, theme: Theme, ratio: float = 1.0) -> None:
        super().__init__()
        self.theme = theme
        self.setDefaultFont(theme.font(SIZE))
        self.setDocumentMargin(theme.px(20))
        self.setIndentWidth(theme.px(22))
        self.setMarkdown(chapter.text, _FEATURES)
        self.places: dict[str, int] = {}
        anchors = iter(chapter.anchors)
        for mark in MARKS.values():
            self._add_mark(mark, ratio)
        for block in self._blocks():
            level = block.blockFormat().headingLevel()
            if level:
                self.places[next(anchors, "")] = block.position()
            self._form(block, level)
        for frame in self.rootFrame().childFrames():
            if isinstance(frame, QTextTable):
                self._form_table(frame)
        self._put_marks()

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """Nothing from outside: only what was added is there."""
        return None

    def _blocks(self) -> list[QTextBlock]:
        found, block = [], self.begin()
        while block.isValid():
            found.append(block)
            block = block.next()
        return found

    def _form(self, block: QTextBlock, level: int) -> None:
        theme, form = self.theme, block.blockFormat()
        code = form.hasProperty(QTextFormat.Property.BlockCodeFence)
        in_table = QTextCursor(block).currentTable() is not None
        fixed = QTextBlockFormat.LineHeightTypes.ProportionalHeight.value
        wanted = QTextBlockFormat()
        wanted.setLineHeight(CLOSE if level or in_table else LINE_HEIGHT, fixed)
        if level:
            wanted.setTopMargin(theme.px(0 if level == 1 else 22 if level == 2 else 14))
            wanted.setBottomMargin(theme.px(8 if level < 3 else 4))
        elif code:
            wanted.setBackground(QBrush(theme.color("sunk")))
            wanted.setLeftMargin(theme.px(8))
            wanted.setTopMargin(0)
            wanted.setBottomMargin(0)
        elif not in_table:
            wanted.setTopMargin(theme.px(2 if block.textList() else 0))
            wanted.setBottomMargin(theme.px(4 if block.textList() else 10))
        QTextCursor(block).mergeBlockFormat(wanted)
        for part in block.textFormats():
            cursor = QTextCursor(self)
            cursor.setPosition(block.position() + part.start)
            cursor.setPosition(block.position() + part.start + part.length, QTextCursor.MoveMode.KeepAnchor)
            cursor.setCharFormat(self._letters(part.format, level, code=code))

    def _letters(self, was: QTextCharFormat, level: int, *, code: bool) -> QTextCharFormat:
        theme, form = self.theme, QTextCharFormat()
        size = HEADINGS.get(level, SIZE)
        if was.fontFixedPitch():
            form.setFont(theme.font(size - 1, fixed=True))
            if not code:
                form.setBackground(QBrush(theme.color("sunk")))
        else:
            form.setFont(theme.font(size, BOLD) if was.fontWeight() > 400 else theme.font(size))
        form.setForeground(QBrush(theme.color("text")))
        if was.isAnchor():
            form.setAnchor(True)
            form.setAnchorHref(was.anchorHref())
            form.setForeground(QBrush(theme.color("accent")))
            form.setFontUnderline(True)
        return form

    def _form_table(self, table: QTextTable) -> None:
        theme, form = self.theme, table.format()
        form.setBorder(1)
        form.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        form.setBorderBrush(QBrush(theme.color("line")))
        form.setBorderCollapse(True)
        form.setCellPadding(theme.px(6))
        form.setCellSpacing(0)
        form.setTopMargin(theme.px(4))
        form.setBottomMargin(theme.px(14))
        form.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
        table.setFormat(form)
        for column in range(table.columns()):
            cell = table.cellAt(0, column)
            head = QTextCharFormat()
            head.setBackground(QBrush(theme.color("sunk")))
            cell.setFormat(head)

    def _add_mark(self, mark: Mark, ratio: float) -> None:
        side = self.theme.px(MARK)
        image = QImage(round(side * ratio), round(side * ratio), QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(ratio)
        image.fill(QColor(Qt.GlobalColor.transparent))
        painter = QPainter(image)
        paint_mark(painter, QRectF(0, 0, side, side), mark, self.theme)
        painter.end()
        self.addResource(QTextDocument.ResourceType.ImageResource.value, QUrl(f"mark:{mark.value}"), image)

    def _put_marks(self) -> None:
        """The characters as pictures, one for one, so that no place in the text moves."""
        text, side = self.toRawText(), self.theme.px(MARK)
        for at, letter in enumerate(text):
            if letter in MARKS:
                cursor = QTextCursor(self)
                cursor.setPosition(at)
                cursor.setPosition(at + 1, QTextCursor.MoveMode.KeepAnchor)
                picture = QTextImageFormat()
                picture.setName(f"mark:{MARKS[letter].value}")
                picture.setWidth(side)
                picture.setHeight(side)
                picture.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignMiddle)
                cursor.insertImage(picture)
