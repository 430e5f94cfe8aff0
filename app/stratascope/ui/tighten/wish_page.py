"""The sheet's first page: what to try, the commands that the twin must manage, how often, how tight."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import REPEATS
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.state.preferences import COMMANDS_MOST
from stratascope.ui.harden.value_sheet import Radio
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.labels import Label, give_tip, tip
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.ui.relaunch.confirm_page import Number
from stratascope.ui.tighten.switch import Switch
from stratascope.usecases.tighten.tighten import Wishes
from stratascope.usecases.trial.paces import Exercises

REPEATS_MOST = 20
EXAMPLE = "nsenter --net=$STRATASCOPE_TWIN_NETNS curl -fsS http://127.0.0.1/"


class WishPage(Scrolled):
    """Scrolls as one."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(name=translate(msg("Settings to try")))
        self._theme = theme
        self._chosen: tuple[Choice, ...] = ()
        inner = TextColumn()
        self.derived = Radio(theme, translate(msg("Find the tightest settings with which it still works")), inner)
        self.chosen = Radio(theme, "", inner)
        self.commands = QPlainTextEdit()
        self.commands.setFont(theme.font(11, fixed=True))
        self.commands.setPlaceholderText(translate(msg("For example: {command}", command=EXAMPLE)))
        self.commands.setTabChangesFocus(True)
        self.commands.setFixedHeight(theme.box(11) * 4 + theme.px(14))
        self.before = QPushButton(translate(msg("Used before ▾")))
        self.before.setFont(theme.font(12, MEDIUM))
        self.before.setProperty("flat", True)
        self.menu = QMenu(self.before)
        self.menu.setToolTipsVisible(True)
        self.before.setMenu(self.menu)
        self.repeats = Number()
        self.repeats.setRange(1, REPEATS_MOST)
        self.repeats.setFont(theme.font(13))
        self.repeats.setFixedHeight(theme.px(28))
        self.tight = Switch(theme, translate(msg("Allow only the system calls that were seen")))
        give_tip(self.tight, translate(msg("Otherwise harmless calls pass as well, which it may need on a rare day.")))
        self.watched = Label(theme, 12, ink="text2", wrap=True)
        self._lay_out(inner)
        inner.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)  # as high as at its width
        self.setWidget(inner)

    def _lay_out(self, inner: QWidget) -> None:
        theme = self._theme
        head, hint = Label(theme, 14, BOLD), Label(theme, 12, ink="text2", wrap=True)
        head.setText(translate(msg("What it must be able to do")))
        told = translate(
            msg("One command per line. Each is run here for each twin; exit status 0 means that the twin works. "
                "Without any, its start, ports, health check and stop count.")
        )  # fmt: skip
        hint.setText(told)
        self.commands.setAccessibleName(head.text())
        self.commands.setAccessibleDescription(told)
        above = QHBoxLayout()
        above.addWidget(head, 1)
        above.addWidget(self.before)
        often, times = Label(theme, 13), QHBoxLayout()
        often.setText(translate(msg("Times to repeat a working trial")))
        often.setBuddy(self.repeats)
        self.repeats.setAccessibleName(often.text())
        times.setSpacing(theme.px(8))
        times.addWidget(often)
        times.addWidget(self.repeats)
        times.addStretch(1)
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, theme.px(8), 0)
        column.setSpacing(theme.px(6))
        column.addWidget(self.derived)
        column.addWidget(self.chosen)
        column.addSpacing(theme.px(8))
        column.addLayout(above)
        column.addWidget(self.commands)
        column.addWidget(hint)
        column.addSpacing(theme.px(8))
        column.addLayout(times)
        column.addWidget(self.tight)
        column.addSpacing(theme.px(8))
        column.addWidget(self.watched)
        column.addStretch(1)

    def begin(
        self, chosen: tuple[Choice, ...], remembered: tuple[str, ...], watched: Message | None, *, try_chosen: bool
    ) -> None:
        """For a container. `chosen`: what is switched on for it; `remembered`: commands of its image."""
        self._chosen = chosen
        text = plural("Try the {count} setting that is switched on", "Try the {count} settings that are switched on",
                      len(chosen))  # fmt: skip
        self.chosen.setText(translate(text))
        self.chosen.updateGeometry()
        self.chosen.setVisible(bool(chosen))
        (self.chosen if try_chosen and chosen else self.derived).setChecked(True)
        self.commands.setPlainText("\n".join(remembered))
        self.menu.clear()
        for command in remembered:
            shown = plain(command)
            action = QAction(shown if len(shown) <= 80 else f"{shown[:79]}…", self.menu)
            action.setToolTip(tip(shown))
            action.triggered.connect(lambda _=False, command=command: self._add(command))
            self.menu.addAction(action)
        self.before.setVisible(bool(remembered))
        self.repeats.setValue(REPEATS)
        self.tight.setChecked(False)
        self.watched.setText("" if watched is None else translate(watched))
        self.watched.setVisible(watched is not None)
        self.verticalScrollBar().setValue(0)

    @property
    def given(self) -> tuple[str, ...]:
        """The commands as they stand in the field."""
        lines = (line.strip() for line in self.commands.toPlainText().split("\n"))
        return tuple(dict.fromkeys(line for line in lines if line))[:COMMANDS_MOST]

    def wishes(self) -> Wishes:
        """What is asked for now."""
        chosen = self._chosen if self.chosen.isChecked() else ()
        return Wishes(Exercises(self.given), self.repeats.value(), tight=self.tight.isChecked(), chosen=chosen)

    def _add(self, command: str) -> None:
        if command not in self.given:
            self.commands.appendPlainText(command)
        self.commands.setFocus()
