"""podman-py's connection to a local socket, mended. Apart, so that the SDK is imported only where it is needed."""

from __future__ import annotations

from typing import Any

from podman.api.uds import UDSConnection, UDSConnectionPool, UDSSocket


class Connection(UDSConnection):
    """The SDK's, that does not forget a socket which could not connect."""

    def connect(self) -> None:
        link: Any = UDSSocket(self.uds)
        try:
            link.settimeout(self.timeout)
            link.connect()
        except BaseException:
            link.close()
            raise
        self.sock = link


class Pool(UDSConnectionPool):
    """Makes those."""

    ConnectionCls = Connection
