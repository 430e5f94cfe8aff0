"""Selects a slice of the chosen tests (`make test-all SLICE=3/8`), and reports tests that an aborted run has not run.

Tests keep their order and stay with those of their file, so that module and session fixtures are set up once; slices
have equal durations. A test's duration is taken from its file's mean (`seconds.json`, written by a run with
STRATASCOPE_SECONDS=FILE), or else estimated from its marks.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

SECONDS = Path(__file__).with_name("seconds.json")
SLOW_ENGINES, ENGINES, PLAIN = 15.0, 4.0, 0.1  # estimated seconds of a test whose file was never measured


class SliceError(Exception):
    """SLICE is not of the form N/M."""


def numbers(text: str) -> tuple[int, int]:
    """`3/8` as 3 and 8. Raises SliceError."""
    which, _, whole = text.partition("/")
    if not (which.isdecimal() and whole.isdecimal() and 1 <= int(which) <= int(whole)):
        raise SliceError(f"SLICE={text} is no slice: write SLICE=1/8 for the first of eight, up to SLICE=8/8")
    return int(which), int(whole)


def chosen(seconds: Sequence[float], which: int, whole: int) -> list[bool]:
    """Whether each test is in the slice, given the tests' durations in order. Every test is in exactly one slice."""
    total, before = sum(seconds) or 1.0, 0.0
    found = []
    for each in seconds:
        middle = before + each / 2
        found.append(min(int(middle / total * whole), whole - 1) == which - 1)
        before += each
    return found


def file_of(item: pytest.Item | str) -> str:
    """The test's file, relative to the checkout."""
    return (item if isinstance(item, str) else item.nodeid).partition("::")[0]


def expected(items: Sequence[pytest.Item]) -> list[float]:
    """The expected duration of each test in seconds."""
    known: dict[str, float] = json.loads(SECONDS.read_text(encoding="utf-8"))

    def guess(item: pytest.Item) -> float:
        if item.get_closest_marker("engines") is None:
            return PLAIN
        return ENGINES if item.get_closest_marker("slow") is None else SLOW_ENGINES

    return [known.get(file_of(item)) or guess(item) for item in items]


class Slice:
    """A pytest plugin: runs a slice, measures durations, and reports what was not run."""

    def __init__(self, text: str, record: str) -> None:
        """`text`: SLICE, empty for all; `record`: the file to add what was measured to, empty for none."""
        self._slice = numbers(text) if text else None
        self._record = record
        self._begun = 0.0
        self._taken: dict[str, list[float]] = {}
        self._due: list[str] = []
        self._ended: set[str] = set()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Select the slice, after `-m` and `-k`."""
        if self._slice is None:
            return
        mine = chosen(expected(items), *self._slice)
        config.hook.pytest_deselected(items=[item for item, it_is in zip(items, mine, strict=True) if not it_is])
        items[:] = [item for item, it_is in zip(items, mine, strict=True) if it_is]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._due = [item.nodeid for item in session.items]

    def pytest_runtest_logstart(self) -> None:
        self._begun = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._ended.add(nodeid)
        self._taken.setdefault(file_of(nodeid), []).append(time.monotonic() - self._begun)

    def pytest_sessionfinish(self) -> None:
        if self._record:
            path = Path(self._record)
            known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            known |= {file: round(sum(taken) / len(taken), 2) for file, taken in self._taken.items()}
            path.write_text(json.dumps(dict(sorted(known.items())), indent=0) + "\n", encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        left: dict[str, int] = {}
        for nodeid in self._due:
            if nodeid not in self._ended:
                left[file_of(nodeid)] = left.get(file_of(nodeid), 0) + 1
        if left and not terminalreporter.config.option.collectonly:
            terminalreporter.section(f"not run: {sum(left.values())}")
            for file, count in left.items():
                terminalreporter.line(f"{count:5} {file}")


def from_environment() -> Slice:
    """By SLICE and STRATASCOPE_SECONDS. Raises pytest.UsageError."""
    try:
        return Slice(os.environ.get("SLICE", ""), os.environ.get("STRATASCOPE_SECONDS", ""))
    except SliceError as error:
        raise pytest.UsageError(str(error)) from error
