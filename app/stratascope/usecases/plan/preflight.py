"""Checks before a relaunch: what blocks it, and what will be different. Changes nothing.

A block states the reason and the alternative; a caution states what ends, is lost or might break. They cover the traps
of engines: a seeming relaunch that loses a volume, leaves a container with two owners, or could not be undone.

What a container wrote in its writable layer is carried over in an image, or left behind. Decided against leaving logs
behind unasked: a person may want them, and with an owner they are lost. Whether a program needs anything else that it
wrote can't be known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stratascope.core.container import Asked, Container, Status
from stratascope.core.message import Message, followed, msg, plural
from stratascope.core.options.rules import rules_of
from stratascope.core.ports import HostFiles
from stratascope.core.relaunch.data_volume import new_volumes
from stratascope.core.relaunch.evidence import Liveness
from stratascope.core.relaunch.launch_spec import FileChange, Health, LaunchSpec
from stratascope.core.relaunch.owner import COMPOSED, SYSTEMD_UNIT, OwnerPlan, OwnerRefusal
from stratascope.core.relaunch.toggle import Subject
from stratascope.core.relaunch.transaction import Remedy, Stage, Transaction, TransactionKind
from stratascope.core.snapshot import Trouble
from stratascope.layers.namespaces.written import attributes_lost, data, some, uncarried
from stratascope.linux.mounts import Propagation
from stratascope.usecases.plan.dependency_graph import Dependency, dependents, set_aside
from stratascope.usecases.plan.file_access import ENTRIES, Losses, identities, losses
from stratascope.usecases.plan.written_files import hidden, is_log, leaves, own_files, volatile
from stratascope.value import Value, replace

_SECRETS = "/run/secrets"
TIED = {Dependency.NAMESPACES: "dependents", Dependency.LINK: "linked", Dependency.REQUIRES: "required"}  # codes
_LOOP = 60.0  # seconds that a container which had exited by itself must run before it counts as stable
_EXPORT = msg("Export the hardened settings, and apply them where the container comes from.")


class Block(Value):
    """Why it can't be done, with a stable code, and what to do instead.

    `remedy`: the option that makes it safe; `then`: what happens with that option.
    """

    code: str
    text: Message
    instead: Message
    remedy: Remedy | None = None
    then: Message | None = None

    @property
    def sentence(self) -> Message:
        """Why, and what to do instead."""
        return followed(self.text, self.instead)


class Caution(Value):
    """Something that will be different, or could break."""

    code: str
    text: Message


class Preflight(Value):
    """It may go on if `blocks` is empty."""

    blocks: tuple[Block, ...]
    warnings: tuple[Caution, ...]


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
    volumes = () if wanted is None else new_volumes(spec.asked, wanted)
    written = own_files(container, changes, volumes, None if subject is None else subject.marks)
    aside = set_aside(others, transactions)
    needing = dependents(container, others)
    owned = isinstance(owner, OwnerPlan)
    if owner is not None:  # Quadlet sets --rm for every container, and recreates it
        spec = replace(spec, auto_remove=False)
    tied = [(other, how) for other, how in needing if other.id not in aside]
    able = isinstance(owner, OwnerPlan) and {other.id for other, _ in tied} <= owner.takes
    known = {Remedy.LEAVE_LOGS, *((Remedy.DEPENDENTS,) if able else ())}
    if owned:  # an owner keeps no layer, and others' namespaces only of those that it re-creates, too
        remedies &= known
        spec = replace(spec, lost=(), differs=())
    blocks = [
        *_owners(container, owner),
        *_states(spec, container, now, repairs=repairs),
        *_dependents(tied, owned=owned and not able),
        *_networks(spec),
        *_missing(container, host),
        *_unshared(spec, container, host),
        *(() if owned else _secrets(container, written)),  # its owner writes them anew
        *_unfinished(container, transactions),
        *written_layer(spec, container, written, host, remedies, owned=owned),
        *(() if wanted is None or subject is None else _over_files(subject, wanted, remedies)),
        *(_no_volumes(owned=owner is not None, image=bool(spec.image_id)) if volumes else ()),
        *(Block("lost", text, _EXPORT) for text in spec.lost),
    ]
    left = [block for block in blocks if block.remedy is None or block.remedy not in remedies]
    treated = [Caution(block.code, block.then or block.text) for block in blocks if block not in left]
    if owned:
        left = [block if block.remedy in known else replace(block, remedy=None) for block in left]
    cautions = [Caution("owner", text) for text in owner.warnings] if isinstance(owner, OwnerPlan) else []
    passing = () if Remedy.COMMIT_LAYER in remedies else written
    cautions += _no_way_back([other.name for other, _ in needing if other.id in aside])
    warnings = (*cautions, *_warnings(spec, container, passing), *cut_off(spec), *host_paths(spec, container, host))
    if subject is not None and (volumes or Remedy.COMMIT_LAYER in remedies) and (lost := uncarried(subject)):
        warnings += (Caution("attributes", attributes_lost(lost, subject)),)
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
                msg("Compose owns this container: its next up would undo the change and delete the kept original."),
                msg("Export a Compose override file, and let Compose re-create the service with it."),
            )
        ]
    if SYSTEMD_UNIT in labels:
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
        if names := some([other.name for other, how in needed_by if how is tie]):
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
    text = msg("Kept containers need it as it is now. Undo this one before those: {names}.",
               names=some(names))  # fmt: skip
    return [Caution("needed-aside", text)]


def _networks(spec: LaunchSpec) -> list[Block]:
    if not spec.state.networks:
        return []
    text = msg("One of its networks was removed or re-created, so the original could not start again: {names}.",
               names=some(spec.state.networks))  # fmt: skip
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
        paths=some(gone),
    )
    return [Block("bind-gone", text, msg("Restore the path first."))]


def _unshared(spec: LaunchSpec, container: Container, host: HostFiles) -> list[Block]:
    """Docker refuses to start it like that; Podman starts it without the mounts."""
    paths = no_longer_shared(container, host) if rules_of(spec.kind).needs_shared else []
    if not paths:
        return []
    text = msg("A host path should propagate mounts, but is no longer a shared mount, so the original could not "
               "start again: {paths}.", paths=some(paths))  # fmt: skip
    return [Block("not-shared", text, msg("Make it shared again first (mount --make-rshared)."))]


def _secrets(container: Container, changes: Sequence[FileChange]) -> list[Block]:
    """Compose copies secrets from its own environment into the container, outside any volume."""
    if not any(name.startswith(("com.docker.compose.", "io.podman.compose.")) for name, _ in container.labels):
        return []
    paths = [change.path for change in leaves(changes) if change.path.startswith(f"{_SECRETS}/")]
    if not paths:
        return []
    text = msg("Compose wrote secrets into it, which the replacement would not have: {paths}.", paths=some(paths))
    return [Block("compose-secrets", text, msg("Let Compose re-create the service, which writes them again."))]


def replaces_again(container: Container, transaction: Transaction) -> bool:
    """Whether that earlier relaunch, alone, made the container, so that its original can stay the way back. With an
    owner: whether its text can stay in the owner's files, with the next one after it.
    """
    if transaction.stage is not Stage.DONE or transaction.kind is not TransactionKind.HARDEN:
        return False
    if transaction.owner is not None:
        return _served(container, transaction)
    return transaction.new == container.id and not transaction.further


def hardened_before(container: Container, transactions: Sequence[Transaction]) -> list[Block]:
    """It can't be relaunched together with others if its way back is for it alone."""
    return [_kept(item) for item in transactions if replaces_again(container, item)][:1]


def _kept(transaction: Transaction) -> Block:
    if transaction.owner is not None:
        text = msg("An earlier change to it through its owner can still be undone.")
    else:
        text = msg("An original of it is still kept.")
    return Block("set-aside", text, msg("Discard the previous version first."))


def _unfinished(container: Container, transactions: Sequence[Transaction]) -> list[Block]:
    for transaction in transactions:
        if replaces_again(container, transaction) or transaction.brought_back(container.id):
            continue
        if transaction.concerns(container.id) or _served(container, transaction):
            if transaction.stage is Stage.DONE:
                return [_kept(transaction)]
            text = msg("An earlier relaunch of it was not finished.")
            return [Block("unfinished", text, msg("Run stratascope recover first."))]
    return []


def _served(container: Container, transaction: Transaction) -> bool:
    """Whether it belongs to a service changed through its owner, which assigns new ids at any time."""
    owner = transaction.owner
    return owner is not None and transaction.engine == container.engine and set(owner.labels) <= set(container.labels)


def _warnings(spec: LaunchSpec, container: Container, changes: Sequence[FileChange]) -> list[Caution]:
    found = [Caution("differs", text) for text in spec.differs]
    passing = [change.path for change in leaves(changes) if volatile(change.path)]
    if passing:
        text = msg("What it wrote to transient directories stays with the original: {paths}.", paths=some(passing))
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


def cut_off(spec: LaunchSpec) -> Iterator[Caution]:
    """What ends or stays behind with the original."""
    state = spec.state
    if state.attached:
        yield Caution(
            "attached", msg("It reads input or was started in the foreground: anyone attached to it is disconnected.")
        )
    if state.sessions:
        text = plural("{count} exec session in it ends.", "{count} exec sessions in it end.", state.sessions)
        yield Caution("exec-sessions", text)
    if state.log:
        yield Caution("log", msg("Its output so far stays with the original, and is deleted with it."))
    if not state.healthcheck:
        text = msg("It has no health check: only its answers at its TCP ports can show that it works.")
        yield Caution("no-healthcheck", text)
    elif state.health is not Health.HEALTHY:
        text = msg("Its health check does not report healthy now, so the replacement's is not awaited either.")
        yield Caution("not-healthy", text)
    if state.edited:
        text = msg("Files that the engine generates were edited by hand and revert to their original content: {paths}.",
                   paths=some(state.edited))  # fmt: skip
        yield Caution("edited-files", text)


def host_paths(spec: LaunchSpec, container: Container, host: HostFiles) -> Iterator[Caution]:
    """Host paths that refer to something else by now."""
    replaced = [
        mount.source
        for mount in container.asked.mounts
        if mount.kind == "bind" and container.pid and host.replaced(container.pid, mount.source, mount.target)
    ]
    if replaced:
        text = msg("The host now has another file there, and the replacement would get that one: {paths}.",
                   paths=some(replaced))  # fmt: skip
        yield Caution("bind-replaced", text)
    private = no_longer_shared(container, host) if not rules_of(spec.kind).needs_shared else []
    if private:
        text = msg(
            "A host path should propagate mounts, but is no longer a shared mount: {paths}.", paths=some(private)
        )
        yield Caution("not-shared", text)


def access(spec: LaunchSpec, wanted: Asked, subject: Subject, host: HostFiles) -> Iterator[Caution]:
    """Files in its mounts that it could read or write today, and not afterwards."""
    who = identities(spec.asked, wanted, subject)
    if who is None:
        return
    found = [Losses()]
    for mount in wanted.mounts:
        if mount.kind in ("bind", "volume") and mount.source:
            entries = host.entries(mount.source, mount.target, ENTRIES)
            found.append(losses(entries or (), *who, writable=mount.writable))
    unread = [path for each in found for path in each.unread]
    unwritten = [path for each in found for path in each.unwritten]
    same = (who[0].uid, who[0].gid, who[0].uids) == (who[1].uid, who[1].gid, who[1].uids)
    code = "dac-override" if same else "owners"
    if unread:
        yield Caution(code, msg("Files of other users that it could no longer read: {paths}.", paths=some(unread)))
    if unwritten:
        yield Caution(code, msg("Files of other users that it could no longer write: {paths}.", paths=some(unwritten)))


def no_longer_shared(container: Container, host: HostFiles) -> list[str]:
    """Host paths whose mounts no longer propagate as requested, mount_namespaces(7)."""
    enough = {
        "shared": (Propagation.SHARED,),
        "rshared": (Propagation.SHARED,),
        "slave": (Propagation.SHARED, Propagation.SLAVE),
        "rslave": (Propagation.SHARED, Propagation.SLAVE),
    }
    return [
        mount.source
        for mount in container.asked.mounts
        if mount.kind == "bind"
        and mount.propagation in enough
        and host.propagation(mount.source) not in (None, *enough[mount.propagation])
    ]


def written_layer(
    spec: LaunchSpec,
    container: Container,
    changes: Sequence[FileChange],
    host: HostFiles,
    remedies: frozenset[Remedy],
    *,
    owned: bool,
) -> list[Block]:
    """The blocks for it; `owned`: an owner recreates the container, and keeps nothing of the layer."""
    kept = [change.path for change in leaves(changes) if not volatile(change.path)]
    logs = [path for path in kept if is_log(path)]
    if logs and (Remedy.LEAVE_LOGS in remedies or (owned and logs == kept)):
        kept = [path for path in kept if path not in logs]
        return [*_logs(logs, owned=owned), *(_carried(spec, container, kept, host) if kept else ())]
    return _carried(spec, container, kept, host) if kept else []


def _over_files(subject: Subject, wanted: Asked, remedies: frozenset[Remedy]) -> list[Block]:
    """Blocks for files outside its volumes that it would no longer find: Docker mounts an empty tmpfs over them, and
    what Podman copies into one is lost when it stops.
    """
    kept = [path for path in data(subject) if Remedy.LEAVE_LOGS not in remedies or not is_log(path)]
    lost = hidden(kept, subject.container.asked, wanted)
    if not lost:
        return []
    text = msg("It keeps files where a tmpfs would be, and they would be lost: {paths}.", paths=some(lost))
    return [Block("tmpfs-over-files", text, msg("Leave out the tmpfs there, or give it a volume instead."))]


def _no_volumes(*, owned: bool, image: bool) -> list[Block]:
    if owned:
        text = msg("Compose or systemd re-creates it, and its new volume would not have what it keeps now.")
        return [Block("volume", text, msg("Add the volume there, and copy the files into it by hand."))]
    if not image:
        text = msg("It was not made from an image, so its engine can't copy its files into a new volume.")
        return [Block("volume", text, msg("Leave out the volume."))]
    return []


def _logs(paths: Sequence[str], *, owned: bool) -> list[Block]:
    text = msg("It wrote logs outside its volumes, which the replacement would not have: {paths}.", paths=some(paths))
    then = msg("The logs that it wrote outside its volumes stay with the original: {paths}.", paths=some(paths))
    if owned:
        then = msg(
            "The logs that it wrote outside its volumes are deleted with the old container: {paths}.", paths=some(paths)
        )
    return [Block("writable-layer", text, msg("Give it volumes for them, or leave them behind."), Remedy.LEAVE_LOGS,
                  then)]  # fmt: skip


def _carried(spec: LaunchSpec, container: Container, kept: Sequence[str], host: HostFiles) -> list[Block]:
    text = msg("It wrote files outside its volumes, which the replacement would not have: {paths}.", paths=some(kept))
    instead = msg("Give it volumes for them, or carry them over in an image.")
    # Podman commits the mount point with the owner that it has on the host, which is unmapped inside; and while the
    # volume is empty it gives it the owner of that mount point: libpod, Container.fixVolumePermissions
    empty = [target for source, target in spec.mapped if len(host.entries(source, target, 2) or ("", "")) < 2]
    if empty:
        instead = msg(
            "Give it volumes for them. No image can carry them while a volume with mapped IDs is empty: {paths}.",
            paths=some(empty),
        )
    then = msg("What it wrote is carried over in an image that stays on this engine: {paths}.", paths=some(kept))
    # Compose writes inline files to that layer itself; a bare root folder (Podman) is not an image
    possible = bool(spec.image_id) and not empty and COMPOSED.isdisjoint(dict(container.labels))
    return [Block("writable-layer", text, instead, Remedy.COMMIT_LAYER if possible else None, then)]
