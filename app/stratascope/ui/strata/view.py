"""The strata: the process on top, the layers from 6 down to 1, the kernel below; threats as rays across them.

Each layer is a focusable band. The rays are one widget above all of it, as wide as the strata.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.container import Engine, other_kernel
from stratascope.core.ground import Ground
from stratascope.core.layer import Layer
from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix, as_asked
from stratascope.i18n.translate import translate
from stratascope.presentation.ground import ground_lines, kernel_lines, process_line, tries_line
from stratascope.presentation.rays import Lane
from stratascope.presentation.takeover import runs
from stratascope.presentation.threat_outcomes import kinds
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.ui.strata.band import GROUND, KERNEL, STRIP, Band, StrataEdge, field_left
from stratascope.ui.strata.rays import RayLayer
from stratascope.ui.strata.rays_card import RayCard, RayLegend
from stratascope.ui.strata.rays_scene import RayHeights
from stratascope.value import replace

GAP = 3
NARROW = 480  # px of the design: below, the legend needs its whole line


class Strata(QWidget):
    """The strata. `threat_chosen`: show that threat in the matrix."""

    threat_chosen = Signal(str)

    def __init__(
        self, theme: Theme, layers: tuple[Layer, ...], selection: Selection, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme, self._selection = theme, selection
        self.setAccessibleName(translate(msg("Layers between the process and the kernel")))
        self.process = StrataEdge(theme, STRIP, ground=False)
        self.ground = StrataEdge(theme, GROUND, ground=True)
        abouts = {layer.number: layer.about for layer in layers}
        numbers = sorted({*abouts, 1, 2, 3, 4, 5, 6}, reverse=True)
        self.bands = {number: Band(theme, number, abouts.get(number)) for number in numbers}
        self._ids = {layer.number: layer.id for layer in layers}
        self.titles = {layer.number: translate(layer.about.title) for layer in layers}
        self._state: ContainerState | None = None
        self._shown: tuple[object, ...] = ()
        self._matrix: Matrix | None = None
        self._away: frozenset[str] = frozenset()
        self._group = QButtonGroup(self)
        layout = theme.lay(QVBoxLayout(self), self.process, around=0, gap=GAP)
        for number, band in self.bands.items():
            self._group.addButton(band, number)
            layout.addWidget(band)
            band.fail_asked.connect(partial(selection.suppose_fails, number))
        layout.addWidget(self.ground)
        self.legend = RayLegend(theme)
        self.suppose = text_button(theme, msg("Suppose a layer fails"), weight=BOLD, look="link")
        self.suppose_menu = QMenu(self.suppose)
        self.suppose_menu.aboutToShow.connect(self._offer)
        self.suppose.clicked.connect(self._open_suppose)
        self._legend = QWidget()
        theme.lay(QHBoxLayout(self._legend), (self.legend, 1), self.suppose, around=0, gap=12)
        theme.lay(layout, 1, self._legend)
        self.rays = RayLayer(theme, self)
        for part in (self.process, *self.bands.values(), self.ground):
            self.rays.watch(part)
        self.card: RayCard | None = None
        self.rays.hovered.connect(self._tell_lane)
        self.rays.chosen.connect(self.threat_chosen)
        self._group.idClicked.connect(selection.open_layer)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        selection.container_changed.connect(self._show)
        selection.supposed.connect(self._show_matrix)
        selection.layer_opened.connect(self._select)

    def _select(self, number: int) -> None:
        """Mark that band as the open one."""
        if number in self.bands:
            focused = any(band.hasFocus() for band in self.bands.values())
            self.bands[number].setChecked(True)
            if focused:  # move the focus along: never two bands that look selected
                self.bands[number].setFocus(Qt.FocusReason.OtherFocusReason)

    def set_compact(self, compact: bool) -> None:
        """Use bands of one line and no legend, for a low window."""
        for band in self.bands.values():
            band.set_compact(compact)
        self.ground.set_compact(compact)
        self._legend.setVisible(not compact)

    def _show(self) -> None:
        state, snapshot = self._selection.judged, self._selection.snapshot
        if state is not None and snapshot is not None:
            ground, engine = snapshot.ground_of(state.container.engine), self._selection.engine
            self._select(self._selection.layer)
            told = tuple(layer.assessment for layer in state.layers)
            shown = (replace(state, layers=(), capture=None), told, ground, engine, self._selection.what_if.away)
            if shown == self._shown:
                self._state = state  # read anew: current usage is not shown here
                return
            self._shown = shown
            self._show_state(state, ground, engine)
            self._show_matrix()

    def _show_state(self, state: ContainerState, ground: Ground, engine: Engine | None) -> None:
        self._state = state
        running = runs(state)
        layers = {layer.number: layer for layer in state.layers}
        for number, band in self.bands.items():
            band.show_layer(layers.get(number), running=running, gap=state.gap)
        more = () if other_kernel(state.container) else kernel_lines(ground)
        self.ground.say(translate(msg("The kernel")), ground_lines(state.container, ground, engine), more)

    def _show_matrix(self) -> None:
        """Show the threats as rays: as the container is, and without the layers supposed to fail."""
        if self._state is None:
            return
        what_if = self._selection.what_if
        base, matrix, away = what_if.matrix, what_if.result(), what_if.away
        self._matrix, self._away = matrix, away
        for layer in self._state.layers:
            self._ids[layer.number] = layer.id
        for number, band in self.bands.items():
            band.set_rays(matrix is not None, away=self._ids.get(number, "") in away)
        line, would = process_line(self._state), self._state.would_start
        title = translate(msg("As it would start") if would else msg("The process"))
        if matrix is None:
            self.process.say(title, (line,))
        else:
            note = msg("Top to bottom is the order of the picture, not the order of the kernel's checks.")
            self.process.say(title, (tries_line(matrix),), (line, translate(note)))
        self._fit()
        self.rays.of = self._state
        self.rays.show_matrix(base, matrix, {layer: number for number, layer in self._ids.items()})
        self.rays.setVisible(matrix is not None)
        if self.card is not None and self.card.isVisible():  # two containers may share a matrix, but not its evidence
            self._tell_lane(self.rays.lane(self.rays.taken))
        self._count()

    def _offer(self) -> None:
        """Fill the menu of layers that can be supposed to fail."""
        self.suppose_menu.clear()
        for number, title in sorted(self.titles.items(), reverse=True):
            action = self.suppose_menu.addAction(f"{number}  {title}".replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(self._ids.get(number, "") in self._away)
            action.triggered.connect(partial(self._suppose, number))
        if self._away:
            self.suppose_menu.addSeparator()
            self.suppose_menu.addAction(translate(msg("Bring all back"))).triggered.connect(self._selection.bring_back)

    def _suppose(self, number: int, _: bool = False) -> None:
        self._selection.suppose_fails(number)

    def _open_suppose(self) -> None:
        high = self.suppose_menu.sizeHint().height()
        self.suppose_menu.popup(self.suppose.mapToGlobal(QPoint(0, -high)))

    def _count(self) -> None:
        """Update the legend."""
        matrix = self._matrix
        asked = 0 if matrix is None else sum(map(as_asked, matrix.threats))
        drawn = self.rays.scene.drawn_minor
        would = self._state is not None and self._state.would_start
        found = kinds(matrix) if matrix is not None else {}
        self.legend.show_counts(found, asked, minor_drawn=drawn, would=would)
        self.suppose.setVisible(matrix is not None and self.width() >= self._theme.px(NARROW))

    def _fit(self) -> None:
        """Pass the positions of the bands to the rays."""
        left = field_left(self._theme, self.width())
        crossed = self._matrix is not None
        self.process.keep_to(left if crossed else 0)
        self.ground.keep_to(self._theme.px(KERNEL) if crossed else 0)
        strip, ground = self.process.geometry(), self.ground.geometry()
        self.rays.setGeometry(0, 0, self.width(), ground.bottom() + 1)
        self.rays.raise_()
        bands = tuple(
            (number, float(box.top()), float(box.bottom() + 1))
            for number, box in ((number, band.geometry()) for number, band in self.bands.items())
        )
        heights = RayHeights(float(strip.bottom() + 1), bands, float(ground.top()), float(ground.bottom() + 1))
        self.rays.set_heights(heights, float(left + self._theme.px(8)))

    def _tell_lane(self, lane: Lane | None) -> None:
        """Show the card of the current ray."""
        if lane is None or self._state is None:
            if self.card is not None:
                self.card.hide()
            return
        if self.card is None or self.card.parentWidget() is not self.window():
            self.card = RayCard(self._theme, self.window())
        layers = tuple(
            (number, self._ids[number], self.titles.get(number, "")) for number in self.bands if number in self._ids
        )
        if lane.ray is None:
            self.card.show_several(lane)
        else:
            self.card.show_threat(lane.ray.state, layers, self._away, self._state)
        box = self.rays.lane_box(lane)
        corner = self.rays.mapTo(self.window(), QPoint(box.left(), box.top()))
        self.card.stand_by(QRect(corner, box.size()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._away:
            self._selection.bring_back()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
        self._count()  # names that no longer fit

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return done

    def hideEvent(self, event: QEvent) -> None:
        self.rays.take("")
