"""The part shared by both engines' adapters: the engine's description, the list of containers, the event stream.

Decided against the SDKs' object layers: they inspect one by one, hide fields, and break on list items.
"""

from __future__ import annotations

import errno
import json
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from stratascope.core.container import DEV_CONTAINER, Engine, EngineFacts, EngineState, Image
from stratascope.core.ports import EngineError, Event, NoSuchContainerError, RawContainer
from stratascope.engines.shared import errors
from stratascope.engines.shared.endpoint import SocketFacts, socket_facts
from stratascope.engines.shared.events import decode_events
from stratascope.engines.shared.http_connection import HttpConnection
from stratascope.engines.shared.json_reader import JsonObject, parse, parse_object, words_of
from stratascope.engines.shared.rest_client import ANSWER_MAX, LIST_MAX, RestClient, answered, gone
from stratascope.value import replace

CONTAINERS_MAX = 10_000  # containers of one engine
LISTED_NODES = 2_000_000  # JSON values in a list of that many
FACTS_KEPT = 30.0  # seconds
LIST_SECONDS = 60.0  # for a list and all of its items
_ID_LENGTH = 64  # characters of a full container id


class Followed:
    """A stream from an engine. `close` ends it, from any thread; so does closing the engine, which `given_back`
    reports: with ssh the connection then breaks by itself.
    """

    def __init__(
        self,
        link: HttpConnection,
        end: Callable[[HttpConnection], None],
        say: Callable[[BaseException], EngineError],
        given_back: Callable[[], bool],
    ) -> None:
        self._link, self._end, self._say, self._given_back = link, end, say, given_back
        self._closed = False

    def pieces(self) -> Iterator[bytes]:
        """The data as it comes, until it ends or was closed. Raises EngineError."""
        try:
            yield from self._link.pieces()
        except (OSError, ValueError) as error:
            if not (self._closed or self._link.over or self._given_back()):
                raise self._say(error) from error

    def close(self) -> None:
        """End it. May be called twice."""
        self._closed = True
        self._link.shut()
        self._end(self._link)


class RestEngine(RestClient):
    """One engine endpoint: its description, its containers, its events."""

    _told: tuple[float, tuple[str, bool, EngineFacts]] | None = None  # until when its facts hold, and these

    def describe(self) -> Engine:
        """Describe the engine and its state; never raises: a failure is a state with a message."""
        answer: tuple[str, bool, EngineFacts] | None = None
        failure: EngineError | None = None
        try:
            answer = self._known_facts()
        except EngineError as error:
            failure = error
        except ValueError as error:  # an answer, but invalid
            failure = EngineError(EngineState.UNREACHABLE, errors.nonsense(), str(error))
        # A socket that only leads to another machine reveals nothing about the engine
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
            socket_file=place.file,
        )
        if failure is not None:
            return replace(engine, state=failure.state, message=failure.message, error=failure.words)
        version, rootless, facts = answer or ("", endpoint.rootless, EngineFacts())
        return replace(engine, state=EngineState.CONNECTED, version=version, rootless=rootless, facts=facts)

    def _known_facts(self) -> tuple[str, bool, EngineFacts]:
        """Its facts. While a stream is open, so that it is the same process, they are asked for now and then only: it
        works some milliseconds for them. In between, only whether it answers. Raises EngineError, ValueError.
        """
        told, now = self._told, time.monotonic()
        if told is not None and self._streams and now < told[0]:
            self._get("/_ping")
            return told[1]
        found = self._facts()
        self._told = now + FACTS_KEPT, found
        return found

    def list(self) -> tuple[RawContainer, ...]:
        """All containers, running or not. Raises EngineError. One that vanishes meanwhile is left out."""
        until = time.monotonic() + LIST_SECONDS
        try:
            listed = parse(self._get(f"{self._list_path}?all=true", size=LIST_MAX), LISTED_NODES)
            if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
                raise ValueError("expected a list of containers")
            ids = [JsonObject(item).text("Id") for item in listed]
        except ValueError as error:
            raise EngineError(EngineState.UNREACHABLE, errors.nonsense(), str(error)) from error
        wanted = [container for container in ids if container]
        if len(wanted) > CONTAINERS_MAX:
            raise EngineError(EngineState.UNREACHABLE, errors.too_long(), f"{len(wanted)} containers")
        texts = self._get_all([self._inspect_path(container) for container in wanted], until)
        found, size = [], 0
        for container, text in zip(wanted, texts, strict=True):
            if text is not None:
                found.append(self._raw(container, text))
                size += len(text)
            if size > LIST_MAX:
                raise EngineError(EngineState.UNREACHABLE, errors.too_long(), f"more than {LIST_MAX} bytes")
        return tuple(found)

    def inspect(self, container: str) -> RawContainer:
        """One container. Raises EngineError, NoSuchContainerError."""
        return self._raw(container, self._get_of(self._inspect_path(container)))

    def image(self, name: str) -> Image | None:
        """An image's user, volumes and ports; None if the engine does not have it, or its answer is invalid."""
        try:
            told = JsonObject(parse_object(self._get_of(f"/images/{quote(name, safe='/:@')}/json")))
            config, layers = told.part("Config"), told.part("GraphDriver").part("Data")
            ports = config.part("ExposedPorts").names()
            volumes = tuple(sorted(config.part("Volumes").names()))
            folders = (layers.text("UpperDir"), *layers.text("LowerDir").split(":"))
            label = config.part("Labels").text(DEV_CONTAINER)
            return Image(
                config.text("User"),
                volumes,
                tuple(sorted(ports)),
                tuple(filter(None, folders)),
                dev_container=label,
            )
        except (EngineError, NoSuchContainerError, ValueError):
            return None

    def volume(self, name: str) -> dict[str, str]:
        """The options of a volume; none if the engine does not have it, or lists none."""
        try:
            options = JsonObject(parse_object(self._get_of(self.volume_path(quote(name, safe=""))))).part("Options")
            return {each: options.text(each) for each in options.names()}
        except (EngineError, NoSuchContainerError, ValueError):
            return {}

    def _raw(self, container: str, text: str) -> RawContainer:
        try:
            # queried by full id, the answer is that container's; its text is parsed once, by _redact
            whole = len(container) == _ID_LENGTH and text.startswith("{")
            name = container if whole else JsonObject(parse_object(text)).text("Id") or container
            return RawContainer(self.id, name, self._redact(text))
        except ValueError as error:
            raise EngineError(EngineState.UNREACHABLE, errors.nonsense(), str(error)) from error

    def exported(self, container: str) -> Iterator[bytes]:
        """See `core.ports.EnginePort`."""
        status, body, stream = self.follow(f"/containers/{quote(container, safe='')}/export", {})
        try:
            if gone(status, body):
                raise NoSuchContainerError(words_of(body))
            self._text(status, body)
            yield from stream.pieces()
        finally:
            stream.close()

    def events(self) -> Iterator[Event]:
        """See `core.ports.EnginePort`."""
        status, body, stream = self.follow(self._events_path, self._event_filter)
        try:
            self._text(status, body)
        except BaseException:
            stream.close()
            raise
        return self._events_of(stream)

    def follow(self, path: str, params: Mapping[str, str]) -> tuple[int, bytes, Followed]:
        """Start a stream: HTTP status, the body if it is an error, and the stream. Raises EngineError."""
        try:
            target = f"{self._prefix()}{path}?{urlencode(params)}"
            link = self._link()
        except (OSError, ValueError) as error:
            raise self._error(error) from error
        with self._lock:
            self._streams.add(link)
            closed = self._closed
        stream = Followed(link, self._end, self._error, lambda: self._closed)
        try:
            if closed:
                raise ConnectionAbortedError(errno.ECONNABORTED, "the program gave this engine back")
            status, body = link.follow(target, self._bounds(ANSWER_MAX))
        except BaseException as error:
            stream.close()
            if isinstance(error, (OSError, ValueError)):
                raise self._error(error) from error
            raise
        return status, body, stream

    def _events_of(self, stream: Followed) -> Iterator[Event]:
        try:
            yield from decode_events(stream.pieces())
        except ValueError as error:
            raise self._error(error) from error
        finally:
            stream.close()

    def _end(self, stream: HttpConnection) -> None:
        with self._lock:
            self._streams.discard(stream)
            self._told = None
        stream.close()

    # Defined by the subclass for its engine

    _list_path: str
    _events_path: str
    _event_filter: Mapping[str, str]

    @abstractmethod
    def _inspect_path(self, container: str) -> str: ...

    @abstractmethod
    def volume_path(self, name: str) -> str:
        """Where its API has the volume of that name, as in a path."""

    @abstractmethod
    def _redact(self, text: str) -> str: ...

    @abstractmethod
    def _facts(self) -> tuple[str, bool, EngineFacts]:
        """Version, rootless, and other facts. Raises EngineError, ValueError."""


# -- calls without the SDK: an engine's answer becomes text, a refusal or a missing container
# Decided against a retry when the connection breaks, as is done for GET: a create or a stop may have been carried out
# although its answer was lost. The callers check the result instead.

# Seconds of silence: how long the engine may take to answer
QUICK = 30.0  # rename, update, look-ups
SLOW = 120.0  # create (volumes are copied up, layers are chowned), start, remove
COMMIT = 600.0  # copies the whole writable layer
STOP_MARGIN = 30.0  # in addition to the container's own stop timeout


def command(
    engine: RestEngine,
    method: str,
    path: str,
    params: Mapping[str, str] | None = None,
    data: str | bytes | None = None,
    *,
    silence: float = QUICK,
    container: str = "",
    well: tuple[int, ...] = (),
) -> bytes:
    """The body of a successful answer (including 204 and 304, nothing to do, and those in `well`).

    `data` is JSON text, or the bytes of an archive. Raises NoSuchContainerError if the engine reports that `container`
    is gone, RefusedError for any other refusal of this call, EngineError if the engine can't be reached.
    """
    return answered(*engine.exchange(method, path, params or {}, data, silence), container, well)


def found(engine: RestEngine, path: str, params: Mapping[str, str] | None = None) -> str | None:
    """The text of a GET, None if the engine has no such object (404). Raises as `command`."""
    status, body = engine.exchange("GET", path, params or {}, None, QUICK)
    if status == 404:
        return None
    if status >= 400:
        raise errors.refusal(words_of(body) or f"HTTP {status}")
    return body.decode("utf-8", "replace")


@contextmanager
def understood() -> Iterator[None]:
    """Turn a ValueError, an answer in an unexpected form, into an EngineError. Also a decorator."""
    try:
        yield
    except ValueError as error:
        raise EngineError(EngineState.UNREACHABLE, errors.nonsense(), str(error)) from error


def object_of(body: bytes) -> JsonObject:
    """A JSON object from an answer; EngineError if it is something else."""
    return JsonObject(_parsed(body, dict))


def objects_of(body: bytes) -> tuple[dict[str, Any], ...]:
    """A JSON list of objects, null for an empty one; EngineError if it is something else."""
    items = _parsed(body, list)
    if not all(isinstance(item, dict) for item in items):
        raise EngineError(EngineState.UNREACHABLE, errors.nonsense(), "expected a list of objects")
    return tuple(items)


def _parsed(body: bytes, kind: type) -> Any:
    with understood():
        value = parse(body.decode("utf-8", "replace")) or kind()
        if not isinstance(value, kind):
            raise ValueError(f"expected a {kind.__name__}, found {type(value).__name__}")
    return value


def compact(value: Any) -> str:
    """A value as compact JSON text for a request."""
    return json.dumps(value, separators=(",", ":"))
