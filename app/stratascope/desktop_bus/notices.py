"""Desktop notifications: org.freedesktop.Notifications, or the portal's in a Flatpak. Text only, never markup.

See Desktop Notifications Specification 1.2, whose service sends a token before a click, and
org.freedesktop.portal.Notification. If no service answers, nothing is shown, and that is no error.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import jeepney

from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.desktop_bus.connection import Connection
from stratascope.i18n.translate import translate
from stratascope.sandbox import APP, Access, access
from stratascope.value import Value

SHOWN_MOST = 200  # notifications whose clicks are still recognised
Key = tuple[str, str]
Clicked = Callable[[Key, str], None]


class Notice(Value):
    """What is told, translated. `key`: the container that a click shows, by engine and id or name."""

    key: Key
    title: str
    text: str


class Notices:
    """Both services. `clicked` gets the key, and the token that lets a window come to the front, "" if none was sent.
    `shown`: the notices whose clicks are recognised.
    """

    place = ("", "", "")  # object path, bus name, interface
    members: tuple[str, ...] = ("ActionInvoked",)  # the signal of a click, and those that accompany it

    def __init__(self, link: Connection, clicked: Clicked) -> None:
        """Raises one of FAILURES."""
        self._link, self._clicked = link, clicked
        self.shown: dict[Any, Notice] = {}
        self._token: tuple[Any, str] = (None, "")  # notification id, and the activation token sent for it
        path, _, interface = self.place
        for member in self.members:
            link.listen(interface, member, path)

    def show(self, notice: Notice) -> None:
        """Show it. Raises one of FAILURES, such as for a desktop without the service."""
        self._send(notice)
        while len(self.shown) > SHOWN_MOST:
            self.shown.pop(next(iter(self.shown)))

    def hear(self, message: Any) -> None:
        """Take up a signal of the bus, if it is of a notice of ours."""
        fields = message.header.fields
        member = fields.get(jeepney.HeaderFields.member)
        if fields.get(jeepney.HeaderFields.interface) != self.place[2] or len(message.body) < 2:
            return
        number, what = message.body[:2]
        notice = self.shown.get(number)
        if notice is None or member not in self.members:
            return
        if member == "ActivationToken":
            self._token = (number, str(what))
            return
        owner, token = self._token
        self._token = (None, "")
        self._clicked(notice.key, token if owner == number else "")

    def _send(self, notice: Notice) -> None:
        raise NotImplementedError


class Desktop(Notices):
    """The desktop's own service."""

    place = ("/org/freedesktop/Notifications", "org.freedesktop.Notifications", "org.freedesktop.Notifications")
    members = ("ActivationToken", "ActionInvoked")

    def _send(self, notice: Notice) -> None:
        hints = {"desktop-entry": ("s", APP), "urgency": ("y", 1)}
        actions = ["default", translate(msg("Show"))]
        text = plain(notice.text)
        # the title is plain text; the body is markup to services that say so
        if "body-markup" in self._link.call(self.place, "GetCapabilities")[0]:
            text = html.escape(text, quote=False)
        body = ("Stratascope", 0, APP, plain(notice.title), text, actions, hints, -1)
        self.shown[self._link.call(self.place, "Notify", "susssasa{sv}i", body)[0]] = notice


class Portal(Notices):
    """The portal's service."""

    place = (
        "/org/freedesktop/portal/desktop",
        "org.freedesktop.portal.Desktop",
        "org.freedesktop.portal.Notification",
    )

    def _send(self, notice: Notice) -> None:
        number = "/".join(notice.key)
        what = {"title": ("s", plain(notice.title)), "body": ("s", plain(notice.text)), "default-action": ("s", "show")}
        self._link.call(self.place, "AddNotification", "sa{sv}", (number, what))
        self.shown[number] = notice


def notices(link: Connection, clicked: Clicked) -> Notices:
    """The service of this desktop. Raises one of FAILURES."""
    return (Desktop if access() is Access.OUTSIDE else Portal)(link, clicked)
