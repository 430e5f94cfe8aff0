"""The manual pages: valid to both formatters, and every command and option is in them, in both languages."""

from __future__ import annotations

import argparse
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.places import CHECKOUT
from stratascope import __version__
from stratascope.cli.arguments import parser

MAN = CHECKOUT / "packaging" / "man"
ENGLISH, JAPANESE = MAN / "stratascope.1", MAN / "ja" / "stratascope.1"
PAGES = pytest.mark.parametrize("page", [ENGLISH, JAPANESE], ids=["en", "ja"])
# groff 1.23's own ja.tmac asks for it, before it has read a line of ours
GROFF_S_OWN = "macro 'an*section1' not defined"


def shown(page: Path) -> str:
    """What a reader sees. Japanese breaks lines by macros of its own, as man-db loads them for its folder."""
    language = ("-mja",) if page == JAPANESE else ()
    done = subprocess.run(
        ("groff", "-man", *language, "-Kutf8", "-Tutf8", "-ww", "-rLL=100n", "-P-c", str(page)),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert [line for line in done.stderr.splitlines() if not line.endswith(GROFF_S_OWN)] == []
    return re.sub(r".\x08", "", done.stdout)


@PAGES
def test_both_formatters_have_nothing_to_say(page: Path) -> None:
    done = subprocess.run(
        ("mandoc", "-T", "lint", "-W", "warning", str(page)), capture_output=True, encoding="utf-8", check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "STRATASCOPE(1)" in shown(page)


def commands(top: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield name, top
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, command in action.choices.items():
                yield from commands(command, f"{name} {word}".strip())


def sections(page: Path) -> dict[str, str]:
    """The text of each command, by its first word; the rest of the page under ""."""
    text = page.read_text(encoding="utf-8").replace("\\-", "-")
    found = {"": text}
    for part in re.split(r"^\.SS ", text, flags=re.MULTILINE)[1:]:
        name, _, body = part.partition("\n")
        found[name] = body.partition("\n.SH ")[0]
    return found


@PAGES
def test_every_command_and_option_is_told(page: Path) -> None:
    told = sections(page)
    count = 0
    for name, command in commands(parser()):
        words = name.split()
        body = told[words[0] if words else ""]
        if len(words) == 2:
            assert f"\\fB{words[1]}\\fR" in body, f"{name} is not in {page.name}"
        for action in command._actions:
            options = [option for option in action.option_strings if option.startswith("--") and option != "--help"]
            for option in options:
                assert f"\\fB{option}\\fR" in body, f"{name} {option} is not in {page.name}"
            for choice in action.choices or () if not isinstance(action, argparse._SubParsersAction) else ():
                assert f"\\fB{choice}\\fR" in told[""], f"{name} {choice} is not in {page.name}"
            count += len(options)
    assert count > 30


@PAGES
def test_nothing_is_told_that_is_not_there(page: Path) -> None:
    known = {
        option for _, command in commands(parser()) for action in command._actions for option in action.option_strings
    }
    told = set(re.findall(r"\\fB(--?[a-z-]+)\\fR", page.read_text("utf-8").replace("\\-", "-")))
    assert told - {"--"} == known  # behind `--` stands a command


@PAGES
def test_our_variables_of_the_environment_are_told(page: Path) -> None:
    sources = (CHECKOUT / "app").rglob("*.py")
    used = {name for source in sources for name in re.findall(r'"(STRATASCOPE_[A-Z]+)"', source.read_text("utf-8"))}
    assert used >= {"STRATASCOPE_ENGINES", "STRATASCOPE_THEME"}
    assert not {name for name in used if f"\\fB{name}\\fR" not in page.read_text("utf-8")}


def test_both_are_the_same_page() -> None:
    """Section by section, option by option; and of this version."""
    english, japanese = (page.read_text("utf-8").splitlines() for page in (ENGLISH, JAPANESE))
    for macro in (".SH", ".SS", ".TP", ".PP"):
        assert sum(line.startswith(macro) for line in english) == sum(line.startswith(macro) for line in japanese), (
            macro
        )
    for lines in (english, japanese):
        assert any(
            line.startswith(".TH STRATASCOPE 1 ") and line.endswith(f'"Stratascope {__version__}"') for line in lines
        )
