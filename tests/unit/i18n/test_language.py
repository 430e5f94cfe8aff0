"""Which language is chosen, and that nothing which is wrong with it keeps the program from starting."""

from __future__ import annotations

import gettext
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rig.places import CHECKOUT
from stratascope.core.message import NOTHING, Message, msg, plural
from stratascope.i18n import translate as i18n
from stratascope.i18n.language import SETTING, VARIABLE, CatalogueError, read, start, stretched
from stratascope.state.settings import Settings

MO = CHECKOUT / "resources" / "locale" / "ja" / "LC_MESSAGES" / "stratascope.mo"


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    i18n.install(gettext.NullTranslations())


@pytest.mark.parametrize(
    ("environ", "setting", "chosen"),
    [
        ({}, None, "en"),
        ({}, "", "en"),
        ({}, "ja", "ja"),
        ({"STRATASCOPE_LANGUAGE": "ja"}, None, "ja"),
        ({"STRATASCOPE_LANGUAGE": "ja_JP.UTF-8"}, None, "ja"),
        ({"STRATASCOPE_LANGUAGE": "JA-jp"}, None, "ja"),
        ({"STRATASCOPE_LANGUAGE": " ja "}, None, "ja"),
        ({"STRATASCOPE_LANGUAGE": "C"}, "ja", "en"),
        ({"STRATASCOPE_LANGUAGE": "xx"}, None, "xx"),
        ({"STRATASCOPE_LANGUAGE": "en", "LANG": "ja_JP.UTF-8"}, "ja", "en"),
        ({"STRATASCOPE_LANGUAGE": ""}, "ja", "ja"),
        ({"LANG": "ja_JP.UTF-8"}, None, "ja"),
        ({"LANG": "ja_JP.UTF-8"}, "en", "en"),
        ({"LANG": "ja_JP.eucJP"}, None, "ja"),
        ({"LANG": "ja"}, None, "ja"),
        ({"LANG": "de_DE.UTF-8"}, None, "en"),
        ({"LANG": "C.UTF-8"}, None, "en"),
        ({"LC_MESSAGES": "ja_JP.UTF-8", "LANG": "en_US.UTF-8"}, None, "ja"),
        ({"LC_ALL": "en_US.UTF-8", "LC_MESSAGES": "ja_JP.UTF-8"}, None, "en"),
        ({"LC_ALL": "", "LANG": "ja_JP.UTF-8"}, None, "ja"),
        ({"LANGUAGE": "ja:en", "LANG": "en_US.UTF-8"}, None, "ja"),
        ({"LANGUAGE": "de:ja", "LANG": "en_US.UTF-8"}, None, "ja"),
        ({"LANGUAGE": "en:ja", "LANG": "ja_JP.UTF-8"}, None, "en"),
        ({"LANGUAGE": "de", "LANG": "ja_JP.UTF-8"}, None, "ja"),
        ({"LANGUAGE": "ja", "LC_ALL": "C"}, None, "en"),
        ({"LANGUAGE": "ja", "LC_ALL": "C.UTF-8"}, None, "en"),
    ],
    ids=str,
)
def test_the_language_is_chosen(environ: dict[str, str], setting: str | None, chosen: str) -> None:
    assert start(environ, setting) is None
    assert i18n.language() == chosen


@pytest.mark.parametrize("asked", ["klingon", "de", "\x1b[31mred", "../../etc", "x" * 4000])
def test_a_language_that_is_not_there_is_told_to_who_asked_for_it(asked: str) -> None:
    for environ, setting in (({VARIABLE: asked}, None), ({}, asked)):
        told = start(environ, setting)
        assert told is not None
        text = i18n.translate(told)
        assert "this is English" in text
        assert "en, ja" in text
        assert text.isprintable()
        assert len(text) < 200
        assert i18n.language() == "en"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: b"",
        lambda whole: b"no catalogue",
        lambda whole: whole[:20],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:4] + b"\xff" * 24 + whole[28:],
        lambda whole: whole.replace(b"charset=utf-8", b"charset=nosuch"),
        lambda whole: whole.replace(b"plural=0", b"plural=("),
        lambda whole: whole.replace("名前空間".encode(), b"\xff\xfe\xff\xfe" * 3),
    ],
)
def test_a_damaged_catalogue_is_an_error_of_ours(spoil: object, tmp_path: Path) -> None:
    file = tmp_path / "x.mo"
    assert callable(spoil)
    file.write_bytes(spoil(MO.read_bytes()))
    with pytest.raises(CatalogueError, match=r"x\.mo"):
        read(file)


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(None)
def test_whatever_stands_in_a_catalogue(tmp_path: Path, data: st.DataObject | None) -> None:
    """It is read, or refused as a CatalogueError; and what was read translates."""
    whole = bytearray(MO.read_bytes()[:4000])
    if data is not None:
        for place in data.draw(st.lists(st.integers(0, 200) | st.integers(0, len(whole) - 1), max_size=20)):
            whole[place] = data.draw(st.integers(0, 255))
    file = tmp_path / "x.mo"
    file.write_bytes(whole)
    try:
        i18n.install(read(file), "ja")
    except CatalogueError:
        return
    assert isinstance(i18n.translate(msg("Namespaces")), str)


def installed(tmp_path: Path) -> Path:
    """A copy of the program, to be spoilt."""
    shutil.copytree(CHECKOUT / "app" / "stratascope", tmp_path / "stratascope")
    shutil.copytree(CHECKOUT / "resources", tmp_path / "stratascope" / "_resources")
    return tmp_path


def run(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(folder), "PYTHONUTF8": "1"}
    return subprocess.run(
        (sys.executable, "-m", "stratascope", *words),
        env={**environ, "STRATASCOPE_ENGINES": "docker=unix:///nowhere/x.sock", **more},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_program_starts_whatever_is_wrong(tmp_path: Path) -> None:
    """Missing and damaged catalogue, unknown language: English, and one sentence where it was asked for by name."""
    folder = installed(tmp_path)
    ours = folder / "stratascope" / "_resources" / "locale" / "ja" / "LC_MESSAGES" / "stratascope.mo"
    whole = ours.read_bytes()
    japanese = run(folder, "report", STRATASCOPE_LANGUAGE="ja")
    assert "コンテナ" in japanese.stdout
    assert japanese.stderr == ""
    for content in (whole[:1000], None):
        ours.unlink()
        if content is not None:
            ours.write_bytes(content)
        asked = run(folder, "report", STRATASCOPE_LANGUAGE="ja")
        assert asked.returncode == 0
        assert "No containers." in asked.stdout
        assert asked.stderr.count("\n") == 1
        assert "can't be read, so this is English" in asked.stderr
        quiet = run(folder, "report", LANG="ja_JP.UTF-8")
        assert (quiet.returncode, quiet.stderr) == (0, "")
        assert "No containers." in quiet.stdout
    unknown = run(folder, "report", STRATASCOPE_LANGUAGE="klingon")
    assert "No containers." in unknown.stdout
    assert "klingon" in unknown.stderr


def test_the_setting_is_used_and_survives_a_damaged_file(tmp_path: Path) -> None:
    file = tmp_path / ".config" / "stratascope" / "settings.json"
    Settings(file).set(SETTING, "ja")
    folder = CHECKOUT / "app"
    where = {"HOME": str(tmp_path), "PYTHONPATH": str(folder)}
    assert "使い方" in run(folder, "--help", **where).stdout
    assert "usage:" in run(folder, "--help", **where, STRATASCOPE_LANGUAGE="en").stdout
    file.write_text("{", encoding="utf-8")
    done = run(folder, "--help", **where)
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage:" in done.stdout


def test_a_message_without_text_is_no_text() -> None:
    for spoken in ("ja", "xx", "en"):
        start({VARIABLE: spoken}, None)
        assert i18n.translate(NOTHING) == ""


class Broken(gettext.NullTranslations):
    """Translations that a translator spoilt."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def gettext(self, message: str) -> str:
        return self._text

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self._text


@pytest.mark.parametrize("text", ["{nome}", "{", "}", "{0}", "{name.real.x}", "{name[9]}", "{name:q}", "{name!x}"])
def test_a_translation_with_wrong_fields_gives_the_english(text: str) -> None:
    i18n.install(Broken(text), "ja")
    assert i18n.translate(msg("Harden {name}", name="web")) == "Harden web"
    assert i18n.translate(plural("{count} layer", "{count} layers", 1)) == "1 layer"
    assert i18n.translate(plural("{count} layer", "{count} layers", 2)) == "2 layers"


def test_lists_and_sentences_are_put_together_as_the_language_does_it() -> None:
    assert i18n.listed(["a", "", "b", "c"]) == "a, b, c"
    assert i18n.together(iter(["One.", "Two."])) == "One. Two."
    assert i18n.listed([]) == ""
    start({VARIABLE: "ja"}, None)
    assert i18n.listed(["a", "b", "c"]) == "a、b、c"
    assert i18n.together(["一。", "二。"]) == "一。二。"


def test_the_pseudo_locale_is_longer_and_keeps_fields() -> None:
    long = stretched("Relaunch {name} on {engine}? [y/N] ")
    assert long.startswith("⟦Ŕéļàûñçĥ {name} öñ {engine}?")
    assert long.endswith("⟧ ")
    assert len(long) > 1.25 * len("Relaunch {name} on {engine}? [y/N] ")
    assert stretched("{first}, {rest}") == "{first}, {rest}"
    assert "%(prog)s" in stretched("%(prog)s: error: %(message)s\n")
    assert stretched("a {{b}}").count("{{") == 1
    start({VARIABLE: "xx"}, None)
    assert i18n.translate(plural("{count} layer", "{count} layers", 3, what="x")).startswith("⟦3 ļàýéŕš")
    assert i18n.translate(Message("Harden {name}", (("name", "web"),))).startswith("⟦Ĥàŕðéñ web")


TRIPWIRE = """
import gettext, importlib, pkgutil, sys
import stratascope
from stratascope.i18n import translate as i18n

class Tripwire(gettext.NullTranslations):
    def gettext(self, message):
        raise SystemExit(f"translated while modules are imported: {message}")
    ngettext = lambda self, one, many, n: self.gettext(one)

i18n.install(Tripwire())
names = [each.name for each in pkgutil.walk_packages(stratascope.__path__, "stratascope.")]
for name in names:
    if not name.endswith("__main__") and "collector.serve" not in name:
        importlib.import_module(name)
print(len(names))
"""


def test_no_text_is_made_while_modules_are_imported() -> None:
    """Or it would stay English in every language."""
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT / "app"), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run((sys.executable, "-c", TRIPWIRE), env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) > 300
