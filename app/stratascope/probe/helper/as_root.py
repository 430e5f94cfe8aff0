"""Runs a small program of ours once as root, by pkexec or sudo, with the host's own Python.

The ways, the order in which they are tried and what a refusal means are those of the collector (`elevated`); only the
installed helper is none, since it can do nothing but read. Decided against `pkexec stratascope …`: root would import
from folders that a user may write to.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.probe.helper.elevated import PATIENCE, ElevatedProber, NoRootError, RootCommand, RootMethod, was_denied


def usable(candidates: tuple[RootCommand, ...]) -> tuple[RootCommand, ...]:
    """Those that run any program."""
    return tuple(way for way in candidates if way.kind is not RootMethod.HELPER)


def run_as_root(
    candidates: tuple[RootCommand, ...], program: bytes, request: bytes, *, patience: float = PATIENCE
) -> bytes:
    """What the program prints, by the first way that leads to root. Raises NoRootError; then it did not run."""
    last = NoRootError(msg("Neither pkexec nor sudo was found. Install one of them, or start Stratascope as root."))
    for way in usable(candidates):
        try:
            return _run(way, b"%d\n%b%b" % (len(program), program, request), patience)
        except NoRootError as error:
            last = error
            if error.final:
                raise
    raise last


def _run(way: RootCommand, data: bytes, patience: float) -> bytes:
    environment = {name: os.environ[name] for name in ElevatedProber.environment if name in os.environ}
    try:
        child = subprocess.Popen(
            way.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, "LC_ALL": "C"},
            cwd="/",
            start_new_session=not way.terminal,
        )
    except OSError as error:
        raise NoRootError(_refused(), f"{way.command[0]}: {error.strerror}", final=False) from error
    try:
        answer, said = child.communicate(data, timeout=patience)
    except subprocess.TimeoutExpired:
        _end(child, own_session=not way.terminal)
        raise NoRootError(
            msg("Nobody entered a password. Nothing was started as root, everything else is as before.")
        ) from None
    except BaseException:
        _end(child, own_session=not way.terminal)
        raise
    words = plain(said.decode("utf-8", "surrogateescape").strip(), 1000)
    if child.returncode:
        final = was_denied(child.returncode, words)
        raise NoRootError(_refused(), words or f"ended with {child.returncode}", final=final)
    return answer


def _refused() -> Message:
    return msg(
        "Nothing was started as root, because that was refused or is not possible here. Everything else is as before."
    )


def _end(child: subprocess.Popen[bytes], *, own_session: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if own_session:
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(5.0)
