"""The translations are complete and sound, and the messages such that they can be translated."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from rig import places
from rig.translations import LANGUAGES, complaints, extracted, load, mo_text, po_file, po_text, updated
from stratascope.cli.parsing import WORDS

APP = places.APP / "stratascope"
# argparse says these to who writes a program, not to who uses it
DEVELOPERS = re.compile(
    r"__call__|conflicting|unknown parser|argument \"-\"|can't open|cannot merge|invalid argument for|option string"
    r"|dest= is|conflict_resolution|must be optional|multiple subparser|not callable|is deprecated|warning|default:"
    r"|show program's version"  # ours is in its place
)
TOLD = frozenset({"setText", "setToolTip", "setWindowTitle", "setAccessibleName", "setAccessibleDescription",
                  "setPlaceholderText", "setStatusTip", "setWhatsThis", "setInformativeText", "setTitle", "setSuffix",
                  "setPrefix", "addAction", "addMenu", "addButton", "setNameFilter", "QLabel", "QPushButton",
                  "QToolButton", "QCheckBox", "QRadioButton", "QAction", "QGroupBox", "QMenu", "say", "write",
                  "complain", "tip", "give_tip", "showMessage"})  # fmt: skip
LETTERS = re.compile(r"[^\W\d_]{3}")
NAMES = frozenset({"stratascope", "Stratascope"})


@cache
def template() -> Catalog:
    return extracted()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated(language: str) -> None:
    """None missing, none left over, none guessed; fields, spaces and plural forms right. `make translations` helps."""
    assert complaints(load(po_file(language)), template()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_files_are_in_line_with_the_program(language: str) -> None:
    file = po_file(language)
    fresh = updated(load(file), template())
    assert file.read_bytes() == po_text(fresh), "run make translations"
    assert file.with_suffix(".mo").read_bytes() == mo_text(fresh), "run make translations"


def spoil_missing(catalogue: Catalog) -> None:
    catalogue.delete("Namespaces")


def spoil_untranslated(catalogue: Catalog) -> None:
    catalogue["Namespaces"].string = ""


def spoil_fuzzy(catalogue: Catalog) -> None:
    catalogue["Namespaces"].flags.add("fuzzy")


def spoil_left_over(catalogue: Catalog) -> None:
    catalogue.add("No longer said", "もう言わない")


def spoil_obsolete(catalogue: Catalog) -> None:
    catalogue.obsolete["gone"] = catalogue["Namespaces"]


def spoil_field(catalogue: Catalog) -> None:
    catalogue["Drop {name}"].string = "{nome} を外す"


def spoil_field_lost(catalogue: Catalog) -> None:
    catalogue["Drop {name}"].string = "外す"


def spoil_brace(catalogue: Catalog) -> None:
    catalogue["Drop {name}"].string = "{name を外す"


def spoil_plural(catalogue: Catalog) -> None:
    catalogue["{count} container"].string = ("{count}個のコンテナ", "{count}個のコンテナ")


def spoil_plural_field(catalogue: Catalog) -> None:
    catalogue["{count} container"].string = ("{number}個のコンテナ",)


def spoil_space(catalogue: Catalog) -> None:
    catalogue["Namespaces"].string = " 名前空間"


def spoil_percent(catalogue: Catalog) -> None:
    catalogue["unrecognized arguments: %s"].string = "認識できない引数"


@pytest.mark.parametrize("spoil", [each for name, each in globals().items() if name.startswith("spoil_")])
def test_a_spoilt_catalogue_is_found(spoil: Callable[[Catalog], None], tmp_path: Path) -> None:
    sound = updated(load(po_file("ja")), template())
    file = tmp_path / "x.po"
    file.write_bytes(po_text(sound))
    assert len(complaints(load(file), template())) == len(complaints(sound, template()))
    before = set(complaints(sound, template()))
    spoil(sound)
    assert len(set(complaints(sound, template())) - before) == 1


@cache
def calls(name: str) -> list[tuple[Path, ast.Call]]:
    """Every call of a function of that name in the program."""
    found = []
    for file in sorted(APP.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                found.append((file, node))
    return found


@pytest.mark.parametrize(("name", "texts"), [("msg", 1), ("plural", 2)])
def test_messages_are_literals(name: str, texts: int) -> None:
    """What is put together cannot be found for translation. An empty one is `NOTHING`."""
    bad = [
        f"{file.relative_to(APP)}:{call.lineno}"
        for file, call in calls(name)
        for text in call.args[:texts]
        if not (isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value)
    ]
    assert bad == []
    assert len(calls(name)) > 50


def test_a_text_is_either_counted_or_not() -> None:
    """gettext knows a message by its first form alone: the same text with and without plural is one entry."""
    ones = {call.args[0].value for _, call in calls("msg") if isinstance(call.args[0], ast.Constant)}
    counted: Counter[tuple[str, str]] = Counter()
    for _, call in calls("plural"):
        one, many = call.args[:2]
        assert isinstance(one, ast.Constant)
        assert isinstance(many, ast.Constant)
        counted[str(one.value), str(many.value)] += 1
    assert {one for one, _ in counted} & ones == set()
    assert [one for one, seen in Counter(one for one, _ in counted).items() if seen > 1] == []


def bare(source: str) -> list[str]:
    """Places where a literal is given to what shows it, past `msg`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name not in TOLD:
            continue
        for argument in node.args:
            for part in argument.values if isinstance(argument, ast.JoinedStr) else [argument]:
                text = str(part.value) if isinstance(part, ast.Constant) else ""
                if LETTERS.search(text) and text.strip(" :\n") not in NAMES:
                    found.append(f"{node.lineno}: {text!r}")
    return found


def test_no_text_goes_past_the_translation() -> None:
    """In the rooms that talk to people; tests/window/test_languages.py looks at the window itself."""
    found = {
        f"{file.relative_to(APP)}:{place}"
        for room in ("ui", "cli", "presentation", "export")
        for file in (APP / room).rglob("*.py")
        for place in bare(file.read_text(encoding="utf-8"))
    }
    assert found == set()
    assert bare('label.setText("Roll back")')
    assert bare('label.setToolTip(tip(f"{name} is gone"))')
    assert not bare('label.setText(translate(msg("Roll back")))')


def test_the_words_of_argparse_are_ours() -> None:
    """All that this Python's argparse says to users is in our catalogue."""
    said = set()
    for node in ast.walk(ast.parse(inspect.getsource(argparse))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "ngettext"):
            said |= {str(part.value) for part in node.args[:1] if isinstance(part, ast.Constant) and part.value}
    users = {text for text in said if not DEVELOPERS.search(text)}
    assert len(users) > 12
    assert users <= {word.id for word in WORDS}
