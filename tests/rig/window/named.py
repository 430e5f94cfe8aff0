"""The window's actions by name, as menu and palette have them."""

from __future__ import annotations

from PySide6.QtGui import QAction

from stratascope.i18n.translate import translate
from stratascope.ui.kit.registry import Entry, is_head
from stratascope.ui.window.main_window import MainWindow


def entry(window: MainWindow, text: str) -> Entry | None:
    """Return the action of that name, None if there is none."""
    return next((each for each in window.actions_.registry.entries if translate(each.name) == text), None)


def do(window: MainWindow, text: str) -> None:
    """Do what has that name."""
    found = entry(window, text)
    assert found is not None, text
    assert found.why() is None, found.why()
    window.actions_.registry.run(found)


def in_menu(window: MainWindow) -> dict[str, QAction]:
    """Return the entries of the menu as it would open now, by name; without the headings."""
    window.actions_.menu.aboutToShow.emit()
    shown = window.actions_.menu.actions()
    return {each.text().partition("\t")[0]: each for each in shown if not each.isSeparator() and not is_head(each)}
