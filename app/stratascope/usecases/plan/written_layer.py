"""What a container changed in its image, and a new one would lack: carried over in an image, or left behind.

Decided against leaving logs behind unasked: a person may want them, and with an owner they are lost. For anything else
that a program writes it can't be known whether it needs it.
"""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.container import Asked, Container
from stratascope.core.host_files import HostFiles
from stratascope.core.message import msg
from stratascope.core.relaunch.launch_spec import FileChange, LaunchSpec
from stratascope.core.relaunch.toggle import Subject
from stratascope.core.relaunch.transaction import Remedy
from stratascope.layers.namespaces.written import data
from stratascope.usecases.plan.block import COMPOSED, Block
from stratascope.usecases.plan.preflight_warnings import some
from stratascope.usecases.plan.written_files import hidden, is_log, leaves, volatile


def layer(
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


def in_memory(subject: Subject, wanted: Asked, remedies: frozenset[Remedy]) -> list[Block]:
    """Blocks for files outside its volumes that it would no longer find: Docker mounts an empty tmpfs over them, and
    what Podman copies into one is lost when it stops.
    """
    kept = [path for path in data(subject) if Remedy.LEAVE_LOGS not in remedies or not is_log(path)]
    lost = hidden(kept, subject.container.asked, wanted)
    if not lost:
        return []
    text = msg("It keeps files where a tmpfs would be, and they would be lost: {paths}.", paths=some(lost))
    return [Block("tmpfs-over-files", text, msg("Leave out the tmpfs there, or give it a volume instead."))]


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
