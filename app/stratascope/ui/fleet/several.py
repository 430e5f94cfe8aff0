"""The page "Fleet" in the window: for several machines their containers, machines or threats.

For a single machine it is the table of its containers. Beside it is what containers share. Hidden parts are not
computed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from stratascope.core.container import EngineState
from stratascope.core.layer import Layer
from stratascope.core.message import Message, bracketed, colon, msg, plural
from stratascope.core.overview.fleet import Machine, OpenThreat
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.snapshot import Snapshot
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Threat
from stratascope.i18n.translate import listed, together, translate
from stratascope.presentation.engine_signs import sign_of
from stratascope.presentation.exposure import NOTHING, exposure_sentence, level_ink, number_text
from stratascope.presentation.fleet_report import open_in, where
from stratascope.presentation.takeover import danger_in_brief
from stratascope.ui.fleet.page import FleetPage
from stratascope.ui.kit.buttons import Segments
from stratascope.ui.kit.labels import Label, Line
from stratascope.ui.kit.marks import SEVERITY_INK, engine_state_word, severity_word
from stratascope.ui.kit.page import MadePage, Parts
from stratascope.ui.kit.table import Column, ItemModel, ItemTable
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.ui.shared.page import SharedPage
from stratascope.usecases.listing.fleet import Alike, Fleet, Found, FoundMachine, alike
from stratascope.value import Value

_NAME, _IMAGE = 200, 300  # characters


# -- machines


def worst_of(found: FoundMachine) -> Matrix | None:
    """Return the matrix of the most exposed container; None if nothing is known of any."""
    return found.members[0].state.matrix if found.members else None


def machine_name(found: FoundMachine) -> str:
    """Return the machine's name, with a note if it could not be read."""
    name = plain(found.machine.name, _NAME)
    return name if found.machine.trouble is None else translate(msg("{name}, not read", name=name))


def _machine_whole(found: FoundMachine) -> str:
    trouble = found.machine.trouble
    return machine_name(found) if trouble is None else f"{machine_name(found)}: {plain(translate(trouble), 300)}"


def kernels(machine: Machine) -> str:
    """Return the kernel releases of a machine."""
    return listed(plain(each, 80) for each in machine.kernels if each)


def engines(machine: Machine) -> str:
    """Return the engines that are installed, with the state of any that did not answer."""
    told = []
    for engine in machine.engines:
        name = plain(machine.own(engine.id), 60)
        if engine.state is EngineState.CONNECTED:
            told.append(name)
        elif engine.state is not EngineState.ABSENT:
            told.append(translate(bracketed(name, engine_state_word(engine.state))))
    return listed(told)


def _containers(found: FoundMachine) -> str:
    shown, there = len(found.members), len(found.machine.states)
    if found.machine.trouble is not None:
        return NOTHING
    return str(there) if shown == there else translate(msg("{shown} of {count}", shown=shown, count=there))


def _count(found: FoundMachine, count: int) -> str:
    return NOTHING if worst_of(found) is None else str(count)


def _count_ink(found: FoundMachine, count: int) -> str:
    return "open" if count and worst_of(found) is not None else "text3"


def machine_meaning(found: FoundMachine) -> str:
    """Return the line below a machine's name."""
    machine = found.machine
    if machine.trouble is not None:
        return plain(translate(machine.trouble), 500)
    told = [translate(msg("Kernel: {kernel}.", kernel=kernels(machine) or NOTHING))]
    if machine.engines:
        told.append(translate(msg("Engines: {names}.", names=engines(machine) or NOTHING)))
    return together(told)


def machine_title(found: FoundMachine) -> str:
    """Return the heading of a machine's card."""
    if found.machine.trouble is not None:
        return machine_name(found)
    count = plural("{count} container", "{count} containers", len(found.members))
    return translate(colon(plain(found.machine.name, _NAME), count))


MACHINES = (
    Column(msg("Exposure"), lambda each: number_text(worst_of(each)), 70, weight=BOLD,
           ink=lambda each: level_ink(worst_of(each)), whole=lambda each: exposure_sentence(worst_of(each))),
    Column(msg("Machine"), machine_name, 120, 3, weight=BOLD, middle=True, whole=_machine_whole,
           ink=lambda each: "text" if each.machine.trouble is None else "weak"),
    Column(msg("Critical"), lambda each: _count(each, each.critical), 60,
           ink=lambda each: _count_ink(each, each.critical),
           whole=lambda each: _opened(each.critical, Severity.CRITICAL)),
    Column(msg("High"), lambda each: _count(each, each.high), 60, ink=lambda each: _count_ink(each, each.high),
           whole=lambda each: _opened(each.high, Severity.HIGH)),
    Column(msg("Containers"), _containers, 84),
    Column(msg("Kernel"), lambda each: kernels(each.machine), 110, 1, middle=True, from_width=560,
           ink=lambda _: "text2"),
    Column(msg("Engines"), lambda each: engines(each.machine), 110, 4, middle=True, from_width=720,
           ink=lambda _: "text2"),
)  # fmt: skip


def _opened(count: int, severity: Severity) -> str:
    return translate(
        plural("{count} open threat ({severity})", "{count} open threats ({severity})", count,
               severity=severity_word(severity))
    )  # fmt: skip


# -- threats


THREATS = (
    Column(msg("Severity"), lambda each: severity_word(each.threat.severity), 80, weight=BOLD,
           ink=lambda each: SEVERITY_INK[each.threat.severity]),
    Column(msg("Threat"), lambda each: plain(translate(each.threat.title), _NAME), 160, 1, weight=BOLD),
    Column(msg("Containers"), lambda each: str(each.containers), 84),
    Column(msg("Machines"), lambda each: str(each.machines), 84),
)  # fmt: skip


# -- identical containers


def alike_name(found: Alike) -> str:
    """Return the name of identical containers, and their number if there is more than one a machine."""
    name = plain(found.name, _NAME)
    count = len(found.members)
    return name if count == len(found.machines) else f"{name} ×{count}"


def _matrix(found: Alike) -> Matrix | None:
    return found.state.matrix


def _engine(found: Alike) -> str:
    member = found.members[0]
    return plain(member.machine.own(member.state.container.engine), 60)


_ALIKE = (
    Column(msg("Exposure"), lambda each: number_text(_matrix(each)), 70, weight=BOLD,
           ink=lambda each: level_ink(_matrix(each)), whole=lambda each: exposure_sentence(_matrix(each))),
    Column(msg("Container"), alike_name, 120, 3, weight=BOLD, middle=True),
)  # fmt: skip
_IMAGE_COLUMN = Column(msg("Image"), lambda each: plain(each.state.container.image, _IMAGE), 110, 3, middle=True,
                       from_width=520, ink=lambda _: "text2")  # fmt: skip
OF_MACHINE = (
    *_ALIKE,
    _IMAGE_COLUMN,
    Column(msg("Engine"), _engine, 90, 1, middle=True, ink=lambda _: "text2"),
)
OF_THREAT = (
    *_ALIKE,
    Column(msg("Machines"), lambda each: translate(where(each.machines)), 160, 4, middle=True,
           whole=lambda each: translate(where(each.machines, 20))),
    _IMAGE_COLUMN,
)  # fmt: skip


CARD_LEAST = 150  # px of the design


class CardText(Value):
    """The card's texts for a row."""

    title: str
    meaning: str
    parts: tuple[Alike, ...]


class FleetList(QWidget):
    """A table with a card for the current row. `opened`: a row of the card, and the row above that it belongs to.
    `tell` returns the card's texts.
    """

    opened = Signal(object, object)

    def __init__(
        self,
        theme: Theme,
        names: tuple[str, str],
        columns: tuple[Column, ...],
        parts: tuple[Column, ...],
        key: Callable[[Any], Hashable],
        tell: Callable[[Any], CardText],
    ) -> None:
        """`names`: of the table and of the card, for screen readers."""
        super().__init__()
        self._theme, self._tell = theme, tell
        self._told: Any = None
        self.setAccessibleName(names[0])
        self.table = ItemTable(theme, names[0], ItemModel(columns, key), first=True)
        self.nothing = Label(theme, 13, ink="text2", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.table)
        self.stack.addWidget(self.nothing)
        self.title, self.meaning = Line(theme, 15, BOLD, middle=True), Label(theme, 13, ink="text2", wrap=True)
        self.parts = ItemTable(theme, names[1], ItemModel(parts, lambda each: each.state.key), first=True)
        policy = self.parts.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # keeps the lines above in place
        self.parts.setSizePolicy(policy)
        self.card = self._frame(names[1], (self.title, self.meaning), self.parts)
        theme.lay(
            QVBoxLayout(self), (self._frame(names[0], (), self.stack), 1), self.card, around=(16, 10, 16, 12), gap=10
        )
        self.table.turned.connect(self._show_card)
        self.table.opened.connect(lambda _: self.parts.setFocus(Qt.FocusReason.OtherFocusReason))
        self.parts.opened.connect(lambda part: self.opened.emit(part, self.table.current()))
        self.setFocusProxy(self.table)

    def _frame(self, name: str, lines: tuple[QWidget, ...], below: QWidget) -> QFrame:
        px, frame = self._theme.px, QFrame()
        frame.setObjectName("card")
        frame.setAccessibleName(name)
        column = QVBoxLayout(frame)
        column.setContentsMargins(px(8), px(4), 1, 1)
        column.setSpacing(px(4))
        if lines:
            above = self._theme.lay(QVBoxLayout(), *lines, around=(6, 6, 14, 0), gap=2)
            column.addLayout(above)
        column.addWidget(below, 1)
        return frame

    def show_rows(self, rows: tuple[Any, ...], nothing: str) -> None:
        """Replace the rows; `nothing` is shown if there are none."""
        self.nothing.setText(nothing)
        self.stack.setCurrentWidget(self.table if rows else self.nothing)
        self._told = None
        self.table.show_rows(rows)

    def _show_card(self) -> None:
        row = self.table.current()
        self.card.setVisible(row is not None)
        if row is None or row is self._told:
            return
        self._told = row
        told = self._tell(row)
        self.title.say(told.title)
        self.meaning.setText(told.meaning)
        self.parts.setVisible(bool(told.parts))
        self.parts.show_rows(told.parts)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.card.setFixedHeight(max(self._theme.px(CARD_LEAST), round(self.height() * 0.42)))


_TABS = (msg("Containers"), msg("Machines"), msg("Threats"), msg("Shared"))


class FleetPages(QWidget):
    """The page. `chosen`: the Key of a container to show, and the id of a threat to open in it, or ""."""

    chosen = Signal(object, str)

    def __init__(self, theme: Theme, layers: tuple[Layer, ...]) -> None:
        super().__init__()
        self._snapshot: Snapshot | None = None
        self._read: Snapshot | None = None  # the snapshot that the fleet was computed from
        self._fleet: Fleet | None = None
        self._found = Found()
        self._needle, self._stale = "", False
        self.switch = Segments(theme, translate(msg("What is listed")))
        self.count = Line(theme, 12, ink="text2")
        self.containers = FleetPage(theme, layers)
        names = translate(msg("Machines")), translate(msg("Containers of this machine"))
        self.machines = FleetList(theme, names, MACHINES, OF_MACHINE, lambda each: each.machine.name, _machine_told)
        names = translate(msg("Open threats")), translate(msg("Containers in which it is open"))
        self.threats = FleetList(theme, names, THREATS, OF_THREAT, lambda each: each.threat.id, self._threat_told)
        self.shared = SharedPage(theme)
        self._all = (self.containers, self.machines, self.threats, self.shared)
        self._offered: tuple[int, ...] = ()  # places in `_all`
        self.stack = QStackedWidget()
        for page in self._all:
            self.stack.addWidget(page)
        self.head = QWidget()
        title = Label(theme, 18, BOLD, text=translate(msg("Fleet")))
        theme.lay(QHBoxLayout(self.head), title, (self.count, 1), self.switch, around=(16, 10, 16, 0), gap=12)
        theme.lay(QVBoxLayout(self), self.head, (self.stack, 1), around=0, gap=0)
        self.switch.chosen.connect(self._turn)
        self.containers.chosen.connect(lambda key: self.chosen.emit(key, ""))
        self.machines.opened.connect(lambda part, _: self.chosen.emit(part.state.key, ""))
        self.threats.opened.connect(self._open_threat)
        self.shared.chosen.connect(lambda key: self.chosen.emit(key, ""))
        self._offer(several=False)
        self.setFocusProxy(self.containers)

    def _offer(self, *, several: bool) -> None:
        """Offer the tabs: machines and threats of several machines only."""
        offered = (0, 1, 2, 3) if several else (0, 3)
        if offered != self._offered:
            self._offered = offered
            self.switch.offer(tuple(translate(_TABS[at]) for at in offered))
            at = self.stack.currentIndex()
            self._choose(at if at in offered else 0)

    def show_snapshot(self, snapshot: Snapshot, needle: str = "") -> None:
        """Set the snapshot and the filter's words. Nothing is computed while the page is hidden."""
        if snapshot is self._snapshot and needle == self._needle:
            return
        self._snapshot, self._needle, self._stale = snapshot, needle, True
        if self.isVisible():
            self._work_out()

    def showEvent(self, event: QShowEvent) -> None:
        self._work_out()

    def _work_out(self) -> None:
        snapshot = self._snapshot
        if snapshot is None or not self._stale:
            return
        self._stale = False
        if self._fleet is None or self._read is not snapshot:
            self._fleet, self._read = Fleet(snapshot, translate(msg("This machine"))), snapshot
        self._offer(several=self._fleet.several)
        if not self._fleet.several:
            self.count.say("")
            self._show()
            return
        self._found = self._fleet.find(self._needle)
        self.count.say(translate(_counted(self._fleet, self._found, captures=bool(snapshot.captures))))
        self._show()

    def _turn(self, place: int) -> None:
        self._choose(self._offered[place])
        self._show()

    def _choose(self, at: int) -> None:
        self.switch.choose(self._offered.index(at))
        self.stack.setCurrentIndex(at)
        self.setFocusProxy(self._all[at])

    def show_shared(self) -> None:
        """Turn to what containers share."""
        self._turn(self._offered.index(self._all.index(self.shared)))

    def _show(self) -> None:
        """Show the visible part."""
        page, snapshot, found = self.stack.currentWidget(), self._snapshot, self._found
        if snapshot is None:
            return
        nothing = translate(found.trouble or msg("Nothing matches the filter."))
        self.containers.grid.rows.sign = partial(sign_of, engines=snapshot.engines)
        if page is self.shared:
            self.shared.show_snapshot(snapshot, self._needle)
        elif page is self.machines:
            self.machines.show_rows(found.machines, nothing)
        elif page is self.threats:
            rows = found.threats()
            if not rows and not self._needle.strip():
                nothing = translate(msg("No threat is known to be open in any of them."))
            self.threats.show_rows(rows, nothing)
        elif self._fleet is not None and self._fleet.several:
            on = {member.state.key: member.machine.name for member in found.members}
            self.containers.show_states(snapshot.containers, self._needle, on)
        else:
            self.containers.show_states(snapshot.containers, self._needle)

    def _threat_told(self, row: OpenThreat) -> CardText:
        parts = alike(self._found.having(row.threat.id))
        return CardText(translate(open_in(row)), _dangers(row.threat, parts), parts)

    def _open_threat(self, part: Alike, row: OpenThreat) -> None:
        self.chosen.emit(part.state.key, row.threat.id)


def _dangers(threat: Threat, parts: tuple[Alike, ...]) -> str:
    """What happens in these containers, in a sentence for each way: an engine's socket is told with its engine."""
    found = dict.fromkeys(
        danger_in_brief(state, part.state)
        for part in parts
        if part.state.matrix is not None
        for state in part.state.matrix.threats
        if state.threat.id == threat.id
    )
    return together(map(translate, found or (threat.what,)))


def _machine_told(row: FoundMachine) -> CardText:
    return CardText(machine_title(row), machine_meaning(row), alike(row.members))


def _counted(fleet: Fleet, found: Found, *, captures: bool) -> Message:
    """Return how many are shown of how many, and how many captures or machines could not be read."""
    there = sum(len(each.states) for each in fleet.machines)
    read = [each for each in fleet.machines if each.trouble is None]
    shown = len(found.members)
    on = plural("{count} machine", "{count} machines", sum(bool(each.members) for each in found.machines)
                if shown < there else len(read))  # fmt: skip
    if shown < there:
        told = msg("{shown} of {count} containers, on {machines}", shown=shown, count=there, machines=on)
    else:
        containers = plural("{count} container", "{count} containers", there)
        told = msg("{containers} on {machines}", containers=containers, machines=on)
    lost = len(fleet.machines) - len(read)
    if not lost:
        return told
    if not captures:
        return plural("{text}; {count} machine gives no answer", "{text}; {count} machines give no answer", lost,
                      text=told)  # fmt: skip
    return plural("{text}; {count} capture could not be read", "{text}; {count} captures could not be read", lost,
                  text=told)  # fmt: skip


def make(parts: Parts) -> MadePage:
    """Make the page."""
    page, selection = FleetPages(parts.theme, parts.layers), parts.selection

    def refresh() -> None:
        if selection.snapshot is not None:
            page.show_snapshot(selection.snapshot, selection.filter)

    return MadePage(page, refresh)
