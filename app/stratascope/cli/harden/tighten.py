"""`tighten`: the tightest settings with which a container still works, found on twins, and a relaunch with them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from stratascope.cli.harden import many, trials
from stratascope.cli.harden.choosing import several, targets
from stratascope.cli.harden.relaunch import REFUSED, HardenOutput, relaunch
from stratascope.cli.harden.undo import at_start
from stratascope.cli.output import complain, interrupted, on_terminal, say, write
from stratascope.cli.progress import progress
from stratascope.core.message import Message, followed, msg, plural
from stratascope.core.relaunch.toggle import Choice, ToggleError
from stratascope.core.relaunch.transaction import Remedy
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import listed, translate
from stratascope.layers.toggles import toggle
from stratascope.presentation.needs_report import phase_word
from stratascope.usecases.listing.alike import by_kind
from stratascope.usecases.plan.preflight import Block
from stratascope.usecases.tighten.tighten import Tightened, Wishes, found_alone
from stratascope.usecases.trial.lifecycle import Exercises
from stratascope.usecases.trial.strategy import ENDS, Ends, TrialBegun, TrialDone
from stratascope.wiring.engines import Engines, open_engines
from stratascope.wiring.hardening import ConnectedEngine, ConnectedHardening, connected, watched_twins


def run(arguments: argparse.Namespace) -> int:
    """Run `tighten`; returns the exit code. Raises what `commands.run` catches."""
    wishes = Wishes(
        Exercises(tuple(arguments.exercise)), arguments.repeat, _kept(arguments.keep), tight=arguments.tight
    )
    wide = several(arguments)
    with open_engines(tuple(arguments.engine)) as engines:
        found = connected(engines, terminal=on_terminal())
        at_start(found)
        if wide:
            return _all(arguments, engines, found, wishes)
        access, state = found.state(arguments.containers[0])
        if _blocked(arguments, found, state):  # refused whatever the trials would find
            return relaunch(arguments, found, access, state, ())
        done = _search(arguments, engines, found, access, state, wishes)
        if done is None:
            return REFUSED
        exercised = () if done.untried else arguments.exercise
        return relaunch(
            arguments,
            found,
            access,
            state,
            done.choices or done.untried,
            more=_outcome(done),
            exercised=exercised,
            repeated=None if done.untried else done.repeated,
            carry=not wishes.chosen,
        )


def _blocked(arguments: argparse.Namespace, found: ConnectedHardening, state: ContainerState) -> bool:
    """Whether something speaks against any relaunch of it. What it wrote is carried over, which loses nothing."""
    hardening = found.hardening
    try:
        choices, _ = hardening.able(state, hardening.suggested(state).choices)
    except ToggleError:  # nothing of it could be read
        choices = ()

    def blocks(chosen: Sequence[Choice]) -> tuple[Block, ...]:
        return hardening.plan(state, chosen, frozenset(arguments.remedies)).checked.blocks

    against = blocks(choices)
    if any(each.remedy is Remedy.COMMIT_LAYER for each in against):
        arguments.remedies = [*arguments.remedies, Remedy.COMMIT_LAYER]
        against = blocks(choices)
    return bool(against and blocks(()))


def _all(arguments: argparse.Namespace, engines: Engines, found: ConnectedHardening, wishes: Wishes) -> int:
    """Tighten several containers; trials run for one container of each kind."""
    access, numbers = targets(arguments, found)
    states = [many.read(access, number) for number in numbers]
    wanted = [many.Wanted(state, (), {}) for state in states]
    if many.refused(arguments, access, wanted):  # refused whatever the trials would find
        return many.relaunch_all(arguments, found, access, wanted)
    wanted = []
    for kind in by_kind((state.container, state) for state in states):
        HardenOutput(arguments.json).heading(state.container.name for state in kind)
        done = _search(arguments, engines, found, access, kind[0], wishes)
        if done is None:
            return REFUSED
        told = _outcome(done)
        wanted += [many.Wanted(state, done.choices or done.untried, told) for state in kind]
    return many.relaunch_all(arguments, found, access, wanted, exercised=arguments.exercise)


def _search(
    arguments: argparse.Namespace,
    engines: Engines,
    found: ConnectedHardening,
    access: ConnectedEngine,
    state: ContainerState,
    wishes: Wishes,
) -> Tightened | None:
    """Search on twins, and print the result; None if nothing works."""
    progress.doing(msg("Planning what is tried"), msg("trials on disposable copies"))
    watcher = watched_twins(engines, access.engine, state, terminal=on_terminal())
    done: Tightened | None = None
    for event in found.hardening.tighten(state, wishes, watcher, interrupted()):
        match event:
            case TrialBegun():
                trials.begun(event, as_json=arguments.json)
            case TrialDone():
                trials.done(event, state.container.name if several(arguments) else "", as_json=arguments.json)
            case Tightened():
                done = event
    progress.done()
    assert done is not None
    if done.unwatched is not None:
        complain(translate(found_alone(done.unwatched)))
    if done.untried:
        complain(translate(untried(done)))
        return done
    if done.verdict.ends is not Ends.FOUND:
        _nothing(arguments, done, _outcome(done))
        return None
    if not arguments.json:
        say(*lines(done))
    return done


def _kept(texts: list[str]) -> tuple[str, ...]:
    """The ids of toggles given by --keep. Raises ToggleError for an unknown one."""
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    return tuple(toggle(name).id for name in names)


def _outcome(done: Tightened) -> dict[str, Any]:
    """The fields of the last line in addition to those of `harden`."""
    why = dict(done.derived.why)
    seen = None if done.needs is None else done.needs.observation.seen
    capabilities = next((item.value for item in done.choices if item.id == "capabilities"), None)
    return {
        "choices": [trials.choice_object(item, why.get(item.id)) for item in done.choices],
        "untried": [trials.choice_object(item, None) for item in done.untried],
        "left_out": [{"id": name, "why": translate(against)} for name, against in done.derived.left],
        "capabilities": None if capabilities is None else [name for name in capabilities.split(",") if name != "none"],
        "syscalls_allowed": done.calls,
        "trials": done.trials,
        "coverage": [] if seen is None else [phase.value for phase in seen.phases],
        "compared": [] if done.tried is None else [translate(item) for item in done.tried.compared],
        "not_compared": [] if done.tried is None else [translate(item) for item in done.tried.not_compared],
    }


def untried(done: Tightened) -> Message:
    """Why there are no trials, and what the settings rest on instead."""
    why = None if done.tried is None else done.tried.why
    text = ENDS[Ends.REFUSED] if why is None else followed(ENDS[Ends.REFUSED], why)
    seen = None if done.needs is None else done.needs.observation.seen
    if seen is None or not seen.phases:
        return msg("{text} Applying the plan as it is; the container was not watched.", text=text)
    phases = listed(map(phase_word, seen.phases))
    return msg("{text} Applying the plan as it is, from what was seen of the container: {phases}.",
               text=text, phases=phases)  # fmt: skip


def _nothing(arguments: argparse.Namespace, done: Tightened, told: dict[str, Any]) -> None:
    why = None if done.tried is None else done.tried.why
    sentence = translate(ENDS[done.verdict.ends])
    if arguments.json:
        write(json.dumps({"result": "refused", **told, "why": sentence if why is None else translate(why)}) + "\n")
        return
    if why is not None:
        complain(translate(why))
    if done.tried is not None and done.tried.words:
        complain(plain(done.tried.words, 1000))
    say(f"{sentence} {translate(msg('Nothing was changed.'))}")


def lines(done: Tightened) -> list[str]:
    """The result for people: each setting with its reason, and how much was tried."""
    why = dict(done.derived.why)
    found = [
        f"  {item.id}={plain(item.readable, 200)}" + (f"  {translate(why[item.id])}" if item.id in why else "")
        for item in done.choices
    ]
    for against in dict.fromkeys(against for _, against in done.derived.left):
        names = ", ".join(name for name, other in done.derived.left if other == against)
        found.append("  " + translate(msg("Left out: {names}. {why}", names=names, why=against)))
    if done.needs is not None:
        phases = listed(map(phase_word, done.needs.observation.seen.phases))
        found.append(translate(msg("Seen while it was watched: {phases}", phases=phases)))
    found.append(translate(plural("Found in one trial.", "Found in {count} trials.", done.trials)))
    return found
