"""Connections to one engine endpoint: sessions of the SDK's client, and quick ones of our own beside them.

The two SDKs' low-level clients are both a `requests.Session`; the adapters hand in how to make one and how to build a
URL for it. The SDKs take longer to import than a report takes, so each is imported where it is first needed: for
events, for an engine that is not behind a local socket, and for whatever went wrong.
"""

from __future__ import annotations

import errno
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from stratascope.core.container import EngineKind, EngineState
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.engines.shared import errors
from stratascope.engines.shared.connection_pool import ConnectionPool
from stratascope.engines.shared.endpoint import CONNECT_SECONDS, READ_SECONDS, Endpoint, check_socket, listens
from stratascope.engines.shared.streams import body, close_session, hung_up, shut, words_of
from stratascope.engines.shared.unix_http import UnixHttpConnection
from stratascope.value import replace

if TYPE_CHECKING:
    import requests

    from stratascope.engines.shared.child_socket import SocketProvider

_LINKS = 3  # at a time: two cores' worth, and one to wait
_AHEAD = 24  # questions at most that wait for an answer: they fit into what a socket and the engine hold back
_WHOLE = 3  # times the limit for silence: how long a whole answer may take


class RestClient(ABC):
    """Calls with time limits; may be made from several threads. Subclasses speak their engine's API.

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
        self._sessions: ConnectionPool[requests.Session] = ConnectionPool(self._open, close_session)
        self._links = ConnectionPool(self._link, UnixHttpConnection.shut)
        self._streams: set[requests.Response] = set()
        self._closed = False

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
            shut(stream)
        self._links.close()
        self._sessions.close()

    # What a subclass says of its engine

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

    def _ready(self) -> None:
        """Called before each call; raises OSError or EngineError where nothing listens, or where it was closed."""
        self._still_open()
        if self._provider is not None:
            with self._provider_lock:
                # A socket of the user's own wins, also when it appears later
                if self._own.path is not None and listens(self._own.path):
                    self._move(self._own)
                elif not self._provider.running():
                    self._move(replace(self._own, endpoint=f"unix://{self._provider.start()}"))
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
        self._endpoint = endpoint
        self._links.drop()  # the old ones know the old address
        self._sessions.drop()

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
        if method == "GET" and (quick := self._asked_quickly(path, params, silence)) is not None:
            return quick
        import urllib3

        try:
            self._ready()
            with self._sessions.lent() as session:
                response = self._command(session, method, path, params, data, silence)
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
        if self._endpoint.path is None and self._provider is None:
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
            with self._links.lent() as link:
                status, text = link.get(prefix + path, _WHOLE * self.timeout[1])
        except TimeoutError as error:
            raise self._error(error) from error
        except (OSError, ValueError):
            return self._get(path)
        return text.decode("utf-8", "replace") if status == 200 else self._get(path)

    def _asked_quickly(self, path: str, params: Mapping[str, str], silence: float) -> tuple[int, bytes] | None:
        """A GET as `exchange` answers it; None where it has to go the long way."""
        prefix = self._prefix()
        if prefix is None:
            return None
        query = f"?{urlencode(params)}" if params else ""
        try:
            with self._links.lent() as link:
                return link.get(f"{prefix}{path}{query}", max(silence, _WHOLE * self.timeout[1]), silence)
        except TimeoutError as error:
            raise self._error(error, silence) from error
        except (OSError, ValueError):
            return None

    def _get_all_quickly(self, paths: Sequence[str], prefix: str) -> Iterator[str | None]:
        """As `_get_quickly` for many small questions of one kind, in order; None for what the engine does not know.

        Some are asked ahead, on a few connections: a waiting engine is as slow as a busy one.
        """
        with ExitStack() as stack:
            links = [stack.enter_context(self._links.lent()) for _ in range(min(_LINKS, len(paths)))]
            yield from self._answers(links, paths, prefix)

    def _answers(self, links: list[UnixHttpConnection], paths: Sequence[str], prefix: str) -> Iterator[str | None]:
        for link in links:
            link.begin()
        lost: set[UnixHttpConnection] = set()
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
            status, text = 0, b""
            if link not in lost:
                try:
                    status, text = link.answer(_WHOLE * self.timeout[1])
                except TimeoutError as error:
                    raise self._error(error) from error
                except (OSError, ValueError):
                    lost.add(link)
            if status == 404:
                yield None
            elif status == 200:
                yield text.decode("utf-8", "replace")
            else:
                yield self._get_or_none(path)

    def _get_or_none(self, path: str) -> str | None:
        try:
            return self._get(path)
        except NoSuchContainerError:
            return None

    def _link(self) -> UnixHttpConnection:
        return UnixHttpConnection(str(self._endpoint.path), *self.timeout)

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
        with self._sessions.lent() as session:
            try:
                return self._request(session, path, params, stream)
            except OSError as error:
                if not hung_up(error):
                    raise
                self._ready()
                return self._request(session, path, params, stream)

    def _error(self, error: BaseException, limit: float | None = None) -> EngineError:
        endpoint, limit = self._own, limit or self.timeout[1]
        trouble = None if self._provider is None or isinstance(error, EngineError) else self._provider.trouble()
        found = trouble or errors.error_for(
            error, self.kind, endpoint.rootless, endpoint.installed, limit, endpoint.endpoint
        )
        if endpoint.confined and endpoint.path is not None and found.state is EngineState.STOPPED:
            return EngineError(found.state, errors.out_of_sight(self.kind), found.words)
        return found
