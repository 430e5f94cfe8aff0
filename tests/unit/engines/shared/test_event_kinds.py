"""Which events say that a container changed, and which only that a command began or ended in it."""

from __future__ import annotations

import json

import pytest

from stratascope.core.ports import Event, EventKind
from stratascope.engines.shared.events import decode_events


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("start", EventKind.CHANGED),
        ("rename", EventKind.CHANGED),
        ("destroy", EventKind.REMOVED),
        ("remove", EventKind.REMOVED),
        ("exec_start: sh -c 'curl -f http://localhost:80'", EventKind.COMMAND),
        ("exec_die", EventKind.COMMAND),
        ("exec", EventKind.COMMAND),
        ("exec_died", EventKind.COMMAND),
        ("exec_create: true", None),
        ("health_status: healthy", None),
    ],
)
def test_what_an_event_says(action: str, kind: EventKind | None) -> None:
    text = json.dumps({"Type": "container", "Action": action, "Actor": {"ID": "c0ffee", "Attributes": {}}})
    assert list(decode_events([text.encode()])) == ([] if kind is None else [Event(kind, "c0ffee")])
