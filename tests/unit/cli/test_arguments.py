"""The words of the command line are those of the rooms behind it, which it does not load to know them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

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


def every_command(top: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    inner = [each for each in top._actions if isinstance(each, argparse._SubParsersAction)]
    for each in inner:
        for command in each.choices.values():
            yield from every_command(command)
    if not inner:
        yield top


COMMANDS = {each.prog.removeprefix("stratascope "): each for each in every_command(parser())}


def test_all_commands_are_looked_at() -> None:
    assert {"report", "desktop install", "helper remove", "completion", "recover"} <= COMMANDS.keys()
    assert len(COMMANDS) >= 22


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_prints_json(name: str) -> None:
    assert any("--json" in action.option_strings for action in COMMANDS[name]._actions)
