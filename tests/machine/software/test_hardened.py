"""Real software, hardened by each preset, by `tighten`, and by hand: what is called working works, by its deep check.

What each reaches is printed as a table (`table.py`). The checks themselves are held against containers in which one
thing was broken on purpose: see `test_deep_checks.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from machine.software.families import PROGRAMS
from machine.software.hardened import broken, engine_with_image, hardened, service
from machine.software.known import BROKEN, EITHER, MISSED, MUST
from machine.software.program import Program
from machine.software.reach import logs, up
from machine.software.table import BY_HAND, MEASURED, NO_ROOT, REACHED, Row, share
from rig.fixtures import Engines
from stratascope.cli.arguments import parser

PRESETS = ("recommended", "restricted", "strict")
AS_IT_IS = "as it is"
QUICK = ("docker_rootful", "podman_rootful")  # one engine of each API
# Without `slow`: of the one family whose image `make test` makes
SOON = {
    ("memcached", "strict", "podman_rootful"),
}


def cases(*ways: str) -> Iterator[Any]:
    for kind in QUICK:
        for program in PROGRAMS:
            for way in ways:
                soon = (program.name, way, kind) in SOON
                marks = () if soon else (pytest.mark.slow,)
                yield pytest.param(program, way, kind, marks=marks, id=f"{program.name}-{way.replace(' ', '-')}-{kind}")


@pytest.mark.parametrize(("program", "way", "kind"), tuple(cases(AS_IT_IS)))
def test_as_it_is_all_of_it_works(program: Program, way: str, kind: str, engines: Engines) -> None:
    rig = engine_with_image(engines, kind, program.family)
    with service(rig, program) as at:
        assert broken(program, at) == {}, logs(at)


@pytest.mark.parametrize(("program", "preset", "kind"), tuple(cases(*PRESETS, NO_ROOT)))
def test_what_a_preset_calls_working_works(
    program: Program, preset: str, kind: str, engines: Engines, table: list[Row], tmp_path: Path
) -> None:
    rig = engine_with_image(engines, kind, program.family)
    with service(rig, program) as at:
        up(at, program.deep[0])
        name = PRESETS[0] if preset == NO_ROOT else preset
        row = hardened(program, at, preset, ("harden", at.name, "--preset", name), tmp_path)
        table.append(row)
        pair = (program.name, preset, rig.kind)
        if pair in EITHER:
            pass
        elif row.called == "works":
            assert bool(row.broken) == (pair in BROKEN), row.broken or "it works: take it out of the list"
        else:
            assert pair not in BROKEN, f"it is called “{row.called}” now: take it out of the list"
            assert row.called == "holds" or (program.name, preset) not in MUST, row.why
        assert row.lost == {}
        if row.after is not None:
            assert row.after.exposure <= row.before.exposure
            assert row.after.open <= row.before.open


@pytest.mark.parametrize(("program", "way", "kind"), tuple(cases(BY_HAND)))
def test_by_hand_it_is_as_tight_as_can_be_and_works(
    program: Program, way: str, kind: str, engines: Engines, table: list[Row], tmp_path: Path
) -> None:
    rig = engine_with_image(engines, kind, program.family)
    with service(rig, program) as at:
        up(at, program.deep[0])
        # the deep check decides, whatever is missed of its processes
        row = hardened(program, at, way, ("harden", at.name, "--keep-unverified"), tmp_path)
        table.append(row)
        if row.called == "rolled back" and (program.name, rig.kind) in MISSED:
            pytest.xfail(row.why)
        assert row.code in (0, 1), row.why
        assert row.broken == row.lost == {}


def _knows(command: str) -> bool:
    """Whether the command line has that command."""
    return any(command in (getattr(action, "choices", None) or ()) for action in parser()._actions)


@pytest.mark.skipif(not _knows("tighten"), reason="there is no tighten yet")
@pytest.mark.slow
@pytest.mark.parametrize(("program", "way", "kind"), tuple(cases("tighten")))
def test_what_tighten_calls_working_works(
    program: Program, way: str, kind: str, engines: Engines, table: list[Row], tmp_path: Path
) -> None:
    """It is given no exercise: what it finds by itself is measured, and the deep check is not for it."""
    rig = engine_with_image(engines, kind, program.family)
    with service(rig, program) as at:
        up(at, program.deep[0])
        row = hardened(program, at, way, ("tighten", at.name), tmp_path)
        table.append(row)
        assert row.lost == {}
        assert row.called != "works" or row.broken == {}


@pytest.mark.parametrize("way", sorted(REACHED))
def test_each_way_reaches_what_it_reached(way: str, table: list[Row]) -> None:
    """Comes after the others: only where the table is whole is it judged."""
    reached, count = share(table, way)
    if count < MEASURED:
        pytest.skip(f"only {count} programs were measured")
    assert reached >= REACHED[way]
