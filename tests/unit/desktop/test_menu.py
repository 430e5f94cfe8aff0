"""The menu's entry and icons in a data folder: found by the desktop, renewed, and taken away without a trace."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from PySide6.QtGui import QIcon
from pytestqt.qtbot import QtBot

from stratascope import desktop_files, resources
from stratascope.sealed_files import CHANGED, FOREIGN, OURS, Taken, state_of

COMMAND = ("/opt/stratascope/bin/stratascope",)


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_it_is_found_and_leaves_without_a_trace(qtbot: QtBot, tmp_path: Path) -> None:
    placed = desktop_files.install(tmp_path, COMMAND)
    assert placed.written == desktop_files.paths(tmp_path)
    assert all(state_of(str(path)) == OURS for path in placed.written)
    judge = subprocess.run(("desktop-file-validate", placed.written[0]), capture_output=True, text=True, check=False)
    assert (judge.returncode, judge.stdout) == (0, "")
    before = QIcon.themeSearchPaths(), QIcon.themeName()
    QIcon.setThemeSearchPaths([str(tmp_path / "icons"), "/usr/share/icons"])
    QIcon.setThemeName("hicolor")
    try:
        for name in (resources.APPLICATION_ID, f"{resources.APPLICATION_ID}-symbolic"):
            assert not QIcon.fromTheme(name).pixmap(64, 64).isNull()
    finally:
        QIcon.setThemeSearchPaths(before[0])
        QIcon.setThemeName(before[1])
    desktop_files.remove(tmp_path)
    assert tree(tmp_path) == []


def test_what_was_there_stays(tmp_path: Path) -> None:
    """The user's own folders, an empty one among them; and the folders made first are known after a second time."""
    (tmp_path / "applications").mkdir()
    (tmp_path / "icons" / "hicolor" / "48x48").mkdir(parents=True)
    before = tree(tmp_path)
    desktop_files.install(tmp_path, COMMAND)
    placed = desktop_files.install(tmp_path, ("/elsewhere/stratascope",))
    assert placed.written == desktop_files.paths(tmp_path)[:1]
    assert placed.unchanged == desktop_files.paths(tmp_path)[1:]
    again = desktop_files.install(tmp_path, ("/elsewhere/stratascope",))
    assert (again.written, again.refreshed) == ((), ())
    desktop_files.remove(tmp_path)
    assert tree(tmp_path) == before
    assert desktop_files.remove(tmp_path) == Taken(())


def test_an_entry_that_was_edited_stays(tmp_path: Path) -> None:
    desktop_files.install(tmp_path, COMMAND)
    entry, icon, symbolic = desktop_files.paths(tmp_path)
    entry.write_text(entry.read_text().replace("Terminal=false", "Terminal=true"))
    symbolic.write_text("somebody's own")
    taken = desktop_files.remove(tmp_path)
    assert taken.removed == (icon,)
    assert taken.kept == ((entry, CHANGED), (symbolic, FOREIGN))
    assert "Terminal=true" in entry.read_text()


def test_caches_are_refreshed_where_they_are_kept(tmp_path: Path) -> None:
    """By the real tools; and none is made, since nobody else would keep it fresh."""
    assert desktop_files.install(tmp_path, COMMAND).refreshed == ()
    assert not list(tmp_path.rglob("*cache"))
    desktop_files.remove(tmp_path)
    hicolor = tmp_path / "icons" / "hicolor"
    hicolor.mkdir(parents=True)
    shutil.copy("/usr/share/icons/hicolor/index.theme", hicolor)
    other = hicolor / "scalable" / "apps" / "other.svg"
    other.parent.mkdir(parents=True)
    other.write_text(resources.read_text(resources.ICON))
    (tmp_path / "applications").mkdir()
    subprocess.run(("update-desktop-database", tmp_path / "applications"), check=True)
    subprocess.run(("gtk-update-icon-cache", "-q", hicolor), check=True)
    before = tree(tmp_path)
    cache = hicolor / "icon-theme.cache"
    assert resources.APPLICATION_ID.encode() not in cache.read_bytes()
    assert desktop_files.install(tmp_path, COMMAND).refreshed == ("update-desktop-database", "gtk-update-icon-cache")
    assert resources.APPLICATION_ID.encode() in cache.read_bytes()
    assert desktop_files.remove(tmp_path).refreshed == ("update-desktop-database", "gtk-update-icon-cache")
    assert resources.APPLICATION_ID.encode() not in cache.read_bytes()
    assert tree(tmp_path) == before


def test_the_desktop_is_told_by_the_date_of_the_icons_folder(tmp_path: Path) -> None:
    hicolor = tmp_path / "icons" / "hicolor"
    for apps in ("scalable/apps", "symbolic/apps"):
        (hicolor / apps).mkdir(parents=True)
    os.utime(hicolor, (1, 1))
    desktop_files.install(tmp_path, COMMAND)
    assert hicolor.stat().st_mtime > 1
