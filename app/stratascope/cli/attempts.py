"""`stratascope try`: threats tried harmlessly on a copy of a container, or in a running one. Exit 0; 1 where one came
otherwise than predicted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable

from stratascope.cli.harden.undo import at_start
from stratascope.cli.output import complain, interrupted, on_terminal, say, style, write
from stratascope.cli.progress import progress
from stratascope.core.message import msg
from stratascope.core.threats.attempt import AttemptOutcome
from stratascope.i18n.translate import translate
from stratascope.presentation import attempts_report
from stratascope.usecases.attempts.attempts import Step, threats
from stratascope.wiring.attempts import as_root, self_check, tries, tries_in_place
from stratascope.wiring.engines import open_engines
from stratascope.wiring.hardening import connected

DONE, DIFFERS, FAILED = 0, 1, 2


def run(arguments: argparse.Namespace) -> int:
    """Run it; returns the exit code. Raises what `commands.run` catches."""
    if arguments.self_check == bool(arguments.container) or (arguments.self_check and arguments.in_place):
        complain(translate(msg("Name a container, or ask for --self-check.")))
        return FAILED
    if arguments.self_check:
        return _self_check(arguments)
    wanted = threats(arguments.threats)
    if arguments.in_place:
        with open_engines(tuple(arguments.engine), sandboxes=not arguments.engine) as engines:
            found = tries_in_place(engines, arguments.container, wanted, interrupted())
            return _told(_outcomes(found, as_json=arguments.json), arguments)
    with open_engines(tuple(arguments.engine)) as engines:
        hardening = connected(engines, terminal=on_terminal())
        at_start(hardening)
        for each in hardening.accesses:
            as_root(each, engines)
        access, state = hardening.state(arguments.container, beside_all=True)
        outcomes = _outcomes(tries(access, state, wanted, interrupted()), as_json=arguments.json)
    return _told(outcomes, arguments)


def _told(outcomes: list[AttemptOutcome], arguments: argparse.Namespace) -> int:
    if not arguments.json:
        say(attempts_report.header())
        say(*attempts_report.lines(outcomes, style(), everything=arguments.all or bool(arguments.threats)))
        say(*map(translate, attempts_report.summary(outcomes)))
    return DIFFERS if any(each.differs for each in outcomes) else DONE


def _self_check(arguments: argparse.Namespace) -> int:
    differ = agree = failed = 0
    with open_engines(tuple(arguments.engine)) as engines:
        found = connected(engines, terminal=on_terminal())
        at_start(found)
        for access in found.accesses:
            as_root(access, engines)
            for checked in self_check(access, interrupted()):
                if arguments.json:
                    write(json.dumps(attempts_report.checked_object(checked), ensure_ascii=False) + "\n")
                else:
                    say(*attempts_report.checked_lines(checked, style()))
                failed += checked.why is not None
                differ += len(checked.differing)
                agree += len(checked.tried) - len(checked.differing)
    if not (agree or differ or failed):
        complain(translate(msg("The self-check needs Docker or Podman, and no engine answers.")))
        return FAILED
    if not arguments.json:
        text = msg("{agree} of {all} outcomes are as predicted.", agree=agree, all=agree + differ)
        say(translate(text))
    return DIFFERS if differ else FAILED if failed else DONE


def _outcomes(events: Iterable[Step | AttemptOutcome], *, as_json: bool) -> list[AttemptOutcome]:
    made = []
    for event in events:
        if isinstance(event, Step):
            progress.doing(event.text)
        else:
            made.append(event)
            if as_json:
                write(json.dumps(attempts_report.json_object(event), ensure_ascii=False) + "\n")
    progress.done()
    return made
