"""The layer panel: the layer, its verdict, and its facts in tabs. It shows any layer, and knows none by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.accepted import in_force
from stratascope.core.layer import About, Layer, Place, Tab, Verdict, View
from stratascope.core.message import NOTHING, Message, colon, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, LayerState
from stratascope.core.threats.threat import Basis
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import runs
from stratascope.ui.findings.acceptances import Acceptances
from stratascope.ui.findings.list import FindingsList
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.labels import Label, Line, Rule
from stratascope.ui.kit.marks import Mark, MarkBox, assessed_word, mark_of, verdict_word
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme, smooth_painter
from stratascope.ui.panel.page import Page, RawView, raw_text
from stratascope.ui.panel.table import asked_table
from stratascope.ui.syscalls.compared import ComparedCalls
from stratascope.ui.syscalls.view import CallsView

_AS_ASKED = msg("As asked, not verified: the engine states it, and only root can read the kernel's own value.")
_AS_STARTED = msg("Not running. Predicted from what its engine was asked for: this is how it would start.")
# The keys of the tabs, the same for all layers. The first is what the kernel keeps for the layer, item by item, and
# bears the name of that: bits, system calls, namespaces, limits, the label, maps.
BITS, MEANING, FINDINGS, DETAILS = "bits", "meaning", "findings", "details"


def tabs_of(layer: LayerState) -> tuple[Tab, ...]:
    """Return a layer's tabs; of one that says nothing of itself, what was asked for."""
    tabs = layer.assessment.tabs
    table = None if tabs else asked_table(layer.asked)
    return tabs if table is None else (Tab(msg("Asked for"), (table,)),)


def first_title(tabs: tuple[Tab, ...]) -> Message:
    """Return the name of the panel's first tab; nothing if there is none."""
    return next((tab.title for tab in tabs if tab.place is Place.BITS), NOTHING)


class TabButton(QAbstractButton):
    """A tab, underlined if open."""

    def __init__(self, theme: Theme, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key = key
        self._theme = theme
        self.setCheckable(True)
        self.setAutoExclusive(True)  # one of several, also for screen readers
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._fit()
        theme.changed.connect(self._fit)

    def say(self, text: str) -> None:
        """Set the tab's text."""
        self.setText(plain(text, 60).replace("&", "&&"))
        self.setAccessibleName(translate(msg("Tab {name}", name=text)))
        self._fit()

    def _fit(self) -> None:
        self.setFont(self._theme.font(12, BOLD))
        width = self.fontMetrics().horizontalAdvance(self.text().replace("&&", "&"))
        self.setFixedSize(width + self._theme.px(8), self._theme.box(12) + self._theme.px(8))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        chosen = self.isChecked()
        painter.setFont(theme.font(12, BOLD if chosen else MEDIUM))
        painter.setPen(theme.color("accent" if chosen else "text" if self.underMouse() else "text2"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text().replace("&&", "&"))
        if chosen:
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawLine(theme.px(4), self.height() - 1, self.width() - theme.px(4), self.height() - 1)
        if self.hasFocus():
            paint_focus_ring(painter, self.rect().adjusted(1, 1, -1, -2), theme.px(4), theme)


class Panel(QFrame):
    """The panel: a header of 40 with tabs, then the open tab's page; between them a line if nothing was read from the
    kernel, and the facts are the engine's word, or predicted.

    `root_wanted`: verify what the engine states.
    """

    root_wanted = Signal()

    def __init__(self, theme: Theme, layers: tuple[Layer, ...], selection: Selection, acceptances: Acceptances) -> None:
        super().__init__()
        self.setObjectName("card")
        self._acceptances = acceptances
        self._theme, self._selection = theme, selection
        self._layers = {layer.number: layer for layer in layers}
        self._shown: tuple[object, ...] | None = None
        self._state: ContainerState | None = None
        self.number = 0
        self._open: dict[int, str] = {}  # the last open tab, by layer
        self._waiting: dict[str, Callable[[], object]] = {}  # fills a tab's page once the tab is open
        self._anew: set[str] = set()  # pages that start at their top
        self._about: About | None = None  # that is shown
        self._findings_elsewhere = False
        self.mark, self.box = MarkBox(theme, 14), MarkBox(theme, 16)
        self.title = Label(theme, 15, BOLD)
        self.fact = Line(theme, 12, ink="text2")
        self.told = Line(theme, 12, ink="text2")
        self.verify = QPushButton(translate(msg("Verify as root")))
        self.verify.setObjectName("link")
        self.verify.setFont(theme.font(12, BOLD))
        self.verify.setCursor(Qt.CursorShape.PointingHandCursor)
        self.verify.clicked.connect(lambda _=False: self.root_wanted.emit())
        self.verify.setFixedHeight(theme.box(12) + theme.px(2))
        self.tabs: list[TabButton] = []
        self._group = QButtonGroup(self)
        self._group.buttonClicked.connect(lambda button: self._turn(button.key))
        self._tab_row = theme.lay(QHBoxLayout(), gap=10)
        self.pages: dict[str, Page] = {}
        self.raw = RawView(theme)
        self.findings = FindingsList(theme, acceptances)
        self.stack = QStackedWidget()
        self.stack.setMinimumHeight(theme.px(60))  # its pages scroll; the strata above them do not
        self._page(FINDINGS).show_widgets([self.findings])
        self._page(DETAILS).show_below([self.raw])
        head = theme.lay(QHBoxLayout(), self.mark, self.box, self.title, (self.fact, 1), gap=8)
        head.addStretch(0)
        theme.lay(head, self._tab_row)
        top = theme.lay(QVBoxLayout(), head, around=(15, 6, 15, 5), gap=2)
        second = theme.lay(QHBoxLayout(), (self.told, 1), self.verify, around=0, gap=8)
        self._second = QWidget()
        self._second.setLayout(second)
        self._second.hide()
        top.addWidget(self._second)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        theme.lay(layout, top, Rule(theme), (self.stack, 1), gap=0)
        selection.container_changed.connect(self._show)
        selection.layer_opened.connect(self._show)
        acceptances.changed.connect(self._show_anew)

    def _show(self) -> None:
        if self._selection.judged is not None:
            self._show_layer(self._selection.judged, self._selection.layer)
            for made in self._page(BITS).made:
                if isinstance(made, ComparedCalls):
                    made.follow()

    def _show_layer(self, state: ContainerState, number: int) -> None:
        """Show a layer; nothing moves unless something changed."""
        layer = next((each for each in state.layers if each.number == number), None)
        about = self._layers[number].about if number in self._layers else None
        changed = number != self.number or self._state is None or self._state.key != state.key
        # everything that is drawn; two snapshots share the objects of a container that did not change
        facts = (state.key, number, layer, state.findings, runs(state))
        self._state, self.number = state, number
        if facts != self._shown:
            self._shown = facts
            self._fill(state, layer, about, number, changed=changed)
        if self.current == DETAILS:
            self._show_raw()

    def set_findings_elsewhere(self, *, elsewhere: bool) -> None:
        """Say whether the findings of all layers have a column of their own."""
        if elsewhere is not self._findings_elsewhere:
            self._findings_elsewhere = elsewhere
            self._show_anew()

    def _show_anew(self) -> None:
        self._shown = None
        self._show()

    @property
    def current(self) -> str:
        """The key of the open tab."""
        button = self._group.checkedButton()
        return button.key if isinstance(button, TabButton) else ""

    def open_tab(self, key: str) -> None:
        """Open the tab of that key, if there is one."""
        for button in self.tabs:
            if button.key == key:
                button.setChecked(True)
                self._turn(key)

    def explain(self) -> None:
        """Open what the layer is."""
        self.open_tab(MEANING)
        page = self._page(MEANING)
        if page.below:
            QTimer.singleShot(0, page, lambda: page.ensureWidgetVisible(page.below[0]))  # once it is laid out

    def search(self) -> None:
        """Focus the search field of the open tab: that of the system calls, else the raw text's."""
        calls = self.calls if self.current == BITS else None
        if calls is None:
            self.open_tab(DETAILS)
        field = self.raw.field if calls is None else calls.field
        field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        field.selectAll()

    @property
    def calls(self) -> CallsView | None:
        """The map of system calls, if the layer in view has one."""
        return next((made for made in self._page(BITS).made if isinstance(made, CallsView)), None)

    def _fill(
        self, state: ContainerState, layer: LayerState | None, about: About | None, number: int, *, changed: bool
    ) -> None:
        running = runs(state)
        mark = mark_of(layer.assessment) if layer else Mark.UNKNOWN
        self.mark.show_mark(mark if running else Mark.NOT_RUNNING)
        self.box.show_number(number)
        title = translate(about.title) if about else translate(msg("Layer {number}", number=number))
        self.title.setText(plain(title))
        self.fact.say(translate(layer.assessment.fact) if layer else "")
        asked = running and layer is not None and layer.assessment.basis is Basis.ASKED
        would = state.would_start
        self.told.say(translate(_AS_STARTED if would else _AS_ASKED))
        self._second.setVisible(asked or would)
        self.verify.setVisible(self._selection.can_ask_root and not would)
        word = assessed_word(layer.assessment) if layer else verdict_word(Verdict.UNKNOWN)
        word = word if running else translate(msg("Not running"))
        name = msg("Layer {number}, {title}: {verdict}", number=number, title=title, verdict=word)
        self.setAccessibleName(translate(name))
        wanted = self._open.get(number, "")
        names: list[tuple[str, str]] = []
        tabs = () if layer is None else tabs_of(layer)
        views = {place: [view for tab in tabs if tab.place is place for view in tab.views] for place in Place}
        if views[Place.BITS]:
            names.append((BITS, translate(first_title(tabs))))
        names.append((MEANING, translate(msg("Meaning"))))
        # this layer's, drift of further processes included; already sorted worst first
        mine = tuple(finding for finding in state.findings if layer is not None and finding.layer == layer.id)
        count = sum(not in_force(self._acceptances.of(finding, state.container)) for finding in mine)
        count += len(layer.assessment.gaps) if layer else 0
        findings = msg("Findings {count}", count=count) if count else msg("Findings")
        if not self._findings_elsewhere:
            names.append((FINDINGS, translate(findings)))
        names.append((DETAILS, translate(msg("Details"))))
        self._set_tabs(names)
        self._fit()
        for place in Place:
            self._waiting[place.value] = partial(self._fill_views, place.value, tuple(views[place]))
        self._waiting[MEANING] = partial(self._fill_meaning, tuple(views[Place.MEANING]), about)
        gaps = layer.assessment.gaps if layer else ()
        self._waiting[FINDINGS] = partial(self.findings.show_findings, mine, gaps, state.container)
        if changed:
            self._anew = {place.value for place in Place}
        keys = [key for key, _ in names]
        self.open_tab(wanted if wanted in keys else keys[0])

    def _set_tabs(self, names: list[tuple[str, str]]) -> None:
        if [button.key for button in self.tabs] != [key for key, _ in names]:
            for button in self.tabs:
                self._group.removeButton(button)
                self._tab_row.removeWidget(button)
                button.hide()
                button.deleteLater()
            self.tabs = [TabButton(self._theme, key) for key, _ in names]
            for button in self.tabs:
                self._group.addButton(button)
                self._tab_row.addWidget(button)
        for button, (_, name) in zip(self.tabs, names, strict=True):
            button.say(name)

    def _page(self, key: str) -> Page:
        if key not in self.pages:
            self.pages[key] = Page(self._theme, self._selection)
            self.stack.addWidget(self.pages[key])
        return self.pages[key]

    def _fill_meaning(self, views: tuple[View, ...], about: About | None) -> None:
        if about != self._about:
            self._about = about
            self._page(MEANING).show_below(self._told(about))
        self._fill_views(MEANING, views)

    def _fill_views(self, key: str, views: tuple[View, ...]) -> None:
        page = self._page(key)
        page.show_views(views)
        if key in self._anew:
            self._anew.discard(key)
            page.begin()

    def _told(self, about: About | None) -> list[QWidget]:
        """Return what the layer is, in words."""
        labels: list[QWidget] = []
        if about is not None:
            role = Label(self._theme, 13, BOLD, wrap=True)
            role.setText(translate(colon(about.title, about.role)))
            labels.append(role)
            for message in (about.picture, *about.explanation):
                label = Label(self._theme, 13, ink="text", wrap=True, text=translate(message))
                labels.append(label)
        return labels

    def _turn(self, key: str) -> None:
        self._open[self.number] = key
        if key in self._waiting:
            self._waiting.pop(key)()
        if key == DETAILS:
            self._show_raw()
        if key in self.pages:
            self.stack.setCurrentWidget(self.pages[key])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Fit the header: fact and title are complete on the band."""
        tabs = sum(button.width() + self._theme.px(10) for button in self.tabs)
        room = self.width() - tabs - self.title.sizeHint().width() - self._theme.px(86)
        self.title.setVisible(room >= 0)
        self.fact.setVisible(room >= self.fact.sizeHint().width())

    def _show_raw(self) -> None:
        if self._state is not None:
            layer = self._layers.get(self.number)
            text = raw_text(self._state.capture, layer.wants if layer else ())
            self.raw.show_text(text, (self._state.key, self.number))
