"""What is not started yet, judged and corrected for the window: for this machine, or for that of a capture."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stratascope.core.relaunch.toggle import Choice
    from stratascope.core.snapshot import ContainerState
    from stratascope.usecases.check.check import Checker
    from stratascope.usecases.check.corrections import Corrected, Corrections, Judged
    from stratascope.usecases.plan.offers import Hint, Offer, Preview


class NotStarted:
    """Of one machine at a time, which is made ready when the first text has come, by a thread that is not the window's.
    Of the others nothing is kept.
    """

    def __init__(self, machines: Sequence[tuple[str, Callable[[], Checker]]]) -> None:
        """Their names, "" for this one, and what judges for them; the first is taken. At least one."""
        self._makes = dict(machines)
        self.machines = tuple(self._makes)
        self.machine = self.machines[0]
        self._lock = threading.Lock()
        self._made: Corrections | None = None

    def choose(self, machine: str) -> None:
        """Judge for that one from now on. Raises KeyError."""
        with self._lock:
            self._makes[machine]
            self.machine, self._made = machine, None

    def check(self, text: str, file: str) -> Judged:
        """Raises ProbeError, OSError."""
        return self._corrections().check(text, file, time.time())

    def corrected(self, text: str, file: str, chosen: Mapping[str, tuple[Choice, ...]]) -> Corrected:
        """Raises ProbeError, OSError."""
        return self._corrections().corrected(text, file, chosen)

    def offer(self, state: ContainerState) -> Offer:
        """Raises ToggleError, ProbeError."""
        return self._corrections().offer(state)

    def preview(self, state: ContainerState, choices: Sequence[Choice]) -> Preview:
        """Raises ToggleError."""
        return self._corrections().preview(state, choices)

    def hint(self, state: ContainerState, choices: Sequence[Choice], offer: Offer) -> Hint | None:
        """Raises ToggleError."""
        return self._corrections().hint(state, choices, offer)

    def _corrections(self) -> Corrections:
        with self._lock:
            if self._made is None:
                from stratascope.usecases.check.corrections import Corrections

                self._made = Corrections(self._makes[self.machine])
            return self._made
