"""The engines: a button with their states, a popup that says what to do about each, and the page without a
container.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.container import Engine, EngineState
from stratascope.core.message import colon, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.takeover import unseen_engines
from stratascope.ui.containers.alert import LOOKING
from stratascope.ui.kit import focus_order
from stratascope.ui.kit.buttons import paint_ground, text_button
from stratascope.ui.kit.flow import TextColumn
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.marks import Mark, MarkBox, engine_mark, engine_state_word, paint_mark
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme, smooth_painter
from stratascope.ui.panel.page import Page

ONE_BY_ONE = 4  # engines that get a name each; more are counted


class EnginesButton(QAbstractButton):
    """Mark and name of each engine; if there is no room, folded into a count, and then into numbers only."""

    opens = True

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._engines: tuple[Engine, ...] = ()
        self._looking = True
        self._folded, self._tight = False, False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(translate(msg("Engines")))

    def show_engines(self, engines: tuple[Engine, ...], *, looking: bool) -> None:
        """Show their states. `looking`: more may be found yet."""
        self._engines, self._looking = engines, looking
        words = [_state(engine) for engine in engines] or [self._none()]
        self.setAccessibleDescription("\n".join(words))
        give_tip(self, "\n".join(words))
        self.updateGeometry()
        self.update()

    def _none(self) -> str:
        return translate(msg("Looking…") if self._looking else msg("No engine"))

    def set_folded(self, folded: bool, *, tight: bool) -> None:
        """Use one chip for all; `tight`: without words, so that the page switch next to it stays readable."""
        if (folded, tight) != (self._folded, self._tight):
            self._folded, self._tight = folded, tight
            self.updateGeometry()
            self.update()

    def whole_width(self) -> int:
        """Return the width with mark and name of each."""
        return self._width(folded=False)

    def _parts(self, *, folded: bool) -> list[tuple[Mark, str, str, str]]:
        """Return mark, its colour, name and state of each part."""
        if folded or len(self._engines) > ONE_BY_ONE or not self._engines:
            good = sum(engine.state is EngineState.CONNECTED for engine in self._engines)
            bad = any(engine_mark(engine.state)[0] is Mark.TRIANGLE for engine in self._engines)
            mark, ink = (Mark.TRIANGLE, "weak") if bad else (Mark.DOT, "enf") if good else (Mark.NOT_RUNNING, "text3")
            text = plural("{good} of {count} engine", "{good} of {count} engines", len(self._engines), good=good)
            several = f"{good}/{len(self._engines)}" if self._tight else translate(text)
            return [(mark, ink, several if self._engines else self._none(), "")]
        parts = []
        for engine in self._engines:
            mark, ink = engine_mark(engine.state)
            word = "" if engine.state is EngineState.CONNECTED else engine_state_word(engine.state)
            name = plain(engine.id, 60)
            if len(name) > 20:
                name = f"{name[:9]}…{name[-9:]}"
            parts.append((mark, ink, name, word))
        return parts

    def sizeHint(self) -> QSize:
        return QSize(self._width(folded=self._folded), self._theme.px(32))

    def _width(self, *, folded: bool) -> int:
        theme = self._theme
        self.setFont(theme.font(12, MEDIUM))
        width = theme.px(8)
        for _, _, name, word in self._parts(folded=folded):
            width += theme.px(16 + 18) + self.fontMetrics().horizontalAdvance(name)
            width += self.fontMetrics().horizontalAdvance(word) + theme.px(5) if word else 0
        return width

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        paint_ground(painter, self, theme)
        painter.setFont(theme.font(12, MEDIUM))
        x, side = theme.px(12), theme.px(10)
        middle = Qt.AlignmentFlag.AlignVCenter
        for mark, ink, name, word in self._parts(folded=self._folded):
            paint_mark(painter, QRectF(x, (self.height() - side) / 2, side, side), mark, theme, ink)
            x += theme.px(16)
            painter.setPen(theme.color("text"))
            room = max(0, self.width() - x)
            shown = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRectF(x, 0, 400, self.height()), middle, shown)
            x += painter.fontMetrics().horizontalAdvance(name)
            if word:
                x += theme.px(5)
                painter.setPen(theme.color(ink))
                painter.drawText(QRectF(x, 0, 300, self.height()), middle, word)
                x += painter.fontMetrics().horizontalAdvance(word)
            x += theme.px(18)


def engine_card(theme: Theme, engine: Engine) -> QWidget:
    """Return a card with all that is known of one engine."""
    card = QWidget()
    mark, ink = engine_mark(engine.state)
    box = MarkBox(theme, 11)
    box.show_mark(mark, ink)
    name = Line(theme, 13, BOLD, text=engine.id)
    state = Label(theme, 12, MEDIUM, ink, text=engine_state_word(engine.state))
    head = theme.lay(QHBoxLayout(), box, name, state, STRETCH, gap=7)
    layout = theme.lay(QVBoxLayout(card), head, around=0, gap=2)
    facts = []
    if engine.version:
        facts.append(translate(msg("Version {version}", version=engine.version)))
    facts.append(translate(msg("rootless") if engine.rootless else msg("rootful")))
    if engine.daemon_uid is not None:
        facts.append(translate(msg("runs as UID {uid}", uid=str(engine.daemon_uid))))
    lines = []
    if engine.message is not None:
        lines.append((plain(translate(engine.message), 1500), 12.0, "text", False))
    if engine.error:
        lines.append((plain(engine.error, 1500), 11.0, "text2", True))
    lines += [(listed(facts), 12.0, "text2", False), (plain(engine.endpoint, 500), 11.0, "text3", True)]
    for text, size, line_ink, fixed in lines:
        label = Label(theme, size, ink=line_ink, wrap=True, fixed=fixed).selectable()
        label.setText(text)
        layout.addWidget(label)
    card.setAccessibleName(_state(engine))
    return card


def _state(engine: Engine) -> str:
    return translate(colon(plain(engine.id, 60), engine_state_word(engine.state)))


class EnginesPopup(QFrame):
    """The popup below the button. Escape closes it."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("popup")
        self.setAccessibleName(translate(msg("Engines")))
        self._theme = theme
        self.area = QScrollArea()
        self.area.setProperty("reads", True)
        self.area.setAccessibleName(translate(msg("Engines and their states")))
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.addWidget(self.area)

    def focusNextPrevChild(self, forward: bool) -> bool:
        return focus_order.step(self, forward=forward)

    def open_below(self, anchor: QWidget, engines: tuple[Engine, ...]) -> None:
        """Open it below the anchor, with right edges aligned."""
        theme = self._theme
        inner = TextColumn()
        inner.setObjectName("page")
        column = theme.lay(QVBoxLayout(inner), around=(16, 14, 16, 14), gap=14)
        for engine in engines:
            column.addWidget(engine_card(theme, engine))
        if not engines:
            label = Label(theme, 13, wrap=True, text=translate(msg("No engine was found, and none was expected.")))
            column.addWidget(label)
        column.addStretch(1)
        self.area.setWidget(inner)
        window = anchor.window()
        width = min(theme.px(440), window.width() - theme.px(24))
        inner.setFixedWidth(width - theme.px(14))
        column.activate()
        needed = column.heightForWidth(width - theme.px(14))
        height = min(needed + theme.px(12), theme.px(520), window.height() - theme.px(80))
        self.setFixedSize(width, height)
        corner = anchor.mapToGlobal(QPoint(anchor.width() - width, anchor.height() + 4))
        self.move(corner)
        self.show()
        self.area.setFocus()


LEFT = Qt.AlignmentFlag.AlignLeft


def empty_words(snapshot: Snapshot | None) -> tuple[str, str]:
    """Return title and sentence for a window without containers."""
    if snapshot is not None and snapshot.unsought is not None:
        return (
            translate(msg("Engines could not be looked for")),
            translate(msg("{why} Press F5 to try again.", why=translate(snapshot.unsought))),
        )
    if snapshot is not None and snapshot.reading and not snapshot.containers:
        return translate(msg("Reading what was captured…")), translate(msg("This machine's engines are not asked."))
    if snapshot is None or (snapshot.asking and not snapshot.containers):
        return translate(LOOKING), translate(msg("Asking the engines."))
    if snapshot.containers:
        return translate(msg("No container matches the filter")), translate(msg("Change the filter, or clear it."))
    if snapshot.captures and snapshot.nothing_read:
        return translate(msg("No capture could be read")), translate(msg("The reason is above."))
    if snapshot.captures:
        return translate(msg("No containers were captured")), translate(msg("This machine's engines are not asked."))
    states = [engine.state for engine in snapshot.engines]
    answering = next((engine for engine in snapshot.engines if engine.state is EngineState.CONNECTED), None)
    if answering is not None:
        return (
            translate(msg("No containers seen yet") if unseen_engines(snapshot) else msg("No containers yet")),
            translate(msg("Start one, for example: {command}. It appears here automatically.",
                          command=f"{answering.kind} run --rm -it debian")),
        )  # fmt: skip
    if EngineState.DENIED in states:
        return (
            translate(msg("The engine denies access to this user")),
            translate(msg("What to do for each engine is shown below.")),
        )
    if EngineState.UNREACHABLE in states:
        return (
            translate(msg("The engine does not answer")),
            translate(msg("It is retried automatically. What to do is shown below.")),
        )
    return (
        translate(msg("No container engine was found")),
        translate(msg("Install or start Docker or Podman. As soon as one answers, its containers appear here.")),
    )


class EmptyPage(Page):
    """The page without a container: title, sentence, and each engine with what to do. `learn`: opens the lessons, which
    need no container, only an engine.
    """

    def __init__(self, theme: Theme, selection: Selection) -> None:
        super().__init__(theme)
        self._selection = selection
        self.learn: Callable[[], object] | None = None
        self._shown: tuple[tuple[str, str], tuple[Engine, ...]] | None = None
        selection.container_changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        """Show it, rebuilt only if something changed."""
        if self._selection.current is not None:
            return
        snapshot = self._selection.snapshot
        words = empty_words(snapshot)
        engines = snapshot.engines if snapshot and not snapshot.containers else ()
        if (words, engines) == self._shown:
            return
        self._shown = (words, engines)
        theme = self._theme
        holder = QWidget()
        holder.setMinimumWidth(theme.px(380))
        holder.setMaximumWidth(theme.px(560))
        column = theme.lay(QVBoxLayout(holder), around=(0, 64, 0, 0), gap=8)
        title = Label(theme, 22, BOLD, wrap=True, text=words[0])
        sentence = Label(theme, 13, ink="text2", wrap=True).selectable()
        sentence.setText(words[1])
        theme.lay(column, title, sentence, 16)
        if self.learn is not None and any(each.state is EngineState.CONNECTED for each in engines):
            theme.lay(column, (text_button(theme, msg("Learn by trying…"), self.learn, size=13), 0, LEFT), 16)
        for engine in engines:
            theme.lay(column, engine_card(theme, engine), 8)
        row = QWidget()
        line = theme.lay(QHBoxLayout(row), STRETCH, (holder, 8), STRETCH)
        line.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.show_widgets([row])
