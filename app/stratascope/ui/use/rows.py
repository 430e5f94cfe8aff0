"""Rows of the cards as a model: what each cell says, how it is drawn, what is read aloud. Foreign text is made plain.

A row is known by its first cell: what is current stays so while others come and go.
"""

from __future__ import annotations

from stratascope.core.sanitize import plain
from stratascope.ui.kit.table import Column
from stratascope.value import Value

MOST = 4200  # characters of one cell: PATH_MAX, and a little


class Gauge(Value):
    """Shares of the whole bar, 0.0 to 1.0; None: not there."""

    now: float | None
    peak: float | None
    limit: float | None


class Cell(Value):
    """One cell. `below`: a second line. `more`: for the tooltip; `fixed`: a path or a name of the kernel's.

    `sign`: as in `flow.paint_sign`, before the words; other words of the row say the same.
    """

    text: str
    below: str = ""
    ink: str = "text"
    bold: bool = False
    fixed: bool = False
    right: bool = False
    more: str = ""
    gauge: Gauge | None = None
    sign: str = ""

    @property
    def spoken(self) -> str:
        """One for the ear."""
        return ", ".join(plain(each, MOST) for each in (self.text, self.below, self.more) if each.strip())


Row = tuple[Cell, ...]


def columns(heads: tuple[str, ...]) -> tuple[Column, ...]:
    """A column of cells below each head; heads are not drawn, and are told to a screen reader."""
    return tuple(_column(head, at) for at, head in enumerate(heads))


def _column(head: str, at: int) -> Column:
    def whole(row: Row) -> str:
        cell = row[at]
        return "\n".join(each for each in (cell.text, cell.below, cell.more) if each.strip())

    return Column(head, lambda row: plain(row[at].text, MOST), whole=whole, spoken=lambda row: row[at].spoken or " ")


def first_text(row: Row) -> str:
    """By which a row is known again."""
    return row[0].text
