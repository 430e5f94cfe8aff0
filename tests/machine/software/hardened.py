"""A program started as people do, hardened by the command line, and what became of it.

The command line is run as a person would, with a journal of its own, in the network where the engine publishes ports.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from machine.software.filter_by_hand import write_filter
from machine.software.program import PATH, BrokenError, Program, Service
from machine.software.reach import UP, free_port, network_of, up, wait
from machine.software.root import NoSoftwareError, root
from machine.software.table import BY_HAND, NO_ROOT, Row, held
from rig.engine import Rig
from rig.fixtures import Engines
from rig.ordinary import as_theirs, socket_for
from rig.places import APP
from rig.plan import ordinary_user

KEPT = (0, 1)  # exit codes of a replacement that stays
NOT_CARRIED = (3, 4)
LEAST = 20.0  # seconds for a replacement to be up, which was watched already


class Shell:
    """The program's command line for one engine, by root or by an ordinary user who may use the engine."""

    def __init__(self, rig: Rig, state: Path, *, ordinary: bool = False) -> None:
        self._rig, self._ordinary = rig, ordinary
        if ordinary:  # who can't reach root's folders
            state = rig.folder / f"state-{time.monotonic_ns()}"
            state.mkdir()
            os.chown(state, *ordinary_user()[:2])
        self._environ = {
            **os.environ,
            "PYTHONPATH": str(APP),
            "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}",
            "XDG_STATE_HOME": str(state),
        }

    def run(self, *words: str) -> tuple[int, dict[str, Any], str]:
        """Exit code, the last line of the answer, and all that it said."""
        command: tuple[str, ...] = (sys.executable, "-m", "stratascope", *words)
        if self._ordinary:
            command = as_theirs(*command)
        with socket_for(self._rig) if self._ordinary else nullcontext():
            done = subprocess.run(
                ("nsenter", f"--net={network_of(self._rig)}", *command),
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
    """It runs, is reached, and is removed with its volumes in the end, also if it was relaunched."""
    name = f"soft-{program.name}-{time.monotonic_ns()}"
    at = Service(rig, name, free_port())
    options = ["-p", f"{at.port}:{program.inner_port}", *program.options]
    options += program.health if rig.kind == "docker" else ()
    volumes = {f"{name}-{number}": folder for number, folder in enumerate(program.volumes)}
    options += (word for volume, folder in volumes.items() for word in ("-v", f"{volume}:{folder}"))
    try:
        rig.run("run", "-d", "--name", name, *options, f"software-{program.family}", *program.command)
        yield at
    finally:
        rig.remove(*(each for each in containers(rig) if each.startswith(name)))
        if volumes:
            rig.run("volume", "rm", "-f", *volumes, check=False)


def containers(rig: Rig) -> dict[str, tuple[str, bool]]:
    """Id, and whether it runs, by name."""
    text = rig.run("ps", "-a", "--no-trunc", "--format", "{{.Names}}\t{{.ID}}\t{{.State}}")
    rows = [line.split("\t") for line in text.splitlines()]
    return {name: (number, state == "running") for name, number, state in rows}


_IMPORTED: set[tuple[str, str]] = set()


def engine_with_image(engines: Engines, kind: str, family: str) -> Rig:
    """That engine with the image of the family; skips the test where it can't be made."""
    rig = engines.get(kind)
    key = (str(rig.folder), family)
    if key not in _IMPORTED:
        try:
            archive = root(family)
        except NoSoftwareError as error:
            pytest.skip(str(error))
        rig.run("import", "--change", PATH, str(archive), f"software-{family}:latest")
        _IMPORTED.add(key)
    return rig


def broken(program: Program, at: Service, seconds: float = UP) -> dict[str, str]:
    """What of its deep check fails, and how: nothing where it works."""
    first, *rest = program.deep
    try:
        up(at, first, seconds)
    except BrokenError as error:
        return {first.__name__: str(error)}
    found: dict[str, str] = {}
    for check in rest:
        try:
            check(at)
        except (BrokenError, OSError, EOFError, AssertionError) as error:
            found[check.__name__] = f"{type(error).__name__}: {error}"
    return found


def hardened(program: Program, at: Service, way: str, words: tuple[str, ...], state: Path) -> Row:
    """What became of it and its data: hardened by the command line, then held against its deep check.

    Where it ends for what it wrote outside its volumes, once more with the answer that the command line asks for.
    By hand what is set is found in `program`. By any other way it is undone in the end.
    """
    shell = Shell(at.rig, state, ordinary=way == NO_ROOT)
    if program.data is not None:
        program.data.write(at, "before")
    if way == BY_HAND:
        if program.hand_before:
            at.shell(program.hand_before, user="0")
        profile = write_filter(at.rig.folder if at.rig.rootless else state)  # the engine reads it
        words = (*words, *(word for each in program.by_hand(at, profile) for word in ("--set", each)))
    start = time.monotonic()
    code, told, said = shell.run(*words, "--yes", "--json", "--watch", "5")
    again = code in NOT_CARRIED and "carry them over" in said
    if again:
        code, told, said = shell.run(*words, "--commit-layer", "--yes", "--json", "--watch", "5")
    seconds = time.monotonic() - start
    before = held(told.get("before"))
    assert before is not None, said
    after = held(told.get("after"))
    if way == BY_HAND and after is not None and (predicted := held(told.get("predicted"))) is not None:
        # Of a filter that Podman was given as a file, what it lets through is not known afterwards, though it was then
        after = predicted if predicted.unknown < after.unknown else after
    row = Row(program.name, at.rig.name, way, code, before, after, why=_why(told), seconds=seconds, again=again)
    lost: dict[str, str] = {}
    if code not in KEPT:
        _look(program, at, lost, "as it was", "before")
        return replace(row, lost=lost)
    assert {item["outcome"] for item in told["toggles"]} <= {"enforced"}, said
    _look(program, at, lost, "after the relaunch", "before")
    row = replace(row, broken=broken(program, at, LEAST))
    if program.data is not None and not row.broken:
        program.data.write(at, "since")
        at.rig.run("restart", "-t", "10", at.name)
        _look(program, at, lost, "after a restart", "before", "since")
    if way != BY_HAND:
        told = shell.run("undo", at.name, "--dry-run", "--json")[1]
        code, _, said = shell.run("undo", at.name, "--json", "--watch", "1")
        # what was written since is in its volumes, or it was told that it is not
        since = () if row.broken or told.get("written") else ("since",)
        _look(program, at, lost, f"after the undo ({code})", "before", *since)
        if code not in KEPT:
            lost["undo"] = said[-300:]
    return replace(row, lost=lost)


def _look(program: Program, at: Service, lost: dict[str, str], when: str, *names: str) -> None:
    """What of its data is not there, or where it does not serve."""
    try:
        up(at, program.deep[0])
        if program.data is not None:
            for name in names:
                wait(name, partial(program.data.has, at, name))
    except BrokenError as error:
        lost[when] = str(error)


def _why(told: dict[str, Any]) -> str:
    """What the program says where it did not end well."""
    return " ".join((told.get("why") or "", *(block["text"] for block in told.get("blocks", ())))).strip()
