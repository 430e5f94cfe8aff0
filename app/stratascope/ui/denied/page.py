"""The page "Denied": what the container in view was refused, by which layer, and what would allow it.

It shows what the observation of the page "Use" sees: one observation, started and stopped on either page. "Allow it"
only switches a toggle on in the right column; nothing happens before the relaunch is confirmed in its sheet.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from stratascope.core.layer import Layer
from stratascope.core.message import Message, age, msg, plural
from stratascope.core.refusals.refusal import Refusal
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Privilege
from stratascope.core.text import count_text
from stratascope.i18n.translate import together, translate
from stratascope.presentation import refusals_report as words
from stratascope.presentation.refusals_report import Layers
from stratascope.presentation.takeover import runs
from stratascope.presentation.terms import with_words
from stratascope.ui.denied.ending import EndingAbove, EndKey, end_of
from stratascope.ui.denied.refusal_feed import KnownRefusals, RefusalFeed
from stratascope.ui.denied.table import Act, DenialTable, acts
from stratascope.ui.kit import feedback
from stratascope.ui.kit.background import later
from stratascope.ui.kit.buttons import FoldButton, text_button
from stratascope.ui.kit.chip import ChoiceChips, FilterChip
from stratascope.ui.kit.flow import card_frame
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.marks import Mark, MarkBox
from stratascope.ui.kit.page import MadePage, Parts
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme
from stratascope.ui.use.observation_feed import Known, ObservationFeed
from stratascope.ui.use.strip import Eye, busy_text, why_not


class _Head(FoldButton):
    """The heading of the probing refusals, no wider than its words."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        words = QFontMetrics(self._theme.font(12, MEDIUM)).horizontalAdvance(f"{self.text()}  {self._count}")
        return QSize(words + self._theme.px(32), super().sizeHint().height())


class ProbingBand(QFrame):
    """The band that unfolds harmless probing refusals. `turned`: show or hide them below all others."""

    turned = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("band")
        self.head = _Head(theme)
        self.note, self.calls = Line(theme, 12, ink="text2"), Line(theme, 11, ink="text2", fixed=True)
        self.note.say(translate(msg("healthy programs are refused this too, and go on without it")))
        above = theme.lay(QHBoxLayout(), self.head, (self.note, 1), gap=8)
        below = theme.lay(QHBoxLayout(), (self.calls, 1), around=(22, 0, 0, 0))
        theme.lay(QVBoxLayout(self), above, below, around=(8, 2, 14, 8), gap=0)
        self.head.toggled.connect(self.turned)
        self.setAccessibleName(translate(msg("Harmless probing")))
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.hide()

    @property
    def open(self) -> bool:
        """Whether they are shown."""
        return self.head.isChecked()

    def fold(self) -> None:
        """Hide them."""
        self.head.setChecked(False)

    def set_low(self, low: bool) -> None:
        """Reduce the band to one line."""
        self.calls.setVisible(not low)

    def show_harmless(self, harmless: tuple[Refusal, ...]) -> None:
        """Show how many there are; without any, hide the band."""
        count = sum(each.count for each in harmless)
        self.head.show_head(translate(msg("Harmless probing")), count)
        self.head.updateGeometry()
        self.calls.say(_asked_in_vain(harmless))
        self.setVisible(bool(harmless))


def _asked_in_vain(harmless: tuple[Refusal, ...]) -> str:
    """Return the calls that programs only probe for, most frequent first."""
    counts: dict[str, int] = {}
    for each in harmless:
        name = plain(each.syscall or each.process, 40)
        counts[name] = counts.get(name, 0) + each.count
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "   ".join(f"{name} {count_text(count)}×" for name, count in ordered[:20])


WORDS, LEAST = 360, 200  # width of the sentence, and its minimum


class Nothing(QWidget):
    """The notice for an empty list: a title, a sentence, and one button."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.title, self.why = Line(theme, 15, BOLD), Label(theme, 13, ink="text2", wrap=True)
        self.trouble = Label(theme, 12, ink="weak", wrap=True)
        self.observe = text_button(theme, msg("Observe"), size=13)
        self.observe.setProperty("main", True)
        self.title.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        centre = Qt.AlignmentFlag.AlignHCenter
        self.why.setAlignment(centre | Qt.AlignmentFlag.AlignTop)
        self.why.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.why.setMaximumWidth(theme.px(WORDS))
        self.why.setMinimumWidth(theme.px(LEAST))
        sentence = theme.lay(QHBoxLayout(), STRETCH, (self.why, 100), STRETCH)
        column = QVBoxLayout(self)
        column.setSpacing(theme.px(8))
        column.addStretch(2)
        column.addWidget(Eye(theme), 0, centre)
        column.addWidget(self.title, 0, centre)
        column.addLayout(sentence)
        column.addWidget(self.observe, 0, centre)
        self.trouble.setAlignment(centre)
        column.addWidget(self.trouble)
        column.addStretch(3)
        self.tell_trouble("")

    def tell_trouble(self, text: str) -> None:
        """Say below the button why observing failed after all; empty: no failure."""
        self.trouble.setText(text)
        self.trouble.setVisible(bool(text))

    def say(self, title: str, why: str, *, able: bool) -> None:
        """Set title and sentence. `able`: it can be observed."""
        self.title.say(title)
        self.why.setText(why)
        self.observe.setVisible(able)


ALL = ""


class LayerChips(ChoiceChips):
    """A chip for each layer. `chosen` carries the id of a layer, or ALL."""

    def __init__(self, theme: Theme, layers: Layers) -> None:
        super().__init__(theme, ALL)
        self.add(ALL, FilterChip(theme, translate(msg("All"))))
        for which in layers.ids:
            self.add(which, FilterChip(theme, layers.title(which), number=layers.number(which)))
            self.chips[which].hide()
        self.setAccessibleName(translate(msg("Filter by layer")))

    def show_counts(self, shown: tuple[Refusal, ...]) -> None:
        """Show how often each layer refused; one that never did has no chip."""
        for which, chip in self.chips.items():
            count = sum(each.count for each in shown if which in (ALL, each.claim.layer))
            self.show_count(which, chip.text(), count)
        self.arrange()


LOW = 330  # height of the page below which chips and notes are hidden, in favour of the rows
_DAY = 86400


class DeniedPage(QWidget):
    """The page. `allow_wanted`: Key and Choices. `ending_wanted`: explain, `above` the list, why this ContainerState
    ended, or what is known without observing it; None: no more.
    """

    allow_wanted = Signal(object, object)
    ending_wanted = Signal(object)

    def __init__(
        self,
        theme: Theme,
        layers: tuple[Layer, ...],
        selection: Selection,
        watching: ObservationFeed,
        refused: RefusalFeed,
        *,
        able: bool,
    ) -> None:
        """`able`: whether relaunching is available at all."""
        super().__init__()
        self._theme, self._selection, self._watching, self._refused = theme, selection, watching, refused
        self._able = able
        self._layers = words.Layers(layers)
        self._shown: Key | None = None
        self._low = False
        self._asked: tuple[Key, EndKey] | None = None  # the end that was last asked about
        self.setAccessibleName(translate(msg("Denied")))
        self.chips = LayerChips(theme, self._layers)
        self.table = DenialTable(theme, self._layers)
        self.probing = ProbingBand(theme)
        self.dot = MarkBox(theme, 11)
        self.dot.show_mark(Mark.DOT)
        self.live = Line(theme, 12, ink="text2")
        self.news = text_button(theme, msg("New"), self._let_in, look="link")
        self.observe = text_button(theme, msg("Observe"), self._begin)
        self.end = text_button(theme, msg("Stop observing"), self._stop)
        for button in (self.news, self.observe, self.end):
            button.hide()
        self.nothing = Nothing(theme)
        self.source = Label(theme, 12, ink="text2", wrap=True)
        self.trouble = Label(theme, 12, ink="weak", wrap=True)
        self._later = later(self, 0, self.refresh)  # runs after the texts have been laid out
        self._lay_out()
        self._connect()
        self.setFocusProxy(self.table)

    def _lay_out(self) -> None:
        theme = self._theme
        name = Line(theme, 15, BOLD)
        name.say(translate(msg("Refused")))
        there = (self.news, self.dot, self.live, self.observe, self.end)
        beside = theme.lay(QHBoxLayout(), *((each, 0, Qt.AlignmentFlag.AlignVCenter) for each in there), gap=6)
        head = theme.lay(
            QHBoxLayout(), (name, 0, Qt.AlignmentFlag.AlignTop), (self.chips, 1), beside, around=(14, 10, 14, 8), gap=8
        )
        head.setAlignment(beside, Qt.AlignmentFlag.AlignTop)
        self._head = QWidget()
        self._head.setLayout(head)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.nothing)
        self.stack.addWidget(self.table)
        foot = theme.lay(QVBoxLayout(), self.trouble, self.source, around=(14, 6, 14, 8))
        card = card_frame(theme, self._head, (self.stack, 1), foot, self.probing, name=name.text())
        self.above = EndingAbove(theme, self, card)

    def _connect(self) -> None:
        self._watching.told.connect(self._refresh_soon)
        self._refused.told.connect(self._refresh_soon)
        self.nothing.observe.clicked.connect(lambda _=False: self._begin())
        self.chips.chosen.connect(lambda _: self._choose_layer())
        self.probing.turned.connect(lambda _: self._choose_layer())
        self.table.unfolded.connect(self._unfolded)
        self.table.copy_wanted.connect(self._copy)
        self.table.menu_wanted.connect(self._open_menu)
        self.table.details.wanted.connect(self._act)
        self.table.verticalScrollBar().valueChanged.connect(self._scrolled)

    @property
    def ready(self) -> bool:
        """Whether it shows the container in view."""
        return self._shown == self._selection.key

    # -- contents

    def refresh(self) -> None:
        """Show what is known of the container in view."""
        state, snapshot = self._selection.current, self._selection.snapshot
        if state is None or snapshot is None:
            return
        known = Known() if snapshot.demo else self._watching.known(state.container)
        if known is None:  # being read; meanwhile do not show another container's refusals under this name
            self.above.away = not self.ready
            self.above.place()
            return
        self.above.away = False
        if not self.ready:
            self.table.fold()
            self.table.verticalScrollBar().setValue(0)
            self.chips.reset()
            self.probing.fold()
        another, self._shown = not self.ready, state.key
        refusals = self._refused.of(state)
        self.table.whose = state
        self._show_rows(refusals, hold=not another and not self.table.at_top)
        self._show_state(state, known, refusals)
        self._ask_ending(state, known, demo=snapshot.demo)

    def _ask_ending(self, state: ContainerState, known: Known, *, demo: bool) -> None:
        """Request an explanation once for each end, and for each run that is not observed."""
        wanted = not demo and (not runs(state) or known.watched is None)
        asked = (state.key, end_of(state)) if wanted else None
        if asked != self._asked:
            self._asked = asked
            self.ending_wanted.emit(None if asked is None else state)
        self.above.place()

    def _show_rows(self, refusals: KnownRefusals, *, hold: bool) -> None:
        layer = self.chips.current
        shown = tuple(each for each in refusals.shown if layer in (ALL, each.claim.layer))
        harmless = refusals.harmless if self.probing.open else ()
        harmless = tuple(each for each in harmless if layer in (ALL, each.claim.layer))
        self.table.show_denials(shown, harmless, hold=hold)
        self.chips.show_counts(refusals.shown)
        self.probing.show_harmless(refusals.harmless)
        waiting = self.table.model_.waiting
        if waiting:
            self.news.setText(translate(plural("{count} new", "{count} new", waiting)))
            give_tip(
                self.news,
                translate(msg("New rows are at the end of the list while you read it. Click to sort them in.")),
            )
        self.news.setVisible(bool(waiting))
        if self.table.open:
            self._fill_details()

    def _show_state(self, state: ContainerState, known: Known, refusals: KnownRefusals) -> None:
        """Update head and foot, and the notice in place of rows."""
        snapshot = self._selection.snapshot
        if snapshot is None:
            return
        busy = self._watching.busy(state.key)
        refused = why_not(state, self._selection.engine, snapshot, able=self._watching.able)
        rows = self.above.rows = bool(refusals.shown or refusals.harmless)
        had = any(each.hasFocus() for each in (self.observe, self.end, self.nothing.observe))
        self._head.setVisible(rows or known.alive)
        self.live.say(live_text(known, busy=busy))
        self.dot.setVisible(known.alive and not busy)
        able = refused is None and not known.alive
        self.observe.setVisible(able and rows)
        self.end.setVisible(known.alive)
        self.nothing.say(
            *nothing_text(known, refused, snapshot.privilege, bool(refusals.harmless)), able=able and not rows
        )
        self.stack.setCurrentWidget(self.table if self.table.model_.rows or refusals.shown else self.nothing)
        self.source.setText(source_text(refusals, known) if rows else "")
        self.source.setVisible(rows and not self._low)
        said = ((known.trouble, known.words), (refusals.trouble, refusals.words))
        troubles = [translate(with_words(message, text)) for message, text in said if message is not None]
        self.trouble.setText(together(troubles))
        alone = self.stack.currentWidget() is self.nothing
        self.trouble.setVisible(bool(troubles) and not alone)
        self.nothing.tell_trouble(self.trouble.text() if alone else "")
        if had and not busy:
            after = self.end if known.alive else self.observe if rows else self.nothing.observe
            if after.isVisible():
                after.setFocus()

    def _fill_details(self) -> None:
        state, place = self._selection.current, self.table.model_.place_of(self.table.open)
        if state is None or place < 0:
            return
        denial = self.table.model_.rows[place]
        folded = self._refused.is_folded(state, denial)
        self.table.details.show_denial(denial, acts(denial, folded=folded, able=self._able))
        self.table.again()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.above.place()
        low = self.height() < self._theme.px(LOW)
        if low is not self._low:
            self._low = low
            self.chips.reset()
            self.chips.setVisible(not low)
            self.probing.set_low(low)
            self._later.start()

    # -- actions

    def _refresh_soon(self, key: Key) -> None:
        if key == self._selection.key and self.isVisible():
            self._later.start()

    def _begin(self) -> None:
        if self._selection.current is not None:
            self._watching.begin(self._selection.current)

    def _stop(self) -> None:
        if self._selection.current is not None:
            self._watching.end(self._selection.current.container)

    def _let_in(self) -> None:
        self.table.fold()
        self.table.verticalScrollBar().setValue(0)
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)  # the button disappears and would lose the focus
        self.refresh()

    def _scrolled(self, value: int) -> None:
        if not value and self.table.model_.waiting:
            self._later.start()

    def _choose_layer(self) -> None:
        if self._selection.current is not None and self.ready:
            self.table.fold()
            self._show_rows(self._refused.of(self._selection.current), hold=False)

    def _unfolded(self, key: str) -> None:
        if key:
            self._fill_details()
        else:
            self._later.start()  # new rows that were held back may be inserted

    def _copy(self) -> None:
        label, denial = self.table.details.why, self.table.chosen
        if label.hasSelectedText():
            feedback.copy(self, label.selectedText())
        elif denial is not None:
            feedback.copy(self, words.copied(denial, self._layers))

    def _act(self, act: Act) -> None:
        place = self.table.model_.place_of(self.table.open)
        if place >= 0:
            self._do(act, self.table.model_.rows[place])

    def _do(self, act: Act, denial: Refusal) -> None:
        state = self._selection.current
        if state is None:
            return
        if act.choices:
            self.allow_wanted.emit(state.key, act.choices)
        elif act.name == "copy":
            feedback.copy(self, words.copied(denial, self._layers))
        else:
            self.table.fold()
            self._refused.turn(state, denial, harmless=act.name == "fold")
            self.refresh()

    def _open_menu(self, at: QPoint) -> None:
        state, denial = self._selection.current, self.table.chosen
        if state is None or denial is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fold = QAction(translate(msg("Collapse") if self.table.open == denial.key else msg("Expand")), menu)
        fold.triggered.connect(lambda _=False: self._turn(denial.key))
        menu.addAction(fold)
        menu.addSeparator()
        for act in acts(denial, folded=self._refused.is_folded(state, denial), able=self._able):
            action = QAction(translate(act.word).replace("&", "&&"), menu)
            action.triggered.connect(lambda _=False, act=act: self._do(act, denial))
            menu.addAction(action)
        menu.popup(at)

    def _turn(self, key: str) -> None:
        if self.table.open == key:
            self.table.fold()
        else:
            self.table.unfold(key)


def live_text(known: Known, *, busy: bool) -> str:
    """Return the text at the right of the heading."""
    if busy:
        return translate(busy_text(known))
    if not known.alive or known.watched is None:
        return translate(msg("not observed now")) if known.watched is not None else ""
    seconds = known.watched.observation.seen.seconds
    return translate(msg("live, last 24 h") if seconds >= _DAY else msg("live, for {age}", age=age(seconds)))


def nothing_text(known: Known, why_not: Message | None, privilege: Privilege, probed: bool = False) -> tuple[str, str]:
    """Return title and sentence for an empty list: why there is nothing, or what to do. `probed`: there is harmless
    probing below it.
    """
    if probed:
        told = msg("Nothing that matters was refused")
        return translate(told), translate(msg("Below is only what programs probe for, and go on without."))
    if known.alive:
        told = msg("Nothing has been refused so far")
        return translate(told), translate(
            msg("Anything that fails from now on appears here within a second, with the reason.")
        )
    title = msg("Not observed yet") if known.watched is None else msg("Nothing was refused")
    if why_not is not None:
        return translate(title), translate(why_not)
    offer = msg("Watch it while it works: refusals appear here, with what refused them and what would allow them.")
    if privilege.asks_nobody:
        return translate(title), translate(offer)
    password = msg("Only root can watch, so you may be asked for a password.")
    return translate(title), together((translate(offer), translate(password)))


def source_text(refusals: KnownRefusals, known: Known) -> str:
    """Return how many are shown, where they were read, and what is not seen."""
    kinds, count = len(refusals.shown), refusals.count
    kinds_text = plural("{count} kind", "{count} kinds", kinds)
    parts = [plural("{shown} refusal of {kinds}.", "{shown} refusals of {kinds}.", count, shown=count_text(count),
                    kinds=kinds_text)]  # fmt: skip
    parts.append(msg("Read from the kernel's answer to each call, and from its log. Requests through io_uring are "
                     "not calls, and leave no trace there."))  # fmt: skip
    unseen = {} if known.watched is None else dict(known.watched.observation.unseen)
    if "log" in unseen:
        parts.append(msg("The kernel's log can't be read here: AppArmor and SELinux are identified only by exclusion."))
    if "masked" in unseen:
        parts.append(msg("Opening a masked path can't be detected here."))
    if refusals.forgotten:
        parts.append(plural("{count} older kind was dropped.", "{count} older kinds were dropped.",
                            refusals.forgotten))  # fmt: skip
    return together(translate(each) for each in parts)


def make(parts: Parts) -> MadePage:
    """Make the page."""
    watching, refused = parts.get(ObservationFeed), parts.get(RefusalFeed)
    page = DeniedPage(parts.theme, parts.layers, parts.selection, watching, refused, able=parts.able)
    return MadePage(page, page.refresh)
