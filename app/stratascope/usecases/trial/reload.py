"""A twin told by signal to read its configuration anew and to reopen its logs, as its service manager and logrotate do.

What a program does then takes other rights than its start did, and comes on another day. Told are only signals for
which it has a handler; an unchanged twin that ends by one is started again, and no other is told so. Decided against
SIGUSR2, which means something else to each.
"""

from __future__ import annotations

from stratascope.core.ports import NoSuchContainerError, RefusedError
from stratascope.usecases.engine_access import EngineAccess

SIGNALS = (("HUP", 1), ("USR1", 10))  # on every architecture that engines run on
WAIT = 0.3  # seconds that it may take over one
END = 0.5  # … in which an unchanged one ends that takes it for its end
_LOOK = 0.05


def understood(access: EngineAccess, container: str) -> tuple[str, ...]:
    """Which of them the first process of an unchanged twin takes and goes on; tells it all that it has a handler for.

    Raises EngineError, NoSuchContainerError.
    """
    caught = access.caught_signals(container) or ()
    found: list[str] = []
    for name, number in SIGNALS:
        if number not in caught:
            continue
        if _told(access, container, name, END):
            found.append(name)
        else:
            access.port.start(container)
    return tuple(found)


def tell(access: EngineAccess, container: str, signals: tuple[str, ...]) -> str:
    """The signal by which it ended, of those; empty where it goes on. Raises EngineError, NoSuchContainerError."""
    return next((name for name in signals if not _told(access, container, name, WAIT)), "")


def _told(access: EngineAccess, container: str, signal: str, seconds: float) -> bool:
    """Whether it still runs afterwards."""
    try:
        access.port.signal(container, signal)
    except (RefusedError, NoSuchContainerError):  # it ended just now
        return False
    until = access.clock.now() + seconds
    while access.port.running(container).status == "running":
        if access.clock.now() >= until:
            return True
        access.clock.sleep(_LOOK)
    return False
