"""An answer's body is bounded in size and in time, whatever the engine sends."""

from __future__ import annotations

import io
import time

import pytest
import urllib3

from stratascope.core.container import EngineKind, EngineState
from stratascope.engines.shared import errors, streams


def answer(text: bytes) -> urllib3.HTTPResponse:
    return urllib3.HTTPResponse(io.BytesIO(text), preload_content=False)


def test_the_whole_body_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    soon = time.monotonic() + 3600
    monkeypatch.setattr(streams, "BODY_MAX", 1 << 18)
    assert streams.body(answer(b"x" * (1 << 18)), soon) == b"x" * (1 << 18)
    with pytest.raises(OSError, match="longer than 262144 bytes") as caught:
        streams.body(answer(b"x" * ((1 << 18) + 1)), soon)
    told = errors.error_for(caught.value, EngineKind.DOCKER, False, True, 5.0, "unix:///x")
    assert told.state is EngineState.UNREACHABLE
    assert "no container engine" in told.message.id


def test_the_time_is_bounded() -> None:
    with pytest.raises(TimeoutError):
        streams.body(answer(b"x" * 10), time.monotonic() - 1)
