"""The tab "Shared" of the page "Fleet": namespaces, paths, volumes, host users, networks and control groups that
several containers share.

A row is one shared thing; below it are its consequences, and the containers that share it. Opening a container brings
it into view.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListWidget, QListWidgetItem, QStackedWidget, QVBoxLayout, QWidget

from stratascope.core.message import bracketed, colon, comma, msg, plural
from stratascope.core.overview.shared_parts import Shared, SharedKind, shared_parts
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import listed, translate
from stratascope.presentation import shared_parts as words
from stratascope.ui.kit.chip import ChipRow, FilterChip
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.selection import Key
from stratascope.ui.kit.table import Column, ItemModel, ItemTable
from stratascope.ui.kit.theme import BOLD, Theme

ROW, CARD, LOW = 34, 220, 330  # px of the design; LOW: below it only the tooltip tells the meaning
NAMED = 40  # containers in a cell; the list below has all of them


def _columns(name_of: Callable[[Key], str]) -> tuple[Column, ...]:
    """Return the columns; the gravest first. `name_of`: returns a container's name."""

    def who(shared: Shared) -> str:
        return listed((name_of(key) for key in shared.containers), NAMED)

    return (
        Column(msg("Kind"), words.kind, share=0.18, most=210,
               ink=lambda shared: "weak" if shared.kind is SharedKind.HOST else "text2"),
        Column(msg("What"), words.what, share=0.34, most=420, weight=BOLD, middle=True),
        Column(msg("By"), lambda shared: str(len(shared.containers)), share=0.06, most=60),
        Column(msg("Containers"), who, grows=1, middle=True),
    )  # fmt: skip


def member_text(shared: Shared, key: Key, name: str) -> str:
    """Return the text of a container in the list below: its name, and its access if known."""
    if shared.kind in (SharedKind.PATH, SharedKind.VOLUME):
        may = msg("can write") if key in shared.writers else msg("read-only")
        return translate(comma(bracketed(name, plain(key[0], 60)), may))
    return translate(bracketed(name, plain(key[0], 60)))


class SharedPage(QWidget):
    """The page. `chosen`: the Key of a container to bring into view."""

    chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._states: tuple[ContainerState, ...] = ()
        self._all: tuple[Shared, ...] = ()
        self._names: dict[Key, str] = {}
        self._filter = ""
        self.kind: SharedKind | None = None
        self.setAccessibleName(translate(msg("Shared")))
        self.title = Line(theme, 18, BOLD, text=translate(msg("Who shares what")))
        self.chips: dict[SharedKind | None, FilterChip] = {None: FilterChip(theme, translate(msg("All")))}
        for kind in SharedKind:
            self.chips[kind] = FilterChip(theme, translate(words.KINDS[kind]))
        self.row = ChipRow(theme)
        self.row.setAccessibleName(translate(msg("Filter by kind")))
        model = ItemModel(_columns(self._name_of), _key)
        self.table = ItemTable(theme, self.title.text(), model, high=ROW, first=True)
        self.what, self.meaning = Line(theme, 15, BOLD), Label(theme, 13, ink="text2", wrap=True)
        self.members = QListWidget()
        self.members.setFont(theme.font(13))
        self.members.setAccessibleName(translate(msg("Containers that share it")))
        self.nothing = Label(theme, 13, ink="text2", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._lay_out()
        for which, chip in self.chips.items():
            chip.clicked.connect(partial(self._show_kind, which))
        self.table.turned.connect(self._show_card)
        self.members.itemActivated.connect(lambda item: self.chosen.emit(item.data(Qt.ItemDataRole.UserRole)))
        self.setFocusProxy(self.table)

    def _lay_out(self) -> None:
        theme = self._theme
        for chip in self.chips.values():
            chip.setAutoExclusive(True)
            self.row.put(chip)
        self.chips[None].setChecked(True)
        head = theme.lay(QHBoxLayout(), self.title, (self.row, 1), gap=12)
        upper, self.card = QFrame(), QFrame()
        for frame, name in ((upper, msg("Who shares what")), (self.card, msg("Containers that share it"))):
            frame.setObjectName("card")
            frame.setAccessibleName(translate(name))
        self.stack = QStackedWidget()
        self.stack.addWidget(self.table)
        self.stack.addWidget(self.nothing)
        column = QVBoxLayout(upper)
        column.setContentsMargins(1, theme.px(4), 1, 1)
        column.addWidget(self.stack)
        theme.lay(QVBoxLayout(self.card), self.what, self.meaning, (self.members, 1), around=(14, 10, 14, 8), gap=6)
        self.card.setMaximumHeight(theme.px(CARD))  # lower where the window is
        self.members.setMinimumHeight(theme.px(40))
        theme.lay(QVBoxLayout(self), head, (upper, 1), self.card, around=(16, 12, 16, 12), gap=10)

    # -- contents

    def show_snapshot(self, snapshot: Snapshot, words_: str) -> None:
        """Show what is shared, or only what containers share whose names contain these words."""
        if snapshot.containers == self._states and words_ == self._filter:
            return
        if snapshot.containers is not self._states:
            self._states = snapshot.containers
            self._all = shared_parts(snapshot)
            self._names = {state.key: plain(state.container.name, 80) for state in snapshot.containers}
        self._filter = words_
        self._refresh()

    def _refresh(self) -> None:
        wanted = self._filter.casefold().split()
        found = [each for each in self._all if not wanted or self._holds(each, wanted)]
        for which, chip in self.chips.items():
            count = sum(which in (None, each.kind) for each in found)
            word = translate(msg("All") if which is None else words.KINDS[which])
            chip.say(f"{word} {count}", empty=not count)
            chip.setAccessibleName(translate(colon(word, count)))
            give_tip(chip, chip.accessibleName())
            chip.setVisible(which is None or bool(count) or which is self.kind)
        self.row.arrange()
        rows = tuple(each for each in found if self.kind in (None, each.kind))
        self.table.show_rows(rows, anew=True)
        self.nothing.setText(translate(msg("No two containers share anything that could be read."))
                             if not self._all else translate(msg("Nothing of this kind is shared.")))  # fmt: skip
        self.stack.setCurrentWidget(self.table if rows else self.nothing)

    def _holds(self, shared: Shared, wanted: list[str]) -> bool:
        text = " ".join((words.what(shared), *(self._names.get(key, "") for key in shared.containers))).casefold()
        return all(word in text for word in wanted)

    def _name_of(self, key: Key) -> str:
        return self._names.get(key, key[1][:12])

    def _show_kind(self, which: SharedKind | None, _: bool = False) -> None:
        self.kind = which
        self._refresh()

    def _show_card(self) -> None:
        shared: Shared | None = self.table.current()
        self.card.setVisible(shared is not None)
        if shared is None:
            return
        count = plural("{count} container", "{count} containers", len(shared.containers))
        self.what.say(translate(comma(colon(words.kind(shared), words.what(shared)), count)))
        meaning = words.meaning(shared)
        if shared.asked:
            note = msg("{text} Only the engine says so; it could not be read.", text=meaning)
            meaning = translate(note)
        self.meaning.setText(meaning)
        give_tip(self.members, meaning)
        self.members.clear()
        for key in shared.containers:
            item = QListWidgetItem(member_text(shared, key, self._name_of(key)))
            item.setData(Qt.ItemDataRole.UserRole, key)
            self.members.addItem(item)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        px, low = self._theme.px, self.height() < self._theme.px(LOW)
        self.meaning.setVisible(not low)
        self.card.setFixedHeight(px(88) if low else min(px(CARD), max(px(110), self.height() // 3)))


def _key(shared: Shared) -> tuple[object, ...]:
    return shared.kind, shared.name, shared.engine, shared.containers[:1]
