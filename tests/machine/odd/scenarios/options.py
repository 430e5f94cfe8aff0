"""Options that people combine, and that no table of ours had together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine.attempts.configurations import STRONG, Configuration, OnHost
from machine.attempts.trial import PEER
from rig.engine import Rig

_PODMAN = ("podman_rootful", "podman_rootless")
_ROOTFUL = ("docker_rootful", "podman_rootful")
_UNCONFINED = ("--security-opt", "seccomp=unconfined")
_NO_NEW_PRIVS = ("--security-opt", "no-new-privileges")
_NO_CAPABILITIES = ("--cap-drop", "ALL")


def _added(*names: str) -> tuple[str, ...]:
    return tuple(word for name in names for word in ("--cap-add", name))


def _profile(name: str, **document: object) -> OnHost:
    """A filter that is written into the trial's folder, as the word NAME."""

    @contextmanager
    def made(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
        path = folder / f"{name}.json"
        path.write_text(json.dumps(document))
        path.chmod(0o644)
        yield {name: f"seccomp={path}"}

    return made


_X86 = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
_LOGS = _profile("logs", defaultAction="SCMP_ACT_LOG", architectures=_X86, syscalls=[])
_TRAPS = _profile(
    "traps",
    defaultAction="SCMP_ACT_ALLOW",
    architectures=_X86,
    syscalls=[{"names": ["unshare", "mount", "setns", "keyctl", "add_key"], "action": "SCMP_ACT_TRAP"}],
)
_KILLS_THREAD = _profile(
    "kills",
    defaultAction="SCMP_ACT_ALLOW",
    architectures=_X86,
    syscalls=[{"names": ["bpf", "perf_event_open", "ptrace", "kcmp"], "action": "SCMP_ACT_KILL_THREAD"}],
)
_ODD_ERRNO = _profile(
    "odd_errno",
    defaultAction="SCMP_ACT_ALLOW",
    architectures=_X86,
    syscalls=[{"names": ["clone3", "unshare", "mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 999}],
)

SCENARIOS = (
    # who it is
    Configuration("odd-user-in-roots-group", ("--user", "1000:0")),
    Configuration("odd-root-in-users-group", ("--user", "0:1000", *_NO_CAPABILITIES)),
    Configuration("odd-nobody", ("--user", "65534", *_NO_NEW_PRIVS)),
    Configuration("odd-group-added", ("--user", "1000", "--group-add", "0", "-v", "{folder}/mounted:/host")),
    Configuration("odd-user-all-capabilities", ("--user", "1000", *_added("ALL"), *_UNCONFINED)),
    Configuration("odd-user-all-no-new-privs", ("--user", "1000", *_added("ALL"), *_NO_NEW_PRIVS, *_UNCONFINED)),
    Configuration("odd-privileged-no-new-privs", ("--privileged", *_NO_NEW_PRIVS)),
    Configuration("odd-privileged-dropped", ("--privileged", "--cap-drop", "SYS_ADMIN", "--cap-drop", "SYS_MODULE")),
    # what it holds
    Configuration("odd-all-but-sys-admin", (*_added("ALL"), "--cap-drop", "SYS_ADMIN", *_UNCONFINED)),
    Configuration("odd-all-but-net", (*_added("ALL"), "--cap-drop", "NET_ADMIN", "--cap-drop", "NET_RAW")),
    Configuration("odd-only-sys-admin", (*_NO_CAPABILITIES, *_added("SYS_ADMIN"))),
    Configuration("odd-only-dac", (*_NO_CAPABILITIES, *_added("DAC_OVERRIDE"), "-v", "{folder}/mounted:/host")),
    Configuration("odd-only-ptrace", (*_NO_CAPABILITIES, *_added("SYS_PTRACE"), "--pid", "host")),
    Configuration("odd-only-kill", (*_NO_CAPABILITIES, *_added("KILL"), "--pid", "host")),
    Configuration("odd-setfcap", (*_NO_CAPABILITIES, *_added("SETFCAP", "SETUID", "SETGID"))),
    # whose namespaces it is in
    Configuration("odd-peers-network", ("--network", f"container:{PEER}", *_added("NET_ADMIN"))),
    Configuration("odd-peers-pids", ("--pid", f"container:{PEER}")),
    Configuration("odd-peers-ipc", ("--ipc", f"container:{PEER}"), only=_PODMAN),
    Configuration("odd-strong-network", ("--network", f"container:{STRONG}")),
    Configuration("odd-all-host", ("--pid", "host", "--network", "host", "--uts", "host", *_NO_CAPABILITIES)),
    Configuration("odd-host-pid-no-new-privs", ("--pid", "host", *_NO_NEW_PRIVS, "--user", "1000")),
    # filters
    Configuration("odd-filter-logs", ("--security-opt", "{logs}", *_added("SYS_ADMIN")), host=(_LOGS,)),
    Configuration("odd-filter-traps", ("--security-opt", "{traps}", *_added("SYS_ADMIN")), host=(_TRAPS,)),
    Configuration("odd-filter-kills", ("--security-opt", "{kills}", *_added("BPF", "PERFMON")), host=(_KILLS_THREAD,)),
    Configuration("odd-filter-errno", ("--security-opt", "{odd_errno}", *_added("SYS_ADMIN")), host=(_ODD_ERRNO,)),
    # file systems
    Configuration("odd-read-only-tmpfs", ("--read-only", "--tmpfs", "/tmp:rw,exec,suid")),
    Configuration("odd-tmpfs-noexec", ("--tmpfs", "/tmp:rw,noexec,nosuid,nodev", "--user", "1000")),
    Configuration("odd-tmpfs-limited", ("--read-only", "--tmpfs", "/tmp:size=1m", "--shm-size", "1m")),
    Configuration("odd-volume-read-only", ("-v", "/own-volume", "--read-only")),
    Configuration("odd-own-proc-again", (*_added("SYS_ADMIN"), "--security-opt", "{unmask}")),
    Configuration("odd-dev-shm-of-host", ("-v", "/dev/shm:/host-shm", "--user", "1000")),
    Configuration("odd-host-dev", ("-v", "/dev:/host-dev", "-v", "/dev:/system-dev", *_added("MKNOD"))),
    Configuration(
        "odd-host-dev-no-capabilities", ("-v", "/dev:/host-dev", "-v", "/dev:/system-dev", *_NO_CAPABILITIES)
    ),
    Configuration("odd-device-fuse", ("--device", "/dev/fuse", *_added("SYS_ADMIN")), only=_ROOTFUL),
    Configuration("odd-device-tun", ("--device", "/dev/net/tun", *_added("NET_ADMIN")), only=_ROOTFUL),
    Configuration("odd-host-sys-kernel", ("-v", "/sys/kernel:/k")),
    Configuration("odd-host-proc-self", ("-v", "/proc/1:/one:ro")),
    # limits
    Configuration("odd-no-pids-limit", ("--pids-limit", "-1", "--memory", "64m")),
    Configuration("odd-nofile", ("--ulimit", "nofile=64:64", "--ulimit", "nproc=100:100")),
    Configuration("odd-memlock", ("--ulimit", "memlock=65536:65536", *_added("IPC_LOCK"))),
    Configuration("odd-cpu-shares-only", ("--cpu-shares", "2", "--memory", "64m")),
    Configuration("odd-sysctl", ("--sysctl", "net.ipv4.ip_unprivileged_port_start=0", "--user", "1000")),
)
