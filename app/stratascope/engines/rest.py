"""What both engines' adapters share: calls with time limits, a session per thread, the stream of events.

The two SDKs' low-level clients are both a `requests.Session`; the adapters hand in how to make one and how to build a
URL for it. Decided against the SDKs' object layers: they inspect one by one, hide fields, and break on list items.
"""

from __future__ import annotations

import json
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import requests
import urllib3

from stratascope.core.container import Engine, EngineFacts, EngineKind, EngineState
from stratascope.core.ports import EngineError, Event, EventKind, NoSuchContainerError, RawContainer
from stratascope.engines import advice
from stratascope.engines.answer import Answer, parse
from stratascope.engines.endpoint import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Endpoint,
    SocketFacts,
    check_socket,
    socket_facts,
)

_LARGEST_EVENT = 1 << 20  # characters; a stream that sends more without a line end is no engine's
_INSPECTORS = 3  # at a time: two cores' worth, and one to wait

# Words for what changes nothing that we show; everything else means "inspect it again"
_QUIET_ACTIONS = frozenset(
    {
        "archive-path",
        "attach",
        "cleanup",
        "commit",
        "copy",
        "detach",
        "exec_create",
        "exec_detach",
        "export",
        "extract-to-dir",
        "health_status",
        "logs",
        "mount",
        "resize",
        "sync",
        "top",
        "unmount",
    }
)
_LAST_ACTIONS = frozenset({"destroy", "remove"})


class RestEngine(ABC):
    """One engine endpoint; may be called from several threads. Subclasses speak their engine's API."""

    kind: EngineKind
    timeout = (CONNECT_SECONDS, READ_SECONDS)

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._sessions = threading.local()
        self._lock = threading.Lock()
        self._opened: list[requests.Session] = []
        self._streams: set[requests.Response] = set()
        self._pool: ThreadPoolExecutor | None = None
        self._closed = False

    @property
    def id(self) -> str:
        """Stable id of the engine."""
        return self._endpoint.id

    def describe(self) -> Engine:
        """What it is and in which state; never raises: a failure is a state with a message."""
        answer: tuple[str, bool, EngineFacts] | None = None
        failure: EngineError | None = None
        try:
            answer = self._facts()
        except EngineError as error:
            failure = error
        except ValueError as error:  # an answer, but none that makes sense
            failure = EngineError(EngineState.UNREACHABLE, advice.nonsense(), str(error))
        endpoint = self._endpoint
        place = socket_facts(endpoint.path) if endpoint.path is not None else SocketFacts()
        engine = Engine(
            id=self.id,
            kind=self.kind,
            endpoint=endpoint.endpoint,
            rootless=endpoint.rootless,
            daemon_uid=place.daemon_uid,
            socket_mode=place.mode,
            socket_group=place.group,
        )
        if failure is not None:
            return replace(engine, state=failure.state, message=failure.message, error=failure.words)
        version, rootless, facts = answer or ("", endpoint.rootless, EngineFacts())
        return replace(engine, state=EngineState.CONNECTED, version=version, rootless=rootless, facts=facts)

    def list(self) -> tuple[RawContainer, ...]:
        """All containers, running or not. Raises EngineError. One that vanishes meanwhile is left out."""
        try:
            listed = parse(self._get(self._list_path, {"all": "true"}))
            if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
                raise ValueError("expected a list of containers")
            ids = [Answer(item).text("Id") for item in listed]
        except ValueError as error:
            raise EngineError(EngineState.UNREACHABLE, advice.nonsense(), str(error)) from error
        return tuple(raw for raw in self._inspectors().map(self._inspect_or_none, filter(None, ids)) if raw is not None)

    def inspect(self, container: str) -> RawContainer:
        """One container. Raises EngineError, NoSuchContainerError."""
        text = self._get(self._inspect_path(container))
        try:
            return RawContainer(self.id, Answer(parse_object(text)).text("Id") or container, self._redact(text))
        except ValueError as error:
            raise EngineError(EngineState.UNREACHABLE, advice.nonsense(), str(error)) from error

    def events(self) -> Iterator[Event]:
        """Blocks and yields until the stream ends (returns) or fails (EngineError); `close` ends it."""
        response = self._send(self._events_path, self._event_filter, stream=True)
        with self._lock:
            self._streams.add(response)
            closed = self._closed
        try:
            _wait_forever(response)
            if not closed:
                yield from self._decode_events(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            if not self._closed:
                raise self._error(error) from error
        finally:
            with self._lock:
                self._streams.discard(response)
            response.close()

    def close(self) -> None:
        """Give back connections and end `events`. May be called twice."""
        with self._lock:
            self._closed = True
            streams, opened, pool = tuple(self._streams), tuple(self._opened), self._pool
            self._opened.clear()
            self._pool = None
        for stream in streams:
            _shut(stream)
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
        for session in opened:
            _close(session)

    # What a subclass says of its engine

    _list_path: str
    _events_path: str
    _event_filter: Mapping[str, str]

    @abstractmethod
    def _open(self) -> requests.Session:
        """A new session; may raise what the SDK raises."""

    @abstractmethod
    def _request(
        self, session: Any, path: str, params: Mapping[str, str], stream: bool
    ) -> requests.Response:  # fmt: skip
        """GET by the SDK's client."""

    @abstractmethod
    def _inspect_path(self, container: str) -> str: ...

    @abstractmethod
    def _redact(self, text: str) -> str: ...

    @abstractmethod
    def _facts(self) -> tuple[str, bool, EngineFacts]:
        """Version, rootless, and the rest. Raises EngineError, ValueError."""

    def _ready(self) -> None:
        """Called before each call; raises OSError or EngineError where nothing listens."""
        if self._endpoint.path is not None:
            check_socket(self._endpoint.path)
            return
        address = self._endpoint.endpoint
        if address.startswith("ssh://"):
            raise EngineError(EngineState.UNREACHABLE, advice.by_ssh(address), "ssh is not used")
        if not address.startswith(("tcp://", "http://", "https://")):
            raise EngineError(EngineState.UNREACHABLE, advice.unsupported(address), "unknown kind of address")

    # Calls

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> str:
        """The text of an answer. Raises EngineError, NoSuchContainerError."""
        response = self._send(path, params or {}, stream=False)
        return response.content.decode("utf-8", "replace")

    def _send(self, path: str, params: Mapping[str, str], stream: bool) -> requests.Response:
        try:
            self._ready()
            response = self._once_more(path, params, stream)
        except Exception as error:  # SDKs raise what they like; here it becomes a state
            raise self._error(error) from error
        if response.status_code < 300:
            return response
        words = _words(response)
        response.close()
        if response.status_code == 404 and path.startswith("/containers/"):
            raise NoSuchContainerError(words)
        if response.status_code in (401, 403):
            raise EngineError(EngineState.DENIED, advice.refused(response.status_code), words)
        if response.status_code in (404, 501):
            raise EngineError(EngineState.UNREACHABLE, advice.nonsense(), words)
        raise EngineError(EngineState.UNREACHABLE, advice.failed(response.status_code), words)

    def _once_more(self, path: str, params: Mapping[str, str], stream: bool) -> requests.Response:
        """Asking again is free of risk for GET, and right where a kept connection died with an old daemon."""
        try:
            return self._request(self._session(), path, params, stream)
        except requests.Timeout:
            raise
        except requests.ConnectionError:
            return self._request(self._session(), path, params, stream)

    def _session(self) -> requests.Session:
        """This thread's own: sessions are not made for sharing."""
        session: requests.Session | None = getattr(self._sessions, "session", None)
        if session is None:
            session = self._open()
            self._sessions.session = session
            with self._lock:
                self._opened.append(session)
        return session

    def _inspectors(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_INSPECTORS, thread_name_prefix=f"inspect-{self.id}")
            return self._pool

    def _inspect_or_none(self, container: str) -> RawContainer | None:
        try:
            return self.inspect(container)
        except NoSuchContainerError:
            return None

    def _error(self, error: BaseException) -> EngineError:
        endpoint = self._endpoint
        return advice.error_for(error, self.kind, endpoint.rootless, endpoint.installed, self.timeout[1])

    def _decode_events(self, response: requests.Response) -> Iterator[Event]:
        """JSON objects, with or without line ends between them."""
        decoder, text = json.JSONDecoder(), ""
        for chunk in response.iter_content(None):
            text = (text + chunk.decode("utf-8", "replace")).lstrip()
            while text:
                try:
                    value, end = decoder.raw_decode(text)
                except (ValueError, RecursionError):
                    if len(text) > _LARGEST_EVENT or not text.startswith("{"):
                        raise ValueError(f"no event: {text[:80]!r}") from None
                    break  # the rest is still to come
                text = text[end:].lstrip()
                event = event_of(value)
                if event is not None:
                    yield event


def event_of(value: Any) -> Event | None:
    """What an event of the engine means to us; None where it means nothing."""
    if not isinstance(value, dict):
        raise ValueError("expected an object that describes an event")
    answer = Answer(value)
    action = (answer.text("Action") or answer.text("status")).partition(":")[0].strip()
    container = answer.part("Actor").text("ID") or answer.text("id")
    if answer.text("Type") not in ("", "container") or not container or action in _QUIET_ACTIONS:
        return None
    return Event(EventKind.REMOVED if action in _LAST_ACTIONS else EventKind.CHANGED, container)


def parse_object(text: str) -> dict[str, Any]:
    """A JSON object, or ValueError."""
    value = parse(text)
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, found {type(value).__name__}")
    return value


def _words(response: requests.Response) -> str:
    """The engine's own words of an error: `{"message": …}`, else the start of the text."""
    try:
        text = response.content[:4096].decode("utf-8", "replace")
    except requests.RequestException as error:
        return str(error)
    try:
        return Answer(parse_object(text)).text("message") or text[:300]
    except ValueError:
        return text[:300]


def _close(session: requests.Session) -> None:
    """Close its kept connections now: urllib3 leaves that to the garbage collector."""
    for adapter in session.adapters.values():
        manager: Any = getattr(adapter, "poolmanager", None)
        if manager is not None:
            for key in list(manager.pools.keys()):
                manager.pools[key].close()
    session.close()


def _wait_forever(response: requests.Response) -> None:
    """The answer began in time; from here on a quiet engine is no failure."""
    link = _socket_of(response)
    if link is not None:
        link.settimeout(None)


def _shut(response: requests.Response) -> None:
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
