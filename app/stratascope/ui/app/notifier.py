"""Desktop notifications over D-Bus: org.freedesktop.Notifications, or the portal's in a Flatpak.

A click brings the window to the front, on Wayland with the activation token that the service sends first. If no service
answers, nothing is shown, and that is no error. Jeepney talks to the bus on a thread of its own that starts with the
first notification: QtDBus cannot send the unsigned integer that the call needs from Python, and Qt's own way would
require a tray icon that nobody asked for.
"""

from __future__ import annotations

import html
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from stratascope.core.message import msg
from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import translate
from stratascope.sandbox import APP, Access, access
from stratascope.state import preferences
from stratascope.ui.kit.background import Bell, SettingsLike
from stratascope.ui.kit.selection import Selection
from stratascope.usecases.live.alerts import Alert, Alerts

logger = logging.getLogger(__name__)
SHOWN_MOST = 200  # notifications whose clicks are still recognised
_PAUSE = 1.0  # seconds between checks for something to send while waiting for clicks
_ANSWER = 5.0  # seconds


class Notifier(QObject):
    """Sends notifications. `clicked` carries the key of the container whose notification was clicked, and the token
    that lets the window come to the front (empty: none was sent).
    """

    clicked = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: queue.SimpleQueue[Alert | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._clicks: deque[tuple[Any, str]] = deque()
        self._bell = Bell(self._deliver, self)

    def tell(self, alert: Alert) -> None:
        """Queue a notification; returns at once."""
        self._waiting.put(alert)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="notify", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop; returns when the thread has ended or after two seconds."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(2.0)
            self._thread = None

    def _click(self, key: Any, token: str) -> None:
        self._clicks.append((key, token))
        self._bell.ring()

    def _deliver(self) -> None:
        while self._clicks:
            self.clicked.emit(*self._clicks.popleft())

    def _run(self) -> None:
        try:
            bus = (Desktop if access() is Access.OUTSIDE else Portal)(self._click)
        except Exception as error:  # noqa: BLE001  # no bus, or one that does not let us in
            logger.info("no notifications: %s", error)
            while self._waiting.get() is not None:
                pass
            return
        while True:
            try:
                alert = self._waiting.get(block=not bus.shown)
            except queue.Empty:
                bus.listen(_PAUSE)
                continue
            if alert is None:
                bus.close()
                return
            bus.show(alert)


class _Bus:
    """What both notification services have in common."""

    place = ("", "", "")  # object path, bus name, interface
    members: tuple[str, ...] = ("ActionInvoked",)  # the signal of a click, and those that accompany it

    def __init__(self, clicked: Any) -> None:
        """Raise if there is no bus."""
        import jeepney  # not needed for the first picture
        from jeepney.io import blocking

        self._jeepney = jeepney
        self._clicked = clicked
        self.shown: dict[Any, Alert] = {}
        self._address = self._jeepney.DBusAddress(*self.place)
        self._link = blocking.open_dbus_connection(bus="SESSION")
        self._heard: deque[Any] = deque(maxlen=16)
        self._token: tuple[Any, str] = (None, "")  # notification id, and the activation token sent for it
        path, _, interface = self.place
        for member in self.members:
            rule = self._jeepney.MatchRule(type="signal", interface=interface, member=member, path=path)
            self._link.send_and_get_reply(self._jeepney.message_bus.AddMatch(rule), timeout=_ANSWER)
            self._link.filter(rule, queue=self._heard).__enter__()  # for as long as the connection lives

    def close(self) -> None:
        self._link.close()

    def show(self, alert: Alert) -> None:
        """Show a notification. Never raises: a desktop without the service is none of our concern."""
        try:
            self._send(alert, translate(alert.title), plain(translate(alert.text)))
        except Exception as error:  # noqa: BLE001
            logger.info("not told: %s", error)
            return
        while len(self.shown) > SHOWN_MOST:
            self.shown.pop(next(iter(self.shown)))

    def listen(self, seconds: float) -> None:
        """Wait this long for clicks."""
        try:
            heard = self._link.recv_until_filtered(self._heard, timeout=seconds)
            number, what = heard.body[:2]
            member = heard.header.fields[self._jeepney.HeaderFields.member]
        except TimeoutError:
            return
        except Exception as error:  # noqa: BLE001  # the bus has gone
            logger.info("no more clicks: %s", error)
            self.shown.clear()
            return
        alert = self.shown.get(number)
        if alert is None:
            return
        if member == "ActivationToken":
            self._token = (number, str(what))
            return
        owner, token = self._token
        self._token = (None, "")
        self._clicked(alert.key, token if owner == number else "")

    def _send(self, alert: Alert, title: str, text: str) -> None:
        raise NotImplementedError

    def _call(self, member: str, signature: str, body: tuple[object, ...]) -> tuple[Any, ...]:
        call = self._jeepney.new_method_call(self._address, member, signature, body)
        return tuple(self._jeepney.wrappers.unwrap_msg(self._link.send_and_get_reply(call, timeout=_ANSWER)))


class Desktop(_Bus):
    """The desktop's own service; see Desktop Notifications Specification 1.2, which sends a token before a click."""

    place = ("/org/freedesktop/Notifications", "org.freedesktop.Notifications", "org.freedesktop.Notifications")
    members = ("ActivationToken", "ActionInvoked")

    def _send(self, alert: Alert, title: str, text: str) -> None:
        hints = {"desktop-entry": ("s", APP), "urgency": ("y", 1)}
        actions = ["default", translate(msg("Show"))]
        # the body may be markup, the title is plain text
        body = ("Stratascope", 0, APP, title, html.escape(text, quote=False), actions, hints, -1)
        number = self._call("Notify", "susssasa{sv}i", body)[0]
        self.shown[number] = alert


class Portal(_Bus):
    """The portal's service; see org.freedesktop.portal.Notification."""

    place = (
        "/org/freedesktop/portal/desktop",
        "org.freedesktop.portal.Desktop",
        "org.freedesktop.portal.Notification",
    )

    def _send(self, alert: Alert, title: str, text: str) -> None:
        number = "/".join(alert.key)
        what = {"title": ("s", title), "body": ("s", text), "default-action": ("s", "show")}
        self._call("AddNotification", "sa{sv}", (number, what))
        self.shown[number] = alert


class Notifications(QObject):
    """Notifies when a hardened container ends. `hardened`: the containers that were hardened. Clicks:
    `notifier.clicked`.
    """

    def __init__(
        self,
        window: QWidget,
        selection: Selection,
        settings: SettingsLike,
        hardened: Callable[[], Sequence[Transaction]],
        notifier: Notifier | None = None,
    ) -> None:
        super().__init__(window)
        self._window, self._settings, self._hardened = window, settings, hardened
        self._alerts = Alerts()
        self.notifier = notifier or Notifier(self)
        selection.snapshot_changed.connect(self._see)

    def stop(self) -> None:
        """Send no more notifications."""
        self.notifier.stop()

    def _see(self, snapshot: Snapshot) -> None:
        settings = self._settings
        limit, failures = preferences.NOTIFY_ABOVE.of(settings), preferences.NOTIFY_FAILURE.of(settings)
        for alert in self._alerts.see(snapshot, limit, self._hardened(), failures=failures):
            if not self._window.isActiveWindow():
                self.notifier.tell(alert)
