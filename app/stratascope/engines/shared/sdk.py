"""The engines' SDKs on our own connection: their named calls for what changes something.

Both clients are a `requests.Session`, on which one can mount a transport. So a call's path, parameters and body are the
SDK's, and its limits of time and size, its errors and their messages are ours: a refusal is raised here, before the SDK
sees it, and JSON is read within bounds. Headers, time limits and credentials that the SDKs would add do not leave this
file.

These calls are made without the SDK, whose named call would change the request or lose a response:
- create on Podman: its keywords ignore no-new-privileges and seccomp, and publish ports on all addresses.
- stop and remove on Podman: without `ignore` and `timeout`, a container that just vanished is an error, and a kill
  takes ten seconds. commit on Podman: it requests the new image too, and fails if that is gone by then.
- limits on Docker: `update_container` knows neither processes nor cores. Further networks on Docker: a connect builds
  the endpoint's settings itself, and drops fields that it does not know (GwPriority).
- exec on both: Docker's adds parameters, and starts by an upgrade of the connection, which has no end in time or
  bytes; Podman's goes by name.
- removing an image: one path for both, and Podman's fails on the response for one that is still used.
- contexts and TLS of Docker's SDK: one damaged context hides all of them, without a config.json they are looked for in
  the current directory, and TLSConfig fills in a session for urllib3 instead of a context for a socket.
- read-only calls: the SDKs take longer to import than a report takes, and hold any response in memory.

A separate module, so that requests is imported only when something is changed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.adapters import BaseAdapter

from stratascope.engines.shared.json_reader import parse_object

BASE = "http://engine:80"  # the session's nominal address; the transport mounted on it knows the real one

Send = Callable[[str, str, bytes | None], bytes]


class _Response(requests.Response):
    """A successful response whose body was read already."""

    def json(self, **_: Any) -> Any:
        """Parse the object that all of these calls return. Raises ValueError."""
        return parse_object(self.content.decode("utf-8", "replace"))


class Transport(BaseAdapter):
    """Sends a session's requests by `call`: method, path with query and body, to the body of a good response."""

    def __init__(self, call: Send) -> None:
        super().__init__()
        self._call = call

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """See `BaseAdapter`; the limits, and TLS, are those of `call`. Raises what that raises."""
        body: Any = request.body
        data = body.encode() if isinstance(body, str) else body
        found = self._call(request.method or "GET", request.path_url, data)
        response = _Response()
        response.status_code, response.raw = requests.codes.ok, io.BytesIO(found)
        response.request, response.url = request, request.url or ""
        return response

    def close(self) -> None:
        """Nothing to close: `call` keeps no connection."""
