"""Below the list: the six layers of the chosen process beside those of the container's first, mark by mark."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from stratascope.core.layer import Layer
from stratascope.core.message import msg
from stratascope.core.overview.processes import Process
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation import processes as words
from stratascope.presentation.processes import LayerComparison
from stratascope.ui.kit.flow import TextColumn
from stratascope.ui.kit.labels import Label, Line, Rule, give_tip
from stratascope.ui.kit.marks import Mark, MarkBox, assessed_word, mark_of
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme


class _LayerRow:
    """Number, name, mark → mark, and what is different."""

    def __init__(self, theme: Theme, layer: Layer, grid: QGridLayout, place: int) -> None:
        self.layer = layer
        number = MarkBox(theme, 16)
        number.show_number(layer.number)
        self.name, self.arrow = Line(theme, 13), Label(theme, 12, ink="text3")
        self.name.say(translate(layer.about.title))
        self.arrow.setText("→")
        marks = QWidget()
        marks.setFixedSize(theme.px(54), theme.box(13))
        beside = QHBoxLayout(marks)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(theme.px(6))
        self.first, self.own = MarkBox(theme, 12), MarkBox(theme, 12)
        self.text = Label(theme, 12, ink="text2", wrap=True).selectable()
        self.text.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Copy has all of it
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, theme.px(6), 0, theme.px(4))
        column.addWidget(self.text)
        top = Qt.AlignmentFlag.AlignTop
        beside.addWidget(self.first)
        beside.addWidget(self.arrow)
        beside.addWidget(self.own)
        beside.addStretch(1)
        for at, widget in enumerate((number, self.name, marks)):
            cell = QVBoxLayout()
            cell.setContentsMargins(0, theme.px(3), 0, 0)
            cell.addWidget(widget, 0, top)
            grid.addLayout(cell, place, at)
        grid.addWidget(shown, place, 3)

    def show(self, beside: LayerComparison) -> None:
        """As it is for that process."""
        one, two = beside.first.assessment, beside.own.assessment
        self.first.show_mark(mark_of(one))
        self.own.show_mark(mark_of(two))
        changed = mark_of(one) is not mark_of(two)
        self.arrow.setVisible(changed)
        self.own.setVisible(changed)
        spoken = translate(msg("{layer}: {verdict}", layer=self.layer.about.title, verdict=assessed_word(two)))
        self.name.setAccessibleName(spoken)
        self.text.tint("open" if beside.more else "text" if beside.differs else "text2")
        if self.text.text() != beside.text:
            self.text.setText(beside.text)


class LayersCard(QFrame):
    """`end_wanted`: the session of the process that is shown is to be ended; `copy_wanted`: it is to be copied."""

    end_wanted = Signal()
    copy_wanted = Signal()

    def __init__(self, theme: Theme, layers: tuple[Layer, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layers = layers
        self.setObjectName("card")
        self.setAccessibleName(translate(msg("Layers of the process")))
        self.dot, self.name = MarkBox(theme, 11), Line(theme, 15, BOLD)
        self.note, self.why_not = Line(theme, 12, ink="text2"), Label(theme, 12, ink="weak", wrap=True)
        self.end, self.copy = QPushButton(translate(msg("End this session"))), QPushButton(translate(msg("Copy")))
        self.end.setProperty("danger", True)
        for button in (self.end, self.copy):
            button.setFont(theme.font(12, MEDIUM))
        head = QHBoxLayout()
        head.setSpacing(theme.px(8))
        for widget in (self.dot, self.name, self.note):
            head.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        head.addStretch(1)
        head.addWidget(self.end)
        head.addWidget(self.copy)
        inner = TextColumn()
        inner.setObjectName("page")
        grid = QGridLayout(inner)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.px(8))
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(3, 1)
        ordered = sorted(layers, key=lambda each: -each.number)
        self.rows = {each.id: _LayerRow(theme, each, grid, 2 * at) for at, each in enumerate(ordered)}
        for at in range(1, len(ordered)):
            grid.addWidget(Rule(theme), 2 * at - 1, 0, 1, 4)
        grid.setRowStretch(2 * len(ordered), 1)
        self.area = QScrollArea()
        self.area.setWidget(inner)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setAccessibleName(translate(msg("Layers of the process")))
        self.source = Line(theme, 11, ink="text2", fixed=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.px(length) for length in (14, 10, 14, 8)))
        column.setSpacing(theme.px(6))
        column.addLayout(head)
        column.addWidget(self.why_not)
        column.addWidget(self.area, 1)
        column.addWidget(self.source)
        self.end.clicked.connect(lambda _=False: self.end_wanted.emit())
        self.copy.clicked.connect(lambda _=False: self.copy_wanted.emit())
        self.beside: tuple[LayerComparison, ...] = ()

    def show_process(self, state: ContainerState, process: Process, why_not: str, *, busy: bool) -> None:
        """`why_not`: why its session can't be ended; empty where it can, or it is in none."""
        self.name.say(translate(words.title(process)))
        first = process.state is None
        self.note.say(translate(msg("the first process") if first else msg("what differs from the first process")))
        self.dot.show_mark(Mark.DOT, "open" if process.beyond else "enf")
        self.beside = words.compare_layers(state, process, self._layers)
        for each in self.beside:
            self.rows[each.first.id].show(each)
        self.end.setVisible(bool(process.session))
        self.end.setEnabled(not why_not and not busy)
        give_tip(self.end, why_not)
        self.why_not.setText(why_not)
        self.why_not.setVisible(bool(process.session and why_not))
        capture = state.capture if first or process.state is None else process.state.capture
        self.source.say("" if capture is None else capture.source("status"))

    def as_text(self) -> str:
        """What is shown, to be copied."""
        lines = [self.name.text()]
        for each in self.beside:
            title, verdict = self.rows[each.first.id].layer.about.title, assessed_word(each.own.assessment)
            lines.append(translate(msg("{layer}: {verdict}. {text}", layer=title, verdict=verdict, text=each.text)))
        return "\n".join(lines)
