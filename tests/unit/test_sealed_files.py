"""All or none is written, and only what is ours and unchanged is taken away; also by the text that root is given."""

from __future__ import annotations

import ast
import base64
import errno
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope import sealed_files
from stratascope.probe.bundle import BOOT
from stratascope.probe.helper import install
from stratascope.sealed_files import CHANGED, FOREIGN, MISSING, OPEN, OURS, BlockedError, sealed, state_of

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def three(folder: Path, text: bytes = b"one\n") -> list[sealed_files.File]:
    return [(str(folder / place / "file"), 0o644, sealed(text)) for place in ("a", "b/c", "b/d")]


@given(st.binary(min_size=1, max_size=300), st.data())
def test_any_change_of_a_byte_is_seen(
    tmp_path_factory: pytest.TempPathFactory, text: bytes, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("seal") / "file"
    whole = sealed(text + b"\n")
    path.write_bytes(whole)
    assert state_of(str(path)) == OURS
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    path.write_bytes(whole[:place] + bytes((other,)) + whole[place + 1 :])
    # the mark of the comment may be changed: it says nothing
    mark = len(whole) - len(whole.rpartition(b"# Written")[2]) - len(b"# Written")
    if place not in (mark, mark + 1):
        assert state_of(str(path)) in (CHANGED, FOREIGN)


@pytest.mark.parametrize("change", [b"", b"\n", b"more\n", b"# Written by Stratascope, SHA-256 of all above: \n"])
def test_what_is_added_or_cut_is_seen(tmp_path: Path, change: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(sealed(b"text\n") + change if change else sealed(b"text\n")[:-1])
    assert state_of(str(path)) == CHANGED


def test_what_is_not_a_plain_file_of_ours_is_foreign(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    ours.write_bytes(sealed(b"text\n"))
    for name, make in (
        ("link", lambda path: path.symlink_to(ours)),
        ("folder", lambda path: path.mkdir()),
        ("pipe", os.mkfifo),
        ("empty", lambda path: path.write_bytes(b"")),
        ("text", lambda path: path.write_bytes(b"text\n")),
    ):
        make(tmp_path / name)
        assert state_of(str(tmp_path / name)) == FOREIGN, name
    assert state_of(str(tmp_path / "none")) == sealed_files.ABSENT
    assert state_of(str(ours / "below")) == sealed_files.ABSENT


def test_written_and_taken_away_leaves_nothing(tmp_path: Path) -> None:
    wanted = three(tmp_path)
    folders = sealed_files.missing_folders([path for path, _, _ in wanted])
    assert folders == [str(tmp_path / name) for name in ("a", "b", "b/c", "b/d")]
    before = os.umask(0o077)
    try:
        assert sealed_files.put(wanted) == [path for path, _, _ in wanted]
    finally:
        os.umask(before)
    assert {Path(path).stat().st_mode & 0o7777 for path, _, _ in wanted} == {0o644}
    assert sealed_files.put(wanted) == []
    assert sealed_files.put(three(tmp_path, b"two\n")) == [path for path, _, _ in wanted]
    gone, kept = sealed_files.take([path for path, _, _ in wanted], folders)
    assert kept == []
    assert gone == [*(path for path, _, _ in wanted), *reversed(folders)]
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("text", [b"somebody else's\n", sealed(b"one\n") + b"more\n"], ids=["foreign", "changed"])
def test_what_is_not_ours_stops_all_of_it(tmp_path: Path, text: bytes) -> None:
    wanted = three(tmp_path)
    (tmp_path / "b" / "d").mkdir(parents=True)
    (tmp_path / "b" / "d" / "file").write_bytes(text)
    before = tree(tmp_path)
    with pytest.raises(BlockedError) as caught:
        sealed_files.put(wanted)
    assert [path for path, _ in caught.value.paths] == [wanted[2][0]]
    assert tree(tmp_path) == before
    gone, kept = sealed_files.take([path for path, _, _ in wanted], [])
    assert (gone, [path for path, _ in kept]) == ([], [wanted[2][0]])
    assert tree(tmp_path) == before


def test_a_link_in_the_place_of_a_draft_is_not_followed(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs\n")
    (tmp_path / f"file.{os.getpid()}.part").symlink_to(theirs)
    with pytest.raises(OSError, match="File exists"):
        sealed_files.put([(str(tmp_path / "file"), 0o644, sealed(b"one\n"))])
    assert theirs.read_text() == "theirs\n"
    assert not (tmp_path / "file").exists()


def test_others_in_our_folders_keep_them(tmp_path: Path) -> None:
    wanted = three(tmp_path)
    folders = sealed_files.missing_folders([path for path, _, _ in wanted])
    sealed_files.put(wanted)
    (tmp_path / "b" / "c" / "other").touch()
    gone, _ = sealed_files.take([path for path, _, _ in wanted], folders)
    assert tree(tmp_path) == {"b": None, "b/c": None, "b/c/other": b""}
    assert str(tmp_path / "b") not in gone


def test_what_can_t_be_removed_is_told_with_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [path for path, _, _ in three(tmp_path)]
    for number in range(3):
        sealed_files.put(three(tmp_path))
        before = tree(tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(os, "unlink", failing_at(number, os.unlink))
            if number == 0:
                with pytest.raises(OSError, match="No space"):
                    sealed_files.take(paths, [])
                assert tree(tmp_path) == before
            else:
                gone, kept = sealed_files.take(paths, [])
                assert kept == [(paths[number], sealed_files.STUCK)]
                assert gone == [path for path in paths if path != paths[number]]


def test_a_missing_folder_that_is_needed_stops_it(tmp_path: Path) -> None:
    with pytest.raises(BlockedError) as caught:
        sealed_files.put(three(tmp_path), needed=(str(tmp_path / "polkit"),))
    assert caught.value.paths == [(str(tmp_path / "polkit"), MISSING)]
    assert tree(tmp_path) == {}


def failing_at(number: int, real: Callable[..., object]) -> Callable[..., object]:
    calls = iter(range(1000))

    def call(*words: object, **more: object) -> object:
        if next(calls) == number:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*words, **more)

    return call


def test_a_failure_at_any_call_puts_all_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call that changes something fails once; whatever stood there before stands there again."""
    old, new = three(tmp_path, b"old\n")[:1], three(tmp_path, b"new\n")
    sealed_files.put(old)
    before = tree(tmp_path)
    failed = 0
    for name in ("mkdir", "open", "write", "fchmod", "fsync", "replace"):
        for number in range(20):
            with monkeypatch.context() as patch:
                patch.setattr(os, name, failing_at(number, getattr(os, name)))
                try:
                    sealed_files.put(new)
                except OSError:
                    failed += 1
                else:
                    patch.undo()
                    sealed_files.take(
                        [path for path, _, _ in new], [str(tmp_path / each) for each in ("b", "b/c", "b/d")]
                    )
                    sealed_files.put(old)
                    break
            assert tree(tmp_path) == before, f"{name} number {number}"
    assert failed >= 16


def small_disk(tmp_path: Path, *lines: str) -> str:
    """Run shell lines in a mount namespace of their own with a disk of 64 KiB at tmp_path."""
    script = f"mount -t tmpfs -o size=64k,mode=755 tmpfs {tmp_path}\ncd {tmp_path}\n" + "\n".join(lines)
    done = subprocess.run(
        ("unshare", "--mount", "--propagation", "private", "sh", "-ec", script),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def as_root(request: dict[str, object], boot: tuple[str, ...] = ()) -> dict[str, object]:
    program = install.writer()
    done = subprocess.run(
        (*boot, "/usr/bin/python3", "-SI", "-c", BOOT),
        input=b"%d\n%b%b" % (len(program), program, json.dumps(request).encode()),
        capture_output=True,
        check=True,
        cwd="/",
    )
    assert done.stderr == b""
    reply = json.loads(done.stdout)
    assert isinstance(reply, dict)
    return reply


def encoded(wanted: list[sealed_files.File]) -> list[list[object]]:
    return [[path, mode, base64.b64encode(text).decode()] for path, mode, text in wanted]


@needs_root
def test_as_a_program_of_its_own_on_standard_input(tmp_path: Path) -> None:
    """As it runs behind pkexec: refused below /tmp, where anybody may write, and done in a folder of root."""
    wanted = three(tmp_path)
    ast.parse(install.writer(), feature_version=(3, 8))
    reply = as_root({"do": "put", "files": encoded(wanted), "needed": []})
    assert "done" not in reply
    assert ["/tmp", OPEN] in list(reply["kept"])  # type: ignore[call-overload]
    home = Path("/opt") / f"stratascope-test-{os.getpid()}"
    home.mkdir(0o755)
    try:
        wanted = three(home)
        assert as_root({"do": "put", "files": encoded(wanted), "needed": [str(home)]})["done"] == [
            path for path, _, _ in wanted
        ]
        found = Path(wanted[0][0]).stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (0, 0, 0o644)
        os.chown(wanted[1][0], 65534, 65534)
        taken = as_root({"do": "take", "paths": [path for path, _, _ in wanted], "folders": []})
        assert taken["kept"] == [[wanted[1][0], FOREIGN]], "what another user owns is not ours"
        assert not Path(wanted[0][0]).exists()
        home.joinpath("b").chmod(0o777)
        reply = as_root({"do": "put", "files": encoded(wanted[2:]), "needed": []})
        assert reply["kept"] == [[str(home / "b"), OPEN]]
        assert as_root({"do": "anything"})["error"] == [22, ""]
    finally:
        shutil.rmtree(home)


@needs_root
def test_a_full_disk_and_a_read_only_one_are_told(tmp_path: Path) -> None:
    """A real disk that is full: nothing half written, and what was there is there."""
    code = (
        "from stratascope import sealed_files\n"
        "try:\n"
        f"    home = {str(tmp_path)!r}\n"
        "    texts = [sealed_files.sealed(b'x' * 30000), sealed_files.sealed(b'x' * 60000)]\n"
        "    sealed_files.put([(f'{home}/{name}/file', 0o644, text) for name, text in zip('ab', texts)])\n"
        "except OSError as error:\n"
        "    print(error.errno)\n"
    )
    run = f"PYTHONPATH={Path(sealed_files.__file__).parents[1]} {sys.executable} -B -c {shlex.quote(code)}"
    assert small_disk(tmp_path, run, "find .").split() == ["28", "."]
    assert small_disk(tmp_path, f"mount -o remount,ro {tmp_path}", run, "find .").split() == ["30", "."]
