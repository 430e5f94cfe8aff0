"""The same commit gives the same bytes, whenever and in whatever surroundings it is built."""

from __future__ import annotations

import filecmp
import os
import subprocess
from pathlib import Path

import pytest

from machine.appimage.started import offset_of
from rig.places import CHECKOUT

pytestmark = [pytest.mark.appimage, pytest.mark.timeout(1500)]


def test_built_again_it_is_the_same(appimage: Path, tmp_path: Path) -> None:
    command = ("sh", CHECKOUT / "packaging/appimage/build.sh", tmp_path)
    other = {**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "USER": "somebody"}
    with appimage.open("rb") as file:  # the commit's time as it was then: mkfs_time in the squashfs' superblock
        file.seek(offset_of(appimage) + 8)
        other["SOURCE_DATE_EPOCH"] = str(int.from_bytes(file.read(4), "little"))
    done = subprocess.run(command, env=other, capture_output=True, text=True, check=False, umask=0o077)
    assert done.returncode == 0, done.stderr[-3000:]
    again = tmp_path / appimage.name
    assert filecmp.cmp(appimage, again, shallow=False), f"not the same: {differing(appimage, again, tmp_path)}"


def differing(one: Path, other: Path, folder: Path) -> list[str]:
    """The names of the files in them that are not the same."""
    trees = []
    for number, image in enumerate((one, other)):
        (folder / str(number)).mkdir()
        subprocess.run((image, "--appimage-extract"), cwd=folder / str(number), stdout=subprocess.DEVNULL, check=True)
        trees.append(folder / str(number) / "squashfs-root")
    done = subprocess.run(("diff", "-rq", "--no-dereference", *trees), capture_output=True, text=True, check=False)
    return done.stdout.splitlines()
