"""The crash-safe order: one container set aside, another one in its place, or all as it was. Knows no toggle.

Each stage is in the journal before the calls that it names. `roll_back` and `roll_forward` may be run any number of
times, from any stage, by this run or by one after a crash: they look at what is there and do what is missing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from stratascope.core.launch import NAME, ORIGINAL, TRANSACTION, Created, RestartPolicy, Running
from stratascope.core.message import Message, msg
from stratascope.core.ports import NoSuchContainerError, RefusedError, Relauncher
from stratascope.core.relaunch import Journal, Progress, Stage, State, Transaction
from stratascope.core.toggle import Failure
from stratascope.usecases.watching import POLL, Expected, Watcher
from stratascope.usecases.watching import Clock as Clock
from stratascope.usecases.watching import FailedError as FailedError

NEVER = RestartPolicy()
_ALIVE = ("running", "stopping", "restarting")
LATE = 2.0  # seconds that a create whose answer was lost is waited for


class NameTakenError(RefusedError):
    """The original runs again, but not under its name. The journal keeps the rest of the way back."""

    def __init__(self, name: str, error: RefusedError) -> None:
        text = msg("Another container took its name meanwhile, so the original runs as {name}. "
                   "Free the name, then run stratascope recover.", name=name)  # fmt: skip
        super().__init__(error.state, text, error.words)


class Exchange:
    """Carries one transaction through; `transaction` is as the journal has it."""

    def __init__(
        self,
        port: Relauncher,
        journal: Journal,
        transaction: Transaction,
        cancelled: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
        expected: Expected | None = None,
        unchanged: str = "",
    ) -> None:
        """`unchanged`: the create request of an unchanged relaunch, to tell whose warnings the engine's are."""
        self.transaction = transaction
        self._port, self._journal = port, journal
        self._cancelled, self._clock = cancelled, clock or Clock()
        self._watcher = Watcher(port, self._clock, cancelled, expected)
        self._unchanged = unchanged

    def forward(self, watch: float) -> Iterator[Progress]:
        """All steps up to STARTED and watched. Raises FailedError, EngineError, NoSuchContainerError, JournalError."""
        transaction = self.transaction
        yield from self._step("journal", msg("Write down what is going to happen"), lambda: self._enter(Stage.INTENT))
        if transaction.created:
            yield from self._step("create", msg("Create the replacement beside it"), self._create)
        yield from self._step("stop", msg("Stop the original"), self._stop)
        yield from self._step("rename", msg("Give its name to the replacement"), self._rename)
        yield from self._step("start", msg("Start the replacement"), self._start)
        yield from self._watcher.watch(self.transaction.new, watch)

    def verified(self) -> None:
        """It is to stay: from here on there is no way but forward. Raises FailedError, JournalError."""
        self._enter(Stage.VERIFIED)

    def finish(self) -> Transaction:
        """What is left after that; `recover` does the same. Raises EngineError, NoSuchContainerError, JournalError."""
        self.transaction = roll_forward(self._port, self._journal, self.transaction)
        return self.transaction

    def _enter(self, stage: Stage) -> None:
        if self._cancelled():
            raise FailedError(msg("Cancelled."))
        self.transaction = replace(self.transaction, stage=stage)
        self._journal.write(self.transaction)

    def _create(self) -> None:
        transaction = self.transaction
        labels = {TRANSACTION: transaction.id, ORIGINAL: transaction.old, NAME: transaction.name}
        created = self._port.create(transaction.body, transaction.new_aside, labels)
        self.transaction = replace(transaction, new=created.id)
        ignored = self._new_warnings(created, labels)
        if ignored:
            raise FailedError(
                msg("The engine would ignore a part of it. Leave that toggle out."),
                "; ".join(ignored),
                failure=Failure(words="; ".join(ignored)),
            )
        self._enter(Stage.CREATED)

    def _new_warnings(self, created: Created, labels: dict[str, str]) -> list[str]:
        """What the engine warns of, without what it would say of the original too: that is no fault of a toggle.

        It is asked by creating the original once more, without starting it. The label lets recovery find that one.
        """
        transaction = self.transaction
        warnings = _plain_warnings(created, transaction.new_aside)
        if not warnings or not self._unchanged:
            return warnings
        name = f"{transaction.new_aside}.same"
        same = self._port.create(self._unchanged, name, labels)
        self._port.remove(same.id)
        known = _plain_warnings(same, name)
        return [text for text in warnings if text not in known]

    def _stop(self) -> None:
        self._enter(Stage.HELD)
        if self.transaction.restart != NEVER:
            self._port.restart_policy(self.transaction.old, NEVER)
        if self._port.running(self.transaction.old).status != "running":
            raise FailedError(msg("It ended by itself meanwhile, so it was left alone."))  # a job would be done twice
        self._enter(Stage.STOPPING)
        self._port.stop(self.transaction.old, self.transaction.stop_timeout)

    def _rename(self) -> None:
        self._enter(Stage.STOPPED)
        self._port.rename(self.transaction.old, self.transaction.old_aside)
        self._port.rename(self.transaction.new, self.transaction.name)

    def _start(self) -> None:
        self._enter(Stage.RENAMED)
        if not self.transaction.created:
            self._port.restart_policy(self.transaction.new, self.transaction.new_restart)
        self._port.start(self.transaction.new)
        self._enter(Stage.STARTED)

    def _step(self, name: str, message: Message, action: Callable[[], None]) -> Iterator[Progress]:
        begun = self._clock.now()
        yield Progress(name, State.BEGUN, 0.0, message)
        action()
        yield Progress(name, State.DONE, self._clock.now() - begun, message)


def _plain_warnings(created: Created, name: str) -> list[str]:
    """Without what differs between two of a kind."""
    found = []
    for text in filter(None, created.warnings):
        found.append(text.replace(created.id, "…").replace(created.id[:12], "…").replace(name, "…"))
    return found


def roll_back(
    port: Relauncher, journal: Journal, transaction: Transaction, *, lost: bool = False, clock: Clock | None = None
) -> None:
    """All as it was before. Raises EngineError where the engine can't be asked: try again later, nothing is lost.

    `lost`: the answer to the last call may be lost, so that a create may still be under way.
    """
    old = _look(port, transaction.old)
    for new in _replacements(port, transaction, LATE if lost else 0.0, clock or Clock()):
        if transaction.created:
            with contextlib.suppress(NoSuchContainerError):
                port.remove(new.id)
        else:
            _set_aside(port, new, transaction.new_aside, transaction)
    if old is not None:
        taken = None if old.name == transaction.name else _renamed(port, old.id, transaction.name)
        _bring_back(port, old, transaction)
        if taken is not None:
            raise NameTakenError(old.name, taken)
    journal.forget(transaction.id)


def _renamed(port: Relauncher, container: str, name: str) -> RefusedError | None:
    """The refusal where somebody took the name meanwhile: to run matters more than to be called right."""
    try:
        port.rename(container, name)
    except RefusedError as error:
        return error
    return None


def roll_forward(port: Relauncher, journal: Journal, transaction: Transaction) -> Transaction:
    """The replacement stays; the original is set aside and does not start by itself."""
    old, new = _look(port, transaction.old), _look(port, transaction.new)
    if old is not None:
        aside = transaction.old_aside if old.name == transaction.name else old.name
        _set_aside(port, old, aside, transaction)
    if new is not None:
        if new.name != transaction.name:
            port.rename(new.id, transaction.name)
        if new.status != "running" and transaction.was_running:
            port.start(new.id)
    for item in journal.all():  # before DONE: of the two, one at most may be listed as set aside
        if isinstance(item, Transaction) and (item.old, item.new) == (transaction.new, transaction.old):
            journal.forget(item.id)
    done = replace(transaction, stage=Stage.DONE)
    journal.write(done)
    return done


def recover(port: Relauncher, journal: Journal, transaction: Transaction, clock: Clock | None = None) -> bool:
    """What a crash left half done is finished (True) or undone (False). DONE is left alone (True).

    Raises EngineError, JournalError.
    """
    if transaction.stage is Stage.DONE:
        return True
    if transaction.stage is Stage.VERIFIED and _look(port, transaction.new) is not None:
        roll_forward(port, journal, transaction)
        return True
    roll_back(port, journal, transaction, lost=True, clock=clock)
    return False


def discard(port: Relauncher, journal: Journal, transaction: Transaction) -> None:
    """Remove what is set aside. Its volumes stay. Raises EngineError, JournalError."""
    with contextlib.suppress(NoSuchContainerError):
        port.remove(transaction.old)
    journal.forget(transaction.id)


def _look(port: Relauncher, container: str) -> Running | None:
    if not container:
        return None
    try:
        return port.running(container)
    except NoSuchContainerError:
        return None


def _replacements(port: Relauncher, transaction: Transaction, late: float, clock: Clock) -> tuple[Running, ...]:
    """By id, and by label where the program died between the engine's answer and the journal."""
    found = {}
    known = _look(port, transaction.new)
    if known is not None:
        found[known.id] = known
    until = clock.now() + (late if transaction.created and transaction.stage is Stage.INTENT else 0.0)
    while transaction.created:
        for item in port.labelled(TRANSACTION, transaction.id):
            found[item.id] = item
        if found or clock.now() >= until:
            break
        clock.sleep(POLL)
    return tuple(found.values())


def _bring_back(port: Relauncher, old: Running, transaction: Transaction) -> None:
    """The original runs again as it did, with its restart policy."""
    if transaction.stage in (Stage.INTENT, Stage.CREATED):
        return
    runs = old.status == "running"
    if transaction.stage is Stage.STOPPING and old.status in _ALIVE:
        # A stop whose answer was lost may be under way, and would end it after we have looked. Ours returns after that
        # one; where it is refused so was the first.
        with contextlib.suppress(RefusedError):
            port.stop(old.id, transaction.stop_timeout)
            runs = False
    ours = transaction.stage is not Stage.HELD or transaction.restart != NEVER  # else it ended by itself
    if transaction.was_running and not runs and ours:
        port.start(old.id)
    if transaction.restart != NEVER:
        try:
            port.restart_policy(old.id, transaction.restart)
        except RefusedError:
            if transaction.stage is not Stage.HELD:  # there it was refused too, and is as it was
                raise


def _set_aside(port: Relauncher, item: Running, name: str, transaction: Transaction) -> None:
    if transaction.restart != NEVER or transaction.new_restart != NEVER:
        port.restart_policy(item.id, NEVER)
    if item.status in _ALIVE:
        port.stop(item.id, transaction.stop_timeout)
    if item.name != name:
        port.rename(item.id, name)
