"""What `check` says of a run command, and what stands once it was really run: facts, and every threat."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from engine.check.run_lines import FIRST, words
from rig.check.compared import Score
from rig.check.real import really, said
from rig.engine import Rig
from stratascope.wiring.check import checker
from stratascope.wiring.engines import open_engines

FEW = ("plain", "tight", "privileged", "all-host", "bind-etc-writable", "drop-all-keep")
_BATCH = 25  # containers at a time


@contextmanager
def started(rig: Rig, table: dict[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """The names of those that could be started here: a machine may lack a device or a capability."""
    names = []
    with ExitStack() as stack:
        for name, options in table.items():
            stack.callback(rig.remove, name)
            done = subprocess.run(
                rig.command("run", "-d", "--name", name, *options, "busybox", "sleep", "3600"),
                env=rig.env,
                capture_output=True,
                check=False,
            )
            if done.returncode == 0:
                names.append(name)
        yield names


def score(rig: Rig, table: dict[str, tuple[str, ...]]) -> Score:
    """All of the table, a batch at a time beside those that others join."""
    found = Score()
    rig.run("network", "create", "own", check=False)
    first = {name: table[name] for name in FIRST if name in table}
    rest = [name for name in table if name not in first]
    with open_engines(environ=rig.environ) as engines, started(rig, first) as there:
        for start in range(0, max(len(rest), 1), _BATCH):
            batch = {name: table[name] for name in rest[start : start + _BATCH]}
            with started(rig, batch) as names:
                real, made = really(engines), checker(engines)  # anew, since what else runs is looked at once
                for name in (*there, *names) if start == 0 else names:
                    line = (rig.kind, "run", "-d", "--name", name, *table[name], "busybox", "sleep", "3600")
                    if name in real:
                        found.add(name, said(made.words(line, time.time()))[name], real[name])
    return found


def test_a_few(any_engine: Rig) -> None:
    table = words(any_engine)
    found = score(any_engine, {name: table[name] for name in FEW})
    assert found.dangerous == []
    assert found.share("equal") >= 98, (found.told(), found.wrong, found.missing)
    assert found.share("unknown") <= 3


@pytest.mark.slow
def test_the_whole_table(any_engine: Rig) -> None:
    found = score(any_engine, words(any_engine))
    logging.getLogger(__name__).info("%s: %s", any_engine.name, found.told())
    assert found.dangerous == []
    assert found.share("equal") >= 99.7, (found.told(), found.wrong, found.missing)


def test_the_command(one_engine: Rig) -> None:
    """As a process of its own: nothing is started, and the report is as ever."""
    before = one_engine.run("ps", "-aq")
    done = subprocess.run(
        (
            *(sys.executable, "-m", "stratascope", "check", "--json", "--fail-above", "9"),
            *("--", one_engine.kind, "run", "--privileged", "--name", "box", "busybox"),
        ),
        env={**one_engine.environ, "PYTHONPATH": "app"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (0 if one_engine.rootless else 1), done.stderr
    found = json.loads(done.stdout)["containers"][0]
    assert (found["name"], found["status"], found["pid"], found["basis"]) == ("box", "predicted", None, "predicted")
    assert found["threats"]
    assert {finding["source"] for finding in found["findings"]} == {"command line:1"}
    assert one_engine.run("ps", "-aq") == before
