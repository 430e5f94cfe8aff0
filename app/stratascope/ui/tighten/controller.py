"""Trials in the window: the plan of a container on a copy of it, and what breaks a relaunch that failed.

The plan's button begins them and shows them; what came of it goes back into the plan. A relaunch with exactly what was
tried gets the commands that succeeded on the copy. Decided against trials of two containers at once: they would slow
each other down, and be compared with the wrong times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QWidget

from stratascope.core.message import MessageError, msg
from stratascope.core.relaunch.launch_spec import TWIN_NAME
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.state import preferences
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.background import Failure, SettingsLike
from stratascope.ui.kit.long_run import BackgroundRun
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import Theme
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.tighten.commands import CommandsSheet
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.tighten.tighten import Tightened, TwinObserver, Wishes
from stratascope.usecases.trial.lifecycle import Exercises
from stratascope.usecases.trial.strategy import Loosened, SearchEvent, TrialBegun, TrialDone
from stratascope.value import Value, replace

TwinsOf = Callable[[ContainerState], TwinObserver]  # what observes its twins; called on a background thread
KEPT_MOST = 50  # containers whose last result is kept
TICK = 500  # ms between two updates of the button
REPEATS = 1  # of a set that worked: a person waits for it


class _Over(Value):
    """The last event of a search; None: it has no result."""

    done: Tightened | Loosened | None


class _Kept(Value):
    """The last result for a container. `commands`: those that succeeded on its twin."""

    container: str  # full id
    choices: tuple[Choice, ...]
    commands: tuple[str, ...]


Make = Callable[[Callable[[], bool]], Iterator[SearchEvent | _Over]]


class TrialController(BackgroundRun):
    """The search and its results. `sheet_made`: the sheet of the commands was."""

    sheet_made = Signal(object)

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        hardening: Hardening,
        side: RelaunchController,
        selection: Selection,
        kept: SettingsLike,
        twins: TwinsOf | None = None,
    ) -> None:
        """Without `twins`, copies are not observed."""
        super().__init__(window)
        self._theme, self._hardening, self._selection = theme, hardening, selection
        self._settings, self._twins_of, self._draft = kept, twins, side.draft
        self._state: ContainerState | None = None  # what is tried
        self._trials: list[TrialDone] = []
        self._commands: tuple[str, ...] = ()  # of the search under way
        self._found: dict[Key, _Kept] = {}  # by engine and name
        self._twins: set[Key] = set()  # twins of the last search, once seen
        self._failure: Failure | None = None
        self._clock = QTimer(self)
        self._clock.setInterval(TICK)
        self._clock.timeout.connect(self._draft.ticked)
        side.column.try_wanted.connect(self.begin)
        side.column.cancel_wanted.connect(self.cancel)
        side.column.commands_wanted.connect(self.ask_commands)
        side.find_wanted.connect(self.find)
        side.exercised = self.exercised

    @cached_property
    def sheet(self) -> CommandsSheet:
        """The commands that test a copy, made when first needed."""
        sheet = CommandsSheet(self._theme, self._window)
        sheet.given.connect(self._keep_commands)
        self.sheet_made.emit(sheet)
        return sheet

    def ask_commands(self) -> None:
        """Ask for those of the container in view."""
        state = self._selection.current
        if state is not None:
            image = state.container.image
            self.sheet.ask(image, preferences.exercises_of(self._settings, image))

    def _keep_commands(self, image: str, commands: tuple[str, ...]) -> None:
        preferences.remember_exercises(self._settings, image, commands)

    # -- before

    def begin(self) -> None:
        """Try the plan of the container in view as it stands."""
        state, draft, hardening, twins_of = self._selection.current, self._draft, self._hardening, self._twins_of
        if self.busy or state is None or not draft.usable or not draft.choices:
            return
        choices = draft.choices
        self._commands = preferences.exercises_of(self._settings, state.container.image)
        wishes = Wishes(Exercises(self._commands), REPEATS, chosen=choices)

        def make(cancelled: Callable[[], bool]) -> Iterator[SearchEvent | _Over]:
            watcher = None if twins_of is None else twins_of(state)
            for event in hardening.tighten(state, wishes, watcher, cancelled):
                yield _Over(event) if isinstance(event, Tightened) else event

        self._start(state, choices, make)

    def find(self, failed: Plan) -> None:
        """Find what breaks a failed relaunch, once its original runs again; without asking, since nothing is
        changed.
        """
        hardening, state = self._hardening, self._current_state(failed.state)
        if self.busy or state is None:
            return
        made = replace(failed, spec=replace(failed.spec, id=state.container.id))
        self._commands = ()

        def make(cancelled: Callable[[], bool]) -> Iterator[SearchEvent | _Over]:
            for event in hardening.loosen(made, cancelled):
                yield _Over(event) if isinstance(event, Loosened) else event

        if self._selection.key != state.key:
            self._selection.go_to(state.key)
        self._start(state, failed.choices, make)

    def _current_state(self, before: ContainerState) -> ContainerState | None:
        """Return the container as it is now; its owner may have recreated it."""
        snapshot = self._selection.snapshot
        states = () if snapshot is None else snapshot.containers
        same = [each for each in states if each.key == before.key]
        return next(iter(same or [each for each in states if _place(each) == _place(before)]), None)

    def exercised(self, made: Plan) -> tuple[str, ...]:
        """Return the commands that succeeded on a twin of this container with exactly these settings, else none."""
        kept = self._found.get(_place(made.state))
        if kept is None or kept.container != made.state.container.id or set(kept.choices) != set(made.choices):
            return ()
        return kept.commands

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

    def _start(self, state: ContainerState, choices: tuple[Choice, ...], make: Make) -> None:
        self._state, self._trials, self._twins, self._failure = state, [], set(), None
        run = self.begin_run(make, self._last, "trials")
        self._draft.begin_trial(state, choices)
        self._clock.start()
        run.start()

    def _last(self, error: Exception | None) -> _Over:
        """Called on the run's thread."""
        self._failure = None if error is None else Failure(error)
        return _Over(None)

    def tell(self, event: TrialBegun | TrialDone) -> None:
        trial = self._draft.trial
        if isinstance(event, TrialDone):
            self._trials.append(event)
        elif trial is not None:
            self._draft.tell_trial(trial.going_on(event.seconds_left, event.number))

    def cancel(self) -> None:
        """At the next safe point."""
        super().cancel()
        if self.busy and (trial := self._draft.trial) is not None:
            self._draft.tell_trial(replace(trial, cancelling=True))

    def end(self, over: _Over, *, cancelled: bool) -> bool:
        done, state, draft = over.done, self._state, self._draft
        self._clock.stop()
        if done is None or state is None:
            draft.fail_trial(None if cancelled else self._failure or Failure(_no_result()))
        elif isinstance(done, Loosened):
            draft.end_finding(state.key, done, self._trials)
        else:
            self._keep(state, done)
            draft.end_trial(done, self._trials, cancelled=cancelled)
        if not cancelled:
            accessibility.announce(self._window, draft.spoken)
        return False

    def _keep(self, state: ContainerState, done: Tightened) -> None:
        if done.choices:
            self._found.pop(_place(state), None)
            self._found[_place(state)] = _Kept(state.container.id, done.choices, self._commands)
            while len(self._found) > KEPT_MOST:
                del self._found[next(iter(self._found))]

    def end_soon(self) -> bool:
        """Do not wait when asked a second time: the journal has the twin, and the next start removes it."""
        return self.closing or super().end_soon()


def _no_result() -> Exception:
    return MessageError(msg("It was interrupted without a result."))


def _place(state: ContainerState) -> Key:
    """Return a key that stays the same over relaunches."""
    return state.container.engine, state.container.name
