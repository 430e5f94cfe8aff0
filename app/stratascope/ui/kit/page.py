"""What a page of the window is, and what it is made of.

A page is entered in `PAGES` (`page_switch.py`) with the module whose `make` gives it; the window makes it when it is
first opened, and tells it nothing while it is not in view. It knows no other page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtWidgets import QWidget

from stratascope.core.layer import Layer
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import Theme
from stratascope.value import Value

T = TypeVar("T")


class Parts(Value):
    """`services`: what the window asks in the background, each known by its type. `able`: whether a relaunch can be
    asked for at all. `before`: judges what is not started yet.
    """

    theme: Theme
    layers: tuple[Layer, ...]
    selection: Selection
    services: tuple[object, ...] = ()
    able: bool = False
    before: Any = None

    def get(self, kind: type[T]) -> T:
        """That service."""
        return next(each for each in self.services if isinstance(each, kind))


def _nothing() -> None:
    return


class MadePage(Value):
    """`refresh`: show what is in view now. `choose`: of what it shows, the one of that name. `search`: where that is
    searched. `head`: where it has a card of its own; `column`: where it has one at the right of the window.
    """

    widget: QWidget
    refresh: Callable[[], object] = _nothing
    choose: Callable[[str], object] = lambda _: None
    search: Callable[[], QWidget] | None = None
    stop: Callable[[], object] = _nothing
    head: Any = None
    column: Any = None
