"""Every one of these texts comes to an end, in a process with bounded memory and time of the processor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unit.check.hostile import CORRECTED, QUICK, SLOW
from unit.check.limits import limit

_SCRIPT = """
import sys
from pathlib import Path
from stratascope.i18n.translate import translate
from stratascope.usecases.check.corrections import fixed
from stratascope.wiring.check import checker
from stratascope.wiring.engines import open_engines
with open_engines() as engines:
    for file in sys.argv[2:]:
        made = checker(engines)
        text = Path(file).read_text()
        found = made.text(text, file, 0.0)
        problems = [*found.problems, *(fixed(made, text, file).problems if sys.argv[1] == "fix" else ())]
        told = found.snapshot is not None or any(translate(each.text) for each in problems)
        refused = any("corrected" in each.text.id for each in problems)
        print(Path(file).parent.name, told, refused)
"""


def ended(cases: dict[str, tuple[str, str]], folder: Path, how: str) -> dict[str, tuple[str, ...]]:
    """For each that came to an end: whether anything is told, and whether there was too much to correct."""
    files = []
    for name, (file, text) in cases.items():
        (folder / name).mkdir()
        (folder / name / file).write_text(text)
        files.append(str(folder / name / file))
    done = subprocess.run(
        (sys.executable, "-c", _SCRIPT, how, *files),
        env={**os.environ, "PYTHONPATH": "app:tests", "STRATASCOPE_ENGINES": "docker=unix:///nowhere/docker.sock"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
    assert done.returncode == 0, (done.stdout.splitlines()[-1:], done.stderr[-2000:])
    lines = (line.rsplit(" ", 2) for line in done.stdout.splitlines())
    return {name: tuple(words) for name, *words in lines}


@pytest.mark.parametrize("part", [0, 1])
def test_they_end(part: int, tmp_path: Path) -> None:
    cases = dict(list(QUICK.items())[part::2])
    assert ended(cases, tmp_path, "check") == dict.fromkeys(cases, ("True", "False"))


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_the_slow_ones_end(name: str, tmp_path: Path) -> None:
    assert ended({name: SLOW[name]}, tmp_path, "check") == {name: ("True", "False")}


@pytest.mark.parametrize("name", CORRECTED)
def test_too_much_to_correct(name: str, tmp_path: Path) -> None:
    assert ended({name: CORRECTED[name]}, tmp_path, "fix") == {name: ("True", "True")}
