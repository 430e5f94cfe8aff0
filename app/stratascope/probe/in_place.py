"""Runs the program of the attempts as a child of a running process would run: in its namespaces, root directory and
control groups, with its ids, capabilities, label and system call filters (`collector.entering`).

It is not in its PID namespace, so that nothing inside sees it, and it leaves no file: the program is one without a
name. Where the process sees this machine's own, it has to be all that the process is, or it is not run: else the
process might take it over, and have what it lacks. It is never run in what shares all namespaces with this reader.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import select
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from stratascope.collector import children
from stratascope.collector.chroot import Files
from stratascope.collector.entering import enter, filtered, kept_through_exec, place_of
from stratascope.collector.read import CHUNK, TooLongError, ended, open_process, read_file, start_of
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError, RootOnlyError

SECONDS = 30.0
_MFD_EXEC = 0x10  # include/uapi/linux/memfd.h
_MOST = 4 << 20  # bytes that are read of it
_WAIT = 1.0  # until it is gone
_POLL = 0.2
ENTERED = "entered"
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def ran(pid: int, program: bytes, mark: str, words: Sequence[str], inside: str, cancelled: Callable[[], bool]) -> str:
    """What it said. Its first line is `mark` and JSON: ENTERED is true, `loose` and `short` as of
    `collector.entering`. `inside`: the process's mount namespace as it was read, so that no other is taken for it.

    Raises ProbeError.
    """
    try:
        directory = open_process(pid)
    except OSError as error:
        raise _refused(error) from None
    try:
        start = start_of(read_file("stat", directory))

        def same() -> bool:
            text = read_file("stat", directory)
            return start_of(text) == start and not ended(text)

        if not same() or os.readlink("ns/mnt", dir_fd=directory) != inside:
            raise ProbeError(msg("It has ended."))
        held = _held(program)
        try:
            child, pipe = children.start(
                lambda out, parent: _become(directory, pid, same, held, mark, words, out, parent)
            )
        finally:
            os.close(held)
    except (OSError, TooLongError) as error:
        raise _refused(error) from None
    finally:
        os.close(directory)
    try:
        text = _heard(pipe, cancelled)
    finally:
        os.close(pipe)
        children.stopped(child, _WAIT)
    first = text.partition("\n")[0]
    if not first.startswith(mark):
        raise ProbeError(msg("It could not be tried there: {reason}", reason=os.strerror(errno.EIO)))
    told = json.loads(first[len(mark) :])
    if ENTERED not in told:
        raise _refused(OSError(told["errno"], told["why"]))
    if f'{mark}{{"ready"' not in text:
        raise ProbeError(msg("Its filter or its label does not let a program start, or it ended before it began."))
    return text


def _refused(error: Exception) -> ProbeError:
    if isinstance(error, PermissionError):
        return RootOnlyError()
    return ProbeError(msg("Nothing was tried: {reason}", reason=getattr(error, "strerror", None) or str(error)))


def _held(program: bytes) -> int:
    """A file without a name that can be run and not be written to any more."""
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        held = os.memfd_create("attempts", flags | _MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:  # Linux before 6.3, where all can be run
            raise
        held = os.memfd_create("attempts", flags)
    try:
        with os.fdopen(os.dup(held), "wb") as file:
            file.write(program)
        os.fchmod(held, 0o555)
        fcntl.fcntl(held, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(held)
        raise
    return held


def _become(
    directory: int,
    pid: int,
    same: Callable[[], bool],
    program: int,
    mark: str,
    words: Sequence[str],
    out: int,
    parent: int,
) -> None:
    """The child."""
    try:
        null = os.open("/dev/null", os.O_RDWR)
        shared = os.stat("ns/pid", dir_fd=directory).st_ino == Path("/proc/self/ns/pid").stat().st_ino
        place = place_of(Files(directory, pid, "", top=False), same)
        if not place.namespaces:
            raise OSError(errno.ENOTSUP, "it shares all namespaces with this machine, and nothing is tried on that")
        os.setsid()  # no terminal of ours is within its reach
        resource.setrlimit(resource.RLIMIT_CORE, (1, 1))  # no core, not even through a pipe: core(5)
        entered = enter(place, parent)
        if shared and entered.loose:
            raise OSError(errno.ENOTSUP, "it sees this machine's processes, and not all of its restrictions are known")
        kept_through_exec()
        text = json.dumps({ENTERED: True, "loose": entered.loose, "short": entered.short})
        os.write(out, f"{mark}{text}\n".encode())
        for number in (0, 2):
            os.dup2(null, number)
        os.dup2(out, 1)
        filtered(entered.filters)
        os.execve(program, ("attempts", "place", *words), {})
    except OSError as error:
        text = json.dumps({"errno": error.errno or errno.EIO, "why": error.strerror or ""})
        os.write(out, f"{mark}{text}\n".encode())
    os._exit(1)


def _heard(pipe: int, cancelled: Callable[[], bool]) -> str:
    heard, until = b"", time.monotonic() + SECONDS
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while len(heard) < _MOST and time.monotonic() < until and not cancelled():
        if poll.poll(_POLL * 1000):
            part = os.read(pipe, CHUNK)
            if not part:
                break
            heard += part
    return heard.decode("utf-8", "replace")
