"""Our text into files and out again: whatever else is in them stays, whatever order they come in."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.ports import OwnerError
from stratascope.core.relaunch.owner import OwnerFile
from stratascope.owners import files

WEB = f"{files.MARK}web 01\nservices:\n  web: {{}}\n"
DB = f"{files.MARK}db 02\nservices:\n  db: {{}}\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "compose.yaml"
    path.write_text("services: {}\n")
    return path


def test_put_and_taken_again(source: Path) -> None:
    path = source.with_name("web.container.d") / "50-stratascope.conf"
    file = OwnerFile(str(path), WEB)
    assert not files.holds(file)
    files.put(file, str(source))
    files.put(file, str(source))
    assert path.read_text() == WEB == file.content
    assert files.holds(file)
    files.take(file)
    files.take(file)
    assert [entry.name for entry in source.parent.iterdir()] == ["compose.yaml"]


def test_two_in_one_file_in_any_order(source: Path) -> None:
    path = source.with_name("compose.override.yaml")
    web, db = OwnerFile(str(path), WEB, None, "---\n"), OwnerFile(str(path), DB, WEB, "---\n")
    for first, second in ((web, db), (db, web)):
        files.put(web, str(source))
        files.put(db, str(source))
        assert path.read_text() == db.content == f"{WEB}---\n{DB}"
        files.take(first)
        assert path.read_text() == second.text
        files.take(first)  # what was taken before is no change by hand
        assert path.read_text() == second.text
        files.put(first, str(source))
        assert path.read_text() == f"{second.text}---\n{first.text}"
        files.take(second)
        files.take(first)
        assert not path.exists()


def test_a_second_text_of_one_service(source: Path) -> None:
    assert files.head("web") != files.head("web")
    path = source.with_name("compose.override.yaml")
    kept = OwnerFile(str(path), WEB, None, "---\n")
    second = OwnerFile(str(path), WEB.replace("01", "03"), WEB, "---\n")
    files.put(kept, str(source))
    files.put(second, str(source))
    for _ in range(2):
        files.take(second)
        assert path.read_text() == WEB


def test_a_file_of_someone_else_is_left_alone(source: Path) -> None:
    path = source.with_name("compose.override.yaml")
    file = OwnerFile(str(path), WEB, None, "---\n")
    path.write_text("services: {}\n")
    with pytest.raises(OwnerError):
        files.put(file, str(source))
    assert path.read_text() == "services: {}\n"
    path.write_text(WEB.replace("{}", "{user: root}"))
    with pytest.raises(OwnerError):
        files.take(file)
    assert "user: root" in path.read_text()


def test_what_was_added_by_hand_stays(source: Path) -> None:
    path = source.with_name("compose.override.yaml")
    file = OwnerFile(str(path), WEB, None, "---\n")
    files.put(file, str(source))
    path.write_text(f"{path.read_text()}---\nservices: {{other: {{}}}}\n")
    files.take(file)
    assert path.read_text() == "services: {other: {}}\n"


@given(st.text(alphabet="ab\n-# ", max_size=30), st.booleans())
def test_only_our_text_goes(rest: str, first: bool) -> None:
    """In memory of a file: whatever surrounds our text is left, but for the joint."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_text(WEB + "---\n" + rest if first else rest + "---\n" + WEB, newline="")
        files.take(OwnerFile(str(path), WEB, None, "---\n"))
        left = path.read_text() if path.exists() else ""
        assert left == rest or rest.strip() in ("", "---")


def test_a_draft_of_a_crash_goes_and_the_modes_are_the_projects(source: Path) -> None:
    path = source.with_name("compose.override.yaml")
    left = source.with_name(f".{path.name}.0123abcd.new")
    left.write_text("half")
    if os.geteuid() == 0:
        os.chown(source, 1000, 1000)
    files.put(OwnerFile(str(path), WEB), str(source))
    assert not left.exists()
    path.unlink()
    left.write_text("half")
    files.take(OwnerFile(str(path), WEB))
    assert not left.exists()
    folder = source.with_name("web.container.d")
    folder.mkdir()
    (folder / ".50.conf.0123abcd.new").write_text("half")
    files.take(OwnerFile(str(folder / "50.conf"), WEB))
    assert not folder.exists()
    files.put(OwnerFile(str(path), WEB), str(source))
    assert path.stat().st_uid == source.stat().st_uid
    assert path.stat().st_mode & 0o777 == 0o644


def test_what_can_not_be_read_or_written_is_told(source: Path) -> None:
    with pytest.raises(OwnerError):
        files.put(OwnerFile(str(source / "below-a-file"), WEB), str(source))
    binary = source.with_name("binary")
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(OwnerError):
        files.holds(OwnerFile(str(binary), WEB))
    with pytest.raises(OwnerError):
        files.read(str(source.parent))
    with pytest.raises(OwnerError):
        files.put(OwnerFile("/proc/version/x", WEB), str(source))


@pytest.mark.parametrize("name", ["web\nservices: {}", "web\r\x1b[2J", "x\n[Service]\nExecStartPre=/bin/false\n"])
def test_a_name_stays_in_its_line(name: str) -> None:
    assert files.head(name).count("\n") == 1
    assert files.head(name).rstrip("\n").isprintable()
    assert files.ours(files.head(name))
