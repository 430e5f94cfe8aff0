"""Colours, sizes and fonts of the window: one table (`style/tokens.json`) in two themes, light and dark, with stronger
colours if the desktop asks for high contrast.

All lengths of the design are logical pixels at the desktop's 10 pt font; `Theme.px` scales them with a larger font.
Decided against colour values anywhere else in the code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPainter, QPalette
from PySide6.QtWidgets import QApplication, QBoxLayout, QLayout, QStyle, QWidget

from stratascope.resources import path, read_text
from stratascope.ui.kit import fonts

# The style sheet for Qt's own controls (fields, buttons, menus, scroll bars), filled from the table of tokens. Decided
# against a separate file: it would need a template language for lengths and colours.
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
QLineEdit:focus { border: 2px solid @accent; padding: 0 ~8; }
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
QPushButton:focus, QToolButton:focus { border: 2px solid @accent; padding: ~4 ~12; }
QPushButton:disabled, QToolButton:disabled { color: @text3; border-color: @line; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QPushButton[flat="true"], QToolButton#flat { border-color: transparent; padding: $4 $6; }
QPushButton[flat="true"]:hover, QToolButton#flat:hover { background: @sunk; }
QPushButton[flat="true"]:focus, QToolButton#flat:focus { border: 2px solid @accent; padding: ~4 ~6; }
QPushButton[danger="true"]:enabled { color: @open; border-color: @open; }
QPushButton[main="true"] { background: @accent; color: @on_accent; border-color: @accent; }
QPushButton[main="true"]:focus { border: 2px solid @text; }
QToolButton#tight { padding: $4 $6; }
QToolButton#tight:focus { padding: ~4 ~6; }
QFileDialog QToolButton, QFileDialog QToolButton:focus { padding: 0; }
QPushButton#link { color: @accent; border-color: transparent; padding: $2 $4; }
QPushButton#plan_chip { color: @accent; border-radius: $6; padding: 0 $8; }
QPushButton#plan_chip:focus { border: 2px solid @accent; padding: 0 ~8; }
QPushButton#link:focus { border: 2px solid @accent; padding: ~2 ~4; }
QToolButton::menu-indicator, QPushButton::menu-indicator { image: none; width: 0; }
QMenu { menu-scrollable: 1; background: @panel; color: @text; border: 1px solid @line2; border-radius: $8;
  padding: $4; }
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
QCheckBox::indicator, QRadioButton::indicator:unchecked { background: @panel; border: 1px solid @text3;
  border-radius: $2; width: $12; height: $12; }
QCheckBox::indicator:checked { image: url("@tick"); }
QRadioButton::indicator:unchecked { border-radius: $7; }
QCheckBox:focus, QRadioButton:focus { border-color: @accent; }
QComboBox { combobox-popup: 0; background: @panel; color: @text; border: 1px solid @line2; border-radius: $7;
  padding: $4 $8; }
QComboBox:hover { background: @sunk; }
QComboBox:focus { border: 2px solid @accent; padding: ~4 ~8; }
QComboBox::drop-down { border: none; width: $20; }
QAbstractSpinBox { background: @panel; color: @text; border: 1px solid @line2; border-radius: $7; }
QAbstractSpinBox:focus { border: 2px solid @accent; }
QAbstractSpinBox::up-button { border: none; width: $20; subcontrol-position: top right; }
QAbstractSpinBox::down-button { border: none; width: $20; subcontrol-position: bottom right; }
QDateEdit::drop-down { border: none; width: $20; }
QAbstractSpinBox::up-arrow { image: url("@up"); width: $12; height: $12; }
QAbstractSpinBox::down-arrow { image: url("@down"); width: $12; height: $12; }
QScrollArea[reads="true"], QTableWidget { border: 2px solid transparent; border-radius: $4; }
QScrollArea[reads="true"]:focus, QTableWidget:focus { border-color: @accent; }
"""


def style_sheet(tokens: Mapping[str, str], px: Callable[[float], int]) -> str:
    """Qt style sheet of one theme; `@name` is a token, `$8` a length, `~8` one less a pixel, for a wider border."""
    sheet = _SHEET
    for name in sorted(tokens, key=len, reverse=True):
        sheet = sheet.replace(f"@{name}", tokens[name])
    for length in (28, 20, 12, 8, 7, 6, 4, 3, 2):
        sheet = sheet.replace(f"${length}", f"{px(length)}px").replace(f"~{length}", f"{px(length) - 1}px")
    for image in ("tick", "up", "down"):
        sheet = sheet.replace(f'"@{image}"', f'"{path(f"style/{image}.svg")}"')
    return sheet


REGULAR, MEDIUM, BOLD = QFont.Weight.Normal, QFont.Weight.Medium, QFont.Weight.DemiBold
SMALLEST = 10  # px; no text is smaller


STRETCH = -1  # as a part of a layout: takes the remaining room
Part = QWidget | QLayout | int
L = TypeVar("L", bound=QBoxLayout)


def smooth_painter(widget: QWidget) -> QPainter:
    """Return an antialiased painter, for curves and slants."""
    painter = QPainter(widget)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    return painter


class ThemeMode(StrEnum):
    """Which theme: the desktop's, or a chosen one."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


Tokens = dict[str, str]


HIGH = " high"  # suffix of a theme's name: its high-contrast variant


def load_tokens() -> dict[str, Tokens]:
    """Return both themes, and both in high contrast; name of token to `#RRGGBB`."""
    table: dict[str, Tokens] = json.loads(read_text("style/tokens.json"))
    return {name: {**table[name.removesuffix(HIGH)], **tokens} for name, tokens in table.items()}


class Theme(QObject):
    """The current theme. `changed`: widgets with fonts or palettes of their own must set them again."""

    changed = Signal()

    def __init__(self, mode: ThemeMode = ThemeMode.AUTO) -> None:
        super().__init__()
        self._table = load_tokens()
        self._cache: dict[str, QColor] = {}
        self.mode = mode
        self.dark = self.high_contrast = False
        self._hints = QGuiApplication.styleHints()  # keeps a reference: its objects are deleted with the last one
        self._hints.colorSchemeChanged.connect(self._desktop_changed)
        self._accessibility = self._hints.accessibility()
        self._accessibility.contrastPreferenceChanged.connect(self._desktop_changed)
        points = QApplication.font().pointSizeF()
        # Qt's default without a desktop is 9 pt; the scale never goes below the design's base.
        self.scale = min(2.0, max(1.0, points / 10 if points > 0 else 1.0))
        self._family = fonts.families(QApplication.font().families())
        self._fixed = fonts.fixed(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).families())
        self._fonts: dict[tuple[float, QFont.Weight, bool, bool], QFont] = {}
        self._choose()

    def set_mode(self, mode: ThemeMode) -> None:
        """Set the theme, and repaint everything."""
        self.mode = mode
        self._choose()
        self.apply()

    def set_contrast(self, *, high: bool) -> None:
        """Set the contrast; `apply` repaints."""
        self.high_contrast = high
        self._tokens = self._table[self.name]
        self._cache.clear()

    def color(self, token: str, alpha: float = 1.0) -> QColor:
        """Return the colour of a token (KeyError if unknown), `alpha` from 0 to 1."""
        found = self._cache.get(token)
        if found is None:
            found = self._cache[token] = QColor(self._tokens[token])
        if alpha < 1.0:
            found = QColor(found)
            found.setAlphaF(alpha)
        return found

    @property
    def name(self) -> str:
        return ("dark" if self.dark else "light") + (HIGH if self.high_contrast else "")

    @property
    def reduced_motion(self) -> bool:
        """Whether the desktop asks for reduced motion: its style then sets animation durations to zero."""
        hint = QStyle.StyleHint.SH_Widget_Animation_Duration
        return QApplication.style().styleHint(hint) <= 0 or not QApplication.isEffectEnabled(Qt.UIEffect.UI_General)

    def px(self, length: float) -> int:
        """Scale a length of the design with the desktop's font."""
        return round(length * self.scale)

    def box(self, size: float) -> int:
        """Return the height of a line of text of that size: 1.45 times, so that Japanese fits."""
        return round(max(SMALLEST, size * self.scale) * 1.45)

    def font(self, size: float, weight: QFont.Weight = REGULAR, *, fixed: bool = False, tabular: bool = False) -> QFont:
        """Return the window's font (or the desktop's fixed one) in a size of the design; `tabular`: for numbers below
        each other.
        """
        key = (size, weight, fixed, tabular)
        found = self._fonts.get(key)
        if found is None:
            found = QFont(self._fixed if fixed else self._family)
            found.setPixelSize(max(SMALLEST, self.px(size)))
            found.setWeight(weight)
            if tabular:
                fonts.tabular(found)
            self._fonts[key] = found
        return QFont(found)

    def lay(
        self,
        layout: L,
        *parts: Part | tuple[Any, ...],
        around: int | tuple[int, int, int, int] | None = None,
        gap: int | None = None,
    ) -> L:
        """Fill a layout: widgets and layouts, alone or with stretch and alignment, and lengths of space; `STRETCH`
        takes the rest. `around`: its margins, one or left, top, right, bottom; `gap`: its spacing.
        """
        if around is not None:
            sides = (around,) * 4 if isinstance(around, int) else around
            layout.setContentsMargins(*map(self.px, sides))
        if gap is not None:
            layout.setSpacing(self.px(gap))
        for each in parts:
            part, how = (each[0], each[1:]) if isinstance(each, tuple) else (each, ())
            if isinstance(part, QWidget):
                layout.addWidget(part, *how)
            elif isinstance(part, QLayout):
                layout.addLayout(part, *how)
            elif part == STRETCH:
                layout.addStretch(1)
            else:
                layout.addSpacing(self.px(part))
        return layout

    def apply(self) -> None:
        """Set the application's font, palette and style sheet."""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            font = app.font()
            if font.families() != self._family:  # for what the style draws: menus, dialogs, tooltips
                font.setFamilies(self._family)
                app.setFont(font)
            app.setPalette(self.palette())
            app.setStyleSheet(style_sheet(self._tokens, self.px))
        self.changed.emit()

    def palette(self) -> QPalette:
        """Return the tokens as Qt's palette roles, for what the style draws."""
        palette = QPalette()
        roles = QPalette.ColorRole
        for role, token in (
            (roles.Window, "window"),
            (roles.WindowText, "text"),
            (roles.Base, "panel"),
            (roles.AlternateBase, "sunk"),
            (roles.Text, "text"),
            (roles.Button, "panel"),
            (roles.ButtonText, "text"),
            (roles.BrightText, "on_accent"),
            (roles.Highlight, "accent"),
            (roles.HighlightedText, "on_accent"),
            (roles.Link, "accent"),
            (roles.LinkVisited, "accent"),
            (roles.ToolTipBase, "panel"),
            (roles.ToolTipText, "text"),
            (roles.PlaceholderText, "text3"),
            (roles.Mid, "line"),
            (roles.Dark, "line2"),
            (roles.Light, "panel"),
            (roles.Midlight, "line"),
            (roles.Shadow, "line2"),
            (roles.Accent, "accent"),
        ):
            palette.setColor(role, self.color(token))
        for role in (roles.WindowText, roles.Text, roles.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.color("text3"))
        return palette

    def _desktop_changed(self) -> None:
        before = self.name
        self._choose()
        if self.name != before:
            self.apply()

    def _choose(self) -> None:
        scheme = self._hints.colorScheme()
        self.dark = self.mode is ThemeMode.DARK or (self.mode is ThemeMode.AUTO and scheme == Qt.ColorScheme.Dark)
        self.set_contrast(high=self._accessibility.contrastPreference() == Qt.ContrastPreference.HighContrast)
