"""Infer what a container's programs could need from the symbols they import, for containers never observed. Pure.

An import shows what a program could do, never that it does it, and a missing import shows nothing: a shell, an
interpreter, a static program or one written in Go calls the kernel in ways that no list of symbols shows (of the last,
the calls that its linker left in are known, and its children may become others without any). So the result may only
keep a capability that would be dropped without a reason; it is never a reason to drop one.

Functions map to capabilities by what the kernel checks in the call behind them, capabilities(7). Decided against
`bind` for ports below 1024, as every server imports it (listening sockets are a better source); against `prctl` and
`chmod` alone, which nearly every program imports; and against system libraries, of which a program uses a part: only
its own imports count, and those of libraries in a folder of its own (DT_RUNPATH), such as Postfix's.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from itertools import takewhile

from stratascope.value import Value


class Program(Value):
    """One program of a container. `path`: as invoked, which may be a link; its last part is the name.

    `imports`: library functions that it calls; `commands`: relevant commands that a script calls; `names`: programs
    named in it, without their folders. `opaque`: these don't show what it does (an interpreter, a static program, one
    that could not be read); `script`: it is run by an interpreter. `linked`: of one in Go, which is opaque as well,
    calls whose functions are part of it.
    """

    path: str
    imports: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    opaque: bool = False
    script: bool = False
    linked: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class Programs(Value):
    """The programs examined. `set_uid`: paths of set-uid and set-gid programs that they or login users may call.

    `installed`: names of programs in its image for which protection may have been switched off, whoever starts them.
    """

    found: tuple[Program, ...] = ()
    set_uid: tuple[str, ...] = ()
    installed: tuple[str, ...] = ()
    whole: bool = True  # False if the engine was too slow or refused to return some


class ProgramCapability(Value):
    """A capability that a program could need, and the function or command that needs it."""

    capability: str
    program: str
    by: str


class ProgramSyscall(Value):
    """A system call that a program could make, and the function that makes it."""

    name: str
    program: str
    by: str


_SETUID, _SETGID, _CHOWN = "CAP_SETUID", "CAP_SETGID", "CAP_CHOWN"
# By function. For libcap, libcap-ng, libaudit, PAM and libpcap: what their functions call, by their manual pages
_FUNCTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("setuid seteuid setreuid setresuid setfsuid", (_SETUID,)),
    ("setgid setegid setregid setresgid setfsgid setgroups initgroups", (_SETGID,)),
    ("chown fchown lchown fchownat", (_CHOWN,)),
    ("chroot", ("CAP_SYS_CHROOT",)),
    ("mknod mknodat __xmknod __xmknodat", ("CAP_MKNOD",)),  # __x…: glibc before 2.33
    ("capset cap_set_proc cap_set_mode cap_drop_bound", ("CAP_SETPCAP",)),
    ("capng_apply capng_lock", ("CAP_SETPCAP",)),
    ("capng_change_id", ("CAP_SETPCAP", _SETUID, _SETGID)),
    ("cap_setuid", (_SETUID,)),
    ("cap_setgroups", (_SETGID,)),
    ("cap_set_file cap_set_fd capng_apply_caps_fd", ("CAP_SETFCAP",)),
    # Logins by PAM write to the kernel's audit (pam_loginuid, pam_unix); measured: facts of sshd, cron and vsftpd
    ("pam_authenticate pam_open_session pam_setcred pam_acct_mgmt", (_SETUID, _SETGID, "CAP_AUDIT_WRITE")),
    ("audit_log_acct_message audit_log_user_message audit_log_user_comm_message", ("CAP_AUDIT_WRITE",)),
    ("pcap_open_live pcap_activate libnet_init", ("CAP_NET_RAW",)),
    ("setpriority nice sched_setscheduler sched_setparam sched_setattr ioprio_set", ("CAP_SYS_NICE",)),
    ("mlock mlock2 mlockall", ("CAP_IPC_LOCK",)),
    ("mount umount umount2 unshare setns pivot_root swapon swapoff sethostname quotactl", ("CAP_SYS_ADMIN",)),
    ("settimeofday clock_settime adjtimex clock_adjtime ntp_adjtime", ("CAP_SYS_TIME",)),
    ("ptrace process_vm_readv process_vm_writev", ("CAP_SYS_PTRACE",)),
    ("init_module delete_module", ("CAP_SYS_MODULE",)),
    ("reboot", ("CAP_SYS_BOOT",)),
    ("klogctl", ("CAP_SYSLOG",)),
    ("acct", ("CAP_SYS_PACCT",)),
    ("ioperm iopl", ("CAP_SYS_RAWIO",)),
)  # fmt: skip
# Only in combination: root signals workers of another user (kill), and uses and changes files that it gave away
_TOGETHER: tuple[tuple[str, str, str], ...] = (
    ("kill killpg", _SETUID, "CAP_KILL"),
    # It accesses files that it gave away: nginx, php-fpm, Postfix, HAProxy do not start without it, cron reads no
    # crontab
    ("chown fchown lchown fchownat", _SETUID, "CAP_DAC_OVERRIDE"),
    ("chmod fchmod fchmodat", _CHOWN, "CAP_FOWNER"),
)
# By the name of a program, or of a command in a script: what such a tool does is not among its caller's imports
_TOOLS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("gosu su-exec setpriv runuser su sudo doas setuidgid s6-setuidgid s6-applyuidgid chpst", (_SETUID, _SETGID)),
    ("start-stop-daemon capsh tini-su", (_SETUID, _SETGID)),
    ("chown chgrp", (_CHOWN, "CAP_DAC_OVERRIDE", "CAP_FOWNER")),  # files of other users, in their folders
    ("install useradd adduser usermod", (_CHOWN, "CAP_FOWNER")),
    ("chroot", ("CAP_SYS_CHROOT",)),
    ("mknod", ("CAP_MKNOD",)),
    ("setcap", ("CAP_SETFCAP",)),
    ("ping ping6 arping fping hping3 traceroute mtr tcpdump nmap dhclient dhcpcd udhcpc keepalived", ("CAP_NET_RAW",)),
)  # fmt: skip
# Functions that make a call of another name: glibc's (sysdeps/unix/sysv/linux), libcap's and liburing's
_CALLS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("fork", "_Fork", "daemon"), ("clone", "setsid")),
    **dict.fromkeys(("vfork", "posix_spawn", "posix_spawnp", "popen", "system"), ("vfork", "clone", "clone3")),
    "pthread_create": ("clone", "clone3", "set_robust_list", "rseq"),
    "initgroups": ("setgroups",),
    **dict.fromkeys(("seteuid", "setuid"), ("setuid", "setresuid")),
    **dict.fromkeys(("setegid", "setgid"), ("setgid", "setresgid")),
    **dict.fromkeys(("chown", "fchownat"), ("chown", "fchownat")),
    "lchown": ("lchown", "fchownat"),
    **dict.fromkeys(("chmod", "fchmodat"), ("chmod", "fchmodat")),
    **dict.fromkeys(("mknod", "mknodat", "mkfifo", "mkfifoat"), ("mknod", "mknodat")),
    "nice": ("getpriority", "setpriority"),
    "umount": ("umount2",),
    "klogctl": ("syslog",),
    "setrlimit": ("prlimit64",),
    "getrlimit": ("prlimit64",),
    "inotify_init": ("inotify_init1",),
    "epoll_create": ("epoll_create1",),
    "eventfd": ("eventfd2",),
    "signalfd": ("signalfd4",),
    "cap_set_proc": ("capset",),
    "cap_get_proc": ("capget",),
    "io_uring_queue_init": ("io_uring_setup", "io_uring_enter", "io_uring_register"),
    **dict.fromkeys(("raise", "abort"), ("tgkill", "gettid")),
}
_OF_GO_FILES = frozenset(("chown", "fchown", "fchownat", "fchmod"))  # of os.File and os.Root, linked with any of them
_BY_FUNCTION = {name: needed for names, needed in _FUNCTIONS for name in names.split()}
_BY_TOOL = {name: needed for names, needed in _TOOLS for name in names.split()}
# They import functions for their scripts (Python's module posix, Perl's $<), or to drop a set-uid shell's privileges
_INTERPRETERS = re.compile(
    r"(?:ba|da|a|k|z|mk|fi|c|tc)?sh|busybox|toybox|python[0-9.]*|pypy[0-9.]*|perl[0-9.]*|ruby[0-9.]*|node(?:js)?|deno"
    r"|bun|php(?:-cgi)?[0-9.]*|lua(?:jit)?[0-9.]*|tclsh[0-9.]*|guile[0-9.]*|java|mono|dotnet|R|Rscript|erl|beam\.smp"
    r"|julia|gawk|mawk|awk|env"
).fullmatch
_LOGIN = frozenset(("pam_authenticate", "pam_open_session"))  # cron opens sessions without a password
# Programs that people call after a login, the greatest loss first; others follow by name
_IMPORTANCE = (
    *("sudo", "doas", "su", "pkexec", "ssh-keysign", "unix_chkpwd", "postdrop", "postqueue", "sendmail", "exim4"),
    *("crontab", "at", "ping", "fusermount3", "fusermount", "newuidmap", "newgidmap", "mount", "umount", "passwd"),
    *("newgrp", "gpasswd", "chsh", "chfn", "chage", "expiry"),
)
RIGHTS_AFTER_LOGIN = _IMPORTANCE[:3]
OF_SERVERS = ("crontab", "at", "sendmail", "exim4", "postdrop", "postqueue")  # for everyone to call
# from distributions' essential packages: in nearly every image, but hardly ever called there
_EVERYWHERE = frozenset(
    (
        *("bbsuid", "chage", "chfn", "chsh", "expiry", "gpasswd", "mount", "newgrp", "pam_timestamp_check", "passwd"),
        *("ssh-keysign", "su", "umount", "unix_chkpwd", "newgidmap", "newuidmap", "userhelper", "usernetctl"),
    )
)
_FOLDERS = frozenset(("", "usr", "local", "bin", "sbin", "lib", "lib64", "libexec", "opt"))
_FAMILY = 4  # length of the common prefix that suggests one package: postfix and postdrop


def interpreter(path: str) -> bool:
    """Whether a program of this name is an interpreter."""
    return _INTERPRETERS(path.rpartition("/")[2]) is not None


def meaning(word: str) -> bool:
    """Whether a command of this name indicates capabilities."""
    return word in _BY_TOOL


def logs_in(program: Program) -> bool:
    """Whether people log in through it, so that what they start afterwards counts."""
    return program.name == "dropbear" or (program.name not in RIGHTS_AFTER_LOGIN and set(program.imports) >= _LOGIN)


def calls_for_rights(programs: Sequence[Program], path: str) -> bool:
    """Whether a set-uid program is related to these: it is one of them, named in one, or its name resembles the name or
    folder of one (cron and crontab, Postfix's folder and postdrop).
    """
    name = path.rpartition("/")[2]
    if name in _EVERYWHERE:
        return False
    for program in programs:
        if name in program.names:
            return True
        for word in set(program.path.split("/")) - _FOLDERS:
            alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(name, word, strict=False)))
            if alike >= min(_FAMILY, max(2, len(name)), max(2, len(word))):
                return True
    return False


def called_by_scripts(path: str) -> bool:
    """Whether scripts of ordinary users are the reason that such a program, which gives rights, is in an image."""
    name = path.rpartition("/")[2]
    return name not in _EVERYWHERE and (name in RIGHTS_AFTER_LOGIN or meaning(name))


def opens_sessions(program: Program) -> bool:
    """Whether it opens PAM sessions: for logins, or for jobs, which need no password."""
    return logs_in(program) or ("pam_open_session" in program.imports and program.name not in RIGHTS_AFTER_LOGIN)


def uses(programs: Sequence[Program]) -> tuple[ProgramCapability, ...]:
    """Each capability that these programs could need, once, with the first reason found."""
    found: dict[str, ProgramCapability] = {}
    for program in programs:
        own: dict[str, str] = {}
        for command in (program.name, *program.commands):
            for capability in _BY_TOOL.get(command, ()):
                own.setdefault(capability, command)
        if program.name not in _BY_TOOL:  # a tool imports more than its use here needs
            imports = frozenset(program.imports) if not program.opaque else frozenset(program.linked) - _OF_GO_FILES
            for function, needed in _BY_FUNCTION.items():
                if function in imports:
                    for capability in needed:
                        own.setdefault(capability, function)
            for functions, other, capability in _TOGETHER:
                by = next((name for name in functions.split() if name in imports), None)
                if by is not None and other in own:
                    own.setdefault(capability, by)
        for capability, by in own.items():
            found.setdefault(capability, ProgramCapability(capability, program.name, by))
    return tuple(found.values())


def calls(programs: Sequence[Program], names: Container[str]) -> tuple[ProgramSyscall, ...]:
    """Each system call that they could make by their imports, once; `names`: the calls of the architecture.

    Most functions have the name of their call. Calls that libc makes by itself (memory, locale, files) are not
    included.
    """
    found: dict[str, ProgramSyscall] = {}
    for program in programs:
        for function in () if program.opaque else program.imports:
            for name in (function, *_CALLS.get(function, ())):
                if name in names:
                    found.setdefault(name, ProgramSyscall(name, program.name, function))
    return tuple(found.values())


def by_importance(paths: Sequence[str]) -> tuple[str, ...]:
    """Sort set-uid programs by how much a person would miss them."""
    ranks = {name: rank for rank, name in enumerate(_IMPORTANCE)}
    return tuple(sorted(paths, key=lambda path: (ranks.get(path.rpartition("/")[2], len(ranks)), path)))
