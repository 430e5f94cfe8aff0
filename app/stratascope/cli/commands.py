"""What each command does. Exit codes: 0 done, 1 an exposure above --fail-above, 2 a usage or engine error."""

from __future__ import annotations

import argparse
import json
from itertools import chain
from pathlib import Path

from stratascope import atomic_file
from stratascope.cli.output import complain, on_terminal, style, write, write_all
from stratascope.core.container import EngineState, matching
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.record import Record
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import listed, translate
from stratascope.layers import all_layers
from stratascope.presentation import json_report
from stratascope.presentation.matrix_order import exceeds
from stratascope.presentation.unseen import not_found, unchecked_engines, unread
from stratascope.state import record as records
from stratascope.state.pending import any_written
from stratascope.usecases.live.translations import Translations
from stratascope.value import replace
from stratascope.wiring.engines import Engines, assembler, describe, open_engines, take_record, translations

DONE, EXCEEDED, FAILED = 0, 1, 2


def run(arguments: argparse.Namespace) -> int:
    """Run the command that was parsed; returns the exit code."""
    try:
        return _run(arguments)
    except OSError as error:  # a full disk or a terminal that is gone under what is printed
        complain(error.strerror or str(error))
        return FAILED


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command in ("harden", "tighten", "undo", "discard", "recover", "export"):
        from stratascope.cli.harden import commands as harden  # what only looks does not load it

        return harden.run(arguments)
    if arguments.command in ("observe", "needs"):
        from stratascope.cli import learning

        return learning.run(arguments)
    if arguments.command == "denials":
        from stratascope.cli import denials

        return denials.run(arguments)
    if arguments.command in ("desktop", "helper"):
        from stratascope.cli import desktop_commands

        return desktop_commands.run(arguments)
    if arguments.command == "completion":
        from stratascope.cli import completion

        return completion.run(arguments)
    return engines(arguments) if arguments.command == "engines" else report(arguments)


def engines(arguments: argparse.Namespace) -> int:
    """`stratascope engines`."""
    with open_engines() as opened:
        put_right(opened)
        found = describe(opened)
    if arguments.json:
        write(json.dumps([json_report.engine_object(engine) for engine in found], indent=2) + "\n")
    else:
        from stratascope.presentation import text_report

        write("\n".join(text_report.engine_lines(found, style())) + "\n")
    return DONE


def report(arguments: argparse.Namespace) -> int:
    """`stratascope report`."""
    shared = translations()
    if arguments.privileged and arguments.from_capture is not None:
        complain(translate(msg("A capture holds what was read for it: leave out --privileged.")))
        return FAILED
    try:
        record = _record(arguments, shared)
    except ProbeError as error:
        complain(translate(error.message))
        if arguments.privileged and error.words:
            complain(plain(error.words, 1000))
        return FAILED
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return FAILED
    if arguments.save_capture is not None:
        try:
            records.save(record, arguments.save_capture)
        except OSError as error:
            complain(f"{arguments.save_capture}: {error.strerror}")
            return FAILED
    snapshot = assembler(shared, verified_only=arguments.verified_only).snapshot(
        record, demo=arguments.from_capture is not None
    )
    snapshot, missing = _only(snapshot, arguments.containers)
    if arguments.html is None:
        show(snapshot, as_text=not arguments.json, details=bool(arguments.containers))
    elif not _page(snapshot, arguments.html):
        return FAILED
    for name in missing:
        complain(translate(not_found(name, record.engines)))
    unusable = not any(e.state is EngineState.CONNECTED for e in record.engines)
    if unusable and arguments.fail_above is not None:  # a gate must not open because nobody looked
        complain(translate(msg("No engine can be used, so nothing was held against the limit of --fail-above.")))
        return FAILED
    if missing or (arguments.engine and unusable):
        return FAILED
    if arguments.fail_above is None:
        return DONE
    silent = () if arguments.containers else unchecked_engines(record.engines, named=bool(arguments.engine))
    return _gate(snapshot, arguments.fail_above, silent)


def _gate(snapshot: Snapshot, limit: float, silent: tuple[str, ...]) -> int:
    """What --fail-above comes to; of the engines `silent` nothing is known."""
    if exceeds(snapshot.containers, limit):
        return EXCEEDED
    names = (*silent, *unread(snapshot))
    if not names:
        return DONE
    known = listed(plain(name, 80) for name in names)
    complain(translate(msg("Nothing is known of {names}, so this can't be held against the limit of --fail-above. Name "
                           "what is to be looked at, or say it with --engine.", names=known)))  # fmt: skip
    return FAILED


def put_right(opened: Engines) -> None:
    """What a crash left half done, as at every start; nearly always there is nothing, and nothing is loaded for it."""
    if any_written():
        from stratascope.cli.harden import recover

        recover.before_looking(opened)


def _page(snapshot: Snapshot, file: Path) -> bool:
    """Write the page; False, with a word why, where that can't be done."""
    from stratascope.presentation.html import page

    try:
        atomic_file.save(file, page.render(snapshot, all_layers()).encode())
    except OSError as error:
        folder = file.absolute().parent
        if folder.is_dir():
            why = msg("{file} can't be written: {why}.", file=str(file), why=error.strerror or str(error))
        else:
            why = msg("{file} can't be written: there is no folder {folder}.", file=str(file), folder=str(folder))
        complain(translate(why))
        return False
    return True


def show(snapshot: Snapshot, *, as_text: bool, details: bool = False) -> None:
    """Print a snapshot."""
    if as_text:
        from stratascope.presentation import text_report  # JSON needs no widths of letters

        write(text_report.render(snapshot, all_layers(), style(details=details)))
    else:
        write_all(chain(json_report.pieces(snapshot), ("\n",)))


def _record(arguments: argparse.Namespace, shared: Translations) -> Record:
    if arguments.from_capture is not None:
        return _of_engines(records.load(arguments.from_capture), arguments.engine)
    with open_engines(tuple(arguments.engine)) as found:
        put_right(found)
        return take_record(found, shared, privileged=arguments.privileged, terminal=on_terminal())


def _of_engines(record: Record, wanted: list[str]) -> Record:
    """Only these engines of a saved record. Raises ProbeError where one is not in it."""
    if not wanted:
        return record
    kept = tuple(engine for engine in record.engines if engine.id in wanted or engine.endpoint in wanted)
    for name in wanted:
        if not any(name in (engine.id, engine.endpoint) for engine in kept):
            known = ", ".join(engine.id for engine in record.engines)
            raise ProbeError(msg("No engine {name} in this capture; it has: {known}", name=name, known=known), name)
    ids = {engine.id for engine in kept}
    return replace(record, engines=kept, containers=tuple(item for item in record.containers if item.raw.engine in ids))


def _only(snapshot: Snapshot, names: list[str]) -> tuple[Snapshot, list[str]]:
    """The containers that are meant by these names or ids, and the names that fit none."""
    if not names:
        return snapshot, []
    all_ = tuple(state.container for state in snapshot.containers)
    found = {name: {container.key for container in matching(name, all_)} for name in names}
    keys = set().union(*found.values())
    kept = tuple(state for state in snapshot.containers if state.key in keys)
    return replace(snapshot, containers=kept), [name for name in names if not found[name]]
