"""Why a sandbox does not start: each row by its sign, and what it advises."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from stratascope.core.observation.events import Circumstances, Node, NodeKind, ResolvedPath
from stratascope.core.refusals.refusal import Attempt, AttemptKind
from stratascope.core.refusals.starting import ROWS, Here, cause_of, causes
from stratascope.core.relaunch.want import HeldCapability, PassedCall
from stratascope.linux.capability import CapabilitySet
from stratascope.presentation.start_report import DOCKER, PODMAN, compose_lines, options
from stratascope.value import replace

NEW_USER, NEW_NET = 0x10000000, 0x40000000
ALL, NONE = Circumstances(effective=CapabilitySet.full()), Circumstances(effective=CapabilitySet(0))


def call(name: str, code: int, *values: int, path: str = "", **more: Any) -> Attempt:
    return Attempt(AttemptKind.CALL, "bwrap", "x86_64", name, code, values=values, path=path, **more)


def at(path: str, node: Node | None) -> Circumstances:
    return Circumstances(place=ResolvedPath(path, node, None, None))


# those that need another kernel, another distribution, or a security module that is not here
ELSEWHERE = (
    ("debian-switch", call("clone", errno.EPERM, NEW_USER),
     Here(settings=(("kernel.unprivileged_userns_clone", "0"),), uid=1000)),
    ("apparmor-restricted", call("unshare", errno.EACCES, NEW_USER),
     Here(settings=(("kernel.apparmor_restrict_unprivileged_userns", "1"),), uid=1000)),
    ("apparmor-restricted",  # "loopback: Failed RTM_NEWADDR", "setting up uid map: Permission denied"
     Attempt(AttemptKind.REQUEST, "bwrap", errno=errno.EPERM, lacked=("CAP_NET_ADMIN",), apart=True),
     Here(settings=(("kernel.apparmor_restrict_unprivileged_userns", "1"),), uid=1000)),
    ("apparmor-userns", call("clone", errno.EACCES, NEW_USER), Here(label="unconfined", uid=1000)),
    ("selinux-userns", call("clone", errno.EACCES, NEW_USER),
     Here(label="unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023", uid=1000)),
    ("landlock-absent", call("landlock_create_ruleset", errno.ENOSYS), Here()),
    ("landlock-off", call("landlock_create_ruleset", errno.EOPNOTSUPP), Here()),
    ("no-driver", call("openat", errno.ENODEV, path="/dev/fuse"), Here()),
    ("device-closed", call("openat", errno.EPERM, path="/dev/net/tun",
                           around=at("/dev/net/tun", Node(NodeKind.CHARACTER, 0o666, 0, 0, "10:200"))), Here()),
    ("mount-place", call("mkdirat", errno.EROFS, 5, path="/newroot/nonexistent"), Here()),
    ("pivot-root", call("pivot_root", errno.EINVAL, path="/"), Here()),
    ("apparmor-profile", call("mount", errno.EACCES, path="/tmp"), Here(label="docker-default (enforce)")),
    ("selinux", call("mount", errno.EACCES, path="/tmp"), Here(label="system_u:system_r:container_t:s0:c1,c2")),
    ("keys", call("keyctl", errno.EPERM, 1), Here()),
    ("other-machine", call("execve", errno.ENOEXEC, path="/bin/it"), Here()),
    ("not-executable", call("execve", errno.EACCES, path="/bin/it",
                            around=at("/bin/it", Node(NodeKind.FILE, 0o644, 0, 0))), Here()),
    ("seccomp-rights", call("seccomp", errno.EACCES, 1), Here()),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "attempt", "here"), ELSEWHERE, ids=[f"{each[0]}-{n}" for n, each in enumerate(ELSEWHERE)]
)
def test_causes_that_are_not_on_this_machine(name: str, attempt: Attempt, here: Here) -> None:
    found = cause_of(attempt, here)
    assert found is not None
    assert found.id == name


def test_proc_is_the_reason_only_where_it_is_covered_and_rights_are_there() -> None:
    mount = call("mount", errno.EPERM, 1, 2, 3, 0xE, path="/newroot/proc", around=ALL)
    covered = Here(covered=("/proc/sys", "/proc/kcore"))
    assert [getattr(cause_of(mount, here), "id", "") for here in (covered, Here())] == [
        "proc-covered",
        "proc-of-others",
    ]
    by_descriptor = call("mount", errno.EPERM, 1, 2, 3, 0xE, path="/proc/self/fd/5", around=ALL)
    bind = call("mount", errno.EPERM, 1, 2, 3, 0x1000, path="/newroot/proc", around=ALL)
    without = call("mount", errno.EPERM, 1, 2, 3, 0xE, path="/newroot/proc", around=NONE)
    ended = replace(by_descriptor, around=replace(ALL, place=ResolvedPath("/proc/1/fd/5", None, None, None)))
    unread = replace(by_descriptor, path="")
    found = [getattr(cause_of(each, covered), "id", "") for each in (by_descriptor, ended, unread, bind, without)]
    assert found == ["proc-covered"] * 3 + ["mounts-of-others", "no-rights"]


def test_a_filter_is_widened_by_what_the_sandbox_calls_and_no_more() -> None:
    refused = call("clone", errno.EPERM, NEW_USER | NEW_NET | 17, entered=False, around=NONE)
    found = cause_of(refused, Here())
    assert found is not None
    assert [want.name for want in found.wants if isinstance(want, PassedCall)] == [
        "clone", "mount", "umount2", "pivot_root",
    ]  # fmt: skip
    other = cause_of(call("keyctl", errno.EPERM, 1, entered=False), Here())
    assert other is not None
    assert [want.name for want in other.wants if isinstance(want, PassedCall)] == ["keyctl"]


def test_root_in_a_container_is_told_to_make_a_user_namespace_instead_of_being_given_sys_admin() -> None:
    found = cause_of(call("clone", errno.EPERM, NEW_NET | 17, entered=False, around=NONE), Here())
    assert found is not None
    assert (found.id, found.own_first) == ("filter-and-rights", True)
    assert not [want for want in found.wants if isinstance(want, HeldCapability)]
    first = found.wants[0]
    assert isinstance(first, PassedCall)
    assert first.values[0] & NEW_USER


def test_no_answer_switches_the_filter_off_or_gives_everything() -> None:
    more = (
        ("filter", call("mount", errno.EPERM, entered=False), Here()),
        (
            "proc-covered",
            call("mount", errno.EPERM, 1, 2, 3, 0xE, path="/proc", around=ALL),
            Here(covered=("/proc/sys",)),
        ),
    )
    for _, attempt, here in (*ELSEWHERE, *more):
        cause = cause_of(attempt, here)
        assert cause is not None
        for engine in (DOCKER, PODMAN):
            words = " ".join(value for pair in options(cause.wants, engine) for value in pair)
            assert "seccomp=unconfined" not in words
            assert "privileged" not in words
        assert cause.wants or cause.host or cause.own


def test_the_last_refusal_is_told_first_and_each_row_once() -> None:
    here = Here()
    attempts = (
        call("execve", errno.ENOENT, path="/sbin/newuidmap"),
        call("execve", errno.ENOENT, path="/bin/newuidmap"),
        call("getpid", errno.EPERM),
        call("openat", errno.ENOENT, path="/dev/fuse"),
    )
    assert [each.id for each in causes(attempts, here)] == ["no-device", "no-newuidmap"]


def test_options_for_run_and_compose() -> None:
    cause = cause_of(call("openat", errno.ENOENT, path="/dev/fuse"), Here())
    proc = cause_of(call("mount", errno.EPERM, 1, 2, 3, 0xE, path="/proc", around=ALL), Here(covered=("/proc/sys",)))
    assert cause is not None
    assert proc is not None
    wants = (*cause.wants, *proc.wants)
    assert options(wants, DOCKER) == (("--device", "/dev/fuse"), ("--security-opt", "systempaths=unconfined"))
    assert options(wants, PODMAN)[1] == ("--security-opt", "unmask=ALL")
    assert compose_lines(wants) == (
        "devices:", '  - "/dev/fuse"', "security_opt:", '  - "systempaths=unconfined"',
    )  # fmt: skip


def test_ids_are_unique() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)
