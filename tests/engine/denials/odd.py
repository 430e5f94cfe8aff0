"""Odd refusals as data: programs that end at once, that are threads or short-lived children, that give up quietly,
that fail to begin another; and what must be told of each.

Standard library only, as `case`. A scenario is run in a container that it shares with others of the same options, so
that what is told is told among others.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.denials.case import BOTH, DOCKER, OPEN, PODMAN, ROOTLESS, added, dropped, user

SH = ("sh", "-c")


@dataclass(frozen=True)
class Odd:
    """`layers`: any of these is right. `calls`: any of these; empty: not told by a call. `path`: as told; None: none is
    asked for. `remedy`: the first remedy's toggle, any of them; empty: any or none. `benign`: whether it is told as
    harmless; None: either. `engines`: where it is refused so.
    """

    id: str
    layers: tuple[str, ...]
    command: tuple[str, ...]
    calls: tuple[str, ...]
    path: str | None = None
    options: tuple[str, ...] = ()
    remedy: tuple[str, ...] = ()
    benign: bool | None = False
    engines: tuple[str, ...] = (*BOTH, ROOTLESS)


def shell(text: str) -> tuple[str, ...]:
    return (*SH, text)


def tried(text: str) -> tuple[str, ...]:
    return ("/try", *text.split())


OPENS, MAKES, RUNS = ("open", "openat"), ("mkdir", "mkdirat"), ("execve",)
FORKS = ("clone", "fork", "vfork", "clone3")
_RO, _USER = ("--read-only", "--tmpfs", "/t:noexec", "--tmpfs", "/run:exec,nosuid,mode=1777"), user(1000)
_NO_CAPS = (*dropped("ALL"), "--security-opt", "no-new-privileges")
_TIGHT = ("--pids-limit", "12", "--ulimit", "nofile=32:32", "--ulimit", "fsize=65536:65536", "--ulimit", "memlock=0:0",
          "--shm-size", "1m", "--network", "none")  # fmt: skip
_ALL_OFF = (*OPEN, *added("MKNOD"))
_NS, _CAPS, _SEC, _FILES = ("namespaces",), ("capabilities",), ("seccomp",), ("files",)
# rootless: by who root inside is on the machine, which comes first
_OR_MAP = ("usermap",)
_FILTERED = ("seccomp", "capabilities", *_OR_MAP)

ALL: tuple[Odd, ...] = (
    # -- as most containers are
    Odd("quick-sysctl", _NS + _OR_MAP, tried("quit call open ^/proc/sys/kernel/panic 1"), OPENS,
        "/proc/sys/kernel/panic"),
    Odd("shell-sysctl", _NS, shell("echo 1 > /proc/sys/kernel/panic_on_oops"), OPENS, "/proc/sys/kernel/panic_on_oops"),
    Odd("shell-sysctl-ends", _NS, shell("(echo 1 > /proc/sys/kernel/printk); exit 0"), OPENS,
        "/proc/sys/kernel/printk"),
    Odd("sysctl-program", _NS, ("sysctl", "-w", "kernel.panic_on_warn=1"), OPENS, "/proc/sys/kernel/panic_on_warn"),
    Odd("quick-folder", _NS, tried("quit call mkdir ^/sys/kernel/new 0755"), MAKES, "/sys/kernel/new",
        engines=(DOCKER, PODMAN)),
    Odd("quick-thread", _NS, tried("thread call open ^/proc/sys/kernel/sem 1"), OPENS, "/proc/sys/kernel/sem"),
    Odd("quick-child", _NS, tried("child call open ^/proc/sys/kernel/msgmax 1"), OPENS, "/proc/sys/kernel/msgmax"),
    Odd("many-children", _NS, tried("orphans 20 call open ^/proc/sys/kernel/shmmax 1"), OPENS,
        "/proc/sys/kernel/shmmax"),
    Odd("exec-forks", _NS, shell("for n in 1 2 3; do sh -c 'echo 1 > /proc/sys/vm/swappiness'; done"), OPENS,
        "/proc/sys/vm/swappiness"),
    Odd("masked", _NS, ("cat", "/proc/timer_list"), (), "/proc/timer_list"),
    Odd("masked-quick", _NS, tried("quit call open ^/proc/keys 0"), (), "/proc/keys"),
    Odd("masked-folder", _NS, ("ls", "/sys/firmware"), (), "/sys/firmware"),
    Odd("replaced-mount", _NS, shell("cd /etc && echo x > new && mv new hosts"), ("rename",), None, engines=BOTH),
    Odd("mount", ("seccomp", "capabilities"), ("mount", "-t", "tmpfs", "none", "/mnt"), ("mount",), None),
    Odd("sethostname", ("seccomp", "capabilities"), ("hostname", "other"), ("sethostname",), None),
    Odd("clock", ("seccomp", "capabilities"), ("date", "-s", "2030-01-01"), ("clock_settime", "settimeofday"), None),
    Odd("dmesg", ("seccomp", "capabilities", "kernel", *_OR_MAP), ("dmesg",), ("syslog",), None),
    Odd("io-uring-fell-back", _SEC, tried("quit thread call io_uring_setup 4 @room:256"), ("io_uring_setup",),
        None, benign=True, engines=(DOCKER,)),
    Odd("io-uring-gave-up", _SEC, tried("call io_uring_setup 4 @room:256"), ("io_uring_setup",), None,
        engines=(DOCKER,)),
    Odd("keyctl-gave-up", _SEC, tried("call keyctl 0 -2 1"), ("keyctl",), None, engines=(DOCKER,)),
    Odd("add-key-gave-up", _SEC, tried("wait 20 + call add_key :user :one :two 3 -2"), ("add_key",), None,
        engines=(DOCKER,)),
    Odd("new-user-namespace", _SEC, ("unshare", "-U", "true"), ("unshare",), None, engines=(DOCKER,)),
    Odd("device", ("cgroup",), shell("mknod /tmp/fuse c 10 229; cat < /tmp/fuse"), OPENS, "/tmp/fuse", engines=BOTH,
        options=added("MKNOD")),
    Odd("trap-door", _CAPS, shell("echo -1000 > /proc/self/oom_score_adj"), ("write",), None, benign=None,
        engines=BOTH),
    Odd("nice", _CAPS + _OR_MAP, tried("call setpriority 0 0 -9"), ("setpriority",), None, benign=None),
    Odd("signal", ("capabilities", "files"), tried("victim 0 + become 1000 + call kill % 9"), ("kill",), None),
    Odd("swap", ("seccomp", "capabilities"), ("swapon", "/etc/passwd"), ("swapon",), None),
    Odd("raw-io", ("seccomp", "capabilities"), tried("call iopl 3"), ("iopl",), None),
    # -- an ordinary user
    Odd("file-shell", _FILES, shell("cat /private"), OPENS, "/private", _USER),
    Odd("file-quick", _FILES, tried("quit call open ^/private 0"), OPENS, "/private", _USER),
    Odd("file-thread", _FILES, tried("thread call open ^/private 2"), OPENS, "/private", _USER),
    Odd("file-relative", _FILES, shell("cd /etc; echo > motd"), OPENS, "/etc/motd", _USER),
    Odd("file-remove-many", _FILES, shell("rm -f /own /private"), ("unlink", "unlinkat"), "/own", _USER),
    Odd("file-shut-folder", _FILES, shell("cat /closed/secret"), OPENS, "/closed/secret", _USER),
    Odd("file-chdir", _FILES, shell("cd /closed"), ("chdir",), "/closed", _USER),
    Odd("file-mode", _FILES, ("chmod", "600", "/own"), ("chmod", "fchmodat"), "/own", _USER),
    Odd("file-run", _FILES, shell("/sealed fine"), RUNS, "/sealed", _USER),
    Odd("file-own", ("files", "capabilities"), ("chown", "1000", "/own"), ("chown", "lchown", "fchownat"),
        "/own", _USER),
    Odd("file-two", _FILES, tried("quit call rename ^/own ^/tmp/own"), ("rename",), "/own", _USER),
    Odd("not-a-program", _FILES, shell("echo '#!/bin/sh' > /tmp/s; /tmp/s"), RUNS, "/tmp/s", _USER),
    # -- read-only, noexec
    Odd("read-only-touch", _NS, ("touch", "/new"), OPENS, "/new", _RO),
    Odd("read-only-shell", _NS, shell("echo > /etc/state"), OPENS, "/etc/state", _RO),
    Odd("read-only-many", _NS, shell("for n in 1 2 3 4 5; do mkdir /var/n$n; done"), MAKES, None, _RO),
    Odd("read-only-quick", _NS, tried("quit call unlink ^/own"), ("unlink",), "/own", _RO),
    Odd("noexec-program", _NS, tried("copy /t/p 0755 + exec /t/p fine"), RUNS, "/t/p", _RO, ("mount-options", "tmpfs")),
    Odd("noexec-script", _NS, shell("printf '#!/bin/sh\\n' > /t/s; chmod 755 /t/s; /t/s"), RUNS, "/t/s", _RO,
        ("mount-options", "tmpfs")),
    Odd("noexec-quick", _NS, tried("copy /t/q 0755 + child exec /t/q fine"), RUNS, "/t/q", _RO,
        ("mount-options", "tmpfs")),
    Odd("noexec-library", _NS, tried("copy /t/l 0755 + call open /t/l 0 + call mmap 0 4096 5 2 % 0"), ("mmap",), None,
        _RO, ("mount-options", "tmpfs")),
    # -- without capabilities, no_new_privs
    Odd("nnp-set-uid", ("capabilities",), ("/gains", "root"), (), "/gains", (*_USER, *_NO_CAPS), benign=None),
    Odd("no-chown", _CAPS, ("chown", "7", "/own"), ("chown", "lchown", "fchownat"), "/own", _NO_CAPS),
    Odd("no-chroot", ("capabilities", "seccomp"), ("chroot", "/", "true"), ("chroot",), "/", _NO_CAPS),
    Odd("no-setuid", _CAPS, tried("call setuid 1000"), ("setuid",), None, _NO_CAPS),
    Odd("no-raw", _CAPS, tried("call socket 2 3 1"), ("socket",), None, _NO_CAPS),
    Odd("no-override", ("capabilities", "files"), shell("cat /hidden"), OPENS, "/hidden", _NO_CAPS),
    Odd("no-mknod", _CAPS, ("mknod", "/tmp/zero", "c", "1", "5"), ("mknod", "mknodat"), "/tmp/zero", _NO_CAPS,
        engines=BOTH),
    # -- limits
    Odd("pids", ("cgroup",), tried("forks 30"), FORKS, None, _TIGHT, engines=BOTH),
    Odd("open-files", ("cgroup",), tried("files 64"), OPENS, None, _TIGHT),
    Odd("file-size", ("cgroup",), tried("fill /tmp/big 1"), ("write", ""), None, _TIGHT),
    Odd("locked-memory", ("cgroup", "capabilities", *_OR_MAP),
        tried("call mmap 0 65536 3 0x22 -1 0 + call mlock % 65536"), ("mlock",), None, _TIGHT),
    Odd("no-network", ("network",), tried("call socket 2 2 0 + call connect % @in:10.1.2.3:9 16"), ("connect",), None,
        _TIGHT),
    Odd("memory", ("cgroup",), tried("eat 60"), ("",), None, ("--memory", "40m", "--memory-swap", "40m"), engines=BOTH),
    # -- no filter
    Odd("mount-no-filter", _CAPS, ("mount", "-t", "tmpfs", "none", "/mnt"), ("mount",), None, _ALL_OFF),
    Odd("user-namespace-mount", ("capabilities", "namespaces", "usermap"), tried("call umount2 /proc/timer_list 2"),
        ("umount2",), None, _ALL_OFF),
    Odd("landlocked", ("kernel",), tried("locked / + call open ^/etc/passwd 0"), OPENS, "/etc/passwd", _ALL_OFF),
    Odd("own-filter", _SEC, tried("filtered memfd_create 13 + call memfd_create :x 0"), ("memfd_create",), None,
        _ALL_OFF),
    # -- rarely called
    Odd("openat2", _NS + _OR_MAP, tried(f"call openat2 -100 ^/proc/sys/kernel/threads-max @hex:01{'00' * 23} 24"),
        ("openat2",), "/proc/sys/kernel/threads-max"),
    Odd("mount-setattr", _FILTERED, tried(f"call mount_setattr -100 / 0 @hex:01{'00' * 31} 32"), ("mount_setattr",)),
    Odd("fsopen", _FILTERED, tried("call fsopen :tmpfs 0"), ("fsopen",)),
    Odd("open-tree", _FILTERED, tried("call open_tree -100 / 1"), ("open_tree",)),
    Odd("quotactl", _FILTERED, tried("call quotactl 0x800002 /own 0 0"), ("quotactl",)),
    Odd("bpf", _FILTERED, tried("quit call bpf 0 @room:64 64"), ("bpf",)),
    Odd("perf", _FILTERED, tried(f"call perf_event_open @hex:0100000080{'00' * 123} -1 0 -1 0"), ("perf_event_open",)),
    Odd("handle", _FILTERED, tried("call open_by_handle_at -100 @room:128 0"), ("open_by_handle_at",)),
    Odd("request-key", _SEC, tried("call request_key :user :none 0 0"), ("request_key",), engines=(DOCKER,)),
    Odd("network-namespace", _FILTERED, ("unshare", "-n", "true"), ("unshare",)),
    Odd("setns", _FILTERED, tried("call open /proc/self/ns/net 0 + call setns % 0x40000000"), ("setns",)),
    Odd("ptrace", _CAPS, tried("victim 1000 + call ptrace 16 % 0 0"), ("ptrace",)),
    Odd("trusted-attribute", _CAPS + _OR_MAP, tried("call setxattr /own :trusted.x :1 1 0"), ("setxattr",), "/own"),
    Odd("real-time", ("capabilities", "cgroup", *_OR_MAP), tried("call sched_setscheduler 0 1 @hex:01000000"),
        ("sched_setscheduler",), benign=None),
    Odd("socket-file", _FILES, tried("call socket 1 1 0 + call bind % @un:/tmp/s 110 + call chmod /tmp/s 0600 + "
        "become 1000 + call socket 1 1 0 + call connect % @un:/tmp/s 110"), ("connect",)),
    Odd("device-folder", ("cgroup",), tried("call mknodat -100 ^/tmp/kvm 0x2190 0xae8 + call openat2 -100 /tmp/kvm "
        f"@hex:{'00' * 24} 24"), ("openat2",), "/tmp/kvm", options=added("MKNOD"), engines=BOTH),
    Odd("renameat2", _FILES, tried("quit call renameat2 -100 /own -100 /tmp/own 0"), ("renameat2",), "/own", _USER),
    Odd("linkat", ("files", "kernel"), tried("call linkat -100 /own -100 /tmp/hard 0"), ("linkat",), "/own", _USER),
    Odd("statx", _FILES, tried("quit call statx -100 /closed/secret 0 0xfff @room:512"), ("statx",), "/closed/secret",
        _USER),
    Odd("fchmodat2", ("files", "seccomp"), tried("call fchmodat2 -100 /own 0600 0"), ("fchmodat2",), "/own", _USER),
    Odd("user-sysctl", ("files", "namespaces"), shell("echo x > /proc/sys/kernel/hostname"), OPENS,
        "/proc/sys/kernel/hostname", _USER),
    Odd("inotify", _FILES, tried("call inotify_init + call inotify_add_watch % /closed 2"), ("inotify_add_watch",),
        "/closed", _USER),
    Odd("low-port", ("capabilities", "network", "namespaces", *_OR_MAP),
        tried("call socket 2 1 0 + call bind % @in:0.0.0.0:81 16"), ("bind",), None,
        (*_USER, "--sysctl", "net.ipv4.ip_unprivileged_port_start=1024")),
    Odd("truncate", _NS, tried("quit call truncate /own 0"), ("truncate",), "/own", _RO),
    Odd("times", _NS, tried(f"call utimensat -100 /own @hex:{'01' + '00' * 31} 0"), ("utimensat",), "/own", _RO),
    Odd("symlink", _NS, tried("call symlink :there ^/lnk"), ("symlink",), "/lnk", _RO),
    Odd("mknodat", _CAPS, tried("call mknodat -100 ^/tmp/zero2 0x21b6 261"), ("mknodat",), "/tmp/zero2", _NO_CAPS,
        engines=BOTH),
    Odd("full-tmpfs", ("namespaces", "cgroup"), tried("fill /s/big 1"), ("write",), None,
        ("--tmpfs", "/s:size=65536")),
)  # fmt: skip

# nothing of these is shown
QUIET: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("list", ("ls", "-lR", "/etc")),
    ("find", ("find", "/", "-xdev", "-name", "nothing")),
    ("write", shell("echo x > /tmp/q; cat /tmp/q; rm /tmp/q")),
    ("pipes", shell("ps | grep sh | wc -l")),
    ("absent", shell("cat /etc/absent; ls /none; true")),
    ("loop", shell("i=0; while [ $i -lt 200 ]; do i=$((i+1)); : > /tmp/l; done")),
    ("forks", shell("for n in 1 2 3 4 5 6 7 8; do true | cat; done")),
    ("archive", shell("tar cf /tmp/a /etc && tar tf /tmp/a && rm /tmp/a")),
    ("processes", ("ps",)),
    ("time", shell("date; uptime; id; hostname; sleep 0.1")),
)
