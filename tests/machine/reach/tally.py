"""What is said beside what was tried: counts, and keeps what differs; and where the process is that has tried all."""

from __future__ import annotations

from pathlib import Path

from machine.reach.trying import QUESTIONS, Target
from stratascope.core.reach.row import Answer, ReachRow

EQUAL_AT_LEAST = 0.99


class Tally:
    """Compares, and keeps what differs."""

    def __init__(self) -> None:
        self.equal = 0
        self.differs: list[str] = []
        self.false_closed: list[str] = []

    def compare(self, name: str, rows: tuple[ReachRow, ...], tried: frozenset[str], home: Path) -> None:
        """One container or sandbox."""
        by_id = {row.thing.id: row for row in rows}
        for question in QUESTIONS:
            row, opened = by_id.get(question), question in tried
            answer = Answer.CLOSED if row is None else row.answer
            elsewhere = row is not None and question.startswith("home-") and not row.where.startswith(str(home))
            indirect = row is not None and row.indirect
            if answer is Answer.CLOSED and opened:
                self.false_closed.append(f"{name}: {question}")
            elif (answer is Answer.OPEN) == opened or (answer is Answer.OPEN and (indirect or elsewhere)):
                self.equal += 1
            else:
                self.differs.append(f"{name}: {question} is {answer.value}")

    def judge(self) -> None:
        """Fail if it is not good enough."""
        assert self.false_closed == []
        total = self.equal + len(self.differs)
        assert total >= len(QUESTIONS)
        assert self.equal >= EQUAL_AT_LEAST * total, self.differs


def waiting(there: Target) -> int:
    """The process that has tried all and waits."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.joinpath("comm").read_text() == "gets\n" and there.name in folder.joinpath("cmdline").read_text():
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError("it has ended")
