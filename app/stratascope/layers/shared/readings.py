"""Helpers for readings: decode one, or keep its gap and what that leaves open; shared texts."""

from __future__ import annotations

from collections.abc import Callable
from sys import intern

from stratascope.bounded_cache import alike, remembered
from stratascope.collector.names import IDMAPS
from stratascope.core.capture import Capture, Decoded, Gap, GapKind, gap_words, or_none
from stratascope.core.ground import Ground
from stratascope.core.layer import Finding, NamedGap
from stratascope.core.message import Message, msg
from stratascope.core.process_match import thread_of
from stratascope.core.severity import Severity
from stratascope.linux.decode import DecodeError
from stratascope.linux.mounts import Mount
from stratascope.linux.namespace import MountIdMap, parse_mount_idmaps, to_host
from stratascope.linux.process import ProcessStatus, parse_status
from stratascope.linux.seccomp_profile import release
from stratascope.value import replace

ON = msg("On")
OFF = msg("Off")
UNKNOWN = msg("Not known")
NOT_ASKED = msg("Nothing")
YES, NO, NONE, NOT_READABLE = msg("Yes"), msg("No"), msg("None"), msg("Not readable")


def decoded(capture: Capture, name: str, parse: Callable[[str], Decoded], gaps: list[NamedGap]) -> Decoded | None:
    """Decode a reading; None if it was not read or not understood, with the reason added to `gaps`."""
    found = capture.decoded(name, parse)
    if isinstance(found, Gap):
        gaps.append(NamedGap(name, unsupported(capture, found), capture.source(name)))
        return None
    return found


def unsupported(capture: Capture, gap: Gap) -> Gap:
    """The gap, but UNSUPPORTED if this way of reading never provides it (an engine's own `top`)."""
    return replace(gap, kind=GapKind.UNSUPPORTED) if capture.via != "proc" and gap.kind is GapKind.ABSENT else gap


def process_status(capture: Capture) -> ProcessStatus | Gap:
    """The decoded status; a gap if it was not read, or not understood (UNPARSED, with the decoder's message)."""
    return capture.decoded("status", parse_status)


def who(process: Capture) -> Message:
    """The subject of a sentence: another process of the container, or a thread unlike its process's first."""
    owner = thread_of(process)
    if owner is None:
        return msg("Process {pid}", pid=process.pid)
    return msg("Thread {tid} of process {pid}", tid=process.pid, pid=owner)


def counted(names: tuple[str, ...], most: int) -> Message:
    """The number of names, and the first of them."""
    if not names:
        return NONE
    shown = ", ".join(names[:most])
    if len(names) <= most:
        return msg("{count}: {names}", count=len(names), names=shown)
    return msg("{count}: {names} …", count=len(names), names=shown)


def missing_line(capture: Capture, line: str) -> NamedGap:
    """The gap for a line that this kernel, or this way of reading, does not provide."""
    gap = Gap(GapKind.ABSENT, detail=f"status has no line {line}")
    return NamedGap(f"status:{line}", gap, f"{capture.source('status')}:{line}")


def why_unknown(gaps: tuple[NamedGap, ...]) -> Message:
    """The first gap's reason, as the fact on the band."""
    return gap_words(gaps[0].gap).band if gaps else UNKNOWN


def id_maps(capture: Capture) -> dict[int, MountIdMap]:
    """The id maps of mounts, by mount id in mountinfo."""
    return {each.mount: each for each in or_none(capture.decoded(IDMAPS, parse_mount_idmaps)) or ()}


def has_ids(mount: Mount) -> bool:
    """Whether it is idmapped."""
    return "idmapped" in mount.options.split(",")


def without_root(capture: Capture, mounts: tuple[Mount, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Targets of mounts whose map leaves out the disk's root, and of those whose map is unknown.

    Through the former nobody writes as root or to root's files. inode_permission and may_create, fs/namei.c: EACCES for
    files of an unmapped id, EOVERFLOW for a caller that is unmapped.
    """
    maps = id_maps(capture)
    found = [(mount.target, maps.get(mount.id)) for mount in mounts if has_ids(mount)]
    known = tuple(target for target, ids in found if ids is not None and to_host(ids.uids, 0) is None)
    return known, tuple(target for target, ids in found if ids is None)


def finding(
    code: str,
    severity: Severity,
    text: Message,
    advice: Message,
    source: str,
    *refs: str,
    behind: tuple[str, ...] = (),
    milder: Message | None = None,
) -> Finding:
    """A finding of the layer that its code names, as in `capabilities.sys-admin`."""
    layer = intern(code.partition(".")[0])
    return Finding(intern(code), layer, severity, text, advice, source, alike(refs), behind, milder)


def no_policy(ground: Ground) -> bool:
    """Whether certainly no security module on this host could confine a container."""
    return ground.lsms is not None and not {"apparmor", "selinux", "smack"} & set(ground.lsms)


@remembered()
def kernel_release(ground: Ground) -> tuple[int, int] | None:
    """The release's first two numbers; None if unknown."""
    try:
        return release(ground.kernel) if ground.kernel else None
    except DecodeError:
        return None
