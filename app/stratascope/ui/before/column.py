"""The right column beside a text: what can be switched of the chosen service, and the text with that written in."""

from __future__ import annotations

from PySide6.QtCore import Signal

from stratascope.core.layer import Layer
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.relaunch_words import toggle_title
from stratascope.ui.before.diff_box import DiffBox
from stratascope.ui.before.draft import Before, FileDraft
from stratascope.ui.harden.prediction import Prediction
from stratascope.ui.harden.switch_column import SwitchColumn
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.ui.kit.buttons import MainButton
from stratascope.ui.kit.labels import Label, Rule
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.usecases.check.corrections import Corrected

_STAYS = msg("The file on disk stays as it is.")


class FileColumn(SwitchColumn):
    """`copy_wanted`: the corrected text is to be put on the clipboard."""

    copy_wanted = Signal()
    draft: FileDraft

    def __init__(self, theme: Theme, layers: tuple[Layer, ...], before: Before, queries: QueryRunner) -> None:
        super().__init__(theme, layers, msg("Harden the file"))
        self.difference = DiffBox(theme)
        self.left = Label(theme, 12, MEDIUM, ink="weak", wrap=True)
        self.left.hide()
        self.note = Label(theme, 12, ink="text2", wrap=True)
        self.button = MainButton(theme)
        self.button.say(translate(msg("Copy the corrected file")))
        self._foot = (Rule(theme), self.note, self.button)
        self.body.addWidget(self.difference)
        self.body.addWidget(self._foot[0])
        self.body.addWidget(self.left)
        self.body.addWidget(self.note)
        self.body.addWidget(self.button)
        self._said: Message | None = None
        self.draft: FileDraft = self.begin(FileDraft(before, queries, self), self.difference)
        self.draft.reckoned.connect(self._forget_said)
        self.draft.copied.connect(self._show_copied)
        self.button.clicked.connect(self.copy_wanted)
        self.difference.failed.connect(self._show_unsaved)
        self.show_state(None)

    def make_prediction(self, titles: dict[int, str]) -> Prediction:
        """Of what does not run yet."""
        return Prediction(self._theme, titles, msg("If it starts so, predicted"), msg("As is"))

    def show_state(self, state: ContainerState | None) -> None:
        """Another service, or the same one of another text."""
        before = self.draft.state
        if state is None or before is None or state.key != before.key:
            self.told.hide()
            self.sheet.forget()
        self.draft.show_state(state, None, None)

    def show_changed(self) -> None:
        """See `SwitchColumn`."""
        super().show_changed()
        draft, usable = self.draft, self.draft.nothing is None
        made = draft.made
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
        self.set_height(self.window().height())

    def _note(self) -> Message:
        draft = self.draft
        if draft.failure is not None:
            return draft.failure.message
        if self._said is not None:
            return self._said
        names = list(draft.all_choices)
        if not names:
            return msg("Switch on what you want, or choose a preset.")
        if len(names) > 1:
            return msg("With what is switched on for {names}. The file on disk stays as it is.", names=listed(names))
        return _STAYS

    def _forget_said(self) -> None:
        self._said = None

    def _show_unsaved(self, why: Message) -> None:
        self._said = why
        self.show_changed()
        accessibility.announce(self, self.note.text())

    def _show_copied(self, answer: Corrected | Failure) -> None:
        preview = self.draft.preview
        if isinstance(answer, Failure):
            self._said = answer.message
        elif preview is not None:
            now, then = (f"{each.exposure.worst:.1f}" for each in (preview.before, preview.after))
            self._said = msg("Copied. Exposure {now} → {then}.", now=now, then=then)
        self.show_changed()
        accessibility.announce(self, self.note.text())


def _unwritten(made: Corrected) -> Message:
    several = len({name for name, _ in made.left}) > 1
    titles = (toggle_title(choice.toggle) for _, choice in made.left)
    named = (f"{name}: {toggle_title(choice.toggle)}" for name, choice in made.left)
    return msg("Can't be written into this text: {what}", what=listed(named if several else titles))
