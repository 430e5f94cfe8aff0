"""A relaunch as recorded in the journal: its stage, what is needed to complete or undo it, and its progress.

A stage is written before the calls that it names, so recovery after a crash knows what may have happened.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Protocol

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.data_volume import DataVolume
from stratascope.core.relaunch.file_owners import VolumeChange
from stratascope.core.relaunch.launch_spec import RestartPolicy, TwinRecord
from stratascope.core.relaunch.owner import Owned
from stratascope.value import Value, replace

WATCH = 10.0  # seconds that a replacement is watched before it counts as good, by default
WATCH_MOST = 3600.0  # seconds; the longest watch that can be chosen
REPEATS, REPEATS_MOST = 3, 100  # how often settings that work on a twin are tried again: default, maximum


class PlainOutcome(StrEnum):
    """The outcome for people, of a relaunch, of a trial, of several at once. The text is that of the JSON."""

    WORKS = "works"  # all that was changed is in effect, and nothing of it could have broken what was not compared
    NOT_TESTED = "not-tested"  # it stays, and something that it could have broken was not tried
    ROLLED_BACK = "rolled-back"


class Stage(StrEnum):
    """Stages in order. After a crash, a relaunch before VERIFIED is rolled back, a later one is completed."""

    INTENT = "intent"  # about to create the new container
    CREATED = "created"  # it exists in addition to the old one, which still runs
    HELD = "held"  # about to set the old one's restart policy to no
    STOPPING = "stopping"  # about to stop the old one, and to commit what it wrote
    OWNERS = "owners"  # about to change owners of files in its volumes, if requested
    STOPPED = "stopped"  # about to swap the names
    RENAMED = "renamed"  # about to start the new one
    STARTED = "started"  # started, and being watched
    VERIFIED = "verified"  # the new one stays
    DONE = "done"  # the old one is set aside until it is discarded


class TransactionKind(StrEnum):
    HARDEN = "harden"
    UNDO = "undo"


class Remedy(StrEnum):
    """An option that handles one kind of obstacle, for which a relaunch would otherwise be refused."""

    COMMIT_LAYER = "commit-layer"  # commit its writable layer; the replacement starts from that image
    LEAVE_LOGS = "leave-logs"  # log files in its writable layer are not carried over
    DEPENDENTS = "with-dependents"  # containers that use its namespaces are relaunched with it, in one transaction


class Member(Value):
    """One container of a relaunch, and its replacement. Fields as in `Transaction`."""

    UNPRINTED = ("inspect", "body", "original")

    name: str
    old: str
    new: str
    old_aside: str
    new_aside: str
    restart: RestartPolicy
    new_restart: RestartPolicy
    was_running: bool
    stop_timeout: int
    image: str = ""
    old_image: str = ""
    inspect: str = ""
    body: str = ""
    original: str = ""
    owners: tuple[VolumeChange, ...] = ()
    volumes: tuple[DataVolume, ...] = ()
    new_runs: bool | None = None
    new_created: float = 0.0

    @property
    def starts(self) -> bool:
        """Whether the new one is to run: as specified, else as the old one did."""
        return self.was_running if self.new_runs is None else self.new_runs


class Transaction(Value):
    """One relaunch. `old` is set aside, `new` takes its name; `created`: whether `new` was made for it.

    `old_aside` and `new_aside` are the names that the two have while the other one has `name`. `body` is the create
    request of the new one and `original` that of the old one, which is recreated if somebody removed it; `inspect` is
    kept so that a person could recreate it manually if all else failed. All three hold secrets.
    `image`: what the old one's writable layer is committed to, empty if it is not carried over; `old_image`: the image
    of an earlier commit that the old one itself was made from, removed when the old one is discarded.
    `owners`: volumes whose files the hardened one was given, once the other had stopped; an undo gives them back.
    `volumes`: those made for what the original kept outside its volumes, labelled with this relaunch. They are removed
    with a replacement that does not stay, and with nothing else.
    `further`: those relaunched with it, since they use its namespaces; each comes after everything it needs.
    `owner`: Compose or systemd creates the container, so nothing is set aside; the way back is to remove our text.
    `kept`: what an earlier relaunch set aside, if the old one is itself a replacement. Once the new one stays, that
    remains set aside and the old one is removed: however often a container is hardened, the way back leads to the
    first.
    `group`: id shared by relaunches done one after the other, to be undone together (`core.relaunch.group`).
    `new_runs`: set if the old one had ended and the new one is to run, or the reverse on the way back.
    `new_created`: when the engine created the new one; 0.0 in entries of earlier versions.
    `leave_logs`: with an owner, log files outside its volumes may be lost with a container, on the way back too.
    `works`: whether the hardened one was seen to work, by its relaunch or by an exercise since. None: not tested.
    `boot`: the machine's boot id when it began, `uptime`: seconds since then; empty in entries of earlier versions.
    """

    UNPRINTED = ("inspect", "body", "original")

    id: str
    kind: TransactionKind
    stage: Stage
    engine: str
    endpoint: str
    name: str
    old: str
    new: str  # empty before it exists
    created: bool
    old_aside: str
    new_aside: str
    restart: RestartPolicy  # of the old one, restored on the way back
    new_restart: RestartPolicy  # of the new one, once it may start by itself
    was_running: bool
    stop_timeout: int
    started_at: float
    choices: tuple[str, ...] = ()  # "memory=512m"
    inspect: str = ""
    body: str = ""
    owner: Owned | None = None
    image: str = ""
    old_image: str = ""
    further: tuple[Member, ...] = ()
    original: str = ""
    owners: tuple[VolumeChange, ...] = ()
    kept: Member | None = None
    group: str = ""
    leave_logs: bool = False
    volumes: tuple[DataVolume, ...] = ()
    new_runs: bool | None = None
    new_created: float = 0.0
    works: bool | None = None
    boot: str = ""
    uptime: float = 0.0

    @classmethod
    def of(
        cls,
        members: tuple[Member, ...],
        *,
        number: str,
        kind: TransactionKind,
        stage: Stage,
        engine: str,
        endpoint: str,
        created: bool,
        started_at: float,
        choices: tuple[str, ...],
        owner: Owned | None,
        kept: Member | None = None,
        group: str = "",
        leave_logs: bool = False,
    ) -> Transaction:
        """A relaunch of these members, the main one first."""
        first, *further = members
        own = {name: getattr(first, name) for name in Member.__struct_fields__}
        return cls(id=number, kind=kind, stage=stage, engine=engine, endpoint=endpoint, created=created,
                   started_at=started_at, choices=choices, owner=owner, further=tuple(further), kept=kept,
                   group=group, leave_logs=leave_logs, **own)  # fmt: skip

    @property
    def members(self) -> tuple[Member, ...]:
        """The main container, then those relaunched with it."""
        return (Member(**{name: getattr(self, name) for name in Member.__struct_fields__}), *self.further)

    def with_members(self, members: tuple[Member, ...]) -> Transaction:
        """The same relaunch with updated members."""
        first, *further = members
        own = {name: getattr(first, name) for name in Member.__struct_fields__}
        return replace(self, further=tuple(further), **own)

    @property
    def starts(self) -> bool:
        """See `Member`."""
        return self.members[0].starts

    def brought_back(self, container: str) -> bool:
        """Whether it is an undo, and that container runs since: what it replaced is kept beside all that follows."""
        undone = self.kind is TransactionKind.UNDO and self.stage is Stage.DONE and self.owner is None
        return undone and any(container == member.new for member in self.members)

    @property
    def outcome(self) -> PlainOutcome | None:
        """Of a hardened one that runs now. None: of an undo, or not done yet."""
        if self.stage is not Stage.DONE or self.kind is not TransactionKind.HARDEN:
            return None
        return PlainOutcome.WORKS if self.works else PlainOutcome.NOT_TESTED

    def concerns(self, container: str) -> bool:
        """Whether a container with this id is one of its members, old or new."""
        return any(container in (member.old, member.new) for member in self.members)


class Damaged(Value):
    """An unreadable journal file: where it is and why. It is left as it is."""

    path: str
    words: str


class BusyError(Exception):
    """Another program is working on this container right now."""

    message = msg("Another window or command is working on this container right now.")


class ClaimedError(BusyError):
    """A lock in the engine is held: by another user or machine, or left over from a crash."""

    message = msg("Another window or command, perhaps of another user, is working on this container right now. If "
                  "none is, run stratascope recover.")  # fmt: skip


class JournalError(Exception):
    """The journal can't be written (a full disk): nothing may proceed without it."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class Journal(Protocol):
    """Storage of transactions, twins and groups. `write` returns once the entry would survive a crash of the
    machine.
    """

    def write(self, transaction: Transaction) -> None:
        """Raises JournalError."""

    def forget(self, transaction: str) -> None:
        """No error if it does not exist."""

    def all(self) -> tuple[Transaction | Damaged, ...]:
        """Every transaction, oldest first."""

    def write_twin(self, twin: TwinRecord) -> None:
        """Raises JournalError."""

    def forget_twin(self, twin: str) -> None:
        """No error if it does not exist. Raises JournalError."""

    def twins(self) -> tuple[TwinRecord, ...]:
        """Every twin, oldest first."""

    def write_group(self, group: Group) -> None:
        """Raises JournalError."""

    def forget_group(self, group: str) -> None:
        """No error if it does not exist. Raises JournalError."""

    def groups(self) -> tuple[Group, ...]:
        """Every group under way, oldest first."""

    def hold(self, engine: str, container: str) -> AbstractContextManager[None]:
        """Lock it until the context exits or this program ends; raises BusyError, JournalError."""

    def held(self, container: str) -> bool:
        """Whether any program on this machine, whatever its journal, holds that container."""


def transactions(journal: Journal) -> tuple[Transaction, ...]:
    """The journal's readable transactions, oldest first."""
    return tuple(item for item in journal.all() if isinstance(item, Transaction))


class State(StrEnum):
    """State of one step of a relaunch."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"


class Progress(Value):
    """One step as it happens. `seconds`: its duration, 0.0 when it begins."""

    step: str  # preflight, journal, create, stop, rename, start, watch, verify, finish, roll-back; write, re-create
    state: State
    seconds: float
    message: Message


class RelaunchOutcome(StrEnum):
    VERIFIED = "verified"  # enforced, and observed to work
    ENFORCED = "enforced"  # it runs, and nothing showed whether it works; kept
    KEPT = "kept-unverified"
    ROLLED_BACK = "rolled-back"
    REFUSED = "refused"
    UNFINISHED = "unfinished"  # neither direction could be completed: recovery does that later
    LIMITED = "limits-changed"  # changed live, without a relaunch

    @property
    def stays(self) -> bool:
        """Whether the requested state is in place now."""
        return self in (
            RelaunchOutcome.VERIFIED,
            RelaunchOutcome.ENFORCED,
            RelaunchOutcome.KEPT,
            RelaunchOutcome.LIMITED,
        )

    @property
    def plain(self) -> PlainOutcome | None:
        """None: nothing was changed, or recovery still has to decide."""
        match self:
            case RelaunchOutcome.VERIFIED | RelaunchOutcome.LIMITED:
                return PlainOutcome.WORKS
            case RelaunchOutcome.ENFORCED | RelaunchOutcome.KEPT:
                return PlainOutcome.NOT_TESTED
            case RelaunchOutcome.ROLLED_BACK:
                return PlainOutcome.ROLLED_BACK
        return None


class RelaunchResult(Value):
    """How a relaunch ended. `why`: if it failed; `log`: the replacement's last output.

    `blame`: our best explanation, and what would help; `suspects`: ids of the toggles it points to, likeliest first.
    `enforced`: whether /proc confirms all toggles; `works`: whether everything in `compared` works. None: not known.
    `not_compared`: what may still be broken, and why it could not be compared; `doubts`: those of them for which it
    does not count as working. `wrote_late`: it was given up since the original wrote files as it stopped.
    """

    ending: RelaunchOutcome
    transaction: Transaction | None
    why: Message | None = None
    words: str = ""  # the engine's error text
    log: str = ""
    blame: Message | None = None
    suspects: tuple[str, ...] = ()
    enforced: bool | None = None
    works: bool | None = None
    compared: tuple[Message, ...] = ()
    not_compared: tuple[Message, ...] = ()
    doubts: tuple[Message, ...] = ()
    wrote_late: bool = False

    @property
    def outcome(self) -> PlainOutcome | None:
        """For people. None: nothing was changed, or recovery still has to decide."""
        return self.ending.plain


# -- groups: several relaunches that are done and undone as one, and their entry in the journal while in progress
#
# Each is a transaction of its own, with its own way back, and names the group in `Transaction.group`, for as long as it
# can be undone. The entry here says what happens to all of them if this program dies in the middle, and is deleted at
# the end. Decided against one transaction for all: the originals would be down until the last one is proven, whereas
# now each is down only while its own replacement starts.


class Group(Value):
    """A group in progress. `members`: when hardening, full ids of the containers to relaunch, one per transaction; when
    `undoes`, ids of the transactions to undo.

    After a crash, an unfinished hardening is undone unless all members were done; an unfinished undo is completed.
    """

    id: str
    engine: str
    endpoint: str
    name: str  # for people: names of the containers
    undoes: bool
    members: tuple[str, ...]
    started_at: float
