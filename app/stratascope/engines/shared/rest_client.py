"""Calls to one engine endpoint: where it is asked, the connections that are kept, and what goes wrong as a state.

All bytes go through `HttpConnection`. What changes something is called by its name in the engine's SDK, on that
connection (`sdk.py`, which also says which calls stay by hand, and why). What only reads is asked for directly: the
SDKs take longer to import than a report takes, and parse whatever comes.
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
from stratascope.engines.shared.endpoint import CONNECT_SECONDS, READ_SECONDS, Endpoint, address_of, dial, listens
from stratascope.engines.shared.http_connection import Bounds, ConnectionPool, HttpConnection, Wanted
from stratascope.engines.shared.json_reader import words_of
from stratascope.value import replace

if TYPE_CHECKING:
    import requests

    from stratascope.engines.shared.child_socket import SocketProvider

S = TypeVar("S", bound="requests.Session")

_LINKS = 3  # at a time: two cores' worth, and one to wait
_AHEAD = 24  # questions at most that wait for an answer: they fit into what a socket and the engine hold back
_WHOLE = 3  # times the limit for silence: how long a whole answer may take
NO_CONTAINER = "no such container"  # in the words of both engines
# Bytes of an answer: ten thousand containers are a tenth of a list's; a container is some kilobytes
ANSWER_MAX, LIST_MAX, CHANGED_MAX = 8 << 20, 64 << 20, 64 << 20


def gone(status: int, body: bytes) -> bool:
    """Whether the answer to a question about one container is that there is none.

    Podman says so with 500 where the container is removed while its question is answered.
    """
    return status == 404 or (status == 500 and NO_CONTAINER in words_of(body).lower())


def answered(status: int, body: bytes, container: str = "", well: tuple[int, ...] = ()) -> bytes:
    """The body of a good answer (204 and 304 too: nothing to do is done; and what is in `well`).

    Raises NoSuchContainerError where the engine says that `container` is gone, RefusedError for any other refusal of
    this call, EngineError where it is not the engine that refuses.
    """
    if status < 400 or status in well:
        return body
    words = words_of(body)
    # Docker answers 403 for a few refusals of its own, such as a host network that its daemon does not allow
    if status in (401, 403) and "container" not in words.lower():
        raise EngineError(EngineState.DENIED, errors.refused(status), words)
    if status in (404, 500) and container and NO_CONTAINER in words.lower() and container in words:
        raise NoSuchContainerError(words)
    raise errors.refusal(words or f"HTTP {status}")


class RestClient(ABC):
    """Calls with limits; may be made from several threads. Subclasses speak their engine's API.

    With a `provider`, that one makes the socket where the endpoint has none here, or none that listens.
    """

    kind: EngineKind
    timeout = (CONNECT_SECONDS, READ_SECONDS)  # to connect, and of silence

    def __init__(self, endpoint: Endpoint, provider: SocketProvider | None = None) -> None:
        self._own = endpoint
        self._endpoint = endpoint  # where it is asked
        self._provider = provider
        self._provider_lock = threading.Lock()
        self._lock = threading.Lock()
        self._links = ConnectionPool(self._link)
        self._streams: set[HttpConnection] = set()
        self._closed = False
        self._api_version = ""  # as the engine's last answer says in its head

    @property
    def id(self) -> str:
        """Stable id of the engine."""
        return self._own.id

    @property
    def shell(self) -> tuple[str, ...]:
        """What to put before a command to run it on the engine's machine; empty where that is this one."""
        return () if self._provider is None else self._provider.shell

    def close(self) -> None:
        """Give back connections and end streams. May be called twice."""
        with self._lock:
            self._closed = True
            streams = tuple(self._streams)
        if self._provider is not None:
            self._provider.close()
        for stream in streams:
            stream.shut()
        self._links.close()

    # What a subclass says of its engine

    @property
    @abstractmethod
    def client(self) -> tuple[str, ...]:
        """How its own command line is called so that it asks this engine."""

    @abstractmethod
    def _path_prefix(self) -> str:
        """How paths begin: the version of the API. Raises EngineError, OSError, ValueError."""

    # What is asked

    def exchange(
        self, method: str, path: str, params: Mapping[str, str], data: str | None, silence: float
    ) -> tuple[int, bytes]:
        """HTTP status and body of one call. `silence`: seconds. Raises EngineError where no whole answer came; a status
        of 400 and more is an answer.
        """
        try:
            target = _with(self._prefix() + path, params)
            return self.send(method, target, None if data is None else data.encode(), silence)
        except ValueError as error:
            raise self._error(error, silence) from error

    def send(self, method: str, target: str, data: bytes | None, silence: float) -> tuple[int, bytes]:
        """The same for a target with the API's version in it. What is no GET is never repeated: it may have been
        carried out although no answer came.
        """
        bounds = Bounds(max(silence, _WHOLE * self.timeout[1]), silence, CHANGED_MAX)
        try:
            if method == "GET":
                return self._read(target, bounds)
            with closing(self._link()) as link:  # not one that may have died since it was last used
                return link.call(target, bounds, method, data)
        except (OSError, ValueError, EngineError) as error:
            raise self._error(error, silence) from error

    @contextmanager
    def _named(self, make: Callable[[str], S], silence: float, container: str, well: tuple[int, ...]) -> Iterator[S]:
        """The SDK's client that `make` makes for an address, for one call by its name. Raises as `answered`."""
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
        except Exception as error:  # SDKs raise what they like
            raise self._error(error, silence) from error

    def look(
        self, path: str, params: Mapping[str, str], bounds: Bounds, wanted: Wanted
    ) -> tuple[int, Mapping[str, str], bytes]:
        """HTTP status, head and body of a GET whose body may be large: taken only where its head is `wanted`. Raises
        EngineError, and OSError where the body was larger than the bounds allow.
        """
        try:
            target = _with(self._prefix() + path, params)
            with closing(self._link()) as link:  # hangs up in the middle, so none that others wait for
                link.ask(target)
                status, body = link.answer(bounds, wanted)
                return status, link.head, body
        except (OSError, ValueError, EngineError) as error:
            if isinstance(error, OSError) and error.errno == errno.EMSGSIZE:
                raise
            raise self._error(error, bounds.silence) from error

    def there(self, path: str, params: Mapping[str, str]) -> bool:
        """Whether the engine has something at that path of its API. Raises EngineError."""
        try:
            target = _with(self._prefix() + path, params)
            with closing(self._link()) as link:
                return link.head_of(target, self._bounds(ANSWER_MAX)) < 300
        except (OSError, ValueError, EngineError) as error:
            raise self._error(error) from error

    def _get(self, path: str, params: Mapping[str, str] | None = None, size: int = ANSWER_MAX) -> str:
        """The text of an answer. Raises EngineError."""
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
        """Of many small questions of one kind, in order; None for what the engine does not know. `until`: the moment of
        the monotonic clock by which all must have come. Raises EngineError.

        Some are asked ahead, on a few connections: a waiting engine is as slow as a busy one.
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
            # what was lost is asked once more, by itself: that shows what is wrong
            status, body = answer or self._status(path, None, until=until)
            yield None if gone(status, body) else self._text(status, body)

    # How it is asked

    def _prefix(self) -> str:
        """How paths begin, once it is known that there is somebody to ask. Raises EngineError."""
        try:
            self._ready()
            return self._base() + self._path_prefix()
        except (OSError, ValueError, EngineError) as error:
            raise self._error(error) from error

    def _base(self) -> str:
        """What comes before the API's own paths."""
        return "" if self._endpoint.path is not None else address_of(self._endpoint).path

    def _ready(self) -> None:
        """Called before each call; raises OSError or EngineError where nothing can be asked, or where it was closed."""
        if self._closed:  # a thread that comes late must not open what nobody would close
            raise ConnectionAbortedError(errno.ECONNABORTED, "the program gave this engine back")
        if self._provider is not None:
            with self._provider_lock:
                # A socket of the user's own wins, also when it appears later
                if self._own.path is not None and listens(self._own.path):
                    self._move(self._own)
                elif not self._provider.running():
                    self._move(replace(self._own, endpoint=f"unix://{self._provider.start()}"))

    def _move(self, endpoint: Endpoint) -> None:
        """Connect there from now on."""
        if endpoint != self._endpoint:
            self._endpoint = endpoint
            self._links.drop()  # the old ones know the old address

    def _read(self, target: str, bounds: Bounds) -> tuple[int, bytes]:
        """GET, which is free of risk: it is asked again where a kept connection died with an old daemon."""
        with self._links.lent() as link:
            kept = link.sock is not None
            try:
                found = link.call(target, bounds)
            except ConnectionError:
                if not kept:
                    raise
                found = link.call(target, bounds)  # connects anew
            self._api_version = link.head.get("api-version", "")  # both engines put it into each
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
        found = trouble or errors.error_for(
            error, self.kind, endpoint.rootless, endpoint.installed, limit, endpoint.endpoint
        )
        if endpoint.confined and endpoint.path is not None and found.state is EngineState.STOPPED:
            return EngineError(found.state, errors.out_of_sight(self.kind), found.words)
        return found


def _with(path: str, params: Mapping[str, str] | None) -> str:
    return f"{path}?{urlencode(params)}" if params else path
