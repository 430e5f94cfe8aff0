"""The engines' SDKs on our bounded transport: both clients are a `requests.Session`, which lets one mount its own.

Apart, so that requests is imported only where something is changed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.adapters import BaseAdapter

BASE = "http://engine:80"  # where a session thinks that it sends; what is mounted there knows the real place

Call = Callable[[str, str, bytes | None], tuple[int, bytes]]


class Transport(BaseAdapter):
    """Carries a session's requests by `call`: method, path with its query, and body to status and body."""

    def __init__(self, call: Call) -> None:
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
        response = requests.Response()
        response.status_code, found = self._call(request.method or "GET", request.path_url, data)
        response.raw, response.request, response.url = io.BytesIO(found), request, request.url or ""
        return response

    def close(self) -> None:
        """There is nothing to close: `call` keeps no connection."""
