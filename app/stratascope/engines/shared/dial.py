"""A connection to where an engine listens: a socket in the file system, a port of a machine, and TLS over that."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stratascope.core.container import EngineState
from stratascope.core.ports import EngineError
from stratascope.engines.shared import errors
from stratascope.engines.shared.endpoint import Endpoint, connect_here
from stratascope.value import Value

if TYPE_CHECKING:
    import ssl

_PORT, _PORT_TLS = 2375, 2376  # Docker's, where an address has none


class Address(Value):
    """Of a machine. `path` is what comes before the API's own paths, `tls` whether it is spoken."""

    host: str
    port: int
    path: str
    tls: bool

    @property
    def name(self) -> str:
        """As the Host of a request."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(endpoint: Endpoint) -> Address:
    """Of an endpoint that is no socket here. Raises EngineError where it is none that can be used."""
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
    """Connect, each step within so many seconds. Raises OSError, EngineError."""
    if endpoint.path is not None:
        return connect_here(endpoint.path, seconds)
    address = address_of(endpoint)
    context = _context(endpoint) if address.tls else None
    link = socket.create_connection((address.host, address.port), seconds)
    try:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a machine that went away ends no stream of events
        return link if context is None else context.wrap_socket(link, server_hostname=address.host)
    except BaseException:
        link.close()
        raise


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    """As Docker's command line has it: ca.pem is who may have signed, cert.pem and key.pem are who we are."""
    import ssl

    folder = Path(endpoint.tls) if endpoint.tls else None
    try:
        ca = folder / "ca.pem" if folder is not None and endpoint.verify else None
        context = ssl.create_default_context(cafile=ca)
        if ca is not None:  # Python 3.13 refuses authorities that Docker's own guide has people make
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
    """Without this OpenSSL would ask on the terminal."""
    raise ValueError("the private key is protected by a password")
