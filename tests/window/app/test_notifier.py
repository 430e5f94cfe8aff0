"""Notifications on a real message bus, with a small service in place of a desktop's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from stratascope import sandbox
from stratascope.core.message import msg
from stratascope.desktop_bus import notices as module
from stratascope.ui.app.notifier import Notifier
from stratascope.usecases.live.alerts import Alert

ALERT = Alert(("docker", "abc"), msg("New and poorly protected: {name}", name="<b>x</b>"), msg("Its <i>exposure</i>"))

# Answers Notify and AddNotification, prints what it got, and clicks each notification at once.
SERVICE = """
import sys
from jeepney import HeaderFields, MessageType, message_bus, new_method_return, new_signal, DBusAddress
from jeepney.io.blocking import open_dbus_connection
name, path, interface = sys.argv[1:4]
link = open_dbus_connection(bus="SESSION")
link.send_and_get_reply(message_bus.RequestName(name))
print("ready", flush=True)
emitter = DBusAddress(path, name, interface)
while True:
    call = link.receive()
    if call.header.message_type is not MessageType.method_call:
        continue
    if call.header.fields[HeaderFields.member] == "GetCapabilities":
        link.send(new_method_return(call, "as", (["body-markup"],)))
        continue
    print(call.header.fields[HeaderFields.member], repr(call.body), flush=True)
    if interface.endswith(".portal.Notification"):
        link.send(new_method_return(call))
        link.send(new_signal(emitter, "ActionInvoked", "ssav", (call.body[0], "show", [])))
    else:
        link.send(new_method_return(call, "u", (7,)))
        link.send(new_signal(emitter, "ActivationToken", "us", (7, "let it")))
        link.send(new_signal(emitter, "ActivationToken", "us", (99, "let the other")))
        link.send(new_signal(emitter, "ActionInvoked", "us", (99, "default")))  # another program's
        link.send(new_signal(emitter, "ActionInvoked", "us", (7, "default")))
"""


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is not installed")
    command = ["dbus-daemon", "--session", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        address = daemon.stdout.readline().strip()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield address
        daemon.terminate()


def sending() -> bool:
    """Whether a notifier's thread is running."""
    return any(thread.name == "notify" for thread in threading.enumerate())


def service(*place: str) -> subprocess.Popen[str]:
    path, name, interface = place
    made = subprocess.Popen(
        [sys.executable, "-c", SERVICE, name, path, interface], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert made.stdout is not None
    assert made.stdout.readline() == "ready\n"
    return made


@pytest.mark.parametrize("sandboxed", [False, True], ids=["desktop", "portal"])
def test_told_and_clicked(
    qtbot: QtBot, bus: str, sandboxed: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    info = tmp_path / "flatpak-info"
    if sandboxed:
        info.write_text("")
    monkeypatch.setattr(sandbox, "INFO", info)
    with service(*(module.Portal if sandboxed else module.Desktop).place) as there:
        assert there.stdout is not None
        made = Notifier()
        with qtbot.waitSignal(made.clicked) as clicked:
            made.tell(ALERT)
        assert clicked.args == [("docker", "abc"), "" if sandboxed else "let it"]
        member, _, body = there.stdout.readline().partition(" ")
        assert member == ("AddNotification" if sandboxed else "Notify")
        assert "New and poorly protected: <b>x</b>" in body
        assert ("Its <i>exposure</i>" if sandboxed else "Its &lt;i&gt;exposure&lt;/i&gt;") in body
        made.stop()
        there.terminate()


def test_no_service_on_the_bus(qtbot: QtBot, bus: str) -> None:
    made = Notifier()
    made.tell(ALERT)
    made.tell(ALERT)
    made.stop()
    assert not sending()


@pytest.mark.parametrize("address", ["", "unix:path=/nowhere", "nonsense"])
def test_no_bus(qtbot: QtBot, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    made = Notifier()
    made.tell(ALERT)
    made.stop()
    assert not sending()


def test_the_bus_goes_away(qtbot: QtBot, bus: str) -> None:
    place = module.Desktop.place
    with service(*place) as there:
        made = Notifier()
        with qtbot.waitSignal(made.clicked):
            made.tell(ALERT)
        there.send_signal(signal.SIGKILL)
        there.wait()
    made.tell(ALERT)
    made.stop()
    assert not sending()
