"""`history`: what changed of containers, and when. It asks no engine: containers that are gone are included.

Exit codes: 0 done, also where nothing changed; 2 a usage error, an unknown name, or a history that can't be read.
"""

from __future__ import annotations

import argparse
import json
import time

from stratascope.cli.output import complain, style, write
from stratascope.core.container import SHORTEST_ID
from stratascope.core.history.entry import Subject
from stratascope.core.history.fold import Past
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation import history_report
from stratascope.usecases.history.history import History
from stratascope.wiring.views import history

DONE, FAILED = 0, 2
_PARTS = 720  # of the time: two minutes of a day


def run(arguments: argparse.Namespace) -> int:
    """Run it; returns the exit code."""
    kept = history()
    until = time.time()
    begin = until - arguments.since
    wanted = [each for each in kept.subjects() if not arguments.engine or each.engine in arguments.engine]
    word = arguments.container
    if word is not None:
        wanted = _meant(word, wanted, kept, until)
        if not wanted:
            complain(translate(msg("Nothing is recorded about {name}. Changes are recorded while the Stratascope "
                                   "window is open.", name=plain(word, 80))))  # fmt: skip
            return FAILED
    pasts = tuple(kept.of(each, begin, until, _PARTS) for each in wanted)
    if arguments.json:
        write(json.dumps(history_report.json_object(pasts, begin, until), indent=2) + "\n")
    elif not pasts:
        text = msg("Nothing is recorded yet. Changes are recorded while the Stratascope window is open.")
        write(translate(text) + "\n")
    else:
        write("\n".join(history_report.lines(pasts, begin, style(), alone=word is not None)) + "\n")
    return DONE


def _meant(word: str, subjects: list[Subject], kept: History, now: float) -> list[Subject]:
    """Those of that name; else of an id that begins so, whichever container has the name now."""
    named = [each for each in subjects if each.name == word]
    if named or len(word) < SHORTEST_ID:
        return named
    return [each for each in subjects if _id(kept.of(each, now - 1.0, now, 1)).startswith(word)]


def _id(past: Past) -> str:
    return past.now.made.id if past.now.made is not None else ""
