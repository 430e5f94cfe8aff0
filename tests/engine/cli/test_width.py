"""Every command on a terminal of 80 columns: no line is wider, and no escape sequence is broken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from wcwidth import wcswidth

from rig.cli.command_line import on_terminal
from rig.cli.commands import commands
from rig.engine import Rig
from rig.places import CHECKOUT
from stratascope.cli.arguments import parser

pytestmark = pytest.mark.slow  # thirty runs in each language, three of them with trials

COLUMNS = 80
SGR = re.compile(r"\x1b\[[0-9;]*m|\r[^\n]*\x1b\[K")  # colours; a line of progress, and its end
HEAD = re.compile(r" *(?:[-!?x|$#>→○■·] )?")
# what is a file, or a script, has the file's lines
FILES = ("completion", "export")
NAME = "customer-portal-integration-postgres-replica"
LINES = (
    ("engines",),
    ("list",),
    ("list", "--all"),
    ("report",),
    ("report", NAME),
    ("report", NAME, "--all"),
    ("diff", NAME, "tight"),
    ("reach", NAME),
    ("check", "compose.yaml"),
    ("plan", NAME),
    ("plan", "compose.yaml"),
    ("harden", NAME, "--preset", "recommended", "--dry-run"),
    ("harden", NAME, "--preset", "strict", "--dry-run"),
    ("tighten", "tight", "--dry-run"),
    ("undo", NAME, "--dry-run"),
    ("exercise", NAME, "true"),
    ("discard", NAME, "--yes"),
    ("recover",),
    ("export", NAME, "--as", "compose", "--preset", "recommended"),
    ("observe", NAME, "--for", "1"),
    ("needs", NAME),
    ("denials", NAME, "--for", "1"),
    ("history", "--all"),
    ("history",),
    ("desktop", "install", "--dry-run"),
    ("desktop", "remove", "--dry-run"),
    ("background", "--status"),
    ("helper", "install", "--dry-run"),
    ("helper", "remove", "--dry-run"),
    ("completion", "bash"),
)


def too_wide(line: str) -> bool:
    """A single word, such as a path, is left whole; so is a line of a command that goes on in the next."""
    words = line[len(HEAD.match(line).group()) :].split()  # type: ignore[union-attr]  # it also matches nothing
    return wcswidth(line) > COLUMNS and len(words) > 1 and not line.endswith("\\")


def test_every_command_is_among_them() -> None:
    named = {command.prog.partition(" ")[2] for command in commands(parser())}
    assert {" ".join(each[: name.count(" ") + 1]) for name in named for each in LINES} >= named


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_line_is_wider(docker_rootful: Rig, tmp_path: Path, language: str) -> None:
    (tmp_path / "compose.yaml").write_text(
        f"services:\n  {NAME}:\n    image: registry.example.com/a-rather-long-name/postgres-with-extensions:16.4\n"
        "    privileged: true\n    volumes: ['/var/run/docker.sock:/var/run/docker.sock', '/etc:/host/etc']\n"
    )
    more = {
        "STRATASCOPE_LANGUAGE": language,
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PYTHONPATH": str(CHECKOUT / "app"),
    }
    wide: dict[str, list[str]] = {}
    with (
        docker_rootful.container("--privileged", name=NAME),
        docker_rootful.container("--cap-drop", "ALL", name="tight"),
    ):
        for words in LINES:
            text = on_terminal(
                *words, engines=docker_rootful.endpoint, columns=COLUMNS, folder=tmp_path, fails=True, **more
            )
            bare = SGR.sub("", text)
            assert "Traceback" not in bare
            assert "\x1b" not in bare, words
            found = [] if words[0] in FILES else [line for line in bare.splitlines() if too_wide(line)]
            if found:
                wide[" ".join(words)] = found
    assert not wide
