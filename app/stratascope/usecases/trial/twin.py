"""A twin from the journal's first word of it until nothing is left of it, and what a crash left of one removed.

Everything of it carries its number as a label, so whoever finds the record finds all: container, volumes. The record
is written first and forgotten last. The original is asked about, and otherwise left alone.


Whether there can be a twin of a container, and how it gets its binds and volumes. Nothing is changed here.

A twin may not reach what its original, or the machine, would notice. What can't be copied refuses it with a sentence;
what can't be told refuses it too. Decided against sharing anything writable: a second PostgreSQL starts on the same
volume, since namespaces hide the lock of the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from stratascope.core.container import Asked, AskedMount, Container, Engine, EngineKind
from stratascope.core.message import MessageError, msg
from stratascope.core.ports import EngineError, HostFiles, HostPathKind, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.launch_spec import ORIGINAL, TWIN, LaunchSpec, TwinMount, TwinRecord
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.core.relaunch.transaction import BusyError, JournalError
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.relaunch.known import UnknownContainerError
from stratascope.usecases.relaunch.recovery import Recovered, Result, is_of
from stratascope.usecases.relaunch.rollback import LATE
from stratascope.usecases.relaunch.watch import POLL

LOOKED_AT = 20_000  # files below a read-only folder
# They act on the whole machine, whatever the namespaces: capabilities(7)
_MACHINE = ("CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_TIME")


class NoTwinError(MessageError):
    """There can be no such twin; `message` says why."""


def check(container: Container, spec: LaunchSpec, wanted: Asked) -> None:
    """For these options, but for its mounts. Raises NoTwinError."""
    for why in spec.lost:
        raise NoTwinError(why)
    if container.pod or container.infra:
        raise NoTwinError(msg("It belongs to a pod and shares its namespaces, which a twin can't."))
    if wanted.privileged:
        raise NoTwinError(msg("It is privileged, so its twin could change this machine."))
    for mode, why in (
        (wanted.network_mode, msg("It shares a network with others, and a twin must not reach them.")),
        (wanted.pid_mode, msg("It sees processes of others, and a twin must not reach those.")),
        (wanted.ipc_mode, msg("It shares memory and queues (IPC) with others, and a twin must not reach those.")),
        (wanted.uts_mode, msg("It shares the host name with others, and a twin must not change that.")),
        # the host's own one means root there, which privileged mode and capabilities are asked about
        (wanted.userns_mode.removeprefix("host"), msg("It shares a user namespace with others, and a twin must not.")),
    ):
        if mode.partition(":")[0] in ("host", "container", "pod", "ns"):
            raise NoTwinError(why)
    if wanted.devices or wanted.device_rules:
        raise NoTwinError(msg("It uses devices of this machine, which a twin would share with it."))
    if wanted.read_only_paths == ():
        raise NoTwinError(msg("Kernel settings below /proc/sys are writable in it, so its twin could set them."))
    for name in _MACHINE:
        if name in (wanted.capabilities or ()):
            raise NoTwinError(msg("It holds {name}, with which its twin could change the whole machine.", name=name))


def mounts_of(wanted: Asked, engine: Engine, host: HostFiles) -> tuple[TwinMount, ...]:
    """Its binds and volumes as a twin gets them. Raises NoTwinError."""
    return tuple(_mount(mount, engine, host) for mount in wanted.mounts if mount.kind in ("bind", "volume"))


def _mount(mount: AskedMount, engine: Engine, host: HostFiles) -> TwinMount:
    path = mount.source
    if not path.startswith("/"):
        raise NoTwinError(
            msg("The engine does not say where {path} is located, so a twin can't have it.", path=mount.target)
        )
    if mount.volume and mount.writable:
        return TwinMount(path, mount.target, overlaid=True, volume=mount.volume)
    place = host.place(path, 1 if mount.writable else LOOKED_AT)
    if place is None:
        raise NoTwinError(msg("The content of {path} can't be examined from here, so a twin can't have it.", path=path))
    if place.kind in (HostPathKind.SOCKET, HostPathKind.OTHER):
        raise NoTwinError(msg("{path} is a socket or a device, through which a twin would reach others.", path=path))
    if not mount.writable:
        if place.sockets is None:
            raise NoTwinError(msg("{path} holds too many files to be sure that no socket is among them.", path=path))
        if place.sockets:
            raise NoTwinError(
                msg("There is a socket below {path}, through which a twin would reach others.", path=path)
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
    access: EngineAccess, spec: LaunchSpec, body: str, record: TwinRecord, mounts: tuple[TwinMount, ...]
) -> Iterator[str]:
    """A twin that was created and not started; yields its full id. Nothing is left of it afterwards.

    `body`: the create request of a container with the options to try. Raises EngineError, JournalError, ToggleError,
    also where it could not be removed: the journal keeps it then.
    """
    port = access.port
    request = port.twin(spec, body, record.id, mounts, record.cgroup)
    with _held(access, record):
        access.journal.write_twin(record)
        lost = True  # an answer: what was asked for may still come into being
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
    """A twin and all that came with it, then its record. May be repeated. Raises EngineError, JournalError.

    `late`: seconds that a create whose answer was lost is waited for.
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
    if record.cgroup:
        access.release(record.cgroup)
    access.journal.forget_twin(record.id)


def remove_left(access: EngineAccess) -> Iterator[Recovered]:
    """The twins of that engine that a crash left; raises nothing that an engine or a disk can cause."""
    for item in access.journal.twins():
        try:
            if not is_of(access, item):
                continue
            with _held(access, item):
                if any(each.id == item.id for each in access.journal.twins()):  # not removed just now by its maker
                    remove(access, item, late=LATE)
                    yield Recovered(item, Result.REMOVED)
        except BusyError:
            yield Recovered(item, Result.HELD)
        except (EngineError, JournalError) as error:
            yield Recovered(item, Result.FAILED, error)


def _held(access: EngineAccess, record: TwinRecord) -> AbstractContextManager[None]:
    """One twin of a container at a time. A relaunch of it is not held up: they share nothing."""
    return access.journal.hold(record.engine, f"twin of {record.original}")
