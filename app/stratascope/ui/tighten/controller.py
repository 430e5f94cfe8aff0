"""Trials in the window: the sheet, the one search that may be under way, and what was found of each container.

The column and the page "Use" ask for it, and the result of a relaunch that failed; what was found goes back into the
column, which relaunches as always. A relaunch with just what was tried is told which commands ended well on the twin.
Decided against trials of two containers at once: each would slow the other's, and be held against the wrong times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from stratascope.core.layer import Layer
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.launch_spec import TWIN_NAME
from stratascope.core.relaunch.toggle import Choice, ToggleError
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.state import preferences
from stratascope.ui.harden.status_note import TrialButton
from stratascope.ui.kit.background import SettingsLike, reason
from stratascope.ui.kit.long_run import LongRun
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import Theme
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.relaunch.refusals import GONE
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.offers import Preview
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.tighten.tighten import Setting, Tightened, TwinObserver, Wishes, after_failure, settings
from stratascope.usecases.trial.strategy import Loosened, SearchEvent, TrialBegun, TrialDone
from stratascope.value import Value, replace

if TYPE_CHECKING:
    from stratascope.ui.tighten.dialog import TrialDialog
    from stratascope.ui.tighten.found_page import TrialCard
    from stratascope.ui.use.page import UsePage


TwinsOf = Callable[[ContainerState], TwinObserver]  # what watches its twins; called off the window's thread
KEPT_MOST = 50  # containers whose last result is remembered


class _Failed(Value):
    """A search without a result."""

    why: Message
    words: str = ""


class _Over(Value):
    """The last event of a search."""

    done: Tightened | Loosened | _Failed


class _Kept(Value):
    """What was found last of a container. `commands`: those that ended well on its twin."""

    container: str  # full id
    done: Tightened
    settings: tuple[Setting, ...]
    commands: tuple[str, ...]


Make = Callable[[Callable[[], bool]], Iterator[SearchEvent | _Over]]


class TrialController(LongRun["TrialDialog"]):
    """The search, and what it found."""

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        layers: tuple[Layer, ...],
        hardening: Hardening,
        side: RelaunchController,
        selection: Selection,
        kept: SettingsLike,
        twins: TwinsOf | None = None,
    ) -> None:
        """Without `twins` twins are not watched."""
        super().__init__(window, theme)
        self._layers = layers
        self._hardening, self._side, self._selection = hardening, side, selection
        self._settings, self._twins_of, self._draft = kept, twins, side.column.draft
        self._state: ContainerState | None = None  # of the container that the sheet is about
        self._wishes = Wishes()
        self._watcher: TwinObserver | None = None
        self._trials: list[TrialDone] = []
        self._found: dict[tuple[str, str], _Kept] = {}  # by engine and name
        self._twins: set[tuple[str, str]] = set()  # seen of the last search
        self._button: TrialButton | None = None
        self._card: TrialCard | None = None
        side.column.trial_wanted.connect(lambda chosen: self.ask(chosen=chosen))
        side.find_wanted.connect(self.find)
        side.exercised = self.exercised
        self._draft.changed.connect(self.refresh)
        selection.container_changed.connect(self.refresh)

    def make_dialog(self) -> TrialDialog:
        from stratascope.ui.tighten.dialog import TrialDialog

        numbers = {layer.id: layer.number for layer in self._layers}
        titles = {layer.number: translate(layer.about.title) for layer in self._layers}
        dialog = TrialDialog(self._theme, numbers, titles, self._window)
        dialog.begun.connect(self._begin)
        dialog.cancelled.connect(self.cancel)
        dialog.taken.connect(self._take)
        dialog.again.connect(self._again)
        return dialog

    def join(self, page: UsePage) -> None:
        """The page "Use" was made: the button and the card have their places in it."""
        from stratascope.ui.tighten.found_page import TrialCard

        self._button, self._card = TrialButton(self._theme, msg("Try on a twin")), TrialCard(self._theme)
        self._button.clicked.connect(lambda _=False: self.ask(chosen=False))
        self._card.again.clicked.connect(lambda _=False: self.ask(chosen=False))
        page.add_trials(self._button, self._card)
        self.refresh()

    def refresh(self) -> None:
        """What is shown of it beside the sheet."""
        self._side.column.show_trials(under_way=self.busy)
        if self._button is None or self._card is None:
            return
        self._button.setVisible(self._draft.usable or self.busy)
        self._button.say(msg("Show the trials") if self.busy else msg("Try on a twin"))
        state = self._selection.current
        found = None if state is None else self._found.get(_place(state))
        if found is None or not self._draft.usable:
            self._card.hide()
        else:
            self._card.show_found(found.done, found.settings)

    # -- before

    def ask(self, *, chosen: bool) -> None:
        """The sheet for the container in view; that of the search that is under way, where there is one."""
        if self.busy:
            self.dialog.present()
            return

        from stratascope.ui.tighten.found_page import watching  # comes with the sheet

        state, draft, snapshot = self._selection.current, self._draft, self._selection.snapshot
        if state is None or snapshot is None or not self._draft.usable:
            return
        self._state = state
        remembered = preferences.exercises_of(self._settings, state.container.image)
        watched = watching(snapshot.privilege, self._selection.engine)
        self.dialog.ask(state.container.name, draft.choices, remembered, watched, try_chosen=chosen)

    def find(self, failed: Plan) -> None:
        """What breaks it, once its original runs again; nothing is asked before, since nothing is changed."""
        hardening, state = self._hardening, self._there(failed.state)
        if self.busy:
            self.dialog.present()
            return
        if state is None:
            self.dialog.fail(GONE)
            self.dialog.present()
            return
        made = replace(failed, spec=replace(failed.spec, id=state.container.id))
        self._state, self._wishes = state, Wishes(chosen=failed.choices)

        def make(cancelled: Callable[[], bool]) -> Iterator[SearchEvent | _Over]:
            for event in hardening.loosen(made, cancelled):
                yield _Over(event) if isinstance(event, Loosened) else event

        self.dialog.begin_finding(state.container.name)
        self._start(make)

    def _there(self, before: ContainerState) -> ContainerState | None:
        """It as it is now; its owner may have created it again."""
        snapshot = self._selection.snapshot
        states = () if snapshot is None else snapshot.containers
        same = [each for each in states if each.key == before.key]
        return next(iter(same or [each for each in states if _place(each) == _place(before)]), None)

    def exercised(self, made: Plan) -> tuple[str, ...]:
        """The commands that ended well on a twin of this container with just these settings; none of any others."""
        kept = self._found.get(_place(made.state))
        if kept is None or kept.container != made.state.container.id or set(kept.done.choices) != set(made.choices):
            return ()
        return kept.commands

    def _again(self) -> None:
        """The first page once more, for the same container as far as it is still there."""
        if self._state is not None and self._selection.key != self._state.key:
            self._selection.go_to(self._state.key)
        if self._draft.usable and self._state is not None and self._selection.key == self._state.key:
            self.ask(chosen=bool(self._wishes.chosen))
        elif self._state is not None:
            self.dialog.fail(GONE)

    # -- during

    def without_twins(self, snapshot: Snapshot) -> Snapshot:
        """The picture without the twins of the search under way: they come and go, and are no news to anybody.

        Known by engine and name, and only as long as one runs: no container hides by calling itself a twin.
        """
        state = self._state
        if self.busy and state is not None:
            begins = f"{state.container.name}.{TWIN_NAME}"
            self._twins |= {
                each.key
                for each in snapshot.containers
                if each.container.engine == state.container.engine and each.container.name.startswith(begins)
            }
        if not self._twins:
            return snapshot
        return replace(snapshot, containers=tuple(each for each in snapshot.containers if each.key not in self._twins))

    def _begin(self) -> None:
        state, hardening, twins_of = self._state, self._hardening, self._twins_of
        if self.busy or state is None:
            return
        wishes = self._wishes = self.dialog.before.wishes()
        preferences.remember_exercises(self._settings, state.container.image, wishes.exercises.commands)

        def make(cancelled: Callable[[], bool]) -> Iterator[SearchEvent | _Over]:
            self._watcher = None if twins_of is None else twins_of(state)
            for event in hardening.tighten(state, wishes, self._watcher, cancelled):
                yield _Over(event) if isinstance(event, Tightened) else event

        self.dialog.begin()
        self._start(make)

    def _start(self, make: Make) -> None:
        self._trials, self._watcher, self._twins = [], None, set()
        run = self.begin_run(make, _over, "trials")
        self.refresh()
        run.start()

    def tell(self, event: TrialBegun | TrialDone) -> None:
        if isinstance(event, TrialDone):
            self._trials.append(event)
        self.dialog.tell(event, None if self._watcher is None else self._watcher.why_not)

    def end(self, over: _Over, *, cancelled: bool) -> bool:
        done, state = over.done, self._state
        if isinstance(done, _Failed) or state is None:
            why = done if isinstance(done, _Failed) else _Failed(msg("It was interrupted without a result."))
            self.dialog.fail(msg("Cancelled.") if cancelled else why.why, why.words)
        elif isinstance(done, Loosened) and not done.breaks:
            self.dialog.fail(done.why or msg("Cancelled."), title=msg("The setting that breaks it was not found"))
        else:
            self._show_found(state, done)
        self.refresh()
        return not cancelled

    def _show_found(self, state: ContainerState, found: Tightened | Loosened) -> None:
        wishes = self._wishes
        done = after_failure(wishes.chosen, found, self._trials) if isinstance(found, Loosened) else found
        each = settings(done, self._trials)
        if done.choices:
            self._found.pop(_place(state), None)
            self._found[_place(state)] = _Kept(state.container.id, done, each, wishes.exercises.commands)
            while len(self._found) > KEPT_MOST:
                del self._found[next(iter(self._found))]
        self.dialog.end(done, len(wishes.chosen), each, self._preview)

    def _preview(self, choices: tuple[Choice, ...]) -> Preview | None:
        if self._state is None:
            return None
        try:
            return self._hardening.preview(self._state, choices)
        except ToggleError:
            return None

    # -- after

    def _take(self, choices: tuple[Choice, ...]) -> None:
        """Into the column, and from there to the sheet of the relaunch."""
        state = self._state
        if state is None:
            return
        if self._side.take(state.key, choices):
            self.dialog.hide()
        else:
            self.dialog.refuse(GONE)

    def end_soon(self) -> bool:
        """Asked a second time it is not waited for: the journal knows of the twin, and the next start removes it."""
        return self.closing or super().end_soon()


def _over(error: Exception | None) -> _Over:
    if error is None:
        return _Over(_Failed(msg("It was interrupted without a result.")))
    return _Over(_Failed(*reason(error)))


def _place(state: ContainerState) -> tuple[str, str]:
    """The same over its relaunches."""
    return state.container.engine, state.container.name
