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
from rig.window.staged_hardening import StagedHardening
from stratascope.core.relaunch.toggle import Preset
from stratascope.formats.text import Language
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

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)

TEXT = """services:
  web:
    image: nginx
    volumes:
      - /var/run/docker.sock:/s  # why
  db:
    image: postgres
    privileged: true
"""


def test_it_is_there_on_this_page_only(window: MainWindow, page: BeforePage, qtbot: QtBot) -> None:
    """In a window that hardens nothing."""
    offered(page, qtbot, TEXT)
    assert page.column.isVisible()
    assert page.column.width() >= 288
    window.selection.show_snapshot(sample.snapshot())
    way = next(each for each in window.actions_.menu.actions() if each.text() == "Harden…")
    assert way.isVisible()
    assert way.isEnabled()
    window.pages.show_view(View.STRATA)
    assert not page.column.isVisible()
    assert not dock_of(window).button.isVisible()
    assert not way.isVisible(), "it would lead nowhere"
    window.pages.show_view(View.BEFORE)
    assert page.column.isVisible()
    assert way.isVisible()
    way.trigger()
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
    assert column.title.text() == "Harden the file"
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
    assert draft.offer is not None
    closing = draft.offer.of(Preset.CRITICAL)
    assert {choice.id for choice in closing} == {"user", "no-new-privileges", "engine-socket"}
    assert draft.choices == closing
    qtbot.waitUntil(lambda: draft.made is not None and "user" in draft.made.text)
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
    qtbot.waitUntil(lambda: column.note.text().startswith("Copied. Exposure "))
    text = QGuiApplication.clipboard().text()
    assert "docker.sock" not in text
    assert text.endswith("  db:\n    image: postgres\n    privileged: true\n"), "nobody asked for more"
    assert page.text.toPlainText() == TEXT, "the text that is shown stays as well"
    found = judge.checker.text(text, "x", 0.0).snapshot
    assert found is not None
    assert found.containers[0].matrix is not None
    assert draft.preview is not None
    assert found.containers[0].matrix.exposure.worst == draft.preview.after.exposure.worst
    column.draft.switch("no-new-privileges", True)
    assert column.note.text() == "The file on disk stays as it is."


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
    column.close_critical()
    qtbot.waitUntil(lambda: column.draft.made is not None and "user" in column.draft.made.text)

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
    assert names == {"run.sh", "compose.yaml", "hardened.container", "pod.yaml"}


def test_what_is_shown_first_is_what_the_first_preset_takes(page: BeforePage, qtbot: QtBot) -> None:
    offered(page, qtbot, TEXT)
    column = page.column
    assert column.presets.current is Preset.RECOMMENDED
    assert column.prediction.title.text() == "If it starts so, predicted"
    assert column.prediction.now.accessibleName().startswith("As is: ")
    assert "volume-owner" not in column.rows, "there are no files yet"
    assert all(option.toggle.id != "volume-owner" for option in column.draft.options.values())


def test_each_service_keeps_its_choices_and_the_text_has_all_of_them(page: BeforePage, qtbot: QtBot) -> None:
    offered(page, qtbot, TEXT)
    draft = page.column.draft
    page.column.close_critical()
    page.services.chips["db"].click()
    qtbot.waitUntil(lambda: draft.offer is not None and draft.offered_key == ("docker", "db"))
    page.column.presets.parts[Preset.RESTRICTED].click()
    qtbot.waitUntil(lambda: draft.made is not None and "privileged" not in draft.made.text)
    assert draft.made is not None
    assert "docker.sock" not in draft.made.text, "of the other one, too"
    assert "web, db" in page.column.note.text()
    page.services.chips["web"].click()
    assert {choice.id for choice in draft.choices} == {"user", "no-new-privileges", "engine-socket"}
    # lines move, and the choices stay
    page.text.setPlainText("# more\n" + TEXT)
    qtbot.waitUntil(lambda: draft.made is not None and draft.made.text.startswith("# more"))
    assert {choice.id for choice in draft.choices} == {"user", "no-new-privileges", "engine-socket"}
    # another text starts anew
    page.head.clear.click()
    judged(page, qtbot, TEXT)
    offered(page, qtbot)
    assert page.column.presets.current is Preset.RECOMMENDED


def test_what_cant_be_written_is_not_offered_or_told(page: BeforePage, qtbot: QtBot) -> None:
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  hostPID: true\n  containers:\n"
        "  - {name: a, image: a}\n  - {name: b, image: b}\n"
    )
    offered(page, qtbot, pod)
    column = page.column
    assert not column.rows["pid"].able
    assert "change other containers too" in column.rows["pid"].toolTip()
    assert column.rows["no-new-privileges"].able
    # a filter can't be written while the container is privileged, only together with ending that
    page.head.clear.click()
    offered(page, qtbot, "docker run --privileged --name a nginx")
    column.draft.take_choices(("docker", "a"), ())
    column.draft.switch("seccomp", True)
    qtbot.waitUntil(column.left.isVisible)
    assert column.left.text() == "Can't be written into this text: System call filter"
    column.draft.switch("privileged", True)
    qtbot.waitUntil(lambda: not column.left.isVisible())
    assert column.draft.made is not None
    assert "privileged" not in column.draft.made.text


def test_without_a_choice_there_is_nothing_to_copy(page: BeforePage, qtbot: QtBot) -> None:
    offered(page, qtbot, TEXT)
    page.column.draft.take_choices(("docker", "web"), ())
    assert not page.column.button.isEnabled()
    assert page.column.note.text() == "Switch on what you want, or choose a preset."
    assert page.column.difference.lines.accessibleName() == "No line changes"


def test_the_file_on_disk_stays_as_it_is(page: BeforePage, qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(TEXT)
    page.open_file(file)
    qtbot.waitUntil(lambda: page.text.toPlainText() == TEXT)
    qtbot.waitUntil(page.strata.widget.isVisible)
    offered(page, qtbot)
    page.column.close_critical()
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
    assert page.column.rows["engine-socket"].hasFocus() or not window.isActiveWindow()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1240, 700), (900, 640), (560, 480)])
def test_nothing_is_cut(window: MainWindow, page: BeforePage, qtbot: QtBot, width: int, height: int) -> None:
    window.resize(width, height)
    QApplication.processEvents()
    assert list(misfits(window)) == [], "while it is empty"
    offered(page, qtbot, TEXT)
    QApplication.processEvents()
    assert list(misfits(window)) == []
    page.column.close_critical()
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
