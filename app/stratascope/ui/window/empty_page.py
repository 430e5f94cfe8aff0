"""What the middle shows when there is no container, or none that the filter lets through: why, and what to do."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from stratascope.core.container import Engine, EngineState
from stratascope.core.message import msg
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import unseen_engines
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.ui.panel.page import Page
from stratascope.ui.window.engines_popup import engine_card


def empty_words(snapshot: Snapshot | None) -> tuple[str, str]:
    """Title and sentence for a window without containers."""
    if snapshot is not None and snapshot.unsought is not None:
        return (
            translate(msg("Engines could not be looked for")),
            translate(msg("{why} Press F5 to try again.", why=translate(snapshot.unsought))),
        )
    if snapshot is not None and snapshot.reading and not snapshot.containers:
        return translate(msg("Reading what was captured…")), translate(msg("Nothing of this machine is asked."))
    if snapshot is None or (snapshot.asking and not snapshot.containers):
        return translate(msg("Looking for containers…")), translate(msg("Asking the engines."))
    if snapshot.containers:
        return translate(msg("No container matches the filter")), translate(msg("Change the filter, or clear it."))
    if snapshot.captures and snapshot.nothing_read:
        return translate(msg("No capture could be read")), translate(msg("Why is said above."))
    if snapshot.captures:
        return translate(msg("No containers were captured")), translate(msg("Nothing of this machine is asked."))
    states = [engine.state for engine in snapshot.engines]
    answering = next((engine for engine in snapshot.engines if engine.state is EngineState.CONNECTED), None)
    if answering is not None:
        return (
            translate(msg("No containers seen yet") if unseen_engines(snapshot) else msg("No containers yet")),
            translate(msg("Start one, for example: {command}. It appears here automatically.",
                          command=f"{answering.kind} run --rm -it debian")),
        )  # fmt: skip
    if EngineState.DENIED in states:
        return (
            translate(msg("The engine denies access to this user")),
            translate(msg("What to do for each engine is shown below.")),
        )
    if EngineState.UNREACHABLE in states:
        return (
            translate(msg("The engine does not answer")),
            translate(msg("It is retried automatically. What to do is shown below.")),
        )
    return (
        translate(msg("No container engine was found")),
        translate(msg("Install or start Docker or Podman. As soon as one answers, its containers appear here.")),
    )


class EmptyPage(Page):
    """Title, sentence, and each engine with what to do."""

    def __init__(self, theme: Theme, selection: Selection) -> None:
        super().__init__(theme)
        self._selection = selection
        self._shown: tuple[tuple[str, str], tuple[Engine, ...]] | None = None
        selection.container_changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        """Say it; made anew only where something changed."""
        if self._selection.current is not None:
            return
        snapshot = self._selection.snapshot
        words = empty_words(snapshot)
        engines = snapshot.engines if snapshot and not snapshot.containers else ()
        if (words, engines) == self._shown:
            return
        self._shown = (words, engines)
        theme = self._theme
        holder = QWidget()
        holder.setMinimumWidth(theme.px(380))
        holder.setMaximumWidth(theme.px(560))
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, theme.px(64), 0, 0)
        column.setSpacing(theme.px(8))
        title = Label(theme, 22, BOLD, wrap=True)
        title.setText(words[0])
        sentence = Label(theme, 13, ink="text2", wrap=True).selectable()
        sentence.setText(words[1])
        column.addWidget(title)
        column.addWidget(sentence)
        column.addSpacing(theme.px(16))
        for engine in engines:
            column.addWidget(engine_card(theme, engine))
            column.addSpacing(theme.px(8))
        row = QWidget()
        line = QHBoxLayout(row)
        line.addStretch(1)
        line.addWidget(holder, 8)
        line.addStretch(1)
        line.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.show_widgets([row])
