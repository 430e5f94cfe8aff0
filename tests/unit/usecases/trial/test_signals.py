"""Which signals to reload a twin understands: those that it has a handler for, once it has it, and survives."""

from __future__ import annotations

from pathlib import Path

from rig.usecases.memory_access import MemoryAccess, Seconds
from stratascope.state.journal import FileJournal
from stratascope.usecases.trial.lifecycle import understood
from stratascope.value import replace
from unit.usecases.memory_engine import MemoryEngine

HUP, USR1 = 1, 10
NAMES = {"HUP": HUP, "USR1": USR1}


class Program(MemoryEngine):
    """One container whose program sets up its handlers a while after each start; `deadly`: signals that end it."""

    def __init__(self, folder: Path, *deadly: int, late: float = 0.0) -> None:
        super().__init__()
        self.clock = Seconds().clock()
        self.access = Access(self, FileJournal(folder), clock=self.clock)
        self.container, self.deadly, self.late = self.add("app"), deadly, late
        self.ready = 0.0  # when it has its handlers
        self.sent: list[str] = []

    def start(self, container: str) -> None:
        super().start(container)
        self.ready = self.clock.now() + self.late

    def catches(self, number: int) -> bool:
        return number in NAMES.values() and self.clock.now() >= self.ready

    def signal(self, container: str, name: str) -> None:
        self.sent.append(name)
        if self.catches(NAMES[name]) and NAMES[name] in self.deadly:  # else the first process ignores it
            box = self.boxes[container]
            box.running = replace(box.running, status="exited", pid=None)


class Access(MemoryAccess):
    def caught_signals(self, container: str) -> tuple[int, ...] | None:
        assert isinstance(self.port, Program)
        return tuple(number for number in NAMES.values() if self.port.catches(number))


def test_what_it_survives(tmp_path: Path) -> None:
    made = Program(tmp_path, HUP)
    assert understood(made.access, made.container) == ("USR1",)
    assert made.boxes[made.container].running.status == "running"


def test_one_that_just_started_again_is_awaited(tmp_path: Path) -> None:
    """Ruby ends at both; before it has its handlers nothing ends it, which says nothing."""
    made = Program(tmp_path, HUP, USR1, late=2.0)
    assert understood(made.access, made.container) == ()
    assert made.sent == ["HUP", "USR1"]


def test_what_it_does_not_catch_any_more_is_not_sent(tmp_path: Path) -> None:
    made = Program(tmp_path, HUP, late=3600.0)
    assert understood(made.access, made.container) == ()
    assert made.sent == ["HUP"]
