"""The window on a real accessibility bus (AT-SPI), seen from outside as a screen reader sees it.

`python -m window.access.bus window` shows it, and moves the focus through the rays when a line is read from its input;
`python -m window.access.bus judge` starts that, walks the tree over the bus, listens, and prints what it found as JSON.
Both run below dbus-run-session. Decided against pyatspi: it belongs to Debian's Python, and dbus-send is available
anyway.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from typing import IO

from PySide6.QtDBus import QDBusConnection, QDBusMessage

ROOT = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")
ACCESSIBLE = "org.a11y.atspi.Accessible"
MOST = 1500  # nodes visited; lists and the fleet have thousands more of the same kind
FEW = 6  # children visited of a parent with very many


def send(address: str, name: str, path: str, member: str, *words: str) -> str:
    """Send one call over a bus; return its reply as dbus-send prints it, "" without one."""
    bus = f"--bus={address}" if address else "--session"
    call = ["dbus-send", bus, "--print-reply", "--reply-timeout=300000", f"--dest={name}", path, member, *words]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def strings(reply: str) -> list[str]:
    return re.findall(r'string "((?:.|\n)*?)"\n', reply + "\n")


def children(address: str, name: str, path: str) -> list[tuple[str, str]]:
    """Return bus name and path of each child."""
    reply = send(address, name, path, f"{ACCESSIBLE}.GetChildren")
    return re.findall(r'string "([^"]*)"\s+object path "([^"]*)"', reply)


def told(address: str, name: str, path: str, what: str) -> str:
    reply = send(address, name, path, "org.freedesktop.DBus.Properties.Get", f"string:{ACCESSIBLE}", f"string:{what}")
    found = strings(reply)
    return found[0] if found else ""


def judge() -> None:
    """Walk the tree and listen."""
    address = strings(send("", "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus.GetAddress"))[0]
    wanted = want_events(address)
    with tempfile.TemporaryFile("w+") as events:  # a pipe that nobody reads is full after 64 KiB
        met = walk_and_move(address, events)
        events.seek(0)
        heard = events.read()
    assert wanted.isConnected()  # programs send events while it lives
    focused = re.findall(r'path=([^;]*);[^\n]*member=StateChanged\n\s+string "focused"\n\s+int32 1', heard)
    sys.stdout.write(
        "\n" + json.dumps({"met": met, "focused": focused, "announced": heard.count("member=Announcement")})
    )


def walk_and_move(address: str, events: IO[str]) -> list[tuple[str, str]]:
    """Return what the walk finds in the window; `events` collects what is sent meanwhile, and while the focus moves."""
    window = subprocess.Popen(
        [sys.executable, "-m", "window.access.bus", "window"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    listening = subprocess.Popen(
        ["dbus-monitor", "--address", address, "type='signal',interface='org.a11y.atspi.Event.Object'"], stdout=events
    )
    assert window.stdin is not None
    assert window.stdout is not None
    try:
        while window.stdout.readline().strip() != "ready":
            assert window.poll() is None
        programs: list[tuple[str, str]] = []
        while not programs:
            programs = children(address, *ROOT)
            time.sleep(0.2)
        met = walk(address, programs)
        window.stdin.write("move\n")
        window.stdin.flush()
        while window.stdout.readline().strip() != "moved":
            assert window.poll() is None
        time.sleep(1)
    finally:
        window.stdin.close()
        window.wait()
        listening.terminate()
        listening.wait()
    return met


def want_events(address: str) -> QDBusConnection:
    """Register for events: programs send only what a living client has asked for."""
    bus = QDBusConnection.connectToBus(address, "judge")
    for event in ("object:state-changed:focused", "object:announcement", "focus:"):
        call = QDBusMessage.createMethodCall(
            "org.a11y.atspi.Registry", "/org/a11y/atspi/registry", "org.a11y.atspi.Registry", "RegisterEvent"
        )
        call.setArguments([event])
        reply = bus.call(call)
        assert reply.type() is not QDBusMessage.MessageType.ErrorMessage, reply.errorMessage()
    return bus


def walk(address: str, programs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return role and name of each node, from the programs down."""
    met: list[tuple[str, str]] = []
    waiting = list(programs)
    while waiting and len(met) < MOST:
        name, path = waiting.pop()
        role = strings(send(address, name, path, f"{ACCESSIBLE}.GetRoleName"))
        met.append((role[0] if role else "", told(address, name, path, "Name")))
        below = children(address, name, path)
        waiting += below if len(below) <= 4 * FEW else below[:FEW]
    return met


def window() -> None:
    """Show the window until the input ends."""
    from PySide6.QtCore import QSocketNotifier, Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from stratascope.ui.app import app as ui
    from stratascope.ui.kit import accessibility
    from window.access import scenes

    application = ui.make_application(["access.bus"])
    with scenes.opened() as shown:
        waiting = QSocketNotifier(0, QSocketNotifier.Type.Read)

        def step() -> None:
            if not os.read(0, 100):
                application.quit()
                return
            rays = shown.strata_page.strata.rays
            rays.setFocus(Qt.FocusReason.TabFocusReason)
            for _ in range(3):
                QTest.keyClick(rays, Qt.Key.Key_Right)
            accessibility.announce(shown, "something happened")
            for _ in range(5):
                QApplication.processEvents()
            sys.stdout.write("moved\n")
            sys.stdout.flush()

        waiting.activated.connect(step)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        application.exec()
    os._exit(0)


if __name__ == "__main__":
    {"judge": judge, "window": window}[sys.argv[1]]()
