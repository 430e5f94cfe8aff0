"""Several containers hardened at once in the window: chosen, planned, relaunched one after the other, undone."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.hardening import asked, named, planned, press, select, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.relaunch.transaction import Remedy
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.presentation.exposure import number_text
from stratascope.ui.app.app import make_window
from stratascope.ui.harden.exports import Exported
from stratascope.ui.kit.labels import Label
from stratascope.ui.many.controller import ManyController, like
from stratascope.ui.many.dialog import Page
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.usecases.plan.preflight import Block
from stratascope.value import replace
from window.staged_together import StagedTogether

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.fixture
def together(window: MainWindow, staged: StagedHardening) -> StagedTogether:
    made = StagedTogether(staged)
    many_of(window).together = made
    return made


def many_of(window: MainWindow) -> ManyController:
    assert window.many is not None
    return window.many


def chosen(qtbot: QtBot, window: MainWindow, *names: str) -> ManyController:
    """Return the sheet with exactly these switched on."""
    planned(qtbot, window)
    many = many_of(window)
    many.ask()
    for switch in many.dialog.switches:
        switch.setChecked(switch.text().partition(",")[0] in names)
    assert {state.container.name for state in many.dialog.states} == set(names)
    return many


def test_all_are_switched_on_at_once(qtbot: QtBot, window: MainWindow, picture: Snapshot) -> None:
    dialog = chosen(qtbot, window, *others(picture)).dialog
    assert not dialog.all.isChecked()
    dialog.all.click()
    assert len(dialog.states) == len(dialog.switches) > 2
    shown = [each.text() for each in dialog.findChildren(Label) if each.isVisible() and each.text()[-2:-1] == "."]
    assert len(shown) == len(dialog.switches), "each with its exposure"
    dialog.switches[0].click()
    assert not dialog.all.isChecked()
    dialog.all.click()
    dialog.all.click()
    assert (dialog.states, dialog.go.isEnabled()) == ((), False)


def test_each_engine_can_be_chosen_and_images_are_named_as_in_the_list(
    qtbot: QtBot, window: MainWindow, picture: Snapshot
) -> None:
    web = named(picture, "web")
    far = replace(web, container=replace(web.container, id="f" * 64, name="far", engine="zz-far",
                                         image="localhost/busybox:latest"))  # fmt: skip
    window.selection.show_snapshot(with_others(picture, far))
    dialog = chosen(qtbot, window, "web").dialog
    assert dialog.engines.isVisible()
    assert dialog.engines.currentData() == web.container.engine
    assert dialog.engines.currentText().endswith(f"({web.container.engine})")
    dialog.engines.setFocus()
    QTest.keyClick(dialog.engines, Qt.Key.Key_End)
    assert dialog.engines.currentData() == "zz-far"
    assert [switch.text() for switch in dialog.switches] == ["far, of busybox"]
    assert dialog.states == ()
    assert dialog.focusWidget() is dialog.engines
    dialog.close()
    alone = tuple(each for each in picture.containers if each.container.engine == web.container.engine)
    window.selection.show_snapshot(replace(picture, containers=alone))
    assert chosen(qtbot, window, "web").dialog.engines.isHidden()


def looked(qtbot: QtBot, window: MainWindow, *names: str) -> ManyController:
    many = chosen(qtbot, window, *names)
    make_plans(qtbot, many)
    return many


def make_plans(qtbot: QtBot, many: ManyController) -> None:
    many.dialog.go.click()
    qtbot.waitUntil(lambda: many.dialog.title.text().startswith("Relaunch "))


def run(qtbot: QtBot, many: ManyController, button: QPushButton | None = None) -> None:
    (button or many.dialog.go).click()
    assert many.busy, "it is not asked again"
    qtbot.waitUntil(lambda: not many.busy)


def cells(many: ManyController) -> list[tuple[str, str, str]]:
    return [(row[0].text, row[0].sign, row[1].text) for row in many.dialog.rows.model_.rows]


def others(picture: Snapshot) -> tuple[str, str]:
    """Return two more running containers on the engine of `ci-runner`."""
    mine = named(picture, "ci-runner").container
    found = [
        each.container.name
        for each in picture.containers
        if each.container.engine == mine.engine and each.matrix is not None and each.container.name != mine.name
    ]
    return found[0], found[1]


def test_all_of_them_one_after_the_other_and_back(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot, together: StagedTogether
) -> None:
    names = ("ci-runner", *others(picture))
    many = looked(qtbot, window, *names)
    assert {preset for _, preset in together.suggesting} == {Preset.RECOMMENDED}
    assert {row[0].text for row in many.dialog.plans.model_.rows} == set(names)
    assert asked(staged, "run") == 0, "nothing is done before it is confirmed"
    titles: list[str] = []
    many.dialog.windowTitleChanged.connect(titles.append)
    run(qtbot, many)
    assert titles[:-1] == ["Relaunching one after the other…", *(f"Relaunching {place} of 3…" for place in (1, 2, 3))]
    assert {name for name, _, _ in cells(many)} == set(names)
    assert {cell[1:] for cell in cells(many)} == {("tick", "Hardened. It works.")}
    assert many.dialog.title.text() == "Hardened. It works."
    titles.clear()
    run(qtbot, many, many.dialog.undo)
    assert titles[:-1] == ["Undoing all…", *(f"Undoing {place} of 3…" for place in (1, 2, 3))]
    assert {cell[1:] for cell in cells(many)} == {("tick", "Undone: the original is back")}
    assert many.dialog.title.text() == "Undone: the originals are back"
    assert not many.dialog.undo.isVisible()


def test_what_was_hardened_together_is_undone_also_when_its_sheet_was_closed(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot, together: StagedTogether
) -> None:
    first = many_of(window)
    assert first.why_no_undo() is not None
    names = ("ci-runner", *others(picture))
    many = looked(qtbot, window, *names)
    run(qtbot, many)
    many.dialog.close()
    alone = replace(staged.set_aside[0], id="alone", group="")  # hardened by itself later
    staged.set_aside = [*(replace(each, group="g1") for each in staged.set_aside), alone]
    assert window.hardening is not None
    window.hardening.set_aside.look_up()
    qtbot.waitUntil(lambda: many.why_no_undo() is None)
    many.ask_undo_all()
    assert many.dialog.isVisible()
    assert many.dialog.title.text() == "Undo all?"
    assert {tuple(cell.text for cell in row) for row in many.dialog.plans.model_.rows} == {(name, "") for name in names}
    run(qtbot, many)
    assert {name for name, _, _ in cells(many)} == set(names)
    assert {cell[1:] for cell in cells(many)} == {("tick", "Undone: the original is back")}


def test_each_has_its_own_plan_and_number_or_a_standard_beside_it(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot, together: StagedTogether
) -> None:
    names = ("ci-runner", others(picture)[0])
    many = looked(qtbot, window, *names)
    for row in many.dialog.plans.model_.rows:
        plan = staged.suggested(named(picture, row[0].text))
        assert row[1].text == f"{number_text(plan.now)} → {number_text(plan.then)}"
    many.ask()
    assert [many.dialog.standards.itemText(place) for place in range(many.dialog.standards.count())] == [
        "Suggested", "Pod Security: baseline", "Pod Security: restricted", "CIS Docker, section 5",
    ]  # fmt: skip
    many.dialog.standards.setCurrentIndex(2)
    make_plans(qtbot, many)
    assert together.suggesting[-1][1] is Preset.PSS_RESTRICTED


def test_what_a_person_switched_in_the_column_counts_for_that_container(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot, together: StagedTogether
) -> None:
    draft = planned(qtbot, window).draft
    assert draft.plan is not None
    row = next(change for change in draft.plan.changes if change.on)
    draft.switch(row.key, False)
    qtbot.waitUntil(lambda: not draft.pending)
    many = looked(qtbot, window, "ci-runner")
    (line,) = many.dialog.plans.model_.rows
    assert draft.plan is not None
    assert line[1].text == f"{number_text(draft.plan.now)} → {number_text(draft.plan.then)}"
    assert row.choice not in many.plans[0].choices


def test_by_keys_alone(qtbot: QtBot, window: MainWindow, picture: Snapshot, together: StagedTogether) -> None:
    """Ctrl+A chooses, Ctrl+Enter plans and confirms, wherever the keyboard is."""
    dialog = chosen(qtbot, window).dialog
    control = Qt.KeyboardModifier.ControlModifier
    QTest.keyClick(dialog.switches[0], Qt.Key.Key_Return, control)
    assert dialog.pages.currentIndex() == Page.PICK.value, "none is chosen"
    QTest.keyClick(dialog.switches[0], Qt.Key.Key_A, control)
    assert len(dialog.states) == len(dialog.switches)
    QTest.keyClick(dialog.switches[0], Qt.Key.Key_A, control)
    assert not dialog.states
    next(each for each in dialog.switches if each.text().startswith("ci-runner")).click()
    QTest.keyClick(dialog.all, Qt.Key.Key_Return, control)
    qtbot.waitUntil(lambda: dialog.title.text().startswith("Relaunch "))
    dialog.back.setFocus()
    QTest.keyClick(dialog.back, Qt.Key.Key_Return, control)
    assert many_of(window).busy, "not the button on which the keyboard is: that would cancel"
    qtbot.waitUntil(lambda: not many_of(window).busy)


def test_each_plan_is_shown_as_soon_as_it_is_known(
    qtbot: QtBot, window: MainWindow, picture: Snapshot, together: StagedTogether
) -> None:
    names = ("ci-runner", *others(picture))
    together.gate = threading.Semaphore(0)
    many = chosen(qtbot, window, *names)
    dialog, states = many.dialog, many.dialog.states
    first = states[0].container.name
    dialog.go.click()
    assert (dialog.title.text(), dialog.lead.text()) == ("Planning…", f"1 of 3: {first}")
    assert [row[1].text for row in dialog.plans.model_.rows] == ["in progress", "waiting", "waiting"]
    assert not dialog.go.isEnabled()
    together.gate.release()
    qtbot.waitUntil(lambda: dialog.lead.text() == f"2 of 3: {states[1].container.name}")
    known, comes, waits = dialog.plans.model_.rows
    assert (known[0].text, comes[1].text, waits[1].text) == (first, "in progress", "waiting")
    assert " → " in known[1].text
    many.dialog.leave()
    together.gate.release(2)
    many.ask()
    assert dialog.pages.currentIndex() == Page.PICK.value
    qtbot.wait(50)
    assert len(together.suggesting) == 2, "nobody waits for the rest"
    assert not together.asked


def test_what_is_left_out_costs_no_new_plans(
    qtbot: QtBot, window: MainWindow, picture: Snapshot, together: StagedTogether
) -> None:
    first, second = others(picture)
    together.blocks = {first: (Block("compose", msg("Compose owns it."), msg("Export it."), None),)}
    many = looked(qtbot, window, "ci-runner", first, second)
    many.dialog.without.click()
    qtbot.waitUntil(many.dialog.go.isEnabled)
    assert [len(names) for names, _ in together.asked] == [3, 2]
    assert len(together.suggesting) == 3


def test_what_an_option_makes_safe_is_what_the_button_does(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, together: StagedTogether
) -> None:
    together.blocks = {
        "ci-runner": (Block("files", msg("It wrote files."), msg("Carry them over."), Remedy.COMMIT_LAYER),)
    }
    many = looked(qtbot, window, "ci-runner")
    assert many.dialog.go.isEnabled()
    assert many.dialog.go.text() == "Carry over what it wrote, as an image"
    many.dialog.go.click()
    qtbot.waitUntil(lambda: many.dialog.go.isEnabled() and many.dialog.go.text() == "Relaunch all")
    assert together.asked[-1][1] == {Remedy.COMMIT_LAYER}
    assert asked(staged, "run") == 0


def test_one_that_fails_takes_the_others_back(
    qtbot: QtBot, window: MainWindow, picture: Snapshot, together: StagedTogether
) -> None:
    many = looked(qtbot, window, "ci-runner", *others(picture))
    together.fails = many.dialog.states[1].container.name
    run(qtbot, many)
    first, second, third = cells(many)
    assert (first[1], first[2]) == ("cross", "Undone: the original is back")
    assert second[1:] == ("cross", "Rolled back: everything is as it was before")
    assert third[1:] == ("?", "not started")
    assert many.dialog.title.text() == "Rolled back: everything is as it was before"
    assert not many.dialog.undo.isVisible()


def test_what_is_in_the_way_of_one_is_in_the_way_of_all(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, together: StagedTogether
) -> None:
    staged.blocks = (Block("files", msg("It wrote files."), msg("Copy them first.")),)
    many = looked(qtbot, window, "ci-runner")
    assert not many.dialog.go.isEnabled()
    texts = [label.text() for label in many.dialog.findChildren(type(many.dialog.lead)) if label.isVisible()]
    assert "ci-runner: It wrote files. Copy them first." in texts


def test_the_same_in_the_way_of_several_is_told_once_and_they_are_left_out(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot, together: StagedTogether
) -> None:
    first, second = others(picture)
    together.blocks = {
        name: (Block("compose", msg("Compose owns it."), msg("Export it."), None),) for name in (first, second)
    }
    many = looked(qtbot, window, "ci-runner", first, second)
    texts = [label.text() for label in many.dialog.findChildren(type(many.dialog.lead)) if label.isVisible()]
    assert [text for text in texts if "Compose owns it." in text] == [f"{second}, {first}: Compose owns it. Export it."]
    many.dialog.without.click()
    qtbot.waitUntil(lambda: many.dialog.go.isEnabled() and not many.dialog.without.isVisible())
    assert [row[0].text for row in many.dialog.plans.model_.rows] == ["ci-runner"]


def test_whom_compose_cannot_create_anew_is_off_and_told_once(
    qtbot: QtBot, window: MainWindow, picture: Snapshot, together: StagedTogether
) -> None:
    names = ("ci-runner", *others(picture))
    made = [named(picture, name) for name in names]
    shop = [replace(each, container=replace(each.container, labels=(_SHOP,))) for each in made]
    window.selection.show_snapshot(with_others(picture, *shop))
    many = many_of(window)
    many.ask()
    assert not many.dialog.states
    assert many.dialog.told.isVisible()
    assert all(name in many.dialog.told.text() for name in names)


def test_what_is_blocked_can_be_exported(
    qtbot: QtBot, staged: StagedHardening, picture: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged.blocks = (Block("compose", msg("Compose owns it."), msg("Export it.")),)
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    services = Services(
        hardening=staged,
        exports=lambda plan: (Exported(msg("Compose override file"), "override.yaml", lambda: plan.spec.name),),
    )
    made = make_window(sample.StillWatch(), services)
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(picture)
    select(made, "ci-runner")
    many_of(made).together = StagedTogether(staged)
    names = ("ci-runner", others(picture)[0])
    many = looked(qtbot, made, *names)
    assert not many.dialog.without.isVisible(), "none would be left"
    many.dialog.export.click()
    parts = {action.text(): action.menu() for action in many.menu.actions()}
    assert set(parts) == set(names)
    kind = parts[names[1]]
    assert isinstance(kind, QMenu)
    kinds = kind.actions()[0].menu()
    assert isinstance(kinds, QMenu)
    kinds.actions()[0].trigger()
    assert QGuiApplication.clipboard().text() == names[1]
    many.menu.hide()
    made.clock.stop()
    made.close()


def test_an_engine_that_does_not_answer_is_told(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, together: StagedTogether
) -> None:
    many = chosen(qtbot, window, "ci-runner")
    staged.plan_fails = EngineError(EngineState.UNREACHABLE, msg("The engine does not answer."), "refused")
    many.dialog.go.click()
    qtbot.waitUntil(lambda: many.dialog.told.text() == "The engine does not answer.")
    assert many.dialog.pages.currentIndex() == Page.PICK.value
    assert many.dialog.go.isEnabled()


def test_closing_in_the_middle_asks_and_goes_back(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, together: StagedTogether
) -> None:
    staged.gate = threading.Event()
    many = looked(qtbot, window, "ci-runner")
    many.dialog.go.click()
    qtbot.waitUntil(lambda: "Watch it" in many.dialog.rows.model_.rows[0][0].below)
    press(window.close, "")
    assert window.isVisible()
    assert many.busy
    press(window.close, "roll-back")
    qtbot.waitUntil(lambda: not window.isVisible())
    assert not many.busy
    assert not [each for each in window.findChildren(QMessageBox) if each.isVisible()]


def test_none_is_none(qtbot: QtBot, window: MainWindow, picture: Snapshot, together: StagedTogether) -> None:
    many = chosen(qtbot, window)
    assert not many.dialog.go.isEnabled()
    many.dialog.hide()
    window.selection.show_snapshot(replace(with_others(picture), demo=True))
    many.ask()
    assert not many.dialog.isVisible()


def test_those_that_the_list_is_filtered_to_are_chosen(
    qtbot: QtBot, window: MainWindow, together: StagedTogether
) -> None:
    """They are what one sees; and not what is alike, and hidden."""
    planned(qtbot, window)
    many = many_of(window)
    window.containers.model.set_filter("cap:sys_admin")
    many.ask()
    assert {state.container.name for state in many.dialog.states} == {"backup", "ci-runner"}
    window.containers.model.set_filter("grafana")
    many.ask()
    assert {state.container.name for state in many.dialog.states} == {"grafana"}, "of another engine than that in view"
    window.containers.model.set_filter("")
    many.ask()
    assert {state.container.name for state in many.dialog.states} == {"ci-runner"}


def test_those_that_are_alike_are_chosen_first(picture: Snapshot) -> None:
    one = named(picture, "ci-runner")

    def called(name: str, **labels: str) -> ContainerState:
        pairs = tuple(labels.items())
        return replace(one, container=replace(one.container, id=name * 8, name=name, labels=pairs))

    alike = called("b")
    other = replace(called("c"), container=replace(called("c").container, image="x", image_id="x", labels=(_SHOP,)))
    assert like(one, (one, alike, other)) == (one, alike)
    mine = replace(one, container=replace(one.container, labels=(_SHOP,)))
    assert like(mine, (mine, other)) == (mine, other)
    assert like(one, (one, other)) == (one,)


_SHOP = ("com.docker.compose.project", "shop")
