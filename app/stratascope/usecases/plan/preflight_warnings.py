"""What a relaunch would cut off or might break without blocking it: the preflight's cautions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stratascope.core.container import Asked, Container, EngineKind
from stratascope.core.host_files import HostFiles
from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.launch_spec import Health, LaunchSpec
from stratascope.core.relaunch.toggle import Subject
from stratascope.linux.mounts import Propagation
from stratascope.usecases.plan.file_access import Losses, identities, losses
from stratascope.value import Value

_SHOWN = 5  # paths in one sentence
_ENTRIES = 2000  # files examined in one mount


class Caution(Value):
    """Something that will be different, or could break."""

    code: str
    text: Message


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
    private = no_longer_shared(container, host) if spec.kind is EngineKind.PODMAN else []
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
            entries = host.entries(mount.source, mount.target, _ENTRIES)
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


def some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
