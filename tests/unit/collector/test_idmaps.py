"""The id maps of mounts, of real ones: what the kernel told is what was asked of it when they were made."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.collector.asking import as_ordinary, needs_root, read
from stratascope.collector.names import IDMAPS
from stratascope.collector.privileged_readings import read_idmaps

_MAPS = ("X-mount.idmap=u:0:200000:1000 u:5000:300000:1 g:0:200000:1000", "X-mount.idmap=u:0:0:1 g:0:0:1")


@contextmanager
def mounted(folder: Path) -> Iterator[int]:
    """A process in a mount namespace of its own, in which two mounts have id maps."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        pytest.skip("needs unshare and mount")
    places = [folder / "one", folder / "two"]
    for place in places:
        place.mkdir()
    script = 'mount --bind -o "$1" "$3" "$3" && mount --bind -o "$2" "$4" "$4" && echo made && exec sleep 3600'
    command = ("unshare", "-m", "sh", "-c", script, "sh", *_MAPS, *map(str, places))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            if not process.stdout.readline():
                pytest.skip("no mount with an id map can be made here: " + process.stderr.read().decode()[:200])
            yield process.pid
        finally:
            process.kill()


@needs_root
def test_as_they_were_made(tmp_path: Path) -> None:
    with mounted(tmp_path) as pid:
        numbers = {
            words[4].rpartition("/")[2]: words[0]
            for words in map(str.split, Path(f"/proc/{pid}/mountinfo").read_text().splitlines())
            if "idmapped" in words[5].split(",")
        }
        text = read(pid, IDMAPS)[IDMAPS]
        if isinstance(text, tuple):
            pytest.skip(f"this kernel does not tell: {text}")
        one, two = numbers["one"], numbers["two"]
        assert set(text.splitlines()) == {
            f"{one} uid 0 200000 1000 5000 300000 1",
            f"{one} gid 0 200000 1000",
            f"{two} uid 0 0 1",
            f"{two} gid 0 0 1",
        }
        said = as_ordinary(f'{{"ask":"capture","wishes":[[{pid},["{IDMAPS}"],[],false,""]]}}')
        assert said["found"][0][0][1][0][2:4] == [None, "DENIED"]


LINE = "200 100 0:26 / /data rw,relatime{} - ext4 /dev/vda rw,idmapped=no\n"


@pytest.mark.parametrize(
    ("mark", "found"),
    [
        ("", ("", None)),  # nothing is asked of what stands in the namespace's place
        (",idmapped", (None, "UNSUPPORTED")),  # which says ENOTTY, as an older kernel does
    ],
)
def test_only_where_a_mount_has_a_map_the_kernel_is_asked(
    tmp_path: Path, mark: str, found: tuple[str | None, str | None]
) -> None:
    (tmp_path / "mountinfo").write_text(LINE.format(mark))
    (tmp_path / "ns").mkdir()
    (tmp_path / "ns" / "mnt").write_text("")
    directory = os.open(tmp_path, os.O_PATH)
    try:
        told = read_idmaps(directory, 7)
    finally:
        os.close(directory)
    assert told[:3] == (IDMAPS, "statmount(2) in /proc/7/ns/mnt", found[0])
    assert told[3:5] == (() if found[1] is None else (found[1], errno.ENOTTY))
