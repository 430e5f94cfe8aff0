"""Checks before a relaunch: obstacles, and what will be different. Changes nothing.

A block says why, and what to do instead. These are the traps that engines set: what looks like a relaunch but loses a
volume, leaves a container with two owners, or could not be undone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stratascope.core.container import Asked, Container, EngineKind, Status
from stratascope.core.host_files import HostFiles
from stratascope.core.machine_capture import Trouble
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.evidence import Liveness
from stratascope.core.relaunch.launch_spec import FileChange, LaunchSpec
from stratascope.core.relaunch.owner import OwnerPlan, OwnerRefusal
from stratascope.core.relaunch.toggle import Subject
from stratascope.core.relaunch.transaction import Remedy, Stage, Transaction, TransactionKind
from stratascope.usecases.plan.block import COMPOSED
from stratascope.usecases.plan.block import Block as Block
from stratascope.usecases.plan.dependency_graph import Dependency, dependents, set_aside
from stratascope.usecases.plan.preflight_warnings import Caution as Caution
from stratascope.usecases.plan.preflight_warnings import access, cut_off, host_paths, no_longer_shared
from stratascope.usecases.plan.preflight_warnings import some as _some
from stratascope.usecases.plan.written_files import leaves, own_files, volatile
from stratascope.usecases.plan.written_layer import in_memory, layer
from stratascope.value import Value, replace

_SECRETS = "/run/secrets"
TIED = {Dependency.NAMESPACES: "dependents", Dependency.LINK: "linked", Dependency.REQUIRES: "required"}  # codes
_LOOP = 60.0  # seconds that a container which had exited by itself must run before it counts as stable


class Preflight(Value):
    """It may go on if `blocks` is empty."""

    blocks: tuple[Block, ...]
    warnings: tuple[Caution, ...]


_EXPORT = msg("Export the hardened settings, and apply them where the container comes from.")


def preflight(
    spec: LaunchSpec,
    container: Container,
    others: Sequence[Container],
    changes: Sequence[FileChange],
    transactions: Sequence[Transaction],
    host: HostFiles,
    remedies: frozenset[Remedy] = frozenset(),
    owner: OwnerPlan | OwnerRefusal | None = None,
    *,
    wanted: Asked | None = None,
    subject: Subject | None = None,
    repairs: bool = False,
    now: float = 0.0,
) -> Preflight:
    """`wanted`: the future options; `subject`: what is known of the container; `now`: seconds since the epoch.
    `repairs`: it has ended and is to be started with what it lacked. `owner`: how its owner recreates it. An owner
    knows its own settings, so none of them is lost.

    `remedies`: the options taken; the blocks that they handle become warnings.
    """
    written = own_files(container, changes)
    aside = set_aside(others, transactions)
    needing = dependents(container, others)
    owned = isinstance(owner, OwnerPlan)
    if owner is not None:  # Quadlet sets --rm for every container, and recreates it
        spec = replace(spec, auto_remove=False)
    if owned:  # an owner keeps neither a layer nor others' namespaces
        remedies &= {Remedy.LEAVE_LOGS}
        spec = replace(spec, lost=(), differs=())
    blocks = [
        *_owners(container, owner),
        *_states(spec, container, now, repairs=repairs),
        *_dependents([(other, how) for other, how in needing if other.id not in aside], owned=owned),
        *_networks(spec),
        *_missing(container, host),
        *_unshared(spec, container, host),
        *(() if owned else _secrets(container, written)),  # its owner writes them anew
        *_unfinished(container, transactions),
        *layer(spec, container, written, host, remedies, owned=owned),
        *(() if wanted is None or subject is None else in_memory(subject, wanted, remedies)),
        *(Block("lost", text, _EXPORT) for text in spec.lost),
    ]
    left = [block for block in blocks if block.remedy is None or block.remedy not in remedies]
    treated = [Caution(block.code, block.then or block.text) for block in blocks if block not in left]
    if owned:
        left = [block if block.remedy is Remedy.LEAVE_LOGS else replace(block, remedy=None) for block in left]
    cautions = [Caution("owner", text) for text in owner.warnings] if isinstance(owner, OwnerPlan) else []
    passing = () if Remedy.COMMIT_LAYER in remedies else written
    cautions += _no_way_back([other.name for other, _ in needing if other.id in aside])
    warnings = (*cautions, *_warnings(spec, container, passing), *cut_off(spec), *host_paths(spec, container, host))
    if wanted is not None and subject is not None:
        warnings += tuple(access(spec, wanted, subject, host))
    return Preflight(tuple(left), (*treated, *warnings))


def unproven(trouble: Trouble | None) -> tuple[Block, ...]:
    """A block if the kernel can't be read: nothing could be proven then, and unknown is no success."""
    if trouble is None:
        return ()
    if trouble.command:
        text = msg("This Flatpak has no access to the host's kernel, so a change can't be verified.")
        instead = msg("Allow it with this command, and start Stratascope again: {command}", command=trouble.command)
        return (Block("confined", text, instead),)
    text = msg("The host's kernel can't be read now, so a change can't be verified.")
    return (Block("confined", text, trouble.message),)


# Blocks that also apply to a live change of limits; all others are about a relaunch
_IN_ANY_CASE = frozenset(
    {"swarm", "kubernetes", "compose", "systemd", "paused", "restarting", "not-running", "unfinished"}
)


def while_running(checked: Preflight) -> Preflight:
    """What remains of it if only limits change."""
    return Preflight(tuple(block for block in checked.blocks if block.code in _IN_ANY_CASE), ())


def has_owner(container: Container) -> bool:
    """Whether Compose or systemd made it, by its labels."""
    return bool(_unasked(dict(container.labels)))


def _owners(container: Container, owner: OwnerPlan | OwnerRefusal | None) -> list[Block]:
    labels = dict(container.labels)
    found = []
    if any(name.startswith("com.docker.swarm.") for name in labels):
        found.append(
            Block("swarm", msg("Docker Swarm owns this container and would start its own version again."), _EXPORT)
        )
    if any(name.startswith("io.kubernetes.") for name in labels):
        found.append(
            Block("kubernetes", msg("Kubernetes owns this container and would start its own version again."), _EXPORT)
        )
    if isinstance(owner, OwnerRefusal):
        found.append(Block(owner.kind.value, owner.text, owner.instead))
    elif owner is None:
        found += _unasked(labels)
    if container.pod:
        found.append(Block("pod", msg("It is part of a pod, which owns its namespaces and ports."), _EXPORT))
    return found


def _unasked(labels: Mapping[str, str]) -> list[Block]:
    """If the owner can't be asked."""
    if not COMPOSED.isdisjoint(labels):
        return [
            Block(
                "compose",
                msg("Compose owns this container: its next up would undo the change and delete what is set aside."),
                msg("Export a Compose override file, and let Compose re-create the service with it."),
            )
        ]
    if "PODMAN_SYSTEMD_UNIT" in labels:
        return [
            Block(
                "systemd",
                msg("A systemd unit owns this container, and its next start would replace the hardened one."),
                msg("Export a Quadlet drop-in, and restart the unit with it."),
            )
        ]
    return []


def _states(spec: LaunchSpec, container: Container, now: float, *, repairs: bool) -> list[Block]:
    start = msg("Start it, and try again.")
    if spec.auto_remove:
        text = msg("Its engine deletes it as soon as it stops (--rm), so there would be no way back.")
        return [Block("auto-remove", text, _EXPORT)]
    if container.infra:
        text = msg("It holds the namespaces and ports of a pod, and all members would lose them.")
        return [Block("infra", text, msg("Choose a container of the pod that does the work."))]
    match container.status:
        case Status.RUNNING if spec.state.restarts and now - container.started < _LOOP:
            text = msg("It ended by itself and was restarted just now: nobody could tell whether a change broke it.")
            return [Block("restarting", text, msg("Wait until it has run for a minute; its log says why it ended."))]
        case Status.RUNNING:
            return []
        case Status.PAUSED:
            return [Block("paused", msg("It is paused."), msg("Unpause it, and try again."))]
        case Status.RESTARTING:
            text = msg("It keeps ending and being restarted, so nobody could tell whether the change broke it.")
            return [Block("restarting", text, msg("Fix that first: its log says why it ends."))]
        case _ if repairs:
            return []
        case _:
            return [Block("not-running", msg("It is not running, so the result could not be verified."), start)]


def _dependents(needed_by: Sequence[tuple[Container, Dependency]], *, owned: bool) -> list[Block]:
    """Dependents would stay tied to the original, which is set aside."""
    instead = msg("Relaunch these with it; or remove these first, and re-create them afterwards.")
    if owned:
        instead = msg("Remove these first, and re-create them afterwards.")
    found = []
    for tie in Dependency:
        if names := _some([other.name for other, how in needed_by if how is tie]):
            then = msg("Re-created with it, unchanged, and started after it: {names}.", names=names)
            found.append(Block(TIED[tie], _tied(tie, names), instead, Remedy.DEPENDENTS, then))
    return found


def _tied(tie: Dependency, names: str) -> Message:
    match tie:
        case Dependency.NAMESPACES:
            return msg("Other containers use its namespaces and would lose them: {names}.", names=names)
        case Dependency.LINK:
            return msg("Other containers are linked to it, and their links would follow the original: {names}.",
                       names=names)  # fmt: skip
        case Dependency.REQUIRES:
            return msg("Other containers require it, and starting them would start the original again: {names}.",
                       names=names)  # fmt: skip


def _no_way_back(names: Sequence[str]) -> list[Caution]:
    """Originals of others that are set aside are tied to this one by id: nothing is lost until someone goes back to
    them.
    """
    if not names:
        return []
    text = msg("Containers that are set aside need it as it is now. Undo this one before those: {names}.",
               names=_some(names))  # fmt: skip
    return [Caution("needed-aside", text)]


def _networks(spec: LaunchSpec) -> list[Block]:
    if not spec.state.networks:
        return []
    text = msg("One of its networks was removed or re-created, so the original could not start again: {names}.",
               names=_some(spec.state.networks))  # fmt: skip
    return [Block("network-replaced", text, msg("Disconnect it from that network, and connect it again."))]


def _missing(container: Container, host: HostFiles) -> list[Block]:
    gone = [
        mount.source
        for mount in container.asked.mounts
        if mount.kind == "bind" and mount.source and host.exists(mount.source) is False
    ]
    if not gone:
        return []
    text = msg(
        "A host path that it mounts no longer exists, so the original could not start again: {paths}.",
        paths=_some(gone),
    )
    return [Block("bind-gone", text, msg("Restore the path first."))]


def _unshared(spec: LaunchSpec, container: Container, host: HostFiles) -> list[Block]:
    """Docker refuses to start it like that; Podman starts it without the mounts."""
    paths = no_longer_shared(container, host) if spec.kind is EngineKind.DOCKER else []
    if not paths:
        return []
    text = msg("A host path should propagate mounts, but is no longer a shared mount, so the original could not "
               "start again: {paths}.", paths=_some(paths))  # fmt: skip
    return [Block("not-shared", text, msg("Make it shared again first (mount --make-rshared)."))]


def _secrets(container: Container, changes: Sequence[FileChange]) -> list[Block]:
    """Compose copies secrets from its own environment into the container, outside any volume."""
    if not any(name.startswith(("com.docker.compose.", "io.podman.compose.")) for name, _ in container.labels):
        return []
    paths = [change.path for change in leaves(changes) if change.path.startswith(f"{_SECRETS}/")]
    if not paths:
        return []
    text = msg("Compose wrote secrets into it, which the replacement would not have: {paths}.", paths=_some(paths))
    return [Block("compose-secrets", text, msg("Let Compose re-create the service, which writes them again."))]


def replaces_again(container: Container, transaction: Transaction) -> bool:
    """Whether that earlier relaunch, alone, made the container, so that its original can stay the way back."""
    done = transaction.stage is Stage.DONE and transaction.kind is TransactionKind.HARDEN and transaction.owner is None
    return done and transaction.new == container.id and not transaction.further


def hardened_before(container: Container, transactions: Sequence[Transaction]) -> list[Block]:
    """It can't be relaunched together with others if its way back is for it alone."""
    text = msg("An original of it is still set aside.")
    again = any(replaces_again(container, item) for item in transactions)
    return [Block("set-aside", text, msg("Undo or discard the earlier relaunch first."))] if again else []


def _unfinished(container: Container, transactions: Sequence[Transaction]) -> list[Block]:
    for transaction in transactions:
        if replaces_again(container, transaction):
            continue
        if transaction.concerns(container.id) or _served(container, transaction):
            if transaction.owner is not None and transaction.stage is Stage.DONE:
                text = msg("An earlier change to it through its owner can still be undone.")
                return [Block("set-aside", text, msg("Undo or discard the earlier relaunch first."))]
            if transaction.stage is not Stage.DONE:
                text = msg("An earlier relaunch of it was not finished.")
                return [Block("unfinished", text, msg("Run stratascope recover first."))]
            if transaction.kind is TransactionKind.UNDO:
                text = msg("The container that its last undo replaced is still set aside.")
                return [Block("set-aside", text, msg("Discard that first."))]
            text = msg("An original of it is still set aside.")
            return [Block("set-aside", text, msg("Undo or discard the earlier relaunch first."))]
    return []


def _served(container: Container, transaction: Transaction) -> bool:
    """Whether it belongs to a service changed through its owner, which assigns new ids at any time."""
    owner = transaction.owner
    return owner is not None and transaction.engine == container.engine and set(owner.labels) <= set(container.labels)


def _warnings(spec: LaunchSpec, container: Container, changes: Sequence[FileChange]) -> list[Caution]:
    found = [Caution("differs", text) for text in spec.differs]
    passing = [change.path for change in leaves(changes) if volatile(change.path)]
    if passing:
        text = msg("What it wrote to transient folders stays with the original: {paths}.", paths=_some(passing))
        found.append(Caution("passing-files", text))
    if any(mount.kind == "tmpfs" for mount in container.asked.mounts):
        found.append(Caution("tmpfs", msg("What it keeps in memory (tmpfs) is empty after the relaunch.")))
    return found


def unwatched(before: Liveness) -> tuple[Caution, ...]:
    """If it can't be determined whether the replacement works as the original did."""
    if before.listens is not None:
        return ()
    text = msg("Which ports it listens on can't be read, so nobody will notice if its replacement does not.")
    return (Caution("ports-unknown", text),)
