"""The observer's lines as typed events: what is understood, and what is refused."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.observation.events import (
    Arguments,
    Begin,
    Call,
    Check,
    Event,
    Exit,
    Failed,
    Peak,
    Written,
)
from stratascope.core.observation.stream import StreamError, parse_event

GOOD: list[tuple[list[Any], Event]] = [
    (["begin", 1.5, 1, {"means": "tracepoint"}], Begin(1.5, 1, "tracepoint")),
    (["exit", 2, 7, None, 9], Exit(2.0, 7, None, 9)),
    (["call", 2.25, 7, "x86_64", 257, 3], Call(2.25, 7, "x86_64", 257, 3)),
    (["arguments", 3, 7, "x86_64", 41, [16, 3, 9]], Arguments(3.0, 7, "x86_64", 41, (16, 3, 9))),
    (
        ["capability", 3, 7, 0, 0, True, "x86_64", 92, ["capable_wrt_inode_uidgid", "chown_ok"], 2],
        Check(3.0, 7, 0, 0, True, "x86_64", 92, ("capable_wrt_inode_uidgid", "chown_ok"), 2),
    ),
    (
        ["failed", 4, 7, "x86_64", 257, 30, True, [4294967196], "/etc/x", 1],
        Failed(4.0, 7, "x86_64", 257, 30, True, (4294967196,), "/etc/x", 1),
    ),
    (["written", 5, "/run/\udc80", "folder"], Written(5.0, "/run/\udc80", "folder")),
    (["peak", 6, "cpu", 0.25], Peak(6.0, "cpu", 0.25)),
]
BAD = [
    "",
    "[",
    "[" * 60_000,
    "{}",
    "[]",
    '["call"]',
    '["call", 1]',
    '["other", 1]',
    '["call", 1, 7, "x86_64", 257, true]',
    '["call", 1, -1, "x86_64", 257, 1]',
    '["call", NaN, 7, "x86_64", 257, 1]',
    '["call", 1, 7, 5, 257, 1]',
    '["call", 1, 7, "x86_64", 257, 1, 1]',
    '["call", 1, 7, "x86_64", 36893488147419103232, 1]',
    '["arguments", 1, 7, "x86_64", 41, [1, 2, 3, 4, 5, 6, 7]]',
    '["capability", 1, 7, 0, 0, 1, "x86_64", 92, [], 1]',
    '["begin", 1, 2, {}]',
    '["begin", 1, 1, []]',
    '["peak", 1, "cpu", Infinity]',
    '["written", 1, "' + "a" * 5000 + '", "file"]',
    '["end", 1, "' + "a" * 70_000 + '"]',
]


@pytest.mark.parametrize(("fields", "event"), GOOD, ids=lambda each: str(each)[:20])
def test_lines(fields: list[Any], event: Event) -> None:
    """Each kind of field, with the bytes of a path that is no UTF-8."""
    assert parse_event(json.dumps(fields)) == event


@pytest.mark.parametrize("line", BAD, ids=lambda line: line[:40])
def test_what_is_no_event(line: str) -> None:
    """It is refused with a sentence, whatever it is."""
    with pytest.raises(StreamError):
        parse_event(line)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.sampled_from(["begin", *(fields[0] for fields, _ in GOOD), "listens", "signal"]), st.lists(_VALUES))
def test_anything(kind: str, rest: list[Any]) -> None:
    """An event or a refusal, nothing else."""
    with contextlib.suppress(StreamError):
        assert isinstance(parse_event(json.dumps([kind, *rest])), Event)
