"""The lines below the toolbar that want attention; each is there only where it has something to tell."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from stratascope.core.snapshot import Snapshot
from stratascope.ui.captures.notice import CaptureNotice
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import Theme
from stratascope.ui.window.demo_notice import DemoNotice
from stratascope.ui.window.notice import Notice
from stratascope.ui.window.trouble_notice import TroubleNotice


class Notices(QWidget):
    """The demo or a capture, root's reading refused, what is wrong with the settings, what hides the kernel."""

    def __init__(self, theme: Theme, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.demo = DemoNotice(theme)
        self.demo.hide()
        self.captures = CaptureNotice(theme)
        self.privilege, self.settings, self.trouble = Notice(theme), Notice(theme), TroubleNotice(theme)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for line in (self.demo, self.captures, self.privilege, self.settings, self.trouble):
            column.addWidget(line)
        selection.snapshot_changed.connect(self._show_snapshot)

    def _show_snapshot(self, snapshot: Snapshot) -> None:
        self.demo.setVisible(snapshot.demo and not snapshot.captures)
        self.captures.show_captures(snapshot.captures)
        self.privilege.show_privilege(snapshot.privilege)
        self.trouble.show_trouble(None if snapshot.demo else snapshot.trouble)
