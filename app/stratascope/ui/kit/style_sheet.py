"""The style sheet for Qt's own controls (fields, buttons, menus, scroll bars), filled from the table of tokens.

Decided against a file of its own: it would need a template language for lengths and colours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

_SHEET = """
QToolTip { background: @panel; color: @text; border: 1px solid @line2; padding: 4px 6px; }
QLabel#feedback { background: @text; color: @panel; border-radius: $7; padding: $6 $12; }
QMainWindow, QDialog { background: @window; }
QWidget#column, QWidget#toolbar, QFrame#card, QWidget#page, QFrame#popup { background: @panel; }
QWidget#toolbar { border-bottom: 1px solid @line; }
QWidget#column { border-right: 1px solid @line; }
QFrame#card, QFrame#popup { border: 1px solid @line; border-radius: $8; }
QFrame#popup { border-color: @line2; }
QFrame#band { background: @sunk; border-top: 1px solid @line; }
QScrollArea { background: transparent; border: none; }
QLineEdit { background: @sunk; color: @text; border: 1px solid @line; border-radius: $7; padding: 0 $8;
  placeholder-text-color: @text3; selection-background-color: @accent; selection-color: @on_accent; }
QLineEdit:hover { border-color: @line2; }
QLineEdit:focus { border: 2px solid @accent; padding: 0 @focuspad; }
QPlainTextEdit, QTextEdit { background: @sunk; color: @text; border: 1px solid @line; border-radius: $7;
  placeholder-text-color: @text3;
  selection-background-color: @accent; selection-color: @on_accent; }
QPlainTextEdit:focus { border-color: @accent; }
QPlainTextEdit#text { background: @panel; border: 2px solid @panel; border-radius: 0; }
QPlainTextEdit#text:focus { border-color: @accent; }
QTextBrowser#guide { background: @panel; border: 2px solid @panel; border-radius: 0; }
QTextBrowser#guide:focus { border-color: @accent; }
QPushButton, QToolButton { background: transparent; color: @text; border: 1px solid @line2; border-radius: $7;
  padding: $4 $12; }
QPushButton:hover, QToolButton:hover { background: @sunk; }
QPushButton:pressed, QToolButton:pressed { background: @line; }
QPushButton:focus, QToolButton:focus { border: 2px solid @accent; }
QPushButton:disabled, QToolButton:disabled { color: @text3; border-color: @line; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QPushButton[flat="true"], QToolButton#flat { border-color: transparent; padding: $4 $6; }
QPushButton[flat="true"]:hover, QToolButton#flat:hover { background: @sunk; }
QPushButton[flat="true"]:focus, QToolButton#flat:focus { border: 2px solid @accent; }
QPushButton[danger="true"]:enabled { color: @open; border-color: @open; }
QPushButton[main="true"] { background: @accent; color: @on_accent; border-color: @accent; }
QPushButton[main="true"]:focus { border: 2px solid @text; }
QToolButton#tight, QToolButton#tight:focus { padding: $4 $6; }
QPushButton#link { color: @accent; border-color: transparent; padding: $2 $4; }
QPushButton#link:focus { border: 2px solid @accent; }
QToolButton::menu-indicator, QPushButton::menu-indicator { image: none; width: 0; }
QMenu { background: @panel; color: @text; border: 1px solid @line2; border-radius: $8; padding: $4; }
QMenu::item { padding: $6 $20 $6 $12; border-radius: $4; }
QMenu::item:selected { background: @accent_soft; color: @text; }
QMenu::item:disabled { color: @text3; }
QMenu::separator { height: 1px; background: @line; margin: $4 $8; }
QMenu::indicator { width: $12; height: $12; }
QMenu::icon { padding-left: $8; }
QScrollBar:vertical { background: transparent; width: $12; margin: 0; }
QScrollBar:horizontal { background: transparent; height: $12; margin: 0; }
QScrollBar::handle { background: @bitoff; border-radius: $3; margin: $3; }
QScrollBar::handle:vertical { min-height: $28; }
QScrollBar::handle:horizontal { min-width: $28; }
QScrollBar::handle:hover { background: @text3; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QSplitter::handle { background: transparent; }
QListView, QTableView { background: transparent; border: none; color: @text; gridline-color: @line;
  selection-background-color: @accent_soft; selection-color: @text; outline: none; }
QListView#chapters::item { padding: $6 $8; border: 1px solid transparent; border-radius: $6; }
QListView#chapters::item:hover { background: @sunk; }
QListView#chapters::item:selected { background: @sel; color: @text; }
QListView#chapters { border: 2px solid @panel; border-radius: $6; }
QListView#chapters:focus { border-color: @accent; }
QHeaderView { background: transparent; border: none; }
QHeaderView::section { background: transparent; color: @text3; border: none; border-bottom: 1px solid @line;
  padding: $2 $6; }
QCheckBox, QRadioButton { border: 1px solid transparent; border-radius: $4; }
QCheckBox:focus, QRadioButton:focus { border-color: @accent; }
QComboBox { background: @panel; color: @text; border: 1px solid @line2; border-radius: $7; padding: $4 $8; }
QComboBox:hover { background: @sunk; }
QComboBox:focus { border: 2px solid @accent; padding: $3 $7; }
QComboBox::drop-down { border: none; width: $20; }
QScrollArea[reads="true"], QTableWidget { border: 2px solid transparent; border-radius: $4; }
QScrollArea[reads="true"]:focus, QTableWidget:focus { border-color: @accent; }
"""


def style_sheet(tokens: Mapping[str, str], px: Callable[[float], int]) -> str:
    """Qt style sheet of one theme; `@name` is a token, `$8` a length."""
    sheet = _SHEET.replace("@focuspad", f"{px(8) - 1}px")
    for name in sorted(tokens, key=len, reverse=True):
        sheet = sheet.replace(f"@{name}", tokens[name])
    for length in (28, 20, 12, 8, 7, 6, 4, 3, 2):
        sheet = sheet.replace(f"${length}", f"{px(length)}px")
    return sheet
