"""`list` and `diff`: containers side by side, live or from captures, in any mix; and `history`: what changed in them,
and when. `history` queries no engine, and includes removed containers.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from stratascope.cli.output import columns, complain, say, style, write
from stratascope.cli.reading import read_capture
from stratascope.core.container import SHORTEST_ID, EngineState, matching
from stratascope.core.history.entry import Subject
from stratascope.core.history.fold import Past
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.sandbox import Group
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.presentation import changes_report, comparison, history_report, list_report
from stratascope.presentation.comparison import compare, compare_all
from stratascope.presentation.takeover import not_found
from stratascope.state import capture_file
from stratascope.usecases.history.history import History
from stratascope.usecases.live.reader import Translations
from stratascope.value import Value, replace
from stratascope.wiring.engines import assembler, translations
from stratascope.wiring.views import history

DONE, FAILED = 0, 2


def run(arguments: argparse.Namespace) -> int:
    """Run one of these commands; returns the exit code."""
    commands = {"list": _list, "diff": _diff, "history": _history}
    return commands[arguments.command](arguments)


def _list(arguments: argparse.Namespace) -> int:
    shared = translations()
    capture = read_capture(arguments, shared, sandboxes=arguments.all or arguments.agents)
    snapshot = assembler(shared, verified_only=arguments.verified_only).snapshot(
        capture, demo=arguments.from_capture is not None
    )
    if arguments.agents:
        snapshot = replace(snapshot, containers=tuple(filter(_is_agent, snapshot.containers)))
        if not snapshot.containers and not arguments.json:
            say(translate(msg("No sandboxes of AI agents. --all lists the others.")))
            return DONE
    if arguments.json:
        write(list_report.document(snapshot, sort=arguments.sort))
    else:
        shown = list_report.render(
            snapshot, style(), sort=arguments.sort, columns=arguments.columns, legend=bool(columns())
        )
        write(shown)
        if arguments.all and snapshot.ground.reader_uid != 0:
            write("\n" + translate(_UNSEEN) + "\n")
    usable = any(each.state is EngineState.CONNECTED for each in snapshot.engines)
    return FAILED if arguments.engine and not usable else DONE


_UNSEEN = msg("What is confined by Landlock alone is not in this list: the kernel shows it to root only (--as-root).")


def _is_agent(state: ContainerState) -> bool:
    return state.container.sandbox is not None and state.container.sandbox.group is Group.AGENTS


class _Operand(Value):
    """One side of a comparison: a capture or this machine, and the container's name in it; "" if not given."""

    word: str
    file: Path | None
    name: str


def _operand(word: str) -> _Operand:
    """Parse an existing FILE, FILE:NAME with an existing file, or a container's name."""
    if Path(word).is_file():
        return _Operand(word, Path(word), "")
    file, colon, name = word.rpartition(":")
    if colon and Path(file).is_file():
        return _Operand(word, Path(file), name)
    return _Operand(word, None, word)


def _diff(arguments: argparse.Namespace) -> int:
    operands = _operand(arguments.one), _operand(arguments.two)
    shared = translations()
    pictures = _pictures(operands, arguments, shared)
    one, two = operands
    if one.file is not None and two.file is not None and not one.name and not two.name:
        fleet = compare_all(pictures[0], pictures[1], all_layers())
        if arguments.json:
            write(json.dumps(comparison.fleet_document(fleet), indent=1) + "\n")
        else:
            write("\n".join(comparison.fleet_lines(fleet, style())) + "\n")
        return DONE
    states = _pick(operands, pictures)
    found = compare(*states, all_layers())
    if arguments.json:
        write(json.dumps(comparison.document(found), indent=1) + "\n")
    else:
        names = comparison.names_of(found, *(_source(each) for each in operands))
        write("\n".join(comparison.lines(found, *names, style())) + "\n")
    return DONE


def _source(operand: _Operand) -> str:
    return translate(msg("now")) if operand.file is None else operand.file.name


def _pictures(
    operands: tuple[_Operand, _Operand], arguments: argparse.Namespace, shared: Translations
) -> tuple[Snapshot, Snapshot]:
    """The snapshot of each operand; this machine and each file are read at most once."""
    made: dict[Path | None, Snapshot] = {}
    for each in operands:
        if each.file not in made:
            capture = (
                capture_file.load(each.file)
                if each.file is not None
                else read_capture(arguments, shared, sandboxes=True)
            )
            made[each.file] = assembler(shared, verified_only=arguments.verified_only).snapshot(capture)
    return made[operands[0].file], made[operands[1].file]


def _pick(
    operands: tuple[_Operand, _Operand], pictures: tuple[Snapshot, Snapshot]
) -> tuple[ContainerState, ContainerState]:
    """The two containers. A capture without a name means its container with the other's name, or its only one. Raises
    ProbeError.
    """
    one, two = operands
    first = _of(pictures[0], one.name) if one.name else None
    second = _of(pictures[1], two.name) if two.name else None
    if first is None and second is not None:
        first = _same(pictures[0], second, one.word)
    elif second is None and first is not None:
        second = _same(pictures[1], first, two.word)
    if first is None or second is None:
        raise ProbeError(msg("Say which container: {file}:NAME.", file=one.word if first is None else two.word))
    return first, second


def _of(snapshot: Snapshot, name: str) -> ContainerState:
    found = matching(name, (state.container for state in snapshot.containers))
    if not found:
        raise ProbeError(not_found(name, snapshot.engines, (each.container.name for each in snapshot.containers)))
    if len(found) > 1:
        which = ", ".join(f"{each.engine} {each.short_id}" for each in found)
        raise ProbeError(msg("Several containers are named {name}; give an ID: {which}.", name=name, which=which))
    return next(state for state in snapshot.containers if state.key == found[0].key)


def _same(snapshot: Snapshot, other: ContainerState, file: str) -> ContainerState:
    name, engine = other.container.name, other.container.engine
    named = [state for state in snapshot.containers if state.container.name == name]
    exact = [state for state in named if state.container.engine == engine] or named
    if len(exact) == 1:
        return exact[0]
    if len(snapshot.containers) == 1:
        return snapshot.containers[0]
    raise ProbeError(
        msg("{file} holds no container {name}, or more than one. Say which: {file}:NAME.", file=file, name=name)
    )


NOTHING_YET = msg("Nothing is recorded yet. Changes are recorded while the window is open, or in the background.")
_PARTS = 720  # intervals of the time range: two minutes each for a day


def _history(arguments: argparse.Namespace) -> int:
    """Run `history`; returns the exit code."""
    kept = history()
    until = time.time()
    begin = until - arguments.since
    if arguments.all:
        return _history_of_all(arguments, kept, begin, until)
    wanted = [each for each in kept.subjects() if not arguments.engine or each.engine in arguments.engine]
    word = arguments.container
    if word is not None:
        wanted = _meant(word, wanted, kept, until)
        if not wanted:
            complain(translate(msg("Nothing is recorded about {name}. Changes are recorded while the window is open, "
                                   "or in the background; of sandboxes, by their ids, once they have lived for a "
                                   "minute, and in the background only while it notifies of agents.",
                                   name=plain(word, 80))))  # fmt: skip
            return FAILED
    pasts = tuple(kept.of(each, begin, until, _PARTS) for each in wanted)
    if arguments.json:
        write(json.dumps(history_report.json_object(pasts, begin, until), indent=2) + "\n")
    elif not pasts:
        say(translate(NOTHING_YET))
    else:
        write("\n".join(history_report.lines(pasts, begin, style(), alone=word is not None)) + "\n")
    return DONE


def _history_of_all(arguments: argparse.Namespace, kept: History, begin: float, until: float) -> int:
    """Run `history --all`; returns the exit code."""
    if arguments.container is not None:
        complain(translate(msg("A name and --all exclude each other.")))
        return FAILED
    rows = tuple(each for each in kept.moved(begin) if not arguments.engine or each.subject.engine in arguments.engine)
    if arguments.json:
        write(json.dumps(changes_report.json_object(rows, begin, until, kept.began()), indent=2) + "\n")
    elif not kept.subjects():
        say(translate(NOTHING_YET))
    else:
        write("\n".join(changes_report.lines(rows, begin, style(), kept.began())) + "\n")
    return DONE


def _meant(word: str, subjects: list[Subject], kept: History, now: float) -> list[Subject]:
    """Subjects with that name, else with an id that begins like that."""
    named = [each for each in subjects if each.name == word]
    if named or len(word) < SHORTEST_ID:
        return named
    return [each for each in subjects if _id(kept.of(each, now - 1.0, now, 1)).startswith(word)]


def _id(past: Past) -> str:
    return past.now.made.id if past.now.made is not None else ""
