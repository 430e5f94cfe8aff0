"""A container on a real engine, and the program held against it: a plan only, or the whole command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.traps.ledger import LEDGER
from rig.cli.hardened import QUICK
from rig.engine import Rig
from rig.places import APP
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import parse
from stratascope.state.journal import FileJournal
from stratascope.usecases.plan.preflight import Preflight
from stratascope.wiring.hardening import open_hardening


@dataclass(frozen=True, slots=True)
class Checked:
    """What the preflight said: code to sentence, of blocks and of warnings."""

    blocks: dict[str, str]
    warnings: dict[str, str]


@dataclass
class Scene:
    """One engine, and a journal of its own. Containers of a test are called `trap…`."""

    rig: Rig
    state: Path
    monkeypatch: pytest.MonkeyPatch
    endpoint: str = ""  # another way to the same engine
    environ: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        address = f"{self.rig.kind}={self.endpoint or self.rig.endpoint}"
        added = {"STRATASCOPE_ENGINES": address, "XDG_STATE_HOME": str(self.state)}
        for name, value in added.items():
            self.monkeypatch.setenv(name, value)
        self.environ = {**os.environ, **added, "PYTHONPATH": str(APP)}

    def start(self, *options: str, name: str = "trap", image: str = "busybox", command: tuple[str, ...] = QUICK) -> str:
        """Its whole id."""
        return self.rig.run("run", "-d", "--name", name, *options, image, *command).splitlines()[-1]

    def check(self, name: str = "trap", *choices: str) -> Checked:
        """The preflight of hardening it so; of an unchanged relaunch without choices."""
        with open_hardening((), FileJournal(self.state / "checks")) as found:
            access, number = found.container(name)
            state = access.read(number)
            assert state is not None
            checked: Preflight = found.hardening.plan(state, [parse(text) for text in choices]).checked
        warnings: dict[str, str] = {}
        for item in checked.warnings:
            warnings[item.code] = f"{warnings.get(item.code, '')} {translate(item.text)}".strip()
        return Checked({block.code: translate(block.text) for block in checked.blocks}, warnings)

    def run(self, *words: str) -> tuple[int, str, str]:
        """The command line: exit code, and what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "stratascope", *words],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def harden(self, *words: str, name: str = "trap") -> tuple[int, dict[str, Any], str]:
        """Exit code, the last line of --json, and stderr."""
        code, out, err = self.run("harden", name, "--json", "--yes", "--watch", "1", "--enforced-is-enough", *words)
        return code, json.loads(out.splitlines()[-1]) if out else {}, err

    def told(self, trap: str, what: str) -> None:
        """A line of the table."""
        LEDGER.write(trap, self.rig.name.replace("_", " "), what)

    def policy(self, container: str) -> str:
        found: str = self.rig.inspect(container)["HostConfig"]["RestartPolicy"]["Name"]
        return found or "no"

    def names(self, *, running: bool) -> list[str]:
        """Names of this test's containers."""
        words = ("ps", "--format", "{{.Names}}", *(() if running else ("-a",)))
        return sorted(name for name in self.rig.run(*words).splitlines() if name.startswith("trap"))

    def clear(self) -> None:
        names = self.names(running=False)
        for name in self.rig.run("ps", "--filter", "status=paused", "--format", "{{.Names}}").splitlines():
            self.rig.run("unpause", name)  # not every engine removes a paused one
        if names:
            depend = ("--depend",) if self.rig.kind == "podman" else ()
            self.rig.run("rm", "-f", *self.rig.at_once, "-v", *depend, *names)
            self.rig.run("volume", "rm", "-f", "trap-data", "trap-seed")
        assert self.names(running=False) == []


def as_before(scene: Scene, original: str, started: str, policy: str = "no") -> None:
    """The original was never stopped, and nothing else is there."""
    now = scene.rig.inspect("trap")
    assert (now["Id"], now["State"]["StartedAt"]) == (original, started)
    assert scene.policy("trap") == policy
    assert scene.names(running=False) == ["trap"]


def started_at(scene: Scene, name: str = "trap") -> str:
    found: str = scene.rig.inspect(name)["State"]["StartedAt"]
    return found
