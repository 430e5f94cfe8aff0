"""The table of options: each field of `Asked` once, and every value read back as it was typed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.container import Asked, AskedDevice, AskedLimit, AskedPort
from stratascope.core.options.table import LIMITS, NAMED, OPTIONS, TITLES
from stratascope.core.options.values import (
    CAPABILITY,
    CORES,
    DEVICE,
    IDS,
    LIMIT,
    PAIR,
    PORT,
    SIZE,
    WHOLE,
    Form,
)

_FIELDS = set(Asked.__struct_fields__)
_WORD = st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True)
_PLACE = _WORD.map("/dev/{}".format)
_NUMBER = st.integers(0, 1 << 40)
_VALUES: dict[str, tuple[Form, st.SearchStrategy[Any]]] = {
    "size": (SIZE, _NUMBER),
    "whole": (WHOLE, st.integers(-(1 << 40), 1 << 40)),
    "cores": (CORES, st.integers(1, 100_000).map(lambda each: each / 1000)),
    "capability": (CAPABILITY, st.sampled_from(("ALL", "CAP_CHOWN", "CAP_SYS_ADMIN"))),
    "device": (DEVICE, st.builds(AskedDevice, _PLACE, _PLACE, st.sampled_from(("r", "rw", "rwm")))),
    "port": (
        PORT,
        st.builds(AskedPort, st.just("80/tcp"), st.sampled_from(("", "127.0.0.1", "::1")), st.sampled_from(("", "81"))),
    ),
    "limit": (LIMIT, st.builds(AskedLimit, _WORD, _NUMBER, _NUMBER)),
    "pair": (PAIR, st.tuples(_WORD, _WORD)),
    "ids": (IDS, st.tuples(_NUMBER, _NUMBER, _NUMBER)),
}


def test_each_field_has_one_option() -> None:
    fields = [option.field for option in OPTIONS if option.field]
    assert len(fields) == len(set(fields))
    assert set(fields) <= _FIELDS
    assert set(TITLES) <= _FIELDS
    assert len({option.name for option in OPTIONS}) == len(OPTIONS) <= len(NAMED)


def test_limits_are_numbers() -> None:
    assert all(option.form.limit and option.compose for option in LIMITS)


@pytest.mark.parametrize("name", _VALUES)
@given(st.data())
def test_what_is_typed_is_read_back(name: str, data: st.DataObject) -> None:
    form, values = _VALUES[name]
    value = data.draw(values)
    assert form.read(form.text(value)) == value
    assert form.read(form.typed(value)) == value


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (SIZE, "12x"),
        (WHOLE, "1.5"),
        (CORES, "-1"),
        (LIMIT, "nofile"),
        (LIMIT, "core=a:b"),
        (IDS, "1:2"),
        (IDS, "a:1:2"),
    ],
)
def test_what_is_no_such_value(form: Form, text: str) -> None:
    assert form.read(text) is None
