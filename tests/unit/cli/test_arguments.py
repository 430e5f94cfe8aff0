"""The words of the command line are those of the rooms behind it, which it does not load to know them."""

from __future__ import annotations

import re

import pytest

from stratascope.cli.arguments import parser
from stratascope.core.relaunch.toggle import Preset
from stratascope.formats.shared import ExportKind


@pytest.mark.parametrize(
    ("line", "words"),
    [("export a --as", ExportKind), ("export a --as compose --preset", Preset), ("harden a --preset", Preset)],
)
def test_choices(line: str, words: type[Preset | ExportKind], capsys: pytest.CaptureFixture[str]) -> None:
    for word in words:
        parser().parse_args([*line.split(), word])
    with pytest.raises(SystemExit):
        parser().parse_args([*line.split(), "nonsense"])
    said = capsys.readouterr().err
    named = re.search(r"\(choose from (.+)\)", said)  # newer Pythons leave the quotes out
    assert named is not None, said
    assert named[1].replace("'", "").split(", ") == [str(word) for word in words], said
