"""Where words stand in the guide: through all chapters, on from the place in hand, and round again."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QBrush, QTextCharFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import QTextEdit

from stratascope.core.message import Message, msg
from stratascope.ui.guide.document import GuideDocument
from stratascope.ui.guide.view import GuideView
from stratascope.value import Value


class SearchHit(Value):
    """One place; `number` counts through the whole guide, from 1."""

    chapter: int
    start: int
    length: int
    number: int


class GuideSearch:
    """`look_for` new words, then `step` from hit to hit."""

    def __init__(self, view: GuideView, document: Callable[[int], GuideDocument], chapters: int) -> None:
        self._view, self._document, self._chapters = view, document, chapters
        self.needle = ""
        self.hits: tuple[SearchHit, ...] = ()

    def look_for(self, text: str) -> None:
        """These words from now on."""
        self.needle = text.strip()
        found: list[SearchHit] = []
        if self.needle:
            for chapter in range(self._chapters):
                for start, length in places(self._document(chapter), self.needle):
                    found.append(SearchHit(chapter, start, length, len(found) + 1))
        self.hits = tuple(found)

    def step(self, chapter: int, *, back: bool, stay: bool) -> SearchHit | None:
        """The next hit from the cursor on (`stay`: one that begins at it will do); None where there is none."""
        if not self.hits:
            return None
        cursor = self._view.textCursor()
        here = (chapter, cursor.selectionStart() if back or stay else max(cursor.selectionEnd(), 0))
        if back:
            before = [hit for hit in self.hits if (hit.chapter, hit.start) < here]
            return before[-1] if before else self.hits[-1]
        after = [hit for hit in self.hits if (hit.chapter, hit.start) >= here]
        return after[0] if after else self.hits[0]

    def words(self, hit: SearchHit | None) -> Message:
        """How many there are, and which this is."""
        if hit is None:
            return msg("No matches")
        return msg("{number} of {count}", number=hit.number, count=len(self.hits))

    def mark(self) -> None:
        """A ground of their own for all hits in view."""
        document, marked = self._view.document_, []
        if document is not None and self.needle:
            for start, length in places(document, self.needle):
                cursor = QTextCursor(document)
                cursor.setPosition(start)
                cursor.setPosition(start + length, QTextCursor.MoveMode.KeepAnchor)
                form = QTextCharFormat()
                form.setBackground(QBrush(document.theme.color("accent_soft")))
                selection = QTextEdit.ExtraSelection()
                selection.cursor, selection.format = cursor, form
                marked.append(selection)
        self._view.setExtraSelections(marked)


def places(document: QTextDocument, needle: str) -> list[tuple[int, int]]:
    """Start and length of each place that holds these words, in order; upper and lower case are the same."""
    found, cursor = [], document.find(needle)
    while not cursor.isNull():
        found.append((cursor.selectionStart(), cursor.selectionEnd() - cursor.selectionStart()))
        cursor = document.find(needle, cursor)
    return found
