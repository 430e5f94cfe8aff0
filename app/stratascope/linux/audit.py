"""Kernel log lines about a refusal by a seccomp filter, AppArmor or SELinux.

They come from audit's multicast group or from /dev/kmsg, with or without a leading `audit: type=1400 audit(…):`. The
kernel quotes names chosen by a process (of files, of itself), or writes them in hexadecimal where a quote could end
early (audit_log_untrustedstring, kernel/audit.c), so no name can pass for a field. Records sent by programs
(AUDIT_USER, `msg='…'`) don't count. A line in any other form is None rather than an error, as most lines are.
"""

from __future__ import annotations

import re

from stratascope.linux.syscalls import Abi, names
from stratascope.value import Value

LINE_MAX = 8192
_FIELD = re.compile(r'([A-Za-z_][A-Za-z0-9_-]{0,31})=("[^"]*"|[^\s"]+)')
_AVC = re.compile(r"\bavc:\s+denied\s+\{ ([a-z0-9_ ]{1,400}) \}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_SENT = re.compile(r"\bmsg='")
_PATHS = frozenset(("name", "path", "comm", "exe", "srcname", "execpath", "addr", "peer_addr"))  # chosen by a process
_X32_BIT = 0x40000000
_ABIS = {0x40000003: Abi.I386, 0xC00000B7: Abi.AARCH64}
_X86_64 = 0xC000003E
_NUMBER_MAX = 1 << 32


class FilterKill(Value):
    """A logged answer of a seccomp filter. `abi`, `name`: the call's, "" where unknown here. `action`: the 32 bits of
    SECCOMP_RET_*. `signal`: 31 if it killed the process.
    """

    abi: str
    name: str
    action: int
    signal: int


class AppArmorRefusal(Value):
    """An AppArmor refusal. `operation`: open, mount, ptrace …; `name`: the file's, or ""; `mask`: what was requested
    and denied ("r", "send", "userns_create"); `capability`: its number or None; `peer`: the other side's label.
    """

    operation: str
    profile: str
    name: str
    mask: str
    capability: int | None
    peer: str = ""


class SELinuxRefusal(Value):
    """An SELinux refusal. `permissions`: read, open, net_admin …; `source`, `target`: contexts; `kind`: the class
    (file, capability …); `name`: the file's path, or its last component, or "".
    """

    permissions: tuple[str, ...]
    source: str
    target: str
    kind: str
    name: str
    capability: int | None

    @property
    def source_type(self) -> str:
        return _type_of(self.source)

    @property
    def target_type(self) -> str:
        return _type_of(self.target)


Record = FilterKill | AppArmorRefusal | SELinuxRefusal


def parse_record(line: str) -> Record | None:
    """The refusal in a log line; None for any other line, including what was only logged (complain, permissive)."""
    if len(line) > LINE_MAX or _SENT.search(line):
        return None
    found: dict[str, str] = {}
    for key, value in _FIELD.findall(line):
        found.setdefault(key, _plain(key, value))
    if found.get("apparmor") == "DENIED":
        return AppArmorRefusal(
            found.get("operation", ""),
            found.get("profile", ""),
            found.get("name", ""),
            found.get("denied_mask") or found.get("denied") or found.get("requested_mask", ""),
            _number(found.get("capability")),
            found.get("peer", ""),
        )
    denied = _AVC.search(line)
    if denied is not None:
        if found.get("permissive") == "1":
            return None
        return SELinuxRefusal(
            tuple(denied[1].split()),
            found.get("scontext", ""),
            found.get("tcontext", ""),
            found.get("tclass", ""),
            found.get("path") or found.get("name", ""),
            _number(found.get("capability")),
        )
    if {"arch", "syscall", "code", "sig"} <= found.keys():
        return _filtered(found)
    return None


def _filtered(found: dict[str, str]) -> FilterKill | None:
    arch, number = _number(found["arch"], 16), _number(found["syscall"])
    action, signal = _number(found["code"].removeprefix("0x"), 16), _number(found["sig"])
    if arch is None or number is None or action is None or signal is None:
        return None
    abi = _ABIS.get(arch)
    if arch == _X86_64:
        abi = Abi.X32 if number & _X32_BIT else Abi.X86_64
    if abi is None:
        return FilterKill("", "", action, signal)
    return FilterKill(abi.value, names(abi).get(number & ~_X32_BIT, str(number)), action, signal)


def _plain(key: str, value: str) -> str:
    if value.startswith('"'):
        return value[1:-1]
    if key in _PATHS and len(value) > 1 and _HEX.fullmatch(value):
        return bytes.fromhex(value).decode("utf-8", "surrogateescape")
    return value


def _number(text: str | None, base: int = 10) -> int | None:
    try:
        found = int(text or "", base)
    except ValueError:
        return None
    return found if 0 <= found < _NUMBER_MAX else None


def _type_of(context: str) -> str:
    parts = context.split(":")
    return parts[2] if len(parts) > 2 else ""
