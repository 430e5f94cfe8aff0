"""The sheet of trials: before, what is tried and how; during, each trial; after, what works and why.

It is not modal. Hiding it stops nothing: the column leads back to it. It changes no container; what it found goes into
the column and its sheet of a relaunch.
"""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.long_run import PagedSheet
from stratascope.ui.kit.theme import Theme
from stratascope.ui.tighten import row_text
from stratascope.ui.tighten.found_page import FoundPage, PreviewOf
from stratascope.ui.tighten.wish_page import WishPage
from stratascope.ui.use.rows import Row
from stratascope.ui.use.table import RowTable
from stratascope.usecases.tighten.settings import Setting
from stratascope.usecases.tighten.tighten import Tightened, found_alone
from stratascope.usecases.trial.search import TrialBegun, TrialDone

WIDTH, HEIGHT = 720, 600
NOT_TRIED = msg("It could not be tried")


class Page(Enum):
    """What the sheet shows."""

    BEFORE = 0
    DURING = 1
    AFTER = 2


class TrialDialog(PagedSheet):
    """`begun`: the person agreed. `taken`: relaunch with these choices. `again`: the first page once more."""

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
        column = QVBoxLayout(during)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.trials, 1)
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
        """The one that is shown."""
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
        """Before it begins. See `WishPage.begin`."""
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
        """The trials start."""
        self._begin(msg("Trying {name} on a twin…", name=self.name))

    def begin_finding(self, name: str) -> None:
        """The trials start that tell what of a relaunch that failed breaks it."""
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
        """What happens. `unwatched`: why the twins are not watched, if so."""
        row = row_text.trial_row(event)
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
        """It ends at the next safe place."""
        self.say(translate(msg("Interrupted; its twin is being removed…")))
        super().tell_cancelling()

    def end(self, done: Tightened, asked: int, found: tuple[Setting, ...], preview_of: PreviewOf) -> None:
        """What was found. `asked`: how many settings were to be tried; 0: they were derived."""
        self.after.show_found(done, found, preview_of)
        self.turn(Page.AFTER, row_text.title(done, asked, found))
        self.say(row_text.lead(done))
        self.warn("" if done.unwatched is None else plain(translate(found_alone(done.unwatched)), 400))
        self._offer(msg("Close"), msg("Relaunch with these…") if done.choices else None, again=True)
        self.tell_end()

    def fail(self, why: Message, said: str = "", title: Message = NOT_TRIED) -> None:
        """It came to nothing."""
        self.turn(Page.DURING, title)
        self.say(why, said)
        self._offer(msg("Close"), None, again=True)
        self.tell_end()

    # -- inside

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
