"""`stratascope reach`: what a container or process can get at. Exit 0; 1 where what --fail-on names is within reach, or
where it was tried and is not as it was predicted.
"""

from __future__ import annotations

import argparse
import json
import time

from stratascope import __version__
from stratascope.cli.output import complain, on_terminal, style, write
from stratascope.core.message import msg
from stratascope.i18n.translate import listed, translate
from stratascope.presentation import reach_report
from stratascope.usecases.reach.judge import reached
from stratascope.wiring.engines import open_engines
from stratascope.wiring.reach import subject_of

DONE, FOUND, FAILED = 0, 1, 2


def run(arguments: argparse.Namespace) -> int:
    """Run it; returns the exit code. Raises ProbeError, EngineError."""
    wanted = tuple(filter(None, (word.strip() for word in arguments.fail_on.split(","))))
    unknown = next((word for word in wanted if word not in reach_report.KINDS), None)
    if unknown is not None:
        known = ", ".join(reach_report.KINDS)
        complain(translate(msg("There is no {name} to fail on: choose from {names}", name=unknown, names=known)))
        return FAILED
    with open_engines(tuple(arguments.engine), sandboxes=not arguments.engine) as opened:
        judged, prober = subject_of(opened, arguments.what, privileged=arguments.privileged, terminal=on_terminal())
        if arguments.tries:
            from stratascope.usecases.reach.attempts import attempts_by, tried

            found = tried(judged, attempts_by(prober, judged))
        else:
            found = reached(judged)
    subject = reach_report.subject_of(judged.state.container, judged.capture.pid)
    if arguments.format == "sarif":
        from stratascope.presentation.report_model import of_reach
        from stratascope.presentation.tool_formats import sarif

        kind = judged.around.engine.kind.value if judged.engine is not None else subject.kind
        write(sarif(of_reach(found, subject.name, kind, subject.engine, __version__, time.time())))
    elif arguments.json or arguments.format == "json":
        write(json.dumps(reach_report.json_object(found, subject), ensure_ascii=False, indent=2) + "\n")
    else:
        write("\n".join(reach_report.lines(found, subject, style())) + "\n")
    failing = reach_report.failing(found, wanted)
    if failing:
        complain(translate(msg("Within reach: {kinds}", kinds=listed(row.thing.id for row in failing))))
    return FOUND if failing or found.differing else DONE
