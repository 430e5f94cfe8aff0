"""The collector from inside a Flatpak's sandbox: on the host where that is allowed, and else a clear word, no guess.

The sandbox's own /proc is never read for a container: the PIDs that engines tell are not in it, and those that are
belong to others. On the host one collector lives as long as this program, since starting one for each question would
take eighty times as long. One that dies is started again at once, so that a person sees no gap for it.
"""

from __future__ import annotations

from typing import Any

from stratascope import sandbox
from stratascope.core.capture import Capture
from stratascope.core.message import msg
from stratascope.core.ports import ConfinedError, ContainerCapture, ProbeError, Wish
from stratascope.probe.piped import PipedProber

# What flatpak-spawn says where the service refuses or is not there, and what the service says of a missing program
_NO_CALL, _NO_START, _NO_PROGRAM = "Portal call failed", "Failed to start command", "Failed to execute child process"


def withheld() -> ConfinedError:
    """That this sandbox keeps us from the host, and what would allow it."""
    return ConfinedError(
        msg(
            "This Flatpak has no access to the host's kernel, so much of what it enforces is not known. Allow it "
            "with this command, and start Stratascope again:"
        ),
        sandbox.GRANT,
    )


class WithheldProber:
    """A `core.ports.Prober` that may read nothing, and says so."""

    def host(self) -> Capture:
        """Raises ConfinedError."""
        raise withheld()

    def capture(self, wishes: tuple[Wish, ...]) -> tuple[ContainerCapture, ...]:
        """Raises ConfinedError."""
        if not wishes:
            return ()
        raise withheld()

    def close(self) -> None:
        """Nothing to end."""


class HostProber(PipedProber):
    """A `core.ports.Prober` on the host, behind flatpak-spawn."""

    def __init__(self, prefix: tuple[str, ...] = sandbox.HOST, *, python: str = "python3") -> None:
        super().__init__(prefix, python=python)
        self._is_greeted = False

    def _ask(self, request: dict[str, Any], key: str) -> Any:
        served = self._is_greeted
        try:
            return super()._ask(request, key)
        except ProbeError as error:
            if not served or not isinstance(error, _DiedError):
                raise
        return super()._ask(request, key)  # it had answered before, and was ended since: by a log-out, by a person

    def _start(self) -> None:
        self._is_greeted = False
        super()._start()

    def _greeted(self, hello: dict[str, Any]) -> None:
        self._is_greeted = True

    def _died(self) -> ProbeError:
        words = super()._died().words
        if self._is_greeted:
            text = msg("The reader on the host ended. It is started again at the next reading.")
        elif _NO_PROGRAM in words:
            text = msg("The host has no python3, which is needed to read its kernel. Install it there, and refresh.")
        elif _NO_CALL in words and _NO_START not in words:
            text = msg(
                "The host does not answer this Flatpak: its service {name} is not available. Start Stratascope from "
                "your desktop session, and refresh.",
                name=sandbox.NAME,
            )
        else:
            text = msg("The reader on the host could not be started. See its message, fix the cause, and refresh.")
        return _DiedError(text, words)


class _DiedError(ProbeError):
    """The child is gone; not that it was too slow, or spoke nonsense."""
