"""Plans several relaunches together, in the order in which they will happen. Changes nothing.

One relaunch is of one container, or of several that engine or owner can't handle separately: all replicas of a Compose
service, which Compose recreates at once; a container and those that use its namespaces. All of them are examined before
the first is touched: one refusal refuses them all.
"""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, OwnerError
from stratascope.core.relaunch.owner import OwnerPlan, OwnerRefusal, has_owner
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import Remedy, transactions
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.listing.alike import in_order
from stratascope.usecases.plan.dependency_graph import dependents, set_aside
from stratascope.usecases.plan.look import Look
from stratascope.usecases.plan.plan import Plan, owner_of, plan
from stratascope.usecases.plan.preflight import TIED, Block, Caution, hardened_before
from stratascope.value import replace


def plan_together(
    access: EngineAccess,
    wanted: Sequence[tuple[Look, Sequence[Choice]]],
    remedies: frozenset[Remedy] = frozenset(),
    *,
    keep_done: bool = False,
) -> tuple[Plan, ...]:
    """One plan per relaunch, in order; `Plan.along` are those that happen in the same one.

    `keep_done`: relaunches done before one fails are kept. Raises EngineError, NoSuchContainerError, ToggleError.
    """
    looks = {look.state.container.id: (look, choices) for look, choices in wanted}
    ordered = in_order([look.state.container for look, _ in looks.values()])
    chosen = frozenset(looks)
    known = transactions(access.journal)
    plans: dict[str, Plan] = {}
    for container in ordered:
        look, choices = looks[container.id]
        aside = set_aside(look.others, known)
        needing = {other.id for other, _ in dependents(container, look.others)} - aside
        taken = remedies | {Remedy.DEPENDENTS} if needing and needing <= chosen else remedies
        if has_owner(container) and needing & chosen:  # an owner would re-create those before their own turn
            taken -= {Remedy.DEPENDENTS}
        made = plan(access, look, choices, taken, chosen)
        if not keep_done and not made.live:  # undoing it would lead back past what runs now
            again = [block for block in hardened_before(container, known) if block not in made.checked.blocks]
            made = replace(made, checked=replace(made.checked, blocks=(*made.checked.blocks, *again)))
        plans[container.id] = made
    found = _joined(tuple(plans.values()))
    # limit changes last: they are not undone if a later relaunch fails
    return tuple(sorted(found, key=lambda made: made.live))


def members(made: Plan) -> tuple[Plan, ...]:
    """The plan of every container in this relaunch."""
    return (made, *made.along)


def refusals(plans: Sequence[Plan]) -> tuple[tuple[Plan, Block], ...]:
    """All obstacles, each with its plan."""
    return tuple((each, block) for made in plans for each in members(made) for block in each.checked.blocks)


def fresh(access: EngineAccess, made: Plan) -> Plan:
    """The plan with its owner's files as they are now, since an earlier relaunch in the same project has changed them.

    Raises EngineError; OwnerError if its owner would no longer do it.
    """
    if made.owner is None:
        return made
    along = frozenset(each.spec.id for each in made.along)
    match owner_of(access, made, access.containers(), along):
        case OwnerPlan() as owner if _shown(owner) <= _shown(made.owner):
            return replace(made, owner=owner)
        case OwnerPlan():
            raise OwnerError(msg("The project's files were changed in the meantime. Try again."))
        case OwnerRefusal(text=text):
            raise OwnerError(text)
        case None:
            raise EngineError(EngineState.CONNECTED, msg("Its owner no longer knows it."))


def _shown(owner: OwnerPlan) -> set[tuple[str, str]]:
    """What will be written and run, without the first line of a text, which is different each time."""
    written = {(file.path, file.text.partition("\n")[2]) for file in owner.files}
    return {*written, *(("", command) for command in owner.commands)}


def _joined(plans: Sequence[Plan]) -> list[Plan]:
    """Group replicas of a service, and containers with those that another one takes along."""
    services: dict[str, list[Plan]] = {}
    for made in plans:
        if made.owner is not None:
            services.setdefault(made.owner.owned.key, []).append(made)
    chosen = {made.spec.id: made for made in plans}
    needing = {number for made in plans for number in _takes(made)}
    found: dict[str, Plan] = {}
    gone: set[str] = set()
    for made in sorted(plans, key=lambda each: each.spec.id in needing):  # in a cycle of links the first takes the rest
        if made.owner is not None:
            first, *others = services[made.owner.owned.key]
            if made is first:
                found[made.spec.id] = replace(first, along=tuple(others))
        elif made.spec.id not in gone:
            along = tuple(chosen[number] for number in _takes(made) if number in chosen)
            found[made.spec.id] = _hardening(replace(made, along=along))
            gone |= {each.spec.id for each in along}
    taken = [number for made in found.values() for number in _takes(made)]
    twice = {number for number in taken if taken.count(number) > 1}
    return [_refused(found[number], twice) for number in chosen if number in found]


def _hardening(made: Plan) -> Plan:
    """Correct the warning on its dependents: they are hardened with it, not recreated unchanged as they would be with
    it alone.
    """
    ties = frozenset(TIED.values())
    if not made.along or not any(each.code in ties for each in made.checked.warnings):
        return made
    names = ", ".join(each.container.name for each in made.further)
    caution = Caution("dependents", msg("Relaunched with it, and started after it: {names}.", names=names))
    others = tuple(each for each in made.checked.warnings if each.code not in ties)
    return replace(made, checked=replace(made.checked, warnings=(caution, *others)))


def _takes(made: Plan) -> list[str]:
    """IDs of the dependents that are relaunched with it."""
    return [] if made.owner is not None or made.live else [each.container.id for each in made.further]


def _refused(made: Plan, twice: set[str]) -> Plan:
    names = [each.container.name for each in made.further if each.container.id in twice]
    if not names:
        return made
    text = msg("{name} needs several of those to be relaunched one after the other, and can go with only one.",
               name=names[0])  # fmt: skip
    block = Block("dependents", text, msg("Relaunch them one by one."))
    return replace(made, checked=replace(made.checked, blocks=(*made.checked.blocks, block)))
