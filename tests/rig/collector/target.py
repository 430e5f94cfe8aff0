"""Processes to be read by tests, built once: target.c, under a number of own seccomp filters; threaded.c, whose first
thread gives up what others keep."""

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


@cache
def built(name: str = "target") -> Path:
    """Build that static program; skips without a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    program = _folder() / name
    source = Path(__file__).with_name(f"{name}.c")
    command = (compiler, "-O1", "-static", "-pthread", "-o", str(program), str(source))
    subprocess.run(command, check=True, capture_output=True)
    return program


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="strata-target-"))
    folder.chmod(0o755)
    return folder


def remove() -> None:
    """Delete what was built."""
    if _folder.cache_info().currsize:
        shutil.rmtree(_folder(), ignore_errors=True)
        _folder.cache_clear()
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
        """The numbers of realtime signals received, and of its second thread's loops."""
        os.kill(self.pid, signal.SIGUSR1)
        assert self.process.stdout is not None
        word, signals, rounds = self.process.stdout.readline().split()
        assert word == "count"
        return int(signals), int(rounds)


@contextmanager
def running(filters: int = 1, *prefix: str) -> Iterator[Target]:
    """Start the program, and wait until its filters are installed. `prefix`: a command that execs it (`unshare -n`)."""
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


class Threaded:
    """threaded.c, running."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid

    def give_up(self, what: str) -> None:
        """Make only its first thread give something up."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


@contextmanager
def threaded(count: int, *what: str) -> Iterator[Threaded]:
    """Start it with `count` threads, the first of which has given up `what`."""
    pipe = subprocess.PIPE
    process = subprocess.Popen([str(built("threaded")), str(count), *what], stdin=pipe, stdout=pipe, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Threaded(process)
    finally:
        process.kill()
        process.communicate()
