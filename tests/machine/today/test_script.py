"""packaging/engines-today.sh where there is nothing to be had: it says so, and tests are skipped for it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from machine.today.newer import NOWHERE
from rig.places import CHECKOUT

SCRIPT = CHECKOUT / "packaging" / "engines-today.sh"
CLOSED = "Debian|trixie|http://127.0.0.1:9/debian/"  # where nothing listens


def run(folder: Path, sources: str, *words: str) -> subprocess.CompletedProcess[str]:
    """With an apt-get that tells of these sources, as root or not."""
    for name, text in (("apt-get", f"printf '%s\\n' '{sources}'"), ("mmdebstrap", "exit 9"), ("id", "echo 0")):
        stub = folder / name
        stub.write_text(f"#!/bin/sh\n{text}\n")
        stub.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "STRATASCOPE_ENGINES_TODAY": str(folder / "cache")}
    return subprocess.run(("sh", str(SCRIPT), *words), env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ("", "no package source of Debian"),
        ("Debian|trixie|file:/srv/debian/", "no package source of Debian"),
        ("Debian|trixie-security|http://127.0.0.1:9/debian-security/", "no package source of Debian"),
        (f"Other|stable|http://127.0.0.1:9/other/\n{CLOSED}", "has no suite sid"),
    ],
)
def test_none_to_be_had(tmp_path: Path, sources: str, words: str) -> None:
    done = run(tmp_path, sources, "sid")
    assert (done.returncode, done.stdout) == (NOWHERE, "")
    assert words in done.stderr.splitlines()[-1]


def test_a_suite_that_it_does_not_make(tmp_path: Path) -> None:
    assert run(tmp_path, CLOSED, "bookworm").returncode == 2
    assert run(tmp_path, CLOSED).returncode == 2
    assert not (tmp_path / "cache").exists()
