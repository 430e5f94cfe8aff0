"""A line on top that tells what did not work and leaves everything else as it is; it can be sent away."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.privilege import Privilege, PrivilegeState
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.flow import NoticeBar
from stratascope.ui.kit.labels import Label, give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme

WORDS_MAX = 400  # characters of what another program said


class Notice(NoticeBar):
    """Shows one thing until it is closed; why root's reading was refused also goes when that is true no longer."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._shown: Privilege | None = None
        self.text = Label(theme, 13, wrap=True)
        self.close_button = QPushButton(translate(msg("Close")))
        self.close_button.setFont(theme.font(12, MEDIUM))
        self.close_button.setAccessibleName(translate(msg("Close this notice")))
        self.close_button.clicked.connect(self.hide)
        self.row.addWidget(self.text, 1)
        self.row.addWidget(self.close_button)
        self.hide()

    def show_privilege(self, privilege: Privilege) -> None:
        """Appear once for each refusal; the next snapshots don't bring back what was closed."""
        if privilege == self._shown:
            return
        self._shown = privilege
        message = privilege.message if privilege.state is PrivilegeState.REFUSED else None
        if message is None:
            self.hide()
            return
        self.tell(message, privilege.words)

    def tell(self, message: Message, words: str = "") -> None:
        """Appear with this; `words` are what another program said."""
        said = translate(message)
        words = plain(words.strip(), WORDS_MAX)
        self.text.setText(plain(said))
        give_tip(self.text, f"{said}\n{words}".strip())
        self.setAccessibleName(said)
        self.setAccessibleDescription(words)
        self.show()
        accessibility.announce(self, said)
