"""The page "Denied" with rows, for walks through the whole window."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtWidgets import QWidget

from stratascope.ui.denied.page import DeniedPage
from stratascope.ui.kit.page import View
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.refusals.service import RefusalList
from window.denied import denied_sample, ending_sample
from window.denied.ending_sample import EndTeller
from window.walk import settle


def tell_no_ends(window: MainWindow) -> None:
    """Let no container's end be known, as there is no engine to ask."""
    if window.endings is not None:
        window.endings.explain = EndTeller(ending_sample.NO_GUESS).explain


def stops(window: MainWindow) -> Iterator[tuple[str, QWidget]]:
    """Yield the page of the container in view: an unfolded row, another with several remedies, and harmless ones
    below.
    """
    state = window.selection.current
    assert state is not None
    tell_no_ends(window)
    window.refused.show(state, RefusalList(denied_sample.ALL, 3))
    window.pages.show_view(View.DENIED)
    page = window.pages.of(DeniedPage)
    settle()
    for key in ("tun", "mount", "trace"):
        page.table.unfold(key)
        settle()
        yield f"refused: {key}", window
    page.table.fold()
    page.probing.head.setChecked(True)
    settle()
    yield "harmless probing", window
    page.probing.head.setChecked(False)
    yield from _ends(window, page)
    window.refused.show(state, RefusalList())
    settle()


def _ends(window: MainWindow, page: DeniedPage) -> Iterator[tuple[str, QWidget]]:
    """Yield the explanation of an end, above the list and alone."""
    assert window.endings is not None
    view = window.endings.view
    view.show_ending(ending_sample.OF_MEMORY)
    page.above.tell(shown=True, whole=False)
    settle()
    yield "why it ended, and what was refused", window
    page.above.rows = False
    page.above.tell(shown=True, whole=True)
    settle()
    yield "why it ended", window
    view.show_ending(ending_sample.GUESS)
    page.above.tell(shown=True, whole=False)
    settle()
    yield "what can be said without watching it", window
    page.above.tell(shown=False, whole=False)
