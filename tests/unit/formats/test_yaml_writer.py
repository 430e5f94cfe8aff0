"""YAML written without a library, read by one."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.shell_quote import NoNotationError
from stratascope.formats.yaml.write import Node, Tagged, document, text

_ODD = ("", "yes", "No", "~", "null", "1", "1e3", "0x1f", "1_000", "12:30:45", ".inf", "=", "<<", "a: b", "- a", "#x",
        "{}", "[]", "&a", "*a", "!t", "|", ">", "'", '"', "\\", "%", "@", "`", " a", "a ", "a\nb", "\x00\x7f\x85",
        "\u2028", "\ufeff", "😀", "\u202e", "2026-01-01", "on", "---", "...", "a\tb", "é", "0o7", "? a", "a:", "\ufffe",
        "k" * 3000, "é" * 600, "? " * 700)  # fmt: skip


@pytest.mark.parametrize("word", _ODD)
def test_a_text_stays_a_text(word: str) -> None:
    assert yaml.safe_load(document({word: [word, {"a": word}]})) == {word: [word, {"a": word}]}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    )
)
def test_any_value_comes_back(value: Node) -> None:
    assert yaml.safe_load(document({"key": value})) == {"key": value}


def test_tags_stand_before_their_values() -> None:
    written = document({"a": Tagged("!override", ["x"]), "b": Tagged("!reset", None), "c": Tagged("!override", [])})
    assert written == "a: !override\n  - x\nb: !reset null\nc: !override []\n"


@pytest.mark.parametrize("key", ["k" * 1025, "k" * 990, "é" * 1025, "\x01" * 400, "k: " * 500])
def test_long_keys(key: str) -> None:
    """No parser looks further than 1,024 characters for a colon."""
    value: Node = {key: {key: [{key: "x", "b": {key: "y"}}, key], "c": key}, "a": {}}
    assert yaml.safe_load(document({"d": value})) == {"d": value}


@pytest.mark.parametrize("number", [0.5, 1.0, 0.00001, 1e-9, 12345678.25, 1e16])
def test_a_number_stays_a_number(number: float) -> None:
    assert yaml.safe_load(document({"a": number})) == {"a": pytest.approx(number)}


@pytest.mark.parametrize("word", ["\ud800", "a\udcff"])
def test_bytes_have_no_notation(word: str) -> None:
    for value in ({word: "x"}, {"a": [word]}):
        with pytest.raises(NoNotationError):
            document(value)


def test_plain_where_it_can_be() -> None:
    assert text("/a/b.c-d_e") == "/a/b.c-d_e"
    assert text("a:b") == '"a:b"'
