"""The page "Changes": what changed over all containers since the last visit, since yesterday or another day, the worst
first; who did it, and the way back.

A row's container comes into view with it, so that its plan is beside it. *Fix* puts into that plan what takes back what
was granted; nothing happens before the relaunch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from PySide6.QtCore import QDate, Qt, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QDateEdit, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from stratascope.core.history.entry import Subject
from stratascope.core.history.fold import What
from stratascope.core.history.machine import Direction, Moved, counted, with_refused
from stratascope.core.layer import Finding, Layer
from stratascope.core.message import Message, msg
from stratascope.core.options.given import measure_of
from stratascope.core.relaunch.transaction import Transaction, TransactionKind
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import listed, together, translate
from stratascope.presentation import changes_report as words
from stratascope.presentation.takeover import runs
from stratascope.ui.changes.feed import DAY, ChangesFeed
from stratascope.ui.changes.table import ChangesTable, key_of, second_line, whole_text
from stratascope.ui.changes.tiles import Tiles
from stratascope.ui.denied.refusal_feed import RefusalFeed
from stratascope.ui.findings.acceptances import Acceptances
from stratascope.ui.harden.kept_line import about
from stratascope.ui.history import moments
from stratascope.ui.history.feed import MovedAnswer
from stratascope.ui.kit.background import later
from stratascope.ui.kit.buttons import Segments, pad_field, text_button
from stratascope.ui.kit.feedback import CopyMenu
from stratascope.ui.kit.flow import card_frame
from stratascope.ui.kit.labels import Label, Line, Rule
from stratascope.ui.kit.page import MadePage, Parts, View
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.usecases.listing import filter as filtering
from stratascope.usecases.listing.filter import Query, Term
from stratascope.usecases.plan.offers import Offer, Option

VISIT, YESTERDAY, WEEK, CHOSEN = range(4)
_SPANS = (msg("Last visit"), msg("Yesterday"), msg("7 days"), msg("Pick a day"))
SOON = 1500  # ms between news and the next request while the page is seen


LOW = 420  # px of the design: below this height the foot has only the name


class ChangesPage(QWidget):
    """The page. `chosen`: a container, the id of a threat to open in it or "", and else the view that shows more.
    `fix_wanted`: the key of a toggle to switch on; `accept_wanted`: a finding of the container in view; `undo_wanted`:
    the Transaction to take back.
    """

    chosen = Signal(object, str, object)
    row_turned = Signal()
    fix_wanted = Signal(str)
    accept_wanted = Signal(object)
    undo_wanted = Signal(object)

    def __init__(
        self,
        theme: Theme,
        layers: tuple[Layer, ...],
        selection: Selection,
        feed: ChangesFeed,
        refused: RefusalFeed,
        acceptances: Acceptances,
        *,
        able: bool,
    ) -> None:
        super().__init__()
        self._theme, self._selection, self._feed, self._refused = theme, selection, feed, refused
        self._acceptances, self._able = acceptances, able
        self._answer: MovedAnswer | None = None
        self.rows: tuple[Moved, ...] = ()
        self._filter, self._query = "", Query()
        self._span, self._visit = VISIT, feed.seen
        self._since: float | None = None
        self._states: dict[Subject, ContainerState] = {}
        self._kept: tuple[Transaction, ...] = ()
        self._wanted: object = None  # key of the row to make current once it is there
        self._pending: Moved | None = None  # to be fixed as soon as its container's plan is known
        self.offer: Offer | None = None
        self._offer_of: Key | None = None
        self.on = frozenset[str]()
        self._filling = False
        self.setAccessibleName(translate(msg("Changes")))
        self.title = Line(theme, 18, BOLD, text=translate(msg("Changes")))
        self.told = Line(theme, 12, ink="text2", or_nothing=True)
        self.spans = Segments(theme, translate(msg("Since when")))
        self.spans.offer(tuple(map(translate, _SPANS)))
        self.spans.choose(VISIT)
        self.day = QDateEdit()
        self.day.setAccessibleName(translate(msg("Since this day")))
        self.day.setCalendarPopup(True)
        self.day.setDisplayFormat(moments.day_form())
        pad_field(theme, self.day)
        self.day.setDate(QDate.currentDate().addDays(-2))
        self.day.hide()
        self.tiles = Tiles(theme)
        self.table = ChangesTable(theme, layers, self.can_fix, lambda row: self.state_of(row) is not None,
                                  selection.sign)  # fmt: skip
        self.nothing = Label(theme, 13, ink="text2", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.trouble = Label(theme, 12, ink="weak", wrap=True)
        self.whose, self.more = Line(theme, 13, BOLD, middle=True), Label(theme, 12, ink="text2", wrap=True)
        self.show_button = text_button(
            theme, msg("Show"), self._show, look="act", more=msg("Show this container (Enter)")
        )
        self.fix_button = text_button(theme, msg("Fix"), self._fix, look="act",
                                      more=msg("Put what takes it back into the plan (F)"))  # fmt: skip
        self.accept_button = text_button(theme, msg("Accept until…"), self._accept, look="act",
                                         more=msg("Accept it until a day, with a reason (A)"))  # fmt: skip
        self.undo_button = text_button(theme, msg("Undo…"), self._undo, look="act",
                                       more=msg("Take the relaunch back (U)"))  # fmt: skip
        self._lay_out()
        self.copying = CopyMenu(self.table, self._lines, self._more)
        self._later = later(self, SOON, self._ask)
        self._to_row = later(self, 0, lambda: self.table.scrollTo(self.table.currentIndex()))
        self._connect()
        self.setFocusProxy(self.table)

    def _lay_out(self) -> None:
        theme = self._theme
        head = theme.lay(QHBoxLayout(), self.title, (self.told, 1), self.day, self.spans, around=0, gap=10)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.table)
        self.stack.addWidget(self.nothing)
        self.foot = QWidget()
        buttons = theme.lay(QHBoxLayout(), self.show_button, self.fix_button, self.undo_button, self.accept_button,
                            around=0, gap=6)  # fmt: skip
        texts = theme.lay(QVBoxLayout(), self.whose, self.more, around=0, gap=2)
        theme.lay(QHBoxLayout(self.foot), (texts, 1), buttons, around=(14, 8, 14, 10),
                  gap=12)  # fmt: skip
        self.line = Rule(theme)
        self.line.hide()
        self.foot.hide()
        frame = card_frame(theme, (self.stack, 1), self.line, self.foot, name=translate(msg("What changed")))
        theme.lay(
            QVBoxLayout(self), head, self.tiles, self.trouble, (frame, 1), around=(16, 12, 16, 12), gap=10
        )  # fmt: skip
        self.trouble.hide()

    def _connect(self) -> None:
        self.spans.chosen.connect(self.choose_span)
        self.day.dateChanged.connect(lambda _: self.choose_span(CHOSEN))
        self.tiles.chosen.connect(lambda _: self._fill())
        self.table.turned.connect(self._turned)
        self.table.opened.connect(lambda _: self._show())
        self.table.pressed.connect(lambda row: self._fix() if self.can_fix(row) else self._show())
        self.table.fix_wanted.connect(self._fix)
        self.table.accept_wanted.connect(self._accept)
        self.table.undo_wanted.connect(self._undo)
        self.table.copy_wanted.connect(self.copying.copy_first)
        self.table.menu_wanted.connect(self.copying.open)
        self._feed.due.connect(self._news)
        self._refused.told.connect(lambda _: self._news())
        self._acceptances.changed.connect(self._fill)

    # -- contents

    @property
    def ready(self) -> bool:
        """Whether the history has answered."""
        return self._answer is not None

    def refresh(self) -> None:
        """Show what changed of the containers in view."""
        snapshot = self._selection.snapshot
        if snapshot is None:
            return
        self._states = {}
        for state in snapshot.containers:
            container = state.container
            self._states.setdefault(Subject(container.engine, container.recorded_as), state)
        if snapshot.demo or not self._feed.history_feed.able:
            self._answer = MovedAnswer()
            text = msg("These containers do not run here, so nothing is recorded of them.") if snapshot.demo else (
                msg("Nothing is recorded here."))  # fmt: skip
            self._show_nothing(text)
        elif self._answer is None:
            self._ask()
        elif self._filter != self._selection.filter:
            self._fill()
        else:
            self._show_foot()

    def choose(self, row: Moved) -> None:
        """Make that row current, now or once it is known."""
        self._wanted = row.key
        self.tiles.show_all()
        self._fill()

    def _make_wanted_current(self) -> None:
        place = next((at for at, row in enumerate(self.table.model_.rows) if key_of(row) == self._wanted), None)
        if self._wanted is not None and place is not None:
            self._wanted = None
            self.table.make_current(place)

    def choose_span(self, span: int) -> None:
        """Show what changed since the last visit, yesterday, seven days ago, or the chosen day."""
        self._span = span
        self.spans.choose(span)
        self.day.setVisible(span == CHOSEN)
        self._ask()

    def _begin(self) -> float:
        today = datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
        if self._span == YESTERDAY:
            return (today - timedelta(days=1)).timestamp()
        if self._span == WEEK:
            return time.time() - 7 * DAY
        if self._span == CHOSEN:
            day = self.day.date()
            return datetime(day.year(), day.month(), day.day()).timestamp()
        return self._visit

    def _ask(self) -> None:
        since = self._begin()
        if self._span == WEEK and self._since is not None and 0 <= since - self._since < 600:
            since = self._since  # so that only what is new is worked out
        self._since = since
        self._feed.ask("changes page", since, lambda answer: self._take(since, answer))

    def _take(self, since: float, answer: MovedAnswer) -> None:
        if since != self._since:
            return
        self._answer = answer
        if self._span == VISIT:
            self._feed.show_count(answer)
        self._fill()
        self._choose_worst()

    def _choose_worst(self) -> None:
        """Make the worst row of a container current if none is, so that its plan is beside it."""
        if self.isVisible() and self.table.chosen() is None:
            rows = self.table.model_.rows
            there = (at for at, row in enumerate(rows) if isinstance(row, Moved) and self.state_of(row) is not None)
            self.table.make_current(next(there, min(1, len(rows) - 1)))

    def _news(self) -> None:
        if self.isVisible() and not self._later.isActive():
            self._later.start()

    def _fill(self) -> None:
        answer = self._answer
        if answer is None:
            return
        every = with_refused(answer.rows, self._refusals())
        self._filter = self._selection.filter
        self._query = filtering.parse(self._filter)
        terms = self._query.terms
        found = self._query.trouble is None
        every = tuple(row for row in every if found and all(self._matches(term, row) for term in terms))
        self._tell(answer, every)
        wanted = self.tiles.direction
        self.rows = tuple(row for row in every if wanted in (None, row.direction))
        self._filling = True
        self.table.show_moved(self.rows)
        self._filling = False
        self._show_foot()
        self._make_wanted_current()
        self.row_turned.emit()
        if self.rows:
            self.stack.setCurrentWidget(self.table)
        else:
            self.nothing.setText(translate(self._why_nothing(answer)))
            self.stack.setCurrentWidget(self.nothing)

    def _matches(self, term: Term, row: Moved) -> bool:
        """By what the row says, or by one of its containers as it is now."""
        if term.key is None and term.text in _searched(row):
            return True
        there = (self._states.get(subject) for subject in row.subjects)
        return any(filtering.answer(Query((term,)), state).found for state in there if state is not None)

    def _refusals(self) -> dict[Subject, tuple[int, float]]:
        since, found = self._since or 0.0, {}
        for subject, state in self._states.items():
            shown = [each for each in self._refused.of(state).shown if each.last > since]
            if shown:
                found[subject] = sum(each.count for each in shown), max(each.last for each in shown)
        return found

    def _tell(self, answer: MovedAnswer, rows: tuple[Moved, ...]) -> None:
        count = counted(rows)
        for direction, tile in self.tiles.tiles.items():
            of_it = [row for row in rows if row.direction is direction]
            tile.say(count[direction], _note(of_it))
        now = time.time()
        began = answer.began
        since = max(self._since or 0.0, began or 0.0)
        told = moments.since_word(since, now) if since else ""
        if self._span == VISIT and self._since and since == self._since:
            told = translate(msg("since your last visit, {moment}", moment=moments.since_pill(since, now)
                                 if now - since > DAY else moments.moment(since)))  # fmt: skip
        self.told.say(told)
        notes = [] if answer.trouble is None else [translate(answer.trouble)]
        self.trouble.setText(together(notes))
        self.trouble.setVisible(bool(notes))

    def _why_nothing(self, answer: MovedAnswer) -> Message:
        if answer.began is None:
            return msg("Nothing is recorded yet. From now on, what containers gain or lose is listed here: new and "
                       "removed ones, exposure, grants, sessions with other rights, restarts and images.")  # fmt: skip
        if self._query.trouble is not None:
            return self._query.trouble
        if self._filter or self.tiles.direction is not None:
            return msg("Nothing matches the filter.")
        return msg("Nothing changed in that time. What containers gain or lose will be listed here, the worst first.")

    def _show_nothing(self, why: Message) -> None:
        self.nothing.setText(translate(why))
        self.stack.setCurrentWidget(self.nothing)
        self.rows = ()
        self.foot.hide()
        self.line.hide()
        for tile in self.tiles.tiles.values():
            tile.say(0, "")
        self.told.say("")

    # -- the current row

    def state_of(self, row: Moved) -> ContainerState | None:
        """The row's container as it is now; the first of several; None if it is gone."""
        return next((self._states[each] for each in row.subjects if each in self._states), None)

    @property
    def about(self) -> Key | None:
        """The container of the current row."""
        row = self.table.chosen()
        state = None if row is None or row.everywhere else self.state_of(row)
        return None if state is None else state.key

    def can_fix(self, row: Moved) -> bool:
        """Whether its container's plan may take back what it gained."""
        if not self._able or row.everywhere or row.direction not in (Direction.WORSE, Direction.NEW):
            return False
        state = self.state_of(row)
        return state is not None and runs(state)

    def relaunch_of(self, row: Moved) -> Transaction | None:
        """The relaunch that the row is about, where it can be taken back."""
        state = self.state_of(row)
        relaunched = any(each.what is What.RELAUNCHED for each in row.changes)
        if state is None or row.everywhere or not relaunched:
            return None
        done = about(self._kept, state.container.id)
        good = done is not None and done.kind is TransactionKind.HARDEN and done.new == state.container.id
        return done if good else None

    def show_kept(self, kept: tuple[Transaction, ...]) -> None:
        """What can be taken back now, of all containers."""
        self._kept = kept
        self._show_foot()

    def finding_of(self, row: Moved) -> Finding | None:
        """The finding to accept: the worst of the layer that the row is about, else of all, that is not accepted."""
        state = self.state_of(row)
        if state is None or not self._acceptances.able or row.everywhere:
            return None
        layer = words.layer_with(row)
        open_ = [each for each in state.findings if self._acceptances.of(each, state.container) is None]
        return next((each for each in open_ if each.layer == layer), open_[0] if open_ else None)

    def _turned(self) -> None:
        self._show_foot()
        if self._filling or not self.isVisible():
            return
        key = self.about
        if key is not None and key != self._selection.key:
            self._selection.choose(key)
        self.row_turned.emit()

    def _show_foot(self, note: str = "") -> None:
        row = self.table.chosen()
        if row is not None and self.foot.isHidden():
            self._to_row.start()  # the foot takes a part of the table's height
        self.foot.setVisible(row is not None)
        self.line.setVisible(row is not None)
        if row is None:
            return
        self.whose.say(words.name_of(row))
        several = len(row.subjects) > 1
        names = listed((plain(each.name, 60) for each in row.subjects[:200]), 8) if several else ""
        self.more.setText(note or together(filter(None, (second_line(row), names))))
        self.more.setVisible(bool(note) or self.height() >= self._theme.px(LOW))  # the row has it, too
        state = self.state_of(row)
        self.show_button.setEnabled(state is not None)
        self.fix_button.setEnabled(self.can_fix(row))
        self.accept_button.setEnabled(self.finding_of(row) is not None)
        self.undo_button.setVisible(self.relaunch_of(row) is not None)

    def _show(self) -> None:
        row = self.table.chosen()
        state = None if row is None else self.state_of(row)
        if row is None or state is None:
            return
        view = View.STRATA
        if row.sessions:
            view = View.PROCESSES
        elif row.refused and not row.changes:
            view = View.DENIED
        elif row.direction is Direction.OTHER:
            view = View.HISTORY
        self.chosen.emit(state.key, row.opened[0] if row.opened and not row.sessions else "", view)

    def _accept(self) -> None:
        row = self.table.chosen()
        state = None if row is None else self.state_of(row)
        finding = None if row is None else self.finding_of(row)
        if state is not None and finding is not None:
            self._selection.choose(state.key)
            self.accept_wanted.emit(finding)

    def _undo(self) -> None:
        row = self.table.chosen()
        done = None if row is None else self.relaunch_of(row)
        if done is not None:
            self.undo_wanted.emit(done)

    # -- fixing

    def show_offer(self, offer: Offer | None, on: frozenset[str]) -> None:
        """Take what hardening offers for the container in view, None if unknown, and which toggles are on."""
        self.offer, self.on, self._offer_of = offer, on, self._selection.key
        if self._pending is not None and offer is not None:
            self._put_in()

    def _fix(self) -> None:
        row = self.table.chosen()
        state = None if row is None else self.state_of(row)
        if row is None or state is None or not self.can_fix(row):
            return
        self._pending = row
        if state.key != self._selection.key:
            self._selection.choose(state.key)  # its offer comes later
        elif self.offer is not None and self._offer_of == state.key:
            self._put_in()

    def _put_in(self) -> None:
        row, offer = self._pending, self.offer
        state = None if row is None else self.state_of(row)
        if row is None or offer is None or state is None:
            return
        if state.key != self._selection.key:  # another was chosen meanwhile
            self._pending = None
            return
        self._pending = None
        found = {each.key: each for each in self._reversal(row, state, offer) if each is not None}
        for key in [key for key in found if key not in self.on]:
            self.fix_wanted.emit(key)
        if found:
            titles = listed(plain(translate(each.title), 80) for each in found.values())
            self._show_foot(translate(msg("In the plan now: {titles}", titles=titles)))
        else:
            self._show_foot(translate(msg("No switch of the plan takes this back.")))

    def _reversal(self, row: Moved, state: ContainerState, offer: Offer) -> list[Option | None]:
        """The switches that take back what the row reports."""
        threats = row.opened if row.direction is not Direction.NEW else (row.now.threats or ())[:1]
        found = [offer.closing(each, self.on) for each in threats]
        found += [offer.limiting(measure) for each in row.lost if (measure := measure_of(each))]
        if not any(found):
            layer = words.layer_with(row)
            findings = (each for each in state.findings if not layer or each.layer == layer)
            found += [next((each for each in (offer.mending(one, self.on) for one in findings) if each), None)]
        return found

    # -- copying

    def _lines(self) -> tuple[tuple[Message, Callable[[], str]], ...]:
        row = self.table.chosen()
        return () if row is None else ((msg("Copy this change"), lambda: whole_text(row)),)

    def _more(self) -> tuple[tuple[Message, Callable[[], object]], ...]:
        row = self.table.chosen()
        if row is None:
            return ()
        acts = ((self.show_button, msg("Show"), self._show), (self.fix_button, msg("Fix"), self._fix),
                (self.undo_button, msg("Undo…"), self._undo),
                (self.accept_button, msg("Accept until…"), self._accept))  # fmt: skip
        return tuple((word, call) for button, word, call in acts if button.isEnabled() and not button.isHidden())

    # -- visits

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._visit = self._feed.seen
        self._feed.begin_visit()
        if self._answer is not None:
            self._choose_worst()
            self._turned()
            self._ask()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._pending = self._wanted = None
        self._feed.end_visit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_foot()


def _note(rows: list[Moved]) -> str:
    """The line of a tile: whom it is about."""
    if not rows:
        return ""
    first = " ".join(filter(None, (words.name_of(rows[0]), words.pill_of(rows[0]))))
    return first if len(rows) == 1 else translate(msg("{first} and {count} more", first=first, count=len(rows) - 1))


def _searched(row: Moved) -> str:
    names = (f"{each.name} {each.engine}" for each in row.subjects)
    return " ".join((*names, words.what_happened(row))).casefold()


def make(parts: Parts) -> MadePage:
    """Make the page."""
    page = ChangesPage(
        parts.theme,
        parts.layers,
        parts.selection,
        parts.get(ChangesFeed),
        parts.get(RefusalFeed),
        parts.get(Acceptances),
        able=parts.able,
    )
    return MadePage(page, page.refresh, about=lambda: page.about)
