"""Text that attacks its reader, in whatever an engine lets through: printed harmless, and whole in the JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from typing import Any

import pytest

from machine.truth.fleet import report
from rig.engine import Rig
from rig.places import APP

ESCAPE, TURN, MARKUP, BYTES = "\x1b[2J\x1b]0;owned\x07", "\u202egnp.exe", "<img src=x onerror=alert(1)>", b"\xff\xfe"
LONG = "x" * 10_000
# A process may call itself as it likes, bytes that are no UTF-8 included
RENAME = r"printf '\033[31m\377<b>' > /proc/$$/comm; while :; do sleep 1; done"


def text(rig: Rig, *words: str, **environ: str) -> str:
    done = subprocess.run(
        (sys.executable, "-m", "stratascope", "report", *words),
        env={**os.environ, "PYTHONPATH": str(APP), "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}", **environ},
        capture_output=True,
        check=True,
    )
    return done.stdout.decode(environ.get("PYTHONIOENCODING", "utf-8"))


def acting(found: str) -> set[str]:
    """Characters that do something to a terminal, or to the direction of text."""
    return {each for each in found if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")} - {"\n"}


@pytest.mark.parametrize("name", ["docker_rootful", "podman_rootful"])
def test_hostile_labels_commands_and_process_names(name: str, request: pytest.FixtureRequest) -> None:
    rig: Rig = request.getfixturevalue(name)
    words = (
        *("--label", f"a={ESCAPE}{TURN}{MARKUP}{LONG}", "-e", f"NASTY={ESCAPE}{TURN}", "--name", "nasty"),
        *("--cap-drop", "ALL", "busybox", "sh", "-c", "sleep 3600", ESCAPE, TURN, MARKUP, LONG),
    )
    argv = [os.fsencode(word) for word in rig.command("run", "-d", *words)] + [BYTES]
    run = subprocess.run(argv, env=rig.env, capture_output=True, check=False)
    if run.returncode != 0:  # newer command lines refuse bytes that are no UTF-8
        run = subprocess.run(argv[:-1], env=rig.env, capture_output=True, check=True)
    session = subprocess.Popen(
        rig.command("exec", "--privileged", "nasty", "sh", "-c", RENAME), env=rig.env, stdin=subprocess.DEVNULL
    )
    try:
        drifting: list[dict[str, Any]] = []
        while not drifting:
            drifting = [each for each in report(rig)["nasty"]["processes"] if each["drift"]]
        commands = {process["command"] for process in drifting}
        while not any("<b>" in command for command in commands):
            commands = {process["command"] for process in report(rig)["nasty"]["processes"]}
        assert "\x1b[31m\udcff<b>" in commands
        for found in (text(rig), text(rig, "nasty")):
            assert acting(found) == set()
            assert "\\x1b[31m\\xff<b>" in found
            assert all(f"  {number} " in found for number in range(1, 7))
        plain = text(rig, "nasty", LC_ALL="C", PYTHONIOENCODING="ascii")
        assert acting(plain) == set()
        assert "\\x1b[31m\\xff<b>" in plain
        assert json.loads(text(rig, "--json"))["schema"] == 1
    finally:
        session.kill()
        session.wait()
        rig.remove("nasty")


def test_a_hostile_host_name(docker_rootful: Rig) -> None:
    options = ("--hostname", "<img-src=x>", "--label", f"b={TURN}")
    try:
        with docker_rootful.container(*options, name="host-name"):
            assert acting(text(docker_rootful, "host-name")) == set()
    except AssertionError as error:
        if "invalid" not in str(error).lower():
            raise
        pytest.skip("this engine refuses such a host name")
