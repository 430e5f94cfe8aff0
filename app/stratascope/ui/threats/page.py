"""The matrix's page: filter, chips by outcome, the table, and the selected threat in full next to or below it.

If the window is too low for both, the page scrolls, so that some rows stay visible together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.layer import Layer
from stratascope.core.message import Message, colon, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.attempt import Tried
from stratascope.core.threats.depth import Matrix, RouteState, ThreatState
from stratascope.core.threats.threat import Outcome, Ruling, Stance, evidence
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.exposure import summary
from stratascope.presentation.takeover import danger
from stratascope.presentation.terms import OUTCOMES
from stratascope.presentation.threat_outcomes import (
    Protection,
    family_word,
    protection,
    protection_word,
    protections,
    stance_word,
)
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.chip import Chip, ChipRow, FilterChip
from stratascope.ui.kit.flow import Scrolled, TextColumn, card_frame
from stratascope.ui.kit.labels import Label, Line, Rule, give_tip
from stratascope.ui.kit.marks import (
    PROTECTION_INK,
    PROTECTION_MARK,
    SEVERITY_INK,
    Mark,
    MarkBox,
    severity_word,
    stance_ink,
    stance_mark,
)
from stratascope.ui.kit.page import MadePage, Parts
from stratascope.ui.kit.registry import put_action
from stratascope.ui.kit.selection import Key
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.ui.threats.feed import AttemptsFeed, TriedThreat, Where
from stratascope.ui.threats.table import MatrixTable, tried_lines

TRY = msg("Tries it harmlessly: on a copy, which is removed, or where it runs, by what changes nothing.")
LONGEST = 2000  # characters of one text


def headline(state: ThreatState) -> str:
    """Return the threat's outcome in one sentence."""
    least, most = state.depth
    where = protection(state)
    if where is Protection.OPEN:
        return translate(msg("Nothing stands in its way."))
    if where is Protection.HOST:
        return translate(msg("No layer stops it, only the settings of this host. Another host may let it through."))
    if where is Protection.UNKNOWN:
        return translate(
            plural(
                "No layer is known to stop it; {count} could not be determined.",
                "No layer is known to stop it; {count} could not be determined.",
                most,
            )
        )
    if least == most == 1:
        return translate(msg("One layer stops it: a single line of defence."))
    if least == most:
        return translate(msg("{count} layers stop it independently.", count=least))
    return translate(
        plural(
            "At least {count} layer stops it, at most {most}: not all could be determined.",
            "At least {count} layers stop it, at most {most}: not all could be determined.",
            least,
            most=most,
        )
    )


def first_sentence(state: ThreatState, titles: dict[str, str]) -> str:
    """Return which layer should stop it first, and whether it does."""
    title = titles.get(state.threat.first)
    if title is None:
        return ""
    sentences: dict[Stance, Message] = {
        Stance.STOPS: msg("The layer that should stop it first ({layer}) does so.", layer=title),
        Stance.LETS_THROUGH: msg("The layer that should stop it first ({layer}) lets it through.", layer=title),
        Stance.UNKNOWN: msg("Whether the layer that should stop it first ({layer}) does so is not known.", layer=title),
        Stance.NOT_ITS_JOB: msg("The layer that should stop it first ({layer}) has no say on this route.", layer=title),
    }
    return translate(sentences[state.stance(state.threat.first)])


def together(state: ThreatState) -> list[list[str]]:
    """Return the groups of layers that fail together."""
    groups: list[list[str]] = []
    for one, two in state.linked:
        home = next((group for group in groups if one in group or two in group), None)
        if home is None:
            groups.append([one, two])
        else:
            home.extend(layer for layer in (one, two) if layer not in home)
    return groups


class ThreatDetails(Scrolled):
    """The selected threat in full; `show_threat` sets it, None clears it. `try_wanted`: its button; `save_wanted`: what
    was read is to be saved, as it came otherwise than predicted.
    """

    try_wanted = Signal(object)
    save_wanted = Signal()

    def __init__(self, theme: Theme, layers: tuple[Layer, ...]) -> None:
        super().__init__(name=translate(msg("Full description")), reads=True)
        self._theme = theme
        self._layers = {layer.id: (layer.number, translate(layer.about.title)) for layer in layers}
        self._shown: tuple[object, ...] = ()
        self._state: ThreatState | None = None
        self.tried: TriedThreat | None = None  # what came of trying it
        self.why_not: Message | None = None  # why it can't be tried
        self.offers = False  # whether trying is offered at all
        self.setMinimumHeight(theme.px(120))
        self.setMinimumWidth(theme.px(220))

    @property
    def state(self) -> ThreatState | None:
        """The threat shown."""
        return self._state

    def show_threat(self, state: ThreatState | None, of: ContainerState | None) -> None:
        """Show another threat, or the same with other answers. `of`: whose it is; its PID completes the evidence."""
        pid = 0 if of is None else of.container.pid or 0
        what = None if state is None else danger(state, of)
        made = (state, pid, what, self.tried, self.why_not, self.offers)
        if self._shown == made and self.widget() is not None:
            return
        same = self.state is not None and state is not None and self.state.threat.id == state.threat.id
        place = self.verticalScrollBar().value() if same else 0
        self._shown, self._state = made, state
        page = TextColumn()
        page.setObjectName("page")
        column = QVBoxLayout(page)
        column.setContentsMargins(*(self._theme.px(length) for length in (16, 12, 16, 12)))
        column.setSpacing(self._theme.px(6))
        if state is not None and what is not None:
            self._fill(column, state, pid, translate(what))
        column.addStretch(1)
        self.setWidget(page)
        page.adjustSize()
        self.verticalScrollBar().setValue(place)

    def _fill(self, column: QVBoxLayout, state: ThreatState, pid: int, what: str) -> None:
        theme, threat, where = self._theme, state.threat, protection(state)
        titles = {layer: title for layer, (_, title) in self._layers.items()}
        _add(column, Label(theme, 15, BOLD, wrap=True), translate(threat.title))
        mark = MarkBox(theme, 11)
        mark.show_mark(PROTECTION_MARK[where], PROTECTION_INK[where])
        line = theme.lay(QHBoxLayout(), mark, gap=6)
        _add(line, Label(theme, 12, BOLD, PROTECTION_INK[where]), protection_word(where))
        loud = where in (Protection.OPEN, Protection.UNKNOWN)
        for word, ink in (
            (severity_word(threat.severity), SEVERITY_INK[threat.severity] if loud else "text2"),
            (family_word(threat.family), "text2"),
        ):
            chip = Chip(theme)
            chip.say(word, ink=ink)
            line.addWidget(chip)
        line.addStretch(1)
        column.addLayout(line)
        told = headline(state)
        _add(column, Label(theme, 13, MEDIUM, wrap=True), told)
        _add(column, Label(theme, 13, wrap=True), plain(what, 400))
        _add(column, Label(theme, 13, ink="text2", wrap=True), translate(threat.gives))
        self._attempt(column)
        self._head(column, msg("What to do"))
        _add(column, Label(theme, 13, wrap=True), translate(threat.advice))
        _add(column, Label(theme, 12, ink="text2", wrap=True), first_sentence(state, titles))
        for group in together(state):
            names = listed(titles.get(layer, layer) for layer in group)
            text = msg("Fall together, because one setting would undo each of them: {layers}.", layers=names)
            _add(column, Label(theme, 12, MEDIUM, "weak", wrap=True), translate(text))
        for number, route in enumerate(state.routes, 1):
            column.addSpacing(theme.px(4))
            column.addWidget(Rule(theme))
            self._route(column, state, route, number, pid)
        if threat.refs:
            column.addSpacing(theme.px(4))
            column.addWidget(Rule(theme))
            self._head(column, msg("Read more"))
            _add(column, Label(theme, 11, ink="text2", wrap=True).selectable(), "   ".join(threat.refs))
        _add(column, Label(theme, 11, ink="text3", fixed=True).selectable(), threat.id)
        self.setAccessibleDescription("\n".join((told, plain(what, 400), translate(threat.advice))))

    def _attempt(self, column: QVBoxLayout) -> None:
        """What came of trying it, and the buttons."""
        found = self.tried
        if found is not None:
            self._head(column, msg("Tried"))
            first, *more = tried_lines(found)
            differs = found.outcome.differs
            _add(column, Label(self._theme, 13, BOLD if differs else MEDIUM, "open" if differs else "text", wrap=True),
                 first)  # fmt: skip
            for line in more:
                _add(column, Label(self._theme, 12, ink="text2", wrap=True), line)
        if not self.offers:
            return
        button = try_button(self._theme)
        button.clicked.connect(self._try)
        button.setEnabled(self.why_not is None)
        give_tip(button, translate(self.why_not or TRY))
        row = self._theme.lay(QHBoxLayout(), button, gap=6)
        if found is not None and found.outcome.differs:
            row.addWidget(text_button(self._theme, msg("Save what was read"), self.save_wanted.emit))
        row.addStretch(1)
        column.addLayout(row)

    def _try(self) -> None:
        self.try_wanted.emit(self.sender())

    def _head(self, column: QVBoxLayout, text: Message) -> None:
        self_made = Label(self._theme, 11, BOLD, "text3")
        _add(column, self_made, translate(text))

    def _route(self, column: QVBoxLayout, state: ThreatState, route: RouteState, number: int, pid: int) -> None:
        theme = self._theme
        name = translate(route.route.name)
        if len(state.routes) == 1:
            title = translate(msg("How: {name}", name=name))
        elif route is state.weakest or route == state.weakest:
            title = translate(msg("Route {number}, the weakest: {name}", number=number, name=name))
        else:
            title = translate(msg("Route {number}: {name}", number=number, name=name))
        inks = {Outcome.OPEN: "open", Outcome.UNKNOWN: "unk", Outcome.STOPPED: "enf"}
        line = QHBoxLayout()
        _add(line, Label(theme, 12, BOLD, wrap=True), title)
        _add(line, Label(theme, 12, BOLD, inks[route.outcome]), translate(OUTCOMES[route.outcome]))
        line.setStretch(0, 1)
        column.addLayout(line)
        steps = "\n".join(f"{at}. {step.text}" for at, step in enumerate(route.route.steps, 1))
        label = Label(theme, 11, ink="text2", wrap=True, fixed=True).selectable()
        label.setText("\n".join(plain(step, LONGEST) for step in steps.split("\n")))
        column.addWidget(label)
        for item in reversed(route.rulings):
            layer, title = self._layers.get(item.layer, (0, item.layer))
            self._answer(column, layer, title, item.ruling, protection(state), pid)
        if route.ground is not None:
            self._answer(column, 0, translate(msg("The host's settings")), route.ground, protection(state), pid)

    def _answer(
        self, column: QVBoxLayout, number: int, title: str, ruling: Ruling, where: Protection, pid: int
    ) -> None:
        theme = self._theme
        box = MarkBox(theme, 16)
        if number:
            box.show_number(number)
        else:
            box.show_mark(Mark.NOT_RUNNING)
        mark = MarkBox(theme, 11)
        ink = stance_ink(ruling.stance, where)
        mark.show_mark(stance_mark(ruling), ink)
        head = theme.lay(QHBoxLayout(), box, mark, gap=6)
        _add(head, Label(theme, 12, MEDIUM), title)
        _add(head, Label(theme, 12, BOLD, ink if ink != "bitoff" else "text3"), stance_word(ruling))
        head.addStretch(1)
        column.addLayout(head)
        under = QVBoxLayout()
        under.setContentsMargins(theme.px(39), 0, 0, theme.px(2))
        under.setSpacing(0)
        _add(under, Label(theme, 12, ink="text2", wrap=True), translate(ruling.reason))
        source = Label(theme, 11, ink="text3", wrap=True, fixed=True).selectable()
        _add(under, source, evidence(ruling.source, pid))
        column.addLayout(under)


def _add(layout: QHBoxLayout | QVBoxLayout, label: Label, text: str) -> None:
    """Add a label unless its text is empty. Never call setVisible(True) here: without a parent it would flash as a
    window.
    """
    if text:
        label.setText(plain(text, LONGEST))
        layout.addWidget(label)


class OutcomeFilter(ChipRow):
    """A chip for each outcome; none pressed shows all."""

    changed = Signal(object)  # frozenset[Protection]

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.chips = {
            where: FilterChip(theme, protection_word(where), PROTECTION_MARK[where], PROTECTION_INK[where])
            for where in Protection
        }
        for chip in self.chips.values():
            self.put(chip)
            chip.toggled.connect(lambda _: self.changed.emit(self.chosen))

    @property
    def chosen(self) -> frozenset[Protection]:
        """The outcomes that are pressed in."""
        return frozenset(where for where, chip in self.chips.items() if chip.isChecked())

    def show_matrix(self, matrix: Matrix | None) -> None:
        """Update the counts."""
        found = protections(matrix) if matrix is not None else dict.fromkeys(Protection, 0)
        for where, chip in self.chips.items():
            count, word = found[where], chip.text()
            chip.say(translate(msg("{count} {word}", count=count, word=word)), empty=not count)
            chip.setAccessibleName(translate(colon(word, count)))
            give_tip(chip, translate(plural("Show only this threat", "Show only these {count} threats", count)))
            chip.setVisible(count > 0 or chip.isChecked())
        self.arrange()

    def clear(self) -> None:
        """Release all chips."""
        for chip in self.chips.values():
            chip.setChecked(False)


def try_button(theme: Theme) -> QPushButton:
    """A button that opens the menu of where to try."""
    button = text_button(theme, "")
    say_try(button)
    return button


def say_try(button: QPushButton) -> None:
    """Its words where nothing is being tried."""
    button.setText(f"{translate(msg('Try it'))} ▾")
    button.setAccessibleName(translate(msg("Try it")))


BESIDE = 920  # from this width on the details are next to the table, not below it


class _Filter(QLineEdit):
    """The filter. Escape clears it; Down and Enter go to the table."""

    def __init__(self, theme: Theme, table: MatrixTable) -> None:
        super().__init__()
        self._table = table
        self.setPlaceholderText(translate(msg("Filter threats")))
        self.setAccessibleName(translate(msg("Filter threats")))
        self.setAccessibleDescription(translate(msg("By title, system call, family, reference or reason")))
        self.setMaxLength(200)
        self.setClearButtonEnabled(False)
        self.setFixedHeight(theme.px(30))
        self.setFont(theme.font(13))
        self.setFixedWidth(theme.px(170))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._table.setFocus(Qt.FocusReason.TabFocusReason)
        else:
            super().keyPressEvent(event)


class MatrixPage(QWidget):
    """The page. `show_state` sets a container, `choose` selects a threat by its id."""

    def __init__(self, theme: Theme, layers: tuple[Layer, ...], feed: AttemptsFeed | None = None) -> None:
        super().__init__()
        self._theme, self._feed = theme, feed
        self._key: tuple[str, str] | None = None
        self._of: ContainerState | None = None
        self._wanted = ""  # the threat to select, also after rows were removed and inserted
        self.table = MatrixTable(theme, layers)
        self.filter = _Filter(theme, self.table)
        self.chips = OutcomeFilter(theme)
        self.shown = Line(theme, 12, ink="text2")
        self.details = ThreatDetails(theme, layers)
        self.empty = Label(theme, 13, ink="text2", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.table.chosen.connect(self._chosen)
        self.table.matrix.modelReset.connect(self._rows_changed)
        self.filter.textChanged.connect(self.table.matrix.set_filter)
        self.chips.changed.connect(self.table.matrix.set_protections)
        self.trying = try_button(theme)
        self.trying.clicked.connect(self.press_try)
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self.trying.setVisible(feed is not None and feed.able)
        top = Qt.AlignmentFlag.AlignTop
        head = theme.lay(
            QHBoxLayout(), (self.filter, 0, top), (self.chips, 1), (self.trying, 0, top), around=(12, 10, 12, 10),
            gap=10,
        )  # fmt: skip
        self.told = Line(theme, 12, ink="text2")
        foot = theme.lay(QHBoxLayout(), (self.shown, 1), (self.told, 2), around=(12, 4, 12, 4), gap=10)
        if feed is not None:
            feed.told.connect(self._told)
            self.details.offers = feed.able
            self.details.try_wanted.connect(self._try_one)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(theme.px(8))
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(card_frame(theme, head, (self.table, 1), foot))
        self.splitter.addWidget(card_frame(theme, self.details))
        self.area = Scrolled(self.splitter)
        for see_through in (self.area.viewport(), self.splitter):
            see_through.setAutoFillBackground(False)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.area)
        theme.lay(QVBoxLayout(self), self.stack, around=0)
        self.setFocusProxy(self.table)

    def search_field(self) -> QLineEdit:
        """The page's search field."""
        return self.filter

    def show_state(self, state: ContainerState | None, matrix: Matrix | None) -> None:
        """Show the threats of this container, as they are or with a layer supposed to fail."""
        other = state is None or state.key != self._key
        self._key = state.key if state is not None else None
        self._of = state
        self.empty.setText(summary(state) if state is not None else "")
        self.stack.setCurrentWidget(self.area if matrix is not None else self.empty)
        self.chips.show_matrix(matrix)
        self.table.matrix.show_matrix(matrix, state)
        self._show_tried()
        if other:
            self._select(self.table.matrix.place_of(self._wanted))
            self.table.scrollToTop()
        self._show_count()

    def choose(self, threat: str) -> bool:
        """Select that threat, clearing the filters if needed; False if the container has no such threat."""
        self._wanted = threat
        if self.table.matrix.place_of(threat) < 0:
            self.chips.clear()
            self.filter.clear()
        row = self.table.matrix.place_of(threat)
        if row < 0:
            return False
        self._select(row)
        self.table.scrollTo(self.table.matrix.index(row, 0), MatrixTable.ScrollHint.PositionAtCenter)
        return True

    def _rows_changed(self) -> None:
        """Select the wanted threat again after rows have changed, else the first."""
        self._select(self.table.matrix.place_of(self._wanted))
        self._show_count()

    def _select(self, row: int) -> None:
        wanted, matrix = self._wanted, self.table.matrix
        index = matrix.index(max(0, row), 0) if matrix.rows else QModelIndex()
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        if index.isValid():
            self.table.selectionModel().setCurrentIndex(index, flags)
            self.table.scrollTo(index)
            self._show(matrix.rows[index.row()])
        else:
            self._show(None)
        self._wanted = wanted  # a filtered threat stays wanted

    def _chosen(self, state: ThreatState | None) -> None:
        if state is not None:
            self._wanted = state.threat.id
            self._show(state)

    def _show(self, state: ThreatState | None) -> None:
        if self._feed is not None and state is not None:
            self.details.tried = self._feed.of(self._key).get(state.threat.id)
            self.details.why_not = self._why_not()
        self.details.show_threat(state, self._of)

    # -- trying

    def press_try(self) -> None:
        """Ask where to try all threats of this container, or stop that."""
        if self._feed is not None and self._feed.trying(self._key):
            self._feed.cancel()
        else:
            self._ask_where(self.trying)

    def _try_one(self, button: QPushButton) -> None:
        if self.details.state is not None:
            self._ask_where(button, (self.details.state.threat.id,))

    def _ask_where(self, button: QPushButton, threats: Sequence[str] = ()) -> None:
        feed, state = self._feed, self._of
        if feed is None or state is None:
            return
        self.menu.clear()
        for where in feed.places():
            word = msg("Try on a copy")
            if where is Where.ITSELF and state.container.sandbox is not None:
                word = msg("Try in the running sandbox (changes nothing)")
            elif where is Where.ITSELF:
                word = msg("Try in the running container (changes nothing)")
            put_action(self.menu, word, partial(feed.try_it, where, threats), feed.why_not(where))
        self.menu.popup(button.mapToGlobal(QPoint(0, button.height() + 2)))

    def _why_not(self) -> Message | None:
        """Why it can be tried nowhere."""
        feed = self._feed
        if feed is None:
            return None
        if feed.trying(self._key):
            return msg("It is being tried.")
        reasons = [feed.why_not(where) for where in feed.places()]
        return None if None in reasons else next(iter(reasons), None)

    def _told(self, key: Key) -> None:
        if key == self._key or self._key is None:
            self._show_tried()
        self._show_button()

    def _show_tried(self) -> None:
        if self._feed is None:
            return
        tried, before = self._feed.of(self._key), bool(self.table.matrix.tried)
        self.table.matrix.show_tried(tried)
        if bool(tried) is not before:
            self.table.fit()
        self._show(self.details.state)
        self._show_button()

    def _show_button(self) -> None:
        feed = self._feed
        if feed is None:
            return
        trying, why = feed.trying(self._key), self._why_not()
        if trying:
            self.trying.setText(translate(msg("Stop trying")))
            self.trying.setAccessibleName("")
        else:
            say_try(self.trying)
        self.trying.setEnabled(trying or why is None)
        give_tip(self.trying, "" if trying else translate(why or TRY))
        said = feed.progress if trying else feed.trouble(self._key) or self._summary()
        self.told.say("" if said is None else translate(said))

    def _summary(self) -> Message | None:
        known = {} if self._feed is None else self._feed.of(self._key)
        tried = [each.outcome for each in known.values() if each.outcome.tried is not Tried.NOT_TRIED]
        differ = sum(each.differs for each in tried)
        if not tried:
            return None
        if differ:
            return plural("{count} came otherwise than predicted", "{count} came otherwise than predicted", differ)
        return plural("{count} was tried and came as predicted", "{count} were tried, and all came as predicted",
                      len(tried))  # fmt: skip

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._feed is not None and self._feed.trying(self._key):
            self._feed.cancel()
        else:
            super().keyPressEvent(event)

    def _show_count(self) -> None:
        matrix = self.table.matrix
        shown, total = len(matrix.rows), matrix.total
        if shown == total:
            text = plural("{count} threat, judged layer by layer", "{count} threats, judged layer by layer", total)
        elif shown:
            text = msg("{shown} of {total} threats shown", shown=shown, total=total)
        else:
            text = msg("No threat matches these words")
        self.shown.say(translate(text))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        beside = self.width() >= self._theme.px(BESIDE)
        orientation = Qt.Orientation.Horizontal if beside else Qt.Orientation.Vertical
        if self.splitter.orientation() is not orientation or event.oldSize().width() < 1:
            self.splitter.setOrientation(orientation)
            length = self.width() if beside else self.height()
            share = 0.68 if beside else 0.58
            self.splitter.setSizes([round(length * share), round(length * (1 - share))])


def make(parts: Parts) -> MadePage:
    """Make the page."""
    page, selection = MatrixPage(parts.theme, parts.layers, parts.get(AttemptsFeed)), parts.selection
    return MadePage(page, lambda: page.show_state(selection.judged, selection.what_if.result()), page.choose,
                    page.search_field)  # fmt: skip
