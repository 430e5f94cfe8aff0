"""What both engines' adapters share: calls with time limits, a session per thread, the stream of events.

The two SDKs' low-level clients are both a `requests.Session`; the adapters hand in how to make one and how to build a
URL for it. Decided against the SDKs' object layers: they inspect one by one, hide fields, and break on list items.
The SDKs take longer to import than a report takes, so each is imported where it is first needed: for events, for an
engine that is not behind a local socket, and for whatever went wrong.
"""

from __future__ import annotations

import errno
import http.client
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stratascope.core.container import Engine, EngineFacts, EngineKind, EngineState
from stratascope.core.ports import EngineError, Event, NoSuchContainerError, RawContainer
from stratascope.engines.shared import errors
from stratascope.engines.shared.endpoint import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Endpoint,
    SocketFacts,
    check_socket,
    listens,
    socket_facts,
)
from stratascope.engines.shared.events import decode_events
from stratascope.engines.shared.json_reader import Answer, parse, parse_object
from stratascope.engines.shared.streams import body, close_session, hung_up, shut, wait_forever, words_of
from stratascope.engines.shared.unix_http import QuickConnection

if TYPE_CHECKING:
    import requests

    from stratascope.engines.shared.child_socket import Way

_INSPECTORS = 3  # at a time: two cores' worth, and one to wait
_ID_LENGTH = 64  # of a whole container id
_WHOLE = 3  # times the limit for silence: how long a whole answer may take


class RestEngine(ABC):
    """One engine endpoint; may be called from several threads. Subclasses speak their engine's API.

    With a `way`, that one makes the socket where the endpoint has none here, or none that listens.
    """

    kind: EngineKind
    timeout = (CONNECT_SECONDS, READ_SECONDS)  # to connect, and of silence

    def __init__(self, endpoint: Endpoint, way: Way | None = None) -> None:
        self._own = endpoint
        self._endpoint = endpoint  # where it is asked
        self._way = way
        self._way_lock = threading.Lock()
        self._sessions = threading.local()
        self._lock = threading.Lock()
        self._opened: list[requests.Session] = []
        self._links: list[QuickConnection] = []
        self._streams: set[requests.Response] = set()
        self._pool: ThreadPoolExecutor | None = None
        self._closed = False

    @property
    def id(self) -> str:
        """Stable id of the engine."""
        return self._own.id

    @property
    def shell(self) -> tuple[str, ...]:
        """What to put before a command to run it on the engine's machine; empty where that is this one."""
        return () if self._way is None else self._way.shell

    def describe(self) -> Engine:
        """What it is and in which state; never raises: a failure is a state with a message."""
        answer: tuple[str, bool, EngineFacts] | None = None
        failure: EngineError | None = None
        try:
            answer = self._facts()
        except EngineError as error:
            failure = error
        except ValueError as error:  # an answer, but none that makes sense
            failure = EngineError(EngineState.UNREACHABLE, errors.nonsense(), str(error))
        # A socket that only leads to another machine tells nothing of the engine
        endpoint = self._own if self.shell else self._endpoint
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
            listed = parse(self._get_quickly(f"{self._list_path}?all=true", self._prefix()))
            if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
                raise ValueError("expected a list of containers")
            ids = [Answer(item).text("Id") for item in listed]
        except ValueError as error:
            raise EngineError(EngineState.UNREACHABLE, errors.nonsense(), str(error)) from error
        prefix = self._prefix()  # found once: to open a session takes longer than to inspect ten containers
        found = self._inspectors().map(lambda container: self._inspect_or_none(container, prefix), filter(None, ids))
        return tuple(raw for raw in found if raw is not None)

    def inspect(self, container: str) -> RawContainer:
        """One container. Raises EngineError, NoSuchContainerError."""
        return self._inspect(container, self._prefix())

    def _inspect(self, container: str, prefix: str | None) -> RawContainer:
        text = self._get_quickly(self._inspect_path(container), prefix)
        try:
            # asked for by a whole id, the answer is that container's; its text is parsed once, by _redact
            whole = len(container) == _ID_LENGTH and text.startswith("{")
            name = container if whole else Answer(parse_object(text)).text("Id") or container
            return RawContainer(self.id, name, self._redact(text))
        except ValueError as error:
            raise EngineError(EngineState.UNREACHABLE, errors.nonsense(), str(error)) from error

    def events(self) -> Iterator[Event]:
        """Blocks and yields until the stream ends (returns) or fails (EngineError); `close` ends it."""
        import requests
        import urllib3

        response = self._send(self._events_path, self._event_filter, stream=True)
        with self._lock:
            self._streams.add(response)
            closed = self._closed
        try:
            wait_forever(response)
            if not closed:
                yield from decode_events(response.iter_content(None))
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
            links = tuple(self._links)
            self._opened.clear()
            self._links.clear()
            self._pool = None
        if self._way is not None:
            self._way.close()
        for stream in streams:
            shut(stream)
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
        for link in links:
            link.shut()
        for session in opened:
            close_session(session)

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
    def _command(
        self, session: Any, method: str, path: str, params: Mapping[str, str], data: str | None, silence: float
    ) -> requests.Response:
        """A call of any method by the SDK's client, its body streamed; `data` is JSON text."""

    @abstractmethod
    def _path_prefix(self) -> str:
        """How paths begin: the version of the API that the SDK's session speaks too. May raise what the SDK raises."""

    @abstractmethod
    def _inspect_path(self, container: str) -> str: ...

    @abstractmethod
    def _redact(self, text: str) -> str: ...

    @abstractmethod
    def _facts(self) -> tuple[str, bool, EngineFacts]:
        """Version, rootless, and the rest. Raises EngineError, ValueError."""

    def _ready(self) -> None:
        """Called before each call; raises OSError or EngineError where nothing listens, or where it was closed."""
        self._still_open()
        if self._way is not None:
            with self._way_lock:
                # A socket of the user's own wins, also when it appears later
                if self._own.path is not None and listens(self._own.path):
                    self._move(self._own)
                elif not self._way.running():
                    self._move(replace(self._own, endpoint=f"unix://{self._way.start()}"))
        if self.shell:
            return  # a try to connect would be one at the other end too
        if self._endpoint.path is not None:
            check_socket(self._endpoint.path)
            return
        address = self._endpoint.endpoint
        if not address.startswith(("tcp://", "http://", "https://")):
            raise EngineError(EngineState.UNREACHABLE, errors.unsupported(address), "unknown kind of address")

    def _still_open(self) -> None:
        """A thread that comes late must not open what nobody would close."""
        if self._closed:
            raise ConnectionAbortedError(errno.ECONNABORTED, "the program gave this engine back")

    def _move(self, endpoint: Endpoint) -> None:
        """Ask there from now on."""
        if endpoint == self._endpoint:
            return
        with self._lock:
            opened, links = tuple(self._opened), tuple(self._links)
            self._opened.clear()
            self._links.clear()
        self._endpoint, self._sessions = endpoint, threading.local()  # the old ones know the old address
        for link in links:
            link.shut()
        for session in opened:
            close_session(session)

    # Calls

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> str:
        """The text of an answer. Raises EngineError, NoSuchContainerError."""
        import urllib3

        limit = time.monotonic() + _WHOLE * self.timeout[1]
        response = self._send(path, params or {}, stream=True)
        try:
            return body(response.raw, limit).decode("utf-8", "replace")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._error(error) from error
        finally:
            response.close()

    def exchange(
        self, method: str, path: str, params: Mapping[str, str], data: str | None, silence: float
    ) -> tuple[int, bytes]:
        """HTTP status and body of one call, which is never repeated: it may have been carried out although no answer
        came. `silence`: seconds. Raises EngineError where no whole answer came; a status of 400 and more is an answer.
        """
        import urllib3

        try:
            self._ready()
            response = self._command(self._session(), method, path, params, data, silence)
        except Exception as error:  # SDKs raise what they like
            raise self._error(error, silence) from error
        try:
            return response.status_code, body(response.raw, time.monotonic() + max(silence, _WHOLE * self.timeout[1]))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._error(error, silence) from error
        finally:
            response.close()

    def _prefix(self) -> str | None:
        """How paths begin on a connection of our own; None to go through the SDK. Raises EngineError."""
        if self._endpoint.path is None and self._way is None:
            return None
        try:
            self._ready()
            return None if self._endpoint.path is None else self._path_prefix()
        except Exception as error:
            raise self._error(error) from error

    def _get_quickly(self, path: str, prefix: str | None) -> str:
        """As `_get`, on a connection of our own, which is three times as quick. Whatever is unusual goes the long way,
        which asks again and finds out what it is.
        """
        if prefix is None:
            return self._get(path)
        try:
            status, text = self._link().get(prefix + path, _WHOLE * self.timeout[1])
        except TimeoutError as error:
            raise self._error(error) from error
        except (http.client.HTTPException, OSError, ValueError):
            return self._get(path)
        return text.decode("utf-8", "replace") if status == 200 else self._get(path)

    def _link(self) -> QuickConnection:
        """This thread's own."""
        link: QuickConnection | None = getattr(self._sessions, "link", None)
        if link is None:
            with self._lock:
                self._still_open()
                link = self._sessions.link = QuickConnection(str(self._endpoint.path), *self.timeout)
                self._links.append(link)
        return link

    def _send(self, path: str, params: Mapping[str, str], stream: bool) -> requests.Response:
        try:
            self._ready()
            response = self._once_more(path, params, stream)
        except Exception as error:  # SDKs raise what they like; here it becomes a state
            raise self._error(error) from error
        if response.status_code < 300:
            return response
        words = words_of(response)
        response.close()
        if response.status_code == 404 and path.startswith("/containers/"):
            raise NoSuchContainerError(words)
        if response.status_code in (401, 403):
            raise EngineError(EngineState.DENIED, errors.refused(response.status_code), words)
        if response.status_code in (404, 501):
            raise EngineError(EngineState.UNREACHABLE, errors.nonsense(), words)
        raise EngineError(EngineState.UNREACHABLE, errors.failed(response.status_code), words)

    def _once_more(self, path: str, params: Mapping[str, str], stream: bool) -> requests.Response:
        """Asking again is free of risk for GET, and right where a kept connection died with an old daemon."""
        try:
            return self._request(self._session(), path, params, stream)
        except OSError as error:
            if not hung_up(error):
                raise
            self._ready()
            return self._request(self._session(), path, params, stream)

    def _session(self) -> requests.Session:
        """This thread's own: sessions are not made for sharing."""
        session: requests.Session | None = getattr(self._sessions, "session", None)
        if session is None:
            session = self._open()
            with self._lock:
                if not self._closed:
                    self._sessions.session = session
                    self._opened.append(session)
            if self._closed:
                close_session(session)
                self._still_open()
        return session

    def _inspectors(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_INSPECTORS, thread_name_prefix=f"inspect-{self.id}")
            return self._pool

    def _inspect_or_none(self, container: str, prefix: str | None) -> RawContainer | None:
        try:
            return self._inspect(container, prefix)
        except NoSuchContainerError:
            return None

    def _error(self, error: BaseException, limit: float | None = None) -> EngineError:
        endpoint, limit = self._own, limit or self.timeout[1]
        trouble = None if self._way is None or isinstance(error, EngineError) else self._way.trouble()
        found = trouble or errors.error_for(
            error, self.kind, endpoint.rootless, endpoint.installed, limit, endpoint.endpoint
        )
        if endpoint.confined and endpoint.path is not None and found.state is EngineState.STOPPED:
            return EngineError(found.state, errors.out_of_sight(self.kind), found.words)
        return found
