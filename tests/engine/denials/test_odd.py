"""Odd refusals (`odd`): each told with its layer, call, path and remedy; and nothing of programs in good health. Slow.

One container for all of the same options, with our program watching it: what is told is told among others.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import pytest

from engine.denials.case import DOCKER, ROOTLESS
from engine.denials.odd import ALL, QUIET, Odd, shell
from engine.denials.staged import IMAGE, Engine
from rig.cli.hardened import QUICK
from rig.collector.asking import needs_root

FIRST = "/proc/sys/kernel/ostype"
SECONDS = 10.0  # for one to be told, on a busy machine; how soon it is, is printed


class Watched:
    """A container that our program watches; `run`: a command in it."""

    def __init__(self, engine: Engine, name: str, lines: list[dict[str, Any]]) -> None:
        self._engine, self._name, self._lines = engine, name, lines

    def run(self, command: tuple[str, ...]) -> int:
        """The number of lines before it ran."""
        before = len(self._lines)
        self._engine.run("exec", self._name, *command)
        return before

    def since(self, before: int) -> list[dict[str, Any]]:
        return self._lines[before:]


@contextmanager
def watched(engine: Engine, options: tuple[str, ...], number: int) -> Iterator[Watched]:
    name = f"odd-{engine.kind}-{number}"
    status, said = engine.run("run", "-d", "--name", name, *options, IMAGE, *QUICK)
    assert status == 0, said
    lines: list[dict[str, Any]] = []
    command = (*engine.program, "denials", name, "--all", "--json")
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=engine.own_env) as child:
            assert child.stdout is not None
            output = child.stdout

            def read() -> None:
                for text in output:
                    lines.append({**json.loads(text), "told": time.time()})

            reader = threading.Thread(target=read, daemon=True)
            reader.start()
            found = Watched(engine, name, lines)
            while not any(line.get("path") == FIRST for line in lines):  # it is watched from then on
                found.run(shell(f"echo x > {FIRST}"))
            try:
                yield found
            finally:
                child.terminate()
                child.wait()
                reader.join()
    finally:
        engine.run("rm", "-f", *(() if engine.kind == "docker" else ("-t", "0")), "-v", name)


def refuses(engine: Engine, odd: Odd) -> bool:
    """Whether it is refused so on that engine."""
    if not engine.rootless:
        return engine.kind in odd.engines
    return ROOTLESS in odd.engines or (engine.kind == DOCKER and odd.engines == (DOCKER,))


def fits(line: dict[str, Any], odd: Odd) -> bool:
    """Whether that is what has to be told."""
    remedy = line.get("remedy") or {}
    return (
        line.get("layer") in odd.layers
        and (line["syscall"] or "") in (odd.calls or ("",))
        and odd.path in (None, line["path"])
        and odd.benign in (None, line["benign"])
        and (not odd.remedy or remedy.get("toggle") in odd.remedy)
    )


def told(found: Watched, odd: Odd) -> tuple[float, list[dict[str, Any]]]:
    """After how many seconds it was told right, below 0 for never; and all that was told."""
    before = found.run(odd.command)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        for line in found.since(before):
            if fits(line, odd):
                return max(0.0, line["told"] - line["at"]), found.since(before)
        time.sleep(0.05)
    return -1.0, found.since(before)


def test_there_are_enough_and_no_two_alike() -> None:
    assert len({odd.id for odd in ALL}) == len(ALL) >= 60
    assert len(QUIET) >= 10


@pytest.mark.slow
@needs_root
@pytest.mark.timeout(3600)
def test_odd_refusals(each_engine: Engine) -> None:
    wrong: dict[str, list[dict[str, Any]]] = {}
    seconds: list[float] = []
    mine = sorted((odd for odd in ALL if refuses(each_engine, odd)), key=lambda odd: odd.options)
    for number, (options, group) in enumerate(groupby(mine, key=lambda odd: odd.options)):
        of_these = {odd.id for odd in group}
        with watched(each_engine, options, number) as found:
            for odd in (odd for odd in ALL if odd.id in of_these):
                after, lines = told(found, odd)
                if after < 0:
                    wrong[odd.id] = lines
                else:
                    seconds.append(after)
    sys.stdout.write(
        f"\n{each_engine.kind}: {len(seconds)} of {len(mine)} right, the slowest after {max(seconds):.2f} s\n"
    )
    assert wrong == {}


@pytest.mark.slow
@needs_root
@pytest.mark.timeout(600)
def test_nothing_is_told_of_what_is_well(each_engine: Engine) -> None:
    with watched(each_engine, (), 99) as found:
        for name, command in QUIET:
            before = found.run(command)
            time.sleep(1)
            told = [line for line in found.since(before) if not line["benign"] and line["path"] != FIRST]
            assert told == [], name
