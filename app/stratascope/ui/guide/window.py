"""The user guide in a window of its own: chapters at the left, text at the right, a full-text search.

It shows our own files only: a link leads to another place in the guide, or nowhere. Documents are laid out when first
shown or searched. Decided against a modal dialog: users read and try at the same time.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QAction,
    QBrush,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QShowEvent,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QSizePolicy,
    QTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.message import NOTHING, Message, msg
from stratascope.i18n.translate import translate
from stratascope.ui.guide.text import LEARN, Chapter, GuideDocument, GuideView, NoGuideError, chapter_name, load
from stratascope.ui.kit.flow import resize_on_screen
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.table import Column, ItemModel
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme
from stratascope.value import Value


class SearchHit(Value):
    """One match; `number` counts through the whole guide, from 1."""

    chapter: int
    start: int
    length: int
    number: int


class GuideSearch:
    """The search. `look_for` sets the words, `step` goes from match to match."""

    def __init__(self, view: GuideView, document: Callable[[int], GuideDocument], chapters: int) -> None:
        self._view, self._document, self._chapters = view, document, chapters
        self.needle = ""
        self.hits: tuple[SearchHit, ...] = ()

    def look_for(self, text: str) -> None:
        """Search for these words."""
        self.needle = text.strip()
        found: list[SearchHit] = []
        if self.needle:
            for chapter in range(self._chapters):
                for start, length in places(self._document(chapter), self.needle):
                    found.append(SearchHit(chapter, start, length, len(found) + 1))
        self.hits = tuple(found)

    def step(self, chapter: int, *, back: bool, stay: bool) -> SearchHit | None:
        """Return the next match from the cursor on (`stay`: including one at the cursor); None without any."""
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
        """Return how many matches there are, and which one this is."""
        if hit is None:
            return msg("No matches")
        return msg("{number} of {count}", number=hit.number, count=len(self.hits))

    def mark(self) -> None:
        """Highlight all matches in the shown chapter."""
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
    """Return start and length of each match, in order, ignoring case."""
    found, cursor = [], document.find(needle)
    while not cursor.isNull():
        found.append((cursor.selectionStart(), cursor.selectionEnd() - cursor.selectionStart()))
        cursor = document.find(needle, cursor)
    return found


WIDTH, HEIGHT, NARROW = 980, 720, 640
LIST_LEAST, LIST_MOST = 170, 280
HISTORY = 100  # places kept for going back


class VisitedPage(Value):
    """A visited place: a chapter, and how far down."""

    chapter: int
    down: int = 0


class SearchField(QLineEdit):
    """The search field. Escape clears it first; Enter goes to the next match, with Shift to the previous one."""

    def __init__(self, window: GuideWindow) -> None:
        super().__init__()
        self._window = window

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._window.find_next(back=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        else:
            super().keyPressEvent(event)


class GuideWindow(QDialog):
    """The guide's window; `open_at` shows a chapter. `learn_wanted`: a link to the lesson of that id was followed,
    or, without one, to all.
    """

    learn_wanted = Signal(str)

    def __init__(self, theme: Theme, language: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        kind = Qt.WindowType
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)  # only the main window's end quits the program
        self.setWindowFlags(kind.Window | kind.WindowCloseButtonHint | kind.WindowMinMaxButtonsHint)
        self.setWindowTitle(translate(msg("Guide")))
        self.missing = Label(theme, 14, wrap=True).selectable()
        self.chapters: tuple[Chapter, ...] = ()
        try:
            self.chapters = load(language)
        except NoGuideError as error:
            self.missing.setText(translate(error.message))
        self._documents: dict[int, GuideDocument] = {}
        self._current = -1
        self._before: list[VisitedPage] = []
        self._after: list[VisitedPage] = []
        self.model = ItemModel((Column(NOTHING, lambda chapter: chapter.title),), parent=self)
        self.model.show(self.chapters)
        self.list = QListView()
        self.view = GuideView(theme)
        self.field = SearchField(self)
        self.found = Line(theme, 12, ink="text2")
        self.back = self._button("←", translate(msg("Back (Alt+Left)")))
        self.forward = self._button("→", translate(msg("Forward (Alt+Right)")))
        self.previous = self._button("↑", translate(msg("Previous match (Shift+F3)")))
        self.next = self._button("↓", translate(msg("Next match (F3)")))
        self.contents = QToolButton()
        self.menu = QMenu(self)
        self.search = GuideSearch(self.view, self.document, len(self.chapters))
        self._lay_out()
        self._connect()
        self.setMinimumSize(theme.px(420), theme.px(320))
        resize_on_screen(self, theme, WIDTH, HEIGHT)
        self._restyle()

    def _button(self, sign: str, words: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName("flat")
        button.setText(sign)
        button.setAccessibleName(words)
        give_tip(button, words)
        return button

    def _lay_out(self) -> None:
        theme = self._theme
        self.list.setModel(self.model)
        self.list.setObjectName("chapters")
        self.list.setAccessibleName(translate(msg("Chapters")))
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.contents.setText(translate(msg("Chapters ▾")))
        self.contents.setAccessibleName(translate(msg("Chapters")))
        self.field.setPlaceholderText(translate(msg("Search the guide")))
        self.field.setAccessibleName(translate(msg("Search the guide")))
        self.field.setAccessibleDescription(translate(msg("Enter goes to the next match")))
        self.field.setClearButtonEnabled(False)
        self.field.setMaximumWidth(theme.px(280))
        self.field.setMinimumWidth(theme.px(120))
        self.bar = QWidget()
        self.bar.setObjectName("toolbar")
        self.bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        theme.lay(
            QHBoxLayout(self.bar),
            self.contents,
            self.back,
            self.forward,
            STRETCH,
            self.found,
            (self.field, 2),
            self.previous,
            self.next,
            around=(12, 8, 12, 8),
            gap=6,
        )
        self.column = QWidget()
        self.column.setObjectName("column")
        self.column.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        theme.lay(QVBoxLayout(self.column), self.list, around=(8, 12, 8, 12))
        self.column.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        row = theme.lay(QHBoxLayout(), self.column, (self.view, 1), gap=0)
        self.missing.setContentsMargins(*[theme.px(24)] * 4)
        theme.lay(QVBoxLayout(self), self.bar, (row, 1), (self.missing, 1, Qt.AlignmentFlag.AlignTop), around=0, gap=0)
        there = bool(self.chapters)
        self.missing.setVisible(not there)
        for part in (self.bar, self.column, self.view):
            part.setVisible(there)

    def _connect(self) -> None:
        self.list.selectionModel().currentChanged.connect(lambda index, _: self._chosen(index.row()))
        self.view.anchorClicked.connect(self.follow)
        self.field.textChanged.connect(self._search)
        self.back.clicked.connect(lambda: self._travel(self._before, self._after))
        self.forward.clicked.connect(lambda: self._travel(self._after, self._before))
        self.next.clicked.connect(lambda: self.find_next(back=False))
        self.previous.clicked.connect(lambda: self.find_next(back=True))
        self.contents.clicked.connect(self._open_menu)
        self._theme.changed.connect(self._restyle)
        for keys, call in (
            ("Ctrl+F", self._to_field),
            ("F3", self.next.click),
            ("Shift+F3", self.previous.click),
            ("Alt+Left", self.back.click),
            ("Alt+Right", self.forward.click),
        ):
            action = QAction(self)
            action.setShortcut(QKeySequence(keys))
            action.triggered.connect(lambda _=False, call=call: call())
            self.addAction(action)
        for number, chapter in enumerate(self.chapters):
            entry = QAction(chapter.title.replace("&", "&&"), self.menu)
            entry.triggered.connect(lambda _=False, number=number: self._open_chapter(number))
            self.menu.addAction(entry)

    # -- navigation

    @property
    def chapter(self) -> Chapter | None:
        """The current chapter."""
        return self.chapters[self._current] if 0 <= self._current < len(self.chapters) else None

    def open_at(self, name: str, anchor: str = "") -> None:
        """Show the window at that chapter (the first if there is no such name), and at that anchor in it."""
        numbers = [number for number, chapter in enumerate(self.chapters) if chapter.name == name]
        if self.chapters:
            self._open_chapter(numbers[0] if numbers else 0, anchor)
        self.show()
        self.raise_()
        self.activateWindow()
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def follow(self, link: QUrl) -> None:
        """Follow a link within the guide, or to the lessons; links out of it are ignored."""
        if link.scheme() == LEARN:
            self.learn_wanted.emit(link.path())
        if not link.isRelative():
            return
        name = chapter_name(link.path())
        numbers = [number for number, chapter in enumerate(self.chapters) if chapter.name == name]
        if numbers or not link.path():
            self._open_chapter(numbers[0] if numbers else self._current, link.fragment())

    def _chosen(self, row: int) -> None:
        if row >= 0 and row != self._current:
            self._open_chapter(row)

    def _open_chapter(self, number: int, anchor: str = "") -> None:
        if self._current >= 0:
            self._before = [*self._before, self._here()][-HISTORY:]
            self._after = []
        self._show(number)
        self.view.go_to(anchor)
        self._update_buttons()

    def _here(self) -> VisitedPage:
        return VisitedPage(self._current, self.view.verticalScrollBar().value())

    def _travel(self, back: list[VisitedPage], forth: list[VisitedPage]) -> None:
        if back:
            place = back.pop()
            forth.append(self._here())
            self._show(place.chapter)
            self.view.verticalScrollBar().setValue(place.down)
            self._update_buttons()

    def _show(self, number: int) -> None:
        self._current = number
        self.view.show_document(self.document(number), self.chapters[number].title)
        self.list.setCurrentIndex(self.model.index(number, 0))
        self.search.mark()

    def document(self, number: int) -> GuideDocument:
        """Return a chapter laid out."""
        if number not in self._documents:
            self._documents[number] = GuideDocument(self.chapters[number], self._theme, self.devicePixelRatioF())
        return self._documents[number]

    def _update_buttons(self) -> None:
        self.back.setEnabled(bool(self._before))
        self.forward.setEnabled(bool(self._after))

    # -- search

    def _to_field(self) -> None:
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def _search(self, text: str) -> None:
        self.search.look_for(text)
        self.find_next(stay=True)

    def find_next(self, *, back: bool = False, stay: bool = False) -> None:
        """Go to the next match (`stay`: keep the current one, if it still matches)."""
        if not self.chapters:
            return
        at = self.search.step(max(self._current, 0), back=back, stay=stay)
        if at is not None:
            if at.chapter != self._current:
                self._before = [*self._before, self._here()][-HISTORY:]
                self._after = []
                self._show(at.chapter)
            self.view.select(at.start, at.length)
        else:
            self.view.select(self.view.textCursor().selectionStart(), 0)
        self.found.say(translate(self.search.words(at)) if self.search.needle else "")
        self.search.mark()
        for button in (self.previous, self.next):
            button.setEnabled(at is not None)
        self._update_buttons()

    # -- painting

    def _open_menu(self) -> None:
        self.menu.popup(self.contents.mapToGlobal(self.contents.rect().bottomLeft()))

    def _restyle(self) -> None:
        theme, here = self._theme, self._here()
        self._documents.clear()
        self.list.setFont(theme.font(13, MEDIUM))
        self.field.setFont(theme.font(13))
        self.field.setFixedHeight(theme.px(30))
        self.contents.setFont(theme.font(13, MEDIUM))
        for button in (self.back, self.forward, self.previous, self.next):
            button.setFont(theme.font(14, BOLD))
        self._fit_list(theme.font(13, QFont.Weight.Medium))
        if self._current >= 0:
            self._show(self._current)
            self.view.verticalScrollBar().setValue(here.down)
        for button in (self.previous, self.next):
            button.setEnabled(bool(self.search.needle))
        self._update_buttons()

    def _fit_list(self, font: QFont) -> None:
        theme = self._theme
        widest = max((QFontMetrics(font).horizontalAdvance(each.title) for each in self.chapters), default=0)
        self.column.setFixedWidth(min(theme.px(LIST_MOST), max(theme.px(LIST_LEAST), widest + theme.px(52))))

    def _fold(self) -> None:
        narrow = self.width() < self._theme.px(NARROW)
        self.column.setVisible(bool(self.chapters) and not narrow)
        self.contents.setVisible(narrow)
        self.found.setVisible(not narrow)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fold()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(WIDTH), self._theme.px(HEIGHT))
