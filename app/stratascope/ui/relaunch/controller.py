"""Hardening in the window: the column shows the choices, the sheet carries out one relaunch or undo."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal, SignalInstance
from PySide6.QtWidgets import QWidget

from stratascope.core.container import EngineState
from stratascope.core.layer import Layer
from stratascope.core.message import Message, colon, msg, plural
from stratascope.core.relaunch.launch_spec import TwinRecord
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import (
    Progress,
    RelaunchOutcome,
    RelaunchResult,
    Transaction,
    TransactionKind,
)
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import runs
from stratascope.state import preferences
from stratascope.ui.harden.column import HardenColumn
from stratascope.ui.harden.exports import Exports
from stratascope.ui.harden.relaunch_draft import RelaunchDraft
from stratascope.ui.kit.background import Failure, Feed, QueryRunner, SettingsLike, later, reason
from stratascope.ui.kit.long_run import LongRun
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import Theme
from stratascope.ui.relaunch.questions import ClosingQuestion
from stratascope.ui.relaunch.result import Result, shown
from stratascope.ui.relaunch.set_aside import SetAside
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.offers import Offer, Preview
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.relaunch.carry_out import Event
from stratascope.usecases.relaunch.proof import Proved
from stratascope.usecases.relaunch.recovery import Recovered
from stratascope.usecases.relaunch.recovery import Result as RecoveryResult
from stratascope.usecases.relaunch.undo import UndoPlan
from stratascope.value import replace

if TYPE_CHECKING:
    from stratascope.ui.relaunch.dialog import RelaunchDialog


RepairPlan = tuple[Plan, Preview, str]


class Repair(QObject):
    """Plans a relaunch that gives back what was refused. `planned`: an unblocked Plan, its Preview and command.
    `refused`: why not, a Message.
    """

    planned = Signal(object, object, str)
    refused = Signal(object)

    def __init__(self, hardening: Hardening, queries: QueryRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._hardening, self._queries = hardening, queries

    def ask(self, state: ContainerState, choices: tuple[Choice, ...]) -> None:
        """Plan a relaunch with these choices."""
        self._queries.ask("repair", partial(self._plan, state, choices), self._planned, state.container.engine)

    def _plan(self, state: ContainerState, choices: tuple[Choice, ...]) -> RepairPlan:
        made = self._hardening.plan(state, choices)
        preview = self._hardening.preview(made.state, made.choices, made.files)
        # a higher limit also counts as loosening; what has ended can't be changed in place
        live = preview.live and not state.container.status.rests
        return made, replace(preview, live=live, allows=True), self._hardening.command(made)

    def _planned(self, answer: RepairPlan | Failure) -> None:
        if isinstance(answer, Failure):
            self.refused.emit(answer.message)
            return
        made, preview, command = answer
        if made.checked.blocks:
            self.refused.emit(made.checked.blocks[0].sentence)
            return
        self.planned.emit(made, preview, command)


_PUT_RIGHT = (RecoveryResult.FINISHED, RecoveryResult.UNDONE)


class CrashRecovery(QObject):
    """Recovers after a crash. `looked`: it was tried. `mended`: something was repaired. `told` carries a Message, and
    the other side's words.
    """

    looked = Signal()
    mended = Signal()
    told = Signal(object, str)

    def __init__(self, hardening: Hardening, queries: QueryRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._hardening, self._queries = hardening, queries
        self._unmended = False  # something is half done and could not be repaired yet
        self._connected: frozenset[str] = frozenset()

    def recover(self) -> None:
        """Try to recover."""
        self._queries.ask("recover", self._hardening.recover, self._recovered)

    def follow(self, snapshot: Snapshot) -> None:
        """Try again when an engine is back."""
        connected = frozenset(each.id for each in snapshot.engines if each.state is EngineState.CONNECTED)
        if not snapshot.demo and self._unmended and connected - self._connected:
            self.recover()
        self._connected = connected

    def _recovered(self, answer: tuple[Recovered, ...] | Failure) -> None:
        failures = [answer] if isinstance(answer, Failure) else [Failure(each.error) for each in answer if each.error]
        self._unmended = bool(failures)
        self.looked.emit()
        if failures:
            failed = () if isinstance(answer, Failure) else tuple(each.transaction for each in answer if each.error)
            if failed and isinstance(failed[0], TwinRecord):
                text = msg("A copy that was left over from a trial can't be removed yet: {why}",
                           why=failures[0].message)  # fmt: skip
            else:
                text = msg("An interrupted relaunch can't be repaired yet: {why}", why=failures[0].message)
            self.told.emit(text, failures[0].words)
        done = () if isinstance(answer, Failure) else tuple(each for each in answer if each.result in _PUT_RIGHT)
        if not done:
            return
        if not failures:
            names = ", ".join(plain(each.transaction.name, 60) for each in done[:5])
            text = plural(
                "An interrupted relaunch was repaired: {names}.",
                "{count} interrupted relaunches were repaired: {names}.",
                len(done),
                names=names,
            )
            self.told.emit(text, "")
        self.mended.emit()


class Fixes(Protocol):
    """A widget that offers toggles: a list of findings, the page of changes."""

    @property
    def fix_wanted(self) -> SignalInstance:
        """Emits the key of a toggle to switch on."""

    def show_offer(self, offer: Offer | None, on: frozenset[str]) -> None:
        """Show what hardening offers for the container in view, None if unknown, and which toggles are on."""


class Reverts(Fixes, Protocol):
    """A widget that offers to take relaunches back, too: the page of changes."""

    @property
    def undo_wanted(self) -> SignalInstance:
        """Emits the Transaction to undo."""

    def show_kept(self, kept: tuple[Transaction, ...]) -> None:
        """Show what can be undone now, oldest first."""


PATIENCE = 400  # ms until the sheet tells that an undo is being thought through


class RelaunchController(LongRun["RelaunchDialog"]):
    """The column, the sheet and the run. `column_wanted`: focus the column.

    `find_wanted`: find what breaks a failed Plan. `begun`: a relaunch or undo has. `ended`: a Result. `given_up`: a
    Transaction whose way back is gone.
    """

    column_wanted = Signal()
    find_wanted = Signal(object)
    begun = Signal()
    ended = Signal(object)
    given_up = Signal(object)

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        layers: tuple[Layer, ...],
        hardening: Hardening,
        selection: Selection,
        feed: Feed,
        settings: SettingsLike,
        exports: Exports | None = None,
    ) -> None:
        super().__init__(window, theme)
        self._hardening, self._selection, self._feed = hardening, selection, feed
        self._settings = settings
        self.queries = QueryRunner(self)
        # commands that were tried with exactly these settings
        self.exercised: Callable[[Plan], tuple[str, ...]] = lambda plan: ()
        self._plan: Plan | None = None
        self._preview: Preview | None = None
        self._undoing: Transaction | None = None
        self._before: ContainerState | None = None  # what the run replaces
        self._proofs: list[Proved] = []
        self._awaited: Key | None = None  # the container that a run left, until it has been read
        self._led = True  # whether the window has shown it
        self._closing = ClosingQuestion(window, self)
        self._keys: frozenset[Key] = frozenset()
        self._patience = later(self, PATIENCE, lambda: self.dialog.present())  # noqa: PLW0108 - there is none yet
        self.column = HardenColumn(theme, layers, hardening, self.queries, exports)
        self.set_aside = SetAside(window, theme, hardening, self.queries, lambda: selection.key)
        self.recovery = CrashRecovery(hardening, self.queries, self)
        self.repair = Repair(hardening, self.queries, self)
        self._connect()
        self.show_current()
        self.recovery.recover()

    def make_dialog(self) -> RelaunchDialog:
        from stratascope.ui.relaunch.dialog import RelaunchDialog

        dialog = RelaunchDialog(self._theme, self._window)
        dialog.before.usual = lambda: preferences.WATCH.of(self._settings)
        dialog.begun.connect(self._begin)
        dialog.cancelled.connect(self.cancel)
        return dialog

    @property
    def draft(self) -> RelaunchDraft:
        """The plan of the container in view, and its button: card and column show this one."""
        return self.column.draft

    def press_plan(self) -> None:
        """Press the plan's button, wherever it stands."""
        self.draft.press()

    def undo_shown(self) -> None:
        """Undo the relaunch of the container in view, if there was one."""
        done = self.column.kept.done
        if done is not None and done.kind is TransactionKind.HARDEN:
            self.ask_undo(done)

    def take(self, key: Key, choices: tuple[Choice, ...]) -> bool:
        """Switch on exactly these for that container; False if it is gone."""
        if not self._go_to(key) or self._selection.current is None or not runs(self._selection.current):
            return False
        self.column_wanted.emit()
        self.column.take(key, choices)
        return True

    def allow(self, key: Key, choices: tuple[Choice, ...]) -> None:
        """Allow what was refused: ask for a relaunch with just what does so."""
        state = self._selection.current if self._go_to(key) else None
        if state is not None:
            self.repair.ask(state, choices)

    def show_switch(self, key: str, *, turn_on: bool = False) -> None:
        """Focus the row of the plan that makes what that option of the offer does."""
        row = self.draft.row_of(key)
        if turn_on and not (row is not None and self.draft.is_on(row)):
            self.draft.add_option(key)
        self.column_wanted.emit()
        if row is not None:
            self.column.changes.show_row(row.key)

    def join(self, fixes: Fixes) -> None:
        """Connect a widget that offers toggles next to what they fix."""
        fixes.fix_wanted.connect(partial(self.show_switch, turn_on=True))
        self.column.draft.offer_changed.connect(fixes.show_offer)
        self.column.draft.tell_offer()

    def join_changes(self, page: Reverts) -> None:
        """Connect the page of changes, which takes relaunches back, too."""
        self.join(page)
        page.undo_wanted.connect(self.ask_undo)
        self.set_aside.known.connect(page.show_kept)
        page.show_kept(self.set_aside.kept)

    def _connect(self) -> None:
        self.column.wanted.connect(self._relaunch)
        self.repair.planned.connect(self._ask)
        self.repair.refused.connect(self.column.tell_refused)
        self.column.show_wanted.connect(lambda: self.dialog.present())  # noqa: PLW0108 - there is none yet
        self.column.aside_wanted.connect(self.set_aside.show)
        self.column.recover_wanted.connect(self.recovery.recover)
        for place in (self.set_aside, self.column.kept):
            place.undo_wanted.connect(self.ask_undo)
            place.discard_wanted.connect(self.ask_discard)
        for signal in (self.set_aside.gone, self.set_aside.discarded):
            signal.connect(self.given_up)
        self.set_aside.known.connect(self.column.show_kept)
        self.set_aside.changed.connect(self._kept_changed)
        self.set_aside.discarded.connect(self._discarded)
        self.set_aside.refused.connect(self.column.tell_refused)
        self.recovery.looked.connect(self.set_aside.look_up)
        self.recovery.told.connect(self.column.tell)
        self.recovery.mended.connect(self._look_again)
        self._selection.container_changed.connect(self.show_current)
        self._selection.snapshot_changed.connect(self._snapshot)

    # -- contents

    def show_current(self) -> None:
        """Show the toggles of the container in view."""
        snapshot, demo = self._selection.snapshot, None
        if snapshot is not None:
            self._hardening.know(snapshot)
            if snapshot.demo:
                demo = msg("This was recorded elsewhere: nothing here can be relaunched. Use a container of your own.")
        if self._replaces_shown():
            return  # the plan that is being carried out stays in view; what comes after it is not asked for yet
        self.column.show_state(self._selection.current, self._why_not(), demo)

    def _replaces_shown(self) -> bool:
        """Whether what is chosen now is the replacement, not proved yet, of the container whose plan is shown."""
        draft, now = self.column.draft, self._selection.current
        before = self._before if draft.running else None
        if before is None or now is None or draft.state is None or draft.state.key != before.key:
            return False
        same = (now.container.engine, now.container.name) == (before.container.engine, before.container.name)
        return same and now.key != before.key

    def _why_not(self) -> Message | None:
        engine = self._selection.engine
        away = engine is not None and engine.state is not EngineState.CONNECTED
        return msg("Its engine does not answer now.") if away else None

    def _kept_changed(self) -> None:
        if not self.busy:
            self.column.draft.ask_again()

    def _snapshot(self, snapshot: Snapshot) -> None:
        keys = frozenset(state.key for state in snapshot.containers)
        if keys != self._keys:  # the user may have set one aside, or discarded it
            self._keys = keys
            self.set_aside.look_up()
        self.recovery.follow(snapshot)
        if self._awaited is not None:
            self._lead_to(self._awaited, snapshot)

    def _lead_to(self, key: Key, snapshot: Snapshot) -> None:
        """Bring the container that a run left into view, once."""
        found = next((state for state in snapshot.containers if state.key == key), None)
        if found is None:
            return
        if not self._led:
            self._led = True
            self._go_to(key)
        if found.matrix is not None:
            self._awaited = None

    def _go_to(self, key: Key) -> bool:
        """Bring that container into view; False if that is impossible."""
        if self._selection.key != key:
            self._selection.go_to(key)
        return self._selection.key == key

    def _look_again(self) -> None:
        """Plan again: what blocked it may be gone."""
        self.column.draft.ask_again()
        self._feed.refresh()

    # -- relaunch and undo

    def _relaunch(self, plan: Plan, preview: Preview, command: str) -> None:
        """What it does stands in the plan's foot, so nothing is asked."""
        if not self.busy:
            self._plan, self._preview, self._undoing = plan, preview, None
            self.dialog.name_run(plan, preview)
            self._begin(preferences.WATCH.of(self._settings))

    def _ask(self, plan: Plan, preview: Preview, command: str) -> None:
        if not self.busy:
            self._plan, self._preview, self._undoing = plan, preview, None
            self.dialog.ask(plan, preview, command)

    def ask_undo(self, done: Transaction) -> None:
        """Undo it. The sheet asks first if anything would stay behind, stands in the way, or takes long to find out."""
        if self.busy:
            self.dialog.present()
            return
        self.set_aside.hide()
        self._plan, self._preview, self._undoing = None, None, done
        self.dialog.ask_undo(done)
        self._patience.start()
        asking, told = partial(self._hardening.undo_plan, done), partial(self._undo_planned, done)
        self.queries.ask("undo-plan", asking, told, done.engine)

    def _undo_planned(self, done: Transaction, answer: UndoPlan | Failure) -> None:
        self._patience.stop()
        if self.busy or self._undoing is not done:
            return
        self.dialog.show_undo_plan(done, answer)
        plain_undo = isinstance(answer, UndoPlan) and answer == UndoPlan(())
        if plain_undo and not self.dialog.isVisible():
            self._begin(self.dialog.before.usual())
        elif not self.dialog.isVisible():
            self.dialog.present()

    def _begin(self, watch: float) -> None:
        if self.busy:
            return
        plan, undoing, hardening = self._plan, self._undoing, self._hardening
        exercised = () if plan is None else self.exercised(plan)
        self._before = plan.state if plan is not None else None if undoing is None else self._replaced(undoing)
        self._proofs = []

        def make(cancelled: Callable[[], bool]) -> Iterator[Event]:
            if undoing is not None:
                return hardening.undo(undoing, watch, cancelled)
            return iter(()) if plan is None else hardening.run(plan, watch, cancelled, exercised=exercised)

        self._awaited = None
        run = self.begin_run(make, _over, "relaunch")
        self.dialog.begin()
        if not self.dialog.isVisible() and not self.column.isVisible():  # else nothing tells of it
            self.dialog.present()
        self.column.draft.show_running(self.dialog.title.text(), undoes=undoing is not None)
        run.start()
        self.begun.emit()

    def tell(self, event: Progress | Proved) -> None:
        self.dialog.tell(event)
        if isinstance(event, Proved):
            self._proofs.append(event)
        else:
            text = colon(self.dialog.name, event.message)
            self.column.draft.show_running(plain(translate(text)), event.step, undoes=self._undoing is not None)

    def end(self, ended: RelaunchResult, *, cancelled: bool) -> bool:
        self._closing.drop()
        self.set_aside.drop_question()
        before, done = None if self._plan is None else self._plan.state, ended.transaction
        good = ended.ending.stays
        if done is not None:
            not_undone = ended.ending is RelaunchOutcome.REFUSED and self._undoing is not None
            self._awaited = (done.engine, done.new if (good or not_undone) and done.new else done.old)
        elif before is not None:
            self._awaited = before.key
        if good and before is not None and self._awaited is not None:
            self.column.draft.carry_over(before.key, self._awaited)
        if good and self._undoing is not None:
            self.set_aside.forget(self._undoing)
        self._led = False
        self.dialog.end(ended)
        result = self._awaited is not None and shown(ended)
        if self._awaited is not None and shown(ended):
            was = None if self._before is None else self._before.judged.matrix
            proofs = tuple(self._proofs)
            self.ended.emit(Result(self._awaited, ended, self.dialog.run_kind, time.time(), self._before, was,
                                   self._preview, proofs))  # fmt: skip
            self.dialog.hide()
        self.set_aside.look_up()
        self.column.draft.show_running("")
        self.show_current()
        self._feed.refresh()
        return not result

    def _replaced(self, undoing: Transaction) -> ContainerState | None:
        snapshot, key = self._selection.snapshot, (undoing.engine, undoing.new)
        return None if snapshot is None else next((each for each in snapshot.containers if each.key == key), None)

    def try_without(self, key: Key, name: str) -> None:
        """Switch off what was probably to blame; the user checks the rest and tries again."""
        self.column.draft.leave_out(key, name)
        if self._go_to(key):
            self.column_wanted.emit()

    def find(self) -> None:
        """Find what breaks the last plan."""
        if self._plan is not None and not self.busy:
            self.find_wanted.emit(self._plan)

    def show_details(self) -> None:
        """Show what the sheet has on the last run."""
        self.dialog.present()

    def give(self, state: ContainerState, choices: tuple[Choice, ...]) -> None:
        """Ask for a relaunch with just what these give."""
        self.repair.ask(state, choices)

    def keep_tested(self, done: Transaction) -> None:
        """A person tried the replacement, and it works."""
        keeping = partial(self._hardening.tested, done, works=True)
        self.queries.ask("tested", keeping, self._kept_tested, done.engine)

    def _kept_tested(self, answer: object) -> None:
        if isinstance(answer, Failure):
            self.column.tell(answer.message, answer.words)

    def ask_discard(self, done: Transaction) -> None:
        """Ask before deleting, over the widget that wants it."""
        sheets = [each for each in (self.set_aside.shown, self._dialog) if each is not None and each.isVisible()]
        self.set_aside.ask_discard(done, sheets[0] if sheets else self._window)

    def _discarded(self, done: Transaction) -> None:
        self.column.take_back_refusal()
        for member in done.members if done.owner is None else ():
            self._selection.give_way((done.engine, member.old), (done.engine, member.new))
        self._look_again()

    # -- closing the window

    def end_or_wait(self) -> bool:
        done = super().end_or_wait()
        if done:
            self.queries.end()
            self.set_aside.hide()
        return done

    def end_soon(self) -> bool:
        if self.dialog.limits:  # done in a moment, with nothing to roll back
            self.closing = True
        else:
            self._closing.ask(self.dialog.name)
        return False


def _over(error: Exception | None) -> RelaunchResult:
    if error is None:
        text = msg("It was interrupted without a result. See Kept originals for what remains to be done.")
        return RelaunchResult(RelaunchOutcome.REFUSED, None, text)
    return RelaunchResult(RelaunchOutcome.REFUSED, None, *reason(error))
