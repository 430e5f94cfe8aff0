"""The guide's chapters: a Markdown file each in the resources, laid out in the theme's fonts and colours.

A file begins with its title (`# …`); a link target is a heading with `<a id="name"></a>` in the line before it, which
GitHub understands too. English is complete; a chapter missing in another language is taken from it. Qt parses the
Markdown and knows nothing of our design, so each part is formatted afterwards. The window's marks are characters in the
text (■ ⬕ ○ ▲), drawn as the window draws them. No HTML is interpreted, and nothing is loaded from anywhere. Decided
against HTML (nobody likes to translate it) and against Qt's help engine (a database, a compiler, and a module that is
not shipped).
"""

from __future__ import annotations

import re

from PySide6.QtCore import QRectF, Qt, QUrl
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFontMetricsF,
    QImage,
    QPainter,
    QResizeEvent,
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
from PySide6.QtWidgets import QFrame, QTextBrowser

from stratascope import resources
from stratascope.core.message import MessageError, msg
from stratascope.ui.kit.marks import Mark, paint_mark
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.value import Value

FOLDER = "guide"
FALLBACK = "en"
LEARN = "learn"  # the scheme of a link that opens the lessons, or the one of that id: learn:seccomp
_ANCHOR = re.compile(r'<a id="([a-z0-9-]+)"></a>')
_HEADING = re.compile(r"#{1,6} (.+)")
_NAME = re.compile(r"(?:\d+-)?([a-z0-9-]+)\.md")


class NoGuideError(MessageError):
    """There is no guide to show; `message` tells the user."""


class Chapter(Value):
    """A chapter. `text` is Markdown without the anchors; `anchors` has an entry for each heading, in order ("" without
    an anchor).
    """

    name: str
    file: str
    title: str
    text: str
    anchors: tuple[str, ...]


def chapter_name(file: str) -> str:
    """Return the name in a file name, such as hardening for `07-hardening.md`; empty if it is no chapter's."""
    found = _NAME.fullmatch(file)
    return found.group(1) if found else ""


def read_chapter(file: str, text: str) -> Chapter:
    """Parse a chapter."""
    lines, anchors, title, anchor, fenced = [], [], "", "", False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            mark, heading = _ANCHOR.fullmatch(line), _HEADING.fullmatch(line)
            if mark:
                anchor = mark.group(1)
                continue
            if heading:
                title = title or heading.group(1)
                anchors.append(anchor)
                anchor = ""
        lines.append(line)
    return Chapter(chapter_name(file), file, title or file, "\n".join(lines).strip() + "\n", tuple(anchors))


def load(language: str) -> tuple[Chapter, ...]:
    """Return all chapters in order, in that language (`ja`, `pt_BR` …) as far as translated. Raises NoGuideError."""
    return tuple(_chapter(file, language) for file in _files())


def _files() -> list[str]:
    try:
        folder = resources.path(f"{FOLDER}/{FALLBACK}")
        found = sorted(each.name for each in folder.iterdir() if chapter_name(each.name))
    except OSError:  # includes MissingResourceError
        found = []
    if not found:
        raise NoGuideError(
            msg("The guide's files are missing from this installation. Install Stratascope again to get them.")
        )
    return found


def _chapter(file: str, language: str) -> Chapter:
    for wanted in dict.fromkeys((language, re.split("[-_.@]", language)[0], FALLBACK)):
        if not re.fullmatch("[A-Za-z_-]+", wanted):
            continue
        try:
            return read_chapter(file, resources.read_text(f"{FOLDER}/{wanted}/{file}"))
        except (OSError, UnicodeDecodeError):
            continue
    raise NoGuideError(msg("The chapter {file} of the guide can't be read. Install Stratascope again.", file=file))


SIZE, HEADINGS = 14, {1: 24, 2: 18, 3: 15}
MARKS = {"■": Mark.ENFORCED, "⬕": Mark.WEAKENED, "○": Mark.OPEN, "▲": Mark.TRIANGLE}
MARK = 13
LINE_HEIGHT, CLOSE, SOLID = 145, 122, 100  # percent: of text; of headings and tables; of code, whose lines join
_FEATURES = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML


class GuideDocument(QTextDocument):
    """A laid-out chapter. `places`: the position of each anchor in the text."""

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
        """Return added resources only, nothing from outside."""
        return None

    def _blocks(self) -> list[QTextBlock]:
        found, block = [], self.begin()
        while block.isValid():
            found.append(block)
            block = block.next()
        return found

    def _form(self, block: QTextBlock, level: int) -> None:
        theme = self.theme
        code = _is_code(block)
        in_table = QTextCursor(block).currentTable() is not None
        fixed = QTextBlockFormat.LineHeightTypes.ProportionalHeight.value
        wanted = QTextBlockFormat()
        wanted.setLineHeight(SOLID if code else CLOSE if level or in_table else LINE_HEIGHT, fixed)
        if level:
            wanted.setTopMargin(theme.px(0 if level == 1 else 22 if level == 2 else 14))
            wanted.setBottomMargin(theme.px(8 if level < 3 else 4))
        elif code:
            wanted.setBackground(QBrush(theme.color("sunk")))
            wanted.setLeftMargin(theme.px(8))
            wanted.setTopMargin(0)
            wanted.setBottomMargin(0 if _is_code(block.next()) else theme.px(10))
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
        if code or was.fontFixedPitch():
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
        """Replace the mark characters by pictures, one for one, so that positions in the text stay valid."""
        text, side = self.toRawText(), self.theme.px(MARK)
        cell = QFontMetricsF(self.theme.font(SIZE - 1, fixed=True)).horizontalAdvance("─")
        for at, letter in enumerate(text):
            if letter in MARKS:
                cursor = QTextCursor(self)
                cursor.setPosition(at)
                cursor.setPosition(at + 1, QTextCursor.MoveMode.KeepAnchor)
                picture = QTextImageFormat()
                picture.setName(f"mark:{MARKS[letter].value}")
                wide = cell if _is_code(self.findBlock(at)) else side  # a picture of letters stays in its columns
                picture.setWidth(wide)
                picture.setHeight(wide)
                picture.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignMiddle)
                cursor.insertImage(picture)


def _is_code(block: QTextBlock) -> bool:
    """Whether it is a line of a fenced block."""
    return block.isValid() and block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeFence)


MEASURE = 760  # px of the design: longest line; longer ones are hard to follow


class GuideView(QTextBrowser):
    """The chapter's view. Links only emit `anchorClicked`; Qt never opens them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setOpenLinks(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setObjectName("guide")
        self.setTabChangesFocus(False)
        kinds = Qt.TextInteractionFlag
        self.setTextInteractionFlags(kinds.TextBrowserInteraction | kinds.TextSelectableByKeyboard)
        self.document_: GuideDocument | None = None  # keeps a reference: Qt does not keep it alive

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """Load nothing from files or the network."""
        return None

    def show_document(self, document: GuideDocument, title: str) -> None:
        """Show a chapter from its beginning."""
        if document is not self.document_:
            self.document_ = document
            self.setDocument(document)
            self.setAccessibleName(title)
            self._fit()
            self.moveCursor(QTextCursor.MoveOperation.Start)

    def go_to(self, anchor: str) -> None:
        """Scroll an anchor to the top, "" the beginning."""
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
        """Select that range of the text, and scroll to it."""
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
