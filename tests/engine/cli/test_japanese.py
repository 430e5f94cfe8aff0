"""The command line in Japanese: help, errors, reports; and JSON, which keeps its contract in every language."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from rig.engine import Rig
from rig.places import APP, CHECKOUT
from stratascope.linux.syscalls import known_names
from stratascope.presentation.terminal import WIDTH, width_of
from stratascope.wiring.engines import demo_snapshot

DEMO = CHECKOUT / "resources" / "demo" / "demo.json"
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
# What may stand in plain letters in Japanese too: two words of English side by side may not
PROSE = re.compile(r"\b(?!docker|podman|stratascope)[a-z]{3,} (?:[a-z]{2,} )+[a-z]{3,}\b")
# Of the JSON report, what is told to people
TOLD = frozenset({"text", "message", "advice", "expected", "found", "name", "title", "what", "why",
                  "weakest_route"})  # fmt: skip


def run(*words: str, language: str = "ja", **more: str) -> subprocess.CompletedProcess[str]:
    nowhere = "docker=unix:///nowhere/engine.sock"
    given = {"PYTHONPATH": str(APP), "STRATASCOPE_ENGINES": nowhere, "STRATASCOPE_LANGUAGE": language, **more}
    kept = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "QT_QPA_PLATFORM")}
    return subprocess.run(
        (sys.executable, "-m", "stratascope", *words),
        env={**kept, "PYTHONUTF8": "1", **given},
        capture_output=True,
        encoding="utf-8",
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    "command",
    [
        "",
        "report",
        "engines",
        "harden",
        "undo",
        "discard",
        "recover",
        "export",
        "desktop",
        "desktop install",
        "helper",
        "helper install",
        "completion",
    ],
)
def test_the_help_is_in_japanese(command: str) -> None:
    done = run(*command.split(), "--help", COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("使い方: stratascope")
    assert "このヘルプを表示して終了する" in done.stdout
    assert PROSE.search(done.stdout) is None
    usage, _, below = done.stdout.partition("\n\n")
    assert max(map(len, usage.splitlines())) <= 80, "laid out by argparse, which counts letters"
    assert max(width_of(line) for line in below.splitlines()) <= 80
    for line in done.stdout.splitlines():
        if re.match(r"  (-|[a-z])\S*  ", line):
            assert JAPANESE.search(line), line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("report", "--fail-above", "11"), "引数 --fail-above: 0〜10の数値ではありません：11"),
        (("discard",), "次の引数が必要です：NAME|ID"),
        (("engines", "--nope"), "認識できない引数です：--nope"),
        (("report", "--json", "--html", "x"), "引数 --html: 引数 --jsonと同時には指定できません"),
        (("harden", "x", "--preset", "nope"), "引数 --preset: 選択できない値です：'nope'"),
        (("harden", "x", "--watch"), "引数 --watch: 値が1つ必要です"),
    ],
)
def test_usage_errors_are_in_japanese(words: tuple[str, ...], told: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert f"エラー：{told}" in done.stderr
    assert "error" not in done.stderr


def test_an_encoding_without_japanese_is_no_traceback() -> None:
    for words in (("--help",), ("report", "--fail-above", "x"), ("engines",)):
        done = run(*words, PYTHONIOENCODING="ascii", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", LC_ALL="C")
        assert "Traceback" not in done.stderr
        assert "\\u" in done.stdout + done.stderr


def test_the_report_and_the_engines() -> None:
    report = run("report", "--from-capture", str(DEMO))
    assert (report.returncode, report.stderr) == (0, "")
    for word in ("名前空間", "ケーパビリティ", "危険度", "無防備", "2026年11月24日"):
        assert word in report.stdout
    assert PROSE.search(report.stdout) is None
    assert max(width_of(line) for line in report.stdout.splitlines()) <= WIDTH
    details = run("report", "--from-capture", str(DEMO), "ci-runner").stdout
    names = known_names()
    prose = {found[0] for found in PROSE.finditer(details) if not set(found[0].split()) <= names}
    assert prose <= {"kernel filter"}
    engines = run("engines")
    assert (engines.returncode, engines.stderr) == (0, "")
    assert JAPANESE.search(engines.stdout)
    missing = run("report", "--from-capture", str(DEMO), "nobody")
    assert missing.returncode == 2
    assert JAPANESE.search(missing.stderr)


class Page(HTMLParser):
    """The language of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.language: str | None = None
        self.words: list[str] = []
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag in ("style", "code")
        if tag == "html":
            self.language = dict(attrs)["lang"]
        self.words += [value or "" for name, value in attrs if name in ("title", "aria-label")]

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.words.append(data)


def test_the_page(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    for language, head in (("ja", "コンテナと脅威"), ("en", "Containers and threats")):
        done = run("report", "--from-capture", str(DEMO), "--html", str(file), language=language)
        assert (done.returncode, done.stderr) == (0, "")
        page = Page(file.read_text(encoding="utf-8"))
        assert page.language == language
        assert head in page.words
        prose = [text for text in page.words if PROSE.search(text) and "docker" not in text]
        assert bool(prose) is (language == "en"), prose[:5]


def shape(value: Any, key: str = "") -> Any:
    """The report without what is told to people."""
    if isinstance(value, dict):
        return {name: shape(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [shape(part, key) for part in value]
    return "…" if key in TOLD and isinstance(value, str) and value else value


def test_json_keeps_its_contract_in_every_language() -> None:
    english, japanese = (
        json.loads(run("report", "--json", "--from-capture", str(DEMO), language=language).stdout)
        for language in ("en", "ja")
    )
    assert shape(english) == shape(japanese)
    assert english != japanese
    names = [container["name"] for container in japanese["containers"]]
    assert names == [state.container.name for state in demo_snapshot().containers]
    assert JAPANESE.search(japanese["containers"][1]["findings"][0]["text"])


def test_hardening_speaks_japanese(docker_rootful: Rig) -> None:
    with docker_rootful.container(name="spoken-of"):
        where = {"STRATASCOPE_ENGINES": docker_rootful.endpoint}
        done = run("harden", "spoken-of", "--preset", "recommended", "--dry-run", **where)
        assert done.returncode == 0, done.stderr
        assert "変更はありません" in done.stdout or "何も変更" in done.stdout or "変更していません" in done.stdout
        assert "危険度" in done.stdout
        assert PROSE.search(done.stdout) is None, done.stdout
        as_json = json.loads(
            run("harden", "spoken-of", "--preset", "recommended", "--dry-run", "--json", **where).stdout
        )
        assert as_json["result"] == "possible"
        assert all(JAPANESE.search(item["text"]) for item in as_json["warnings"])
        nobody = run("harden", "nobody-at-all", "--dry-run", **where)
        assert nobody.returncode == 2
        assert JAPANESE.search(nobody.stderr)
