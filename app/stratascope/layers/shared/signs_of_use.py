"""Signs that a container uses what it was granted, and of work on request, which startup does not show.

A sign is that it was observed using it, that its command or environment names it, or that it is a tool made for that
(`known_tools`). Absence of a sign does not mean it is unused: many programs have the path of a socket built in. Nor
does startup show programs that later do their work on request, as other users.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from stratascope.core.message import Message, age, msg
from stratascope.core.observation.imports import Programs, meaning, opens_sessions, uses
from stratascope.core.observation.observation import Access, Observation, UsedPath
from stratascope.core.options.capabilities import named
from stratascope.core.relaunch.file_owners import Folder
from stratascope.core.relaunch.toggle import Evidence, Subject, Use
from stratascope.layers.shared.devices import STANDARD_NODES
from stratascope.layers.shared.host_paths import is_disk, within
from stratascope.layers.shared.known_tools import Purpose, Tool, tools_of
from stratascope.linux.capability import CapabilitySet
from stratascope.value import replace

_DEVICE = re.compile(r"(?<![\w.-])/dev/[A-Za-z0-9][\w./-]*")
_MORE = ("ptmx", "fd", "stdin", "stdout", "stderr", "pts", "shm", "mqueue", "core")
_EVERYWHERE = STANDARD_NODES | {f"/dev/{name}" for name in _MORE}
_SAME = (("/var/run/", "/run/"), ("/run/", "/var/run/"))  # the same directory under two names on most systems

LONG = 3600.0  # seconds of observation, after which what was not seen counts as not used


def evidence(sign: Evidence | None, subject: Subject, *parts: str, places: Iterable[str] | None = None) -> Evidence:
    """The sign; without one, whether these parts of it (`Observation.saw`) were watched long enough to say that it does
    not use this. None of them: nothing that is observed would show it. `places`: its mounts or devices that this is
    about, each of which must have been watched so long.
    """
    seen = subject.seen
    if sign is not None:
        return sign
    seconds, starts = (0.0, 0) if seen is None else (seen.seen.seconds, seen.seen.starts)
    if seen is not None and places is not None:
        by_path = {each.path: each for each in seen.reached}
        watched = [by_path.get(place, UsedPath(place)) for place in places]
        seconds = min((each.seconds for each in watched), default=0.0)
        starts = min((each.starts for each in watched), default=0)
    if seen is None or not parts or not seconds or not all(seen.saw(part) for part in parts):
        return Evidence(Use.UNKNOWN, msg("Not watched yet, and nothing else shows whether it uses this."))
    time = age(seconds)
    use, why = Use.UNKNOWN, msg("Not used in the {time} that it was watched; its start was not.", time=time)
    if starts and seconds < LONG:
        why = msg("Not used in the {time} that it was watched; an hour is enough to tell.", time=time)
    elif starts:
        use, why = Use.NOT_USED, msg("Not used in {time} of watching, its start included.", time=time)
    return Evidence(use, of_whom(why, subject))


def of_whom(why: Message, subject: Subject) -> Message:
    """What was seen, and that it was seen elsewhere."""
    return msg("{text} Seen in another container of this image.", text=why) if subject.elsewhere else why


def protected(subject: Subject) -> Evidence:
    """Of what an engine puts in force by default, and somebody switched off: few programs need it off."""
    sign = runs_containers(subject) or mounts(subject)
    sign = sign or (disks_driven(subject) if subject.container.asked.privileged else None)
    if sign is not None:
        return sign
    return Evidence(Use.UNKNOWN, msg("Engines have this on by default, and few programs need it off."), rare=True)


def _named(what: str) -> Evidence:
    return Evidence(Use.USED, msg("Its command or its environment names {path}.", path=what))


def _seen_using(what: str, subject: Subject, by: tuple[str, ...] = (), at: float = 0.0) -> Evidence:
    return Evidence(Use.USED, of_whom(msg("It was seen using {path}.", path=what), subject), by, at=at)


# the first that holds says most
_REACHED = (
    (Access.CONNECTED, msg("It was seen connecting to {path} ({programs}).")),
    (Access.WRITTEN, msg("It was seen writing to {path} ({programs}).")),
    (Access.EXECUTED, msg("It was seen starting programs from {path} ({programs}).")),
    (Access.READ, msg("It was only seen reading {path} ({programs}).")),
)


def _reached(place: str, subject: Subject, *of: Access) -> Evidence | None:
    """That something was reached at or below a path; `of`: in one of these ways."""
    found = [each for each in _seen_of(subject).reached if each.access and within(each.path, place)]
    for access, text in _REACHED:
        each = next((each for each in found if access in each.access), None)
        if each is not None and (not of or access in of):
            args = (("path", each.path), ("programs", ", ".join(each.by)))
            return Evidence(Use.USED, of_whom(replace(text, args=args), subject), each.by, at=each.last)
    return None


def path_used(place: str, subject: Subject) -> Evidence | None:
    """Signs that it uses a mount or device at that path in the container."""
    place = place.rstrip("/")
    if not place:
        return None
    names = [place, *(new + place[len(old) :] for old, new in _SAME if place.startswith(old))]
    if any(_word(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", subject) for name in names):
        return _named(place)
    seen = subject.seen
    if seen is None:
        return None
    if (reached := _reached(place, subject)) is not None:
        return reached
    if wrote := _first_within(place, (*seen.written, *seen.devices)):
        return _seen_using(wrote, subject)
    if ran := _first_within(place, seen.executed):
        why = of_whom(msg("It was seen starting {path}.", path=ran), subject)
        return Evidence(Use.USED, why, (ran.rpartition("/")[2],))
    return None


def path_written(place: str, subject: Subject) -> Evidence | None:
    """Signs that it writes below that path in the container."""
    place = place.rstrip("/") or "/"
    if (reached := _reached(place, subject, Access.WRITTEN)) is not None:
        return reached
    found = _first_within(place, _seen_of(subject).written)
    return _seen_using(found, subject) if found else None


def capabilities_used(names: CapabilitySet, subject: Subject) -> Evidence | None:
    """Signs of one of these capabilities. `CAP_` is optional if the rest is unambiguous (SYS_ADMIN, but not KILL)."""
    if said := _capabilities_named(names, subject):
        return _named(said.names()[0].removeprefix("CAP_"))
    used = [each for each in _seen_of(subject).capabilities if each.uses and named((each.name,)) & names]
    if used:
        shown = ", ".join(each.name.removeprefix("CAP_") for each in used)
        by = tuple(dict.fromkeys(by for each in used for by in each.by))
        return _seen_using(shown, subject, by, max(each.last for each in used))
    return next((why for some, why in _capabilities_of_work(subject) if some & names), None)


def known_uses(names: CapabilitySet, subject: Subject) -> CapabilitySet:
    """Those of these capabilities that there are signs of."""
    used = tuple(each.name for each in _seen_of(subject).capabilities if each.uses)
    return _capabilities_named(names, subject) | named(used) & names


def work_needs(subject: Subject) -> CapabilitySet:
    """Capabilities that what its tools and devices are for is known to take, where it was not watched for long."""
    found = CapabilitySet()
    for some, _ in _capabilities_of_work(subject):
        found |= some
    return found


# What a device is good for takes these: fuse(4), tun(4); a disk's own commands, SG_IO and NVMe's
_OF_DEVICES = (
    (re.compile("/dev/fuse").fullmatch, CapabilitySet.of(("CAP_SYS_ADMIN",))),
    (re.compile("/dev/net/tun").fullmatch, CapabilitySet.of(("CAP_NET_ADMIN",))),
    (re.compile("/dev/nvme.*").fullmatch, CapabilitySet.of(("CAP_SYS_ADMIN",))),
    (is_disk, CapabilitySet.of(("CAP_SYS_RAWIO",))),
)


def _capabilities_of_work(subject: Subject) -> list[tuple[CapabilitySet, Evidence]]:
    """What its tools and devices are known to take, unless it was watched for long: then what was seen counts."""
    seen = subject.seen
    if seen is not None and seen.seen.starts and seen.saw("capabilities") and seen.seen.seconds >= LONG:
        return []
    found = []
    for name, tool in _tools(subject):
        needs = named(tool.capabilities)
        shown = ", ".join(each.removeprefix("CAP_") for each in needs.names())
        text = msg("{program} is known to need {names}.", program=name, names=shown)
        found.append((needs, Evidence(Use.USED, text, (name,))))
    for device in subject.container.asked.devices:
        for is_one, needs in _OF_DEVICES:
            if is_one(device.target or device.source):
                shown = ", ".join(each.removeprefix("CAP_") for each in needs.names())
                text = msg("It was given {device}, and what that is for takes {names}.",
                           device=device.target or device.source, names=shown)  # fmt: skip
                found.append((needs, Evidence(Use.USED, text)))
    return found


def mounts(subject: Subject) -> Evidence | None:
    """Signs that it mounts file systems of its own, which profiles and filters of engines stop."""
    asked = subject.container.asked
    fuse = next((each.target for each in asked.devices if each.target == "/dev/fuse"), "")
    if not fuse or not _may_mount(asked.cap_add):
        return None
    return Evidence(Use.USED, msg("It was given {device}, and what that is for takes {names}.", device=fuse,
                                  names="SYS_ADMIN"))  # fmt: skip


def _may_mount(added: tuple[str, ...]) -> bool:
    return "ALL" in added or bool(named(added) & CapabilitySet.of(("CAP_SYS_ADMIN",)))


def _capabilities_named(names: CapabilitySet, subject: Subject) -> CapabilitySet:
    found = []
    for name in names.names():
        plain = name.removeprefix("CAP_")
        prefix = "(?:CAP_)?" if "_" in plain else "CAP_"
        if _word(rf"(?<![A-Za-z0-9_]){prefix}{plain}(?![A-Za-z0-9_])", subject, re.IGNORECASE):
            found.append(name)
    return CapabilitySet.of(tuple(found))


def devices_named(subject: Subject) -> tuple[str, ...]:
    """Paths of host devices in its command and environment, without those that every container has."""
    texts = (subject.container.command, *subject.environment)
    found = (path for text in texts for path in _DEVICE.findall(text))
    return tuple(dict.fromkeys(path for path in found if path not in _EVERYWHERE))


def devices_seen(subject: Subject) -> tuple[str, ...]:
    """Paths of host devices that it was seen using, without those that every container has."""
    return tuple(path for path in _seen_of(subject).devices if path not in _EVERYWHERE)


def devices_of_work(subject: Subject) -> tuple[str, ...]:
    """Paths of host devices without which its tools can't do what they are made for."""
    return tuple(dict.fromkeys(path for _, tool in _tools(subject) for path in tool.devices))


def any_device_used(subject: Subject) -> Evidence | None:
    """Signs of a host device other than those that every container has."""
    if said := devices_named(subject):
        return _named(said[0])
    return next((_seen_using(path, subject) for path in devices_seen(subject)), None)


def _seen_of(subject: Subject) -> Observation:
    return subject.seen or Observation()


def _tools(subject: Subject) -> tuple[tuple[str, Tool], ...]:
    texts = (subject.container.command, *subject.environment)
    installed = () if subject.programs is None else subject.programs.installed
    return tools_of(subject.container.image, texts, (*(name for name, _ in subject.users or ()), *installed))


def tool_for(purpose: Purpose, subject: Subject) -> str:
    """The name of one of its tools that is made for this; empty: none is known."""
    return next((name for name, tool in _tools(subject) if purpose in tool.purposes), "")


_CLIENT = re.compile(r"/(?:usr/)?(?:local/)?bin/(?:docker|docker-compose|podman|nerdctl|crictl|ctr)")


def engine_asked(subject: Subject) -> Evidence | None:
    """Signs that it works through an engine's socket: a tool made for it, or a client of the host mounted in it."""
    for purpose in (Purpose.ENGINE, Purpose.ENGINE_READ, Purpose.ENGINE_PROXY):
        if name := tool_for(purpose, subject):
            return Evidence(Use.USED, msg("{program} works through the engine's socket.", program=name), (name,))
    client = next((each.target for each in subject.container.asked.mounts if _CLIENT.fullmatch(each.target)), "")
    return Evidence(Use.USED, msg("A client of the engine is mounted in it: {path}.", path=client)) if client else None


def host_read(subject: Subject) -> Evidence | None:
    """Signs that it is made to read what is mounted of the host."""
    name = tool_for(Purpose.HOST_FILES, subject)
    text = msg("{program} is made to read what is mounted of the host.", program=name)
    return Evidence(Use.USED, text, (name,)) if name else None


def host_watched(subject: Subject) -> Evidence | None:
    """Signs that it looks at processes of the host."""
    name = tool_for(Purpose.HOST_PROCESSES, subject)
    text = msg("{program} is made to look at processes of the host.", program=name)
    return Evidence(Use.USED, text, (name,)) if name else None


def disks_driven(subject: Subject) -> Evidence | None:
    """Signs that it drives disks."""
    name = tool_for(Purpose.DISKS, subject)
    return Evidence(Use.USED, msg("{program} is made to work on disks.", program=name), (name,)) if name else None


def parted(subject: Subject) -> Evidence | None:
    """Signs that it makes namespaces for parts of itself."""
    name = tool_for(Purpose.OWN_NAMESPACES, subject)
    text = msg("{program} puts parts of itself into namespaces of their own.", program=name)
    return Evidence(Use.USED, text, (name,)) if name else None


def gains(subject: Subject) -> Evidence | None:
    """Signs that programs in it gain privileges as they start."""
    name = tool_for(Purpose.GAINS, subject)
    text = msg("Programs of {program} gain privileges as they start, by sudo or by capabilities of their files.",
               program=name)  # fmt: skip
    return Evidence(Use.USED, text, (name,)) if name else None


_IMAGES_WITH_ENGINES = re.compile(
    r"(?:.*/)?(?:docker:(?:.*-)?dind(?:-.*)?|(?:kindest/)?node:v1\..*|podman/stable(?::.*)?)"
)


def runs_containers(subject: Subject) -> Evidence | None:
    """Signs that it is an engine, a node or a whole system itself, which sets up namespaces and mounts of its own."""
    if system := tool_for(Purpose.SYSTEM, subject):
        text = msg("{program} starts a whole system, and needs nearly all of it.", program=system)
        return Evidence(Use.USED, text, (system,))
    image = subject.container.image
    found = tool_for(Purpose.CONTAINERS, subject) or (image if _IMAGES_WITH_ENGINES.fullmatch(image) else "")
    if not found:
        return None
    text = msg("{program} runs containers itself, and needs nearly all of it.", program=found)
    return Evidence(Use.USED, text, (found,))


def _word(pattern: str, subject: Subject, flags: int = 0) -> bool:
    sought = re.compile(pattern, flags)
    return any(sought.search(text) for text in (subject.container.command, *subject.environment))


def _first_within(place: str, paths: Iterable[str]) -> str:
    return next((path for path in paths if within(path, place)), "")


_COMM_MAX = 15  # characters in a process name, TASK_COMM_LEN
_PAUSES, _SHELLS = frozenset(("sleep", "tail", "cat", "pause")), frozenset(("sh", "ash", "bash", "dash", "zsh"))
_INITS = frozenset(("tini", "docker-init", "catatonit", "dumb-init", "init"))
_IDLE = _PAUSES | _SHELLS | _INITS | {"busybox"}
_ALONE = frozenset(("-i", "-l", "-il", "-li", "--login"))
_BECOMES = "CAP_SETUID"  # sshd drops its groups at startup, but doesn't change its user then


def serves_users(subject: Subject) -> bool:
    """Whether its programs open sessions for people, or can switch users and did not at startup: servers for logins,
    mail and jobs, and containers that wait for sessions.

    For these, startup shows little: where they write and what they start later was not observed.
    """
    if subject.programs is None or subject.seen is None:
        return False
    if any(map(opens_sessions, subject.programs.found)) or waits_for_sessions(subject):
        return True
    return bool(becoming(subject))


def becoming(subject: Subject) -> tuple[str, ...]:
    """Its programs that can switch users, unless one was seen doing so."""
    if subject.programs is None or any(use.name == _BECOMES for use in (subject.seen or Observation()).capabilities):
        return ()
    return tuple(dict.fromkeys(use.program for use in uses(subject.programs.found) if use.capability == _BECOMES))


def waits_for_sessions(subject: Subject) -> bool:
    """Whether it only runs a pause or a shell without a script, and nothing listens: its work is what people do."""
    if subject.programs is None or not subject.users or subject.seen is None or subject.seen.ports:
        return False
    return {name for name, _ in subject.users} <= _IDLE and _idle(subject.container.command)


def _idle(command: str) -> bool:
    try:
        words = [word for word in shlex.split(command) if word != "--"]
    except ValueError:
        return False
    names = [word.rpartition("/")[2] for word in words]
    while names and names[0] in _INITS:
        names.pop(0)
    return bool(names) and (names[0] in _PAUSES or (names[0] in _SHELLS and set(names[1:]) <= _ALONE))


def runs_scripts(subject: Subject) -> bool:
    """Whether a running program gets its behaviour from elsewhere, as a script does, or can't be read. Finished scripts
    don't count.
    """
    found = (subject.programs or Programs()).found
    opaque = {program.name[:_COMM_MAX] for program in found if program.opaque}
    if subject.users:
        return bool(opaque & {name for name, _ in subject.users})
    if subject.users is None:
        return bool(opaque)
    # it has one process, the first: what its command starts with, but for those that start the next and are gone
    first = next((each for each in found if each.name not in _INITS and not meaning(each.name)), None)
    return first is not None and first.opaque and not first.script


def folders_of_others(subject: Subject) -> tuple[Folder, ...]:
    """Directories of its image in which root wrote, though its owner and mode let only others: root needs
    CAP_DAC_OVERRIDE there, also for what it was not seen doing again.

    None where others of its processes may have written it.
    """
    seen = _seen_of(subject)
    if any(user for _, user in subject.users or ()) or any(uid for uid, _ in seen.users):
        return ()
    wrote = {path.rpartition("/")[0] for path in (*(subject.changes or ()), *seen.written)}
    return tuple(each for each in subject.folders or () if each.path in wrote and not _lets_root(each))


def _lets_root(folder: Folder) -> bool:
    """Whether uid 0 and gid 0 may make files there by its mode alone, path_resolution(7)."""
    shift = 6 if folder.uid == 0 else 3 if folder.gid == 0 else 0
    return folder.mode >> shift & 0o3 == 0o3


def writes_to_volumes(subject: Subject) -> bool:
    """Whether it has a writable volume or host directory whose files can't be changed to another owner with it."""
    own = {volume.target for volume in subject.own_volumes or ()}
    mounts = subject.container.asked.mounts
    return any(mount.kind != "tmpfs" and mount.writable and mount.target not in own for mount in mounts)


def peak_of(subject: Subject, what: str) -> float | None:
    """The highest observed value; None unless a complete start was observed and it was used."""
    seen = subject.seen
    return (seen.peak(what) or None) if seen is not None and seen.seen.starts else None
