"""`report` for other tools, against a report before, with exceptions, and of many machines."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from rig import places
from rig.cli.command_line import run
from stratascope.cli.arguments import FORMATS
from stratascope.cli.report import machine_names

GOLDEN = str(places.GOLDEN / "capture.json")
PRINTED = [name for name in FORMATS if name != "sqlite"]  # tests/unit/fleet/test_osquery.py: it is no text
DEMO = str(places.CHECKOUT / "resources" / "demo" / "demo.json")
ACCEPTED = """
[[accepted]]
finding = "capabilities.sys-admin"
container = "*"
reason = "looked at"
owner = "anna"
until = {until}
"""


def report(*words: str, of: str = GOLDEN) -> dict[str, Any]:
    done = run("report", "--json", *words, "--from-capture", of)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def exceptions(tmp_path: Path, days: int) -> str:
    file = tmp_path / f"accepted{days}.toml"
    file.write_text(ACCEPTED.format(until=date.today() + timedelta(days)))
    return str(file)


@pytest.mark.parametrize("name", PRINTED)
def test_a_file_has_what_would_be_printed(tmp_path: Path, name: str) -> None:
    printed = run("report", "--format", name, "--from-capture", GOLDEN)
    assert (printed.returncode, printed.stderr) == (0, "")
    file = tmp_path / "out"
    file.write_text("old")
    done = run("report", "--format", name, "--output", str(file), "--from-capture", GOLDEN)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert file.read_text("utf-8") == printed.stdout
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    assert run("report", "--format", name, "--output", "-", "--from-capture", GOLDEN).stdout == printed.stdout


def test_a_file_that_can_t_be_written(tmp_path: Path) -> None:
    done = run("report", "--format", "sarif", "--output", str(tmp_path / "no" / "out"), "--from-capture", GOLDEN)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no directory" in done.stderr
    both = run("report", "--html", "a", "--output", "b", "--from-capture", GOLDEN)
    assert both.returncode == 2
    assert "--output" in both.stderr


def test_only_what_is_new(tmp_path: Path) -> None:
    before = tmp_path / "before.json"
    whole = report()
    before.write_text(json.dumps(whole))
    same = run("report", "--baseline", str(before), "--from-capture", GOLDEN)
    assert "Nothing is new or worse." in same.stdout
    words = ("report", "--baseline", str(before), "--fail-above", "0", "--fail-on", "low", "--from-capture", GOLDEN)
    assert run(*words).returncode == 0
    gone = max(whole["containers"], key=lambda each: each["exposure"] or 0)
    whole["containers"].remove(gone)
    before.write_text(json.dumps(whole))
    assert run(*words).returncode == 1
    found = report("--baseline", str(before))
    assert [each["name"] for each in found["containers"]] == [gone["name"]]
    assert found["containers"][0]["before"] is None
    text = run("report", "--baseline", str(before), "--from-capture", GOLDEN).stdout
    assert gone["name"] in text
    assert all(each["name"] not in text.split() for each in whole["containers"])


def test_accepted_findings_are_folded_and_counted(tmp_path: Path) -> None:
    whole = report()
    file = exceptions(tmp_path, 1)
    found = report("--exceptions", file)
    accepted = [f for each in found["containers"] for f in each["findings"] if "accepted" in f]
    assert {each["code"] for each in accepted} == {"capabilities.sys-admin"}
    assert found["exceptions"] == {"accepted": len(accepted), "expired": 0, "unused": []}
    exposures = [[each["exposure"] for each in document["containers"]] for document in (whole, found)]
    assert exposures[0] == exposures[1]
    text = run("report", "--exceptions", file, "--from-capture", GOLDEN).stdout
    findings = [finding for each in whole["containers"] for finding in each["findings"]]
    sentence = next(each["text"] for each in findings if each["code"] == accepted[0]["code"])
    assert " ".join(sentence.split()) not in " ".join(text.split())
    assert "Accepted by anna" in " ".join(text.split())
    page = run("report", "--format", "html", "--exceptions", file, "--from-capture", GOLDEN).stdout
    assert "Accepted by anna" in page
    assert sentence not in page


def test_an_expired_one_counts_again(tmp_path: Path) -> None:
    """The gate is another one's: of a capture with that finding alone."""
    held, over = exceptions(tmp_path, 0), exceptions(tmp_path, -1)
    found = report("--exceptions", over)
    assert found["exceptions"]["accepted"] == 0
    assert found["exceptions"]["expired"] > 0
    text = " ".join(run("report", "--exceptions", over, "--from-capture", GOLDEN).stdout.split())
    assert "which has passed, so it counts again: looked at" in text
    assert report("--exceptions", held)["exceptions"]["expired"] == 0


def test_what_fits_nothing_is_said(tmp_path: Path) -> None:
    file = tmp_path / "accepted.toml"
    file.write_text(ACCEPTED.replace("sys-admin", "no-such").format(until="2999-01-01"))
    assert "capabilities.no-such" in run("report", "--exceptions", str(file), "--from-capture", GOLDEN).stdout
    assert report("--exceptions", str(file))["exceptions"]["unused"][0]["finding"] == "capabilities.no-such"


@pytest.mark.parametrize("option", ["--baseline", "--exceptions"])
@pytest.mark.parametrize("text", [None, "no such thing"])
def test_a_file_beside_it_that_is_none(tmp_path: Path, option: str, text: str | None) -> None:
    file = tmp_path / "beside"
    if text is not None:
        file.write_text(text)
    done = run("report", option, str(file), "--from-capture", GOLDEN)
    assert (done.returncode, done.stdout) == (2, "")
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("severity", "status"), [("critical", 1), ("low", 1)])
def test_fail_on(severity: str, status: int) -> None:
    assert run("report", "--fail-on", severity, "--from-capture", GOLDEN).returncode == status


def test_a_gate_says_which_containers_it_fails_because_of(fleet: Path) -> None:
    """In a pipeline the report itself is in a file."""
    found = report()
    above = sorted(
        ((each["exposure"], each["name"]) for each in found["containers"] if (each["exposure"] or 0) > 3), reverse=True
    )
    low = [each for each in found["containers"] if any(item["severity"] == "critical" for item in each["findings"])]
    words = ("--format", "sarif", "--output", "/dev/null", "--fail-above", "3", "--fail-on", "critical")
    done = run("report", *words, "--from-capture", GOLDEN)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    worst, name = above[0]
    assert first.startswith("stratascope: --fail-above 3 fails because of ")
    assert f"{name} ({worst:.1f})" in first
    assert second.startswith("stratascope: --fail-on critical fails because of ")
    assert all(each["name"] in second for each in low)
    assert "finding" in second
    done = run("report", *words, "--from-capture", str(fleet / "web1.json"), str(fleet / "web2.json"))
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert f"web1: {name} ({worst:.1f})" in first
    assert f"web2: {name} ({worst:.1f})" in first
    done = run("report", "--fail-above", "10", "--from-capture", GOLDEN)
    assert (done.returncode, done.stderr) == (0, "")


def test_fail_on_counts_what_is_not_accepted(tmp_path: Path) -> None:
    found = report()
    quiet = min(found["containers"], key=lambda each: (each["exposure"] is None, each["exposure"]))
    serious = {each["severity"] for each in quiet["findings"]} & {"critical"}
    assert not serious
    assert run("report", "--fail-on", "critical", "--from-capture", GOLDEN, quiet["name"]).returncode == 0
    assert run("report", "--fail-on", "low", "--from-capture", GOLDEN, quiet["name"]).returncode == 1
    codes = [each["code"] for each in quiet["findings"]]
    codes += [f"threat.{name}" for name, each in quiet["threats"].items() if each["outcome"] == "open"]
    file = tmp_path / "accepted.toml"
    line = '[[accepted]]\nfinding = "{}"\ncontainer = "*"\nreason = "r"\nowner = "o"\nuntil = 2999-01-01\n'
    file.write_text("".join(line.format(code) for code in codes))
    words = ("--fail-on", "low", "--exceptions", str(file), "--from-capture", GOLDEN, quiet["name"])
    assert run("report", *words).returncode == 0


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    folder = tmp_path / "fleet"
    folder.mkdir()
    for name in ("web1", "web2", "web10"):
        shutil.copy(GOLDEN, folder / f"{name}.json")
    shutil.copy(DEMO, folder / "desk.json")
    return folder


def test_many_machines_are_one_fleet(fleet: Path) -> None:
    found = report(of=str(fleet))
    assert {each["machine"] for each in found["machines"]} == {"desk", "web1", "web2", "web10"}
    single = report()
    shared = [each for each in found["containers"] if set(each["machines"]) >= {"web1", "web2", "web10"}]
    assert len(shared) == len(single["containers"])
    assert {(each["name"], each["exposure"]) for each in shared} == {
        (each["name"], each["exposure"]) for each in single["containers"]
    }
    exposures = [each["exposure"] or 0 for each in found["containers"]]
    assert exposures == sorted(exposures, reverse=True)
    text = run("report", "--from-capture", str(fleet))
    assert text.returncode == 0
    assert "4 machines" in text.stdout
    assert "on web1, web2, web10" in text.stdout


@pytest.mark.parametrize("name", PRINTED)
def test_a_fleet_in_each_format(fleet: Path, name: str) -> None:
    done = run("report", "--format", name, "--from-capture", str(fleet / "web1.json"), str(fleet / "desk.json"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "desk" in done.stdout


def test_a_fleet_against_its_own_report(fleet: Path, tmp_path: Path) -> None:
    before = tmp_path / "before.json"
    assert run("report", "--json", "--output", str(before), "--from-capture", str(fleet)).returncode == 0
    assert report("--baseline", str(before), of=str(fleet))["containers"] == []
    shutil.copy(DEMO, fleet / "new.json")
    found = report("--baseline", str(before), of=str(fleet))["containers"]
    assert {tuple(each["machines"]) for each in found} == {("new",)}


def test_a_damaged_capture_is_named_and_the_others_told(fleet: Path) -> None:
    (fleet / "bad.json").write_text("{")
    done = run("report", "--from-capture", str(fleet))
    assert done.returncode == 2
    assert "bad.json" in done.stderr
    assert "4 machines" in done.stdout
    empty = fleet / "empty"
    empty.mkdir()
    assert "no file that ends in .json" in run("report", "--from-capture", str(empty)).stderr


def test_names_after_captures(fleet: Path) -> None:
    name = report()["containers"][0]["name"]
    found = run("report", "--json", "--from-capture", str(fleet), name)
    assert {each["name"] for each in json.loads(found.stdout)["containers"]} == {name}
    missing = run("report", "--from-capture", str(fleet), "nobody")
    assert missing.returncode == 2
    assert "nobody" in missing.stderr


def test_machines_are_told_apart(tmp_path: Path) -> None:
    paths = [tmp_path / "a" / "web.json", tmp_path / "b" / "web.json", tmp_path / "b" / "db.json"]
    assert machine_names(paths) == ["a/web", "b/web", "db"]
    assert machine_names([paths[0], paths[0]]) == ["a/web", "a/web-2"]


COMPOSE = """\
services:
  web:
    image: nginx:1.27
    volumes:
      - /etc:/host/etc
"""


def test_check_annotates_the_line_that_asks_for_it(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE)
    words = ("check", "--ground", DEMO, "--engine", "docker")
    done = run(*words, "--format", "gitlab", str(file))
    assert done.returncode == 0
    places = {each["check_name"]: each["location"] for each in json.loads(done.stdout)}
    assert places["namespaces.host-path"] == {"path": str(file), "lines": {"begin": 5}}
    assert run(*words, "--fail-on", "critical", str(file)).returncode == 1
    before = tmp_path / "before.json"
    assert run(*words, "--json", "--output", str(before), str(file)).returncode == 0
    assert run(*words, "--fail-on", "critical", "--baseline", str(before), str(file)).returncode == 0
    file.write_text(COMPOSE + "      - /boot:/host/boot\n")
    done = run(*words, "--fail-on", "high", "--baseline", str(before), "--format", "ndjson", str(file))
    assert done.returncode == 1
    new = [each for each in map(json.loads, done.stdout.splitlines()) if each["type"] == "finding"]
    assert [(each["code"], each["line"], each["since"]) for each in new] == [("namespaces.host-path", 6, "new")]


def test_a_gate_does_not_open_because_nobody_looked() -> None:
    for option, value in (("--fail-above", "9"), ("--fail-on", "critical")):
        done = run("report", option, value)
        assert done.returncode == 2
        assert f"checked against {option}" in done.stderr
