"""The sheet of trials: before, what is tried and how; during, each trial; after, what works and why.

It is not modal. Hiding it stops nothing: the column leads back to it. It changes no container; the result goes into the
column and its relaunch sheet.
"""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPlainTextEdit, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import REPEATS
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.state.preferences import COMMANDS_MOST
from stratascope.ui.harden.value_sheet import Radio
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.buttons import Switch
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.labels import Label, give_tip, tip
from stratascope.ui.kit.long_run import PagedSheet
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme
from stratascope.ui.relaunch.confirm_page import Number
from stratascope.ui.tighten.found_page import FoundPage, PreviewOf, sheet_lead, sheet_title, trial_row
from stratascope.ui.use.table import Row, RowTable
from stratascope.usecases.tighten.tighten import Setting, Tightened, Wishes, found_alone
from stratascope.usecases.trial.lifecycle import Exercises
from stratascope.usecases.trial.strategy import TrialBegun, TrialDone

REPEATS_MOST = 20
EXAMPLE = "nsenter --net=$STRATASCOPE_TWIN_NETNS curl -fsS http://127.0.0.1/"


class WishPage(Scrolled):
    """The first page; all of it scrolls together."""

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
        # as high as it needs at its width
        inner.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
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
        above = theme.lay(QHBoxLayout(), (head, 1), self.before)
        often, times = Label(theme, 13), QHBoxLayout()
        often.setText(translate(msg("Times to repeat a working trial")))
        often.setBuddy(self.repeats)
        self.repeats.setAccessibleName(often.text())
        theme.lay(times, often, self.repeats, STRETCH, gap=8)
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
        """Set up for a container. `chosen`: what is switched on for it; `remembered`: commands of its image."""
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
        """The commands in the field."""
        lines = (line.strip() for line in self.commands.toPlainText().split("\n"))
        return tuple(dict.fromkeys(line for line in lines if line))[:COMMANDS_MOST]

    def wishes(self) -> Wishes:
        """What the user asks for."""
        chosen = self._chosen if self.chosen.isChecked() else ()
        return Wishes(Exercises(self.given), self.repeats.value(), tight=self.tight.isChecked(), chosen=chosen)

    def _add(self, command: str) -> None:
        if command not in self.given:
            self.commands.appendPlainText(command)
        self.commands.setFocus()


WIDTH, HEIGHT = 720, 600
NOT_TRIED = msg("It could not be tried")


class Page(Enum):
    """The pages of the sheet."""

    BEFORE = 0
    DURING = 1
    AFTER = 2


class TrialDialog(PagedSheet):
    """The sheet. `begun`: the user confirmed. `taken`: relaunch with these choices. `again`: show the first page
    again.
    """

    begun = Signal()
    cancelled = Signal()
    taken = Signal(object)  # tuple[Choice, ...]
    again = Signal()

    def __init__(self, theme: Theme, numbers: dict[str, int], titles: dict[int, str], parent: QWidget) -> None:
        super().__init__(theme, parent, WIDTH, HEIGHT)
        self.before = WishPage(theme)
        heads = tuple(translate(text) for text in (msg("Trial"), msg("Outcome"), msg("Seconds")))
        self.trials = RowTable(theme, translate(msg("Trials so far")), heads, lines=2)
        self._rows: list[Row] = []
        self.after = FoundPage(theme, numbers, titles)
        self.after.switched.connect(self._switched)
        self.go.clicked.connect(self._go)
        self.once_more = QPushButton(translate(msg("Try again…")))
        self.once_more.clicked.connect(lambda _=False: self.again.emit())
        during = QWidget()
        column = theme.lay(QVBoxLayout(during), (self.trials, 1), around=0)
        column.addStretch(0)
        for page in (self.before, during, self.after):
            self.pages.addWidget(page)
        self.frame(
            (*((each, 0) for each in (self.title, self.lead, self.told)), (self.pages, 1)),
            (self.once_more,),
            (self.back, self.go),
        )

    @property
    def page(self) -> Page:
        """The page shown."""
        return Page(self.pages.currentIndex())

    def ask(
        self,
        name: str,
        chosen: tuple[Choice, ...],
        remembered: tuple[str, ...],
        watched: Message | None,
        *,
        try_chosen: bool,
    ) -> None:
        """Ask before it begins. See `WishPage.begin`."""
        self.name = plain(name, 200)
        self.before.begin(chosen, remembered, watched, try_chosen=try_chosen)
        title = msg("Try {name} on a twin", name=self.name) if try_chosen else msg("Tighten {name}", name=self.name)
        self.turn(Page.BEFORE, title)
        self.say(
            translate(
                msg("A twin is a copy beside it, without its ports and with copies of its volumes, that is removed "
                    "after each trial. The container itself keeps running, unchanged.")
            )
        )  # fmt: skip
        self._offer(msg("Cancel"), msg("Try on a twin"))
        self.present()
        self.go.setFocus(Qt.FocusReason.OtherFocusReason)

    def begin(self) -> None:
        """Show the start of the trials."""
        self._begin(msg("Trying {name} on a twin…", name=self.name))

    def begin_finding(self, name: str) -> None:
        """Show the start of trials that find what breaks a failed relaunch."""
        self.name = plain(name, 200)
        self._begin(msg("Searching on twins for what breaks {name}…", name=self.name))
        self.present()

    def _begin(self, title: Message) -> None:
        self._rows = []
        self.trials.show_rows(())
        self.turn(Page.DURING, title)
        self.say(translate(msg("Checking it…")))
        self._offer(msg("Cancel"), None)
        self.back.setFocus(Qt.FocusReason.OtherFocusReason)

    def tell(self, event: TrialBegun | TrialDone, unwatched: Message | None) -> None:
        """Show an event. `unwatched`: why the twins are not observed, if so."""
        row = trial_row(event)
        if self._rows and self._rows[-1][0].text == row[0].text:
            self._rows[-1] = row
        else:
            self._rows.append(row)
        self.trials.show_rows(tuple(self._rows))
        self.trials.scrollToBottom()
        self.warn("" if unwatched is None else plain(translate(found_alone(unwatched)), 400))
        if isinstance(event, TrialBegun) and self.back.isEnabled():
            told = translate(event.sentence)
            self.say(told)
            accessibility.announce(self, told)

    def tell_cancelling(self) -> None:
        """Say that it ends at the next safe point."""
        self.say(translate(msg("Interrupted; its twin is being removed…")))
        super().tell_cancelling()

    def end(self, done: Tightened, asked: int, found: tuple[Setting, ...], preview_of: PreviewOf) -> None:
        """Show the result. `asked`: how many settings were to be tried; 0: they were derived."""
        self.after.show_found(done, found, preview_of)
        self.turn(Page.AFTER, sheet_title(done, asked, found))
        self.say(sheet_lead(done))
        self.warn("" if done.unwatched is None else plain(translate(found_alone(done.unwatched)), 400))
        self._offer(msg("Close"), msg("Relaunch with these…") if done.choices else None, again=True)
        self.tell_end()

    def fail(self, why: Message, said: str = "", title: Message = NOT_TRIED) -> None:
        """Say why there is no result."""
        self.turn(Page.DURING, title)
        self.say(why, said)
        self._offer(msg("Close"), None, again=True)
        self.tell_end()

    # -- internals

    def _offer(self, back: Message, go: Message | None, *, again: bool = False) -> None:
        self.offer(back, go)
        self.once_more.setVisible(again)

    def _switched(self) -> None:
        self.go.setEnabled(bool(self.after.choices))

    def _go(self) -> None:
        if self.page is Page.BEFORE:
            self.begun.emit()
        else:
            self.taken.emit(self.after.choices)

    def press_back(self) -> None:
        if self.page is Page.DURING and self.once_more.isHidden():
            self.cancelled.emit()
        else:
            self.leave()
