"""The palette: a search field, and below it the matching places and actions of the window.

Arrows select, Enter activates, Escape cancels. The order does not depend on what was typed before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QKeySequence, QPainter, QTextLayout
from PySide6.QtWidgets import QFrame, QLineEdit, QStyle, QVBoxLayout, QWidget

from stratascope.core.history.machine import Moved
from stratascope.core.layer import Layer
from stratascope.core.message import NOTHING, Message, colon, msg, plural, verbatim
from stratascope.core.sanitize import plain
from stratascope.core.threats.catalogue import all_threats
from stratascope.i18n.translate import english, translate
from stratascope.linux.capability import NAMES
from stratascope.linux.syscalls import known_names
from stratascope.presentation.changes_report import TITLES, name_of, numbers_told, what_happened
from stratascope.presentation.engine_signs import EngineSign
from stratascope.presentation.threat_outcomes import family_word
from stratascope.ui.containers.rows import short_image
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.engine_icons import SIDE, engine_pixmap
from stratascope.ui.kit.labels import Label, draw_line
from stratascope.ui.kit.page import View
from stratascope.ui.kit.registry import Entry
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.table import AnyIndex, Column, ItemModel, ItemRole, list_below, paint_chosen
from stratascope.ui.kit.theme import BOLD, REGULAR, Theme
from stratascope.ui.panel.bits import BitsView
from stratascope.ui.panel.panel import BITS, DETAILS, FINDINGS, MEANING, Panel, first_title, tabs_of
from stratascope.value import Value

MOST = 60  # results shown


class PaletteEntry(Value):
    """A place or an action. `kind`: what it is, in a word; `more`: keys, or other text next to it; `words`: further
    search terms, such as an id; `english`: the title in English, by which it is found in any language; `why`: why it
    can't be done now; `sign`: of a container, what the icon of its engine shows; `action`: it does something.
    """

    title: str
    kind: str
    act: Callable[[], object]
    more: str = ""
    words: str = ""
    english: str = ""
    why: str = ""
    sign: EngineSign | None = None
    action: bool = False


def found(places: Sequence[PaletteEntry], text: str) -> tuple[PaletteEntry, ...]:
    """Return the entries that contain all words of the text, best first, and of those that match alike what can be
    done now; without text all of them, those that can be done now first. At most `MOST`.
    """
    words = text.casefold().split()
    if not words:
        return tuple(sorted(places[:MOST], key=lambda place: bool(place.why)))
    ranked = []
    for number, place in enumerate(places):
        title, english_ = place.title.casefold(), place.english.casefold()
        whole = f"{title} {place.words.casefold()} {place.kind.casefold()} {english_}"
        if all(word in whole for word in words):
            rank = _rank(title, words)
            place_rank, length = min(rank, _rank(english_, words)) if english_ else rank
            first = place.action and not place.why and place_rank <= 1  # "open" is a system call, too
            ranked.append(((not first, place_rank, bool(place.why), length), number, place))
    ranked.sort(key=lambda each: each[:2])
    return tuple(place for _, _, place in ranked[:MOST])


def _rank(title: str, words: Sequence[str]) -> tuple[int, int]:
    """Rank a match: the whole title, its beginning, the beginning of a word in it, anything else; shorter titles
    first.
    """
    first = words[0]
    if title == " ".join(words):
        return 0, 0
    if title.startswith(first):
        return 1, len(title)
    if any(part.startswith(first) for part in title.replace("_", " ").split()):
        return 2, len(title)
    return 3, len(title)


WIDE, HIGH, ROW, FROM_TOP = 560, 420, 30, 80
_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


def _spoken(place: PaletteEntry) -> str:
    return ", ".join(part for part in (place.title, place.kind, place.more, place.why) if part)


class Palette(QFrame):
    """The palette; an overlay of the window that closes when it loses the focus. `gather` returns all entries, on
    opening.
    """

    def __init__(self, theme: Theme, gather: Callable[[], tuple[PaletteEntry, ...]], window: QWidget) -> None:
        super().__init__(window)
        self._theme, self._gather, self._over = theme, gather, window
        self._all: tuple[PaletteEntry, ...] = ()
        self._before: QWidget | None = None  # the widget that had the focus before
        self.setObjectName("popup")
        self.setAccessibleName(translate(msg("Search everything")))
        self.field = QLineEdit()
        self.field.setPlaceholderText(translate(msg("An action, page, container, threat, capability or system call")))
        self.field.setAccessibleName(self.accessibleName())
        self.field.setFont(theme.font(14))
        self.field.setMinimumHeight(theme.px(32))
        self.model = ItemModel((Column(NOTHING, lambda place: place.title, spoken=_spoken),), parent=self)
        self.list = list_below(theme, self.model, self._paint, self._size, translate(msg("Results")))
        self.count = Label(theme, 11, ink="text2")
        self.list.setMinimumHeight(0)
        theme.lay(QVBoxLayout(self), self.field, self.list, self.count, around=12, gap=8)
        self.field.textChanged.connect(self._search)
        self.list.clicked.connect(lambda _: self._act())
        self.list.selectionModel().currentChanged.connect(lambda *_: self._tell())
        self.field.installEventFilter(self)
        self.hide()

    def show_all(self) -> None:
        """Open it with an empty field."""
        self._all = self._gather()
        self._before = self._over.focusWidget()
        self.field.clear()
        self._search("")
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def close_all(self) -> None:
        """Close it and restore the focus."""
        before, self._before = self._before, None
        self.hide()
        if before is not None:
            before.setFocus(Qt.FocusReason.OtherFocusReason)

    def _search(self, text: str) -> None:
        self.model.show(found(self._all, text))
        self.list.viewport().update()  # other letters are bold in a row that stays
        # nothing is chosen before something is typed or an arrow pressed: Enter alone must not start anything
        self.list.setCurrentIndex(self.model.index(0, 0) if text.strip() else QModelIndex())
        self._tell()
        self._fit()

    def _fit(self) -> None:
        """As high as what was found needs, and as the window has room for."""
        window, theme = self._over, self._theme
        around = self.sizeHint().height() - self.list.sizeHint().height() + 2 * self.list.frameWidth()
        wide = min(theme.px(WIDE), window.width() - theme.px(32))
        high = min(around + len(self.model.rows) * self._row_height(), theme.px(HIGH),
                   window.height() - theme.px(FROM_TOP))  # fmt: skip
        self.setGeometry((window.width() - wide) // 2, theme.px(FROM_TOP) // 2, wide, high)

    def _tell(self) -> None:
        """Show how many there are; of one that can't be done now, why."""
        count = len(self.model.rows)
        chosen: PaletteEntry | None = self.list.currentIndex().data(ItemRole) if count else None
        if chosen is not None and chosen.why:
            words = chosen.why
        elif count:
            words = translate(plural("{count} found. Enter does it, Esc closes.",
                                     "{count} found. ↑↓ choose, Enter does it, Esc closes.", count))  # fmt: skip
        else:
            words = translate(msg("No matches."))
        self.count.setText(words)

    def _act(self) -> None:
        index = self.list.currentIndex()
        place: PaletteEntry | None = index.data(ItemRole) if index.isValid() else None
        if place is not None and not place.why:
            self.close_all()
            place.act()

    def _step(self, key: Qt.Key) -> None:
        at, last = self.list.currentIndex().row(), len(self.model.rows) - 1
        page = max(1, self.list.viewport().height() // max(1, self.list.sizeHintForRow(0)))
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page}
        if last >= 0:
            index = self.model.index(max(0, min(last, at + steps[key])), 0)
            self.list.setCurrentIndex(index)
            accessibility.announce(self.field, str(index.data(Qt.ItemDataRole.AccessibleTextRole)))

    def _size(self, _: AnyIndex) -> QSize:
        return QSize(10, self._row_height())

    def _row_height(self) -> int:
        return max(self._theme.px(ROW), self._theme.box(13) + self._theme.px(8))

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, state: QStyle.StateFlag) -> None:
        theme, place = self._theme, index.data(ItemRole)
        paint_chosen(painter, rect, state, theme, bar=True)
        room = rect.adjusted(theme.px(12), 0, -theme.px(12), 0)
        wide = room.width()
        title = QRect(room.left(), room.top(), round(wide * 0.56), room.height())
        kind = QRect(title.right() + theme.px(8), room.top(), round(wide * 0.18), room.height())
        rest = QRect(kind.right() + theme.px(8), room.top(), room.right() - kind.right() - theme.px(8), room.height())
        ink = "text3" if place.why else "text"
        if place.sign is not None:
            icon = engine_pixmap(place.sign, theme, painter.device().devicePixelRatioF())
            painter.drawPixmap(QPointF(title.left(), title.center().y() - theme.px(SIDE) / 2), icon)
            title.setLeft(title.left() + theme.px(SIDE + 6))
        _draw_title(painter, title, place.title, self.field.text().split(), theme, ink)
        if place.why:
            reason, needed = kind.united(rest), QFontMetrics(theme.font(11)).horizontalAdvance(place.why) + 1
            free = title.left() + QFontMetrics(theme.font(13, BOLD)).horizontalAdvance(place.title) + theme.px(16)
            reason.setLeft(min(reason.left(), max(free, reason.right() - needed)))  # what the title leaves free
            draw_line(painter, reason, place.why, theme.font(11), theme, "text3")
            return
        draw_line(painter, kind, place.kind, theme.font(11), theme, "text2")
        draw_line(painter, rest, place.more, theme.font(11), theme, "text2", middle=True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QFocusEvent) and event.lostFocus():
            if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.MouseFocusReason):
                self._before = None  # the focus is elsewhere already
                self.hide()
            return False
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = Qt.Key(event.key())
            if key in _KEYS:
                self._step(key)
            elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._act()
            elif key == Qt.Key.Key_Escape:
                self.close_all()
            else:
                return super().eventFilter(watched, event)
            return True
        return super().eventFilter(watched, event)


def _draw_title(painter: QPainter, room: QRect, text: str, words: Sequence[str], theme: Theme, ink: str) -> None:
    """One line, elided in its middle; the letters that were searched for are bold."""
    font, bold = theme.font(13, REGULAR), theme.font(13, BOLD)
    shown = QFontMetrics(bold).elidedText(text, Qt.TextElideMode.ElideMiddle, room.width())
    layout, parts = QTextLayout(shown, font), []
    for start, end in spans(shown, words):
        part = QTextLayout.FormatRange()
        part.start, part.length = start, end - start
        part.format.setFont(bold)
        parts.append(part)
    layout.setFormats(parts)
    layout.beginLayout()
    line = layout.createLine()
    line.setLineWidth(max(1, room.width()))
    layout.endLayout()
    painter.setPen(theme.color(ink))
    layout.draw(painter, QPointF(room.left(), room.top() + (room.height() - line.height()) / 2))


def spans(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Return where in the text any of the words is, as start and end, which Qt counts in UTF-16."""
    if not words:
        return []
    wanted = re.compile("|".join(map(re.escape, words)), re.IGNORECASE)
    return [(_units(text[: each.start()]), _units(text[: each.end()])) for each in wanted.finditer(text)]


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


_TABS = ((MEANING, msg("Meaning")), (FINDINGS, msg("Findings")), (DETAILS, msg("Details")))
_CAPABILITIES = "capabilities"  # id of the layer whose bits they are


class Ways(Value):
    """What entries lead to: the window's actions, and its parts."""

    entries: Sequence[Entry]
    layers: tuple[Layer, ...]
    selection: Selection
    changes: Sequence[Moved]
    panel: Panel
    show_view: Callable[[View], object]
    open_threat: Callable[[str], object]
    open_change: Callable[[Moved], object]
    leave_fleet: Callable[[], object]
    search_calls: Callable[[str], object]


def places(ways: Ways) -> tuple[PaletteEntry, ...]:
    """Return the entries: actions, pages and settings, then containers, what changed, layers with their tabs, threats,
    capabilities and calls. Those about a container require one in view.
    """
    here = ways.selection.current is not None
    of_container = (*_layers(ways), *_threats(ways), *_capabilities(ways), *_calls(ways)) if here else ()
    return (*map(_action, ways.entries), *_containers(ways), *_changes(ways), *of_container)


def _named(
    title: Message,
    kind: Message,
    act: Callable[[], object],
    more: str = "",
    words: str = "",
    why: Message = NOTHING,
    *,
    action: bool = False,
) -> PaletteEntry:
    """An entry that is found in English, too."""
    shown, source = translate(title), f"{english(title)} {english(kind)}"
    return PaletteEntry(
        shown,
        translate(kind),
        act,
        more,
        words,
        "" if source.startswith(f"{shown} ") else source,
        translate(why),
        action=action,
    )


def _action(entry: Entry) -> PaletteEntry:
    keys = QKeySequence(entry.keys).toString(QKeySequence.SequenceFormat.NativeText)
    return _named(entry.name, entry.kind, entry.call, keys, entry.words, entry.why() or NOTHING, action=True)


def _containers(ways: Ways) -> Iterator[PaletteEntry]:
    kind, snapshot = translate(msg("Container")), ways.selection.snapshot
    for state in snapshot.containers if snapshot is not None else ():
        container = state.container
        more = plain(" · ".join(each for each in (container.engine, short_image(container.image)) if each), 120)
        yield PaletteEntry(
            plain(container.name, 120), kind, partial(_to_container, ways, state.key), more,
            f"{container.id} {container.image}", sign=ways.selection.sign(container.engine),
        )  # fmt: skip


def _changes(ways: Ways) -> Iterator[PaletteEntry]:
    """What changed on the machine, as its page lists it."""
    kind = translate(msg("Change"))
    for row in ways.changes:
        title = translate(colon(name_of(row), what_happened(row)))
        yield PaletteEntry(
            title, kind, partial(ways.open_change, row), numbers_told(row), translate(TITLES[row.direction])
        )


def _to_container(ways: Ways, key: tuple[str, str]) -> None:
    ways.selection.go_to(key)
    ways.leave_fleet()


def _layers(ways: Ways) -> Iterator[PaletteEntry]:
    kind, current = msg("Layer"), ways.selection.judged
    states = () if current is None else current.layers
    for layer in sorted(ways.layers, key=lambda layer: -layer.number):
        yield _named(layer.about.title, kind, partial(_to_layer, ways, layer.number), str(layer.number), layer.id)
        state = next((each for each in states if each.number == layer.number), None)
        first = NOTHING if state is None else first_title(tabs_of(state))
        for key, tab in ((BITS, first), *_TABS):
            if tab.id:
                title = colon(layer.about.title, tab)
                yield _named(title, kind, partial(_to_tab, ways, layer.number, key), words=layer.id)


def _to_tab(ways: Ways, number: int, tab: str) -> None:
    _to_layer(ways, number)
    ways.panel.open_tab(tab)


def _to_layer(ways: Ways, number: int) -> None:
    ways.show_view(View.STRATA)
    ways.selection.open_layer(number)


def _threats(ways: Ways) -> Iterator[PaletteEntry]:
    kind = msg("Threat")
    for threat in all_threats():
        act = partial(ways.open_threat, threat.id)
        yield _named(threat.title, kind, act, family_word(threat.family), threat.id.replace("-", " "))


def _capabilities(ways: Ways) -> Iterator[PaletteEntry]:
    kind = msg("Capability")
    for number, name in enumerate(NAMES):
        title = verbatim(name.removeprefix("CAP_"))
        yield _named(title, kind, partial(_to_capability, ways, number), words=f"{name} {number}")


def _to_capability(ways: Ways, number: int) -> None:
    layer = next((layer.number for layer in ways.layers if layer.id == _CAPABILITIES), 0)
    _to_layer(ways, layer)
    panel = ways.panel
    panel.open_tab(BITS)
    view = panel.findChild(BitsView)
    if view is not None:
        rows = view.list.grid.rows
        place = next((at for at, row in enumerate(rows) if row.number == number), -1)
        if place >= 0:
            view.list.setCurrentIndex(view.list.bits.index(place, 0))
            view.list.setFocus(Qt.FocusReason.OtherFocusReason)


def _calls(ways: Ways) -> Iterator[PaletteEntry]:
    kind = msg("System call")
    for name in sorted(known_names()):
        yield _named(verbatim(name), kind, partial(ways.search_calls, name))
