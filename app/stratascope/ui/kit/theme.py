"""Colours, sizes and fonts of the window: one table (`style/tokens.json`) in two themes, light and dark. Where the
desktop asks for high contrast, each has the table's stronger colours on top.

All lengths of the design are logical pixels at the desktop's 10 pt font; `Theme.px` makes them follow a larger
font. Decided against a bundled font, and against colour values anywhere else in the code.
"""

from __future__ import annotations

import json
from enum import StrEnum

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyle

from stratascope.resources import read_text
from stratascope.ui.kit.style_sheet import style_sheet

REGULAR, MEDIUM, BOLD = QFont.Weight.Normal, QFont.Weight.Medium, QFont.Weight.DemiBold
SMALLEST = 10  # px; nothing is written smaller


class ThemeMode(StrEnum):
    """Which theme: as the desktop says, or one by choice."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


Tokens = dict[str, str]


HIGH = " high"  # behind the name of a theme: the same in high contrast


def load_tokens() -> dict[str, Tokens]:
    """Both themes, and both in high contrast; name of token to `#RRGGBB`."""
    table: dict[str, Tokens] = json.loads(read_text("style/tokens.json"))
    return {name: {**table[name.removesuffix(HIGH)], **tokens} for name, tokens in table.items()}


def contrast(one: str, other: str) -> float:
    """WCAG 2.1 contrast ratio of two `#RRGGBB` colours, 1.0 to 21.0."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class Theme(QObject):
    """The theme in force. `changed` asks whoever holds fonts or palettes of its own to set them anew."""

    changed = Signal()

    def __init__(self, mode: ThemeMode = ThemeMode.AUTO) -> None:
        super().__init__()
        self._table = load_tokens()
        self._cache: dict[str, QColor] = {}
        self.mode = mode
        self.dark = self.high_contrast = False
        self._hints = QGuiApplication.styleHints()  # held: what it has is deleted with the last Python reference to it
        self._hints.colorSchemeChanged.connect(self._desktop_changed)
        self._accessibility = self._hints.accessibility()
        self._accessibility.contrastPreferenceChanged.connect(self._desktop_changed)
        points = QApplication.font().pointSizeF()
        # Qt's own default where no desktop says anything is 9 pt; smaller than the design's base is never used.
        self.scale = min(2.0, max(1.0, points / 10 if points > 0 else 1.0))
        self._family = QApplication.font().families()
        self._fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).families()
        self._fonts: dict[tuple[float, QFont.Weight, bool], QFont] = {}
        self._choose()

    def set_mode(self, mode: ThemeMode) -> None:
        """Switch by choice, and repaint everything."""
        self.mode = mode
        self._choose()
        self.apply()

    def set_contrast(self, *, high: bool) -> None:
        """As the desktop asks; `apply` repaints."""
        self.high_contrast = high
        self._tokens = self._table[self.name]
        self._cache.clear()

    def color(self, token: str, alpha: float = 1.0) -> QColor:
        """The colour of a token (KeyError for an unknown one), `alpha` from 0 to 1."""
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
        """Whether the desktop asks that nothing moves: its style then gives animations no time."""
        hint = QStyle.StyleHint.SH_Widget_Animation_Duration
        return QApplication.style().styleHint(hint) <= 0 or not QApplication.isEffectEnabled(Qt.UIEffect.UI_General)

    def px(self, length: float) -> int:
        """A length of the design, scaled with the desktop's font."""
        return round(length * self.scale)

    def box(self, size: float) -> int:
        """Height of a line of text of that size: 1.45 times, so that Japanese fits."""
        return round(max(SMALLEST, size * self.scale) * 1.45)

    def font(self, size: float, weight: QFont.Weight = REGULAR, *, fixed: bool = False) -> QFont:
        """The desktop's font (or its fixed one) in a size of the design."""
        key = (size, weight, fixed)
        found = self._fonts.get(key)
        if found is None:
            found = QFont(self._fixed if fixed else self._family)
            found.setPixelSize(max(SMALLEST, self.px(size)))
            found.setWeight(weight)
            self._fonts[key] = found
        return QFont(found)

    def apply(self) -> None:
        """Give palette and style sheet to the application."""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.setPalette(self.palette())
            app.setStyleSheet(style_sheet(self._tokens, self.px))
        self.changed.emit()

    def palette(self) -> QPalette:
        """The tokens in Qt's roles, for what is drawn by the style."""
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
