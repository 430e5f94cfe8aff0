"""Whether a process is in the host's namespaces, from files that everyone may read for any process.

Only those who may trace a process can read its links in /proc/PID/ns. Everybody may read how many PIDs it has (NSpid,
proc(5)), how its ids are mapped, and the inode of its list of network devices, which differs per network namespace.
"""

from __future__ import annotations

from stratascope.core.capture import Capture, Gap, or_none
from stratascope.core.ground import NETWORK_INODE, Ground
from stratascope.layers.shared.readings import process_status
from stratascope.linux.idmap import parse_full
from stratascope.linux.namespace import Kind
from stratascope.linux.sysctl import parse_number

SOURCES = {Kind.PID: "status:NSpid", Kind.NET: "net/dev", Kind.USER: "uid_map"}


def is_hosts(capture: Capture, kind: str, ground: Ground) -> bool | None:
    """Whether it is in the host's namespace of that kind; None if these files don't show it."""
    match kind:
        case Kind.PID if ground.first_processes:
            status = process_status(capture)
            return None if isinstance(status, Gap) or not status.nspid else len(status.nspid) == 1
        case Kind.NET:
            inode = or_none(capture.decoded(NETWORK_INODE, parse_number))
            return None if inode is None or ground.network_inode is None else inode == ground.network_inode
        case Kind.USER:
            # the initial one maps every id to itself, but another one may as well
            return False if or_none(capture.decoded("uid_map", parse_full)) is False else None
    return None
