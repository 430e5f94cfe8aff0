"""Tab in real shells: words, presets, files, and what only this machine knows."""

from __future__ import annotations

import json
import os
import pty
import shlex
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest

from rig.cli.command_line import NOWHERE, environ, run
from rig.engine import Rig
from stratascope.cli.completion import script
from stratascope.core.relaunch.toggle import Preset
from stratascope.layers.toggles import all_toggles

BASH = """\
source ./script
words() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMPREPLY=()
    $(complete -p stratascope | sed 's/.* -F \\([^ ]*\\).*/\\1/') stratascope "${@:$#}" "${@:$# - 1:1}"
    printf '%s ' "${COMPREPLY[@]}"
}
words "$@"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the scripts lie, with a `stratascope` in bin that knows three containers and counts who asks it."""
    made = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "zsh", "fish"):
        (made / shell).mkdir()
        (made / shell / "script").write_text(script(shell))
    (made / "bin").mkdir()
    program = made / "bin" / "stratascope"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {made}/asked\n'
        '[ "$1" = __complete ] || exit 9\n'
        "case $2 in\n"
        "    containers) printf 'web-1\\nweb-2\\ndb\\n' ;;\n"
        f'    *) exec env PYTHONPATH={environ()["PYTHONPATH"]} {shlex.quote(sys.executable)} -m stratascope "$@" ;;\n'
        "esac\n"
    )
    program.chmod(0o755)
    return made


def shell_environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "STRATASCOPE_ENGINES": NOWHERE,
        "TERM": "dumb",
    }


def in_shell(folder: Path, *command: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder / command[0],
        env=shell_environment(folder),
        capture_output=True,
        encoding="utf-8",
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.stderr == ""
    return done.stdout


def in_bash(folder: Path, *words: str) -> list[str]:
    return in_shell(folder, "bash", "--norc", "-c", BASH, "bash", *words).split()


CASES: Sequence[tuple[tuple[str, ...], set[str]]] = (
    (("de",), {"denials", "desktop"}),
    (("harden", "w"), {"web-1", "web-2"}),
    (("report", "web-1", "d"), {"db"}),
    *(
        ((command, "w"), {"web-1", "web-2"})
        for command in ("denials", "needs", "observe", "history", "exercise", "reach")
    ),
    *(((command, "d"), {"db"}) for command in ("undo", "discard", "tighten", "plan")),
    (("diff", "web-1", "d"), {"db"}),
    (("diff", "./scr"), {"./script"}),
    (("--show", "d"), {"db"}),
    (("harden", "--preset", ""), {preset.value for preset in Preset}),
    (("export", "--set", "mem"), {"memory="}),
    (("export", "--set", "read-only-root"), {"read-only-root=on"}),
    (("undo", "--engine", "d"), {"docker"}),
    (("desktop", "install", "--s"), {"--system"}),
    (("list", "--ag"), {"--agents"}),
    (("list", "--sort", "n"), {"name"}),
    (("background", "--s"), {"--status"}),
    (("helper", "install", "--d"), {"--dry-run"}),
    (("helper", "r"), {"remove"}),
    (("report", "--html", "./scr"), {"./script"}),
)


def test_in_bash(folder: Path) -> None:
    assert set(in_bash(folder, "stratascope", "")) >= {"report", "harden", "desktop", "completion"}
    for words, candidates in CASES:
        assert set(in_bash(folder, "stratascope", *words)) == candidates, words


@pytest.mark.slow
def test_in_fish(folder: Path) -> None:
    for words, candidates in CASES:
        line = shlex.join(("stratascope", *words[:-1])) + " " + words[-1]
        said = in_shell(folder, "fish", "-N", "-c", f"source ./script; complete -C {shlex.quote(line)}")
        found = {candidate.partition("\t")[0].removeprefix("./") for candidate in said.splitlines()}
        # what only sounds like it may be among them
        assert found >= {name.removeprefix("./") for name in candidates}, words
        assert not found & {"db", "report", "--dry-run", "strict"} - candidates, words


@pytest.mark.slow
def test_in_zsh(folder: Path) -> None:
    """Typed on a terminal, since zsh completes nowhere else. The engines are asked at Tab, not when it is loaded."""
    (folder / "zsh" / "_stratascope").write_text((folder / "zsh" / "script").read_text())
    for words, candidates in CASES:
        if len(candidates) != 1:
            continue  # a menu is drawn with moves of the cursor
        (wanted,) = candidates
        (folder / "asked").unlink(missing_ok=True)
        ours, theirs = pty.openpty()
        zsh = subprocess.Popen(
            ("zsh", "-f", "-i"),
            cwd=folder / "zsh",
            env=shell_environment(folder),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            os.write(
                ours,
                b"PS1=ready; fpath=($PWD $fpath); autoload -Uz compinit; compinit -D; unsetopt zle_bracketed_paste\n",
            )
            seen(ours, "ready", 2)
            os.write(ours, " ".join(("stratascope", *words)).encode() + b"\t")
            assert wanted in seen(ours, wanted, 1), words
        finally:
            zsh.kill()
            zsh.wait()
            os.close(ours)
        if (folder / "asked").exists():
            assert len((folder / "asked").read_text().splitlines()) == 1, words


def seen(terminal: int, text: str, times: int) -> str:
    """What comes from the terminal until this has come so often."""
    found = ""
    while found.count(text) < times:
        found += os.read(terminal, 4096).decode("utf-8", "replace")
    return found


def test_the_names_of_real_containers(one_engine: Rig) -> None:
    with one_engine.container():
        done = run("__complete", "containers", engines=one_engine.endpoint)
        while not done.stdout:  # what takes too long on an overloaded machine is left out
            done = run("__complete", "containers", engines=one_engine.endpoint)
        listed = json.loads(run("report", "--json", engines=one_engine.endpoint).stdout)["containers"]
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [container["name"] for container in listed]
    assert len(listed) == 1


def test_an_engine_that_hangs_is_left_out(tmp_path: Path) -> None:
    """A person has pressed Tab and waits."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "sock"))
        listening.listen()
        done = run("__complete", "containers", engines=f"docker=unix://{tmp_path}/sock")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_container_that_hangs_keeps_no_shell_waiting(tmp_path: Path) -> None:
    """An engine that lists its containers, and never tells of one of them."""
    listed = json.dumps([{"Id": "a" * 64, "Names": ["/one"], "State": "running"}]).encode()
    version = json.dumps({"ApiVersion": "1.41", "Version": "20.10.0", "Os": "linux", "Name": "x"}).encode()

    class Hangs(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        asked: ClassVar[list[str]] = []

        def do_GET(self) -> None:
            self.asked.append(self.path)
            if self.path.endswith(f"/{'a' * 64}/json"):
                threading.Event().wait()
            body = listed if "/containers/json" in self.path else version
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            return

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    with Server(str(tmp_path / "sock"), Hangs) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        while not any(path.endswith(f"/{'a' * 64}/json") for path in Hangs.asked):  # a busy machine may not get so far
            done = run("__complete", "containers", engines=f"docker=unix://{tmp_path}/sock")
        server.shutdown()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_toggle_is_offered_and_rubbish_gets_nothing() -> None:
    offered = run("__complete", "toggles").stdout.split()
    assert {word.partition("=")[0] for word in offered} == {toggle.id for toggle in all_toggles()}
    for words in ((), ("anything",), ("toggles", "more")):
        done = run("__complete", *words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_is_no_command_that_is_listed() -> None:
    assert "__complete" not in run("--help").stdout
    assert "__complete" not in run("nonsense").stderr
    done = run("completion", "powershell")
    assert (done.returncode, done.stdout) == (2, "")
