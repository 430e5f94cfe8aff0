"""Who is to blame: what programs really print when a toggle took something from them, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.recorded import recorded
from stratascope.core.container import AskedDevice, AskedMount, ProfileKind
from stratascope.core.relaunch.evidence import Failure
from stratascope.core.relaunch.toggle import Choice
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import all_toggles, choice_of
from stratascope.linux.capability import CapabilitySet
from stratascope.usecases.relaunch.diagnosis import blame, leave_out, points_to
from stratascope.value import replace
from unit.layers.toggle_subjects import DOCKER, default, subject

MOUNTS = (
    AskedMount("bind", "/srv/data", "/data", True),
    AskedMount("bind", "/srv/config", "/config", True),
    AskedMount("bind", "/run/docker.sock", "/run/docker.sock", True),
)
OPEN = default(
    DOCKER,
    mounts=MOUNTS,
    devices=(AskedDevice("/dev/fuse", "/dev/fuse", "rwm"),),
    seccomp=ProfileKind.UNCONFINED,
    apparmor=ProfileKind.UNCONFINED,
    selinux_options=("disable",),
    masked_paths=(),
    read_only_paths=(),
    **dict.fromkeys(("pid_mode", "ipc_mode", "uts_mode", "network_mode", "cgroupns_mode"), "host"),
)
SUBJECT = subject(OPEN, recorded("lsm/apparmor/docker-default"))
PLAIN = subject(default(DOCKER), recorded("lsm/apparmor/docker-default"))
ALL = (
    "privileged=off capabilities=none drop=CAP_MKNOD no-new-privileges=on seccomp=default apparmor=default"
    " selinux=default pid=private ipc=private uts=private network=private cgroupns=private read-only-root=on"
    " volume=/var/lib/other tmpfs=/var/cache/app masked-paths=default host-paths=read-only unmount=/config"
    " engine-socket=remove devices=remove publish=loopback memory=67108864 pids=20 cpus=1"
    " oom-score-adj=500"
    " ulimit-nofile=64 ulimit-nproc=20 ulimit-core=0 oom-score-adj=0 user=1000 volume-owner=change userns=auto"
)
# What was printed, how it ended, the toggle that is first to blame among all, and words of the explanation
SAID: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "busybox, read-only": ("touch: /var/lib/app/x: Read-only file system", {}, "read-only-root", "a volume there"),
    "nginx, read-only": (
        'nginx: [emerg] mkdir() "/var/cache/nginx/client_temp" failed (30: Read-only file system)',
        {},
        "read-only-root",
        "a volume there",
    ),
    "python, read-only": (
        "OSError: [Errno 30] Read-only file system: '/srv/out/log.txt'",
        {},
        "read-only-root",
        "a volume there",
    ),
    "a pid file, read-only": ("touch: /run/app/app.pid: Read-only file system", {}, "read-only-root", "tmpfs=/run/app"),
    "what was mounted": (
        "cat: can't open '/config/app.ini': No such file or directory",
        {},
        "unmount",
        "/config/app.ini",
    ),
    "below the root": ("sh: can't create /here: Read-only file system", {}, "read-only-root", "volume"),
    "a host path": ("cp: can't create '/data/sub/a': Read-only file system", {}, "host-paths", "/data/sub/a"),
    "a kernel setting": (
        "sysctl: error setting key '/proc/sys/net/core/somaxconn': Read-only file system",
        {},
        "masked-paths",
        "/proc/sys",
    ),
    "busybox chown": ("chown: /tmp: Operation not permitted", {}, "capabilities", "capabilities=CHOWN"),
    "nginx chown": (
        'nginx: [emerg] chown("/var/cache/nginx/client_temp", 101) failed (1: Operation not permitted)',
        {},
        "capabilities",
        "CHOWN",
    ),
    "nginx setgid": (
        "nginx: [emerg] setgid(101) failed (1: Operation not permitted)",
        {},
        "capabilities",
        "capabilities=SETGID,SETUID",
    ),
    "gosu": ('error: failed switching to "redis": operation not permitted', {}, "capabilities", "SETUID"),
    "busybox su": ("su: can't set groups: Operation not permitted", {}, "capabilities", "SETGID"),
    "postgres": (
        'FATAL:  could not change permissions of directory "/x": Operation not permitted',
        {},
        "capabilities",
        "FOWNER",
    ),
    "nginx bind": (
        "nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)",
        {},
        "capabilities",
        "NET_BIND_SERVICE",
    ),
    "a silent low port": ("", {"silent": (80,)}, "user", "port 80"),
    "ping": ("ping: permission denied (are you root?)", {}, "capabilities", "NET_RAW"),
    "chroot": (
        "chroot: can't change root directory to '/x': Operation not permitted",
        {},
        "capabilities",
        "SYS_CHROOT",
    ),
    "sudo": (
        'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.',
        {},
        "no-new-privileges",
        "no-new-privileges is set",
    ),
    "a killed call": ("Bad system call (core dumped)", {"exit_code": 159}, "seccomp", "system call"),
    "by its exit": ("", {"exit_code": 159}, "seccomp", "system call"),
    "out of memory": ("", {"exit_code": 137, "out_of_memory": True}, "memory", "memory=134217728"),
    "killed": ("", {"exit_code": 137}, "memory", "perhaps"),
    "an allocation": (
        "runtime: out of memory: cannot allocate 4194304-byte block",
        {"exit_code": 2},
        "memory",
        "128 MiB",
    ),
    "no fork": (
        "sh: can't fork: Resource temporarily unavailable",
        {"exit_code": 2},
        "pids",
        "not start more processes",
    ),
    "no thread": ("pthread_create failed: Resource temporarily unavailable", {}, "pids", "threads"),
    "no files": ("accept4: Too many open files", {}, "ulimit-nofile", "Raise the limit"),
    "a name": ("wget: bad address 'db'", {}, "network", "bad address 'db'"),
    "nobody there": ("Error: connect ECONNREFUSED 127.0.0.1:5432", {}, "network", "ECONNREFUSED"),
    "the engine's socket": (
        "Cannot connect to the Docker daemon at unix:///run/docker.sock. Is the docker daemon running?",
        {},
        "engine-socket",
        "socket",
    ),
    "a device": ("fuse: device not found, try 'modprobe fuse' first: /dev/fuse", {}, "devices", "/dev/fuse"),
    "noexec": ("sh: /var/cache/app/run: Permission denied", {}, "tmpfs", "noexec"),
    "hidden": ("cat: can't open '/var/cache/app/seed': No such file or directory", {}, "tmpfs", "/var/cache/app/seed"),
    "a file of root's": ("cat: can't open '/etc/shadow': Permission denied", {}, "user", "/etc/shadow"),
    "root wanted": ("This program must be run as root", {}, "user", "to be root"),
    "no ids": (
        "",
        {"words": "could not find enough unused IDs in /etc/subuid for --userns=auto"},
        "userns",
        "too few IDs",
    ),
    "a label": ("avc:  denied  { write } for  pid=1", {}, "selinux", "SELinux"),
    "apparmor": ("exec format: apparmor failed to apply profile", {}, "apparmor", "AppArmor"),
    "shared memory": ("shmget: No space left on device", {}, "ipc", "shared memory"),
    "a process": ("kill: can't kill pid 4711: No such process", {}, "pid", "process"),
}

# Recorded of the tables that each toggle had of its own: whom these words point to among all toggles, likeliest first,
# and who is suspected as well where it is the only choice that does anything
WORDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "read-only-root",
        "",
        (
            "touch: /var/lib/app/x: Read-only file system",
            'nginx: [emerg] mkdir() "/var/cache/nginx/client_temp" failed (30: Read-only file system)',
            "OSError: [Errno 30] Read-only file system: '/srv/out/log.txt'",
            "touch: /run/app/app.pid: Read-only file system",
            "sh: can't create /here: Read-only file system",
        ),
    ),
    (
        "read-only-root",
        "host-paths",
        (
            "EROFS, open",
            "write failed: EROFS",
        ),
    ),
    (
        "unmount",
        "",
        (
            "cat: can't open '/config/app.ini': No such file or directory",
            "ENOENT: open '/config/app.ini'",
        ),
    ),
    ("host-paths", "", ("cp: can't create '/data/sub/a': Read-only file system",)),
    ("masked-paths", "", ("sysctl: error setting key '/proc/sys/net/core/somaxconn': Read-only file system",)),
    ("masked-paths user", "apparmor capabilities selinux userns", ("cat: /proc/kcore: Permission denied",)),
    (
        "masked-paths",
        "apparmor capabilities drop seccomp selinux user userns",
        ("echo: /sys/kernel/x: Operation not permitted",),
    ),
    (
        "capabilities",
        "apparmor drop seccomp selinux user userns",
        (
            "chown: /tmp: Operation not permitted",
            'nginx: [emerg] chown("/var/cache/nginx/client_temp", 101) failed (1: Operation not permitted)',
            "nginx: [emerg] setgid(101) failed (1: Operation not permitted)",
            'error: failed switching to "redis": operation not permitted',
            'FATAL:  could not change permissions of directory "/x": Operation not permitted',
            "chroot: can't change root directory to '/x': Operation not permitted",
            "kill: can't kill pid 9: Operation not permitted",
            "setcap: Operation not permitted",
        ),
    ),
    (
        "capabilities",
        "apparmor drop no-new-privileges seccomp selinux user userns",
        ("su: can't set groups: Operation not permitted",),
    ),
    (
        "capabilities",
        "apparmor selinux user userns",
        ("nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)",),
    ),
    ("capabilities", "apparmor selinux userns", ("Error: listen EACCES: permission denied 0.0.0.0:80",)),
    ("capabilities", "apparmor no-new-privileges selinux userns", ("ping: permission denied (are you root?)",)),
    ("capabilities drop", "apparmor seccomp selinux user userns", ("mknod: /dev/x: Operation not permitted",)),
    (
        "user userns selinux",
        "apparmor capabilities drop seccomp",
        (
            "mount: mounting /x on /y failed: Operation not permitted",
            "unshare failed: EPERM",
            "mlockall: Operation not permitted",
            "ptrace: Operation not permitted",
            "sched_setscheduler: Operation not permitted",
            "settimeofday: Operation not permitted",
            "prlimit: Operation not permitted",
            "Operation not permitted",
            "it is not permitted here",
        ),
    ),
    (
        "userns",
        "apparmor selinux",
        (
            "iptables: Permission denied (you must be root)",
            "access denied",
            "Permission denied",
        ),
    ),
    (
        "user userns",
        "apparmor capabilities selinux",
        (
            "open /etc/x: EACCES",
            "cat: can't open '/etc/shadow': Permission denied",
        ),
    ),
    (
        "no-new-privileges",
        "",
        (
            'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.',
            "sudo: effective uid is not 0, is sudo on a file system with nosuid?",
            "no_new_privs is set",
            "su: must be suid to work properly",
            "newgrp: has to be set-uid",
            "sudo: sorry",
            "the helper is not setuid root",
            "su: Authentication failure",
            "polkit: no agent",
            "pkexec: error",
            "fusermount: failed",
        ),
    ),
    ("userns", "no-new-privileges", ("newuidmap: write to uid_map failed",)),
    ("seccomp", "ulimit-core", ("Bad system call (core dumped)",)),
    (
        "seccomp",
        "",
        (
            "SIGSYS",
            "seccomp: denied",
            "io_uring_setup: Function not implemented",
            "ENOSYS",
            "failed (38: x)",
        ),
    ),
    (
        "memory",
        "",
        (
            "runtime: out of memory: cannot allocate 4194304-byte block",
            "Cannot allocate memory",
            "std::bad_alloc",
            "java.lang.OutOfMemoryError",
            "MemoryError",
            "ENOMEM",
        ),
    ),
    (
        "pids ulimit-nproc",
        "",
        (
            "sh: can't fork: Resource temporarily unavailable",
            "fork failed",
            "EAGAIN",
            "pthread_create failed: Resource temporarily unavailable",
            "unable to create native thread",
        ),
    ),
    (
        "ulimit-nofile",
        "",
        (
            "accept4: Too many open files",
            "EMFILE",
            "ENFILE: file table overflow",
        ),
    ),
    (
        "network",
        "",
        (
            "wget: bad address 'db'",
            "Name or service not known",
            "Temporary failure in name resolution",
            "could not resolve host: db",
            "dial tcp: lookup db: no such host",
            "Error: connect ECONNREFUSED 127.0.0.1:5432",
            "Network is unreachable",
            "No route to host",
            "bind: Cannot assign requested address",
            "Connection refused",
        ),
    ),
    (
        "engine-socket",
        "",
        (
            "Cannot connect to the Docker daemon at unix:///run/docker.sock. Is the docker daemon running?",
            "dial unix /run/podman/podman.sock: connect",
        ),
    ),
    (
        "devices",
        "",
        (
            "fuse: device not found, try 'modprobe fuse' first: /dev/fuse",
            "open x: No such device",
            "ENODEV",
            "ENXIO",
        ),
    ),
    ("tmpfs user userns", "apparmor capabilities selinux", ("sh: /var/cache/app/run: Permission denied",)),
    (
        "tmpfs",
        "",
        (
            "cat: can't open '/var/cache/app/seed': No such file or directory",
            "write /var/cache/app/big: No space left on device",
            "ENOSPC: /var/cache/app/big",
        ),
    ),
    (
        "user",
        "",
        (
            "This program must be run as root",
            "can only be run as root",
            "needs to be started by root",
        ),
    ),
    (
        "selinux",
        "",
        (
            "avc:  denied  { write } for  pid=1",
            "SELinux is preventing it",
        ),
    ),
    ("apparmor", "", ("exec format: apparmor failed to apply profile",)),
    (
        "ipc",
        "",
        (
            "shmget: No space left on device",
            "shared memory segment missing",
            "semget failed",
            "mq_open: x",
            "message queue missing",
            "open /dev/shm/x",
        ),
    ),
    (
        "pid",
        "",
        (
            "kill: can't kill pid 4711: No such process",
            "ESRCH",
            "open /proc/4711: gone",
        ),
    ),
    (
        "uts",
        "",
        (
            "hostname mismatch",
            "unknown host name",
        ),
    ),
    ("cgroupns", "", ("cgroup not found",)),
    (
        "cpus",
        "",
        (
            "request timed out",
            "timeout after 3 s",
            "time-out",
        ),
    ),
    ("ulimit-core", "", ("core dumped: no core file",)),
    (
        "userns",
        "",
        (
            "Value too large for defined data type",
            "EOVERFLOW",
            "no id mapping",
            "could not find enough unused IDs in /etc/subuid",
            "creating user namespace: x",
        ),
    ),
    ("", "", ("segmentation fault",)),
)


def chosen(text: str) -> tuple[Choice, ...]:
    return tuple(choice_of(*word.split("=", 1)) for word in text.split())


@pytest.mark.parametrize("name", SAID)
def test_the_right_toggle_among_all(name: str) -> None:
    log, more, toggle, words = SAID[name]
    text, suspects = blame(chosen(ALL), Failure(**{"log": f"starting\n{log}\nbye\n", **more}), SUBJECT)
    assert suspects[:1] == (toggle,), translate(text)
    assert words in translate(text)
    assert toggle in translate(text)


@pytest.mark.parametrize(
    ("among_all", "also", "line"), [(first, also, line) for first, also, lines in WORDS for line in lines]
)
def test_the_same_words_point_to_the_same_toggles(among_all: str, also: str, line: str) -> None:
    assert blame(chosen(ALL), Failure(line), SUBJECT)[1] == tuple(among_all.split())
    alone = {choice.id for choice in chosen(ALL) if points_to([choice], Failure(line), SUBJECT)}
    assert alone == {*among_all.split(), *also.split()}


def test_what_took_nothing_is_not_to_blame() -> None:
    """It was so before."""
    choices = chosen("seccomp=default apparmor=default masked-paths=default network=private ulimit-core=0")
    for line in ("Bad system call", "apparmor: denied", "/proc/sys/x: Read-only file system", "Network is unreachable"):
        assert blame(choices, Failure(line), PLAIN)[1] == ()
        assert blame(choices, Failure(line), SUBJECT)[1] != ()


def test_leaving_privileged_mode_is_to_blame_for_what_only_that_mode_gave() -> None:
    """What others take as well they are asked for first."""
    privileged = subject(replace(OPEN, privileged=True, capabilities=CapabilitySet.full().names()))
    choices = chosen("privileged=off capabilities=none seccomp=default ulimit-core=0")
    for line, suspects in (
        ("mount: mounting /x on /y failed: Operation not permitted", ("privileged",)),
        ("chown: /tmp: Operation not permitted", ("capabilities",)),
        ("Function not implemented", ("seccomp", "privileged")),
        ("Operation not permitted", ("privileged",)),
    ):
        assert blame(choices, Failure(line), privileged)[1] == suspects
    text, _ = blame(choices, Failure("mount: /x: Operation not permitted"), privileged)
    assert "capabilities=CHOWN," in translate(text)
    assert "SYS_ADMIN" in translate(text)


def test_every_toggle_is_tried_here() -> None:
    of_containers = {each.id for each in all_toggles() if not each.only_gives} - {"hide", "lock"}
    assert {choice.id for choice in chosen(ALL)} == of_containers


@pytest.mark.parametrize("name", SAID)
def test_one_that_was_not_chosen_is_not_to_blame(name: str) -> None:
    log, more, toggle, _ = SAID[name]
    _, suspects = blame(chosen("publish=loopback ulimit-core=0"), Failure(**{"log": log, **more}), SUBJECT)
    assert toggle not in suspects


def test_a_capability_that_it_keeps_or_never_had_is_not_to_blame() -> None:
    failure = Failure("chown: /tmp: Operation not permitted")
    _, suspects = blame(chosen("capabilities=CAP_CHOWN ulimit-core=0 pids=20"), failure, SUBJECT)
    text, _ = blame(chosen("capabilities=CAP_CHOWN ulimit-core=0"), failure, SUBJECT)
    assert suspects == ("capabilities",)
    assert "says “chown: /tmp: Operation not permitted”" in translate(text)
    admin = Failure("mount: mounting /x on /y failed: Operation not permitted")
    text, _ = blame(chosen("capabilities=none ulimit-core=0"), admin, SUBJECT)
    assert "SYS_ADMIN" not in translate(text), "it did not hold that before"


def test_the_only_change_is_to_blame_whatever_the_log_says() -> None:
    text, suspects = blame(chosen("no-new-privileges=on"), Failure("segmentation fault", exit_code=139), SUBJECT)
    assert suspects == ("no-new-privileges",)
    assert "the only change" in translate(text)
    text, suspects = blame(chosen("read-only-root=on"), Failure("touch: /a/b: Read-only file system"), SUBJECT)
    assert "a volume there" in translate(text)


def test_what_can_not_be_told_is_not_guessed() -> None:
    text, suspects = blame(chosen(ALL), Failure("segmentation fault", exit_code=139), SUBJECT)
    assert suspects == ()
    assert "None of its output" in translate(text)
    text, suspects = blame((), Failure("Read-only file system"), SUBJECT)
    assert (suspects, "none is the cause" in translate(text)) == ((), True)


def test_several_that_fit_are_all_named() -> None:
    failure = Failure("sh: can't fork: Resource temporarily unavailable")
    text, suspects = blame(chosen("pids=20 ulimit-nproc=20 memory=67108864"), failure, SUBJECT)
    assert suspects == ("pids", "ulimit-nproc")
    assert "or ulimit-nproc" in translate(text)


def test_what_is_not_proven_is_to_be_left_out() -> None:
    text, suspects = leave_out(chosen("apparmor=default memory=67108864"))
    assert suspects == ("apparmor", "memory")
    assert "apparmor, memory" in translate(text)


@given(st.text(max_size=300), st.none() | st.integers(0, 255), st.tuples() | st.tuples(st.integers(1, 65535)))
def test_foreign_text_breaks_nothing(log: str, code: int | None, silent: tuple[int, ...]) -> None:
    text, suspects = blame(chosen(ALL), Failure(log, log, code, False, silent), SUBJECT)
    assert translate(text)
    assert len(set(suspects)) == len(suspects)


def test_of_a_long_line_only_the_beginning_is_looked_at() -> None:
    start = "chown: /x: Operation not permitted "
    for log, suspects in ((start + "/a" * 400_000, ("capabilities",)), ("/a" * 400_000 + start, ())):
        assert blame(chosen("capabilities=none ulimit-core=0"), Failure(f"{log}\n"), SUBJECT)[1] == suspects
