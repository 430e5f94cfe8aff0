"""What healthy programs are refused, as it was seen; and what looks like it and is what people search for."""

from __future__ import annotations

import errno

import pytest

from stratascope.core.observation.events import Address, Circumstances, Node, NodeKind, ResolvedPath
from stratascope.core.refusals.benign import PROBES, is_benign, why_benign
from stratascope.core.refusals.refusal import Attempt, AttemptKind
from stratascope.linux.namespace import FULL, IdRange
from stratascope.linux.syscalls import known_names
from stratascope.value import replace

ALL = (IdRange(0, 0, FULL),)
MINUS = 0xFFFFFFFF
EPERM, EACCES, ENOSYS = errno.EPERM, errno.EACCES, errno.ENOSYS


def call(
    name: str,
    code: int,
    *values: int,
    path: str = "",
    lacked: str = "",
    entered: bool = True,
    uid: int = 33,
    node: NodeKind | None = None,
) -> Attempt:
    place = None if node is None else ResolvedPath(path, Node(node, 0o644, 0, 0), None, None)
    around = Circumstances(ids=(uid,) * 4, place=place)
    return Attempt(
        AttemptKind.CALL, "x", "x86_64", name, code, entered, values, path, tuple(lacked.split()), around, (), ALL
    )


# each of a program of tests/machine/software on Docker or Podman that worked
SEEN = (
    call("clone3", ENOSYS, 1, 88, entered=False),
    call("io_uring_setup", EPERM, 8, 1, entered=False),
    call("keyctl", EPERM, 1, 0, 0, entered=False),
    call("setuid", EPERM, 0, lacked="CAP_SETUID"),
    call("setgid", EPERM, 0, MINUS, lacked="CAP_SETGID"),
    call("setresuid", EPERM, MINUS, 0, MINUS, lacked="CAP_SETUID"),
    call("setresgid", EPERM, MINUS, 0, MINUS, lacked="CAP_SETGID"),
    call("setsid", EPERM),
    call("write", EACCES, 3, 1, 5, lacked="CAP_SYS_RESOURCE"),
    call("prlimit64", EPERM, 0, 7, 1, lacked="CAP_SYS_RESOURCE"),
    call("prlimit64", EPERM, 0, 6, 1, lacked="CAP_SYS_RESOURCE"),
    call("newfstatat", EACCES, path="/root/.my.cnf", lacked="CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH"),
    call("openat", EACCES, path="/proc/self/io", lacked="CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH"),
    call("epoll_ctl", EPERM, 4, 1, 5, node=NodeKind.FILE),
    call("socket", errno.EINVAL, 16, 3, 9, entered=False),
    call("mmap", errno.ENOMEM, 0, 1 << 21, 3, 0x40022),
    replace(
        call("connect", EACCES, 3),
        around=Circumstances(address=Address("unix", "/var/spool/postfix/public/postlog", 0)),
    ),
    replace(call("setuid", EPERM, 0, lacked="CAP_SETUID"), around=Circumstances()),  # it was gone
)
# of these nobody dies: a session of sshd that ends because its client hung up met them just before
NEVER_FATAL = (
    call("clone3", ENOSYS, 1, 88, entered=False),
    call("keyctl", EPERM, 1, 0, 0, entered=False),
    call("setuid", EPERM, 0, lacked="CAP_SETUID"),
    call("setresuid", EPERM, MINUS, 0, MINUS, lacked="CAP_SETUID"),
    call("socket", errno.EINVAL, 16, 3, 9, entered=False),
)
# and of these some do
FATAL = (
    call("io_uring_setup", ENOSYS, 8, 1, entered=False),
    call("io_uring_setup", EPERM, 8, 1, entered=False),
    call("keyctl", EPERM, 11, 0, 0, entered=False),
    call("prlimit64", EPERM, 0, 7, 1, lacked="CAP_SYS_RESOURCE"),
)
# only of one that was seen to go on
WENT_ON = (
    call("stat", EACCES, path="."),
    call("capset", EPERM, 0, 0),  # proftpd wants to keep what Podman does not give
    call("stat", EACCES, path="/home/app/."),
    replace(call("sendto", EPERM, lacked="CAP_NET_ADMIN"), kind=AttemptKind.REQUEST),
    replace(call("", EPERM, lacked="CAP_AUDIT_WRITE"), kind=AttemptKind.REQUEST),
)
# the same calls where people look for the cause
SOUGHT = (
    call("clone3", EPERM, 1, 88, entered=False),
    call("faccessat2", EPERM, entered=False),
    call("statx", EPERM, entered=False),
    call("socket", EPERM, 16, 3, 9, entered=False),
    call("setuid", EPERM, 33, uid=0, lacked="CAP_SETUID"),
    call("setuid", EPERM, 0, uid=0, lacked="CAP_SETUID"),
    call("setgid", EPERM, 33, lacked="CAP_SETGID"),
    call("setresuid", EPERM, 0, 33, 0, lacked="CAP_SETUID"),
    call("setgroups", EPERM, 1, lacked="CAP_SETGID"),
    call("write", EACCES, 3, 1, 5),
    call("write", EPERM, 3, 1, 5, lacked="CAP_SYS_ADMIN"),
    call("prlimit64", EPERM, 0, 8, 1, lacked="CAP_SYS_RESOURCE"),
    call("openat", EACCES, path="/root/app/settings.json"),
    call("openat", EACCES, path="/root/.my.cnf", uid=0),
    call("openat", EACCES, path="/proc/sys/net/ipv4/ip_forward"),
    call("openat", EACCES, path="/var/lib/x/__pycache__.db"),
    call("unlink", EACCES, path="/data/app.pid"),
    call("epoll_ctl", EPERM, 4, 1, 5, node=NodeKind.SOCKET),
    call("mkdir", errno.EROFS, path="/run/app"),
    call("connect", EACCES, path="/run/app.sock"),
    call("mlock", EPERM, lacked="CAP_IPC_LOCK"),
    call("bind", EACCES, lacked="CAP_NET_BIND_SERVICE"),
    call("ptrace", EPERM, 16),
    call("mmap", errno.ENOMEM, 0, 1 << 21, 3, 0x22),
    call("stat", EACCES),
    *WENT_ON,
)


@pytest.mark.parametrize("attempt", SEEN, ids=lambda attempt: f"{attempt.name}-{attempt.values[:3]}{attempt.path}")
def test_seen_of_healthy_programs(attempt: Attempt) -> None:
    assert is_benign(attempt)


@pytest.mark.parametrize("attempt", SOUGHT, ids=lambda attempt: f"{attempt.name}-{attempt.values[:3]}{attempt.path}")
def test_what_people_search_for_is_none(attempt: Attempt) -> None:
    assert why_benign(attempt) == ""


@pytest.mark.parametrize("attempt", WENT_ON, ids=lambda attempt: attempt.name)
def test_of_who_went_on_some_more_is_benign(attempt: Attempt) -> None:
    assert is_benign(attempt, survived=True)


@pytest.mark.parametrize("attempt", NEVER_FATAL, ids=lambda attempt: attempt.name)
def test_what_nobody_dies_of_is_benign_though_it_ended(attempt: Attempt) -> None:
    assert is_benign(attempt, ended=True)


@pytest.mark.parametrize("attempt", FATAL, ids=lambda attempt: f"{attempt.name}-{attempt.errno}")
def test_what_some_die_of_is_none_where_it_ended(attempt: Attempt) -> None:
    assert is_benign(attempt)
    assert not is_benign(attempt, ended=True)
    assert not is_benign(attempt, survived=True, ended=True), "another one went on, and this one gave up"


def test_only_calls_that_were_answered_are_benign() -> None:
    for kind in set(AttemptKind) - {AttemptKind.CALL}:
        assert not is_benign(Attempt(kind, "x", "x86_64", "clone3", ENOSYS, False))


def test_the_classes_are_of_calls_there_are() -> None:
    for each in PROBES:
        assert each.why
        assert each.calls <= known_names()
