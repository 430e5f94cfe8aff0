"""A layer as a band: number, mark, name, verdict in words, one fact; the rest is the field for the rays.

Without rays (nothing is known, or nothing runs) the field shows the layer's role. A band can be supposed to fail: then
it has no background, and a button to bring it back. Above the bands is the strip of the process, below them that of the
kernel: a title and lines, no verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from stratascope.core.capture import Gap
from stratascope.core.layer import About, Assessment, Verdict
from stratascope.core.message import colon, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import LayerState
from stratascope.core.threats.threat import Basis
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import advice, reason
from stratascope.ui.kit.feedback import CopyMenu, Line, More
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import INK, Mark, assessed_word, mark_of, paint_mark, paint_number
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, Theme, smooth_painter


class PixmapCache:
    """A cached pixmap of a widget's size."""

    def __init__(self) -> None:
        self._kept: tuple[Hashable, QPixmap] | None = None

    def get(self, key: Hashable, size: QSize, ratio: float, paint: Callable[[QPainter], None]) -> QPixmap:
        """Return the pixmap, repainted if `key` (all that it shows), size or pixel ratio have changed."""
        whole = (key, size.width(), size.height(), ratio)
        if self._kept is None or self._kept[0] != whole:
            pixmap = QPixmap(size * ratio)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint(painter)
            painter.end()
            self._kept = (whole, pixmap)
        return self._kept[1]

    def forget(self) -> None:
        """Repaint it the next time."""
        self._kept = None


STRIP, GROUND, LOW_GROUND = 34, 78, 60
KERNEL = 200  # width of the kernel's text; the names of open threats are right of it


class StrataEdge(QWidget):
    """The strip above the layers, or the ground below: a title and lines, no verdict."""

    def __init__(self, theme: Theme, height: int, *, ground: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._height, self._ground = theme, height, ground
        self._title, self._right = "", 0
        self._lines: tuple[str, ...] = ("",)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def say(self, title: str, lines: tuple[str, ...], more: tuple[str, ...] = ()) -> None:
        """Set the lines; `more` is for the tooltip and screen readers."""
        self._title, self._lines = title, lines
        self.setAccessibleName(title)
        self.setAccessibleDescription(". ".join(line for line in (*lines, *more) if line))
        give_tip(self, "\n".join((title, *lines, *more)))
        self.update()

    def keep_to(self, right: int) -> None:
        """Write only up to that x; 0: the full width. The rest belongs to the rays."""
        if right != self._right:
            self._right = right
            self.update()

    def set_compact(self, compact: bool) -> None:
        """Use fewer rows of names, for a low window."""
        self._height = LOW_GROUND if compact else GROUND
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        theme = self._theme
        lines = theme.box(13) + (2 * theme.box(11) + theme.px(4) if self._ground else theme.px(10))
        return QSize(theme.px(LEAST), max(theme.px(self._height), lines))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(Qt.PenStyle.NoPen if self._ground else QPen(theme.color("line"), 1))
        painter.setBrush(theme.color("ground" if self._ground else "panel"))
        painter.drawRoundedRect(box, theme.px(7), theme.px(7))
        left, right = theme.px(13), (self._right or self.width()) - theme.px(12)
        ink = theme.color("ground_text" if self._ground else "text")
        painter.setPen(ink)
        painter.setFont(theme.font(13, BOLD))
        one = theme.box(13)
        if not self._ground:
            painter.drawText(QRect(left, 0, right - left, self.height()), Qt.AlignmentFlag.AlignVCenter, self._title)
            left += painter.fontMetrics().horizontalAdvance(self._title) + theme.px(8)
            painter.setFont(theme.font(12))
            painter.setPen(theme.color("text2"))
            text = painter.fontMetrics().elidedText(self._lines[0], Qt.TextElideMode.ElideRight, right - left)
            painter.drawText(QRect(left, 0, right - left, self.height()), Qt.AlignmentFlag.AlignVCenter, text)
            return
        flags, room = Qt.TextFlag.TextWordWrap, QRect(left, 0, right - left, self.height() - one)
        painter.setFont(theme.font(11))
        metrics = painter.fontMetrics()
        # in a low window the first line alone, in as many lines as there are, rather than parts of both
        most = room.width() * max(1, room.height() // metrics.height())
        first = metrics.elidedText(self._lines[0], Qt.TextElideMode.ElideRight, most)
        text = "\n".join(self._lines)
        if metrics.boundingRect(room, flags, text).height() > room.height():
            text = first
        high = metrics.boundingRect(room, flags, text).height()
        top = (self.height() - one - high) // 2
        painter.drawText(QRect(left, top + one, right - left, high), flags, text)
        painter.setFont(theme.font(13, BOLD))
        painter.drawText(QRect(left, top, right - left, one), Qt.AlignmentFlag.AlignVCenter, self._title)


FACTS = 306  # width of number, mark, name, verdict and fact; the rest is the field
LEAST = 262  # the same in a narrow window
BAND, LOW_BAND = 36, 27
CLOSER = 4  # how much closer to each other its two lines are, so that the focus ring has room around them
_UNREAD = Assessment(Verdict.UNKNOWN, msg("Not read"))
WIDE = 0.32  # share of the width for the facts in a wide window


def field_left(theme: Theme, width: int) -> int:
    """Return where the field of rays begins in strata of that width."""
    return max(theme.px(FACTS if width >= theme.px(2 * FACTS) else LEAST), round(width * WIDE))


class Band(QAbstractButton):
    """A layer's band. `fail_asked`: suppose it fails, or bring it back."""

    fail_asked = Signal()

    def __init__(self, theme: Theme, number: int, about: About | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.number = number
        self._theme = theme
        self._title = translate(about.title) if about else translate(msg("Layer {number}", number=number))
        self._role = translate(about.role) if about else ""
        self._fact, self._word, self._running = "", "", True
        self._known = _UNREAD
        self._description = ""
        self.setCheckable(True)
        self.setAutoExclusive(True)  # one of several, also for screen readers
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setText(self._title)
        self._compact = False
        self._rays = self._away = False
        self._kept = PixmapCache()
        self.copying = CopyMenu(self, self._texts, self._more)

    def _texts(self) -> tuple[Line, ...]:
        """Return the lines of its context menu for copying."""
        whole = f"{self.accessibleName()}\n{self._description}"
        return (msg("Copy this layer's summary"), lambda: whole), (msg("Copy its key fact"), lambda: self._fact)

    def _more(self) -> tuple[More, ...]:
        fails = msg("Bring it back") if self._away else msg("Suppose it fails")
        return (msg("Open this layer"), self.click), *(((fails, self.fail_asked.emit),) if self._rays else ())

    def set_compact(self, compact: bool) -> None:
        """Use one line instead of two, for a low window."""
        if compact is not self._compact:
            self._compact = compact
            self.updateGeometry()

    def set_rays(self, rays: bool, *, away: bool) -> None:
        """Say whether rays cross it, and whether it is supposed to fail."""
        self._rays, self._away = rays, away and rays
        self._update_texts()

    @property
    def away(self) -> bool:
        """Whether it is supposed to fail."""
        return self._away

    def show_layer(self, layer: LayerState | None, *, running: bool, gap: Gap | None) -> None:
        """Show verdict and fact."""
        self._running = running
        if layer is None:
            self._known = _UNREAD
        else:
            self._known = layer.assessment
        self._fact = plain(translate(self._known.fact))
        if not running and self._fact == translate(msg("Not running")):
            self._fact = ""  # the verdict's place says so
        gaps = layer.assessment.gaps if layer else ()
        why = gap or (gaps[0].gap if gaps and self._known.verdict is Verdict.UNKNOWN else None)
        lines = [self._fact, self._role]
        if why is not None and running:
            lines += [reason(why), advice(why)]
        self._description = "\n".join(line for line in lines if line)
        self._update_texts()

    def _update_texts(self) -> None:
        """Set accessible name, description and tooltip."""
        self._word = assessed_word(self._known) if self._running else translate(msg("Not running"))
        if self._away:
            self._word = translate(msg("Supposed to fail"))
        name = msg("Layer {number}, {title}: {verdict}", number=self.number, title=self._title, verdict=self._word)
        self.setAccessibleName(translate(name))
        self.setAccessibleDescription(self._description)
        told = translate(colon(self._title, self._word))
        give_tip(self, f"{told}\n{self._description}")
        self.update()

    def sizeHint(self) -> QSize:
        theme = self._theme
        height = theme.box(13) + theme.px(8) if self._compact else theme.box(13) + theme.box(11) + theme.px(3)
        return QSize(theme.px(LEAST + 200), max(theme.px(LOW_BAND if self._compact else BAND), height))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(LEAST), self.sizeHint().height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
            return
        if event.key() in (Qt.Key.Key_X, Qt.Key.Key_Delete) and self._rays:
            self.fail_asked.emit()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        radius = theme.px(6)
        self._ground(painter, box, radius)
        one, two = theme.box(13), theme.box(11)
        below = one - theme.px(CLOSER)
        top = (self.height() - (one if self._compact or not self._fact else below + two)) / 2
        side = theme.px(16)
        paint_number(painter, QRectF(theme.px(12), (self.height() - side) / 2, side, side), self.number, theme)
        mark = mark_of(self._known) if self._running and not self._away else Mark.NOT_RUNNING
        small = theme.px(14)
        paint_mark(painter, QRectF(theme.px(37), (self.height() - small) / 2, small, small), mark, theme)
        left = theme.px(60)
        field = self.field()
        painter.setFont(theme.font(13, BOLD))
        painter.setPen(theme.color("text3" if self._away else "text"))
        metrics = painter.fontMetrics()
        word_font = theme.font(11, BOLD)
        painter.setFont(word_font)
        word_width = painter.fontMetrics().horizontalAdvance(self._word)
        two_parts = self._rays or (self.width() > theme.px(FACTS + 120) and not self._compact)
        room = (field if two_parts else self.width()) - theme.px(12) - left
        title = metrics.elidedText(self._title, Qt.TextElideMode.ElideRight, max(40, room - word_width - theme.px(10)))
        painter.setFont(theme.font(13, BOLD))
        painter.drawText(QRectF(left, top, room, one), Qt.AlignmentFlag.AlignVCenter, title)
        x = left + metrics.horizontalAdvance(title) + theme.px(8)
        painter.setFont(word_font)
        painter.setPen(theme.color("accent" if self._away else INK[mark]))
        painter.drawText(QRectF(x, top, word_width + 4, one), Qt.AlignmentFlag.AlignVCenter, self._word)
        painter.setFont(theme.font(11, MEDIUM))
        painter.setPen(theme.color("text2"))
        fact = painter.fontMetrics().elidedText(self._fact, Qt.TextElideMode.ElideRight, int(room))
        if self._compact:
            x += word_width + theme.px(10)
            if painter.fontMetrics().horizontalAdvance(self._fact) <= left + room - x:  # whole, or not at all
                painter.drawText(QRectF(x, top, left + room - x, one), Qt.AlignmentFlag.AlignVCenter, self._fact)
            return
        painter.drawText(QRectF(left, top + below, room, two), Qt.AlignmentFlag.AlignVCenter, fact)
        width = self.width() - field - theme.px(16)
        if width >= theme.px(120) and self._role and not self._rays:
            painter.setFont(theme.font(12, REGULAR))
            painter.setPen(theme.color("text2"))
            role = painter.fontMetrics().elidedText(self._role, Qt.TextElideMode.ElideRight, width)
            painter.drawText(QRectF(field, 0, width, self.height()), Qt.AlignmentFlag.AlignVCenter, role)

    def field(self) -> int:
        """Return where the field begins. Without rays it holds a role, which needs less width."""
        if self._rays:
            return field_left(self._theme, self.width())
        return max(self._theme.px(FACTS), round(self.width() * (0.75 if self._compact else 0.42)))

    def _ground(self, painter: QPainter, box: QRectF, radius: float) -> None:
        theme = self._theme
        path = QPainterPath()
        path.addRoundedRect(box, radius, radius)
        painter.drawPixmap(0, 0, self._surface(painter.device().devicePixelRatioF(), path))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.isChecked():
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawPath(path)
        elif self.hasFocus() or self.underMouse():
            painter.setPen(QPen(theme.color("line2"), 1))
            painter.drawPath(path)
        if self.hasFocus():
            paint_focus_ring(painter, box.adjusted(2, 2, -2, -2), radius - 2, theme)

    def _surface(self, ratio: float, path: QPainterPath) -> QPixmap:
        """Return the band without outline and text, cached: hatches and dashes are slow to paint."""
        theme = self._theme
        inks = tuple(theme.color(name).rgba() for name in ("sunk", "open", "weak", "enf_soft", "text", "line2"))
        key = (
            self._known.verdict,
            self._known.basis,
            self._running,
            self._away,
            theme.high_contrast,
            inks,
            self.field(),
        )
        return self._kept.get(key, self.size(), ratio, lambda painter: self._paint_surface(painter, path))

    def _paint_surface(self, painter: QPainter, path: QPainterPath) -> None:
        theme = self._theme
        loud = theme.high_contrast
        if not self._running:
            painter.fillPath(path, theme.color("window" if loud else "sunk"))
        elif self._away:
            painter.setPen(_dashes(theme.color("line2"), 2 if loud else 1.0, 1, 5))
            painter.drawPath(path)
        elif self._known.basis is not Basis.KERNEL:
            # the soft colour behind the text only, and the outline around the whole band
            ink = INK[mark_of(self._known)]
            painter.save()
            painter.setClipPath(path)
            words = QRect(0, 0, self.field() - theme.px(10), self.height())
            painter.fillRect(words, theme.color("panel" if loud else f"{ink}_soft"))
            painter.restore()
            painter.setPen(QPen(theme.color(ink, 1.0 if loud else 0.5), 2 if loud else 1.0))
            painter.drawPath(path)
        elif self._known.verdict is Verdict.OPEN:
            painter.setPen(_dashes(theme.color("open", 1.0 if loud else 0.55), 2 if loud else 1.2, 2, 4))
            painter.drawPath(path)
        elif self._known.verdict is Verdict.ENFORCED:
            painter.fillPath(path, theme.color("panel" if loud else "enf_soft"))
        elif self._known.verdict is Verdict.WEAKENED:
            painter.fillPath(path, theme.color("panel" if loud else "weak_soft"))
            self._hatch(painter, path)
        else:
            painter.fillPath(path, theme.color("panel" if loud else "unk_soft"))
            self._dots(painter, path)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if loud and self._known.verdict is not Verdict.OPEN and self._known.basis is Basis.KERNEL and not self._away:
            painter.setPen(QPen(theme.color("text"), 2))
            painter.drawPath(path)

    def _clip_field(self, painter: QPainter, path: QPainterPath) -> QRect:
        painter.setClipPath(path)
        field = QRect(self.field() - self._theme.px(10), 0, self.width(), self.height())
        painter.setClipRect(field, Qt.ClipOperation.IntersectClip)
        return field

    def _hatch(self, painter: QPainter, path: QPainterPath) -> None:
        theme = self._theme
        painter.save()
        field = self._clip_field(painter, path)
        painter.setPen(QPen(theme.color("weak", 0.18), 1.5))
        pitch, height = theme.px(9) * 1.414, self.height()
        # all strokes in one call, so that the clip at the round corners is computed once, not for each
        strokes = QPainterPath()
        x = float(field.left() - height)
        while x < field.right():
            strokes.moveTo(x, height)
            strokes.lineTo(x + height, 0)
            x += pitch
        painter.drawPath(strokes)
        painter.restore()

    def _dots(self, painter: QPainter, path: QPainterPath) -> None:
        theme = self._theme
        painter.save()
        field = self._clip_field(painter, path)
        painter.setPen(QPen(theme.color("unk", 0.35), 1.4))
        pitch = theme.px(6)
        points = [
            QPointF(x, y)
            for x in range(field.left(), self.width(), pitch)
            for y in range(pitch // 2, field.height(), pitch)
        ]
        painter.drawPoints(points)
        painter.restore()


def _dashes(colour: QColor, width: float, on: float, off: float) -> QPen:
    pen = QPen(colour, width)
    pen.setDashPattern([on / width, off / width])
    return pen
