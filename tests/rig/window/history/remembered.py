"""A history in memory for the window's tests: some days of a snapshot's containers, in which much happens."""

from __future__ import annotations

import time
from collections.abc import Sequence

from stratascope.core.history.entry import (
    Batch,
    Counted,
    Exposed,
    HistoryEntry,
    Image,
    Limits,
    Made,
    Part,
    PartKind,
    Recent,
    Run,
    Standing,
    Subject,
    Unlike,
    UsageRow,
    WatchSpan,
    standing_of,
)
from stratascope.core.snapshot import ContainerState
from stratascope.ui.history.feed import MakeHistory
from stratascope.usecases.history.history import History
from stratascope.usecases.history.recorder import Recorder

HOUR, DAY = 3600.0, 86400.0
HELD = "ci-runner"  # the container with the most changes
FOREIGN = "app"  # the container with untrusted text from its engine
SESSION = Unlike("sh", "exec", ("capabilities.effective",))


class Remembered:
    """An in-memory `core.history.entry.HistoryStore`. `raises`: raised by every read."""

    def __init__(self) -> None:
        self.entries_of: dict[Subject, list[HistoryEntry]] = {}
        self.used_of: dict[Subject, list[UsageRow]] = {}
        self.watched: list[WatchSpan] = []
        self.writes = True
        self.raises: Exception | None = None

    def note(self, subject: Subject, at: float, *parts: tuple[PartKind, Part]) -> None:
        self.entries_of.setdefault(subject, []).extend(HistoryEntry(at, kind, part) for kind, part in parts)

    def make(self) -> MakeHistory:
        return lambda: (History(self, lambda: ()), Recorder(self, self, lambda: ()))

    def read(self, groups: str) -> Counted:
        return Counted()

    def claim(self) -> bool:
        return self.writes

    def renewed(self) -> bool:
        return False

    def write(self, batch: Batch) -> None:
        """Ignore the sample's own snapshots, which are not part of this history."""

    def tidy(self, now: float) -> None:
        """Nothing gets old."""

    def close(self) -> None:
        """Nothing to give back."""

    def subjects(self) -> tuple[Subject, ...]:
        return tuple(self.entries_of)

    def entries(self, subject: Subject) -> tuple[HistoryEntry, ...]:
        if self.raises is not None:
            raise self.raises
        return tuple(self.entries_of.get(subject, ()))

    def used(self, subject: Subject, since: float) -> tuple[UsageRow, ...]:
        return tuple(self.used_of.get(subject, ()))

    def watches(self, since: float) -> tuple[WatchSpan, ...]:
        return tuple(self.watched)

    def latest(self) -> dict[Subject, Standing]:
        return {
            subject: standing_of([(each.kind, each.value) for each in entries])
            for subject, entries in self.entries_of.items()
        }

    def recent(self, since: float, after: int = 0) -> Recent:
        mark = sum(map(len, self.entries_of.values()))
        if mark == after:
            return Recent(mark)
        held = {subject: tuple(entries) for subject, entries in self.entries_of.items()}
        return Recent(mark, held) if not after else Recent(0)  # begun anew: all is read again

    def exposures(self, since: float) -> dict[Subject, tuple[HistoryEntry, ...]]:
        return {
            subject: tuple(each for each in entries if each.kind is PartKind.EXPOSED)
            for subject, entries in self.entries_of.items()
        }


def days(states: Sequence[ContainerState], *, but: str = "", long: float = 4 * DAY) -> Remembered:
    """The history of all these containers except `but`."""
    found = Remembered()
    now = time.time()
    begin = now - long
    found.watched = [WatchSpan(begin, now - 2 * DAY), WatchSpan(now - 2 * DAY + 3 * HOUR, now)]
    for state in states:
        container = state.container
        if container.name == but:
            continue
        subject = Subject(container.engine, container.name)
        low: tuple[tuple[PartKind, Part], ...] = ((PartKind.THREATS, ("load-module",)), (PartKind.DRIFT, ()))
        found.note(subject, begin, *low, (PartKind.MADE, Made("a" * 64)), (PartKind.IMAGE, Image("app:1", "1")),
                   (PartKind.RUN, Run("running", begin)), (PartKind.SETTINGS, ("--memory 64m",)),
                   (PartKind.LIMITS, Limits(64 << 20, None, 1.0)), (PartKind.EXPOSED, Exposed(4.1, 3.2)),
                   (PartKind.LAYERS, (("seccomp", "ENFORCED"),)))  # fmt: skip
        found.used_of[subject] = [
            UsageRow(begin + hour * HOUR, HOUR, 20e6 + hour % 9 * 4e6, 24e6 + hour % 9 * 4e6, 0.1, 0.4 + hour % 5 / 10,
                 3, 5, 1e4, 4e5)
            for hour in range(1, int(long / HOUR))
        ]  # fmt: skip
        if container.name == HELD:
            _happens(found, subject, now)
    return found


def _happens(found: Remembered, subject: Subject, now: float) -> None:
    found.note(subject, now - 3 * DAY, (PartKind.RUN, Run("exited", now - 4 * DAY, 137, out_of_memory=True)))
    found.note(subject, now - 3 * DAY + 30, (PartKind.RUN, Run("running", now - 3 * DAY + 25)))
    found.note(
        subject, now - 2.5 * DAY, (PartKind.MADE, Made("b" * 64, by_us=True)), (PartKind.SETTINGS, ("--memory 128m",))
    )
    found.note(
        subject,
        now - 5 * HOUR,
        (PartKind.SETTINGS, ("--memory 256m", "--cap-add SYS_ADMIN", "-v /run/d.sock:/s")),
        (PartKind.EXPOSED, Exposed(10.0, 9.1)),
        (PartKind.THREATS, ("mount-file-system", "reboot", "set-clock", "bpf")),
        (PartKind.LAYERS, (("seccomp", "OPEN"),)),
        (PartKind.IMAGE, Image("app:2", "2")),
    )
    found.note(subject, now - 3 * HOUR, (PartKind.RUN, Run("running", now - 3 * HOUR)))
    found.note(subject, now - HOUR, (PartKind.DRIFT, (SESSION,)))
