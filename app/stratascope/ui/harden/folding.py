"""What of the right column there is room for: in a low window, with a large font, and where much is told.

Whether a part is wanted goes by the height of the window, so that it stays while other things are switched on; whether
it has room is reckoned from what all parts need. Decided against trying: what is shown and hidden again would flicker,
and ask for a layout each time.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from stratascope.ui.harden.command_box import CommandBox
from stratascope.ui.harden.hint import HintLine
from stratascope.ui.harden.prediction import Prediction
from stratascope.ui.harden.toggle_list import ToggleList
from stratascope.ui.widgets.theme import Theme

FOLD_COMMAND, FOLD_LAYERS, FOLD_PREDICTION = 820, 760, 450  # height of the window, px of the design


class Folding(QObject):
    """The hint, the prediction with and without its layers, and the command, as far as the switches leave room."""

    def __init__(
        self,
        theme: Theme,
        column: QWidget,
        toggles: ToggleList,
        hint: HintLine,
        prediction: Prediction,
        command: CommandBox,
    ) -> None:
        super().__init__(column)
        self._theme, self._column, self._toggles = theme, column, toggles
        self._hint, self._prediction, self._command = hint, prediction, command
        self._wanted = (False, False, False)
        column.installEventFilter(self)

    def want(self, height: int, *, usable: bool, command: bool) -> None:
        """`height` of the window; `usable`: there are switches; `command`: there can be one that does the same."""
        high = [height >= self._theme.px(least) for least in (FOLD_PREDICTION, FOLD_LAYERS, FOLD_COMMAND)]
        self._wanted = (usable and high[0], usable and high[1], command and high[2])
        self._fold()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The column has another size, or other words."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self._fold()
        return super().eventFilter(watched, event)

    def _fold(self) -> None:
        hint, prediction, command, layout = self._hint, self._prediction, self._command, self._column.layout()
        assert layout is not None
        gap, (bars, layers), barred = layout.spacing(), prediction.heights, not prediction.isHidden()
        parts = (  # the most important first: its height, whether it is wanted, whether it is there
            (hint.heightForWidth(layout.contentsRect().width()) + gap, hint.hint is not None, not hint.isHidden()),
            (bars + gap, self._wanted[0], barred),  # the sheet of the relaunch has them too
            (layers, self._wanted[1], barred and not prediction.folded),
            (command.sizeHint().height() + gap, self._wanted[2], not command.isHidden()),
        )
        spare = self._column.height() - layout.totalMinimumHeightForWidth(self._column.width()) - self._toggles.spare
        spare += sum(height for height, _, there in parts if there)
        shown = []
        for height, wanted, _ in parts:
            shown.append(wanted and height <= spare)
            if wanted:  # where one finds no room, none that is less important does
                spare = spare - height if height <= spare else -1
        hint.setVisible(shown[0])
        prediction.setVisible(shown[1])
        prediction.set_folded(not shown[2])
        command.setVisible(shown[3])
