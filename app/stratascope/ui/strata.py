"""The strata: the process on top, the layers from 6 down to 1, the kernel below. Each layer is one focusable band.

The right part of a band is the room for the rays of a later version; until then it tells the layer's role.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.capture import Gap
from stratascope.core.container import Engine, EngineKind
from stratascope.core.ground import Ground
from stratascope.core.layer import About, Layer, Verdict
from stratascope.core.message import msg, plural
from stratascope.core.plain import plain
from stratascope.core.snapshot import ContainerState, LayerState
from stratascope.i18n import translate
from stratascope.ui.gap_words import advice, reason, runs
from stratascope.ui.labels import tip
from stratascope.ui.marks import INK, Mark, paint_mark, paint_number, verdict_word
from stratascope.ui.theme import BOLD, MEDIUM, REGULAR, Look

FACTS = 262  # width that holds number, mark, name, verdict and fact; the rest is the field
BAND, LOW_BAND, GAP, STRIP, GROUND = 39, 27, 3, 34, 60


class Band(QAbstractButton):
    """One layer: number, mark, name, verdict in words, one fact; its role at the right."""

    def __init__(self, look: Look, number: int, about: About | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.number = number
        self._look = look
        self._title = translate(about.title) if about else translate(msg("Layer {number}", number=number))
        self._role = translate(about.role) if about else ""
        self._fact, self._word, self._verdict, self._running = "", "", Verdict.UNKNOWN, True
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setText(self._title)
        self._compact = False
        self._kept: tuple[object, QPixmap] | None = None  # what its surface was painted from, and the surface

    def set_compact(self, compact: bool) -> None:
        """One line instead of two, for a low window."""
        if compact is not self._compact:
            self._compact = compact
            self.updateGeometry()

    def show_layer(self, layer: LayerState | None, *, running: bool, gap: Gap | None) -> None:
        """Tell verdict and fact."""
        self._running = running
        if layer is None:
            self._verdict, self._fact = Verdict.UNKNOWN, translate(msg("Not read"))
        else:
            self._verdict, self._fact = layer.assessment.verdict, plain(translate(layer.assessment.fact))
        self._word = verdict_word(self._verdict) if running else translate(msg("Not running"))
        gaps = layer.assessment.gaps if layer else ()
        why = gap or (gaps[0].gap if gaps and self._verdict is Verdict.UNKNOWN else None)
        lines = [self._fact, self._role]
        if why is not None and running:
            lines += [reason(why), advice(why)]
        description = "\n".join(line for line in lines if line)
        name = msg("Layer {number}, {title}: {verdict}", number=self.number, title=self._title, verdict=self._word)
        self.setAccessibleName(translate(name))
        self.setAccessibleDescription(description)
        self.setToolTip(tip(f"{self._title}: {self._word}\n{description}"))
        self.update()

    def sizeHint(self) -> QSize:
        look = self._look
        height = look.box(13) + look.px(8) if self._compact else look.box(13) + look.box(11) + look.px(3)
        return QSize(look.px(FACTS + 200), max(look.px(LOW_BAND if self._compact else BAND), height))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._look.px(FACTS), self.sizeHint().height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        look, painter = self._look, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        radius = look.px(6)
        self._ground(painter, box, radius)
        one, two = look.box(13), look.box(11)
        top = (self.height() - one - (0 if self._compact else two)) / 2
        side = look.px(16)
        paint_number(painter, QRectF(look.px(12), (self.height() - side) / 2, side, side), self.number, look)
        mark = Mark(self._verdict.value) if self._running else Mark.NOT_RUNNING
        small = look.px(14)
        paint_mark(painter, QRectF(look.px(37), (self.height() - small) / 2, small, small), mark, look)
        left = look.px(60)
        field = self._field()
        painter.setFont(look.font(13, BOLD))
        painter.setPen(look.color("text"))
        metrics = painter.fontMetrics()
        word_font = look.font(11, BOLD)
        painter.setFont(word_font)
        word_width = painter.fontMetrics().horizontalAdvance(self._word)
        two_parts = self.width() > look.px(FACTS + 120) and not self._compact
        room = (field if two_parts else self.width()) - look.px(12) - left
        title = metrics.elidedText(self._title, Qt.TextElideMode.ElideRight, max(40, room - word_width - look.px(10)))
        painter.setFont(look.font(13, BOLD))
        painter.drawText(QRectF(left, top, room, one), Qt.AlignmentFlag.AlignVCenter, title)
        x = left + metrics.horizontalAdvance(title) + look.px(8)
        painter.setFont(word_font)
        painter.setPen(look.color(INK[mark]))
        painter.drawText(QRectF(x, top, word_width + 4, one), Qt.AlignmentFlag.AlignVCenter, self._word)
        painter.setFont(look.font(11, MEDIUM))
        painter.setPen(look.color("text2"))
        fact = painter.fontMetrics().elidedText(self._fact, Qt.TextElideMode.ElideRight, int(room))
        if self._compact:
            x += word_width + look.px(10)
            fact = painter.fontMetrics().elidedText(self._fact, Qt.TextElideMode.ElideRight, int(left + room - x))
            painter.drawText(QRectF(x, top, left + room - x, one), Qt.AlignmentFlag.AlignVCenter, fact)
            return
        painter.drawText(QRectF(left, top + one, room, two), Qt.AlignmentFlag.AlignVCenter, fact)
        width = self.width() - field - look.px(16)
        if width >= look.px(120) and self._role:
            painter.setFont(look.font(12, REGULAR))
            painter.setPen(look.color("text2"))
            role = painter.fontMetrics().elidedText(self._role, Qt.TextElideMode.ElideRight, width)
            painter.drawText(QRectF(field, 0, width, self.height()), Qt.AlignmentFlag.AlignVCenter, role)

    def _field(self) -> int:
        """Where the field begins; a wide window gives the facts more room."""
        return max(self._look.px(FACTS), round(self.width() * (0.75 if self._compact else 0.42)))

    def _ground(self, painter: QPainter, box: QRectF, radius: float) -> None:
        look = self._look
        path = QPainterPath()
        path.addRoundedRect(box, radius, radius)
        painter.drawPixmap(0, 0, self._surface(painter.device().devicePixelRatioF(), path))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.isChecked():
            painter.setPen(QPen(look.color("accent"), 2))
            painter.drawPath(path)
        elif self.hasFocus() or self.underMouse():
            painter.setPen(QPen(look.color("line2"), 2 if self.hasFocus() else 1))
            painter.drawPath(path)
        if self.isChecked() and self.hasFocus():
            painter.setPen(QPen(look.color("accent"), 1))
            painter.drawRoundedRect(box.adjusted(3.5, 3.5, -3.5, -3.5), radius - 3, radius - 3)

    def _surface(self, ratio: float, path: QPainterPath) -> QPixmap:
        """The band without outline and words, kept until something of it changes: hatches and dashes take long."""
        look = self._look
        inks = tuple(look.color(name).rgba() for name in ("sunk", "open", "weak", "enf_soft", "text"))
        key = (self._verdict, self._running, look.high_contrast, inks, self.size(), self._field(), ratio)
        if self._kept is None or self._kept[0] != key:
            pixmap = QPixmap(self.size() * ratio)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_surface(painter, path)
            painter.end()
            self._kept = (key, pixmap)
        return self._kept[1]

    def _paint_surface(self, painter: QPainter, path: QPainterPath) -> None:
        look = self._look
        loud = look.high_contrast
        if not self._running:
            painter.fillPath(path, look.color("window" if loud else "sunk"))
        elif self._verdict is Verdict.OPEN:
            painter.setPen(_dashes(look.color("open", 1.0 if loud else 0.55), 2 if loud else 1.2, 2, 4))
            painter.drawPath(path)
        elif self._verdict is Verdict.ENFORCED:
            painter.fillPath(path, look.color("panel" if loud else "enf_soft"))
        elif self._verdict is Verdict.WEAKENED:
            painter.fillPath(path, look.color("panel" if loud else "weak_soft"))
            self._hatch(painter, path)
        else:
            painter.fillPath(path, look.color("panel" if loud else "unk_soft"))
            self._dots(painter, path)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if loud and self._verdict is not Verdict.OPEN:
            painter.setPen(QPen(look.color("text"), 2))
            painter.drawPath(path)

    def _clip_field(self, painter: QPainter, path: QPainterPath) -> QRect:
        painter.setClipPath(path)
        field = QRect(self._field() - self._look.px(10), 0, self.width(), self.height())
        painter.setClipRect(field, Qt.ClipOperation.IntersectClip)
        return field

    def _hatch(self, painter: QPainter, path: QPainterPath) -> None:
        look = self._look
        painter.save()
        field = self._clip_field(painter, path)
        painter.setPen(QPen(look.color("weak", 0.18), 1.5))
        pitch, height = look.px(9) * 1.414, self.height()
        # all strokes in one call: the clip at the round corners is then worked out once, not once for each
        strokes = QPainterPath()
        x = float(field.left() - height)
        while x < field.right():
            strokes.moveTo(x, height)
            strokes.lineTo(x + height, 0)
            x += pitch
        painter.drawPath(strokes)
        painter.restore()

    def _dots(self, painter: QPainter, path: QPainterPath) -> None:
        look = self._look
        painter.save()
        field = self._clip_field(painter, path)
        painter.setPen(QPen(look.color("unk", 0.35), 1.4))
        pitch = look.px(6)
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


class _Edge(QWidget):
    """The strip above the layers, or the ground below: a title and lines, no verdict."""

    def __init__(self, look: Look, height: int, *, ground: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._height, self._ground = look, height, ground
        self._title = ""
        self._lines: tuple[str, ...] = ("",)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def say(self, title: str, lines: tuple[str, ...]) -> None:
        self._title, self._lines = title, lines
        self.setAccessibleName(title)
        self.setAccessibleDescription(". ".join(lines))
        self.setToolTip(tip("\n".join((title, *lines))))
        self.update()

    def sizeHint(self) -> QSize:
        look = self._look
        needed = look.box(13) + 2 * look.box(11) + look.px(6) if self._ground else look.box(13) + look.px(10)
        return QSize(look.px(FACTS), max(look.px(self._height), needed))

    def paintEvent(self, event: QPaintEvent) -> None:
        look, painter = self._look, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(Qt.PenStyle.NoPen if self._ground else QPen(look.color("line"), 1))
        painter.setBrush(look.color("ground" if self._ground else "panel"))
        painter.drawRoundedRect(box, look.px(7), look.px(7))
        left, right = look.px(13), self.width() - look.px(12)
        ink = look.color("ground_text" if self._ground else "text")
        painter.setPen(ink)
        painter.setFont(look.font(13, BOLD))
        one, two = look.box(13), look.box(11)
        if not self._ground:
            painter.drawText(QRect(left, 0, right - left, self.height()), Qt.AlignmentFlag.AlignVCenter, self._title)
            left += painter.fontMetrics().horizontalAdvance(self._title) + look.px(8)
            painter.setFont(look.font(12))
            painter.setPen(look.color("text2"))
            text = painter.fontMetrics().elidedText(self._lines[0], Qt.TextElideMode.ElideRight, right - left)
            painter.drawText(QRect(left, 0, right - left, self.height()), Qt.AlignmentFlag.AlignVCenter, text)
            return
        y = (self.height() - one - two * len(self._lines)) // 2
        painter.drawText(QRect(left, y, right - left, one), Qt.AlignmentFlag.AlignVCenter, self._title)
        painter.setFont(look.font(11))
        for place, line in enumerate(self._lines):
            text = painter.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, right - left)
            box2 = QRect(left, y + one + place * two, right - left, two)
            painter.drawText(box2, Qt.AlignmentFlag.AlignVCenter, text)


class Strata(QWidget):
    """Process strip, bands, ground. `chosen` tells the number of the band that was opened."""

    chosen = Signal(int)

    def __init__(self, look: Look, layers: tuple[Layer, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(translate(msg("Layers between the process and the kernel")))
        self.process = _Edge(look, STRIP, ground=False)
        self.ground = _Edge(look, GROUND, ground=True)
        abouts = {layer.number: layer.about for layer in layers}
        numbers = sorted({*abouts, 1, 2, 3, 4, 5, 6}, reverse=True)
        self.bands = {number: Band(look, number, abouts.get(number)) for number in numbers}
        self._group = QButtonGroup(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(look.px(GAP))
        layout.addWidget(self.process)
        for number, band in self.bands.items():
            self._group.addButton(band, number)
            layout.addWidget(band)
        layout.addWidget(self.ground)
        self._group.idClicked.connect(self.chosen)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def select(self, number: int) -> None:
        """Mark that band as the open one."""
        if number in self.bands:
            focused = any(band.hasFocus() for band in self.bands.values())
            self.bands[number].setChecked(True)
            if focused:  # the keyboard goes along: never two bands that look chosen
                self.bands[number].setFocus(Qt.FocusReason.OtherFocusReason)

    def set_compact(self, compact: bool) -> None:
        """For a low window: bands of one line."""
        for band in self.bands.values():
            band.set_compact(compact)

    def show_state(self, state: ContainerState, ground: Ground, engine: Engine | None) -> None:
        """Tell it of this container."""
        running = runs(state)
        layers = {layer.number: layer for layer in state.layers}
        for number, band in self.bands.items():
            band.show_layer(layers.get(number), running=running, gap=state.gap)
        self.process.say(translate(msg("The process")), (process_line(state),))
        self.ground.say(translate(msg("The kernel")), ground_lines(ground, engine))


def process_line(state: ContainerState) -> str:
    """Command, PID, and how many processes there are."""
    if not runs(state):
        return translate(msg("None runs"))
    container = state.container
    comm = state.capture.text("comm") if state.capture else ""
    command = plain(comm.strip(), 80) if isinstance(comm, str) and comm else plain(container.command, 80)
    pid = str(container.pid)
    count = len(state.processes) + 1
    if state.members_from:
        if command:
            return translate(
                plural("{command}, PID {pid}, {count} process", "{command}, PID {pid}, {count} processes", count,
                       command=command, pid=pid)
            )  # fmt: skip
        return translate(plural("PID {pid}, {count} process", "PID {pid}, {count} processes", count, pid=pid))
    if command:
        return translate(msg("{command}, PID {pid}", command=command, pid=pid))
    return translate(msg("PID {pid}", pid=pid))


def ground_lines(ground: Ground, engine: Engine | None) -> tuple[str, str]:
    """What all six stand on: the kernel with its security modules, and the engine."""
    modules = ", ".join(ground.lsms or ())
    if not ground.kernel:
        first = translate(msg("Not readable from here"))
    elif ground.lsms is None:
        first = translate(
            msg("Linux {version}, shared by all containers; security modules not readable", version=ground.kernel)
        )
    elif modules:
        first = translate(
            msg("Linux {version}, shared by all containers; security modules: {modules}", version=ground.kernel,
                modules=modules)
        )  # fmt: skip
    else:
        first = translate(msg("Linux {version}, shared by all containers; no security modules", version=ground.kernel))
    return first, _engine_line(engine)


def _engine_line(engine: Engine | None) -> str:
    if engine is None:
        return ""
    name = "dockerd" if engine.kind is EngineKind.DOCKER else "podman"
    if engine.rootless:
        return translate(msg("{engine} runs without root", engine=name))
    if engine.daemon_uid == 0:
        return translate(msg("{engine} runs as root", engine=name))
    if engine.daemon_uid is None:
        return translate(msg("As whom {engine} runs is not known", engine=name))
    return translate(msg("{engine} runs as user {uid}", engine=name, uid=str(engine.daemon_uid)))
