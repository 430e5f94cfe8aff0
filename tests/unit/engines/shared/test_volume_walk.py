"""A walk through folders of any shape, also while they change."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stratascope.engines.shared.volume_files import DEPTH_MOST, walk


@contextmanager
def opened(path: Path) -> Iterator[int]:
    place = os.open(path, os.O_PATH)
    try:
        yield place
    finally:
        os.close(place)


def test_each_once_and_by_its_path(tmp_path: Path) -> None:
    for name in ("a/b/c", "a/d", "e/f/g/h"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    with opened(tmp_path) as top:
        found = [(path, os.fstat(place).st_ino == state.st_ino) for path, place, state in walk(top)]
    assert {whole for _, whole in found} == {True}
    assert sorted(path or "" for path, _ in found) == sorted(
        ["", *(f"/{path.relative_to(tmp_path)}" for path in tmp_path.rglob("*"))]
    )


def test_deeper_than_paths_are_told_with_few_open_files(tmp_path: Path) -> None:
    """As deep as nobody could hold a descriptor for each, and with something beside each."""
    depth, here = 1500, os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        for name in ("deeper", "other"):
            os.mkdir(name, dir_fd=here)
        here, above = os.open("deeper", os.O_RDONLY, dir_fd=here), here
        os.close(above)
    os.close(here)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 20, hard))
    try:
        with opened(tmp_path) as top:
            found = [path for path, _, _ in walk(top)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(found) == 1 + 2 * depth
    assert len([path for path in found if path is not None]) == 1 + 2 * DEPTH_MOST
    subprocess.run(("rm", "-rf", tmp_path / "deeper"), check=True)


@pytest.mark.parametrize("how", ["moved", "gone", "replaced"])
def test_what_moves_meanwhile_leads_nowhere_else(tmp_path: Path, how: str) -> None:
    """The folder that it is in is taken away above it: ".." is another one then, which is not gone through."""
    top, elsewhere = tmp_path / "top", tmp_path / "elsewhere"
    for folder in (top / "a" / "b" / "c", top / "z", elsewhere):
        folder.mkdir(parents=True)
    (elsewhere / "secret").write_text("")
    found = []
    with opened(top) as place:
        for path, _, _ in walk(place):
            found.append(path)
            if path == "/a/b/c":
                (top / "a" / "b").rename(elsewhere / "b")
                if how == "gone":
                    shutil.rmtree(top / "a")
                elif how == "replaced":
                    (top / "a").rename(elsewhere / "a")
                    (top / "a").symlink_to(elsewhere)
    assert found[0] == ""
    assert {"/a", "/a/b", "/a/b/c", "/z"} == set(found[1:])
