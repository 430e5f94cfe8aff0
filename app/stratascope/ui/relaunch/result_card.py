"""The card below a container's name after a relaunch: its number and what it was, the checks, the way back, and what
was refused since, as it comes.

Folded, and on other pages, it is one line; in a low window with refusals below it. Nothing in it is cut but the text of
a refusal, which its tooltip has whole.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.message import msg
from stratascope.core.relaunch.transaction import PlainOutcome
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.kit.buttons import MainButton, text_button
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.marks import Mark, MarkBox
from stratascope.ui.kit.theme import BOLD, STRETCH, Theme, smooth_painter
from stratascope.ui.kit.tone_card import LOW_HEIGHT, ToneCard
from stratascope.ui.relaunch.result import Check, ResultText
from stratascope.ui.threats.exposure import ExposureButton
from stratascope.ui.use.table import paint_sign
from stratascope.value import Value

ROW = 30
KEEP = "Ctrl+Shift+K"  # presses the main button of a card that stays until then
TWO = 680  # px of the design: if narrower, checks stand in one column
LEAST_TITLE = 130  # px of the design; where buttons leave less, they stand below the words
ROWS_MOST, ROWS_LOW = 3, 2  # refusals that are shown, and below a card of one line; their page has the rest
_NARROW = 560  # px of the design: a refusal without its time


class RefusedRow(Value):
    """A refusal in the card. `layer`: its number, 0 for none; `cost`: what allowing it does to the number."""

    key: str
    time: str
    process: str
    did: str
    layer: int
    cost: str
    able: bool
    whole: str


class RefusedList(Value):
    """What was refused since. `count`: of all. `since`: how long it is watched; "" if it is not, `why`: the reason.
    `ask`: it can be watched, on request.
    """

    rows: tuple[RefusedRow, ...] = ()
    count: int = 0
    since: str = ""
    why: str = ""
    ask: bool = False


class _Sign(QWidget):
    """A tick, a cross or a question mark."""

    decoration = True  # its line says it

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._sign = theme, ""
        self.setFixedSize(theme.px(12), theme.box(12))

    def show_sign(self, sign: str) -> None:
        self._sign = sign
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._sign:
            paint_sign(smooth_painter(self), QRectF(self.rect()), self._sign, self._theme)


class _CheckLine(QWidget):
    """One thing that was compared, and how it is."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._sign, self._text = _Sign(theme), Label(theme, 12, wrap=True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignTop)  # beside its sign, also where its neighbour is higher
        sign = (self._sign, 0, Qt.AlignmentFlag.AlignTop)
        theme.lay(QHBoxLayout(self), sign, (self._text, 1), around=0, gap=6)

    def show_check(self, check: Check) -> None:
        self._sign.show_sign(check.sign)
        self._text.setText(check.text)
        said = {"tick": msg("yes: {text}", text=check.text), "cross": msg("no: {text}", text=check.text)}
        self.setAccessibleName(translate(said.get(check.sign, msg("not compared: {text}", text=check.text))))


class Badge(QWidget):
    """A word in an outline."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self.text = theme, ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def say(self, text: str) -> None:
        """Set the word; "": nothing."""
        self.text = text
        self.setAccessibleName(text)
        self.setVisible(bool(text))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        self.setFont(self._theme.font(11, BOLD))
        return QSize(self.fontMetrics().horizontalAdvance(self.text) + self._theme.px(18), self._theme.box(11) + 6)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        box = QRectF(self.rect()).adjusted(0.75, 0.75, -0.75, -0.75)
        painter.setPen(QPen(theme.color("enf"), 1.2))
        painter.setBrush(theme.color("panel"))
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        painter.setFont(theme.font(11, BOLD))
        painter.setPen(theme.color("enf"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text)


class RefusalLine(QWidget):
    """One refusal: when, who, what, which layer, what allowing it costs, and the button that allows it."""

    def __init__(self, theme: Theme, row: RefusedRow) -> None:
        super().__init__()
        self.row, self._theme = row, theme
        self.time = Label(theme, 11, ink="text2", fixed=True, text=row.time)
        self.process = Line(theme, 12, BOLD, text=row.process)
        self.process.setMaximumWidth(theme.px(120))
        self.did = Line(theme, 12)
        self.did.say(row.did)
        give_tip(self.did, row.whole)
        number = MarkBox(theme, 16)
        number.show_number(row.layer)
        number.setVisible(row.layer > 0)
        self.cost = Label(theme, 12, ink="text2", text=row.cost)
        self.allow = text_button(theme, msg("Allow it"), size=12, weight=BOLD)
        self.allow.setAccessibleName(translate(msg("Allow: {what}", what=row.did)))
        policy = self.allow.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # what is before it stands in columns
        self.allow.setSizePolicy(policy)
        self.allow.setVisible(row.able)
        self.cost.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.cost.setMinimumWidth(self.cost.fontMetrics().horizontalAdvance("10.0 → 10.0"))
        theme.lay(
            QHBoxLayout(self), self.time, self.process, (self.did, 1), number, self.cost, self.allow,
            around=(10, 1, 8, 1), gap=10,
        )  # fmt: skip
        self.setMinimumHeight(theme.px(ROW))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.time.setVisible(self.width() >= self._theme.px(_NARROW))


class Refused(QFrame):
    """What was refused since. `allowed` has the key of a refusal."""

    allowed = Signal(str)
    all_wanted = Signal()
    watch_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("card")
        self._theme, self.shown = theme, RefusedList()
        self.setAccessibleName(translate(msg("Refused since then")))
        self.dot = MarkBox(theme, 8)
        self.head, self.told = Label(theme, 12, BOLD), Label(theme, 12, ink="text2", wrap=True)
        self.watch = text_button(theme, msg("Watch it"), self.watch_wanted.emit, weight=BOLD, look="link")
        give_tip(self.watch, translate(msg("Only root can watch; you are asked for a password if needed.")))
        self.all = text_button(theme, msg("All in Denied"), self.all_wanted.emit, weight=BOLD, look="link")
        top = theme.lay(QHBoxLayout(), self.dot, self.head, (self.told, 1), self.watch, self.all,
                        around=(10, 2, 6, 2), gap=8)  # fmt: skip
        self._rows = theme.lay(QVBoxLayout(), gap=0)
        theme.lay(QVBoxLayout(self), top, self._rows, around=1, gap=0)
        self.lines: tuple[RefusalLine, ...] = ()

    def show_refused(self, shown: RefusedList) -> None:
        """Show them; rows that stay are not made anew."""
        if shown == self.shown and self.head.text():
            return
        rows = shown.rows[:ROWS_MOST]
        if rows != tuple(line.row for line in self.lines):
            for line in self.lines:
                line.hide()
                line.deleteLater()
            self.lines = tuple(RefusalLine(self._theme, row) for row in rows)
            for line in self.lines:
                line.allow.clicked.connect(lambda _=False, key=line.row.key: self.allowed.emit(key))
                self._rows.addWidget(line)
        self.shown = shown
        self.dot.show_mark(Mark.DOT, "enf" if shown.since else "text3")
        head = msg("Refused since then: {count}", count=shown.count)
        if not shown.count:
            head = msg("Nothing was refused since") if shown.since else msg("Refused since then: not watched")
        self.head.setText(translate(head))
        live = translate(msg("live, for {age}", age=shown.since)) if shown.since else ""
        self.told.setText(live or shown.why)
        self.watch.setVisible(shown.ask)
        self.all.setVisible(shown.count > 0)


class ResultCard(ToneCard):
    """The card. `go_wanted`: its main button; `more_wanted`: the other one; `proof_wanted`: what was read back;
    `dismissed`: it was read, and may go.
    """

    go_wanted = Signal()
    more_wanted = Signal()
    proof_wanted = Signal()
    dismissed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.shown, self._able, self._columns = ResultText(), False, 1
        self._low, self._live = False, False
        self.exposure = ExposureButton(theme)
        self.title = Label(theme, 15, BOLD, wrap=True)
        self.badge = Badge(theme)
        self.lead = Label(theme, 12, ink="text", wrap=True)
        self.checks = QWidget()
        self._checks: list[_CheckLine] = []
        self._grid = QGridLayout(self.checks)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.px(18))
        self._grid.setVerticalSpacing(theme.px(2))
        self.go = MainButton(theme)
        self.more = QPushButton()
        self.more.setFont(theme.font(13, BOLD))
        self.note = Label(theme, 11, ink="text2")
        self.proof = text_button(theme, msg("Proof"), self.proof_wanted.emit, weight=BOLD, look="link")
        give_tip(self.proof, translate(msg("What was read back from the kernel after the relaunch")))
        self.dismiss = text_button(theme, msg("Dismiss"), self.dismissed.emit, weight=BOLD, look="link")
        give_tip(self.dismiss, translate(msg("The card goes; Denied and History still tell of it")))
        self.refused = Refused(theme)
        self._lay_out()
        self.go.clicked.connect(self.go_wanted)
        self.more.clicked.connect(lambda _=False: self.more_wanted.emit())

    def _lay_out(self) -> None:
        theme = self._theme
        first = theme.lay(QHBoxLayout(), (self.title, 1), self.badge, self.proof, self.dismiss, gap=8)
        words = theme.lay(QVBoxLayout(), STRETCH, first, self.lead, self.checks, STRETCH, gap=3)
        text = theme.lay(QHBoxLayout(), (self.exposure, 0, Qt.AlignmentFlag.AlignVCenter), (words, 1), gap=12)
        self._right = QWidget()
        pair = theme.lay(QHBoxLayout(), self.go, self.more, gap=8)
        theme.lay(QVBoxLayout(self._right), STRETCH, pair, (self.note, 0, Qt.AlignmentFlag.AlignHCenter), STRETCH,
                  around=0, gap=5)  # fmt: skip
        self._upper = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        theme.lay(self._upper, (text, 1), self._right, gap=12)
        theme.lay(self.outer, self._upper, self.refused, gap=8)

    @property
    def low(self) -> bool:
        """Whether it is one line high."""
        return self._low or self.shown.folded

    def set_low(self, low: bool, *, live: bool = False) -> None:
        """Use one line, as on other pages and in a low window; `live`: there is room for refusals below it."""
        if (low, live) != (self._low, self._live):
            self._low, self._live = low, live
            self.fit()

    def show_result(self, shown: ResultText, refused: RefusedList | None) -> None:
        """Show this content; `refused`: None where it is of no interest."""
        self._able = refused is not None
        if refused is not None:
            self.refused.show_refused(refused)
        if shown != self.shown:
            checks = shown.checks != self.shown.checks
            self.shown = shown
            self.title.setText(plain(shown.title, 400))
            self.lead.setText(plain(shown.lead, 800))
            self.badge.say(shown.badge)
            stays = shown.outcome is not PlainOutcome.ROLLED_BACK
            self.go.say(shown.go, translate(msg("Key: {keys}", keys=KEEP)) if stays else "")
            self.more.setText(shown.more)
            self.note.setText(shown.note)
            if checks:
                self._fill_checks()
        self.fit()

    def _fill_checks(self) -> None:
        checks = self.shown.checks
        while len(self._checks) < len(checks):
            self._checks.append(_CheckLine(self._theme))
        for place, line in enumerate(self._checks):
            self._grid.removeWidget(line)
            if place < len(checks):
                line.show_check(checks[place])
                self._grid.addWidget(line, place // self._columns, place % self._columns)
            line.setVisible(place < len(checks))

    def fit(self) -> None:
        theme, shown, low = self._theme, self.shown, self.low
        columns = 2 if self.width() >= theme.px(TWO) else 1
        if columns != self._columns:
            self._columns = columns
            self._fill_checks()
        self.exposure.set_low(low)
        self.title.resize_letters(13 if low else 15)
        self.lead.setVisible(bool(shown.lead) and not low)
        self.checks.setVisible(bool(shown.checks) and not low)
        self.badge.setVisible(bool(shown.badge) and not low)
        self.note.setVisible(bool(shown.note) and not low)
        self.proof.setVisible(shown.proof)
        self.dismiss.setVisible(shown.outcome is PlainOutcome.ROLLED_BACK)
        self.go.set_low(low)
        self.go.setVisible(bool(shown.go))
        self.more.setVisible(bool(shown.more))
        live = self._live and not shown.folded and self.refused.shown.count > 0
        self.refused.setVisible(self._able and (live or not low))
        for line in self.refused.lines[ROWS_LOW:]:
            line.setVisible(not low)

        def wide(*beside: QWidget) -> int:
            return sum(each.sizeHint().width() + theme.px(12) for each in beside if not each.isHidden())

        taken = wide(self.exposure, self.badge, self.proof, self.dismiss) + max(
            wide(self.go, self.more), wide(self.note)
        )
        tight = self.narrow or (not low and self.width() - taken < theme.px(LEAST_TITLE))
        way = QBoxLayout.Direction.TopToBottom if tight else QBoxLayout.Direction.LeftToRight
        self._upper.setDirection(way)
        least = min(max(self.go.sizeHint().width(), self.more.sizeHint().width()), theme.px(110))
        for button in (self.go, self.more):
            button.setMinimumWidth(least)
        self.more.setMinimumHeight(self.go.sizeHint().height())
        self.setMinimumHeight(theme.px(LOW_HEIGHT) if low else 0)
        self.set_edges(low=low)

    def tones(self) -> tuple[str, str]:
        tone = "weak" if self.shown.outcome is PlainOutcome.ROLLED_BACK else "enf"
        return f"card_line_{tone}", f"{tone}_soft"
