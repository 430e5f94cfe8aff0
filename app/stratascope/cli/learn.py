"""`stratascope learn`: what each layer stops, shown on containers that are thrown away. Exit 0; 1 where a stage came
otherwise than the lesson says.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator

from stratascope.cli.harden.undo import at_start
from stratascope.cli.output import complain, interrupted, on_terminal, say, style, write
from stratascope.cli.progress import progress
from stratascope.core.ground import Ground
from stratascope.core.lesson import Lesson, StageOutcome
from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.presentation import lessons_report
from stratascope.usecases.attempts import lessons
from stratascope.usecases.attempts.attempts import Step
from stratascope.wiring.attempts import teach
from stratascope.wiring.engines import open_engines
from stratascope.wiring.hardening import connected

DONE, DIFFERS, FAILED = 0, 1, 2


def run(arguments: argparse.Namespace) -> int:
    """Run it; returns the exit code. Raises what `commands.run` catches."""
    if not arguments.lesson:
        _list(as_json=arguments.json)
        return DONE
    taught = lessons.lesson(arguments.lesson)
    if taught is None:
        text = msg("There is no lesson {name}. They are: {names}", name=arguments.lesson,
                   names=", ".join(each.id for each in lessons.LESSONS))  # fmt: skip
        complain(translate(text))
        return FAILED
    with open_engines(tuple(arguments.engine)) as engines:
        found = connected(engines, terminal=on_terminal())
        at_start(found)
        access = lessons.engine_for(found.accesses, taught)
        if access is None:
            complain(translate(lessons.NO_ENGINE))
            return FAILED
        why = lessons.not_here(access, taught)
        if not arguments.json:
            say(translate(taught.question), "", translate(taught.text))
            if why is not None:
                say("", translate(why))
        events: Iterable[Step | StageOutcome]
        events = lessons.recorded(taught.id) if why is not None else teach(access, taught, (), interrupted())
        made = list(_told(events, taught, access.ground, as_json=arguments.json))
    if not arguments.json:
        say("", translate(taught.home))
    return DONE if all(each.as_told for each in made) else DIFFERS


def _list(*, as_json: bool) -> None:
    if as_json:
        for each in lessons.LESSONS:
            write(json.dumps(lessons_report.list_object(each), ensure_ascii=False) + "\n")
        return
    say(*lessons_report.listing(lessons.LESSONS), "", translate(msg("One of them: stratascope learn seccomp")))


def _told(
    events: Iterable[Step | StageOutcome], taught: Lesson, ground: Ground, *, as_json: bool
) -> Iterator[StageOutcome]:
    number = 0
    for event in events:
        if isinstance(event, Step):
            progress.doing(event.text)
            continue
        progress.done()
        number += 1
        words = lessons.words_of(event, ground)
        if as_json:
            write(json.dumps(lessons_report.stage_object(taught, event, words), ensure_ascii=False) + "\n")
        else:
            say(*lessons_report.stage_lines(number, event, words, style()))
        yield event
