"""The background service as a process, on a real engine and a real message bus: what it records, tells and shows, what
it weighs, and that two never write the same history.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rig.cli.command_line import environ, run
from rig.engine import Rig
from rig.session_bus import NOTIFICATIONS, SYSTEMD, WATCHER, Desktop, desktop, session_bus

pytestmark = pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed")
HEAVY = ("libQt6", "libpyside", "libshiboken", "numpy", "pyqtgraph")
MOST = 60 << 10  # KiB
PRIVILEGED = "stratascope-test-background"


class Home:
    """A user's folders, and their services."""

    def __init__(self, folder: Path, engines: str, bus: str) -> None:
        self.folder = folder
        (folder / "run").mkdir(mode=0o700)
        self.environ = environ(
            engines,
            DBUS_SESSION_BUS_ADDRESS=bus,
            XDG_RUNTIME_DIR=str(folder / "run"),
            **{f"XDG_{name.upper()}_HOME": str(folder / name) for name in ("config", "state", "data")},
        )
        settings = folder / "config" / "stratascope" / "settings.json"
        settings.parent.mkdir(parents=True)
        settings.write_text('{"version": 1, "notify_background": "on"}')

    @contextmanager
    def service(self) -> Iterator[subprocess.Popen[bytes]]:
        with subprocess.Popen([sys.executable, "-m", "stratascope", "background"], env=self.environ) as process:
            try:
                yield process
            finally:
                process.kill()

    def said(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run(*words, **self.environ)

    def status(self) -> Any:
        return json.loads(self.said("background", "--status", "--json").stdout)

    def changes(self, name: str) -> list[str]:
        done = self.said("history", name, "--since", "1h", "--json")
        if done.returncode:  # nothing is known of it yet
            return []
        found = json.loads(done.stdout)
        return [each["what"] for past in found["containers"] for each in past["changes"]]


def until(reached: Callable[[], object]) -> None:
    """Wait for as long as it takes."""
    while not reached():
        time.sleep(0.2)


@contextmanager
def home(engine: Rig | None, folder: Path) -> Iterator[tuple[Home, Desktop]]:
    engines = "docker=unix:///nowhere/engine.sock" if engine is None else f"{engine.kind}={engine.endpoint}"
    with session_bus() as bus, desktop(bus, NOTIFICATIONS, WATCHER, SYSTEMD) as there:
        yield Home(folder, engines, bus), there


def test_it_records_tells_and_shows_and_weighs_little(docker_rootful: Rig, tmp_path: Path) -> None:
    with (
        home(docker_rootful, tmp_path) as (mine, there),
        docker_rootful.container(name=f"{PRIVILEGED}-plain"),
        mine.service() as process,
    ):
        there.until("RegisterStatusNotifierItem")
        until(lambda: (mine.status() or {}).get("recording"))
        until(lambda: there.menu()[0] == "None of 1 could take over")
        with docker_rootful.container("--privileged", name=PRIVILEGED):
            _, body, _ = there.until("Notify")
            assert body[3] == f"{PRIVILEGED} could take over"
            assert body[4].startswith("Possible now: ")
            until(lambda: there.menu()[0] == "1 of 2 could take over")
            assert there.menu()[2].startswith(f"{PRIVILEGED}: ")
            there.choose(3)
            _, (_, _, properties, _), _ = there.until("StartTransientUnit")
            command = {key: value for key, (_, value) in properties}["ExecStartEx"][0][1]
            assert command[-2] == "--show"
            maps = Path(f"/proc/{process.pid}/maps").read_text()
            assert [each for each in HEAVY if each in maps] == []
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            weight = dict(line.split()[:2] for line in rollup.splitlines()[1:])
            assert int(weight["Rss:"]) < MOST
        until(lambda: "removed" in mine.changes(PRIVILEGED))
        second = mine.said("background")
        assert second.returncode == 2
        assert "already recording" in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert mine.status() is None
    assert mine.said("background", "--status").returncode == 1


def test_one_that_is_killed_loses_nothing_and_the_next_goes_on(one_engine: Rig, tmp_path: Path) -> None:
    with home(one_engine, tmp_path) as (mine, there), one_engine.container(name=PRIVILEGED):
        with mine.service() as process:
            until(lambda: mine.changes(PRIVILEGED) == ["first-seen"])
            process.kill()
            process.wait()
        assert mine.status() is None
        one_engine.run("restart", "-t", "0", PRIVILEGED)
        with mine.service() as process:
            until(lambda: mine.changes(PRIVILEGED) == ["first-seen", "restarted"])
            assert mine.said("desktop", "remove", "--background").returncode == 0  # ends it, whoever started it
            assert process.wait() == 0
        assert not [each for each in there.heard if each[0] == "Notify"]  # it can do no more than before


SYSTEMCTL = """#!/bin/sh
echo "$*" >> "$0.log"
case "$*" in
*restart*)
  unit="$XDG_CONFIG_HOME/systemd/user/stratascope-background.service"
  command="$(sed -n 's/^ExecStart=//p' "$unit")"
  (exec </dev/null >/dev/null 2>&1; eval "exec $command") & ;;
*) {other} ;;
esac
"""


def systemctl(mine: Home, other: str) -> Path:
    """systemd's command in place of it, which starts what the unit says."""
    place = mine.folder / "bin" / "systemctl"
    place.parent.mkdir()
    place.write_text(SYSTEMCTL.replace("{other}", other))
    place.chmod(0o755)
    mine.environ["PATH"] = f"{place.parent}{os.pathsep}{mine.environ['PATH']}"
    return place.with_name("systemctl.log")


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Home]:
    with home(None, tmp_path) as (found, _):
        yield found


def test_one_command_sets_it_up_and_one_takes_it_down(mine: Home) -> None:
    log = systemctl(mine, "true")
    unit = mine.folder / "config" / "systemd" / "user" / "stratascope-background.service"
    assert str(unit) in mine.said("desktop", "install", "--background", "--dry-run").stdout
    assert not unit.exists()
    done = mine.said("desktop", "install", "--background", "--no-notices")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Written: {unit}\n" in done.stdout
    assert [line.split()[2] for line in log.read_text().splitlines()] == ["daemon-reload", "enable", "restart"]
    found = mine.status()
    assert found["notices"] is False
    assert f'Environment="STRATASCOPE_ENGINES={mine.environ["STRATASCOPE_ENGINES"]}"\n' in unit.read_text()
    done = mine.said("desktop", "remove", "--background")
    assert (done.returncode, done.stdout) == (0, f"Removed: {unit}\n")
    assert mine.status() is None
    assert (mine.folder / "data" / "applications").exists()  # the menu's entry stays
    assert mine.said("desktop", "remove").returncode == 0
    assert not (mine.folder / "data" / "applications").exists()


def test_where_there_is_no_systemd_nothing_is_left_and_it_says_what_to_do(mine: Home) -> None:
    systemctl(mine, "echo 'Failed to connect to bus: No medium found' >&2; exit 1")
    done = mine.said("desktop", "install", "--background")
    assert done.returncode == 2
    assert "Start it yourself at login: " in done.stderr
    assert "No medium found" in done.stderr
    assert not (mine.folder / "config" / "systemd" / "user" / "stratascope-background.service").exists()
    for words in (("install", "--background", "--system"), ("install", "--notices")):
        done = mine.said("desktop", *words)
        assert (done.returncode, done.stdout) == (2, "")
