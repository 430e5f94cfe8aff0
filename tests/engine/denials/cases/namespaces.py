"""Refused by what the container's mounts are: read-only, noexec, nosuid, nodev, masked."""

from __future__ import annotations

from typing import Any

from engine.denials.case import IN_VAIN, Case, added

_UNMASKED = ("--security-opt", "{unmask}")
_READ_ONLY = ("--read-only",)
_VOLUME, _WRITABLE = ("-v", "{folder}:/data:ro"), ("-v", "{folder}:/data")
_HUGE = "/sys/kernel/mm/transparent_hugepage/enabled"


def _mounts(name: str, attempt: str, status: int, options: tuple[str, ...] = (), control: tuple[str, ...] = (),
            **more: Any) -> Case:  # fmt: skip
    return Case(f"mount-{name}", ("namespaces",), attempt, status, options, control, **more)


CASES = (
    _mounts("read-only-folder", "call mkdir /new 0755", 30, _READ_ONLY),
    _mounts("read-only-create", "call open /etc/new 0x41 0644", 30, _READ_ONLY),
    _mounts("read-only-remove", "call unlink /own", 30, _READ_ONLY),
    _mounts("read-only-mode", "call chmod /own 0600", 30, _READ_ONLY),
    _mounts("read-only-deep", "call open /var/state 0x42 0600", 30, (*_READ_ONLY, "--tmpfs", "/run")),
    _mounts("volume", "call mkdir /data/new 0755", 30, _VOLUME, _WRITABLE),
    _mounts("volume-write", "call open /data/private 2", 30, _VOLUME, _WRITABLE),
    _mounts("volume-owner", "call lchown /data/private 0 0", 30, _VOLUME, _WRITABLE),
    _mounts("volume-rename", "call rename /data/private /data/secret", 30, _VOLUME, _WRITABLE,
            passing="call rename /data/private /data/private"),
    _mounts("proc-sys", "call open /proc/sys/net/ipv4/ip_forward 1", 30, (), _UNMASKED),
    _mounts("proc-irq", "call open /proc/irq/default_smp_affinity 1", 30, (), _UNMASKED),
    _mounts("sys", f"call open {_HUGE} 1", 30, (), ("--privileged",)),
    _mounts("masked-file", "content /proc/timer_list", IN_VAIN, (), _UNMASKED, calls=("openat", "open", "")),
    _mounts("masked-folder", "content /sys/firmware", IN_VAIN, (), _UNMASKED, calls=("openat", "open", "")),
    _mounts("noexec", "copy /t/p 0755 + exec /t/p fine", 13, ("--tmpfs", "/t:noexec"), ("--tmpfs", "/t:exec"),
            calls=("execve",)),
    _mounts("noexec-library", "copy /t/p 0755 + call open /t/p 0 + call mmap 0 4096 5 2 % 0", 1,
            ("--tmpfs", "/t:noexec"), ("--tmpfs", "/t:exec")),
    _mounts("noexec-later", "copy /t/p 0755 + call open /t/p 0 + call mmap 0 4096 1 2 % 0 + call mprotect % 4096 5", 13,
            ("--tmpfs", "/t:noexec"), ("--tmpfs", "/t:exec"), remedied=False),
    _mounts("nosuid", "copy /t/g 04755 + become 1000 + exec /t/g root", IN_VAIN, ("--tmpfs", "/t:exec,nosuid"),
            ("--tmpfs", "/t:exec,suid"), calls=("execve", "")),
    _mounts("nodev", "call mknod /t/n 020666 259 + call open /t/n 2", 13, ("--tmpfs", "/t", *added("MKNOD")),
            ("--tmpfs", "/t:dev", *added("MKNOD"))),
)  # fmt: skip
