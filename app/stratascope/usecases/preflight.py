"""Before a relaunch: what stands in the way, and what will be different. Nothing is changed here.

A block says why, and what to do instead. The traps are those that engines set: what looks like a relaunch but loses
a volume, leaves two owners of one container, or could not be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from stratascope.core.container import Container, Status
from stratascope.core.launch import FileChange, LaunchSpec
from stratascope.core.message import Message, msg
from stratascope.core.owner import OwnerPlan, OwnerRefusal
from stratascope.core.relaunch import Remedy, Stage, Transaction

# Where programs keep what they make anew at each start
VOLATILE = ("/run", "/tmp", "/var/run", "/var/tmp", "/var/cache", "/var/lock", "/dev", "/proc", "/sys")
# What engines write or make in every container
ENGINE_MADE = ("/.dockerenv", "/etc/hostname", "/etc/hosts", "/etc/mtab", "/etc/resolv.conf", "/run/.containerenv")
_SHOWN = 5  # paths in one sentence


@dataclass(frozen=True, slots=True)
class Block:
    """Why it can't be done, by a stable code, and what to do instead; `remedy`: the option that makes it safe."""

    code: str
    text: Message
    instead: Message
    remedy: Remedy | None = None


@dataclass(frozen=True, slots=True)
class Warned:
    """What will be different, or could break."""

    code: str
    text: Message


@dataclass(frozen=True, slots=True)
class Preflight:
    """`blocks` empty: it may go on."""

    blocks: tuple[Block, ...]
    warnings: tuple[Warned, ...]


_EXPORT = msg("Export the hardened settings, and change them where the container comes from.")


def preflight(
    spec: LaunchSpec,
    container: Container,
    others: Sequence[Container],
    changes: Sequence[FileChange],
    transactions: Sequence[Transaction],
    exists: Callable[[str], bool | None],
    remedies: frozenset[Remedy] = frozenset(),
    owner: OwnerPlan | OwnerRefusal | None = None,
) -> Preflight:
    """`exists(path)`: whether a path of the engine's host is there, None where this program can't tell.

    `owner`: how the program that owns it creates it again. That one knows its own settings, so nothing of them is lost.

    `remedies`: the options that were taken; the blocks that they deal with become warnings.
    """
    written = _own(container, changes)
    owned = isinstance(owner, OwnerPlan)
    if owned:  # it keeps neither a layer nor others' namespaces, and has its own idea of --rm
        remedies = frozenset()
        spec = replace(spec, lost=(), differs=(), auto_remove=False)
    blocks = [
        *_owners(container, owner),
        *_states(spec, container),
        *_dependents(container, others),
        *_missing(container, exists),
        *_unfinished(container, transactions),
        *_layer(written),
        *(Block("lost", text, _EXPORT) for text in spec.lost),
    ]
    left = [block for block in blocks if block.remedy is None or block.remedy not in remedies]
    treated = [Warned(block.code, block.text) for block in blocks if block not in left]
    if owned:
        left = [replace(block, remedy=None) for block in left]
    told = [Warned("owner", text) for text in owner.warnings] if isinstance(owner, OwnerPlan) else []
    return Preflight(tuple(left), (*treated, *told, *_warnings(spec, container, written)))


def has_owner(container: Container) -> bool:
    """Whether Compose or systemd made it, by its labels."""
    return bool(_unasked(dict(container.labels)))


def lost_files(container: Container, changes: Sequence[FileChange]) -> str:
    """The files outside its volumes that a new container would not have, in words; empty where none."""
    kept = [change.path for change in _leaves(_own(container, changes)) if not _volatile(change.path)]
    return _some(kept)


def _owners(container: Container, owner: OwnerPlan | OwnerRefusal | None) -> list[Block]:
    labels = dict(container.labels)
    found = []
    if any(name.startswith("com.docker.swarm.") for name in labels):
        found.append(Block("swarm", msg("Docker Swarm owns this container and would start its own again."), _EXPORT))
    if any(name.startswith("io.kubernetes.") for name in labels):
        found.append(Block("kubernetes", msg("Kubernetes owns this container and would start its own again."), _EXPORT))
    if isinstance(owner, OwnerRefusal):
        found.append(Block(owner.kind.value, owner.text, owner.instead))
    elif owner is None:
        found += _unasked(labels)
    if container.pod:
        found.append(Block("pod", msg("It is part of a pod, whose namespaces and ports belong to the pod."), _EXPORT))
    return found


def _unasked(labels: Mapping[str, str]) -> list[Block]:
    """Where the owner can't be asked."""
    if "com.docker.compose.project" in labels or "io.podman.compose.project" in labels:
        return [
            Block(
                "compose",
                msg("Compose owns this container: its next up would undo the change and delete what is set aside."),
                msg("Export a Compose override file, and let Compose create the service again with it."),
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


def _states(spec: LaunchSpec, container: Container) -> list[Block]:
    start = msg("Start it, and try again.")
    if spec.auto_remove:
        text = msg("Its engine deletes it as soon as it stops (--rm), so there would be no way back.")
        return [Block("auto-remove", text, _EXPORT)]
    match container.status:
        case Status.RUNNING:
            return []
        case Status.PAUSED:
            return [Block("paused", msg("It is paused."), msg("Let it go on, and try again."))]
        case Status.RESTARTING:
            text = msg("It ends and is started again and again, so nobody can tell whether the change broke it.")
            return [Block("restarting", text, msg("Mend that first: its log says why it ends."))]
        case _:
            return [Block("not-running", msg("It does not run, so the result could not be proven."), start)]


def _dependents(container: Container, others: Sequence[Container]) -> list[Block]:
    """Those that use its namespaces would be left in the old one's."""
    names = {f"container:{container.id}", f"container:{container.name}"}
    users = [
        other.name
        for other in others
        if other.id != container.id
        and names & {other.asked.network_mode, other.asked.pid_mode, other.asked.ipc_mode, other.asked.uts_mode}
    ]
    if not users:
        return []
    text = msg("Other containers use its namespaces and would lose them: {names}.", names=_some(users))
    return [Block("dependents", text, msg("Stop these first, and create them again afterwards."))]


def _missing(container: Container, exists: Callable[[str], bool | None]) -> list[Block]:
    gone = [
        mount.source
        for mount in container.asked.mounts
        if mount.kind == "bind" and mount.source and exists(mount.source) is False
    ]
    if not gone:
        return []
    text = msg("A host path that it mounts is gone, so the original could not start again: {paths}.", paths=_some(gone))
    return [Block("bind-gone", text, msg("Bring the path back first."))]


def _unfinished(container: Container, transactions: Sequence[Transaction]) -> list[Block]:
    for transaction in transactions:
        if container.id in (transaction.old, transaction.new) or _served(container, transaction):
            if transaction.owner is not None and transaction.stage is Stage.DONE:
                text = msg("An earlier change of it through its owner can still be undone.")
                return [Block("set-aside", text, msg("Undo or discard the earlier relaunch first."))]
            if transaction.stage is not Stage.DONE:
                text = msg("An earlier relaunch of it was not finished.")
                return [Block("unfinished", text, msg("Run stratascope recover first."))]
            text = msg("An original of it is still set aside.")
            return [Block("set-aside", text, msg("Undo or discard the earlier relaunch first."))]
    return []


def _served(container: Container, transaction: Transaction) -> bool:
    """Whether it is of a service that was changed through its owner: that one gives it a new id as it likes."""
    owner = transaction.owner
    return owner is not None and transaction.engine == container.engine and set(owner.labels) <= set(container.labels)


def _own(container: Container, changes: Sequence[FileChange]) -> list[FileChange]:
    """Without what the engine made for itself: places to mount on, and files that it writes at each start."""
    made = [*ENGINE_MADE, *(mount.target.rstrip("/") for mount in container.asked.mounts)]
    return [
        change
        for change in changes
        if not any(place == change.path or place.startswith(f"{change.path}/") for place in made)
    ]


def _layer(changes: Sequence[FileChange]) -> list[Block]:
    kept = [change.path for change in _leaves(changes) if not _volatile(change.path)]
    if not kept:
        return []
    text = msg("It wrote files outside its volumes, which the replacement would not have: {paths}.", paths=_some(kept))
    return [Block("writable-layer", text, msg("Give it volumes for them, or commit it to an image first."))]


def _leaves(changes: Sequence[FileChange]) -> list[FileChange]:
    """Without the folders that are listed only because something below them changed."""
    paths = {change.path for change in changes}
    above = {path[:place] for path in paths for place in range(1, len(path)) if path[place] == "/"}
    return [change for change in changes if change.path not in above]


def _volatile(path: str) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in VOLATILE)


def _warnings(spec: LaunchSpec, container: Container, changes: Sequence[FileChange]) -> list[Warned]:
    found = [Warned("differs", text) for text in spec.differs]
    passing = [change.path for change in _leaves(changes) if _volatile(change.path)]
    if passing:
        text = msg("What it wrote into passing folders stays with the original: {paths}.", paths=_some(passing))
        found.append(Warned("passing-files", text))
    if any(mount.kind == "tmpfs" for mount in container.asked.mounts):
        found.append(Warned("tmpfs", msg("What it keeps in memory (tmpfs) is empty after the relaunch.")))
    return found


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
