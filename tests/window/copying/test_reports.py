"""Reports saved from the window are those of `stratascope report`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QMessageBox
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.named import in_menu
from stratascope.i18n import language
from stratascope.ui.app.app import make_window
from stratascope.ui.app.start import report_as
from stratascope.ui.kit.feedback import Feedback
from stratascope.ui.window.main_window import MainWindow, Services
from window.file_dialogs import choose, open_dialog


@pytest.fixture
def reporting(qtbot: QtBot) -> Iterator[MainWindow]:
    window = make_window(sample.StillWatch(), Services(report=report_as))
    qtbot.addWidget(window)
    window.resize(1200, 800)
    window.show()
    window.selection.show_snapshot(sample.snapshot())
    yield window
    window.close()


@pytest.mark.parametrize(
    ("name", "begins"),
    [("all.html", "<!doctype html>"), ("all.txt", ""), ("all.json", "{"), ("all", "<!doctype html>")],
)
def test_all_containers_in_the_format_of_the_files_name(
    reporting: MainWindow, qtbot: QtBot, tmp_path: Path, name: str, begins: str
) -> None:
    in_menu(reporting)["Save a report…"].trigger()
    file = tmp_path / name
    choose(file)
    qtbot.waitUntil(file.exists)
    text = file.read_text(encoding="utf-8")
    assert text.lower().startswith(begins)
    for state in sample.snapshot().containers:
        assert state.container.name in text
    qtbot.waitUntil(lambda: [each.text() for each in reporting.findChildren(Feedback)] == [f"Saved as {file}"])


def test_the_one_in_view_alone_and_as_sarif(reporting: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    assert reporting.reports is not None
    assert reporting.selection.current is not None
    name = reporting.selection.current.container.name
    others = [each.container.name for each in sample.snapshot().containers]
    reporting.reports.ask_one()
    assert Path(open_dialog().selectedFiles()[0]).name == f"stratascope-{name}.html"
    choose(tmp_path / "one.sarif")
    qtbot.waitUntil((tmp_path / "one.sarif").exists)
    text = (tmp_path / "one.sarif").read_text(encoding="utf-8")
    assert json.loads(text)["version"] == "2.1.0"
    assert not any(f'"{other}"' in text for other in others if other != name)


def test_another_kind_changes_the_name_that_was_typed(reporting: MainWindow) -> None:
    in_menu(reporting)["Save a report…"].trigger()
    dialog = open_dialog()
    (field,) = dialog.findChildren(QLineEdit, "fileNameEdit")
    field.setText("mine.html")
    dialog.filterSelected.emit(dialog.nameFilters()[2])
    assert Path(dialog.selectedFiles()[0]).name == "mine.json"
    dialog.close()


def test_what_was_there_is_kept_where_it_cant_be_written(reporting: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    in_menu(reporting)["Save a report…"].trigger()
    choose(tmp_path / "nowhere" / "a.html")

    def boxes() -> list[QMessageBox]:
        return [each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox) and each.isVisible()]

    qtbot.waitUntil(lambda: bool(boxes()))
    (box,) = boxes()
    assert "could not be written" in box.text()
    box.close()
    assert not [each for each in QApplication.topLevelWidgets() if isinstance(each, QFileDialog) and each.isVisible()]


def test_the_file_dialog_is_wholly_in_japanese(reporting: MainWindow) -> None:
    """Also the two lines that Qt's own translation lacks."""
    assert reporting.reports is not None
    labels = QFileDialog.DialogLabel
    try:
        language.start({language.VARIABLE: "ja"}, None)
        reporting.reports.ask_one()
        texts = [open_dialog().labelText(each) for each in (labels.LookIn, labels.FileType)]
        open_dialog().reject()
    finally:
        language.start({language.VARIABLE: "en"}, None)
    assert texts == ["場所：", "ファイルの種類："]
