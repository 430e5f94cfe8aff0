"""Settings survive a restart; damage is no reason not to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratascope.state.settings import Settings


def test_remembered(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "settings.json"
    Settings(path).set("splitter", "300 700")
    assert Settings(path).get("splitter") == "300 700"
    assert Settings(path).get("other") is None
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": {"b": 1}, "c": null}', "[" * 50_000])
def test_damage_counts_as_empty(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    settings = Settings(path)
    assert settings.get("a") is None
    settings.set("a", "1")
    assert Settings(path).get("a") == "1"


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    settings = Settings(blocker / "settings.json")
    settings.set("a", "1")
    assert settings.get("a") == "1"
