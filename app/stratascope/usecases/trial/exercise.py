"""Commands of the user's, run against a twin: status 0 says that it works.

Each is run by sh as the user whose program this is, in a session of its own, and its process group is ended with it.
What it prints is kept for the reason why, and bounded. In a Flatpak it runs on the host, where that is allowed.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress

from stratascope import sandbox
from stratascope.core.message import Message, msg
from stratascope.usecases.evidence.expected import Clock
from stratascope.value import Value

SECONDS = 60.0  # that one command may take
_SAID_MOST = 1 << 14  # bytes of what it prints, the last ones
_LOOK = 0.05  # seconds between two looks whether to go on
_STEP = 1 << 16


class TwinAddress(Value):
    """Where the twin is."""

    pid: int  # of its first process, as the host counts
    name: str

    @property
    def environment(self) -> dict[str, str]:
        """What a command is told of it."""
        return {
            "STRATASCOPE_TWIN_PID": str(self.pid),
            "STRATASCOPE_TWIN_NAME": self.name,
            "STRATASCOPE_TWIN_NETNS": f"/proc/{self.pid}/ns/net",
        }


class Exercised(Value):
    """What a command came to. `why`: it failed; `said`: the end of what it printed, foreign text."""

    command: str
    why: Message | None = None
    said: str = ""


def exercise(
    command: str, place: TwinAddress, *, seconds: float, clock: Clock, cancelled: Callable[[], bool] = lambda: False
) -> Exercised:
    """Run one command to its end; its process group ends with it. Raises nothing."""
    access = sandbox.access()
    if access is sandbox.Access.WITHHELD:
        text = msg("This Flatpak can't run commands on the host. Allow it with this command: {command}",
                   command=sandbox.GRANT)  # fmt: skip
        return Exercised(command, text)
    try:
        child = subprocess.Popen(
            _argv(command, place, outside=access is sandbox.Access.OUTSIDE),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **place.environment},
            start_new_session=True,
        )
    except OSError as error:
        return Exercised(command, msg("It could not be started: {words}", words=error.strerror or str(error)))
    until, why = clock.now() + seconds, None
    said = bytearray()
    assert child.stdout is not None
    with child, selectors.DefaultSelector() as selector:
        os.set_blocking(child.stdout.fileno(), False)
        selector.register(child.stdout, selectors.EVENT_READ)
        while child.poll() is None:
            if cancelled():
                why = msg("Cancelled.")
            elif clock.now() >= until:
                why = msg("It did not finish within {seconds} seconds.", seconds=round(seconds))
            if why is not None:
                break
            if not selector.get_map():  # it closed its output, and goes on
                clock.sleep(_LOOK)
            elif selector.select(_LOOK) and not _read(child.stdout.fileno(), said):
                selector.unregister(child.stdout)
        _end(child)
        _read(child.stdout.fileno(), said)
    if why is None and child.returncode:
        why = msg("It exited with status {status}.", status=child.returncode)
    return Exercised(command, why, said.decode("utf-8", "replace"))


def _argv(command: str, place: TwinAddress, *, outside: bool) -> Sequence[str]:
    if outside:
        return ("/bin/sh", "-c", command)
    told = (f"--env={name}={value}" for name, value in place.environment.items())
    return (*sandbox.HOST, "--watch-bus", *told, "sh", "-c", command)  # it ends there where this end is killed


def _end(child: subprocess.Popen[bytes]) -> None:
    """Its whole process group, also what it left behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _read(descriptor: int, said: bytearray) -> bool:
    """What is there now; False at its end."""
    while True:
        try:
            part = os.read(descriptor, _STEP)
        except BlockingIOError:
            return True
        if not part:
            return False
        said += part
        del said[:-_SAID_MOST]
        if len(part) < _STEP:
            return True
