"""The top of the page: how much has been observed, which phases of its life were seen, and the Observe button."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, SignalInstance
from PySide6.QtGui import QPainterPath, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.container import Engine
from stratascope.core.message import Message, age, msg, plural
from stratascope.core.observation.observation import Observation, Phase, Seen
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Privilege, Snapshot
from stratascope.core.text import count_text
from stratascope.i18n.translate import translate
from stratascope.presentation.needs_report import phase_word
from stratascope.presentation.processes import short_age
from stratascope.presentation.takeover import runs
from stratascope.presentation.terms import with_words
from stratascope.presentation.use_picture import UsePicture
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.marks import Mark, MarkBox
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme, smooth_painter
from stratascope.ui.use.cards import QUIET
from stratascope.ui.use.observation_feed import Known
from stratascope.ui.use.table import Word, WordLine

HIGH, SIDE, NARROW = 92, 216, 560
_NAMES_SHOWN = 4


class Eye(QWidget):
    """The state of the observation; grey if closed. The text next to it says what it means."""

    decoration = True

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._ink = theme, "text2"
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(26), self._theme.px(26))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        box = QRectF(self.rect()).adjusted(1, 0, -1, 0)
        middle, high = box.center(), box.height() * 0.36
        lid = QPainterPath(QPointF(box.left(), middle.y()))
        lid.quadTo(QPointF(middle.x(), middle.y() - 2 * high), QPointF(box.right(), middle.y()))
        lid.quadTo(QPointF(middle.x(), middle.y() + 2 * high), QPointF(box.left(), middle.y()))
        painter.setPen(QPen(theme.color(self._ink), 1.7 * theme.scale))
        painter.drawPath(lid)
        painter.drawEllipse(middle, 3.4 * theme.scale, 3.4 * theme.scale)


class CoverageBar(QWidget):
    """The share of the phases that were seen; the number above it says the same."""

    decoration = True

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._share = theme, 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_share(self, share: float) -> None:
        self._share = share
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(120), self._theme.px(7))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        box = QRectF(self.rect())
        radius = box.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("barlow"))
        painter.drawRoundedRect(box, radius, radius)
        if self._share > 0:
            painter.setBrush(theme.color("accent"))
            box.setWidth(max(box.height(), box.width() * self._share))
            painter.drawRoundedRect(box, radius, radius)


class Strip(QFrame):
    """The strip. `observe_wanted`, `stop_wanted`: from its button. What is impossible is said in a sentence, never by a
    disabled button.
    """

    observe_wanted = Signal()
    stop_wanted = Signal()
    forget_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setAccessibleName(translate(msg("What was learned")))
        self._theme = theme
        self.eye = Eye(theme)
        self.title = Line(theme, 15, BOLD)
        self.dot = MarkBox(theme, 11)
        self.dot.show_mark(Mark.DOT)
        self.live = Line(theme, 12, ink="text2")
        self.phases = WordLine(theme)
        self.what = Label(theme, 12, ink="text2", wrap=True).selectable()
        self.what.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.covered = Label(theme, 12, ink="text2")
        self.share = Label(theme, 12, BOLD)
        self.bar = CoverageBar(theme)
        self.observe = self._button(msg("Observe"), self.observe_wanted)
        self.end = self._button(msg("Stop observing"), self.stop_wanted)
        self.forget = self._button(msg("Forget…"), self.forget_wanted)
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._lay_out()
        theme.changed.connect(self._restyle)
        self._restyle()

    def _button(self, text: Message, wanted: SignalInstance) -> QPushButton:
        button = QPushButton(translate(text))
        button.clicked.connect(lambda _=False: wanted.emit())
        button.hide()
        return button

    def _lay_out(self) -> None:
        theme = self._theme
        head = theme.lay(QHBoxLayout(), self.title, self.dot, (self.live, 1), gap=7)
        text = theme.lay(QVBoxLayout(), head, self.phases, self.what, STRETCH, gap=5)
        left = theme.lay(QHBoxLayout(), self.eye, (text, 1), gap=12)
        coverage = theme.lay(QHBoxLayout(), (self.covered, 1), self.share)
        self.buttons = theme.lay(QHBoxLayout(), STRETCH, self.forget, self.observe, self.end, gap=8)
        right = theme.lay(QVBoxLayout(), coverage, self.bar, STRETCH, self.buttons, gap=6)
        self._right = QWidget()
        self._right.setLayout(right)
        right.setContentsMargins(0, 0, 0, 0)
        self._row.setContentsMargins(*(theme.px(length) for length in (15, 11, 15, 11)))
        self._row.setSpacing(theme.px(16))
        self._row.addLayout(left, 1)
        self._row.addWidget(self._right)
        self.setMinimumHeight(theme.px(HIGH))

    def show_picture(
        self, picture: UsePicture, known: Known, refused: Message | None, privilege: Privilege, *, busy: bool
    ) -> None:
        """Show the state. `refused`: why it cannot be observed at all."""
        told, live = title_text(picture, known), live_text(picture, known, busy=busy)
        self.title.say(translate(told))
        give_tip(self.title, whose_text(known) or translate(told))
        self.live.say("" if live is None else translate(live))
        self.dot.setVisible(known.alive)
        self.eye.setVisible(not picture.observed)
        phases = phases_text(picture) if picture.observed else ()
        self.phases.say(phases)
        self.phases.setVisible(bool(phases))
        self.what.setText(what_text(picture, known, refused, privilege))
        self._ink("weak" if known.trouble is not None or lost_text(picture.observation.seen) else "text2")
        for widget in (self.covered, self.share, self.bar):
            widget.setVisible(picture.observed)
        self.covered.setText(translate(msg("Coverage")))
        self.share.setText(translate(msg("{percent} %", percent=round(100 * picture.coverage.share))))
        self.bar.show_share(picture.coverage.share)
        had = self.observe.hasFocus() or self.end.hasFocus()
        self.observe.setVisible(refused is None and not known.alive)  # also while it starts: the button has the focus
        first = not picture.observed
        if self.observe.property("main") is not first:
            self.observe.setProperty("main", first)  # the main action of this page
            self.observe.style().unpolish(self.observe)
            self.observe.style().polish(self.observe)
        self.end.setVisible(known.alive)
        self.forget.setVisible((picture.observed or known.damaged) and not known.alive and not busy)
        if had and not busy:
            (self.end if known.alive else self.observe).setFocus()

    def _ink(self, token: str) -> None:
        palette = self.what.palette()
        palette.setColor(palette.ColorRole.WindowText, self._theme.color(token))
        self.what.setPalette(palette)

    def _restyle(self) -> None:
        for button in (self.observe, self.end, self.forget):
            button.setFont(self._theme.font(13, MEDIUM))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < self._theme.px(NARROW)
        way = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        if way != self._row.direction():
            self._row.setDirection(way)
        self._right.setMinimumWidth(0 if narrow else self._theme.px(SIDE))


def why_not(state: ContainerState, engine: Engine | None, snapshot: Snapshot, *, able: bool) -> Message | None:
    """Return why it cannot be observed, as far as is known without trying; None: try."""
    if snapshot.demo:
        return msg("This was recorded elsewhere: nothing here can be watched. Use a container of your own.")
    if not able:
        return msg("Nothing can be watched here.")
    if not runs(state):
        return msg("It is not running, so it can't be watched.")
    if state.container.sandbox is not None:
        return msg("A sandbox can't be watched: what is used is seen by control group, and it may share one with other "
                   "programs.")  # fmt: skip
    if engine is not None and not engine.local:
        return msg("It runs on another machine. A container can be watched only where it runs.")
    return snapshot.privilege.nobody_to_ask


def title_text(picture: UsePicture, known: Known) -> Message:
    """Return how long and over how many starts it was observed; else the state."""
    seen = picture.observation.seen
    if known.alive and not _learned_before(picture):
        return msg("Observing for {age}", age=age(seen.seconds))
    if not picture.observed:
        return msg("Not observed yet")
    starts = plural("{count} start", "{count} starts", seen.starts)
    return msg("Learned from {age}, {starts}", age=age(seen.seconds), starts=starts)


def live_text(picture: UsePicture, known: Known, *, busy: bool) -> Message | None:
    """Return, during an observation, the last event, for display next to the title."""
    if busy:
        return busy_text(known)
    if not known.alive:
        return None
    growth = picture.calls.growth
    if not growth:
        return msg("observing, no call yet")
    if picture.calls.seconds - growth[-1][0] < QUIET:
        return msg("observing, new call just now")
    return msg("observing, new call {age} ago", age=short_age(picture.calls.seconds - growth[-1][0]))


def busy_text(known: Known) -> Message:
    """Return the text while it is being started or stopped."""
    return msg("stopping…") if known.alive else msg("starting…")


def lost_text(seen: Seen) -> Message | None:
    """Return that events were lost, or None."""
    if not seen.lost:
        return None
    return plural(
        "One event was lost: it may use more than is shown here.",
        "{count} events were lost: it may use more than is shown here.",
        seen.lost,
    )


def what_text(picture: UsePicture, known: Known, refused: Message | None, privilege: Privilege) -> str:
    """Return the line below: trouble, why nothing can be observed, what was lost, what is not observed."""
    trouble = None if known.trouble is None else with_words(known.trouble, known.words)
    found: list[Message | None] = [trouble, refused]
    if not picture.observed:
        if known.alive:
            return translate(msg("Nothing has been seen of it yet."))
        if not any(found):
            found.append(_offer(privilege))
    else:
        found.append(lost_text(picture.observation.seen))
        if not any(found):
            found.append(msg("Needs that arise only on rare days are not learned before such a day."))
    return " ".join(translate(each) for each in found if each is not None)


def _offer(privilege: Privilege) -> Message:
    if privilege.asks_nobody:
        return msg(
            "Watch it at work to see what it really uses: capabilities, calls, files, ports. Nothing in it is changed."
        )
    return msg(
        "Watch it at work to see what it really uses: capabilities, calls, files, ports. Nothing in it is changed; "
        "only root can watch, so you may be asked for a password."
    )


def phases_text(picture: UsePicture) -> tuple[Word, ...]:
    """Return the phases seen, with how often, and the possible ones that were not."""
    seen = picture.observation.seen
    counts = {
        Phase.START: seen.starts,
        Phase.RELOAD: seen.reloads,
        Phase.SESSIONS: seen.execs,
        Phase.STOP: seen.stops,
    }
    found = []
    for phase in picture.coverage.seen:
        count = counts.get(phase, 0)
        word = _capital(phase_word(phase))
        if count:
            times = f"{count_text(count)}×"
            text = msg("{phase} {times}", phase=word, times=times)
            found.append(Word(translate(text), "tick", times, "text"))
        else:
            found.append(Word(word, "tick", ink="text"))
    found += [Word(translate(msg("{phase} not seen", phase=_capital(phase_word(phase)))), "dash")
              for phase in picture.coverage.missing]  # fmt: skip
    return tuple(found)


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def whose_text(known: Known) -> str:
    """Return the containers that it was observed in; empty if that says nothing new."""
    names = () if known.needs is None else known.needs.containers
    if not names:
        return ""
    shown = ", ".join(plain(name, 80) for name in names[-_NAMES_SHOWN:])
    return translate(msg("From all containers of this image and command: {names}", names=shown))


def _learned_before(picture: UsePicture) -> bool:
    """Whether something was stored before the present observation."""
    needs = picture.needs
    return needs is not None and needs.updated > 0 and picture.observation != Observation()
