"""What an engine gives a container of which nothing is asked: recorded once of each kind, and fitted to this machine.

What is particular to a machine is written anew into the recorded texts, so that they are decoded as any reading is: how
control groups are laid out, which module gives labels, whose ids a rootless engine maps. Decided against starting one
to look: a check changes nothing.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable

from stratascope.core.capture import Capture, Gap, GapKind, Reading, process_folder
from stratascope.core.container import Container, Engine, EngineKind, ProfileKind
from stratascope.core.ground import Ground
from stratascope.core.record import ContainerRecord
from stratascope.value import replace

_CURRENT = "attr/current"
_PIDS = 2048  # containers.conf(5), pids_limit
_OWN_CGROUP = "cgroup:[11]"  # not the host's; no namespace has such a number
_NOT_KNOWN = Gap(GapKind.UNSUPPORTED, detail="of which nothing is known before it is started")
_MAPS = ("uid_map", "gid_map")
_LIMITS = (
    ("memory.max", "max"),
    ("memory.high", "max"),
    ("memory.swap.max", "max"),
    ("pids.max", "max"),
    ("cpu.max", "max 100000"),
)


def fitted(
    container: Container, recorded: ContainerRecord, engine: Engine, ground: Ground
) -> tuple[Container, Capture]:
    """The plain container of that engine, and what would be read of it on that ground."""
    assert recorded.found is not None
    readings = recorded.found.first.readings
    asked = container.asked
    if ground.cgroup_layout == "v2":
        if engine.kind is EngineKind.PODMAN and not asked.pids:
            asked = replace(asked, pids=_PIDS)  # a rootless engine has it only there
        readings = tuple(_second_version(readings, engine, asked.pids))
        asked = replace(asked, cgroupns_mode="private")
    elif ground.cgroup_layout in ("v1", "hybrid"):
        asked = replace(asked, cgroupns_mode="host")
    readings = tuple(_guarded(each, ground) if each.name == "mountinfo" else each for each in readings)
    kind, label = _label(engine, ground)
    if kind is not None:
        asked = replace(asked, apparmor=kind)
    readings = tuple(label if each.name == _CURRENT else each for each in readings)
    readings = tuple(_usual_limits(each, ground) if each.name == "limits" else each for each in readings)
    if engine.rootless or engine.facts.userns_remap:
        readings = _mapped(readings, engine)
    return replace(container, asked=asked), Capture(recorded.found.first.pid, readings)


def _usual_limits(reading: Reading, ground: Ground) -> Reading:
    """With the two limits that go by the machine's memory as this kernel gives them to the first process, whose others
    are the same everywhere: getrlimit(2), half of threads-max. Who starts the engine may set others.
    """
    threads = ground.sysctl_number("kernel.threads-max")
    if threads is None:
        return reading
    usual = f"{threads // 2:<20} {threads // 2:<20} "
    text = re.sub(
        r"^(Max processes|Max pending signals)( +)\d+ +\d+ +",
        rf"\1\g<2>{usual}",
        reading.text or "",
        flags=re.MULTILINE,
    )
    return replace(reading, text=text)


def _guarded(reading: Reading, ground: Ground) -> Reading:
    """With what engines put over files that the kernel of the record has not, and this one has."""
    text = reading.text or ""
    for feature, place, line in (
        ("kcore", "/proc/kcore", "0:9998 /null /proc/kcore ro,nosuid - devtmpfs devtmpfs rw"),
        ("sysrq", "/proc/sysrq-trigger", "{device} /sysrq-trigger /proc/sysrq-trigger ro,nosuid - proc proc rw"),
    ):
        proc = re.search(r"^([0-9]+) [0-9]+ (\S+) / /proc ", text, re.M)
        if ground.feature(feature) and proc is not None and f" {place} " not in text:
            number = 1 + max(int(each) for each in re.findall(r"^([0-9]+) ", text, re.M))
            text = f"{text.rstrip()}\n{number} {proc[1]} {line.format(device=proc[2])}\n"
    return replace(reading, text=text)


def _second_version(readings: Iterable[Reading], engine: Engine, pids: int | None) -> Iterable[Reading]:
    """As on a host with control groups of version 2 alone: one mount, one line, one set of limits."""
    docker = engine.kind is EngineKind.DOCKER
    name = "docker" if docker else "libpod"
    for each in readings:
        if each.name.startswith("cgroup:"):
            continue
        if each.name == "cgroup":
            yield replace(each, text=f"0::/system.slice/{name}-{'0' * 64}.scope\n")
        elif each.name == "ns/cgroup":
            yield replace(each, text=_OWN_CGROUP)
        elif each.name == "owner:cgroup":
            continue
        elif each.name == "mountinfo":
            yield replace(each, text=_one_tree(each.text or ""))
        else:
            yield each
    for file, text in _LIMITS:
        value = str(pids) if file == "pids.max" and pids and not docker else text
        yield Reading(f"cgroup:v2:0:{file}", f"/sys/fs/cgroup/{file}", f"{value}\n")
    yield Reading("cgroup:v2:0:pids.current", "/sys/fs/cgroup/pids.current", "1\n")


def _one_tree(mountinfo: str) -> str:
    lines = []
    for line in mountinfo.split("\n"):
        words = line.split(" ")
        if len(words) > 4 and words[4] == "/sys/fs/cgroup":
            head = " ".join((*words[:2], "0:9999", "/", words[4]))
            line = f"{head} ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate"  # noqa: PLW2901
        elif len(words) > 4 and words[4].startswith("/sys/fs/cgroup/"):
            continue
        lines.append(line)
    return "\n".join(lines)


def _label(engine: Engine, ground: Ground) -> tuple[ProfileKind | None, Reading]:
    """What attr/current would say, and which AppArmor profile the engine would tell."""
    source = f"{process_folder(None)}/{_CURRENT}"
    if ground.selinux:
        confined = engine.kind is EngineKind.PODMAN or engine.facts.selinux
        if not confined:
            return None, Reading(_CURRENT, source, None, _NOT_KNOWN)
        return None, Reading(_CURRENT, source, "system_u:system_r:container_t:s0:c1,c2\0")
    if not ground.apparmor:
        return None, Reading(_CURRENT, source, None, Gap(GapKind.UNSUPPORTED, errno.EINVAL))
    if engine.rootless:
        kind = ProfileKind.UNCONFINED if engine.kind is EngineKind.PODMAN else None
        return kind, Reading(_CURRENT, source, "unconfined\n")
    name = "docker-default" if engine.kind is EngineKind.DOCKER else "containers-default-0"
    return ProfileKind.DEFAULT, Reading(_CURRENT, source, f"{name} (enforce)\n")


def _mapped(readings: tuple[Reading, ...], engine: Engine) -> tuple[Reading, ...]:
    """The engine's own user as root inside, and below that the range that he was given, of which the start is not told:
    the usual one. His group has his number, as it usually has. Of a daemon that remaps nothing is told.
    """
    if engine.facts.userns_remap and not engine.rootless:
        return tuple(replace(each, text=None, gap=_NOT_KNOWN) if each.name in _MAPS else each for each in readings)
    if engine.daemon_uid is None:
        return readings
    texts = {each.name: each.text or "" for each in readings}
    (_, before, _), after = texts["uid_map"].split(maxsplit=3)[:3], str(engine.daemon_uid)
    ids = {
        **{name: _with_first(texts[name], after) for name in _MAPS},
        "status": re.sub(
            r"^(Uid|Gid|Groups):.*$",
            lambda line: re.sub(rf"\b{before}\b", after, line[0]),
            texts["status"],
            flags=re.MULTILINE,
        ),
    }
    return tuple(replace(each, text=ids[each.name]) if each.name in ids else each for each in readings)


def _with_first(id_map: str, owner: str) -> str:
    """That map with another owner of its first line."""
    first, _, rest = id_map.partition("\n")
    inside, _, count = first.split()
    return f"{inside:>10} {owner:>10} {count:>10}\n{rest}"
