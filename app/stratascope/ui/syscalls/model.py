"""System calls as rows for an item view: headings of groups, and below each its calls.

A heading is a row of its own that can't be chosen, so that one list, one keyboard and one screen reader's order go
through all of them. What differs from the other side comes first, under its own heading.
"""

from __future__ import annotations

from stratascope.core.message import NOTHING, Message, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.syscall_table import CallTable, CallVerdict
from stratascope.i18n.translate import translate
from stratascope.layers.seccomp.call_groups import GROUPS, group_of
from stratascope.presentation.syscall_map import VERDICTS, Pair, dangerous, explain, pairs
from stratascope.ui.kit.table import Column
from stratascope.value import Value

ABSENT = msg("not in this table")


class Heading(Value):
    """The name of a group, and how many calls of it are shown."""

    title: str
    count: int


class Cell(Value):
    """One call; `compared` where there is another side."""

    pair: Pair
    dangerous: bool
    compared: bool

    @property
    def verdict(self) -> CallVerdict:
        """What becomes of it here."""
        return CallVerdict.UNKNOWN if self.pair.here is None else self.pair.here.verdict

    @property
    def differs(self) -> bool:
        """Whether it is another answer than on the other side."""
        return self.compared and self.pair.differs


CallRow = Heading | Cell


def answer(pair: Pair, *, here: bool) -> str:
    """One side's answer in words: the verdict, and the condition where there is one."""
    call = pair.here if here else pair.there
    if call is None:
        return translate(ABSENT)
    word = translate(VERDICTS[call.verdict])
    if call.condition is None:
        return word
    return translate(msg("{verdict}: {condition}", verdict=word, condition=call.condition))


def rows_of(here: CallTable, there: CallTable | None, search: str) -> tuple[CallRow, ...]:
    """Headings and calls whose name (or number) holds `search`."""
    wanted = search.strip().lower()
    shown = [
        Cell(pair, dangerous(pair.name), there is not None)
        for pair in pairs(here, there)
        if not wanted or wanted in pair.name.lower() or (pair.here is not None and wanted == str(pair.here.number))
    ]
    groups: dict[Message, list[Cell]] = {}
    different = [cell for cell in shown if cell.differs]
    for cell in shown:
        if not cell.differs:
            groups.setdefault(group_of(cell.pair.name), []).append(cell)
    rows: list[CallRow] = []
    if different:
        different.sort(key=lambda cell: (not cell.pair.wider, not cell.dangerous, cell.pair.name))
        rows += [Heading(translate(msg("Different")), len(different)), *different]
    for group in sorted(groups, key=GROUPS.index):
        rows += [Heading(plain(translate(group)), len(groups[group])), *groups[group]]
    return tuple(rows)


def spoken(row: CallRow) -> str:
    """A row for the ear."""
    if isinstance(row, Heading):
        return translate(
            plural("{title}, {count} system call", "{title}, {count} system calls", row.count, title=row.title)
        )
    here = answer(row.pair, here=True)
    if row.differs:
        there = answer(row.pair, here=False)
        return translate(msg("{name}: {here}, different there: {there}", name=row.pair.name, here=here, there=there))
    return translate(msg("{name}: {answer}", name=row.pair.name, answer=here))


def _name(row: CallRow) -> str:
    return row.title if isinstance(row, Heading) else plain(row.pair.name)


def _whole(row: CallRow) -> str:
    if isinstance(row, Heading):
        return ""
    return "\n".join((spoken(row), *map(translate, explain(row.pair.name))))


def key_of(row: CallRow) -> str:
    """A call is known by its name; no call is called like a heading."""
    return f"{row.title}:" if isinstance(row, Heading) else row.pair.name


CALLS = (Column(NOTHING, _name, whole=_whole, spoken=spoken),)
