"""Each command's help has two examples, and every example is a command line that is understood."""

from __future__ import annotations

import shlex

import pytest

from rig.cli.commands import commands
from stratascope.cli.arguments import parser
from stratascope.cli.examples import EXAMPLES


def test_every_command_has_two() -> None:
    named = {command.prog.partition(" ")[2] for command in commands(parser())}
    assert named == set(EXAMPLES)
    assert all(len(examples) >= 2 for examples in EXAMPLES.values())


@pytest.mark.parametrize(("name", "example"), [(name, each) for name, found in EXAMPLES.items() for each in found])
def test_it_is_understood(name: str, example: str) -> None:
    program, *words = shlex.split(example)
    assert program == "stratascope"
    assert len(example) <= 78, "two blanks before it make a line of 80"
    words = words[: next((at for at, word in enumerate(words) if word in (">", ">>")), len(words))]
    found = parser().parse_args(words)
    assert " ".join(filter(None, (found.command, getattr(found, "act", "")))) == name


def test_help_shows_them_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["undo", "--help"])
    assert "\nExamples:\n  stratascope undo web\n  stratascope undo --project shop\n" in capsys.readouterr().out
