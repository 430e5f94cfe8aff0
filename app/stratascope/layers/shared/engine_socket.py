"""Where engines' sockets are: the engine's own by its address, others by their names and usual directories."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from stratascope.core.container import EngineKind
from stratascope.core.ground import Surroundings
from stratascope.core.special_files import SpecialFile
from stratascope.layers.shared.host_paths import is_socket, within

# Directories that only exist for an engine, and the socket in them
_SOCKET_FOLDERS = (
    ("/run/podman", "podman.sock"),
    ("/run/containerd", "containerd.sock"),
    ("/run/docker/containerd", "containerd.sock"),
    ("/run/crio", "crio.sock"),
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
    return "/run/docker.sock" if engine.kind is EngineKind.DOCKER else "/run/podman/podman.sock"


def is_engine_socket(source: str, target: str, around: Surroundings) -> bool:
    """Whether the mount is a socket itself, rather than a directory with one."""
    return is_socket(source) or is_socket(target) or plain_run(source) == own_socket(around)


def sockets_in(source: str, target: str, device: str, around: Surroundings) -> list[str]:
    """Engine sockets that this host path exposes, by their path inside."""
    if is_socket(source) or is_socket(target):
        return [target]
    found = []
    endpoint = own_socket(around)
    place = plain_run(source)
    if endpoint and within(endpoint, place) and _same_device(endpoint, device, around):
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


def plain_run(path: str) -> str:
    # /var/run is a link to /run wherever engines run
    return path.removeprefix("/var") if path.startswith("/var/run/") or path == "/var/run" else path


def _join(folder: str, rest: str) -> str:
    return folder.rstrip("/") + rest
