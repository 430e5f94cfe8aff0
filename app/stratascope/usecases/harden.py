"""Hardening one container: look, plan, check, exchange, watch, prove; and back by itself where that fails.

Generators that yield each step as it happens, for the window and the command line alike. Nothing here knows Qt or an
engine's JSON.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from stratascope.core.container import Asked, Container, Engine, Status
from stratascope.core.footing import HostFiles
from stratascope.core.launch import FileChange, Health, Inside, LaunchSpec, Vitals, layer_image, own_image
from stratascope.core.message import Message, msg
from stratascope.core.owner import OwnerKind, OwnerPlan, OwnerRefusal, Owners, OwnerText
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError, Relauncher
from stratascope.core.relaunch import (
    BusyError,
    Ended,
    Ending,
    Journal,
    JournalError,
    Kind,
    Member,
    Progress,
    Remedy,
    Stage,
    State,
    Transaction,
)
from stratascope.core.snapshot import ContainerState
from stratascope.core.toggle import Choice, Failure, Proof, Proven, Subject
from stratascope.layers.toggles import fold, plain, toggle
from stratascope.usecases.blame import blame
from stratascope.usecases.blame import unproven as left_out
from stratascope.usecases.crew import Hand, missing
from stratascope.usecases.followers import Follower, followers, with_followers
from stratascope.usecases.preflight import Preflight, own_changes, preflight, unwatched
from stratascope.usecases.relaunch import Clock, Exchange, FailedError, NameTakenError, held, roll_back
from stratascope.usecases.ties import dependents
from stratascope.usecases.watching import Expected, last_words

WATCH = 10.0  # seconds, where nothing else was said
_SETTLE = 5.0  # seconds that the new process may take to be readable
_AGAIN = 0.5  # seconds between two readings of it
_COME_BACK = 10.0  # seconds beyond the watch until all processes that belong to its start must be there


def _unread(container: str) -> frozenset[Hand] | None:
    return None


@dataclass(frozen=True, slots=True)
class Workshop:
    """What hardening works with. `read` gives a container's state as it is now, None where the engine has it not."""

    port: Relauncher
    journal: Journal
    engine: Engine
    read: Callable[[str], ContainerState | None]
    containers: Callable[[], Sequence[Container]]
    host: HostFiles
    text_of: Callable[[str], str | None]  # a file of the user's, for a seccomp profile; None: not readable
    listeners: Callable[[], tuple[tuple[str, int], ...] | None]  # addresses and ports that listen on the host
    clock: Clock
    owners: Owners | None = None  # None: nothing that Compose or systemd owns is changed
    owner_text: Callable[[Plan, OwnerKind], OwnerText] | None = None
    memory_total: int | None = None  # bytes that the engine's machine has
    born_with: Callable[[str], frozenset[Hand] | None] = _unread  # processes of a container, see usecases.crew
    present: Callable[[str], frozenset[Hand] | None] = _unread
    # ports and counters, read when they are asked for: nothing where they can't be
    vitals: Callable[[str], Vitals] = lambda container: Vitals()
    # what takes a moment to look at, and only a plan and a proof ask for
    inside: Callable[[str], Inside] = lambda container: Inside()


@dataclass(frozen=True, slots=True)
class Plan:
    """A relaunch that was thought through, and what stands in its way. `body` holds secrets.

    `owner`: the program that creates it again instead of the engine's own call.
    """

    state: ContainerState
    subject: Subject
    spec: LaunchSpec
    choices: tuple[Choice, ...]
    wanted: Asked
    body: str
    checked: Preflight
    remedies: frozenset[Remedy] = frozenset()
    owner: OwnerPlan | None = None
    before: Vitals = field(default_factory=Vitals)  # of the original
    further: tuple[Follower, ...] = ()  # relaunched with it, unchanged


@dataclass(frozen=True, slots=True)
class Proved:
    """One choice held against /proc of the new process."""

    choice: Choice
    proof: Proof


def plan(shop: Workshop, container: str, choices: Sequence[Choice], remedies: frozenset[Remedy] = frozenset()) -> Plan:
    """Raises EngineError, NoSuchContainerError, ToggleError."""
    state = shop.read(container)
    if state is None:
        raise NoSuchContainerError(container)
    changes = shop.port.changes(state.container.id)
    before = shop.vitals(state.container.id)
    subject = _looked(shop, replace(subject_of(shop, state, choices, changes), listens=before.listens))
    spec = shop.port.plan(state.container.id)
    chosen = plain(choices, subject)
    wanted = fold(spec.asked, chosen, subject)
    others = shop.containers()
    made = Plan(state, subject, spec, chosen, wanted, shop.port.body(spec, wanted), Preflight((), ()), remedies)
    owner = _owner(shop, made, others)
    transactions = tuple(item for item in shop.journal.all() if isinstance(item, Transaction))
    checked = preflight(
        spec,
        state.container,
        others,
        changes,
        transactions,
        shop.host,
        remedies,
        owner,
        wanted=wanted,
        subject=subject,
        now=time.time(),
    )
    checked = replace(checked, warnings=(*checked.warnings, *unwatched(before)))
    made = replace(made, before=before)
    if isinstance(owner, OwnerPlan):
        return replace(made, checked=checked, owner=owner)
    needing = [other for other, _ in dependents(state.container, others)]
    found = followers(shop.port, needing, others, transactions, shop.host, remedies, time.time())
    checked = with_followers(checked, found, remedies)
    return replace(made, checked=checked, further=found if Remedy.DEPENDENTS in remedies else ())


def _owner(shop: Workshop, made: Plan, others: Sequence[Container]) -> OwnerPlan | OwnerRefusal | None:
    text = shop.owner_text
    if shop.owners is None or text is None:
        return None
    return shop.owners.plan(made.state.container, made.spec, others, lambda kind: text(made, kind))


def subject_of(
    shop: Workshop, state: ContainerState, choices: Sequence[Choice], changes: Sequence[FileChange] | None = None
) -> Subject:
    """A container as toggles see it, with the files that the choices name; `changes` None: not looked at."""
    paths = [choice.value for choice in choices if choice.toggle == "seccomp" and choice.value != "default"]
    files = tuple((path, text) for path in paths if (text := shop.text_of(path)) is not None)
    return Subject(
        state.container,
        shop.engine,
        tuple((layer.id, layer.facts) for layer in state.layers),
        files=files,
        changes=None if changes is None else tuple(change.path for change in changes),
        listeners=shop.listeners(),
        memory_total=shop.memory_total,
    )


def _looked(shop: Workshop, subject: Subject) -> Subject:
    """With what is looked at for one container alone, and what its engine says of its ports."""
    number = subject.container.id
    inside = shop.inside(number)
    return replace(
        subject,
        nodes=inside.nodes,
        set_uid=inside.set_uid,
        users=_users(shop.born_with(number)),
        listeners=subject.listeners if inside.listeners is None else inside.listeners,
        published=shop.port.running(number).published,
    )


def _users(hands: frozenset[Hand] | None) -> tuple[tuple[str, int], ...] | None:
    if hands is None:
        return None
    return tuple(sorted((hand.name, hand.user) for hand in hands if hand.user is not None))


def harden(
    shop: Workshop,
    made: Plan,
    *,
    watch: float = WATCH,
    keep_unverified: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Proved | Ended]:
    """Carry the plan out. The last thing that it yields is an `Ended`; it raises nothing that an engine can cause."""
    if made.checked.blocks:
        yield Ended(Ending.REFUSED, None, made.checked.blocks[0].text)
        return
    transaction = _transaction(shop, made)
    try:
        with held(shop.journal, transaction):
            yield from _held(shop, made, transaction, watch, keep_unverified, cancelled)
    except BusyError as error:
        yield Ended(Ending.REFUSED, None, error.message)
    except JournalError as error:
        why = msg("The journal can't be written, and without it there would be no way back after a crash.")
        yield Ended(Ending.REFUSED, None, why, error.words)


def _held(
    shop: Workshop,
    made: Plan,
    transaction: Transaction,
    watch: float,
    keep_unverified: bool,
    cancelled: Callable[[], bool],
) -> Iterator[Progress | Proved | Ended]:
    known = {item.id: item for item in (made.state.container, *(each.container for each in made.further))}

    def wrote(container: str) -> bool:
        return own_changes(known[container], shop.port.changes(container))

    expected = Expected(made.before, shop.vitals, made.spec.footing.health)
    exchange = Exchange(shop.port, shop.journal, transaction, cancelled, shop.clock, expected, made.spec.body, wrote)
    failed: list[Proved] = []
    try:
        before = shop.born_with(transaction.old)
        yield from exchange.forward(watch)
        all_back(shop, made, before, exchange.transaction.new)
        begun = shop.clock.now()
        told = Progress("verify", State.BEGUN, 0.0, msg("Hold the result against /proc"))
        yield told
        proofs = verify(shop, made, exchange.transaction.new)
        yield from proofs
        yield replace(told, state=State.DONE, seconds=shop.clock.now() - begun)
        failed = [item for item in proofs if item.proof.outcome is not Proven.ENFORCED]
        if failed and not keep_unverified:
            raise FailedError(unproven(failed))
        exchange.verified()
    except (FailedError, EngineError, NoSuchContainerError, JournalError) as error:
        for event in _undo(shop, exchange, error):
            yield _blamed(event, made, exchange, error, failed) if isinstance(event, Ended) else event
        return
    yield _finished(exchange, Ending.KEPT if failed else Ending.VERIFIED)


def _finished(exchange: Exchange, ending: Ending) -> Ended:
    """It stays whatever happens now: that it does is in the journal, and recovery would finish it too."""
    try:
        return Ended(ending, exchange.finish())
    except (EngineError, NoSuchContainerError, JournalError) as error:
        why, words, _ = in_words(error)
        text = msg("{why} The replacement stays; run stratascope recover to finish.", why=why)
        return Ended(ending, exchange.transaction, text, words)


def all_back(shop: Workshop, made: Plan, before: frozenset[Hand] | None, container: str) -> None:
    """Raises FailedError where a process that belongs to its start does not come."""
    until, users = shop.clock.now() + _COME_BACK, all(choice.toggle != "user" for choice in made.choices)
    while before:
        now = shop.present(container)
        lost = () if now is None else missing(before, now, users=users)
        if not lost:
            return
        if shop.clock.now() >= until:
            first = lost[0]
            why = msg("A process {name} of user {user} ran in it before, and did not come up again.", name=first.name,
                      user="?" if first.user is None else first.user)  # fmt: skip
            log = last_words(shop.port, container)
            raise FailedError(why, log=log, failure=Failure(log))
        shop.clock.sleep(_AGAIN)


def _blamed(ended: Ended, made: Plan, exchange: Exchange, error: Exception, failed: Sequence[Proved]) -> Ended:
    """With our best explanation, where it is the replacement that failed."""
    match error:
        case FailedError(failure=Failure() as failure):
            text, suspects = blame(made.choices, failure, made.subject)
        case RefusedError() if exchange.transaction.stage in (Stage.INTENT, Stage.RENAMED):  # of create, of start
            text, suspects = blame(made.choices, Failure(words=error.words), made.subject)
        case FailedError() if failed:
            text, suspects = left_out([item.choice for item in failed])
        case _:
            return ended
    return replace(ended, blame=text, suspects=suspects)


def _undo(shop: Workshop, exchange: Exchange, error: Exception) -> Iterator[Progress | Ended]:
    made = exchange.transaction
    if isinstance(error, JournalError) and made.stage is Stage.INTENT and not (made.created and made.new):
        with contextlib.suppress(JournalError):
            shop.journal.forget(made.id)
        raise error  # the very first word could not be written: nothing was done
    why, words, log = in_words(error)
    begun = shop.clock.now()
    told = Progress("roll-back", State.BEGUN, 0.0, msg("Bring the original back"))
    yield told
    try:
        lost = isinstance(error, EngineError) and not isinstance(error, RefusedError)
        roll_back(shop.port, shop.journal, exchange.transaction, lost=lost, clock=shop.clock)
    except (EngineError, NoSuchContainerError, JournalError) as second:
        yield replace(told, state=State.FAILED, seconds=shop.clock.now() - begun)
        text = msg("{why} The way back failed too: run stratascope recover as soon as that is mended.", why=why)
        ending = Ending.UNFINISHED
        if isinstance(second, NameTakenError):  # the original runs
            text, ending = second.message, Ending.ROLLED_BACK
        yield Ended(ending, exchange.transaction, text, _joined(words, in_words(second)[1]), log)
        return
    yield replace(told, state=State.DONE, seconds=shop.clock.now() - begun)
    yield Ended(Ending.ROLLED_BACK, exchange.transaction, why, words, log)


def _joined(*words: str) -> str:
    """The engine's words to both, once where they are the same."""
    return "; ".join(dict.fromkeys(filter(None, words)))


def in_words(error: Exception) -> tuple[Message, str, str]:
    """Why, the engine's own words, and the container's last ones."""
    match error:
        case FailedError():
            return error.why, error.words, error.log
        case EngineError():
            return error.message, error.words, ""
        case JournalError():
            return msg("The journal can't be written any more."), error.words, ""
        case NoSuchContainerError():
            return msg("A container went away in the middle; somebody else removed it."), str(error), ""
    return msg("Something that should not happen did."), str(error), ""


def unproven(failed: Sequence[Proved]) -> Message:
    first = failed[0]
    title = toggle(first.choice.toggle).title
    if first.proof.outcome is Proven.UNKNOWN:
        return msg("Not proven: {title}. What /proc says could not be read.", title=title)
    return msg("Not enforced: {title}. Expected {expected}, found {found}.", title=title,
               expected=first.proof.expected, found=first.proof.found)  # fmt: skip


def verify(shop: Workshop, made: Plan, container: str) -> tuple[Proved, ...]:
    """Each choice against the facts of the new process. What can't be read yet is read again for a moment."""
    until = shop.clock.now() + _SETTLE
    while True:
        proofs = _proofs(shop, made, shop.read(container))
        if all(item.proof.outcome is not Proven.UNKNOWN for item in proofs) or shop.clock.now() >= until:
            return proofs
        shop.clock.sleep(_AGAIN)


def _proofs(shop: Workshop, made: Plan, state: ContainerState | None) -> tuple[Proved, ...]:
    subject = made.subject if state is None else _looked(shop, subject_of(shop, state, made.choices))
    found = []
    for choice in made.choices:
        which = toggle(choice.toggle)
        facts = None if state is None else subject.of(which.layer)
        found.append(Proved(choice, which.prove(facts, choice.value, subject)))
    return tuple(found)


def undo(
    shop: Workshop, done: Transaction, *, watch: float = WATCH, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Progress | Ended]:
    """Back to the original that `done` set aside; the replacement is set aside in its turn."""
    try:
        strangers = _strangers(shop, done)
        back, health = _way_back(shop, done)
    except (EngineError, NoSuchContainerError) as error:
        why, words, _ = in_words(error)
        yield Ended(Ending.REFUSED, done, why, words)
        return
    if strangers:
        why = msg("Other containers have come to need it since: {names}. Remove these first.",
                  names=", ".join(strangers))  # fmt: skip
        yield Ended(Ending.REFUSED, done, why)
        return
    try:
        with held(shop.journal, back):
            expected = Expected(shop.vitals(done.new), shop.vitals, health)
            exchange = Exchange(shop.port, shop.journal, back, cancelled, shop.clock, expected)
            try:
                yield from exchange.forward(watch)
                exchange.verified()
            except (FailedError, EngineError, NoSuchContainerError, JournalError) as error:
                yield from _undo(shop, exchange, error)
                return
            yield _finished(exchange, Ending.VERIFIED)
    except BusyError as error:
        yield Ended(Ending.REFUSED, done, error.message)
    except JournalError as error:
        yield Ended(Ending.REFUSED, done, msg("The journal can't be written."), error.words)


def _strangers(shop: Workshop, done: Transaction) -> list[str]:
    """Those that need a replacement and that the undo would not take along."""
    containers = shop.containers()
    ours = {container.id for container in containers if done.concerns(container.id)}
    needing = {
        other.id: other.name
        for container in containers
        if container.id in {member.new for member in done.members}
        for other, _ in dependents(container, containers)
    }
    return [name for key, name in needing.items() if key not in ours]


def _way_back(shop: Workshop, done: Transaction) -> tuple[Transaction, Health]:
    """With what the healthcheck of the one that runs now says. Raises EngineError, NoSuchContainerError."""
    number = secrets.token_hex(8)
    found = [_swapped(shop, member, number) for member in done.members]
    first, *further = (member for member, _ in found)
    kind = Kind.HARDEN if done.kind is Kind.UNDO else Kind.UNDO  # to take an undo back is to harden again
    back = replace(done, id=number, kind=kind, stage=Stage.INTENT, created=False, started_at=time.time())
    return back.with_members((replace(first, was_running=True), *further)), found[0][1]


def _swapped(shop: Workshop, member: Member, number: str) -> tuple[Member, Health]:
    spec, now = shop.port.plan(member.new), shop.port.running(member.new)
    made = Member(
        name=member.name,
        old=member.new,
        new=member.old,
        old_aside=f"{member.name}.old-{number[:8]}",
        new_aside=member.old_aside,
        restart=spec.restart,
        new_restart=member.restart,
        was_running=now.status == "running",
        stop_timeout=spec.stop_timeout,
        old_image=own_image(spec.image),
        inspect=spec.inspect,
    )
    return made, now.health


def _member(spec: LaunchSpec, number: str, body: str, remedies: frozenset[Remedy], *, running: bool) -> Member:
    commit = Remedy.COMMIT_LAYER in remedies and bool(spec.image_id)
    return Member(
        name=spec.name,
        old=spec.id,
        new="",
        old_aside=f"{spec.name}.old-{number[:8]}",
        new_aside=f"{spec.name}.new-{number[:8]}",
        restart=spec.restart,
        new_restart=spec.restart,
        was_running=running,
        stop_timeout=spec.stop_timeout,
        image=layer_image(spec.name, number) if commit else "",
        old_image=own_image(spec.image),
        inspect=spec.inspect,
        body=body,
    )


def _transaction(shop: Workshop, made: Plan) -> Transaction:
    number, spec = secrets.token_hex(8), made.spec
    further = tuple(
        _member(each.spec, number, each.spec.body, made.remedies, running=each.container.status is Status.RUNNING)
        for each in made.further
    )
    main = _member(spec, number, made.body, made.remedies, running=True)
    bare = Transaction(
        id=number,
        kind=Kind.HARDEN,
        stage=Stage.INTENT,
        engine=spec.engine,
        endpoint=shop.engine.endpoint,
        name=spec.name,
        old=spec.id,
        new="",
        created=True,
        old_aside="",
        new_aside="",
        restart=spec.restart,
        new_restart=spec.restart,
        was_running=True,
        stop_timeout=spec.stop_timeout,
        started_at=time.time(),
        choices=tuple(f"{choice.toggle}={choice.value}" for choice in made.choices),
    )
    return bare.with_members((main, *further))
