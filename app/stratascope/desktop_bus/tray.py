"""The icon in the desktop's tray, with a menu: StatusNotifierItem and com.canonical.dbusmenu, as their interfaces in
KDE's knotifications and in libdbusmenu define them.

A desktop without a tray has no StatusNotifierWatcher on the bus: then nothing is shown. One that comes later, or again,
is registered with when it comes. Only this user can reach the session bus; whoever calls can do no more than the menu.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jeepney
from jeepney import HeaderFields

from stratascope import resources
from stratascope.desktop_bus.connection import FAILURES, Connection
from stratascope.value import Value

ITEM, MENU = "/StatusNotifierItem", "/StatusNotifierItem/Menu"
_ITEM, _MENU = "org.kde.StatusNotifierItem", "com.canonical.dbusmenu"
_PROPERTIES = "org.freedesktop.DBus.Properties"
WATCHER = ("/StatusNotifierWatcher", "org.kde.StatusNotifierWatcher", "org.kde.StatusNotifierWatcher")
_BUS = ("org.freedesktop.DBus", "NameOwnerChanged")
_UNKNOWN = "org.freedesktop.DBus.Error.UnknownMethod"
_MOST = 40  # entries of the menu


class Entry(Value):
    """A line of the menu. `chosen`: what to do, None: it only tells; an empty text is a separator."""

    text: str
    chosen: Callable[[str], None] | None = None


class Tray(Value):
    """What the tray shows. `alarm`: it wants to be looked at; `opened`: what a click does, given the token that lets a
    window come to the front.
    """

    title: str
    line: str
    alarm: bool
    entries: tuple[Entry, ...]
    opened: Callable[[str], None]


class TrayIcon:
    """Shows the latest `Tray`, where the desktop has a tray."""

    def __init__(self, link: Connection) -> None:
        """Raises one of FAILURES."""
        self._link = link
        self._tray: Tray | None = None
        self._said: tuple[object, ...] = ()
        self._revision = 1
        self._token = ""
        self.shown = False  # whether a tray has taken it
        link.listen(*_BUS, argument=WATCHER[1])

    def show(self, tray: Tray) -> None:
        """Show this from now on. Raises one of FAILURES."""
        first, self._tray = self._tray is None, tray
        said = (tray.line, tray.alarm, tuple(each.text for each in tray.entries))
        if first:
            self._said = said
            self._register()
        elif said != self._said:
            self._said = said
            self._revision += 1
            for name, signature, body in (("NewToolTip", None, ()), ("NewTitle", None, ()),
                                          ("NewStatus", "s", (self._status,))):  # fmt: skip
                self._signal(ITEM, _ITEM, name, signature, body)
            self._signal(MENU, _MENU, "LayoutUpdated", "ui", (self._revision, 0))

    def hear(self, message: Any) -> None:
        """Answer a call, or register with a tray that has come. Raises one of FAILURES."""
        fields = message.header.fields
        if message.header.message_type is jeepney.MessageType.signal:
            ours = fields.get(HeaderFields.interface), fields.get(HeaderFields.member)
            if ours == _BUS and len(message.body) == 3 and message.body[0] == WATCHER[1]:
                self.shown = False
                if message.body[2]:
                    self._register()
            return
        try:
            answer = self._answer(fields, message.body)
        except (LookupError, TypeError, ValueError):
            answer = None
        if message.header.flags & jeepney.MessageFlag.no_reply_expected:
            return
        if answer is None:
            self._link.send(jeepney.new_error(message, _UNKNOWN))
        else:
            self._link.send(jeepney.new_method_return(message, *answer))

    def _register(self) -> None:
        if self._tray is None or not self._link.has_owner(WATCHER[1]):
            return
        try:
            self._link.call(WATCHER, "RegisterStatusNotifierItem", "s", (self._link.name,))
        except FAILURES:
            return  # it went away again, or wants none
        self.shown = True

    def _signal(self, path: str, interface: str, name: str, signature: str | None, body: tuple[Any, ...]) -> None:
        self._link.send(jeepney.new_signal(jeepney.DBusAddress(path, interface=interface), name, signature, body))

    # -- answers: signature and values

    def _answer(self, fields: Any, body: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """None: there is no such method here. Raises LookupError, TypeError, ValueError for a call that is not fit."""
        path, interface, member = (
            fields.get(each) for each in (HeaderFields.path, HeaderFields.interface, HeaderFields.member)
        )
        if self._tray is None or path not in (ITEM, MENU):
            return None
        if interface == _PROPERTIES:
            known = self._item() if path == ITEM else _MENU_PROPERTIES
            if member == "GetAll":
                return "a{sv}", (known,)
            return ("v", (known[body[1]],)) if member == "Get" else None
        if path == ITEM and interface in (_ITEM, None):
            return self._act(member, body)
        return self._menu(member, body) if path == MENU and interface in (_MENU, None) else None

    def _act(self, member: str, body: tuple[Any, ...]) -> tuple[Any, ...] | None:
        match member:
            case "ProvideXdgActivationToken":
                self._token = str(body[0])[:1000]
            case "Activate" | "SecondaryActivate":
                if self._tray is not None:
                    self._tray.opened(self._take_token())
            case "ContextMenu" | "Scroll":
                pass
            case _:
                return None
        return ()

    def _take_token(self) -> str:
        token, self._token = self._token, ""
        return token

    def _menu(self, member: str, body: tuple[Any, ...]) -> tuple[Any, ...] | None:
        match member:
            case "GetLayout":
                return "u(ia{sv}av)", (self._revision, self._layout(body[0], body[1]))
            case "GetGroupProperties":
                asked = body[0][:_MOST] or range(len(self._entries) + 1)
                found = [(each, self._properties(each)) for each in asked if 0 <= each <= len(self._entries)]
                return "a(ia{sv})", (found,)
            case "GetProperty":
                return "v", (self._properties(body[0])[body[1]],)
            case "Event":
                self._event(body[0], body[1])
                return ()
            case "EventGroup":
                for number, what, *_ in body[0][:_MOST]:
                    self._event(number, what)
                return "ai", ([],)
            case "AboutToShow":
                return "b", (False,)
            case "AboutToShowGroup":
                return "aiai", ([], [])
        return None

    @property
    def _entries(self) -> tuple[Entry, ...]:
        return () if self._tray is None else self._tray.entries[:_MOST]

    @property
    def _status(self) -> str:
        return "NeedsAttention" if self._tray is not None and self._tray.alarm else "Active"

    def _layout(self, parent: int, depth: int) -> tuple[Any, ...]:
        """The whole menu is one level below 0. Raises IndexError."""
        inside = range(1, len(self._entries) + 1) if parent == 0 and depth != 0 else ()
        return parent, self._properties(parent), [("(ia{sv}av)", (each, self._properties(each), [])) for each in inside]

    def _properties(self, number: int) -> dict[str, tuple[str, Any]]:
        if number == 0:
            return {"children-display": ("s", "submenu")}
        if number < 0:
            raise IndexError(number)
        entry = self._entries[number - 1]
        if not entry.text:
            return {"type": ("s", "separator")}
        # an underscore marks the next letter as a key
        return {"label": ("s", entry.text.replace("_", "__")), "enabled": ("b", entry.chosen is not None)}

    def _event(self, number: int, what: str) -> None:
        if what == "clicked" and number > 0:
            chosen = self._entries[number - 1].chosen
            if chosen is not None:
                chosen(self._take_token())

    def _item(self) -> dict[str, tuple[str, Any]]:
        assert self._tray is not None
        tray, icons = self._tray, resources.path(resources.ICON).parents[3]
        return {
            "Category": ("s", "SystemServices"),
            "Id": ("s", resources.APPLICATION_ID),
            "Title": ("s", tray.title),
            "Status": ("s", self._status),
            "WindowId": ("i", 0),
            "IconName": ("s", resources.APPLICATION_ID),
            "IconThemePath": ("s", str(icons)),
            "IconPixmap": ("a(iiay)", []),
            "OverlayIconName": ("s", ""),
            "OverlayIconPixmap": ("a(iiay)", []),
            "AttentionIconName": ("s", resources.APPLICATION_ID),
            "AttentionIconPixmap": ("a(iiay)", []),
            "AttentionMovieName": ("s", ""),
            "ToolTip": ("(sa(iiay)ss)", (resources.APPLICATION_ID, [], tray.title, tray.line)),
            "ItemIsMenu": ("b", False),
            "Menu": ("o", MENU),
        }


_MENU_PROPERTIES: dict[str, tuple[str, Any]] = {
    "Version": ("u", 3),
    "TextDirection": ("s", "ltr"),
    "Status": ("s", "normal"),
    "IconThemePath": ("as", []),
}
