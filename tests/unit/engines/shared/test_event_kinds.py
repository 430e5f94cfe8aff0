"""Which events say that a container changed, and which only that a command began or ended in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stratascope.core.ports import Event, EventKind
from stratascope.engines.shared.events import decode_events


@pytest.mark.parametrize(
    ("action", "kind", "said"),
    [
        ("start", EventKind.CHANGED, ""),
        ("rename", EventKind.CHANGED, ""),
        ("destroy", EventKind.REMOVED, ""),
        ("remove", EventKind.REMOVED, ""),
        ("exec_start: sh -c 'curl -f http://localhost:80'", EventKind.COMMAND, "sh -c 'curl -f http://localhost:80'"),
        ("exec_die", EventKind.COMMAND_OVER, ""),
        ("exec", EventKind.COMMAND, ""),
        ("exec_died", EventKind.COMMAND_OVER, ""),
        ("exec_create: true", None, ""),
        ("health_status: healthy", EventKind.HEALTH, "healthy"),
    ],
)
def test_what_an_event_says(action: str, kind: EventKind | None, said: str) -> None:
    about = {"execID": "beef"} if kind in (EventKind.COMMAND, EventKind.COMMAND_OVER) else {}
    text = json.dumps({"Type": "container", "Action": action, "Actor": {"ID": "c0ffee", "Attributes": about}})
    expected = [] if kind is None else [Event(kind, "c0ffee", said, about.get("execID", ""))]
    assert list(decode_events([text.encode()])) == expected


def test_podman_says_the_health_beside_the_action() -> None:
    event = {"Type": "container", "Action": "health_status", "Actor": {"ID": "c0ffee"}, "HealthStatus": "unhealthy"}
    assert list(decode_events([json.dumps(event).encode()])) == [Event(EventKind.HEALTH, "c0ffee", "unhealthy")]


@pytest.mark.parametrize(("action", "told"), [("connect", 1), ("disconnect", 1), ("create", 0)])
@pytest.mark.parametrize(
    "actor",
    [
        {"ID": "ba51c", "Attributes": {"container": "c0ffee", "name": "bridge", "type": "bridge"}},
        {"ID": "c0ffee", "Attributes": {"name": "a", "network": "bridge", "podId": ""}},
    ],
    ids=["docker", "podman"],
)
def test_a_container_that_joins_or_leaves_a_network_has_changed(actor: dict[str, Any], action: str, told: int) -> None:
    event = {"Type": "network", "Action": action, "Actor": actor}
    assert list(decode_events([json.dumps(event).encode()])) == [Event(EventKind.CHANGED, "c0ffee")] * told
