"""Owners of a volume's files listed, changed and put back, on real files; that takes root."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stratascope.core.ports import RefusedError
from stratascope.core.relaunch.file_owners import Ids, VolumeChange
from stratascope.engines.shared import volume_files
from stratascope.engines.shared.volume_files import DEPTH_MOST, SubIds, VolumeFiles, ids_of

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
def files(tmp_path: Path) -> Iterator[VolumeFiles]:
    """Of an engine that is root's."""
    with listening(tmp_path / "engine.sock") as found:
        yield found


@contextmanager
def listening(path: Path, *, uid: int = 0) -> Iterator[VolumeFiles]:
    """An engine's socket of that user: who called listen(2) counts (unix(7), SO_PEERCRED)."""
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(path))
        os.seteuid(uid)
        try:
            there.listen()
        finally:
            os.seteuid(0)
        yield VolumeFiles(f"unix://{path}")


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


def test_what_came_since_stays_with_who_wrote_it(volume: Path, files: VolumeFiles) -> None:
    """Where the old owner was root: its program may become that user by itself, as php-fpm does."""
    wanted = change(files, volume)
    give(files, wanted)
    (volume / "sub").mkdir(mode=0o700)
    for place in (volume / "sub", volume / "sub/new"):
        place.touch()
        os.chown(place, 4242, 4243)
    before = owners(volume)
    back(files, wanted)
    found = owners(volume)
    assert (found["sub"], found["sub/new"]) == (before["sub"], before["sub/new"])
    assert (found["."][:2], found["plain"][:2]) == ((0, 0), (0, 0))


def test_what_came_since_goes_to_an_old_owner_who_is_not_root(volume: Path, files: VolumeFiles) -> None:
    for path in (volume, *volume.rglob("*")):
        os.lchown(path, 4141, 4141)
    with files.top(str(volume)) as place:
        wanted = volume_files.listed(place, VolumeChange(str(volume), Ids(4141, 4141), USER))
    give(files, wanted)
    for name in ("new", "mixed"):  # one written anew under its name, as databases do
        (volume / f".{name}").write_text("new")
        os.chown(volume / f".{name}", 4242, 4243)
        (volume / f".{name}").rename(volume / name)
    back(files, wanted)
    found = owners(volume)
    assert (found["new"][:2], found["mixed"][:2]) == ((4141, 4141), (4141, 4141))


def test_the_list_is_short(volume: Path, files: VolumeFiles) -> None:
    for number in range(500):
        (volume / f"{number}").write_text("")
    names = {each.path for each in change(files, volume).files}
    assert names == {"/mixed", "/user's", "/group's", "/folder/deep/given", "/a\xffb", "/set-uid", "/set-gid", "/able"}


def test_a_file_with_a_name_elsewhere_is_refused(volume: Path, files: VolumeFiles) -> None:
    (volume / "out").hardlink_to(volume.parent / "outside")
    with pytest.raises(RefusedError):
        change(files, volume)


@pytest.mark.parametrize(("limit", "most"), [("FILES_MOST", 5), ("LISTED_MOST", 5), ("READ_MOST", 3)])
def test_too_many_files_are_refused(
    volume: Path, files: VolumeFiles, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    (volume / "set-uid").write_bytes(b"four")
    (volume / "set-uid").chmod(0o4755)
    monkeypatch.setattr(volume_files, limit, most)
    with pytest.raises(RefusedError):
        change(files, volume)


def test_what_has_become_too_many_is_put_back(
    volume: Path, files: VolumeFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a container that goes on writing could never be undone."""
    before, wanted = owners(volume), change(files, volume)
    give(files, wanted)
    nested(volume, 3 * DEPTH_MOST)
    monkeypatch.setattr(volume_files, "FILES_MOST", 5)
    back(files, wanted)
    assert {name: each for name, each in owners(volume).items() if not name.startswith("d")} == before
    assert {place.stat().st_uid for place in (volume / "d", volume / "/".join(["d"] * 3 * DEPTH_MOST))} == {4242}
    subprocess.run(("rm", "-rf", volume / "d"), check=True)  # no shutil.rmtree goes as deep


def nested(top: Path, count: int) -> None:
    """Folders of the new user in each other."""
    place = os.open(top, os.O_RDONLY)
    for _ in range(count):
        os.mkdir("d", dir_fd=place)
        os.chown("d", USER.uid, USER.gid, dir_fd=place)
        place, above = os.open("d", os.O_RDONLY, dir_fd=place), place
        os.close(above)
    os.close(place)


def test_folders_that_are_too_deep_are_refused(volume: Path, files: VolumeFiles) -> None:
    nested(volume, DEPTH_MOST - 2)
    change(files, volume)
    subprocess.run(("rm", "-rf", volume / "d"), check=True)
    nested(volume, DEPTH_MOST + 1)
    with pytest.raises(RefusedError):
        change(files, volume)
    subprocess.run(("rm", "-rf", volume / "d"), check=True)


def test_who_had_it_meanwhile_gets_nothing_that_runs_as_root(volume: Path, files: VolumeFiles) -> None:
    """Its new user wrote over a program of root's, and made one of its own: neither comes back set-uid, or able."""
    wanted = change(files, volume)
    give(files, wanted)
    for name, mode in (("set-uid", 0o4755), ("able", 0o755), ("new", 0o6755), ("group's", 0o4755)):
        (volume / name).write_text("mine")
        os.chown(volume / name, USER.uid, USER.gid)
        (volume / name).chmod(mode)
    os.setxattr(volume / "able", "security.capability", CAPABILITY)
    back(files, wanted)
    found = owners(volume)
    assert {found[name][:2] for name in ("set-uid", "able", "new")} == {(0, 0)}
    assert [name for name in ("set-uid", "able", "new", "group's") if found[name][2] & 0o6000 or found[name][3]] == []
    assert found["set-gid"][2] & stat.S_ISGID  # it is as it was


SET_ASIDE = 700_000


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    """A user to whom ids are set aside, for users and groups alike."""
    for name in ("subuid", "subgid"):
        (tmp_path / name).write_text(f"daemon:{SET_ASIDE}:5000\nroot:1:9\ndaemon:0:5\nnonsense\n1:900000:1\n")
    places = (str(tmp_path / "subuid"), str(tmp_path / "subgid"))
    each = (range(1, 2), range(SET_ASIDE, SET_ASIDE + 5000), range(900_000, 900_001))
    assert ids_of(1, places) == SubIds(each, each)
    monkeypatch.setattr(volume_files, "ids_of", lambda uid: ids_of(uid, places))
    return 1  # daemon


def test_root_gives_no_files_away_for_a_rootless_engine(volume: Path, tmp_path: Path, ordinary: int) -> None:
    """It names a folder of the host, and root as the user before."""
    before = owners(volume)
    with listening(tmp_path / "engine.sock", uid=ordinary) as files:
        with pytest.raises(RefusedError):
            change(files, volume)
        give(files, VolumeChange(str(volume), ROOT, Ids(ordinary, ordinary)))
        assert owners(volume) == before


def test_a_rootless_engine_s_files_go_there_and_back(volume: Path, tmp_path: Path, ordinary: int) -> None:
    """Root's files in the same folder stay; so does what was exchanged for a folder of root's before the way back."""
    ours = Ids(SET_ASIDE, SET_ASIDE)
    (tmp_path / "its").mkdir()
    for name, owner in (("file", (ours.uid, ours.gid)), ("mixed", (ours.uid, SET_ASIDE + 7)), ("root's", (0, 0)),
                        ("half", (ours.uid, 0))):  # fmt: skip
        (tmp_path / "its" / name).write_text("")
        os.chown(tmp_path / "its" / name, *owner)
    os.chown(tmp_path / "its", ours.uid, ours.gid)
    before = owners(tmp_path / "its")
    with listening(tmp_path / "engine.sock", uid=ordinary) as files:
        with files.top(str(tmp_path / "its")) as place:
            wanted = volume_files.listed(
                place, VolumeChange(str(tmp_path / "its"), ours, Ids(SET_ASIDE + 1000, SET_ASIDE + 1000))
            )
        give(files, wanted)
        given = owners(tmp_path / "its")
        assert {name: each[:2] for name, each in given.items()} == {
            ".": (SET_ASIDE + 1000, SET_ASIDE + 1000), "file": (SET_ASIDE + 1000, SET_ASIDE + 1000),
            "mixed": (SET_ASIDE + 1000, SET_ASIDE + 7), "root's": (0, 0), "half": (ours.uid, 0),
        }  # fmt: skip
        back(files, wanted)
        assert owners(tmp_path / "its") == before
        (tmp_path / "its").rename(tmp_path / "away")
        (volume / "mixed").chmod(0o600)
        os.chown(volume / "mixed", 0, 0)
        (tmp_path / "its").symlink_to(volume)
        others = owners(volume)
        back(files, wanted)
        assert owners(volume) == others


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


def test_no_layers_of_others_for_a_rootless_engine(volume: Path, tmp_path: Path, ordinary: int) -> None:
    """The kernel, as root, would empty what lies in the work folder: fs/overlayfs/super.c, ovl_workdir_create."""
    (tmp_path / "upper").mkdir()
    (tmp_path / "roots" / "work").mkdir(parents=True)
    (tmp_path / "roots" / "work" / "kept").write_text("")
    (tmp_path / "work").symlink_to(tmp_path / "roots")
    os.chown(tmp_path / "upper", ordinary, ordinary)
    layers = (str(tmp_path), str(tmp_path / "upper"), str(tmp_path / "work"))
    with (
        listening(tmp_path / "engine.sock", uid=ordinary) as files,
        pytest.raises(RefusedError),
        files.layers(str(volume), *layers),
    ):
        pass
    assert (tmp_path / "roots" / "work" / "kept").exists()


def test_an_engine_elsewhere_and_another_user_are_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert VolumeFiles("ssh://there").no_owners() is not None
    assert VolumeFiles("unix:///here").no_owners() is None
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert VolumeFiles("unix:///here").no_owners() is not None


def test_whose_engine_it_is_must_be_known(volume: Path) -> None:
    with pytest.raises(RefusedError):
        change(VolumeFiles("unix:///nobody/listens/here"), volume)
