"""Calls that are made by hand: what the engine answers becomes text, a refusal or a missing container.

Decided against asking again where the connection breaks, as is done for GET: a create or a stop may have been carried
out although its answer was lost. The callers look at what is there instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from stratascope.core.container import EngineState
from stratascope.core.ports import EngineError
from stratascope.engines.shared import errors
from stratascope.engines.shared.json_reader import JsonObject, parse, words_of
from stratascope.engines.shared.rest_client import answered
from stratascope.engines.shared.rest_engine import RestEngine

# Seconds of silence: how long the engine may take to answer
QUICK = 30.0  # rename, update, look-ups
SLOW = 120.0  # create (volumes are seeded, layers get another owner), start, remove
COMMIT = 600.0  # copies the whole writable layer
STOP_MARGIN = 30.0  # over the container's own time to stop


def command(
    engine: RestEngine,
    method: str,
    path: str,
    params: Mapping[str, str] | None = None,
    data: str | None = None,
    *,
    silence: float = QUICK,
    container: str = "",
    well: tuple[int, ...] = (),
) -> bytes:
    """The body of a successful answer (204 and 304 too: nothing to do is done; and what is in `well`).

    `data` is JSON text. Raises NoSuchContainerError where the engine says that `container` is gone, RefusedError for
    any other refusal of this call, EngineError where the engine can't be asked at all.
    """
    return answered(*engine.exchange(method, path, params or {}, data, silence), container, well)


def found(engine: RestEngine, path: str, params: Mapping[str, str] | None = None) -> str | None:
    """The text of a GET, None where the engine has no such thing (404). Raises as `command`."""
    status, body = engine.exchange("GET", path, params or {}, None, QUICK)
    if status == 404:
        return None
    if status >= 400:
        raise errors.refusal(words_of(body) or f"HTTP {status}")
    return body.decode("utf-8", "replace")


@contextmanager
def understood() -> Iterator[None]:
    """As a decorator: an answer of another form than expected is an EngineError, too."""
    try:
        yield
    except ValueError as error:
        raise EngineError(EngineState.UNREACHABLE, errors.nonsense(), str(error)) from error


def object_of(body: bytes) -> JsonObject:
    """A JSON object of an answer; EngineError where it is none."""
    return JsonObject(_parsed(body, dict))


def objects_of(body: bytes) -> tuple[dict[str, Any], ...]:
    """A JSON list of objects, null for an empty one; EngineError where it is something else."""
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
    """A value as the JSON text of a request."""
    return json.dumps(value, separators=(",", ":"))
