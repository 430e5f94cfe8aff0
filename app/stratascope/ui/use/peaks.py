"""The most that it was seen to use of memory, processes, processors and open files, beside its limits."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from stratascope.core.message import Message, msg
from stratascope.i18n.translate import translate
from stratascope.presentation.terms import amount
from stratascope.presentation.use_picture import PeakRow, UsePicture
from stratascope.ui.kit.theme import Theme
from stratascope.ui.use.card import Card
from stratascope.ui.use.rows import Cell, Gauge, Row
from stratascope.ui.use.table import RowTable

_NAMES: dict[str, Message] = {
    "memory": msg("Memory"),
    "pids": msg("Processes"),
    "cpu": msg("CPU"),
    "open_files": msg("Open files"),
}
_FAR = 20  # times the peak: a limit beyond that would make everything else a dot


class PeaksCard(Card):
    """One row each: the bar is filled as far as it uses now, a stroke is the peak, a thick one its limit."""

    def __init__(self, theme: Theme, number: int, parent: QWidget | None = None) -> None:
        super().__init__(theme, translate(msg("Peaks against limits")), number, ("peaks",), parent)
        heads = tuple(translate(text) for text in (msg("What"), msg("Now, peak and limit"), msg("Peak")))
        self.table = RowTable(theme, translate(msg("Peaks against limits")), heads, wide=1, lines=2, least=4)
        self.body.addWidget(self.table)
        self.body.addStretch(1)

    def show_picture(self, picture: UsePicture) -> None:
        """What is known of them now."""
        super().show_picture(picture)
        seen = picture.observation.saw("peaks")
        self.numbers.say(translate(msg("now, peak and limit") if seen else msg("peaks were not observed")))
        self.table.show_rows(tuple(_row(row) for row in picture.peaks))


def _row(row: PeakRow) -> Row:
    whole = _whole(row)
    shares = (None if value is None or not whole else value / whole for value in (row.now, row.peak, row.limit))
    now, peak, limit = shares
    gauge = Gauge(now, peak, None if limit is None or limit > 1 else limit)
    most = translate(msg("not seen")) if row.peak is None else amount(row.name, row.peak)
    limited = translate(_limit(row))
    said = limited if row.now is None else translate(msg("{value} now", value=amount(row.name, row.now)))
    take = "" if row.proposal is None else translate(msg("take {value}", value=amount(row.name, row.proposal)))
    ink = "text3" if row.peak is None else "text"
    return (
        Cell(translate(_NAMES[row.name]), limited, bold=True),
        Cell(said, gauge=gauge),
        Cell(most, take or " ", ink, bold=row.peak is not None, right=True),
    )


def _whole(row: PeakRow) -> float:
    """What the bar's whole width stands for."""
    most = max(row.peak or 0.0, row.now or 0.0)
    if row.limit and (row.peak is None or row.limit <= _FAR * most):
        return max(row.limit, most)
    return row.proposal or (2.5 * most if row.peak is not None else 0.0)


def _limit(row: PeakRow) -> Message:
    if not row.known:
        return msg("limit not known")
    if row.limit is None:
        return msg("no limit")
    return msg("limit {value}", value=amount(row.name, row.limit))
