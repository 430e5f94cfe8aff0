"""From snapshots to notifications: what is new and worth telling, unless the person looks at the window just now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.snapshot import Snapshot
from stratascope.state import preferences
from stratascope.ui.app.notifier import Notifier
from stratascope.ui.kit.background import SettingsLike
from stratascope.ui.kit.selection import Selection
from stratascope.usecases.live.alerts import Alerts


class Notifications(QObject):
    """`hardened`: what was hardened, which is told when it ends. `notifier.clicked` has the container."""

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
        """Tell nothing any more."""
        self.notifier.stop()

    def _see(self, snapshot: Snapshot) -> None:
        settings = self._settings
        limit, failures = preferences.NOTIFY_ABOVE.of(settings), preferences.NOTIFY_FAILURE.of(settings)
        for alert in self._alerts.see(snapshot, limit, self._hardened(), failures=failures):
            if not self._window.isActiveWindow():
                self.notifier.tell(alert)
