"""A program that prints without end before it listens is given up, and what it printed is not read whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stratascope.engines.shared.child_socket import ChildProgram, NotStartedError


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
