"""The exposure in words, its breakdown, and where a container is listed because of it."""

from __future__ import annotations

import pytest

from rig.window import fake_matrix, sample
from stratascope.core.threats.threat import Family
from stratascope.presentation.exposure import (
    best_text,
    breakdown,
    exposure_sentence,
    held_by_words,
    level_ink,
    level_word,
    number_text,
    why,
    worst_open,
)
from stratascope.ui.threats.exposure import total_line


@pytest.mark.parametrize(
    ("kind", "number", "word", "ink"),
    [("open", "10.0", "Critical", "open"), ("weak", "9.9", "Critical", "open"), ("tight", "0.3", "Low", "enf")],
)
def test_number_and_word(kind: str, number: str, word: str, ink: str) -> None:
    matrix = fake_matrix.matrix(kind)
    assert (number_text(matrix), level_word(matrix), level_ink(matrix)) == (number, word, ink)


def test_where_something_is_unknown_the_worst_is_written_and_what_it_is_at_best() -> None:
    worst, best = fake_matrix.SOCKET_UNKNOWN.exposure.worst, fake_matrix.SOCKET_UNKNOWN.exposure.best
    assert worst >= 9.0 > 4.0 > best
    assert number_text(fake_matrix.SOCKET_UNKNOWN) == f"{worst:.1f}"
    assert best_text(fake_matrix.SOCKET_UNKNOWN) == f"best {best:.1f}"
    assert best_text(fake_matrix.matrix("tight")) == ""
    assert exposure_sentence(fake_matrix.SOCKET_UNKNOWN) == f"Exposure {worst:.1f}, Critical (at best {best:.1f})"


def test_what_may_be_more_than_low_is_neither_green_nor_red() -> None:
    assert (level_word(fake_matrix.SOCKET_UNKNOWN), level_ink(fake_matrix.SOCKET_UNKNOWN)) == ("Critical", "text2")


def test_where_nothing_is_known_there_is_a_dash() -> None:
    assert (number_text(None), best_text(None), level_word(None)) == ("–", "", "")
    assert exposure_sentence(None) == "Exposure not known"


@pytest.mark.parametrize("kind", ["open", "weak", "tight", "unknown"])
def test_the_parts_are_the_whole(kind: str) -> None:
    parts = breakdown(fake_matrix.matrix(kind)).families
    assert sum(each.part for each in parts) == pytest.approx(1.0)
    assert [each.part for each in parts] == sorted((each.part for each in parts), reverse=True)
    assert {each.family for each in parts} == set(Family)
    assert all(each.state.threat.family is each.family for each in parts)


def test_the_band_and_its_reason_are_told() -> None:
    fork = fake_matrix.matrix("tight", (("fork-bomb", ".-...."),))
    assert total_line(fork) == "The worst open threat puts it between 4.0 and 8.9: Start processes without end."
    assert total_line(fake_matrix.matrix("tight")) == (
        "Nothing critical or high is open: that puts it between 0.0 and 3.9."
    )
    unknown = total_line(fake_matrix.SOCKET_UNKNOWN)
    assert unknown.startswith(
        "The worst threat that may be open puts it between 9.0 and 10.0: Use the engine's socket."
    )
    assert unknown.endswith(f"at best it is {fake_matrix.SOCKET_UNKNOWN.exposure.best:.1f}.")


def test_depth_in_words() -> None:
    matrix = fake_matrix.matrix("weak")
    words = {
        threat: held_by_words(state)
        for threat in ("fork-bomb", "bpf", "change-root", "reboot")
        if (state := matrix.of(threat))
    }
    assert words == {
        "fork-bomb": "nothing",
        "bpf": "the host's settings",
        "change-root": "nothing",
        "reboot": "4 layers",
    }
    unknown = fake_matrix.SOCKET_UNKNOWN.of("use-engine-socket")
    assert unknown is not None
    assert held_by_words(unknown) == "0 to 1 layers"


def test_the_sentence_is_of_the_worst_open_threat() -> None:
    state = sample.with_matrix(fake_matrix.matrix("weak"))
    worst = worst_open(state)
    assert worst is not None
    assert worst.threat.id == "use-engine-socket"
    assert why(state).startswith("A process could use the engine's socket")


def test_the_sentence_where_nothing_is_open() -> None:
    nothing = tuple((threat.id, "SSSSSS") for threat in fake_matrix.THREATS)
    assert (
        why(sample.with_matrix(fake_matrix.matrix("tight", nothing)))
        == "Everything that a process in it could try is stopped."
    )
    assert "59 things are not known" in why(
        sample.with_matrix(fake_matrix.matrix("tight", tuple((name, "??????") for name, _ in nothing)))
    )
