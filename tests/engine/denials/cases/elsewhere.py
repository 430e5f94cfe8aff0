"""Refused by none of the six layers: owner and mode of files, the network, the kernel."""

from __future__ import annotations

from typing import Any

from engine.denials.case import OPEN, Case, added, user

_CONNECT = "call socket 2 2 0 + call connect % @in:10.1.2.3:9 16"
_SOCKET = "call socket 1 1 0 + call bind % @un:/tmp/s 110"


def _file(name: str, attempt: str, status: int = 13, **more: Any) -> Case:
    """As an ordinary user; root may."""
    return Case(f"file-{name}", ("files",), attempt, status, user(1000), **more)


CASES = (
    _file("read", "call open /private 0"),
    _file("write", "call open /own 1"),
    _file("create", "call open /new 0x41 0644"),
    _file("folder", "call mkdir /new 0755"),
    _file("remove", "call unlink /own"),
    _file("mode", "call chmod /own 0600", 1),
    _file("search", "call open /closed/secret 0"),
    _file("stat", "call stat /closed/secret @room:256"),
    _file("times", f"call utimensat -100 /own @hex:{'01' + '00' * 31} 0", 1),
    _file("sticky", "call unlink /tmp/other", 1),
    _file("access", "call access /private 4"),
    _file("move", "call rename /own /tmp/own"),
    _file("truncate", "call truncate /own 0"),
    _file("symlink", "call symlink /own /link"),
    _file("openat2", "call openat2 -100 /private @room:24 24"),
    _file("run", "exec /sealed fine", calls=("execve",)),
    Case("file-volume", ("files",), "call mkdir /data/new 0755", 13, (*user(1000), "-v", "{folder}:/data"),
         ("-v", "{folder}:/data")),
    Case("file-volume-private", ("files",), "call open /data/private 0", 13, (*user(1000), "-v", "{folder}:/data"),
         ("-v", "{folder}:/data")),
    Case("file-not-executable", ("files",), "copy /tmp/p 0644 + exec /tmp/p fine", 13, control=None,
         passing="copy /tmp/p 0755 + exec /tmp/p fine", calls=("execve",), remedied=False),
    Case("file-hard-link", ("files", "kernel"), "call link /own /tmp/link", 1, user(1000)),
    Case("file-environment", ("files", "capabilities"), "become 1000 + call open /proc/1/environ 0", 13, control=None,
         passing="call open /proc/1/environ 0", remedied=False),
    Case("file-socket", ("files",), f"{_SOCKET} + call listen 3 1 + call chmod /tmp/s 0600 + become 1000 + "
         "call socket 1 1 0 + call connect % @un:/tmp/s 110", 13, control=None,
         passing="call socket 1 1 0 + call connect % @un:/tmp/s 110", passes=(111,), remedied=False),
    Case("network-none", ("network",), _CONNECT, 101, ("--network", "none")),
    Case("network-none-send", ("network",), "call socket 2 2 0 + call sendto % :x 1 0 @in:10.1.2.3:9 16", 101,
         ("--network", "none")),
    Case("network-ping", ("network",), "call socket 2 2 1", 13, ("--sysctl", "net.ipv4.ping_group_range=1 0"),
         ("--sysctl", "net.ipv4.ping_group_range=0 2147483647")),
    Case("network-foreign-address", ("network",), "call socket 2 1 0 + call bind % @in:192.0.2.7:8080 16", 99,
         (), ("--sysctl", "net.ipv4.ip_nonlocal_bind=1"), remedied=False),
    Case("kernel-no-family", ("kernel", "namespaces"), "call socket 31 3 0", 97, control=None, passing="fine",
         remedied=False),
    Case("kernel-absent-call", ("kernel",), "call absent", 38, OPEN, None, passing="fine", calls=("1000",),
         remedied=False),
    Case("kernel-kexec", ("kernel",), "call kexec_load 0 0 0 0", 38, (*added("SYS_BOOT"), *OPEN), None, passing="fine",
         remedied=False),
    Case("kernel-uselib", ("kernel",), "call uselib /own", 38, OPEN, None, passing="fine", remedied=False),
    Case("kernel-landlock", ("kernel",), "locked / + call open /etc/passwd 0", 13, control=None,
         passing="call open /etc/passwd 0", remedied=False),
)  # fmt: skip
