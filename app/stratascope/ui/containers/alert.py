"""The line above the list: which containers could take over this machine. Not scrolled or filtered."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.takeover import Judges, none_could, not_known
from stratascope.ui.containers.rows import worst_first
from stratascope.ui.kit.focus_order import outline_pen
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import Mark, paint_mark
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme, smooth_painter

LOOKING = msg("Looking for containers…")  # until an engine has told its own
EDGE = 36  # px of the design: where its texts begin
NAMED = 12  # names shown at most; the rest is a number


class AlertButton(QAbstractButton):
    """Number and names of the containers with an open critical threat; a click opens the worst (`wanted`)."""

    wanted = Signal(object)
    told = Signal()  # it says something else

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._judges = theme, Judges()
        self._head, self._names, self._mark = "", "", Mark.UNKNOWN
        self._key: tuple[str, str] | None = None
        self._said: tuple[object, ...] | None = None
        self._narrow = False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.clicked.connect(self._emit_wanted)
        self._named: tuple[str, ...] = ()
        self._unknown, self._count = 0, 0
        self.show_looking()

    def set_narrow(self, narrow: bool) -> None:
        """Show only the mark and the number."""
        self._narrow = narrow
        self.updateGeometry()
        self.update()

    def show_states(
        self, states: tuple[ContainerState, ...], unseen: tuple[str, ...] = (), asking: tuple[str, ...] = ()
    ) -> None:
        """Show the alert for these containers; nothing is known about the engines in `unseen`. `asking`: those of them
        that are still to tell theirs, so that there is no total.
        """
        found = self._judges.taking_over(states)
        silent = tuple(each for each in unseen if each not in asking)
        bad, unknown, total = sorted(found.could, key=worst_first), found.unknown, found.total
        accounts = sorted(found.accounts, key=worst_first)
        self._key = bad[0].key if bad else None
        self._named, self._unknown, self._count, self._names = (), 0, len(bad), ""
        if bad:
            head = translate(
                plural("{count} could take over so far", "{count} could take over so far", len(bad))
                if asking
                else plural("{count} of {total} could take over", "{count} of {total} could take over", len(bad),
                            total=total)
            )  # fmt: skip
            self._named, self._unknown = tuple(plain(state.container.name, 80) for state in bad[:NAMED]), unknown
            self._names = self._line(self._named)
            self._set_texts(head, Mark.OPEN)
        elif accounts:
            self._key = accounts[0].key
            self._names = listed([*(plain(each.container.name, 80) for each in accounts[:NAMED]),
                                  *not_known(found, silent, asking)])  # fmt: skip
            self._set_texts(translate(none_could(found, unseen)), Mark.WEAKENED)
        else:
            self._names = listed(not_known(found, silent, asking))
            safe = Mark.ENFORCED if total else Mark.NOT_RUNNING
            none = none_could(found, unseen, so_far=bool(asking))
            self._set_texts(translate(none), Mark.UNKNOWN if self._names else safe)

    def show_unread(self) -> None:
        """Say that nothing could be read: no container is known, but there may be some."""
        self._show_none(msg("Nothing could be read"))

    def show_looking(self) -> None:
        """Say that no engine has told its containers yet."""
        self._show_none(LOOKING)

    def _show_none(self, why: Message) -> None:
        self._key, self._named, self._unknown, self._count, self._names = None, (), 0, 0, ""
        self._set_texts(translate(why), Mark.UNKNOWN)

    def _set_texts(self, head: str, mark: Mark) -> None:
        said = (head, self._names, mark, self._key)
        if said == self._said:
            return
        self._said = said
        self._head, self._mark = head, mark
        self.setText(self._head)
        self.setAccessibleName(self._head)
        self.setAccessibleDescription(self._names)
        give_tip(self, f"{self._head}\n{self._names}" if self._names else self._head)
        self.setEnabled(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor if self._key else Qt.CursorShape.ArrowCursor)
        self.updateGeometry()
        self.update()
        self.told.emit()

    @property
    def mark(self) -> Mark:
        """The mark in front of the line."""
        return self._mark

    def sizeHint(self) -> QSize:
        theme = self._theme
        loud = self._mark is Mark.OPEN or bool(self._names)
        high = max(theme.px(46 if loud else 34), 2 * theme.box(13) + theme.px(8) if loud else 0)
        return QSize(theme.px(240), high + (self._lines() - 1) * theme.box(14))

    def _room(self) -> int:
        """The width of its texts."""
        return self.width() - self._theme.px(EDGE) - self._theme.px(8)

    def _head_font(self) -> QFont:
        loud = self._mark is Mark.OPEN
        return self._theme.font(14 if loud else 12, BOLD if loud else MEDIUM)

    def _lines(self) -> int:
        """How many lines the first one takes."""
        return 1 if self._narrow or QFontMetrics(self._head_font()).horizontalAdvance(self._head) <= self._room() else 2

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        loud = self._mark is Mark.OPEN
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(outline_pen(theme, focused=self.hasFocus()))
        if self.hasFocus():
            box.adjust(0.5, 0.5, -0.5, -0.5)
        painter.setBrush(theme.color("open_soft" if loud else "sunk"))
        painter.drawRoundedRect(box, theme.px(8), theme.px(8))
        side = theme.px(16)
        left = (self.width() - side) / 2 if self._narrow else theme.px(11)
        top = theme.px(5) if self._narrow else (self.height() - side) / 2
        paint_mark(painter, QRectF(left, top, side, side), self._mark, theme)
        painter.setPen(theme.color("open" if loud else "text2"))
        if self._narrow:
            painter.setFont(theme.font(12, BOLD))
            bottom = self.rect().adjusted(0, side + theme.px(5), 0, -theme.px(2))
            painter.drawText(bottom, Qt.AlignmentFlag.AlignCenter, str(self._count) if loud else "")
            return
        x, width = theme.px(EDGE), self._room()
        head, names = theme.box(14) * self._lines(), theme.box(12) if self._names else 0
        y = (self.height() - head - names) // 2
        painter.setFont(self._head_font())
        wrapped = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(x, y, width, head, wrapped, self._head)
        painter.setPen(theme.color("text"))
        painter.setFont(theme.font(12, MEDIUM))
        text = self.shown(painter.fontMetrics(), width) if self._named else self._names
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width)
        painter.drawText(x, y + head, width, names, Qt.AlignmentFlag.AlignVCenter, text)

    def shown(self, metrics: QFontMetrics, width: int) -> str:
        """Return the second line with as many whole names as there is room for, at least a part of the first."""
        for count in range(len(self._named), 0, -1):
            line = self._line(self._named[:count])
            if metrics.horizontalAdvance(line) <= width:
                return line
        room = max(0, width - metrics.horizontalAdvance(self._line(("",))))
        return self._line((metrics.elidedText(self._named[0], Qt.TextElideMode.ElideMiddle, room),))

    def _line(self, names: tuple[str, ...]) -> str:
        """Return the second line, with these names."""
        line, more = ", ".join(names), self._count - len(names)
        if more:
            line = translate(msg("{names} and {more} more", names=line, more=more))
        if self._unknown:
            line = translate(msg("{names}; {count} not known", names=line, count=self._unknown))
        return line

    def _emit_wanted(self) -> None:
        if self._key is not None:
            self.wanted.emit(self._key)
