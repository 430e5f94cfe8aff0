"""What stands in the place of settings, journal and captures: pipes, devices, links, other users' files and folders."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rig.cli.command_line import environ, run
from rig.places import CHECKOUT
from stratascope import atomic_file
from stratascope.core.ports import ProbeError
from stratascope.core.relaunch.transaction import Damaged, JournalError
from stratascope.state import capture_file
from stratascope.state.journal import FileJournal
from stratascope.state.settings import Settings

DEMO = CHECKOUT / "resources" / "demo" / "demo.json"
SOMEBODY = 4711
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def settings_with(path: Path) -> tuple[str | None, str | None]:
    """What is told at the start, and of a choice."""
    settings = Settings(path)
    settings.set("theme", "dark")
    return (
        None if settings.trouble is None else settings.trouble.id,
        None if settings.unkept is None else settings.unkept.id,
    )


def test_a_pipe_in_the_place_of_the_settings_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    os.mkfifo(path)
    trouble, unkept = settings_with(path)
    assert trouble is not None
    assert unkept is not None
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_pipe_in_the_journal_is_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "relaunches"
    folder.mkdir(mode=0o700)
    os.mkfifo(folder / "aa.json")
    (found,) = FileJournal(folder).all()
    assert found == Damaged(str(folder / "aa.json"), "not an ordinary file")


@pytest.mark.parametrize("place", ["pipe", "/dev/zero", "folder"])
def test_what_is_no_capture_file_is_told_at_once(place: str, tmp_path: Path) -> None:
    path = Path(place) if place.startswith("/") else tmp_path / place
    if place == "pipe":
        os.mkfifo(path)
    elif place == "folder":
        path.mkdir()
    done = run("report", "--from-capture", str(path))
    assert done.returncode == 2
    assert done.stderr.startswith(f"stratascope: {path}: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_capture_may_come_through_a_pipe_of_the_shell() -> None:
    command = (sys.executable, "-m", "stratascope", "report", "--json", "--from-capture", "/dev/stdin")
    done = subprocess.run(command, input=DEMO.read_bytes(), env=environ(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_capture_without_end_is_no_capture(tmp_path: Path) -> None:
    path = tmp_path / "capture.json"
    with path.open("wb") as file:
        file.truncate(capture_file.MOST + 1)
    with pytest.raises(ProbeError):
        capture_file.load(path)


@pytest.mark.parametrize("place", ["settings", "journal"])
def test_what_is_too_long_to_be_ours_is_not_read(place: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    path = folder / "aa.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    if place == "settings":
        assert Settings(path).trouble is not None
    else:
        (found,) = FileJournal(folder).all()
        assert isinstance(found, Damaged)


def test_settings_that_are_linked_stay_linked(tmp_path: Path) -> None:
    """As stow and the like do it: the link is this user's, and so is what it leads to."""
    kept = tmp_path / "dotfiles" / "settings.json"
    kept.parent.mkdir()
    kept.write_text('{"theme": "light"}')
    path = tmp_path / "settings.json"
    path.symlink_to("dotfiles/settings.json")
    assert settings_with(path) == (None, None)
    assert path.is_symlink()
    assert '"dark"' in kept.read_text()


@as_root
def test_settings_of_somebody_else_are_neither_read_nor_written(tmp_path: Path) -> None:
    path, other = tmp_path / "settings.json", tmp_path / "other.json"
    other.write_text('{"theme": "light"}')
    os.chown(other, SOMEBODY, SOMEBODY)
    path.symlink_to(other)
    settings = Settings(path)
    assert settings.get("theme") is None
    assert settings.trouble is not None
    settings.set("theme", "dark")
    assert settings.unkept is not None
    assert other.read_text() == '{"theme": "light"}'
    assert other.stat().st_uid == SOMEBODY


@as_root
def test_a_link_of_somebody_else_leads_nowhere(tmp_path: Path) -> None:
    """The kernel refuses such links in /tmp (fs.protected_symlinks); a path that is resolved by name gets past that."""
    ours = tmp_path / "ours"
    ours.write_text("{}")
    path = tmp_path / "settings.json"
    path.symlink_to(ours)
    os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    trouble, unkept = settings_with(path)
    assert trouble is not None
    assert unkept is not None
    for words in (("--json", "--save-capture", str(path)), ("--html", str(path))):
        done = run("report", "--from-capture", str(DEMO), *words)
        assert done.returncode == 2, words
        assert "Traceback" not in done.stderr
    with pytest.raises(PermissionError, match="another user"):
        capture_file.save(capture_file.load(DEMO), path)
    with pytest.raises(PermissionError, match="another user"):
        atomic_file.save(path, b"what the window exports")
    assert ours.read_text() == "{}"
    assert path.is_symlink()


@as_root
def test_a_folder_of_somebody_else_is_no_place_for_ours(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    os.chown(folder, SOMEBODY, SOMEBODY)
    _, unkept = settings_with(folder / "settings.json")
    assert unkept is not None
    assert list(folder.iterdir()) == []
    journal = FileJournal(folder)
    with pytest.raises(JournalError, match="another user"), journal.hold("docker", "a"):
        pass
    (found,) = journal.all()
    assert found == Damaged(str(folder), "it belongs to another user")


def test_a_journal_into_which_everybody_writes_is_not_believed(tmp_path: Path) -> None:
    folder = tmp_path / "relaunches"
    folder.mkdir()
    folder.chmod(0o777)
    (found,) = FileJournal(folder).all()
    assert found == Damaged(str(folder), "everybody may write to it")


@as_root
def test_an_entry_of_somebody_else_is_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "relaunches"
    folder.mkdir(mode=0o700)
    (folder / "aa.json").write_text("{}")
    os.chown(folder / "aa.json", SOMEBODY, SOMEBODY)
    (found,) = FileJournal(folder).all()
    assert found == Damaged(str(folder / "aa.json"), "it belongs to another user")


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "relaunches"
    journal = FileJournal(folder)
    with journal.hold("docker", "a"):
        (lock,) = folder.iterdir()
    lock.unlink()
    lock.symlink_to(tmp_path / "made")
    with pytest.raises(JournalError), journal.hold("docker", "a"):
        pass
    assert not (tmp_path / "made").exists()


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        atomic_file.followed(tmp_path / "a")


def test_a_link_in_the_place_of_a_draft_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name can't be guessed; where it is there all the same, nothing is written."""
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    monkeypatch.setattr(os, "urandom", bytes)
    draft = tmp_path / ".settings.json.00000000.new"
    for make in (draft.symlink_to, draft.hardlink_to):
        make(theirs)
        with pytest.raises(FileExistsError):
            atomic_file.write(tmp_path / "settings.json", b"ours")
        assert theirs.read_text() == "theirs"
        assert not (tmp_path / "settings.json").exists()
        draft.unlink()
