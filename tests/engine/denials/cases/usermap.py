"""Refused by the user namespace: ids outside its map, and rights that count in the machine's own alone."""

from __future__ import annotations

from typing import Any

from engine.denials.case import OPEN, PODMAN, Case, added

_MAP = ("--uidmap", "0:200000:2000", "--gidmap", "0:200000:2000")
_VOLUME = ("-v", "{folder}:/data")


def _mapped(name: str, attempt: str, status: int = 22, options: tuple[str, ...] = (), **more: Any) -> Case:
    """Passes with the same options where no map is asked for."""
    more = {"engines": (PODMAN,), **more}
    return Case(f"map-{name}", ("usermap",), attempt, status, (*_MAP, *options), options, **more)


def _apart(name: str, attempt: str, more: int) -> Case:
    """In a user namespace that the program makes for itself; passes where it makes that other namespace as well."""
    return Case(f"apart-{name}", ("usermap",), f"call unshare 0x10000000 + {attempt}", 1, OPEN, None,
                passing=f"call unshare {more:#x} + {attempt}", remedied=False)  # fmt: skip


CASES = (
    _mapped("chown", "call chown /own 5000 5000"),
    _mapped("chgrp", "call chown /own -1 5000"),
    _mapped("setuid", "call setuid 5000"),
    _mapped("setresuid", "call setresuid 3000 3000 3000"),
    _mapped("setgid", "call setgid 5000"),
    _mapped("setgroups", "call setgroups 1 @hex:88130000"),
    _mapped("device", "call mknod /tmp/n 020666 259", 1, added("MKNOD")),
    _mapped("clock", "call adjtimex @hex:00400000", 1, (*added("SYS_TIME"), *OPEN), passes=(22,)),
    _mapped("priority", "call setpriority 0 0 -5", 13, added("SYS_NICE")),
    _mapped("log", "call syslog 9 0 0", 1, (*added("SYSLOG"), *OPEN)),
    _mapped("accounting", "call acct /absent", 1, (*added("SYS_PACCT"), *OPEN), passes=(2,)),
    _mapped("swap", "call swapoff /absent", 1, (*added("SYS_ADMIN"), *OPEN), passes=(2,)),
    _mapped("volume", "call open /data/private 0", 13, _VOLUME),
    _mapped("volume-write", "call mkdir /data/new 0755", 13, _VOLUME),
    _mapped("volume-mode", "call chmod /data/private 0644", 1, _VOLUME),
    _mapped("handle", "call open_by_handle_at -100 @hex:080000000100000000000000 0", 1,
            (*added("DAC_READ_SEARCH"), *OPEN), passes=(0, 22, 95, 116)),
    _mapped("setting", "call open /proc/sys/kernel/core_pattern 1", 13, ("--security-opt", "{unmask}")),
    _mapped("link", "call link /data/private /data/new", 1, _VOLUME),
    _apart("hostname", "call sethostname :x 1", 0x14000000),
    _apart("raw-socket", "call socket 2 3 1", 0x50000000),
    Case("apart-groups", ("usermap",), "call unshare 0x10000000 + call setgroups 0 0", 1, OPEN, None,
         passing="call setgroups 0 0", remedied=False),
    Case("apart-chown", ("usermap",), "call unshare 0x10000000 + copy /tmp/f 0755 + call chown /tmp/f 5 5", 22, OPEN,
         None, passing="copy /tmp/f 0755 + call chown /tmp/f 5 5", remedied=False),
    _mapped("volume-owner", "call chown /data/private 0 0", 1, _VOLUME),
)  # fmt: skip
