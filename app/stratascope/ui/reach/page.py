"""The page "Reach": what the container in view can get at, by group, the worst first, and what would close it.

It is read on a background thread; until then the frame is empty, so that no other container's rows are under its name.
What a toggle closes goes into the plan at the right; what only whoever made a sandbox can write is there to be copied.
"""

from __future__ import annotations

import json
from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.core.reach.row import Answer, How, ReachRow
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import together, translate
from stratascope.presentation import reach_report as words
from stratascope.presentation.terminal import Style
from stratascope.presentation.terms import with_words
from stratascope.ui.kit import feedback
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.flow import card_frame
from stratascope.ui.kit.labels import Label, give_tip
from stratascope.ui.kit.page import MadePage, Parts
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import Theme
from stratascope.ui.reach.feed import OLD, KnownReach, ReachFeed
from stratascope.ui.reach.table import Folded, Heads, ReachTable, key_of, shown_rows
from stratascope.usecases.plan.offers import Offer, Option

_TRY = msg("Each is really tried in its place: nothing is read, sent or left behind. It takes some seconds.")


class ReachPage(QWidget):
    """The page. `fix_wanted` carries the key of an option of the offer; `root_wanted`: read as root."""

    fix_wanted = Signal(str)
    root_wanted = Signal()

    def __init__(self, theme: Theme, selection: Selection, feed: ReachFeed) -> None:
        super().__init__()
        self._theme, self._selection, self._feed = theme, selection, feed
        self._whose: Key | None = None
        self._known: KnownReach | None = None
        self._offer: Offer | None = None
        self._on: frozenset[str] = frozenset()
        self._spread: frozenset[str] = frozenset()
        self.setAccessibleName(translate(msg("Reach")))
        self.table = ReachTable(theme, self._in_plan)
        self.again = text_button(theme, msg("Read again"), self._again, look="link")
        self.head = Heads(theme, self.table, self.again)
        self.nothing = Label(theme, 13, ink="text2", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.note = Label(theme, 12, ink="text2", wrap=True)
        self.root = text_button(theme, msg("Read as root"), self.root_wanted.emit, look="link")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.table)
        self.stack.addWidget(self.nothing)
        self.foot = QWidget()
        theme.lay(QHBoxLayout(self.foot), (self.note, 1), self.root, around=(14, 6, 8, 6), gap=8)
        card = card_frame(theme, self.head, (self.stack, 1), self.foot, name=self.accessibleName())
        theme.lay(QVBoxLayout(self), card, around=0)
        self.setFocusProxy(self.table)
        feed.told.connect(self._told)
        self.table.unfolded.connect(self._fill_details)
        self.table.pressed.connect(self._press)
        self.table.spread_wanted.connect(self._spread_out)
        self.table.copy_wanted.connect(self._copy)
        self.table.menu_wanted.connect(self._open_menu)
        self.table.details.fix_wanted.connect(self._press_open)
        self.table.details.copy_wanted.connect(self._copy_open)

    # -- contents

    def refresh(self) -> None:
        """Show what is known of the container in view; read it if that is old."""
        state = self._selection.current
        if state is None:
            return
        if state.key != self._whose:
            self._whose, self._spread = state.key, frozenset()
            self.table.fold()
            self._feed.refresh(old=OLD)
            self._show()
            self.table.verticalScrollBar().setValue(0)
        else:
            self._show()

    def choose(self, thing: str) -> None:
        """Select the row of that thing, and unfold it."""
        self.table.unfold(thing)

    def show_offer(self, offer: Offer | None, on: frozenset[str]) -> None:
        """Show what of it is in the plan."""
        if (offer, on) != (self._offer, self._on):
            self._offer, self._on = offer, on
            self.table.viewport().update()
            self._fill_details(self.table.open)

    def _told(self, key: Key) -> None:
        if key == self._whose and key == self._selection.key and self.isVisible():
            self._show()

    def _show(self) -> None:
        why, known = self._feed.why_not(), self._feed.of(self._whose)
        found = None if known is None or why is not None else known.found
        self._known = known if why is None else None
        if why is None and known is not None and known.trouble is not None:
            why = with_words(known.trouble, known.words)
        elif found is not None and not found.rows:
            why = msg("Nothing was found on this machine that it might get at.")
        self.head.show_count(found)
        self.nothing.setText("" if why is None else translate(why))
        self.stack.setCurrentWidget(self.table if why is None else self.nothing)
        self._show_again()
        self.table.show_rows(shown_rows(found, self._spread))
        self._fill_details(self.table.open)
        self._show_note(known if found is not None else None)

    def _show_note(self, known: KnownReach | None) -> None:
        """What could not be read, and whether root could."""
        found = None if known is None else known.found
        unknown = 0 if found is None else sum(row.answer is Answer.UNKNOWN for row in found.rows)
        ask = known is not None and not known.root and self._selection.can_ask_root and (unknown > 0 or found is None)
        told: list[Message] = [] if found is None else list(found.gaps)
        if unknown and ask:
            told.append(plural("{count} row needs root to be known.", "{count} rows need root to be known.", unknown))
        self.note.setText(together(translate(each) for each in told))
        self.root.setVisible(ask)
        self.foot.setVisible(bool(told) or ask)

    def _fill_details(self, key: str) -> None:
        row = self._row(key)
        if row is None:
            return
        option = self._option(row)
        on = option is not None and option.key in self._on
        word = msg("Show in the plan") if on else msg("Add to plan")
        self.table.details.show_row(row, "" if option is None else translate(word))
        self.table.again()

    def _row(self, key: str) -> ReachRow | None:
        row = self.table.model_.at(self.table.model_.place_of(key)) if key else None
        return row if isinstance(row, ReachRow) else None

    # -- what closes it

    def _option(self, row: ReachRow) -> Option | None:
        """The toggle of the plan that closes it, if it can be switched."""
        if self._offer is None or row.remedy is None or row.remedy.how is not How.TOGGLE:
            return None
        name = row.remedy.value.partition("=")[0]
        able = [each for each in self._offer.options if each.why_not is None and not each.already]
        same = (each for each in able if str(each.choice) == row.remedy.value)
        return next(same, next((each for each in able if each.toggle.id == name and not each.piece), None))

    def _in_plan(self, row: ReachRow) -> bool:
        option = self._option(row)
        return option is not None and option.key in self._on

    def _press(self, row: ReachRow) -> None:
        option = self._option(row)
        if option is not None:
            self.fix_wanted.emit(option.key)
        else:
            self.table.unfold(key_of(row))

    def _press_open(self) -> None:
        row = self._row(self.table.open)
        if row is not None:
            self._press(row)

    # -- actions

    def _again(self) -> None:
        if self._feed.can_try:
            self._feed.try_it()
        else:
            self._feed.refresh()
        self._show_again()

    def _show_again(self) -> None:
        """What the button of the head does, and whether it is being done."""
        feed, tried = self._feed, self._known is not None and self._known.tried
        doing = feed.trying(self._whose)
        word = msg("Trying…") if doing else msg("Try again") if tried else msg("Try it")
        self.again.setText(translate(word if feed.can_try else msg("Read again")))
        give_tip(self.again, translate(_TRY) if feed.can_try else "")
        self.again.setEnabled(feed.why_not() is None and not doing and not feed.busy(self._whose))

    def _spread_out(self, row: Folded) -> None:
        self._spread |= {key_of(row)}
        self._show()
        place = self.table.model_.place_of(key_of(row.rows[0]))
        if place >= 0:
            self.table.make_current(place)

    def _copy(self) -> None:
        text, row = self.table.details.text, self.table.chosen
        if text.hasSelectedText():
            feedback.copy(self, text.selectedText())
        elif row is not None:
            feedback.copy(self, _text(row))

    def _copy_open(self) -> None:
        row = self._row(self.table.open)
        if row is not None:
            feedback.copy(self, self.table.details.code.text() or _text(row))

    def copy_all(self, state: ContainerState, *, as_json: bool) -> None:
        """Put all rows that are known of it on the clipboard."""
        found = None if self._known is None else self._known.found
        if found is None or self._known is None:
            return
        subject = words.subject_of(state.container, self._known.pid)
        if as_json:
            feedback.copy(self, json.dumps(words.json_object(found, subject), ensure_ascii=False, indent=2) + "\n")
        else:
            feedback.copy(self, "\n".join(words.lines(found, subject, Style())) + "\n")

    def _open_menu(self, at: QPoint) -> None:
        state, row = self._selection.current, self.table.chosen
        if state is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        entries = [] if row is None else [(msg("Copy this row"), self._copy)]
        entries += [
            (msg("Copy all as text"), partial(self.copy_all, state, as_json=False)),
            (msg("Copy all as JSON"), partial(self.copy_all, state, as_json=True)),
            (msg("Read again"), self._feed.refresh),
        ]
        for word, call in entries:
            action = QAction(translate(word), menu)
            action.triggered.connect(lambda _=False, call=call: call())
            menu.addAction(action)
        menu.popup(at)


def _text(row: ReachRow) -> str:
    return "\n".join((translate(row.thing.name), *words.row_lines(row)))


def make(parts: Parts) -> MadePage:
    """Make the page."""
    page = ReachPage(parts.theme, parts.selection, parts.get(ReachFeed))
    return MadePage(page, page.refresh, page.choose)
