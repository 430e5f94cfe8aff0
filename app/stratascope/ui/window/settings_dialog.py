"""The settings dialog (`state/preferences.py`). Each choice takes effect at once; there is no OK button.

Language and engines take effect at the next start, which the dialog offers. Decided against switching a running
window's language: every widget would have to set its texts again, for something that is done once.
"""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.transaction import WATCH_MOST
from stratascope.core.sanitize import plain
from stratascope.i18n.language import LANGUAGES
from stratascope.i18n.translate import translate
from stratascope.state import preferences
from stratascope.state.preferences import Preference
from stratascope.state.running_service import Running, running
from stratascope.ui.history import moments
from stratascope.ui.kit.background import Feed, SettingsLike
from stratascope.ui.kit.buttons import ChoiceBox, pad_field
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.labels import Label, Rule, give_tip
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme, ThemeMode

T = TypeVar("T")
WIDTH, ENGINES_HEIGHT = 560, 76
EXAMPLE = "ssh://user@host/run/docker.sock"
EDGE = 48  # px of the screen that stay free above and below
# What can be chosen: the field of the dialog, and its name
CHOICES: dict[str, Message] = {
    "language": msg("Language"),
    "theme": msg("Theme"),
    "refresh": msg("Refresh the selected container every"),
    "watch": msg("Watch a replacement, before accepting it, for"),
    "above": msg("Notify when a container appears with an exposure above"),
    "gains": msg("Notify when a container could take over or gains rights"),
    "reach": msg("Notify when an AI agent can get at more than before"),
    "failure": msg("Notify when a hardened container ends by itself or becomes unhealthy"),
    "background": msg("Notify while no window is open, too"),
    "sandboxes": msg("List this machine's sandboxes, too"),
    "engines": msg("Additional engines"),
}


def mode_word(mode: ThemeMode) -> Message:
    """Return the name of a theme."""
    words: dict[ThemeMode, Message] = {
        ThemeMode.AUTO: msg("Same as the desktop"),
        ThemeMode.LIGHT: msg("Light"),
        ThemeMode.DARK: msg("Dark"),
    }
    return words[mode]


class SettingsDialog(QDialog):
    """The dialog. `restart_wanted`: start the program again now; `changed` carries the preference that was changed."""

    restart_wanted = Signal()
    changed = Signal(object)

    def __init__(self, theme: Theme, settings: SettingsLike, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._settings, self._window = theme, settings, parent
        self._wrong: Message | None = None  # what is wrong with the present input
        self.setWindowTitle(translate(msg("Settings")))
        self.language, self.theme = self._combo(), self._combo()
        self.refresh = self._spin(preferences.REFRESH_LEAST, preferences.REFRESH_MOST, 0, msg(" s"))
        self.watch = self._spin(0.0, WATCH_MOST, 0, msg(" s"))
        self.above = self._box("above")
        give_tip(self.above, self.above.text())  # it shares its line with the number
        self.limit = self._spin(0.0, 10.0, 1, None)
        self.failure, self.gains, self.background = map(self._box, ("failure", "gains", "background"))
        self.reach = self._box("reach")
        self.sandboxes = self._box("sandboxes")
        self.service = Label(theme, 12, ink="text2", wrap=True)
        self.engines = QPlainTextEdit()
        self.error = Label(theme, 12, MEDIUM, ink="open", wrap=True)
        self.later = Label(theme, 12, ink="text2", wrap=True)
        self.later.setText(translate(msg("Language, engines and sandboxes take effect at the next start.")))
        self.restart = QPushButton(translate(msg("Restart now")))
        self.restart.clicked.connect(self.restart_wanted)
        self.close_ = QPushButton(translate(msg("Close")))
        self.close_.setDefault(True)
        self.close_.clicked.connect(self.accept)
        self._fill()
        self._lay_out()
        self._connect()
        self._show_error()

    # -- choices

    def _fill(self) -> None:
        for code in ("", *LANGUAGES):
            self.language.addItem(LANGUAGES.get(code) or translate(msg("Same as the desktop")), code)
        for mode in ThemeMode:
            self.theme.addItem(translate(mode_word(mode)), mode.value)
        kept = self._settings
        self.language.setCurrentIndex(self.language.findData(preferences.LANGUAGE.of(kept)))
        self.theme.setCurrentIndex(self.theme.findData(preferences.THEME.of(kept)))
        self.refresh.setValue(preferences.REFRESH.of(kept))
        self.watch.setValue(preferences.WATCH.of(kept))
        above = preferences.NOTIFY_ABOVE.of(kept)
        self.above.setChecked(above is not None)
        self.limit.setValue(preferences.NOTIFY_ABOVE.default or 0.0 if above is None else above)
        self.limit.setEnabled(above is not None)
        self.failure.setChecked(preferences.NOTIFY_FAILURE.of(kept))
        self.gains.setChecked(preferences.NOTIFY_GAINS.of(kept))
        self.reach.setChecked(preferences.NOTIFY_REACH.of(kept))
        self.background.setChecked(preferences.NOTIFY_BACKGROUND.of(kept))
        self.sandboxes.setChecked(preferences.SANDBOXES.of(kept))
        service = running()
        self.background.setEnabled(service is not None)
        self.service.setText(_told(service))
        self.engines.setPlainText("\n".join(preferences.ENGINES.of(kept)))

    def _connect(self) -> None:
        choose = self._choose
        self.language.currentIndexChanged.connect(
            lambda _: choose(preferences.LANGUAGE, str(self.language.currentData()))
        )
        self.theme.currentIndexChanged.connect(lambda _: choose(preferences.THEME, str(self.theme.currentData())))
        self.refresh.valueChanged.connect(lambda value: choose(preferences.REFRESH, value))
        self.watch.valueChanged.connect(lambda value: choose(preferences.WATCH, value))
        self.above.toggled.connect(lambda _: self._choose_limit())
        self.limit.valueChanged.connect(lambda _: self._choose_limit())
        self.failure.toggled.connect(lambda on: choose(preferences.NOTIFY_FAILURE, on))
        self.gains.toggled.connect(lambda on: choose(preferences.NOTIFY_GAINS, on))
        self.reach.toggled.connect(lambda on: choose(preferences.NOTIFY_REACH, on))
        self.background.toggled.connect(lambda on: choose(preferences.NOTIFY_BACKGROUND, on))
        self.sandboxes.toggled.connect(lambda on: choose(preferences.SANDBOXES, on))
        self.engines.textChanged.connect(self._choose_engines)

    def _choose(self, which: Preference[T], value: T) -> None:
        which.choose(self._settings, value)
        self.changed.emit(which)
        self._show_error()

    def _choose_limit(self) -> None:
        on = self.above.isChecked()
        self.limit.setEnabled(on)
        self._choose(preferences.NOTIFY_ABOVE, round(self.limit.value(), 1) if on else None)

    def _choose_engines(self) -> None:
        text = self.engines.toPlainText()
        try:
            found = preferences.ENGINES.parse(text)
        except ValueError as error:
            word = plain(str(error), 80)
            self._wrong = msg("{word} is not an engine address. Write one per line: /run/docker.sock, unix:///path, "
                              "ssh://user@host/path or tcp://host:port.", word=word)  # fmt: skip
            self._show_error()
            return
        self._wrong = None
        self._choose(preferences.ENGINES, found)

    def _show_error(self) -> None:
        """Show what is wrong with the input, else why it could not be stored."""
        told = self._wrong or self._settings.unkept
        self.error.setText("" if told is None else translate(told))
        self.error.setVisible(told is not None)

    def show_at(self, choice: str = "") -> None:
        """Show it with that choice in sight and in hand; the first one without a name."""
        self.show()
        self.raise_()
        self.activateWindow()
        field: QWidget = getattr(self, choice if choice in CHOICES else "language")
        field.setFocus(Qt.FocusReason.OtherFocusReason)
        QTimer.singleShot(0, self, lambda: self.area.ensureWidgetVisible(field))

    def showEvent(self, event: QShowEvent) -> None:
        """Be as high as all of it needs, at most as the screen: the choices scroll, the buttons stay in sight."""
        super().showEvent(event)
        screen = self.screen().availableSize()
        wide = self.minimumWidth()
        inner = self.area.widget()
        layout = None if inner is None else inner.layout()
        if layout is not None:
            body = layout.heightForWidth(wide) if layout.hasHeightForWidth() else layout.sizeHint().height()
            high = body + self._foot.sizeHint().height() + 2
            self.resize(wide, min(high, screen.height() - self._theme.px(EDGE)))

    # -- layout

    def _combo(self) -> QComboBox:
        combo = ChoiceBox(self._theme)
        combo.setFont(self._theme.font(13))
        combo.setFixedHeight(self._theme.px(30))
        return combo

    def _box(self, choice: str) -> QCheckBox:
        return QCheckBox(translate(CHOICES[choice]))

    def _spin(self, least: float, most: float, decimals: int, unit: Message | None) -> QDoubleSpinBox:
        spin = QDoubleSpinBox()
        spin.setRange(least, most)
        spin.setDecimals(decimals)
        spin.setSingleStep(0.5 if decimals else 1.0)
        spin.setFont(self._theme.font(13))
        spin.setFixedHeight(self._theme.px(30))
        if unit is not None:
            spin.setSuffix(translate(unit))
        pad_field(self._theme, spin)
        return spin

    def _lay_out(self) -> None:
        theme = self._theme
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.px(12))
        grid.setVerticalSpacing(theme.px(8))
        grid.setColumnStretch(0, 1)
        choices = {"language": self.language, "theme": self.theme, "refresh": self.refresh, "watch": self.watch}
        for row, (name, widget) in enumerate(choices.items()):
            text = Label(theme, 13, wrap=True, text=translate(CHOICES[name]))
            text.setBuddy(widget)
            widget.setAccessibleName(text.text())
            grid.addWidget(text, row, 0)
            grid.addWidget(widget, row, 1)
            widget.setMinimumWidth(max(theme.px(150), widget.sizeHint().width()))
        self.limit.setAccessibleName(self.above.text())
        inner = TextColumn()
        inner.setObjectName("page")
        self.area = Scrolled(inner, translate(msg("Settings")))
        column = theme.lay(QVBoxLayout(inner), around=(20, 16, 20, 10), gap=10)
        grid.addWidget(Rule(theme), len(choices), 0, 1, 2)
        grid.addWidget(self._head(msg("Notifications")), len(choices) + 1, 0, 1, 2)
        grid.addWidget(self.above, len(choices) + 2, 0)
        grid.addWidget(self.limit, len(choices) + 2, 1)
        grid.addWidget(self.gains, len(choices) + 3, 0, 1, 2)
        grid.addWidget(self.reach, len(choices) + 4, 0, 1, 2)
        grid.addWidget(self.failure, len(choices) + 5, 0, 1, 2)
        grid.addWidget(self.background, len(choices) + 6, 0, 1, 2)
        grid.addWidget(self.service, len(choices) + 7, 0, 1, 2)
        column.addLayout(grid)
        for box in (self.above, self.gains, self.reach, self.failure, self.background, self.sandboxes):
            box.setFont(theme.font(13))
        column.addWidget(Rule(theme))
        head = self._head(CHOICES["engines"])
        column.addWidget(head)
        lead = Label(theme, 12, ink="text2", wrap=True)
        lead.setText(translate(msg("In addition to those found automatically; one address per line.")))
        column.addWidget(lead)
        self.engines.setFont(theme.font(12, fixed=True))
        self.engines.setTabChangesFocus(True)
        self.engines.setPlaceholderText(EXAMPLE)
        self.engines.setAccessibleName(head.text())
        self.engines.setFixedHeight(theme.px(ENGINES_HEIGHT))
        theme.lay(column, self.engines, self.sandboxes, self.later, STRETCH)
        self._foot = QWidget()
        end = theme.lay(QHBoxLayout(), self.restart, STRETCH, self.close_)
        theme.lay(QVBoxLayout(self._foot), self.error, end, around=(20, 10, 20, 14), gap=8)
        theme.lay(QVBoxLayout(self), (self.area, 1), Rule(theme), self._foot, around=0, gap=0)
        wide = max(theme.px(WIDTH), column.minimumSize().width())
        self.setMinimumWidth(min(wide, self._window.screen().availableSize().width()))

    def _head(self, title: Message) -> Label:
        return Label(self._theme, 14, BOLD, text=translate(title))


def _told(service: Running | None) -> str:
    if service is None:
        return translate(msg("To record while no window is open: {command}",
                             command="stratascope desktop install --background"))  # fmt: skip
    if service.trouble:
        return service.trouble
    return translate(msg("Recording in the background since {moment}.", moment=moments.moment(service.since)))


class Preferences(QObject):
    """Applies the settings. `restart_wanted`: language and engines take effect at a start only."""

    restart_wanted = Signal()

    def __init__(self, window: QWidget, theme: Theme, feed: Feed, settings: SettingsLike) -> None:
        super().__init__(window)
        self._window, self._theme, self._feed, self._settings = window, theme, feed, settings
        self._dialog: SettingsDialog | None = None

    def choose_theme(self, mode: ThemeMode) -> None:
        """Set the theme, and store it."""
        self._theme.set_mode(mode)
        preferences.THEME.choose(self._settings, mode.value)

    def show_dialog(self, choice: str = "") -> None:
        """Open the dialog, at that choice."""
        if self._dialog is None:
            self._dialog = SettingsDialog(self._theme, self._settings, self._window)
            self._dialog.changed.connect(self._take_up)
            self._dialog.restart_wanted.connect(self.restart_wanted)
            self._dialog.finished.connect(self._closed)
        self._dialog.show_at(choice)

    def _closed(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    def _take_up(self, which: object) -> None:
        if which is preferences.THEME:
            self._theme.set_mode(ThemeMode(preferences.THEME.of(self._settings)))
        elif which is preferences.REFRESH:
            self._feed.pace(preferences.REFRESH.of(self._settings))
