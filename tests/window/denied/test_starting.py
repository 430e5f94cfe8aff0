"""The dialog that says why a command does not start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from stratascope.ui.denied.starting import StartDialog
from stratascope.ui.kit.theme import Theme


@pytest.fixture
def dialog(qtbot: QtBot) -> Iterator[StartDialog]:
    parent = QWidget()
    qtbot.addWidget(parent)
    made = StartDialog(Theme(), parent)
    made.show()
    yield made
    parent.close()


def _run(dialog: StartDialog, qtbot: QtBot, command: str) -> None:
    dialog.field.setText(command)
    dialog.run.click()
    qtbot.waitUntil(dialog.run.isEnabled, timeout=60_000)


def test_it_says_why_and_what_the_command_printed(dialog: StartDialog, qtbot: QtBot, tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    assert dialog.field.height() >= dialog.field.sizeHint().height() + 8, "there is room around what is typed"
    _run(dialog, qtbot, f"sh -c 'echo here; exec {absent}'")
    assert dialog.lead.text() == "It does not start: it ended with status 127."
    assert dialog.text.toPlainText().startswith("Owner and mode of files: A program that it starts is not there.")
    assert "It printed:\nhere" in dialog.text.toPlainText()


def test_one_that_starts(dialog: StartDialog, qtbot: QtBot) -> None:
    _run(dialog, qtbot, "true")
    assert dialog.lead.text() == "It starts: nothing kept it from that."
    assert dialog.text.toPlainText() == ""


def test_no_shell_reads_it(dialog: StartDialog, qtbot: QtBot, tmp_path: Path) -> None:
    _run(dialog, qtbot, f"echo a; touch {tmp_path}/made")
    assert not list(tmp_path.iterdir())
    dialog.field.setText("echo 'open")
    dialog.run.click()
    assert dialog.lead.text().startswith("Type a command")


def test_closing_it_ends_the_command(dialog: StartDialog, qtbot: QtBot, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    dialog.field.setText(f"sh -c 'echo $$ > {mark}; exec sleep 6543'")
    dialog.run.click()
    qtbot.waitUntil(lambda: mark.exists() and bool(mark.read_text()), timeout=60_000)
    place = Path("/proc") / mark.read_text().strip()
    dialog.close()
    qtbot.waitUntil(lambda: not place.exists(), timeout=10_000)
