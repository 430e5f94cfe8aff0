"""The filter: a field with chips for the words that were taken, and below it what the word being typed may go on to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QLineEdit, QListView, QStyle, QVBoxLayout, QWidget

from stratascope.core.message import NOTHING, comma, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.labels import Label, draw_line, give_tip
from stratascope.ui.kit.table import AnyIndex, Column, ItemModel, ItemRole, list_below, paint_chosen
from stratascope.ui.kit.theme import MEDIUM, Theme, smooth_painter
from stratascope.usecases.listing.suggestions import Suggester, Suggestion, Suggestions, keys

NARROW = 130  # px; below it there is room for one word only, and none for its key
PAUSE = 30  # ms after a key: the list of containers is filtered first
WIDE, ROW = 300, 30  # px of the design: the suggestions
_LEFT, _CHIP, _CROSS, _LEAST = 30, 20, 14, 60  # px: where words begin, a chip's height, its cross, room to type
_SLIMMEST = 44  # px: a chip

States = Callable[[], Sequence[ContainerState]]
_WHAT = msg(
    "Part of a name, or name: cap: user: project: port: mount: seccomp: image: label: engine: followed by what to look "
    "for; >7 is an exposure. All words must match. Tab takes a suggestion, / comes here."
)


def _word(row: Suggestion) -> str:
    return plain(row.word, 200)


def spoken(row: Suggestion) -> str:
    """Return a suggestion for a screen reader."""
    what = translate(row.what)
    if row.count is None:
        return translate(comma(_word(row), what))
    return translate(plural("{word}, {what}: {count} container", "{word}, {what}: {count} containers", row.count,
                            word=_word(row), what=what))  # fmt: skip


class SuggestionList(QFrame):
    """The suggestions, over the window. `taken` carries a word. The field keeps the focus."""

    taken = Signal(str)

    def __init__(self, theme: Theme, window: QWidget) -> None:
        super().__init__(window)
        self._theme, self._over = theme, window
        self.setObjectName("popup")
        self.setAccessibleName(translate(msg("Suggestions")))
        self.head = Label(theme, 12, ink="text2", wrap=True)
        self.model = ItemModel((Column(NOTHING, _word, spoken=spoken),), parent=self)
        self.list = list_below(theme, self.model, self._paint, self._size, self.accessibleName())
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.clicked.connect(lambda index: self.taken.emit(index.data(ItemRole).word))
        self.foot = Label(theme, 11, ink="text2", wrap=True)
        theme.lay(QVBoxLayout(self), self.head, self.list, self.foot, around=(5, 7, 5, 7), gap=5)
        for label in (self.head, self.foot):
            label.setContentsMargins(theme.px(8), 0, theme.px(8), 0)
        self.hide()

    @property
    def row(self) -> int:
        """The chosen row; -1: none."""
        return self.list.currentIndex().row()

    def chosen(self) -> str:
        """The chosen word; empty without one."""
        row: Suggestion | None = self.model.at(self.row)
        return "" if row is None else row.word

    def show_below(self, field: QWidget, found: Suggestions, head: str, foot: str) -> None:
        """Show them below the field, the first chosen unless they are mere keys."""
        theme, window = self._theme, self._over
        self.model.show(found.rows)
        self.choose(-1 if found.nothing else 0)
        self.head.setText(head)
        self.head.setVisible(bool(head))
        self.foot.setText(foot)
        wide = min(max(field.width(), theme.px(WIDE)), window.width() - theme.px(16))
        corner = field.mapTo(window, QPoint(0, field.height() + theme.px(4)))
        left = max(theme.px(8), min(corner.x(), window.width() - wide - theme.px(8)))
        inner = wide - theme.px(10 + 16) - 2
        labels = [label for label in (self.head, self.foot) if label.text()]
        around = sum(label.heightForWidth(inner) + theme.px(5) for label in labels) + theme.px(14) + 2
        high = self._size(self.list.rootIndex()).height() * len(found.rows)
        high = min(high, window.height() - corner.y() - theme.px(8) - around)
        self.list.setFixedHeight(high)
        self.setGeometry(left, corner.y(), wide, high + around)
        self.show()
        self.raise_()

    def choose(self, row: int) -> None:
        """Choose a row; -1: none."""
        self.list.setCurrentIndex(self.model.index(row, 0))

    def _size(self, _: AnyIndex) -> QSize:
        return QSize(10, max(self._theme.px(ROW), self._theme.box(12) + self._theme.px(8)))

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, state: QStyle.StateFlag) -> None:
        theme, row = self._theme, index.data(ItemRole)
        paint_chosen(painter, rect, state, theme)
        room = rect.adjusted(theme.px(8), 0, -theme.px(8), 0)
        count, small = "" if row.count is None else str(row.count), theme.font(12)
        metrics = QFontMetrics(small)
        right = room.right() - (metrics.horizontalAdvance(count) + theme.px(10) if count else 0)
        what = translate(row.what)
        word = QFontMetrics(theme.font(12, MEDIUM, fixed=True)).horizontalAdvance(_word(row))
        wide = min(word + 2, right - room.left())
        draw_line(painter, QRect(room.left(), room.top(), wide, room.height()), _word(row),
                  theme.font(12, MEDIUM, fixed=True), theme, "text", middle=True)  # fmt: skip
        beside, free = metrics.horizontalAdvance(what) + 2, right - room.left() - wide - theme.px(12)
        if beside <= free:  # the word says more
            left = min(max(room.left() + wide + theme.px(12), room.left() + theme.px(112)), right - beside)
            draw_line(painter, QRect(left, room.top(), beside, room.height()), what, small, theme, "text2")
        painter.setPen(theme.color("text2"))
        painter.setFont(small)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, count)


class FilterField(QLineEdit):
    """The filter, with a magnifier at the left and its key at the right.

    `words_changed`: all words of it, chips and text. `went_down`: to the list of containers; `entered`: and what was
    found is wanted in view.
    """

    words_changed = Signal(str)
    went_down, entered = Signal(), Signal()

    def __init__(self, theme: Theme, states: States, parent: QWidget | None = None) -> None:
        """`states`: all containers, for suggestions."""
        super().__init__(parent)
        self._theme, self._states = theme, states
        self._suggester = Suggester()
        self._made: SuggestionList | None = None
        self._stepped = False  # a row was chosen by keys
        self.chips: tuple[str, ...] = ()
        self.boxes: tuple[tuple[str, QRectF], ...] = ()  # chips as painted
        self._words_from = 0.0  # x of what is typed
        self.folded = 0  # chips without room
        self._told = ""
        self._narrow: bool | None = None
        self.pause = QTimer(self, singleShot=True, interval=PAUSE)
        self.pause.timeout.connect(self.show_suggestions)
        self.textChanged.connect(lambda _: self._tell())
        self.textEdited.connect(lambda _: self.pause.start())
        give_tip(self, translate(_WHAT))
        self.setMaxLength(200)
        self.setFixedHeight(theme.px(30))
        self.setFont(theme.font(13))
        self.setClearButtonEnabled(False)
        self.setMouseTracking(True)
        self._fit()

    # -- words

    @property
    def words(self) -> str:
        """All words, chips first."""
        return " ".join((*self.chips, self.text())) if self.chips else self.text()

    def setText(self, text: str | None) -> None:
        """Replace all words, chips too."""
        self.chips = ()
        super().setText(text or "")
        self._tell()

    def clear(self) -> None:
        self.setText("")

    def take(self, word: str) -> None:
        """Put a word in place of the one being typed: as a chip, or a key to go on from."""
        start = self._suggester.suggest(self._before(), ()).start
        rest = f"{self.text()[:start]}{self.text()[self.cursorPosition() :].lstrip()}"
        if word.endswith(":"):
            super().setText(f"{rest[:start]}{word}{rest[start:]}")
            self.setCursorPosition(start + len(word))
            self.pause.start()
        else:
            self.chips = (*self.chips, word)
            super().setText(rest.strip())
            self._close()
        self._tell()
        accessibility.announce(self, translate(msg("{word} taken", word=word)))

    def drop(self, place: int) -> None:
        """Remove a chip."""
        gone = self.chips[place]
        self.chips = (*self.chips[:place], *self.chips[place + 1 :])
        self._tell()
        accessibility.announce(self, translate(msg("{word} removed", word=gone)))

    def _tell(self) -> None:
        if self.words != self._told:
            self._told = self.words
            self._fit()
            self.update()
            self.words_changed.emit(self._told)

    def _before(self) -> str:
        return self.text()[: self.cursorPosition()]

    # -- suggestions

    @property
    def suggestions(self) -> SuggestionList:
        """The list below, made when it is needed."""
        if self._made is None:
            self._made = SuggestionList(self._theme, self.window())
            self._made.taken.connect(self.take)
        return self._made

    @property
    def open(self) -> bool:
        """Whether the suggestions are in view."""
        return self._made is not None and self._made.isVisible()

    def show_suggestions(self) -> None:
        """Show what the word before the cursor may go on to, if anything."""
        states = self._states()
        behind = self.text()[self.cursorPosition() :].partition(" ")[2]
        found = self._suggester.suggest(self._before(), states, " ".join((*self.chips, behind)))
        self._stepped = False
        if not found.rows or not self.hasFocus() or not states:
            self._close()
            return
        word = plain(self._before()[found.start :], 60)
        head = translate(msg("Nothing matches {word}. You can type part of a name, or:", word=word))
        self._show(found, head)

    def _show(self, found: Suggestions, head: str) -> None:
        states = self._states()
        foot = plural("Esc shows the one container", "Esc shows all {count}", len(states))
        if not found.nothing:
            foot = msg("Tab takes it, ↓ chooses. {rest}", rest=foot)
        opened = not self.open
        self.suggestions.show_below(self, found, head if found.nothing else "", translate(foot))
        if found.nothing:
            accessibility.announce(self, head)
        elif opened:
            accessibility.announce(self, spoken(found.rows[0]))

    def _close(self) -> None:
        self.pause.stop()
        if self._made is not None:
            self._made.hide()

    def _step(self, by: int) -> None:
        """Choose another row; beyond the last the focus goes to the containers."""
        rows, at = len(self.suggestions.model.rows), self.suggestions.row
        if at + by >= rows:
            self._close()
            self.went_down.emit()
            return
        self._stepped = True
        self.suggestions.choose(max(0, at + by))
        accessibility.announce(self, spoken(self.suggestions.model.at(self.suggestions.row)))

    # -- keys and mouse

    def event(self, event: QEvent) -> bool:
        """Tab takes the chosen suggestion; without one it moves the focus, as usual."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Tab:
            if self.pause.isActive():
                self.pause.stop()
                self.show_suggestions()
            word = self.suggestions.chosen() if self.open else ""
            if word:
                self.take(word)
                return True
            self._close()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, enter = event.key(), event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if key == Qt.Key.Key_Escape and (self.words or self.open):
            self._close()
            self.clear()
        elif key == Qt.Key.Key_Backspace and self.chips and not self.cursorPosition() and not self.hasSelectedText():
            self.drop(len(self.chips) - 1)
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up) and self.open:
            self._step(1 if key == Qt.Key.Key_Down else -1)
        elif enter and self.open and self._stepped and self.suggestions.chosen():
            self.take(self.suggestions.chosen())
        elif enter or key == Qt.Key.Key_Down:
            self._close()
            self.went_down.emit()
            if enter:
                self.entered.emit()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._chip_at(event.position().toPoint())
        if place >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.drop(place)
        else:
            super().mousePressEvent(event)
            if not self.words and self._states():  # what a pointer alone can't type
                self._show(keys(), translate(msg("Part of a name, or:")))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        over = self._chip_at(event.position().toPoint()) >= 0
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.IBeamCursor)

    def _chip_at(self, point: QPoint) -> int:
        at = next((at for at, (_, box) in enumerate(self.boxes) if box.contains(point)), -1)
        return -1 if at < 0 else at + self.folded

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self._close()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._close()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
        if self.open:
            self.pause.start()  # their place is another one

    # -- painting

    def _fit(self) -> None:
        theme, narrow = self._theme, self.width() < self._theme.px(NARROW)
        self._place_chips()
        self._narrow = narrow
        hint, room = translate(msg("Filter: name, cap:, user:")), self.width() - theme.px(20 + 26 + 24)
        if narrow or self.fontMetrics().horizontalAdvance(hint) > room:
            hint = translate(msg("Filter…"))
        self.setPlaceholderText("" if self.chips else hint)
        left = round(self._words_from) - theme.px(8) if self.chips else theme.px(20)
        self.setTextMargins(left, 0, 0 if narrow or self.chips else theme.px(26), 0)
        name = msg("Filter containers")
        if self.chips:
            name = msg("Filter containers; set: {words}", words=" ".join(self.chips))
        self.setAccessibleName(translate(name))

    def _place_chips(self) -> None:
        """Place the newest chips that leave room to type; how many others there are stands in front."""
        theme = self._theme
        metrics, room = QFontMetrics(theme.font(11, MEDIUM)), self.width() - theme.px(_LEFT + _LEAST)
        texts: list[tuple[str, int]] = []
        for place, word in reversed(tuple(enumerate(self.chips))):
            before = metrics.horizontalAdvance(f"+{place}") + theme.px(6) if place else 0
            most = room - before - sum(wide + theme.px(4) for _, wide in texts)
            wide = metrics.horizontalAdvance(word) + 2 + theme.px(10 + _CROSS)
            if most < theme.px(_SLIMMEST) or (wide > most and texts):
                break
            wide = min(wide, most)
            shown = metrics.elidedText(word, Qt.TextElideMode.ElideMiddle, wide - theme.px(10 + _CROSS))
            texts.append((shown, wide))
        self.folded = len(self.chips) - len(texts)
        left = theme.px(_LEFT) - theme.px(4)
        if self.folded:
            left += metrics.horizontalAdvance(f"+{self.folded}") + theme.px(6)
        high, boxes = max(theme.px(_CHIP), theme.box(11) + theme.px(4)), []
        for shown, wide in reversed(texts):
            boxes.append((shown, QRectF(left, (self.height() - high) / 2, wide, high)))
            left += wide + theme.px(4)
        self.boxes, self._words_from = tuple(boxes), left

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        theme, painter = self._theme, smooth_painter(self)
        painter.setPen(QPen(theme.color("text3"), 1.5))
        side, middle = theme.px(9), self.height() / 2
        left = theme.px(10)
        painter.drawEllipse(QRectF(left, middle - side / 2 - 1, side, side))
        end = left + side
        painter.drawLine(round(end - 1), round(middle + side / 2 - 2), round(end + 3), round(middle + side / 2 + 2))
        self._paint_chips(painter)
        if not self.hasFocus() and not self.words and not self._narrow:
            box = QRectF(self.width() - theme.px(28), middle - theme.px(9), theme.px(20), theme.px(18))
            painter.setPen(QPen(theme.color("line"), 1))
            painter.setBrush(theme.color("panel"))
            painter.drawRoundedRect(box, 4, 4)
            painter.setFont(theme.font(11, MEDIUM))
            painter.setPen(theme.color("text2"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "/")

    def _paint_chips(self, painter: QPainter) -> None:
        theme, left = self._theme, Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font(11, MEDIUM))
        if self.folded:
            painter.setPen(theme.color("text2"))
            painter.drawText(QRectF(theme.px(_LEFT) - theme.px(4), 0, self.width(), self.height()), left,
                             f"+{self.folded}")  # fmt: skip
        for text, box in self.boxes:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("sel"))
            painter.drawRoundedRect(box, theme.px(5), theme.px(5))
            painter.setPen(theme.color("text"))
            painter.drawText(box.adjusted(theme.px(6), 0, 0, 0), left, text)
            painter.setPen(QPen(theme.color("text2"), 1.2 * theme.scale))
            x, y, arm = box.right() - theme.px(_CROSS) / 2 - theme.px(1), box.center().y(), theme.px(2.5)
            painter.drawLine(round(x - arm), round(y - arm), round(x + arm), round(y + arm))
            painter.drawLine(round(x - arm), round(y + arm), round(x + arm), round(y - arm))
