"""The right column for a text: the toggles of each of its services, and the text with the chosen ones written in.

At its foot are the lines that change. The whole diff can be copied; the diff and the corrected text can be saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.layer import Layer
from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.formats.text import Language
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.relaunch_words import toggle_title
from stratascope.ui.harden.exports import Exported, ExportMenu
from stratascope.ui.harden.next_step import Act, PlanButton
from stratascope.ui.harden.plan_column import PlanColumn
from stratascope.ui.harden.plan_draft import SETTLE, PlanDraft, Planning
from stratascope.ui.harden.wishes import Key
from stratascope.ui.kit import accessibility, feedback
from stratascope.ui.kit.background import Failure, QueryRunner, later
from stratascope.ui.kit.buttons import MainButton, text_button
from stratascope.ui.kit.labels import Label, Line, Rule, give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme, smooth_painter
from stratascope.usecases.check.corrections import Corrected, Judged

_COPY = msg("Copy the corrected file")


class Before(Planning, Protocol):
    """Judges a text and corrects it, on any thread. Raises ProbeError, OSError.

    `machines`: those it can judge for, "" for this one; `machine`: the chosen one.
    """

    machines: tuple[str, ...]
    machine: str

    def choose(self, machine: str) -> None:
        """Judge for that machine from now on."""

    def check(self, text: str, file: str) -> Judged:
        """Return how each container would start."""

    def corrected(self, text: str, file: str, chosen: Mapping[str, tuple[Choice, ...]]) -> Corrected:
        """Return the text with the choices of its containers written in, keyed by their ids."""


class FileDraft(PlanDraft):
    """The plans for the services of a text. `copied` carries the answer to `ask_copy`: a Corrected or a Failure."""

    copied = Signal(object)

    def __init__(self, before: Before, queries: QueryRunner, parent: QObject) -> None:
        super().__init__(before, queries, parent)
        self._before = before
        self.made: Corrected | None = None
        self._text, self._file = "", ""
        self._there: frozenset[Key] = frozenset()
        self._plans: dict[Key, tuple[Choice, ...]] = {}
        self._timer = later(self, SETTLE, self._ask_made)

    def show_text(self, text: str, file: str, there: frozenset[Key]) -> None:
        """Take over a text that was judged and asks for these containers; later choices apply to it."""
        self._there = there
        if (text, file) != (self._text, self._file):
            self._text, self._file = text, file
            self._make_soon()

    @property
    def file(self) -> str:
        """The name of the judged file, or a word if the text is no file's."""
        return self._file

    def forget(self) -> None:
        """Drop all choices: in another text they were not meant for services that happen to have the same name."""
        self._wishes.clear()
        self._plans = {}
        self.state = None
        self._empty()

    @property
    def all_choices(self) -> dict[str, tuple[Choice, ...]]:
        """What the plan of each service that was opened makes, by its id."""
        if self.state is not None and self.plan is not None:
            self._plans[self.state.key] = self.plan.choices
        return {key[1]: choices for key, choices in self._plans.items() if key in self._there and choices}

    def ask_copy(self, text: str) -> None:
        """Request the current text with everything switched on written in."""
        asking = partial(self._before.corrected, text, self._file, self.all_choices)
        self._queries.ask("copy", asking, self.copied.emit)

    def _why_nothing(self) -> Message | None:
        if self.state is None:
            return msg("Paste or drop what asks for containers.")
        if self.state.matrix is None:
            return msg("It would run on a kernel of its own, of which nothing is known here.")
        return self._refused

    def _make_soon(self) -> None:
        if self._text:
            self._timer.start()

    def _forget_made(self) -> None:
        self._timer.stop()
        self._queries.drop("made")
        self.made = None

    def _ask_made(self) -> None:
        asking = partial(self._before.corrected, self._text, self._file, self.all_choices)
        self._queries.ask("made", asking, self._take_made)

    def _take_made(self, answer: Corrected | Failure) -> None:
        if isinstance(answer, Failure):
            self.failure, self.made = answer, None
        else:
            self.made = answer
        self.changed.emit()


SHOWN = 4
_NAMES = {
    Language.RUN: "run.sh",
    Language.COMPOSE: "compose.yaml",
    Language.QUADLET: "hardened.container",
    Language.KUBERNETES: "pod.yaml",
    Language.DEVCONTAINER: "devcontainer.json",
}


class _Lines(QWidget):
    """The first few lines of a diff, a long one in several rows, and after the last one how many are left out."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.lines: tuple[str, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_lines(self, lines: tuple[str, ...]) -> None:
        # diff(1) notes a missing final newline on a line of its own
        written = (each.partition("\n")[0] for each in lines)
        self.lines = tuple(plain(f"{each[:1]} {each[1:].strip()}", 400) for each in written)
        told = "\n".join(self.lines)
        self.setAccessibleName(told[:4000] or translate(msg("No line changes")))
        give_tip(self, told)
        self.updateGeometry()
        self.update()

    def _rows(self) -> tuple[tuple[str, int], ...]:
        """The rows at the present width, each with the number of its line."""
        letter = QFontMetrics(self._theme.font(11, fixed=True)).horizontalAdvance("0")
        fits = max(8, (self.width() - self._theme.px(64)) // letter)  # beside how many are left out
        found: list[tuple[str, int]] = []
        for number, line in enumerate(self.lines[:SHOWN]):
            found.append((line[:fits], number))
            further = range(fits, len(line), fits - 2)
            found += [(f"  {line[at : at + fits - 2]}", number) for at in further]
        return tuple(found)

    def sizeHint(self) -> QSize:
        rows = max(1, min(SHOWN, len(self._rows())))
        return QSize(self._theme.px(120), rows * self._theme.box(11))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter, high = self._theme, QPainter(self), self._theme.box(11)
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.color("text2"))
        if not self.lines:
            painter.setFont(theme.font(11))
            painter.drawText(QRectF(0, 0, self.width(), high), centre, translate(msg("No line changes")))
            return
        most = max(1, min(SHOWN, self.height() // high))  # fewer in a low window
        every = self._rows()
        found = every[:most]
        last = found[-1][1]
        rows, whole = len(found), last not in [number for _, number in every[most:]]
        left = len(self.lines) - last - whole
        more = translate(plural("…{count} more", "…{count} more", left)) if left > 0 else ""
        painter.setFont(theme.font(11, MEDIUM))
        wide = painter.fontMetrics().horizontalAdvance(more)
        if more:
            beside = QRectF(self.width() - wide - 1, (rows - 1) * high, wide + 1, high)
            painter.drawText(beside, centre, more)
        painter.setFont(theme.font(11, fixed=True))
        for row, (line, _) in enumerate(found):
            room = self.width() - (wide + theme.px(8) if more and row == rows - 1 else 0)
            shown = painter.fontMetrics().elidedText(line, Qt.TextElideMode.ElideMiddle, room)
            painter.drawText(QRectF(0, row * high, room + 1, high), centre, shown)


class DiffBox(QWidget):
    """The diff, with Copy and Export. `failed` carries a Message: why a file could not be written."""

    failed = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._made, self._file = theme, Corrected(""), ""
        self.title = Line(theme, 11, ink="text2")
        self.title.say(translate(msg("Changed lines only")))
        self.lines = _Lines(theme)
        spoken = msg("Copy the difference"), msg("Export the corrected file")
        self.copy = text_button(theme, msg("Copy"), self.copy_patch, look="link", spoken=spoken[0])
        self.export = text_button(theme, msg("Export…"), self.open_exports, look="link", spoken=spoken[1])
        self.menu = ExportMenu(None, self)
        self.menu.failed.connect(self.failed)
        above = theme.lay(QHBoxLayout(), (self.title, 1), self.copy, self.export)
        theme.lay(QVBoxLayout(self), above, self.lines, around=(10, 4, 6, 7), gap=0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.show_difference(None, "")

    def show_difference(self, made: Corrected | None, file: str) -> None:
        """Show a diff; None if nothing is switched on. `file`: the name of what was corrected."""
        self._made, self._file = made or Corrected(""), file
        self.lines.show_lines(self._made.lines)
        for button in (self.copy, self.export):
            button.setEnabled(bool(self.patch))

    @property
    def patch(self) -> str:
        """The whole diff."""
        return self._made.patch

    def copy_patch(self) -> None:
        """Copy the diff to the clipboard, in the form patch(1) takes."""
        if self.patch:
            feedback.copy(self, self.patch)

    def open_exports(self) -> None:
        """Open the menu that copies the corrected text or the diff, or saves them under another name."""
        name, made = file_name(self._file, self._made.language), self._made
        parts = (
            Exported(msg("Corrected file"), name, lambda: made.text),
            Exported(msg("Difference"), f"{name}.patch", lambda: made.patch),
        )
        self.menu.open_with(parts, self.export)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        painter.setPen(QPen(theme.color("line"), 1))
        painter.setBrush(theme.color("sunk"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.px(6), theme.px(6))


def file_name(file: str, language: Language | None) -> str:
    """Return a new name next to the corrected file, never its own; pasted text gets the language's usual name."""
    path = Path(file)
    if path.suffix:
        return f"{path.stem}.hardened{path.suffix}"
    return _NAMES.get(language or Language.RUN, "")


_STAYS = msg("The file on disk stays as it is.")


class FileColumn(PlanColumn):
    """The column of a text. `copy_wanted`: copy the corrected text to the clipboard."""

    copy_wanted = Signal()

    def __init__(self, theme: Theme, layers: tuple[Layer, ...], before: Before, queries: QueryRunner) -> None:
        super().__init__(theme, layers)
        self.difference = DiffBox(theme)
        self.left = Label(theme, 12, MEDIUM, ink="weak", wrap=True)
        self.left.hide()
        self.note = Label(theme, 12, ink="text2", wrap=True)
        self.button = MainButton(theme)
        self.button.say(translate(_COPY))
        self._foot = (self.difference, Rule(theme), self.note, self.button)
        for part in (self.difference, self._foot[1], self.left, self.note, self.button):
            self.body.addWidget(part)
        self._said: Message | None = None
        self.draft = FileDraft(before, queries, self)
        self.begin(self.draft)
        self.draft.copied.connect(self._show_copied)
        self.button.clicked.connect(self.copy_wanted)
        self.difference.failed.connect(self._show_unsaved)
        self._shown_choices: tuple[Choice, ...] = ()
        self.show_state(None)

    def show_state(self, state: ContainerState | None) -> None:
        """Show another service, or the same one of another text."""
        before = self.draft.state
        another = state is None or before is None or state.key != before.key
        self.show_name("" if state is None else state.container.name, another=another)
        self.draft.show_state(state, None, None)

    def show_changed(self) -> None:
        """See `PlanColumn`."""
        super().show_changed()
        draft, usable, made = self.draft, self.usable, self.draft.made
        if draft.choices != self._shown_choices:
            self._shown_choices, self._said = draft.choices, None
        if not draft.all_choices:
            self.difference.show_difference(None, "")
        elif made is not None:
            self.difference.show_difference(made, draft.file)
        left = () if made is None else made.left
        self.left.setText(plain(translate(_unwritten(made)), 400) if made is not None and left else "")
        self.left.setVisible(bool(left) and usable)
        self.note.setText(plain(translate(self._note()), 400))
        self.button.setEnabled(usable and bool(draft.all_choices) and draft.failure is None)
        self.button.setAccessibleDescription(self.note.text())
        for part in self._foot:
            part.setVisible(usable)

    @property
    def plan_button(self) -> PlanButton:
        """The button, for the card."""
        return PlanButton(Act.EXPORT if self.button.isEnabled() else Act.NOTHING, _COPY, numbers=True)

    def _note(self) -> Message:
        draft = self.draft
        if draft.failure is not None:
            return draft.failure.message
        if self._said is not None:
            return self._said
        names = list(draft.all_choices)
        if not names:
            return msg("No change is switched on.")
        if len(names) > 1:
            return msg("With what is switched on for {names}. The file on disk stays as it is.", names=listed(names))
        return _STAYS

    def _show_unsaved(self, why: Message) -> None:
        self._said = why
        self.show_changed()
        accessibility.announce(self, self.note.text())

    def _show_copied(self, answer: Corrected | Failure) -> None:
        plan = self.draft.plan
        if isinstance(answer, Failure):
            self._said = answer.message
        elif plan is not None:
            now, then = (f"{each.exposure.worst:.1f}" for each in (plan.now, plan.then))
            self._said = msg("Copied. Exposure {now} → {then}.", now=now, then=then)
        self.show_changed()
        accessibility.announce(self, self.note.text())


def _unwritten(made: Corrected) -> Message:
    several = len({name for name, _ in made.left}) > 1
    titles = (toggle_title(choice.id) for _, choice in made.left)
    named = (f"{name}: {toggle_title(choice.id)}" for name, choice in made.left)
    return msg("Can't be written into this text: {what}", what=listed(named if several else titles))
