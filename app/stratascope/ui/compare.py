"""The dialog that compares two containers: all differences side by side, and a sentence that sums them up.

The containers are of this machine, of captures, or one of each; the comparison is made on a thread.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QRect, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.layer import Layer
from stratascope.core.message import Message, bracketed, colon, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.presentation import comparison
from stratascope.presentation.comparison import PARTS, Comparison, Difference, Part, compare
from stratascope.presentation.terminal import Style
from stratascope.ui.kit import feedback, focus_order
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.ui.kit.buttons import ChoiceBox
from stratascope.ui.kit.chip import ChipRow, FilterChip
from stratascope.ui.kit.file_dialogs import ask_open
from stratascope.ui.kit.flow import card_frame, resize_on_screen
from stratascope.ui.kit.labels import Label, give_tip, wrapped
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.table import AIR, BESIDE, AnyIndex, Column, ItemModel, ItemRole, ItemTable
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme
from stratascope.value import Value


class Side(Value):
    """One side of a comparison: a container and its label. `source`: the capture that it comes from, empty: now."""

    state: ContainerState
    name: str
    source: str = ""


def _columns(names: tuple[str, str]) -> tuple[Column, ...]:
    """Columns: what is compared, and its value in either container. `names`: the containers' names, if known."""
    one, two = names
    return (
        Column(msg("Kind"), lambda found: translate(PARTS[found.part]), share=0.13, most=110, size=12,
               ink=lambda _: "text3"),
        Column(msg("What"), lambda found: plain(found.what, 300), share=0.27, weight=BOLD),
        Column(one or msg("First container"), lambda found: plain(found.one, 2000), share=0.3, weight=MEDIUM,
               ink=lambda found: _ink(found, -1), spoken=lambda found: _spoken(found.one, found, -1)),
        Column(two or msg("Second container"), lambda found: plain(found.two, 2000), grows=1, weight=MEDIUM,
               ink=lambda found: _ink(found, 1), spoken=lambda found: _spoken(found.two, found, 1)),
    )  # fmt: skip


def _where(state: ContainerState) -> str:
    """What tells it apart from others of its name: the engine, or the command and process of a sandbox."""
    sandbox, container = state.container.sandbox, state.container
    return container.engine if sandbox is None else f"{plain(sandbox.command, 40)}, {container.pid}"


def _ink(found: Difference, side: int) -> str:
    return "open" if found.worse == side else "text"


def _spoken(text: str, found: Difference, side: int) -> str:
    text = plain(text, 2000)
    return translate(msg("{text}, weaker here", text=text)) if found.worse == side else text


class Differences(ItemTable):
    """The differences; a value has as many lines as it needs."""

    lead = 1

    def __init__(self, theme: Theme) -> None:
        name = translate(msg("What is different"))
        super().__init__(theme, name, ItemModel(_columns(("", ""))), self._paint, first=True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)

    def rows_placed(self) -> None:
        self._set_heights()

    def fit(self) -> None:
        super().fit()
        self._set_heights()

    def _set_heights(self) -> None:
        rows = self.verticalHeader()
        for at, row in enumerate(self.model_.rows):
            rows.resizeSection(at, self._high(row))

    def _high(self, row: Difference) -> int:
        theme, found = self._theme, self.row_height()
        for at, column in enumerate(self.model_.columns):
            metrics = QFontMetrics(theme.font(column.size, column.weight))
            room = QRect(0, 0, max(1, self.columnWidth(at) - theme.px(2 * BESIDE)), 10_000)
            high = metrics.boundingRect(room, Qt.TextFlag.TextWordWrap, wrapped(column.text(row))).height()
            found = max(found, high + theme.px(AIR))
        return found

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, _: QStyle.StateFlag) -> None:
        theme, column = self._theme, self.model_.columns[index.column()]
        painter.setFont(theme.font(column.size, column.weight))
        painter.setPen(theme.color(column.ink(index.data(ItemRole))))
        room = rect.adjusted(theme.px(BESIDE), 0, -theme.px(BESIDE), -1)
        wrap = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(room, wrap, wrapped(str(index.data())))


class CompareDialog(QDialog):
    """The dialog. `wanted`: compare two Sides. `capture_wanted`: open a capture, to choose from."""

    wanted = Signal(object, object)
    capture_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.found: Comparison | None = None
        self.part: Part | None = None
        self._filling = False
        self.setWindowTitle(translate(msg("Compare")))
        self.title = Label(theme, 18, BOLD)
        self.title.setText(translate(msg("Compare")))
        self.one, self.two = self._box(), self._box()
        self.swap = QPushButton(translate(msg("Swap sides")))
        self.lead = Label(theme, 15, BOLD, wrap=True)
        self.counted = Label(theme, 13, ink="text2", wrap=True)
        self.chips: dict[Part | None, FilterChip] = {None: FilterChip(theme, translate(msg("All")))}
        for part in Part:
            self.chips[part] = FilterChip(theme, translate(PARTS[part]))
        self.row = ChipRow(theme)
        self.row.setAccessibleName(translate(msg("Filter differences")))
        self.table = Differences(theme)
        self.copy = QPushButton(translate(msg("Copy as text")))
        self.capture = QPushButton(translate(msg("Open a capture…")))
        self.close_ = QPushButton(translate(msg("Close")))
        for button in (self.swap, self.capture, self.copy, self.close_):
            button.setAutoDefault(False)  # Enter in a name field must not press them
        self._lay_out()
        resize_on_screen(self, theme, 980, 680)
        for box in (self.one, self.two):
            box.currentIndexChanged.connect(lambda _: self._ask())
        self.swap.clicked.connect(lambda _=False: self._swap())
        self.capture.clicked.connect(lambda _=False: self.capture_wanted.emit())
        self.copy.clicked.connect(lambda _=False: feedback.copy(self, self.as_text()))
        self.close_.clicked.connect(self.hide)
        for which, chip in self.chips.items():
            chip.clicked.connect(partial(self._show_part, which))

    def _box(self) -> QComboBox:
        box = ChoiceBox(self._theme, letters=12)
        box.setMaxVisibleItems(20)
        box.setPlaceholderText(translate(msg("Choose a container")))
        box.setFont(self._theme.font(13))
        box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        return box

    def _lay_out(self) -> None:
        theme = self._theme
        choose = QGridLayout()
        choose.setHorizontalSpacing(theme.px(8))
        choose.setVerticalSpacing(theme.px(2))
        for column, box, name in (
            (0, self.one, msg("First container")),
            (2, self.two, msg("Second container")),
        ):
            label = Label(theme, 11, ink="text3")
            label.setText(translate(name))
            label.setBuddy(box)
            box.setAccessibleName(label.text())
            choose.addWidget(label, 0, column)
            choose.addWidget(box, 1, column)
            choose.setColumnStretch(column, 1)
        choose.addWidget(self.swap, 1, 1)
        for chip in self.chips.values():
            chip.setAutoExclusive(True)
            self.row.put(chip)
        self.chips[None].setChecked(True)
        card = card_frame(theme, self.table, name=self.table.accessibleName())
        end = theme.lay(QHBoxLayout(), self.copy, self.capture, STRETCH, self.close_)
        theme.lay(
            QVBoxLayout(self),
            self.title,
            choose,
            self.lead,
            self.counted,
            self.row,
            (card, 1),
            end,
            around=20,
            gap=10,
        )

    # -- contents

    def offer(self, sides: tuple[Side, ...], one: Side | None, two: Side | None) -> None:
        """Fill the two choices, and select `one` and `two`."""
        self._filling = True
        for box, side in ((self.one, one), (self.two, two)):
            box.clear()
            for each in sides:
                text = bracketed(each.name, each.source or _where(each.state))
                box.addItem(translate(text), each)
            box.setCurrentIndex(sides.index(side) if side in sides else -1)
        self._filling = False
        self._ask()

    @property
    def sides(self) -> tuple[Side | None, Side | None]:
        """The two chosen sides."""
        one, two = (box.currentData() for box in (self.one, self.two))
        return one if isinstance(one, Side) else None, two if isinstance(two, Side) else None

    def _ask(self) -> None:
        one, two = self.sides
        if self._filling:
            return
        if one is None or two is None:
            self.say(msg("Choose two containers."))
        else:
            self.wanted.emit(one, two)

    def _swap(self) -> None:
        one, two = self.one.currentIndex(), self.two.currentIndex()
        self._filling = True
        self.one.setCurrentIndex(two)
        self.two.setCurrentIndex(one)
        self._filling = False
        self._ask()

    def say(self, text: Message) -> None:
        """Show a sentence in place of a comparison."""
        self.found = None
        self.lead.setText(translate(text))
        self.counted.hide()
        self.copy.setEnabled(False)
        self._count()
        self.table.show_rows((), _columns(("", "")))

    def show_comparison(self, found: Comparison) -> None:
        """Show a comparison."""
        self.found = found
        names = self.names
        self.lead.setText(translate(comparison.exposures(found, *names)))
        self.counted.setText(comparison.counted(found))
        self.counted.show()
        self.copy.setEnabled(True)
        self._count()
        self._show_part(self.part)

    @property
    def names(self) -> tuple[str, str]:
        """The labels of the two sides."""
        if self.found is None:
            return "", ""
        sources = (each.source if each is not None else "" for each in self.sides)
        return comparison.names_of(self.found, *(each or translate(msg("now")) for each in sources))

    def _count(self) -> None:
        found = () if self.found is None else self.found.differences
        for which, chip in self.chips.items():
            count = sum(which in (None, each.part) for each in found)
            word = translate(msg("All") if which is None else PARTS[which])
            chip.say(f"{word} {count}", empty=not count)
            chip.setAccessibleName(translate(colon(word, count)))
            give_tip(chip, chip.accessibleName())
        self.row.arrange()

    def _show_part(self, which: Part | None, _: bool = False) -> None:
        self.part = which
        self.chips[which].setChecked(True)
        if self.found is not None:
            rows = tuple(each for each in self.found.differences if which in (None, each.part))
            self.table.show_rows(rows, _columns(self.names))
            self.table.fit()
            if rows:
                self.table.make_current(0)

    def as_text(self) -> str:
        """Return the whole comparison as text, for copying."""
        if self.found is None:
            return ""
        return "\n".join(comparison.lines(self.found, *self.names, Style(width=100))) + "\n"

    def focusNextPrevChild(self, forward: bool) -> bool:
        return focus_order.step(self, forward=forward)


class CompareController(QObject):
    """Opens the dialog: `ask` for a container, `show_pair` for two given states, such as one and its past."""

    def __init__(self, window: QWidget, theme: Theme, layers: tuple[Layer, ...], selection: Selection) -> None:
        super().__init__(window)
        self._window, self._theme, self._layers, self._selection = window, theme, layers, selection
        self._queries = QueryRunner(self)
        self._captured: list[Side] = []
        self._made: CompareDialog | None = None

    @property
    def dialog(self) -> CompareDialog:
        """The dialog, made when first needed."""
        if self._made is None:
            self._made = CompareDialog(self._theme, self._window)
            self._made.wanted.connect(self._compare)
            self._made.capture_wanted.connect(self._choose_capture)
        return self._made

    def ask(self, key: Key | None = None, other: Key | None = None) -> None:
        """Compare that container, or the one in view, with `other` or with one to be chosen."""
        wanted = self._selection.key if key is None else key
        sides = self._sides()
        one = next((each for each in sides if each.state.key == wanted and not each.source), None)
        two = next((each for each in sides if each.state.key == other and not each.source), None)
        self._open(sides, one, two)

    def show_pair(self, one: ContainerState, two: ContainerState, source: str) -> None:
        """Compare two given states. `source`: appended to the second one's name, such as a moment."""
        sides = self._sides()
        first = next((each for each in sides if each.state.key == one.key and not each.source), None)
        second = Side(two, plain(two.container.name, 80), source)
        self._open((*sides, second), first or Side(one, plain(one.container.name, 80)), second)

    def stop(self) -> None:
        """Drop answers that are still to come."""
        self._queries.end()

    def _sides(self) -> tuple[Side, ...]:
        snapshot = self._selection.snapshot
        states = () if snapshot is None else snapshot.containers
        now = [Side(state, plain(state.container.name, 80)) for state in states]
        now.sort(key=lambda each: each.name.casefold())
        return (*now, *self._captured)

    def _open(self, sides: tuple[Side, ...], one: Side | None, two: Side | None) -> None:
        self.dialog.offer(sides, one, two)
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()
        (self.dialog.two if one is not None else self.dialog.one).setFocus()

    def _compare(self, one: Side, two: Side) -> None:
        self._queries.ask("compare", partial(compare, one.state, two.state, self._layers), self._show)

    def _show(self, found: Comparison | Failure) -> None:
        if isinstance(found, Failure):
            self.dialog.say(found.message)
        else:
            self.dialog.show_comparison(found)

    def _choose_capture(self) -> None:
        title, kinds = translate(msg("Open a capture")), translate(msg("Captures (*.json)"))
        ask_open(self.dialog, title, self.open_capture, kinds=f"{kinds};;*")

    def open_capture(self, path: Path) -> None:
        """Offer the containers of a capture as choices."""
        self._queries.ask("capture", partial(_read, path), partial(self._take, path))

    def _take(self, path: Path, found: Snapshot | Failure) -> None:
        if isinstance(found, Failure):
            self._queries.drop("compare")  # a pending answer would replace the current one
            self.dialog.say(found.message)
            return
        source = plain(path.name, 60)
        self._captured = [each for each in self._captured if each.source != source]
        new = [Side(state, plain(state.container.name, 80), source) for state in found.containers]
        self._captured += sorted(new, key=lambda each: each.name.casefold())
        one, two = self.dialog.sides
        if one is not None and two is None:  # the same container as it was in the capture
            two = next((each for each in self._captured if (each.source, each.name) == (source, one.name)), None)
        self.dialog.offer(self._sides(), one, two)


def _read(path: Path) -> Snapshot:
    """Read a capture. Raises ProbeError, OSError."""
    from stratascope.wiring import views

    return views.read(path)
