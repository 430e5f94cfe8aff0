"""The fleet as files: text that a spreadsheet does not evaluate, and a well-formed drawing."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

from rig.window import fake_fleet, sample
from stratascope.ui.fleet.picture import csv_text, harmless, save, svg_text
from stratascope.ui.fleet.table import FleetTable, ink_word, threat_table
from stratascope.ui.kit.theme import Theme
from stratascope.value import replace


def nasty() -> FleetTable:
    states = tuple(
        replace(state, container=replace(state.container, name=name))
        for state, name in zip(
            fake_fleet.states(5), ('=cmd|"/c calc"!A1', "+1", 'say "hi", you', sample.NASTY, "顧客"), strict=True
        )
    )
    return threat_table(states)


def test_csv_can_be_read_back_and_runs_nothing() -> None:
    table = nasty()
    lines = list(csv.reader(io.StringIO(csv_text(table))))
    assert len(lines) == 6
    assert {len(line) for line in lines} == {4 + len(table.columns)}
    assert lines[0][:4] == ["Container", "Engine", "Id", "Exposure"]
    names = [line[0] for line in lines[1:]]
    assert '\'=cmd|"/c calc"!A1' in names
    assert "'+1" in names
    assert 'say "hi", you' in names
    assert "顧客" in names
    assert not any("\x1b" in value or value.startswith(("=", "+", "-", "@")) for line in lines for value in line)
    for line, row in zip(lines[1:], table.rows, strict=True):
        for value, cell in zip(line[4:], row.cells, strict=True):
            assert value == (cell.text if cell.text[:1] in "12345" and cell.text else ink_word(cell.ink))


@pytest.mark.parametrize(
    ("text", "wanted"), [("=1+1", "'=1+1"), ("-2", "'-2"), ("@x", "'@x"), ("web", "web"), ("", ""), ("–", "–")]
)
def test_formulas_are_disarmed(text: str, wanted: str) -> None:
    assert harmless(text) == wanted


def test_svg_is_well_formed_and_drawn(theme: Theme) -> None:
    table = nasty()
    text = svg_text(table, theme)
    root = ElementTree.fromstring(text)
    uses = root.findall("{http://www.w3.org/2000/svg}use")
    assert len(uses) == len(table.rows) * len(table.columns)
    words = [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "顧客" in words
    assert any("<img" in word for word in words)  # as text
    renderer = QSvgRenderer(text.encode())
    assert renderer.isValid()
    image = QImage(renderer.defaultSize(), QImage.Format.Format_RGB32)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    assert len({image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}) > 20


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_link_of_somebody_else_leads_nowhere(tmp_path: Path, theme: Theme) -> None:
    ours = tmp_path / "ours.csv"
    ours.write_text("ours")
    link = tmp_path / "fleet.csv"
    link.symlink_to(ours)
    assert save(link, nasty(), theme) == ""
    assert link.is_symlink()
    assert "ours" not in ours.read_text().split(",")
    ours.write_text("ours")
    os.chown(link, 4711, 4711, follow_symlinks=False)
    assert save(link, nasty(), theme) != ""
    assert ours.read_text() == "ours"
