"""Plans a relaunch: the present state, what is wanted, and obstacles. Changes nothing.

Containers that need this one may be relaunched with it: each is examined as if it were to be relaunched itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from stratascope.core.container import Asked, Container, Status
from stratascope.core.message import Message, colon, msg
from stratascope.core.observation.observation import NeedsError
from stratascope.core.ports import HostFiles, NoSuchContainerError, Relauncher
from stratascope.core.relaunch.data_volume import DataVolume, new_volumes
from stratascope.core.relaunch.evidence import Expected, Liveness
from stratascope.core.relaunch.file_owners import VolumeChange
from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.core.relaunch.owner import OwnerPlan, OwnerRefusal
from stratascope.core.relaunch.toggle import Choice, Subject, ToggleError
from stratascope.core.relaunch.transaction import Remedy, Transaction, transactions
from stratascope.core.snapshot import ContainerState
from stratascope.layers.toggles import all_live, fold, plain
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.choices import Resolved, resolved
from stratascope.usecases.plan.dependency_graph import dependents, set_aside
from stratascope.usecases.plan.file_access import check_owners, handed_over
from stratascope.usecases.plan.look import Look, profiles
from stratascope.usecases.plan.preflight import (
    TIED,
    Block,
    Caution,
    Preflight,
    hardened_before,
    preflight,
    replaces_again,
    unproven,
    unwatched,
    while_running,
)
from stratascope.usecases.plan.written_files import lost_files, with_chosen
from stratascope.value import Value, field, replace

_OWNED = Block(
    "volume-owner",
    msg("Compose or systemd re-creates it, and may start it before its files belong to the new user."),
    msg("Change the owners by hand, and leave out this change."),
)
_NOTHING_HANDED = Caution(
    "volume-owner", msg("It starts as the same user as before, or writes to no volume: no file gets another owner.")
)


class Plan(Value):
    """A planned relaunch with its obstacles. `body` holds secrets.

    `owner`: the program that recreates it, instead of the engine's own call.
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
    before: Liveness = field(default_factory=Liveness)  # of the original
    further: tuple[Dependent, ...] = ()  # relaunched with it, unchanged
    files: tuple[tuple[str, str], ...] = ()  # path and text, written before it is created
    handed: tuple[VolumeChange, ...] = ()  # volumes whose files are given to its new user
    why: tuple[tuple[str, Message], ...] = ()  # of learned values, by the toggle's id
    repairs: bool = False  # it has ended, and is started again with what it lacked
    along: tuple[Plan, ...] = ()  # those hardened with it in one relaunch; with an owner, its other replicas

    @property
    def volumes(self) -> tuple[DataVolume, ...]:
        """New ones, filled with what it keeps there."""
        return new_volumes(self.spec.asked, self.wanted)

    @property
    def live(self) -> bool:
        """Whether only limits change, which the engine does while it runs."""
        return self.owner is None and not self.repairs and all_live(self.choices)


def plan(
    access: EngineAccess,
    seen: Look,
    choices: Sequence[Choice],
    remedies: frozenset[Remedy] = frozenset(),
    along: frozenset[str] = frozenset(),
) -> Plan:
    """`along`: ids of those that are hardened too. Raises EngineError, NoSuchContainerError, ToggleError."""
    state, spec, changes, before, others = seen.state, seen.spec, seen.changes, seen.before, seen.others
    found, subject, chosen, wanted, body, handed = _made(access, seen, choices)
    made = Plan(
        state,
        subject,
        spec,
        chosen,
        wanted,
        body,
        Preflight((), ()),
        remedies,
        files=found.files,
        handed=handed,
        why=found.why,
    )
    owner = owner_of(access, made, others, along)
    made = replace(made, repairs=owner is None and state.container.status.rests and _gives(chosen, subject))
    given = {change.source for change in handed if not change.new}
    known = transactions(access.journal)
    checked = preflight(
        spec,
        state.container,
        others,
        changes,
        known,
        access.host,
        remedies,
        owner,
        wanted=replace(wanted, mounts=tuple(mount for mount in wanted.mounts if mount.source not in given)),
        subject=subject,
        repairs=made.repairs,
        now=time.time(),
    )
    blind = unproven(access.trouble())
    if blind:  # the only block to report, since most other checks could not be made
        return replace(made, checked=Preflight(blind, ()), before=before)
    if not made.repairs:
        checked = replace(checked, warnings=(*checked.warnings, *unwatched(before), *_unlearned(access, state)))
    if not handed and any(item.toggle.hands_over for item in chosen):
        checked = replace(checked, warnings=(*checked.warnings, _NOTHING_HANDED))
    if handed and owner is not None:
        checked = replace(checked, blocks=(*checked.blocks, _OWNED))
    made = replace(made, before=before)
    if isinstance(owner, OwnerPlan):
        if Remedy.DEPENDENTS in remedies:
            taken = [other for other in others if other.id in owner.takes]
            checked = replace(checked, blocks=(*checked.blocks, *_lost_with_it(access.port, taken, remedies)))
        return replace(made, checked=checked, owner=owner)
    if made.live:
        return replace(made, checked=while_running(checked))
    aside = set_aside(others, known)
    needing = [other for other, _ in dependents(state.container, others) if other.id not in aside]
    needed = look_at_dependents(access.port, needing, others, known, access.host, remedies, time.time())
    checked = with_dependents(checked, needed, remedies)
    if needed:
        checked = replace(checked, blocks=(*checked.blocks, *hardened_before(state.container, known)))
    return replace(made, checked=checked, further=needed if Remedy.DEPENDENTS in remedies else ())


def _unlearned(access: EngineAccess, state: ContainerState) -> Iterator[Caution]:
    """If what it was seen to use can't be read, so that it is judged as if nobody had watched it."""
    try:
        access.needs.of(state.container)
    except NeedsError as error:
        text = msg("What was learned of it can't be read, so it is judged as if nobody had watched it: {words}",
                   words=error.words)  # fmt: skip
        yield Caution("needs-unread", text)


def _made(
    access: EngineAccess, seen: Look, choices: Sequence[Choice]
) -> tuple[Resolved, Subject, tuple[Choice, ...], Asked, str, tuple[VolumeChange, ...]]:
    """What the choices come to: with their values, what is known then, as applied, all options, the request to create
    it, and whose files change. Raises EngineError, ToggleError.
    """
    spec = seen.spec
    found = resolved(choices, seen.subject, access.profile_place)
    subject = replace(seen.subject, files=(*profiles(access, found.choices), *found.files))
    subject = with_chosen(access, subject, seen.changes, found.choices)
    chosen = plain(found.choices, subject)
    wanted = fold(spec.asked, chosen, subject)
    handed = handed_over(access, subject, spec.asked, wanted, chosen)
    check_owners(access, subject, spec.asked, wanted, handed)
    return found, subject, chosen, wanted, access.port.body(spec, wanted), handed


def able(
    access: EngineAccess, seen: Look, choices: Sequence[Choice]
) -> tuple[tuple[Choice, ...], tuple[tuple[Choice, Message], ...]]:
    """Those that can be done together, as given, and why each other can't: one "no" is no reason against the rest.

    What keeps its data is the last to go: the others count on it. Raises EngineError.
    """
    why_not = _why_not(access, seen, choices)
    if why_not is None:
        return tuple(choices), ()
    for one in sorted(choices, key=lambda each: each.toggle.keeps_data):
        others = tuple(each for each in choices if each is not one)
        if _why_not(access, seen, others) is None:
            return others, ((one, why_not),)
    kept, against = list[Choice](), list[tuple[Choice, Message]]()
    for one in sorted(choices, key=lambda each: not each.toggle.keeps_data):
        why_not = _why_not(access, seen, (*kept, one))
        if why_not is None:
            kept.append(one)
        else:
            against.append((one, why_not))
    return tuple(each for each in choices if each in kept), tuple(against)


def _why_not(access: EngineAccess, seen: Look, choices: Sequence[Choice]) -> Message | None:
    try:
        _made(access, seen, choices)
    except ToggleError as error:
        return error.message
    return None


def _gives(chosen: Sequence[Choice], subject: Subject) -> bool:
    """Whether it only allows more: everything was missing before, or is another value of an existing limit."""
    return bool(chosen) and all(
        choice.gives or (choice.toggle.limit and choice.toggle.on(subject.container.asked, subject))
        for choice in chosen
    )


def expected(access: EngineAccess, made: Plan) -> Expected:
    """What a replacement must do as the original did, whoever creates it."""
    return Expected(made.before, access.liveness, made.spec.state.health)


def owner_of(
    access: EngineAccess, made: Plan, others: Sequence[Container], along: frozenset[str] = frozenset()
) -> OwnerPlan | OwnerRefusal | None:
    """How its owner would recreate it, with its files as they are now; None if nobody owns it."""
    if access.owners is None:
        return None
    found = access.owners.plan(
        made.state.container,
        made.spec,
        others,
        lambda kind: access.owner_text(kind, made.spec, made.wanted, made.body),
        along,
    )
    return _on_top(access, made.state.container, found) if isinstance(found, OwnerPlan) else found


def _on_top(access: EngineAccess, container: Container, found: OwnerPlan) -> OwnerPlan | OwnerRefusal:
    """Of a change that an earlier one is in effect beneath. Raises EngineError."""
    earlier = [item.owner for item in transactions(access.journal) if item.owner and replaces_again(container, item)]
    if not earlier or access.owners is None:
        return found
    gone = next((each for each in earlier if not access.owners.holds(each)), None)
    if gone is not None:
        text = msg("The file {path} was changed after Stratascope wrote to it.", path=gone.files[0].path)
        return OwnerRefusal(
            found.kind, text, msg("Remove by hand what is not wanted in it, and discard the earlier change.")
        )
    texts = tuple(file for each in earlier for file in each.files)
    warnings = (*found.warnings, msg("It was changed through its owner before. An undo goes back to before the first "
                                     "change."))  # fmt: skip
    return replace(found, owned=replace(found.owned, earlier=texts), warnings=warnings)


def _lost_with_it(port: Relauncher, taken: Sequence[Container], remedies: frozenset[Remedy]) -> tuple[Block, ...]:
    """For those that an owner re-creates with it, which keep nothing outside their volumes. Raises EngineError."""
    found = []
    for other in taken:
        with suppress(NoSuchContainerError):
            lost = lost_files(other, port.changes(other.id), logs=Remedy.LEAVE_LOGS not in remedies)
            if lost:
                text = msg("{name} wrote files outside its volumes, which would be lost with it: {paths}.",
                           name=other.name, paths=lost)  # fmt: skip
                found.append(Block("dependents", text, msg("Copy them elsewhere, and remove them in it.")))
    return tuple(found)


class Dependent(Value):
    """One that is relaunched, unchanged, with a container that it needs."""

    container: Container
    spec: LaunchSpec
    checked: Preflight


def look_at_dependents(
    port: Relauncher,
    containers: Iterable[Container],
    others: Sequence[Container],
    transactions: Sequence[Transaction],
    host: HostFiles,
    remedies: frozenset[Remedy],
    now: float,
) -> tuple[Dependent, ...]:
    """Examines each as if it were to be relaunched itself. Raises EngineError."""
    found = []
    for container in containers:
        try:
            spec, changes = port.plan(container.id), port.changes(container.id)
        except NoSuchContainerError:  # it is gone, and needs nothing any more
            continue
        taken = remedies | {Remedy.DEPENDENTS}  # containers that need this one are among them
        checked = preflight(spec, container, others, changes, transactions, host, taken, now=now)
        stopped = container.status in (Status.EXITED, Status.CREATED)  # recreated, but not started
        blocks = tuple(block for block in checked.blocks if not (stopped and block.code == "not-running"))
        blocks += tuple(hardened_before(container, transactions))
        warnings = tuple(item for item in checked.warnings if item.code not in TIED.values())
        found.append(Dependent(container, spec, Preflight(blocks, warnings)))
    return tuple(found)


def with_dependents(checked: Preflight, found: Sequence[Dependent], remedies: frozenset[Remedy]) -> Preflight:
    """The container's own preflight combined with those from look_at_dependents: what blocks one of them blocks it."""
    chosen = Remedy.DEPENDENTS in remedies
    blocks = list(checked.blocks)
    for dependent in found:
        for block in dependent.checked.blocks:
            if not chosen and block.remedy is not None:
                continue  # reported once that option is taken
            text = msg("{name} needs it, and can't be relaunched with it: {why}", name=dependent.container.name,
                       why=block.text)  # fmt: skip
            blocks.append(Block("dependents", text, block.instead, block.remedy))
            # that option alone would not help
            blocks = [replace(each, remedy=None) if each.remedy is Remedy.DEPENDENTS else each for each in blocks]
    cautions = [
        Caution(item.code, colon(dependent.container.name, item.text))
        for dependent in found
        for item in dependent.checked.warnings
        if chosen
    ]
    return Preflight(tuple(blocks), (*checked.warnings, *cautions))
