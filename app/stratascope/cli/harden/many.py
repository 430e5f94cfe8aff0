"""Hardens several containers with one command: all are planned and described first, then relaunched one by one.

JSON: each container has the same lines as alone, plus its name. Their last lines come at the end, when it is known
whether the replacements stay, followed by one line for all.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from stratascope.cli.harden import relaunch
from stratascope.cli.harden.choosing import choices_of, short_of, targets
from stratascope.cli.output import complain, interrupted, say
from stratascope.core.message import colon, msg, plural
from stratascope.core.ports import NoSuchContainerError, ProbeError
from stratascope.core.relaunch.toggle import Choice, Preset
from stratascope.core.relaunch.transaction import Progress, RelaunchOutcome, RelaunchResult, Remedy
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.usecases.listing.alike import by_kind
from stratascope.usecases.many.plan_together import members, plan_together, refusals
from stratascope.usecases.many.together import FAILURES, AllEnded, Of, Outcome, relaunch_together
from stratascope.usecases.plan.look import look
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.relaunch.proof import Proved
from stratascope.value import Value
from stratascope.wiring.hardening import ConnectedEngine, ConnectedHardening

_BEST_FIRST = (relaunch.VERIFIED, relaunch.KEPT, relaunch.REFUSED, relaunch.ROLLED_BACK, relaunch.FAILED)


def _outcome(result: str) -> str | None:
    """`result` for people; None also for a plan that was not carried out."""
    plain_outcome = next((each.plain for each in RelaunchOutcome if each.value == result), None)
    return None if plain_outcome is None else plain_outcome.value


class Wanted(Value):
    """One container and its choices. `more`: further fields of its last line."""

    state: ContainerState
    choices: tuple[Choice, ...]
    more: dict[str, Any]


def harden(arguments: argparse.Namespace, found: ConnectedHardening) -> int:
    """Run `harden` for several containers; a preset's choices are computed once per kind."""
    access, numbers = targets(arguments, found)
    states = [read(access, number) for number in numbers]
    preset = None if arguments.preset is None else Preset(arguments.preset)
    wanted = []
    for kind in by_kind((state.container, state) for state in states):
        choices = choices_of(arguments, found.hardening, kind[0])
        wanted += [Wanted(state, choices, {}) for state in kind]
    return relaunch_all(arguments, found, access, wanted, preset=preset)


def read(access: ConnectedEngine, container: str) -> ContainerState:
    """The container's present state. Raises EngineError, NoSuchContainerError."""
    state = access.read(container)
    if state is None:
        raise NoSuchContainerError(container)
    return state


class _Output:
    """The output for one container, and its last line."""

    def __init__(self, arguments: argparse.Namespace, made: Plan, last: dict[str, Any], place: str) -> None:
        self.made, self.last = made, last
        self.printer = relaunch.HardenOutput(arguments.json, made.spec.name, place)
        self.result = ""

    def end(self, result: str, more: dict[str, Any] | None = None) -> None:
        self.result = result
        self.last = {**self.last, **(more or {}), "result": result, "outcome": _outcome(result)}


def relaunch_all(
    arguments: argparse.Namespace,
    found: ConnectedHardening,
    access: ConnectedEngine,
    wanted: Sequence[Wanted],
    *,
    preset: Preset | None = None,
    exercised: Sequence[str] = (),
) -> int:
    """Plan, describe, ask and carry out; returns 0 if all are verified, else the worst exit code.

    `exercised`: commands that succeeded on twins with exactly these choices.
    """
    if arguments.watch_refusals:
        raise ProbeError(msg("--watch-refusals works with one container only."))
    found.hardening.access(access.engine.id)  # connect first: previews need it
    plans = _planned(arguments, access, wanted)
    more = {each.state.container.id: each.more for each in wanted}
    outputs = _describe(arguments, found, plans, preset, more)
    blocked = bool(refusals(plans))
    if arguments.dry_run or blocked:
        for output in outputs.values():
            output.end("refused" if output.made.checked.blocks else "possible")
            if blocked and not arguments.dry_run:
                output.end("refused")
        _print_ends(arguments, outputs, "refused" if blocked else "possible")
        relaunch.HardenOutput(arguments.json).nothing_changed(blocked)
        return relaunch.REFUSED if blocked else relaunch.VERIFIED
    question = plural("Relaunch {count} container on {engine}? [y/N] ",
                      "Relaunch {count} containers on {engine}, one after the other? [y/N] ",
                      len(outputs), engine=access.engine.id)  # fmt: skip
    if not arguments.yes and not relaunch.agreed_to(question):
        for output in outputs.values():
            output.end("refused")
        _print_ends(arguments, outputs, "refused")
        return relaunch.REFUSED
    events = relaunch_together(
        access,
        plans,
        watch=arguments.watch,
        keep_unverified=arguments.keep_unverified,
        keep_done=arguments.keep_done,
        exercised=exercised,
        cancelled=interrupted(),
    )
    return _carried_out(arguments, access, plans, outputs, events)


def refused(arguments: argparse.Namespace, access: ConnectedEngine, wanted: Sequence[Wanted]) -> bool:
    """Whether any of them is blocked. If carrying over what they wrote is all that is missing, that is done, since
    nothing is lost by it.
    """
    against = refusals(_planned(arguments, access, wanted))
    if against and all(block.remedy is Remedy.COMMIT_LAYER for _, block in against):
        arguments.remedies = [*arguments.remedies, Remedy.COMMIT_LAYER]
        return bool(refusals(_planned(arguments, access, wanted)))
    return bool(against)


def _planned(arguments: argparse.Namespace, access: ConnectedEngine, wanted: Sequence[Wanted]) -> tuple[Plan, ...]:
    looks = [(look(access, each.state.container.id), each.choices) for each in wanted]
    return plan_together(access, looks, frozenset(arguments.remedies), keep_done=arguments.keep_done)


def _describe(
    arguments: argparse.Namespace,
    found: ConnectedHardening,
    plans: Sequence[Plan],
    preset: Preset | None,
    more: dict[str, dict[str, Any]],
) -> dict[str, _Output]:
    """Describe the plans, once per kind; returns an output per container id, in the order of relaunching."""
    outputs: dict[str, _Output] = {}
    every = [each for made in plans for each in members(made)]
    places: dict[str, str] = {}
    for number, made in enumerate(plans, 1):
        places |= {each.spec.id: relaunch.place_of(number, len(plans), each.spec.name) for each in members(made)}
    for kind in by_kind((each.state.container, each) for each in every):
        for place, made in enumerate(kind):
            state = made.state
            preview = None if state.judged.matrix is None else found.hardening.preview(state, made.choices)
            predicted = None if preview is None else preview.after
            short = () if preview is None else short_of(found.hardening, state, preview, preset)
            last = relaunch.last_fields(found, made, predicted, short) | more.get(made.spec.id, {})
            outputs[made.spec.id] = output = _Output(arguments, made, last, places[made.spec.id])
            if not place:
                output.printer.heading(each.spec.name for each in kind)
                output.printer.plan(made, state.matrix, predicted, short)
            elif not arguments.json:
                _differs(made, kind[0])
    return {each.spec.id: outputs[each.spec.id] for each in every}


def _differs(made: Plan, first: Plan) -> None:
    """Print how another container's plan differs from the first one of its kind."""
    lines = [("!", translate(each.text)) for each in made.checked.warnings if each not in first.checked.warnings]
    lines += [("x", translate(each.sentence)) for each in made.checked.blocks if each not in first.checked.blocks]
    for mark, text in lines:
        line = translate(colon(plain(made.spec.name, 80), text))
        say(plain(f"{mark} {line}", 500))


def _carried_out(
    arguments: argparse.Namespace,
    access: ConnectedEngine,
    plans: Sequence[Plan],
    outputs: dict[str, _Output],
    events: Iterator[Of | AllEnded],
) -> int:
    begun = ""
    for event in events:
        if isinstance(event, AllEnded):
            return _end(arguments, access, plans, outputs, event)
        output = outputs[plans[event.place].spec.id]
        if begun != event.name:
            output.printer.heading(each.spec.name for each in members(plans[event.place]))
            begun = event.name
        match event.event:
            case Progress() as step:
                output.printer.step(step)
            case Proved() as proved:
                of = outputs.get(proved.original, output)
                of.last["toggles"].append(relaunch.proof_object(proved))
                of.printer.proof(proved)
            case RelaunchResult() as ended:
                output.printer.ended(ended)
    return relaunch.FAILED


def _end(
    arguments: argparse.Namespace,
    access: ConnectedEngine,
    plans: Sequence[Plan],
    outputs: dict[str, _Output],
    ended: AllEnded,
) -> int:
    codes = [relaunch.code_of(arguments, ended.ending)]
    for outcome in ended.outcomes:
        for each in members(plans[outcome.place]):
            _ended(access, outputs[each.spec.id], outcome)
        if outcome.undone is None:
            codes.append(relaunch.code_of(arguments, outcome.ended.ending))
    for output in outputs.values():
        if not output.result:  # not begun
            why = msg("An earlier one failed.") if ended.why is None else ended.why
            output.end(RelaunchOutcome.REFUSED.value, {"why": translate(why), "words": ended.words})
    if ended.why is not None and not arguments.json:
        complain(translate(ended.why))
    _print_ends(arguments, outputs, ended.ending.value, group=ended.group)
    if not arguments.json:
        _in_words(plans, outputs, ended)
    return max(codes, key=_BEST_FIRST.index)


def _ended(access: ConnectedEngine, output: _Output, outcome: Outcome) -> None:
    ended, undone = outcome.ended, outcome.undone
    if undone is not None:
        back = RelaunchOutcome.UNFINISHED if undone.ending in FAILURES else RelaunchOutcome.ROLLED_BACK
        why = msg("Undone because a later one failed.") if undone.why is None else undone.why
        output.end(back.value, {"why": translate(why), "words": undone.words})
        return
    if ended.transaction is not None and ended.ending not in FAILURES:
        new = {member.old: member.new for member in ended.transaction.members}
        output.last["replacement_id"] = number = new[output.made.spec.id]
        after = access.read(number)
        output.last["after"] = relaunch.short_matrix(None if after is None else after.matrix)
    output.end(ended.ending.value, relaunch.ended_object(ended, output.last))


def _print_ends(arguments: argparse.Namespace, outputs: dict[str, _Output], result: str, *, group: str = "") -> None:
    """Print the last JSON lines: one per container, and one for all."""
    for output in outputs.values():
        output.printer.end(output.last)
    containers = [
        {
            "name": each.made.spec.name,
            "result": each.result,
            "outcome": each.last["outcome"],
            "replacement_id": each.last["replacement_id"],
        }
        for each in outputs.values()
    ]
    last = {"result": result, "outcome": _outcome(result), "group": group or None, "containers": containers}
    relaunch.HardenOutput(arguments.json).end(last)


def _in_words(plans: Sequence[Plan], outputs: dict[str, _Output], ended: AllEnded) -> None:
    """Print for people what stays, what was undone, and how to undo all of it."""
    kept = [plans[each.place] for each in ended.outcomes if each.undone is None and each.ended.ending not in FAILURES]
    names = ", ".join(plain(each.spec.name, 80) for made in kept for each in members(made))
    undone = [plans[each.place] for each in ended.outcomes if each.undone is not None]
    if undone:
        back = ", ".join(plain(each.spec.name, 80) for made in undone for each in members(made))
        say(translate(msg("Undone, so that none is left halfway: {names}.", names=back)))
    if len(kept) == len(plans):
        text = plural("{count} container is hardened.", "{count} containers are hardened.", len(outputs))
        say(translate(text))
    elif kept:
        say(translate(msg("Kept, though a later one failed: {names}.", names=names)))
    if kept and any(not made.live for made in kept):
        text = msg("To undo all of them: stratascope undo --group {name}", name=plain(kept[0].spec.name, 80))
        say(translate(text))
