"""The right column: the plan of the container in view, and its button. It asks for a relaunch; it runs none."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QMenu

from stratascope.core.layer import Layer
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import runs
from stratascope.ui.harden.exports import ExportMenu, Exports
from stratascope.ui.harden.foot import PlanFoot
from stratascope.ui.harden.kept_line import SetAsideLine, about
from stratascope.ui.harden.next_step import COPY_LINE, effect
from stratascope.ui.harden.plan_button import TryButton
from stratascope.ui.harden.plan_column import PlanColumn
from stratascope.ui.harden.relaunch_draft import RelaunchDraft
from stratascope.ui.harden.wishes import Key
from stratascope.ui.kit import feedback
from stratascope.ui.kit.background import QueryRunner
from stratascope.ui.kit.labels import Rule
from stratascope.ui.kit.theme import Theme
from stratascope.usecases.hardening import Hardening


class HardenColumn(PlanColumn):
    """`wanted` has a usecases' Plan that nothing stands in the way of, its Preview and command. `show_wanted` asks for
    what tells of the run; `aside_wanted` for the list of what is kept, `recover_wanted` to put right what a crash left.
    `try_wanted` and `cancel_wanted`: the copy. `commands_wanted`: the commands that exercise it.
    """

    wanted = Signal(object, object, str)
    show_wanted = Signal()
    aside_wanted = Signal()
    recover_wanted = Signal()
    try_wanted = Signal()
    cancel_wanted = Signal()
    commands_wanted = Signal()

    def __init__(
        self,
        theme: Theme,
        layers: tuple[Layer, ...],
        hardening: Hardening,
        queries: QueryRunner,
        exports: Exports | None = None,
    ) -> None:
        super().__init__(theme, layers)
        self._kept: tuple[Transaction, ...] = ()
        self._refused = False  # whether what is told is why something was refused
        self.kept, self.rule, self.foot = SetAsideLine(theme), Rule(theme), PlanFoot(theme)
        self.exports, self.more = ExportMenu(exports, self), QMenu(self)
        theme.lay(self.body, self.kept, self.rule, self.foot)
        self.draft = draft = RelaunchDraft(hardening, queries, self.isVisible, self)
        self.begin(draft)
        for one, other in (
            (draft.try_wanted, self.try_wanted),
            (draft.cancel_wanted, self.cancel_wanted),
            (draft.relaunch_wanted, self.wanted),
            (draft.show_wanted, self.show_wanted),
            (draft.aside_wanted, self.aside_wanted),
            (draft.recover_wanted, self.recover_wanted),
        ):
            one.connect(other)
        draft.export_wanted.connect(self.export)
        draft.ticked.connect(self._tick)
        self.foot.pressed.connect(draft.press)
        self.foot.more_wanted.connect(self._open_more)
        self.foot.turned.connect(draft.turn_remedy)
        self.exports.failed.connect(self.tell)
        self.show_state(None)

    @property
    def button(self) -> TryButton:
        """The one button."""
        return self.foot.buttons.button

    # -- what is shown

    def show_state(
        self, state: ContainerState | None, refused: Message | None = None, look_only: Message | None = None
    ) -> None:
        """Another container, or the same one read anew. `refused`: nothing can be hardened here at all. `look_only`:
        why all can be looked at, and nothing done.
        """
        before = self.draft.state
        another = state is None or before is None or state.key != before.key
        self.show_name("" if state is None else state.container.name, another=another)
        if another:
            self.foot.link.setChecked(False)
        elif state is not None and before is not None and runs(state) != runs(before):
            self.take_back_refusal()
        self.draft.show_state(state, refused, look_only)
        self._show_kept()

    def show_kept(self, kept: tuple[Transaction, ...]) -> None:
        """What is kept now, of all containers."""
        self._kept = kept
        self.draft.show_kept(kept)
        self._show_kept()

    def tell(self, message: Message, words: str = "") -> None:
        """See `PlanColumn`."""
        super().tell(message, words)
        self._refused = False

    def tell_refused(self, message: Message) -> None:
        """The same, until the container in view starts or stops, which may have been the reason."""
        self.tell(message)
        self._refused = True

    def take_back_refusal(self) -> None:
        """What was refused may be asked for again."""
        if self._refused:
            self.told.hide()

    def set_paged(self, paged: bool, *, low: bool) -> None:
        """See `PlanColumn`."""
        self.foot.set_wide(wide=paged)
        super().set_paged(paged, low=low)
        self.foot.take(self.standard if low else None)
        if not low:
            self._above.addWidget(self.standard)

    def showEvent(self, event: object) -> None:
        self.draft.ask_if_missing()

    # -- what the person does

    def take(self, key: Key, choices: tuple[Choice, ...]) -> None:
        """Just these for that container."""
        self.draft.take_choices(key, choices)

    def _tick(self) -> None:
        self.foot.show_button(self.draft)

    def export(self) -> None:
        """Offer the plan for other tools; without them, copy the command."""
        if self.draft.relaunch is not None and self.exports.exports is not None:
            self.exports.open_for((self.draft.relaunch,), self.foot.buttons)
        elif self.draft.command:
            feedback.copy(self, self.draft.command)

    def copy_command(self) -> None:
        """Copy the command that relaunches it."""
        feedback.copy(self, self.draft.command)

    def _open_more(self) -> None:
        draft, menu, button = self.draft, self.more, self.foot.buttons
        menu.clear()
        made = draft.relaunch
        free = draft.look_only is None and not draft.running and draft.line is None
        if made is not None and not made.checked.blocks and free:
            menu.addAction(translate(msg("Relaunch without trying it"))).triggered.connect(
                lambda _=False: draft.relaunch_now()
            )
        if free:
            menu.addAction(translate(msg("Test it with a command…"))).triggered.connect(
                lambda _=False: self.commands_wanted.emit()
            )
        if draft.command:
            word = msg("Copy the command") if draft.line is None else COPY_LINE
            menu.addAction(translate(word)).triggered.connect(lambda _=False: self.copy_command())
        if made is not None and self.exports.exports is not None:
            menu.addAction(translate(msg("Export…"))).triggered.connect(lambda _=False: self.export())
        size = menu.sizeHint()
        menu.popup(button.mapToGlobal(QPoint(button.width() - size.width(), -size.height())))

    # -- how

    def _show_kept(self) -> None:
        state = self.draft.state
        if state is None or self.draft.running:  # what is under way may start the kept one, or remove it
            self.kept.show_kept(None, "", running=False)
        else:
            number = state.container.id
            self.kept.show_kept(about(self._kept, number), number, running=runs(state))

    def show_changed(self) -> None:
        """See `PlanColumn`."""
        super().show_changed()
        self._show_kept()
        draft, usable = self.draft, self.usable
        there = usable or draft.coming or bool(draft.running) or draft.trial is not None
        self.foot.setVisible(there)
        self.rule.setVisible(there and not self.paged)
        more = usable and bool(draft.choices) and draft.look_only is None and draft.line is None
        self.foot.count.say(self.numbers.counted() if usable else "")
        self.foot.show_draft(draft, effect(draft.plan) if usable and draft.plan is not None else (), more=more)
