"""Advice for an engine that does not answer, or that refuses a call: one or two sentences per case."""

from __future__ import annotations

import errno
import re
import socket
import sys

from stratascope.core.container import EngineKind, EngineState
from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, RefusedError

STATE_BY_ERRNO = {
    errno.EACCES: EngineState.DENIED,
    errno.EPERM: EngineState.DENIED,
    errno.ENOENT: EngineState.STOPPED,
    errno.ENOTDIR: EngineState.STOPPED,
    errno.ECONNREFUSED: EngineState.STOPPED,
}
# where a person gives an address
VARIABLES = frozenset({"STRATASCOPE_ENGINES", "DOCKER_HOST", "CONTAINER_HOST"})
_NO_WAY = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})
_DESKTOP = "/.docker/desktop/"  # in the path of Docker Desktop's socket
_NAME_TAKEN = re.compile(
    r"name .*is (already )?in use|constraint failed: ContainerConfig\.Name", re.IGNORECASE | re.DOTALL
).search
_PORT_TAKEN = re.compile(r"port is already allocated|address already in use|cannot expose port", re.IGNORECASE).search
_NO_IMAGE = re.compile(r"no such image|image not known", re.IGNORECASE).search


def absent(kind: EngineKind) -> Message:
    """The program is not installed."""
    if kind is EngineKind.DOCKER:
        return msg("Docker is not installed here. Install the package docker.io or docker-ce if you want to use it.")
    return msg("Podman is not installed here. Install the package podman if you want to use it.")


def stopped(kind: EngineKind, rootless: bool, endpoint: str) -> Message:
    """Installed, but nothing listens."""
    if not endpoint.startswith("unix://"):
        return msg("Nothing listens at {endpoint}. Start the engine there, or check the address.", endpoint=endpoint)
    if _DESKTOP in endpoint:
        return _start("Docker Desktop", "systemctl --user start docker-desktop")
    if kind is EngineKind.DOCKER and rootless:
        return _start("Rootless Docker", "systemctl --user start docker")
    if kind is EngineKind.DOCKER:
        return _start("Docker", "sudo systemctl start docker")
    if rootless:
        return _start("podman.socket", "systemctl --user enable --now podman.socket")
    return _start("podman.socket", "sudo systemctl enable --now podman.socket")


def _start(what: str, command: str) -> Message:
    return msg("{what} is not running. Start it with: {command}", what=what, command=command)


def out_of_sight(kind: EngineKind) -> Message:
    """The same from inside a Flatpak, which only sees a socket that existed when it started."""
    if kind is EngineKind.DOCKER:
        return msg(
            "Docker does not run, or was started after Stratascope, which can't see it in that case. Make sure that "
            "Docker runs, and start Stratascope again."
        )
    return msg(
        "Nothing listens on Podman's socket. Start it with: systemctl --user enable --now podman.socket; if it still "
        "does not show up, start Stratascope again."
    )


def denied(kind: EngineKind, rootless: bool, group: str | None = None) -> Message:
    """The socket exists, but this user may not use it. `group`: whose members may; "" if only root may; None if
    unknown.
    """
    if rootless:
        return msg("This rootless engine belongs to another user. Run Stratascope as that user to see its containers.")
    group = "docker" if group is None and kind is EngineKind.DOCKER else group
    if group:
        return msg(
            "Only members of the group {group} can use this socket: sudo usermod -aG {group} $USER, then log in again. "
            "Note that this group is equivalent to root: anyone who can use the socket can take over the machine.",
            group=group,
        )
    return msg(
        "Only root can use this socket. Run Stratascope with sudo to see these containers; your own rootless ones do "
        "not need that."
    )


def refused(status: int) -> Message:
    """HTTP 401 or 403: something in front of the engine refuses."""
    return msg("The engine refuses to answer (HTTP {status}). Ask the person who set up access to it.", status=status)


def silent(seconds: float) -> Message:
    """It accepts the connection but never answers."""
    return msg(
        "The engine did not answer within {seconds} s. It may hang or be overloaded; restart it if that lasts.",
        seconds=f"{seconds:g}",
    )


def crowded() -> Message:
    """The socket's backlog is full: no connection is accepted."""
    return msg("The engine accepts no more connections. It may hang or be overloaded; restart it if that lasts.")


def no_host(endpoint: str) -> Message:
    """The host name can't be resolved."""
    return msg("There is no machine with the name in {endpoint}. Check the address.", endpoint=endpoint)


def no_way(endpoint: str) -> Message:
    """There is no route."""
    return msg("{endpoint} can't be reached from here. Check the address and the network.", endpoint=endpoint)


def not_secure(endpoint: str) -> Message:
    """TLS failed, or its certificates are missing."""
    return msg(
        "No secure connection to {endpoint} could be established. Check the certificates in DOCKER_CERT_PATH, or "
        "those of the context.",
        endpoint=endpoint,
    )


def nonsense() -> Message:
    """Something answers, but it is not an engine."""
    return msg("What answers there is not a container engine, or its answer was cut off. Check the address.")


def too_long() -> Message:
    """The response is too long."""
    return msg("The engine sends more than any engine should. Check what answers there.")


def failed(status: int) -> Message:
    """The engine reported an error."""
    return msg("The engine reported an internal error (HTTP {status}).", status=status)


def no_socket(path: str) -> Message:
    """The path is a file or a directory."""
    return msg("{path} is not a socket. Check the address of the engine.", path=path)


def unsupported(endpoint: str) -> Message:
    """Not an address that we support."""
    return msg("{endpoint} is not a usable address. Use unix://, tcp:// or ssh://.", endpoint=endpoint)


def refusal(words: str) -> RefusedError:
    """The error for one refused call, from the engine's own message."""
    return RefusedError(EngineState.CONNECTED, _meaning(words), words)


def _meaning(words: str) -> Message:
    if _NAME_TAKEN(words):
        return msg("Another container now has this name. Rename or remove that one, then try again.")
    if _PORT_TAKEN(words):
        return msg("A port that this container publishes is now taken. Free it, then try again: {words}", words=words)
    if _NO_IMAGE(words):
        return msg("The engine no longer has the image of this container: {words}", words=words)
    return msg("The engine refused this: {words}", words=words)


def misnamed(reason: str, endpoint: str) -> Message:
    """An environment variable gives an address at which nothing listens."""
    return msg("{variable} gives the address {endpoint}, where nothing listens. Start that engine, or correct "
               "or unset the variable.",
               variable=reason, endpoint=endpoint)  # fmt: skip


def error_for(
    error: BaseException,
    kind: EngineKind,
    rootless: bool,
    installed: bool,
    limit: float,
    endpoint: str,
    reason: str = "",
    group: str | None = None,
) -> EngineError:
    """The state and the advice for an error, from the first known cause in its chain. `reason`: see `Endpoint`;
    `group`: see `denied`.
    """
    local = endpoint.startswith("unix://")
    for cause in chain(error):
        if isinstance(cause, EngineError):
            return cause
        if isinstance(cause, TimeoutError):
            return EngineError(EngineState.UNREACHABLE, silent(limit), str(error))
        found = _unreachable(cause, endpoint)
        if found is not None:
            return EngineError(EngineState.UNREACHABLE, found, str(error))
        state = STATE_BY_ERRNO.get(cause.errno or 0) if isinstance(cause, OSError) else None
        if state is EngineState.DENIED:
            return EngineError(state, denied(kind, rootless, group), str(cause))
        if state is EngineState.STOPPED:
            if reason in VARIABLES:
                return EngineError(state, misnamed(reason, endpoint), str(cause))
            if installed or not local or _DESKTOP in endpoint:
                return EngineError(state, stopped(kind, rootless, endpoint), str(cause))
            return EngineError(EngineState.ABSENT, absent(kind), str(cause))
    if "timed out" in str(error).lower():
        return EngineError(EngineState.UNREACHABLE, silent(limit), str(error))
    return EngineError(EngineState.UNREACHABLE, nonsense(), str(error))


def _unreachable(cause: BaseException, endpoint: str) -> Message | None:
    if isinstance(cause, socket.gaierror):
        return no_host(endpoint)
    if _of_tls(cause):
        return not_secure(endpoint)
    if isinstance(cause, OSError) and cause.errno in _NO_WAY:
        return no_way(endpoint)
    if isinstance(cause, OSError) and cause.errno == errno.EMSGSIZE:
        return too_long()
    if isinstance(cause, BlockingIOError):  # EAGAIN of connect(2) on a unix socket
        return crowded()
    return None


def _of_tls(cause: BaseException) -> bool:
    """Whether it is a TLS error; without importing ssl, which few need: if it was never imported, it raised nothing."""
    ssl = sys.modules.get("ssl")
    return ssl is not None and isinstance(cause, ssl.SSLError)


def chain(error: BaseException) -> list[BaseException]:
    """The error, what it was raised from, and what is wrapped in its arguments (as requests and urllib3 do)."""
    found: list[BaseException] = [error]
    for each in found:
        inner = [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
        found.extend(item for item in inner if isinstance(item, BaseException) and item not in found)
        if len(found) > 30:
            break
    return found
