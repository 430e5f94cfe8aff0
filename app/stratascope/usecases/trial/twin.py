"""Creates and removes twins, decides whether a container can have one, and removes what a crash left of one.

Everything that belongs to a twin (container, volumes) has its number as a label, so its journal record is enough to
find all of it. The record is written first and deleted last. The original is read, and otherwise left alone.

A twin must not reach anything that its original, or the machine, would notice. If something can't be copied, or it is
unclear whether it can, there is no twin. Decided against sharing anything writable: a second PostgreSQL would start on
the same volume, since namespaces hide the first one's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from stratascope.core.container import Asked, AskedMount, Container, Engine, EngineKind
from stratascope.core.message import MessageError, msg
from stratascope.core.options.capabilities import starts_as_root
from stratascope.core.ports import EngineError, HostFiles, HostPathKind, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.data_volume import new_volumes
from stratascope.core.relaunch.launch_spec import ORIGINAL, TWIN, LaunchSpec, TwinMount, TwinRecord
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.core.relaunch.transaction import BusyError, JournalError
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.relaunch.known import UnknownContainerError
from stratascope.usecases.relaunch.recovery import Recovered, Result, is_of
from stratascope.usecases.relaunch.rollback import LATE
from stratascope.usecases.relaunch.watch import POLL

LOOKED_AT = 20_000  # files below a read-only folder to examine at most
_MADE_ANEW = ("/dev/fuse", "/dev/net/tun")  # devices of which each who opens them has a new one
# Capabilities that affect the whole machine whatever the namespaces: capabilities(7)
_MACHINE = ("CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_TIME")


class NoTwinError(MessageError):
    """This container can't have such a twin; `message` says why."""


def check(container: Container, spec: LaunchSpec, wanted: Asked, *, rootless: bool = False) -> None:
    """Check that a twin with these options is possible; mounts are checked by `mounts_of`. Raises NoTwinError.

    `rootless`: its engine's root is none of the machine's, to whom the kernel's settings belong.
    """
    for why in spec.lost:
        raise NoTwinError(why)
    if container.pod or container.infra:
        raise NoTwinError(msg("It belongs to a pod and shares its namespaces, which a copy can't."))
    if wanted.privileged:
        raise NoTwinError(msg("It is privileged, so its copy could change this machine."))
    for mode, why in (
        (wanted.network_mode, msg("It shares a network with others, and a copy must not reach them.")),
        (wanted.pid_mode, msg("It sees processes of others, and a copy must not reach those.")),
        (wanted.ipc_mode, msg("It shares memory and queues (IPC) with others, and a copy must not reach those.")),
        (wanted.uts_mode, msg("It shares the host name with others, and a copy must not change that.")),
        # the host's user namespace is no other container's; being root in it is covered by the checks for privileged
        # mode and capabilities
        (wanted.userns_mode.removeprefix("host"), msg("It shares a user namespace with others, and a copy must not.")),
    ):
        if mode.partition(":")[0] in ("host", "container", "pod", "ns"):
            raise NoTwinError(why)
    if any(device.source not in _MADE_ANEW for device in wanted.devices) or wanted.device_rules:
        raise NoTwinError(msg("It uses devices of this machine, which a copy would share with it."))
    if wanted.read_only_paths == () and starts_as_root(wanted) and not rootless:
        raise NoTwinError(msg("Kernel settings below /proc/sys are writable in it, so its copy could set them."))
    for name in _MACHINE:
        if name in (wanted.capabilities or ()):
            raise NoTwinError(msg("It holds {name}, with which its copy could change the whole machine.", name=name))


def mounts_of(before: Asked, wanted: Asked, engine: Engine, host: HostFiles) -> tuple[TwinMount, ...]:
    """The binds and volumes for a twin, new ones too. Raises NoTwinError."""
    fresh = {volume.target for volume in new_volumes(before, wanted)}
    return tuple(
        TwinMount(mount.source, mount.target, overlaid=False, fresh=True)
        if mount.target in fresh
        else _mount(mount, engine, host)
        for mount in wanted.mounts
        if mount.kind in ("bind", "volume")
    )


def _mount(mount: AskedMount, engine: Engine, host: HostFiles) -> TwinMount:
    path = mount.source
    if not path.startswith("/"):
        raise NoTwinError(
            msg("The engine does not say where {path} is located, so a copy can't have it.", path=mount.target)
        )
    if mount.volume and mount.writable:
        return TwinMount(path, mount.target, overlaid=True, volume=mount.volume)
    place = host.place(path, 1 if mount.writable else LOOKED_AT)
    if place is None:
        raise NoTwinError(msg("The content of {path} can't be examined from here, so a copy can't have it.", path=path))
    if place.kind in (HostPathKind.SOCKET, HostPathKind.OTHER):
        raise NoTwinError(msg("{path} is a socket or a device, through which a copy would reach others.", path=path))
    if not mount.writable:
        if place.sockets is None:
            raise NoTwinError(msg("{path} holds too many files to be sure that no socket is among them.", path=path))
        if place.sockets:
            raise NoTwinError(
                msg("There is a socket below {path}, through which a copy would reach others.", path=path)
            )
        return TwinMount(place.path, mount.target, overlaid=False, volume=mount.volume)
    docker = engine.kind is EngineKind.DOCKER
    if docker and place.mounted:
        text = msg("Something is mounted directly at {path}, and Docker has no overlay for that.", path=path)
        raise NoTwinError(text)
    # Podman overlays folders only
    return TwinMount(place.path, mount.target, overlaid=docker or place.kind is HostPathKind.FOLDER)


@contextmanager
def twin(
    access: EngineAccess,
    spec: LaunchSpec,
    body: str,
    record: TwinRecord,
    mounts: tuple[TwinMount, ...],
    changed: Callable[[str], str] = lambda request: request,
) -> Iterator[str]:
    """Create a twin without starting it, yield its full id, and remove all of it afterwards.

    `body`: the create request with the options to try; `changed`: what becomes of the twin's. Raises EngineError,
    JournalError, ToggleError, also if the twin could not be removed: its journal record stays then.
    """
    port = access.port
    request = changed(port.twin(spec, body, record.id, mounts, record.cgroup))
    with _held(access, record):
        access.journal.write_twin(record)
        lost = True  # without an answer from the engine, the container may still be created later
        try:
            port.overlay(record.id, mounts)
            made = port.create(request, record.name, {TWIN: record.id, ORIGINAL: spec.id})
            lost = False
            yield made.id
        except BaseException as error:
            lost = lost and not isinstance(error, RefusedError | ToggleError)
            with suppress(EngineError, JournalError):
                remove(access, record, late=LATE if lost else 0.0)
            raise
        remove(access, record)


def remove(access: EngineAccess, record: TwinRecord, *, late: float = 0.0) -> None:
    """Remove a twin with everything that belongs to it, then its record. Idempotent. Raises EngineError, JournalError.

    `late`: seconds to wait for a container whose create call got no answer.
    """
    port, until = access.port, access.clock.now() + late
    while not (found := port.labelled(TWIN, record.id)) and access.clock.now() < until:
        access.clock.sleep(POLL)
    for each in found:
        if each.name != record.name or dict(each.labels).get(ORIGINAL) != record.original:
            differs = msg("its name or the label of its original is another one.")
            raise UnknownContainerError(f"{record.id}.twin", each.name, each.id, differs)
    for each in found:
        with suppress(NoSuchContainerError):
            port.remove(each.id)
    port.remove_overlays(record.id)
    if record.image:
        port.remove_image(record.image)
    if record.cgroup:
        access.release(record.cgroup)
    access.journal.forget_twin(record.id)


def remove_left(access: EngineAccess) -> Iterator[Recovered]:
    """Remove the twins that a crash left on this engine; errors of an engine or a disk are reported, not raised."""
    # those with an image of their own last: a copy of one may still run from it
    for item in sorted(access.journal.twins(), key=lambda item: bool(item.image)):
        try:
            if not is_of(access, item):
                continue
            with _held(access, item):
                if any(each.id == item.id for each in access.journal.twins()):  # else just removed
                    remove(access, item, late=LATE)
                    yield Recovered(item, Result.REMOVED)
        except BusyError:
            yield Recovered(item, Result.HELD)
        except (EngineError, JournalError) as error:
            yield Recovered(item, Result.FAILED, error)


def _held(access: EngineAccess, record: TwinRecord) -> AbstractContextManager[None]:
    """Lock the container's twins: one at a time. A relaunch is not blocked, as it shares nothing with a twin."""
    return access.journal.hold(record.engine, f"twin of {record.original}")
