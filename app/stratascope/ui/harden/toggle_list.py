"""The toggles of the right column: what is offered, under heads; folded away what is in effect or not possible."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.severity import SERIOUS, Severity
from stratascope.i18n.translate import translate
from stratascope.ui.harden.draft import ContainerChoices
from stratascope.ui.harden.toggle_row import FoldButton, ToggleRow
from stratascope.ui.kit.flow import Scrolled
from stratascope.ui.kit.focus_order import OneStop
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import Mark, paint_mark
from stratascope.ui.kit.theme import BOLD, Theme, smooth_painter
from stratascope.usecases.plan.offers import Offer, Option
from stratascope.value import Value


class Head(Value):
    """`has`: whether that option stands under it; the first head that has it counts. `title` and `said`, which stands
    behind it (None: nothing), of the offer and of the options that are there. `ink`: its colour token.
    """

    has: Callable[[Option], bool]
    title: Callable[[Offer], Message]
    said: Callable[[Offer, tuple[Option, ...]], Message | None] = lambda offer, there: None
    ink: Callable[[Offer], str] = lambda offer: "text2"


def _critical(offer: Offer) -> bool:
    return offer.smallest is not None and bool(offer.smallest.before.open(Severity.CRITICAL))


def _closes(offer: Offer) -> Message:
    return msg("Closes what is critical") if _critical(offer) else msg("Closes what is serious")


def _how_many(offer: Offer, there: tuple[Option, ...]) -> Message | None:
    if offer.smallest is None:
        return None
    before, after = (
        sum(len(matrix.open(severity)) for severity in SERIOUS)
        for matrix in (offer.smallest.before, offer.smallest.after)
    )
    return plural("{count} toggle, {serious} serious", "{count} toggles, {serious} serious", len(there),
                  serious=before - after)  # fmt: skip


HEADS = (
    Head(
        lambda option: Preset.CRITICAL in option.presets,
        _closes,
        _how_many,
        lambda offer: "open" if _critical(offer) else "weak",
    ),
    Head(
        lambda option: option.asking is not None,
        lambda offer: msg("Wanted by this container"),
        lambda offer, there: msg("refused in the last 24 h"),
    ),
    Head(lambda option: option.toggle.limit, lambda offer: msg("Limits")),
    Head(lambda option: True, lambda offer: msg("Good practice")),
)


def head_of(option: Option) -> Head:
    """Its head."""
    return next(head for head in HEADS if head.has(option))


USUAL, LEAST = 92, 46  # px of the design: two rows and a bit, so that it is seen to scroll; a head, or a row


class _FoldedGroup:
    """A group that is folded away at first."""

    def __init__(self, theme: Theme, title: Message) -> None:
        self._title = translate(title)
        self.head, self.rows = FoldButton(theme), QWidget()
        self.column = theme.lay(QVBoxLayout(self.rows), around=0, gap=0)
        self.rows.hide()
        self.head.toggled.connect(self.rows.setVisible)

    def show_count(self, count: int) -> None:
        """How many are in it; none: no trace of it."""
        self.head.show_head(self._title, count)
        self.head.setVisible(bool(count))
        self.rows.setVisible(bool(count) and self.head.isChecked())


class HeadLine(QWidget):
    """A head, 25 high, and what is said behind it; a ring before it where it is about what is open."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._ink, self._title, self._said = theme, "text2", "", ""
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def show_head(self, head: Head, offer: Offer, there: tuple[Option, ...]) -> None:
        """Tell it."""
        said = head.said(offer, there)
        self._title, self._said = translate(head.title(offer)), "" if said is None else translate(said)
        self._ink = head.ink(offer)
        name = f"{self._title} {self._said}".strip()
        self.setAccessibleName(name)
        give_tip(self, name)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), self.heightForWidth(max(self.width(), self._theme.px(200))))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def heightForWidth(self, width: int) -> int:
        """What does not fit beside the title stands below it; of a narrow column the title takes two lines."""
        metrics, room = QFontMetrics(self._theme.font(12, BOLD)), width - self._before()
        wrapped = metrics.boundingRect(0, 0, max(1, room), 1000, int(Qt.TextFlag.TextWordWrap), self._title)
        return max(self._theme.px(25), wrapped.height() + self._below(width) + self._theme.px(6))

    def _below(self, width: int) -> int:
        """How high what is said is where it stands below the title."""
        if self._beside(width):
            return 0
        metrics, room = QFontMetrics(self._theme.font(12)), max(1, width - self._before())
        said = metrics.boundingRect(0, 0, room, 1000, int(Qt.TextFlag.TextWordWrap), self._said).height()
        return max(self._theme.box(12), said)

    def _beside(self, width: int) -> bool:
        """Whether what is said behind the title has room there."""
        if not self._said:
            return True
        title = QFontMetrics(self._theme.font(12, BOLD)).horizontalAdvance(self._title)
        said = QFontMetrics(self._theme.font(12)).horizontalAdvance(self._said)
        return self._before() + title + self._theme.px(8) + said <= width

    def _before(self) -> int:
        """What stands before the title."""
        return self._theme.px(4) + (self._theme.px(17) if self._ink != "text2" else 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        left, centre, beside = self._before(), Qt.AlignmentFlag.AlignVCenter, self._beside(self.width())
        below = self._below(self.width())
        if self._ink != "text2":
            side = theme.px(11)
            place = QRectF(theme.px(4), (self.height() - below - side) / 2, side, side)
            paint_mark(painter, place, Mark.OPEN, theme, self._ink)
        painter.setFont(theme.font(12, BOLD))
        painter.setPen(theme.color(self._ink))
        room = QRectF(left, 0, self.width() - left, self.height() - below)
        painter.drawText(room, centre | Qt.TextFlag.TextWordWrap, self._title)
        if beside:
            room.setLeft(left + painter.fontMetrics().horizontalAdvance(self._title) + theme.px(8))
        else:
            room = QRectF(left, room.bottom() - theme.px(3), self.width() - left, below)
        painter.setFont(theme.font(12))
        painter.setPen(theme.color("text2"))
        painter.drawText(room, centre | Qt.TextFlag.TextWordWrap, self._said)


class ToggleList(Scrolled):
    """One stop of the Tab key; arrows go from row to row, Right to a row's value.

    `switched` and `value_wanted` are the person's doing.
    """

    switched = Signal(str, bool)
    value_wanted = Signal(str)

    def __init__(self, theme: Theme, numbers: dict[str, int]) -> None:
        super().__init__()
        self._theme, self._numbers = theme, numbers
        self.rows: dict[str, ToggleRow] = {}
        self._options: dict[str, Option] = {}
        self._stop = OneStop(self)
        self._inside = QWidget()
        self._inside.setObjectName("page")
        self._offers = theme.lay(QVBoxLayout(), gap=0)
        self.heads = {head: HeadLine(theme, self._inside) for head in HEADS}
        self.already = _FoldedGroup(theme, msg("In effect now"))
        self.never = _FoldedGroup(theme, msg("Not possible here"))
        inner = theme.lay(QVBoxLayout(self._inside), self._offers, around=(0, 0, 4, 0), gap=0)
        for group in (self.already, self.never):
            theme.lay(inner, group.head, group.rows)
        inner.addStretch(1)
        self.setWidget(self._inside)
        self.setMinimumHeight(theme.px(LEAST))

    def show_offer(self, offer: Offer) -> None:
        """Each in its group; rows are made anew only where they must be, so that the keyboard stays where it was."""
        options = offer.options
        self._options = {option.key: option for option in options}
        groups: tuple[list[Option], list[Option], list[Option]] = ([], [], [])
        for option in options:
            groups[2 if option.why_not is not None else 1 if option.already else 0].append(option)
        groups[0].sort(key=lambda option: (HEADS.index(head_of(option)), *_first(option)))
        order = [option.key for group in groups for option in group]
        same = list(self.rows) == order and all(self.rows[each.key].able == _able(each) for each in options)
        if same:
            for option in options:
                row = self.rows[option.key]
                if row.option != option:
                    row.show_option(option)
        else:
            self._make_rows(groups)
        for head, line in self.heads.items():
            there = tuple(option for option in groups[0] if head_of(option) is head)
            line.setVisible(bool(there))
            line.show_head(head, offer, there)
        self.already.show_count(len(groups[1]))
        self.never.show_count(len(groups[2]))

    @property
    def spare(self) -> int:
        """What it leaves to others only where there is nothing else to fold away."""
        return self._theme.px(USUAL) - self.minimumHeight()

    def show_row(self, name: str) -> None:
        """Scroll to that one, with the keyboard."""
        row = self.rows.get(name)
        if row is not None:
            self.ensureWidgetVisible(row)
            row.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_chosen(self, chosen: ContainerChoices) -> None:
        """Switches and values."""
        for name, row in self.rows.items():
            if row.able:
                row.setChecked(name in chosen.on)
                row.show_value(chosen.on.get(name, chosen.values.get(name, self._options[name].value)))

    def _make_rows(self, groups: tuple[list[Option], ...]) -> None:
        focus = next((name for name, row in self.rows.items() if row.hasFocus()), "")
        for row in self.rows.values():
            row.hide()
            row.setParent(None)
            row.deleteLater()
        self.rows = {}
        for line in self.heads.values():  # they go to their places among the rows
            self._offers.removeWidget(line)
        heads = dict(self.heads)
        for group, place in zip(groups, (self._offers, self.already.column, self.never.column), strict=True):
            for option in group:
                head = head_of(option)
                if place is self._offers and head in heads:
                    place.addWidget(heads.pop(head))
                row = ToggleRow(self._theme, option, self._numbers.get(option.toggle.layer, 0))
                row.switched.connect(self.switched)
                row.value_wanted.connect(self.value_wanted)
                self.rows[option.key] = row
                place.addWidget(row)
        places: dict[int, list[QWidget]] = {0: [], 1: [self.already.head], 2: [self.never.head]}
        for at, group in enumerate(groups):
            places[at] += (self.rows[option.key] for option in group)
        self._stop.put([*places[0], *places[1], *places[2]])
        if focus in self.rows:
            self.rows[focus].setFocus(Qt.FocusReason.OtherFocusReason)


def _able(option: Option) -> bool:
    return option.why_not is None and not option.already


def _first(option: Option) -> tuple[bool, int, int]:
    """Sort key: what is recommended goes first, then what stops the most serious things, then what brings most."""
    return Preset.RECOMMENDED not in option.presets, -option.serious, -option.gains
