"""Weigh what a path, socket or device node exposes of the host: by location, name and number.

Lists of locations, as laid out by distributions; ownership and mode of the files there are not considered. An engine's
own socket is known by its address, others by their names and usual directories.
"""

from __future__ import annotations

import re
from enum import IntEnum
from urllib.parse import urlsplit

from stratascope.core.container import AskedMount
from stratascope.core.ground import SpecialFile, Surroundings
from stratascope.core.options.rules import rules_of
from stratascope.layers.shared.system_places import VOLUME_ROOT, runs_from
from stratascope.value import Value

_MAKERS = (("docker", "Docker"), ("podman", "Podman"), ("containerd", "containerd"), ("crio", "CRI-O"))

SOCKET_NAMES = frozenset(
    {
        *("docker.sock", "podman.sock", "containerd.sock", "containerd.sock.ttrpc", "crio.sock", "dockershim.sock"),
        *("cri-dockerd.sock", "buildkitd.sock"),
    }
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


def plain(path: str) -> str:
    """The path without trailing slash."""
    return path.rstrip("/") or "/"


def own_volume(source: str, wish: AskedMount | None) -> bool:
    """Whether it is a volume kept by the engine for its containers. Also by the kind of mount, as any directory may
    have such a path.
    """
    return wish is not None and wish.kind == "volume" and VOLUME_ROOT(source) is not None


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
    if path.writable and (runs_from("", "", source).root or any(within(source, folder) for folder in _SYSTEM)):
        return Weight.SYSTEM
    if source in _WHOLE or _PRIVATE_FOLDER(source) or any(within(source, folder) for folder in _SECRET):
        return Weight.SENSITIVE
    return Weight.ORDINARY


# Directories that only exist for an engine, and the socket in them
_SOCKET_FOLDERS = (
    ("/run/podman", "podman.sock"),
    ("/run/containerd", "containerd.sock"),
    ("/run/docker/containerd", "containerd.sock"),
    ("/run/crio", "crio.sock"),
    ("/run/k3s/containerd", "containerd.sock"),
    ("/run/buildkit", "buildkitd.sock"),
)
_USER_RUN = re.compile(r"/run/user/(?!0/)[0-9]+/").match
_USER_PODMAN = re.compile(r"/run/user/[0-9]+/podman").fullmatch


def own_socket(around: Surroundings) -> str:
    """The path of the engine's own socket on its machine: from its address, else the usual one."""
    engine = around.engine
    if engine.local:
        return plain_run(engine.endpoint.removeprefix("unix://"))
    path = urlsplit(engine.endpoint).path if engine.endpoint.startswith("ssh://") else ""
    if path:
        return plain_run(path)
    if engine.rootless:
        return ""  # in the runtime directory of a user whose id is unknown
    return rules_of(engine).socket


def known_sockets(around: Surroundings) -> tuple[str, ...]:
    """The paths of the engine's own socket and of those that were found on its machine."""
    own = own_socket(around)
    found = (own, *(plain_run(path) for _, path in around.ground.sockets)) if around.engine.local else (own,)
    return tuple(dict.fromkeys(path for path in found if path))


def is_engine_socket(source: str, target: str, around: Surroundings) -> bool:
    """Whether the mount is a socket itself, rather than a directory with one."""
    return is_socket(source) or is_socket(target) or plain_run(source) in known_sockets(around)


def sockets_in(source: str, target: str, device: str, around: Surroundings) -> list[str]:
    """Engine sockets that this host path exposes, by their path inside."""
    if is_socket(source) or is_socket(target):
        return [target]
    found = []
    place = plain_run(source)
    for endpoint in known_sockets(around):
        if within(endpoint, place) and _same_device(endpoint, device, around):
            if endpoint == place:
                return [target]
            found.append(_join(target, endpoint[len(place.rstrip("/")) :]))
    for folder, socket in _SOCKET_FOLDERS:
        if place == folder:
            found.append(_join(target, f"/{socket}"))
    if _USER_PODMAN(place):
        found.append(_join(target, "/podman.sock"))
    return found


def _same_device(path: str, device: str, around: Surroundings) -> bool:
    """Whether a host path is on that file system, so that a bind of a parent directory shows it."""
    best = ("", "")
    for number, _, target in around.ground.mounts:
        if len(target) >= len(best[1]) and within(path, target):
            best = (number, target)
    return not best[1] or best[0] == device


def engine_sockets(found: tuple[SpecialFile, ...], around: Surroundings) -> tuple[SpecialFile, ...]:
    """The engine sockets among these files: by name, or the same file as a known socket elsewhere."""
    known = {around.engine.socket_file, *(file for file, _ in around.ground.sockets)}
    return tuple(item for item in found if item.kind == "s" and (item.file in known or is_socket(item.path)))


def user_socket(source: str) -> bool:
    """Whether a socket at that path belongs to an ordinary user's engine."""
    return _USER_RUN(plain_run(source)) is not None


def socket_maker(path: str) -> str:
    """The engine whose socket has such a path, as it calls itself; empty if the path does not tell."""
    return next((maker for word, maker in _MAKERS if word in path), "") if path.endswith(".sock") else ""


def plain_run(path: str) -> str:
    # /var/run is a link to /run wherever engines run
    return path.removeprefix("/var") if path.startswith("/var/run/") or path == "/var/run" else path


def _join(folder: str, rest: str) -> str:
    return folder.rstrip("/") + rest
