"""Desktop notifications of the window. A click brings the window to the front, on Wayland with the activation token
that the service sends first.

`desktop_bus.desk` talks to the bus: QtDBus cannot send the unsigned integer that the call needs from Python, and Qt's
own way would require a tray icon that nobody asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import translate
from stratascope.state import preferences
from stratascope.state.running_service import Running, running
from stratascope.ui.kit.background import Bell, SettingsLike
from stratascope.ui.kit.selection import Selection
from stratascope.usecases.live.alerts import Alert, Alerts

if TYPE_CHECKING:
    from stratascope.desktop_bus.desk import Desk


class Notifier(QObject):
    """Sends notifications. `clicked` carries the key of the container whose notification was clicked, and the token
    that lets the window come to the front (empty: none was sent).
    """

    clicked = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk: Desk | None = None
        self._clicks: deque[tuple[Any, str]] = deque()
        self._bell = Bell(self._deliver, self)

    def tell(self, alert: Alert) -> None:
        """Queue a notification; returns at once."""
        from stratascope.desktop_bus.desk import Desk  # not needed for the first picture
        from stratascope.desktop_bus.notices import Notice

        if self._desk is None:
            self._desk = Desk(self._click)
        self._desk.tell(Notice(alert.key, translate(alert.title), translate(alert.text)))

    def stop(self) -> None:
        """Stop; returns when the thread has ended or after two seconds."""
        if self._desk is not None:
            self._desk.stop()
            self._desk = None

    def _click(self, key: Any, token: str) -> None:
        self._clicks.append((key, token))
        self._bell.ring()

    def _deliver(self) -> None:
        while self._clicks:
            self.clicked.emit(*self._clicks.popleft())


class Notifications(QObject):
    """Notifies of what `Alerts` finds, unless the window is looked at, or the background service does so. `hardened`:
    the containers that were hardened. Clicks: `notifier.clicked`.
    """

    def __init__(
        self,
        window: QWidget,
        selection: Selection,
        settings: SettingsLike,
        hardened: Callable[[], Sequence[Transaction]],
        notifier: Notifier | None = None,
        service: Callable[[], Running | None] = running,
    ) -> None:
        super().__init__(window)
        self._service = service
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
        gains = preferences.NOTIFY_GAINS.of(settings)
        self._tell(self._alerts.see(snapshot, limit, self._hardened(), failures=failures, gains=gains))

    def grew(self, alert: Alert) -> None:
        """An agent gets at more than before."""
        if preferences.NOTIFY_REACH.of(self._settings):
            self._tell((alert,))

    def _tell(self, found: Sequence[Alert]) -> None:
        if not found or self._window.isActiveWindow():
            return
        service = self._service()
        if service is None or not service.notices:
            for alert in found:
                self.notifier.tell(alert)
