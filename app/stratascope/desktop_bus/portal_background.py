"""Asks the desktop whether a Flatpak may run in the background and start at login: org.freedesktop.portal.Background.

The answer is a signal of a request object, whose path is known before it is made (org.freedesktop.portal.Request), so
it can't be missed. A person may be asked, which takes as long as it takes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import jeepney

from stratascope.core.message import MessageError, msg
from stratascope.desktop_bus.connection import FAILURES, Connection
from stratascope.value import Value

PORTAL = ("/org/freedesktop/portal/desktop", "org.freedesktop.portal.Desktop", "org.freedesktop.portal.Background")
_REQUEST = "org.freedesktop.portal.Request"
_TOKEN = "stratascope"
PATIENCE = 120.0  # seconds for a person to answer


class Allowed(Value):
    """What the desktop allows: to go on without a window, to start at login."""

    background: bool
    login: bool


def ask(command: Sequence[str], reason: str, *, login: bool, patience: float = PATIENCE) -> Allowed:
    """Ask; not `login`: take the start at login back. Raises MessageError if there is no portal or no answer."""
    try:
        link = Connection()
        try:
            return _asked(link, command, reason, login, patience)
        finally:
            link.close()
    except FAILURES as error:
        raise MessageError(msg("The desktop's portal for programs in the background does not answer: {why}.",
                               why=str(error) or type(error).__name__)) from error  # fmt: skip


def _asked(link: Connection, command: Sequence[str], reason: str, login: bool, patience: float) -> Allowed:
    handle = f"/org/freedesktop/portal/desktop/request/{link.name[1:].replace('.', '_')}/{_TOKEN}"
    link.listen(_REQUEST, "Response", handle)
    options: dict[str, tuple[str, Any]] = {
        "handle_token": ("s", _TOKEN),
        "reason": ("s", reason),
        "autostart": ("b", login),
        "commandline": ("as", list(command)),
        "dbus-activatable": ("b", False),
    }
    link.call(PORTAL, "RequestBackground", "sa{sv}", ("", options))
    end = time.monotonic() + patience
    while (left := end - time.monotonic()) > 0:
        for message in link.heard(left):
            fields = message.header.fields
            if fields.get(jeepney.HeaderFields.path) == handle and len(message.body) == 2:
                code, results = message.body
                found = {name: value for name, (_, value) in results.items()}
                return Allowed(code == 0 and bool(found.get("background")), code == 0 and bool(found.get("autostart")))
    raise TimeoutError("no answer")
