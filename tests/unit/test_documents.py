"""README, threat model and their like name files, tests, options and pictures: all of them are there."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest

from rig.places import CHECKOUT
from stratascope.cli.arguments import parser

ROOT = CHECKOUT
DOCUMENTS = ("README.md", "README.ja.md", "CONTRIBUTING.md", "CHANGELOG.md", "THREAT-MODEL.md", "packaging/README.md")
_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
_CODE = re.compile(r"`([^`\n]+)`")
_BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_to_files(name: str) -> None:
    links = [link for link, _ in _LINK.findall(text(name)) if not re.match(r"https?:", link)]
    assert links or name == "CHANGELOG.md"
    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


def test_the_tests_of_the_threat_model_are_there() -> None:
    named = [word for word in _CODE.findall(text("THREAT-MODEL.md")) if word.startswith("tests/")]
    assert len(named) > 50
    for word in named:
        path, _, function = word.partition("::")
        assert (ROOT / path).exists(), word
        if function:
            body = ast.parse((ROOT / path).read_text("utf-8")).body
            assert function in {each.name for each in body if isinstance(each, ast.FunctionDef)}, word


def test_the_code_of_the_threat_model_is_there() -> None:
    for line in text("THREAT-MODEL.md").splitlines():
        if not line.startswith("| "):
            continue
        for cell in line.split("|")[2:3]:
            paths = [word for word in _CODE.findall(cell) if "/" in word and not word.startswith("-")]
            for word in paths:
                assert (ROOT / "app/stratascope" / word).exists() or (ROOT / word).exists(), word
            places = [top / word for word in paths if word.endswith(".py") for top in (ROOT / "app/stratascope", ROOT)]
            files = [path for path in places if path.exists()]
            sources = "".join(path.read_text("utf-8") for path in files)
            for name in re.findall(r"`(_?[A-Za-z_]+)`", cell):
                assert not files or name in sources, name


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_commands_of_the_readme_exist(name: str) -> None:
    lines = [line.strip() for block in _BLOCK.findall(text(name)) for line in block.splitlines()]
    commands = [line for line in lines if line.split(" ")[0] == "stratascope"]
    assert commands or name == "README.ja.md"
    for line in commands:
        words = shlex.split(re.split(r"\s{3,}", line)[0])[1:]
        if not any(each in line for each in ("[", "…", "|")):
            parser().parse_args(words)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for line in lines:
        if re.match(r"make [a-z-]+", line):
            assert line.split()[1] in targets, line


def test_the_readme_opens_with_the_two_commands() -> None:
    for name in ("README.md", "README.ja.md"):
        assert _BLOCK.findall(text(name))[0].split("\n")[:2] == ["make run", "make test"], name


def test_everything_is_in_the_source_distribution() -> None:
    included = re.search(r"targets\.sdist\]\ninclude = \[(.*?)\]", text("pyproject.toml"), re.DOTALL)
    assert included is not None
    for name in DOCUMENTS:
        assert f'"{name.partition("/")[0]}"' in included.group(1), name


def test_the_changelog_has_an_empty_beginning_and_this_version() -> None:
    """New lines go under Unreleased; a version has its date."""
    heads = re.findall(r"^## \[(.+?)\](.*)$", text("CHANGELOG.md"), re.MULTILINE)
    assert heads[0] == ("Unreleased", "")
    assert re.fullmatch(r" - \d{4}-\d\d-\d\d", heads[1][1])


def test_the_map_is_the_tree() -> None:
    """Every folder of the program is named where it lies, and every name is a folder's or a file's."""
    found = re.search(r"^## The house\n\n```\n(.*?)^```$", text("CONTRIBUTING.md"), re.MULTILINE | re.DOTALL)
    assert found is not None
    above = {-2: ROOT}
    named: set[Path] = set()
    for line in found.group(1).splitlines():
        depth = len(line) - len(line.lstrip())
        top = above[max(each for each in above if each < depth)]
        words = re.match(r"(?:[\w/]+(?:/|\.py)(?:\s|$))+", line.lstrip())
        assert words is not None, line
        for word in words.group().split():
            assert (top / word).exists(), word
            named.add(top / word)
            above = {each: path for each, path in above.items() if each < depth} | {depth: top / word}
    program = ROOT / "app" / "stratascope"
    folders = {path.parent for path in program.rglob("__init__.py") if len(path.relative_to(program).parts) <= 3}
    assert sorted(str(path.relative_to(program)) for path in folders - named - {program}) == []
