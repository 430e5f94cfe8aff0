"""What a container will see of the host's files, by the mounts that it is going to have: as it is read once it runs."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from stratascope.core.ground import IdMaps
from stratascope.linux.giving_programs import Access
from stratascope.linux.mounts import Mount, listed, parse_mountinfo
from stratascope.linux.namespace import EVERY_ID
from stratascope.probe.files_ahead import FilesAhead

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make set-uid files and nodes")
ELF = b"\x7fELF" + bytes(60)
SHIFTED = ((0, 100_000, 1000),)
HOSTS = IdMaps((EVERY_ID, EVERY_ID), (EVERY_ID, EVERY_ID))


def shown(folder: Path, target: str, options: str = "rw") -> Mount:
    """A bind mount of that folder."""
    over = max(
        (each for each in parse_mountinfo(Path("/proc/self/mountinfo").read_text())
         if str(folder).startswith(f"{each.target.rstrip('/')}/")),
        key=lambda each: (len(each.target), each.id),
    )  # fmt: skip
    root = over.root.rstrip("/") + str(folder)[len(over.target.rstrip("/")) :]
    return Mount(
        over.id, over.parent, over.device, root, target, options, "", over.fs_type, over.source, over.super_options
    )


def program(path: Path, owner: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ELF)
    os.chown(path, owner, owner)
    path.chmod(0o4755)


def test_the_text_of_mounts_is_as_the_kernel_writes_it() -> None:
    mounts = parse_mountinfo(Path("/proc/self/mountinfo").read_text())
    odd = Mount(1, 2, "0:5", "/a b", "/c\\d\n#", "rw", "shared:4", "ext4", "x y", "rw")
    assert parse_mountinfo(listed((*mounts, odd))) == (*mounts, odd)


def test_who_may_write_and_what_is_special(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "file").write_text("")
    os.chown(tmp_path / "file", 1000, 1000)
    os.mknod(tmp_path / "node", 0o060660, os.makedev(7, 3))
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "engine"))
    found = FilesAhead().look([shown(tmp_path, "/data"), shown(tmp_path, "/read", "ro")], (), None)
    assert found.bound is not None
    assert [each.target for each in found.bound] == ["/data"]
    assert {(each.kind, each.item.uid) for each in found.bound[0].items} == {("d", 0), ("f", 1000)}
    assert found.special is not None
    assert found.special.whole
    assert {(each.kind, each.path) for each in found.special.files} == {
        ("b", "/data/node"), ("s", "/data/engine"), ("b", "/read/node"), ("s", "/read/engine")
    }  # fmt: skip
    assert found.programs is None, "nobody asked"


def test_what_can_not_be_looked_at_is_not_known() -> None:
    found = FilesAhead().look([Mount(5, 1, "999:0", "/x", "/data", "rw", "", "ext4", "x", "rw")], (), None)
    assert found.special is not None
    assert not found.special.whole
    assert found.bound is not None
    assert [each.kind for each in found.bound[0].items] == ["?"]


@pytest.mark.parametrize("options", ["rw", "ro", "rw,nosuid"])
def test_programs_of_the_image_and_of_the_host(options: str, tmp_path: Path) -> None:
    image, host = tmp_path / "image", tmp_path / "host"
    program(image / "bin/one")
    program(image / "data/hidden")
    program(host / "deep/two")
    found = FilesAhead().look([shown(host, "/data", options)], (str(image),), HOSTS).programs
    assert found is not None
    assert found.whole
    expected = {"/bin/one"} if "nosuid" in options else {"/bin/one", "/data/deep/two"}
    assert {each.path for each in found.programs} == expected


@pytest.mark.parametrize("there", [True, False])
def test_a_new_volume_has_what_the_image_has_there(there: bool, tmp_path: Path) -> None:
    image, volume = tmp_path / "image", tmp_path / "volumes/data/_data"
    program(image / "data/tool")
    if there:
        program(volume / "other")
    found = FilesAhead().look([shown(volume, "/data")], (str(image),), HOSTS).programs
    assert found is not None
    assert {each.path for each in found.programs} == {"/data/other" if there else "/data/tool"}


def test_ids_are_those_inside(tmp_path: Path) -> None:
    """Files of an image are shifted with the container, those of the host are not."""
    image, host = tmp_path / "image", tmp_path / "host"
    program(image / "bin/root", 100_000)
    program(host / "root")
    program(host / "shifted", 100_007)
    maps = IdMaps((SHIFTED, SHIFTED), (((0, 200_000, 1000),), ((0, 200_000, 1000),)))
    found = FilesAhead().look([shown(host, "/h")], (str(image),), maps).programs
    assert found is not None
    assert {each.path: each.access for each in found.programs} == {
        "/bin/root": Access(0, 0, 0o4755), "/h/root": Access(-1, -1, 0o4755), "/h/shifted": Access(-1, -1, 0o4755)
    }  # fmt: skip
    assert FilesAhead().look([], (str(image),), IdMaps(None, (SHIFTED, SHIFTED))).programs is None


def test_an_image_that_can_not_be_read_is_not_known(tmp_path: Path) -> None:
    assert FilesAhead().look([], (str(tmp_path / "missing"),), HOSTS).programs is None
