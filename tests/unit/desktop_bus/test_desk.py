"""Notices, tray and starts on a real message bus, with a small desktop in place of one; and without any."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from rig.session_bus import NOTIFICATIONS, PORTAL, SYSTEMD, WATCHER, desktop, session_bus
from stratascope.core.message import MessageError
from stratascope.desktop_bus import desk as module
from stratascope.desktop_bus import portal_background
from stratascope.desktop_bus.connection import address
from stratascope.desktop_bus.desk import Desk
from stratascope.desktop_bus.notices import Notice
from stratascope.desktop_bus.portal_background import Allowed
from stratascope.desktop_bus.tray import Entry, Tray

pytestmark = pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed")
NOTICE = Notice(("docker", "abc"), "web could take over", "Possible <now>: a & b")


class Made:
    """A desk, and what it called."""

    def __init__(self) -> None:
        self.called: SimpleQueue[tuple[object, ...]] = SimpleQueue()
        self.desk = Desk(lambda key, token: self.called.put(("clicked", key, token)))

    def tray(self, line: str = "1 of 3 could take over", *, alarm: bool = True) -> Tray:
        entries = (
            Entry(line, lambda token: self.called.put(("line", token))),
            Entry(""),
            Entry("my_web: 9.8", lambda token: self.called.put(("web", token))),
            Entry("only told"),
        )
        return Tray("Stratascope", line, alarm, entries, lambda token: self.called.put(("opened", token)))


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with session_bus() as found:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", found)
        yield found


@pytest.fixture
def made() -> Iterator[Made]:
    found = Made()
    yield found
    found.desk.stop()
    assert not any(thread.name == "notify" for thread in threading.enumerate())


@pytest.mark.parametrize("markup", [False, True])
def test_a_notice_is_text_to_every_service(bus: str, made: Made, markup: bool) -> None:
    with desktop(bus, NOTIFICATIONS, capabilities=("body", "body-markup") if markup else ("body",)) as there:
        made.desk.tell(NOTICE)
        _, body, _ = there.until("Notify")
        assert body[3] == NOTICE.title
        assert body[4] == ("Possible &lt;now&gt;: a &amp; b" if markup else "Possible <now>: a & b")
        there.do("emit", "/org/freedesktop/Notifications", NOTIFICATIONS, "ActivationToken", "us", [1, "token"])
        there.do("emit", "/org/freedesktop/Notifications", NOTIFICATIONS, "ActionInvoked", "us", [1, "default"])
        assert made.called.get() == ("clicked", ("docker", "abc"), "token")


def test_a_notice_waits_for_a_service_as_long_as_it_is_so(
    bus: str, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OFFERED", 0.1)
    asked = threading.Event()

    def still() -> bool:
        asked.set()
        return True

    made.desk.tell(NOTICE, still)
    made.desk.tell(Notice(("docker", "b"), "not so any more", ""), lambda: False)
    asked.wait()
    with desktop(bus, NOTIFICATIONS) as there:
        assert there.until("Notify")[1][3] == NOTICE.title
        made.desk.tell(Notice(("docker", "c"), "another", ""))
        assert there.until("Notify")[1][3] == "another"


def test_the_tray_shows_its_line_and_menu(bus: str, made: Made) -> None:
    with desktop(bus, WATCHER) as there:
        made.desk.show(made.tray())
        there.until("RegisterStatusNotifierItem")
        assert there.item("ToolTip")[2:] == ["Stratascope", "1 of 3 could take over"]
        assert there.item("Status") == "NeedsAttention"
        assert there.menu() == ["1 of 3 could take over", "", "my__web: 9.8", "only told"]
        there.choose(3)
        assert made.called.get() == ("web", "")
        there.do("call", "/StatusNotifierItem", "org.kde.StatusNotifierItem", "ProvideXdgActivationToken", "s", ["t"])
        there.do("call", "/StatusNotifierItem", "org.kde.StatusNotifierItem", "Activate", "ii", [1, 2])
        assert made.called.get() == ("opened", "t")
        there.choose(4)
        made.desk.show(made.tray("None of 3 could take over", alarm=False))
        assert [there.until("signal")[1] for _ in range(4)] == ["NewToolTip", "NewTitle", "NewStatus", "LayoutUpdated"]
        assert there.item("Status") == "Active"
        assert there.menu()[0] == "None of 3 could take over"
        made.desk.show(made.tray("None of 3 could take over", alarm=False))  # nothing new: no signal
        assert made.desk.tray_shown


@pytest.mark.parametrize(
    ("path", "interface", "member", "signature", "body"),
    [
        ("/StatusNotifierItem", "org.kde.StatusNotifierItem", "Nonsense", "", []),
        ("/StatusNotifierItem", "org.kde.StatusNotifierItem", "ProvideXdgActivationToken", "", []),
        ("/StatusNotifierItem", "org.freedesktop.DBus.Properties", "Get", "ss", ["org.kde.StatusNotifierItem", "No"]),
        ("/StatusNotifierItem", "org.freedesktop.DBus.Properties", "Set", "", []),
        ("/StatusNotifierItem/Menu", "com.canonical.dbusmenu", "Event", "isvu", [99, "clicked", ["s", ""], 0]),
        ("/StatusNotifierItem/Menu", "com.canonical.dbusmenu", "GetLayout", "iias", [77, -1, []]),
        ("/StatusNotifierItem/Menu", "com.canonical.dbusmenu", "GetLayout", "s", ["x"]),
        ("/StatusNotifierItem/Menu", "com.canonical.dbusmenu", "EventGroup", "i", [1]),
        ("/elsewhere", "com.canonical.dbusmenu", "GetLayout", "iias", [0, -1, []]),
    ],
)
def test_nonsense_is_refused(
    bus: str, made: Made, path: str, interface: str, member: str, signature: str, body: list[object]
) -> None:
    with desktop(bus, WATCHER) as there:
        made.desk.show(made.tray())
        there.until("RegisterStatusNotifierItem")
        assert there.do("call", path, interface, member, signature, body) == "org.freedesktop.DBus.Error.UnknownMethod"
        assert there.item("Title") == "Stratascope"
        assert made.called.empty()


def test_a_tray_that_comes_later_and_again(bus: str, made: Made) -> None:
    with desktop(bus, NOTIFICATIONS) as there:
        made.desk.show(made.tray())
        made.desk.tell(NOTICE)
        there.until("Notify")  # no tray: nothing is shown, and nothing broke
        assert not made.desk.tray_shown
        there.do("name", "RequestName", WATCHER)
        there.until("RegisterStatusNotifierItem")
        there.do("name", "ReleaseName", WATCHER)
        there.do("name", "RequestName", WATCHER)
        there.until("RegisterStatusNotifierItem")
        assert there.item("Title") == "Stratascope"


def test_a_window_is_started_by_systemd(bus: str, made: Made) -> None:
    with desktop(bus, SYSTEMD) as there:
        made.desk.start(("/opt/a b/stratascope", "--show", "$x"), {"XDG_ACTIVATION_TOKEN": "t"}, lambda: None)
        _, (name, mode, properties, others), _ = there.until("StartTransientUnit")
        assert (name[:16], name[-8:], mode, others) == ("app-stratascope-", ".service", "fail", [])
        found = {key: value for key, (_, value) in properties}
        command = ["/opt/a b/stratascope", "--show", "$x"]
        assert found["ExecStartEx"] == [[command[0], command, ["no-env-expand"]]]
        assert found["Environment"] == ["XDG_ACTIVATION_TOKEN=t"]


def test_a_window_is_started_otherwise_without_systemd(bus: str, made: Made) -> None:
    made.desk.start(("x",), {}, lambda: made.called.put(("otherwise",)))
    assert made.called.get() == ("otherwise",)


@pytest.mark.parametrize("address", ["unix:path=/nowhere", "nonsense", ""])
def test_no_bus(made: Made, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    made.desk.show(made.tray())
    made.desk.tell(NOTICE)
    made.desk.start(("x",), {}, lambda: made.called.put(("otherwise",)))
    assert made.called.get() == ("otherwise",)


def test_a_bus_that_goes_away_and_comes_back(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.05, 0.05))
    for _ in range(2):
        with session_bus() as found, desktop(found, WATCHER) as there:
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", found)
            made.desk.show(made.tray())
            there.until("RegisterStatusNotifierItem")
        while made.desk.tray_shown:
            time.sleep(0.01)


def test_where_the_bus_is() -> None:
    assert address({"DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"}) == "unix:path=/x"
    assert address({"XDG_RUNTIME_DIR": "/run/user/7"}) == "unix:path=/run/user/7/bus"
    assert address({}) == ""


@pytest.mark.parametrize(
    ("allows", "found"),
    [
        ((0, True, True), Allowed(True, True)),
        ((0, True, False), Allowed(True, False)),
        ((1, True, True), Allowed(False, False)),
    ],
)
def test_the_portal_is_asked(bus: str, allows: tuple[int, bool, bool], found: Allowed) -> None:
    with desktop(bus, PORTAL, allows=allows) as there:
        assert portal_background.ask(("stratascope", "background"), "why", login=True) == found
        _, (parent, options), _ = there.until("RequestBackground")
        assert parent == ""
        values = {key: value for key, (_, value) in options.items()}
        assert values["commandline"] == ["stratascope", "background"]
        assert (values["autostart"], values["reason"], values["dbus-activatable"]) == (True, "why", False)


def test_no_portal(bus: str) -> None:
    with pytest.raises(MessageError):
        portal_background.ask(("x",), "why", login=True, patience=0.1)
