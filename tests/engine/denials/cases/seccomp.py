"""Refused by a filter: the engines' own, and filters that answer what others answer too."""

from __future__ import annotations

from typing import Any

from engine.denials.case import DOCKER, OPEN, SIGSYS, Case, added, dropped

_ZEROS = "00" * 32
_CLONE = f"call clone3 @hex:{_ZEROS}1100000000000000{'00' * 24} 64"
_CUSTOM = ("--security-opt", "seccomp={filter}")


def _default(name: str, attempt: str, status: int = 1, **more: Any) -> Case:
    """By Docker's own filter alone: no capability is asked for. Podman's lets most of these through."""
    return Case(f"seccomp-{name}", ("seccomp",), attempt, status, (), OPEN, engines=(DOCKER,), **more)


def _own(name: str, attempt: str, status: int, action: str = "SCMP_ACT_ERRNO", call: str = "", **more: Any) -> Case:
    """By a filter that lets everything else through."""
    refused = call or attempt.split(" + ")[-1].split()[1]
    rule: dict[str, Any] = {"names": [refused], "action": action, **more}
    if action == "SCMP_ACT_ERRNO":
        rule["errnoRet"] = status
    calls = () if action == "SCMP_ACT_ERRNO" else (refused, "")
    return Case(f"filter-{name}", ("seccomp",), attempt, status, _CUSTOM, OPEN, rules=(rule,), calls=calls)


def _argument(index: int, value: int) -> list[dict[str, object]]:
    return [{"index": index, "value": value, "op": "SCMP_CMP_EQ"}]


CASES = (
    _default("add-key", "call add_key :user :one :two 3 -2"),
    _default("keyctl", "call keyctl 0 -2 1"),
    _default("io-uring", "call io_uring_setup 4 @room:256"),
    _default("userfaultfd", "call userfaultfd 1"),
    _default("clone3", _CLONE, 38),
    _default("user-namespace", "call unshare 0x10000000"),
    _default("vsock", "call socket 40 1 0"),
    _default("personality", "call personality 0x40000"),
    _default("fanotify", "call fanotify_init 0x200 0"),
    _default("kcmp", "victim 0 + call kcmp % % 1 0 0"),
    _default("memory-policy", "call get_mempolicy @room:8 0 0 0 0"),
    _default("move-pages", "call move_pages 0 0 0 0 0 0"),
    _default("take-descriptor", "victim 0 + call pidfd_open % 0 + call pidfd_getfd % 0 0"),
    Case("seccomp-chroot-dropped", ("seccomp", "capabilities"), "call chroot /", 1, dropped("SYS_CHROOT"),
         engines=(DOCKER,)),
    Case("seccomp-mount", ("seccomp",), "call mount :t /mnt :tmpfs 0 0", 1, (), ("--privileged",), engines=(DOCKER,)),
    Case("seccomp-accounting", ("seccomp",), "call acct /absent", 1, (), added("SYS_PACCT"), passes=(2,),
         engines=(DOCKER,)),
    Case("seccomp-reboot", ("seccomp",), "call reboot 0 0 0 0", 1, (), added("SYS_BOOT"), passes=(22,),
         engines=(DOCKER,)),
    _own("chmod-eacces", "copy /tmp/f 0755 + call chmod /tmp/f 0700", 13),
    _own("statx-enosys", "call statx -100 /etc 0 0xfff @room:512", 38),
    _own("symlink", "call symlink :there /tmp/link", 1),
    _own("memfd", "call memfd_create :x 0", 1),
    _own("mkdir-erofs", "call mkdir /tmp/d 0700", 30),
    _own("fsync-eio", "call open /tmp/f 0x42 0600 + call fsync %", 5),
    _own("connect-unreachable", "call socket 2 2 0 + call connect % @in:127.0.0.1:9 16", 101),
    _own("inet6", "call socket 10 2 0", 97, args=_argument(0, 10)),
    _own("duplicate", "call fcntl 0 1030 0", 1, args=_argument(1, 1030)),
    _own("nofile-emfile", "call memfd_create :x 0", 24),
    _own("clone3-eperm", _CLONE, 1),
    _own("faccessat2-eperm", "call faccessat2 -100 /etc 0 0", 1),
    _own("kill", "call memfd_create :x 0", SIGSYS, "SCMP_ACT_KILL_PROCESS"),
    _own("kill-thread", "call uname @room:512", SIGSYS, "SCMP_ACT_KILL"),
    _own("trap", "call memfd_create :x 0", SIGSYS, "SCMP_ACT_TRAP"),
    Case("filter-of-its-own", ("seccomp",), "filtered memfd_create 13 + call memfd_create :x 0", 13, control=None,
         passing="call memfd_create :x 0", remedied=False),
)  # fmt: skip
