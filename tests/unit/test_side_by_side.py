"""How the parts of `make test` become one run: by scripts in their place that say what pytest says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from rig.places import CHECKOUT

RUNNER = CHECKOUT / "packaging" / "side_by_side.py"
HEAD = "It begins.\\n===== test session starts =====\\nplatform linux\\ncollected 9 items / 3 deselected\\n\\n"
PASSES = f"printf '{HEAD}tests/a.py .. [100%%]\\n\\n===== 2 passed, 3 deselected in 1.00s =====\\nIt ended with 0.\\n'"
NOTHING = f"printf '{HEAD}===== 9 deselected in 0.10s =====\\nIt ended with 5.\\n'"
FAILS = (
    f"printf '{HEAD}tests/b.py .F [100%%]\\n\\n===== FAILURES =====\\n___ test_b ___\\nE   assert 1 == 2\\n"
    "===== short test summary info =====\\nSKIPPED [1] tests/b.py:7: no engine\\n"
    "FAILED tests/b.py::test_b - assert 1 == 2\\n"
    "===== 1 failed, 1 passed, 1 skipped, 2 errors in 61.00s (0:01:01) =====\\nIt ended with 1.\\n'"
)
SHORT = (
    f"printf '{HEAD}tests/d.py . [ 9%%]\\n!!! session-timeout !!!\\n"
    "===== 1 passed in 9.00s =====\\nIt ended with 1.\\n'"
)
DIES = f"printf '{HEAD}tests/c.py .'; kill -SEGV $$"


def told(folder: Path, **parts: str) -> tuple[int, list[str]]:
    """Exit status and lines; a part that is not named passes."""
    (folder / "packaging").mkdir()
    shutil.copy(RUNNER, folder / "packaging")
    cases = "\n".join(f"{name}) {script} ;;" for name, script in parts.items())
    (folder / "packaging" / "test.sh").write_text(f"case $PART in\n{cases}\n*) {PASSES} ;;\nesac\n")
    environ = {name: value for name, value in os.environ.items() if name not in ("MARKS", "PART")}
    command = (sys.executable, str(folder / "packaging" / "side_by_side.py"))
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def total(lines: list[str]) -> str:
    """The last line, which is told as pytest does."""
    found = re.fullmatch(r"=+ (.+) in [\d.]+s \(\d+:\d\d:\d\d\) =+", lines[-1])
    assert found is not None, lines
    return found[1]


def test_all_pass(tmp_path: Path) -> None:
    code, lines = told(tmp_path)
    assert code == 0
    assert "unit    tests/a.py .. [100%]" in lines
    assert "style   tests/a.py .. [100%]" in lines
    assert total(lines) == f"{2 * (len(lines) - 1)} passed"


def test_what_fails_is_shown_and_counted(tmp_path: Path) -> None:
    code, lines = told(tmp_path, unit=FAILS, style=NOTHING)
    assert code == 1
    assert any("unit: FAILURES" in line for line in lines)
    assert "E   assert 1 == 2" in lines
    assert lines[-2] == "FAILED tests/b.py::test_b - assert 1 == 2"
    assert re.fullmatch(r"1 failed, \d passed, 1 skipped, 2 errors", total(lines))


def test_a_part_that_dies_is_an_error(tmp_path: Path) -> None:
    code, lines = told(tmp_path, style=DIES)
    assert code == 1
    assert any(line.startswith("This part ended without a word") for line in lines)
    assert "tests/c.py ." in lines  # where it was
    assert total(lines).endswith(" passed, 1 error")


def test_what_no_test_is_to_blame_for_is_an_error(tmp_path: Path) -> None:
    code, lines = told(tmp_path, style=SHORT)
    assert code == 1
    assert "This part ended with 1, and no test of it says why. Its last words:" in lines
    assert total(lines).endswith(" passed, 1 error")


def test_nothing_to_do(tmp_path: Path) -> None:
    names = ("docker", "podman", "engines", "window", "unit", "style")
    code, lines = told(tmp_path, **dict.fromkeys(names, NOTHING))
    assert code == 5
    assert total(lines) == "no tests ran"
