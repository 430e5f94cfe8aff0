"""Hardening in the window: has the right column put there, and carries relaunches through.

It is built on top of a finished window and takes part by signals and an event filter, so that without hardening the
window has no trace of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QMessageBox

from stratascope.core.container import EngineState
from stratascope.core.layer import Layer
from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.transaction import Damaged, Ended, Ending, Progress, Transaction
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.state import preferences
from stratascope.ui.guide import topics
from stratascope.ui.harden.column import HardenColumn
from stratascope.ui.harden.command_box import Exports
from stratascope.ui.harden.docking import HardenDock
from stratascope.ui.harden.worker import Failure, QueryRunner, RelaunchRun
from stratascope.ui.relaunch.dialog import RelaunchDialog
from stratascope.ui.relaunch.set_aside_dialog import SetAsideDialog, ask_discard
from stratascope.ui.widgets.theme import Theme
from stratascope.usecases.hardening import Aside, Hardening
from stratascope.usecases.plan.offers import Preview
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.undo_plan import UndoPlan
from stratascope.usecases.relaunch.carry_out import Event
from stratascope.usecases.relaunch.recovery import Mended, Result
from stratascope.usecases.relaunch.verification import Proved

if TYPE_CHECKING:
    from stratascope.ui.window.main_window import MainWindow

_KEYS = "Ctrl+H"
_PUT_RIGHT = (Result.FINISHED, Result.UNDONE)


class RelaunchController(QObject):
    """Column, sheets and the one run that may be under way."""

    def __init__(
        self,
        window: MainWindow,
        theme: Theme,
        layers: tuple[Layer, ...],
        hardening: Hardening,
        exports: Exports | None = None,
    ) -> None:
        super().__init__(window)
        self._window, self._theme, self._hardening = window, theme, hardening
        titles = {layer.number: translate(layer.about.title) for layer in layers}
        self.queries = QueryRunner(self)
        self.run: RelaunchRun | None = None
        self.kept: tuple[Transaction, ...] = ()  # what is set aside, as far as known
        self._plan: Plan | None = None
        self._preview: Preview | None = None
        self._undoing: Transaction | None = None
        self._awaited: tuple[str, str] | None = None  # the container that a run left, until it has been read
        self._led = True  # whether the window has gone there
        self._question: QMessageBox | None = None
        self._to_discard: Transaction | None = None  # what the question is about
        self._closing = False
        self._unmended = False  # something is left half done that could not be put right yet
        self.column = HardenColumn(theme, layers, hardening, self.queries, exports)
        self.sheet = RelaunchDialog(theme, titles, window)
        self.sheet.before.usual = lambda: preferences.WATCH.of(window.settings)
        self.aside = SetAsideDialog(theme, window)
        self.place = HardenDock(window, theme, self.column)
        self._action(msg("Harden…"), _KEYS, self.place.to_column)
        self._action(msg("Set aside…"), "", self.show_aside)
        self.column.wanted.connect(self._ask)
        self.column.show_wanted.connect(self.sheet.present)
        self.column.aside_wanted.connect(self.show_aside)
        self.column.recover_wanted.connect(self.recover)
        self.sheet.begun.connect(self._begin)
        self.sheet.cancelled.connect(self.cancel)
        self.sheet.after.leave_out_wanted.connect(self._leave_out)
        for place in (self.sheet, self.aside, self.column.kept):
            place.undo_wanted.connect(self.ask_undo)
            place.discard_wanted.connect(self.ask_discard)
        window.column.view.chosen.connect(lambda _: self.show_current())
        window.feed.snapshot.connect(self._snapshot)
        window.clock.timeout.connect(self._look_up)  # the command line changes it too
        window.installEventFilter(self)
        for part, chapter in (
            (self.column, topics.HARDENING),
            (self.sheet, topics.RELAUNCH),
            (self.aside, topics.ASIDE),
        ):
            window.actions_.guide.serve(part, chapter)
        self.show_current()
        self._connected: frozenset[str] = frozenset()
        self._keys: frozenset[tuple[str, str]] = frozenset()
        self.recover()

    def _action(self, text: Message, keys: str, call: Callable[[], None]) -> None:
        action = QAction(translate(text), self._window)
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _=False: call())
        self._window.addAction(action)
        menu = self._window.actions_.menu
        before = next((each for each in menu.actions() if each.isSeparator()), None)
        if before is None:
            menu.addAction(action)
        else:
            menu.insertAction(before, action)

    # -- what is shown

    def show_current(self) -> None:
        """The selected container's toggles."""
        state, snapshot = self._window.current, self._window.snapshot
        why = self._why_not(state, snapshot)
        self.place.button.setEnabled(state is not None)
        demo = None
        if snapshot is not None:
            self._hardening.know(snapshot)
            if snapshot.demo:
                demo = msg("This is the demo: nothing here can be relaunched. It needs a container of your own.")
        self.column.show_state(state, why, demo)

    def _why_not(self, state: ContainerState | None, snapshot: Snapshot | None) -> Message | None:
        if state is None or snapshot is None:
            return None
        if snapshot.demo:
            return None
        engine = next((each for each in snapshot.engines if each.id == state.container.engine), None)
        if engine is not None and engine.state is not EngineState.CONNECTED:
            return msg("Its engine does not answer now.")
        return None

    def recover(self) -> None:
        """What a crash left half done is put right, at the start and whenever an engine comes back."""
        self.queries.ask("recover", self._hardening.recover, self._recovered)

    def _look_up(self) -> None:
        self.queries.ask("kept", self._hardening.kept, self._kept_known)

    def _kept_known(self, answer: tuple[Transaction, ...] | Failure) -> None:
        if isinstance(answer, Failure):
            return
        before, self.kept = self.kept, answer
        self.column.show_kept(answer)
        if answer == before:
            return
        left = {each.id for each in answer}
        for gone in (each for each in before if each.id not in left):
            self.sheet.after.forget(gone)
            if self._question is not None and self._to_discard is not None and self._to_discard.id == gone.id:
                self._question.done(0)
        if self.aside.isVisible():
            self._ask_aside()
        if not self.busy:
            self.column.look_again()

    def _snapshot(self, snapshot: Snapshot) -> None:
        self.show_current()
        keys = frozenset(state.key for state in snapshot.containers)
        if keys != self._keys:  # somebody may have set one aside, or discarded it
            self._keys = keys
            self._look_up()
        connected = frozenset(each.id for each in snapshot.engines if each.state is EngineState.CONNECTED)
        if not snapshot.demo and self._unmended and connected - self._connected:
            self.recover()
        self._connected = connected
        if self._awaited is not None:
            self._lead_to(self._awaited, snapshot)

    def _lead_to(self, key: tuple[str, str], snapshot: Snapshot) -> None:
        """The window goes to what a run left, once; how it is now stands in the result as soon as it was read."""
        found = next((state for state in snapshot.containers if state.key == key), None)
        if found is None:
            return
        if not self._led:
            self._led = True
            self._go_to(key)
        self.sheet.after.show_after(found)
        if found.matrix is not None:
            self._awaited = None

    def _go_to(self, key: tuple[str, str]) -> bool:
        """Whether that container is in view now."""
        if self._window.current is None or self._window.current.key != key:
            self._window.go_to(key)
        return self._window.current is not None and self._window.current.key == key

    def _recovered(self, answer: tuple[Mended, ...] | Failure) -> None:
        failures = [answer] if isinstance(answer, Failure) else [Failure(each.error) for each in answer if each.error]
        self._unmended = bool(failures)
        self._look_up()
        if failures:
            text = msg("A relaunch that was broken off can't be put right yet: {why}", why=failures[0].message)
            self.column.tell(text, failures[0].words)
        done = () if isinstance(answer, Failure) else tuple(each for each in answer if each.result in _PUT_RIGHT)
        if not done:
            return
        if not failures:
            names = ", ".join(plain(each.transaction.name, 60) for each in done[:5])
            text = plural(
                "A relaunch that was broken off was put right: {names}.",
                "{count} relaunches that were broken off were put right: {names}.",
                len(done),
                names=names,
            )
            self.column.tell(text)
        self.column.look_again()
        self._window.refresh()

    # -- a relaunch, an undo

    def _ask(self, plan: Plan) -> None:
        if self.column.preview is not None and not self.busy:
            self._plan, self._preview, self._undoing = plan, self.column.preview, None
            self.sheet.ask(plan, self._preview, self.column.command.text)

    def ask_undo(self, done: Transaction) -> None:
        """The sheet before an undo."""
        if self.busy:
            self.sheet.present()
            return
        self.aside.hide()
        self._plan, self._preview, self._undoing = None, None, done
        self.sheet.ask_undo(done)
        self.queries.ask(
            "undo-plan", partial(self._hardening.undo_plan, done), partial(self._undo_planned, done), done.engine
        )

    def _undo_planned(self, done: Transaction, answer: UndoPlan | Failure) -> None:
        if not self.busy and self._undoing is done:
            self.sheet.show_undo_plan(done, answer)

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self.run is not None

    def _begin(self, watch: float) -> None:
        if self.busy:
            return
        plan, undoing, hardening = self._plan, self._undoing, self._hardening

        def make(cancelled: Callable[[], bool]) -> Iterator[Event]:
            if undoing is not None:
                return hardening.undo(undoing, watch, cancelled)
            if plan is None:
                return iter(())
            return hardening.run(plan, watch, cancelled)

        self._awaited = None
        self.run = RelaunchRun(make, self)
        self.run.told.connect(self._told)
        self.run.over.connect(self._over)
        self.sheet.begin()
        self.column.show_running(self.sheet.title.text())
        self.run.start()

    def cancel(self) -> None:
        """Roll back at the next safe place."""
        if self.run is not None:
            self.run.cancel()
            self.sheet.tell_cancelling()

    def _told(self, event: Progress | Proved) -> None:
        self.sheet.tell(event)
        if isinstance(event, Progress):
            text = msg("{name}: {step}", name=self.sheet.name, step=event.message)
            self.column.show_running(plain(translate(text)))

    def _over(self, ended: Ended) -> None:
        self.run = None
        if self._question is not None:
            self._question.done(0)
        before = None if self._plan is None else self._plan.state
        done = ended.transaction
        good = ended.ending in (Ending.VERIFIED, Ending.KEPT, Ending.LIMITED)
        if done is not None:
            not_undone = ended.ending is Ending.REFUSED and self._undoing is not None
            self._awaited = (done.engine, done.new if (good or not_undone) and done.new else done.old)
        elif before is not None:
            self._awaited = before.key
        self._led = False
        self.sheet.end(ended, before, self._preview)
        if not self._closing and not self.sheet.isVisible():
            self.sheet.present()  # hidden on the way: nothing else tells how it ended
        self._look_up()
        self.column.show_running("")
        self._window.refresh()
        if self._closing:
            self._window.close()

    def _leave_out(self, name: str) -> None:
        """What was probably to blame is switched off; the person looks at the rest and tries again."""
        self.sheet.hide()
        if self._plan is None:
            return
        key = self._plan.state.key
        there = self._go_to(key)
        self.column.leave_out(key, name)
        if there:
            self.place.to_column()

    # -- what is set aside

    def show_aside(self) -> None:
        """The list."""
        self.aside.open_waiting()
        self._ask_aside()

    def _ask_aside(self) -> None:
        self.queries.ask("aside", self._hardening.aside, self._aside)

    def _aside(self, answer: tuple[Aside | Damaged, ...] | Failure) -> None:
        if isinstance(answer, Failure):
            self.aside.tell_failed(translate(answer.message))
        else:
            self.aside.show_aside(answer)

    def ask_discard(self, done: Transaction) -> None:
        """Deleting asks first."""
        places = (place for place in (self.aside, self.sheet) if place.isVisible())
        parent = next(places, self._window)
        box = ask_discard(parent, done)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.buttonClicked.connect(lambda button: self._discard(done) if button.objectName() == "discard" else None)
        self._question, self._to_discard = box, done
        box.finished.connect(self._answered)
        box.open()

    def _answered(self, _: int) -> None:
        self._question = self._to_discard = None

    def _discard(self, done: Transaction) -> None:
        discard, then = partial(self._hardening.discard, done), partial(self._discarded, done)
        self.queries.ask(f"discard {done.id}", discard, then, done.engine)

    def _discarded(self, done: Transaction, answer: Failure | None) -> None:
        if isinstance(answer, Failure):
            told = translate(msg("It could not be discarded: {why}", why=answer.message))
            if answer.words:
                told = translate(msg("{sentence} {words}", sentence=told, words=answer.words))
            self.column.tell(msg("{text}", text=told))
            if self.aside.isVisible():
                self.aside.tell_failed(told)
            return
        self.sheet.after.forget(done)
        self._look_up()
        self._window.refresh()
        self.column.look_again()
        if self.aside.isVisible():
            self._ask_aside()

    # -- the window's end

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._window:
            if event.type() is QEvent.Type.Resize:
                self.place.adapt()
            elif event.type() is QEvent.Type.Close:
                if self.busy:
                    event.ignore()
                    self._ask_close()
                    return True
                self._end()
            elif isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape and self.place.drawer.isVisible():
                self.place.turn_drawer()
                return True
        return super().eventFilter(watched, event)

    def _ask_close(self) -> None:
        """Once: ask. Twice (or by a signal again): roll back and go."""
        if self._question is not None:
            self._close_after()
            return
        if self.sheet.limits:  # done in a moment, and nothing to roll back
            self._closing = True
            return
        box = QMessageBox(self._window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(translate(msg("A relaunch is under way")))
        box.setText(translate(msg("{name} is being relaunched. Roll back and close?", name=self.sheet.name)))
        box.setInformativeText(translate(msg("The window closes as soon as the original runs again.")))
        back = box.addButton(translate(msg("Roll back and close")), QMessageBox.ButtonRole.AcceptRole)
        back.setObjectName("roll-back")
        stay = box.addButton(translate(msg("Keep going")), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        box.buttonClicked.connect(lambda button: self._close_after() if button.objectName() == "roll-back" else None)
        box.finished.connect(self._answered)
        self._question = box
        box.open()

    def _close_after(self) -> None:
        self._closing = True
        self.cancel()

    def _end(self) -> None:
        self.place.remember()
        self.queries.end()
        self.sheet.hide()
        self.aside.hide()
