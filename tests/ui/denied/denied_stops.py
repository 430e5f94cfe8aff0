"""The page "Denied" with rows, for walks through the whole window."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtWidgets import QWidget

from stratascope.ui.widgets.page_switch import View
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.denials.denials import Denials
from ui.denied import denied_sample
from ui.walk import settle


def stops(window: MainWindow) -> Iterator[tuple[str, QWidget]]:
    """Of the container in view: a row in full, another with several ways, and what is harmless below them."""
    state = window.selection.current
    assert state is not None
    window.refused.show(state, Denials(denied_sample.ALL, 3))
    window.pages.show_view(View.DENIED)
    page = window.pages.denied
    assert page is not None
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
    window.refused.show(state, Denials())
    settle()
