"""What is done to connections below requests and urllib3, for which they have no public way or a slow one."""

from __future__ import annotations

import errno
import socket
import time
from typing import TYPE_CHECKING, Any

from stratascope.engines.shared.errors import chain
from stratascope.engines.shared.json_reader import Answer, parse_object

if TYPE_CHECKING:
    import requests
    import urllib3

_STEP = 1 << 16
BODY_MAX = 256 << 20  # bytes of one answer, unpacked; ten thousand containers are a tenth of it


def body(answer: urllib3.BaseHTTPResponse, limit: float) -> bytes:
    """The whole body by the moment `limit` of the monotonic clock, or TimeoutError; its connection is given back.

    urllib3's own limit is for each read, so an engine that sends a byte now and then would never end it. One that sends
    without end would fill the memory: OSError.
    """
    parts, size = [], 0
    while part := answer.read1(_STEP, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > BODY_MAX:
            answer.close()
            raise OSError(errno.EMSGSIZE, f"the answer is longer than {BODY_MAX} bytes")
        if time.monotonic() > limit:
            answer.close()
            raise TimeoutError("the answer did not end in time")
    answer.release_conn()
    return b"".join(parts)


def hung_up(error: BaseException) -> bool:
    """Whether the connection was lost (podman-py wraps that in an error of its own), and not merely slow."""
    import requests

    causes = chain(error)
    return any(isinstance(cause, requests.ConnectionError) for cause in causes) and not any(
        isinstance(cause, requests.Timeout) for cause in causes
    )


def words_of(response: requests.Response) -> str:
    """The engine's own words of an error: `{"message": …}`, else the start of the text."""
    import requests

    try:
        text = response.content[:4096].decode("utf-8", "replace")
    except requests.RequestException as error:
        return str(error)
    try:
        return Answer(parse_object(text)).text("message") or text[:300]
    except ValueError:
        return text[:300]


def close_session(session: requests.Session) -> None:
    """Close its kept connections now: urllib3 leaves that to the garbage collector."""
    for adapter in session.adapters.values():
        proxies: Any = getattr(adapter, "proxy_manager", {})
        for manager in (getattr(adapter, "poolmanager", None), *proxies.values()):
            if manager is not None:
                for key in list(manager.pools.keys()):
                    manager.pools[key].close()
    session.close()


def wait_forever(response: requests.Response) -> None:
    """The answer began in time; from here on a quiet engine is no failure."""
    link = _socket_of(response)
    if link is not None:
        link.settimeout(None)


def shut(response: requests.Response) -> None:
    """End a read that another thread is blocked in."""
    link = _socket_of(response)
    if link is not None:
        try:
            link.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


def _socket_of(response: requests.Response) -> socket.socket | None:
    """The socket below an answer: neither requests nor urllib3 has a public way to it."""
    raw: Any = getattr(getattr(getattr(response.raw, "_fp", None), "fp", None), "raw", None)
    link = getattr(raw, "_sock", None)
    return link if isinstance(link, socket.socket) else None
