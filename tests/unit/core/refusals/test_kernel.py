"""The machine itself: what it lacks, what its settings forbid, Landlock."""

from __future__ import annotations

import pytest

from rig.core.refusals.moments import around, call, check, happened, mount, place
from stratascope.core.ground import Ground
from stratascope.core.refusals.kernel import claim
from stratascope.core.refusals.refusal import KERNEL, Attempt, AttemptKind, Claim, Strength
from stratascope.core.relaunch.want import HeldCapability, Setting
from stratascope.i18n.translate import translate
from stratascope.value import replace
from unit.layers.surroundings import GROUND
from unit.layers.surroundings import around as surroundings

_SOMEBODY = 999
_LANDLOCK = 'audit(1729738800.268:30): domain=195ba459b blockers=fs.read_file path="/etc/passwd" dev="vda1" ino=12'
_NEW_USER = 0x10000000


def on(**settings: str) -> Ground:
    """A machine with these settings; a double underscore is a dot."""
    return replace(GROUND, sysctls=tuple((name.replace("__", "."), value) for name, value in settings.items()))


def of(attempt: Attempt, ground: Ground = GROUND) -> Claim | None:
    return claim(attempt, surroundings(ground=ground))


def asks(name: str, *frames: str, uid: int = _SOMEBODY) -> dict[str, object]:
    return around(uid, [check(name, *frames)])


SETTINGS = [
    (
        call("perf_event_open", 13, said=asks("CAP_PERFMON", "perfmon_capable", uid=0)),
        on(kernel__perf_event_paranoid="3"),
        "kernel.perf_event_paranoid = 3",
    ),
    (
        call("ptrace", 1, 16, 9, said=asks("CAP_SYS_PTRACE", "ns_capable", "yama_ptrace_access_check", uid=0)),
        on(kernel__yama__ptrace_scope="1"),
        "kernel.yama.ptrace_scope = 1",
    ),
    (call("io_uring_setup", 1), on(kernel__io_uring_disabled="2"), "kernel.io_uring_disabled = 2"),
    (
        call("userfaultfd", 1, said=asks("CAP_SYS_PTRACE", "capable")),
        on(vm__unprivileged_userfaultfd="0"),
        "vm.unprivileged_userfaultfd = 0",
    ),
    (
        call("bpf", 1, 0, said=asks("CAP_BPF", "bpf_capable")),
        on(kernel__unprivileged_bpf_disabled="2"),
        "kernel.unprivileged_bpf_disabled = 2",
    ),
    (
        call("unshare", 1, _NEW_USER, said=asks("CAP_SYS_ADMIN", "capable", "ksys_unshare")),
        on(kernel__unprivileged_userns_clone="0"),
        "kernel.unprivileged_userns_clone = 0",
    ),
    (
        call("open", 1, 0, 0, path="/dev/kmsg", said=asks("CAP_SYSLOG", "capable")),
        on(kernel__dmesg_restrict="1"),
        "kernel.dmesg_restrict = 1",
    ),
    (call("finit_module", 1, 3), on(kernel__modules_disabled="1"), "kernel.modules_disabled = 1"),
    (call("kexec_load", 1), on(kernel__kexec_load_disabled="1"), "kernel.kexec_load_disabled = 1"),
    (call("iopl", 1, 3), replace(GROUND, lockdown="integrity"), "locked down (integrity)"),
]


@pytest.mark.parametrize(
    ("attempt", "ground", "text"), SETTINGS, ids=lambda each: each if isinstance(each, str) else ""
)
def test_a_setting(attempt: Attempt, ground: Ground, text: str) -> None:
    """Named with its value; without that setting it was somebody else."""
    found = of(attempt, ground)
    assert found is not None
    assert found.layer == KERNEL
    assert text in translate(found.what)
    assert found.strength is (Strength.SAID if attempt.lacked else Strength.FITS)
    assert found.wants == tuple(HeldCapability((name,), attempt.around.uid) for name in attempt.lacked)
    if "yama" not in text:
        assert of(attempt) is None


def test_root_is_told_what_it_lacks() -> None:
    """On the machine itself root would be let through."""
    attempt = call("userfaultfd", 1, said=asks("CAP_SYS_PTRACE", "capable", uid=0))
    assert of(attempt, on(vm__unprivileged_userfaultfd="0")) is None


def test_a_child_may_be_traced_without_yama() -> None:
    attempt = call("ptrace", 1, 16, 9, said=asks("CAP_SYS_PTRACE", "ns_capable", "__ptrace_may_access"))
    assert of(attempt, on(kernel__yama__ptrace_scope="1")) is None


OTHERS = [
    (
        call("landlock_create_ruleset", 38),
        "This machine's kernel has no system call landlock_create_ruleset, or not in this form.",
    ),
    (call("socket", 97, 40, 1, 0), "This machine's kernel has no sockets of address family 40."),
    (call("socket", 93, 16, 3, 9), "This machine's kernel has no socket of that type and protocol."),
    (call("open", 6, 0, 2, path="/dev/fuse"), "This machine has no device behind /dev/fuse, or no driver for it."),
    (
        call("inotify_add_watch", 28, 3),
        "This machine limits how many of these one user can have (fs.inotify.max_user_watches).",
    ),
    (
        call("inotify_init1", 24),
        "This machine limits how many of these one user can have (fs.inotify.max_user_instances).",
    ),
    (
        call("unshare", 28, _NEW_USER | 0x20000),
        "This user can't create more namespaces, or can't nest them deeper (user.max_mnt_namespaces, "
        "user.max_user_namespaces).",
    ),
    (call("openat", 23), "The whole machine has reached its limit of open files (fs.file-max)."),
    (
        call("add_key", 122),
        "Its user has reached this machine's limit of keys (kernel.keys.maxkeys, maxbytes).",
    ),
    (call("mkdir", 28, said=around(place=place("/data/x"))), "The disk that /data/x is on is full."),
    (call("mkdir", 122, said=around(place=place("/data/x"))), "The quota of the disk that it writes to is used up."),
    (call("epoll_ctl", 1, 3, 1, 0), "Ordinary files and directories can't be waited for with epoll."),
    (
        call("open", 13, 0, 0, lines=(_LANDLOCK,)),
        "It put itself under Landlock rules that do not allow this (fs.read_file), or was started under them.",
    ),
    (happened(AttemptKind.OUT_OF_MEMORY), "The machine ran out of memory, so the kernel killed it."),
]


@pytest.mark.parametrize(("attempt", "text"), OTHERS, ids=lambda each: each if isinstance(each, str) else "")
def test_what_refused_it(attempt: Attempt, text: str) -> None:
    found = of(attempt)
    assert found is not None
    assert (found.layer, translate(found.what)) == (KERNEL, text)


def test_limits_of_an_ipc_namespace_can_be_raised() -> None:
    found = of(call("msgget", 28))
    assert found is not None
    assert found.wants == (Setting("kernel.msgmni", "32768"),)


def test_a_full_tmpfs_is_no_disk() -> None:
    assert of(call("mkdir", 28, said=around(place=place("/run/x", on=mount("/run", kind="tmpfs"))))) is None


def test_what_is_full_is_not_named_where_it_was_not_seen() -> None:
    for attempt in (call("write", 28, 3, 0, 65536), call("mkdir", 28, path="/t/a")):
        found = of(attempt)
        assert found is not None
        assert not found.certain
        assert "a disk, or a tmpfs" in translate(found.what)


def test_a_line_of_landlock_is_of_the_call_that_it_fits() -> None:
    for path, fits in (("/etc/passwd", True), ("/etc/shadow", False), ("", True)):
        found = of(call("open", 13, 0, 0, path=path, lines=(_LANDLOCK,)))
        assert (found is not None) is fits, path
    port = "audit(1.2:3): domain=1f blockers=net.connect_tcp daddr=10.0.0.1 dest=80"
    assert of(call("connect", 13, 3, lines=(port,))) is not None
    assert of(call("open", 13, 0, 0, lines=(port,))) is None
    assert of(call("open", 13, 0, 0, said=asks("CAP_DAC_OVERRIDE", "capable"), lines=(_LANDLOCK,))) is None


def test_a_filter_may_answer_the_same() -> None:
    for attempt in (call("io_uring_setup", 38, entered=False), call("socket", 97, 40, 1, 0, entered=False)):
        assert of(attempt) is None
