"""The engines' SDKs on our own connection: their named calls for what changes something.

Both clients are a `requests.Session`, which lets one mount a transport of its own. So a call's path, parameters and
body are the SDK's, and its limits of time and size, its errors and their words are ours: a refusal is raised here,
before the SDK looks at it, and JSON is read within bounds. Headers, time limits and credentials that the SDKs would add
do not leave this file.

By hand stay, since the named call would change what is asked or lose an answer:
- create on Podman: its keywords ignore no-new-privileges and seccomp, and publish ports on all addresses.
- stop and remove on Podman: without `ignore` and `timeout`, one that just vanished is an error, and a kill takes ten
  seconds. commit on Podman: it asks for the new image too, and fails where that is gone by then.
- limits on Docker: `update_container` knows neither processes nor cores. Further networks on Docker: a connect makes an
  endpoint's settings of its own, and has no field for what it does not know (GwPriority).
- exec on both: Docker's fills in what was not asked for, and starts by an upgrade of the connection, which has no end
  in time or bytes; Podman's goes by name.
- removing an image: one path for both, and Podman's fails at the answer of one that is still used.
- contexts and TLS of Docker's SDK: one damaged context hides all of them, without a config.json they are looked for in
  the current folder, and TLSConfig fills in a session for urllib3 instead of a context for a socket.
- what reads: the SDKs take longer to import than a report takes, and hold whatever comes in memory.

Apart, so that requests is imported only where something is changed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.adapters import BaseAdapter

from stratascope.engines.shared.json_reader import parse_object

BASE = "http://engine:80"  # where a session thinks that it sends; what is mounted there knows the real place

Send = Callable[[str, str, bytes | None], bytes]


class _Response(requests.Response):
    """A good answer whose body was read already."""

    def json(self, **_: Any) -> Any:
        """An object, as all of these calls have it. Raises ValueError."""
        return parse_object(self.content.decode("utf-8", "replace"))


class Transport(BaseAdapter):
    """Carries a session's requests by `call`: method, path with its query, and body to the body of a good answer."""

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
        """There is nothing to close: `call` keeps no connection."""
