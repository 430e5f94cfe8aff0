"""From the card of a container that does not run to the page *Before it starts*, with the command that creates it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject

from stratascope.core.message import Message
from stratascope.core.snapshot import ContainerState
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.ui.kit.page import View
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.window.pages import Pages


class AsText(QObject):
    """`command`: what would create it as its engine was asked to; raises what engines raise. `tell`: why not."""

    def __init__(
        self,
        command: Callable[[ContainerState], str],
        pages: Pages,
        selection: Selection,
        tell: Callable[[Message], object],
    ) -> None:
        super().__init__(pages)
        self._command, self._pages, self._selection, self._tell = command, pages, selection, tell
        self._queries = QueryRunner(self)
        for header in (pages.strata_page.header, pages.header):
            header.as_text = True
            header.card.before_wanted.connect(self._ask)

    def stop(self) -> None:
        """No more answers."""
        self._queries.end()

    def _ask(self) -> None:
        state = self._selection.current
        if state is not None:
            lane = state.container.engine
            self._queries.ask("command", partial(self._command, state), partial(self._take, state.key), lane)

    def _take(self, key: Key, answer: str | Failure) -> None:
        if isinstance(answer, Failure):
            self._tell(answer.message)
        elif self._selection.key == key:
            self._pages.show_view(View.BEFORE)
            self._pages.made[View.BEFORE].choose(answer)
