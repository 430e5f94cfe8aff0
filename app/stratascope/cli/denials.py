"""`denials`: what a container is refused, by which layer, and what would allow it.

Of one that has ended, or ends all the time: why. Where it can't be watched, what can be said all the same comes first.

Exit codes: 0 done, also where nothing was refused; 2 a usage or engine error, or it could not be watched.
"""

from __future__ import annotations

import argparse

from stratascope.background_call import BackgroundCall
from stratascope.cli.output import complain_of
from stratascope.core.ports import EngineError, NoSuchContainerError, ProbeError
from stratascope.wiring.engines import describe, open_engines

DONE, FAILED = 0, 2


def run(arguments: argparse.Namespace) -> int:
    """Run it; returns the exit code."""
    try:
        with open_engines(tuple(arguments.engine)) as engines:
            asked = BackgroundCall(lambda: describe(engines))
            from stratascope.cli import refusals  # meanwhile

            return DONE if refusals.tell(arguments, engines, asked.result()) else FAILED
    except (ProbeError, EngineError, NoSuchContainerError) as error:
        complain_of(error, arguments.container)
    return FAILED
