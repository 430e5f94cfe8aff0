"""What a child prints, bounded in bytes and in time: subprocess's `communicate` keeps all of it, however much it is."""

from __future__ import annotations

import os
import select
import selectors
import subprocess
import time
from collections.abc import Sequence

_STEP = 1 << 16
_WORDS_MAX = 1 << 16  # bytes kept of what it says on standard error, the last ones


class TooLongError(ValueError):
    """It printed more than was wanted of it."""


def printed(command: Sequence[str], *, seconds: float, most: int) -> bytes:
    """Standard output of a command that succeeds; it gets no input and runs in `/`.

    Raises OSError, subprocess.SubprocessError, TooLongError.
    """
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/"
    ) as child:  # fmt: skip
        try:
            said, words = collect(child, b"", seconds=seconds, most=most)
        except BaseException:
            child.kill()
            raise
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command, said, words)
    return said


def collect(child: subprocess.Popen[bytes], given: bytes, *, seconds: float, most: int) -> tuple[bytes, bytes]:
    """Standard output, and the end of standard error, of a child that has ended; `given` is its input.

    Raises subprocess.TimeoutExpired, and TooLongError past `most` bytes; the child goes on then.
    """
    assert child.stdout is not None
    assert child.stderr is not None
    until = time.monotonic() + seconds
    said: list[bytes] = []
    words, size = b"", 0
    with selectors.DefaultSelector() as selector:
        for pipe in (child.stdout, child.stderr):
            selector.register(pipe, selectors.EVENT_READ)
        if child.stdin is not None:
            selector.register(child.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            ready = selector.select(max(0.0, until - time.monotonic()))
            if not ready and time.monotonic() >= until:
                raise subprocess.TimeoutExpired(child.args, seconds, b"".join(said), words)
            for key, _ in ready:
                if key.fileobj is child.stdin:
                    given = _fed(child, given)
                    if not given:
                        selector.unregister(child.stdin)
                        child.stdin.close()
                    continue
                part = os.read(key.fd, _STEP)
                if not part:
                    selector.unregister(key.fileobj)
                elif key.fileobj is child.stderr:
                    words = (words + part)[-_WORDS_MAX:]
                else:
                    said.append(part)
                    size += len(part)
                    if size > most:
                        raise TooLongError(f"more than {most} bytes")
    child.wait(max(0.0, until - time.monotonic()))
    return b"".join(said), words


def _fed(child: subprocess.Popen[bytes], given: bytes) -> bytes:
    """What of it is left; nothing where nobody reads it."""
    assert child.stdin is not None
    try:
        return given[os.write(child.stdin.fileno(), given[: select.PIPE_BUF]) :] if given else b""
    except BrokenPipeError:
        return b""
