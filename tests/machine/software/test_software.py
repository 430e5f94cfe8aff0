"""Real software with its data, hardened with each preset: it serves with them, or was rolled back and serves as before.

Then undone, hardened again by a command typed by hand, and its data is there each time. By the command line, on all
four kinds of engines. What all the programs of the table can do afterwards is for `test_hardened.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from machine.software.families import PROGRAMS
from machine.software.hardened import KEPT, Shell, containers, engine_with_image, service
from machine.software.known import MUST
from machine.software.program import Program
from machine.software.reach import up, wait
from rig.engine import KINDS
from rig.fixtures import Engines
from rig.formats.exported import carried_out

PRESETS = ("recommended", "restricted", "strict")
VERIFIED, ROLLED_BACK = 0, 4
PATIENCE = 300.0  # seconds, which is never


NAMES = ("nginx", "redis", "redis-root", "postgres")


def cases() -> Iterator[Any]:
    for kind in KINDS:
        for program in (each for each in PROGRAMS if each.name in NAMES):
            for preset in PRESETS:
                yield pytest.param(program, preset, kind, id=f"{program.name}-{preset}-{kind}")


def exposure(shell: Shell, name: str) -> float:
    """As it is read now."""
    _, told, said = shell.run("report", name, "--json")
    assert told["containers"], said
    number: float = told["containers"][0]["exposure"]
    return number


@pytest.mark.slow
@pytest.mark.parametrize(("program", "preset", "kind"), tuple(cases()))
def test_it_serves_and_its_data_is_there(
    program: Program, preset: str, kind: str, engines: Engines, tmp_path: Path
) -> None:
    rig = engine_with_image(engines, kind, program.family)
    shell, data = Shell(rig, tmp_path), program.data
    assert data is not None
    with service(rig, program) as at:
        up(at, program.deep[0], PATIENCE)
        data.write(at, "before")
        original = containers(rig)[at.name][0]
        code, told, said = shell.run(*("harden", at.name, "--preset", preset, "--yes", "--json", "--watch", "2"))
        after = told.get("after")
        assert code in KEPT or (code == ROLLED_BACK and (program.name, preset) not in MUST), said
        wait(f"its data after\n{said}", lambda: data.has(at, "before"), PATIENCE)
        data.write(at, "since")
        mine = {name: each for name, each in containers(rig).items() if name.startswith(at.name)}
        running = [number for number, runs in mine.values() if runs]
        if code == ROLLED_BACK:
            assert told["why"]
            assert mine == {at.name: (original, True)}
            return
        assert {item["outcome"] for item in told["toggles"]} == {"enforced"}
        assert after is not None
        before = told["before"]["exposure"]
        if after["exposure"] > before:  # its health check ran just then, which is root for a moment, every second
            wait("a reading without its health check", lambda: exposure(shell, at.name) <= before, PATIENCE)
        assert running == [told["replacement_id"]] == [mine[at.name][0]]
        code, told, said = shell.run("undo", at.name, "--json", "--watch", "1")
        assert code == VERIFIED, said
        assert containers(rig)[at.name] == (original, True)
        wait("its data from before", lambda: data.has(at, "before"), PATIENCE)
        wait("its data since", lambda: data.has(at, "since"), PATIENCE)
        code, _, said = shell.run("harden", at.name, "--preset", preset, "--dry-run")
        assert code == VERIFIED, said
        assert shell.run("discard", at.name)[0] == VERIFIED
        assert [name for name in containers(rig) if name.startswith(at.name)] == [at.name]
        # and the same, typed by hand
        code, _, command = shell.run(*("export", at.name, "--preset", preset, "--as", f"{rig.kind}-run", "--secrets"))
        assert code == VERIFIED, command
        if saved := re.search(r"First save its seccomp profile as (\S+): ", command):
            code, _, profile = shell.run("export", at.name, "--preset", preset, "--as", "seccomp")
            assert code == VERIFIED, profile
            file = rig.folder / saved[1]  # Podman's service, unlike Podman itself, opens it, in its own directory
            file.write_text(profile)
            file.chmod(0o644)
            command = command.replace(f"seccomp={saved[1]}", f"seccomp={file}")
        rig.remove(at.name)
        carried_out(rig, command, tmp_path)
        wait(f"its data after\n{command}", lambda: data.has(at, "since"), PATIENCE)
