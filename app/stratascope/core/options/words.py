"""What an engine was asked for as options of a run command, one for each choice: the same words in every language.

They are compared and shown, not run: an export writes a command that can be. Values of the environment are not among
them. Docker's words, which Podman shares.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from stratascope.core.container import Asked, AskedMount, ProfileKind
from stratascope.core.sizes import typed_size

FLAGS_MOST = 300  # of one container
LENGTH_MOST = 400  # characters of one
_NAMESPACES = (("pid", "pid_mode"), ("ipc", "ipc_mode"), ("uts", "uts_mode"), ("network", "network_mode"),
               ("cgroupns", "cgroupns_mode"))  # fmt: skip
_LAYERS = {
    "capabilities": ("--cap-add", "--cap-drop"),
    "seccomp": ("--security-opt seccomp=", "--security-opt no-new-privileges"),
    "mac": ("--security-opt apparmor=", "--security-opt label="),
    "usermap": ("--user", "--userns", "--uidmap"),
    "cgroup": ("--memory", "--pids-limit", "--cpus", "--cpuset-cpus", "--ulimit", "--cgroup-parent"),
    "namespaces": (
        *(f"--{name}" for name, _ in _NAMESPACES),
        *("--read-only", "-v ", "--device ", "--tmpfs", "--publish", "--sysctl", "--shm-size"),
        "--security-opt systempaths=",
    ),
}
_MEASURES = {"--memory ": "memory", "--pids-limit ": "pids", "--cpus ": "cpu"}


def flags(asked: Asked) -> tuple[str, ...]:
    """What was asked for, sorted as a command has it; bounded."""
    found = dict.fromkeys(each[:LENGTH_MOST] for each in _flags(asked))
    return tuple(found)[:FLAGS_MOST]


def layer_of(flag: str) -> str:
    """The layer that the option belongs to, by its id; empty where it is of several, or of none."""
    return next((layer for layer, begins in _LAYERS.items() if flag.startswith(begins)), "")


def measure_of(flag: str) -> str:
    """What of the container's use the option limits, as `entry.Limits` names it; empty where it is no such limit."""
    return next((measure for begin, measure in _MEASURES.items() if flag.startswith(begin)), "")


def _flags(asked: Asked) -> Iterator[str]:
    if asked.privileged:
        yield "--privileged"
    yield from (f"--cap-add {name.removeprefix('CAP_')}" for name in sorted(asked.cap_add))
    yield from (f"--cap-drop {name.removeprefix('CAP_')}" for name in sorted(asked.cap_drop))
    if asked.user:
        yield f"--user {asked.user}"
    if asked.userns_mode:
        yield f"--userns {asked.userns_mode}"
    yield from (f"--uidmap {inside}:{outside}:{count}" for inside, outside, count in asked.uid_map)
    yield from _security(asked)
    for name, field in _NAMESPACES:
        mode = getattr(asked, field)
        if mode not in ("private", ""):
            yield f"--{name} {mode}"
    if asked.read_only_root:
        yield "--read-only"
    yield from (_mount(each) for each in asked.mounts)
    yield from (f"--device {each.source}:{each.target}:{each.permissions}" for each in asked.devices)
    yield from _limits(asked)
    for port in asked.ports:
        host = ":".join(part for part in (port.host_ip, port.host_port) if part)
        yield f"--publish {host}:{port.container_port}" if host else f"--publish {port.container_port}"
    yield from (f"--sysctl {name}={value}" for name, value in asked.sysctls)


def _security(asked: Asked) -> Iterator[str]:
    if asked.no_new_privileges:
        yield "--security-opt no-new-privileges"
    if asked.masked_paths == ():
        yield "--security-opt systempaths=unconfined"
    for name, kind, profile in (
        ("seccomp", asked.seccomp, asked.seccomp_profile),
        ("apparmor", asked.apparmor, asked.apparmor_profile),
    ):
        if kind is ProfileKind.UNCONFINED:
            yield f"--security-opt {name}=unconfined"
        elif kind is ProfileKind.CUSTOM:
            yield f"--security-opt {name}={_profile(profile)}"
    yield from (f"--security-opt label={each}" for each in asked.selinux_options)


def _profile(text: str) -> str:
    """A profile's name or path; of one that is there as its whole text (Docker's seccomp), what tells it apart."""
    if not text.lstrip().startswith("{"):
        return text or "custom"
    return f"sha256:{hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()[:12]}"


def _mount(mount: AskedMount) -> str:
    mode = "" if mount.writable else ":ro"
    if mount.kind == "tmpfs":
        return f"--tmpfs {mount.target}{mode}"
    return f"-v {mount.volume or mount.source}:{mount.target}{mode}"


def _limits(asked: Asked) -> Iterator[str]:
    if asked.memory:
        yield f"--memory {typed_size(asked.memory)}"
    if asked.memory_swap:
        yield f"--memory-swap {typed_size(asked.memory_swap) if asked.memory_swap > 0 else asked.memory_swap}"
    if asked.pids and asked.pids > 0:
        yield f"--pids-limit {asked.pids}"
    if asked.cpu_cores:
        yield f"--cpus {asked.cpu_cores:g}"
    if asked.cpuset:
        yield f"--cpuset-cpus {asked.cpuset}"
    if asked.cgroup_parent:
        yield f"--cgroup-parent {asked.cgroup_parent}"
    yield from (f"--ulimit {each.name}={each.soft}:{each.hard}" for each in asked.limits)
    if asked.shm_size:
        yield f"--shm-size {typed_size(asked.shm_size)}"
