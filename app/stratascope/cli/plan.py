"""`stratascope plan`: what would be changed of a container or a file, in order, why, and what it comes to."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from stratascope.cli.output import complain, on_terminal, style, write
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.relaunch.hardening_plan import HardeningPlan
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.core.sandboxes.lines import Written
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation import plan_report
from stratascope.wiring.hardening import open_hardening

DONE, FAILED = 0, 2
_Planned = tuple[str, HardeningPlan, ContainerState, Written | None]


def run(arguments: argparse.Namespace) -> int:
    """Run it; returns the exit code. Raises engine errors."""
    try:
        found = list(_of_file(arguments) if Path(arguments.what).is_file() else _of_container(arguments))
    except ToggleError as error:
        complain(translate(error.message))
        return FAILED
    if arguments.json:
        objects = [{"name": name, **plan_report.json_object(plan, state, line)} for name, plan, state, line in found]
        head = {"schema": plan_report.SCHEMA}
        document = {**head, **objects[0]} if len(objects) == 1 else {**head, "containers": objects}
        write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
        return DONE if found else FAILED
    for number, (name, plan, state, line) in enumerate(found):
        write("\n" * (number > 0) + "\n".join(plan_report.lines(name, plan, style(), state, line)) + "\n")
    return DONE if found else FAILED


def _of_container(arguments: argparse.Namespace) -> Iterator[_Planned]:
    with open_hardening(tuple(arguments.engine), terminal=on_terminal()) as found:
        try:
            _, state = found.state(arguments.what)
        except ProbeError:
            sandboxes = [] if arguments.engine else list(_of_sandbox(arguments.what))
            if not sandboxes:
                raise
            yield from sandboxes
            return
        yield state.container.name, found.hardening.suggested(state), state, None


def _of_sandbox(word: str) -> Iterator[_Planned]:
    from stratascope.usecases.sandbox_plans import SandboxPlans
    from stratascope.wiring.engines import open_engines
    from stratascope.wiring.sandboxes import named

    with open_engines((), {}, sandboxes=True) as engines:
        plans = SandboxPlans(lambda: engines.local)
        for state, ground in named(engines, word):
            plan = plans.previews(state, ground).plan(state)
            yield state.container.name, plan, state, plans.line(state, ground, plan.choices)


def _of_file(arguments: argparse.Namespace) -> Iterator[_Planned]:
    from stratascope.cli.check import problem_line, read_text
    from stratascope.usecases.check.corrections import planned
    from stratascope.wiring.check import checker
    from stratascope.wiring.engines import open_engines

    file = Path(arguments.what)
    try:
        text = read_text(file)
    except UnicodeDecodeError:
        text = None
    except OSError as error:
        complain(f"{file}: {error.strerror or error}")
        return
    if text is None:
        complain(translate(msg("{file} is no text, or too long to be read here.", file=str(file))))
        return
    with open_engines(tuple(arguments.engine)) as opened:
        made = checker(opened, None, arguments.engine, {})
        read = made.read(text, str(file))
        for problem in read.problems:
            complain(problem_line(problem))
        if not read.failed:
            yield from ((*each, None) for each in planned(made, text, str(file)))
