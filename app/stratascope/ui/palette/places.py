"""All that can be gone to or done in the window as it is now: what the palette searches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from stratascope.core.layer import Layer
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.core.threats.catalogue import all_threats
from stratascope.i18n.translate import translate
from stratascope.linux.capability import NAMES
from stratascope.linux.syscalls import known_names
from stratascope.presentation.threat_outcomes import family_word
from stratascope.ui.kit.page import MACHINE, PAGES, View, view_key, view_word
from stratascope.ui.kit.selection import Selection
from stratascope.ui.palette.search import PaletteEntry
from stratascope.ui.panel.bits import BitsView
from stratascope.ui.panel.panel import Panel
from stratascope.value import Value

_CAPABILITIES = "capabilities"  # id of the layer whose bits they are


class Ways(Value):
    """What of the window leads somewhere."""

    menu: QMenu
    views: Sequence[View]
    layers: tuple[Layer, ...]
    selection: Selection
    panel: Panel
    show_view: Callable[[View], object]
    open_threat: Callable[[str], object]
    leave_fleet: Callable[[], object]
    search_calls: Callable[[str], object]


def places(ways: Ways) -> tuple[PaletteEntry, ...]:
    """Actions and pages first, then containers, layers, threats, capabilities and calls. Those that need a container
    are there where one is in view.
    """
    here = ways.selection.current is not None
    of_container = (*_layers(ways), *_threats(ways), *_capabilities(ways), *_calls(ways)) if here else ()
    return (*_actions(ways.menu), *_pages(ways, here=here), *_containers(ways), *of_container)


def _actions(menu: QMenu) -> Iterator[PaletteEntry]:
    kind = translate(msg("Action"))
    for action in menu.actions():
        inner = action.menu()
        if isinstance(inner, QMenu):
            for each in inner.actions():
                title = translate(msg("{menu}: {entry}", menu=_text(action), entry=_text(each)))
                yield PaletteEntry(title, kind, each.trigger)
        elif action.text() and action.isEnabled() and action.isVisible():
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            yield PaletteEntry(_text(action), kind, action.trigger, keys)


def _text(action: QAction) -> str:
    return action.text().split("\t")[0].replace("&&", "\0").replace("&", "").replace("\0", "&")


def _pages(ways: Ways, *, here: bool) -> Iterator[PaletteEntry]:
    kind, there = translate(msg("Page")), ways.views
    for page in PAGES:
        if page.view in there and (here or page.view in MACHINE):
            yield PaletteEntry(view_word(page.view), kind, partial(ways.show_view, page.view), view_key(page.view))


def _containers(ways: Ways) -> Iterator[PaletteEntry]:
    kind, snapshot = translate(msg("Container")), ways.selection.snapshot
    for state in snapshot.containers if snapshot is not None else ():
        container = state.container
        more = plain(f"{container.engine} · {container.image}", 120)
        yield PaletteEntry(
            plain(container.name, 120), kind, partial(_to_container, ways, state.key), more, container.id
        )


def _to_container(ways: Ways, key: tuple[str, str]) -> None:
    ways.selection.go_to(key)
    ways.leave_fleet()


def _layers(ways: Ways) -> Iterator[PaletteEntry]:
    kind = translate(msg("Layer"))
    for layer in sorted(ways.layers, key=lambda layer: -layer.number):
        yield PaletteEntry(
            translate(layer.about.title), kind, partial(_to_layer, ways, layer.number), str(layer.number), layer.id
        )


def _to_layer(ways: Ways, number: int) -> None:
    ways.show_view(View.STRATA)
    ways.selection.open_layer(number)


def _threats(ways: Ways) -> Iterator[PaletteEntry]:
    kind = translate(msg("Threat"))
    for threat in all_threats():
        act = partial(ways.open_threat, threat.id)
        yield PaletteEntry(translate(threat.title), kind, act, family_word(threat.family), threat.id.replace("-", " "))


def _capabilities(ways: Ways) -> Iterator[PaletteEntry]:
    kind = translate(msg("Capability"))
    for number, name in enumerate(NAMES):
        yield PaletteEntry(
            name.removeprefix("CAP_"), kind, partial(_to_capability, ways, number), words=f"{name} {number}"
        )


def _to_capability(ways: Ways, number: int) -> None:
    layer = next((layer.number for layer in ways.layers if layer.id == _CAPABILITIES), 0)
    _to_layer(ways, layer)
    panel = ways.panel
    view = panel.findChild(BitsView)
    if view is not None and panel.tabs:
        panel.open_tab(panel.tabs[0].key)
        rows = view.list.grid.rows
        place = next((at for at, row in enumerate(rows) if row.number == number), -1)
        if place >= 0:
            view.list.setCurrentIndex(view.list.bits.index(place, 0))
            view.list.setFocus(Qt.FocusReason.OtherFocusReason)


def _calls(ways: Ways) -> Iterator[PaletteEntry]:
    kind = translate(msg("System call"))
    for name in sorted(known_names()):
        yield PaletteEntry(name, kind, partial(ways.search_calls, name))
