"""A program that gives us a socket: nobody else gets at that, and one that prints without end instead is given up."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from stratascope.engines.shared.child_socket import ChildProgram, NotStartedError

LISTENS = (
    "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); s.accept(); s.accept()"
)


def test_the_folder_of_a_socket_is_for_us_alone() -> None:
    before = os.umask(0)
    program = ChildProgram({"PATH": os.environ["PATH"]}, 3600.0)
    try:
        path = program.start(lambda path: (sys.executable, "-S", "-c", LISTENS, str(path)))
        found = path.parent.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o700, os.geteuid())
    finally:
        os.umask(before)
        program.close()
    assert not path.parent.exists()


def test_banners_without_end() -> None:
    program = ChildProgram({"PATH": os.environ["PATH"]}, 3600.0)
    folders: list[Path] = []

    def argv(path: Path) -> tuple[str, ...]:
        folders.append(path.parent)
        return ("sh", "-c", "while :; do head -c 65536 /dev/zero | tr '\\0' x; sleep 0.01; done")

    with pytest.raises(NotStartedError) as caught:
        program.start(argv)
    assert set(str(caught.value)) == {"x"}
    assert len(str(caught.value)) < 5000
    assert not folders[0].exists()
    program.close()
