"""A process to be read by tests: target.c, built once, started under a number of own seccomp filters."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("target.c")


@cache
def built() -> Path:
    """The static program; skips where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    folder = Path(tempfile.mkdtemp(prefix="strata-target-"))
    folder.chmod(0o755)
    program = folder / "target"
    command = (compiler, "-O1", "-static", "-pthread", "-o", str(program), str(SOURCE))
    subprocess.run(command, check=True, capture_output=True)
    return program


def remove() -> None:
    """Delete what was built."""
    if built.cache_info().currsize:
        shutil.rmtree(built().parent, ignore_errors=True)
        built.cache_clear()


def own_filter(place: int) -> str:
    """Hex of the filter that target.c puts in place as number `place`, assembled here."""
    code = ((0x20, 0, 0, 0), (0x15, 0, 1, 100000 + place), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000))
    return b"".join(struct.pack("<HBBI", *parts) for parts in code).hex()


class Target:
    """The running program."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid

    def counts(self) -> tuple[int, int]:
        """Realtime signals that it got, and rounds of its second thread."""
        os.kill(self.pid, signal.SIGUSR1)
        assert self.process.stdout is not None
        word, signals, rounds = self.process.stdout.readline().split()
        assert word == "count"
        return int(signals), int(rounds)


@contextmanager
def running(filters: int = 1, *prefix: str) -> Iterator[Target]:
    """Started, and under its filters; `prefix` is a command that execs another (`unshare -n`)."""
    process = subprocess.Popen([*prefix, str(built()), str(filters)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Target(process)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
