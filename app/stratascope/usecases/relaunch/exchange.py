"""Exchanges containers in a crash-safe order: one is set aside and another takes its place, or all is as it was. Knows
no toggle.

Each stage is written to the journal before the calls that it names; `rollback` can revert every stage.

If several containers are relaunched as one, each comes after everything it needs: they are created and started in that
order, and stopped and removed in reverse. If a writable layer is carried over, the replacement is created twice: from
the original's image while that still runs, which proves the options without downtime, and from the layer's image after
it has stopped, as only then nothing is written any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import NoReturn

from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError, Relauncher
from stratascope.core.relaunch.evidence import Clock, Expected, Failure
from stratascope.core.relaunch.file_owners import VolumeChange
from stratascope.core.relaunch.launch_spec import (
    FIRST,
    NAME,
    ORIGINAL,
    PLACE,
    RESTART,
    TRANSACTION,
    Created,
    FileChange,
    claim,
    filling_image,
    guard,
    policy_text,
)
from stratascope.core.relaunch.transaction import (
    ClaimedError,
    Journal,
    JournalError,
    Member,
    Progress,
    RelaunchOutcome,
    RelaunchResult,
    Stage,
    State,
    Transaction,
    TransactionKind,
)
from stratascope.layers.namespaces.written import some
from stratascope.layers.shared.host_paths import within
from stratascope.usecases.relaunch.carried import lost_in_image, lost_in_volume
from stratascope.usecases.relaunch.carry_out import finished, in_words, joined, timed
from stratascope.usecases.relaunch.known import as_it_ran
from stratascope.usecases.relaunch.rollback import (
    NEVER,
    NameTakenError,
    all_that_is_left,
    change_owners,
    held,
    roll_back,
    roll_forward,
)
from stratascope.usecases.relaunch.watch import FailedError, Watcher, WroteLateError, go_on
from stratascope.value import replace


class Exchange:
    """A `carry_out.Recreation` by the engine's own calls; `transaction` is as in the journal."""

    def __init__(
        self,
        port: Relauncher,
        journal: Journal,
        transaction: Transaction,
        cancelled: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
        expected: Expected | None = None,
        unchanged: str = "",
        wrote: Callable[[str], Sequence[FileChange]] | None = None,
        *,
        loses: Callable[[Member], Message | None] = lambda member: None,
        stale: Callable[[], Message | None] = lambda: None,
        hand_over: tuple[VolumeChange, ...] = (),
    ) -> None:
        """`unchanged`: the create request of an unchanged relaunch, to find out which warnings are not new.

        `stale`: why it is no longer what was planned; raises EngineError. `hand_over`: volumes of the main container
        whose files change owner. For a stopped container, `wrote`: what its writable layer contains of its own;
        `loses`: a reason to give up because its replacement would lack its files, or could not use them.
        """
        self.transaction = transaction
        self._port, self._journal = port, journal
        self._cancelled, self._clock = cancelled, clock or Clock()
        self._watcher = Watcher(port, self._clock, cancelled, expected)
        self._unchanged = unchanged
        self._wrote = wrote or port.changes
        self._loses, self._stale, self._handed = loses, stale, hand_over

    def hold(self) -> AbstractContextManager[None]:
        """See `Recreation`."""
        return held(self._journal, self.transaction)

    def stale(self) -> tuple[Message, str] | None:
        """See `Recreation`."""
        why_not = self._stale()
        return None if why_not is None else (why_not, "")

    def forward(self, watch: float) -> Iterator[Progress]:
        """See `Recreation`."""
        transaction = self.transaction
        yield from self._step("journal", msg("Record the plan in the journal"), lambda: self.enter(Stage.INTENT))
        if transaction.created:
            yield from self._step("create", msg("Create the replacement beside it"), self._create)
        else:
            self._claim()
        made = transaction.created  # else the two swap places
        yield from self._step(
            "stop", msg("Stop the original") if made else msg("Stop the running container"), self._stop
        )
        if any(member.image for member in transaction.members):
            yield from self._step("commit", msg("Carry over what it wrote"), self._commit)
        if self._fills:
            yield from self._step("fill", msg("Fill its new volumes with its data"), self._fill)
        if self._handed or transaction.owners:
            yield from self._step("owners", msg("Change the owners of the files in its volumes"), self._hand_over)
        words = msg("Give its name to the replacement") if made else msg("Give its name to the kept container")
        yield from self._step("rename", words, self._rename)
        words = msg("Start the replacement") if made else msg("Start the kept container")
        yield from self._step("start", words, self._start)
        if transaction.starts:
            yield from self._watcher.watch(self.transaction.new, watch)
        if transaction.further:
            words = msg("Check the containers that were relaunched with it")
            yield from self._step("watch-further", words, lambda: go_on(self._port, self.transaction.further))

    def finish(self) -> Transaction:
        """See `Recreation`."""
        self.transaction = roll_forward(self._port, self._journal, self.transaction, own=True)
        return self.transaction

    def back(self, error: Exception) -> Iterator[Progress | RelaunchResult]:
        """See `Recreation`. Raises the JournalError if not even the first entry could be written."""
        made = self.transaction
        if isinstance(error, JournalError) and made.stage is Stage.INTENT and not (made.created and made.new):
            with suppress(JournalError):
                self._journal.forget(made.id)
            raise error  # nothing was done
        why, words, log = in_words(error)
        if self._without_an_original():
            ended = finished(self, RelaunchOutcome.KEPT)
            text = msg(
                "{why} Someone else removed the container that ran before, so the one in its place stays.", why=why
            )
            yield replace(ended, why=text, words=joined(words, ended.words), log=log)
            return
        begun = self._clock.now()
        title = msg("Bring the original back") if made.created else msg("Bring back the container that ran")
        progress = Progress("roll-back", State.BEGUN, 0.0, title)
        yield progress
        try:
            lost = isinstance(error, EngineError) and not isinstance(error, RefusedError)
            roll_back(self._port, self._journal, made, lost=lost, clock=self._clock, own=True)
        except (EngineError, NoSuchContainerError, JournalError) as second:
            yield replace(progress, state=State.FAILED, seconds=self._clock.now() - begun)
            text = msg("{why} Going back failed too: run stratascope recover as soon as the cause is fixed.", why=why)
            ending = RelaunchOutcome.UNFINISHED
            if isinstance(second, NameTakenError):  # the original runs
                text, ending = second.message, RelaunchOutcome.ROLLED_BACK
            yield RelaunchResult(ending, made, text, joined(words, in_words(second)[1]), log)
            return
        yield replace(progress, state=State.DONE, seconds=self._clock.now() - begun)
        yield RelaunchResult(RelaunchOutcome.ROLLED_BACK, made, why, words, log)

    def _without_an_original(self) -> bool:
        try:
            return all_that_is_left(self._port, self.transaction)
        except EngineError:
            return False  # rolling back will find out

    def enter(self, stage: Stage, *, works: bool | None = None) -> None:
        """See `Recreation`."""
        if self._cancelled():
            raise FailedError(msg("Cancelled."))
        self.transaction = replace(self.transaction, stage=stage, works=works)
        self._journal.write(self.transaction)

    def _claim(self) -> None:
        """Nothing is created here, so the container set aside takes the name that marks the claim."""
        claimed: list[Member] = []
        for member in self.transaction.members:
            try:
                if self._port.running(member.new).name == claim(member.old):  # renaming to the same name would not fail
                    raise ClaimedError(member.old)
                with self._claiming(member):
                    self._port.rename(member.new, claim(member.old))
            except ClaimedError:
                for each in claimed:
                    self._port.rename(each.new, each.new_aside)
                self._journal.forget(self.transaction.id)
                raise
            claimed.append(member)
        self._look_again()

    @contextmanager
    def _claiming(self, member: Member) -> Iterator[None]:
        """Raises ClaimedError if somebody else has claimed it."""
        try:
            yield
        except RefusedError as error:
            if self._port.named(claim(member.old)) is None:
                raise
            raise ClaimedError(member.old) from error

    def _look_again(self) -> None:
        """Check again now that it is claimed: nobody else stops, renames or replaces it from here on, but may have
        before.
        """
        for member in self.transaction.members:
            now = self._port.running(member.old)
            if now.name != member.name or (self.transaction.created and not as_it_ran(now, member)):
                raise FailedError(msg("It was changed in the meantime. Check it again."))
            if self._port.named(guard(member.old)) is not None:  # it is itself a replacement that may not stay
                self._give_up(member)

    def _give_up(self, member: Member) -> NoReturn:
        """Restore everything, since somebody else is working on it."""
        roll_back(self._port, self._journal, self.transaction, clock=self._clock, own=True)
        raise ClaimedError(member.old)

    def _create(self) -> None:
        try:
            for member in self.transaction.members if self._fills else ():
                for volume in member.volumes:
                    self._port.make_volume(volume.name, {TRANSACTION: self.transaction.id})
            created = self._create_all({})
        except ClaimedError:
            self._give_up(self.transaction.members[0])
        self._look_again()
        ignored = self._new_warnings(created)
        if ignored:
            raise FailedError(
                msg("The engine would ignore a part of it. Leave out that change."),
                "; ".join(ignored),
                failure=Failure(words="; ".join(ignored)),
            )
        self.enter(Stage.CREATED)

    def _new_warnings(self, created: Created) -> list[str]:
        """The engine's warnings, without those that the original causes too: no toggle is to blame for these.

        Found by creating the original once more, without starting it. Its label lets recovery find that container.
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
        kept = self.transaction.kept
        return {
            TRANSACTION: self.transaction.id,
            ORIGINAL: member.old,
            NAME: member.name,
            FIRST: member.old if kept is None else kept.old,
            RESTART: policy_text(member.restart),
            PLACE: str(self.transaction.members.index(member)),
        }

    def _create_all(self, images: Mapping[str, str]) -> Created:
        """A replacement for each, from `images` (keyed by the originals' ids) if there are some; returns the
        main one.
        """
        made: list[Created] = []
        moved: dict[str, str] = {}
        for place, member in enumerate(self.transaction.members):
            body = self._port.repointed(member.body, moved) if moved else member.body
            if member.old in images:
                body = self._port.with_image(body, images[member.old], member.image)
            with self._claiming(member):
                made.append(self._port.create(body, member.new_aside, self._labels(member)))
            moved[member.old] = moved[member.name] = made[-1].id
            now = self._port.running(made[-1].id)
            members = list(self.transaction.members)
            members[place] = replace(member, new=now.id, new_created=now.created)
            self.transaction = self.transaction.with_members(tuple(members))
        return made[0]

    def _stop(self) -> None:
        self.enter(Stage.HELD)
        members = self.transaction.members
        for member in members:
            if member.restart != NEVER:
                self._port.restart_policy(member.old, NEVER)
        if self.transaction.created and not all(self._still_runs(member) for member in members):
            raise FailedError(msg("It ended by itself in the meantime, so it was left alone."))  # not twice
        self.enter(Stage.STOPPING)
        for member in reversed(members):
            self._port.stop(member.old, member.stop_timeout)
        for member in members if self.transaction.created else ():
            if (why := self._loses(member)) is not None:  # written since the plan was made, or while stopping
                raise WroteLateError(why)

    def _still_runs(self, member: Member) -> bool:
        return not member.was_running or self._port.running(member.old).status == "running"

    def _commit(self) -> None:
        """The stage does not change: recovery removes the image, which the journal has, and every container with the
        label.
        """
        wrote = {member.old: self._wrote(member.old) for member in self.transaction.members if member.image}
        members = tuple(
            member if member.image and wrote[member.old] else replace(member, image="")
            for member in self.transaction.members
        )
        images = {member.old: self._port.commit(member.old, member.image) for member in members if member.image}
        self.transaction = self.transaction.with_members(members)
        if images:  # those created first are removed last: they mark the originals as being replaced
            for member in members:
                self._port.rename(member.new, f"{member.new_aside}.same")
            self._create_all(images)
            self._journal.write(self.transaction)
            for member in reversed(members):
                self._port.remove(member.new)
            for member in self.transaction.members:
                # what has a volume of its own is held against that when it is filled
                above = tuple(volume.target for volume in member.volumes)
                changes = [each for each in wrote[member.old] if not any(within(each.path, place) for place in above)]
                lost = member.image and lost_in_image(self._port, self._clock, member.old, member.new, changes)
                if lost:
                    why = msg("What it wrote did not arrive whole in the image: {paths}.", paths=some(lost))
                    raise FailedError(why)

    @property
    def _fills(self) -> bool:
        """Whether there are volumes to make: on the way back they exist."""
        made = self.transaction
        return made.created and made.kind is TransactionKind.HARDEN and any(each.volumes for each in made.members)

    def _fill(self) -> None:
        """By the engine, from the stopped container's image: `core.relaunch.data_volume`. What the volumes have is held
        against what it has.
        """
        for member in self.transaction.members:
            if not member.volumes:
                continue
            image = filling_image(member.name, self.transaction.id)
            number = self._port.commit(member.old, image)
            body = self._port.with_image(self._port.filling(member.body, member.volumes), number, image)
            filler = self._port.create(body, f"{member.new_aside}.fill", self._labels(member))
            self._port.initialize(filler.id)
            self._port.remove(filler.id)
            self._port.remove_image(image)
            for volume in member.volumes:
                lost = lost_in_volume(self._port, member.old, member.new, volume)
                if lost:
                    why = msg("Its data did not arrive whole in the new volume for {path}: {paths}.",
                              path=volume.target, paths=some(lost))  # fmt: skip
                    raise FailedError(why)

    def _hand_over(self) -> None:
        """Listed once nobody writes there any more, and recorded before the first change."""
        made = self.transaction
        if made.kind is TransactionKind.HARDEN:
            wanted = self._handed or made.owners  # the latter when an undo is undone
            change = self._port.volume_change
            owners = (replace(change(each.source, each.was, each.becomes), new=each.new) for each in wanted)
            self.transaction = replace(made, owners=tuple(owners))
        self.enter(Stage.OWNERS)
        change_owners(self._port, self.transaction)

    def _rename(self) -> None:
        self.enter(Stage.STOPPED)
        for member in self.transaction.members:
            self._port.rename(member.old, guard(member.new))
            self._port.rename(member.new, member.name)

    def _start(self) -> None:
        self.enter(Stage.RENAMED)
        for member in self.transaction.members:
            if not self.transaction.created:
                self._port.restart_policy(member.new, member.new_restart)
        for member in self.transaction.members:
            if member.starts:
                self._port.start(member.new)
        self.enter(Stage.STARTED)

    def _step(self, name: str, message: Message, action: Callable[[], None]) -> Iterator[Progress]:
        return timed(self._clock, name, message, action)


def _plain_warnings(created: Created, name: str) -> list[str]:
    """With the parts replaced that differ between two identical containers."""
    found = []
    for text in filter(None, created.warnings):
        found.append(text.replace(created.id, "…").replace(created.id[:12], "…").replace(name, "…"))
    return found
