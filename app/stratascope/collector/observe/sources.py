"""What is opened in the kernel for one observation, and what is left out of its telling for now."""

from __future__ import annotations

import re
import time
from typing import Callable, Dict, List, Optional, Set, Tuple

from stratascope.collector.observe.calls import Calls
from stratascope.collector.observe.checks import Checks, Means
from stratascope.collector.observe.floods import Floods
from stratascope.collector.observe.perf import HELP, OFTEN, POINTS, REGS, STACK, Perf, Source, gone
from stratascope.collector.observe.trace import Point

MASKS_MAX = 8  # files, for each of which as many events are open as there are calls that open one, on each CPU
MASK = "mask "
_PLAIN = re.compile(r"/[A-Za-z0-9_./-]{1,200}").fullmatch
REOPEN = 0.05  # seconds between two changes of a filter, at the least


class Sources:
    """`opens`: numbers of the tracepoints of calls that open a file by its path. Raises OSError."""

    def __init__(
        self,
        perf: Perf,
        points: Dict[str, Optional[Point]],
        calls: Calls,
        checks: Optional[Checks],
        means: Optional[Means],
        opens: List[int],
    ) -> None:
        self._perf, self._calls = perf, calls
        self._opens = opens
        self._masks: Set[str] = set()
        self._beyond: Set[str] = set()
        self._reopened = 0.0
        refused = calls.refusals.filter()
        numbers = {name: point.number for name, point in points.items() if point is not None}
        leave = numbers["raw_syscalls/sys_exit"]
        self._enter = Source("enter", numbers["raw_syscalls/sys_enter"], ring=OFTEN)
        ends = [
            Source("leave", leave, REGS, refused, wakes=True),
            Source("stack", leave, REGS | STACK, refused, ring=HELP),
        ]
        self._flooded: List[Tuple[List[Source], Floods]] = [(ends, calls.floods)]
        opened = [self._enter, *ends]
        if means is not None and checks is not None:
            opened += means.sources()
            self._flooded.append((means.sources()[:1], checks.floods))
        for name, (kind, sample, text) in POINTS.items():
            if kind and name in numbers:
                opened.append(Source(kind, numbers[name], sample, text, wakes=kind == "exec"))
        for source in opened:
            perf.add(source)

    def masks(self, paths: List[str]) -> bool:
        """Also tell who names one of these to open it, as MASK and the path; whether all can be told.

        The kernel compares the text at that moment (`ustring`, since Linux 5.18), so nobody has to read it afterwards.
        """
        for path in paths:
            if path in self._masks or path in self._beyond:
                continue
            if not self._opens or not _PLAIN(path) or len(self._masks) >= MASKS_MAX:
                self._beyond.add(path)
                continue
            try:
                for number in self._opens:
                    text = 'filename.ustring == "%s"' % path
                    self._perf.add(Source("%s%s %d" % (MASK, path, number), number, filter=text, ring=OFTEN))
                self._masks.add(path)
            except OSError as error:
                if gone(error):
                    return True
                self._beyond.add(path)
        return not self._beyond

    def refine(self, unseen: Callable[[str, str], None]) -> None:
        """Leave out of the kernel's telling what is known by now."""
        now = time.monotonic()
        if now - self._reopened < REOPEN:
            return
        changed: List[Source] = []
        text = self._calls.better_filter()
        if text is not None:
            changed.append(self._enter._replace(filter=text))
        for sources, floods in self._flooded:
            more = floods.change(now)
            if more is not None:
                changed += [
                    each._replace(filter=" && ".join(part for part in (each.filter, more) if part)) for each in sources
                ]
                if more:
                    unseen("refusals", "there are so many that most of them are left out")
        try:
            for source in changed:
                self._reopened = now
                self._perf.add(source)
        except OSError as error:
            if not gone(error):
                raise
