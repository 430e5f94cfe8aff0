"""What an image's programs give, kept on disk: by engine and image, bounded, and hostile text is no text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stratascope.state import image_programs
from stratascope.state.image_programs import ImagePrograms

TEXT = "inside\np 0 0 4755 0 0 0 0 su - /bin/su\nr su g 0\n...\n"


def test_by_engine_and_image(tmp_path: Path) -> None:
    kept = ImagePrograms(tmp_path / "programs")
    assert kept.get("docker", "sha256:1") is None
    kept.keep("docker", "sha256:1", TEXT)
    kept.keep("docker", "sha256:2", "inside\n")
    assert ImagePrograms(tmp_path / "programs").get("docker", "sha256:1") == TEXT
    assert kept.get("docker", "sha256:2") == "inside\n"
    assert kept.get("podman", "sha256:1") is None  # another engine's word says nothing of this one's


@pytest.mark.parametrize(
    "damage",
    [b"", b"\xff\xfe", b"no such line\n", b"p 0 0 rwx\n", b"x" * (image_programs.BYTES_MOST + 1)],
    ids=["empty", "no text", "no line", "no numbers", "too long"],
)
def test_what_is_damaged_is_not_there(tmp_path: Path, damage: bytes) -> None:
    kept = ImagePrograms(tmp_path)
    kept.keep("docker", "sha256:1", TEXT)
    (path,) = tmp_path.iterdir()
    head = path.read_bytes().split(b"\n", 1)[0]
    path.write_bytes(damage if not damage else head + b"\n" + damage)
    assert kept.get("docker", "sha256:1") is None
    path.write_bytes(b"another head\n" + TEXT.encode())
    assert kept.get("docker", "sha256:1") is None
    kept.keep("docker", "sha256:1", TEXT)
    assert kept.get("docker", "sha256:1") == TEXT


def test_a_pipe_in_its_place_holds_nothing_up(tmp_path: Path) -> None:
    kept = ImagePrograms(tmp_path)
    kept.keep("docker", "sha256:1", TEXT)
    (path,) = tmp_path.iterdir()
    path.unlink()
    os.mkfifo(path)
    assert kept.get("docker", "sha256:1") is None
    kept.keep("docker", "sha256:1", TEXT)
    assert kept.get("docker", "sha256:1") == TEXT


def test_number_and_size_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_programs, "FILES_MOST", 3)
    kept = ImagePrograms(tmp_path)
    for number in range(5):
        kept.keep("docker", str(number), "inside\n")
        for path in tmp_path.iterdir():
            about = path.stat()
            os.utime(path, (about.st_atime - 10, about.st_mtime - 10))
    assert [kept.get("docker", str(number)) for number in range(5)] == [None, None, "inside\n", "inside\n", "inside\n"]
    kept.keep("docker", "5", "x" * image_programs.BYTES_MOST)
    assert kept.get("docker", "5") is None


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = ImagePrograms(tmp_path / "file" / "programs")
    kept.keep("docker", "sha256:1", TEXT)
    assert kept.get("docker", "sha256:1") is None
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    ImagePrograms(open_to_all).keep("docker", "sha256:1", TEXT)
    assert list(open_to_all.iterdir()) == []
