"""The page *Before it starts*: typed, pasted or dropped text is judged, lines are marked, and nothing is started."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from rig.window import fake_matrix, sample
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.threats.depth import Matrix
from stratascope.ui.app.app import make_window
from stratascope.ui.before.page import BeforePage, mark_of
from stratascope.ui.before.text_field import brief_of
from stratascope.ui.kit.marks import Mark
from stratascope.ui.kit.page import View
from stratascope.ui.window.answer import Tone
from stratascope.ui.window.main_window import MainWindow
from stratascope.ui.window.palette import found
from stratascope.ui.window.strata_page import StrataPage
from window.judge import Judge
from window.not_started import COMPOSE, judged, offered

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def test_a_run_command_is_judged_as_it_is_typed(page: BeforePage, qtbot: QtBot) -> None:
    assert not page.strata.widget.isVisible()
    QTest.keyClicks(page.text, "docker run -d --name web --privileged nginx")
    qtbot.waitUntil(page.strata.widget.isVisible)
    qtbot.waitUntil(lambda: page.selection.current is not None and page.selection.current.container.name == "web")
    state = page.selection.current
    assert state is not None
    assert state.matrix is not None
    assert state.matrix.exposure.worst == 10.0
    assert list(page.services.chips) == ["web"]
    assert "/proc/PID/" in repr(state), "where it would be read"
    assert "/proc/0" not in repr(state), "there is no such process"
    # tighter, and the exposure falls at once
    judged(page, qtbot, "docker run -d --name web --user 1000 --cap-drop ALL --security-opt no-new-privileges nginx")
    qtbot.waitUntil(lambda: page.selection.current is not None and page.selection.current.matrix is not None
                    and page.selection.current.matrix.exposure.worst < 4.0)  # fmt: skip


def test_services_lines_and_layers(page: BeforePage, qtbot: QtBot) -> None:
    judged(page, qtbot, COMPOSE)
    assert list(page.services.chips) == ["web", "db"]
    notes = page.text.notes
    assert "bogus" in notes[8][0].text, "what can't be read is told with its line"
    assert notes[8][0].token == "weak_soft"
    assert notes[4][0].token == "open_soft", "privileged"
    assert notes[4][0].service == "web"
    page.services.chips["db"].click()
    assert page.selection.current is not None
    assert page.selection.current.container.name == "db"
    assert 4 in page.text.notes, "the lines of all services are told"
    # from a note to its line, its layer and its service
    page.status.open_list()
    table = page.status.list.table
    words = [note.whole for note in table.model_.rows]
    assert len(words) == sum(map(len, notes.values()))
    row = next(row for row, text in enumerate(words) if text.startswith("line 4  layer"))
    table.make_current(row)
    QTest.keyClick(table, Qt.Key.Key_Return)
    assert not page.status.list.isVisible()
    assert page.text.line == 4
    assert page.selection.layer == int(words[row].split("layer ")[1].split()[0])
    assert page.selection.current.container.name == "web"
    page.services.chips["db"].click()
    # the chosen service stays while the user types on, also when lines move
    page.text.setPlainText("# more\n" + COMPOSE + "  cache:\n    image: redis\n")
    qtbot.waitUntil(lambda: "cache" in page.services.chips)
    assert page.selection.current.container.name == "db"


MANY = "services:\n" + "".join(
    f"  s{number}:\n    image: redis\n    cap_drop: [ALL]\n    user: '1000'\n" for number in range(12)
)


def test_it_opens_on_the_worst_service_and_a_chip_scrolls_to_its_lines(page: BeforePage, qtbot: QtBot) -> None:
    judged(page, qtbot, MANY + "  worst:\n    image: redis\n    privileged: true\n")
    qtbot.waitUntil(lambda: len(page.services.chips) == 13)
    assert page.selection.current is not None
    assert page.selection.current.container.name == "worst"
    page.services.chips["s9"].click()
    assert page.selection.current.container.name == "s9"
    assert page.text.line == 2 + 4 * 9
    seen = [block.blockNumber() + 1 for block, top, high in page.text.lines_in_view() if top >= 0]
    assert page.text.line in seen
    # another text is another question: the worst again
    page.put(MANY.replace("s3:", "s3:\n    privileged: true"))
    qtbot.waitUntil(
        lambda: page.selection.current is not None and page.selection.current.container.name == "s3", timeout=5000
    )


def test_what_is_not_understood_is_told(page: BeforePage, qtbot: QtBot) -> None:
    page.text.setPlainText("services:\n\tweb: {")
    qtbot.waitUntil(lambda: bool(page.text.notes))
    assert not page.strata.widget.isVisible()
    assert not page.column.button.isVisible()
    assert page.empty.isVisible()
    assert page.status.text.text().startswith("line ")
    assert page.empty.text.text() in page.status.text.text()
    page.text.setPlainText("")
    qtbot.waitUntil(lambda: not page.text.notes)
    assert not page.status.isVisible()


def test_what_has_no_line_is_told(page: BeforePage, qtbot: QtBot) -> None:
    page.text.setPlainText("hello there")
    qtbot.waitUntil(page.status.isVisible)
    assert "not recognised" in page.status.text.text()
    assert page.head.language.language is None
    assert "Not recognised" in page.head.language.accessibleName()


def test_an_engine_that_can_not_be_asked_is_told(page: BeforePage, judge: Judge, qtbot: QtBot) -> None:
    judge.fault = ProbeError(msg("It is closed."))
    page.text.setPlainText("docker run nginx")
    qtbot.waitUntil(lambda: page.empty.text.text() == "It is closed.")
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


@pytest.mark.parametrize("word", ["compose", "quadlet", "kubernetes"])
def test_a_kind_of_file_leads_here(window: MainWindow, page: BeforePage, word: str) -> None:
    places = found(window.actions_.finder.gather(), word)
    assert "Before it starts" in [each.title for each in places]


def test_the_key_and_the_search(window: MainWindow, page: BeforePage, qtbot: QtBot) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.pages.show_view(View.STRATA)
    QTest.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.AltModifier)
    assert window.pages.view is View.BEFORE
    assert page.text.hasFocus()  # ready for typing
    page.text.clearFocus()
    window.pages.search()
    assert page.text.hasFocus()


def test_without_a_judge_there_is_no_such_page(qtbot: QtBot) -> None:
    made = make_window(sample.StillWatch())
    qtbot.addWidget(made)
    assert View.BEFORE not in made.pages.switch.views
    made.stop()


def test_nobody_has_to_know_anything_to_begin(page: BeforePage, qtbot: QtBot) -> None:
    assert page.empty.isVisible()
    assert page.column.nothing.isVisible()
    for language, button in page.empty.buttons.items():
        page.head.clear.click()
        qtbot.waitUntil(page.empty.isVisible)
        button.click()
        assert page.text.hasFocus() or not page.text.isActiveWindow()
        qtbot.waitUntil(page.strata.widget.isVisible)
        assert page.head.language.language is language
        assert not [note for notes in page.text.notes.values() for note in notes if note.unread and "YAML" in note.text]
        state = page.selection.current
        assert state is not None
        assert state.matrix is not None
        assert state.matrix.exposure.worst > 9.0, "there is something to see"


def test_paste_clear_and_the_files_name(page: BeforePage, qtbot: QtBot, tmp_path: Path) -> None:
    QGuiApplication.clipboard().setText("podman run --name pasted nginx\n")
    page.head.paste.click()
    qtbot.waitUntil(lambda: "pasted" in page.services.chips)
    assert page.head.file.text() == ""
    assert "podman run" in page.head.language.accessibleName()
    page.head.clear.click()
    qtbot.waitUntil(page.empty.isVisible)
    file = tmp_path / "compose.yml"
    file.write_text(COMPOSE)
    page.open_file(file)
    qtbot.waitUntil(lambda: page.text.toPlainText() == COMPOSE)
    assert page.head.file.text() == "compose.yml, read just now"
    page.text.insertPlainText("# mine\n")
    assert page.head.file.text() == "compose.yml, changed here"
    page.text.undo()
    assert page.head.file.text() == "compose.yml, read just now"
    page.open_file(tmp_path / "none.yml")
    qtbot.waitUntil(lambda: "none.yml" in page.status.text.text())
    assert page.text.toPlainText() == COMPOSE


def test_the_card_says_where_it_stands(window: MainWindow, page: BeforePage, qtbot: QtBot) -> None:
    offered(page, qtbot, "services:\n  a:\n    image: x\n    volumes: ['/var/run/docker.sock:/s']\n")
    assert isinstance(page.strata, StrataPage)
    card = page.strata.header.card
    qtbot.waitUntil(card.button.isVisible)
    assert card.proof.text() == "text, line 4"
    assert card.button.text().startswith("Copy the corrected file")
    assert not page.strata.header.name.isVisible(), "the chip says it"
    assert page.of_nobody.isVisible(), "nobody knows its image"
    assert card.first.text().startswith("As root: "), "and that is not known"
    assert card.answer.tone is Tone.UNK
    judged(page, qtbot, "services:\n  a:\n    image: x\n    user: '0'\n    volumes: ['/var/run/docker.sock:/s']\n")
    qtbot.waitUntil(lambda: card.answer.tone is Tone.OPEN)
    assert not page.of_nobody.isVisible(), "its text says who"
    assert "PID" not in page.strata.strata.process.toolTip(), "there is none yet"


def test_many_notes_are_a_list_that_scrolls_within_the_window(
    window: MainWindow, page: BeforePage, qtbot: QtBot
) -> None:
    lines = "\n".join(f"  s{at}:\n    image: i{at}\n    privileged: true\n    bogus{at}: 1" for at in range(60))
    judged(page, qtbot, f"services:\n{lines}\n")
    page.status.open_list()
    popup = page.status.list
    assert len(popup.table.model_.rows) > 55
    assert popup.height() < window.height() / 2
    assert window.frameGeometry().contains(popup.geometry())
    assert popup.table.verticalScrollBar().maximum() > 0
    QTest.keyClick(popup.table, Qt.Key.Key_Escape)
    assert not popup.isVisible()


def test_the_note_on_the_image_leaves_the_chips_one_row(window: MainWindow, page: BeforePage, qtbot: QtBot) -> None:
    offered(page, qtbot, COMPOSE)
    note, chips = page.of_nobody, list(page.services.chips.values())
    qtbot.waitUntil(note.isVisible)
    for width in (1600, 1366, 1240):
        window.resize(width, 768)
        qtbot.waitUntil(lambda: note.width() >= note.sizeHint().width())
        qtbot.waitUntil(lambda: len({chip.y() for chip in chips}) == 1)
        assert not note.geometry().intersects(page.services.geometry())


def test_the_brief_form_is_a_clause_that_stands_alone() -> None:
    assert brief_of("It may use 41 of 41 capabilities; which is not known.") == "It may use 41 of 41 capabilities"
    assert brief_of("41個のうち、41個を使う可能性があります。不明です。") == "41個のうち、41個を使う可能性があります"


@pytest.mark.parametrize(
    ("matrix", "mark"),
    [
        (fake_matrix.SOCKET_UNKNOWN, Mark.UNKNOWN),  # it may be worse than what is certain
        (fake_matrix.matrix("weak"), Mark.OPEN),
        (None, Mark.UNKNOWN),
    ],
)
def test_a_chips_mark_promises_nothing_that_is_not_known(matrix: Matrix | None, mark: Mark) -> None:
    assert mark_of(sample.with_matrix(matrix)) is mark
