"""Audit records of the kernel's log on the processes of one control group: seccomp, AppArmor, SELinux, Landlock.

Read by the multicast of audit records (AUDIT_NLGRP_READLOG: CAP_AUDIT_READ, and the machine's own network namespace),
which comes whether or not a daemon takes them; else from /dev/kmsg, where they go if none does. A record is attributed
by its PID, which the kernel writes in the initial PID namespace. Landlock's records name no PID but a domain: they are
attributed to the process in that domain that was last refused something, else to one that is in it (`bpf.reading`), or
made it, as the domain's own record says where it came while the log was read. Records of other processes are skipped
and never reported. Whatever a program itself writes into either
source is ignored.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import time
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from stratascope.collector.bpf.reading import READER, Holders, NotReadError
from stratascope.collector.observe.processes import Tell

TEXT_MAX = 2048  # characters of one record that are reported
TOLD_MAX = 50  # records per second
READ_MAX = 2000  # records per poll
WAIT = 0.5  # seconds until the process of a record must be known
HELD_MAX = 256
HELD_BY = 0.2  # seconds between two looks at who is in which domain
_NETLINK_AUDIT, _READLOG = 9, 1  # include/uapi/linux/netlink.h, audit.h
SECCOMP, _AVC, _SELINUX, _LANDLOCK, _DOMAIN = 1326, 1400, 1401, 1423, 1424
_TYPES = (SECCOMP, _AVC, _SELINUX, _LANDLOCK, _DOMAIN)
_DOMAINS_MAX = 1024
# the kernel's own lines have facility 0: "LEVEL,SEQUENCE,TIME,FLAGS;text" (Documentation/ABI/testing/dev-kmsg)
_LINE = re.compile(r"^[0-7],\d+,\d+,[^;]*;audit: type=(\d+) (audit\([^\n]*)")
_PID = re.compile(r"(?:^| )pid=(\d+)(?: |$)")
_WORD = re.compile(r"(?:^| )(sig|arch|syscall|domain)=(\w+)")
_ARCHES = {"c000003e": 64, "40000003": 32, "c00000b7": 64, "40000028": 32}


def _holders() -> Optional[Holders]:
    try:
        return READER.holders()
    except NotReadError:
        return None


class _Held(NamedTuple):
    since: float
    kind: int
    text: str


class KernelLog:
    """Reads audit records. `mine`: whether that PID is, or just was, in the group. Raises OSError if unreadable."""

    def __init__(self, tell: Tell, mine: Callable[[int], bool], refused: Callable[[], Optional[int]],
                 killed: Callable[[int, int, int, int], None],
                 holders: Callable[[], Optional[Holders]] = _holders) -> None:  # fmt: skip
        """`refused`: returns who was last refused something. `killed`: process, width, call, time of a filter's
        SIGSYS.
        """
        self._tell, self._mine, self._refused, self._killed = tell, mine, refused, killed
        self._held: List[_Held] = []
        self._domains: Dict[str, int] = {}
        self._holders = holders
        self._held_by: Optional[Holders] = None
        self._held_at = -HELD_BY
        self._second, self._reported = 0.0, 0
        self.dropped = False  # whether there were too many records
        self._socket: Optional[socket.socket] = multicast()
        self.descriptor = self._socket.fileno() if self._socket is not None else _kmsg()

    def take(self, last: bool = False) -> None:
        """Report what has come. `last`: this is the final call."""
        now = time.monotonic()
        held, self._held = self._held, []
        held += [_Held(now, *found) for found in self._read() if found[0] in _TYPES]
        for each in held:
            if not self._match(each) and now - each.since < WAIT and not last:
                self._held.append(each)
        del self._held[:-HELD_MAX]

    def close(self) -> None:
        """Close the descriptor."""
        if self._socket is not None:
            self._socket.close()
        else:
            os.close(self.descriptor)

    def _match(self, held: _Held) -> bool:
        """Report a record if it can be attributed; whether it is done with."""
        words = dict(_WORD.findall(held.text))
        found = _PID.search(held.text)
        pid = int(found.group(1)) if found is not None and len(found.group(1)) < 9 else None
        if held.kind == _DOMAIN:
            if pid is not None and self._mine(pid) and "domain" in words:
                if len(self._domains) >= _DOMAINS_MAX:
                    self._domains.clear()
                self._domains[words["domain"]] = pid
                return True
            return False
        if held.kind == _LANDLOCK:
            pid = self._in_domain(words.get("domain", ""))
            if pid is None:
                return False
        elif pid is None or not self._mine(pid):
            return False
        at = time.monotonic_ns()
        if held.kind == SECCOMP and words.get("sig") == "31" and words.get("syscall", "").isdigit():
            self._killed(pid, _ARCHES.get(words.get("arch", ""), 0), int(words["syscall"]), at)
        if time.monotonic() - self._second > 1:
            self._second, self._reported = time.monotonic(), 0
        self._reported += 1
        if self._reported <= TOLD_MAX:
            self._tell(at, "log", pid, ("audit: type=%d %s" % (held.kind, held.text))[:TEXT_MAX])
        else:
            self.dropped = True
        return True

    def _in_domain(self, word: str) -> Optional[int]:
        """Whose refusal it is; None if that is not known, or nobody's of the group."""
        maker, refused = self._domains.get(word), self._refused()
        try:
            number = int(word, 16)
        except ValueError:
            return None
        if (self._held_by is None or number not in self._held_by.of) and time.monotonic() - self._held_at >= HELD_BY:
            self._held_by, self._held_at = self._holders(), time.monotonic()
        known = self._held_by
        mine = [] if known is None else sorted(filter(self._mine, known.of.get(number, ())))
        if not mine and (maker is None or (known is not None and number in known.of)):
            return None
        # one that has ended can't be asked any more, and was refused a moment ago
        if refused is not None and (known is None or refused in mine or refused not in known.alive):
            return refused
        return maker if maker is not None and (not mine or maker in mine) else mine[0]

    def _read(self) -> List[Tuple[int, str]]:
        found: List[Tuple[int, str]] = []
        for _ in range(READ_MAX):
            try:
                if self._socket is not None:
                    data, sender = self._socket.recvfrom(1 << 16)
                    if sender[0] == 0 and len(data) > 16:  # the kernel itself
                        (kind,) = struct.unpack_from("=H", data, 4)  # struct nlmsghdr
                        found.append((kind, data[16:].decode("utf-8", "replace").strip("\0\n")))
                else:
                    line = _LINE.match(os.read(self.descriptor, 1 << 14).decode("utf-8", "replace"))
                    if line is not None:
                        found.append((int(line.group(1)), line.group(2)))
            except BlockingIOError:
                break
            except OSError:  # an overflow (ENOBUFS, EPIPE): later records can be read
                self.dropped = True
        return found


def multicast() -> Optional[socket.socket]:
    """Join the multicast group; None if that is not permitted, or nothing would come."""
    try:
        # the kernel only sends it there (kernel/audit.c, kauditd_send_multicast_skb)
        if os.readlink("/proc/self/ns/net") != os.readlink("/proc/1/ns/net"):
            return None
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_AUDIT)
    except OSError:
        return None
    try:
        made.setblocking(False)
        made.bind((0, _READLOG))
    except OSError:
        made.close()
        return None
    return made


def _kmsg() -> int:
    """Open /dev/kmsg at its end. Raises OSError."""
    descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.lseek(descriptor, 0, os.SEEK_END)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
