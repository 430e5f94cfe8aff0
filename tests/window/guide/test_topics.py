"""The guide window: F1 opens the fitting chapter, search, links, back and forward, languages, themes, narrow
windows.
"""

from __future__ import annotations

import gettext
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QAccessible, QColor, QTextCursor, QTextTable
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.contrast import contrast
from rig.window.hardening import picture
from rig.window.named import in_menu
from rig.window.staged_hardening import StagedHardening
from stratascope import resources
from stratascope.i18n import translate as i18n
from stratascope.ui.app.app import make_window
from stratascope.ui.app.start import report_as
from stratascope.ui.guide.text import MARKS, Chapter, GuideDocument, load
from stratascope.ui.guide.window import GuideWindow
from stratascope.ui.kit.theme import Theme, ThemeMode
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.window.main_window import MainWindow, Services
from window.capture_store import CaptureStore
from window.judge import Judge

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.fixture
def window(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """The whole window, with its hardening column."""
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    snapshot = picture()
    staged = StagedHardening(snapshot.engines, snapshot.ground)
    services = Services(report=report_as, hardening=staged, captures=CaptureStore(), before=Judge())
    made = make_window(sample.StillWatch(), services)
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(snapshot)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    made.clock.stop()


@pytest.fixture
def guide(qtbot: QtBot, theme: Theme) -> Iterator[Callable[..., GuideWindow]]:
    """Returns a function that makes the guide's window, opened at a place."""
    made: list[GuideWindow] = []

    def make(chapter: str = "start", anchor: str = "", language: str = "en", width: int = 0) -> GuideWindow:
        one = GuideWindow(theme, language)
        qtbot.addWidget(one)
        if width:
            one.resize(width, 640)
        one.open_at(chapter, anchor)
        qtbot.waitUntil(one.isActiveWindow)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


def at(guide: GuideWindow) -> str:
    """Return the current chapter."""
    assert guide.chapter is not None
    return guide.chapter.name


def heading(guide: GuideWindow) -> str:
    """Return the text of the cursor's block."""
    return guide.view.textCursor().block().text()


def opened(window: MainWindow, qtbot: QtBot, focus: QWidget) -> GuideWindow:
    """Open the guide by F1 with the focus there."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    focus.setFocus()
    assert QApplication.focusWidget() is not None
    QTest.keyClick(window, Qt.Key.Key_F1)
    shown = window.guide.shown
    assert shown is not None
    qtbot.waitUntil(shown.isActiveWindow)
    return shown


def test_f1_opens_the_chapter_of_what_has_the_keyboard(window: MainWindow, qtbot: QtBot) -> None:
    cases: list[tuple[QWidget, str, str]] = [
        (window.containers.view, "list", "The list"),
        (window.strata_page.strata.bands[4], "container", "Strata: the layers and the rays"),
        (window.strata_page.header.exposure, "depth", "Exposure: one number"),
        (window.toolbar.engines, "engines", "Engines"),
        (window.toolbar.menu, "container", "Strata: the layers and the rays"),
    ]
    for focus, chapter, words in cases:
        shown = opened(window, qtbot, focus)
        assert (at(shown), heading(shown)) == (chapter, words)
        QTest.keyClick(shown.view, Qt.Key.Key_Escape)
        assert not shown.isVisible()
    for number, words in ((6, "6 User namespace"), (5, "5 Access control"), (2, "2 Cgroup"), (1, "1 Namespaces")):
        window.selection.open_layer(number)
        shown = opened(window, qtbot, window.strata_page.panel.tabs[0])
        assert (at(shown), heading(shown)) == ("layers", words)


def test_f1_in_the_other_views_and_in_hardening(window: MainWindow, qtbot: QtBot) -> None:
    for keys, place in (
        (Qt.Key.Key_2, ("container", "Threats")),
        (Qt.Key.Key_4, ("container", "Processes")),
        (Qt.Key.Key_8, ("machine", "Fleet: all containers at once")),
    ):
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        QTest.keyClick(window, keys, Qt.KeyboardModifier.AltModifier)
        shown = opened(window, qtbot, window.containers.view)
        assert (at(shown), heading(shown)) == place
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    focus = QApplication.focusWidget()
    assert focus is not None
    assert at(opened(window, qtbot, focus)) == "hardening"
    assert window.guide.shown is shown  # one window, however often it is opened


def test_f1_in_the_sheets_of_hardening(window: MainWindow, qtbot: QtBot) -> None:
    hardening = window.hardening
    assert isinstance(hardening, RelaunchController)
    for sheet, words in (
        (hardening.dialog, "What Relaunch does"),
        (hardening.set_aside.dialog, "What is kept"),
    ):
        sheet.show()
        sheet.activateWindow()
        qtbot.waitUntil(sheet.isActiveWindow)
        sheet.setFocus()
        QTest.keyClick(sheet, Qt.Key.Key_F1)
        shown = window.guide.shown
        assert shown is not None
        qtbot.waitUntil(shown.isActiveWindow)
        assert heading(shown) == words
        sheet.close()


def test_f1_without_a_container_helps_with_engines(window: MainWindow, qtbot: QtBot) -> None:
    window.selection.show_snapshot(sample.snapshot(()))
    shown = opened(window, qtbot, window.toolbar.filter)
    assert (at(shown), heading(shown)) == ("troubleshooting", "An engine can't be used")


def test_the_menu_has_it_and_shift_f1_explains_the_layer(window: MainWindow, qtbot: QtBot) -> None:
    entry = in_menu(window)["Guide"]
    assert entry.text().endswith("\tF1")
    QTest.keyClick(window, Qt.Key.Key_F1, Qt.KeyboardModifier.ShiftModifier)
    assert window.strata_page.panel.current == "meaning"
    entry.trigger()
    shown = window.guide.shown
    assert shown is not None
    assert shown.isVisible()
    window.close()
    assert not shown.isVisible()


def test_every_key_of_the_guide_is_one_of_the_window(window: MainWindow, guide: Callable[..., GuideWindow]) -> None:
    """Those with a modifier, and F keys; others belong to single widgets and are covered by their tests."""
    there = {key.toString().replace("Return", "Enter") for action in window.actions() for key in action.shortcuts()}
    own = {key.toString() for action in guide().actions() for key in action.shortcuts()} - {""}
    named = set()
    for language in ("en", "ja"):
        for chapter in load(language):
            part = chapter.text.partition("## In this guide" if language == "en" else "## このガイド\n")
            for text, known in ((part[0], there), (part[2], own if chapter.name == "keys" else there)):
                for key in re.findall(r"`((?:(?:Ctrl|Alt|Shift)\+)+\S|(?:(?:Ctrl|Alt|Shift)\+)*\w{2,5})`", text):
                    written = key.replace("←", "Left").replace("→", "Right")
                    if written in ("Enter", "Space", "Tab", "Home", "End") or written.islower():
                        continue
                    if "+" in written or re.fullmatch(r"F\d+", written):
                        assert written in known, (chapter.name, key)
                    named.add(written)
    missing = there - named - {"1", "2", "3", "4", "5", "6", "/", "Alt+2", "Alt+3", "Alt+4", "Alt+5", "Alt+6"}
    assert missing == set()  # and the guide has every key of the window
    assert own <= named


def test_chapters_by_list_and_the_model(guide: Callable[..., GuideWindow]) -> None:
    shown = guide()
    tester = QAbstractItemModelTester(shown.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert shown.model.rowCount() == len(load("en"))
    shown.list.setFocus()
    QTest.keyClick(shown.list, Qt.Key.Key_Down)
    assert at(shown) == "layers"
    QTest.keyClick(shown.list, Qt.Key.Key_End)
    assert at(shown) == "words"
    assert shown.view.accessibleName() == "Words"
    assert tester.model() is shown.model


def test_links_back_and_forward(guide: Callable[..., GuideWindow], qtbot: QtBot) -> None:
    shown = guide()
    assert not shown.back.isEnabled()
    shown.follow(QUrl("03-depth.md#linked"))
    assert (at(shown), heading(shown)) == ("depth", "Layers that fall together")
    assert shown.view.verticalScrollBar().value() > 0
    shown.follow(QUrl("#formula"))
    assert heading(shown) == "How it is calculated"
    alt = Qt.KeyboardModifier.AltModifier
    QTest.keyClick(shown, Qt.Key.Key_Left, alt)
    assert at(shown) == "depth"
    QTest.keyClick(shown, Qt.Key.Key_Left, alt)
    assert at(shown) == "start"
    assert not shown.back.isEnabled()
    QTest.keyClick(shown, Qt.Key.Key_Right, alt)
    assert at(shown) == "depth"
    assert shown.view.verticalScrollBar().value() > 0
    before = at(shown)
    for outside in ("https://example.org/02-layers.md", "file:///etc/passwd", "nothing.md", "../../x.html"):
        shown.follow(QUrl(outside))
        assert at(shown) == before


def test_a_link_by_keyboard(guide: Callable[..., GuideWindow]) -> None:
    shown = guide("start", "chapters")
    shown.view.setFocus()
    QTest.keyClick(shown.view, Qt.Key.Key_Tab)
    assert shown.view.textCursor().selectedText() == "Learn by trying"
    QTest.keyClick(shown.view, Qt.Key.Key_Tab)
    assert shown.view.textCursor().selectedText() == "exposure"
    QTest.keyClick(shown.view, Qt.Key.Key_Return)
    assert at(shown) == "depth"


def test_tab_goes_round_through_everything(guide: Callable[..., GuideWindow]) -> None:
    """From links too: the text does not trap the focus."""
    for chapter in ("start", "keys"):
        shown = guide(chapter)
        shown.follow(QUrl("03-depth.md"))
        shown.back.click()
        shown.field.setText("layer")
        shown.view.setFocus()
        seen: list[QWidget | None] = []
        for _ in range(60):
            QTest.keyClick(QApplication.focusWidget() or shown, Qt.Key.Key_Tab)
            seen.append(QApplication.focusWidget())
        wanted = {shown.list, shown.view, shown.field, shown.forward, shown.previous, shown.next}
        assert wanted <= set(seen), [each for each in wanted if each not in seen]


def test_nothing_is_loaded_from_anywhere(guide: Callable[..., GuideWindow]) -> None:
    shown = guide()
    document = shown.view.document_
    assert document is not None
    for name in ("https://example.org/x.png", str(Path(__file__)), "file:///etc/hostname"):
        assert document.resource(2, QUrl(name)) is None
        assert shown.view.loadResource(2, QUrl(name)) is None
    assert (shown.view.openLinks(), shown.view.openExternalLinks()) == (False, False)
    for chapter in load("en") + load("ja"):
        assert not re.search(r"!\[|https?://|<(?!a id)[a-z]+[ >]", chapter.text), chapter.file


def test_no_html_is_understood(theme: Theme) -> None:
    words = "<b>bold</b> <img src='https://example.org/x.png'> <a href='https://example.org'>there</a>"
    document = GuideDocument(Chapter("x", "x.md", "x", f"# x\n\n{words}\n", ()), theme)
    assert words in document.toPlainText()


def test_search_goes_through_all_chapters_and_round(guide: Callable[..., GuideWindow]) -> None:
    shown = guide()
    QTest.keyClick(shown, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert shown.field.hasFocus()
    QTest.keyClicks(shown.field, "bounding")
    assert at(shown) == "mix-ups"
    assert shown.view.textCursor().selectedText().lower() == "bounding"
    count = len(shown.search.hits)
    assert count > 1
    assert shown.found.text() == f"1 of {count}"
    seen = [at(shown)]
    for _ in range(count):
        QTest.keyClick(shown.field, Qt.Key.Key_Return)
        seen.append(at(shown))
    assert shown.found.text() == f"1 of {count}"
    assert "words" in seen
    QTest.keyClick(shown, Qt.Key.Key_F3, Qt.KeyboardModifier.ShiftModifier)
    assert shown.found.text() == f"{count} of {count}"
    QTest.keyClick(shown, Qt.Key.Key_F3)
    assert shown.found.text() == f"1 of {count}"
    assert shown.view.extraSelections()
    QTest.keyClicks(shown.field, "qqq")
    assert shown.found.text() == "No matches"
    assert not shown.next.isEnabled()
    assert not shown.view.textCursor().hasSelection()
    QTest.keyClick(shown.field, Qt.Key.Key_Escape)
    assert shown.field.text() == ""
    assert shown.isVisible()
    assert not shown.view.extraSelections()
    QTest.keyClick(shown.field, Qt.Key.Key_Escape)
    assert not shown.isVisible()


def test_japanese(guide: Callable[..., GuideWindow]) -> None:
    shown = guide("layers", "mac", "ja")
    assert heading(shown) == "第5層 強制アクセス制御"
    shown.field.setText("バウンディング")
    assert shown.view.textCursor().selectedText() == "バウンディング"
    assert "**" not in "".join(shown.document(number).toPlainText() for number in range(len(shown.chapters)))


def test_the_window_follows_a_change_of_language(window: MainWindow, qtbot: QtBot) -> None:
    first = opened(window, qtbot, window.containers.view)
    i18n.install(gettext.NullTranslations(), "ja")
    try:
        second = opened(window, qtbot, window.containers.view)
    finally:
        i18n.install(gettext.NullTranslations())
    assert second is not first
    assert heading(second) == "一覧"


@pytest.mark.parametrize("mode", [ThemeMode.LIGHT, ThemeMode.DARK])
def test_every_chapter_in_the_colours_of_the_theme(qtbot: QtBot, mode: ThemeMode) -> None:
    theme = Theme(mode)
    ground = theme.color("panel").name()
    table_head = theme.color("sunk").name()
    for chapter in load("en"):
        document = GuideDocument(chapter, theme)
        assert set(document.places) == {*chapter.anchors}
        block = document.begin()
        while block.isValid():
            for part in block.textFormats():
                if part.format.isImageFormat():
                    continue
                ink = QColor(part.format.foreground().color()).name()
                assert ink in (theme.color("text").name(), theme.color("accent").name())
                assert min(contrast(ink, ground), contrast(ink, table_head)) >= 4.5
                assert part.format.font().pixelSize() >= 13
            block = block.next()
        assert not set(document.toPlainText()) & set(MARKS)  # they are painted
        assert all(isinstance(frame, QTextTable) for frame in document.rootFrame().childFrames())


def test_a_change_of_the_theme_keeps_the_place(guide: Callable[..., GuideWindow], theme: Theme) -> None:
    shown = guide("layers", "capabilities")
    before = shown.view.verticalScrollBar().value()
    assert before > 0
    theme.set_mode(ThemeMode.DARK)
    document = shown.view.document_
    assert document is not None
    assert document.begin().textFormats()[0].format.foreground().color() == theme.color("text")
    assert shown.view.verticalScrollBar().value() == before
    theme.set_mode(ThemeMode.LIGHT)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("width", [430, 640, 980, 1900])
def test_nothing_is_cut_at_any_width(guide: Callable[..., GuideWindow], language: str, width: int) -> None:
    shown = guide("start", "", language, width)
    narrow = width < 640
    assert shown.column.isVisible() is not narrow
    assert shown.contents.isVisible() is narrow
    for number, chapter in enumerate(shown.chapters):
        shown.open_at(chapter.name)
        QApplication.processEvents()
        document = shown.document(number)
        code = max((len(line) for line in re.findall(r"^flatpak .*", chapter.text, re.MULTILINE)), default=0)
        if not code and not (narrow and chapter.name == "troubleshooting"):  # a command is never wrapped
            assert document.size().width() <= shown.view.viewport().width() + 1, chapter.file
    metrics = shown.list.fontMetrics()
    if not narrow:
        room = shown.list.viewport().width()
        assert max(metrics.horizontalAdvance(chapter.title) for chapter in shown.chapters) + 16 <= room
    assert len(shown.menu.actions()) == len(shown.chapters)
    shown.menu.actions()[2].trigger()
    assert at(shown) == "learn"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_chapter_is_a_screen_and_a_half_at_most(guide: Callable[..., GuideWindow], language: str) -> None:
    shown = guide("start", "", language)
    screens = {}
    for number, chapter in enumerate(shown.chapters):
        shown.open_at(chapter.name)
        QApplication.processEvents()
        screens[chapter.file] = shown.document(number).size().height() / shown.view.viewport().height()
    assert {file: height for file, height in screens.items() if height > 1.5} == {}


def test_lines_of_code_join(theme: Theme) -> None:
    """So that a picture of letters is one: its marks are as wide as the letters."""
    document = GuideDocument(next(chapter for chapter in load("en") if chapter.name == "layers"), theme)
    document.setTextWidth(700)
    block, rows = document.begin(), []
    while block.isValid():
        text = block.text()
        if text[:2] in ("6 ", "5 ", "4 ", "3 ", "2 ", "1 ") and "─" in text:
            rows.append((document.documentLayout().blockBoundingRect(block), block.layout().lineAt(0)))
        block = block.next()
    assert len(rows) == 6
    for (above, _), (below, _) in itertools.pairwise(rows):
        assert abs(above.bottom() - below.top()) < 1
    ends = [line.naturalTextWidth() for _, line in rows]
    assert max(ends) - min(ends) < 1


def test_lines_are_not_longer_than_one_can_read(guide: Callable[..., GuideWindow]) -> None:
    shown = guide("start", "", "en", 1900)
    document = shown.view.document_
    assert document is not None
    block = document.begin().next()
    widest = max(block.layout().lineAt(line).naturalTextWidth() for line in range(block.layout().lineCount()))
    assert 400 < widest <= 780


def test_without_its_files_it_says_what_to_do(
    qtbot: QtBot, theme: Theme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "root", lambda: tmp_path)
    shown = GuideWindow(theme, "en")
    qtbot.addWidget(shown)
    shown.open_at("layers", "seccomp")
    qtbot.waitUntil(shown.isActiveWindow)
    assert "missing from this installation" in shown.missing.text()
    assert shown.missing.isVisible()
    assert not shown.view.isVisible()
    shown.find_next()
    QTest.keyClick(shown, Qt.Key.Key_F3)
    shown.follow(QUrl("01-start.md"))
    QTest.keyClick(shown, Qt.Key.Key_Escape)
    assert not shown.isVisible()


def test_for_a_screen_reader(guide: Callable[..., GuideWindow]) -> None:
    shown = guide()
    for widget, words in (
        (shown.list, "Chapters"),
        (shown.field, "Search the guide"),
        (shown.back, "Back (Alt+Left)"),
        (shown.next, "Next match (F3)"),
        (shown.contents, "Chapters"),
        (shown.view, "Start"),
    ):
        told = QAccessible.queryAccessibleInterface(widget)
        assert told.text(QAccessible.Text.Name) == words
    text = QAccessible.queryAccessibleInterface(shown.view).textInterface()
    assert text.text(0, text.characterCount()).startswith("Start")
    shown.view.moveCursor(QTextCursor.MoveOperation.Down)
    assert text.cursorPosition() > 0
