"""What a child prints is bounded in bytes and in time."""

from __future__ import annotations

import subprocess
import time

import pytest

from stratascope.child_output import TooLongError, printed


def sh(script: str, seconds: float = 60.0, most: int = 1 << 20) -> bytes:
    return printed(("sh", "-c", script), seconds=seconds, most=most)


def test_what_it_prints_and_its_failure() -> None:
    assert sh("echo a; echo b >&2; pwd") == b"a\n/\n"
    assert sh("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2") == bytes(300000)
    with pytest.raises(subprocess.CalledProcessError) as caught:
        sh("echo no >&2; exit 3")
    assert (caught.value.returncode, caught.value.stderr) == (3, b"no\n")
    with pytest.raises(FileNotFoundError):
        printed(("/nowhere/program",), seconds=1.0, most=1)


def test_what_never_ends() -> None:
    with pytest.raises(TooLongError):
        sh("cat /dev/zero", most=1 << 16)
    begun = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        sh("while :; do echo a >&2; sleep 0.01; done", seconds=0.3)
    with pytest.raises(subprocess.TimeoutExpired):
        sh("exec >&- 2>&-; exec sleep 3600", seconds=0.3)
    assert time.monotonic() - begun < 600
