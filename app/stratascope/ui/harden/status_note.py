"""Above the main button: what will happen, what is looked for, what is in the way, or why there is nothing to switch.

With the button's word, and the two buttons that lead to trials on a twin: the tightest settings, and what is on.
"""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QPushButton, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.transaction import Remedy, Transaction
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation.relaunch_words import go_text
from stratascope.presentation.takeover import runs
from stratascope.ui.kit.background import Failure
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.usecases.plan.offers import Preview
from stratascope.usecases.plan.plan import Plan
from stratascope.value import Value


class ButtonAction(Enum):
    """What the button does."""

    NOTHING = "nothing"
    RELAUNCH = "relaunch"
    SHOW = "show"  # the run that is under way
    AGAIN = "again"  # ask the engine once more
    REMEDY = "remedy"  # take the option that makes it safe
    ASIDE = "aside"  # show what is set aside
    RECOVER = "recover"  # put right what a crash left half done
    EXPORT = "export"


class StatusNote(Value):
    """`attention`: led by a triangle. `more`: for the tooltip. `remedy`: the option that REMEDY takes."""

    text: Message
    word: Message
    act: ButtonAction
    attention: bool = False
    more: str = ""
    remedy: Remedy | None = None


_REMEDY_WORDS = {
    Remedy.COMMIT_LAYER: (msg("Carry its files over"), msg("Carry over what it wrote, as an image")),
    Remedy.LEAVE_LOGS: (msg("Leave its logs behind"), msg("Start the logs that it wrote outside its volumes anew")),
    Remedy.DEPENDENTS: (msg("Relaunch them too"), msg("Also relaunch the containers that depend on it")),
}


def remedy_title(remedy: Remedy) -> Message:
    """The option's name, as a box to tick."""
    return _REMEDY_WORDS[remedy][1]


# Blocks of our own making, and the way out of each
_OWN_BLOCKS = {
    "set-aside": (msg("Show what is set aside"), ButtonAction.ASIDE),
    "unfinished": (msg("Repair it"), ButtonAction.RECOVER),
}


def why_nothing(
    state: ContainerState | None, refused: Message | None, kept: tuple[Transaction, ...], *, running: bool
) -> Message | None:
    """Why nothing of this container can be hardened. `running`: a run is under way, maybe this very one's."""
    if state is None:
        return msg("Choose a container.")
    if refused is not None:
        return refused
    if state.container.error:
        return msg("The engine's answer about it was not understood, so no change can be planned for it.")
    if not runs(state) and any(state.container.id == each.old for each in kept):
        return msg("It is set aside here, stopped, in case it is needed again.")
    if not runs(state) and running:
        return msg("It is not running at the moment.")
    if not runs(state) and state.container.exit_code:
        return msg("It is not running, so the hardening could not be verified. Start it first. If it ends at once, "
                   "Denied tells why, and relaunches it with what it lacks.")  # fmt: skip
    if not runs(state):
        return msg("It is not running, so the hardening could not be verified. Start it first.")
    if state.matrix is None:
        return msg("None of its processes can be read, so the hardening could not be verified.")
    return None


def status_note(
    *,
    running: str,
    look_only: Message | None,
    failure: Failure | None,
    chosen: bool,
    preset: bool,
    plan: Plan | None,
    preview: Preview | None,
    can_export: bool,
) -> StatusNote:
    """`running`: the step of a run that is under way. `look_only`: why nothing can be done. `chosen`: whether anything
    is switched on; `preset`: by one.
    """
    go = go_text(live=preview is not None and preview.live, allows=preview is not None and preview.allows)
    if running:
        return StatusNote(msg("{step}", step=running), msg("Show"), ButtonAction.SHOW)
    if look_only is not None:
        return StatusNote(look_only, go, ButtonAction.NOTHING)
    if failure is not None:
        act = ButtonAction.AGAIN if preview is not None else ButtonAction.NOTHING
        return StatusNote(failure.message, msg("Try again"), act, attention=True, more=failure.words)
    if not chosen and preset:
        return StatusNote(msg("Everything in this preset is already in effect."), go, ButtonAction.NOTHING)
    if not chosen:
        return StatusNote(msg("Switch on what you want, or choose a preset."), go, ButtonAction.NOTHING)
    if plan is None:
        return StatusNote(msg("Checking for obstacles…"), go, ButtonAction.NOTHING)
    if plan.checked.blocks:
        return _blocked(plan, can_export)
    if preview is not None and preview.live:
        return StatusNote(msg("It keeps running; only its limits change."), go, ButtonAction.RELAUNCH)
    if plan.owner is not None:
        return StatusNote(
            plan.owner.title, go, ButtonAction.RELAUNCH, more="\n".join(each.path for each in plan.owner.files)
        )
    seconds = plan.spec.stop_timeout
    if Remedy.COMMIT_LAYER in plan.remedies:
        text = msg(
            "Downtime: it is stopped (at most {seconds} s), saved and started. The original is kept for undo.",
            seconds=seconds,
        )
    else:
        text = msg(
            "Downtime: it is stopped (at most {seconds} s) and started. The original is kept for undo.", seconds=seconds
        )
    return StatusNote(text, go, ButtonAction.RELAUNCH)


def _blocked(plan: Plan, can_export: bool) -> StatusNote:
    """What no option deals with comes first, since then no option helps."""
    blocks = sorted(plan.checked.blocks, key=lambda block: block.remedy is not None)
    first = blocks[0]
    more = "\n".join(translate(block.text) for block in blocks)
    text = first.sentence
    if first.remedy is not None:
        word = _REMEDY_WORDS[first.remedy][0]
        return StatusNote(first.text, word, ButtonAction.REMEDY, attention=True, more=more, remedy=first.remedy)
    if first.code in _OWN_BLOCKS:
        word, act = _OWN_BLOCKS[first.code]
        return StatusNote(text, word, act, attention=True, more=more)
    word = msg("Export instead…") if can_export else msg("Copy the command")
    return StatusNote(text, word, ButtonAction.EXPORT, attention=True, more=more)


class TrialButton(QPushButton):
    """Opens the sheet of trials."""

    opens = True

    def __init__(self, theme: Theme, word: Message) -> None:
        super().__init__()
        self.setFont(theme.font(13, MEDIUM))
        self.say(word)

    def say(self, word: Message) -> None:
        """Another word on it."""
        self.setText(translate(word))
        self.setAccessibleName(self.text())


class TrialButtons(QObject):
    """`wanted`: True for what is switched on."""

    wanted = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.tighten = TrialButton(theme, msg("Tighten…"))
        self.try_chosen = TrialButton(theme, msg("Try on a twin"))
        self.try_chosen.setAccessibleName(
            translate(msg("Try the settings that are switched on, on a twin"))
        )  # the page has one too
        self.tighten.clicked.connect(lambda _=False: self.wanted.emit(False))
        self.try_chosen.clicked.connect(lambda _=False: self.wanted.emit(True))
        give_tip(self.tighten, translate(msg("Find the tightest settings with which it still works, on a twin")))
        give_tip(
            self.try_chosen,
            translate(msg("Try the settings that are switched on, on a twin; the container keeps running")),
        )
        self._chosen, self._low = False, False
        self.show_able(False, chosen=False, under_way=False)

    def set_low(self, low: bool) -> None:
        """In a low window there is one of them: its sheet has the other's choice, too."""
        self._low = low
        self.try_chosen.setVisible(self._chosen and not low)

    def show_able(self, able: bool, *, chosen: bool, under_way: bool) -> None:
        """`able`: there can be trials; `chosen`: of what is switched on, too; `under_way`: there are some now."""
        self.tighten.say(msg("Show the trials") if under_way else msg("Tighten…"))
        self.tighten.setVisible(able or under_way)
        self._chosen = chosen and not under_way
        self.set_low(self._low)


class ButtonPair(QWidget):
    """A button left of the main one, or above it where they don't fit into one line."""

    def __init__(self, theme: Theme, small: QWidget, large: QWidget) -> None:
        super().__init__()
        self._small, self._large = small, large
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        theme.lay(self._row, small, (large, 1), around=0, gap=8)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._turn()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # there may be another word on one of them
            self._turn()
        return super().event(event)

    def _turn(self) -> None:
        needed = self._small.sizeHint().width() + self._row.spacing() + self._large.sizeHint().width()
        fits = needed <= self.width()
        way = QBoxLayout.Direction.LeftToRight if fits else QBoxLayout.Direction.TopToBottom
        if way != self._row.direction():
            self._row.setDirection(way)
