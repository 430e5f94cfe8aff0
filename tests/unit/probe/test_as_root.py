"""A program of ours once as root: by the same ways as the collector, and what a refusal leaves. pkexec is a script."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rig.probe.scripts import PASS, script
from stratascope.i18n.translate import translate
from stratascope.probe.helper.elevated import ElevatedProber, NoRootError, RootMethod, run_as_root, usable, ways

ECHO = b"import sys\nsys.stdout.write(sys.stdin.read().upper())\n"


def answer(*, patience: float = 3600) -> bytes:
    return run_as_root(ways(os.environ), ECHO, b"asked", patience=patience)


def refused(*, patience: float = 3600) -> NoRootError:
    with pytest.raises(NoRootError) as caught:
        answer(patience=patience)
    return caught.value


def test_the_program_and_what_it_is_asked_go_by_standard_input(programs: Path) -> None:
    script(programs, "pkexec", f'echo "$@" > {programs}/said; {PASS}')
    assert answer() == b"ASKED"
    assert (programs / "said").read_text().startswith("/usr/bin/python3 -SI -c import sys")


def test_it_gets_few_variables(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LD_PRELOAD", "PYTHONPATH", "STRATASCOPE_SECRET"):
        monkeypatch.setenv(name, "")
    script(programs, "pkexec", f"env > {programs}/said; {PASS}")
    assert answer() == b"ASKED"
    names = {line.partition("=")[0] for line in (programs / "said").read_text().splitlines()}
    assert names <= {*ElevatedProber.environment, "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"}


def test_an_installed_helper_is_no_way(programs: Path) -> None:
    """It can only read; so it is left out, and nobody is asked for it."""
    helper = programs.parent / "helper"
    helper.write_text("#!/bin/sh\nexit 1\n")
    helper.chmod(0o755)
    script(programs, "pkexec", PASS)
    assert [way.kind for way in ways(os.environ)] == [RootMethod.HELPER, RootMethod.PKEXEC]
    assert [way.kind for way in usable(ways(os.environ))] == [RootMethod.PKEXEC]
    assert answer() == b"ASKED"


@pytest.mark.parametrize(("text", "final"), [("echo dismissed >&2; exit 126", True), ("exit 127", False)])
def test_a_refusal_ends_the_search_and_anything_else_does_not(programs: Path, text: str, final: bool) -> None:
    script(programs, "pkexec", text)
    script(programs, "sudo", f"touch {programs}/asked; exit 1")
    assert "Everything else is as before" in translate(refused().message)
    assert (programs / "asked").exists() is not final


def test_what_can_t_be_asked_gives_way_to_the_next(programs: Path) -> None:
    script(programs, "pkexec", "exit 127")
    script(programs, "sudo", 'shift 2; exec "$@"')
    assert answer() == b"ASKED"


def test_neither_is_there(programs: Path) -> None:
    assert "Neither pkexec nor sudo" in translate(refused().message)


def test_nobody_answers(programs: Path) -> None:
    script(programs, "pkexec", f"echo $$ > {programs}/pid; exec sleep 3600")
    assert "Nobody entered" in translate(refused(patience=0.5).message)
    assert not Path(f"/proc/{(programs / 'pid').read_text().strip()}").exists()
