"""Owners of a volume's files listed, changed and put back, on real files; that takes root."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from stratascope.core.ports import RefusedError
from stratascope.core.relaunch.volume_owners import Ids, VolumeChange
from stratascope.engines.shared import volume_files
from stratascope.engines.shared.volume_files import VolumeFiles

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="takes root")

ROOT, USER = Ids(0, 0), Ids(4242, 4243)
# cap_net_raw+ep, as capabilities(7) has it: version 2, effective
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")[:20]
Owners = dict[str, tuple[int, int, int, bytes]]


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """All that is particular about an owner; outside of it a file that a link leads to."""
    (tmp_path / "outside").write_text("mine")
    top = tmp_path / "volume"
    (top / "folder" / "deep").mkdir(parents=True)
    for name, owner in (("plain", (0, 0)), ("theirs", (7, 7)), ("mixed", (0, 7)), ("user's", (4242, 0)),
                        ("group's", (7, 4243)), ("folder/deep/given", (4242, 4243)), ("a\udcffb", (0, 7))):  # fmt: skip
        (top / name).write_text(name.encode(errors="replace").decode())
        os.chown(top / name, *owner)
    for name, mode in (("set-uid", 0o4755), ("set-gid", 0o2755)):
        (top / name).write_text("")
        (top / name).chmod(mode)
    (top / "able").write_text("")
    (top / "able").chmod(0o755)
    os.setxattr(top / "able", "security.capability", CAPABILITY)
    os.setxattr(top / "plain", "user.note", b"kept")
    (top / "link").symlink_to(tmp_path / "outside")
    (top / "nowhere").symlink_to("/nowhere/at/all")
    (top / "second").hardlink_to(top / "plain")
    return top


def owners(top: Path) -> Owners:
    found = {}
    for path in (top, *sorted(top.rglob("*"))):
        state = path.lstat()
        held = b""
        if stat.S_ISREG(state.st_mode) and "security.capability" in os.listxattr(path):
            held = os.getxattr(path, "security.capability")
        found[str(path.relative_to(top))] = (state.st_uid, state.st_gid, state.st_mode, held)
    return found


@pytest.fixture
def files() -> VolumeFiles:
    return VolumeFiles("unix:///nobody/listens/here")


def change(files: VolumeFiles, top: Path) -> VolumeChange:
    with files.top(str(top)) as place:
        return volume_files.listed(place, VolumeChange(str(top), ROOT, USER))


def give(files: VolumeFiles, wanted: VolumeChange) -> None:
    with files.top(wanted.source) as place:
        volume_files.give(place, wanted)


def back(files: VolumeFiles, wanted: VolumeChange) -> None:
    with files.top(wanted.source) as place:
        volume_files.take_back(place, wanted)


def test_all_of_the_old_owner_is_given_and_put_back_exactly(volume: Path, files: VolumeFiles) -> None:
    before = owners(volume)
    wanted = change(files, volume)
    assert owners(volume) == before
    give(files, wanted)
    given = owners(volume)
    assert {name: each[:2] for name, each in given.items() if name in ("plain", "link", "theirs", "mixed", ".")} == {
        "plain": (4242, 4243), "link": (4242, 4243), "theirs": (7, 7), "mixed": (4242, 7), ".": (4242, 4243),
    }  # fmt: skip
    assert {name: each[2:] for name, each in given.items()} == {name: each[2:] for name, each in before.items()}
    assert (volume.parent / "outside").stat().st_uid == 0
    assert os.getxattr(volume / "plain", "user.note") == b"kept"
    with files.top(str(volume)) as place:
        assert volume_files.not_given(place, wanted) == ()
    give(files, wanted)
    assert owners(volume) == given
    back(files, wanted)
    assert owners(volume) == before
    back(files, wanted)
    assert owners(volume) == before


def test_a_half_of_it_is_put_back_too(volume: Path, files: VolumeFiles) -> None:
    """Also where a file lost its bits with its owner, and was not reached again: killed between the two calls."""
    before, wanted = owners(volume), change(files, volume)
    for name in ("set-uid", "set-gid", "able", "plain"):
        os.chown(volume / name, 4242, 4243)
    assert owners(volume)["set-uid"][2] & stat.S_ISUID == 0
    back(files, wanted)
    assert owners(volume) == before
    os.chown(volume / "set-uid", 4242, 4243)
    give(files, wanted)
    assert owners(volume)["set-uid"][2] & stat.S_ISUID


def test_what_came_since_goes_to_the_old_owner(volume: Path, files: VolumeFiles) -> None:
    wanted = change(files, volume)
    give(files, wanted)
    for name in ("new", "mixed"):  # one written anew under its name, as databases do
        (volume / f".{name}").write_text("new")
        os.chown(volume / f".{name}", 4242, 4243)
        (volume / f".{name}").rename(volume / name)
    back(files, wanted)
    found = owners(volume)
    assert (found["new"][:2], found["mixed"][:2]) == ((0, 0), (0, 7))


def test_the_list_is_short(volume: Path, files: VolumeFiles) -> None:
    for number in range(500):
        (volume / f"{number}").write_text("")
    names = {each.path for each in change(files, volume).files}
    assert names == {"/mixed", "/user's", "/group's", "/folder/deep/given", "/a\xffb", "/set-uid", "/set-gid", "/able"}


def test_a_file_with_a_name_elsewhere_is_refused(volume: Path, files: VolumeFiles) -> None:
    (volume / "out").hardlink_to(volume.parent / "outside")
    with pytest.raises(RefusedError):
        change(files, volume)


def test_too_many_files_are_refused(volume: Path, files: VolumeFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume_files, "FILES_MOST", 5)
    with pytest.raises(RefusedError):
        change(files, volume)


def test_another_mount_is_not_entered(volume: Path, files: VolumeFiles) -> None:
    inside = volume / "folder"
    subprocess.run(("mount", "-t", "tmpfs", "none", str(inside)), check=True)
    try:
        (inside / "file").write_text("")
        give(files, change(files, volume))
        assert ((inside / "file").stat().st_uid, inside.stat().st_uid) == (0, 0)
    finally:
        subprocess.run(("umount", str(inside)), check=True)
    assert inside.stat().st_uid == 0  # what lies below it was not reached
    subprocess.run(("mount", "--bind", str(volume), str(volume)), check=True)
    try:
        with pytest.raises(RefusedError):
            change(files, volume)
    finally:
        subprocess.run(("umount", str(volume)), check=True)


def test_a_twins_layers_take_it_and_the_volume_stays(volume: Path, files: VolumeFiles, tmp_path: Path) -> None:
    for name in ("upper", "work"):
        (tmp_path / name).mkdir()
    before, wanted = owners(volume), change(files, volume)
    layers = (str(tmp_path), str(tmp_path / "upper"), str(tmp_path / "work"))
    with files.layers(str(volume), *layers) as place:
        volume_files.give(place, wanted)
        assert volume_files.not_given(place, wanted) == ()
    assert owners(volume) == before
    assert (tmp_path / "upper" / "volume" / "plain").stat().st_uid == 4242
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


def test_an_engine_elsewhere_and_another_user_are_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert VolumeFiles("ssh://there").no_owners() is not None
    assert VolumeFiles("unix:///here").no_owners() is None
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert VolumeFiles("unix:///here").no_owners() is not None
