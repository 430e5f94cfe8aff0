"""Several relaunches undone by one command: by names, by group, project, service or image."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from stratascope.cli.harden.output import HardenOutput, undo_object
from stratascope.cli.harden.relaunch import ENDINGS, FAILED, REFUSED, VERIFIED
from stratascope.cli.harden.targets import chosen
from stratascope.cli.interrupt import interrupted
from stratascope.cli.output import complain
from stratascope.core.container import Container
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.relaunch.transaction import Ended, Ending, Progress, Transaction
from stratascope.i18n.translate import translate
from stratascope.usecases.many.under_way import AllEnded
from stratascope.usecases.many.undo_together import group_of, names_of, undo_together
from stratascope.wiring.hardening import ConnectedHardening


def others_of(found: ConnectedHardening, done: Transaction) -> list[str]:
    """Names of those that were relaunched after each other with it, and can be undone too."""
    return [names_of(each) for each in group_of(found.hardening.kept(), done) if each.id != done.id]


def all_of(arguments: argparse.Namespace, found: ConnectedHardening) -> tuple[Transaction, ...]:
    """What is set aside of a project, a service or an image, oldest first. Raises ProbeError where nothing is."""
    words = ", ".join(filter(None, (arguments.project, arguments.service, arguments.image)))
    there = {access.engine.id for access in found.accesses}
    kept = [done for done in found.hardening.kept() if done.engine in there]
    running = [each for _, each in chosen(arguments, found)]
    hits = tuple(done for done in kept if any(_is_of(done, each) for each in running))
    if not hits:
        raise ProbeError(msg("Nothing is set aside for {name}.", name=words), words)
    return hits


def _is_of(done: Transaction, container: Container) -> bool:
    """By its id; an owner gives its containers new ones as it likes, and the labels stay."""
    if done.engine != container.engine:
        return False
    if done.owner is not None:
        return set(done.owner.labels) <= set(container.labels)
    return any(member.new == container.id for member in done.members)


def undo_all(arguments: argparse.Namespace, found: ConnectedHardening, wanted: Sequence[Transaction]) -> int:
    """All of them, the newest first; the exit code: 0 where all are undone, else that of the worst."""
    kept = found.hardening.kept()
    every = {each.id: each for done in wanted for each in (group_of(kept, done) if arguments.group else (done,))}
    done = sorted(every.values(), key=lambda each: each.started_at)
    if len({each.engine for each in done}) > 1:
        engines = ", ".join(sorted({each.engine for each in done}))
        raise ProbeError(msg("These are on several engines. Choose one with --engine: {engines}.", engines=engines))
    lasts = [_looked(arguments, found, each) for each in done]
    refused = any(last["blocks"] for last in lasts)
    if refused or arguments.dry_run:
        for last in lasts:
            last["result"] = "refused" if last["blocks"] or not arguments.dry_run else "possible"
        _tell(arguments, lasts, "refused" if refused else "possible")
        HardenOutput(arguments.json).nothing_changed(refused)
        return REFUSED if refused else VERIFIED
    access = found.hardening.access(done[0].engine)
    begun = ""
    for event in undo_together(access, done, watch=arguments.watch, cancelled=interrupted()):
        if isinstance(event, AllEnded):
            return _end(arguments, lasts, event)
        told = HardenOutput(arguments.json, event.name)
        if begun != event.name:
            told.heading((event.name,), 200)
            begun = event.name
        match event.event:
            case Progress() as step:
                told.step(step)
            case Ended() as ended:
                told.ended(ended)
                lasts[event.place] |= {
                    "result": ended.ending.value,
                    "why": "" if ended.why is None else translate(ended.why),
                    "words": ended.words,
                }
    return FAILED


def _looked(arguments: argparse.Namespace, found: ConnectedHardening, done: Transaction) -> dict[str, Any]:
    wanted = found.hardening.undo_plan(done)
    name = names_of(done)
    told = HardenOutput(arguments.json)
    told.heading((name,), 200)
    told.undo_plan(wanted)
    return {
        "name": name,
        **undo_object(done, wanted),
        "result": "",
        "why": "",
    }


def _end(arguments: argparse.Namespace, lasts: list[dict[str, Any]], ended: AllEnded) -> int:
    for last in lasts:
        if not last["result"]:  # it was not begun
            last["result"] = Ending.REFUSED.value
            last["why"] = translate(msg("Cancelled.") if ended.why is None else ended.why)
    if ended.why is not None and not arguments.json:
        complain(translate(ended.why))
    _tell(arguments, lasts, ended.ending.value)
    return ENDINGS[ended.ending]


def _tell(arguments: argparse.Namespace, lasts: Sequence[dict[str, Any]], result: str) -> None:
    """The last lines, one for each and one for all."""
    told = HardenOutput(arguments.json)
    for last in lasts:
        told.end(last)
    fields = ("name", "result", "replacement_id")
    told.end({"result": result, "containers": [{field: last[field] for field in fields} for last in lasts]})
