"""Which modules an alias would load, by the list of modules and by what modprobe.d(5) turns off."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratascope.collector import loadable
from stratascope.collector.loadable import Loadable

LIST = b"alias net-pf-30 tipc\nalias net-pf-21 rds\nalias net-pf-41 kcm\nalias fs-configfs configfs\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(loadable, "FOLDERS", (str(tmp_path / "etc"), str(tmp_path / "lib")))
    monkeypatch.setattr(loadable, "listed", lambda: LIST)
    for name in ("etc", "lib"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_what_is_listed_is_loaded(folder: Path) -> None:
    assert Loadable().by("net-pf-30")
    assert not Loadable().by("net-pf-3")
    assert not Loadable().by("net-pf-38")


@pytest.mark.parametrize(
    "line", ["alias net-pf-30 off", "blacklist tipc", "install tipc /bin/false", "install tipc /usr/bin/true"]
)
def test_what_is_turned_off_is_not(folder: Path, line: str) -> None:
    (folder / "lib" / "rare.conf").write_text(f"# rare protocols\n{line}\n")
    assert not Loadable().by("net-pf-30")
    assert Loadable().by("net-pf-21")


@pytest.mark.parametrize("line", ["install tipc /sbin/modprobe --ignore-install tipc", "options tipc x=1", "blacklist"])
def test_other_lines_turn_nothing_off(folder: Path, line: str) -> None:
    (folder / "lib" / "rare.conf").write_text(line + "\n")
    assert Loadable().by("net-pf-30")


def test_the_same_name_in_the_first_folder_replaces_it(folder: Path) -> None:
    (folder / "lib" / "rare.conf").write_text("blacklist tipc\n")
    (folder / "etc" / "rare.conf").write_text("")
    assert Loadable().by("net-pf-30")


def test_only_regular_files_are_read(folder: Path) -> None:
    import os

    os.mkfifo(folder / "etc" / "pipe.conf")
    (folder / "etc" / "link.conf").symlink_to("/proc/kmsg")
    assert Loadable().by("net-pf-30")
