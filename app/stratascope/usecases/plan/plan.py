"""Thinking a relaunch through: what there is, what is wanted, and what stands in the way. Nothing is changed here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from stratascope.core.container import Asked, Container
from stratascope.core.ports import NoSuchContainerError
from stratascope.core.relaunch.evidence import Liveness
from stratascope.core.relaunch.launch_spec import FileChange, LaunchSpec
from stratascope.core.relaunch.owner import OwnerPlan, OwnerRefusal
from stratascope.core.relaunch.toggle import Choice, Subject
from stratascope.core.relaunch.transaction import Remedy, Transaction
from stratascope.core.snapshot import ContainerState
from stratascope.layers.toggles import all_live, files_named, fold, plain
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.evidence.expected import Expected
from stratascope.usecases.evidence.startup_processes import ProcessKind
from stratascope.usecases.plan.dependency_graph import dependents
from stratascope.usecases.plan.dependents import Dependent, look_at_dependents, with_dependents
from stratascope.usecases.plan.preflight import Preflight, preflight, unproven, unwatched, while_running


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
    before: Liveness = field(default_factory=Liveness)  # of the original
    further: tuple[Dependent, ...] = ()  # relaunched with it, unchanged

    @property
    def live(self) -> bool:
        """Whether only limits change, which the engine does while it runs."""
        return self.owner is None and all_live(self.choices)


def plan(
    access: EngineAccess, container: str, choices: Sequence[Choice], remedies: frozenset[Remedy] = frozenset()
) -> Plan:
    """Raises EngineError, NoSuchContainerError, ToggleError."""
    state = access.read(container)
    if state is None:
        raise NoSuchContainerError(container)
    changes = access.port.changes(state.container.id)
    before = access.liveness(state.container.id)
    subject = looked(access, replace(subject_of(access, state, choices, changes), listens=before.listens))
    spec = access.port.plan(state.container.id)
    chosen = plain(choices, subject)
    wanted = fold(spec.asked, chosen, subject)
    others = access.containers()
    made = Plan(state, subject, spec, chosen, wanted, access.port.body(spec, wanted), Preflight((), ()), remedies)
    owner = _owner(access, made, others)
    transactions = tuple(item for item in access.journal.all() if isinstance(item, Transaction))
    checked = preflight(
        spec,
        state.container,
        others,
        changes,
        transactions,
        access.host,
        remedies,
        owner,
        wanted=wanted,
        subject=subject,
        now=time.time(),
    )
    blind = unproven(access.trouble())
    if blind:  # nothing else counts then, and of much of it nothing could be said
        return replace(made, checked=Preflight(blind, ()), before=before)
    checked = replace(checked, warnings=(*checked.warnings, *unwatched(before)))
    made = replace(made, before=before)
    if isinstance(owner, OwnerPlan):
        return replace(made, checked=checked, owner=owner)
    if all_live(chosen):
        return replace(made, checked=while_running(checked))
    needing = [other for other, _ in dependents(state.container, others)]
    found = look_at_dependents(access.port, needing, others, transactions, access.host, remedies, time.time())
    checked = with_dependents(checked, found, remedies)
    return replace(made, checked=checked, further=found if Remedy.DEPENDENTS in remedies else ())


def expected(access: EngineAccess, made: Plan) -> Expected:
    """What a replacement must do as the original did, whoever creates it."""
    return Expected(made.before, access.liveness, made.spec.state.health)


def _owner(access: EngineAccess, made: Plan, others: Sequence[Container]) -> OwnerPlan | OwnerRefusal | None:
    if access.owners is None:
        return None
    return access.owners.plan(
        made.state.container,
        made.spec,
        others,
        lambda kind: access.owner_text(kind, made.spec, made.wanted, made.body),
    )


def subject_of(
    access: EngineAccess, state: ContainerState, choices: Sequence[Choice], changes: Sequence[FileChange] | None = None
) -> Subject:
    """A container as toggles see it, with the files that the choices name; `changes` None: not looked at."""
    files = tuple((path, text) for path in files_named(choices) if (text := access.profile_text(path)) is not None)
    return Subject(
        state.container,
        access.engine,
        tuple((layer.id, layer.facts) for layer in state.layers),
        files=files,
        changes=None if changes is None else tuple(change.path for change in changes),
        listeners=access.listeners(),
        memory_total=access.ground.memory_total,
    )


def looked(access: EngineAccess, subject: Subject) -> Subject:
    """With what is looked at for one container alone, and what its engine says of its ports."""
    number = subject.container.id
    inside = access.root_files(number)
    return replace(
        subject,
        nodes=inside.nodes,
        set_uid=inside.set_uid,
        users=_users(access.startup_processes(number)),
        listeners=subject.listeners if inside.listeners is None else inside.listeners,
        published=access.port.running(number).published,
    )


def _users(kinds: frozenset[ProcessKind] | None) -> tuple[tuple[str, int], ...] | None:
    if kinds is None:
        return None
    return tuple(sorted((kind.name, kind.user) for kind in kinds if kind.user is not None))
