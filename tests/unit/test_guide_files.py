"""The guide's files: the same in both languages, links that lead somewhere, commands and options that exist."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from rig.places import CHECKOUT
from rig.translations import load as load_catalogue
from rig.translations import po_file
from stratascope import resources
from stratascope.cli.arguments import parser
from stratascope.layers import all_layers
from stratascope.ui.guide import topics
from stratascope.ui.guide.text import FALLBACK, LEARN, Chapter, NoGuideError, load, read_chapter
from stratascope.usecases.attempts.lessons import LESSONS

GUIDE = CHECKOUT / "resources" / "guide"
LANGUAGES = ("en", "ja")
WORDS = 6000  # of all chapters: what nobody reads helps nobody; another language has as many places
OTHERS_OPTIONS = {"--rm", "--no-talk-name", "--help", "--cap-add SYS_ADMIN", "--cap-drop", "--volumes-from"}
# of docker run, of flatpak override, of every command of ours
_LINK = re.compile(r"\[[^\]]+\]\(([^)]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")


def texts(language: str) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in sorted((GUIDE / language).iterdir())}


def commands(text: str) -> list[str]:
    """What stands there as a command of ours: in a line or in a block."""
    fenced = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in fenced for line in block.splitlines()]
    spans = _CODE.findall(re.sub(r"^```\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    return [line for line in (*lines, *spans) if line.split(" ")[0] == "stratascope"]


def test_every_language_has_the_same_chapters_and_anchors() -> None:
    found = {language: load(language) for language in LANGUAGES}
    english = found[FALLBACK]
    assert len(english) > 10
    assert len({chapter.name for chapter in english}) == len(english)
    for language in LANGUAGES:
        assert sorted(texts(language)) == [chapter.file for chapter in english]
        assert [(chapter.name, chapter.anchors) for chapter in found[language]] == [
            (chapter.name, chapter.anchors) for chapter in english
        ]
    assert all(one.title != other.title for one, other in zip(english, found["ja"], strict=True))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_heading_can_be_gone_to_and_only_once(language: str) -> None:
    for chapter in load(language):
        assert chapter.anchors[0] == ""  # the title is where the chapter begins
        assert all(chapter.anchors[1:]), chapter.file
        assert len(set(chapter.anchors)) == len(chapter.anchors), chapter.file


def test_it_is_short_enough_to_be_read() -> None:
    """The length of each chapter is held by tests/window/guide, where it is laid out."""
    words = {name: len(text.split()) for name, text in texts(FALLBACK).items()}
    assert len(words) > 10
    assert sum(words.values()) <= WORDS, words


@pytest.mark.parametrize("language", LANGUAGES)
def test_links_lead_to_places_of_the_guide(language: str) -> None:
    chapters = {chapter.file: chapter for chapter in load(language)}
    seen = 0
    for name, text in texts(language).items():
        for link in _LINK.findall(text):
            scheme, _, lesson = link.partition(":")
            if scheme == LEARN:
                assert lesson in ("", *(each.id for each in LESSONS)), (name, link)
                continue
            seen += 1
            file, _, anchor = link.partition("#")
            assert file in chapters, (name, link)
            assert not anchor or anchor in chapters[file].anchors, (name, link)
    assert seen > 12
    linked = {link.partition("#")[0] for link in _LINK.findall(texts(language)["01-start.md"])}
    assert linked == {*chapters, f"{LEARN}:"} - {"01-start.md"}  # the first chapter is the table of contents


def test_every_place_that_f1_goes_to_is_there() -> None:
    places = [
        *topics.VIEWS.values(),
        topics.LIST,
        topics.ENGINES,
        topics.HARDENING,
        topics.RELAUNCH,
        topics.TRIALS,
        topics.MANY,
        topics.ASIDE,
        topics.NOTHING,
        topics.ROOT,
    ]
    places += [topics.EXPOSURE, *((topics.LAYERS, layer.id) for layer in all_layers())]
    chapters = {chapter.name: chapter for chapter in load(FALLBACK)}
    for name, anchor in places:
        assert name in chapters, name
        assert not anchor or anchor in chapters[name].anchors, (name, anchor)


def _options(top: argparse.ArgumentParser) -> set[str]:
    found: set[str] = set()
    for action in top._actions:
        found.update(action.option_strings)
        choices: Any = action.choices
        if isinstance(action, argparse._SubParsersAction):
            for each in choices.values():
                found |= _options(each)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_commands_and_options_exist(language: str) -> None:
    known = _options(parser())
    seen = set()
    for name, text in texts(language).items():
        for line in commands(text):
            words = shlex.split(line)[1:]
            if words in (["harden"],):
                continue  # the command's name, not a whole command
            parsed = parser().parse_args(words)  # SystemExit where it is none
            seen.add(parsed.command)
        for span in _CODE.findall(text):
            if span.startswith("-") and len(span) > 1:
                assert span in known | OTHERS_OPTIONS, (name, span)
    every = next(each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    assert seen == {None, *every.choices}  # every command is named


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_mark_of_markdown_is_left_over(language: str) -> None:
    """Bold letters beside Japanese punctuation are no bold letters in CommonMark, and the stars would be shown."""
    for name, text in texts(language).items():
        outside = re.sub(r"^```\n.*?^```$|`[^`\n]+`", "", text, flags=re.MULTILINE | re.DOTALL)
        for found in re.finditer(r"\*\*[^*\n]+\*\*", outside):
            word, after = found.group(), outside[found.end() : found.end() + 1]
            if language == "ja" and not word[-3].isalnum():
                assert after in "」 \n|", (name, word)
        assert outside.count("**") == 2 * len(_BOLD.findall(outside)), name


def _messages() -> set[str]:
    """Every text that the program says, as it stands in `msg` and `plural`."""
    found: set[str] = set()
    for path in sorted((GUIDE.parent.parent / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("msg", "plural"):
                values = [each.value for each in node.args if isinstance(each, ast.Constant)]
                found.update(text for text in values if isinstance(text, str))
    return found


def test_bold_words_are_words_of_the_window() -> None:
    """Bold is kept for what the window says, so that the guide calls nothing by another name than it does."""
    messages = _messages()
    japanese = {str(each.id): str(each.string) for each in load_catalogue(po_file("ja")) if isinstance(each.id, str)}
    for name, text in texts("en").items():
        english = _BOLD.findall(text)
        assert [word for word in english if word not in messages] == [], name
        assert sorted(_BOLD.findall(texts("ja")[name])) == sorted(japanese[word] for word in english), name


def test_reading_a_chapter() -> None:
    text = '# Title\n\nText.\n\n<a id="one"></a>\n## One\n\n```\n# no heading\n<a id="no"></a>\n```\n\n### Without\n'
    chapter = read_chapter("07-some-thing.md", text)
    assert chapter == Chapter(
        "some-thing",
        "07-some-thing.md",
        "Title",
        '# Title\n\nText.\n\n## One\n\n```\n# no heading\n<a id="no"></a>\n```\n\n### Without\n',
        ("", "one", ""),
    )
    assert read_chapter("x.md", "").title == "x.md"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Resources of our own making."""
    monkeypatch.setattr(resources, "root", lambda: tmp_path)
    return tmp_path


def _put(home: Path, language: str, name: str, text: bytes) -> None:
    folder = home / "guide" / language
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(text)


def test_what_a_language_lacks_comes_from_english(home: Path) -> None:
    _put(home, "en", "01-a.md", b"# A\n")
    _put(home, "en", "02-b.md", b"# B\n")
    _put(home, "en", "notes.txt", b"no chapter")
    _put(home, "ja", "02-b.md", "# ビー\n".encode())
    _put(home, "ja", "01-a.md", b"\xff\xfe no text")
    assert [chapter.title for chapter in load("ja")] == ["A", "ビー"]
    assert [chapter.title for chapter in load("ja_JP.UTF-8")] == ["A", "ビー"]
    for other in ("tlh", "", "../../etc", "en/../ja"):
        assert [chapter.title for chapter in load(other)] == ["A", "B"]


def test_missing_and_unreadable_files_are_told(home: Path) -> None:
    with pytest.raises(NoGuideError, match="missing from this installation"):
        load("en")
    (home / "guide" / "en").mkdir(parents=True)
    with pytest.raises(NoGuideError, match="missing from this installation"):
        load("en")
    _put(home, "en", "01-a.md", b"\xff")
    with pytest.raises(NoGuideError, match="can't be read"):
        load("ja")
