"""What is opened in the kernel for one observation, and what is left out of its telling for now."""

from __future__ import annotations

import time
from typing import Callable, Dict, List, Optional, Tuple

from stratascope.collector.observe.calls import Calls
from stratascope.collector.observe.checks import Checks, Means
from stratascope.collector.observe.floods import Floods
from stratascope.collector.observe.perf import HELP, OFTEN, POINTS, REGS, STACK, Perf, Source, gone
from stratascope.collector.observe.trace import Point

REOPEN = 0.05  # seconds between two changes of a filter, at the least


class Sources:
    """`refused`: the kernel's filter of ends of calls. Raises OSError."""

    def __init__(
        self,
        perf: Perf,
        points: Dict[str, Optional[Point]],
        calls: Calls,
        checks: Optional[Checks],
        means: Optional[Means],
    ) -> None:
        self._perf, self._calls = perf, calls
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
