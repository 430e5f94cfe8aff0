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
    Circumstances,
    Event,
    Exit,
    Failed,
    Log,
    Masked,
    NotGained,
    Peak,
    Reached,
    Signal,
    StreamError,
    Watched,
    Written,
    parse_event,
)

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
    (["signal", 4, 7, 31, 1], Signal(4.0, 7, 31, 1)),
    (["signal", 4, 7, 31, 1, "x86_64", 83, [1]], Signal(4.0, 7, 31, 1, "x86_64", 83, (1,))),
    (["log", 4, 7, "audit: type=1326"], Log(4.0, 7, "audit: type=1326")),
    (["masked", 4, 7, "/proc/keys", {"tid": 8}], Masked(4.0, 7, "/proc/keys", Circumstances(tid=8))),
    (
        ["not-gained", 4, 7, "/bin/su", {"ids": [5, 6, 5, 6], "limits": {"nofile": 9}}],
        NotGained(4.0, 7, "/bin/su", Circumstances(ids=(5, 6, 5, 6), limits=(("nofile", 9),))),
    ),
    (["written", 5, "/run/\udc80", "folder"], Written(5.0, "/run/\udc80", "folder")),
    (["peak", 6, "cpu", 0.25], Peak(6.0, "cpu", 0.25)),
    (["begin", 1.5, 1, {"means": "", "since": 1700000000.5}], Begin(1.5, 1, "", 1700000000.5)),
    (["watched", 6, "/host"], Watched(6.0, "/host")),
    (["reached", 6, 7, "/host", "written", "sh"], Reached(6.0, 7, "/host", "written", "sh")),
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


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(), inner, max_size=3),
)
AROUND: dict[str, list[Any]] = {
    "tid": [-1, True, "1", 1 << 32],
    "inside": [None, 1.5, []],
    "ids": [[1] * 5, [-1], ["1"], 5],
    "groups": [list(range(65)), [None]],
    "effective": ["x", "f" * 17, 5],
    "bounding": [["0"]],
    "no_new_privs": ["1", -1],
    "checks": [
        [[1, 0, True]],
        [[64, 0, True, []]],
        [[1, 1, True, []]],
        [[1, 0, 1, []]],
        [[1, 0, True, [5]]],
        [[1, 0, True, []]] * 9,
    ],
    "other": [5, {"path": 5}, {"mount": "1 2"}],
    "place": [
        5,
        {"path": 5},
        {"path": "a" * 5000},
        {"node": ["file", 0, 0, 0, "", False]},
        {"node": ["door", 0, 0, 0, "", False, ""]},
        {"node": ["file", 0o10000, 0, 0, "", False, ""]},
        {"folder": ["folder", 0, -1, 0, "", False, ""]},
        {"mount": "1 2"},
    ],
    "address": [["inet", "x"], ["inet", 5, 0], ["inet", "x", -1]],
    "forked_in_vain": [-1, "1"],
    "limits": [[], {"a": -1}, {str(each): 0 for each in range(17)}],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in AROUND.items() for value in values if value is not None]
)
def test_what_stood_around_in_a_wrong_form(name: str, value: Any) -> None:
    with pytest.raises(StreamError):
        parse_event(json.dumps(["masked", 1, 7, "/x", {name: value}]))


@given(st.dictionaries(st.sampled_from(sorted(AROUND)), _VALUES, max_size=4))
def test_anything_around(around: dict[str, Any]) -> None:
    with contextlib.suppress(StreamError):
        parse_event(json.dumps(["failed", 1, 7, "x86_64", 1, 1, True, [], "", 1, around]))


@pytest.mark.parametrize("line", BAD, ids=lambda line: line[:40])
def test_what_is_no_event(line: str) -> None:
    """It is refused with a sentence, whatever it is."""
    with pytest.raises(StreamError):
        parse_event(line)


@given(st.sampled_from(["begin", *(fields[0] for fields, _ in GOOD), "listens", "signal"]), st.lists(_VALUES))
def test_anything(kind: str, rest: list[Any]) -> None:
    """An event or a refusal, nothing else."""
    with contextlib.suppress(StreamError):
        assert isinstance(parse_event(json.dumps([kind, *rest])), Event)
