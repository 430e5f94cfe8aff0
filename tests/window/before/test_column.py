"""The column of a text: independent of what runs; what is switched on is written into the text. Nothing starts."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.hardening import dock_of, picture, side_of
from rig.window.named import do, entry
from rig.window.staged_hardening import StagedHardening
from stratascope.formats.text import Language
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import choice_of
from stratascope.presentation.exposure import number_text
from stratascope.ui.app.app import make_window
from stratascope.ui.before.column import DiffBox, file_name
from stratascope.ui.before.page import BeforePage
from stratascope.ui.kit.feedback import Feedback
from stratascope.ui.kit.page import View
from stratascope.ui.kit.theme import Theme
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.usecases.check.corrections import Corrected
from window.access.fit import misfits
from window.file_dialogs import choose
from window.judge import Judge
from window.not_started import judged, offered
from window.walk import drawn

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)

TEXT = """services:
  web:
    image: nginx
    volumes:
      - /var/run/docker.sock:/s  # why
  db:
    image: postgres
    network_mode: host
"""


def test_it_is_there_on_this_page_only(window: MainWindow, page: BeforePage, qtbot: QtBot) -> None:
    """In a window that hardens nothing."""
    offered(page, qtbot, TEXT)
    assert page.column.isVisible()
    assert page.column.width() >= 348
    window.selection.show_snapshot(sample.snapshot())
    assert entry(window, "Plan") is not None
    window.pages.show_view(View.STRATA)
    assert not page.column.isVisible()
    assert not dock_of(window).button.isVisible()
    assert entry(window, "Plan") is None, "it would lead nowhere"
    window.pages.show_view(View.BEFORE)
    assert page.column.isVisible()
    do(window, "Plan")
    focus = QApplication.focusWidget()
    assert focus is not None
    assert page.column.isAncestorOf(focus)


def test_it_takes_the_place_of_that_for_what_runs(qtbot: QtBot, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    whole = picture()
    made = make_window(
        sample.StillWatch(), Services(hardening=StagedHardening(whole.engines, whole.ground), before=judge)
    )
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(whole)
    live = side_of(made).column
    assert live.isVisible()
    made.pages.show_view(View.BEFORE)
    column = made.pages.of(BeforePage).column
    assert column.isVisible()
    assert not live.isVisible()
    assert column.title.text() == "Plan"
    offered(made.pages.of(BeforePage), qtbot, TEXT)
    choices = live.draft.choices
    made.pages.press_card()
    assert live.draft.choices == choices, "what runs is not touched"
    assert not side_of(made).dialog.isVisible()
    made.pages.show_view(View.STRATA)
    assert live.isVisible()
    assert not column.isVisible()
    assert side_of(made).end_or_wait()
    made.stop()


def test_narrow_it_is_in_the_drawer(window: MainWindow, page: BeforePage, qtbot: QtBot) -> None:
    window.resize(900, 800)
    offered(page, qtbot, TEXT)
    dock = dock_of(window)
    assert not page.column.isVisible()
    assert dock.button.isVisible()
    QTest.keyClick(window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    assert page.column.isVisible()
    QApplication.processEvents()
    assert list(misfits(window)) == []
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not dock.drawer.isVisible()
    window.pages.press_card()
    assert page.column.isVisible(), "what the button switches on is shown"


def test_the_card_switches_on_what_closes_it_and_the_text_has_it(
    window: MainWindow, page: BeforePage, judge: Judge, qtbot: QtBot
) -> None:
    offered(page, qtbot, TEXT)
    window.pages.press_card()
    draft, column = page.column.draft, page.column
    draft.take_choices(("docker", "web"), (choice_of("engine-socket", "remove"), choice_of("user", "1000"),
                                           choice_of("no-new-privileges", "on")))  # fmt: skip
    qtbot.waitUntil(lambda: not draft.pending and draft.made is not None and "user" in draft.made.text)
    assert column.difference.lines.lines == (
        "- volumes:",
        "- - /var/run/docker.sock:/s  # why",
        '+ user: "1000"',
        "+ security_opt:",
        '+ - "no-new-privileges"',
    )
    QGuiApplication.clipboard().clear()
    column.difference.copy.click()
    assert QGuiApplication.clipboard().text().startswith("--- a/text\n+++ b/text\n@@")
    told = window.findChild(Feedback)
    assert told is not None
    assert told.text() == "Copied"
    assert column.difference.copy.text() == "Copy", "where the eye is anyway nothing changes"
    assert column.button.text() == "Copy the corrected file"
    column.button.click()
    qtbot.waitUntil(lambda: "docker.sock" not in QGuiApplication.clipboard().text())
    qtbot.waitUntil(lambda: column.note.text().startswith("Copied. Exposure "))
    text = QGuiApplication.clipboard().text()
    assert "docker.sock" not in text
    assert text.endswith("  db:\n    image: postgres\n    network_mode: host\n"), "nobody asked for more"
    assert page.text.toPlainText() == TEXT, "the text that is shown stays as well"
    found = judge.checker.text(text, "x", 0.0).snapshot
    assert found is not None
    assert found.containers[0].matrix is not None
    assert draft.plan is not None
    assert found.containers[0].matrix.exposure.worst == draft.plan.then.exposure.worst
    column.draft.switch("user", False)
    qtbot.waitUntil(lambda: not draft.pending and column.note.text() == "The file on disk stays as it is.")


def test_the_corrected_file_and_the_difference_are_saved(
    window: MainWindow, page: BeforePage, qtbot: QtBot, tmp_path: Path
) -> None:
    """Under another name than the file that was read; a failure to write is shown."""
    file = tmp_path / "compose.yml"
    file.write_text(TEXT)
    page.open_file(file)
    qtbot.waitUntil(lambda: page.text.toPlainText() == TEXT)
    offered(page, qtbot)
    column = page.column
    qtbot.waitUntil(lambda: column.draft.made is not None and "docker.sock" not in column.draft.made.text)

    def save(part: int, where: Path) -> str:
        column.difference.export.click()
        menu = column.difference.menu.actions()[part].menu()
        assert isinstance(menu, QMenu)
        action = menu.actions()[1]
        column.difference.menu.hide()
        action.trigger()
        choose(where)
        return action.text()

    saved = tmp_path / "compose.hardened.yml"
    assert save(0, saved) == "Save as compose.hardened.yml…"
    made = column.draft.made
    assert made is not None
    assert saved.read_text() == made.text
    patch = tmp_path / "x.patch"
    assert save(1, patch) == "Save as compose.hardened.yml.patch…"
    assert patch.read_text() == made.patch
    assert file.read_text() == TEXT
    save(0, tmp_path / "none" / "x.yml")
    assert column.note.text().startswith("The file could not be written: ")
    page.head.clear.click()
    qtbot.waitUntil(lambda: not column.difference.export.isVisible())
    names = {file_name("text", each) for each in Language}
    assert names == {"run.sh", "compose.yaml", "hardened.container", "pod.yaml", "devcontainer.json"}


def test_what_is_shown_first_is_the_plan(page: BeforePage, qtbot: QtBot) -> None:
    offered(page, qtbot, TEXT)
    column, draft = page.column, page.column.draft
    assert draft.plan is not None
    assert column.numbers.told == (number_text(draft.plan.now), number_text(draft.plan.then))
    assert list(column.changes.rows) == [change.key for change in draft.plan.changes]
    assert column.changes.rows["engine-socket"].isChecked()
    assert "volume-owner" not in {change.choice.id for change in draft.plan.changes}, "there are no files yet"


def test_each_service_keeps_its_choices_and_the_text_has_all_of_them(page: BeforePage, qtbot: QtBot) -> None:
    offered(page, qtbot, TEXT)
    draft = page.column.draft
    qtbot.waitUntil(lambda: draft.made is not None and "docker.sock" not in draft.made.text)
    draft.switch("no-new-privileges", False)
    qtbot.waitUntil(lambda: not draft.pending)
    own = {choice.id for choice in draft.choices}
    assert "no-new-privileges" not in own
    page.services.chips["db"].click()
    qtbot.waitUntil(lambda: draft.plan is not None and "db" in page.column.name.text())
    qtbot.waitUntil(lambda: draft.made is not None and "no-new-privileges" in draft.made.text)
    assert draft.made is not None
    assert "docker.sock" not in draft.made.text, "of the other one, too"
    assert "web, db" in page.column.note.text()
    page.services.chips["web"].click()
    qtbot.waitUntil(lambda: draft.plan is not None and not draft.pending)
    assert {choice.id for choice in draft.choices} == own
    # lines move, and the choices stay
    page.text.setPlainText("# more\n" + TEXT)
    qtbot.waitUntil(lambda: draft.made is not None and draft.made.text.startswith("# more"))
    assert {choice.id for choice in draft.choices} == own
    # another text starts anew
    page.head.clear.click()
    judged(page, qtbot, TEXT)
    offered(page, qtbot)
    assert "no-new-privileges" in {choice.id for choice in draft.choices}


def test_what_cant_be_written_is_not_offered_or_told(page: BeforePage, qtbot: QtBot) -> None:
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  hostPID: true\n  containers:\n"
        "  - {name: a, image: a}\n  - {name: b, image: b}\n"
    )
    offered(page, qtbot, pod)
    column = page.column
    assert column.draft.plan is not None
    why = {choice.id: translate(why) for choice, why in column.draft.plan.impossible}
    assert "change other containers too" in why["pid"]
    assert "no-new-privileges" in column.changes.rows
    # a filter can't be written while the container is privileged, only together with ending that
    page.head.clear.click()
    offered(page, qtbot, "docker run --privileged --name a nginx")
    column.draft.take_choices(("docker", "a"), (choice_of("seccomp", "default"),))
    qtbot.waitUntil(lambda: not column.draft.pending)
    column.draft.switch("privileged", True)
    qtbot.waitUntil(lambda: not column.left.isVisible() and column.draft.made is not None)
    assert column.draft.made is not None
    assert "privileged" not in column.draft.made.text


def test_without_a_choice_there_is_nothing_to_copy(page: BeforePage, qtbot: QtBot) -> None:
    offered(page, qtbot, TEXT)
    page.column.draft.take_choices(("docker", "web"), ())
    qtbot.waitUntil(lambda: not page.column.draft.pending)
    assert not page.column.button.isEnabled()
    assert page.column.note.text() == "No change is switched on."
    assert page.column.difference.lines.accessibleName() == "No line changes"


def test_the_file_on_disk_stays_as_it_is(page: BeforePage, qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(TEXT)
    page.open_file(file)
    qtbot.waitUntil(lambda: page.text.toPlainText() == TEXT)
    qtbot.waitUntil(page.strata.widget.isVisible)
    offered(page, qtbot)
    page.column.button.click()
    qtbot.waitUntil(lambda: page.column.note.text().startswith("Copied"))
    assert QGuiApplication.clipboard().text() != TEXT
    assert file.read_text() == TEXT
    assert [each.name for each in tmp_path.iterdir()] == ["compose.yml"]


def test_the_windows_thread_judges_nothing(page: BeforePage, judge: Judge, qtbot: QtBot) -> None:
    offered(page, qtbot, TEXT)
    page.column.button.click()
    qtbot.waitUntil(lambda: page.column.note.text().startswith("Copied"))
    assert {what for what, _ in judge.threads} >= {"check", "offer", "corrected"}
    assert threading.main_thread().name not in {thread for _, thread in judge.threads}


def test_a_layer_of_the_file_opens_and_its_findings_lead_to_switches(
    window: MainWindow, page: BeforePage, qtbot: QtBot
) -> None:
    window.resize(1440, 1300)
    offered(page, qtbot, TEXT)
    page.show_switch("engine-socket", turn_on=True)
    assert "engine-socket" in {choice.id for choice in page.column.draft.choices}
    assert page.column.changes.rows["engine-socket"].hasFocus() or not window.isActiveWindow()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1240, 700), (900, 640), (560, 480)])
def test_nothing_is_cut(window: MainWindow, page: BeforePage, qtbot: QtBot, width: int, height: int) -> None:
    window.resize(width, height)
    QApplication.processEvents()
    assert list(misfits(window)) == [], "while it is empty"
    offered(page, qtbot, TEXT)
    QApplication.processEvents()
    assert list(misfits(window)) == []
    if dock_of(window).narrow:
        dock_of(window).to_column()
    qtbot.waitUntil(lambda: page.column.draft.made is not None)
    QApplication.processEvents()
    assert list(misfits(window)) == []


def test_an_end_without_a_newline_is_no_part_of_a_changed_line(theme: Theme) -> None:
    box = DiffBox(theme)
    ends = "\n\\ No newline at end of file\n"
    box.show_difference(Corrected("b", (f"-docker run a{ends}", f"+docker run --user 1 a{ends}"), "patch"), "")
    assert box.lines.lines == ("- docker run a", "+ docker run --user 1 a")


def test_a_long_changed_line_has_several_rows(theme: Theme, qtbot: QtBot) -> None:
    box = DiffBox(theme)
    qtbot.addWidget(box)
    line = '    volumes: ["/var/run/docker.sock:/var/run/docker.sock"]'
    added = tuple(f"+    - LINE_{number}" for number in range(9))
    box.show_difference(Corrected("b", (f"-{line}", *added), "patch"), "")
    box.resize(330, box.sizeHint().height())
    box.show()
    box.resize(330, box.sizeHint().height())
    QApplication.processEvents()
    texts = [each.text for each in drawn(box.lines)]
    assert not [text for text in texts if "…" in text and text != "…7 more"], texts
    assert line.strip().replace(" ", "") in "".join(texts).replace(" ", "")
