"""Refused for a capability that is not held. The filter is off wherever it would refuse first."""

from __future__ import annotations

from typing import Any

from engine.denials.case import DOCKER, IN_VAIN, OPEN, Case, added, dropped, user

_LO = "6c6f" + "00" * 14 + "4900"  # struct ifreq: lo, its flags as they are
_FILE_CAPABILITY = "0100000200200000000000000000000000000000"  # vfs_cap_data: NET_RAW
_COUNTER = "0100000070000000" + "00" * 104  # perf_event_attr: the CPU's clock, the kernel included
_NO_NEW_PRIVS = ("--security-opt", "no-new-privileges")


def _lacks(name: str, attempt: str, status: int = 1, capability: str = "", **more: Any) -> Case:
    """Neither engine gives it by default; the filter is off."""
    control = (*added(capability or name.upper().replace("-", "_")), *OPEN)
    return Case(f"lacks-{name}", ("capabilities",), attempt, status, OPEN, control, **more)


def _without(name: str, attempt: str, status: int = 1, **more: Any) -> Case:
    """Both engines give it by default, or it is added; taken away."""
    capability = name.upper().replace("-", "_")
    return Case(f"without-{name}", ("capabilities",), attempt, status, dropped(capability), added(capability), **more)


CASES = (
    _without("chown", "call chown /own 5 5"),
    _without("mknod", "call mknod /tmp/n 020666 259"),
    _without("net-raw", "call socket 2 3 1"),
    _without("setuid", "call setuid 1000"),
    _without("setgid", "call setgid 1000"),
    _without("kill", "victim 1000 + call kill % 15"),
    _without("setpcap", "call prctl 24 0"),
    _without("setfcap", f"copy /tmp/f 0755 + call setxattr /tmp/f :security.capability @hex:{_FILE_CAPABILITY} 20 0"),
    _without("fowner", "call chmod /foreign 0600"),
    _without("dac-override", "call open /hidden 0", 13),
    Case("without-dac-write", ("capabilities",), "call open /foreign 1", 13, dropped("ALL"), added("DAC_OVERRIDE")),
    Case("without-setgroups", ("capabilities",), "call setgroups 0 0", 1, dropped("ALL")),
    Case("without-chroot", ("capabilities",), "call chroot /", 1, (*dropped("SYS_CHROOT"), *OPEN), OPEN),
    Case("packet-socket", ("capabilities",), "call socket 17 3 0", 1, dropped("NET_RAW"), added("NET_RAW")),
    _lacks("sys-nice", "call setpriority 0 0 -5", 13),
    _lacks("sys-time", "call adjtimex @hex:00400000", passes=(22,)),
    _lacks("hostname", "call sethostname :x 1", capability="SYS_ADMIN"),
    _lacks("mount", "call mount :t /mnt :tmpfs 0 0", capability="SYS_ADMIN"),
    _lacks("mount-api", "call fsopen :tmpfs 0", capability="SYS_ADMIN"),
    _lacks("own-network", "call unshare 0x40000000", capability="SYS_ADMIN"),
    _lacks("join", "call open /proc/self/ns/uts 0 + call setns % 0", capability="SYS_ADMIN"),
    _lacks("swapoff", "call swapoff /absent", capability="SYS_ADMIN", passes=(2,)),
    _lacks("net-admin", f"call socket 2 2 0 + call ioctl % 0x8914 @hex:{_LO}"),
    _lacks("syslog", "call syslog 9 0 0"),
    _lacks("lease", "call open /foreign 0 + call fcntl % 1024 0", 13),
    _lacks("sys-pacct", "call acct /absent", passes=(2,)),
    _lacks("sys-boot", "call reboot 0 0 0 0", passes=(22,)),
    _lacks("sys-tty-config", "call vhangup"),
    _lacks("sys-ptrace", "victim 1000 + call ptrace 0x4206 % 0 0"),
    _lacks("wake-alarm", "call timerfd_create 9 0"),
    Case("counter-of-kernel", ("capabilities", "kernel"), f"call perf_event_open @hex:{_COUNTER} 0 -1 -1 0", 13, OPEN,
         (*added("PERFMON"), *OPEN)),
    Case("limit-of-another", ("capabilities",), "victim 1000 + call prlimit64 % 7 0 @room:16", 1, control=None,
         passing="call prlimit64 0 7 0 @room:16", remedied=False),
    Case("raise-limit", ("capabilities", "cgroup"), "call prlimit64 0 7 @hex:2c010000000000002c01000000000000 0", 1,
         ("--ulimit", "nofile=200:200"), ("--ulimit", "nofile=900:900")),
    Case("user-gives-away", ("capabilities",), "copy /tmp/f 0755 + call chown /tmp/f 0 0", 1, user(1000)),
    Case("user-becomes-root", ("capabilities",), "call setuid 0", 1, user(1000)),
    Case("user-mounts", ("capabilities",), "call mount :t /mnt :tmpfs 0 0", 1,
         (*user(1000), *added("SYS_ADMIN"), *OPEN), (*added("SYS_ADMIN"), *OPEN), engines=(DOCKER,)),
    Case("low-port-root", ("capabilities",), "call socket 2 1 0 + call bind % @in:0.0.0.0:80 16", 13,
         ("--sysctl", "net.ipv4.ip_unprivileged_port_start=1024", *dropped("NET_BIND_SERVICE")),
         ("--sysctl", "net.ipv4.ip_unprivileged_port_start=1024")),
    Case("low-port-user", ("capabilities",), "call socket 2 1 0 + call bind % @in:0.0.0.0:443 16", 13,
         ("--sysctl", "net.ipv4.ip_unprivileged_port_start=1024", *user(1000)),
         ("--sysctl", "net.ipv4.ip_unprivileged_port_start=1024")),
    Case("low-port-inet6", ("capabilities",), "call socket 10 1 0 + call bind % @in::::25 28", 13,
         ("--sysctl", "net.ipv4.ip_unprivileged_port_start=1024", "--cap-drop", "ALL"),
         ("--sysctl", "net.ipv4.ip_unprivileged_port_start=1024")),
    Case("set-uid-in-vain", ("capabilities",), "exec /gains root", IN_VAIN, (*user(1000), *_NO_NEW_PRIVS), user(1000),
         calls=("execve", "")),
    Case("set-uid-in-vain-become", ("capabilities",), "become 1000 + exec /gains root", IN_VAIN, _NO_NEW_PRIVS, (),
         calls=("execve", "")),
    Case("file-capability-in-vain", ("capabilities",), "exec /raw holds 13", IN_VAIN,
         (*user(1000), *dropped("ALL"), *added("NET_RAW"), *_NO_NEW_PRIVS),
         (*user(1000), *dropped("ALL"), *added("NET_RAW")), calls=("execve", ""), engines=(DOCKER,)),
    Case("file-capability-dropped", ("capabilities",), "exec /raw fine", 1, dropped("ALL"), added("NET_RAW"),
         calls=("execve",)),
    Case("file-capability-dropped-user", ("capabilities",), "exec /raw fine", 1, (*user(1000), *dropped("ALL")),
         (*user(1000), *added("NET_RAW")), calls=("execve",)),
)  # fmt: skip
