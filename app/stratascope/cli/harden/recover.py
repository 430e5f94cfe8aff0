"""What a crash left half done, put right: `recover`, and the same at the start of each command that opens engines.

At a start it fails nothing: who wants a report gets it, and is told on the side. Only engines that have an unfinished
relaunch in the journal are touched.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from stratascope.cli.output import complain, write
from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError, ProbeError
from stratascope.core.relaunch.launch_spec import TwinRecord
from stratascope.core.relaunch.transaction import Damaged, Group, JournalError, Transaction, TransactionKind
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.state.journal import FileJournal
from stratascope.usecases.relaunch.recovery import Recovered, Result, unfinished
from stratascope.wiring.engines import Engines
from stratascope.wiring.hardening import ConnectedHardening, connected, open_hardening

DONE, FAILED = 0, 2


def run(arguments: argparse.Namespace) -> int:
    """`stratascope recover`. Raises ProbeError where an engine that was asked for is not known."""
    journal, only = FileJournal(), tuple(arguments.engine)
    tried: list[Recovered] = []
    with open_hardening(only) as found:
        for access in found.accesses:
            for item in found.hardening.recover_on(access.engine.id):
                tried.append(item)
                if item.result in (Result.FINISHED, Result.UNDONE, Result.REMOVED):
                    write(_words(item) + "\n")
                else:
                    _complain(item)
    known = {item.transaction.id for item in tried}
    left = [item for item in unfinished(journal) if item.id not in known]
    unreached = [item for item in left if not only or item.engine in only or item.endpoint in only]
    for each in unreached:
        complain(_unreached(each))
    damaged = [item for item in journal.all() if isinstance(item, Damaged)]
    tell_damaged(damaged)
    return FAILED if unreached or damaged or any(item.result is Result.FAILED for item in tried) else DONE


def tell_damaged(found: Sequence[Transaction | Damaged]) -> None:
    """Name the entries of the journal that can't be read; they are left alone."""
    for item in found:
        if isinstance(item, Damaged):
            complain(f"{item.path}: {plain(item.words, 200)}")


def at_start(found: ConnectedHardening) -> None:
    """Before anything is looked for: after a crash a container may not even have its name."""
    if unfinished(FileJournal()):
        for access in found.accesses:
            for item in found.hardening.recover_on(access.engine.id):
                if item.result is not Result.HELD:
                    _complain(item)


def before_looking(engines: Engines) -> None:
    """Recovery before commands that only look. Raises nothing."""
    if unfinished(FileJournal()):
        try:
            at_start(connected(engines))
        except (EngineError, ProbeError, OSError) as error:
            complain(translate(msg("An interrupted relaunch could not be repaired now: {why}", why=str(error))))


def _complain(item: Recovered) -> None:
    complain(_words(item))
    if isinstance(item.error, EngineError | JournalError) and item.error.words:
        complain(plain(item.error.words, 1000))


def _words(item: Recovered) -> str:
    name, what = plain(item.transaction.name, 80), item.transaction
    undone = isinstance(what, Transaction) and what.kind is TransactionKind.UNDO
    match item.result:
        case Result.FINISHED if undone:
            text = msg("{name}: an interrupted undo was finished; the original runs.", name=name)
        case Result.FINISHED if isinstance(what, Group) and what.undoes:
            text = msg("{name}: interrupted undos that belong together were finished; the originals run.",
                       name=name)  # fmt: skip
        case Result.FINISHED if isinstance(what, Group):
            text = msg("{name}: relaunches that belong together were all complete before the interruption, and stay.",
                       name=name)  # fmt: skip
        case Result.UNDONE if isinstance(what, Group):
            text = msg("{name}: interrupted relaunches that belong together were undone; everything is as it was "
                       "before.", name=name)  # fmt: skip
        case Result.FINISHED:
            text = msg("{name}: an interrupted relaunch was finished; the replacement runs.", name=name)
        case Result.UNDONE if undone:
            text = msg("{name}: an interrupted undo was reverted; everything is as it was before.", name=name)
        case Result.UNDONE:
            text = msg("{name}: an interrupted relaunch was undone; everything is as it was before.", name=name)
        case Result.REMOVED:
            text = msg("{name}: this twin was left over from a trial, and was removed.", name=name)
        case Result.HELD:
            text = msg("{name}: another window or command is working on it right now, so it was left alone.", name=name)
        case Result.FAILED if isinstance(what, TwinRecord):
            text = msg("{name}: this twin was left over from a trial and can't be removed now. {why}", name=name,
                       why=_why(item))  # fmt: skip
        case Result.FAILED if isinstance(what, Group):
            text = msg("{name}: relaunches that belong together were interrupted, and not all of them can be "
                       "repaired now. {why}", name=name, why=_why(item))  # fmt: skip
        case Result.FAILED:
            text = msg("{name}: an interrupted relaunch can't be repaired now, and stays in the journal. {why}",
                       name=name, why=_why(item))  # fmt: skip
    return translate(text)


def _why(item: Recovered) -> Message:
    match item.error:
        case EngineError() as error:
            return error.message
        case JournalError():
            return msg("The journal can't be written.")
        case NoSuchContainerError() | None:
            return msg("One of its containers disappeared in the meantime.")


def _unreached(left: Transaction | TwinRecord | Group) -> str:
    if isinstance(left, TwinRecord):
        text = msg("{name}: this twin was left over from a trial, and its engine {engine} does not answer. Start the "
                   "engine, then run stratascope recover again.",
                   name=plain(left.name, 80), engine=plain(left.engine, 80))  # fmt: skip
        return translate(text)
    text = msg(
        "{name}: its relaunch was interrupted, and its engine {engine} does not answer. Start the engine, then run "
        "stratascope recover again.",
        name=plain(left.name, 80),
        engine=plain(left.engine, 80),
    )
    return translate(text)
