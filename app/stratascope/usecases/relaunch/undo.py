"""Undoes a relaunch, or redoes it after an undo, with the same order and journal; and the checks before that.

If the replacement got new volumes for the original's data, the original would come back without what was written since.
So one is created with its settings and with these volumes, and the original is kept beside it. Decided against copying
everything back: it would be written over what the original has, with no way back from a full disk.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence

from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError, Relauncher
from stratascope.core.relaunch.data_volume import DataVolume
from stratascope.core.relaunch.evidence import Expected
from stratascope.core.relaunch.launch_spec import Health, claim, own_image
from stratascope.core.relaunch.owner import Owned
from stratascope.core.relaunch.transaction import (
    WATCH,
    BusyError,
    JournalError,
    Member,
    Progress,
    RelaunchOutcome,
    RelaunchResult,
    Stage,
    State,
    Transaction,
    TransactionKind,
    transactions,
)
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.dependency_graph import dependents, set_aside
from stratascope.usecases.plan.preflight import Block, Caution, unwatched
from stratascope.usecases.plan.written_files import written
from stratascope.usecases.relaunch import rollback
from stratascope.usecases.relaunch.ages import begun_now
from stratascope.usecases.relaunch.carry_out import Event, Recreation, Steps, carry_out, in_words
from stratascope.usecases.relaunch.exchange import Exchange
from stratascope.usecases.relaunch.known import Pair, UnknownContainerError, known, over, undone_elsewhere
from stratascope.usecases.relaunch.owner import ByOwner, owned_of
from stratascope.usecases.relaunch.watch import FailedError, Watcher
from stratascope.value import Value, replace


class UndoPlan(Value):
    """The effect of an undo. `written`: what the replacement changed in its image since, None if not known.

    It stays in the replacement, which is set aside, until that is discarded; a warning says where it does not.
    """

    written: tuple[str, ...] | None
    warnings: tuple[Caution, ...] = ()
    blocks: tuple[Block, ...] = ()


def undo_plan(access: EngineAccess, done: Transaction) -> UndoPlan:
    """Changes nothing. Raises EngineError."""
    owned = done.owner is not None  # Compose or systemd recreates containers and sets none aside
    cautions: tuple[Caution, ...] = ()
    if not owned:
        try:
            pairs = known(access.port, done)
        except UnknownContainerError as error:
            return UndoPlan(None, blocks=(Block("unknown", error.message, msg("Look at it, and at the journal.")),))
        if alone(pairs):
            text = msg(
                "The container that ran in its place was removed by someone else, so only the original is started "
                "again."
            )
            left = tuple(volume.name for member in done.members for volume in member.volumes)
            return UndoPlan((), (Caution("replacement-gone", text), *(_left_in(left) if left else ())))
        if anew(done, pairs):
            text = msg("The original was removed by someone else. It is re-created from the journal, without what it "
                       "wrote outside its volumes.")  # fmt: skip
            cautions = (Caution("original-gone", text),)
        if not all(each.new and (cautions or each.old) for each in pairs):
            text = msg("The container to go back to, or from, was removed by someone else.")
            return UndoPlan(None, blocks=(Block("gone", text, msg("Discard what is left of it.")),))
    if (again := hardened_since(transactions(access.journal), done)) is not None:
        return UndoPlan(None, blocks=(Block("hardened-since", again, msg("Undo that first.")),))
    if not owned and access.port.running(done.new).status == "paused":
        return UndoPlan(None, blocks=(Block("paused", msg("It is paused."), msg("Unpause it, and try again.")),))
    if done.owner is not None and len({file.path for file in done.owner.files}) < len(done.owner.files):
        text = msg("It was hardened more than once through its owner. All of it is removed from {path}: it goes back "
                   "to before the first time.", path=done.owner.files[0].path)  # fmt: skip
        cautions = (*cautions, Caution("first", text))
    state = access.read(done.new)
    try:
        cautions += () if owned else _kept_volumes(access, done, pairs)
        paths = None if state is None else written(state.container, access.port.changes(done.new))
    except (EngineError, NoSuchContainerError):
        paths = None
    if paths is None:
        return UndoPlan(None, (*cautions, Caution("written-unknown", msg("What it has written since can't be read."))))
    if owned and paths:
        text = msg("Its owner re-creates it and keeps nothing that it wrote outside its volumes.")
        return UndoPlan(paths, (*cautions, Caution("written-lost", text)))
    return UndoPlan(paths, (*cautions, *unwatched(access.liveness(done.new))))


def _kept_volumes(access: EngineAccess, done: Transaction, pairs: Sequence[Pair]) -> tuple[Caution, ...]:
    """What becomes of what was written into volumes made for it. Raises EngineError, NoSuchContainerError."""
    lacking = [volume for pair in pairs for volume in lacks(access.port, pair)]
    if not lacking:
        return ()
    names = tuple(volume.name for volume in lacking)
    if done.further:
        return _left_in(names)
    text = msg(
        "Its former settings come back, and its data stays in the volume: {names}. The original container is kept as "
        "{aside}, with its files as they were.",
        names=", ".join(names),
        aside=done.old_aside,
    )
    return (Caution("volume", text),)


def _left_in(names: Sequence[str]) -> tuple[Caution, ...]:
    text = msg("What it wrote since into the new volume is not in the original, and stays there: {names}.",
               names=", ".join(names))  # fmt: skip
    return (Caution("volume-left", text),)


def lacks(port: Relauncher, pair: Pair) -> tuple[DataVolume, ...]:
    """Volumes made for a replacement that its original does not have. Raises EngineError."""
    if pair.old is None or not pair.member.volumes:
        return ()
    there = {mount.target.rstrip("/") for mount in port.plan(pair.old.id).asked.mounts}
    return tuple(volume for volume in pair.member.volumes if volume.target.rstrip("/") not in there)


def hardened_since(known: Sequence[Transaction], done: Transaction) -> Message | None:
    """Why what an undo replaced can't be gone back to now: what it brought back was hardened again."""
    news = {member.new for member in done.members}
    later = (each for each in known if each.id != done.id and each.stage is Stage.DONE)
    if done.owner is None and any(member.old in news for each in later for member in each.members):
        return msg("It was hardened again since.")
    return None


def anew(done: Transaction, pairs: Sequence[Pair]) -> bool:
    """Whether the container to go back to has to be created again, and can be.

    Not if several were relaunched together: their create requests refer to each other by old ids.
    """
    first = pairs[0]
    return bool(done.original and first.new) and not done.further and first.old is None


def alone(pairs: Sequence[Pair]) -> bool:
    """Whether the container to go back from was removed, and all originals exist."""
    return all(each.old and not each.new for each in pairs)


def undo(
    access: EngineAccess, done: Transaction, *, watch: float = WATCH, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Event]:
    """Back to what `done` set aside; the replacement is then set aside itself.

    If somebody removed the original it is recreated from the journal (`anew`). With an owner: our text is removed from
    its files, and it recreates the container. The last item is a `RelaunchResult`.
    """
    work: Recreation
    if done.owner is not None:
        back = _begun(done, replace(owned_of(done), undoes=done.id))
        back = back.with_members(tuple(replace(member, old=member.new, new="") for member in done.members))
        work = ByOwner(access, replace(back, kind=TransactionKind.UNDO), cancelled)
    else:
        try:
            pairs = known(access.port, done)
            if alone(pairs):
                yield from _brought_back(access, done, watch, cancelled)
                return
            if (again := hardened_since(transactions(access.journal), done)) is not None:
                yield RelaunchResult(RelaunchOutcome.REFUSED, done, again)
                return
            strangers = _strangers(access, done)
            if done.owners and (why_not := access.port.no_owners()) is not None:
                yield RelaunchResult(RelaunchOutcome.REFUSED, done, why_not)
                return
            wanted, health = _swapped(access, done, pairs)
            elsewhere = undone_elsewhere(access.port, done)
        except (EngineError, NoSuchContainerError) as error:
            why, words, _ = in_words(error)
            yield RelaunchResult(RelaunchOutcome.REFUSED, done, why, words)
            return
        if elsewhere:
            yield RelaunchResult(
                RelaunchOutcome.REFUSED, done, msg("It was undone or discarded in the meantime. Check it again.")
            )
            return
        if strangers:
            why = msg("Other containers have since come to need it: {names}. Remove these first.",
                      names=", ".join(strangers))  # fmt: skip
            yield RelaunchResult(RelaunchOutcome.REFUSED, done, why)
            return
        work = _exchange(access, done, wanted, health, cancelled)

    def steps() -> Steps:
        yield from work.forward(watch)
        work.enter(Stage.VERIFIED)
        return RelaunchOutcome.VERIFIED

    yield from carry_out(work, steps, done=done)


def _exchange(
    access: EngineAccess, done: Transaction, wanted: Transaction, health: Health, cancelled: Callable[[], bool]
) -> Exchange:
    def stale() -> Message | None:
        return over(access.journal, done)

    now = access.liveness(done.new)
    # sessions end, whoever wants it back
    lasting = tuple(port for port in now.listens or () if port not in now.passing)
    before = now if now.listens is None else replace(now, listens=lasting)
    expected = Expected(before, access.liveness, health)
    return Exchange(access.port, access.journal, wanted, cancelled, access.clock, expected, stale=stale)


def _strangers(access: EngineAccess, done: Transaction) -> list[str]:
    """Those that need the replacement but that the undo would not take along."""
    containers = access.containers()
    aside = set_aside(containers, transactions(access.journal))
    ours = {container.id for container in containers if done.concerns(container.id)}
    needing = {
        other.id: other.name
        for container in containers
        if container.id in {member.new for member in done.members}
        for other, _ in dependents(container, containers)
    }
    return [name for key, name in needing.items() if key not in ours | aside]


def _brought_back(
    access: EngineAccess, done: Transaction, watch: float, cancelled: Callable[[], bool]
) -> Iterator[Event]:
    """Recreates the original, if nothing has its place any more."""
    progress = Progress("start", State.BEGUN, 0.0, msg("Start the kept container"))
    try:
        with rollback.held(access.journal, done):
            why_not = over(access.journal, done)
            if why_not is not None:
                yield RelaunchResult(RelaunchOutcome.REFUSED, done, why_not)
                return
            yield progress
            back = replace(done, stage=Stage.STOPPED)
            rollback.roll_back(access.port, access.journal, back, clock=access.clock, volumes=False)
            yield replace(progress, state=State.DONE)
            if done.was_running:
                yield from Watcher(access.port, access.clock, cancelled).watch(done.old, watch)
    except BusyError as error:
        yield RelaunchResult(RelaunchOutcome.REFUSED, done, error.message)
    except (FailedError, EngineError, NoSuchContainerError, JournalError) as error:
        why, words, log = in_words(error)
        yield RelaunchResult(
            RelaunchOutcome.KEPT if isinstance(error, FailedError) else RelaunchOutcome.UNFINISHED,
            done,
            why,
            words,
            log,
        )
    else:
        yield RelaunchResult(RelaunchOutcome.VERIFIED, done)


def _begun(done: Transaction, owner: Owned | None) -> Transaction:
    number = secrets.token_hex(8)
    return begun_now(replace(done, id=number, stage=Stage.INTENT, created=False, owner=owner))


def _swapped(access: EngineAccess, done: Transaction, pairs: Sequence[Pair]) -> tuple[Transaction, Health]:
    """With the healthcheck's state of the one that runs now. Raises EngineError, NoSuchContainerError."""
    kind = (
        TransactionKind.HARDEN if done.kind is TransactionKind.UNDO else TransactionKind.UNDO
    )  # undoing an undo is hardening again
    made = anew(done, pairs) or (not done.further and bool(lacks(access.port, pairs[0])))
    back = replace(_begun(done, None), kind=kind, created=made)
    found = [_member(access, pair, back.id, made=made) for pair in pairs]
    first, *further = (member for member, _ in found)
    # the one in place is meant to run even if it has exited, and the one that returns as it did before
    first = replace(first, was_running=done.starts, new_runs=done.was_running)
    return back.with_members((first, *further)), found[0][1]


def _body_of(port: Relauncher, pair: Pair) -> str:
    """The create request of one with the original's settings, and with the volumes that its data is in by now."""
    member, volumes = pair.member, lacks(port, pair)
    if pair.old is None or not volumes:
        return member.original
    spec = port.plan(member.old)
    if member.original:  # as it was while it ran: set aside, it no longer restarts by itself
        spec = replace(spec, body=member.original)
    mounted = {mount.target: mount for mount in port.plan(member.new).asked.mounts}
    added = (mounted[volume.target] for volume in volumes if volume.target in mounted)
    body = port.body(spec, replace(spec.asked, mounts=(*spec.asked.mounts, *added)))
    if member.image:
        body = port.with_image(body, port.plan(member.new).image_id, member.image)
    return body


def _member(access: EngineAccess, pair: Pair, number: str, *, made: bool) -> tuple[Member, Health]:
    """`made`: the container to go back to is recreated."""
    member = pair.member
    spec, now = access.port.plan(member.new), access.port.running(member.new)
    back = Member(
        name=now.name,  # a person may have renamed it since
        old=member.new,
        new="" if made else member.old,
        old_aside=f"{now.name}.old-{number[:8]}",
        new_aside=claim(member.new) if made else member.old_aside,
        restart=spec.restart,
        new_restart=member.restart,
        was_running=now.status == "running",
        stop_timeout=spec.stop_timeout,
        old_image=own_image(spec.image),
        inspect=spec.inspect,
        new_created=0.0 if pair.old is None else pair.old.created,
        body=_body_of(access.port, pair) if made else "",
        original=spec.body,
        owners=member.owners,
        volumes=member.volumes,
    )
    return back, now.health
