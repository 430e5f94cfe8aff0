"""Real software, hardened with each preset: it serves with its data, or it was rolled back and serves as before.

By the command line, on real engines. Where a preset leads to is printed as a table; the recommended one must succeed
with all of them, since it promises to take only what a container very probably does not need.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from export.exported import carried_out
from rig.engine import KINDS, Rig
from rig.fixtures import Engines
from software.programs import IMAGE, PATH, PROGRAMS, Program, Service
from software.reach import free_port, network_of, until
from software.root import NoSoftwareError, root

APP = Path(__file__).resolve().parents[2] / "app"
PRESETS = ("recommended", "restricted", "strict")
VERIFIED, REFUSED, ROLLED_BACK = 0, 3, 4
# Without `slow`: one preset of each software, on an engine of another kind each
SOON = {
    ("nginx", "recommended", "docker_rootful"),
    ("redis", "restricted", "podman_rootful"),
    ("postgres", "recommended", "podman_rootless"),
}
# What the program can do without is known of these: to roll back would be a failure of the preset
MUST = {
    *((each.name, "recommended") for each in PROGRAMS),
    *((name, p) for name in ("redis", "postgres") for p in PRESETS),
}


class Shell:
    """The program's command line for one engine, with a journal of its own, in the engine's network."""

    def __init__(self, rig: Rig, state: Path) -> None:
        self._rig = rig
        self._environ = {
            **os.environ,
            "PYTHONPATH": str(APP),
            "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}",
            "XDG_STATE_HOME": str(state),
        }

    def run(self, *words: str) -> tuple[int, dict[str, Any], str]:
        """Exit code, the last line of the answer, and all that it said."""
        done = subprocess.run(
            ("nsenter", f"--net={network_of(self._rig)}", sys.executable, "-m", "stratascope", *words),
            env=self._environ,
            text=True,
            capture_output=True,
            check=False,
        )
        lines = done.stdout.splitlines()
        last = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
        return done.returncode, last, done.stdout + done.stderr


@contextmanager
def service(rig: Rig, program: Program) -> Iterator[Service]:
    """It runs, is reached, and is removed with its volume in the end, also if it was relaunched."""
    name = f"soft-{program.name}-{time.monotonic_ns()}"
    at = Service(rig, name, free_port())
    rig.run("volume", "create", name)
    try:
        health = program.health if rig.kind == "docker" else ()
        options = ("-p", f"{at.port}:{program.inner_port}", "-v", f"{name}:{program.folder}", *program.options, *health)
        rig.run("run", "-d", "--name", name, *options, IMAGE, *program.command)
        yield at
    finally:
        rig.remove(*(each for each in containers(rig) if each.startswith(name)))
        rig.run("volume", "rm", "-f", name, check=False)


def containers(rig: Rig) -> dict[str, tuple[str, bool]]:
    """Id, and whether it runs, by name."""
    text = rig.run("ps", "-a", "--no-trunc", "--format", "{{.Names}}\t{{.ID}}\t{{.State}}")
    rows = [line.split("\t") for line in text.splitlines()]
    return {name: (number, state == "running") for name, number, state in rows}


@pytest.fixture(scope="session")
def imported() -> dict[str, Rig]:
    """Engines that have the image, by kind."""
    return {}


def engine_with_image(engines: Engines, kind: str, known: dict[str, Rig]) -> Rig:
    rig = engines.get(kind)
    if kind not in known:
        try:
            archive = root()
        except NoSoftwareError as error:
            pytest.skip(str(error))
        rig.run("import", "--change", PATH, str(archive), f"{IMAGE}:latest")
        known[kind] = rig
    return rig


def cases() -> Iterator[Any]:
    for kind in KINDS:
        for program in PROGRAMS:
            for preset in PRESETS:
                marks = () if (program.name, preset, kind) in SOON else (pytest.mark.slow,)
                yield pytest.param(program, preset, kind, marks=marks, id=f"{program.name}-{preset}-{kind}")


@pytest.mark.parametrize(("program", "preset", "kind"), tuple(cases()))
def test_it_serves_and_its_data_is_there(
    program: Program,
    preset: str,
    kind: str,
    engines: Engines,
    imported: dict[str, Rig],
    table: list[tuple[str, ...]],
    tmp_path: Path,
) -> None:
    rig = engine_with_image(engines, kind, imported)
    shell = Shell(rig, tmp_path)
    with service(rig, program) as at:
        eventually_put(program, at, "before", "kept-1")
        original = containers(rig)[at.name][0]
        begun = time.monotonic()
        code, told, said = shell.run(*("harden", at.name, "--preset", preset, "--yes", "--json", "--watch", "2"))
        seconds = time.monotonic() - begun
        after = told.get("after")
        table.append(
            (
                *(program.name, preset, kind, told.get("result", f"exit {code}")),
                f"{told['before']['exposure']} → {after['exposure'] if after else '–'}",
                f"{seconds:.1f}",
                told.get("why", ""),
            )
        )
        assert code == VERIFIED or (code == ROLLED_BACK and (program.name, preset) not in MUST), said
        assert until(lambda: program.get(at, "before"), "kept-1") == "kept-1", said
        program.put(at, "since", "kept-2")
        mine = {name: each for name, each in containers(rig).items() if name.startswith(at.name)}
        running = [number for number, runs in mine.values() if runs]
        if code == ROLLED_BACK:
            assert told["why"]
            assert mine == {at.name: (original, True)}
            return
        assert {item["outcome"] for item in told["toggles"]} == {"enforced"}
        assert after is not None
        assert after["exposure"] <= told["before"]["exposure"]
        assert running == [told["replacement_id"]] == [mine[at.name][0]]
        code, told, said = shell.run("undo", at.name, "--json", "--watch", "1")
        assert code == VERIFIED, said
        assert containers(rig)[at.name] == (original, True)
        for key, value in (("before", "kept-1"), ("since", "kept-2")):
            assert until(lambda key=key: program.get(at, key), value) == value  # type: ignore[misc]
        code, _, said = shell.run("harden", at.name, "--preset", preset, "--dry-run")
        assert (code, "What its last undo replaced is still set aside." in said) == (REFUSED, True), said
        assert shell.run("discard", at.name)[0] == VERIFIED
        assert [name for name in containers(rig) if name.startswith(at.name)] == [at.name]
        # and the same, typed by hand
        code, _, command = shell.run(*("export", at.name, "--preset", preset, "--as", f"{rig.kind}-run", "--secrets"))
        assert code == VERIFIED, command
        rig.remove(at.name)
        carried_out(rig, command, tmp_path)
        assert until(lambda: program.get(at, "since"), "kept-2") == "kept-2", command


def eventually_put(program: Program, at: Service, key: str, value: str) -> None:
    """A program takes a moment until it takes data."""

    def attempt() -> str:
        program.put(at, key, value)
        return program.get(at, key)

    found = until(attempt, value)
    assert found == value, f"{found}\n{at.rig.run('logs', at.name, check=False)}"
