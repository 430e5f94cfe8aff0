"""One page of the layer panel: views below each other, scrolling as one; updated in place where it can be."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from stratascope.core.layer import Bars, BitGrid, CallMap, Rulers, Table, View
from stratascope.ui.kit.flow import TextColumn
from stratascope.ui.kit.theme import Theme
from stratascope.ui.panel.bars import BarsBlock
from stratascope.ui.panel.bits import BitsView
from stratascope.ui.panel.rulers import RulersBlock
from stratascope.ui.panel.table import TableBlock
from stratascope.ui.syscalls.view import CallsView


def make_view(theme: Theme, view: View) -> QWidget:
    """The widget for one of the closed set of views."""
    match view:
        case Table():
            return TableBlock(theme, view)
        case BitGrid():
            return BitsView(theme, view)
        case Bars():
            return BarsBlock(theme, view)
        case Rulers():
            return RulersBlock(theme, view)
        case CallMap():
            return CallsView(theme, view, numbers=False)


def update_view(widget: QWidget, view: View) -> bool:
    """Show `view` in a widget made before; False where it must be made anew."""
    match widget, view:
        case TableBlock(), Table():
            widget.show_table(view)
        case BitsView(), BitGrid():
            widget.show_grid(view)
        case BarsBlock(), Bars():
            return widget.show_bars(view)
        case RulersBlock(), Rulers():
            widget.show_rulers(view)
        case CallsView(), CallMap():
            widget.show_map(view)
        case _:
            return False
    return True


class Page(QScrollArea):
    """A scrolling column of widgets."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.inner = TextColumn()
        self.inner.setObjectName("page")
        self.column = QVBoxLayout(self.inner)
        self.column.setContentsMargins(theme.px(15), theme.px(9), theme.px(15), theme.px(10))
        self.column.setSpacing(theme.px(12))
        self.setWidget(self.inner)
        self._views: tuple[View, ...] = ()
        self.made: list[QWidget] = []

    def begin(self) -> None:
        """Another container: back to the top, and to what is worth seeing first."""
        self.verticalScrollBar().setValue(0)
        for widget in self.made:
            if isinstance(widget, BitsView):
                widget.choose()

    def show_views(self, views: tuple[View, ...]) -> None:
        """Show these views; scroll position and selection stay where the same kinds stand."""
        if views == self._views and self.made:
            return
        at = self.verticalScrollBar().value()
        if len(views) == len(self.made) and all(
            update_view(widget, view) for widget, view in zip(self.made, views, strict=True)
        ):
            self._views = views
            return
        self.show_widgets([make_view(self._theme, view) for view in views])
        self._views = views
        self.verticalScrollBar().setValue(at)

    def show_widgets(self, widgets: list[QWidget]) -> None:
        """Show these widgets instead of what was there."""
        while (item := self.column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for made in widgets:
            # a grid takes the room that there is, and scrolls within itself
            self.column.addWidget(made, 100 if isinstance(made, (BitsView, CallsView)) else 0)
        self.column.addStretch(1)
        self.made, self._views = widgets, ()
