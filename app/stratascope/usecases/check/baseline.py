"""What an engine gives a container without options: recorded once per kind, and adapted to this machine.

Whatever depends on the machine is rewritten in the recorded texts, so that they are decoded like any reading: the
cgroup layout, the module that provides labels, the ids that a rootless engine maps. Decided against starting a
container to look: a check changes nothing.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from stratascope.collector.names import LANDLOCK, SECUREBITS
from stratascope.core.capture import Capture, Gap, GapKind, Reading, process_folder
from stratascope.core.container import Container, Engine, EngineKind, ProfileKind
from stratascope.core.ground import Ground
from stratascope.core.options.rules import rules_of
from stratascope.core.snapshot import CapturedContainer
from stratascope.value import replace

_CURRENT = "attr/current"
_OWN_CGROUP = "cgroup:[11]"  # not the host's; no namespace has such an inode
_NOT_KNOWN = Gap(GapKind.UNSUPPORTED, detail="of which nothing is known before it is started")
_MAPS = ("uid_map", "gid_map")
# Users and groups: the user's own id first, then the subordinate ranges (subuid(5))
Ids = tuple[tuple[range, ...], tuple[range, ...]]
# Of a machine's first user, as set up by useradd(8)
USUAL: Ids = ((range(1000, 1001), range(100_000, 165_536)), (range(1000, 1001), range(100_000, 165_536)))
# What a program may do to itself, and no engine does: it starts without
_UNRESTRICTED = ((LANDLOCK, ""), (SECUREBITS, "0"))
_LIMITS = (
    ("memory.max", "max"),
    ("memory.high", "max"),
    ("memory.swap.max", "max"),
    ("pids.max", "max"),
    ("cpu.max", "max 100000"),
)


def fitted(
    container: Container, recorded: CapturedContainer, engine: Engine, ground: Ground, ids: Ids | None = None
) -> tuple[Container, Capture]:
    """The plain container of that engine, and its expected readings on that ground. `ids`: those of a rootless engine's
    user; None: not known, as on another machine.
    """
    assert recorded.found is not None
    readings = recorded.found.first.readings
    asked = container.asked
    if ground.cgroup_layout == "v2":
        if not asked.pids:
            asked = replace(asked, pids=rules_of(engine).pids or None)  # a rootless engine applies it on v2 only
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
        readings = _mapped(readings, engine, ids)
    if engine.rootless and engine.daemon.oom_score_adj is not None:
        readings = (*readings, Reading("oom_score_adj", "/proc/PID/oom_score_adj", str(engine.daemon.oom_score_adj)))
    readings = (*readings, *(Reading(name, "", text) for name, text in _UNRESTRICTED))
    return replace(container, asked=asked), Capture(recorded.found.first.pid, readings)


def _usual_limits(reading: Reading, ground: Ground) -> Reading:
    """Adapt the two limits that depend on the machine's memory: half of threads-max, as the kernel sets for PID 1. The
    others are the same everywhere: getrlimit(2). The engine's service manager may set different ones.
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
    """Add the mounts by which engines mask files that this kernel has and the recording kernel lacked."""
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
    """Rewrite readings for a host with cgroup v2 only: one mount, one line, one set of limits."""
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
    """The expected text of attr/current, and the AppArmor profile that the engine would report."""
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
    return ProfileKind.DEFAULT, Reading(_CURRENT, source, f"{rules_of(engine).apparmor} (enforce)\n")


def _mapped(readings: tuple[Reading, ...], engine: Engine, ids: Ids | None) -> tuple[Reading, ...]:
    """Set the engine's id map, and its user, who is root inside. The map is unknown for a daemon with userns-remap, and
    if only the user's own id is known: without the subordinate ids, they would seem unmapped.
    """
    texts = dict[str, str | None]()
    if ids is not None and engine.rootless:
        texts = {name: id_map(each, engine.kind) for name, each in zip(_MAPS, ids, strict=True)}
    uid, gid = engine.daemon_uid, None if ids is None else ids[1][0].start
    found = []
    for each in readings:
        if each.name in _MAPS:
            text = texts.get(each.name)
            each = replace(each, text=text, gap=_NOT_KNOWN if text is None else None)  # noqa: PLW2901
        elif each.name == "status" and engine.rootless:
            each = replace(each, text=_owned(each.text or "", uid, gid))  # noqa: PLW2901
        found.append(each)
    return tuple(found)


def id_map(ids: Sequence[range], kind: EngineKind) -> str | None:
    """The text of uid_map, or gid_map, of a rootless engine whose user has these ids; None: it would not start.

    The user's own id becomes 0. RootlessKit then appends the ranges in the file's order (pkg/parent, newugidmapArgs),
    Podman by their first ids (containers/storage: pkg/idtools, createIDMap); without ranges Podman maps that one id
    alone.
    """
    own, *given = ids
    if kind is EngineKind.PODMAN:
        given.sort(key=lambda each: each.start)
    elif not given:
        return None
    in_order = sorted((own, *given), key=lambda each: each.start)
    if any(one.stop > two.start for one, two in pairwise(in_order)):
        return None
    lines, inside = [], 0
    for each in (own, *given):
        lines.append(_line(inside, each))
        inside += len(each)
    return "".join(lines)


def _line(inside: int, outside: range) -> str:
    return f"{inside:>10} {outside.start:>10} {len(outside):>10}\n"


def _owned(status: str, uid: int | None, gid: int | None) -> str:
    """A status text with that user and group; lines of unknown ones are left out."""
    lines = []
    for line in status.split("\n"):
        name, colon, _ = line.partition(":")
        number = uid if name == "Uid" else gid
        if name not in ("Uid", "Gid", "Groups"):
            lines.append(line)
        elif number is not None:
            had = line.partition("\t")[2].split()
            lines.append(f"{name}{colon}\t" + "\t".join(str(number) for _ in had) + (" " if name == "Groups" else ""))
    return "\n".join(lines)
