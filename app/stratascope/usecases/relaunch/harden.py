"""Hardens one container: recreated by its engine or owner, watched, proven; rolled back on failure. If only limits
change, the engine does so while it runs.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache

from stratascope.core.container import Container, Status
from stratascope.core.message import Message, msg
from stratascope.core.observation.observation import NeedsError, Observation
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.evidence import Failure
from stratascope.core.relaunch.launch_spec import FileChange, LaunchSpec, claim, layer_image, own_image
from stratascope.core.relaunch.toggle import Choice, Proven, ToggleError
from stratascope.core.relaunch.transaction import (
    WATCH,
    JournalError,
    Member,
    Progress,
    RelaunchOutcome,
    RelaunchResult,
    Remedy,
    Stage,
    State,
    Transaction,
    TransactionKind,
    transactions,
)
from stratascope.layers.namespaces.written import kept_in_root
from stratascope.layers.shared.host_paths import within
from stratascope.layers.toggles import all_toggles
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.look import look
from stratascope.usecases.plan.plan import Plan, expected, plan
from stratascope.usecases.plan.preflight import replaces_again
from stratascope.usecases.plan.written_files import hidden, leaves, lost_files, own_files
from stratascope.usecases.relaunch.ages import begun_now
from stratascope.usecases.relaunch.carry_out import Event, Recreation, Steps, carry_out, in_words, timed
from stratascope.usecases.relaunch.diagnosis import blame, leave_out, still_lacking
from stratascope.usecases.relaunch.exchange import Exchange
from stratascope.usecases.relaunch.known import changed
from stratascope.usecases.relaunch.owner import ByOwner
from stratascope.usecases.relaunch.proof import (
    Proved,
    Shown,
    all_back,
    all_there,
    ask_original,
    broken,
    kept,
    look_at,
    not_enforced,
    taken_away,
    together,
    verify,
)
from stratascope.usecases.relaunch.watch import FailedError, WroteLateError
from stratascope.value import replace

Written = Callable[[str], Sequence[FileChange]]  # what a container changed in its image


def harden(
    access: EngineAccess,
    made: Plan,
    *,
    watch: float = WATCH,
    keep_unverified: bool = False,
    exercised: Sequence[str] = (),
    repeated: Observation | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    group: str = "",
) -> Iterator[Event]:
    """Carry out the plan. The last item is a `RelaunchResult`; no engine's fault is raised. `exercised`: commands
    that succeeded on a twin with exactly these settings; `repeated`: what a twin did in the same test. `group`: id
    shared by relaunches done one after the other.
    """
    if made.checked.blocks:
        yield RelaunchResult(RelaunchOutcome.REFUSED, None, made.checked.blocks[0].text)
        return
    try:
        for path, text in (file for each in (made, *made.along) for file in each.files):
            access.keep_profile(path, text)
    except JournalError as error:
        why = msg("The system call filter that it needs can't be saved.")
        yield RelaunchResult(RelaunchOutcome.REFUSED, None, why, error.words)
        return
    work: Recreation
    written: Written = cache(access.port.changes)  # queried once stopped; with an owner, just before
    if made.owner is None:
        work = _exchange(access, made, cancelled, group, written)
    else:
        work = ByOwner(access, _transaction(access, made, group), cancelled, expected(access, made))
    failed: list[Proved] = []
    halves = _Halves()

    def steps() -> Steps:
        hardened = (made, *made.along)
        before = [access.startup_processes(each.spec.id) for each in hardened]
        every = tuple({each.id: each for each in _containers(made)}.values())
        wrote = _kept(access, made, every, written) if made.owner is not None else {}  # an owner removes the old one
        answers = yield from timed(
            access.clock, "ask", msg("Check its answers"), lambda: [ask_original(access, each) for each in hardened]
        )
        yield from work.forward(watch)
        new = {member.old: member.new for member in work.transaction.members}
        for each, processes in zip(hardened, before, strict=True):
            all_back(access, each.choices, each.subject, processes, new[each.spec.id])
        wrote = wrote or _kept(access, made, every, written)
        for each_old in every:
            carried = any(member.old == each_old.id and member.image for member in work.transaction.members)
            all_there(access, each_old, new[each_old.id], wrote[each_old.id], carried=carried)
        begun = access.clock.now()
        progress = Progress("verify", State.BEGUN, 0.0, msg("Verify the result in /proc"))
        yield progress
        proofs = [
            replace(proof, original=each.spec.id)
            for each in hardened
            for proof in verify(access, each, new[each.spec.id])
        ]
        yield from proofs
        yield replace(progress, state=State.DONE, seconds=access.clock.now() - begun)
        failed.extend(item for item in proofs if item.proof.outcome is not Proven.ENFORCED)
        halves.proofs = tuple(proofs)
        if failed and not keep_unverified:
            raise FailedError(not_enforced(failed))
        each_shown = yield from timed(
            access.clock,
            "works",
            msg("Compare its behaviour with before"),
            lambda: [
                look_at(
                    access, each, before, new[each.spec.id], exercised=exercised, repeated=repeated, cancelled=cancelled
                )
                for each, before in zip(hardened, answers, strict=True)
            ],
        )
        halves.shown = shown = together([(each.spec.name, one) for each, one in zip(hardened, each_shown, strict=True)])
        for each, one in zip(hardened, each_shown, strict=True):
            if one.why is not None and not keep_unverified:
                raise broken(access, new[each.spec.id], one.why)
        for each_old in every:
            _same_needs(access, each_old, new[each_old.id])
        work.enter(Stage.VERIFIED, works=False if failed else shown.works)
        if failed or shown.works is False:
            return RelaunchOutcome.KEPT
        return RelaunchOutcome.VERIFIED if shown.works else RelaunchOutcome.ENFORCED

    events = carry_out(
        work, steps, explained=lambda ended, error: _explained(ended, made, work.transaction.stage, error, failed)
    )
    for event in events:
        yield halves.of(event) if isinstance(event, RelaunchResult) else event


def with_what_came(access: EngineAccess, made: Plan) -> Plan | None:
    """The same with a place for what it wrote as it stopped, which its layer has by now: new volumes, else an image.
    None if there is none. Raises EngineError, NoSuchContainerError.
    """
    if made.owner is not None or made.along or made.further:
        return None
    seen = look(access, made.spec.id)
    keeping = next(each for each in all_toggles() if each.keeps_data)
    places = "" if kept_in_root(seen.subject) or keeping.planned is None else keeping.planned(seen.subject)
    chosen = [item for item in made.choices if item.toggle is not keeping]
    remedies = made.remedies if places else made.remedies | {Remedy.COMMIT_LAYER}
    if places:
        before = [place for item in made.choices if item.toggle is keeping for place in item.value.split(",")]
        both = dict.fromkeys((*before, *places.split(",")))
        outer = [each for each in both if not any(each != other and within(each, other) for other in both)]
        chosen.append(Choice(keeping, ",".join(outer)))
    try:
        again = plan(access, seen, chosen, remedies)
    except ToggleError:
        return None
    return None if again.checked.blocks else again


def _containers(made: Plan) -> Iterator[Container]:
    """All containers that it relaunches."""
    yield from (each.subject.container for each in (made, *made.along))
    yield from (each.container for each in made.further)


def _same_needs(access: EngineAccess, old: Container, new: str) -> None:
    """What was learned of the old one is known of its replacement too, also if its image has another name by now."""
    with suppress(EngineError, NeedsError):
        state = access.read(new)
        if state is not None:
            access.needs.share(old, state.container)


def _kept(
    access: EngineAccess, made: Plan, containers: Sequence[Container], written: Written
) -> dict[str, tuple[str, ...]]:
    logs = Remedy.LEAVE_LOGS not in made.remedies and made.owner is None
    plans = {each.spec.id: each for each in (made, *made.along)}

    def of(container: Container) -> tuple[str, ...]:
        one = plans.get(container.id)
        volumes, marks = ((), None) if one is None else (one.volumes, one.subject.marks)
        return kept(access, container, written(container.id), volumes, marks, logs=logs)

    return {each.id: of(each) for each in containers}


class _Halves:
    """Findings on the replacement: whether it is enforced, and whether it works."""

    def __init__(self) -> None:
        self.proofs: tuple[Proved, ...] | None = None
        self.shown = Shown()

    def of(self, ended: RelaunchResult) -> RelaunchResult:
        """Adds them to the end, including why it does not work if it was kept all the same."""
        if self.proofs is None:
            return ended
        outcomes = {item.proof.outcome for item in self.proofs} if ended.ending.stays else {Proven.UNKNOWN}
        enforced = None if Proven.UNKNOWN in outcomes else True
        shown = self.shown
        return replace(
            ended,
            enforced=False if Proven.NOT_ENFORCED in outcomes else enforced,
            works=shown.works,
            compared=shown.compared,
            not_compared=shown.not_compared,
            doubts=shown.doubts,
            why=shown.why if ended.why is None else ended.why,
        )


def _explained(
    ended: RelaunchResult, made: Plan, stage: Stage, error: Exception, failed: Sequence[Proved]
) -> RelaunchResult:
    """With our best explanation, if it is the replacement that failed."""
    match error:
        case WroteLateError():
            return replace(ended, wrote_late=ended.ending is RelaunchOutcome.ROLLED_BACK)
        case FailedError(failure=Failure() as failure):
            pass
        case RefusedError() if stage in (Stage.INTENT, Stage.RENAMED):  # of create, of start
            failure = Failure(words=error.words)
        case FailedError() if failed:
            text, suspects = leave_out([item.choice for item in failed])
            return replace(ended, blame=text, suspects=suspects)
        case _:
            return ended
    if made.repairs:
        return replace(ended, blame=still_lacking(made.wanted, failure, made.subject))
    text, suspects = blame(made.choices, failure, made.subject)
    return replace(ended, blame=text, suspects=suspects)


def _exchange(
    access: EngineAccess, made: Plan, cancelled: Callable[[], bool], group: str, written: Written
) -> Exchange:
    known = {each.id: each for each in _containers(made)}
    plans = {each.spec.id: each for each in (made, *made.along)}
    transaction = _transaction(access, made, group)

    def loses(member: Member) -> Message | None:
        changes, one = written(member.old), plans.get(member.old)
        logs = Remedy.LEAVE_LOGS not in made.remedies
        marks = None if one is None else one.subject.marks
        paths = "" if member.image else lost_files(known[member.old], changes, member.volumes, marks, logs=logs)
        if paths:
            return msg("It has written files outside its volumes in the meantime, which the "
                       "replacement would not have: {paths}. Try again, and carry them over.", paths=paths)  # fmt: skip
        paths = "" if one is None else taken_away(one.subject, one.wanted, changes)
        if paths:
            return msg("It has written files outside its volumes in the meantime, which the new settings would hide "
                       "or no longer let it write: {paths}. Try again.", paths=paths)  # fmt: skip
        return None

    def wrote(container: str) -> Sequence[FileChange]:
        """Nothing where new volumes take over or a new tmpfs covers all of it: no image is needed then, and the
        replacement starts as its twin did.
        """
        changes, one = written(container), plans.get(container)
        if one is not None:
            left = [each.path for each in leaves(own_files(known[container], changes, one.volumes))]
            if len(hidden(left, one.subject.container.asked, one.wanted)) == len(left):
                return ()
        return own_files(known[container], changes)

    return Exchange(
        access.port,
        access.journal,
        transaction,
        cancelled,
        access.clock,
        expected(access, made),
        made.spec.body,
        wrote,
        loses=loses,
        stale=lambda: changed(access.port, access.journal, transaction),
        hand_over=tuple(change for each in (made, *made.along) for change in each.handed),
    )


def _transaction(access: EngineAccess, made: Plan, group: str) -> Transaction:
    number, spec = secrets.token_hex(8), made.spec
    earlier = (
        None
        if made.owner is not None
        else next((item for item in transactions(access.journal) if replaces_again(made.state.container, item)), None)
    )
    running = not made.repairs
    members = [replace(_member(spec, number, made.body, made.remedies, running=running), new_runs=True,
                       volumes=made.volumes)]  # fmt: skip
    if made.owner is None:
        hardened = {each.spec.id: each for each in made.along}
        for each in made.further:
            along = hardened.get(each.spec.id)
            body = each.spec.body if along is None else along.body
            member = _member(each.spec, number, body, made.remedies, running=each.container.status is Status.RUNNING)
            members.append(member if along is None else replace(member, volumes=along.volumes))
    else:  # an owner creates the containers under its own names, and sets none aside
        members += [_member(each.spec, number, "", made.remedies, running=True) for each in made.along]
        members = [
            replace(each, old_aside="", new_aside="", image="", old_image="", inspect="", body="", original="")
            for each in members
        ]
    began = Transaction.of(
        tuple(members),
        number=number,
        kind=TransactionKind.HARDEN,
        stage=Stage.INTENT,
        engine=spec.engine,
        endpoint=access.engine.endpoint,
        created=made.owner is None,
        started_at=0.0,
        choices=tuple(map(str, made.choices)),
        owner=None if made.owner is None else made.owner.owned,
        kept=None if earlier is None else earlier.members[0],
        group=group,
        leave_logs=Remedy.LEAVE_LOGS in made.remedies,
    )
    return begun_now(began)


def _member(spec: LaunchSpec, number: str, body: str, remedies: frozenset[Remedy], *, running: bool) -> Member:
    commit = Remedy.COMMIT_LAYER in remedies and bool(spec.image_id)
    return Member(
        name=spec.name,
        old=spec.id,
        new="",
        old_aside=f"{spec.name}.old-{number[:8]}",
        new_aside=claim(spec.id),
        restart=spec.restart,
        new_restart=spec.restart,
        was_running=running,
        stop_timeout=spec.stop_timeout,
        image=layer_image(spec.name, number) if commit else "",
        old_image=own_image(spec.image),
        inspect=spec.inspect,
        body=body,
        original=spec.body,
    )


def change_limits(access: EngineAccess, made: Plan) -> Iterator[Event]:
    """The last item is a `RelaunchResult`; raises nothing that an engine can cause."""
    begun = time.monotonic()
    progress = Progress("limits", State.BEGUN, 0.0, msg("Change the limits while it runs"))
    yield progress
    try:
        access.port.limit(made.spec.id, made.wanted)
    except (EngineError, NoSuchContainerError) as error:
        yield replace(progress, state=State.FAILED, seconds=time.monotonic() - begun)
        why, words, _ = in_words(error)
        if _changed(access, made):  # part of it, or all and only the answer failed
            why = msg("{why} A part of it may be in effect.", why=why)
            yield RelaunchResult(RelaunchOutcome.KEPT, None, why, words)
        else:
            yield RelaunchResult(RelaunchOutcome.REFUSED, None, why, words)
        return
    yield replace(progress, state=State.DONE, seconds=time.monotonic() - begun)
    proofs = verify(access, made, made.spec.id)
    yield from proofs
    failed = [item for item in proofs if item.proof.outcome is not Proven.ENFORCED]
    yield (
        RelaunchResult(RelaunchOutcome.KEPT, None, not_enforced(failed))
        if failed
        else RelaunchResult(RelaunchOutcome.LIMITED, None, enforced=True)
    )


def _changed(access: EngineAccess, made: Plan) -> bool:
    """True also if that is not known."""
    try:
        now = access.read(made.spec.id)
    except EngineError:
        return True
    return now is not None and now.container.asked != made.state.container.asked
