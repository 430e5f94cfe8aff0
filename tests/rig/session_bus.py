"""A session bus of one's own, with a small desktop on it: a notification service, a tray, the portal, systemd.

The desktop is a process that prints each call as a line of JSON, and does what it is told on its standard input.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

NOTIFICATIONS, WATCHER = "org.freedesktop.Notifications", "org.kde.StatusNotifierWatcher"
PORTAL, SYSTEMD = "org.freedesktop.portal.Desktop", "org.freedesktop.systemd1"

_DESKTOP = """
import json, os, selectors, sys
from jeepney import *
from jeepney.io.blocking import open_dbus_connection
settings = json.loads(sys.argv[1])
link = open_dbus_connection(bus="SESSION")
for name in settings["names"]:
    link.send_and_get_reply(message_bus.RequestName(name))
def say(*what):
    print(json.dumps(what), flush=True)
say("ready")
number, item = 0, ""
def answer(call):
    global number, item
    member = call.header.fields[HeaderFields.member]
    if member == "GetCapabilities":
        return link.send(new_method_return(call, "as", (settings["capabilities"],)))
    say(member, call.body, call.header.fields[HeaderFields.sender])
    if member == "Notify":
        number += 1
        return link.send(new_method_return(call, "u", (number,)))
    if member == "RegisterStatusNotifierItem":
        item = call.body[0]
        for interface in ("org.kde.StatusNotifierItem", "com.canonical.dbusmenu"):
            link.send_and_get_reply(message_bus.AddMatch(MatchRule(type="signal", sender=item, interface=interface)))
    if member == "StartTransientUnit":
        return link.send(new_method_return(call, "o", ("/org/freedesktop/systemd1/job/1",)))
    if member == "RequestBackground":
        sender = call.header.fields[HeaderFields.sender][1:].replace(".", "_")
        token = call.body[1]["handle_token"][1]
        path = "/org/freedesktop/portal/desktop/request/" + sender + "/" + token
        link.send(new_method_return(call, "o", (path,)))
        code, background, login = settings["allows"]
        results = {"background": ("b", background), "autostart": ("b", login)}
        place = DBusAddress(path, interface="org.freedesktop.portal.Request")
        return link.send(new_signal(place, "Response", "ua{sv}", (code, results)))
    link.send(new_method_return(call))
def obey(line):
    what, *rest = json.loads(line)
    if what == "call":
        path, interface, member, signature, body = rest
        reply = link.send_and_get_reply(
            new_method_call(DBusAddress(path, item, interface), member, signature, tuple(body)), timeout=10)
        failed = reply.header.message_type is MessageType.error
        return say("reply", reply.header.fields[HeaderFields.error_name] if failed else reply.body)
    if what == "emit":
        path, interface, member, signature, body = rest
        link.send(new_signal(DBusAddress(path, interface=interface), member, signature, tuple(body)))
    if what == "name":
        link.send_and_get_reply(getattr(message_bus, rest[0])(rest[1]))
    say("done")
known = selectors.DefaultSelector()
for each in (link.sock, sys.stdin):
    known.register(each, selectors.EVENT_READ)
while True:
    while True:  # first: what came together with a reply is in no socket any more
        try:
            heard = link.receive(timeout=0)
        except TimeoutError:
            break
        if heard.header.message_type is MessageType.method_call:
            answer(heard)
        elif heard.header.message_type is MessageType.signal and heard.header.fields.get(HeaderFields.sender) == item:
            say("signal", heard.header.fields[HeaderFields.member], heard.body)
    if sys.stdin in [key.fileobj for key, _ in known.select()]:
        line = sys.stdin.readline()
        if not line:
            break
        obey(line)
"""


class Desktop:
    """The desktop's side."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.heard: list[list[Any]] = []

    def read(self) -> list[Any]:
        """The next thing that it got or did; waits for it."""
        assert self._process.stdout is not None
        found = cast("list[Any]", json.loads(self._process.stdout.readline()))
        self.heard.append(found)
        return found

    def until(self, what: str) -> list[Any]:
        """Read on to the next of that kind."""
        while (found := self.read())[0] != what:
            pass
        return found

    def do(self, *what: Any) -> Any:
        """Have it do something; what came of a call."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return self.until("reply")[1] if what[0] == "call" else self.until("done")

    def menu(self) -> list[str]:
        """The lines of the tray's menu."""
        _, (_, _, entries) = self.do("call", "/StatusNotifierItem/Menu", "com.canonical.dbusmenu", "GetLayout", "iias",
                                     [0, -1, []])  # fmt: skip
        return [entry[1][1].get("label", ["s", ""])[1] for entry in entries]

    def choose(self, number: int) -> None:
        """Click that line of the menu, from 1."""
        self.do("call", "/StatusNotifierItem/Menu", "com.canonical.dbusmenu", "Event", "isvu",
                [number, "clicked", ["s", ""], 0])  # fmt: skip

    def item(self, name: str) -> Any:
        """A property of the tray's icon."""
        return self.do("call", "/StatusNotifierItem", "org.freedesktop.DBus.Properties", "Get", "ss",
                       ["org.kde.StatusNotifierItem", name])[0][1]  # fmt: skip


@contextmanager
def session_bus() -> Iterator[str]:
    """A bus; its address."""
    command = ["dbus-daemon", "--session", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as daemon:
        assert daemon.stdout is not None
        try:
            yield daemon.stdout.readline().strip()
        finally:
            daemon.terminate()


@contextmanager
def desktop(
    address: str,
    *names: str,
    capabilities: tuple[str, ...] = ("body", "body-markup"),
    allows: tuple[int, bool, bool] = (0, True, True),
) -> Iterator[Desktop]:
    """A desktop that has these names on that bus."""
    settings = json.dumps({"names": names, "capabilities": capabilities, "allows": allows})
    with subprocess.Popen(
        [sys.executable, "-c", _DESKTOP, settings],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"DBUS_SESSION_BUS_ADDRESS": address},
    ) as process:  # fmt: skip
        made = Desktop(process)
        assert made.read() == ["ready"]
        try:
            yield made
        finally:
            process.terminate()
