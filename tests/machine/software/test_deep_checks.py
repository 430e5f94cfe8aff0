"""The deep checks can fail: one thing is taken from a program by hand, and the check that needs it says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from machine.software.families import PROGRAMS
from machine.software.hardened import broken, engine_with_image, service
from machine.software.program import Program
from rig.engine import Rig
from rig.fixtures import Engines


def cases() -> Iterator[Any]:
    for program in PROGRAMS:
        for options, check in program.breaks:
            yield pytest.param(program, options, check, "docker_rootful", id=f"{program.name}-{check}")


@pytest.mark.slow
@pytest.mark.parametrize(("program", "options", "check", "kind"), tuple(cases()))
def test_a_check_fails_where_its_function_is_broken(
    program: Program, options: str, check: str, kind: str, engines: Engines
) -> None:
    rig: Rig = engine_with_image(engines, kind, program.family)
    needed = {
        each.__name__: each
        for each in (program.deep[0], *program.deep)
        if each.__name__ in (check, program.deep[0].__name__)
    }
    only = replace(program, deep=tuple(needed.values()), options=(*program.options, *options.split()))
    with service(rig, only) as at:
        assert list(broken(only, at, 20)) == [check]


def test_every_program_has_been_seen_to_fail() -> None:
    assert [program.name for program in PROGRAMS if not program.breaks] == ["redis-root", "java"]
