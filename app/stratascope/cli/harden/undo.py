"""`undo` and `discard` what was set aside, for one container or several; and `recover` what a crash left unfinished,
also at the start of each command that opens engines.

At the start of another command, a failed recovery is only reported: the command itself runs on. Only engines with an
unfinished relaunch in the journal are touched.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from stratascope.cli.harden.choosing import chooses, chosen, several
from stratascope.cli.harden.relaunch import (
    ENDINGS,
    FAILED,
    KEPT,
    REFUSED,
    VERIFIED,
    HardenOutput,
    agreed_to,
    place_of,
    undo_object,
)
from stratascope.cli.output import complain, interrupted, say, write
from stratascope.cli.progress import progress
from stratascope.core.container import SHORTEST_ID, Container
from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError, ProbeError
from stratascope.core.relaunch.launch_spec import TwinRecord
from stratascope.core.relaunch.transaction import (
    Damaged,
    Group,
    JournalError,
    PlainOutcome,
    Progress,
    RelaunchOutcome,
    RelaunchResult,
    Stage,
    Transaction,
    TransactionKind,
)
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.state.journal import FileJournal
from stratascope.usecases.many.together import AllEnded, group_of, names_of, undo_together
from stratascope.usecases.relaunch.recovery import Recovered, Result, unfinished
from stratascope.usecases.relaunch.rollback import volumes_left
from stratascope.usecases.relaunch.undo import hardened_since
from stratascope.wiring.engines import Engines
from stratascope.wiring.hardening import ConnectedHardening, connected, open_hardening


def one_or_all(arguments: argparse.Namespace) -> int:
    """Run `undo`: for one container, with more detail, or for several."""
    wide = several(arguments)
    with open_hardening(tuple(arguments.engine)) as found:
        at_start(found)
        named = [_aside(found, name) for name in arguments.containers]
        if wide or arguments.group:
            every = [*named, *(_all_of(arguments, found) if chooses(arguments) else ())]
            return _undo_all(arguments, found, every)
        (transaction,) = named
        printer = HardenOutput(arguments.json)
        others = _others_of(found, transaction)
        wanted = found.hardening.undo_plan(transaction)
        last: dict[str, Any] = {
            **undo_object(transaction, wanted),
            "group": others,
        }
        printer.undo_plan(wanted)
        if others and not arguments.json:
            text = msg("These were relaunched together with it and stay as they are unless you add --group: {names}",
                       names=plain(", ".join(others), 400))  # fmt: skip
            say(translate(text))
        if arguments.dry_run or wanted.blocks:
            printer.end({"result": "refused" if wanted.blocks else "possible", **last})
            return REFUSED if wanted.blocks else VERIFIED
        ended: RelaunchResult | None = None
        for event in found.hardening.undo(transaction, arguments.watch, interrupted()):
            match event:
                case Progress():
                    printer.step(event)
                case RelaunchResult():
                    ended = event
        if ended is None:
            return FAILED
        printer.ended(ended)
        printer.end(
            {
                "result": ended.ending.value,
                **last,
                "why": "" if ended.why is None else translate(ended.why),
            }
        )
        return ENDINGS[ended.ending]


def discard(arguments: argparse.Namespace) -> int:
    """Run `discard`: remove what is set aside for one container."""
    with open_hardening(tuple(arguments.engine)) as found:
        at_start(found)
        transaction = _aside(found, arguments.container)
        question = msg("Delete what is kept for {name}? There is no way back afterwards. [y/N] ",
                       name=plain(transaction.name, 200))  # fmt: skip
        if not arguments.yes and sys.stdin.isatty() and not agreed_to(question):
            return REFUSED
        progress.doing(msg("Removing the original"))
        found.hardening.discard(transaction)
        progress.done()
        if arguments.json:
            removed = [] if transaction.owner is not None else [member.old_aside for member in transaction.members]
            kept_file = None if transaction.owner is None else str(transaction.owner.files[0].path)
            write(json.dumps({"name": transaction.name, "removed": removed, "permanent": kept_file}) + "\n")
            return VERIFIED
        if transaction.owner is not None:
            kept = msg("The change to {name} in {path} is now permanent.", name=transaction.name,
                       path=transaction.owner.files[0].path)  # fmt: skip
            say(translate(kept))
            return VERIFIED
        for member in transaction.members:
            text = msg("{name} was removed. Its volumes stay.", name=member.old_aside)
            say(translate(text))
    return VERIFIED


def exercise(arguments: argparse.Namespace) -> int:
    """Run `exercise`: whether a hardened container works, by a command."""
    with open_hardening(tuple(arguments.engine)) as found:
        at_start(found)
        made = _aside(found, arguments.container)
        if not arguments.json:
            complain(translate(msg("Running this on the host, not in the container: {command}",
                                   command=plain(arguments.words, 500))))  # fmt: skip
        progress.doing(msg("Waiting for its status"))
        done = found.hardening.exercise(made, arguments.words, interrupted())
        progress.done()
    outcome = PlainOutcome.WORKS if done.why is None else PlainOutcome.NOT_TESTED
    if arguments.json:
        why = "" if done.why is None else translate(done.why)
        write(json.dumps({"outcome": outcome.value, "works": done.why is None, "why": why, "log": done.said}) + "\n")
    elif done.why is None:
        say(translate(msg("Works: the command succeeded.")))
    else:
        for line in done.said.splitlines():
            complain("  | " + plain(line, 300))
        complain(translate(done.why))
        text = msg("The command failed. To go back: stratascope undo {name}", name=plain(made.name, 200))
        complain(translate(text))
    return VERIFIED if done.why is None else KEPT


def _aside(found: ConnectedHardening, name: str) -> Transaction:
    """What is set aside for a container with that name or id. Raises ProbeError if that is none, or several."""
    there = {access.engine.id for access in found.accesses}
    kept_ones = [made for made in found.hardening.kept() if made.engine in there]
    hits = [made for made in kept_ones if _is_of(made, name)]
    if not hits and not any(each.name == name for access in found.accesses for each in access.containers()):
        hits = [made for made in kept_ones if _begins(made, name)]
    if not hits:
        hits = [made for engine in there for made in found.hardening.found(engine, lambda made: _is_of(made, name))]
    if len({(made.engine, made.new) for made in hits}) == 1:
        return hits[-1]  # what the last of several undos replaced
    hits = [made for made in hits if hardened_since(hits, made) is None] or hits
    if len(hits) > 1:
        listed = ", ".join(f"{made.engine} {made.new[:12]}" for made in hits)
        raise ProbeError(
            msg(
                "Several originals are kept for {name}. Give an ID, or --engine: {listed}.",
                name=name,
                listed=listed,
            ),
            name,
        )
    if hits:
        return hits[0]
    entries = FileJournal().all()
    tell_damaged(entries)
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
    raise ProbeError(_nothing_kept(name), name)


def _nothing_kept(name: str) -> Message:
    return msg("Nothing is kept for {name}: there is no relaunch of it to undo. See stratascope list.", name=name)


def _is_of(transaction: Transaction, name: str) -> bool:
    """Whether a container of the transaction has that name or full id."""
    return any(name in (made.name, made.old, made.new) for made in transaction.members)


def _begins(transaction: Transaction, name: str) -> bool:
    """Whether a replacement's id begins with `name`."""
    return len(name) >= SHORTEST_ID and any(made.new.startswith(name) for made in transaction.members)


def _others_of(found: ConnectedHardening, done: Transaction) -> list[str]:
    """Names of the containers that were relaunched together with it, and can be undone too."""
    return [names_of(each) for each in group_of(found.hardening.kept(), done) if each.id != done.id]


def _all_of(arguments: argparse.Namespace, found: ConnectedHardening) -> tuple[Transaction, ...]:
    """What is set aside for a project, service or image, oldest first. Raises ProbeError if nothing is."""
    words = ", ".join(filter(None, (arguments.project, arguments.service, arguments.image)))
    there = {access.engine.id for access in found.accesses}
    kept = [done for done in found.hardening.kept() if done.engine in there]
    running = [each for _, each in chosen(arguments, found)]
    hits = tuple(done for done in kept if any(_made(done, each) for each in running))
    if not hits:
        raise ProbeError(_nothing_kept(words), words)
    return hits


def _made(done: Transaction, container: Container) -> bool:
    """Whether the transaction created this container: by its id, or by its labels if an owner (Compose, systemd)
    may have recreated it with a new id.
    """
    if done.engine != container.engine:
        return False
    if done.owner is not None:
        return set(done.owner.labels) <= set(container.labels)
    return any(member.new == container.id for member in done.members)


def _undo_all(arguments: argparse.Namespace, found: ConnectedHardening, wanted: Sequence[Transaction]) -> int:
    """Undo several, newest first; returns 0 if all are undone, else the worst exit code."""
    kept = found.hardening.kept()
    every = {each.id: each for done in wanted for each in (group_of(kept, done) if arguments.group else (done,))}
    done = sorted(every.values(), key=lambda each: each.started_at)
    if len({each.engine for each in done}) > 1:
        engines = ", ".join(sorted({each.engine for each in done}))
        raise ProbeError(msg("These are on several engines. Choose one with --engine: {engines}.", engines=engines))
    lasts = [_planned(arguments, found, each) for each in done]
    refused = any(last["blocks"] for last in lasts)
    if refused or arguments.dry_run:
        for last in lasts:
            last["result"] = "refused" if last["blocks"] or not arguments.dry_run else "possible"
        _print_ends(arguments, lasts, "refused" if refused else "possible")
        HardenOutput(arguments.json).nothing_changed(refused)
        return REFUSED if refused else VERIFIED
    access = found.hardening.access(done[0].engine)
    begun = ""
    seen: list[str] = []
    for event in undo_together(access, done, watch=arguments.watch, cancelled=interrupted()):
        if isinstance(event, AllEnded):
            return _end(arguments, lasts, event)
        if event.name not in seen:
            seen.append(event.name)
        printer = HardenOutput(arguments.json, event.name, place_of(len(seen), len(done), event.name))
        if begun != event.name:
            printer.heading((event.name,), 200)
            begun = event.name
        match event.event:
            case Progress() as step:
                printer.step(step)
            case RelaunchResult() as ended:
                printer.ended(ended)
                lasts[event.place] |= {
                    "result": ended.ending.value,
                    "why": "" if ended.why is None else translate(ended.why),
                    "words": ended.words,
                }
    return FAILED


def _planned(arguments: argparse.Namespace, found: ConnectedHardening, done: Transaction) -> dict[str, Any]:
    wanted = found.hardening.undo_plan(done)
    name = names_of(done)
    printer = HardenOutput(arguments.json)
    printer.heading((name,), 200)
    printer.undo_plan(wanted)
    return {
        "name": name,
        **undo_object(done, wanted),
        "result": "",
        "why": "",
    }


def _end(arguments: argparse.Namespace, lasts: list[dict[str, Any]], ended: AllEnded) -> int:
    for last in lasts:
        if not last["result"]:  # not begun
            last["result"] = RelaunchOutcome.REFUSED.value
            last["why"] = translate(msg("Cancelled.") if ended.why is None else ended.why)
    if ended.why is not None and not arguments.json:
        complain(translate(ended.why))
    _print_ends(arguments, lasts, ended.ending.value)
    return ENDINGS[ended.ending]


def _print_ends(arguments: argparse.Namespace, lasts: Sequence[dict[str, Any]], result: str) -> None:
    """Print the last lines: one per undo, and one for all."""
    printer = HardenOutput(arguments.json)
    for last in lasts:
        printer.end(last)
    fields = ("name", "result", "replacement_id")
    printer.end({"result": result, "containers": [{field: last[field] for field in fields} for last in lasts]})


def recover(arguments: argparse.Namespace) -> int:
    """Run `recover`. Raises ProbeError if a given engine is not known."""

    def put(what: Transaction | TwinRecord | Group, result: str, text: str) -> None:
        write(json.dumps({"name": what.name, "engine": what.engine, "result": result, "text": text}) + "\n")

    journal, only = FileJournal(), tuple(arguments.engine)
    tried: list[Recovered] = []
    with open_hardening(only) as found:
        for access in found.accesses:
            progress.doing(msg("Finishing or going back on {engine}", engine=access.engine.id))
            for item in found.hardening.recover_on(access.engine.id):
                tried.append(item)
                if arguments.json:
                    put(item.transaction, item.result.value, _recovered(item))
                elif item.result in (Result.FINISHED, Result.UNDONE, Result.REMOVED):
                    say(_recovered(item))
                else:
                    _complain(item)
    progress.done()
    known = {item.transaction.id for item in tried}
    left = [item for item in unfinished(journal) if item.id not in known]
    unreached = [item for item in left if not only or item.engine in only or item.endpoint in only]
    for each in unreached:
        if arguments.json:
            put(each, "unreached", _unreached(each))
        else:
            complain(_unreached(each))
    damaged = [item for item in journal.all() if isinstance(item, Damaged)]
    tell_damaged(damaged)
    return FAILED if unreached or damaged or any(item.result is Result.FAILED for item in tried) else VERIFIED


def tell_damaged(found: Sequence[Transaction | Damaged]) -> None:
    """Name the entries of the journal that can't be read; they are left alone."""
    for item in found:
        if isinstance(item, Damaged):
            complain(f"{item.path}: {plain(item.words, 200)}")


def at_start(found: ConnectedHardening) -> None:
    """Recover before containers are looked up by name: after a crash a container may lack its name."""
    if unfinished(FileJournal()):
        for access in found.accesses:
            for item in found.hardening.recover_on(access.engine.id):
                if item.result is not Result.HELD:
                    _complain(item)


def before_looking(engines: Engines) -> None:
    """Recover before commands that change nothing. Raises nothing."""
    if unfinished(FileJournal()):
        try:
            at_start(connected(engines))
        except (EngineError, ProbeError, OSError) as error:
            complain(translate(msg("An interrupted relaunch could not be repaired now: {why}", why=str(error))))


def _complain(item: Recovered) -> None:
    complain(_recovered(item))
    if isinstance(item.error, EngineError | JournalError) and item.error.words:
        complain(plain(item.error.words, 1000))


def _recovered(item: Recovered) -> str:
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
        case Result.UNDONE if isinstance(what, Transaction) and (left := volumes_left(what)):
            text = msg("{name}: an interrupted relaunch was undone; everything is as it was before. What its "
                       "replacement wrote stays in its new volume: {names}.", name=name,
                       names=plain(", ".join(left), 300))  # fmt: skip
        case Result.UNDONE:
            text = msg("{name}: an interrupted relaunch was undone; everything is as it was before.", name=name)
        case Result.REMOVED:
            text = msg("{name}: removed this copy, left over from a trial.", name=name)
        case Result.HELD:
            text = msg("{name}: another window or command is working on it right now, so it was left alone.", name=name)
        case Result.FAILED if isinstance(what, TwinRecord):
            text = msg("{name}: this copy, left over from a trial, can't be removed now. {why}", name=name,
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
        text = msg("{name}: this copy is left over from a trial, and its engine {engine} does not answer. Start the "
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
