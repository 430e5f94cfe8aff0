"""Where it writes outside its volumes, and its ports: those that are served, and those that are open for nothing."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.core.observation.observation import LIST_MOST
from stratascope.i18n.translate import translate
from stratascope.presentation.use_picture import Folder, PortRow, PortUse, UsePicture
from stratascope.ui.kit.labels import Label, Line
from stratascope.ui.kit.theme import Theme
from stratascope.ui.use.card import Card
from stratascope.ui.use.rows import Cell, Row
from stratascope.ui.use.table import RowTable

_PUBLISHED: dict[str, Message] = {
    "all": msg("published to all"),
    "machine": msg("published to this machine"),
    "": msg("not published"),
}
_USES: dict[PortUse, tuple[Message, str]] = {
    PortUse.IN_USE: (msg("in use"), "text"),
    PortUse.SERVED: (msg("nobody connected"), "text2"),
    PortUse.LOOPBACK: (msg("for itself"), "text2"),
    PortUse.SILENT: (msg("nothing listens"), "weak"),
    PortUse.PUBLISHED: (msg("use not observed"), "text3"),
}
_PORTS_SHOWN = 4


class PlacesCard(Card):
    """Two tables, one above the other."""

    def __init__(self, theme: Theme, number: int, parent: QWidget | None = None) -> None:
        super().__init__(theme, translate(msg("Written outside volumes")), number, ("written", "ports"), parent)
        self.written = RowTable(
            theme,
            translate(msg("Folders outside its volumes that it wrote to")),
            (translate(msg("Folder")), translate(msg("What was written"))),
        )
        self.port_numbers = Line(theme, 12, ink="text2")
        heads = tuple(translate(text) for text in (msg("Port"), msg("Who can reach it"), msg("Use")))
        self.ports = RowTable(theme, translate(msg("Ports")), heads, wide=1)
        self.nothing = Label(theme, 12, ink="text2", wrap=True)
        self.body.addWidget(self.written, 3)
        self.body.addLayout(self.head(translate(msg("Ports")), self.port_numbers))
        self.body.addWidget(self.ports, 2)
        self.body.addWidget(self.nothing)
        self.body.addStretch(0)

    def show_picture(self, picture: UsePicture) -> None:
        """What is known of them now."""
        super().show_picture(picture)
        seen = picture.observation
        self.numbers.say(translate(_folders(picture)))
        self.written.show_rows(tuple(_written(folder) for folder in picture.written))
        self.port_numbers.say(translate(_ports(picture)))
        self.ports.show_rows(tuple(_port(row) for row in picture.ports))
        full = len(seen.written) >= LIST_MOST
        self.nothing.setText(
            translate(msg("It wrote to more than {count} places; the rest is not listed.", count=LIST_MOST))
            if full else ""
        )  # fmt: skip
        self.nothing.setVisible(full)


def _folders(picture: UsePicture) -> Message:
    if not picture.observation.saw("written"):
        return msg("not observed")
    count = len(picture.written)
    return plural("{count} folder", "{count} folders", count) if count else msg("nothing was written there")


def _ports(picture: UsePicture) -> Message:
    if not picture.observation.saw("ports"):
        count = sum(len(row.ports) for row in picture.ports)
        return msg("{count} published", count=count) if count else msg("none published")
    count = sum(len(row.ports) for row in picture.ports if row.use is not PortUse.SILENT)
    return msg("{count} served", count=count) if count else msg("none served")


def _written(folder: Folder) -> Row:
    count = plural("{count} path", "{count} paths", folder.count)
    what = Cell(folder.only, ink="text2") if folder.only else Cell(translate(count), ink="text2")
    return Cell(folder.path, fixed=True), what


def _port(row: PortRow) -> Row:
    more = len(row.ports) - _PORTS_SHOWN
    numbers = ", ".join(map(str, row.ports[:_PORTS_SHOWN])) + (f" +{more}" if more > 0 else "")
    words, ink = _USES[row.use]
    every = ", ".join(str(port) for port in row.ports)
    return (
        Cell(f"{numbers} {row.protocol}", fixed=True, more=every if more > 0 else ""),
        Cell(translate(_PUBLISHED[row.published]), ink="text2"),
        Cell(translate(words), ink=ink, bold=ink in ("text", "weak"), right=True),
    )
