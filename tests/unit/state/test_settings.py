"""Settings survive a restart, another window, damage and a newer version; nothing of a file is ever lost."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import stratascope
from rig.places import APP
from stratascope.i18n.translate import translate
from stratascope.state.settings import VERSION, Settings


def test_remembered(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "settings.json"
    settings = Settings(path)
    settings.set("splitter", "300 700")
    assert settings.trouble is None
    assert settings.unkept is None
    assert Settings(path).get("splitter") == "300 700"
    assert Settings(path).get("other") is None
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]
    assert json.loads(path.read_text())["version"] == VERSION


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": "1"', "[" * 50_000, "\0\0\0\0", '"x"', "{" + " " * 2_000_000])
def test_a_damaged_file_is_kept_beside_the_new_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    settings = Settings(path)
    assert settings.get("a") is None
    assert settings.trouble is not None
    assert "damaged" in translate(settings.trouble)
    assert path.read_text() == text  # not touched before there is something to keep
    settings.set("a", "1")
    settings.set("b", "2")
    assert (Settings(path).get("a"), Settings(path).get("b")) == ("1", "2")
    assert Settings(path).trouble is None
    assert (tmp_path / "settings.json.damaged").read_text() == text
    path.write_text("again")
    Settings(path).set("a", "1")
    assert (tmp_path / "settings.json.damaged").read_text() == text
    assert (tmp_path / "settings.json.damaged-2").read_text() == "again"


def test_what_a_newer_version_keeps_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    newer = {"version": VERSION + 1, "theme": "dark", "layout": {"deep": [1, 2]}, "count": 3}
    path.write_text(json.dumps(newer))
    settings = Settings(path)
    assert settings.get("theme") == "dark"
    assert settings.get("layout") is None
    assert settings.trouble is not None
    assert "newer version" in translate(settings.trouble)
    settings.set("theme", "light")
    assert json.loads(path.read_text()) == {**newer, "theme": "light"}


def test_two_windows_do_not_undo_each_other(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    one, other = Settings(path), Settings(path)
    one.set("a", "1")
    other.set("b", "2")
    assert (Settings(path).get("a"), Settings(path).get("b")) == ("1", "2")


def test_a_file_that_becomes_damaged_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    settings = Settings(path)
    settings.set("a", "1")
    path.write_text("{broken")
    settings.set("b", "2")
    assert (Settings(path).get("a"), Settings(path).get("b")) == ("1", "2")
    assert (tmp_path / "settings.json.damaged").read_text() == "{broken"


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    settings = Settings(blocker / "settings.json")
    assert settings.trouble is None
    settings.set("a", "1")
    assert settings.get("a") == "1"
    assert settings.unkept is not None
    assert "could not be written" in translate(settings.unkept)


def test_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    Settings(path).set("a", "1")
    settings = Settings(path)
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8)); sys.path.insert(0, sys.argv[1]);"
        "from pathlib import Path; from stratascope.state.settings import Settings;"
        "kept = Settings(Path(sys.argv[2])); kept.set('b', '2'); print(kept.get('b'), kept.unkept is not None)"
    )
    app = str(APP)
    done = subprocess.run([sys.executable, "-c", code, app, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "2 True\n"
    assert Settings(path).get("a") == "1"
    assert settings.get("a") == "1"
    assert [file.name for file in tmp_path.iterdir()] == ["settings.json"]


def test_a_file_that_is_not_ours_to_read_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.mkdir()  # root may read any file; a folder nobody
    settings = Settings(path)
    assert settings.trouble is not None
    assert os.strerror(21) in translate(settings.trouble)
    settings.set("a", "1")
    assert settings.get("a") == "1"
    assert settings.unkept is not None
    assert "not be written either" in translate(settings.unkept)
    assert path.is_dir()


def test_a_damaged_file_that_somebody_mended_meanwhile_is_not_damaged(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("{broken")
    settings = Settings(path)
    path.write_text('{"theme": "dark"}')
    settings.set("a", "1")
    assert json.loads(path.read_text()) == {"version": VERSION, "theme": "dark", "a": "1"}
    assert [file.name for file in tmp_path.iterdir()] == ["settings.json"]


def test_a_damaged_file_that_was_removed_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("{broken")
    settings = Settings(path)
    path.unlink()
    settings.set("a", "1")
    assert settings.unkept is None
    assert Settings(path).get("a") == "1"


def test_what_could_not_be_kept_is_kept_once_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.write_text("")  # in the way
    settings = Settings(folder / "settings.json")
    settings.set("language", "ja")
    settings.set("language", "ja")  # once more, while it still can't be
    assert settings.unkept is not None
    folder.unlink()
    settings.set("theme", "dark")
    assert settings.unkept is None
    kept = Settings(folder / "settings.json")
    assert (kept.get("language"), kept.get("theme")) == ("ja", "dark")


def test_half_a_character_from_elsewhere_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"filter": "\\ud83d"}')
    settings = Settings(path)
    settings.set("a", "名前")
    assert settings.unkept is None
    assert (Settings(path).get("a"), Settings(path).get("filter")) == ("名前", "\ud83d")
    assert [file.name for file in tmp_path.iterdir()] == ["settings.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.json", tmp_path / "settings.json"
    real.write_text('{"theme": "dark"}')
    link.symlink_to(real.name)
    Settings(link).set("a", "1")
    assert link.is_symlink()
    assert json.loads(real.read_text())["a"] == "1"


def test_nothing_else_is_remembered() -> None:
    """Places that remember something: sizes and views, what is chosen in the settings, commands for twins, pins, groups
    of the list and kinds of refusals that are folded away, and that the first hints were seen.
    """
    app = Path(stratascope.__file__).parent
    found = {
        str(path.relative_to(app)): sorted(re.findall(r"(?:settings|kept)\.set\(([^,]+),", path.read_text("utf-8")))
        for path in app.rglob("*.py")
    }
    assert {file: keys for file, keys in found.items() if keys} == {
        "state/preferences.py": ["EXERCISES", "self.key"],
        "ui/changes/feed.py": ["KEPT"],
        "ui/containers/column.py": ["self._setting"],
        "ui/daily/controller.py": ["_SETTING"],
        "ui/denied/refusal_feed.py": ["KEPT"],
        "ui/harden/docking.py": ["key"],
        "ui/window/first_hints.py": ["self._key"],
        "ui/window/layout.py": ['"geometry"', "_LIST_WIDTH"],
        "ui/window/main_window.py": ['"view"', '"view_by"'],
    }
