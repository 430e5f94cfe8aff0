"""Signs that a program still works, read on request only: its listening sockets, and what its limits did to it.

`net/tcp`, `net/udp` and their IPv6 versions are reduced to the lines of listening sockets: a program's peers are
nobody's business here, and a busy server's list would be too long. `fd:sockets` lists the sockets that a process has
open (`socket:[N]`), which distinguishes its own from others in the same network namespace. `cgroup:oom` and
`cgroup:forks` are the files of its own control group that count OOM kills and refused processes. None of it is read
with the layers' facts: it takes time, and only a relaunch and the end of a container need it.
"""

from __future__ import annotations

import os
from typing import Iterable, List, Optional

from stratascope.collector.cgroups import V2, Mounts, lines
from stratascope.collector.names import FORKS, OOM, SOCKETS
from stratascope.collector.read import (
    CHUNK,
    SIZE_MAX,
    UNSUPPORTED,
    Entry,
    entry,
    failed,
    failure,
)

LISTENING = ("net/tcp", "net/tcp6", "net/udp", "net/udp6")
LIVENESS = frozenset((*LISTENING, SOCKETS, OOM, FORKS))

FILES_MAX = 1 << 16  # open files examined per process
# TCP_LISTEN, and TCP_CLOSE for a UDP socket that anybody may send to: include/net/tcp_states.h
_LISTEN, _BOUND = b"0A", b"07"
# Documentation/admin-guide/cgroup-v2.rst. Both versions of memory have "oom_kill N": mm/memcontrol.c, since Linux 4.13;
# "max N" counts processes refused by the limit: kernel/cgroup/pids.c, since Linux 4.8
_COUNTERS = {
    OOM: {"memory": "memory.oom_control", V2: "memory.events"},
    FORKS: {"pids": "pids.events", V2: "pids.events"},
}


def read_liveness(directory: int, pid: int, names: Iterable[str], cgroup: Optional[str], mounts: Mounts) -> List[Entry]:
    """Read the LIVENESS names among these; `cgroup` is the text of the process's /proc/PID/cgroup."""
    found: List[Entry] = []
    for name in names:
        if name in LISTENING:
            found.append(read_listening(name, directory, pid))
        elif name == SOCKETS:
            found.append(_sockets(directory, pid))
        elif name in _COUNTERS:
            found.append(_counter(name, cgroup, mounts))
    return found


def read_listening(name: str, directory: int, pid: int) -> Entry:
    """One of LISTENING: the lines of the sockets that listen."""
    source = "/proc/%d/%s" % (pid, name)
    kept: List[bytes] = []
    wanted = _BOUND if "udp" in name else _LISTEN
    rest = b""
    size = 0
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=directory)
        try:
            while size <= SIZE_MAX:  # the kernel lists listening sockets first (net/ipv4/tcp_ipv4.c, tcp_get_idx)
                chunk = os.read(descriptor, CHUNK)
                if not chunk:
                    break
                size += len(chunk)
                *whole, rest = (rest + chunk).split(b"\n")
                kept += [line for line in whole if line.split()[3:4] in ([wanted], [b"st"])]
        finally:
            os.close(descriptor)
    except OSError as error:
        return failure(name, source, error)
    return (name, source, b"".join(line + b"\n" for line in kept).decode("utf-8", "surrogateescape"))


def _sockets(directory: int, pid: int) -> Entry:
    source = "/proc/%d/fd" % pid
    found: List[str] = []
    try:
        folder = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=directory)
        try:
            numbers = os.listdir(folder)
            if len(numbers) > FILES_MAX:
                return failed(SOCKETS, source, UNSUPPORTED, None, "more than %d open files" % FILES_MAX)
            for number in numbers:
                try:
                    link = os.readlink(number, dir_fd=folder)
                except FileNotFoundError:
                    continue  # closed in the meantime
                if link.startswith("socket:["):
                    found.append(link)
        finally:
            os.close(folder)
    except OSError as error:
        return failure(SOCKETS, source, error)
    return (SOCKETS, source, "\n".join(found))


def _counter(reading: str, cgroup: Optional[str], mounts: Mounts) -> Entry:
    mounts.ready()
    for controllers, path in lines(cgroup or ""):
        for hierarchy, name in _COUNTERS[reading].items():
            # the kernel lists the v2 hierarchy even if v1 has the controller: use the one that is mounted
            place = mounts.place(hierarchy, path) if hierarchy in controllers else None
            if place is not None and os.path.exists(place[0] + place[1] + "/" + name):
                source = place[0] + place[1] + "/" + name
                return entry(reading, source, source)
    return failed(reading, reading, UNSUPPORTED, None, "its control group can't be seen from here")
