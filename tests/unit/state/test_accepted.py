"""The window's own list of exceptions on disk, and the files that people keep."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path

import pytest

from stratascope.core.accepted import MOST, MOST_BYTES, Accepted, AcceptedError, toml_text
from stratascope.i18n.translate import translate
from stratascope.state import accepted
from stratascope.state.accepted import AcceptedFile

ONE = Accepted("capabilities.sys-admin", "snapshots", "anna", date(2027, 3, 31), container="web")
OTHER = Accepted("seccomp.off", "r", "o", date(2027, 3, 31), image="x:*")


def kept(path: Path) -> list[tuple[str, str, date]]:
    return [(each.finding, each.reason, each.until) for each in AcceptedFile(path).entries()]


def test_it_grows_and_shrinks(tmp_path: Path) -> None:
    path = tmp_path / "config" / "accepted.toml"
    file = AcceptedFile(path)
    assert file.entries() == ()
    file.remove(ONE)
    assert not path.exists()
    file.add(ONE)
    file.add(OTHER)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Accepted(ONE.finding, "longer", "ben", date(2028, 1, 1), container="web")
    file.add(again)
    assert kept(path) == [
        ("seccomp.off", "r", date(2027, 3, 31)),
        ("capabilities.sys-admin", "longer", date(2028, 1, 1)),
    ]
    assert [each.finding for each in accepted.load(path)] == ["seccomp.off", "capabilities.sys-admin"]
    file.remove(file.entries()[1])
    assert kept(path) == [("seccomp.off", "r", date(2027, 3, 31))]
    assert {each.name for each in path.parent.iterdir()} == {"accepted.toml", "accepted.toml.lock"}


def test_a_damaged_file_is_said_and_left(tmp_path: Path) -> None:
    path = tmp_path / "accepted.toml"
    path.write_text("[[accepted]\n")
    file = AcceptedFile(path)
    with pytest.raises(AcceptedError, match="TOML"):
        file.entries()
    for change in (file.add, file.remove):
        with pytest.raises(AcceptedError, match="TOML"):
            change(ONE)
    assert path.read_text() == "[[accepted]\n"


@pytest.mark.parametrize(
    ("data", "words"), [(b"\xff\xfe", "UTF-8"), (b"# " + b"x" * MOST_BYTES, "longer")], ids=["bytes", "long"]
)
def test_what_is_no_list(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "list.toml"
    path.write_bytes(data)
    with pytest.raises(AcceptedError) as caught:
        accepted.load(path)
    said = translate(caught.value.message)
    assert words in said
    assert str(path) in said


def test_what_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(AcceptedError) as caught:
            accepted.load(path)
        assert str(path) in translate(caught.value.message)


def test_marks_and_line_ends_of_other_editors(tmp_path: Path) -> None:
    path = tmp_path / "list.toml"
    path.write_bytes(b"\xef\xbb\xbf" + toml_text([ONE]).replace("\n", "\r\n").encode())
    (found,) = accepted.load(path)
    assert (found.finding, found.line) == (ONE.finding, 2)


def test_it_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "accepted.toml"
    many = [Accepted(f"code-{number}", "r", "o", date(2027, 3, 31)) for number in range(MOST)]
    path.write_text(toml_text(many))
    with pytest.raises(AcceptedError) as caught:
        AcceptedFile(path).add(ONE)
    assert "full" in translate(caught.value.message)
    assert len(AcceptedFile(path).entries()) == MOST


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real, link = tmp_path / "dotfiles" / "list.toml", tmp_path / "accepted.toml"
    link.symlink_to(real)
    AcceptedFile(link).add(ONE)
    assert link.is_symlink()
    assert kept(real) == [("capabilities.sys-admin", "snapshots", date(2027, 3, 31))]
