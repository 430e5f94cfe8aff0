"""What was read back from the kernel after a relaunch, in the place of the layer panel."""

from __future__ import annotations

import time

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from stratascope.core.message import Message, became, msg
from stratascope.core.relaunch.toggle import Proven
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, LayerState
from stratascope.core.threats.threat import evidence
from stratascope.i18n.translate import translate
from stratascope.presentation.relaunch_words import PROVEN_TITLES
from stratascope.ui.harden.number_line import paint_arrow
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.labels import Label, Line, Rule, give_tip
from stratascope.ui.kit.marks import Mark, MarkBox, mark_of, paint_mark, paint_number, verdict_word
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme, smooth_painter
from stratascope.ui.panel.panel import TabButton
from stratascope.ui.relaunch.confirm_page import empty
from stratascope.ui.relaunch.result import Result
from stratascope.usecases.relaunch.proof import Proved

ROW = 36
_MARKS = {Proven.ENFORCED: Mark.ENFORCED, Proven.NOT_ENFORCED: Mark.OPEN, Proven.UNKNOWN: Mark.UNKNOWN}
_INKS = {Proven.ENFORCED: "enf", Proven.NOT_ENFORCED: "open", Proven.UNKNOWN: "unk"}
_TABS: tuple[tuple[str, Message], ...] = (
    ("layers", msg("Layers")),
    ("changes", msg("Changes")),
    ("lines", msg("Lines changed")),
)


class LayerProof(QWidget):
    """One layer: its number and name, the mark before and now, what it was and is, and where that is read. Long ones
    take several lines.
    """

    def __init__(self, theme: Theme, before: LayerState, now: LayerState, title: str, source: str) -> None:
        super().__init__()
        self._theme, self._title, self._source = theme, title, source
        self._number = now.number
        self._marks = mark_of(before.assessment), mark_of(now.assessment)
        old, new = (plain(translate(each.assessment.fact), 400) for each in (before, now))
        self.told = translate(became(old, new)) if old != new else new
        words = (verdict_word(each.assessment.verdict) for each in (before, now))
        name = msg("{title}: {before}, now {now}", title=title, before=next(words), now=next(words))
        self.setAccessibleName(translate(name))
        give_tip(self, "\n".join(each for each in (self.accessibleName(), self.told, source) if each))
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(300), self._theme.px(ROW))

    def heightForWidth(self, width: int) -> int:
        """As high as the highest of its texts."""
        theme, whole = self._theme, self.texts(width)
        texts = (QFontMetrics(font).boundingRect(QRect(0, 0, room, 100_000), flags, text).height()
                 for _, room, font, _, flags, text in whole)  # fmt: skip
        return max(theme.px(ROW), theme.box(13) + theme.px(8), *(high + theme.px(12) for high in texts))

    def _marks_at(self, width: int) -> float:
        return max(self._theme.px(150), width * 0.21)

    def texts(self, width: int) -> tuple[tuple[int, int, QFont, str, int, str], ...]:
        """Place, width, font, colour, how it wraps, and the text itself: the layer's name, what it was and is, and the
        source.
        """
        theme, marks = self._theme, round(self._marks_at(width))
        left, right = marks + theme.px(66), width - theme.px(14)
        word, anywhere = Qt.TextFlag.TextWordWrap, Qt.TextFlag.TextWrapAnywhere
        fixed, plain_font = theme.font(11, fixed=True), theme.font(13)
        took = min(QFontMetrics(fixed).horizontalAdvance(self._source) + 2, round((right - left) * 0.4))
        room = max(theme.px(40), right - left - (took + theme.px(12) if self._source else 0))
        longest = max((QFontMetrics(plain_font).horizontalAdvance(each) for each in self.told.split()), default=0)
        return (
            (theme.px(40), marks - theme.px(46), theme.font(13, MEDIUM), "text", int(word), self._title),
            (left, room, plain_font, "text", int(word if longest <= room else anywhere), self.told),
            (right - took, took, fixed, "text2", int(anywhere), self._source),
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        high, middle = self.height(), self.height() / 2
        side, small = theme.px(16), theme.px(12)
        paint_number(painter, QRectF(theme.px(14), middle - side / 2, side, side), self._number, theme)
        marks = self._marks_at(self.width())
        for place, mark in enumerate(self._marks):
            paint_mark(painter, QRectF(marks + place * theme.px(40), middle - small / 2, small, small), mark, theme)
        paint_arrow(painter, marks + theme.px(19), marks + theme.px(31), middle, theme)
        for left, room, font, ink, flags, text in self.texts(self.width()):
            painter.setFont(font)
            painter.setPen(theme.color(ink))
            painter.drawText(QRect(left, 0, room, high), flags | int(Qt.AlignmentFlag.AlignVCenter), text)


class ProofPanel(QFrame):
    """The panel."""

    def __init__(self, theme: Theme, titles: dict[str, str]) -> None:
        """`titles`: of the layers by their ids."""
        super().__init__()
        self.setObjectName("card")
        self._theme, self._titles = theme, titles
        self._shown: tuple[object, ...] = ()
        self.title, self.told = Label(theme, 15, BOLD, text=translate(msg("Proof"))), Line(theme, 12, ink="text2")
        self.setAccessibleName(self.title.text())
        self.stack, self._group = QStackedWidget(), QButtonGroup(self)
        self.tabs: dict[str, TabButton] = {}
        self.rows: dict[str, QVBoxLayout] = {}
        head = theme.lay(QHBoxLayout(), self.title, (self.told, 1), around=(15, 6, 15, 5), gap=8)
        for key, word in _TABS:
            tab = self.tabs[key] = TabButton(theme, key)
            tab.say(translate(word))
            self._group.addButton(tab)
            head.addWidget(tab)
            rows = self.rows[key] = theme.lay(QVBoxLayout(), gap=0)
            inner = TextColumn()
            theme.lay(QVBoxLayout(inner), rows, STRETCH, around=0, gap=0)
            area = Scrolled(inner, translate(word), reads=True)
            for part in (area.viewport(), inner):  # the card's own ground
                part.setAutoFillBackground(False)
            self.stack.addWidget(area)
        self._group.buttonClicked.connect(lambda tab: self.open_tab(tab.key))
        self.tabs["layers"].setChecked(True)
        self.stack.setMinimumHeight(theme.px(60))
        theme.lay(QVBoxLayout(self), head, Rule(theme), (self.stack, 1), around=1, gap=0)
        self.hide()

    def open_tab(self, key: str) -> None:
        """Open one of its tabs."""
        self.tabs[key].setChecked(True)
        self.stack.setCurrentIndex([each for each, _ in _TABS].index(key))

    def show_proof(self, result: Result, now: ContainerState | None) -> None:
        """Show what was read after that relaunch; `now`: as it is read at present."""
        layers = () if now is None else now.layers
        if (result, layers) == self._shown:
            return
        self._shown = result, layers
        at = time.strftime("%H:%M:%S", time.localtime(result.at))
        self.told.say(translate(msg("read back from the kernel after the relaunch, {time}", time=at)))
        for rows in self.rows.values():
            empty(rows)
        old = () if result.before is None else result.before.layers
        before = {layer.id: layer for layer in old}
        pid = None if now is None else now.container.pid
        for layer in sorted(layers, key=lambda each: -each.number):
            if layer.id in before and _differ(before[layer.id], layer):
                title, source = self._titles.get(layer.id, layer.id), _source(layer, result.proofs, pid)
                self._put("layers", LayerProof(self._theme, before[layer.id], layer, title, source))
        for proved in result.proofs:
            self._put("changes", self._change(proved, pid))
        lines = () if result.preview is None else result.preview.differences
        for text in lines:
            self._put("lines", self._text(plain(translate(text), 400)))
        for key, rows in self.rows.items():
            if not rows.count():
                self._put(key, self._text(translate(msg("Nothing."))))
        self.tabs["changes"].say(translate(msg("Changes {count}", count=len(result.proofs))))

    def _put(self, key: str, widget: QWidget) -> None:
        rows = self.rows[key]
        if rows.count():
            rows.addWidget(Rule(self._theme))
        rows.addWidget(widget)

    def _text(self, text: str) -> QWidget:
        line = QWidget()
        label = Label(self._theme, 13, wrap=True, text=text).selectable()
        self._theme.lay(QHBoxLayout(line), (label, 1), around=(14, 7, 14, 7))
        return line

    def _change(self, proved: Proved, pid: int | None) -> QWidget:
        theme, proof = self._theme, proved.proof
        line, mark = QWidget(), MarkBox(theme, 12)
        mark.show_mark(_MARKS[proof.outcome])
        title = Label(theme, 13, MEDIUM, wrap=True, text=plain(translate(proved.choice.named), 200))
        word = Label(theme, 12, BOLD, ink=_INKS[proof.outcome], text=translate(PROVEN_TITLES[proof.outcome]))
        found = Label(theme, 12, ink="text2", wrap=True, text=plain(translate(proof.found), 400)).selectable()
        where = plain(evidence(proof.source, pid), 400)
        source = Label(theme, 11, ink="text2", wrap=True, fixed=True, text=where.replace("/", "/\N{ZERO WIDTH SPACE}"))
        source.setAccessibleName(where)
        theme.lay(QHBoxLayout(line), mark, (title, 4), word, (found, 5), (source, 3), around=(14, 6, 14, 6), gap=10)
        return line


def _differ(before: LayerState, now: LayerState) -> bool:
    old, new = before.assessment, now.assessment
    return (old.verdict, translate(old.fact)) != (new.verdict, translate(new.fact))


def _source(layer: LayerState, proofs: tuple[Proved, ...], pid: int | None) -> str:
    """Where the first change in this layer was read back."""
    of_it = next((each.proof for each in proofs if each.choice.toggle.layer == layer.id and each.proof.source), None)
    return "" if of_it is None else evidence(of_it.source, pid)
