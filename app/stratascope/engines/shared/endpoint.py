"""Engine endpoints: addresses, what a socket file reveals without contacting the engine, and connections, by unix
socket, TCP port, and TLS.
"""

from __future__ import annotations

import grp
import os
import socket
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stratascope.core.container import EngineKind, EngineState
from stratascope.core.ports import EngineError
from stratascope.engines.shared import errors
from stratascope.linux.decode import DecodeError
from stratascope.linux.namespace import parse_full
from stratascope.value import Value

if TYPE_CHECKING:
    import ssl


CONNECT_SECONDS = 3.0
_NOBODY = 65534  # the kernel's id for users that are not in our user namespace (user_namespaces(7))
READ_SECONDS = 10.0


class Endpoint(Value):
    """An engine's address and where it was found (`standard`, `DOCKER_HOST`, `context NAME` …)."""

    id: str
    kind: EngineKind
    endpoint: str  # unix:///path, tcp://host:port, ssh://…
    reason: str
    rootless: bool = False  # as far as its path shows; the engine's own report counts once it answers
    installed: bool = True  # whether its program is on this machine; distinguishes stopped from absent
    confined: bool = False  # we are in a Flatpak, which sees the socket only as it was when the Flatpak started
    may_start: bool = False  # whether we may start Podman's service if nothing listens on this socket
    tls: str = ""  # directory with ca.pem, cert.pem and key.pem
    verify: bool = True  # whether the server's certificate is checked
    identity: str = ""  # private key file for ssh://; empty for ssh's own choice

    @property
    def path(self) -> Path | None:
        """The unix socket's path, for unix://."""
        return Path(self.endpoint.removeprefix("unix://")) if self.endpoint.startswith("unix://") else None


def admitted(path: Path) -> str | None:
    """The group that may use the socket; "" if only its owner may, or the group is root's; None if unknown."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (_group(found.st_gid) or "") if found.st_gid and found.st_mode & stat.S_IWGRP else ""


class SocketFacts(Value):
    """Who may use a socket and who answers on it; None if unknown."""

    mode: int | None = None
    group: str | None = None
    daemon_uid: int | None = None
    file: str = ""


def socket_facts(path: Path) -> SocketFacts:
    """Mode and group of the file, and the user of the process that listens (SO_PEERCRED, unix(7))."""
    try:
        found = path.stat()
    except OSError:
        return SocketFacts()
    file = f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}:{found.st_ino}"
    return SocketFacts(stat.S_IMODE(found.st_mode), _group(found.st_gid), peer_uid(path), file)


def peer_uid(path: Path) -> int | None:
    """The user of the process that listens there; None if unknown, or outside of our sandbox's user namespace."""
    credentials = _peer(path)
    return None if credentials is None or _stranger(credentials[1], "uid_map") else credentials[1]


def _group(gid: int) -> str | None:
    if _stranger(gid, "gid_map"):
        return None
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _stranger(number: int, map_name: str) -> bool:
    """Whether an id only stands for all that our user namespace does not map."""
    if number != _NOBODY:
        return False
    try:
        return not parse_full(Path("/proc/self", map_name).read_text(encoding="ascii"))
    except (OSError, DecodeError):
        return True


def peer_pid(path: Path) -> int | None:
    """The process that listens there (systemd itself for socket activation), as a PID of this machine."""
    credentials = _peer(path)
    return None if credentials is None else credentials[0] or None


def _peer(path: Path) -> tuple[int, int, int] | None:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(CONNECT_SECONDS)
        try:
            link.connect(str(path))
            credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except (OSError, ValueError):
            return None
    pid, uid, gid = struct.unpack("3i", credentials)
    return pid, uid, gid


def listens(path: Path) -> bool:
    """Whether a process accepts connections there (perhaps only from another user)."""
    try:
        connect_here(path, CONNECT_SECONDS).close()
    except OSError as error:
        return isinstance(error, PermissionError)
    except EngineError:
        return False
    return True


def connect_here(path: Path, seconds: float) -> socket.socket:
    """Connect to a unix socket. Raises OSError, and EngineError if it is none."""
    link = socket.socket(socket.AF_UNIX)
    try:
        link.settimeout(seconds)
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise EngineError(EngineState.UNREACHABLE, errors.no_socket(str(path)), "not a socket")
        link.connect(os.fspath(path))
    except BaseException as error:
        link.close()
        if isinstance(error, ValueError):  # a path too long for a socket address
            raise EngineError(EngineState.UNREACHABLE, errors.unsupported(str(path)), str(error)) from error
        raise
    return link


_PORT, _PORT_TLS = 2375, 2376  # Docker's, if an address has none


class Address(Value):
    """A TCP address. `path`: prefix of the API's own paths; `tls`: whether to use TLS."""

    host: str
    port: int
    path: str
    tls: bool

    @property
    def name(self) -> str:
        """As the Host header."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(endpoint: Endpoint) -> Address:
    """Parse an endpoint that is not a unix socket. Raises EngineError if it is unusable."""
    try:
        parts = urlsplit(endpoint.endpoint)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise EngineError(EngineState.UNREACHABLE, errors.unsupported(endpoint.endpoint), str(error)) from error
    path = parts.path.rstrip("/")
    odd = parts.username or parts.password or parts.query or parts.fragment or not path.isascii()
    if parts.scheme not in ("tcp", "http", "https") or not host or odd:
        words = "unknown kind of address"
        raise EngineError(EngineState.UNREACHABLE, errors.unsupported(endpoint.endpoint), words)
    tls = bool(endpoint.tls) or parts.scheme == "https"
    return Address(host, port or (_PORT_TLS if tls else _PORT), path, tls)


def dial(endpoint: Endpoint, seconds: float) -> socket.socket:
    """Connect, with a time limit in seconds per step. Raises OSError, EngineError."""
    if endpoint.path is not None:
        return connect_here(endpoint.path, seconds)
    address = address_of(endpoint)
    context = _context(endpoint) if address.tls else None
    link = socket.create_connection((address.host, address.port), seconds)
    try:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a machine that went away ends no event stream
        return link if context is None else context.wrap_socket(link, server_hostname=address.host)
    except BaseException:
        link.close()
        raise


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    """As Docker's command line: ca.pem for the authorities, cert.pem and key.pem for the client."""
    import ssl

    folder = Path(endpoint.tls) if endpoint.tls else None
    try:
        ca = folder / "ca.pem" if folder is not None and endpoint.verify else None
        context = ssl.create_default_context(cafile=ca)
        if ca is not None:  # Python 3.13 refuses authorities made by Docker's own guide
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if not endpoint.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if folder is not None and ((folder / "cert.pem").exists() or (folder / "key.pem").exists()):
            context.load_cert_chain(folder / "cert.pem", folder / "key.pem", password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise EngineError(EngineState.UNREACHABLE, errors.not_secure(endpoint.endpoint), str(error)) from error
    return context


def _no_password() -> str:
    """Without this OpenSSL would prompt on the terminal."""
    raise ValueError("the private key is protected by a password")
