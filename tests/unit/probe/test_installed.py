"""The installed helper's two files: they say what they should, and the helper is the collector."""

from __future__ import annotations

import ast
import json
import os
import stat
import subprocess
import xml.etree.ElementTree as Xml
from pathlib import Path

import pytest

from rig.places import CHECKOUT
from stratascope.collector.serve import PROTOCOL
from stratascope.probe.bundle import MODULES, PACKAGE
from stratascope.probe.helper.install import ACTION, HELPER, POLICY, helper_text, main, policy_text, write


def test_the_action_names_the_helper_and_no_interpreter() -> None:
    root = Xml.fromstring(policy_text())
    (action,) = root.findall("action")
    assert action.get("id") == ACTION
    assert {note.get("key"): note.text for note in action.findall("annotate")} == {
        "org.freedesktop.policykit.exec.path": HELPER
    }
    assert "python" not in policy_text()
    defaults = action.find("defaults")
    assert defaults is not None
    assert {each.tag: each.text for each in defaults} == {
        "allow_any": "no",
        "allow_inactive": "no",
        "allow_active": "auth_admin_keep",  # never without a question; kept for the process that asked, and no other
    }


def test_the_words_are_in_japanese_too() -> None:
    action = Xml.fromstring(policy_text()).find("action")
    assert action is not None
    language = "{http://www.w3.org/XML/1998/namespace}lang"
    for name in ("description", "message"):
        english, japanese = action.findall(name)
        assert (english.get(language), japanese.get(language)) == (None, "ja")
        assert english.text
        assert japanese.text
        assert not japanese.text.isascii()


def test_the_helper_runs_alone_and_can_be_read(tmp_path: Path) -> None:
    helper, policy = write(tmp_path)
    assert stat.S_IMODE(helper.stat().st_mode) == 0o755
    assert stat.S_IMODE(policy.stat().st_mode) == 0o644
    assert (helper.name, policy.name) == (Path(HELPER).name, Path(POLICY).name)
    done = subprocess.run(
        [str(helper), "--any", "words"],
        input=b'{"ask":"hello"}\n',
        capture_output=True,
        check=True,
        cwd="/",
        env={"PYTHONPATH": "/nowhere", "PATH": "/usr/bin:/bin"},
    )
    assert json.loads(done.stdout)["protocol"] == PROTOCOL
    text = helper_text().decode()
    assert text.startswith("#!/usr/bin/python3 -SI\n")
    ast.parse(text, feature_version=(3, 8))
    for module in MODULES:  # word for word, not as one long line of escapes
        name = f"{PACKAGE}.{module}".replace(".", "/")
        assert (CHECKOUT / "app" / f"{name}.py").read_text("utf-8") in text


def test_every_file_of_the_collector_is_sent() -> None:
    folder = CHECKOUT / "app" / PACKAGE.replace(".", "/")
    files = [file.relative_to(folder).with_suffix("") for file in folder.rglob("*.py") if file.stem != "__init__"]
    assert {".".join(file.parts) for file in files} == set(MODULES)


def test_it_is_a_build_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(path) for path in sorted(tmp_path.iterdir(), reverse=True)]
    assert main([]) == main(["--help"]) == main([str(tmp_path / "none")]) == 2
    assert "usage" in capsys.readouterr().err
    assert os.path.commonpath([HELPER, "/usr/libexec"]) == "/usr/libexec"
