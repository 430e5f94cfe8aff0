"""What both engines' adapters share: what the engine is, the list of its containers, the stream of events.

Decided against the SDKs' object layers: they inspect one by one, hide fields, and break on list items.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from stratascope.core.container import Engine, EngineFacts, EngineState
from stratascope.core.ports import EngineError, Event, RawContainer
from stratascope.engines.shared import errors
from stratascope.engines.shared.endpoint import Endpoint, SocketFacts, socket_facts
from stratascope.engines.shared.events import decode_events
from stratascope.engines.shared.json_reader import Answer, parse, parse_object
from stratascope.engines.shared.rest_client import RestClient
from stratascope.engines.shared.streams import wait_forever
from stratascope.value import replace

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    import requests

    from stratascope.engines.shared.child_socket import SocketProvider

_INSPECTORS = 3  # at a time, of an engine that is far away
_ID_LENGTH = 64  # of a whole container id


class RestEngine(RestClient):
    """One engine endpoint: what it is, its containers, its events."""

    def __init__(self, endpoint: Endpoint, provider: SocketProvider | None = None) -> None:
        super().__init__(endpoint, provider)
        self._pool: ThreadPoolExecutor | None = None

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
        wanted = [container for container in ids if container]
        paths = [self._inspect_path(container) for container in wanted]
        prefix = self._prefix()  # found once: to open a session takes longer than to inspect ten containers
        if prefix is None:
            texts: Iterable[str | None] = self._inspectors().map(self._get_or_none, paths)
        else:
            texts = self._get_all_quickly(paths, prefix)
        told = zip(wanted, texts, strict=True)
        return tuple(self._raw(container, text) for container, text in told if text is not None)

    def inspect(self, container: str) -> RawContainer:
        """One container. Raises EngineError, NoSuchContainerError."""
        return self._raw(container, self._get_quickly(self._inspect_path(container), self._prefix()))

    def _raw(self, container: str, text: str) -> RawContainer:
        try:
            # asked for by a whole id, the answer is that container's; its text is parsed once, by _redact
            whole = len(container) == _ID_LENGTH and text.startswith("{")
            name = container if whole else Answer(parse_object(text)).text("Id") or container
            return RawContainer(self.id, name, self._redact(text))
        except ValueError as error:
            raise EngineError(EngineState.UNREACHABLE, errors.nonsense(), str(error)) from error

    def events(self) -> Iterator[Event]:
        """See `core.ports.EnginePort`."""
        response = self._send(self._events_path, self._event_filter, stream=True)
        with self._lock:
            self._streams.add(response)
            closed = self._closed
        return self._events_of(response, closed)

    def _events_of(self, response: requests.Response, closed: bool) -> Iterator[Event]:
        import requests
        import urllib3

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
        super().close()
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    # What a subclass says of its engine

    _list_path: str
    _events_path: str
    _event_filter: Mapping[str, str]

    @abstractmethod
    def _inspect_path(self, container: str) -> str: ...

    @abstractmethod
    def _redact(self, text: str) -> str: ...

    @abstractmethod
    def _facts(self) -> tuple[str, bool, EngineFacts]:
        """Version, rootless, and the rest. Raises EngineError, ValueError."""

    def _inspectors(self) -> ThreadPoolExecutor:
        from concurrent.futures import (
            ThreadPoolExecutor,  # loads logging; for engines that are not behind a socket here
        )

        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_INSPECTORS, thread_name_prefix=f"inspect-{self.id}")
            return self._pool
