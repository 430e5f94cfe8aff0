"""From snapshots to notifications: what is new and worth telling, unless the person looks at the window just now."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject

from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.snapshot import Snapshot
from stratascope.state import preferences
from stratascope.ui.app.notifier import Notifier
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.live.alerts import Alerts


class Notifications(QObject):
    """Listens to the window's feed; a click on a notification leads to the container."""

    def __init__(self, window: MainWindow, notifier: Notifier | None = None) -> None:
        super().__init__(window)
        self._window = window
        self._alerts = Alerts()
        self.notifier = notifier or Notifier(self)
        self.notifier.clicked.connect(window.look_at)
        window.feed.snapshot.connect(self._see)

    def stop(self) -> None:
        """Tell nothing any more."""
        self.notifier.stop()

    def _see(self, snapshot: Snapshot) -> None:
        kept = self._window.settings
        limit, failures = preferences.NOTIFY_ABOVE.of(kept), preferences.NOTIFY_FAILURE.of(kept)
        for alert in self._alerts.see(snapshot, limit, self._hardened(), failures=failures):
            if not self._window.isActiveWindow():
                self.notifier.tell(alert)

    def _hardened(self) -> Sequence[Transaction]:
        found: Sequence[Transaction] = getattr(self._window.hardening, "kept", ())
        return found
