"""The containers in which everything is tried: options of the four kinds of engines, and what an engine refuses.

A configuration is what a person types. `refused` names the kinds of engine that do not take it, with words of their
refusal: a test asserts those. `only` names the kinds that it means something on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from machine.attempts.on_host import buses
from rig.engine import KINDS, Rig
from rig.plan import ordinary_user

# What Docker's default filter stops for a container without capabilities; fixed, so that it does not follow them
DENIED = (
    *("acct", "add_key", "bpf", "chroot", "clock_adjtime", "clock_settime", "clone3", "create_module"),
    *("delete_module", "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "get_mempolicy"),
    *("init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp"),
    *("kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mbind", "migrate_pages", "mount", "mount_setattr"),
    *("move_mount", "move_pages", "name_to_handle_at", "nfsservctl", "open_by_handle_at", "open_tree"),
    *("perf_event_open", "pidfd_getfd", "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace", "quotactl"),
    *("quotactl_fd", "reboot", "request_key", "set_mempolicy", "set_mempolicy_home_node", "setdomainname"),
    *("sethostname", "setns", "settimeofday", "swapoff", "swapon", "sysfs", "syslog", "umount", "umount2", "unshare"),
    *("uselib", "userfaultfd", "ustat", "vhangup", "vm86", "vm86old"),
)
_NEW_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
_ALL_ENTRIES = ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32")


# makes something on the host while the container runs, in the trial's folder or elsewhere; yields words for options
OnHost = Callable[[Rig, Path], AbstractContextManager[dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Configuration:
    """`options` go to `run`; words in braces are filled in by `arguments`. `program` are words for the program.

    `image`: one of `build.IMAGES`. `host`: what is made on the host before it starts, and taken away at the end.
    """

    name: str
    options: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    only: tuple[str, ...] = KINDS
    refused: dict[str, str] = field(default_factory=dict)  # kind of engine -> words of its refusal
    image: str = "attempts"
    host: tuple[OnHost, ...] = ()

    def arguments(self, rig: Rig, folder: Path, words: dict[str, str]) -> list[str]:
        """The options for this engine; `folder` is the host's, with the profiles and the mounted folder; `words` are
        those of `host`.
        """
        person = ":".join(map(str, ordinary_user()[:2]))
        paths = {
            "folder": str(folder),
            "socket": str(rig.socket),
            "unmask": unmask(rig),
            "person": person,
            "uid": person.partition(":")[0],
        }
        return [option.format(**paths, **words) for option in self.options]


def unmask(rig: Rig) -> str:
    """Docker's word and Podman's for the same thing."""
    return "systempaths=unconfined" if rig.kind == "docker" else "unmask=ALL"


def write_profiles(folder: Path) -> None:
    """The filters that the configurations name."""
    no_namespaces = [
        {
            "names": ["clone"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 1,
            "args": [{"index": 0, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ"}],
        }
        for flag in _NEW_NAMESPACES
    ]
    by_argument = [
        {
            "names": ["socket"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 97,
            "args": [{"index": 0, "value": family, "op": "SCMP_CMP_EQ"}],
        }
        for family in (17, 40)
    ] + [
        {
            "names": ["personality"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 1,
            "args": [{"index": 0, "value": 0x0040000, "op": "SCMP_CMP_EQ"}],
        }
    ]
    fixed: dict[str, object] = {"names": sorted(DENIED), "action": "SCMP_ACT_ERRNO", "errnoRet": 1}
    _write(folder / "fixed.json", _ALL_ENTRIES, [fixed, *no_namespaces, *by_argument])
    few: dict[str, object] = {"names": ["ptrace", "keyctl", "chroot"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}
    _write(folder / "few.json", _ALL_ENTRIES, [few, *no_namespaces, *by_argument])
    no_chmod: dict[str, object] = {
        "names": [
            "chmod",
            "fchmod",
            "fchmodat",
            "fchmodat2",
            "chown",
            "fchown",
            "fchownat",
            "lchown",
            "chown32",
            "fchown32",
            "lchown32",
        ],
        "action": "SCMP_ACT_ERRNO",
        "errnoRet": 1,
    }
    _write(folder / "no-chmod.json", _ALL_ENTRIES, [no_chmod])
    _write(folder / "one-entry.json", _ALL_ENTRIES[:1], [few])
    kill: dict[str, object] = {"names": ["unshare", "mount", "bpf"], "action": "SCMP_ACT_KILL_PROCESS"}
    _write(folder / "kill.json", _ALL_ENTRIES, [kill])


def _write(path: Path, entries: tuple[str, ...], rules: list[dict[str, object]]) -> None:
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "architectures": list(entries), "syscalls": rules}))
    path.chmod(0o644)


STRONG = "strata-attempts-strong"  # a privileged container
_UNCONFINED = ("--security-opt", "seccomp=unconfined")
_NO_NEW_PRIVS = ("--security-opt", "no-new-privileges")
_EVERY_DEVICE = ("--device-cgroup-rule", "a *:* rwm")
_MAP = ("--uidmap", "0:200000:65536", "--gidmap", "0:200000:65536")
_HOST_FOLDER = ("-v", "{folder}/mounted:/host")
_HOST_PROC = ("-v", "/proc:/host-proc:ro")
_TREES = ("-v", "/sys/fs/cgroup:/trees")
_BUS, _SESSION = ("-v", "{bus}:/bus:ro"), ("-v", "{session}:/run/user/1000:ro")
_RENAMED = ("--device", "{folder}/nodes/harmless:/dev/harmless")
_NO_RULES = {"podman_rootless": "device cgroup rules are not supported in rootless"}
_NO_PLACE = {"docker_rootless": "error creating device nodes"}
_LIMITS = ("--pids-limit", "50", "--memory", "64m", "--cpus", "0.5")
_PODMAN = ("podman_rootful", "podman_rootless")
_ROOTLESS = ("docker_rootless", "podman_rootless")
_ROOTFUL = ("docker_rootful", "podman_rootful")

_ADDED = (
    *("SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN", "SYS_MODULE", "SYS_TIME", "SYS_RAWIO", "SYSLOG", "BPF", "PERFMON"),
    *("DAC_READ_SEARCH", "SYS_BOOT", "SYS_NICE", "IPC_LOCK", "IPC_OWNER", "SYS_PACCT", "CHECKPOINT_RESTORE"),
)
_REST = ("LINUX_IMMUTABLE", "LEASE", "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "WAKE_ALARM", "SYS_TTY_CONFIG",
         "BLOCK_SUSPEND", "MAC_ADMIN", "NET_BROADCAST", "NET_RAW", "MKNOD")  # fmt: skip

CONFIGURATIONS: tuple[Configuration, ...] = (
    Configuration("default"),
    Configuration("privileged", ("--privileged",)),
    Configuration("seccomp-off", _UNCONFINED),
    Configuration("no-capabilities", ("--cap-drop", "ALL")),
    Configuration("no-capabilities-seccomp-off", ("--cap-drop", "ALL", *_UNCONFINED)),
    *(Configuration(f"add-{name.lower()}", ("--cap-add", name)) for name in _ADDED),
    Configuration("add-the-rest", tuple(word for name in _REST for word in ("--cap-add", name))),
    Configuration("all-capabilities", ("--cap-add", "ALL")),
    Configuration("all-capabilities-seccomp-off", ("--cap-add", "ALL", *_UNCONFINED)),
    Configuration("no-sys-chroot", ("--cap-drop", "SYS_CHROOT")),
    Configuration("only-setuid", ("--cap-drop", "ALL", "--cap-add", "SETUID", "--cap-add", "KILL")),
    Configuration(
        "only-files", ("--cap-drop", "ALL", "--cap-add", "FOWNER", "--cap-add", "CHOWN", "--cap-add", "FSETID")
    ),
    Configuration("user", ("--user", "1000")),
    Configuration("user-no-new-privs", ("--user", "1000", *_NO_NEW_PRIVS)),
    Configuration("user-with-capability", ("--user", "1000", "--cap-add", "NET_ADMIN")),
    Configuration("user-seccomp-off", ("--user", "1000", *_UNCONFINED)),
    Configuration("user-privileged", ("--user", "1000", "--privileged")),
    Configuration("no-new-privs", _NO_NEW_PRIVS),
    Configuration("read-only", ("--read-only",)),
    Configuration("read-only-user", ("--read-only", "--user", "1000")),
    Configuration("host-network", ("--network", "host")),
    Configuration("host-network-net-admin", ("--network", "host", "--cap-add", "NET_ADMIN")),
    Configuration("no-network", ("--network", "none")),
    Configuration("host-pid", ("--pid", "host")),
    Configuration("host-pid-ptrace", ("--pid", "host", "--cap-add", "SYS_PTRACE")),
    Configuration("host-pid-user", ("--pid", "host", "--user", "1000")),
    Configuration("host-pid-boot", ("--pid", "host", "--cap-add", "SYS_BOOT")),
    Configuration("host-ipc", ("--ipc", "host"), refused=dict.fromkeys(_ROOTLESS, "mqueue")),
    Configuration("host-uts", ("--uts", "host", "--cap-add", "SYS_ADMIN")),
    Configuration("host-cgroupns", ("--cgroupns", "host", "--cap-add", "SYS_ADMIN")),
    Configuration("profile-few", ("--security-opt", "seccomp={folder}/few.json")),
    Configuration("profile-one-entry", ("--security-opt", "seccomp={folder}/one-entry.json")),
    Configuration("profile-kill", ("--security-opt", "seccomp={folder}/kill.json", "--cap-add", "SYS_ADMIN")),
    Configuration("two-filters", (), ("unshare",)),
    Configuration("two-filters-privileged", ("--privileged",), ("unshare",)),
    Configuration("limits", ("--pids-limit", "50", "--memory", "64m", "--cpus", "0.5")),
    Configuration("limits-wide", ("--pids-limit", "5000", "--memory", "64m")),
    Configuration("ulimit", ("--ulimit", "nproc=200:200", "--user", "1001")),
    Configuration("systempaths", ("--security-opt", "{unmask}")),
    Configuration("systempaths-user", ("--security-opt", "{unmask}", "--user", "1000")),
    Configuration("device", ("--device", "/dev/loop0")),
    Configuration(
        "device-rule",
        (*_EVERY_DEVICE,),
        refused=_NO_RULES,
    ),
    Configuration(
        "device-rule-rawio",
        (*_EVERY_DEVICE, "--cap-add", "SYS_RAWIO"),
        refused=_NO_RULES,
    ),
    Configuration(
        "no-mknod",
        ("--cap-drop", "MKNOD", *_EVERY_DEVICE),
        refused=_NO_RULES,
    ),
    Configuration("socket", ("-v", "{socket}:/run/docker.sock")),
    Configuration("socket-user", ("-v", "{socket}:/run/docker.sock", "--user", "1000")),
    Configuration("socket-read-only", ("-v", "{socket}:/run/docker.sock:ro")),
    Configuration("host-folder", _HOST_FOLDER),
    Configuration("host-folder-no-set-uid", ("-v", "{folder}/mounted:/host:nosuid"), only=_PODMAN),
    Configuration("host-folder-user", (*_HOST_FOLDER, "--user", "1000")),
    Configuration("host-folder-read-only", ("-v", "{folder}/mounted:/host:ro")),
    Configuration("host-folder-handle", (*_HOST_FOLDER, "--cap-add", "DAC_READ_SEARCH")),
    Configuration("host-folder-no-capabilities", (*_HOST_FOLDER, "--cap-drop", "ALL")),
    Configuration("uid-map", ("--uidmap", "0:200000:65536", "--gidmap", "0:200000:65536"), only=("podman_rootful",)),
    Configuration(
        "uid-map-privileged",
        ("--uidmap", "0:200000:65536", "--gidmap", "0:200000:65536", "--privileged"),
        only=("podman_rootful",),
    ),
    Configuration(
        "uid-map-host-network",
        ("--uidmap", "0:200000:65536", "--gidmap", "0:200000:65536", "--network", "host", "--cap-add", "NET_ADMIN"),
        only=("podman_rootful",),
    ),
    Configuration("uid-map-one", ("--uidmap", "0:200000:1", "--gidmap", "0:200000:1"), only=("podman_rootful",)),
    # mounts with id maps of their own
    Configuration("id-map-folder", (*_MAP, "-v", "{folder}/mounted:/host:idmap"), only=("podman_rootful",)),
    Configuration(
        "id-map-folder-user",
        (*_MAP, "--user", "1000", "-v", "{folder}/mounted:/host:idmap"),
        only=("podman_rootful",),
    ),
    Configuration(
        "id-map-without-root",
        ("-v", "{folder}/mounted:/host:idmap=uids=5000-0-1000;gids=5000-0-1000"),
        only=("podman_rootful",),
    ),
    Configuration("keep-id", ("--userns", "keep-id"), only=("podman_rootless",)),
    Configuration("no-map", ("--userns", "nomap"), only=("podman_rootless",)),
    # what of the host is bound in
    Configuration("host-proc", _HOST_PROC),
    Configuration("host-proc-ptrace", (*_HOST_PROC, "--cap-add", "SYS_PTRACE")),
    Configuration("host-proc-same-user", (*_HOST_PROC, "--user", "{person}")),
    Configuration("host-proc-no-capabilities", (*_HOST_PROC, "--cap-drop", "ALL")),
    Configuration("host-proc-writable", ("-v", "/proc:/host-proc")),
    Configuration("host-sysctls", ("-v", "/proc/sys:/host-sysctls")),
    Configuration("host-root-read-only", ("-v", "/:/seen:ro")),
    Configuration("host-sys", ("-v", "/sys:/host-sys")),
    Configuration("cgroup-trees", (*_TREES, *_LIMITS)),
    Configuration("cgroup-trees-read-only", ("-v", "/sys/fs/cgroup:/trees:ro", *_LIMITS)),
    Configuration("cgroup-trees-in-place", ("-v", "/sys/fs/cgroup:/sys/fs/cgroup", *_LIMITS)),
    Configuration("cgroup-trees-user", (*_TREES, *_LIMITS, "--user", "1000")),
    Configuration("cgroup-trees-no-capabilities", (*_TREES, *_LIMITS, "--cap-drop", "ALL")),
    Configuration("cgroup-trees-sys-admin", (*_TREES, *_LIMITS, "--cap-add", "SYS_ADMIN")),
    Configuration("one-cgroup-tree", ("-v", "/sys/fs/cgroup/pids:/tree", *_LIMITS)),
    Configuration("limits-privileged", ("--privileged", *_LIMITS)),
    Configuration("limits-sys-admin", ("--cap-add", "SYS_ADMIN", *_LIMITS)),
    Configuration("other-socket-folder", ("-v", "{folder}/run:/host-run")),
    Configuration("linked-socket", ("-v", "{folder}/links/plain:/one.sock")),
    Configuration("linked-socket-folder", ("-v", "{folder}/links:/links")),
    Configuration("node-folder", ("-v", "{folder}/nodes:/nodes")),
    Configuration("node-folder-rule", ("-v", "{folder}/nodes:/nodes", *_EVERY_DEVICE), refused=_NO_RULES),
    Configuration("renamed-device", _RENAMED, refused=_NO_PLACE),
    Configuration("renamed-device-no-mknod", (*_RENAMED, "--cap-drop", "MKNOD"), refused=_NO_PLACE),
    Configuration("volume-look-alike", ("-v", "{folder}/volumes/data/_data:/looks")),
    Configuration("own-volume", ("-v", "/own-volume")),
    Configuration("host-shm", ("-v", "/dev/shm:/dev/shm", "-e", "STRATA_SHM=1")),
    Configuration("host-folder-no-chmod", (*_HOST_FOLDER, "--security-opt", "seccomp={folder}/no-chmod.json")),
    Configuration(
        "host-folder-no-chmod-user",
        (*_HOST_FOLDER, "--security-opt", "seccomp={folder}/no-chmod.json", "--user", "1000"),
    ),
    # sockets of whoever obeys as D-Bus and systemd do
    Configuration("bus", _BUS, host=(buses,)),
    Configuration("bus-no-capabilities", (*_BUS, "--cap-drop", "ALL"), host=(buses,)),
    Configuration("bus-user", (*_BUS, "--user", "1000", "--cap-drop", "ALL"), host=(buses,)),
    Configuration("session", _SESSION, host=(buses,)),
    Configuration("session-user", (*_SESSION, "--user", "1000", "--cap-drop", "ALL"), host=(buses,)),
    Configuration("strong-neighbour", ("--pid", f"container:{STRONG}")),
    Configuration("strong-neighbour-ptrace", ("--pid", f"container:{STRONG}", "--cap-add", "SYS_PTRACE")),
)

QUICK = frozenset(
    {"default", "privileged", "no-capabilities", "user-no-new-privs", "host-pid", "profile-few", "limits", "socket"}
    | {"host-folder", "uid-map", "host-proc", "cgroup-trees", "linked-socket-folder", "strong-neighbour-ptrace"}
)  # tried by `make test`, too: each kind of check once

_SHARED = ("--network", "host", "--pid", "host", "--uts", "host", "--cgroupns", "host")
_SEEN = ("-v", "{socket}:/run/docker.sock", "-v", "{folder}/mounted:/host")
_OFF = ("--privileged", *_UNCONFINED, *_SHARED, *_SEEN)
_NOT_PRIVILEGED = ("--security-opt", "{unmask}", *_UNCONFINED, *_SHARED, *_SEEN, "--device", "/dev/loop0")


@dataclass(frozen=True, slots=True)
class Isolated:
    """Everything off plus one layer, or two that one option switches on. Everything else must let everything through.

    `besides`: threats that another layer stops all the same, as no option of an engine takes that away.
    """

    configuration: Configuration
    layers: tuple[str, ...]
    besides: frozenset[tuple[str, str]] = frozenset()


# There is nothing to regain where nothing is missing; root of this machine may itself lack SYS_RESOURCE; a rootful
# engine's root is not the person who runs it; no system folder of this machine's is mounted
# by test_calibration.py
_NEVER_OFF = frozenset(
    {
        ("capabilities", "regain-by-exec"),
        ("capabilities", "raise-limits"),
        ("usermap", "be-engine-user"),
        ("namespaces", "change-host-system"),
        # no socket of D-Bus or systemd, and no mount that is passed on: tests/machine/odd
        ("namespaces", "order-systemd"),
        ("namespaces", "order-user-session"),
        ("namespaces", "mount-over-host"),
        # no file system of the kernel's own is bound in
        ("namespaces", "register-program-format"),
        ("namespaces", "trace-with-tracefs"),
        ("namespaces", "change-firmware-variables"),
        ("namespaces", "read-crash-records"),
        ("namespaces", "configure-kernel-objects"),
        ("namespaces", "change-kernel-security"),
        ("namespaces", "abort-fuse-connections"),
        ("namespaces", "use-pinned-bpf"),
        ("namespaces", "type-into-terminal"),
        # the machine of the tests has no such devices, or none is passed in: tests/machine/odd
        ("namespaces", "use-input-devices"),
        ("namespaces", "use-graphics-device"),
        ("namespaces", "use-machine-devices"),
        ("namespaces", "use-consoles"),
        ("namespaces", "run-virtual-machines"),
    }
)
# /sys stays read-only without --privileged
_READ_ONLY_SYS = frozenset({("namespaces", "write-sysfs")})


def _isolated(
    name: str,
    layers: str,
    *options: str,
    only: tuple[str, ...] = _ROOTFUL,
    besides: frozenset[tuple[str, str]] = frozenset(),
) -> Isolated:
    return Isolated(Configuration(f"isolated-{name}", options, only=only), tuple(layers.split()), _NEVER_OFF | besides)


# The tests' rootful Docker has a network of its own (rig/plan.py), and shows its read-only /sys where that is shared
OF_THE_RIG: dict[str, frozenset[str]] = {
    "docker_rootful": frozenset({"reach-host-network", "reach-abstract-sockets", "read-cloud-metadata", "write-sysfs"})
}

# a user namespace may not share the host's message queues
_OWN_IPC = frozenset({("namespaces", "share-host-ipc")})
_FIXED = ("--security-opt", "seccomp={folder}/fixed.json")
_FEW = ("--security-opt", "seccomp={folder}/few.json")
_IPC = ("--ipc", "host")

ISOLATED: tuple[Isolated, ...] = (
    _isolated("nothing", "", *_OFF, *_IPC),
    _isolated("filter", "seccomp", "--privileged", *_FIXED, *_SHARED, *_SEEN, *_IPC),
    _isolated("filter-few", "seccomp", "--privileged", *_FEW, *_SHARED, *_SEEN, *_IPC),
    _isolated("no-capabilities", "capabilities", *_NOT_PRIVILEGED, *_EVERY_DEVICE, *_IPC, "--cap-drop", "ALL",
              besides=_READ_ONLY_SYS),
    _isolated("default-capabilities", "capabilities", *_NOT_PRIVILEGED, *_EVERY_DEVICE, *_IPC, besides=_READ_ONLY_SYS),
    _isolated("namespaces", "namespaces", *_UNCONFINED, *_EVERY_DEVICE, "--cap-add", "ALL"),
    _isolated("namespaces-unmasked", "namespaces", "--privileged", *_UNCONFINED),
    _isolated("read-only", "namespaces", *_OFF, *_IPC, "--read-only"),
    _isolated("limits", "cgroup", *_OFF, *_IPC, "--pids-limit", "50", "--memory", "64m", "--cpus", "0.5"),
    _isolated("devices", "cgroup", *_NOT_PRIVILEGED, *_IPC, "--cap-add", "ALL", besides=_READ_ONLY_SYS),
    _isolated("other-user", "capabilities usermap", *_OFF, *_IPC, "--user", "1000"),
    _isolated("uid-map", "usermap", *_MAP, *_OFF, only=("podman_rootful",), besides=_OWN_IPC),
    _isolated("rootless", "usermap", *_OFF, only=("podman_rootless",),
              besides=_OWN_IPC),
)  # fmt: skip
