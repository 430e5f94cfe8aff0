"""Between the page and what explains why a container ended: asked on a thread of its own, once for each end.

Also of one that runs and is not observed: what the kernel's counters and its log say without root, where they say
anything. That is asked each time it comes into view, since it grows. Nothing is asked while the page is not in view.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QVBoxLayout

from stratascope.core.message import msg
from stratascope.core.refusals.ended.ending import Ending, Phase
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import runs
from stratascope.ui.denied.above import EndKey, end_of
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.ui.kit.selection import Key
from stratascope.ui.kit.theme import Theme
from stratascope.usecases.hardening import Hardening

if TYPE_CHECKING:
    from stratascope.ui.denied.ending import EndingView
    from stratascope.ui.denied.page import DeniedPage

Explain = Callable[[ContainerState], Ending]
CommandOf = Callable[..., str]  # the container and the choices
REMEMBERED = 50  # containers


def command_with(hardening: Hardening, state: ContainerState, *choices: Choice) -> str:
    """What would start it anew with these, whatever stands in the way of a relaunch. Raises what engines raise."""
    return hardening.command(hardening.plan(state, choices))


class EndingFeed(QObject):
    """`explain`: why that container ended; `command`: what would start it with that change. Both raise what engines
    raise.
    """

    def __init__(self, theme: Theme, explain: Explain, command: CommandOf, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.explain, self.command = explain, command
        self._theme = theme
        self._known: dict[Key, tuple[EndKey, Ending]] = {}
        self._page: DeniedPage | None = None
        self._shown: ContainerState | None = None
        self._queries = QueryRunner(self)

    @cached_property
    def view(self) -> EndingView:
        """Made with the page."""
        from stratascope.ui.denied.ending import EndingView

        view = EndingView(self._theme)
        view.wanted.connect(self._want)
        view.command_wanted.connect(self._ask_command)
        return view

    def join(self, page: DeniedPage) -> None:
        """Stand on it from now on."""
        card = QFrame()
        card.setObjectName("card")
        card.setAccessibleName(self.view.accessibleName())
        column = QVBoxLayout(card)
        column.setContentsMargins(*(self._theme.px(length) for length in (14, 10, 6, 10)))
        column.addWidget(self.view)
        self._page = page
        page.above.put(card)
        page.ending_wanted.connect(self._show)

    def stop(self) -> None:
        """No more answers."""
        self._queries.end()

    # -- inside

    def _show(self, state: ContainerState | None) -> None:
        self._shown = state
        if state is None:
            self._tell(shown=False)
            return
        end, known = end_of(state), self._known.get(state.key)
        if known is not None and (known[0] == end or known[1].phase is Phase.RESTARTING):
            self._show_known(state, known[1])  # one that restarts has an end a second: its last one meanwhile
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
        over = not runs(state) and ending.phase is not Phase.RESTARTING  # else it can be watched
        self._tell(shown=ending.phase is not Phase.RUNNING or ending.cause is not None, whole=over)

    def _tell(self, *, shown: bool, whole: bool = False) -> None:
        if self._page is not None:
            self._page.above.tell(shown=shown, whole=whole)

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
        if self._page is not None and self._shown is not None:
            self._page.allow_wanted.emit(self._shown.key, choices)
