"""`list` and `diff` as their users meet them, and what is said where a word is not known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rig.cli.command_line import run
from rig.engine import Rig
from rig.places import CHECKOUT

DEMO = str(CHECKOUT / "resources" / "demo" / "demo.json")


def test_list_of_a_capture() -> None:
    done = run("list", "--from-capture", DEMO)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 16
    found = json.loads(run("list", "--json", "--from-capture", DEMO).stdout)
    assert len(found["containers"]) == 14


def test_diff_of_captures_and_containers_in_them() -> None:
    assert run("diff", DEMO, DEMO).stdout == "14 containers have not changed.\n"
    done = run("diff", f"{DEMO}:web", f"{DEMO}:backup")
    assert done.returncode == 0
    assert done.stdout.startswith("web compared with backup\n")
    found = json.loads(run("diff", "--json", f"{DEMO}:web", f"{DEMO}:backup").stdout)
    assert (found["a"]["name"], found["b"]["name"]) == ("web", "backup")
    same = run("diff", f"{DEMO}:web", DEMO)  # of the same name
    assert "Nothing is different." in same.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("diff", f"{DEMO}:we", f"{DEMO}:backup"), "No container has the name or ID we. Did you mean web?"),
        (("diff", "web", "backup"), "No container has the name or ID web. docker can't be asked: "),
        (("report", "--from-capture", DEMO, "grafna"), "Did you mean grafana?"),
        (("report", "--json", "--from-capture", DEMO, "grafna"), "Did you mean grafana?"),
        (("report", "--jsn"), "unrecognized arguments: --jsn (did you mean --json?)"),
        (("harden", "web", "--pre-set=strict"), "(did you mean --preset?)"),
        (("lst",), "list"),
        (("diff", f"{CHECKOUT / 'README.md'}:web", DEMO), "README.md"),
    ],
)
def test_a_word_that_is_not_known_prints_no_empty_answer(words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_no_page_is_written_of_nobody(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run("report", "--html", str(page), "--from-capture", DEMO, "grafna").returncode == 2
    assert not page.exists()


def test_on_a_real_engine(any_engine: Rig, tmp_path: Path) -> None:
    """Two that differ, one of which is in the other's network; and one beside what it was."""
    capture, engines = tmp_path / "before.json", f"{any_engine.kind}={any_engine.endpoint}"
    with any_engine.container("-v", "things:/things", name="soft") as soft:
        assert run("report", "--save-capture", str(capture), engines=engines).returncode == 0
        options = ("--network", "container:soft", "--cap-drop", "ALL", "-v", "things:/things:ro")
        with any_engine.container(*options, name="hard") as hard:
            listed = run("list", engines=engines)
            assert listed.returncode == 0, listed.stderr
            assert {"soft", "hard"} <= {line.split()[2] for line in listed.stdout.splitlines()[1:]}
            found = json.loads(run("list", "--json", engines=engines).stdout)
            shared = {(each["kind"], each["name"]): each for each in found["shared"]}
            network = {each["id"] for each in shared["namespace", "net"]["containers"]}
            assert network == {soft, hard}
            volume = shared["volume", "things"]
            assert {each["id"] for each in volume["containers"]} == network
            assert len(volume["writers"]) == 1
            done = run("diff", "--json", "soft", "hard", engines=engines)
            parts = json.loads(done.stdout)["differences"]
            kept = next(each for each in parts if each["what"] == "CapEff")
            assert "CHOWN" in kept["a"]
            assert kept["b"] == "None"
            assert kept["worse"] is None
        again = run("diff", "--json", "soft", str(capture), engines=engines)
        left = json.loads(again.stdout)["differences"]
        assert {each["part"] for each in left} <= {"setting"}, left
