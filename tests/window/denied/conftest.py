"""The window with an observation service and one that explains; see `denied_sample`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from rig.window import hardening, sample
from rig.window.hardening import side_of
from rig.window.staged_hardening import StagedHardening
from stratascope.ui.app.app import make_window
from stratascope.ui.denied.page import DeniedPage
from stratascope.ui.kit.background import MemorySettings
from stratascope.ui.kit.page import View
from stratascope.ui.window.main_window import MainWindow, Services
from window.denied import denied_sample, ending_sample
from window.denied.denied_sample import Teller
from window.denied.ending_sample import EndTeller
from window.use.watched import Rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.learning.close()


@pytest.fixture
def teller() -> Teller:
    return Teller(*denied_sample.ALL)


@pytest.fixture
def ends() -> EndTeller:
    """The log of an unobserved container says nothing, unless a test sets it."""
    return EndTeller(ending_sample.NO_GUESS)


@pytest.fixture
def settings() -> MemorySettings:
    return MemorySettings()


@pytest.fixture
def window(
    qtbot: QtBot,
    rig: Rig,
    teller: Teller,
    ends: EndTeller,
    settings: MemorySettings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MainWindow]:
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    picture = hardening.picture()
    staged = StagedHardening(picture.engines, picture.ground)
    made = make_window(sample.StillWatch(), Services(settings, hardening=staged, learning=rig.learning))
    made.refused.explain = teller.explain
    assert made.endings is not None
    made.endings.explain = ends.explain
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(picture)
    hardening.select(made, "legacy-vpn")
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    made.clock.stop()
    made.stop()
    side_of(made).queries.end()


@pytest.fixture
def page(window: MainWindow, qtbot: QtBot) -> DeniedPage:
    """The page in view, for an unobserved container."""
    window.pages.show_view(View.DENIED)
    page = window.pages.of(DeniedPage)
    qtbot.waitUntil(page.nothing.observe.isVisible)
    return page


@pytest.fixture
def observed(window: MainWindow, page: DeniedPage, qtbot: QtBot) -> DeniedPage:
    """The page while the container is observed, with the refusals of `denied_sample`."""
    page.nothing.observe.click()
    qtbot.waitUntil(lambda: len(page.table.model_.rows) == len(denied_sample.VPN))
    return page
