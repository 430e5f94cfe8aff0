"""How much a host path matters, by its location: what reading or writing it gives.

Lists of locations, as laid out by distributions; ownership and mode of the files there are not considered.
"""

from __future__ import annotations

import re
from enum import IntEnum

from stratascope.core.container import AskedMount
from stratascope.value import Value

SOCKET_NAMES = frozenset(
    {"docker.sock", "podman.sock", "containerd.sock", "containerd.sock.ttrpc", "crio.sock", "dockershim.sock"}
)
_DISK = re.compile(
    r"/dev/(?:(?:sd|vd|hd|xvd)[a-z]+[0-9]*|nvme[0-9]+n[0-9]+(?:p[0-9]+)?|mmcblk[0-9]+(?:p[0-9]+)?|md[0-9]+"
    r"|dm-[0-9]+|(?:mapper|disk)/.+)"
).fullmatch
_SYSTEM = (
    "/etc",
    "/boot",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/root",
    "/dev",
    "/proc",
    "/sys",
    "/run",
    "/var/run",
    "/var/spool/cron",
    "/opt",
    "/efi",
    "/var/lib/docker",
    "/var/lib/containers",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/lib/dpkg",
    "/var/lib/rpm",
)
_SECRET = (
    "/root",
    "/proc",
    "/dev",
    "/run",
    "/var/run",
    "/boot",
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/ssh",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/kubernetes",
    "/etc/docker",
    "/etc/ssl/private",
    "/var/lib/docker",
    "/var/lib/containers",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/lib/sss",
    "/var/log/audit",
)
_WHOLE = frozenset({"/etc", "/home", "/var", "/var/lib", "/var/log", "/sys", "/etc/ssl"})
_PRIVATE_FOLDER = re.compile(r"/\.(?:ssh|gnupg|aws|kube|docker|azure|password-store|config/gcloud)(?:/|$)").search
# Writing one of these as root makes the host run a program as root: by cron, PAM, ld.so, core_pattern …
VOLUME_ROOT = re.compile(r"/volumes/[^/]+/_data(?:/|$)").search
_HANDS_OVER = frozenset(
    {
        "/",
        "/etc",
        "/etc/cron.d",
        "/etc/sudoers.d",
        "/etc/systemd/system",
        "/root",
        "/root/.ssh",
        "/usr",
        "/usr/bin",
        "/usr/lib",
        "/bin",
        "/sbin",
        "/lib",
        "/var",
        "/var/spool/cron",
        "/proc",
    }
)


class Weight(IntEnum):
    """How much a host path matters."""

    ORDINARY = 0
    SENSITIVE = 1  # reading reveals secrets; writing changes the system
    SYSTEM = 2  # writing changes the system
    ROOT = 3  # the whole file tree


class HostPath(Value):
    """A host path visible to the container."""

    source: str
    target: str
    writable: bool


def within(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies below it."""
    return folder == "/" or path == folder or path.startswith(f"{folder}/")


def own_volume(source: str, wish: AskedMount | None) -> bool:
    """A volume kept by the engine for its containers. Also checks the engine's kind, as any directory may have such a
    path.
    """
    return wish is not None and wish.kind == "volume" and VOLUME_ROOT(source) is not None


def hands_over(source: str) -> bool:
    """Whether writing there as the host's root is enough to take over the host."""
    return source in _HANDS_OVER


def gives_login(source: str) -> bool:
    """Whether writing there allows acting as a user of the host."""
    return source == "/home" or _PRIVATE_FOLDER(source) is not None


def is_disk(node: str) -> bool:
    """Whether a device node is a disk or a partition, by its kernel name."""
    return _DISK(node) is not None


def is_socket(path: str) -> bool:
    """Whether it is an engine's socket, by its name."""
    return path.rpartition("/")[2] in SOCKET_NAMES


def weight(path: HostPath) -> Weight:
    """How much a path matters, considering whether it is writable."""
    source = path.source
    if source == "/":
        return Weight.ROOT
    if is_socket(source):
        return Weight.ORDINARY  # reported as a socket
    if source in ("/dev/shm", "/dev/mqueue"):
        return Weight.ORDINARY  # part of the host's IPC namespace, and reported there
    if path.writable and (source == "/var" or any(within(source, folder) for folder in _SYSTEM)):
        return Weight.SYSTEM
    if source in _WHOLE or _PRIVATE_FOLDER(source) or any(within(source, folder) for folder in _SECRET):
        return Weight.SENSITIVE
    return Weight.ORDINARY
