"""Whatever button, menu or key does something, the palette finds it by its name, with its key."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from rig.window.hardening import planned, side_of
from rig.window.named import entry, in_menu
from stratascope.i18n.translate import translate
from stratascope.ui.findings.row import FindingRow
from stratascope.ui.guide.text import load
from stratascope.ui.kit.page import View
from stratascope.ui.window.main_window import MainWindow
from stratascope.ui.window.palette import Palette, found
from stratascope.ui.window.settings_dialog import CHOICES, SettingsDialog

# Kinds of buttons that choose what is shown, or a value, and do nothing else: they are in no list of actions.
CHOOSING = frozenset(
    ("Segment", "TabButton", "FilterChip", "Tile", "Switch", "Band", "AbiButton", "FoldButton", "MenuLink", "GroupHead",
     "_Cell", "ExposureButton", "AlertButton", "DriftChip", "ValueButton", "Fold", "EvidenceButton",
     "ArrowButton")  # opens a menu, whose entries are found
)  # fmt: skip
# Buttons of the row or text beside them: their name says nothing without it. What else they are called, if anything.
BESIDE = frozenset(("Copy", "Show", "Fix", "Accept until…", "Allow it", "Copy all", "Add to plan", "Accept…"))
OTHERWISE = {"Observe": "Watch it", "What will happen": "Plan"}  # another word for it, which the palette knows


def plain_name(text: str) -> str:
    """Return a button's or entry's name without its key, its arrow and the number behind it."""
    name = text.partition("\t")[0].replace("&&", "\0").replace("&", "").replace("\0", "&")
    return name.partition("  ")[0].partition(" (Alt")[0].removesuffix("▾").strip()


def finds(window: MainWindow, text: str) -> bool:
    """Whether the palette has an entry for it."""
    entries = window.actions_.finder.gather()
    name = OTHERWISE.get(plain_name(text), plain_name(text))
    return bool(name) and bool(found(entries, name.removesuffix("…")))


def buttons(window: MainWindow) -> Iterator[QAbstractButton]:
    for button in window.findChildren(QAbstractButton):
        row = any(isinstance(each, FindingRow) for each in (button, button.parentWidget()))
        if button.isVisible() and not row and type(button).__name__ not in CHOOSING and not button.isCheckable():
            yield button


def test_every_button_of_every_page_is_found(window: MainWindow, qtbot: QtBot) -> None:
    missing: set[str] = set()
    met = 0
    for view in window.pages.switch.views:
        window.pages.show_view(view)
        QApplication.processEvents()
        for button in buttons(window):
            text = plain_name(button.text() or button.accessibleName())
            if text in BESIDE or not text:
                continue
            met += 1
            spoken = plain_name(button.accessibleName())
            if not finds(window, text) and not finds(window, spoken):
                missing.add(f"{view.value}: {type(button).__name__} {text!r} ({spoken!r})")
    assert met > 20
    assert not missing, "\n".join(sorted(missing))


def test_every_key_of_the_window_has_a_name(window: MainWindow) -> None:
    named = {QKeySequence(each.keys).toString() for each in window.actions_.registry.entries if each.keys}
    named |= {"Ctrl+Return", "Alt+0", "Esc"}  # the other Enter, the plan once more, and what stops a trial
    named |= {str(number) for number in range(1, 7)}  # the layers' own: their entries have them
    used = {each.toString() for action in window.actions() for each in action.shortcuts()}
    used |= {each.key().toString() for each in window.findChildren(QShortcut)}
    assert used <= named, used - named
    assert len(used) > 25


def test_no_two_actions_share_a_key(window: MainWindow) -> None:
    keys = [each.toString() for action in window.actions() for each in action.shortcuts()]
    assert sorted(keys) == sorted(set(keys))


def test_every_entry_of_every_menu_is_found(window: MainWindow, qtbot: QtBot) -> None:
    menus: dict[str, list[str]] = {"menu": list(in_menu(window))}
    planned(qtbot, window)
    state = window.selection.current
    assert state is not None
    window.daily.open_menu(state.key, QPoint(0, 0))
    menu = window.daily.menu
    assert menu is not None
    menus["container"] = [each.text() for each in menu.actions() if not each.isSeparator()]
    menu.close()
    column = side_of(window).column
    column.foot.more_wanted.emit()
    menus["arrow"] = [each.text() for each in column.more.actions()]
    column.more.close()
    window.pages.show_view(View.FLEET)
    for each in window.findChildren(QMenu):
        if each.objectName() != "" or each.title():
            continue
        menus.setdefault("others", []).extend(
            action.text() for action in each.actions() if not action.isSeparator() and action.isEnabled()
        )
    harden = {"Harden…"}  # the plan
    missing = [
        f"{where}: {text}"
        for where, texts in menus.items()
        for text in texts
        if plain_name(text) not in harden and not finds(window, text)
    ]
    assert not missing, "\n".join(missing)


def test_every_setting_and_every_chapter_is_found(window: MainWindow, qtbot: QtBot) -> None:
    texts = [translate(each.name) for each in window.actions_.registry.entries]
    for chapter in load("en"):
        assert chapter.title in texts
    window.show_settings()
    dialog = window.findChild(SettingsDialog)
    assert dialog is not None
    fields = {getattr(dialog, name) for name in CHOICES}
    inner = dialog.area.widget()
    assert inner is not None
    for field in inner.findChildren(QWidget):  # whatever takes the keyboard is a choice, or the number beside one
        if field.focusPolicy() is Qt.FocusPolicy.NoFocus or field.window() is not dialog:
            continue
        if any(each.isAncestorOf(field) for each in (*fields, dialog.limit)):
            continue  # the line, or the list, within a field
        assert field in fields or field is dialog.limit, field
    window.preferences.show_dialog("engines")
    qtbot.waitUntil(dialog.engines.hasFocus)
    dialog.close()


def test_what_can_not_be_done_is_grey_and_says_why(window: MainWindow, qtbot: QtBot) -> None:
    undo = entry(window, "Undo the relaunch…")
    assert undo is not None
    assert undo.why() is not None
    QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = window.findChild(Palette)
    assert palette is not None
    qtbot.waitUntil(palette.field.hasFocus)
    QTest.keyClicks(palette.field, "undo the relaunch")
    assert palette.model.rows[0].why
    assert palette.count.text() == palette.model.rows[0].why
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert palette.isVisible(), "nothing happened"
    QTest.keyClick(palette.field, Qt.Key.Key_Escape)
    action = in_menu(window)["Undo the relaunch…"]
    assert not action.isEnabled()
    assert "undone" in action.toolTip()


def test_the_menu_has_fourteen_entries_in_three_groups(window: MainWindow) -> None:
    shown = list(in_menu(window))
    assert shown[:4] == ["Undo the relaunch…", "Compare with…", "Copy as text", "Export…"]
    assert shown[-5:] == ["Find anything…", "Settings…", "Guide", "Learn by trying…", "About"]
    assert len(shown) <= 14
    assert sum(each.isSeparator() for each in window.actions_.menu.actions()) == 2


def test_what_left_the_screen_is_in_the_menu(window: MainWindow, qtbot: QtBot) -> None:
    assert not {"Logs", "Shell", "Engines…"} & set(in_menu(window))
    window.resize(560, 480)
    qtbot.waitUntil(lambda: not any(each.isVisible() for each in window.daily.buttons))
    assert {"Logs", "Shell"} <= set(in_menu(window))
