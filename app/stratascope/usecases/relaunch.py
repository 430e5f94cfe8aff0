"""The crash-safe order: one container set aside, another one in its place, or all as it was. Knows no toggle.

Each stage is in the journal before the calls that it names. `roll_back` and `roll_forward` may be run any number of
times, from any stage, by this run or by one after a crash: they look at what is there and do what is missing.

Where several containers are relaunched as one, each stands after all that it needs: they are created and started in
that order, and stopped and removed in the other. Where a writable layer is carried over, the replacement is created
twice: from the original's image while that still runs, which proves the options without downtime, and from the layer's
image once it has stopped, as only then nothing is written any more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from stratascope.core.launch import NAME, ORIGINAL, TRANSACTION, Created, Health, RestartPolicy, Running
from stratascope.core.message import Message, msg
from stratascope.core.ports import NoSuchContainerError, RefusedError, Relauncher
from stratascope.core.relaunch import Journal, Member, Progress, Stage, State, Transaction
from stratascope.core.toggle import Failure
from stratascope.usecases.watching import POLL, Expected, Watcher, last_words
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
        wrote: Callable[[str], bool] | None = None,
    ) -> None:
        """`unchanged`: the create request of an unchanged relaunch, to tell whose warnings the engine's are. `wrote`:
        whether a container, stopped by now, has anything in its writable layer that is its own.
        """
        self.transaction = transaction
        self._port, self._journal = port, journal
        self._cancelled, self._clock = cancelled, clock or Clock()
        self._watcher = Watcher(port, self._clock, cancelled, expected)
        self._unchanged = unchanged
        self._wrote = wrote or (lambda container: bool(port.changes(container)))

    def forward(self, watch: float) -> Iterator[Progress]:
        """All steps up to STARTED and watched. Raises FailedError, EngineError, NoSuchContainerError, JournalError."""
        transaction = self.transaction
        yield from self._step("journal", msg("Write down what is going to happen"), lambda: self._enter(Stage.INTENT))
        if transaction.created:
            yield from self._step("create", msg("Create the replacement beside it"), self._create)
        yield from self._step("stop", msg("Stop the original"), self._stop)
        if any(member.image for member in transaction.members):
            yield from self._step("commit", msg("Carry over what it wrote"), self._commit)
        yield from self._step("rename", msg("Give its name to the replacement"), self._rename)
        yield from self._step("start", msg("Start the replacement"), self._start)
        yield from self._watcher.watch(self.transaction.new, watch)
        if transaction.further:
            words = msg("Look at those that were relaunched with it")
            yield from self._step("watch-further", words, self._watch_further)

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
        created = self._create_all({})
        ignored = self._new_warnings(created)
        if ignored:
            raise FailedError(
                msg("The engine would ignore a part of it. Leave that toggle out."),
                "; ".join(ignored),
                failure=Failure(words="; ".join(ignored)),
            )
        self._enter(Stage.CREATED)

    def _new_warnings(self, created: Created) -> list[str]:
        """What the engine warns of, without what it would say of the original too: that is no fault of a toggle.

        It is asked by creating the original once more, without starting it. The label lets recovery find that one.
        """
        transaction = self.transaction
        warnings = _plain_warnings(created, transaction.new_aside)
        if not warnings or not self._unchanged:
            return warnings
        name = f"{transaction.new_aside}.same"
        same = self._port.create(self._unchanged, name, self._labels(transaction.members[0]))
        self._port.remove(same.id)
        known = _plain_warnings(same, name)
        return [text for text in warnings if text not in known]

    def _labels(self, member: Member) -> dict[str, str]:
        return {TRANSACTION: self.transaction.id, ORIGINAL: member.old, NAME: member.name}

    def _create_all(self, images: Mapping[str, str]) -> Created:
        """A replacement for each, from the images (by the originals' ids) where there are some; gives the main one."""
        made: list[Created] = []
        moved: dict[str, str] = {}
        for place, member in enumerate(self.transaction.members):
            body = self._port.repointed(member.body, moved) if moved else member.body
            if member.old in images:
                body = self._port.with_image(body, images[member.old], member.image)
            made.append(self._port.create(body, member.new_aside, self._labels(member)))
            moved[member.old] = moved[member.name] = made[-1].id
            members = list(self.transaction.members)
            members[place] = replace(member, new=made[-1].id)
            self.transaction = self.transaction.with_members(tuple(members))
        return made[0]

    def _stop(self) -> None:
        self._enter(Stage.HELD)
        members = self.transaction.members
        for member in members:
            if member.restart != NEVER:
                self._port.restart_policy(member.old, NEVER)
        if any(item.was_running and self._port.running(item.old).status != "running" for item in members):
            raise FailedError(msg("It ended by itself meanwhile, so it was left alone."))  # a job would be done twice
        self._enter(Stage.STOPPING)
        for member in reversed(members):
            self._port.stop(member.old, member.stop_timeout)

    def _commit(self) -> None:
        """The stage stays: whoever finds it removes the image, which the journal knows, and what has the label."""
        members = tuple(
            member if member.image and self._wrote(member.old) else replace(member, image="")
            for member in self.transaction.members
        )
        images = {member.old: self._port.commit(member.old, member.image) for member in members if member.image}
        if images:
            for member in reversed(members):
                self._port.remove(member.new)
        self.transaction = self.transaction.with_members(members)
        if images:
            self._create_all(images)

    def _rename(self) -> None:
        self._enter(Stage.STOPPED)
        for member in self.transaction.members:
            self._port.rename(member.old, member.old_aside)
            self._port.rename(member.new, member.name)

    def _start(self) -> None:
        self._enter(Stage.RENAMED)
        for member in self.transaction.members:
            if not self.transaction.created:
                self._port.restart_policy(member.new, member.new_restart)
        for member in self.transaction.members:
            if member.was_running:
                self._port.start(member.new)
        self._enter(Stage.STARTED)

    def _watch_further(self) -> None:
        """They were started with the main one, and nothing about them has changed: that they run is enough."""
        for member in self.transaction.further:
            if not member.was_running:
                continue
            now = self._port.running(member.new)
            if now.status != "running" or now.restarts or now.health is Health.UNHEALTHY:
                why = msg("{name}, which was relaunched with it, does not run as it did.", name=member.name)
                raise FailedError(why, now.error, last_words(self._port, member.new))

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
    olds = [(member, _look(port, member.old)) for member in transaction.members]
    for member, new in reversed(_replacements(port, transaction, LATE if lost else 0.0, clock or Clock())):
        if transaction.created:
            with contextlib.suppress(NoSuchContainerError):
                port.remove(new.id)
        else:
            _set_aside(port, new, member.new_aside, member)
    for member in transaction.members:
        if member.image:
            port.remove_image(member.image)
    taken: NameTakenError | None = None
    for member, old in olds:
        if old is not None and old.name != member.name:
            refused = _renamed(port, old.id, member.name)
            if refused is not None:
                taken = taken or NameTakenError(old.name, refused)
    _bring_back(port, [(member, old) for member, old in olds if old is not None], transaction.stage)
    if taken is not None:
        raise taken
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
    members = [(member, _look(port, member.old), _look(port, member.new)) for member in transaction.members]
    for member, old, _ in reversed(members):
        if old is not None:
            _set_aside(port, old, member.old_aside if old.name == member.name else old.name, member)
    for member, _, new in members:
        if new is not None:
            if new.name != member.name:
                port.rename(new.id, member.name)
            if new.status != "running" and member.was_running:
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
    """Remove what is set aside, and the images that it alone used. Volumes stay. Raises EngineError, JournalError."""
    for member in reversed(transaction.members):
        with contextlib.suppress(NoSuchContainerError):
            port.remove(member.old)
    for member in transaction.members:
        if member.old_image:
            port.remove_image(member.old_image)
    journal.forget(transaction.id)


@contextlib.contextmanager
def held(journal: Journal, transaction: Transaction) -> Iterator[None]:
    """All that it concerns, for oneself alone. Raises BusyError, JournalError."""
    with contextlib.ExitStack() as stack:
        for member in transaction.members:
            for container in filter(None, (member.old, member.new)):
                stack.enter_context(journal.hold(transaction.engine, container))
        yield


def _look(port: Relauncher, container: str) -> Running | None:
    if not container:
        return None
    try:
        return port.running(container)
    except NoSuchContainerError:
        return None


def _replacements(
    port: Relauncher, transaction: Transaction, late: float, clock: Clock
) -> list[tuple[Member, Running]]:
    """By id, and by label where the program died between the engine's answer and the journal; in the order of the
    members, as Podman removes none that others still need.
    """
    creating = transaction.stage is Stage.INTENT or (
        transaction.stage is Stage.STOPPING and any(member.image for member in transaction.members)
    )
    until = clock.now() + (late if creating else 0.0)
    while True:
        labelled = port.labelled(TRANSACTION, transaction.id) if transaction.created else ()
        found: list[tuple[Member, Running]] = []
        for member in transaction.members:
            ours = {item.id: item for item in labelled if dict(item.labels).get(ORIGINAL) == member.old}
            known = _look(port, member.new)
            if known is not None:
                ours[known.id] = known
            found += [(member, item) for item in ours.values()]
        complete = len({member.old for member, _ in found}) == len(transaction.members)
        if not transaction.created or complete or clock.now() >= until:
            return found
        clock.sleep(POLL)


def _bring_back(port: Relauncher, olds: list[tuple[Member, Running]], stage: Stage) -> None:
    """The originals run again as they did, with their restart policies."""
    if stage in (Stage.INTENT, Stage.CREATED):
        return
    runs = {member.old: _runs_on(port, old, member, stage) for member, old in reversed(olds)}
    for member, _ in olds:
        ours = stage is not Stage.HELD or member.restart != NEVER  # else it ended by itself
        if member.was_running and not runs[member.old] and ours:
            port.start(member.old)
    for member, _ in olds:
        if member.restart == NEVER:
            continue
        try:
            port.restart_policy(member.old, member.restart)
        except RefusedError:
            if stage is not Stage.HELD:  # there it was refused too, and is as it was
                raise


def _runs_on(port: Relauncher, old: Running, member: Member, stage: Stage) -> bool:
    if stage is Stage.STOPPING and old.status in _ALIVE:
        # A stop whose answer was lost may be under way, and would end it after we have looked. Ours returns after that
        # one; where it is refused so was the first.
        with contextlib.suppress(RefusedError):
            port.stop(old.id, member.stop_timeout)
            return False
    return old.status == "running"


def _set_aside(port: Relauncher, item: Running, name: str, member: Member) -> None:
    if member.restart != NEVER or member.new_restart != NEVER:
        port.restart_policy(item.id, NEVER)
    if item.status in _ALIVE:
        port.stop(item.id, member.stop_timeout)
    if item.name != name:
        port.rename(item.id, name)
