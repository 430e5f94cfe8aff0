"""What real engines answer of containers that ended, and what is read in it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.container import Status
from stratascope.engines.shared.json_reader import JsonObject
from stratascope.engines.shared.runtime_state import end_of

STATE = {"Status": "exited", "OOMKilled": False, "Pid": 0, "ExitCode": 137, "Error": "",
         "StartedAt": "2026-11-27T20:07:46.922838864Z", "FinishedAt": "2026-11-27T20:07:57.4945086Z"}  # fmt: skip


def answer(state: dict[str, Any] | None = None, **more: Any) -> JsonObject:
    return JsonObject(
        {
            "State": {**STATE, **(state or {})},
            "Path": "sleep",
            "Args": ["3600"],
            "Config": {"Env": ["PATH=/opt/bin:relative:/bin", "A"], "WorkingDir": "/w"},
            **more,
        }
    )


def events(*told: tuple[str, str]) -> str:
    """Action and signal of each, as Docker sends them."""
    return "".join(
        json.dumps({"Type": "container", "Action": action, "Actor": {"ID": "1", "Attributes": {"signal": number}}})
        + "\n"
        for action, number in told
    )


def test_what_an_engine_says() -> None:
    image = json.dumps({"Os": "linux", "Architecture": "arm64", "Variant": "v8"})
    end = end_of(answer(RestartCount=3, HostConfig={"RestartPolicy": {"Name": "always"}}), image, "x86_64", None)
    assert (end.status, end.exit_code, end.restarts, end.again, end.requested) == (Status.EXITED, 137, 3, True, None)
    assert (end.platform, end.machine, end.command, end.folder) == ("linux/arm64", "amd64", ("sleep", "3600"), "/w")
    assert end.search == ("/opt/bin", "/bin")
    assert 10 < end.ended - end.begun < 11


@pytest.mark.parametrize(
    ("told", "sent", "requested"),
    [
        ([("start", ""), ("kill", "15"), ("kill", "9"), ("stop", ""), ("die", "")], (15, 9), True),
        ([("start", ""), ("kill", "9"), ("die", "")], (9,), True),
        ([("start", ""), ("kill", "1"), ("start", ""), ("die", "")], (), False),  # an earlier life
        ([("start", ""), ("kill", "10"), ("die", "")], (10,), False),  # SIGUSR1 asks for something else
        ([("start", ""), ("kill", "nonsense"), ("die", "")], (), False),
        ([], (), False),
    ],
)
def test_who_asked_for_it(told: list[tuple[str, str]], sent: tuple[int, ...], requested: bool) -> None:
    end = end_of(answer(), None, "", events(*told))
    assert (end.sent, end.requested) == (sent, requested)


def test_podman_marks_the_container() -> None:
    assert end_of(answer({"StoppedByUser": True}), None, "amd64", None).requested is True


def test_answers_of_another_form() -> None:
    for text, why in (("[]", "expected an object"), ("nonsense", "Expecting value")):
        with pytest.raises(ValueError, match=why):
            end_of(answer(), text, "", None)
        with pytest.raises(ValueError, match=why):
            end_of(answer(), None, "", text)


@given(st.text(max_size=200))
def test_nothing_but_value_errors(text: str) -> None:
    with contextlib.suppress(ValueError):
        end_of(answer(), text, "", text)
