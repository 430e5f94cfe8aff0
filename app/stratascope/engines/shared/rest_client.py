"""Calls to one engine endpoint: where it is reached, the kept connections, and failures as states.

All bytes go through `HttpConnection`. Calls that change something use the engine's SDK by name, on that connection
(`sdk.py`, which also lists the calls made without it, and why). Read-only calls are made directly: the SDKs take longer
to import than a report takes, and parse whatever comes.
"""

from __future__ import annotations

import errno
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from stratascope.core.container import EngineKind, EngineState
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.engines.shared import errors
from stratascope.engines.shared.endpoint import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Endpoint,
    address_of,
    admitted,
    dial,
    listens,
)
from stratascope.engines.shared.http_connection import Bounds, ConnectionPool, HttpConnection, Wanted
from stratascope.engines.shared.json_reader import words_of
from stratascope.value import replace

if TYPE_CHECKING:
    import requests

    from stratascope.engines.shared.child_socket import SocketProvider

S = TypeVar("S", bound="requests.Session")

_LINKS = 3  # at a time: two for two cores, and one that waits
_AHEAD = 24  # pipelined requests at most: they fit into the buffers of a socket and the engine
_WHOLE = 3  # the limit of a whole response, as a multiple of the silence limit
NO_CONTAINER = "no such container"  # both engines' error text
# Bytes of a response: ten thousand containers take a tenth of a list's; a container takes some kilobytes
ANSWER_MAX, LIST_MAX, CHANGED_MAX = 8 << 20, 64 << 20, 64 << 20


def gone(status: int, body: bytes) -> bool:
    """Whether a response about one container means that it does not exist.

    Podman reports that with 500 if the container is removed while the request is served.
    """
    return status == 404 or (status == 500 and NO_CONTAINER in words_of(body).lower())


def answered(status: int, body: bytes, container: str = "", well: tuple[int, ...] = ()) -> bytes:
    """The body of a successful response (including 204 and 304, nothing to do, and those in `well`).

    Raises NoSuchContainerError if the engine reports that `container` is gone, RefusedError for any other refusal of
    this call, EngineError if it is not the engine that refuses.
    """
    if status < 400 or status in well:
        return body
    words = words_of(body)
    # Docker returns 403 for a few refusals of its own, such as a host network that its daemon does not allow
    if status in (401, 403) and "container" not in words.lower():
        raise EngineError(EngineState.DENIED, errors.refused(status), words)
    if status in (404, 500) and container and NO_CONTAINER in words.lower() and container in words:
        raise NoSuchContainerError(words)
    raise errors.refusal(words or f"HTTP {status}")


class RestClient(ABC):
    """Calls with limits; may be made from several threads. Subclasses implement their engine's API.

    A `provider` creates the socket if the endpoint has none here, or none that listens.
    """

    kind: EngineKind
    timeout = (CONNECT_SECONDS, READ_SECONDS)  # seconds to connect, and of silence

    def __init__(self, endpoint: Endpoint, provider: SocketProvider | None = None) -> None:
        self._own = endpoint
        self._endpoint = endpoint  # the address in use
        self._provider = provider
        self._provider_lock = threading.Lock()
        self._lock = threading.Lock()
        self._links = ConnectionPool(self._link)
        self._streams: set[HttpConnection] = set()
        self._closed = False
        self._api_version = ""  # from the last response's head

    @property
    def id(self) -> str:
        """The engine's stable id."""
        return self._own.id

    @property
    def shell(self) -> tuple[str, ...]:
        """The prefix for a command to run on the engine's machine; empty if that is this one."""
        return () if self._provider is None else self._provider.shell

    def close(self) -> None:
        """Close connections and end streams. May be called twice."""
        with self._lock:
            self._closed = True
            streams = tuple(self._streams)
        if self._provider is not None:
            self._provider.close()
        for stream in streams:
            stream.shut()
        self._links.close()

    # Defined by the subclass for its engine

    @property
    @abstractmethod
    def client(self) -> tuple[str, ...]:
        """The engine's command line, with arguments that select this engine."""

    @abstractmethod
    def _path_prefix(self) -> str:
        """The path prefix: the API's version. Raises EngineError, OSError, ValueError."""

    # Requests

    def exchange(
        self, method: str, path: str, params: Mapping[str, str], data: str | bytes | None, silence: float
    ) -> tuple[int, bytes]:
        """HTTP status and body of one call. `silence`: seconds. Raises EngineError without a complete response; a
        status of 400 or more is a response.
        """
        try:
            target = _with(self._prefix() + path, params)
            return self.send(method, target, data.encode() if isinstance(data, str) else data, silence)
        except ValueError as error:
            raise self._error(error, silence) from error

    def send(self, method: str, target: str, data: bytes | None, silence: float) -> tuple[int, bytes]:
        """The same for a target that includes the API's version. Only a GET is ever repeated: another call may have
        been carried out although no response came.
        """
        bounds = Bounds(max(silence, _WHOLE * self.timeout[1]), silence, CHANGED_MAX)
        try:
            if method == "GET":
                return self._read(target, bounds)
            with closing(self._link()) as link:  # a new one: a kept one may have died since its last use
                return link.call(target, bounds, method, data)
        except (OSError, ValueError, EngineError) as error:
            raise self._error(error, silence) from error

    @contextmanager
    def _named(self, make: Callable[[str], S], silence: float, container: str, well: tuple[int, ...]) -> Iterator[S]:
        """The SDK's client that `make` returns for an address, for one named call. Raises as `answered`."""
        from stratascope.engines.shared.sdk import BASE, Transport

        self._prefix()
        base = self._base()

        def call(method: str, target: str, data: bytes | None) -> bytes:
            return answered(*self.send(method, base + target, data, silence), container, well)

        try:
            with make(BASE) as client:
                client.trust_env = False  # no proxy, no .netrc
                client.mount(BASE, Transport(call))
                yield client
        except (EngineError, NoSuchContainerError):
            raise
        except Exception as error:  # SDKs raise anything
            raise self._error(error, silence) from error

    def get_if(
        self, path: str, params: Mapping[str, str], bounds: Bounds, wanted: Wanted
    ) -> tuple[int, Mapping[str, str], bytes]:
        """HTTP status, head and body of a GET whose body may be large: only read if its head is `wanted`. Raises
        EngineError, and OSError if the body exceeds the bounds.
        """
        try:
            target = _with(self._prefix() + path, params)
            with closing(self._link()) as link:  # may be closed early, so not a shared one
                link.ask(target)
                status, body = link.answer(bounds, wanted)
                return status, link.head, body
        except (OSError, ValueError, EngineError) as error:
            if isinstance(error, OSError) and error.errno == errno.EMSGSIZE:
                raise
            raise self._error(error, bounds.silence) from error

    def head_of(self, path: str, params: Mapping[str, str]) -> Mapping[str, str] | None:
        """The head of what the engine has at that path of its API; None if there is nothing. Raises EngineError."""
        try:
            target = _with(self._prefix() + path, params)
            with closing(self._link()) as link:
                return link.head if link.head_of(target, self._bounds(ANSWER_MAX)) < 300 else None
        except (OSError, ValueError, EngineError) as error:
            raise self._error(error) from error

    def _get(self, path: str, params: Mapping[str, str] | None = None, size: int = ANSWER_MAX) -> str:
        """The text of a response. Raises EngineError."""
        return self._text(*self._status(path, params, size))

    def _get_of(self, path: str, params: Mapping[str, str] | None = None) -> str:
        """A GET about one container. Raises EngineError, NoSuchContainerError."""
        status, body = self._status(path, params)
        if gone(status, body):
            raise NoSuchContainerError(words_of(body))
        return self._text(status, body)

    def _status(
        self, path: str, params: Mapping[str, str] | None, size: int = ANSWER_MAX, until: float | None = None
    ) -> tuple[int, bytes]:
        try:
            return self._read(_with(self._prefix() + path, params), self._bounds(size, until))
        except (OSError, ValueError, EngineError) as error:
            raise self._error(error) from error

    def _get_all(self, paths: Sequence[str], until: float) -> Iterator[str | None]:
        """Responses to many small requests of one kind, in order; None for unknown objects. `until`: the deadline for
        all, on the monotonic clock. Raises EngineError.

        Some are pipelined, on a few connections: a waiting engine is as slow as a busy one.
        """
        prefix = self._prefix()
        with ExitStack() as stack:
            links = [stack.enter_context(self._links.lent()) for _ in range(min(_LINKS, len(paths)))]
            yield from self._answers(links, paths, prefix, until)

    def _answers(
        self, links: list[HttpConnection], paths: Sequence[str], prefix: str, until: float
    ) -> Iterator[str | None]:
        for link in links:
            link.begin()
        lost: set[HttpConnection] = set()
        asked = 0
        for place, path in enumerate(paths):
            for ahead in range(asked, min(len(paths), place + _AHEAD)):
                link = links[ahead % len(links)]
                asked = ahead + 1
                if link not in lost:
                    try:
                        link.ask(prefix + paths[ahead])
                    except (OSError, ValueError):
                        lost.add(link)
            link = links[place % len(links)]
            answer = None
            if link not in lost:
                try:
                    answer = link.answer(self._bounds(ANSWER_MAX, until))
                except TimeoutError as error:
                    raise self._error(error) from error
                except (OSError, ValueError):
                    lost.add(link)
            # a lost one is requested again by itself: that shows the error
            status, body = answer or self._status(path, None, until=until)
            yield None if gone(status, body) else self._text(status, body)

    # Transport

    def _prefix(self) -> str:
        """The path prefix, once the engine can be reached. Raises EngineError."""
        try:
            self._ready()
            return self._base() + self._path_prefix()
        except (OSError, ValueError, EngineError) as error:
            raise self._error(error) from error

    def _base(self) -> str:
        """The part of the address that precedes the API's own paths."""
        return "" if self._endpoint.path is not None else address_of(self._endpoint).path

    def _ready(self) -> None:
        """Called before each call; raises OSError or EngineError if the engine can't be reached, or was closed."""
        if self._closed:  # a late thread must not open a connection that nobody would close
            raise ConnectionAbortedError(errno.ECONNABORTED, "the program gave this engine back")
        if self._provider is not None:
            with self._provider_lock:
                # A socket of the user's own takes precedence, also when it appears later
                if self._own.path is not None and listens(self._own.path):
                    self._move(self._own)
                elif not self._provider.running():
                    self._move(replace(self._own, endpoint=f"unix://{self._provider.start()}"))

    def _move(self, endpoint: Endpoint) -> None:
        """Use that address from now on."""
        if endpoint != self._endpoint:
            self._endpoint = endpoint
            self._links.drop()  # the old ones use the old address

    def _read(self, target: str, bounds: Bounds) -> tuple[int, bytes]:
        """GET, which is safe: it is repeated if a kept connection died with an old daemon."""
        with self._links.lent() as link:
            kept = link.sock is not None
            try:
                found = link.call(target, bounds)
            except ConnectionError:
                if not kept:
                    raise
                found = link.call(target, bounds)  # reconnects
            self._api_version = link.head.get("api-version", "")  # both engines send it with each response
            return found

    def _link(self) -> HttpConnection:
        endpoint, seconds = self._endpoint, self.timeout[0]
        host = "engine" if endpoint.path is not None else address_of(endpoint).name

        def connect() -> socket.socket:
            return dial(endpoint, seconds)

        return HttpConnection(connect, host)

    def _bounds(self, size: int, until: float | None = None) -> Bounds:
        seconds = _WHOLE * self.timeout[1]
        if until is not None:
            seconds = min(seconds, until - time.monotonic())
        return Bounds(seconds, self.timeout[1], size)

    def _text(self, status: int, body: bytes) -> str:
        """The body of a successful response. Raises EngineError."""
        if 200 <= status < 300:
            return body.decode("utf-8", "replace")
        words = words_of(body)
        if status in (401, 403):
            raise EngineError(EngineState.DENIED, errors.refused(status), words)
        message = errors.nonsense() if status < 400 or status in (404, 501) else errors.failed(status)
        raise EngineError(EngineState.UNREACHABLE, message, words or f"HTTP {status}")

    def _error(self, error: BaseException, limit: float | None = None) -> EngineError:
        endpoint, limit = self._own, limit or self.timeout[1]
        trouble = None if self._provider is None or isinstance(error, EngineError) else self._provider.trouble()
        group = None if endpoint.path is None else admitted(endpoint.path)
        found = trouble or errors.error_for(
            error, self.kind, endpoint.rootless, endpoint.installed, limit, endpoint.endpoint, endpoint.reason, group
        )
        if endpoint.confined and endpoint.path is not None and found.state is EngineState.STOPPED:
            return EngineError(found.state, errors.out_of_sight(self.kind), found.words)
        return found


def _with(path: str, params: Mapping[str, str] | None) -> str:
    return f"{path}?{urlencode(params)}" if params else path
