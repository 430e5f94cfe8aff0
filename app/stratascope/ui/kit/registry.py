"""The registry of actions: all that the window can do, each registered once.

The menu, the keys and the palette read it, so that what is registered is found by its name with its key, and what has a
key has a name. What can't be done now says why, in all three places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from stratascope.core.message import Message, msg
from stratascope.i18n.translate import translate
from stratascope.ui.kit import feedback
from stratascope.ui.kit.labels import tip
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.value import Value

ACTION = msg("Action")
NONE_CHOSEN = msg("No container is selected.")


class Section(Enum):
    """The groups of the window's menu."""

    HERE = "here"  # the container in view
    DAILY = "daily"  # what its page has buttons for, where there is room
    ALL = "all"
    READING = "reading"  # what the toolbar has buttons for, likewise
    PROGRAM = "program"


def _able() -> Message | None:
    return None


def _no() -> bool:
    return False


class Entry(Value):
    """An action. `keys`: its key, as Qt spells it; `kind`: what it is, in a word; `words`: further search terms.

    `section`: its group of the menu, if it is in it; `seen`: whether something on the screen does it, so that the menu
    leaves it out. `why`: why it can't be done now, or None.
    """

    title: Message | Callable[[], Message]
    call: Callable[[], object]
    keys: str = ""
    kind: Message = ACTION
    words: str = ""
    section: Section | None = None
    why: Callable[[], Message | None] = _able
    seen: Callable[[], bool] = _no

    @property
    def name(self) -> Message:
        """Its name now."""
        return self.title if isinstance(self.title, Message) else self.title()


class Registry:
    """The actions of a window, in the order in which they were added."""

    def __init__(self, window: QWidget, theme: Theme) -> None:
        self._window, self._theme = window, theme
        self._sources: list[Callable[[], Iterable[Entry]]] = []

    def add(self, *entries: Entry) -> None:
        """Register actions; their keys work in the whole window."""
        self._sources.append(lambda: entries)
        for entry in entries:
            if entry.keys:
                self.listen(entry)

    def provide(self, source: Callable[[], Iterable[Entry]]) -> None:
        """Register actions that depend on what there is: `source` is called whenever they are looked up."""
        self._sources.append(source)

    def listen(self, entry: Entry, *more: str) -> QAction:
        """Let its key work, and these."""
        action = QAction(self._window)
        action.setShortcuts([QKeySequence(each) for each in (entry.keys, *more) if each])
        action.triggered.connect(lambda _=False: self.run(entry))
        self._window.addAction(action)
        return action

    def run(self, entry: Entry) -> None:
        """Do it, or say why it can't be done."""
        why = entry.why()
        if why is None:
            entry.call()
        else:
            feedback.tell(self._window, translate(why))

    @property
    def entries(self) -> list[Entry]:
        """All of them."""
        return [entry for source in self._sources for entry in source()]

    def fill(self, menu: QMenu, heads: Sequence[tuple[Section, str]]) -> None:
        """Put the menu's groups into it, each under its heading, if it has one."""
        menu.clear()
        menu.setToolTipsVisible(True)
        entries = self.entries
        for section, head in heads:
            there = [each for each in entries if each.section is section and not each.seen()]
            if not there:
                continue
            if not menu.isEmpty():
                menu.addSeparator()
            if head:
                title = menu.addAction(head.replace("&", "&&"))
                title.setFont(self._theme.font(11, BOLD))
                title.setEnabled(False)
                title.setObjectName(_HEAD)
            for each in there:
                self._put(menu, each)

    def _put(self, menu: QMenu, entry: Entry) -> None:
        keys = QKeySequence(entry.keys).toString(QKeySequence.SequenceFormat.NativeText)
        put_action(menu, entry.name, lambda: self.run(entry), entry.why(), keys)


def put_action(
    made: QMenu, name: Message, call: Callable[[], object], why_not: Message | None = None, keys: str = ""
) -> None:
    """Add an entry to a menu; `why_not` disables it. `keys`: the window's own shortcut, shown but not registered."""
    text = translate(name).replace("&", "&&")
    action = made.addAction(f"{text}\t{keys}" if keys else text)
    action.triggered.connect(lambda _=False: call())
    if why_not is not None:
        action.setEnabled(False)
        action.setToolTip(tip(translate(why_not)))


_HEAD = "head"


def is_head(action: QAction) -> bool:
    """Whether it is the heading of a group."""
    return action.objectName() == _HEAD
