"""Whose ids are whose, as newuidmap(1) reads its files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stratascope.engines.shared.volume_files import ids_of

DAEMON, OWN = 1, range(1, 2)  # user and group of that number are on every machine
RANGES: dict[str, list[tuple[int, int]]] = {
    # what the file says, the first id of each range and how many
    "daemon:100000:65536\n": [(100_000, 65_536)],
    "other:100000:65536\ndaemon:165536:65536\n": [(165_536, 65_536)],
    "1:165536:65536\n": [(165_536, 65_536)],
    "daemon:300000:1000\nother:100000:65536\ndaemon:165536:65536\n": [(300_000, 1000), (165_536, 65_536)],
    "1:400000:10\ndaemon:165536:10": [(400_000, 10), (165_536, 10)],
    "daemon:0x30000:0200\n": [(0x30000, 0o200)],
    "daemon:165536:65536:and more\n": [(165_536, 65_536)],
    "": [],
    "other:100000:65536\n": [],
    "# daemon\n\ndaemon\ndaemon:\ndaemon:5\ndaemon::\ndaemon:x:5\ndaemon:5:y\ndaemon:-5:10\ndaemon:1e5:10\n": [],
    " daemon:500000:10\ndaemonx:500000:10\n11:500000:10\n01:500000:10\n": [],
    "daemon:200000:65536 \ndaemon:600000:0\ndaemon:0:10\ndaemon:700000:1" + "0" * 30: [],
    "daemon:٣٠٠٠٠٠:10\n\xff\xfe:\x00:\n": [],
}


@pytest.mark.parametrize("text", RANGES)
def test_ranges(text: str, tmp_path: Path) -> None:
    (tmp_path / "uid").write_text(text)
    (tmp_path / "gid").write_text("daemon:900000:5\n")
    found = ids_of(DAEMON, (str(tmp_path / "uid"), str(tmp_path / "gid")))
    assert found.users == (OWN, *(range(first, first + count) for first, count in RANGES[text]))
    assert found.groups == (OWN, range(900_000, 900_005))


def test_what_is_not_known_is_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        ids_of(DAEMON, (str(tmp_path / "none"), str(tmp_path / "none")))
    with pytest.raises(OSError, match="no user"):
        ids_of(4_000_000_000)


@pytest.mark.parametrize(
    ("text", "elsewhere"),
    [("passwd: files\n", False), ("subid: files\n", False), ("subid:\tfiles  \n", False), ("subid: sss\n", True),
     ("passwd: files\nsubid: files sss\n", True), ("# subid: sss\n", False)],
)  # fmt: skip
def test_ranges_that_are_kept_elsewhere(text: str, elsewhere: bool, tmp_path: Path) -> None:
    """By nsswitch.conf(5): then the files say nothing."""
    switch = tmp_path / "nsswitch.conf"
    switch.write_text(text)
    (tmp_path / "ids").write_text("daemon:100000:5\n")
    files = (str(tmp_path / "ids"), str(tmp_path / "ids"))
    if elsewhere:
        with pytest.raises(OSError, match=re.escape("nsswitch.conf(5)")):
            ids_of(DAEMON, files, switch)
    else:
        assert ids_of(DAEMON, files, switch).users == (OWN, range(100_000, 100_005))
