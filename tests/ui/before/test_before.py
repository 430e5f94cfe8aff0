"""The page *Before it starts*: what is typed, pasted or dropped is judged, lines are marked, and nothing is started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.ui.app.app import make_window
from stratascope.ui.before.page import BeforePage
from stratascope.ui.widgets.page_switch import View
from stratascope.ui.window.main_window import MainWindow
from ui import sample
from ui.judge import Judge

COMPOSE = """services:
  web:
    image: nginx
    privileged: true
  db:
    image: postgres
    read_only: true
    bogus: 3
"""


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
def window(qtbot: QtBot, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    made = make_window(sample.StillWatch(), before=judge)
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    yield made
    made.stop()


@pytest.fixture
def page(window: MainWindow) -> BeforePage:
    """Also where there is no container at all."""
    window.pages.show_view(View.BEFORE)
    assert window.pages.before is not None
    assert window.pages.before.isVisible()
    return window.pages.before


def judged(page: BeforePage, qtbot: QtBot, text: str) -> None:
    page.text.setPlainText(text)
    qtbot.waitUntil(page.strata.widget.isVisible)


def test_a_run_command_is_judged_as_it_is_typed(page: BeforePage, qtbot: QtBot) -> None:
    assert not page.strata.widget.isVisible()
    QTest.keyClicks(page.text, "docker run -d --name web --privileged nginx")
    qtbot.waitUntil(page.strata.widget.isVisible)
    qtbot.waitUntil(lambda: page.selection.current is not None and page.selection.current.container.name == "web")
    state = page.selection.current
    assert state is not None
    assert state.matrix is not None
    assert state.matrix.exposure.worst == 10.0
    assert not page.services.isVisible(), "one container needs no chips"
    assert "/proc/PID/" in repr(state), "where it would be read"
    assert "/proc/0" not in repr(state), "there is no such process"
    # tighter, and the number goes down at once
    judged(page, qtbot, "docker run -d --name web --user 1000 --cap-drop ALL --security-opt no-new-privileges nginx")
    qtbot.waitUntil(lambda: page.selection.current is not None and page.selection.current.matrix is not None
                    and page.selection.current.matrix.exposure.worst < 4.0)  # fmt: skip


def test_services_lines_and_layers(page: BeforePage, qtbot: QtBot) -> None:
    judged(page, qtbot, COMPOSE)
    assert list(page.services.chips) == ["web", "db"]
    said = [page.notes.item(row).text() for row in range(page.notes.count())]
    assert any(each.startswith("line 8") and "bogus" in each for each in said), (
        "what can't be read is told with its line"
    )
    assert any(each.startswith("line 4") for each in said), "privileged"
    assert len(page.text.extraSelections()) >= 2
    page.services.chips["db"].click()
    assert page.selection.current is not None
    assert page.selection.current.container.name == "db"
    assert not any(page.notes.item(row).text().startswith("line 4") for row in range(page.notes.count()))
    row = next(row for row in range(page.notes.count()) if "layer" in page.notes.item(row).text())
    item = page.notes.item(row)
    page.notes.itemActivated.emit(item)
    assert page.text.textCursor().blockNumber() + 1 == int(item.text().split()[1])
    assert page.selection.layer == int(item.text().split("layer ")[1].split()[0])
    # the one that was chosen stays while somebody types on
    page.text.setPlainText(COMPOSE + "  cache:\n    image: redis\n")
    qtbot.waitUntil(lambda: "cache" in page.services.chips)
    assert page.selection.current.container.name == "db"


def test_the_corrected_file_is_copied(page: BeforePage, judge: Judge, qtbot: QtBot) -> None:
    judged(page, qtbot, COMPOSE.replace("    bogus: 3\n", ""))
    QGuiApplication.clipboard().clear()
    page.copy.click()
    qtbot.waitUntil(lambda: page.told.text().startswith("Copied. Exposure 10.0 → "))
    text = QGuiApplication.clipboard().text()
    worst = judge.checker.text(text, "x", 0.0).snapshot.containers[0].matrix.exposure.worst  # type: ignore[union-attr]
    assert worst < 4.0
    assert text.startswith("services:\n  web:\n    image: nginx\n"), "order and the rest stay"


def test_what_is_not_understood_is_told(page: BeforePage, qtbot: QtBot) -> None:
    page.text.setPlainText("services:\n\tweb: {")
    qtbot.waitUntil(lambda: page.notes.count() > 0)
    assert not page.strata.widget.isVisible()
    assert not page.copy.isEnabled()
    assert page.text.extraSelections()
    page.text.setPlainText("")
    qtbot.waitUntil(lambda: page.notes.count() == 0)


def test_an_engine_that_can_not_be_asked_is_told(page: BeforePage, judge: Judge, qtbot: QtBot) -> None:
    judge.fault = ProbeError(msg("It is closed."))
    page.text.setPlainText("docker run nginx")
    qtbot.waitUntil(lambda: page.told.text() == "It is closed.")
    assert not page.strata.widget.isVisible()


def test_a_file_is_dropped_and_text_is_never_markup(page: BeforePage, qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(COMPOSE)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    assert page.text.canInsertFromMimeData(data)
    page.text.insertFromMimeData(data)
    qtbot.waitUntil(lambda: page.text.toPlainText() == COMPOSE)
    qtbot.waitUntil(page.strata.widget.isVisible)
    rich = QMimeData()
    rich.setHtml("<b>docker</b>")
    rich.setText("<b>docker</b>")
    page.text.clear()
    page.text.insertFromMimeData(rich)
    assert page.text.toPlainText() == "<b>docker</b>"


def test_the_key_and_the_search(window: MainWindow, page: BeforePage, qtbot: QtBot) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.pages.show_view(View.STRATA)
    QTest.keyClick(window, Qt.Key.Key_0, Qt.KeyboardModifier.AltModifier)
    assert window.pages.view is View.BEFORE
    window.pages.search()
    assert page.text.hasFocus()


def test_without_a_judge_there_is_no_such_page(qtbot: QtBot) -> None:
    made = make_window(sample.StillWatch())
    qtbot.addWidget(made)
    assert View.BEFORE not in made.pages.switch.views
    made.stop()
