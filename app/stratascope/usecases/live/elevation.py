"""Asking for root on a person's request, and the outcome.

A person may take minutes to answer, so this has a thread of its own; nothing else waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from stratascope.core.message import msg
from stratascope.core.ports import ProbeError, Prober
from stratascope.core.privilege import Privilege, PrivilegeState
from stratascope.fault_log import fault_logger
from stratascope.value import replace

logger = fault_logger(__name__)


class RootAccess(Protocol):
    """A way to obtain a prober that runs as root."""

    @property
    def command(self) -> str:
        """What is run as root, to show to the person who is asked; "" if nobody is asked."""

    def open(self) -> Prober:
        """Ask, and wait for the answer, minutes if necessary. Raises ProbeError."""


class Elevation:
    """The states: idle, asking, then on or refused. `changed` is called from any thread at each transition."""

    def __init__(self, access: RootAccess | None, changed: Callable[[], None]) -> None:
        self._access = access
        self._changed = changed
        self._lock = threading.Lock()
        self._privilege = Privilege() if access is None else Privilege(PrivilegeState.IDLE, access.command)

    @property
    def privilege(self) -> Privilege:
        """The current state."""
        return self._privilege

    def begin(self) -> bool:
        """True if somebody is to be asked now; the caller must then call `ask`. False if already asking or on."""
        with self._lock:
            if self._privilege.state not in (PrivilegeState.IDLE, PrivilegeState.REFUSED):
                return False
            self._privilege = replace(self._privilege, state=PrivilegeState.ASKING, message=None, words="")
        self._changed()
        return True

    def ask(self, use: Callable[[Prober], None]) -> None:
        """Ask and wait; `use` gets the prober before the state is on."""
        if self._access is None:
            return
        try:
            use(self._access.open())
        except ProbeError as error:
            self.fall(error)
        except Exception as error:
            logger.exception("the reader that is root could not be started")
            self.fall(ProbeError(msg("The reader that runs as root could not be started."), str(error)))
        else:
            with self._lock:
                if self._privilege.state is PrivilegeState.ASKING:  # it may have failed already
                    self._privilege = replace(self._privilege, state=PrivilegeState.ON)
            self._changed()

    def fall(self, error: ProbeError) -> None:
        """It was refused, or ended later."""
        with self._lock:
            self._privilege = replace(
                self._privilege, state=PrivilegeState.REFUSED, message=error.message, words=error.words
            )
        self._changed()
