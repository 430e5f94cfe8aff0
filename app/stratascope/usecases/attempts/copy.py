"""The copy that threats are tried on: a twin whose first process is the program of the attempts, not the image's.

Nothing of the image runs in it, so it may share what other twins may not: devices, the host's namespaces, privileged
mode. Folders of the host are mounted read-only, and writable volumes are new ones: what the original writes is never
within reach. The program lies in a folder of its own with files of other owners, on which some attempts are made.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping

from stratascope.collector.names import SECUREBITS
from stratascope.core.capture import or_none
from stratascope.core.container import Engine, EngineKind, ProfileKind
from stratascope.core.message import msg
from stratascope.core.options.capabilities import starts_as_root
from stratascope.core.relaunch.launch_spec import LaunchSpec, TwinMount
from stratascope.core.snapshot import ContainerState
from stratascope.linux.capability import parse_securebits
from stratascope.linux.namespace import IdMap, parse_idmap
from stratascope.linux.process import ProcessStatus, parse_status
from stratascope.usecases.attempts import reasons
from stratascope.usecases.trial.twin import NoTwinError

PROGRAM = "attempts"
_FOREIGN = 4242  # owner of files that are another user's; as in attempts.h
_OVERFLOW = 65534
_FILTER_MAX = 1 << 16  # characters: BPF_MAXINSNS, in hexadecimal


def room_of(number: str) -> str:
    """The folder of the program and its files in the copy with that number."""
    return f"/.stratascope-{number}"


def checked(state: ContainerState, spec: LaunchSpec) -> None:
    """Whether it can have such a copy. Raises NoTwinError."""
    for why in spec.lost:
        raise NoTwinError(why)
    if state.container.pod or state.container.infra:
        raise NoTwinError(reasons.IN_A_POD)


def mounts_of(spec: LaunchSpec, engine: Engine, room: str) -> tuple[TwinMount, ...]:
    """Its binds read-only, and volumes that it writes to as new ones; and a volume for the program where the copy's
    root directory takes no files before it starts. Raises NoTwinError.
    """
    found = []
    for mount in spec.asked.mounts:
        if mount.kind in ("bind", "volume"):
            if not mount.source.startswith("/"):
                text = msg(
                    "The engine does not say where {path} is located, so a copy can't have it.", path=mount.target
                )
                raise NoTwinError(text)
            fresh = bool(mount.volume) and mount.writable
            found.append(TwinMount(mount.source, mount.target, overlaid=False, volume=mount.volume, fresh=fresh))
    if engine.kind is EngineKind.DOCKER and spec.asked.read_only_root:
        found.append(TwinMount(room, room, overlaid=False, fresh=True))
    return tuple(found)


def archive(program: bytes, room: str, *, in_volume: bool, set_uid: bool) -> tuple[str, bytes]:
    """A folder of the copy, and what is to be unpacked there. `set_uid`: with a set-uid program of root's, for what
    only such a one can try.
    """
    prefix = "" if in_volume else room.strip("/") + "/"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        if prefix:
            add(made, prefix, 0, 0o755)
        add(made, prefix + "mnt/", 0, 0o755)
        add(made, prefix + PROGRAM, 0, 0o755, program)
        add(made, prefix + "foreign", _FOREIGN, 0o444, b"another user's file\n")
        add(made, prefix + "sealed", _FOREIGN, 0o100, program)
        add(made, prefix + "closed/", _FOREIGN, 0o700)
        add(made, prefix + "closed/secret", _FOREIGN, 0o400, b"another user's secret\n")
        add(made, prefix + "handed-down/", _FOREIGN, 0o2777)
        add(made, prefix + "suid-foreign", _FOREIGN, 0o4755, program)
        if set_uid:
            add(made, prefix + "suid-root", 0, 0o4755, program)
        length = made.offset + 2 * tarfile.BLOCKSIZE
    # without the padding after the end, which Podman's reader leaves in the pipe: its engine would call that an error
    return (room if in_volume else "/"), buffer.getvalue()[:length]


def add(made: tarfile.TarFile, name: str, owner: int, mode: int, data: bytes = b"") -> None:
    """An entry of that user and group; a folder if the name ends in a slash."""
    entry = tarfile.TarInfo(name.rstrip("/"))
    entry.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
    entry.uid = entry.gid = owner
    entry.mode, entry.size = mode, len(data)
    made.addfile(entry, io.BytesIO(data))


def with_set_uid(state: ContainerState) -> bool:
    """Whether a set-uid program of root's in the copy gives nothing that the original has not: it is root, or has such
    programs itself.
    """
    status = status_of(state)
    if status is None or status.uids is None:
        return starts_as_root(state.container.asked)
    gains = state.matrix is not None and any(
        len(each.routes) > len(each.threat.routes) for each in state.matrix.threats
    )
    return is_root(state, status) or gains


def is_root(state: ContainerState, status: ProcessStatus) -> bool:
    """Whether its first process is root in its user namespace."""
    return status.uids is not None and _inside(status.uids.effective, _map(state, "uid_map")) == 0


def sets_of(status: ProcessStatus) -> tuple[str, ...]:
    """The word of its capability sets, if all are known."""
    sets = (status.inheritable, status.permitted, status.effective, status.bounding, status.ambient)
    return () if None in sets else ("capabilities=" + ",".join(f"{each:x}" for each in sets if each is not None),)


def status_of(state: ContainerState) -> ProcessStatus | None:
    """Of its first process, if it could be read."""
    return None if state.capture is None else or_none(state.capture.decoded("status", parse_status))


def words(
    mark: str, room: str, threats: Iterable[str], values: Mapping[str, str], state: ContainerState
) -> tuple[str, ...]:
    """The program's arguments (copy.c): what it tries, and what it takes on of the original's first process."""
    found = ["copy", f"mark={mark}", f"threats=,{','.join(threats)},", f"set=ROOM={room}"]
    found += [f"set={name}={value}" for name, value in values.items()]
    status = status_of(state)
    if status is None:
        return tuple(found)
    found += sets_of(status)
    if status.uids is not None and status.gids is not None:
        uids, gids = _map(state, "uid_map"), _map(state, "gid_map")
        user = (_inside(each, uids) for each in (status.uids.real, status.uids.effective, status.uids.saved))
        group = (_inside(each, gids) for each in (status.gids.real, status.gids.effective, status.gids.saved))
        groups = (_inside(each, gids) for each in status.groups)
        found.append("ids=" + ":".join(",".join(map(str, each)) for each in (user, group, groups)))
    bits = None if state.capture is None else or_none(state.capture.decoded(SECUREBITS, parse_securebits))
    if bits:
        found.append(f"securebits={bits}")
    if status.no_new_privs:
        found.append("no-new-privs")
    return (*found, *(f"filter={text}" for text in _further_filters(state)))


def _further_filters(state: ContainerState) -> Iterator[str]:
    """Those that its first process put on itself after its engine's, oldest first, where they could be read."""
    asked = state.container.asked
    number = 0 if asked.privileged or asked.seccomp is ProfileKind.UNCONFINED else 1
    while state.capture is not None and (name := f"seccomp:{number}") in state.capture.names():
        text = or_none(state.capture.decoded(name, str.strip))
        if text is None or len(text) > _FILTER_MAX:
            return  # it then has fewer than its original, which is noticed
        yield text
        number += 1


def _map(state: ContainerState, name: str) -> IdMap:
    return () if state.capture is None else or_none(state.capture.decoded(name, parse_idmap)) or ()


def _inside(number: int, ranges: IdMap) -> int:
    """What an id is called in its user namespace."""
    if not ranges:
        return number
    parts = (part for part in ranges if part.outside <= number < part.outside + part.length)
    return next((part.inside + number - part.outside for part in parts), _OVERFLOW)
