"""A stopped container is drawn as it would start, and never confused with a running one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.staged_hardening import StagedHardening
from stratascope import resources
from stratascope.core.container import EngineState, Status
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.presentation.threat_outcomes import kinds as counted
from stratascope.ui.app.app import make_window
from stratascope.ui.before.page import BeforePage
from stratascope.ui.containers.rows import Rows, spoken
from stratascope.ui.kit.page import View
from stratascope.ui.strata.rays_card import Sign, entries
from stratascope.ui.threats.page import MatrixPage
from stratascope.ui.window.answer import Act, Tone
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.value import replace
from stratascope.wiring import views
from stratascope.wiring.engines import demo_snapshot
from stratascope.wiring.views import predictions
from window import walk
from window.judge import Judge

NAME = "nightly-report"  # the demo's container that was created and never started


def named(snapshot: Snapshot, name: str = NAME) -> ContainerState:
    return next(each for each in snapshot.containers if each.container.name == name)


@pytest.fixture(scope="module")
def foreseen() -> Snapshot:
    ahead = predictions()
    ahead.look_at(named(demo_snapshot()).key)
    return ahead.added(demo_snapshot())


@pytest.fixture
def shown(window: MainWindow, foreseen: Snapshot) -> MainWindow:
    """The window with that container in view."""
    window.selection.show_snapshot(foreseen)
    window.selection.go_to(named(foreseen).key)
    return window


def test_its_row_says_between_what_it_would_be(shown: MainWindow, foreseen: Snapshot) -> None:
    ahead = named(foreseen).as_started
    assert ahead is not None
    assert ahead.matrix is not None
    exposure = ahead.matrix.exposure
    shown.containers.view.scrollTo(shown.containers.view.currentIndex())
    texts = [each.text for each in walk.drawn(shown.containers.view.viewport())]
    assert exposure.best < exposure.worst
    assert f"{exposure.best:.1f}–{exposure.worst:.1f}" in texts


def test_card_and_strata_say_that_it_does_not_run(shown: MainWindow) -> None:
    header, strata = shown.strata_page.header, shown.strata_page.strata
    found = header.card.answer
    assert (found.tone, found.act, found.first) == (Tone.UNK, Act.NOTHING, "Not running. This is how it would start.")
    assert "root" in found.second
    assert header.exposure.accessibleName().startswith("As it would start: Exposure 5.")
    assert strata.process.accessibleName() == "As it would start"
    assert strata.rays.isVisible()
    words = {band.accessibleName().rpartition(": ")[2] for band in strata.bands.values()}
    assert words == {"Enforced, if run", "Weakened, if run", "Open, if run"}
    panel = shown.strata_page.panel
    assert panel.accessibleName().endswith("if run")
    assert panel.told.isVisible()
    assert "Not running" in panel.told.accessibleName()
    assert not panel.verify.isVisible(), "root can't verify what is not there"


def test_what_would_stop_something_is_an_outline_in_the_legend_too(shown: MainWindow) -> None:
    matrix = shown.selection.what_if.matrix
    assert matrix is not None
    kinds = counted(matrix)
    assert Sign.STOPPED in [sign for sign, _ in entries(kinds)]
    would = [sign for sign, _ in entries(kinds, would=True)]
    assert Sign.STOPPED not in would
    assert would.count(Sign.ASKED) == 1


def test_other_pages_tell_the_same(shown: MainWindow) -> None:
    shown.pages.show_view(View.MATRIX)
    matrix = shown.pages.of(MatrixPage)
    assert matrix.table.matrix.total > 100
    told = "\n".join(label.text() for label in matrix.details.findChildren(QLabel))
    assert "would let it through" in told
    shown.pages.search_calls("bpf")
    assert shown.strata_page.panel.calls is not None


def test_the_list_counts_it_among_nothing_that_runs(shown: MainWindow, foreseen: Snapshot) -> None:
    rows = Rows()
    before = [entry.key for entry in rows.of(demo_snapshot().containers)]
    made = rows.of(foreseen.containers)
    assert [entry.key for entry in made] == before, "its place is that of what does not run"
    row = next(entry for entry in made if entry.state is not None and entry.state.key == named(foreseen).key)
    assert "created, never started" in spoken(row)
    assert "As it would start: Exposure 5." in spoken(row)
    assert "Layer 1" not in spoken(row)


def test_what_is_supposed_to_fail_is_predicted_too(shown: MainWindow) -> None:
    shown.selection.suppose_fails(4)
    assert shown.selection.what_if.away == {"seccomp"}
    assert shown.strata_page.header.card.supposed
    shown.selection.bring_back()


def test_once_it_runs_it_is_what_was_read(shown: MainWindow, foreseen: Snapshot) -> None:
    runs = named(foreseen, "web")
    started = replace(runs, container=replace(runs.container, id=named(foreseen).container.id, name=NAME))
    shown.selection.show_snapshot(replace(foreseen, containers=(started,)))
    header, strata = shown.strata_page.header, shown.strata_page.strata
    assert header.exposure.accessibleName().startswith("Exposure")
    assert strata.process.accessibleName() == "The process"
    assert not [band for band in strata.bands.values() if "if run" in band.accessibleName()]
    assert not shown.strata_page.panel.told.isVisible()


def test_where_nothing_is_predicted_it_stays_as_it_was(window: MainWindow) -> None:
    window.selection.show_snapshot(demo_snapshot())
    window.selection.go_to(named(demo_snapshot()).key)
    assert window.strata_page.header.card.answer.first.startswith("None of its processes runs")
    assert {band.accessibleName().rpartition(": ")[2] for band in window.strata_page.strata.bands.values()} == {
        "Not running"
    }


@pytest.fixture
def opened(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """A window that reads the demo as a capture."""
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    made = make_window(views.recorded_view([resources.path("demo/demo.json")]))
    qtbot.addWidget(made)
    made.show()
    made.start()
    yield made
    made.stop()


def test_it_is_predicted_when_it_is_looked_at(opened: MainWindow, qtbot: QtBot) -> None:
    selection = opened.selection
    qtbot.waitUntil(lambda: not selection.empty)
    assert selection.snapshot is not None
    assert not [each for each in selection.snapshot.containers if each.as_started is not None]
    selection.go_to(named(selection.snapshot).key)
    qtbot.waitUntil(lambda: selection.judged is not None and selection.judged.would_start)
    assert selection.current is not None
    assert selection.current.container.status is Status.CREATED


@pytest.fixture
def staged(foreseen: Snapshot) -> StagedHardening:
    return StagedHardening(foreseen.engines, foreseen.ground)


@pytest.fixture
def able(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, foreseen: Snapshot, staged: StagedHardening
) -> Iterator[MainWindow]:
    """Return a window that hardens and judges texts, with that container of this machine in view."""
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    made = make_window(sample.StillWatch(), Services(hardening=staged, before=Judge()))
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(replace(foreseen, demo=False))
    made.selection.go_to(named(foreseen).key)
    yield made
    made.clock.stop()
    made.stop()


def test_the_card_leads_to_the_command_that_creates_it(able: MainWindow, qtbot: QtBot) -> None:
    able.pages.show_view(View.BEFORE)
    page = able.pages.of(BeforePage)
    page.text.insertPlainText("my own text")
    able.pages.show_view(View.STRATA)
    card = able.strata_page.header.card
    assert card.answer.act is Act.BEFORE
    assert card.quiet.text() == "Before it starts"
    card.quiet.click()
    qtbot.waitUntil(lambda: able.pages.view is View.BEFORE)
    text = page.text.toPlainText()
    assert text.startswith("docker run ")
    assert NAME in text
    page.text.undo()
    assert page.text.toPlainText() == "my own text", "what was there is not lost"


def test_where_its_command_is_not_known_the_card_says_why(
    able: MainWindow, staged: StagedHardening, qtbot: QtBot
) -> None:
    staged.plan_fails = EngineError(EngineState.UNREACHABLE, msg("The engine is away."))
    able.strata_page.header.card.press()
    qtbot.waitUntil(able.notices.settings.isVisible)
    assert able.notices.settings.text.text() == "The engine is away."
    assert able.pages.view is View.STRATA
