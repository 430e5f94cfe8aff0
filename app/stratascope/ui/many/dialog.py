"""The sheet for several containers: the choice, the plans, the progress of each, and the result.

It is not modal, and hiding it stops nothing. Decided against choosing them in the list: a selection there changes with
each reading and each filter, and here each container is next to those like it.
"""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.relaunch.transaction import Remedy
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import level_ink, number_text
from stratascope.presentation.takeover import runs
from stratascope.ui.containers.rows import short_image
from stratascope.ui.harden.next_step import remedy_title
from stratascope.ui.kit.buttons import ChoiceBox, Switch
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.labels import Label, give_tip
from stratascope.ui.kit.long_run import PagedSheet
from stratascope.ui.kit.marks import Mark
from stratascope.ui.kit.theme import BOLD, STRETCH, Theme
from stratascope.ui.relaunch.confirm_page import empty, marked_line
from stratascope.ui.use.table import Row, RowTable

WIDTH, HEIGHT = 720, 600
MATCHED = (
    (Preset.RECOMMENDED, msg("Suggested")),
    (Preset.PSS_BASELINE, msg("Pod Security: baseline")),
    (Preset.PSS_RESTRICTED, msg("Pod Security: restricted")),
    (Preset.CIS, msg("CIS Docker, section 5")),
)


class Page(Enum):
    """The pages of the sheet. PLANNED: before a relaunch or an undo of all."""

    PICK = 0
    PLANNED = 1
    RUN = 2


class ManyDialog(PagedSheet):
    """The sheet. `looked`: plans are requested; `begun`: the user confirmed; `undo_wanted`: undo all that remains.
    `remedy_wanted`: plan again with that Remedy; `engine_wanted`: list that engine's containers.
    """

    looked = Signal()
    begun = Signal()
    cancelled = Signal()
    undo_wanted = Signal()
    leave_wanted = Signal()
    export_wanted = Signal()
    remedy_wanted = Signal(object)
    engine_wanted = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, parent, WIDTH, HEIGHT)
        self._states: tuple[ContainerState, ...] = ()
        self.switches: tuple[Switch, ...] = ()
        self.all = Switch(theme, translate(msg("All")))
        self.all.clicked.connect(self._switch_all)
        give_tip(self.all, translate(msg("All of them, or none (Ctrl+A)")))
        self.standards = ChoiceBox(theme)
        self.standards.addItems([translate(title) for _, title in MATCHED])
        self.standards.setAccessibleName(translate(msg("What is planned")))
        self.engines, self._engine = ChoiceBox(theme), Label(theme, 13, ink="text2", text=translate(msg("Engine")))
        self._engine.setBuddy(self.engines)
        self.engines.setAccessibleName(translate(msg("Engine")))
        self.engines.activated.connect(lambda place: self.engine_wanted.emit(self.engines.itemData(place)))
        self._remedy: Remedy | None = None  # what would make all that stands in the way safe
        self._list, self._notes = QVBoxLayout(), QVBoxLayout()
        heads = tuple(translate(text) for text in (msg("Container"), msg("Exposure")))
        self.plans = RowTable(theme, translate(msg("What will happen")), heads, lines=2)
        heads = tuple(translate(text) for text in (msg("Container"), msg("Outcome")))
        self.rows = RowTable(theme, translate(msg("Containers")), heads, lines=2)
        for page in (self._pick(), self._planned(), self.rows):
            self.pages.addWidget(page)
        self.undo = QPushButton(translate(msg("Undo all")))
        self.undo.clicked.connect(lambda _=False: self.undo_wanted.emit())
        self.without = QPushButton(translate(msg("Leave them out")))
        self.without.clicked.connect(lambda _=False: self.leave_wanted.emit())
        self.export = QPushButton(translate(msg("Export…")))
        self.export.setAccessibleName(translate(msg("Export the hardened settings")))
        self.export.clicked.connect(lambda _=False: self.export_wanted.emit())
        self._place = -1  # of the one that is at it
        self._out = ""  # what was not switched on, and why
        self.go.clicked.connect(self._emit_go)
        self.frame(
            (*((each, 0) for each in (self.title, self.lead, self.told)), (self.pages, 1)),
            (self.undo, self.without, self.export),
            (self.back, self.go),
        )

    def _pick(self) -> QWidget:
        above, label = QWidget(), Label(self._theme, 13, ink="text2", text=translate(msg("Plan")))
        label.setBuddy(self.standards)
        self._theme.lay(QHBoxLayout(above), self._engine, self.engines, label, self.standards, STRETCH, self.all,
                        around=0, gap=8)  # fmt: skip
        return self._column(above, self._scroll(self._list, translate(msg("Containers to harden")), wraps=False))

    def _planned(self) -> QWidget:
        self._kept_in_mind = self._scroll(self._notes, translate(msg("Keep in mind")), wraps=True)
        return self._column(self.plans, self._kept_in_mind)

    def _column(self, first: QWidget, rest: QWidget) -> QWidget:
        page = QWidget()
        self._theme.lay(QVBoxLayout(page), (first, 2 if isinstance(first, RowTable) else 0), (rest, 1), around=0, gap=8)
        return page

    def _scroll(self, rows: QVBoxLayout, name: str, *, wraps: bool) -> QScrollArea:
        inner = TextColumn()
        column = self._theme.lay(QVBoxLayout(inner), around=(0, 0, 8, 0))
        rows.setSpacing(self._theme.px(6))
        self._theme.lay(column, rows, STRETCH)
        if wraps:  # as high as it needs at its width
            inner.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        area = Scrolled(inner, name, reads=True)
        area.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        return area

    # -- pages

    def show_engines(self, engines: tuple[tuple[str, str], ...], engine: str) -> None:
        """Offer these engines, by id and title; a run is on one of them, which is `engine`."""
        self.engines.clear()
        for number, title in engines:
            self.engines.addItem(title, number)
        self.engines.setCurrentIndex(self.engines.findData(engine))
        for part in (self._engine, self.engines):
            part.setVisible(len(engines) > 1)

    def ask(self, states: tuple[ContainerState, ...], chosen: frozenset[tuple[str, str]], out: Message | None) -> None:
        """Ask which containers; `chosen` are switched on. `out`: related ones that are not switched on, and why."""
        self._out = "" if out is None else plain(translate(out), 500)
        self._states = states
        empty(self._list)
        self.switches = tuple(self._switch(state, on=state.key in chosen) for state in states)
        for state, switch in zip(states, self.switches, strict=True):
            self._list.addWidget(self._offered(state, switch))
        self.standards.setCurrentIndex(0)
        self._show_choice()
        anew = not self.isVisible()  # else another engine was chosen
        self.present()
        if anew:
            self.go.setFocus(Qt.FocusReason.OtherFocusReason)

    def looking(self, rows: tuple[Row, ...], told: Message) -> None:
        """Show the plans that are made, and which is next."""
        self._fill(rows, (), ())
        self.turn(Page.PLANNED, msg("Planning…"))
        self.say(told)
        self._offer(msg("Cancel"), msg("Relaunch all"))
        if not self.plans.hasFocus():
            self.back.setFocus(Qt.FocusReason.OtherFocusReason)
        self.go.setEnabled(False)

    def leave_out(self, keys: frozenset[tuple[str, str]]) -> None:
        """Switch these containers off."""
        for state, switch in zip(self._states, self.switches, strict=True):
            if state.key in keys:
                switch.setChecked(False)

    def show_plans(
        self,
        rows: tuple[Row, ...],
        count: int,
        warnings: tuple[str, ...],
        blocks: tuple[str, ...],
        *,
        some: bool = False,
        export: bool = False,
        remedy: Remedy | None = None,
    ) -> None:
        """Show the plans; nothing can start while any of them is blocked.

        `some`: others of them are not blocked; `export`: the blocked ones can be exported instead; `remedy`: the option
        that makes the rest safe, which is then what the button takes.
        """
        self._fill(rows, warnings, blocks)
        self.turn(Page.PLANNED, plural("Relaunch {count} container?",
                                        "Relaunch {count} containers, one after the other?", count))  # fmt: skip
        self.say(msg("Nothing is changed while anything stands in the way of any of them.") if blocks else
                  msg("Either all of them stay, or none. Those relaunched together share a line."))  # fmt: skip
        self._remedy = remedy if blocks else None
        self._offer(msg("Cancel"), msg("Relaunch all") if self._remedy is None else remedy_title(self._remedy))
        self.without.setVisible(bool(blocks) and some)
        self.export.setVisible(bool(blocks) and export)
        self.go.setEnabled(not blocks or self._remedy is not None)
        (self.go if self.go.isEnabled() else self.back).setFocus(Qt.FocusReason.OtherFocusReason)

    def ask_undo(self, rows: tuple[Row, ...]) -> None:
        """Ask before an undo of all."""
        self._remedy = None
        self._fill(rows, (), ())
        self.turn(Page.PLANNED, msg("Undo all?"))
        self.say(
            msg(
                "In reverse order. The hardened containers are kept with everything that they wrote; nothing is "
                "deleted."
            )
        )
        self._offer(msg("Cancel"), msg("Undo all"))
        self.back.setFocus(Qt.FocusReason.OtherFocusReason)

    def begin(self, rows: tuple[Row, ...], *, undo: bool) -> None:
        """Show the start."""
        self.running, self._place = True, -1
        self.rows.show_rows(rows)
        self.turn(Page.RUN, msg("Undoing all…") if undo else msg("Relaunching one after the other…"))
        self.say(
            msg("Esc hides this, and it goes on. The journal records each step: after a crash, the next start "
                "finishes this, or goes back.")
        )  # fmt: skip
        self._offer(msg("Cancel") if undo else msg("Cancel and roll back"), None)

    def tell(self, rows: tuple[Row, ...], place: int, *, undo: bool) -> None:
        """Show the progress of each; `place`: of the one that is at it."""
        self.rows.show_rows(rows)
        if place != self._place:
            self._place = place
            self.rows.scrollTo(self.rows.model_.index(place, 0))
            count = len(rows)
            self.entitle(
                msg("Undoing {place} of {count}…", place=count - place, count=count)  # the last one first
                if undo
                else msg("Relaunching {place} of {count}…", place=place + 1, count=count)
            )

    def tell_cancelling(self) -> None:
        """Say that it ends at the next safe point."""
        self.warn(translate(msg("It is rolled back at the next safe point.")))
        super().tell_cancelling()

    def end(self, title: Message, why: Message | None, rows: tuple[Row, ...], *, undo: bool) -> None:
        """Show the result. `undo`: there is something to undo."""
        self.rows.show_rows(rows)
        self.rows.scrollToTop()
        self.turn(Page.RUN, title)
        self.say(msg("The originals are kept, stopped, with all their data.") if why is None and undo else why)
        self._offer(msg("Close"), None, undo=undo)
        self.tell_end()

    def fail(self, why: Message, words: str = "") -> None:
        """Say why they cannot be planned."""
        self._show_choice()
        self.tell_failed(why, words)

    def tell_failed(self, why: Message, words: str = "") -> None:
        """Say that something failed without changing anything."""
        self.warn(plain(translate(why), 400), words)

    @property
    def states(self) -> tuple[ContainerState, ...]:
        """The containers that are switched on."""
        return tuple(state for state, switch in zip(self._states, self.switches, strict=True) if switch.isChecked())

    # -- internals

    def _show_choice(self) -> None:
        self.turn(Page.PICK, msg("Harden several containers"))
        self.say(msg("They are relaunched one after the other, each watched and verified. If one fails, the earlier "
                      "ones are undone: either all of them stay, or none."))  # fmt: skip
        self._offer(msg("Cancel"), msg("Plan…"))
        self._count()

    def _switch(self, state: ContainerState, *, on: bool) -> Switch:
        name, image = plain(state.container.name, 120), short_image(plain(state.container.image, 300))
        switch = Switch(self._theme, translate(msg("{name}, of {image}", name=name, image=image)))
        switch.setChecked(on)
        switch.toggled.connect(lambda _: self._count())
        return switch

    def _offered(self, state: ContainerState, switch: Switch) -> QWidget:
        row, number = QWidget(), Label(self._theme, 13, BOLD, ink=level_ink(state.matrix))
        number.setText(number_text(state.matrix) if runs(state) else "")
        self._theme.lay(QHBoxLayout(row), switch, STRETCH, number, around=0)
        return row

    def _switch_all(self, on: bool) -> None:
        for switch in self.switches:
            switch.setChecked(on)

    def _count(self) -> None:
        self.all.setChecked(len(self.states) == len(self.switches))
        self.go.setEnabled(bool(self.states))
        self.warn(self._out)

    def _fill(self, rows: tuple[Row, ...], warnings: tuple[str, ...], blocks: tuple[str, ...]) -> None:
        self.plans.show_rows(rows)
        empty(self._notes)
        for mark, texts in ((Mark.OPEN, blocks), (Mark.TRIANGLE, warnings)):
            for text in texts:
                self._notes.addWidget(marked_line(self._theme, mark, text))
        self._kept_in_mind.setVisible(bool(blocks or warnings))  # else the room is the rows'

    def _offer(self, back: Message, go: Message | None, *, undo: bool = False) -> None:
        self.offer(back, go)
        self.undo.setVisible(undo)
        self.without.hide()
        self.export.hide()

    def _emit_go(self) -> None:
        if self.pages.currentIndex() == Page.PICK.value:
            self.looked.emit()
        elif self._remedy is not None:
            self.remedy_wanted.emit(self._remedy)
        else:
            self.begun.emit()

    @property
    def preset(self) -> Preset:
        """What each is to be hardened with: its own plan, or a standard beside it."""
        return MATCHED[self.standards.currentIndex()][0]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+A switches all of them on, or off."""
        if event.matches(QKeySequence.StandardKey.SelectAll) and self.pages.currentIndex() == Page.PICK.value:
            self.all.click()
        else:
            super().keyPressEvent(event)

    def press_back(self) -> None:
        if self.running:
            self.cancelled.emit()
        else:
            self.leave()
