"""`check --in-place`: another text, and all else of the file as it was; or nothing, and a sentence."""

from __future__ import annotations

import os
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from rig.ordinary import as_user
from rig.plan import NoEngineError, ordinary_user
from stratascope import atomic_file

TEXT = "services:\n  a: # its service\n    image: a\n    volumes: ['/etc:/etc-of-host']\n    privileged: true\n"
NOWHERE = "docker=unix:///nowhere/docker.sock"
THEIRS = (1234, 1235)
# struct posix_acl_xattr_header and its entries: owner rw, user 1236 rw, group r, mask rw, others nothing
_ENTRIES = ((0x01, 6, -1), (0x02, 6, 1236), (0x04, 4, -1), (0x10, 6, -1), (0x20, 0, -1))
ACL = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in _ENTRIES)
ATTRIBUTES = {"user.note": b"mine", "system.posix_acl_access": ACL}
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def corrected(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "stratascope", "check", "--in-place", str(file)),
        env={**os.environ, "PYTHONPATH": "app", "STRATASCOPE_ENGINES": NOWHERE},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def made(folder: Path, *, owner: tuple[int, int] | None = None, mode: int = 0o664) -> Path:
    file = folder / "compose.yml"
    file.write_text(TEXT)
    if owner is not None:
        os.chown(file, *owner)
    file.chmod(mode)
    return file


def facts(file: Path) -> tuple[int, int, int, dict[str, bytes]]:
    found = file.stat()
    attributes = {name: os.getxattr(file, name) for name in os.listxattr(file) if not name.startswith("security.")}
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode), attributes


@root_only
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o666, 0o755, 0o2770])
def test_of_another_users_file_root_changes_the_text_alone(mode: int, tmp_path: Path) -> None:
    file = made(tmp_path, owner=THEIRS, mode=mode)
    for name, value in ATTRIBUTES.items() if mode == 0o664 else ():
        try:
            os.setxattr(file, name, value)
        except OSError:
            pytest.skip("this file system has no ACLs")
    before = facts(file)
    done = corrected(file)
    assert done.returncode == 0, done.stderr
    assert file.read_text() != TEXT
    assert "# its service" in file.read_text()
    assert facts(file) == before
    assert before[:2] == THEIRS
    assert mode != 0o664 or before[3] == ATTRIBUTES
    assert [each.name for each in tmp_path.iterdir()] == ["compose.yml"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    file = made(tmp_path / "kept")
    (tmp_path / "compose.yml").symlink_to("kept/compose.yml")
    assert corrected(tmp_path / "compose.yml").returncode == 0
    assert (tmp_path / "compose.yml").readlink() == Path("kept/compose.yml")
    assert file.read_text() != TEXT


@root_only
def test_a_link_of_somebody_else_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    file = made(tmp_path / "kept")
    (tmp_path / "compose.yml").symlink_to("kept/compose.yml")
    os.chown(tmp_path / "compose.yml", *THEIRS, follow_symlinks=False)
    done = corrected(tmp_path / "compose.yml")
    assert (done.returncode, file.read_text()) == (2, TEXT)
    assert "it belongs to another user" in done.stderr


def test_a_file_with_several_names_is_refused(tmp_path: Path) -> None:
    file = made(tmp_path)
    (tmp_path / "other").hardlink_to(file)
    done = corrected(file)
    assert (done.returncode, file.read_text(), file.stat().st_nlink) == (2, TEXT, 2)
    assert "several names" in done.stderr


def test_a_file_that_nobody_may_write_to_is_refused(tmp_path: Path) -> None:
    file = made(tmp_path, mode=0o444)
    done = corrected(file)
    assert (done.returncode, file.read_text()) == (2, TEXT)
    assert "is read-only" in done.stderr


def test_nothing_is_exchanged_where_nothing_changes(tmp_path: Path) -> None:
    file = made(tmp_path)
    assert corrected(file).returncode == 0
    assert file.read_text() != TEXT
    inode = file.stat().st_ino
    assert corrected(file).returncode == 0
    assert file.stat().st_ino == inode


def test_a_mark_at_the_beginning_stays(tmp_path: Path) -> None:
    file = made(tmp_path)
    file.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert corrected(file).returncode == 0
    assert file.read_bytes().startswith(b"\xef\xbb\xbfservices:\r\n  a: # its service\r\n")
    assert b"/etc:/etc-of-host:ro" in file.read_bytes()


@root_only
@pytest.mark.parametrize(
    ("owner", "mode", "word"),
    [("own", 0o640, ""), ("root", 0o666, "owner and group"), ("group", 0o664, "owner and group"),
     ("root", 0o644, "is read-only")],
)  # fmt: skip
def test_an_ordinary_user(owner: str, mode: int, word: str, tmp_path: Path) -> None:
    """Whose folder it is, so that the file could be replaced, whoever it belongs to."""
    try:
        uid, gid, home = ordinary_user()
    except NoEngineError as error:
        pytest.skip(str(error))
    folder = home / f"strata-in-place-{os.getpid()}"
    folder.mkdir()
    try:
        os.chown(folder, uid, gid)
        whose = {"own": (uid, gid), "root": (0, 0), "group": (uid, 0)}[owner]
        file = made(folder, owner=whose, mode=mode)
        before = facts(file)
        done = as_user("check", "--in-place", str(file), endpoint=NOWHERE)
        assert done.returncode == (2 if word else 0), done.stderr
        assert word in done.stderr
        assert (file.read_text() == TEXT) == bool(word)
        assert facts(file) == before
        assert [each.name for each in folder.iterdir()] == ["compose.yml"]
    finally:
        for each in folder.iterdir():
            each.unlink()
        folder.rmdir()


def test_what_somebody_else_wrote_meanwhile_is_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for now in (b"longer than it was", b"new", b""):
        file.write_bytes(now)
        with pytest.raises(OSError, match="changed meanwhile"):
            atomic_file.exchange(file, b"ours", b"was")
        assert file.read_bytes() == now
    file.write_bytes(b"was")
    atomic_file.exchange(file, b"ours", b"was")
    assert file.read_bytes() == b"ours"


@pytest.mark.parametrize("kind", ["fifo", "folder", "none"])
def test_what_is_no_file_is_not_exchanged(kind: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"not an ordinary file|Is a directory|No such file"):
        atomic_file.exchange(tmp_path / kind, b"ours", b"")
    assert {each.name for each in tmp_path.iterdir()} == {"fifo", "folder"}
