"""The notices below the toolbar; each is visible only while it has something to report."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Privilege, PrivilegeState, Snapshot, Trouble
from stratascope.i18n.translate import translate
from stratascope.ui.captures import CaptureNotice
from stratascope.ui.kit import accessibility, feedback
from stratascope.ui.kit.flow import NoticeBar
from stratascope.ui.kit.labels import Label, give_tip, tip
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme

WORDS_MAX = 400  # characters of another program's words


class Notice(NoticeBar):
    """A notice that stays until closed; one on refused root access also disappears once that is no longer true."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._shown: Privilege | None = None
        self.text = Label(theme, 13, wrap=True)
        self.close_button = QPushButton(translate(msg("Close")))
        self.close_button.setFont(theme.font(12, MEDIUM))
        self.close_button.setAccessibleName(translate(msg("Close this notice")))
        self.close_button.clicked.connect(self.hide)
        theme.lay(self.row, (self.text, 1), self.close_button)
        self.hide()

    def show_privilege(self, privilege: Privilege) -> None:
        """Appear once for each refusal; later snapshots do not bring back a closed notice."""
        if privilege == self._shown:
            return
        self._shown = privilege
        message = privilege.message if privilege.state is PrivilegeState.REFUSED else None
        if message is None:
            self.hide()
            return
        self.tell(message, privilege.words)

    def tell(self, message: Message, words: str = "") -> None:
        """Show this message; `words` are another program's."""
        said = translate(message)
        words = plain(words.strip(), WORDS_MAX)
        self.text.setText(plain(said))
        give_tip(self.text, f"{said}\n{words}".strip())
        self.setAccessibleName(said)
        self.setAccessibleDescription(words)
        self.show()
        accessibility.announce(self, said)


# A notice that says why this machine's kernel is unknown, with the one command that fixes it, for copying. It is no
# dialog: everything that can be seen without the kernel is below. Closed, it stays closed until the reason changes.
class TroubleNotice(NoticeBar):
    """Hidden without a reason."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._shown: Trouble | None = None
        self.text = Label(theme, 13, wrap=True)
        self.command = Label(theme, 12.5, wrap=True, fixed=True).selectable()
        self.command.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.copy = self._button(theme, translate(msg("Copy")))
        self.copy.setAccessibleName(translate(msg("Copy the command that allows it")))
        self.copy.clicked.connect(self._copy)
        self.close_button = self._button(theme, translate(msg("Close")))
        self.close_button.setAccessibleName(translate(msg("Close this notice")))
        self.close_button.clicked.connect(self.hide)
        lines = theme.lay(QVBoxLayout(), self.text, self.command, gap=2)
        theme.lay(self.row, (lines, 1), self.copy, self.close_button)
        self.hide()

    def show_trouble(self, trouble: Trouble | None) -> None:
        """Appear for a new reason; later snapshots do not bring back a closed notice."""
        if trouble == self._shown:
            return
        self._shown = trouble
        if trouble is None:
            self.hide()
            return
        said, words = translate(trouble.message), plain(trouble.words.strip(), WORDS_MAX)
        self.text.setText(said)
        self.text.setToolTip(tip(words))
        self.command.setText(trouble.command)
        self.command.setAccessibleName(trouble.command)
        self.command.setVisible(bool(trouble.command))
        self.copy.setVisible(bool(trouble.command))
        self.setAccessibleName(f"{said} {trouble.command}".strip())
        self.setAccessibleDescription(words)
        self.show()

    def _copy(self) -> None:
        if self._shown is not None:
            feedback.copy(self, self._shown.command)

    @staticmethod
    def _button(theme: Theme, words: str) -> QPushButton:
        button = QPushButton(words)
        button.setFont(theme.font(12, MEDIUM))
        button.setAccessibleName(words)
        return button


class DemoNotice(NoticeBar):
    """The notice of a demo. `asked`: its button, which shows the engines."""

    asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        title = Label(theme, 13, BOLD, text=translate(msg("Demo")))
        text = Label(theme, 13, wrap=True)
        text.setText(
            translate(
                msg(
                    "Recorded from real containers on another machine, because no engine answers here. Start Docker "
                    "or Podman, or see what each engine says."
                )
            )
        )
        button = QPushButton(translate(msg("Engines…")))
        button.setFont(theme.font(12, MEDIUM))
        button.clicked.connect(self.asked)
        theme.lay(self.row, title, (text, 1), button)
        self.setAccessibleName(translate(msg("Demo: not this machine's containers")))


class Notices(QWidget):
    """Demo or capture, refused root access, faulty settings, hidden kernel."""

    def __init__(self, theme: Theme, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.demo = DemoNotice(theme)
        self.demo.hide()
        self.captures = CaptureNotice(theme)
        self.privilege, self.settings, self.trouble = Notice(theme), Notice(theme), TroubleNotice(theme)
        theme.lay(
            QVBoxLayout(self), self.demo, self.captures, self.privilege, self.settings, self.trouble, around=0, gap=0
        )
        selection.snapshot_changed.connect(self._show_snapshot)

    def _show_snapshot(self, snapshot: Snapshot) -> None:
        self.demo.setVisible(snapshot.demo and not snapshot.captures)
        self.captures.show_captures(snapshot.captures)
        self.privilege.show_privilege(snapshot.privilege)
        self.trouble.show_trouble(None if snapshot.demo else snapshot.trouble)
