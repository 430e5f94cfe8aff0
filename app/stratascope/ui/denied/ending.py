"""Why a container does not run: what happened, how certain that is, what would help, and the end of its log.

Explained on a background thread, once for each end. For a running container that is not observed, the explanation is
what the kernel's counters and its log say without root, if anything; it is requested each time the container comes into
view, since it grows. Nothing is requested while the page is hidden. All text can be selected, for trackers and mails.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial

from PySide6.QtCore import QObject, QSize, Qt, Signal, SignalInstance
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from stratascope.core.container import Status
from stratascope.core.message import Message, msg
from stratascope.core.refusals.ended.ending import Cause, Ending, Phase, Source
from stratascope.core.refusals.refusal import RefusalRemedy
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import listed, translate
from stratascope.layers import all_layers
from stratascope.presentation.refusals_report import LOG_END, NO_REASON, OTHER_REASONS, cause_line, cause_reason
from stratascope.presentation.takeover import runs
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.ui.kit.flow import Flow, Scrolled, TextColumn
from stratascope.ui.kit.labels import Label, give_tip
from stratascope.ui.kit.marks import MarkBox
from stratascope.ui.kit.selection import Key
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme
from stratascope.usecases.hardening import Hardening

LEAST = 120  # minimum height of the explanation
_NO_LIMIT = 16_777_215  # QWIDGETSIZE_MAX
EndKey = tuple[object, ...]


def end_of(state: ContainerState) -> EndKey:
    """Return a key that distinguishes one end or run of a container from the next."""
    container = state.container
    return container.status, container.pid, container.started, container.exit_code, container.out_of_memory


class EndingAbove(QVBoxLayout):
    """The layout with the explanation above the list.

    `rows`: whether there is anything to list; without rows the explanation may fill the page. `away`: show nothing,
    since it is about another container.
    """

    def __init__(self, theme: Theme, page: QWidget, card: QWidget) -> None:
        super().__init__(page)
        self._theme, self._page, self._card = theme, page, card
        self._ending: QWidget | None = None
        self._shown, self._whole = False, False
        self.rows = False
        self.away = False
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(theme.px(10))
        self.addWidget(card, 1)

    def put(self, ending: QWidget) -> None:
        """Insert the explanation above the list."""
        self._ending = ending
        self.insertWidget(0, ending)
        self.place()

    def tell(self, *, shown: bool, whole: bool) -> None:
        """Say whether there is an explanation, and whether it is `whole`: then no empty list is shown."""
        self._shown, self._whole = shown, whole
        self.place()

    def place(self) -> None:
        """Share the height: with rows the explanation gets about half at most, otherwise as much as it needs."""
        ending = self._ending
        alone = ending is not None and self._shown and self._whole and not self.rows
        self._card.setVisible(not self.away and not alone)
        if ending is not None:
            ending.setVisible(not self.away and self._shown)
            high, low = self._page.height(), self._card.minimumSizeHint().height() + self.spacing()
            most = max(high * 55 // 100 if self.rows else high - low, self._theme.px(LEAST))
            ending.setMaximumHeight(_NO_LIMIT if alone else most)
            self.setStretch(0, int(alone))


_LOG_LINES = 10
_EVIDENCE_MAX = 600  # characters


class EndingView(Scrolled):
    """The explanation.

    `wanted`: Choices that would help, to be taken into the right column, or to relaunch with if the container has
    ended. `command_wanted`: copy the command that creates a container that does not run anew with them.
    """

    wanted = Signal(object)
    command_wanted = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__(name=translate(msg("Why it ended")), reads=True)
        self._theme = theme
        self.ending: Ending | None = None
        self._numbers = {layer.id: layer.number for layer in all_layers()}
        self.headline = Label(theme, 15, BOLD, wrap=True).selectable()
        self.facts = Label(theme, 13, ink="text2", wrap=True).selectable()
        self.mark = MarkBox(theme, 16)
        self.cause = Label(theme, 13, MEDIUM, wrap=True).selectable()
        self.reason = Label(theme, 12, ink="text2", wrap=True).selectable()
        self.evidence = Label(theme, 11, ink="text2", wrap=True, fixed=True).selectable()
        self.others = Label(theme, 12, ink="text2", wrap=True).selectable()
        self.helps = Label(theme, 13, MEDIUM, wrap=True).selectable()
        self.told = Label(theme, 12, ink="text2", wrap=True)
        self.buttons: list[QPushButton] = []
        self._helps = Flow(theme, middle=False)
        self.log_head = Label(theme, 14, BOLD)
        self.log_head.setText(translate(LOG_END))
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.log.setTabChangesFocus(True)
        self.log.setAccessibleName(self.log_head.text())
        theme.changed.connect(self._restyle)
        self._restyle()
        why = theme.lay(QHBoxLayout(), (self.mark, 0, Qt.AlignmentFlag.AlignTop), (self.cause, 1), gap=8)
        inner = TextColumn()
        cause = (why, self.reason, self.evidence, self.helps, self._helps, self.told)
        rest = (self.others, self.log_head, self.log, STRETCH)
        theme.lay(QVBoxLayout(inner), self.headline, self.facts, *cause, *rest, around=(0, 0, 8, 0), gap=8)
        self.setWidget(inner)
        inner.setAutoFillBackground(False)  # the card is its background
        self.viewport().setAutoFillBackground(False)

    def sizeHint(self) -> QSize:
        """Its height for the text at the current width."""
        inner, seen = self.widget(), self.viewport()
        high = 0 if inner is None else inner.heightForWidth(seen.width()) + self.height() - seen.height()
        return QSize(super().sizeHint().width(), high)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def show_ending(self, ending: Ending | None, status: Status = Status.RUNNING) -> None:
        """Show an explanation; None: nothing is known yet. `status`: the container's current state, which decides the
        buttons.
        """
        self.ending = ending
        self.setEnabled(ending is not None)
        cause = None if ending is None else ending.cause
        self._set_text(self.headline, "" if ending is None else translate(_headline(ending)))
        self._set_text(self.facts, "" if ending is None else self._facts(ending))
        self._show_cause(cause, failed=ending is not None and bool(ending.exit_code))
        self._show_helps(() if cause is None else cause.remedies, status)
        others = () if ending is None else ending.others
        told = [translate(OTHER_REASONS), *(translate(each.claim.what) for each in others)]
        self._set_text(self.others, "\n".join(map(plain, told)) if others else "")
        lines = () if ending is None else ending.log[-_LOG_LINES:]
        self.log.setPlainText("\n".join(map(plain, lines)))
        self._restyle()
        self.log_head.setVisible(bool(lines))
        self.log.setVisible(bool(lines))
        self.updateGeometry()

    def show_trouble(self, message: Message, words: str) -> None:
        """Say why nothing can be explained; `words` of whoever refused."""
        self.show_ending(None)
        self.setEnabled(True)
        self._set_text(self.headline, translate(message))
        self._set_text(self.evidence, words)

    def _facts(self, ending: Ending) -> str:
        """Return the facts, without the log's last line, which is shown in the log."""
        told = (translate(fact.text) for fact in ending.facts if fact.source is not Source.LOG)
        return "\n".join(map(plain, told))

    def _show_cause(self, cause: Cause | None, *, failed: bool) -> None:
        if cause is None:
            self._set_text(self.cause, translate(NO_REASON) if failed else "")
            self._set_text(self.reason, "")
            self._set_text(self.evidence, "")
            self.mark.hide()
            return
        number = self._numbers.get(cause.claim.layer)
        self.mark.setVisible(number is not None)
        if number is not None:
            self.mark.show_number(number)
        self._set_text(self.cause, cause_line(cause))
        self._set_text(self.reason, translate(cause_reason(cause)))
        self._set_text(self.evidence, cause.evidence)

    def _show_helps(self, remedies: tuple[RefusalRemedy, ...], status: Status) -> None:
        self.buttons = []
        self._set_text(self.told, "")
        said = [plain(translate(each.text), 400) for each in remedies if each.choice is None]
        self._set_text(self.helps, translate(msg("What would help: {remedies}", remedies=listed(said))) if said else "")
        for remedy in remedies:
            if remedy.choice is None:
                continue
            text = plain(translate(remedy.text), 120)
            for word, tip, then in self._ways(text, status):
                button = QPushButton(word)
                give_tip(button, translate(tip))
                button.clicked.connect(partial(self._press, then, remedy.choices))
                self.buttons.append(button)
        self._helps.put(tuple(self.buttons))
        self._helps.setVisible(bool(self.buttons))

    def _ways(self, remedy: str, status: Status) -> tuple[tuple[str, Message, SignalInstance], ...]:
        """Return a button for each use of the remedy: a word, its tooltip, and the signal to emit."""
        if status in (Status.RUNNING, Status.PAUSED):
            tip = msg("Adds this to the plan. Nothing is relaunched until you confirm.")
            return ((remedy, tip, self.wanted),)
        tip = msg("The command that starts a container like it with this change. Remove or rename this one first.")
        if not status.rests:
            return ((translate(msg("Copy the command with: {remedy}", remedy=remedy)), tip, self.command_wanted),)
        anew = msg("A replacement with this change takes its place and is started. You confirm it first.")
        return (
            (translate(msg("Relaunch it: {remedy}…", remedy=remedy)), anew, self.wanted),
            (translate(msg("Copy the command")), tip, self.command_wanted),
        )

    def tell(self, text: str) -> None:
        """Show the result of a button."""
        self._set_text(self.told, text)
        accessibility.announce(self, text)

    def _press(self, then: SignalInstance, choices: tuple[Choice, ...], _checked: bool = False) -> None:
        then.emit(choices)

    def _set_text(self, label: Label, text: str) -> None:
        label.setText("\n".join(plain(line, _EVIDENCE_MAX) for line in text.splitlines()))
        label.setVisible(bool(text))

    def _restyle(self) -> None:
        self.log.setFont(self._theme.font(11, fixed=True))
        lines = min(self.log.document().blockCount(), _LOG_LINES)  # lines do not wrap: a long one is scrolled
        self.log.setFixedHeight(self.log.fontMetrics().lineSpacing() * lines + self._theme.px(26))


def _headline(ending: Ending) -> Message:
    """Return the headline; that a container runs is not worth one."""
    return msg("What is known without watching it") if ending.phase is Phase.RUNNING else ending.headline


Explain = Callable[[ContainerState], Ending]
CommandOf = Callable[..., str]  # the container and the choices
REMEMBERED = 50  # containers


def command_with(hardening: Hardening, state: ContainerState, *choices: Choice) -> str:
    """Return the command that would create it anew with these, whatever prevents a relaunch. Raises the engine's
    errors.
    """
    return hardening.command(hardening.plan(state, choices))


class EndingFeed(QObject):
    """Requests explanations. `explain`: why a container ended; `command`: what would start it with a change. Both raise
    the engine's errors.
    """

    def __init__(self, theme: Theme, explain: Explain, command: CommandOf, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.explain, self.command = explain, command
        self._theme = theme
        self._known: dict[Key, tuple[EndKey, Ending]] = {}
        self._above: EndingAbove | None = None
        self._allow: SignalInstance | None = None
        self._shown: ContainerState | None = None
        self._queries = QueryRunner(self)

    @cached_property
    def view(self) -> EndingView:
        """The explanation's widget, made with the page."""
        view = EndingView(self._theme)
        view.wanted.connect(self._want)
        view.command_wanted.connect(self._ask_command)
        return view

    def join(self, above: EndingAbove, asked: SignalInstance, allow: SignalInstance) -> None:
        """Show the explanation in `above`. `asked`: emits the container to explain; `allow`: gets its key and the
        choices that help.
        """
        card = QFrame()
        card.setObjectName("card")
        card.setAccessibleName(self.view.accessibleName())
        self._theme.lay(QVBoxLayout(card), self.view, around=(14, 10, 6, 10))
        self._above, self._allow = above, allow
        above.put(card)
        asked.connect(self._show)

    def stop(self) -> None:
        """Drop pending answers."""
        self._queries.end()

    # -- internals

    def _show(self, state: ContainerState | None) -> None:
        self._shown = state
        if state is None:
            self._tell(shown=False)
            return
        end, known = end_of(state), self._known.get(state.key)
        if known is not None and (known[0] == end or known[1].phase is Phase.RESTARTING):
            # a restarting container ends every second: show its last known end meanwhile
            self._show_known(state, known[1])
        else:
            self.view.show_ending(None)
            self._tell(shown=not runs(state), whole=not runs(state))
        if known is None or known[0] != end or runs(state):
            self._queries.ask("ending", partial(self.explain, state), partial(self._take, state))

    def _take(self, state: ContainerState, answer: Ending | Failure) -> None:
        if self._shown is None or self._shown.key != state.key:
            return
        if isinstance(answer, Failure):
            if not runs(state):
                self.view.show_trouble(answer.message, answer.words)
                self._tell(shown=True)
            return
        if len(self._known) >= REMEMBERED and state.key not in self._known:
            del self._known[next(iter(self._known))]
        self._known[state.key] = end_of(state), answer
        self._show_known(state, answer)

    def _show_known(self, state: ContainerState, ending: Ending) -> None:
        if ending != self.view.ending:
            self.view.show_ending(ending, state.container.status)
        over = not runs(state) and ending.phase is not Phase.RESTARTING  # otherwise it can be observed
        self._tell(shown=ending.phase is not Phase.RUNNING or ending.cause is not None, whole=over)

    def _tell(self, *, shown: bool, whole: bool = False) -> None:
        if self._above is not None:
            self._above.tell(shown=shown, whole=whole)

    def _ask_command(self, choices: tuple[Choice, ...]) -> None:
        state = self._shown
        if state is not None:
            self._queries.ask("command", partial(self.command, state, *choices), partial(self._copy, state))

    def _copy(self, state: ContainerState, answer: str | Failure) -> None:
        if isinstance(answer, str):
            QGuiApplication.clipboard().setText(answer)
        if self._shown is not None and self._shown.key == state.key:
            self.view.tell(translate(msg("Copied.") if isinstance(answer, str) else answer.message))

    def _want(self, choices: tuple[Choice, ...]) -> None:
        if self._allow is not None and self._shown is not None:
            self._allow.emit(self._shown.key, choices)
