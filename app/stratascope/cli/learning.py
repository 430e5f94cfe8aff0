"""`observe` and `needs`: what a container really uses. Exit codes: 0 done, 2 a usage or engine error."""

from __future__ import annotations

import argparse
import json
import sys

from stratascope.cli.interrupt import interrupted
from stratascope.cli.output import complain, on_terminal, style, write
from stratascope.core.container import Container
from stratascope.core.message import msg
from stratascope.core.observation.needs import Needs, NeedsError
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation import needs_report
from stratascope.usecases.observe.service import held
from stratascope.wiring.engines import Engines, open_engines
from stratascope.wiring.hardening import connected, learning

DONE, FAILED = 0, 2
_LOOK = 0.5  # seconds between two looks whether it is over


def run(arguments: argparse.Namespace) -> int:
    """Run one of the two; returns the exit code."""
    try:
        with open_engines(tuple(arguments.engine)) as engines:
            return _observe(arguments, engines) if arguments.command == "observe" else _needs(arguments, engines)
    except NeedsError as error:
        complain(translate(msg("What was learned can't be read: {words}. Delete it with --forget.",
                               words=error.words)))  # fmt: skip
    return FAILED


def _observe(arguments: argparse.Namespace, engines: Engines) -> int:
    _, state = connected(engines).state(arguments.container)
    service = learning(engines, terminal=on_terminal())
    over = interrupted()
    service.begin(state, seconds=arguments.seconds)
    if sys.stderr.isatty():
        complain(translate(msg("Watching {name}. Press Ctrl+C to stop.", name=plain(state.container.name, 200))))
    while not over() and not service.wait(state.container, _LOOK):
        pass
    service.end(state.container)
    watched = service.watched(state.container)
    known = service.known(state.container)
    if watched is not None and watched.trouble is not None:
        complain(translate(watched.trouble))
        if known is None:
            return FAILED
    _print(arguments, state, known)
    return DONE


def _needs(arguments: argparse.Namespace, engines: Engines) -> int:
    _, state = connected(engines).state(arguments.container)
    service = learning(engines, terminal=False)
    if arguments.forget:
        there = service.forget(state.container)
        text = msg("Forgotten.") if there else msg("Nothing was learned about it.")
        write(translate(text) + "\n")
        return DONE
    _print(arguments, state, service.known(state.container))
    return DONE


def _print(arguments: argparse.Namespace, state: ContainerState, known: Needs | None) -> None:
    container: Container = state.container
    bounding = held(state)
    names = None if bounding is None else bounding.names()
    if arguments.json:
        told = known or Needs(container.image, container.command)
        write(json.dumps(needs_report.json_object(container, told, names), indent=2) + "\n")
    elif known is None:
        text = msg(
            "Nothing has been learned about {name} yet. Watch it: stratascope observe {name}", name=container.name
        )
        write(translate(text) + "\n")
    else:
        write("\n".join(needs_report.lines(known, names, style())) + "\n")
