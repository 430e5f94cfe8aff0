"""Thinking a relaunch through: what there is, what is wanted, and what stands in the way. Nothing is changed here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from stratascope.core.container import Asked, Container, Engine
from stratascope.core.ports import NoSuchContainerError, Relauncher
from stratascope.core.record import Trouble
from stratascope.core.relaunch.launch_spec import FileChange, Inside, LaunchSpec, Vitals
from stratascope.core.relaunch.owner import OwnerKind, OwnerPlan, OwnerRefusal, Owners, OwnerText
from stratascope.core.relaunch.privileged_files import HostFiles
from stratascope.core.relaunch.toggle import Choice, Subject
from stratascope.core.relaunch.transaction import Journal, Remedy, Transaction
from stratascope.core.snapshot import ContainerState
from stratascope.layers.toggles import all_live, fold, plain
from stratascope.usecases.evidence.startup_processes import Hand
from stratascope.usecases.plan.dependency_graph import dependents
from stratascope.usecases.plan.dependents import Follower, followers, with_followers
from stratascope.usecases.plan.preflight import Preflight, preflight, unproven, unwatched, while_running
from stratascope.usecases.relaunch.probation import Clock, Expected


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
    # why the engine's kernel could not be asked when it was last tried; None where it could
    trouble: Callable[[], Trouble | None] = lambda: None


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

    @property
    def live(self) -> bool:
        """Whether only limits change, which the engine does while it runs."""
        return self.owner is None and all_live(self.choices)


def plan(shop: Workshop, container: str, choices: Sequence[Choice], remedies: frozenset[Remedy] = frozenset()) -> Plan:
    """Raises EngineError, NoSuchContainerError, ToggleError."""
    state = shop.read(container)
    if state is None:
        raise NoSuchContainerError(container)
    changes = shop.port.changes(state.container.id)
    before = shop.vitals(state.container.id)
    subject = looked(shop, replace(subject_of(shop, state, choices, changes), listens=before.listens))
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
    blind = unproven(shop.trouble())
    if blind:  # nothing else counts then, and of much of it nothing could be said
        return replace(made, checked=Preflight(blind, ()), before=before)
    checked = replace(checked, warnings=(*checked.warnings, *unwatched(before)))
    made = replace(made, before=before)
    if isinstance(owner, OwnerPlan):
        return replace(made, checked=checked, owner=owner)
    if all_live(chosen):
        return replace(made, checked=while_running(checked))
    needing = [other for other, _ in dependents(state.container, others)]
    found = followers(shop.port, needing, others, transactions, shop.host, remedies, time.time())
    checked = with_followers(checked, found, remedies)
    return replace(made, checked=checked, further=found if Remedy.DEPENDENTS in remedies else ())


def expected(shop: Workshop, made: Plan) -> Expected:
    """What a replacement must do as the original did, whoever creates it."""
    return Expected(made.before, shop.vitals, made.spec.footing.health)


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


def looked(shop: Workshop, subject: Subject) -> Subject:
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
