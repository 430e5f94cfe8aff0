"""What a screen reader reads of every page, and what it hears, over the real accessibility bus (AT-SPI).

`python -m window.access.tree judge WALK` starts the window in a process of its own, reads its tree at each stop of that
walk of window.access.scenes, presses Tab, and listens while the focus moves and something is announced; it prints all
as JSON. Runs below dbus-run-session, and for LONGEST at most. Qt lists no popups below the program; test_names reads
those.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

from jeepney import DBusAddress, HeaderFields, MatchRule, Message, Properties, message_bus, new_method_call
from jeepney.io.blocking import DBusConnection, open_dbus_connection
from jeepney.wrappers import unwrap_msg

ACCESSIBLE = "org.a11y.atspi.Accessible"
STATES = {
    4: "checked", 5: "collapsed", 7: "editable", 8: "enabled", 9: "expandable", 10: "expanded", 11: "focusable",
    12: "focused", 20: "pressed", 22: "selectable", 23: "selected", 24: "sensitive", 25: "showing", 30: "visible",
    41: "checkable",
}  # fmt: skip
MANY, FEW = 40, 12  # children of one parent: with more than MANY, the first FEW are read
TABS = 90
LONGEST = 400  # s
REGISTRY = ("org.a11y.atspi.Registry", "/org/a11y/atspi/registry")
HEARD = MatchRule(type="signal", interface="org.a11y.atspi.Event.Object")
ROWS = ("list", "table", "tree", "tree table")
Node = dict[str, object]
Ref = tuple[str, str]  # name on the bus, path


class Reader:
    """Asks a program's accessible objects, one call after the other."""

    def __init__(self, address: str) -> None:
        self.bus: DBusConnection = open_dbus_connection(address)

    def call(
        self, ref: Ref, member: str, interface: str = ACCESSIBLE, signature: str = "", *body: object
    ) -> tuple[Any, ...]:
        """Return the reply's values. Raises DBusErrorResponse if the object is gone."""
        address = DBusAddress(ref[1], bus_name=ref[0], interface=interface)
        asked = new_method_call(address, member, signature or None, body)
        reply: tuple[Any, ...] = unwrap_msg(self.bus.send_and_get_reply(asked, timeout=120))
        return reply

    def told(self, ref: Ref, what: str) -> str:
        """Return a property of text."""
        address = DBusAddress(ref[1], bus_name=ref[0], interface=ACCESSIBLE)
        return str(unwrap_msg(self.bus.send_and_get_reply(Properties(address).get(what), timeout=120))[0][1])

    def states(self, ref: Ref) -> list[str]:
        low, high = self.call(ref, "GetState")[0]
        bits = low | high << 32
        return [name for place, name in STATES.items() if bits >> place & 1]

    def listen(self) -> None:
        """Ask for events: programs send only those that somebody asked for."""
        unwrap_msg(self.bus.send_and_get_reply(message_bus.AddMatch(HEARD), timeout=60))
        for event in ("object:state-changed:focused", "object:announcement"):
            self.call(REGISTRY, "RegisterEvent", REGISTRY[0], "s", event)

    def children(self, ref: Ref) -> list[Ref]:
        return [tuple(each) for each in self.call(ref, "GetChildren")[0]]

    def node(self, ref: Ref, depth: int) -> Node:
        return {
            "role": self.call(ref, "GetRoleName")[0],
            "name": self.told(ref, "Name"),
            "more": self.told(ref, "Description"),
            "states": self.states(ref),
            "depth": depth,
        }

    def tree(self, ref: Ref, depth: int = 0) -> Iterator[Node]:
        """Yield what is in sight, in the order in which it is read."""
        node = self.node(ref, depth)
        if "visible" not in node["states"] and "showing" not in node["states"]:  # type: ignore[operator]
            return
        yield node
        below = self.children(ref)
        for each in islice(below, FEW if len(below) > MANY else None):
            yield from self.tree(each, depth + 1)


def focused(reader: Reader, ref: Ref) -> Node | None:
    """Return the object that has the keyboard."""
    waiting = [ref]
    while waiting:
        each = waiting.pop()
        states = reader.states(each)
        if "focused" in states:
            below = [child for child in reader.children(each)[:60] if "focused" in reader.states(child)]
            return reader.node(below[0] if below else each, 0)
        rows = reader.call(each, "GetRoleName")[0] in ROWS  # Qt calls the current one focused, wherever the keyboard is
        if not rows and ("visible" in states or "showing" in states or each == ref):
            below = reader.children(each)
            waiting += below if len(below) <= MANY else below[:FEW]
    return None


def judge(words: list[str]) -> None:
    """Print the tree of each stop, where Tab leads, and what is heard."""
    signal.alarm(LONGEST)
    with open_dbus_connection("SESSION") as session:
        asked = new_method_call(
            DBusAddress("/org/a11y/bus", bus_name="org.a11y.Bus", interface="org.a11y.Bus"), "GetAddress"
        )
        (address,) = unwrap_msg(session.send_and_get_reply(asked, timeout=60))
    reader, heard = Reader(address), deque[Message]()
    window = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-m", "window.access.tree", "window", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    sending, coming = window.stdin, window.stdout
    assert sending is not None
    assert coming is not None
    found: dict[str, list[Node]] = {}
    tabs: list[Node] = []
    root = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")

    def ask(word: str) -> str:
        sending.write(f"{word}\n")
        sending.flush()
        while line := coming.readline():
            if line.startswith("at "):
                return line[3:].strip()
        raise AssertionError(f"the window ended: {window.poll()}")

    try:
        while (stop := ask("next")) != "the end":
            inner, stop = stop.startswith("+"), stop.lstrip("+")
            programs = reader.children(root)
            while not programs:
                time.sleep(0.2)
                programs = reader.children(root)
            tops = reader.children(programs[0])  # the window first
            read = tops[:1] if inner else tops[1:]
            found[stop] = [node for top in read for node in reader.tree(top)]
        for _ in range(TABS if words == ["everything"] else 6):
            ask("tab")
            tops = [top for top in reader.children(programs[0]) if "showing" in reader.states(top)]
            here = next((node for top in tops if (node := focused(reader, top)) is not None), None)
            tabs.append(here or {"role": "", "name": "", "more": "", "states": [], "depth": 0})
        with reader.bus.filter(HEARD, queue=heard):
            reader.listen()
            for word in ("listen", "move"):
                ask(word)
                time.sleep(0.5)
                reader.children(root)  # whatever came before the reply is heard
    finally:
        sending.close()
        window.wait()
    sys.stdout.write("\n" + json.dumps({"found": found, "tabs": tabs, "heard": [told_by(each) for each in heard]}))


def told_by(event: Message) -> tuple[str, str, str]:
    """Return where it happened, and what: member and first word."""
    fields = event.header.fields
    return fields[HeaderFields.path], fields[HeaderFields.member], event.body[0] if event.body[1] else ""


def window(words: list[str]) -> None:
    """Show the window; go one stop on for each line read, or press Tab, or move through the rays and announce it."""
    from PySide6.QtCore import QSocketNotifier, Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from stratascope.ui.app import app as ui
    from stratascope.ui.kit import accessibility
    from window.access import scenes

    application = ui.make_application(["access.tree"])
    with scenes.opened() as shown:
        walks = getattr(scenes, words[0])(shown)
        waiting = QSocketNotifier(0, QSocketNotifier.Type.Read)

        def step() -> None:
            asked = os.read(0, 100).decode()
            if not asked:
                application.quit()
                return
            said = asked.strip()
            if said == "listen":
                shown.strata_page.strata.rays.setFocus(Qt.FocusReason.TabFocusReason)
            elif said == "move":
                for _ in range(3):
                    QTest.keyClick(shown.strata_page.strata.rays, Qt.Key.Key_Right)
                accessibility.announce(shown, "something happened")
            elif said == "tab":
                QTest.keyClick(QApplication.focusWidget() or shown, Qt.Key.Key_Tab)
                scenes.settle()
            else:
                said = next((f"+{stop}" if top is shown else stop for stop, top in walks), "the end")
                if said == "the end":
                    shown.activateWindow()
                    shown.containers.view.setFocus()
            sys.stdout.write(f"at {said}\n")
            sys.stdout.flush()

        waiting.activated.connect(step)
        application.exec()
    os._exit(0)


if __name__ == "__main__":
    {"judge": judge, "window": window}[sys.argv[1]](sys.argv[2:])
