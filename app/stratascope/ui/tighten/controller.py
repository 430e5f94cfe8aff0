"""Trials in the window: the sheet, the one search under way, and the results for each container.

They are started from the column, the page "Use", and the result of a failed relaunch; the result goes back into the
column, which relaunches as usual. A relaunch with exactly the settings tried gets the commands that succeeded on the
twin. Decided against trials of two containers at once: they would slow each other down, and be compared with the wrong
times.
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


TwinsOf = Callable[[ContainerState], TwinObserver]  # what observes its twins; called on a background thread
KEPT_MOST = 50  # containers whose last result is kept


GONE = msg("This container no longer exists, or is not running.")


class _Failed(Value):
    """A search without a result."""

    why: Message
    words: str = ""


class _Over(Value):
    """The last event of a search."""

    done: Tightened | Loosened | _Failed


class _Kept(Value):
    """The last result for a container. `commands`: those that succeeded on its twin."""

    container: str  # full id
    done: Tightened
    settings: tuple[Setting, ...]
    commands: tuple[str, ...]


Make = Callable[[Callable[[], bool]], Iterator[SearchEvent | _Over]]


class TrialController(LongRun["TrialDialog"]):
    """The search and its results."""

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
        """Without `twins`, twins are not observed."""
        super().__init__(window, theme)
        self._layers = layers
        self._hardening, self._side, self._selection = hardening, side, selection
        self._settings, self._twins_of, self._draft = kept, twins, side.column.draft
        self._state: ContainerState | None = None  # the sheet's container
        self._wishes = Wishes()
        self._watcher: TwinObserver | None = None
        self._trials: list[TrialDone] = []
        self._found: dict[tuple[str, str], _Kept] = {}  # by engine and name
        self._twins: set[tuple[str, str]] = set()  # twins of the last search, once seen
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
        """Put the button and the card into the page "Use", which was just made."""
        from stratascope.ui.tighten.found_page import TrialCard

        self._button, self._card = TrialButton(self._theme, msg("Try on a twin")), TrialCard(self._theme)
        self._button.clicked.connect(lambda _=False: self.ask(chosen=False))
        self._card.again.clicked.connect(lambda _=False: self.ask(chosen=False))
        page.add_trials(self._button, self._card)
        self.refresh()

    def refresh(self) -> None:
        """Update what is shown outside of the sheet."""
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
        """Open the sheet for the container in view, or that of the search under way."""
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
        """Find what breaks a failed relaunch, once its original runs again; without asking, since nothing is
        changed.
        """
        hardening, state = self._hardening, self._current_state(failed.state)
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

    def _current_state(self, before: ContainerState) -> ContainerState | None:
        """Return the container as it is now; its owner may have recreated it."""
        snapshot = self._selection.snapshot
        states = () if snapshot is None else snapshot.containers
        same = [each for each in states if each.key == before.key]
        return next(iter(same or [each for each in states if _place(each) == _place(before)]), None)

    def exercised(self, made: Plan) -> tuple[str, ...]:
        """Return the commands that succeeded on a twin of this container with exactly these settings, else none."""
        kept = self._found.get(_place(made.state))
        if kept is None or kept.container != made.state.container.id or set(kept.done.choices) != set(made.choices):
            return ()
        return kept.commands

    def _again(self) -> None:
        """Show the first page again, for the same container if it still exists."""
        if self._state is not None and self._selection.key != self._state.key:
            self._selection.go_to(self._state.key)
        if self._draft.usable and self._state is not None and self._selection.key == self._state.key:
            self.ask(chosen=bool(self._wishes.chosen))
        elif self._state is not None:
            self.dialog.fail(GONE)

    # -- during

    def without_twins(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot without the twins of the search under way, which come and go and are no news.

        They are recognised by engine and name, and only during a search: no container can hide by calling itself a
        twin.
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
        """Take the choices into the column, and open the sheet of the relaunch."""
        state = self._state
        if state is None:
            return
        if self._side.take(state.key, choices):
            self.dialog.hide()
        else:
            self.dialog.refuse(GONE)

    def end_soon(self) -> bool:
        """Do not wait when asked a second time: the journal has the twin, and the next start removes it."""
        return self.closing or super().end_soon()


def _over(error: Exception | None) -> _Over:
    if error is None:
        return _Over(_Failed(msg("It was interrupted without a result.")))
    return _Over(_Failed(*reason(error)))


def _place(state: ContainerState) -> tuple[str, str]:
    """Return a key that stays the same over relaunches."""
    return state.container.engine, state.container.name
