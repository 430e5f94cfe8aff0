"""The toggles of layer 1 that are about what of the host is mounted: devices, host paths, sockets.

A data directory that is bound from the host counts as a host path here, since whoever breaks in can write to it all the
same; named volumes do not. A read-only mount of a socket is as open as any, so it is removed or stays. A device that is
handed in is a node of the host's /dev by its name there, and has the same name inside.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable

from stratascope.core.container import Asked, AskedDevice, AskedMount, EngineKind
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import (
    MORE,
    Alternative,
    Cure,
    Evidence,
    Given,
    Preset,
    Proof,
    Proven,
    Subject,
    Toggle,
    ToggleError,
    Unit,
    Use,
)
from stratascope.core.relaunch.want import DeviceNode, Want, WritablePlace
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.shared.devices import OF_RUNTIMES, runtime_default
from stratascope.layers.shared.host_paths import HostPath, Weight, is_socket, plain, weight, within
from stratascope.layers.shared.known_tools import Purpose
from stratascope.layers.shared.signs_of_use import (
    disks_driven,
    engine_asked,
    evidence,
    host_read,
    path_used,
    path_written,
    tool_for,
)
from stratascope.layers.shared.toggle_values import LATER_PRESETS, NOT_READ, in_no_preset, listed, more_of, only
from stratascope.value import replace

_LAYER, _MOUNTS = "namespaces", "@mountinfo"
_NODES = "@root/dev"
_SHOWN = 5
_ACCESS = re.compile(r"[rwm]{1,3}").fullmatch


def _device_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if value != "remove":
        return ()
    names = ", ".join(device.target or device.source for device in subject.container.asked.devices[:_SHOWN])
    return (msg("It was given {devices}, and may need them for its work.", devices=names),) if names else ()


def _check_devices(value: str, subject: Subject) -> str:
    return more_of(value, subject, _node) or only("remove")(value, subject)


def _node(word: str, subject: Subject) -> str:
    """`/dev/fuse` or `/dev/fuse:rw`. Raises ToggleError."""
    path, _, access = word.partition(":")
    path = posixpath.normpath(path)
    if not path.startswith("/dev/") or not path.isprintable() or (access and not _ACCESS(access)):
        raise ToggleError(msg("Use a device of the host such as /dev/fuse or /dev/fuse:rw, not {value}.", value=word))
    return path if set(access) in (set(), set("rwm")) else f"{path}:{access}"


def _wanted_devices(value: str) -> tuple[AskedDevice, ...]:
    words = (word.partition(":") for word in listed(value))
    return tuple(AskedDevice(path, path, access or "rwm") for path, _, access in words)


def _apply_devices(asked: Asked, value: str, subject: Subject) -> Asked:
    if value == "remove":  # with mknod a rule alone is a device, too
        return replace(asked, devices=(), device_rules=asked.device_rules and ())
    wanted = _wanted_devices(value)
    targets = {device.target for device in wanted}
    kept = tuple(device for device in asked.devices if device.target not in targets)
    return asked if set(wanted) <= set(asked.devices) else replace(asked, devices=(*kept, *wanted))


def _prove_devices(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    if value == "remove":
        return _prove_no_devices(facts, value, subject)
    names = tuple(device.target for device in _wanted_devices(value))
    expected = msg("In its /dev: {devices}", devices=", ".join(names[:_SHOWN]))
    found = None if facts is None else facts.as_made.devices
    if found is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _MOUNTS)
    there = {*found, *(subject.nodes or ())}
    missing = [name for name in names if name not in there]
    if not missing:
        return Proof(Proven.ENFORCED, expected, msg("They are present"), _NODES if subject.nodes else _MOUNTS)
    if subject.nodes is None and not subject.engine.rootless:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _NODES)
    return Proof(Proven.NOT_ENFORCED, expected, msg("There is no {device}", device=missing[0]), _NODES)


def _device_allowed(want: Want, subject: Subject) -> Given | None:
    if not isinstance(want, DeviceNode) or not want.of_host or subject.container.asked.privileged:
        return None
    path = want.of_host
    had = next((device for device in subject.container.asked.devices if device.target == path), None)
    access = "".join(letter for letter in "rwm" if letter in want.access + ("" if had is None else had.permissions))
    try:
        value = more_of(f"{MORE}{path}:{access or 'rwm'}", subject, _node)
    except ToggleError:
        return None
    if _apply_devices(subject.container.asked, value, subject) == subject.container.asked:
        return None
    return Given(value, msg("Pass in {device}", device=path))


def _prove_no_devices(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    """Rootless engines bind device nodes, so mounts show them; others make them in its /dev, and rules allow them.

    Control groups of version 2 hold the rules in a program that no file shows: there only the nodes show it.
    """
    expected = msg("No device of the host was passed in")
    found = None if facts is None else facts.as_made.devices
    if found is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _MOUNTS)
    if found:
        return Proof(Proven.NOT_ENFORCED, expected, msg("{device} is accessible", device=found[0]), _MOUNTS)
    if subject.nodes:
        return Proof(Proven.NOT_ENFORCED, expected, msg("{device} is accessible", device=subject.nodes[0]), _NODES)
    if subject.engine.rootless:
        return Proof(Proven.ENFORCED, expected, msg("None is accessible"), _MOUNTS)
    limits = subject.of("cgroup")
    rules: tuple[str, ...] | None = None if limits is None else limits.devices
    if rules is None and subject.nodes is not None:
        return Proof(Proven.ENFORCED, expected, msg("Only the standard devices are in its /dev"), _NODES)
    if rules is None:
        text = msg("This kernel does not show the device nodes that the engine creates, or their rules")
        return Proof(Proven.UNKNOWN, expected, text, "@cgroup:devices")
    beyond = [rule for rule in rules if rule not in (*runtime_default(False, ()), *OF_RUNTIMES)]
    if beyond:
        return Proof(Proven.NOT_ENFORCED, expected, msg("The rules allow {rule}", rule=beyond[0]), "@cgroup:devices")
    return Proof(Proven.ENFORCED, expected, msg("The rules allow only the standard devices"), "@cgroup:devices")


def _devices_used(value: str, subject: Subject) -> Evidence:
    names = {name for device in subject.container.asked.devices for name in (device.target, device.source) if name}
    sign = next((why for name in sorted(names) if (why := path_used(name, subject)) is not None), None)
    places = [device.target or device.source for device in subject.container.asked.devices]
    return evidence(sign or disks_driven(subject), subject, "reached", places=map(plain, places))


def _instead_of_devices(value: str, subject: Subject) -> tuple[Alternative, ...]:
    if value != "remove" or disks_driven(subject) is None:
        return ()
    return (Alternative(msg("Pass in only the disks that it needs, and for reading only: /dev/sda:r.")),)


DEVICES = Toggle(
    "devices",
    _LAYER,
    msg("Remove devices"),
    msg("It has only the standard devices, such as /dev/null."),
    "remove",
    _check_devices,
    _apply_devices,
    lambda asked, subject: not asked.devices and not asked.privileged,
    _device_risks,
    _prove_devices,
    lambda preset, subject: "remove" if preset is Preset.STRICT and subject.container.asked.devices else None,
    cure=lambda value, subject: Cure.GRANT,
    evidence=_devices_used,
    instead=_instead_of_devices,
    gives="+DEVICE,DEVICE",
    allows=_device_allowed,
    word=msg("Devices"),
    overridden=True,
)


def _facts(subject: Subject) -> NamespacesFacts | None:
    facts: NamespacesFacts | None = subject.of(_LAYER)
    return facts


# Paths of the host


def _is_host_path(mount: AskedMount, subject: Subject) -> bool:
    """But for what is there for a socket, to which it makes no difference whether the mount is read-only."""
    there_for_it = _is_socket(mount, subject) or _SOCKET_FOLDERS(mount.source)
    if mount.kind != "bind" or _OF_A_USER(mount.source):
        return False
    return not (there_for_it and _shows_socket(mount, subject))


def _check_protect(value: str, subject: Subject) -> str:
    if value.strip().startswith("/"):
        return ",".join(_of_host(value, subject))
    return more_of(value, subject, _mounted) or only("read-only", "writable")(value, subject)


def _of_host(value: str, subject: Subject) -> list[str]:
    """The names of binds that it holds, each once. Raises ToggleError."""
    there = {_name(mount.target) for mount in _binds(subject)}
    paths = dict.fromkeys(posixpath.normpath(word.strip()) for word in value.split(",") if word.strip())
    for path in paths:
        if path not in there:
            raise ToggleError(msg("Nothing of the host is mounted at {path}. Use the path of one of its binds.",
                                  path=path))  # fmt: skip
    return list(paths)


def _binds(subject: Subject) -> tuple[AskedMount, ...]:
    return tuple(mount for mount in subject.container.asked.mounts if mount.kind == "bind")


def _kept_from_writing(value: str, subject: Subject) -> list[AskedMount]:
    """The mounts that the value makes read-only."""
    if value == "read-only":
        return [mount for mount in _binds(subject) if mount.writable and _is_host_path(mount, subject)]
    return [mount for mount in _named(value, subject) if mount.writable] if value.startswith("/") else []


_OF_A_USER = re.compile(r"(?:/var)?/run/user/[0-9]+(?:/.*)?").fullmatch  # sockets of a user's session
# Where people keep the data of what they run, and add-on packages their programs (hier(7))
_OF_ONE = re.compile(r"/opt/(?!s?bin(?:/|$)|cni(?:/|$)|containerd(?:/|$))[^/]+(?:/(?!s?bin(?:/|$)|lib).*)?").fullmatch


def _matters(mount: AskedMount) -> bool:
    """Whether whoever gets there changes the host's system or learns its secrets; else it is a folder of data."""
    if _OF_ONE(plain(mount.source)):
        return False
    return weight(HostPath(mount.source, mount.target, mount.writable)) is not Weight.ORDINARY


def _mounted(path: str, subject: Subject) -> str:
    """One of its mounts, also a volume. Raises ToggleError."""
    path = posixpath.normpath(path)
    if not any(_name(mount.target) == path for mount in subject.container.asked.mounts):
        raise ToggleError(msg("There is no mount at {path}. Use the path of one of its mounts.", path=path))
    return path


def _name(target: str) -> str:
    """A place as a value names it, where a comma stands between two and spaces around them mean nothing."""
    return re.sub(r",|\s$", lambda found: f"%{ord(found[0]):02X}", plain(target))


def _places(value: str, subject: Subject) -> list[str]:
    """The targets that a value names, those that are no mount of it any more as they are named."""
    targets = {_name(mount.target): plain(mount.target) for mount in subject.container.asked.mounts}
    return [targets.get(word, word) for word in value.removeprefix(MORE).split(",")]


def _writing_seen(value: str, subject: Subject) -> Evidence:
    """That a command names a path says nothing of whether it is written to."""
    places = [plain(mount.target) for mount in _kept_from_writing(value, subject)]
    sign = next((found for place in places if (found := path_written(place, subject)) is not None), None)
    if any(within(mount.source, "/dev") for mount in _kept_from_writing(value, subject)):
        sign = sign or disks_driven(subject)  # makes nodes there
    found = evidence(sign, subject, "reached", places=places)
    mounts = _kept_from_writing(value, subject)
    if found.use is Use.UNKNOWN and mounts and (reader := tool_for(Purpose.HOST_FILES, subject)):
        return Evidence(Use.UNKNOWN, msg("{program} only reads there.", program=reader), rare=True)
    if found.use is Use.UNKNOWN and mounts and all(plain(mount.source) == "/" for mount in mounts):
        return Evidence(Use.UNKNOWN, msg("Hardly any program writes all over the host."), rare=True)
    return found


def _gets_writable(mount: AskedMount, value: str, subject: Subject) -> bool:
    if mount.writable or value == "read-only" or value.startswith("/"):
        return False
    return _is_host_path(mount, subject) if value == "writable" else _name(mount.target) in listed(value)


def _protect(asked: Asked, value: str, subject: Subject) -> Asked:
    if value != "read-only" and not value.startswith("/"):
        mounts = tuple(
            replace(mount, writable=True) if _gets_writable(mount, value, subject) else mount for mount in asked.mounts
        )
        return asked if mounts == asked.mounts else replace(asked, mounts=mounts)
    kept = {plain(mount.target) for mount in _kept_from_writing(value, subject)}
    mounts = tuple(
        replace(mount, writable=False)
        if mount.writable and mount.kind == "bind" and plain(mount.target) in kept
        else mount
        for mount in asked.mounts
    )
    return asked if mounts == asked.mounts else replace(asked, mounts=mounts)


def _protected(asked: Asked, subject: Subject) -> bool:
    return not any(mount.writable and _is_host_path(mount, subject) for mount in asked.mounts)


def _protect_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    return tuple(
        msg("If it stores anything in {target}, that fails: {source} of the host is mounted there.",
            target=mount.target, source=mount.source)
        for mount in _kept_from_writing(value, subject)[:_SHOWN]
    )  # fmt: skip


def _data_kept(subject: Subject) -> Message | None:
    """Why its binds are not made read-only, whatever was seen: what it stores there was not asked for."""
    kept = [mount.target for mount in _kept_from_writing("read-only", subject) if not _matters(mount)]
    if not kept:
        return None
    return msg("It may store its data in {paths}, which is of the host.", paths=", ".join(kept[:_SHOWN]))


def _protect_cure(value: str, subject: Subject) -> Cure:
    mounts = _kept_from_writing(value, subject)
    return Cure.GRANT if all(map(_matters, mounts)) else Cure.BARRIER


def _below_host_path(path: str, subject: Subject) -> bool:
    """Whether it came in with a path of the host that is to be read-only.

    What is mounted below such a path comes along, and stays writable where the engine makes only the path itself
    read-only: Podman, and Docker before 25.
    """
    mounts = [mount for mount in subject.container.asked.mounts if within(path, plain(mount.target))]
    return bool(mounts) and _is_host_path(max(mounts, key=lambda mount: len(mount.target)), subject)


def _prove_writable(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    """By the kernel's own list, where each place that was to be given stands as it is now."""
    mounts = subject.container.asked.mounts
    every = [plain(mount.target) for mount in mounts if _is_host_path(mount, subject)]
    wanted = every if value == "writable" else _places(value, subject)
    expected = msg("It can write to {paths}", paths=", ".join(wanted[:_SHOWN]))
    view = None if facts is None else facts.as_made.mounts
    if view is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _MOUNTS)
    there = {mount.target: mount.read_only for mount in view.seen}
    for place in wanted:
        if there.get(place, True):
            text = msg("{path} is read-only", path=place) if place in there else msg("There is no mount at {path}",
                                                                                     path=place)  # fmt: skip
            return Proof(Proven.NOT_ENFORCED, expected, text, f"{_MOUNTS}:{place}")
    return Proof(Proven.ENFORCED, expected, msg("It can"), _MOUNTS)


def _prove_protected(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    places = _places(value, subject) if value.startswith("/") else None
    if value != "read-only" and places is None:
        return _prove_writable(facts, value, subject)
    expected = msg("The host's paths are mounted read-only")
    view = None if facts is None else facts.as_made.mounts
    if view is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _MOUNTS)
    writable = [
        path
        for path in view.writable_paths
        if (_below_host_path(path, subject) if places is None else any(within(path, place) for place in places))
    ]
    if writable:
        return Proof(
            Proven.NOT_ENFORCED, expected, msg("{path} can be written", path=writable[0]), f"{_MOUNTS}:{writable[0]}"
        )
    return Proof(Proven.ENFORCED, expected, msg("None of them can be written"), _MOUNTS)


def _writing(want: Want, subject: Subject) -> Given | None:
    """That one mount, whether it is a folder of the host or a volume."""
    if not isinstance(want, WritablePlace):
        return None
    mounts = [mount for mount in subject.container.asked.mounts if within(want.path, plain(mount.target))]
    deepest = max(mounts, key=lambda mount: len(plain(mount.target)), default=None)
    if deepest is None or deepest.writable or plain(deepest.target) != plain(want.mount):
        return None
    return Given(MORE + _name(deepest.target), msg("Make {path} writable", path=plain(deepest.target)))


HOST_PATHS = Toggle(
    "host-paths",
    _LAYER,
    msg("Make host paths read-only"),
    msg("Directories and files of the host that are mounted in it can be read but not written."),
    "read-only|PATH,PATH",
    _check_protect,
    _protect,
    _protected,
    _protect_risks,
    _prove_protected,
    lambda preset, subject: (
        "read-only" if preset in LATER_PRESETS and not _protected(subject.container.asked, subject) else None
    ),
    cure=_protect_cure,
    evidence=_writing_seen,
    left_off=_data_kept,
    pieces=lambda subject: tuple(
        dict.fromkeys(
            _name(mount.target)
            for mount in _binds(subject)
            if mount.writable
            and _matters(mount)
            and not _is_only_socket(mount, subject)
            and not _OF_A_USER(mount.source)
        )
    ),
    gives="writable|+PATH,PATH",
    allows=_writing,
    word=msg("Host paths"),
)


# Paths of the host, taken out


def _check_unmount(value: str, subject: Subject) -> str:
    places = _of_host(value, subject)
    if not places:
        raise ToggleError(msg("Use the path of one of its binds."))
    return ",".join(places)


def _unmount(asked: Asked, value: str, subject: Subject) -> Asked:
    places = value.split(",")
    mounts = tuple(mount for mount in asked.mounts if mount.kind != "bind" or _name(mount.target) not in places)
    return asked if mounts == asked.mounts else replace(asked, mounts=mounts)


def _named(value: str, subject: Subject) -> list[AskedMount]:
    return [mount for mount in _binds(subject) if _name(mount.target) in value.split(",")]


def _unmount_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    return tuple(
        msg("What it reads or stores in {target} is {source} of the host, and would no longer be there.",
            target=plain(mount.target), source=mount.source)
        for mount in _named(value, subject)[:_SHOWN]
    )  # fmt: skip


def _prove_unmounted(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    expected = msg("Nothing of the host is mounted at {paths}", paths=", ".join(_places(value, subject)))
    found = None if facts is None else facts.as_made.host_paths
    if found is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _MOUNTS)
    still = [path for path in found if _name(path.target) in value.split(",")]
    if still:
        text = msg("{source} is mounted there", source=still[0].source)
        return Proof(Proven.NOT_ENFORCED, expected, text, f"{_MOUNTS}:{still[0].target}")
    return Proof(Proven.ENFORCED, expected, msg("There is nothing"), _MOUNTS)


def _use_of(mounts: list[AskedMount], subject: Subject, places: Iterable[str] = ()) -> Evidence:
    """Of these binds; `places`: by what is used of them, if not anything there."""
    targets = [plain(mount.target) for mount in mounts]
    signs = (why for place in places or targets if (why := path_used(place, subject)) is not None)
    made_for = (why for mount in mounts if (why := _made_for(mount, subject, socket=bool(places))) is not None)
    return evidence(next(signs, None) or next(made_for, None), subject, "reached", places=targets)


def _made_for(mount: AskedMount, subject: Subject, *, socket: bool) -> Evidence | None:
    """`socket`: it is asked of the socket alone."""
    sign = None if socket or _is_socket(mount, subject) else host_read(subject)
    return sign or (engine_asked(subject) if _shows_socket(mount, subject) else None)


def _instead_of_mount(value: str, subject: Subject) -> tuple[Alternative, ...]:
    """Read-only, unless it was seen writing there; and less of it, where the rest was not seen in use."""
    if all(_is_socket(mount, subject) for mount in _named(value, subject)):
        return _instead_of_socket(value, subject)
    mounts = [mount for mount in _named(value, subject) if mount.writable and _is_host_path(mount, subject)]
    free = [_name(mount.target) for mount in mounts if path_written(plain(mount.target), subject) is None]
    found = []
    if free:
        found.append(Alternative(msg("Make it read-only."), (HOST_PATHS.id, ",".join(free))))
    if not all(_OF_A_USER(mount.source) for mount in _named(value, subject)):
        found.append(Alternative(msg("Mount only the directories below it that it needs.")))
    return tuple(found)


UNMOUNT = Toggle(
    "unmount",
    _LAYER,
    msg("Remove host paths"),
    msg("These directories and files of the host are no longer mounted in it."),
    "PATH,PATH",
    _check_unmount,
    _unmount,
    lambda asked, subject: not any(mount.kind == "bind" for mount in asked.mounts),
    _unmount_risks,
    _prove_unmounted,
    in_no_preset,
    cure=lambda value, subject: Cure.GRANT,
    evidence=lambda value, subject: _use_of(_named(value, subject), subject),
    instead=_instead_of_mount,
    default="/host",
    proposed=lambda subject: next((_name(mount.target) for mount in _binds(subject)), ""),
    unit=Unit.PATHS,
    pieces=lambda subject: tuple(
        dict.fromkeys(_name(each.target) for each in _binds(subject) if _matters(each) or _shows_socket(each, subject))
    ),
    single=msg("Remove {name}"),
    word=msg("Mounts"),
)


# The engine's socket

_SOCKET_FOLDERS = re.compile(r"(?:/var)?/run(?:/(?:docker|podman|containerd|crio|user/[0-9]+(?:/podman)?))?").fullmatch


def _shows_socket(mount: AskedMount, subject: Subject) -> bool:
    facts = _facts(subject)
    if mount.kind != "bind":
        return False
    inside = () if facts is None else facts.engine_sockets or ()
    return _is_socket(mount, subject) or any(within(place, plain(mount.target)) for place in inside)


def _is_socket(mount: AskedMount, subject: Subject) -> bool:
    engine = subject.engine
    return (
        is_socket(mount.source)
        or is_socket(mount.target)
        or (engine.local and mount.source == engine.endpoint.removeprefix("unix://"))
    )


def _is_only_socket(mount: AskedMount, subject: Subject) -> bool:
    """Whether it is an engine's socket, or a folder that is there for it: read-only, that is as open as before."""
    return _is_socket(mount, subject) or bool(_SOCKET_FOLDERS(mount.source))


def _check_socket(value: str, subject: Subject) -> str:
    value = only("remove")(value, subject)
    for mount in subject.container.asked.mounts:
        if not _shows_socket(mount, subject) or _is_socket(mount, subject) or _SOCKET_FOLDERS(mount.source):
            continue
        raise ToggleError(
            msg("The socket is part of {source}, which contains more. Mount only what the container needs of it.",
                source=mount.source)
        )  # fmt: skip
    return value


def _remove_socket(asked: Asked, value: str, subject: Subject) -> Asked:
    mounts = tuple(mount for mount in asked.mounts if not _shows_socket(mount, subject))
    return asked if mounts == asked.mounts else replace(asked, mounts=mounts)


def _no_socket(asked: Asked, subject: Subject) -> bool:
    return not any(_shows_socket(mount, subject) for mount in asked.mounts)


def _socket_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    mounts = [mount for mount in subject.container.asked.mounts if _shows_socket(mount, subject)]
    if not mounts:
        return ()
    return (
        msg("Without the socket at {target}, it can't control the engine.", target=mounts[0].target),
    )  # fmt: skip


def _prove_no_socket(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    expected = msg("No engine's socket is accessible")
    found = None if facts is None else facts.as_made.engine_sockets
    if found is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _MOUNTS)
    if found:
        place = found[0]
        return Proof(Proven.NOT_ENFORCED, expected, msg("There is one at {path}", path=place), f"{_MOUNTS}:{place}")
    return Proof(Proven.ENFORCED, expected, msg("There is none"), _MOUNTS)


def _socket_used(value: str, subject: Subject) -> Evidence:
    mounts = [mount for mount in subject.container.asked.mounts if _shows_socket(mount, subject)]
    facts = _facts(subject)
    inside = () if facts is None else facts.engine_sockets or ()
    # a folder may be used for something else than the socket in it
    places = [plain(mount.target) for mount in mounts if _is_socket(mount, subject)]
    return _use_of(mounts, subject, dict.fromkeys((*places, *inside)))


_PROXY = "tecnativa/docker-socket-proxy"


def _proxy(text: Message, subject: Subject) -> Alternative:
    """With the options that change, and the command that starts the proxy, where it is Docker's."""
    mount = next((each for each in subject.container.asked.mounts if _shows_socket(each, subject)), None)
    if mount is None or subject.engine.kind is not EngineKind.DOCKER or not _is_socket(mount, subject):
        return Alternative(text)
    source, bind = shlex.quote(mount.source), shlex.quote(f"{mount.source}:{mount.target}")
    lines = (
        f"- -v {bind}",
        "+ --network socket-proxy -e DOCKER_HOST=tcp://socket-proxy:2375",
        "docker network create socket-proxy",
        f"docker run -d --name socket-proxy --network socket-proxy -v {source}:/var/run/docker.sock:ro "
        f"-e CONTAINERS=1 {_PROXY}",
    )
    return Alternative(text, lines=lines, word=msg("Copy a filtering proxy"))


def _instead_of_socket(value: str, subject: Subject) -> tuple[Alternative, ...]:
    if tool_for(Purpose.ENGINE_PROXY, subject):
        found = [Alternative(msg("Let it pass only what those behind it need, and only them reach it."))]
    elif tool_for(Purpose.ENGINE_READ, subject):
        text = msg("Put a filtering proxy before the socket, such as docker-socket-proxy: it lets only read "
"requests through.")  # fmt: skip
        found = [_proxy(text, subject)]
    else:
        text = msg("Put a filtering proxy before the socket, such as docker-socket-proxy. One that lets it create "
                   "containers closes nothing.")  # fmt: skip
        found = [_proxy(text, subject)]
    if not subject.engine.rootless:
        found.append(Alternative(msg("Give it the socket of a rootless engine, which does not own this machine.")))
    return tuple(found)


ENGINE_SOCKET = Toggle(
    "engine-socket",
    _LAYER,
    msg("Remove the engine socket"),
    msg("It can no longer control the engine, and so loses the engine's rights: root's, unless it is rootless."),
    "remove",
    _check_socket,
    _remove_socket,
    _no_socket,
    _socket_risks,
    _prove_no_socket,
    lambda preset, subject: (
        "remove" if preset is Preset.STRICT and not _no_socket(subject.container.asked, subject) else None
    ),
    cure=lambda value, subject: Cure.GRANT,
    evidence=_socket_used,
    instead=_instead_of_socket,
    word=msg("Socket"),
)
