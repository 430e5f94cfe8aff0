"""An engine's stream of events: bytes to what they mean to us. Both engines speak Docker's form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from stratascope.core.ports import Event, EventKind
from stratascope.engines.shared.json_reader import Answer

_LARGEST_EVENT = 1 << 20  # characters; a stream that sends more without a line end is no engine's

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


def decode_events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """The events in a stream of JSON objects, with or without line ends between them. Raises ValueError."""
    decoder, text = json.JSONDecoder(), ""
    for chunk in chunks:
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
