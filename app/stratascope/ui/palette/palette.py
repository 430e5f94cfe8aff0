"""The palette: a field, and below it what is found. Arrows choose, Enter does it, Escape leaves all as it was."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.message import NOTHING, msg, plural
from stratascope.i18n.translate import translate
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.labels import Label, draw_line
from stratascope.ui.kit.table import AnyIndex, CellPainter, Column, ItemModel, ItemRole, paint_chosen
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.ui.palette.search import PaletteEntry, found

WIDE, HIGH, ROW, FROM_TOP = 560, 420, 30, 80
_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


def _spoken(place: PaletteEntry) -> str:
    return ", ".join(part for part in (place.title, place.kind, place.more) if part)


class Palette(QFrame):
    """`gather` gives all that there is, when it is opened. It lies on the window, and goes when the keyboard does."""

    def __init__(self, theme: Theme, gather: Callable[[], tuple[PaletteEntry, ...]], window: QWidget) -> None:
        super().__init__(window)
        self._theme, self._gather, self._over = theme, gather, window
        self._all: tuple[PaletteEntry, ...] = ()
        self._before: QWidget | None = None  # what had the keyboard
        self.setObjectName("popup")
        self.setAccessibleName(translate(msg("Search everything")))
        self.field = QLineEdit()
        self.field.setPlaceholderText(translate(msg("An action, page, container, threat, capability or system call")))
        self.field.setAccessibleName(self.accessibleName())
        self.field.setFont(theme.font(14))
        self.field.setMinimumHeight(theme.px(32))
        self.model = ItemModel((Column(NOTHING, lambda place: place.title, spoken=_spoken),), parent=self)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(CellPainter(theme, self.list, self._paint, self._size))
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the field has the keyboard, and moves in the list
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName(translate(msg("Results")))
        self.count = Label(theme, 11, ink="text2")
        column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.px(12) for _ in range(4)))
        column.setSpacing(theme.px(8))
        for widget in (self.field, self.list, self.count):
            column.addWidget(widget)
        self.field.textChanged.connect(self._search)
        self.list.clicked.connect(lambda _: self._act())
        self.field.installEventFilter(self)
        self.hide()

    def show_all(self) -> None:
        """Open it, with nothing typed yet."""
        self._all = self._gather()
        self._before = self._over.focusWidget()
        self.field.clear()
        self._search("")
        window, theme = self._over, self._theme
        wide = min(theme.px(WIDE), window.width() - theme.px(32))
        high = min(theme.px(HIGH), window.height() - theme.px(FROM_TOP))
        self.setGeometry((window.width() - wide) // 2, theme.px(FROM_TOP) // 2, wide, high)
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def close_all(self) -> None:
        """All as it was before."""
        before, self._before = self._before, None
        self.hide()
        if before is not None:
            before.setFocus(Qt.FocusReason.OtherFocusReason)

    def _search(self, text: str) -> None:
        self.model.show(found(self._all, text))
        count = len(self.model.rows)
        if count:
            self.list.setCurrentIndex(self.model.index(0, 0))
            words = translate(
                plural("{count} found. Enter opens it", "{count} found. Enter opens the selected one", count)
            )
        else:
            words = translate(msg("No matches."))
        self.count.setText(words)

    def _act(self) -> None:
        index = self.list.currentIndex()
        place: PaletteEntry | None = index.data(ItemRole) if index.isValid() else None
        if place is not None:
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
        return QSize(10, max(self._theme.px(ROW), self._theme.box(13) + self._theme.px(8)))

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, state: QStyle.StateFlag) -> None:
        theme, place = self._theme, index.data(ItemRole)
        paint_chosen(painter, rect, state, theme, bar=True)
        room = rect.adjusted(theme.px(12), 0, -theme.px(12), 0)
        wide = room.width()
        title = QRect(room.left(), room.top(), round(wide * 0.56), room.height())
        kind = QRect(title.right() + theme.px(8), room.top(), round(wide * 0.18), room.height())
        rest = QRect(kind.right() + theme.px(8), room.top(), room.right() - kind.right() - theme.px(8), room.height())
        draw_line(painter, title, place.title, theme.font(13, MEDIUM), theme, "text", middle=True)
        draw_line(painter, kind, place.kind, theme.font(11), theme, "text2")
        draw_line(painter, rest, place.more, theme.font(11), theme, "text2", middle=True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QFocusEvent) and event.lostFocus():
            if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.MouseFocusReason):
                self._before = None  # the keyboard has gone elsewhere
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
