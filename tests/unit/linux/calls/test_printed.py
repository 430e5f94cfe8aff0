"""Arguments as strace(1) prints them, and a text for any six numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.syscall_arguments import flags, printed, signature, values
from stratascope.linux.syscalls import Abi, known_names

CWD = 0xFFFFFF9C  # AT_FDCWD, as a register holds it
SOME = 0x7F0000001000


# strace(1) for the same calls, with `...` for what lies in memory
@pytest.mark.parametrize(
    ("call", "registers", "path", "expected"),
    [
        ("openat", (CWD, SOME, 0o101, 0o644), "/etc/x", 'AT_FDCWD, "/etc/x", O_WRONLY|O_CREAT, 0644'),
        ("openat", (CWD, SOME, 0o2000000, 0o644), "/etc/x", 'AT_FDCWD, "/etc/x", O_RDONLY|O_CLOEXEC'),
        ("openat", (5, SOME, 0, 0), "", "5, ..., O_RDONLY"),
        ("openat", (CWD, SOME, 0o20200002, 0o600), "/tmp", 'AT_FDCWD, "/tmp", O_RDWR|O_TMPFILE, 0600'),
        ("mount", (SOME, SOME, SOME, 4097, 0), "/mnt", '..., "/mnt", ..., MS_RDONLY|MS_BIND, NULL'),
        ("mount", (SOME, SOME, SOME, 0, 0), "/mnt", '..., "/mnt", ..., 0, NULL'),
        ("umount2", (SOME, 2), "/mnt", '"/mnt", MNT_DETACH'),
        ("clone", (0x10000011, 0, 0, 0, 0), "", "CLONE_NEWUSER|SIGCHLD"),
        ("unshare", (0x30000000,), "", "CLONE_NEWUSER|CLONE_NEWPID"),
        ("setns", (3, 0x40000000), "", "3, CLONE_NEWNET"),
        ("socket", (16, 0x80003, 9), "", "AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_AUDIT"),
        ("socket", (2, 3, 1), "", "AF_INET, SOCK_RAW, IPPROTO_ICMP"),
        ("socket", (40, 1, 0), "", "AF_VSOCK, SOCK_STREAM, 0"),
        ("mknod", (SOME, 0o20600, 10 << 8 | 200), "/dev/t", '"/dev/t", S_IFCHR|0600, makedev(0xa, 0xc8)'),
        ("ioctl", (3, 0x400454CA, 0), "/dev/net/tun", "3</dev/net/tun>, TUNSETIFF, 0"),
        ("setresuid", (0xFFFFFFFF, 33, 0xFFFFFFFF), "", "-1, 33, -1"),
        ("prlimit64", (0, 7, SOME, 0), "", "0, RLIMIT_NOFILE, ..., NULL"),
        ("kill", (1, 9), "", "1, SIGKILL"),
        ("kill", (0xFFFFFFFF, 15), "", "-1, SIGTERM"),
        ("faccessat2", (CWD, SOME, 0, 0x200), "/x", 'AT_FDCWD, "/x", F_OK, AT_EACCESS'),
        ("faccessat2", (CWD, SOME, 6, 0), "/x", 'AT_FDCWD, "/x", W_OK|R_OK, 0'),
        ("unlinkat", (CWD, SOME, 0x200), "/x", 'AT_FDCWD, "/x", AT_REMOVEDIR'),
        ("ptrace", (0x4206, 1, 0, 0), "", "PTRACE_SEIZE, 1, 0, 0"),
        ("prctl", (38, 1, 0, 0, 0), "", "PR_SET_NO_NEW_PRIVS, 0x1, 0, 0, 0"),
        ("epoll_ctl", (4, 1, 5, SOME), "", "4, EPOLL_CTL_ADD, 5, ..."),
        ("bpf", (5, SOME, 148), "", "BPF_PROG_LOAD, ..., 148"),
        ("chown", (SOME, 33, 0xFFFFFFFF), 'a"b', r'"a\"b", 33, -1'),
        ("fork", (), "", ""),
    ],
)
def test_as_strace(call: str, registers: tuple[int, ...], path: str, expected: str) -> None:
    padded = (*registers, *(0,) * (6 - len(registers)))
    assert ", ".join(printed("x86_64", call, padded, path)) == expected


def test_aarch64_has_other_numbers_for_the_flags_of_open() -> None:
    assert printed("aarch64", "openat", (CWD, SOME, 0x4000), "/")[2] == "O_RDONLY|O_DIRECTORY"
    assert printed("x86_64", "openat", (CWD, SOME, 0x10000), "/")[2] == "O_RDONLY|O_DIRECTORY"


def test_an_unknown_call_has_no_arguments_here() -> None:
    assert printed("x86_64", "frobnicate", (1, 2, 3, 4, 5, 6)) == ()


def test_every_call_of_the_table_is_one_and_every_kind_is_known() -> None:
    plain = {"PATH", "FD", "ADDR", "ptr", "at", "fd", "int", "id", "size", "hex", "mode", "made", "nodemode", "dev"}
    plain |= {"signal", "family", "personality", "protocol"}
    named = [name for name in known_names() if signature(name) is not None]
    assert len(named) > 220
    for name in named:
        for kind in signature(name) or ():
            assert kind in plain or flags(kind) or values(kind), (name, kind)


@given(
    st.sampled_from([abi.value for abi in Abi]),
    st.sampled_from(sorted(known_names())),
    st.lists(st.integers(0, (1 << 64) - 1), max_size=6),
    st.text(max_size=20),
)
def test_any_numbers_have_a_text(abi: str, name: str, registers: list[int], path: str) -> None:
    found = printed(abi, name, tuple(registers), path)
    assert len(found) <= len(registers)
    assert all(found)
