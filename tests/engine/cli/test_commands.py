"""The command line as its users meet it: another process, its exit code, and what it prints where."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.cli.command_line import NOWHERE, environ, on_terminal, run
from rig.engine import Rig
from stratascope import __version__

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def capture(docker_rootful: Rig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of three containers, and its text in the same moment."""
    file = tmp_path_factory.mktemp("capture") / "record.json"
    with (
        docker_rootful.container(name="plain"),
        docker_rootful.container("--privileged", name="wide-open"),
        docker_rootful.container(name="never", start=False),
    ):
        done = run("report", "--json", "--save-capture", str(file), engines=docker_rootful.endpoint)
    assert done.returncode == 0, done.stderr
    return file


def names(text: str) -> list[str]:
    return [container["name"] for container in json.loads(text)["containers"]]


@pytest.mark.parametrize(
    ("words", "code"), [(("engines",), 0), (("report",), 0), (("report", "--fail-above", "10"), 2), (("--version",), 0)]
)
def test_closed_streams_are_no_crash(words: tuple[str, ...], code: int) -> None:
    own = shlex.join([sys.executable, "-m", "stratascope", *words])
    for ends in (">&-", "2>&-", ">&- 2>&-", "<&-"):
        done = subprocess.run(["sh", "-c", f"{own} {ends}"], env=environ(), capture_output=True, text=True, check=False)
        assert (ends, done.returncode) == (ends, code)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("engines",), ("report", "--fail-above", "10")])
def test_a_full_disk_is_an_error_and_no_verdict(words: tuple[str, ...]) -> None:
    own = shlex.join([sys.executable, "-m", "stratascope", *words])
    done = subprocess.run(["sh", "-c", f"{own} >/dev/full"], env=environ(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "stratascope: No space left on device\n"
    done = subprocess.run(
        ["sh", "-c", f"{own} 2>/dev/full"], env=environ(), capture_output=True, text=True, check=False
    )
    assert done.returncode == (0 if words == ("engines",) else 2)


def test_a_uid_without_a_home() -> None:
    """As containers have them: no HOME, and no entry in passwd(5)."""
    gone = {key: value for key, value in environ().items() if key not in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    code = (
        "import pwd, sys; pwd.getpwuid = lambda uid: {}[uid];"
        "from stratascope.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    for words, status in ((("--version",), 0), (("report",), 0), (("recover",), 0), (("undo", "web"), 2)):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], env=gone, capture_output=True, text=True, check=False
        )
        assert (words, done.returncode) == (words, status), done.stderr
        assert "Traceback" not in done.stderr


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"stratascope {__version__}\n", "")


@pytest.mark.parametrize(
    "words",
    [
        ("--no-such-option",),
        ("report", "--no-such-option"),
        ("engines", "--engine", "docker"),
        ("no-such-command",),
        ("report", "--js"),  # no abbreviations
        ("report", "--save-capture", "a", "--from-capture", "b"),
        # options of the contract whose feature does not exist yet are refused, never ignored
        ("report", "--html"),
        ("report", "--html", "file", "--json"),
        ("report", "--fail-above", "much"),
        ("report", "--fail-above", "-1"),
        ("report", "--fail-above", "10.1"),
        ("report", "--fail-above", "nan"),
    ],
    ids=" ".join,
)
def test_usage_errors(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "usage: stratascope" in done.stderr


def test_no_engine_is_told_and_no_error() -> None:
    done = run("report")
    assert (done.returncode, done.stderr) == (0, "")
    assert "docker" in done.stdout
    assert "No containers." in done.stdout
    listed = run("engines")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "/nowhere/engine.sock" in listed.stdout
    engine = json.loads(run("engines", "--json").stdout)[0]
    assert engine["id"] == "docker"
    assert engine["state"] in ("stopped", "absent")
    assert engine["message"]


@pytest.mark.parametrize("words", [("learn", "seccomp"), ("try", "--self-check")], ids=" ".join)
def test_what_needs_an_engine_says_so(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no engine answers" in done.stderr


def test_an_engine_that_was_asked_for_and_cannot_be_used_is_an_error() -> None:
    assert run("report", "--engine", "docker").returncode == 2
    assert run("report", "--engine", "unix:///nowhere/other.sock").returncode == 2


def test_a_limit_is_not_kept_where_nobody_could_look() -> None:
    done = run("report", "--fail-above", "7")
    assert done.returncode == 2
    assert "--fail-above" in done.stderr
    assert "docker" in done.stdout, "the report itself is there, and says why"


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[str]:
    """An endpoint that hangs up on whoever calls."""
    path = tmp_path / "deaf.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(0.1)
        ended = threading.Event()

        def hang_up() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    listening.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        try:
            yield f"unix://{path}"
        finally:
            ended.set()
            thread.join()


def test_beside_an_engine_that_does_not_answer_no_limit_is_kept(docker_rootful: Rig, deaf: str) -> None:
    both = f"docker={docker_rootful.endpoint} podman={deaf}"
    with docker_rootful.container(name="lone"), docker_rootful.container("--privileged", name="open"):
        assert run("report", "--fail-above", "10", engines=docker_rootful.endpoint).returncode == 0
        typo = f"docker={docker_rootful.endpoint} podman=unix:///nowhere/podman.sock"
        named = run("report", "--engine", "docker", "--engine", "podman", "--fail-above", "10", engines=typo)
        assert named.returncode == 2
        kept = run("report", "--fail-above", "10", engines=both)
        assert kept.returncode == 2
        assert "lone" in kept.stdout, "the report itself is there"
        assert kept.stderr.startswith("stratascope: Nothing is known about podman, so ")
        for words in (("--engine", "docker"), ("lone",)):  # then it is not asked about the other one
            done = run("report", "--fail-above", "10", *words, engines=both)
            assert (done.returncode, done.stderr) == (0, "")
        assert run("report", "--fail-above", "9", engines=both).returncode == 1, "what is known is enough"


@pytest.mark.parametrize("command", [("report",), ("harden", "--dry-run"), ("export", "--as", "compose")])
def test_a_name_that_none_has_beside_an_engine_that_does_not_answer(
    docker_rootful: Rig, deaf: str, command: tuple[str, ...]
) -> None:
    done = run(*command, "nobody", engines=f"docker={docker_rootful.endpoint} podman={deaf}")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "stratascope: No container has the name or ID nobody. podman can't be asked: What answers there is "
    )
    alone = run(*command, "nobody", engines=f"{docker_rootful.endpoint} {NOWHERE}")
    assert alone.stderr == "stratascope: No container has the name or ID nobody. See stratascope list.\n"


def test_an_unknown_engine_is_an_error() -> None:
    done = run("report", "--engine", "nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "stratascope: There is no engine nonsense. Use one of these, or an address such as unix:///path: docker.\n"
    )


def test_engine_by_id_and_endpoint(any_engine: Rig) -> None:
    asked = f"{any_engine.kind}={any_engine.endpoint} {NOWHERE}"
    with any_engine.container(name="lone"):
        for word in (any_engine.id, any_engine.endpoint):
            done = run("report", "--json", "--engine", word, engines=asked)
            assert done.returncode == 0, done.stderr
            assert "lone" in names(done.stdout)
            assert [engine["id"] for engine in json.loads(done.stdout)["engines"]] == [any_engine.id]
    listed = json.loads(run("engines", "--json", engines=asked).stdout)
    found = next(engine for engine in listed if engine["endpoint"] == any_engine.endpoint)
    assert (found["state"], found["kind"]) == ("connected", any_engine.kind)
    assert found["rootless"] is any_engine.rootless
    assert found["version"]


def test_live_equals_replayed(each_api: Rig, tmp_path: Path) -> None:
    file = tmp_path / "capture.json"
    with (
        each_api.container("--cap-drop", "ALL", name="replayed"),
        each_api.container(name="beside", start=False),
    ):
        live = run("report", "--json", "--save-capture", str(file), engines=each_api.endpoint)
    assert live.returncode == 0, live.stderr
    replayed = run("report", "--json", "--from-capture", str(file))
    assert replayed.returncode == 0, replayed.stderr
    assert replayed.stdout == live.stdout
    assert {"replayed", "beside"} <= set(names(live.stdout))
    assert file.stat().st_mode & 0o777 == 0o600


def test_names_and_ids(capture: Path) -> None:
    whole = json.loads(run("report", "--json", "--from-capture", str(capture)).stdout)
    ids = {container["name"]: container["id"] for container in whole["containers"]}
    for word in ("plain", ids["plain"], ids["plain"][:12]):
        done = run("report", "--json", "--from-capture", str(capture), word)
        assert (done.returncode, names(done.stdout)) == (0, ["plain"])
    done = run("report", "--from-capture", str(capture), "plain", "nobody")
    assert done.returncode == 2
    assert "plain" in done.stdout
    assert done.stderr == "stratascope: No container has the name or ID nobody. See stratascope list.\n"


def test_engines_of_a_capture(capture: Path) -> None:
    assert names(run("report", "--json", "--from-capture", str(capture), "--engine", "docker").stdout)
    done = run("report", "--from-capture", str(capture), "--engine", "podman")
    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no engine podman in this capture; it has: docker" in done.stderr


def test_damaged_captures(capture: Path, tmp_path: Path) -> None:
    good: dict[str, Any] = json.loads(capture.read_text())
    texts = {
        "cut": capture.read_text()[:2000],
        "other": "{}",
        "newer": json.dumps({**good, "version": 99}),
        "wrong": json.dumps({**good, "record": {**good["record"], "engines": 7}}),
        "binary": "\x00\x01",
    }
    for name, text in texts.items():
        file = tmp_path / name
        file.write_text(text)
        done = run("report", "--from-capture", str(file))
        assert (name, done.returncode, done.stdout) == (name, 2, "")
        assert done.stderr.startswith("stratascope: ")
        assert str(file) in done.stderr
        assert "Traceback" not in done.stderr
    missing = run("report", "--from-capture", str(tmp_path / "missing"))
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr == f"stratascope: {tmp_path}/missing: No such file or directory\n"
    folder = run("report", "--save-capture", str(tmp_path))
    assert folder.returncode == 2
    assert "Is a directory" in folder.stderr


def test_fail_above(capture: Path) -> None:
    words = ("report", "--json", "--from-capture", str(capture))
    exposures = {item["name"]: item["exposure"] for item in json.loads(run(*words).stdout)["containers"]}
    assert exposures["never"] is None
    assert exposures["plain"] < exposures["wide-open"]
    for limit, name, code in (
        (exposures["wide-open"], "wide-open", 0),  # above, not as much as
        (exposures["wide-open"] - 0.05, "wide-open", 1),
        (exposures["plain"], "plain", 0),
        (0, "plain", 1),
        (0, "never", 0),  # nothing is known of it
    ):
        done = run(*words, "--fail-above", str(limit), name)
        assert (limit, name, done.returncode) == (limit, name, code)
        assert (f"{name} (" in done.stderr) is (code == 1)
        assert bool(done.stderr) is (code == 1)
        assert names(done.stdout) == [name]
    assert run(*words, "--fail-above", "0").returncode == 1
    assert run(*words, "--fail-above", "0", "nobody").returncode == 2  # an error goes before


def test_a_page(capture: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    words = ("report", "--from-capture", str(capture), "--html")
    done = run(*words, str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    first = file.read_text(encoding="utf-8")
    assert first.startswith("<!DOCTYPE html>")
    assert "wide-open" in first
    file.chmod(0o640)
    link = tmp_path / "link.html"
    link.symlink_to(file)
    assert run(*words, str(link), "plain", "--fail-above", "0").returncode == 1
    assert link.is_symlink()
    assert "wide-open" not in file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.html", "page.html"]
    printed = run(*words, "/dev/stdout", "plain")
    assert printed.stdout.startswith("<!DOCTYPE html>")


def test_a_page_that_cannot_be_written(capture: Path, tmp_path: Path) -> None:
    words = ("report", "--from-capture", str(capture), "--html")
    missing = tmp_path / "no" / "page.html"
    done = run(*words, str(missing))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"stratascope: {missing} can't be written: there is no directory {missing.parent}.\n"
    done = run(*words, str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"stratascope: {tmp_path} can't be written: Is a directory.\n"
    assert list(tmp_path.iterdir()) == []
    done = run(*words, "/proc/page.html")  # a folder in which nobody can make a file
    assert done.returncode == 2
    assert done.stderr.startswith("stratascope: /proc/page.html can't be written: ")


def test_a_reader_that_hangs_up(capture: Path) -> None:
    process = subprocess.Popen(
        (sys.executable, "-m", "stratascope", "report", "--json", "--from-capture", str(capture)),
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


def test_a_locale_without_unicode(capture: Path) -> None:
    words = ("report", "--from-capture", str(capture))
    done = run(*words, "plain", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "# Seccomp" in done.stdout
    assert run(*words, "plain").stdout.count("\n") == done.stdout.count("\n")


def test_widths_and_colours(capture: Path) -> None:
    for words in ((), ("plain", "wide-open", "never")):
        text = run("report", "--from-capture", str(capture), *words).stdout
        assert "\x1b" not in text
        wide = [line for line in text.splitlines() if len(line) > 100 and "/" not in line]
        assert wide == []
        assert on_terminal("report", "--from-capture", str(capture), *words, COLUMNS="1")
        shown = on_terminal("report", "--from-capture", str(capture), *words)
        assert ANSI.search(shown)
        assert ANSI.sub("", shown).replace("\r\n", "\n") == text
    assert "\x1b" not in on_terminal("report", "--from-capture", str(capture), NO_COLOR="1")


def test_without_a_display_it_says_why_and_prints(docker_rootful: Rig) -> None:
    with docker_rootful.container(name="on-text"):
        done = run(engines=docker_rootful.endpoint)
    assert done.returncode == 0
    assert done.stderr.startswith("stratascope: There is no display")
    assert done.stderr.count("\n") == 1
    assert "on-text" in done.stdout


def test_without_display_and_engine_it_prints_the_demo() -> None:
    done = run()
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert lines[0].startswith("stratascope: There is no display")
    assert lines[1].startswith("stratascope: docker: ")
    assert lines[-1] == "stratascope: No container engine can be used, so this is the demo capture."
    assert "Replayed from a capture" in done.stdout
    assert "Namespaces" in done.stdout
