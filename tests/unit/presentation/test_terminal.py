"""Lines of a terminal, also where letters take two cells and words have no spaces between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wrap as wrapped

from stratascope.presentation.terminal import Style, width_of, wrap

ENDS, BEGINS = tuple("、。）」ーァッょ…"), tuple("（「")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/procがマスクされていません。",
        "（Podman：--userns=auto、Docker：userns-remap）を使ってください。",
        "x" * 90 + "を",
        "名前空間" * 30,
        "終了コード: 0 検証済み、1 未検証のまま保持、2 使い方またはエンジンのエラー。",
    ],
)
def test_wide_text_is_broken_where_japanese_may_be(text: str) -> None:
    found = wrap(text, "", Style(width=21))
    for line in found:
        assert width_of(line) <= 21
        assert not line.startswith(ENDS)
        assert not line.endswith(BEGINS)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")


def test_a_long_vowel_begins_no_line() -> None:
    assert wrap("コンテナとホストのカーネルの間。", "", Style(width=21)) == ["コンテナとホストの", "カーネルの間。"]


def test_words_of_other_letters_are_kept_whole() -> None:
    assert "userns-remap" in " ".join(
        wrap("ユーザー名前空間を使う設定（Docker：userns-remap）です。", "", Style(width=30))
    )


@given(st.text(alphabet="漢字かな、。（「） ab-/ーっ", max_size=200), st.integers(20, 60))
def test_nothing_is_lost_or_too_wide(text: str, width: int) -> None:
    found = wrap(text, "  ", Style(width=width))
    assert all(width_of(line) <= max(width, 22) for line in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_a_word_without_end_is_cut() -> None:
    lines = wrap("a" * 100_000, "  ", Style(width=80))
    assert len(lines) < 120
    assert lines[-1].endswith("…")


@given(st.text("ab-/.,:(){} ", min_size=1, max_size=200), st.integers(20, 100))
def test_plain_text_is_broken_as_any_other(text: str, width: int) -> None:
    """It needs no table of widths, which takes longer to import than a report takes."""
    usual = wrapped(text, width, break_on_hyphens=False, break_long_words=True)
    assert wrap(text, "", Style(width=width)) == (usual or [""])
