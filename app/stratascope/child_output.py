"""A child's output, bounded in bytes and in time: subprocess's `communicate` keeps all of it, however much it is."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Sequence

_STEP = 1 << 16
_ERRORS_MAX = 1 << 16  # bytes kept of standard error, the last ones


class TooLongError(ValueError):
    """The child printed more than allowed."""


def printed(command: Sequence[str], *, seconds: float, most: int) -> bytes:
    """Standard output of a command that succeeds; it gets no input and runs in `/`.

    Raises OSError, subprocess.SubprocessError, TooLongError.
    """
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/"
    ) as child:  # fmt: skip
        try:
            output, errors = _collect(child, seconds=seconds, most=most)
        except BaseException:
            child.kill()
            raise
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command, output, errors)
    return output


def _collect(child: subprocess.Popen[bytes], *, seconds: float, most: int) -> tuple[bytes, bytes]:
    """Standard output, and the end of standard error, of a child that has ended.

    Raises subprocess.TimeoutExpired, and TooLongError past `most` bytes; the child keeps running then.
    """
    assert child.stdout is not None
    assert child.stderr is not None
    until = time.monotonic() + seconds
    output: list[bytes] = []
    errors, size = b"", 0
    with selectors.DefaultSelector() as selector:
        for pipe in (child.stdout, child.stderr):
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, until - time.monotonic()))
            if not ready and time.monotonic() >= until:
                raise subprocess.TimeoutExpired(child.args, seconds, b"".join(output), errors)
            for key, _ in ready:
                part = os.read(key.fd, _STEP)
                if not part:
                    selector.unregister(key.fileobj)
                elif key.fileobj is child.stderr:
                    errors = (errors + part)[-_ERRORS_MAX:]
                else:
                    output.append(part)
                    size += len(part)
                    if size > most:
                        raise TooLongError(f"more than {most} bytes")
    child.wait(max(0.0, until - time.monotonic()))
    return b"".join(output), errors
