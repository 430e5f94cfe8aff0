"""A connection to the session bus whose caller also answers calls: nothing that comes in between is lost.

Jeepney's own connection drops what it did not wait for. Here calls and signals are kept until the owner takes them, and
another thread can wake the owner up. Bounded: whoever floods the bus loses messages of its own.
"""

from __future__ import annotations

import os
import selectors
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import jeepney
from jeepney.io import blocking

ANSWER = 5.0  # seconds
_KEPT_MOST = 256
FAILURES = (
    OSError,
    ValueError,
    RuntimeError,
    KeyError,
    IndexError,
    jeepney.DBusErrorResponse,
    jeepney.AuthenticationError,
)


def address(environ: Mapping[str, str]) -> str:
    """Where the session bus is: as the environment says, else where systemd's user manager puts it (sd_bus_open(3))."""
    told = environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    return told or (f"unix:path={runtime}/bus" if runtime.startswith("/") else "")


class Connection:
    """One thread owns it; `wake` may be called from any. Everything raises one of FAILURES if the bus is gone."""

    def __init__(self) -> None:
        if not os.environ.get("DBUS_SESSION_BUS_ADDRESS") and (found := address(os.environ)):
            os.environ["DBUS_SESSION_BUS_ADDRESS"] = found
        self._link = blocking.open_dbus_connection(bus="SESSION")
        self.name: str = self._link.unique_name
        self._heard: deque[Any] = deque(maxlen=_KEPT_MOST)
        for kind in ("method_call", "signal"):
            self._link.filter(jeepney.MatchRule(type=kind), queue=self._heard).__enter__()
        self._woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector = selectors.DefaultSelector()
        for what in (self._link.sock, self._woken):
            self._selector.register(what, selectors.EVENT_READ)

    def close(self) -> None:
        """Close it; not twice."""
        self._selector.close()
        os.close(self._woken)
        self._link.close()

    def wake(self) -> None:
        """End the owner's waiting."""
        os.eventfd_write(self._woken, 1)

    def listen(self, interface: str, member: str, path: str = "", argument: str = "") -> None:
        """Have the bus send us this signal from now on. `argument`: only with this first argument."""
        rule = jeepney.MatchRule(type="signal", interface=interface, member=member, path=path or None)
        if argument:
            rule.add_arg_condition(0, argument)
        self._reply(jeepney.message_bus.AddMatch(rule))

    def has_owner(self, name: str) -> bool:
        """Whether somebody has that name on the bus now."""
        return bool(self._reply(jeepney.message_bus.NameHasOwner(name))[0])

    def call(self, place: tuple[str, str, str], member: str, signature: str = "", body: tuple[Any, ...] = ()) -> Any:
        """Call a method at `place` (path, bus name, interface); returns the reply's values."""
        return self._reply(jeepney.new_method_call(jeepney.DBusAddress(*place), member, signature, body))

    def send(self, message: Any) -> None:
        """Send a reply or a signal."""
        self._link.send(message)

    def heard(self, seconds: float | None) -> Iterator[Any]:
        """Wait this long (None: for ever) or until woken; what has come, calls and signals, oldest first."""
        self._receive()  # first: what came together with a reply is in no socket any more
        if not self._heard:
            ready = [key.fd for key, _ in self._selector.select(seconds)]
            if self._woken in ready:
                os.eventfd_read(self._woken)
            if ready != [self._woken]:
                self._receive()
        while self._heard:
            yield self._heard.popleft()

    def _receive(self) -> None:
        while True:
            try:
                self._link.recv_messages(timeout=0)
            except TimeoutError:
                return

    def _reply(self, message: Any) -> Any:
        return jeepney.wrappers.unwrap_msg(self._link.send_and_get_reply(message, timeout=ANSWER))
