"""In the place of the strata while there is nothing to judge: what can be had here, and examples to begin with."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.formats.text import Language
from stratascope.i18n.translate import translate
from stratascope.ui.before.head import WORDS
from stratascope.ui.kit.flow import Flow
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme

# Texts as they are found in the wild, each with something to close
EXAMPLES: dict[Language, str] = {
    Language.RUN: """\
docker run -d --name ci-runner \\
  --privileged \\
  -v /var/run/docker.sock:/var/run/docker.sock \\
  -v runner-work:/work \\
  example.org/ci-runner:2
""",
    Language.COMPOSE: """\
services:
  portainer:
    image: example.org/portainer:2.21
    restart: always
    ports: ["9000:9000"]
    volumes:
      - /var/run/docker.sock:/var/run/docker.sock
      - portainer_data:/data
  collector:
    image: example.org/collector:1.32
    privileged: true
    network_mode: host
volumes:
  portainer_data:
""",
    Language.QUADLET: """\
[Unit]
Description=Backup of this machine

[Container]
Image=example.org/backup:0.17
AddCapability=SYS_ADMIN
Volume=/etc:/host/etc
Network=host

[Install]
WantedBy=default.target
""",
    Language.KUBERNETES: """\
apiVersion: v1
kind: Pod
metadata:
  name: agent
spec:
  containers:
    - name: agent
      image: example.org/agent:3
      securityContext:
        privileged: true
      volumeMounts:
        - name: root
          mountPath: /host
  volumes:
    - name: root
      hostPath:
        path: /
""",
}
WIDTH = 560  # px of the design: longer lines are hard to read


class EmptyPanel(QFrame):
    """`wanted` has the text of an example."""

    wanted = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("card")
        self.title = Label(theme, 15, BOLD, wrap=True)
        self.text = Label(theme, 13, ink="text2", wrap=True)
        self.try_one = Label(theme, 12, MEDIUM, ink="text2", wrap=True)
        self.try_one.setText(translate(msg("Or begin with an example, which replaces the text:")))
        self.buttons: dict[Language, QPushButton] = {}
        examples = Flow(theme, middle=False)
        for language, word in WORDS.items():
            button = self.buttons[language] = QPushButton(translate(word))
            button.setFont(theme.font(12, MEDIUM))
            name = msg("Put in an example: {language}", language=translate(word))
            button.setAccessibleName(translate(name))
            button.clicked.connect(lambda _=False, language=language: self.wanted.emit(EXAMPLES[language]))
        examples.put(tuple(self.buttons.values()))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(*(theme.px(length) for length in (20, 16, 20, 16)))
        self._column.setSpacing(theme.px(8))
        self._column.addStretch(2)
        for part in (self.title, self.text, self.try_one, examples):
            part.setMaximumWidth(theme.px(WIDTH))
            self._column.addWidget(part)
        self._column.addStretch(3)
        self._column.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.show_why(None)

    def show_why(self, why: Message | None) -> None:
        """Why there is nothing to show of the text; None: there is no text."""
        if why is None:
            self.title.setText(translate(msg("See what would stand, before you start it")))
            text = msg(
                "Type, paste or drop a command or file above. You will see what a process in it could try, which line "
                "asked for that, and a corrected text to copy. Nothing is started, downloaded or sent."
            )
            self.text.setText(translate(text))
        else:
            self.title.setText(translate(msg("Nothing to show of this text yet")))
            self.text.setText(plain(translate(why), 300))
