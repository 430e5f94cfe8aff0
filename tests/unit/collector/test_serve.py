"""The protocol: each request gets one reply, whatever it says."""

from __future__ import annotations

import io
import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratascope.collector.serve import LINE_MAX, NAMES_MAX, PROTOCOL, WISHES_MAX, Collector, reply, serve

COLLECTOR = Collector()

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
WISH = st.tuples(
    st.integers(-5, 1 << 23) | JSON,
    st.lists(st.text(max_size=12) | st.just("cgroup:*")) | JSON,
    JSON,
    st.booleans() | JSON,
    st.text(max_size=70) | JSON,
)
REQUEST = st.fixed_dictionaries(
    {"ask": st.sampled_from(["hello", "host", "capture", "x"]) | JSON},
    optional={"names": st.lists(st.text()) | JSON, "wishes": st.lists(WISH, max_size=2) | JSON},
)


def ask(request: Any) -> Any:
    return json.loads(reply(COLLECTOR, json.dumps(request).encode()))


def test_hello_and_capture() -> None:
    assert ask({"ask": "hello"})["protocol"] == PROTOCOL
    answer = ask({"ask": "capture", "wishes": [[os.getpid(), ["comm", "x"], [], False, ""]]})
    (pid, entries, groups), found, how, unread = answer["found"][0]
    assert (pid, groups, found, how, unread) == (os.getpid(), [], [], "", 0)
    assert entries[0][:2] == ["comm", f"/proc/{pid}/comm"]
    assert entries[1][3] == "UNSUPPORTED"


def test_further_processes_are_those_that_are_named() -> None:
    own, parent = os.getpid(), os.getppid()
    wish = [own, ["comm"], ["comm"], True, ""]
    (_, found, how, unread) = ask({"ask": "capture", "wishes": [wish], "others": {str(own): [own, parent]}})["found"][0]
    assert ([pid for pid, *_ in found], how, unread) == ([parent], "caller", 0)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"[]",
        b'{"ask":1}',
        b'{"ask":"capture"}',
        b'{"ask":"capture","wishes":[[1]]}',
        b'{"ask":"capture","wishes":[[true,[],[],true,""]]}',
        b'{"ask":"capture","wishes":[[0,[],[],true,""]]}',
        b'{"ask":"capture","wishes":[[1e400,[],[],true,""]]}',
        b'{"ask":"capture","wishes":[[1,[2],[],true,""]]}',
        b'{"ask":"host","names":"lsm"}',
        b'{"ask":"host","names":[%s]}' % b",".join([b'"x"'] * (NAMES_MAX + 1)),
        b'{"ask":"capture","wishes":[[1,[%s],[],true,""]]}' % b",".join([b'"x"'] * (NAMES_MAX + 1)),
        b'{"ask":"capture","wishes":[[1,[],[%s],true,""]]}' % b",".join([b'"x"'] * (NAMES_MAX + 1)),
        b'{"ask":"capture","wishes":[%s]}' % b",".join([b'[4194304,[],[],false,""]'] * (WISHES_MAX + 1)),
        b'{"ask":"capture","wishes":[],"others":[]}',
        b'{"ask":"capture","wishes":[],"others":{"x":[1]}}',
        b'{"ask":"capture","wishes":[],"others":{"1":[0]}}',
        b'{"ask":"capture","wishes":[],"others":{"1":[true]}}',
        b"[" * 100000,
        b"1" * 100000,
        b"\xff\xfe",
    ],
)
def test_what_is_not_understood_is_refused(line: bytes) -> None:
    assert set(json.loads(reply(COLLECTOR, line))) == {"refused"}


@given(st.binary(max_size=60))
def test_any_bytes_get_a_reply(line: bytes) -> None:
    assert isinstance(json.loads(reply(COLLECTOR, line)), dict)


@settings(deadline=None, max_examples=150)
@given(REQUEST)
def test_any_request_gets_a_reply(request: dict[str, Any]) -> None:
    text = reply(COLLECTOR, json.dumps(request).encode())
    assert text.isascii()
    assert b"\n" not in text
    assert set(json.loads(text)) <= {"stratascope", "protocol", "barred", "host", "found", "refused"}


def test_line_by_line_until_the_end() -> None:
    out = io.BytesIO()
    serve(io.BytesIO(b'{"ask":"hello"}\nnonsense\n{"ask":"hello"}\n{"ask"'), out)
    assert [next(iter(json.loads(line))) for line in out.getvalue().splitlines()] == [
        "stratascope",
        "refused",
        "stratascope",
    ]


def test_a_line_without_end_ends_it() -> None:
    out = io.BytesIO()
    serve(io.BytesIO(b"x" * LINE_MAX + b'\n{"ask":"hello"}\n'), out)
    assert out.getvalue() == b"", "neither that line nor what comes after it is served"
