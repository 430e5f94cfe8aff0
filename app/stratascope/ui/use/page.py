"""The page "Use": what the container in view was observed to use, compared with what it has, and the Observe button.

Without an observation the cards show what is known anyway: capabilities held, calls allowed, ports published, limits.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QMessageBox, QVBoxLayout, QWidget

from stratascope.core.layer import Layer
from stratascope.core.message import msg
from stratascope.core.observation.observation import Needs
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation.use_picture import UsePicture, use_picture
from stratascope.ui.kit.background import later
from stratascope.ui.kit.flow import Scrolled
from stratascope.ui.kit.page import MadePage, Parts
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import STRETCH, Theme
from stratascope.ui.use.cards import CallsCard, CapabilitiesCard, Card, PeaksCard, PlacesCard
from stratascope.ui.use.observation_feed import Known, ObservationFeed
from stratascope.ui.use.strip import Strip, why_not
from stratascope.usecases.observe.service import held

ONE_COLUMN = 640


class UsePage(Scrolled):
    """Strip and cards; scrolls if the window is too low."""

    def __init__(
        self,
        theme: Theme,
        layers: tuple[Layer, ...],
        selection: Selection,
        watching: ObservationFeed,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(name=translate(msg("Use")))
        self._theme, self._selection, self._watching = theme, selection, watching
        self._made: tuple[ContainerState, Needs | None, UsePicture] | None = None
        number = {layer.id: layer.number for layer in layers}
        self.strip = Strip(theme)
        self.capabilities = CapabilitiesCard(theme, number.get("capabilities", 0))
        self.calls = CallsCard(theme, number.get("seccomp", 0))
        self.places = PlacesCard(theme, number.get("namespaces", 0))
        self.peaks = PeaksCard(theme, number.get("cgroup", 0))
        self._cards: tuple[Card, ...] = (self.capabilities, self.calls, self.places, self.peaks)
        self._columns = 0
        self._shown: Key | None = None
        self._inside = inside = QWidget()
        inside.setAccessibleName(translate(msg("Use")))
        self._grid = QGridLayout()
        self._grid.setSpacing(theme.px(10))
        self._column = theme.lay(QVBoxLayout(inside), self.strip, (self._grid, 1000), STRETCH, around=0, gap=10)
        self.setWidget(inside)
        inside.hide()
        self.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        self._arrange()
        self._later = later(self, 0, self._limit_heights)  # runs after the texts have been laid out
        for card in self._cards:
            card.reflowed.connect(self._later.start)
        self.strip.observe_wanted.connect(self._begin)
        self.strip.stop_wanted.connect(self._end)
        self.strip.forget_wanted.connect(self.ask_forget)
        watching.told.connect(self._refresh_if_current)

    @property
    def ready(self) -> bool:
        """Whether it shows the container in view."""
        return self._shown == self._selection.key

    def refresh(self) -> None:
        """Show what is known of the container in view."""
        state, snapshot = self._selection.current, self._selection.snapshot
        if state is None or snapshot is None:
            return
        known = Known() if snapshot.demo else self._watching.known(state.container)
        busy, able = self._watching.busy(state.key), self._watching.able
        if known is None:  # being read; meanwhile do not show another container's data under this name
            self._inside.setVisible(self.ready)
            return
        self._shown = state.key
        self._inside.setVisible(True)
        picture = self._picture(state, known.needs)
        refused = why_not(state, self._selection.engine, snapshot, able=able)
        self.strip.show_picture(picture, known, refused, snapshot.privilege, busy=busy)
        for card in self._cards:
            card.show_picture(picture)
        self._later.start()

    def ask_forget(self) -> None:
        """Ask before forgetting: days of observation would be lost in a moment."""
        state = self._selection.current
        if state is None:
            return
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setWindowTitle(translate(msg("Forget what was learned?")))
        box.setText(
            translate(msg("Everything that was learned about containers with the image and command of {name} is "
                          "deleted.",
                          name=plain(state.container.name, 80)))
        )  # fmt: skip
        forget = box.addButton(translate(msg("Forget")), QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton(translate(msg("Keep")), QMessageBox.ButtonRole.RejectRole)
        forget.setObjectName("forget")
        box.setDefaultButton(keep)
        container = state.container
        forget.clicked.connect(lambda _=False: self._watching.forget(container))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    # -- internals

    def _picture(self, state: ContainerState, needs: Needs | None) -> UsePicture:
        """Return the data for the cards, rebuilt only if something changed."""
        made = self._made
        if made is not None and made[0] is state and made[1] == needs:
            return made[2]
        snapshot, engine = self._selection.snapshot, self._selection.engine
        total = None if snapshot is None else snapshot.ground_of(state.container.engine).memory_total
        picture = use_picture(state, needs, held(state), engine, total)
        self._made = (state, needs, picture)
        return picture

    def _refresh_if_current(self, key: Key) -> None:
        if key == self._selection.key and self.isVisible():
            self.refresh()

    def _begin(self) -> None:
        if self._selection.current is not None:
            self._watching.begin(self._selection.current)

    def _end(self) -> None:
        if self._selection.current is not None:
            self._watching.end(self._selection.current.container)

    def _limit_heights(self) -> None:
        """Limit each card to the height that it, or the card next to it, needs."""
        for at in range(0, len(self._cards), self._columns):
            row = self._cards[at : at + self._columns]
            high = max(card.whole_height() for card in row)
            for card in row:
                card.setMaximumHeight(high)

    def _arrange(self) -> None:
        """Use two columns, or one if there is no room."""
        columns = 1 if self.width() < self._theme.px(ONE_COLUMN) else 2
        if columns == self._columns:
            return
        self._columns = columns
        for place, card in enumerate(self._cards):
            self._grid.removeWidget(card)
            self._grid.addWidget(card, place // columns, place % columns)
        for at in range(4):
            self._grid.setRowStretch(at, 1 if at < 4 // columns else 0)
        for at in range(2):
            self._grid.setColumnStretch(at, 1 if at < columns else 0)


def make(parts: Parts) -> MadePage:
    """Make the page."""
    page = UsePage(parts.theme, parts.layers, parts.selection, parts.get(ObservationFeed))
    return MadePage(page, page.refresh)
