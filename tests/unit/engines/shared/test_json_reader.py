"""JSON of an engine that is small as text and large in memory, or deeper than anything that looks at it can go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.engines.shared.events import objects
from stratascope.engines.shared.json_reader import parse


def test_many_values_in_few_bytes_are_refused() -> None:
    assert len(parse("[" + "0," * 100_000 + "0]")) == 100_001
    for text in ("[" + "0," * 200_000 + "0]", "[" + "[]," * 100_001 + "0]", "[" + "{}," * 100_001 + "0]"):
        with pytest.raises(ValueError, match="more than 200000 values"):
            parse(text)


def test_what_is_deeper_than_any_answer_is_refused() -> None:
    assert parse("[" * 60 + "]" * 60)
    for text in ("[" * 70 + "]" * 70, '{"a":' * 70 + "1" + "}" * 70, "[" * 90_000 + "]" * 90_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            parse(text)


def test_an_event_without_end_is_given_up() -> None:
    taken = 0

    def pieces(first: bytes) -> Iterator[bytes]:
        nonlocal taken
        taken = len(first)
        yield first
        while True:
            assert taken < 4 << 20, "it is kept without end"
            taken += 1 << 16
            yield b"x" * (1 << 16)

    for first in (b'{"id":"', b"{"):
        with pytest.raises(ValueError, match="no event"):
            list(objects(pieces(first)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON, st.booleans())
def test_what_is_read_is_what_pythons_own_reader_reads(value: Any, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    assert repr(parse(text)) == repr(json.loads(text))


@pytest.mark.parametrize("text", ['"\\ud800"', '"\ud800"', '{"\\udcff":"\udcff"}', "9" * 400, '{"a":1,"a":2}'])
def test_what_is_rare_is_read_too(text: str) -> None:
    assert parse(text) == json.loads(text)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "1e400", "", "[1,]", "\ufeff{}", "9" * 5000, "{'a':1}", "[1"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)
