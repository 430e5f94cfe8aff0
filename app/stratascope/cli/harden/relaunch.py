"""A relaunch on the command line: planned, described, confirmed, carried out. Ctrl+C goes back."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from stratascope.cli.harden.output import HardenOutput, warning_objects
from stratascope.cli.harden.presets import offers_of, would_close
from stratascope.cli.interrupt import interrupted
from stratascope.cli.output import complain
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import GRADES, Choice, Preset
from stratascope.core.relaunch.transaction import (
    Progress,
    RelaunchOutcome,
    RelaunchResult,
)
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.usecases.plan.offers import shortfalls
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.preflight import Block
from stratascope.usecases.relaunch.proof import Proved
from stratascope.wiring.hardening import ConnectedEngine, ConnectedHardening

VERIFIED, KEPT, FAILED, REFUSED, ROLLED_BACK = 0, 1, 2, 3, 4
ENDINGS = {
    RelaunchOutcome.VERIFIED: VERIFIED,
    RelaunchOutcome.LIMITED: VERIFIED,
    RelaunchOutcome.ENFORCED: KEPT,
    RelaunchOutcome.KEPT: KEPT,
    RelaunchOutcome.REFUSED: REFUSED,
    RelaunchOutcome.ROLLED_BACK: ROLLED_BACK,
    RelaunchOutcome.UNFINISHED: FAILED,
}


def relaunch(
    arguments: argparse.Namespace,
    found: ConnectedHardening,
    access: ConnectedEngine,
    state: ContainerState,
    chosen: Sequence[Choice],
    *,
    preset: Preset | None = None,
    more: dict[str, Any] | None = None,
    exercised: Sequence[str] = (),
) -> int:
    """Plan, describe, ask and carry out; the exit code. `more`: further fields of the last line of the JSON.

    `exercised`: commands that ended well on a twin with just these choices.
    """
    made = found.hardening.plan(state, chosen, frozenset(arguments.remedies))
    preview = None if state.judged.matrix is None else found.hardening.preview(state, made.choices, made.files)
    predicted = None if preview is None else preview.after
    offers = offers_of(found.hardening, state) if arguments.dry_run and preview is not None and more is None else []
    left = found.hardening.closing(state).left if preset is Preset.CRITICAL else ()
    in_use = found.hardening.in_use(state) if preset in GRADES else ()
    short = () if preview is None else shortfalls(preview, preset, left, in_use)
    told = HardenOutput(arguments.json)
    last = {
        **foretold(found, made, predicted, short),
        **({"offers": offers} if offers else {}),
        **(more or {}),
    }
    if arguments.dry_run or made.checked.blocks:
        refused = bool(made.checked.blocks)
        told.plan(made, state.matrix, predicted, short, would_close(preview, offers))
        told.dry(refused, last["command"])
        told.end({"result": "refused" if refused else "possible", **last})
        return REFUSED if refused else VERIFIED
    told.plan(made, state.matrix, predicted, short)
    if not arguments.yes and not _agreed(access.engine.id, made):
        told.end({"result": "refused", **last})
        return REFUSED
    return _carry_out(arguments, found, access, made, told, last, exercised)


def foretold(
    found: ConnectedHardening, made: Plan, predicted: Matrix | None, short: Sequence[Message]
) -> dict[str, Any]:
    """What the last line of the JSON says of a container before anything has happened."""
    return {
        "engine": made.spec.engine,
        "original_id": made.state.container.id,
        "replacement_id": None,
        "before": short_matrix(made.state.matrix),
        "predicted": short_matrix(predicted),
        "after": None,
        **halves(None),
        "search": None,
        "refusals": None,
        "toggles": [],
        "blocks": [block_object(item) for item in made.checked.blocks],
        "warnings": warning_objects(made.checked.warnings),
        "command": found.hardening.command(made),
        "owner": _owner(made),
        "shortfalls": [translate(each) for each in short],
    }


def _carry_out(
    arguments: argparse.Namespace,
    found: ConnectedHardening,
    access: ConnectedEngine,
    made: Plan,
    told: HardenOutput,
    last: dict[str, Any],
    exercised: Sequence[str],
) -> int:
    ended: RelaunchResult | None = None
    cancelled = interrupted()
    events = found.hardening.run(made, arguments.watch, cancelled, keep_unverified=arguments.keep_unverified,
                                 exercised=exercised)  # fmt: skip
    for event in events:
        match event:
            case Progress():
                told.step(event)
            case Proved():
                last["toggles"].append(proof_object(event))
                told.proof(event)
            case RelaunchResult():
                ended = event
    if ended is None:
        return FAILED
    if ended.transaction is not None and ended.ending.stays:
        last["replacement_id"] = ended.transaction.new
        after = access.read(ended.transaction.new)
        last["after"] = short_matrix(None if after is None else after.matrix)
    told.ended(ended)
    searched = refusals = None
    unexplained = ended.ending is RelaunchOutcome.ROLLED_BACK and ended.blame and not (ended.suspects or made.repairs)
    if unexplained and not arguments.no_search:
        from stratascope.cli.harden import trials  # only this needs trials

        searched = trials.search(found.hardening, made, cancelled, as_json=arguments.json)
    new = last["replacement_id"]
    if new is not None and arguments.watch_refusals:
        from stratascope.cli.harden.refusals import watch

        refusals = watch(found.hardening, made, new, arguments.watch_refusals, cancelled, as_json=arguments.json)
    told.end({**ended_object(ended, last), "search": searched, "refusals": refusals})
    return code_of(arguments, ended.ending)


def code_of(arguments: argparse.Namespace, ending: RelaunchOutcome) -> int:
    """The exit code of an ending."""
    if ending is RelaunchOutcome.ENFORCED and arguments.enforced_is_enough:
        return VERIFIED
    return ENDINGS[ending]


def halves(ended: RelaunchResult | None) -> dict[str, Any]:
    """The two halves of a result, for JSON. None: nothing was done."""
    if ended is None:
        return {"enforced": None, "works": None, "compared": [], "not_compared": []}
    return {
        "enforced": ended.enforced,
        "works": ended.works,
        "compared": [plain(translate(item)) for item in ended.compared],
        "not_compared": [plain(translate(item)) for item in ended.not_compared],
    }


def ended_object(ended: RelaunchResult, last: dict[str, Any]) -> dict[str, Any]:
    """The last line of the JSON, once it has ended."""
    return {
        "result": ended.ending.value,
        **last,
        **halves(ended),
        "why": "" if ended.why is None else translate(ended.why),
        "words": ended.words,
        "log": ended.log,
        "blame": "" if ended.blame is None else translate(ended.blame),
        "suspects": list(ended.suspects),
    }


def _agreed(engine: str, made: Plan) -> bool:
    name = plain(made.spec.name, 200)
    if made.live:
        question = msg("Change the limits of {name} on {engine}? [y/N] ", name=name, engine=engine)
    else:
        question = msg("Relaunch {name} on {engine}? [y/N] ", name=name, engine=engine)
    return agreed_to(question)


def agreed_to(question: Message) -> bool:
    """The answer to a question; no, if nobody can be asked."""
    if not sys.stdin.isatty():
        complain(translate(msg("There is no terminal to ask on: add --yes.")))
        return False
    sys.stderr.write(translate(question))
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def short_matrix(matrix: Matrix | None) -> dict[str, Any] | None:
    if matrix is None:
        return None
    return {
        "exposure": matrix.exposure.worst,
        "threats": {
            item.threat.id: {"outcome": item.outcome.value, "depth": list(item.depth)} for item in matrix.threats
        },
    }


def _owner(made: Plan) -> dict[str, Any] | None:
    owner = made.owner
    if owner is None:
        return None
    return {
        "kind": owner.kind.value,
        "service": owner.service,
        "files": [{"path": file.path, "text": file.content} for file in owner.files],
        "commands": list(owner.commands),
    }


def proof_object(event: Proved) -> dict[str, Any]:
    return {
        "id": event.choice.toggle,
        "value": event.choice.value,
        "outcome": event.proof.outcome.value,
        "expected": translate(event.proof.expected),
        "found": translate(event.proof.found),
        "source": event.proof.source,
    }


def block_object(block: Block) -> dict[str, Any]:
    remedy = None if block.remedy is None else block.remedy.value
    return {"code": block.code, "text": translate(block.sentence), "remedy": remedy}
