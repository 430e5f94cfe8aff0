"""Programs that give rights and did not: set-uid, set-gid, or with capabilities of their own (execve(2)).

The kernel runs them all the same and says nothing, so each program that begins is looked at: what its file would have
given, what the process has, and whether there is a reason that is known to take it away (no_new_privs, a mount with
nosuid, a bounding set without it, an owner whom its user namespace does not map). Without such a reason it is left out:
a program may well have given the rights up by itself since.
"""

from __future__ import annotations

import stat
import struct
from typing import Any, Dict, List, Optional

from stratascope.collector.read import TooLongError, read_file

_ROOT_ONLY = 0x02000000  # VFS_CAP_REVISION_2: for the root of the file system's own user namespace
_REVISION = 0xFF000000

Around = Dict[str, Any]


def lacks(pid: int, around: Around) -> bool:
    """Whether that process, as it was found in that program, lacks what its file gives."""
    place = around.get("place") or {}
    node, ids = place.get("node"), around.get("ids")
    if not node or node[0] != "file" or not ids:
        return False
    taken = around.get("no_new_privs") == 1 or _nosuid(place.get("mount") or "")
    mode, owner, group = node[1:4]
    executable_by_group = mode & stat.S_ISGID and mode & stat.S_IXGRP
    if (mode & stat.S_ISUID and owner != ids[0] and (taken or not _maps(pid, "uid_map", owner))) or (
        executable_by_group and group != ids[1] and (taken or not _maps(pid, "gid_map", group))
    ):
        return True
    return bool(node[5]) and _lacks_capabilities(pid, place.get("gives", ""), around, taken)


def _lacks_capabilities(pid: int, gives: str, around: Around, taken: bool) -> bool:
    """capabilities(7), File capabilities; struct vfs_cap_data of include/uapi/linux/capability.h."""
    try:
        data = bytes.fromhex(gives)
        magic, low = struct.unpack_from("<II", data)
        (high,) = struct.unpack_from("<I", data, 12) if len(data) >= 20 else (0,)
        wanted = low | high << 32
        missing = wanted & ~int(around["permitted"], 16)
        bounded = wanted & ~int(around["bounding"], 16)
    except (ValueError, KeyError, struct.error):
        return False
    elsewhere = magic & _REVISION == _ROOT_ONLY and not _is_initial(pid)
    return bool(missing & bounded) or (missing != 0 and (taken or elsewhere))


def _nosuid(line: str) -> bool:
    words = line.split(" ")
    return len(words) > 5 and "nosuid" in words[5].split(",")


def _map(pid: int, name: str) -> Optional[List[List[int]]]:
    """Inside, outside, how many (user_namespaces(7)); None where it can't be read."""
    try:
        text = read_file("/proc/%d/%s" % (pid, name))
        return [list(map(int, line.split())) for line in text.split("\n") if line]
    except (OSError, TooLongError, ValueError):
        return None


def _maps(pid: int, name: str, number: int) -> bool:
    found = _map(pid, name)
    return found is None or any(outside <= number < outside + count for _, outside, count in found)


def _is_initial(pid: int) -> bool:
    return _map(pid, "uid_map") in (None, [[0, 0, (1 << 32) - 1]])
