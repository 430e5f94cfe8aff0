"""What a screen reader reads of every page, over the real accessibility bus (AT-SPI).

`python -m window.access.tree judge [few]` starts the window in a process of its own, walks its tree at each stop, then
presses Tab and listens; it prints all as JSON. Runs below dbus-run-session. `window.access.bus` is about events.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from jeepney import DBusAddress, Properties, new_method_call
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
        if depth > 1 and "visible" not in node["states"] and "showing" not in node["states"]:  # type: ignore[operator]
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
    """Print the tree of each stop, and where Tab leads."""
    with open_dbus_connection("SESSION") as session:
        asked = new_method_call(
            DBusAddress("/org/a11y/bus", bus_name="org.a11y.Bus", interface="org.a11y.Bus"), "GetAddress"
        )
        (address,) = unwrap_msg(session.send_and_get_reply(asked, timeout=60))
    reader = Reader(address)
    window = subprocess.Popen(
        [sys.executable, "-m", "window.access.tree", "window", *words],
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
            programs = reader.children(root)
            while not programs:
                time.sleep(0.2)
                programs = reader.children(root)
            found[stop] = [node for top in reader.children(programs[0]) for node in reader.tree(top)]
        for _ in range(6 if words else TABS):
            ask("tab")
            tops = [top for top in reader.children(programs[0]) if "showing" in reader.states(top)]
            here = next((node for top in tops if (node := focused(reader, top)) is not None), None)
            tabs.append(here or {"role": "", "name": "", "more": "", "states": [], "depth": 0})
    finally:
        sending.close()
        window.wait()
    sys.stdout.write("\n" + json.dumps({"found": found, "tabs": tabs}))


def window(words: list[str]) -> None:
    """Show the window; go one stop on for each line read, or press Tab."""
    from PySide6.QtCore import QSocketNotifier, Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from stratascope.ui.app import app as ui
    from window.access import scenes

    application = ui.make_application(["access.tree"])
    with scenes.opened() as shown:
        walks = scenes.views(shown) if words else _everything(shown)
        waiting = QSocketNotifier(0, QSocketNotifier.Type.Read)

        def step() -> None:
            asked = os.read(0, 100).decode()
            if not asked:
                application.quit()
                return
            if asked.strip() == "tab":
                QTest.keyClick(QApplication.focusWidget() or shown, Qt.Key.Key_Tab)
                scenes.settle()
                said = "tab"
            else:
                said = next((stop for stop, _ in walks), "the end")
                if said == "the end":
                    shown.activateWindow()
                    shown.containers.view.setFocus()
            sys.stdout.write(f"at {said}\n")
            sys.stdout.flush()

        waiting.activated.connect(step)
        application.exec()
    os._exit(0)


def _everything(shown: object) -> Iterator[tuple[str, object]]:
    from window.access import scenes

    for walk in (scenes.views, scenes.states, scenes.from_menu, scenes.from_buttons, scenes.values, scenes.several,
                 scenes.relaunch):  # fmt: skip
        yield from walk(shown)  # type: ignore[arg-type]


if __name__ == "__main__":
    {"judge": judge, "window": window}[sys.argv[1]](sys.argv[2:])
