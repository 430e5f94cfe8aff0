"""What the choices come to: two bars, Now and Then, with the exposure; and each layer's mark before and after."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import best_text, exposure_sentence, level_ink, number_text
from stratascope.presentation.threat_outcomes import kinds
from stratascope.ui.kit.labels import Line, give_tip
from stratascope.ui.kit.marks import Mark, paint_dots, paint_mark, paint_number, verdict_word
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, STRETCH, Theme, smooth_painter
from stratascope.usecases.plan.offers import LayerChange, Preview

BAR, ROW = 12, 19
_NOW = msg("Now")
# Segments of the two bars, in order: name of the part, colour token
SEGMENTS = ("open", "weak", "barlow", "unk", "ray2", "ray")


def paint_arrow(painter: QPainter, left: float, right: float, y: float, theme: Theme) -> None:
    """A small arrow from left to right."""
    painter.setPen(QPen(theme.color("text2"), 1.4))
    painter.drawLine(QPointF(left, y), QPointF(right, y))
    half = theme.px(3)
    painter.drawPolyline(
        QPolygonF([QPointF(right - half, y - half), QPointF(right, y), QPointF(right - half, y + half)])
    )


def paint_segment(painter: QPainter, box: QRectF, token: str, theme: Theme) -> None:
    """One part of a bar; its pattern says what its colour says: full, hatched, hollow (open, from serious to minor),
    dotted (not known), one line, two lines (so many layers, as near as a bar can tell)."""
    painter.save()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(token))
    if token == "barlow":
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("text3"), 1.4))
        painter.drawRoundedRect(box.adjusted(0.7, 0.7, -0.7, -0.7), 1.5, 1.5)
        painter.restore()
        return
    painter.drawRoundedRect(box, 1.5, 1.5)
    painter.setClipRect(box)
    painter.setPen(QPen(theme.color("panel"), 1.5))
    if token == "weak":
        x, step = box.left() - box.height(), theme.px(5)
        while x < box.right():
            painter.drawLine(QPointF(x, box.bottom()), QPointF(x + box.height(), box.top()))
            x += step
    elif token == "unk":
        paint_dots(painter, box, theme, "panel", strong=True)
    elif token in ("ray2", "ray"):
        lines = (0.5,) if token == "ray2" else (0.32, 0.68)
        for part in lines:
            y = round(box.top() + box.height() * part)
            painter.drawLine(QPointF(box.left() + 2, y), QPointF(box.right() - 2, y))
    painter.restore()


class OutcomeBar(QWidget):
    """One bar: word, segments, exposure. Nothing known: an outline."""

    def __init__(self, theme: Theme, word: str, other: str = "", parent: QWidget | None = None) -> None:
        """`other`: the word of a bar that begins at the same place."""
        super().__init__(parent)
        self._theme, self._word, self._words = theme, word, (word, other)
        self.matrix: Matrix | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_matrix(self, matrix: Matrix | None) -> None:
        """Tell it."""
        self.matrix = matrix
        told = translate(msg("not known")) if matrix is None else segments_sentence(matrix)
        text = translate(
            msg("{word}: {exposure}. {parts}", word=self._word, exposure=exposure_sentence(matrix), parts=told)
        )
        self.setAccessibleName(text)
        give_tip(self, text)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), max(self._theme.px(22), self._theme.box(15)))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font(12, MEDIUM))
        painter.setPen(theme.color("text2"))
        said = max(theme.px(38), *map(painter.fontMetrics().horizontalAdvance, self._words))
        painter.drawText(QRectF(0, 0, said, self.height()), centre, self._word)
        best = best_text(self.matrix)
        end = float(self.width())
        beside = 0  # what the words beside the number take
        if best:
            font = theme.font(11, MEDIUM)
            width = QFontMetrics(font).horizontalAdvance(best)
            painter.setFont(font)
            painter.drawText(QRectF(end - width - 1, 0, width + 1, self.height()), centre, best)
            beside = width + theme.px(4)
            end -= beside
        painter.setFont(theme.font(15, BOLD))
        painter.setPen(theme.color(level_ink(self.matrix)))
        number = number_text(self.matrix)
        wide = painter.fontMetrics().horizontalAdvance(number)
        painter.drawText(QRectF(end - wide - 1, 0, wide + 1, self.height()), centre, number)
        left = said + theme.px(4)
        right = self.width() - max(
            theme.px(36), QFontMetrics(theme.font(15, BOLD)).horizontalAdvance("10.0") + theme.px(10)
        )
        right -= beside
        box = QRectF(left, (self.height() - theme.px(BAR)) / 2, max(8, right - left), theme.px(BAR))
        if self.matrix is None:
            painter.setPen(QPen(theme.color("line2"), 1, Qt.PenStyle.DashLine))
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), theme.px(2.5), theme.px(2.5))
            return
        parts = [(count, token) for count, token in zip(segments(self.matrix), SEGMENTS, strict=True) if count]
        whole, gap = sum(count for count, _ in parts), theme.px(1)
        room, x = box.width() - gap * max(0, len(parts) - 1), float(box.left())
        least = float(theme.px(3))  # a single serious threat must be seen
        widths: list[float] = [max(least, room * count / whole) for count, _ in parts] if whole else []
        spare = float(sum(widths)) - room
        if widths and spare > 0:
            widths[widths.index(max(widths))] -= spare
        for (_, token), length in zip(parts, widths, strict=True):
            paint_segment(painter, QRectF(x, box.top(), length, box.height()), token, theme)
            x += length + gap


class LayerRow(QWidget):
    """Number, title, mark -> mark, gain."""

    def __init__(self, theme: Theme, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._title = theme, title
        self.change: LayerChange | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_change(self, change: LayerChange) -> None:
        """Tell it."""
        self.change = change
        before, after = verdict_word(change.before), verdict_word(change.after)
        gain = gain_words(change.more, change.closed, changed=change.before is not change.after)
        text = translate(
            msg("{layer}: {before}, then {after}, {gain}", layer=self._title, before=before, after=after, gain=gain)
        )
        self.setAccessibleName(text)
        give_tip(self, text)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), max(self._theme.px(ROW), self._theme.box(12)))

    def paintEvent(self, event: QPaintEvent) -> None:
        change = self.change
        if change is None:
            return
        theme, painter = self._theme, smooth_painter(self)
        same = change.before is change.after and change.more == 0
        side, small, middle = theme.px(15), theme.px(11), self.height() / 2
        paint_number(painter, QRectF(1, middle - side / 2, side, side), change.number, theme)
        centre, end = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignRight
        gain = gain_words(change.more, change.closed, changed=change.before is not change.after)
        font = theme.font(12, REGULAR if same else BOLD)
        gain_width = QFontMetrics(font).horizontalAdvance(gain) + 2
        arrow = self.width() * 0.492
        painter.setFont(theme.font(12, REGULAR if same else MEDIUM))
        painter.setPen(theme.color("text2" if same else "text"))
        room = QRectF(theme.px(25), 0, arrow - theme.px(31), self.height())
        title = painter.fontMetrics().elidedText(self._title, Qt.TextElideMode.ElideRight, round(room.width()))
        painter.drawText(room, centre, title)
        paint_mark(painter, QRectF(arrow, middle - small / 2, small, small), Mark(change.before.value), theme)
        if not same:
            paint_arrow(painter, arrow + theme.px(18), arrow + theme.px(30), middle, theme)
            place = QRectF(arrow + theme.px(37), middle - small / 2, small, small)
            paint_mark(painter, place, Mark(change.after.value), theme)
        painter.setFont(font)
        ink = "text3" if same else "open" if change.more < 0 else "text"
        painter.setPen(theme.color(ink))
        painter.drawText(QRectF(self.width() - gain_width, 0, gain_width, self.height()), centre | end, gain)


class Prediction(QWidget):
    """Title, two bars, and a row for each layer; the rows fold away where the window is low."""

    def __init__(self, theme: Theme, titles: dict[int, str], title: Message | None = None, now: Message = _NOW) -> None:
        """`title`: None where it depends on what is to be done. `now`: the word of the first bar."""
        super().__init__()
        self._theme, self._titled = theme, title
        self.title = Line(theme, 13, BOLD)
        words = translate(now), translate(msg("Then"))
        self.now, self.then = (OutcomeBar(theme, word, other) for word, other in (words, words[::-1]))
        self.serious = Line(theme, 12)
        self.deeper = Line(theme, 12)
        for line in (self.serious, self.deeper):
            line.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)  # never cut
        self.rows = {number: LayerRow(theme, titles[number]) for number in sorted(titles, reverse=True)}
        self._layers = QWidget()
        below = theme.lay(QVBoxLayout(self._layers), around=(0, 4, 0, 0), gap=0)
        for row in self.rows.values():
            below.addWidget(row)
        layout = theme.lay(QVBoxLayout(self), around=0, gap=0)
        counted = theme.lay(QHBoxLayout(), self.serious, STRETCH, self.deeper, gap=8)
        theme.lay(layout, self.title, self.now, self.then, counted, self._layers)

    def show_preview(self, preview: Preview) -> None:
        """Tell it."""
        text = msg("After the change, predicted") if preview.live else msg("After the relaunch, predicted")
        self.title.say(translate(text if self._titled is None else self._titled))
        self.now.show_matrix(preview.before)
        self.then.show_matrix(preview.after)
        before, after = segments(preview.before), segments(preview.after)
        self.serious.say(translate(msg("Serious {before} → {after}", before=before[0], after=after[0])))
        self.deeper.say(translate(msg("deeper {before} → {after}", before=before[-1], after=after[-1])))
        for change in preview.layers:
            if change.number in self.rows:
                self.rows[change.number].show_change(change)

    @property
    def folded(self) -> bool:
        """Only the bars."""
        return self._layers.isHidden()

    @property
    def heights(self) -> tuple[int, int]:
        """What the bars need, and the layers below them."""
        layers = self._layers.minimumSizeHint().height()
        return self.minimumSizeHint().height() - (0 if self.folded else layers), layers

    def set_folded(self, folded: bool) -> None:
        """Only the bars, or the layers too."""
        self._layers.setVisible(not folded)


def segments(matrix: Matrix) -> tuple[int, ...]:
    """Numbers of threats as in SEGMENTS: serious, medium, minor open; not known; stopped once; twice or more."""
    critical, high, medium, low, unknown, host, once, deeper = kinds(matrix).values()
    return critical + high, medium, low, unknown, host + once, deeper


def segments_sentence(matrix: Matrix) -> str:
    """A bar for screen readers and the tooltip."""
    serious, medium, minor, unknown, once, deeper = segments(matrix)
    return translate(
        msg(
            "{serious} serious, {medium} medium and {minor} minor open, {unknown} not known, {once} stopped once, "
            "{deeper} stopped twice or more",
            serious=serious, medium=medium, minor=minor, unknown=unknown, once=once, deeper=deeper,
        )
    )  # fmt: skip


def gain_words(more: int, closed: int, *, changed: bool) -> str:
    """What a layer gains, in the prediction: of `more` threats `closed` that nothing stopped."""
    if more > 0 and not closed:
        return translate(msg("+{count} deeper", count=more))
    if more > 0:
        return translate(msg("+{count} stopped", count=more))
    if more < 0:
        return translate(msg("{count} fewer", count=-more))
    return translate(msg("changed") if changed else msg("unchanged"))
