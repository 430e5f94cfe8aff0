"""`harden`, `undo`, `discard`, `recover` and `export`: what the window asks of hardening, without a display.

Exit codes: 0 verified (or the dry run is possible), 1 kept though not verified, 2 a usage or engine error, 3 refused,
nothing changed, 4 rolled back, the original runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from stratascope.cli.harden import presets, recover, undo_many
from stratascope.cli.harden.output import HardenOutput, undo_object
from stratascope.cli.harden.relaunch import ENDINGS, FAILED, REFUSED, VERIFIED, agreed_to, relaunch
from stratascope.cli.harden.targets import choices_of, chooses, several
from stratascope.cli.interrupt import interrupted
from stratascope.cli.output import complain, on_terminal, write
from stratascope.core.container import SHORTEST_ID
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.relaunch.transaction import (
    BusyError,
    Ended,
    JournalError,
    Progress,
    Stage,
    Transaction,
)
from stratascope.core.sanitize import plain
from stratascope.formats.export import ExportKind, export
from stratascope.i18n.translate import translate
from stratascope.state.journal import FileJournal
from stratascope.wiring.exports import options_of
from stratascope.wiring.hardening import ConnectedHardening, open_hardening


def run(arguments: argparse.Namespace) -> int:
    """Run one of these commands; returns the exit code."""
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "harden": _harden,
        "tighten": _tighten,
        "undo": _undo,
        "discard": _discard,
        "recover": recover.run,
        "export": _export,
    }
    try:
        return commands[arguments.command](arguments)
    except BusyError as error:
        complain(translate(error.message))
        return REFUSED
    except JournalError as error:
        complain(translate(msg("The journal can't be written: {words}", words=error.words)))
    return FAILED


def _harden(arguments: argparse.Namespace) -> int:
    wide = several(arguments)
    with open_hardening(tuple(arguments.engine), terminal=on_terminal()) as found:
        recover.at_start(found)
        if wide:
            from stratascope.cli.harden import many

            return many.harden(arguments, found)
        access, state = found.state(arguments.containers[0])
        if presets.is_open(arguments, state):
            wanted = presets.preset_wanted(found.hardening, state)
            if wanted is None:
                write(translate(msg("Nothing was changed.")) + "\n")
                return REFUSED
            arguments.preset = wanted or None
        preset = None if arguments.preset is None else Preset(arguments.preset)
        return relaunch(arguments, found, access, state, choices_of(arguments, found.hardening, state), preset=preset)


def _tighten(arguments: argparse.Namespace) -> int:
    from stratascope.cli.harden import tighten  # only this needs trials

    return tighten.run(arguments)


def _undo(arguments: argparse.Namespace) -> int:
    wide = several(arguments)
    with open_hardening(tuple(arguments.engine)) as found:
        recover.at_start(found)
        named = [_aside(found, name) for name in arguments.containers]
        if wide or arguments.group:
            every = [*named, *(undo_many.all_of(arguments, found) if chooses(arguments) else ())]
            return undo_many.undo_all(arguments, found, every)
        (transaction,) = named
        told = HardenOutput(arguments.json)
        others = undo_many.others_of(found, transaction)
        wanted = found.hardening.undo_plan(transaction)
        last: dict[str, Any] = {
            **undo_object(transaction, wanted),
            "group": others,
        }
        told.undo_plan(wanted)
        if others and not arguments.json:
            text = msg("These were relaunched together with it and stay as they are unless you add --group: {names}",
                       names=plain(", ".join(others), 400))  # fmt: skip
            write(translate(text) + "\n")
        if arguments.dry_run or wanted.blocks:
            told.end({"result": "refused" if wanted.blocks else "possible", **last})
            return REFUSED if wanted.blocks else VERIFIED
        ended: Ended | None = None
        for event in found.hardening.undo(transaction, arguments.watch, interrupted()):
            match event:
                case Progress():
                    told.step(event)
                case Ended():
                    ended = event
        if ended is None:
            return FAILED
        told.ended(ended)
        told.end(
            {
                "result": ended.ending.value,
                **last,
                "why": "" if ended.why is None else translate(ended.why),
            }
        )
        return ENDINGS[ended.ending]


def _discard(arguments: argparse.Namespace) -> int:
    with open_hardening(tuple(arguments.engine)) as found:
        recover.at_start(found)
        transaction = _aside(found, arguments.container)
        question = msg("Remove what is set aside for {name}? It can't be undone afterwards. [y/N] ",
                       name=plain(transaction.name, 200))  # fmt: skip
        if not arguments.yes and sys.stdin.isatty() and not agreed_to(question):
            return REFUSED
        found.hardening.discard(transaction)
        if transaction.owner is not None:
            kept = msg("The change to {name} in {path} is now permanent.", name=transaction.name,
                       path=transaction.owner.files[0].path)  # fmt: skip
            write(translate(kept) + "\n")
            return VERIFIED
        for member in transaction.members:
            text = msg("{name} was removed. Its volumes stay.", name=member.old_aside)
            write(translate(text) + "\n")
    return VERIFIED


def _export(arguments: argparse.Namespace) -> int:
    with open_hardening(tuple(arguments.engine)) as found:
        recover.at_start(found)
        _, state = found.state(arguments.container)
        made = found.hardening.plan(state, choices_of(arguments, found.hardening, state))
        write(export(ExportKind(arguments.kind), options_of(made), secrets=arguments.secrets))
    return VERIFIED


def _aside(found: ConnectedHardening, name: str) -> Transaction:
    """What is set aside for a container of that name or id. Raises ProbeError where that is nothing, or several."""
    there = {access.engine.id for access in found.accesses}
    kept_ones = [made for made in found.hardening.kept() if made.engine in there]
    hits = [made for made in kept_ones if _is_of(made, name)]
    if not hits and not any(each.name == name for access in found.accesses for each in access.containers()):
        hits = [made for made in kept_ones if _begins(made, name)]
    if not hits:
        hits = [made for engine in there for made in found.hardening.found(engine, lambda made: _is_of(made, name))]
    if len(hits) > 1:
        listed = ", ".join(f"{made.engine} {made.new[:12]}" for made in hits)
        raise ProbeError(
            msg(
                "Several originals are set aside for {name}. Give an ID, or --engine: {listed}.",
                name=name,
                listed=listed,
            ),
            name,
        )
    if hits:
        return hits[0]
    entries = FileJournal().all()
    recover.tell_damaged(entries)
    for kept in entries:
        if (
            isinstance(kept, Transaction)
            and kept.stage is Stage.DONE
            and (_is_of(kept, name) or _begins(kept, name))
            and kept.engine not in there
        ):
            text = msg("The original of {name} is on the engine {engine}, which does not answer now.", name=name,
                       engine=kept.engine)  # fmt: skip
            raise ProbeError(text, name)
    raise ProbeError(msg("Nothing is set aside for {name}.", name=name), name)


def _is_of(transaction: Transaction, name: str) -> bool:
    """Whether it is of a container of that name or whole id."""
    return any(name in (made.name, made.old, made.new) for made in transaction.members)


def _begins(transaction: Transaction, name: str) -> bool:
    """Whether the id of what runs now begins so."""
    return len(name) >= SHORTEST_ID and any(made.new.startswith(name) for made in transaction.members)
