"""Above the text: its language, its file and the buttons that fill it; and the panel for when nothing can be judged."""

from __future__ import annotations

import time
from functools import partial

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.container import EngineKind
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.formats.text import Language, Read
from stratascope.i18n.translate import translate
from stratascope.presentation.terms import since_text
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.flow import Flow
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme, smooth_painter

AGES = 20_000  # ms after which "just now" is updated
WORDS: dict[Language, Message] = {
    Language.RUN: msg("docker run"),
    Language.COMPOSE: msg("Compose file"),
    Language.QUADLET: msg("Quadlet unit"),
    Language.KUBERNETES: msg("Kubernetes"),
    Language.DEVCONTAINER: msg("Dev container"),
}


class LanguageChip(QWidget):
    """The language that was recognised. An indicator only: it cannot be chosen."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.language: Language | None = None
        self._word = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.show_read(None)

    def show_read(self, read: Read | None) -> None:
        """Show the language of a text that was read; None: there is no text."""
        self.language = None if read is None else read.language
        podman = read is not None and any(each.kind is EngineKind.PODMAN for each in read.services)
        words = WORDS | {Language.RUN: msg("podman run") if podman else WORDS[Language.RUN]}
        if self.language is not None:
            self._word = translate(words[self.language])
            told = translate(msg("Recognised as: {language}", language=self._word))
        else:
            self._word, known = "", ", ".join(map(translate, words.values()))
            told = translate(msg("Not recognised. What can be read: {languages}", languages=known))
        self.setAccessibleName(told)
        give_tip(self, told)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        theme = self._theme
        wide = QFontMetrics(theme.font(12, BOLD)).horizontalAdvance(self._word) + theme.px(22) if self._word else 0
        return QSize(wide, max(theme.px(28), theme.box(12) + theme.px(8)))

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._word:
            return
        theme, painter = self._theme, smooth_painter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sunk"))
        painter.drawRoundedRect(QRectF(self.rect()), theme.px(8), theme.px(8))
        edge = theme.px(2)
        box = QRectF(self.rect()).adjusted(edge, edge, -edge, -edge)
        painter.setPen(QPen(theme.color("line"), 1))
        painter.setBrush(theme.color("panel"))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), theme.px(6), theme.px(6))
        painter.setFont(theme.font(12, BOLD))
        painter.setPen(theme.color("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._word)


class TextHead(QWidget):
    """The bar above the text. `open`, `paste`, `clear`: signals of its buttons."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.language = LanguageChip(theme)
        self.file = Line(theme, 11, ink="text2", middle=True)
        self.open = text_button(theme, msg("Open…"), spoken=msg("Open a file…"))
        clipboard = msg("What is on the clipboard, instead of the text that is there")
        self.paste, self.clear = text_button(theme, msg("Paste"), more=clipboard), text_button(theme, msg("Clear"))
        self._buttons = (self.open, self.paste, self.clear)
        left = (self.language, (self.file, 1))
        self._row = theme.lay(QHBoxLayout(self), *left, *self._buttons, around=(10, 7, 10, 7), gap=8)
        self._name, self._read_at, self._changed = "", 0.0, False
        self._timer = QTimer(self)
        self._timer.setInterval(AGES)
        self._timer.timeout.connect(self._update_file)

    def show_file(self, name: str) -> None:
        """Show the name of the file that was read just now; empty: the text is no file's."""
        self._name, self._read_at, self._changed = name, time.monotonic(), False
        if name:
            self._timer.start()
        else:
            self._timer.stop()
        self._update_file()

    def show_changed(self, changed: bool) -> None:
        """Say whether the text differs from the file."""
        if changed is not self._changed:
            self._changed = changed
            self._update_file()

    def _update_file(self) -> None:
        if not self._name:
            self.file.say("")
        elif self._changed:
            self.file.say(translate(msg("{file}, changed here", file=self._name)))
        else:
            when = since_text(time.monotonic() - self._read_at)
            self.file.say(translate(msg("{file}, read {when}", file=self._name, when=when)))


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
    Language.DEVCONTAINER: """// What an editor starts, and an agent runs in
{
  "image": "example.org/devcontainers/go:1.23",
  "features": {
    "ghcr.io/devcontainers/features/node:1": {},
  },
  "capAdd": ["SYS_PTRACE"], // for the debugger
  "securityOpt": ["seccomp=unconfined"],
  "mounts": [
    "type=bind,source=/var/run/docker.sock,target=/var/run/docker.sock",
  ],
  "remoteUser": "vscode",
}
""",
}
WIDTH = 560  # px of the design: longer lines are hard to read


class EmptyPanel(QFrame):
    """The panel shown instead of the strata. `wanted` carries the text of an example."""

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
            name, put = (
                msg("Put in an example: {language}", language=word),
                partial(self.wanted.emit, EXAMPLES[language]),
            )
            self.buttons[language] = text_button(theme, word, put, spoken=name)
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
        """Say why the text yields nothing to show; None: there is no text."""
        if why is None:
            self.title.setText(translate(msg("See what it could do, before you start it")))
            text = msg(
                "Type, paste or drop a command or file above. You will see what a process in it could try, which line "
                "asked for that, and a corrected text to copy. Nothing is started, downloaded or sent."
            )
            self.text.setText(translate(text))
        else:
            self.title.setText(translate(msg("Nothing to show of this text yet")))
            self.text.setText(plain(translate(why), 300))
