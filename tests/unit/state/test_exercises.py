"""Commands for twins are remembered by image, and never grow without bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratascope.state.preferences import (
    BYTES_MOST,
    COMMANDS_MOST,
    EXERCISES,
    LENGTH_MOST,
    exercises_of,
    remember_exercises,
)
from stratascope.state.settings import Settings


@pytest.fixture
def kept(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.json")


def test_by_image_over_a_restart(kept: Settings, tmp_path: Path) -> None:
    remember_exercises(kept, "nginx:1", ("curl -f http://127.0.0.1/", "true"))
    remember_exercises(kept, "redis:7", ("redis-cli ping",))
    again = Settings(tmp_path / "settings.json")
    assert exercises_of(again, "nginx:1") == ("curl -f http://127.0.0.1/", "true")
    assert exercises_of(again, "redis:7") == ("redis-cli ping",)
    assert exercises_of(again, "other") == ()
    assert (tmp_path / "settings.json").stat().st_mode & 0o077 == 0  # a command may hold a secret


def test_the_last_ones_take_the_place_of_those_before_and_none_is_kept_twice(kept: Settings) -> None:
    """A person edits the list that was kept: what is taken out of it is not wanted."""
    remember_exercises(kept, "a", ("one", "two"))
    remember_exercises(kept, "a", ("three", "one", "three"))
    assert exercises_of(kept, "a") == ("three", "one")
    remember_exercises(kept, "a", ())
    assert exercises_of(kept, "a") == ()


def test_bounded_in_number_and_size(kept: Settings) -> None:
    remember_exercises(kept, "a", tuple(map(str, range(100))))
    assert len(exercises_of(kept, "a")) == COMMANDS_MOST
    remember_exercises(kept, "b", ("x" * (LENGTH_MOST + 1), "short"))
    assert exercises_of(kept, "b") == ("short",)
    for number in range(100):
        remember_exercises(kept, f"image{number}", tuple(f"{place}\U0001f4a5" * 200 for place in range(4)))
    assert len(kept.get(EXERCISES) or "") <= BYTES_MOST
    assert exercises_of(kept, "a") == ()
    assert exercises_of(kept, "image99")


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"a": 1}', '{"a": [1, null]}', "[" * 100_000])
def test_what_somebody_wrote_there_is_no_error(kept: Settings, text: str) -> None:
    kept.set(EXERCISES, text)
    assert exercises_of(kept, "a") == ()
    remember_exercises(kept, "a", ("true",))
    assert exercises_of(kept, "a") == ("true",)
