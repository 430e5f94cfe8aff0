"""Learn by trying: a dialog with the lessons, in which a layer is taken away, an attempt gets through, and the layer is
put back. One main button goes on; the strata show how far the attempt came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, QVariantAnimation
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.layer import Layer
from stratascope.core.lesson import Lesson, Move, StageOutcome
from stratascope.core.message import Message, MessageError, bracketed, colon, msg
from stratascope.core.sanitize import plain
from stratascope.core.threats.attempt import Tried
from stratascope.i18n.translate import translate
from stratascope.presentation.lessons_report import MOVES, command_words, otherwise, told
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.background import ThreadRun, reason
from stratascope.ui.kit.buttons import MainButton
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.ui.strata.rays import falling
from stratascope.usecases.attempts.lessons import LESSONS, words
from stratascope.value import Value

# A stage of a lesson, by its place; yields what begins (with a `text`), then a StageOutcome. What was recorded comes
# after the reason why it is not tried here, one for each machine.
Teach = Callable[[Lesson, int, Callable[[], bool]], Iterator[Any]]
SIZE = (820, 600)
BAND, GAP, FALL = 30, 4, 450  # heights; ms


class _Ended(Value):
    trouble: Message | None = None


class LessonPicture(QWidget):
    """The six layers, from the program down to the kernel, and the ray of the attempt. Painted; spoken as one part."""

    def __init__(self, theme: Theme, layers: tuple[Layer, ...]) -> None:
        super().__init__()
        self._theme = theme
        self._layers = sorted(layers, key=lambda layer: -layer.number)
        self._away: frozenset[str] = frozenset()
        self._back = ""
        self._made: StageOutcome | None = None
        self._fall = falling(self, FALL)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_stage(self, away: frozenset[str], back: str, made: StageOutcome | None) -> None:
        """Layers that are away, the one that was just put back, and what came of trying it, if it was tried."""
        self._away, self._back, self._made = away, back, made
        self._fall.stop()
        if made is not None and self.isVisible() and not self._theme.reduced_motion:
            self._fall.start()
        self.setAccessibleName(translate(msg("Strata")))
        self.setAccessibleDescription("" if made is None else translate(told(made)))
        self.update()

    def sizeHint(self) -> QSize:
        theme = self._theme
        return QSize(theme.px(360), theme.px(7 * (BAND + GAP)))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, step, high = self._theme, self._theme.px(BAND + GAP), self._theme.px(BAND)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outcome = None if self._made is None else self._made.outcome
        stop = -1
        for place, layer in enumerate(self._layers):
            box = QRectF(0.5, place * step + 0.5, self.width() - 1, high - 1)
            away, back = layer.id in self._away, layer.id == self._back
            painter.setPen(QPen(theme.color("accent" if back else "line"), 2.0 if back else 1.0,
                                Qt.PenStyle.DashLine if away else Qt.PenStyle.SolidLine))  # fmt: skip
            painter.setBrush(Qt.BrushStyle.NoBrush if away else theme.color("enf_soft" if back else "sunk"))
            painter.drawRoundedRect(box, 4, 4)
            painter.setFont(theme.font(12, MEDIUM))
            painter.setPen(theme.color("text3" if away else "text"))
            title = f"{layer.number}  {translate(layer.about.title)}"
            word = translate(bracketed(title, translate(msg("taken away")))) if away else title
            painter.drawText(box.adjusted(theme.px(12), 0, -theme.px(90), 0), Qt.AlignmentFlag.AlignVCenter, word)
            if outcome is not None and outcome.tried is Tried.STOPPED and outcome.layer == layer.id:
                stop = place
        painter.setFont(theme.font(12, BOLD))
        painter.setPen(theme.color("text2"))
        ground = QRectF(0, 6 * step, self.width(), high)
        painter.drawText(
            ground.adjusted(theme.px(12), 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, translate(msg("Kernel"))
        )
        if outcome is not None and outcome.tried is not Tried.NOT_TRIED:
            self._ray(painter, stop, outcome.tried is Tried.OPEN)
        painter.end()

    def _ray(self, painter: QPainter, stop: int, through: bool) -> None:
        theme, step, high = self._theme, self._theme.px(BAND + GAP), self._theme.px(BAND)
        x = self.width() - theme.px(60)
        end = 6 * step + high / 2 if stop < 0 else stop * step + high / 2
        moving = self._fall.state() == QVariantAnimation.State.Running
        now = end * float(self._fall.currentValue()) if moving else end
        colour = theme.color("open" if through else "enf")
        painter.setPen(QPen(colour, 3.0))
        painter.drawLine(int(x), 0, int(x), int(now))
        if moving:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        side = theme.px(7)
        if through:
            painter.drawEllipse(QRectF(x - side, now - side, 2 * side, 2 * side))
        else:
            painter.drawRect(QRectF(x - 2.5 * side, now - side / 2, 5 * side, side))


class LearnDialog(QDialog):
    """The dialog. `teach`: tries a stage. `selinux`: whether this machine has it, for the words of options. Closing it
    ends what is being tried; nothing is left of it.
    """

    def __init__(
        self, theme: Theme, layers: tuple[Layer, ...], teach: Teach, parent: QWidget, *, selinux: bool = False
    ) -> None:
        super().__init__(parent)
        self._theme, self._teach, self._selinux = theme, teach, selinux
        self._titles = {layer.id: translate(layer.about.title) for layer in layers}
        self._run: ThreadRun | None = None
        self._stage, self._set = -1, False  # the stage, and whether its layer was moved and is to be tried
        self._doing = ""
        self.setWindowTitle(translate(msg("Learn by trying")))
        self.list = QListWidget()
        self.list.setFont(theme.font(13))
        self.list.setAccessibleName(translate(msg("Lessons")))
        self.list.setObjectName("chapters")
        for each in LESSONS:
            self.list.addItem(self._titles.get(each.layer, translate(msg("Depth"))))
        self.list.setFixedWidth(self.list.sizeHintForColumn(0) + theme.px(40))
        self.question = Label(theme, 18, BOLD, wrap=True)
        self.text = Label(theme, 13, wrap=True)
        self.options = Label(theme, 12, ink="text2", wrap=True, fixed=True).selectable()
        self.picture = LessonPicture(theme, layers)
        self.said = Label(theme, 13, MEDIUM, wrap=True)
        self.home = Label(theme, 13, BOLD, "accent", wrap=True)
        self.button = MainButton(theme)
        self.button.clicked.connect(self.press)
        page = TextColumn()
        column = theme.lay(
            QVBoxLayout(page), self.question, self.text, self.options, self.picture, self.said, self.home,
            around=(16, 8, 16, 8), gap=10,
        )  # fmt: skip
        column.addStretch(1)
        self.area = Scrolled(page, name=translate(msg("Lesson")), reads=True)
        right = theme.lay(QVBoxLayout(), (self.area, 1), self.button, gap=10)
        theme.lay(QHBoxLayout(self), self.list, (right, 1), around=16, gap=12)
        self.list.currentRowChanged.connect(self._begin)
        self.list.itemActivated.connect(lambda _: self.button.setFocus())  # Enter in the list, then on the button
        self.list.setCurrentRow(0)
        room = parent.size()
        self.resize(min(theme.px(SIZE[0]), room.width() - 16), min(theme.px(SIZE[1]), room.height() - 16))
        self.button.setFocus()

    @property
    def lesson(self) -> Lesson:
        """The lesson in view."""
        return LESSONS[max(0, self.list.currentRow())]

    @property
    def trying(self) -> bool:
        """Whether something is being tried."""
        return self._run is not None

    def choose(self, lesson: str) -> None:
        """Begin the lesson of that id, if there is one."""
        for row, each in enumerate(LESSONS):
            if each.id == lesson:
                self.list.setCurrentRow(row)
                self._begin()

    def press(self) -> None:
        """Go on: take away or put back, try, the next lesson; stop, while it is tried."""
        if self._run is not None:
            self._run.cancel()
        elif self._set:
            self._try()
        elif self._stage + 1 < len(self.lesson.stages):
            self._stage, self._set = self._stage + 1, True
            self.said.setText("")
            self._show(None)
        else:
            self.list.setCurrentRow((self.list.currentRow() + 1) % len(LESSONS))

    def done(self, result: int) -> None:
        if self._run is not None:
            self._run.cancel()
        super().done(result)

    # -- internals

    def _begin(self) -> None:
        if self._run is not None:
            self._run.cancel()
            self._run.over.disconnect(self._over)
            self._run.told.disconnect(self._take)
            self._run = None
        self._stage, self._set = -1, False
        self.question.setText(translate(self.lesson.question))
        self.text.setText(translate(self.lesson.text))
        self.said.setText("")
        self._show(None)
        self.area.verticalScrollBar().setValue(0)

    def _show(self, made: StageOutcome | None) -> None:
        stages, at = self.lesson.stages, self._stage
        stage = stages[at] if at >= 0 else None
        own = {each.layer for each in stages if each.layer}
        away = frozenset() if stage is None else frozenset(own - {stage.layer})
        self.options.setText("" if stage is None else command_words(words(stage.options, selinux=self._selinux)))
        self.options.setVisible(stage is not None)
        self.picture.show_stage(away, "" if stage is None else stage.layer, made)
        ended = at == len(stages) - 1 and not self._set
        self.home.setText(translate(self.lesson.home) if ended else "")
        self.home.setVisible(ended)
        self.said.setVisible(bool(self.said.text()))
        self.button.say(translate(self._word()))

    def _reveal(self) -> None:
        """Bring into view what came of it, where the page is longer than its room."""
        for part in (self.home, self.said):
            if part.isVisible():
                self.area.ensureWidgetVisible(part)

    def _word(self) -> Message:
        if self._run is not None:
            return msg("Stop trying")
        if self._set:
            return msg("Try") if self.lesson.stages[self._stage].move is Move.AWAY else msg("Try again")
        if self._stage + 1 < len(self.lesson.stages):
            coming = self.lesson.stages[self._stage + 1]
            word = MOVES[coming.move]
            return word if self.lesson.layer or not coming.layer else colon(word, self._titles[coming.layer])
        return msg("Next lesson")

    def _try(self) -> None:
        self._doing = ""
        self._run = run = ThreadRun(partial(_run, self._teach, self.lesson, self._stage), _ended, "lesson", self)
        run.told.connect(self._take)
        run.over.connect(self._over)
        run.start()
        self._show(None)

    def _take(self, event: Any) -> None:
        if not isinstance(event, StageOutcome):
            self._doing = translate(event.text)
            self.said.setText(self._doing)
            self.said.setVisible(True)
            return
        before = self._doing if self._set else self.said.text()
        self._set = False
        other = otherwise(event)
        parts = [translate(told(event))]
        if event.recorded is not None:
            parts = [before, translate(bracketed(parts[0], translate(event.recorded)))]
        elif other is not None:
            parts.append(translate(other))
        self.said.setText("\n".join(plain(line, 400) for each in parts for line in each.split("\n") if line))
        self._show(event)
        QTimer.singleShot(0, self, self._reveal)
        accessibility.announce(self, self.said.text())

    def _over(self, ended: _Ended) -> None:
        self._run = None
        if ended.trouble is not None:
            self.said.setText(plain(translate(ended.trouble), 400))
            self.said.setVisible(True)
        self.button.say(translate(self._word()))


def _run(teach: Teach, lesson: Lesson, stage: int, cancelled: Callable[[], bool]) -> Iterator[Any]:
    try:
        yield from teach(lesson, stage, cancelled)
    except MessageError as error:
        yield _Ended(error.message)


def _ended(error: Exception | None) -> _Ended:
    return _Ended(None if error is None else reason(error)[0])
