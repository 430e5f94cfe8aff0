"""Each preference: its default, what counts as a value, and that a value survives being kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.state import preferences
from stratascope.state.preferences import TABLE, Preference


class Kept(dict[str, str]):
    def get(self, key: str) -> str | None:  # type: ignore[override]
        return dict.get(self, key)

    def set(self, key: str, value: str) -> None:
        self[key] = value


def test_the_table_has_each_key_once() -> None:
    assert len({each.key for each in TABLE}) == len(TABLE)
    assert {each for each in vars(preferences).values() if isinstance(each, Preference)} == set(TABLE)


@pytest.mark.parametrize("which", TABLE, ids=lambda each: each.key)
def test_default_and_nonsense(which: Preference[Any]) -> None:
    assert which.of(Kept()) == which.default
    assert which.of(Kept({which.key: "\0 nonsense"})) == which.default
    kept = Kept()
    which.choose(kept, which.default)
    assert which.of(kept) == which.default


@pytest.mark.parametrize(
    ("which", "good", "bad"),
    [
        (preferences.LANGUAGE, ["", "en", "ja"], ["EN", "fr", " "]),
        (preferences.THEME, ["auto", "light", "dark"], ["", "Dark"]),
        (preferences.REFRESH, ["1", "2.5", "60"], ["0", "0.9", "61", "nan", "inf", ""]),
        (preferences.WATCH, ["0", "3600"], ["-1", "3601", "nan", "1e9"]),
        (preferences.NOTIFY_ABOVE, ["never", "0", "9.5", "10"], ["", "-0.1", "10.1", "nan", "Never"]),
        (preferences.NOTIFY_FAILURE, ["on", "off"], ["", "yes", "1"]),
        (
            preferences.ENGINES,
            ["", "/run/docker.sock", "podman=unix:///run/x ssh://me@there/run/p", "tcp://h:1\n\nhttps://h:2"],
            ["docker", "file:///x", "podman=", "/", "docker=ftp://x", "javascript:x"],
        ),
    ],
    ids=lambda each: getattr(each, "key", ""),
)
def test_what_counts(which: Preference[Any], good: list[str], bad: list[str]) -> None:
    for text in good:
        value = which.parse(text)
        assert which.parse(which.text(value)) == value
    for text in bad:
        with pytest.raises(ValueError):  # noqa: PT011  # float() says it in words of its own
            which.parse(text)


@given(st.text(max_size=60))
def test_any_text_is_a_value_or_not(text: str) -> None:
    for which in TABLE:
        kept = Kept({which.key: text})
        value = which.of(kept)
        assert which.parse(which.text(value)) == value


def test_what_is_no_value_is_not_kept() -> None:
    kept = Kept()
    with pytest.raises(ValueError, match="61"):
        preferences.REFRESH.choose(kept, 61.0)
    assert not kept
