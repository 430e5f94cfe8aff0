"""Why a container ended, printed, and what can be said of one that can't be watched: of `denials`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from stratascope.cli.output import style, write
from stratascope.core.denials.ended.ending import Ending, Phase
from stratascope.core.denials.ended.why import YOUNG
from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation import ending_report
from stratascope.usecases.engine_access import EngineAccess

_FIRST = msg("What is known without watching it:")
_NOTHING = msg(
    "Without watching it, nothing is known about refusals: neither its log nor the kernel's counters mention any."
)


class Endings:
    """`explain`: why it ended, as far as can be said (`usecases.denials.denials.Explaining.ending`)."""

    def __init__(self, explain: Callable[[ContainerState], Ending], access: EngineAccess, *, as_json: bool) -> None:
        self._explain, self._access, self._json = explain, access, as_json
        self._told = False

    def instead(self, state: ContainerState, *, watch: bool) -> bool:
        """Whether it was told why it ended, since there is nothing to be watched: it does not run, or hardly ever does.

        `watch`: the next run of it is to be watched all the same.
        """
        runs = state.container.pid is not None
        if runs and (watch or time.time() - state.container.started > YOUNG):
            return False
        ending = self._explain(state)
        if runs and ending.phase is not Phase.RESTARTING:
            return False
        self._tell(ending)
        return True

    def tell_new(self, state: ContainerState) -> None:
        """Why it ended, where it has since that state."""
        now = self._access.read(state.container.id)
        if now is not None and (now.container.pid is None or now.container.started != state.container.started):
            if not self._json:
                write("\n")
            self._tell(self._explain(now))

    def tell_unwatched(self, state: ContainerState) -> None:
        """What its counters and its log say, once: guesses, for the most part."""
        if self._told or state.container.pid is None:
            return
        self._told = True
        ending = self._explain(state)
        if self._json:
            _write_json("unwatched", ending)
        else:
            write(translate(_NOTHING if ending.cause is None else _FIRST) + "\n")
            if ending.cause is not None:
                self._tell(ending)

    def _tell(self, ending: Ending) -> None:
        if self._json:
            _write_json("ended", ending)
        else:
            write("\n".join(ending_report.lines(ending, style())) + "\n")


def _write_json(key: str, ending: Ending) -> None:
    write(json.dumps({key: ending_report.json_object(ending)}, ensure_ascii=False) + "\n")
