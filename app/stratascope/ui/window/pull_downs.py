"""What a window of one column has in place of list and switches: the container's name, which opens the list, and the
page's, which opens the menu of pages; between them who could take over the machine.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QMenu, QSizePolicy, QWidget

from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation.engine_signs import EngineSign
from stratascope.presentation.exposure import level_ink, number_text
from stratascope.ui.containers.alert import AlertButton
from stratascope.ui.kit.buttons import GlyphButton, paint_chevron
from stratascope.ui.kit.engine_icons import SIDE, engine_pixmap
from stratascope.ui.kit.focus_order import outline_pen
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import Mark
from stratascope.ui.kit.page import PAGES, View, ViewSwitch, view_key, view_word
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme, smooth_painter

NAME = 200  # px of the design, that a name has at the least where it is as long
_HIGH, _EDGE, _CHEVRON = 32, 12, 18


class PullDown(QAbstractButton):
    """A word, maybe a number behind it, and an arrow downwards. `loud`: with an outline and larger letters."""

    opens = True

    def __init__(self, theme: Theme, *, loud: bool) -> None:
        super().__init__()
        self._theme, self._loud, self._behind, self._ink = theme, loud, "", "text2"
        self._sign: EngineSign | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        across = QSizePolicy.Policy.Preferred if loud else QSizePolicy.Policy.Fixed
        self.setSizePolicy(across, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_choice(self, text: str, behind: str, ink: str, spoken: str, sign: EngineSign | None = None) -> None:
        """The word, the number behind it in that colour, and both for a screen reader; an engine's icon before it."""
        self.setText(text)
        self._sign = sign
        self._behind, self._ink = behind, ink
        self.setAccessibleName(spoken)
        give_tip(self, spoken)
        self.updateGeometry()
        self.update()

    @property
    def _icon(self) -> int:
        return 0 if self._sign is None else self._theme.px(SIDE + 6)

    def _widths(self) -> tuple[int, int]:
        theme = self._theme
        word = QFontMetrics(theme.font(15 if self._loud else 13, BOLD if self._loud else MEDIUM))
        behind = QFontMetrics(theme.font(12, BOLD)).horizontalAdvance(self._behind) + theme.px(8) if self._behind else 0
        return word.horizontalAdvance(self.text()) + 2, behind

    def sizeHint(self) -> QSize:
        theme = self._theme
        return QSize(sum(self._widths()) + self._icon + theme.px(2 * _EDGE + _CHEVRON), theme.px(_HIGH))

    def minimumSizeHint(self) -> QSize:
        hint = self.sizeHint()
        return QSize(min(hint.width(), self._theme.px(NAME)) if self._loud else hint.width(), hint.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(outline_pen(theme, "line2" if self._loud else "", focused=self.hasFocus()))
        hot = self.underMouse() or not self._loud
        painter.setBrush(theme.color("sunk" if hot else "panel"))
        painter.drawRoundedRect(box, theme.px(7), theme.px(7))
        word, behind = self._widths()
        left = theme.px(_EDGE) + self._icon
        room = self.width() - theme.px(_EDGE + _CHEVRON) - left - behind
        if self._sign is not None:
            top = (self.height() - theme.px(SIDE)) / 2
            icon = engine_pixmap(self._sign, theme, self.devicePixelRatioF())
            painter.drawPixmap(QPointF(theme.px(_EDGE), top), icon)
        painter.setFont(theme.font(15 if self._loud else 13, BOLD if self._loud else MEDIUM))
        painter.setPen(theme.color("text"))
        text = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, room)
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(left, 0, room + 2, self.height()), centre, text)
        left += min(word, room)
        if self._behind:
            painter.setFont(theme.font(12, BOLD))
            painter.setPen(theme.color(self._ink))
            painter.drawText(QRectF(left + theme.px(8), 0, behind, self.height()), centre, self._behind)
        paint_chevron(painter, self.width() - theme.px(_EDGE + 3), self.height() / 2 + 1, theme)


class SearchButton(GlyphButton):
    """A magnifier."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(translate(msg("Filter containers")))
        give_tip(self, "\n".join((self.accessibleName(), translate(msg("Key: {keys}", keys="/")))))

    def paint_glyph(self, painter: QPainter) -> None:
        theme = self._theme
        painter.setPen(QPen(theme.color("text2"), 1.6 * theme.scale))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        side = theme.px(10)
        left, top = (self.width() - side - theme.px(4)) / 2, (self.height() - side - theme.px(4)) / 2
        painter.drawEllipse(QRectF(left, top, side, side))
        edge = side * 0.86
        painter.drawLine(round(left + edge), round(top + edge), round(left + side + theme.px(4)),
                         round(top + side + theme.px(4)))  # fmt: skip


class AlertChip(QAbstractButton):
    """How many could take over, where the list's own line is not in view; a click goes to the worst."""

    def __init__(self, theme: Theme, alert: AlertButton) -> None:
        super().__init__()
        self._theme, self._alert = theme, alert
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.clicked.connect(alert.click)
        alert.told.connect(self._show)
        self._show()

    @property
    def empty(self) -> bool:
        """Whether none could."""
        return self._alert.mark is not Mark.OPEN

    def _show(self) -> None:
        self.setText("" if self.empty else self._alert.text())
        self.setAccessibleName(self.text())
        give_tip(self, self._alert.toolTip())
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        wide = QFontMetrics(self._theme.font(12, BOLD)).horizontalAdvance(self.text())
        return QSize(wide + self._theme.px(22), self._theme.box(12) + self._theme.px(8))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(outline_pen(theme, "", focused=True) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("open_soft"))
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        painter.setFont(theme.font(12, BOLD))
        painter.setPen(theme.color("open"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())


class PullDowns(QWidget):
    """`list_wanted`: the list instead of the container, or the reverse; `search_wanted`: its filter."""

    list_wanted = Signal()

    def __init__(self, theme: Theme, switch: ViewSwitch) -> None:
        super().__init__()
        self._theme, self._switch = theme, switch
        self._view, self._listed = View.STRATA, False
        self.name, self.page = PullDown(theme, loud=True), PullDown(theme, loud=False)
        self.menu = QMenu(self)
        self.name.clicked.connect(lambda _=False: self.list_wanted.emit())
        self.page.clicked.connect(lambda _=False: self._open())
        self._row = theme.lay(QHBoxLayout(self), self.name, self.page, STRETCH, around=0, gap=8)
        self.chip: AlertChip | None = None
        self._show_none()
        switch.showed.connect(self._show_page)
        self.hide()

    def put_alert(self, alert: AlertButton) -> None:
        """The line of the list that says who could take over."""
        self.chip = AlertChip(self._theme, alert)
        self._row.insertWidget(2, self.chip)
        alert.told.connect(self._fit)

    def set_listed(self, listed: bool) -> None:
        """Whether the list is in front."""
        self._listed = listed
        self.page.setVisible(not listed)
        self._fit()

    def _show_none(self) -> None:
        word = translate(msg("Containers"))
        self.name.show_choice(word, "", "text2", word)

    def show_state(self, state: ContainerState | None, selection: Selection) -> None:
        """The container in view."""
        if state is None:
            self._show_none()
            return
        name, number = selection.name_of(state), number_text(state.matrix)
        engine, sign = state.container.engine, selection.sign(state.container.engine)
        spoken = translate(msg("{name}, {number}: choose another container", name=name, number=number))
        spoken = f"{spoken}\n{selection.engine_title(engine)}"
        self.name.show_choice(name, number, level_ink(state.matrix), spoken, sign)
        self._fit()

    def _show_page(self) -> None:
        view = self._switch.shown_view
        word, count = view_word(view), self._switch.count_of(view)
        spoken = translate(msg("View: {view}", view=word))
        self.page.show_choice(word, str(count) if count else "", "text2", spoken)

    def fill(self) -> None:
        """The menu, with all pages that there are."""
        self.menu.clear()
        group = None
        for page in PAGES:
            if page.view not in self._switch.views:
                continue
            if group not in (None, page.group):
                self.menu.addSeparator()
            group, count = page.group, self._switch.count_of(page.view)
            word = view_word(page.view)
            text = f"{word}  {count}" if count else word
            action = self.menu.addAction(f"{text}\t{view_key(page.view)}")
            action.setCheckable(True)
            action.setChecked(page.view is self._switch.shown_view)
            action.triggered.connect(partial(self._turn, page.view))

    def _turn(self, view: View, _: bool = False) -> None:
        self._switch.turned.emit(view)

    def _open(self) -> None:
        self.fill()
        self.menu.popup(self.page.mapToGlobal(QPoint(0, self.page.height() + 2)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self.chip is not None:
            parts = (self.name, *(() if self._listed else (self.page,)))
            room = self.width() - sum(part.sizeHint().width() + self._theme.px(8) for part in parts)
            there = not self.chip.empty and not self._listed  # the list has the line itself
            self.chip.setVisible(there and self.chip.sizeHint().width() <= room)
