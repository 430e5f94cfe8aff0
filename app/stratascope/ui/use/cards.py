"""The cards of the page "Use": capabilities, system calls, folders and ports, peaks; each with used and available."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import Message, age, msg, plural
from stratascope.core.observation.observation import LIST_MOST, notable_reason
from stratascope.core.sanitize import plain
from stratascope.core.text import count_text
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.needs_report import not_observed
from stratascope.presentation.terms import amount
from stratascope.presentation.use_picture import (
    CallsUse,
    CapabilityUse,
    Folder,
    PeakRow,
    PortRow,
    PortUse,
    Standing,
    UsePicture,
)
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.marks import MarkBox
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme, smooth_painter
from stratascope.ui.use.table import Cell, Chips, Gauge, Row, RowTable, Word, WordLine
from stratascope.value import Value

HIGH = 196


class Card(QFrame):
    """A card. `parts`: the parts of an observation that it shows; if they could not be observed, the reason is below
    the title.
    """

    reflowed = Signal()  # its width has changed, and so may its height

    def __init__(
        self, theme: Theme, title: str, number: int = 0, parts: tuple[str, ...] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(title)
        self._theme, self._parts = theme, parts
        self.numbers = Line(theme, 12, ink="text2")
        self.why = Label(theme, 12, ink="unk", wrap=True)
        self.why.hide()
        self.top = self.head(title, self.numbers, number)
        self.body = theme.lay(QVBoxLayout(self), self.top, self.why, around=(15, 9, 15, 11), gap=6)
        self.setMinimumHeight(theme.px(HIGH))

    def head(self, title: str, numbers: Line, number: int = 0) -> QHBoxLayout:
        """Return a row with title and numbers; for a second part of the card, too."""
        theme = self._theme
        name = Line(theme, 15 if number else 13, BOLD)
        name.say(title)
        row = QHBoxLayout()
        row.setSpacing(theme.px(8))
        if number:
            box = MarkBox(theme, 16)
            box.show_number(number)
            row.addWidget(box)
        row.addWidget(name)
        row.addWidget(numbers, 1)
        return row

    def whole_height(self) -> int:
        """Return the height at which nothing needs scrolling."""
        scrolling = [each for each in self.findChildren(QAbstractItemView) if not each.isHidden()]
        more = sum(max(0, each.maximumHeight() - each.minimumSizeHint().height()) for each in scrolling)
        edges = self.contentsMargins()
        least = self.body.minimumSize().height()
        if self.body.hasHeightForWidth():
            least = max(least, self.body.heightForWidth(self.width() - edges.left() - edges.right()))
        return max(self.minimumHeight(), least + more + edges.top() + edges.bottom())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.reflowed.emit()

    def show_picture(self, picture: UsePicture) -> None:
        """Show which of its parts could not be observed, and why; each card adds its data."""
        self.why.setText("\n".join(not_observed(what, why) for what, why in picture.unseen(*self._parts)))
        self.why.setVisible(bool(self.why.text()))


def by_words(names: tuple[str, ...]) -> str:
    """Return the programs that did it; empty if unknown."""
    return translate(msg("by {names}", names=plain(", ".join(names), 120))) if names else ""


_WORDS: dict[Standing, Message] = {
    Standing.USED: msg("used"),
    Standing.NEVER: msg("held but never used"),
    Standing.HELD: msg("held; whether it is used was not observed"),
    Standing.ABSENT: msg("not held"),
    Standing.UNKNOWN: msg("whether it is held is not known"),
}


class CapabilityCells(QWidget):
    """A cell for each capability, by number: full, outlined, or a dot."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._cells: tuple[CapabilityUse, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_cells(self, cells: tuple[CapabilityUse, ...], told: str) -> None:
        """Show these cells."""
        self._cells = cells
        self.setAccessibleName(told)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), self._theme.px(18))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._cells:
            place = min(len(self._cells) - 1, max(0, event.pos().x() * len(self._cells) // max(1, self.width())))
            cell = self._cells[place]
            give_tip(self, f"{cell.name}: {translate(_WORDS[cell.standing])}")  # the tooltip that Qt shows next
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        pitch = self.width() / max(1, len(self._cells))
        wide = max(3.0, min(pitch - 1.5, theme.px(8)))
        for place, cell in enumerate(self._cells):
            box = QRectF(place * pitch + (pitch - wide) / 2, 0, wide, self.height())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if cell.standing is Standing.USED:
                painter.setBrush(theme.color("accent"))
                painter.drawRoundedRect(box, 2.5, 2.5)
            elif cell.standing in (Standing.NEVER, Standing.HELD):
                ink = "weak" if cell.standing is Standing.NEVER else "line2"
                painter.setPen(QPen(theme.color(ink), 1.4))
                painter.drawRoundedRect(box.adjusted(0.7, 0.7, -0.7, -0.7), 2.5, 2.5)
            else:
                painter.setBrush(theme.color("bitoff"))
                painter.drawEllipse(box.center(), 1.35 * theme.scale, 1.35 * theme.scale)


class CapabilitiesCard(Card):
    """Used: how often and by what. Never used: could be dropped. Held: nothing was observed."""

    def __init__(self, theme: Theme, number: int) -> None:
        super().__init__(theme, translate(msg("Capabilities")), number, ("capabilities",))
        self.cells = CapabilityCells(theme)
        self.used = Chips(theme, translate(msg("Capabilities it used")), filled=True)
        self.never = Chips(theme, translate(msg("Capabilities it holds but did not use")), filled=False)
        self._heads = (Label(theme, 12, MEDIUM, "text3"), Label(theme, 12, MEDIUM, "text3"))
        self.none = Label(theme, 12, ink="text2", wrap=True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.px(10))
        grid.setVerticalSpacing(theme.px(3))
        grid.setColumnStretch(1, 1)
        for row, (label, chips) in enumerate(zip(self._heads, (self.used, self.never), strict=True)):
            grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(chips, row, 1)
        grid.addWidget(self.none, 0, 1)
        self.body.addWidget(self.cells)
        self.body.addSpacing(theme.px(4))
        self.body.addLayout(grid, 100)  # the room that there is, before it is left empty
        self.body.addStretch(1)

    def show_picture(self, picture: UsePicture) -> None:
        """Show what is known."""
        super().show_picture(picture)
        by: dict[Standing, list[CapabilityUse]] = {standing: [] for standing in Standing}
        for each in picture.capabilities:
            by[each.standing].append(each)
        used, never, held = by[Standing.USED], by[Standing.NEVER], by[Standing.HELD]
        counts: tuple[tuple[Message, int], ...] = (
            (msg("{count} used", count=len(used)), len(used) if picture.observed else 0),
            (msg("{count} never used", count=len(never)), len(never)),
            (msg("{count} held", count=len(held)), len(held)),
            (msg("{count} not known", count=len(by[Standing.UNKNOWN])), len(by[Standing.UNKNOWN])),
        )
        words = [translate(text) for text, count in counts if count]
        self.numbers.say(listed(words))
        if by[Standing.ABSENT]:  # the dots; there is no room for all of it
            words.append(translate(msg("{count} not held", count=len(by[Standing.ABSENT]))))
        self.cells.show_cells(picture.capabilities, listed(words))
        self.used.show_rows(
            tuple((Cell(each.name, f"{count_text(each.uses)}×", more=by_words(each.by)),) for each in used)
        )
        idle, ink = (never, "weak") if never or not held else (held, "line2")
        self.never.show_rows(tuple((Cell(each.name, ink=ink, more=translate(_WORDS[each.standing])),) for each in idle))
        nothing = picture.observation.saw("capabilities") and not used
        self.none.setText(translate(msg("It was not seen using any.")) if nothing else "")
        self.none.setVisible(nothing)
        first, second = self._heads
        first.setText(translate(msg("Used")))
        first.setVisible(bool(used) or nothing)
        second.setText(translate(msg("Never") if idle is never else msg("Held")))
        second.setVisible(bool(idle))


class Segment(Value):
    """A part of a bar. `look`: full, hatched (could be dropped), dotted (unknown), quiet."""

    count: int
    look: str


class CountBar(QWidget):
    """Parts side by side, as wide as their counts."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._parts: tuple[Segment, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_parts(self, parts: tuple[Segment, ...], told: str) -> None:
        """Show the parts with a count above 0."""
        self._parts = tuple(part for part in parts if part.count > 0)
        self.setAccessibleName(told)
        self.setVisible(bool(self._parts))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(160), self._theme.px(17))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        gap, radius = theme.px(2), theme.px(3)
        least = theme.px(4)
        room = self.width() - gap * (len(self._parts) - 1) - least * len(self._parts)
        whole = sum(part.count for part in self._parts)
        x = 0.0
        for part in self._parts:
            width = least + room * part.count / whole
            box = QRectF(x, 0, width, self.height())
            if part.look == "full":
                self._fill(painter, box, radius, "accent")
            elif part.look == "quiet":
                self._fill(painter, box, radius, "barlow")
            else:
                self._outlined(painter, box.adjusted(0.5, 0.5, -0.5, -0.5), radius, hatched=part.look == "hatched")
            x += width + gap

    def _fill(self, painter: QPainter, box: QRectF, radius: float, ink: str) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color(ink))
        painter.drawRoundedRect(box, radius, radius)

    def _outlined(self, painter: QPainter, box: QRectF, radius: float, *, hatched: bool) -> None:
        theme = self._theme
        path = QPainterPath()
        path.addRoundedRect(box, radius, radius)
        painter.fillPath(path, theme.color("weak_soft" if hatched else "unk_soft"))
        painter.save()
        painter.setClipPath(path)
        if hatched:
            painter.setPen(QPen(theme.color("weak", 0.4), 1.2))
            x = box.left() - box.height()
            while x < box.right():
                painter.drawLine(QPointF(x, box.bottom()), QPointF(x + box.height(), box.top()))
                x += theme.px(6)
        painter.restore()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("weak" if hatched else "line2"), 1))
        painter.drawPath(path)


class GrowthChart(QWidget):
    """Steps: the number of known calls over seconds of observation. The text below gives its meaning."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._steps: tuple[tuple[float, int], ...] = ()
        self._seconds = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        theme.changed.connect(self.update)

    def show_steps(self, steps: tuple[tuple[float, int], ...], seconds: float, told: str) -> None:
        """`seconds`: the observed time, at the right edge."""
        self._steps, self._seconds = steps, seconds
        self.setAccessibleName(told)
        self.setVisible(bool(steps) and seconds > 0)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(160), self._theme.px(56))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(80), self._theme.px(34))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        width, base = float(self.width()), self.height() - 1.5
        most = self._steps[-1][1] * 1.12
        line = QPainterPath(QPointF(0, base))
        for seconds, count in self._steps:
            x = min(width, width * seconds / self._seconds)
            line.lineTo(x, line.currentPosition().y())
            line.lineTo(x, base - (base - 2) * count / most)
        line.lineTo(width, line.currentPosition().y())
        area = QPainterPath(line)
        area.lineTo(width, base)
        area.closeSubpath()
        painter.fillPath(area, theme.color("accent_soft"))
        painter.setPen(QPen(theme.color("accent"), 1.4))
        painter.drawPath(line)
        painter.setPen(QPen(theme.color("line2"), 1))
        painter.drawLine(QPointF(0, base), QPointF(width, base))


QUIET = 60.0  # seconds without a new call that are worth mentioning


def quiet_words(calls: CallsUse) -> str:
    """Return how many calls are known, and for how long none was new: a flat curve suggests completeness."""
    if not calls.growth:
        return ""
    last, count = calls.growth[-1]
    quiet = calls.seconds - last
    if quiet < QUIET:
        return translate(plural("{count} call known, the last one is new", "{count} calls known, the last one is new",
                                count))  # fmt: skip
    return translate(plural("{count} call known, none new for {age}", "{count} calls known, none new for {age}",
                            count, age=age(quiet)))  # fmt: skip


class CallsCard(Card):
    """Bar, chart, table."""

    def __init__(self, theme: Theme, number: int) -> None:
        super().__init__(theme, translate(msg("System calls")), number, ("calls",))
        self.bar = CountBar(theme)
        self.legend = WordLine(theme)
        self.chart = GrowthChart(theme)
        self.quiet = Line(theme, 11, ink="text3")
        self.notable_head = Line(theme, 12, ink="text2")
        heads = tuple(translate(text) for text in (msg("System call"), msg("Why it is listed"), msg("How often")))
        self.notable = RowTable(theme, translate(msg("System calls beyond the harmless ones")), heads, wide=1)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.legend)
        self.body.addWidget(self.chart)
        self.body.addWidget(self.quiet)
        self.body.addWidget(self.notable_head)
        self.body.addWidget(self.notable, 1)
        self.body.addStretch(0)

    def show_picture(self, picture: UsePicture) -> None:
        """Show what is known."""
        super().show_picture(picture)
        calls = picture.calls
        words = _call_words(calls)
        self.numbers.say(translate(_call_numbers(calls)))
        self.legend.say(words)
        self.legend.setVisible(bool(words))
        self.bar.show_parts(_segments(calls), listed(word.text for word in words))
        quiet = quiet_words(calls)
        self.chart.show_steps(calls.growth, calls.seconds, quiet)
        self.quiet.say(quiet)
        self.quiet.setVisible(bool(quiet))
        self.notable.show_rows(tuple(_call_row(picture, place) for place in range(len(calls.notable))))
        count = len(calls.notable)
        self.notable_head.say(
            translate(plural("{count} notable call, let through only where it was seen",
                             "{count} notable calls, let through only where they were seen", count))
        )  # fmt: skip
        self.notable_head.setVisible(bool(calls.notable))


def _call_numbers(calls: CallsUse) -> Message:
    if calls.used is not None and calls.passing is not None:
        return msg("{used} used of {passing} that pass", used=calls.used, passing=calls.passing)
    if calls.used is not None:
        return msg("{count} used", count=calls.used)
    if calls.passing is not None:
        return _pass(calls.passing)
    return msg("not known")


def _pass(count: int) -> Message:
    return plural("{count} passes", "{count} pass", count)


def _segments(calls: CallsUse) -> tuple[Segment, ...]:
    if calls.passing is None:
        return ()
    if calls.used is None or calls.never is None:
        return (Segment(calls.passing, "unknown"), Segment(calls.refused or 0, "quiet"))
    return (Segment(calls.used, "full"), Segment(calls.never, "hatched"), Segment(calls.refused or 0, "quiet"))


def _call_words(calls: CallsUse) -> tuple[Word, ...]:
    if calls.passing is None:
        return ()
    found: list[tuple[int, Message, str]] = []
    if calls.used is not None and calls.never is not None:
        found.append((calls.used, msg("{count} used", count=calls.used), "accent"))
        never = plural("{count} passes, never used", "{count} pass, never used", calls.never)
        found.append((calls.never, never, "weak"))
    else:
        found.append((calls.passing, _pass(calls.passing), "text2"))
    refused = calls.refused or 0
    found.append((refused, msg("{count} refused", count=refused), "text2"))
    words = [Word(translate(text), strong=str(count), ink=ink) for count, text, ink in found]
    if calls.dangerous is not None:
        used, there = calls.dangerous
        text = translate(msg("{used} of {count} dangerous ones used", used=used, count=there))
        words.append(Word(text, ink="weak" if used else "enf"))
    return tuple(words)


def _call_row(picture: UsePicture, place: int) -> Row:
    call = picture.calls.notable[place]
    reason = translate(notable_reason(call.name))
    by = by_words(call.by)
    return (
        Cell(call.name, fixed=True, more=by),
        Cell(reason, ink="text2", more=by),
        Cell(f"{count_text(call.uses)}×", ink="text2", right=True, more=by),
    )


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
    """Folders and ports: two tables, one above the other."""

    def __init__(self, theme: Theme, number: int) -> None:
        super().__init__(theme, translate(msg("Written outside volumes")), number, ("written", "ports"))
        self.written = RowTable(
            theme,
            translate(msg("Directories outside its volumes that it wrote to")),
            (translate(msg("Directory")), translate(msg("What was written"))),
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
        """Show what is known."""
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
    return plural("{count} directory", "{count} directories", count) if count else msg("nothing")


def _ports(picture: UsePicture) -> Message:
    if not picture.observation.saw("ports"):
        count = sum(len(row.ports) for row in picture.ports)
        return msg("{count} published", count=count) if count else msg("none published")
    count = sum(len(row.ports) for row in picture.ports if row.use is not PortUse.SILENT)
    return msg("{count} served", count=count) if count else msg("none served")


def _written(folder: Folder) -> Row:
    count = plural("{count} path", "{count} paths", folder.count)
    return Cell(folder.only or folder.path, fixed=True), Cell(translate(count), ink="text2")


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


_NAMES: dict[str, Message] = {
    "memory": msg("Memory"),
    "pids": msg("Processes"),
    "cpu": msg("CPU"),
    "open_files": msg("Open files"),
}
_FAR = 20  # times the peak: a limit beyond that would reduce everything else to a dot


class PeaksCard(Card):
    """A row for each measure: the bar is filled to the current use, a stroke is the peak, a thick one its limit."""

    def __init__(self, theme: Theme, number: int) -> None:
        super().__init__(theme, translate(msg("Peaks against limits")), number, ("peaks",))
        heads = tuple(translate(text) for text in (msg("What"), msg("Now, peak and limit"), msg("Peak")))
        self.table = RowTable(theme, translate(msg("Peaks against limits")), heads, wide=1, lines=2, least=4)
        self.body.addWidget(self.table)
        self.body.addStretch(1)

    def show_picture(self, picture: UsePicture) -> None:
        """Show what is known."""
        super().show_picture(picture)
        seen = picture.observation.saw("peaks")
        self.numbers.say("" if seen else translate(msg("not observed")))
        self.table.show_rows(tuple(_peak_row(row) for row in picture.peaks))


def _peak_row(row: PeakRow) -> Row:
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
    """Return the value at the bar's full width."""
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
