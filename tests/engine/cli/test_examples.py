"""The examples of each command's help do what they say, as they are printed, where they change nothing and end."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from rig.cli.command_line import environ, run
from rig.engine import Rig
from stratascope.cli.examples import EXAMPLES

# these change something, go on until they are interrupted, or need an earlier relaunch: other tests run them
LEFT_OUT = ("tighten", "undo", "exercise", "discard", "desktop install", "desktop remove", "helper install")
CHANGING = ("--yes", "--set memory=512m", "--fix")
RECORDED = "stratascope history web"  # nothing is recorded here
ENDLESS = ("stratascope observe web", "stratascope background")


def runnable() -> list[str]:
    return [
        each
        for name, found in EXAMPLES.items()
        for each in found
        if name not in LEFT_OUT
        and each not in ENDLESS
        and not each.startswith(RECORDED)
        and not any(word in each for word in CHANGING)
    ]


@pytest.mark.slow  # some thirty runs
def test_they_work_as_printed(docker_rootful: Rig, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services:\n  web:\n    image: busybox\n    privileged: true\n")
    with (
        docker_rootful.container(name="web") as web,
        docker_rootful.container(name="web-old"),
        docker_rootful.container(name="db"),
    ):
        for day in ("monday", "friday"):
            done = run("report", "--save-capture", str(tmp_path / f"{day}.json"), engines=docker_rootful.endpoint)
            assert done.returncode == 0, done.stderr
        for example in runnable():
            _, *words = shlex.split(example)
            words = words[: next((at for at, word in enumerate(words) if word in (">", ">>")), len(words))]
            words = [str(docker_rootful.pid(web)) if word == "4211" else word for word in words]
            words = ["5" if word in ("60", "3600") else word for word in words]
            done = subprocess.run(
                (sys.executable, "-m", "stratascope", *words),
                cwd=tmp_path,
                env=environ(docker_rootful.endpoint, HOME=str(tmp_path), XDG_STATE_HOME=str(tmp_path / "state")),
                capture_output=True,
                encoding="utf-8",
                check=False,
                stdin=subprocess.DEVNULL,
            )
            assert done.returncode in (0, 1), (example, done.stderr)
            assert "Traceback" not in done.stderr, example
