"""Containers relaunched together with one that they need: whether that is possible, and its warnings.

Each is examined as if it were to be relaunched itself. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stratascope.core.container import Container, Status
from stratascope.core.host_files import HostFiles
from stratascope.core.message import msg
from stratascope.core.ports import NoSuchContainerError, Relauncher
from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.core.relaunch.transaction import Remedy, Transaction
from stratascope.usecases.plan.preflight import TIED, Block, Caution, Preflight, hardened_before, preflight
from stratascope.value import Value, replace


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
        Caution(item.code, msg("{name}: {text}", name=dependent.container.name, text=item.text))
        for dependent in found
        for item in dependent.checked.warnings
        if chosen
    ]
    return Preflight(tuple(blocks), (*checked.warnings, *cautions))
