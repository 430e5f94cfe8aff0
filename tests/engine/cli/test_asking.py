"""On a terminal: `harden NAME` and nothing else asks what is wanted, and `discard` asks before it removes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, STAYS, Desk, start
from rig.engine import Rig


@pytest.fixture
def desk(docker_rootful: Rig, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(docker_rootful, tmp_path / "state")
    yield made
    for name in made.all():
        docker_rootful.remove(name)


def typed(desk: Desk, answer: str, *words: str) -> tuple[int, str, str]:
    """The exit code, and what was printed, of a command to which somebody at a terminal answers so."""
    ours, theirs = pty.openpty()
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "stratascope", *words],
            env=desk.environ,
            text=True,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        os.write(ours, answer.encode())
        out, err = child.communicate()
        return child.returncode, out, err
    finally:
        os.close(ours)
        os.close(theirs)


def test_what_is_wanted_is_asked_and_taken(desk: Desk) -> None:
    """The first is the plan; then comes the question whether it is to be done."""
    original = start(desk)
    code, out, err = typed(desk, "\n", "harden", NAME)
    assert (code, desk.only_one_runs()) == (3, original)
    assert "How should hardened be hardened?" in err
    for preset in ("recommended", "pss-baseline", "pss-restricted", "cis"):
        assert preset in err
    assert "critical" not in err, "nothing of it is closed without another user"
    assert "Nothing was changed." in out
    code, out, err = typed(desk, "1\ny\n", "harden", NAME, "--watch", "1", "--enforced-is-enough")
    assert code == 0, (out, err)
    assert desk.only_one_runs() != original
    limits = desk.rig.inspect(NAME)["HostConfig"]
    assert limits["Memory"] > 0
    assert limits["PidsLimit"] > 0


def test_a_script_is_asked_nothing(desk: Desk) -> None:
    start(desk)
    code, last, err = desk.harden()
    assert (code, last["result"] in STAYS) == (0, True)
    assert "How should" not in err


def test_before_it_is_removed_for_good_it_asks(desk: Desk) -> None:
    start(desk)
    assert desk.harden()[0] == 0
    code, _, err = typed(desk, "n\n", "discard", NAME)
    assert code == 3
    assert "no way back afterwards" in err
    assert len(desk.all()) == 2
    code, _, err = typed(desk, "", "discard", NAME, "--yes")
    assert (code, err) == (0, "")
    assert len(desk.all()) == 1
