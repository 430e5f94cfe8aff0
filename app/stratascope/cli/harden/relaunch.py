"""A relaunch on the command line: plans, describes, asks and carries out. Ctrl+C rolls back."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from stratascope.cli.harden.choosing import offers_of, short_of, would_close
from stratascope.cli.output import ask, complain, interrupted, say, write
from stratascope.cli.progress import progress
from stratascope.core.message import Message, msg, plural
from stratascope.core.observation.observation import Observation
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.toggle import Choice, Preset, ToggleError
from stratascope.core.relaunch.transaction import (
    BusyError,
    JournalError,
    Progress,
    RelaunchOutcome,
    RelaunchResult,
    State,
    Transaction,
)
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import parse
from stratascope.presentation import plan_report
from stratascope.presentation.relaunch_words import PROVEN_WORDS, ending_sentence, shown_lines, test_line
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.preflight import Block, Caution
from stratascope.usecases.relaunch.proof import Proved, to_pass
from stratascope.usecases.relaunch.undo import UndoPlan
from stratascope.value import replace
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
    repeated: Observation | None = None,
    carry: bool = False,
) -> int:
    """Plan, describe, ask and carry out; returns the exit code. `more`: further fields of the JSON's last line.

    `exercised`: commands that succeeded on a twin with exactly these choices; `repeated`: what a twin was seen doing in
    the same test. `carry`: the choices are the program's, so it may add a place for what is written as it stops.
    """
    left_out: dict[str, Any] = {}
    if preset is not None:
        chosen, against = _able(arguments, found.hardening, state, chosen)
        left_out = {"left_out": [{"id": item.id, "why": translate(why)} for item, why in against]}
    made = found.hardening.plan(state, chosen, frozenset(arguments.remedies))
    preview = None if state.judged.matrix is None else found.hardening.preview(state, made.choices, made.files)
    predicted = None if preview is None else preview.after
    offers = offers_of(found.hardening, state) if arguments.dry_run and preview is not None and more is None else []
    short = () if preview is None else short_of(found.hardening, state, preview, preset)
    told = HardenOutput(arguments.json)
    last = {
        **last_fields(found, made, predicted, short),
        **({"offers": offers} if offers else {}),
        **left_out,
        **(more or {}),
    }
    if arguments.dry_run and preview is not None and more is None:
        last.update(plan_report.json_object(found.hardening.suggested(state), state))
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
    return _carry_out(arguments, found, access, made, told, last, exercised, repeated,
                      carry=preset is not None or carry)  # fmt: skip


def _able(
    arguments: argparse.Namespace, hardening: Hardening, state: ContainerState, chosen: Sequence[Choice]
) -> tuple[Sequence[Choice], tuple[tuple[Choice, Message], ...]]:
    """Without what can't be done here, which is told. Raises ToggleError for what a person asked for by name."""
    able, against = hardening.able(state, chosen)
    explicit = {parse(text).id for text in arguments.set}
    for item, why in against:
        if item.id in explicit:
            raise ToggleError(why)
        complain(translate(msg("Left out: {names}. {why}", names=item.id, why=why)))
    return able, against


def last_fields(
    found: ConnectedHardening, made: Plan, predicted: Matrix | None, short: Sequence[Message]
) -> dict[str, Any]:
    """The fields of the JSON's last line that are known before the relaunch."""
    return {
        "engine": made.spec.engine,
        "original_id": made.state.container.id,
        "replacement_id": None,
        "before": short_matrix(made.state.matrix),
        "predicted": short_matrix(predicted),
        "after": None,
        **halves(None),
        "blame": "",
        "suspects": [],
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
    repeated: Observation | None,
    *,
    carry: bool,
) -> int:
    ended: RelaunchResult | None = None
    cancelled = interrupted()
    events = found.hardening.run(made, arguments.watch, cancelled, keep_unverified=arguments.keep_unverified,
                                 exercised=exercised, repeated=repeated, carry=carry)  # fmt: skip
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
        from stratascope.cli.harden import trials  # imported only if a trial is needed

        searched = trials.search(found.hardening, made, cancelled, as_json=arguments.json)
    new = last["replacement_id"]
    allows = bool(to_pass(made))
    seconds = arguments.watch_refusals or (_ALLOWED if allows and os.geteuid() == 0 else 0.0)
    if new is not None and seconds:
        from stratascope.cli.harden import trials

        seen = trials.watch_refusals(
            found.hardening,
            made,
            new,
            seconds,
            cancelled,
            as_json=arguments.json,
            allowing=allows and not arguments.watch_refusals,
        )
        refusals = trials.refusal_objects(seen)
        last["allowed"] = None if seen is None or not allows else list(seen.passed)
        if allows and seen is not None and seen.settled and ended.transaction is not None:
            ended = _allowed(found, ended, ended.transaction)
            told.works(ended)
    told.end({**ended_object(ended, last), "search": searched, "refusals": refusals})
    return code_of(arguments, ended.ending)


def _allowed(found: ConnectedHardening, ended: RelaunchResult, made: Transaction) -> RelaunchResult:
    """What was to be allowed passes: that was all that was in doubt, if nothing else was."""
    if ended.ending is not RelaunchOutcome.ENFORCED or len(ended.doubts) != 1:
        return ended
    with contextlib.suppress(EngineError, BusyError, JournalError):
        found.hardening.tested(made, works=True)
    return replace(ended, ending=RelaunchOutcome.VERIFIED, works=True)


def code_of(arguments: argparse.Namespace, ending: RelaunchOutcome) -> int:
    """The exit code of an ending."""
    if ending is RelaunchOutcome.ENFORCED and arguments.enforced_is_enough:
        return VERIFIED
    return ENDINGS[ending]


def halves(ended: RelaunchResult | None) -> dict[str, Any]:
    """Both halves of a result, `enforced` and `works`, for JSON. None: nothing was done."""
    if ended is None:
        return {"outcome": None, "enforced": None, "works": None, "compared": [], "not_compared": []}
    return {
        "outcome": None if ended.outcome is None else ended.outcome.value,
        "enforced": ended.enforced,
        "works": ended.works,
        "compared": [plain(translate(item)) for item in ended.compared],
        "not_compared": [plain(translate(item)) for item in ended.not_compared],
    }


def ended_object(ended: RelaunchResult, last: dict[str, Any]) -> dict[str, Any]:
    """The last line of the JSON, after the relaunch has ended."""
    return {
        "result": ended.ending.value,
        **last,
        **halves(ended),
        "test": test_line(ended) or None,
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
    """Ask a yes-no question; False if nobody can be asked."""
    if not sys.stdin.isatty():
        complain(translate(msg("There is no terminal to ask on: add --yes.")))
        return False
    return ask(translate(question)).lower() in ("y", "yes")


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
        "id": event.choice.id,
        "value": event.choice.value,
        "outcome": event.proof.outcome.value,
        "expected": translate(event.proof.expected),
        "found": translate(event.proof.found),
        "source": event.proof.source,
    }


def block_object(block: Block) -> dict[str, Any]:
    remedy = None if block.remedy is None else block.remedy.value
    return {"code": block.code, "text": translate(block.sentence), "remedy": remedy}


_NEXT = {
    "create": msg("stop the original"),
    "stop": msg("start the other one"),
    "rename": msg("start it"),
    "start": msg("watch it"),
    "write": msg("its owner re-creates it"),
    "re-create": msg("watch it"),
    "watch": msg("check it"),
    "verify": msg("keep it, or go back"),
}
_ALLOWED = 10.0  # seconds to wait for what was to be allowed to be tried again
_PATHS = 20  # paths to print of an undo's plan; JSON has all


@contextlib.contextmanager
def _on() -> Iterator[None]:
    """Tolerate output errors: a relaunch under way must not be aborted by a closed pipe or a full disk."""
    try:
        yield
    except OSError as error:
        complain(error.strerror or str(error))


def place_of(number: int, count: int, name: str) -> str:
    """Which of several is worked on, for the progress line."""
    return translate(msg("{number} of {count}, {name}:", number=number, count=count, name=plain(name, 60)))


class HardenOutput:
    """Prints progress as lines for people, or as one JSON object per line.

    While a relaunch is under way nothing is raised: it is completed even if its output can't be written any more.
    """

    def __init__(self, as_json: bool, name: str = "", place: str = "") -> None:
        """`name`: included in each JSON object if there are several containers; `place`: which of them, on the
        progress line.
        """
        self._json, self._place = as_json, place
        self._of = {"name": name} if name else {}

    def plan(
        self, made: Plan, before: Matrix | None, after: Matrix | None, short: Sequence[Message] = (), closes: str = ""
    ) -> None:
        """Print what will happen. `short`: what it does not close; `closes`: the exposure with preset critical."""
        if self._json:
            return
        lines = list(chosen_lines(made))
        now, then = ("–" if each is None else f"{each.exposure.worst:.1f}" for each in (before, after))
        lines.append(translate(msg("Exposure {now}, predicted {then}", now=now, then=then)))
        lines += [f"- {translate(each)}" for each in short]
        if closes:
            lines.append(translate(msg("The plan would bring it to {then}: --preset recommended.", then=closes)))
        lines += [f"! {translate(item.text)}" for item in made.checked.warnings]
        for item in made.checked.blocks:
            option = "" if item.remedy is None else f" (--{item.remedy.value})"
            lines.append(f"x {translate(item.sentence)}{option}")
        if made.owner is not None:
            lines.append(translate(made.owner.title))
            for file in made.owner.files:
                lines += [f"{file.path}:", *(f"  | {line}" for line in file.content.splitlines())]
            lines += [f"$ {line}" for line in made.owner.commands]
        say(*(plain(line, 500) for line in lines))

    def dry(self, refused: bool, as_command: str) -> None:
        """Print the end of a dry run: the command that would do the same, or that it is refused."""
        if self._json:
            return
        shown = as_command.splitlines() if not refused else []
        say(*(f"  {plain(line, 2000)}" for line in shown))
        self.nothing_changed(refused)

    def nothing_changed(self, refused: bool) -> None:
        """Print that nothing was changed."""
        if not self._json:
            end = msg("Refused. Nothing was changed.") if refused else msg("Possible. Nothing was changed.")
            say(translate(end))

    def heading(self, names: Iterable[str], most: int = 80) -> None:
        """Print the names of the containers that the next lines are about."""
        if not self._json:
            say(", ".join(plain(name, most) for name in names) + ":")

    def undo_plan(self, wanted: UndoPlan) -> None:
        """Print what the undo would leave behind."""
        if self._json:
            return
        lines = []
        if wanted.written:
            lines.append(
                translate(msg("It has since written this outside its volumes; the original does not have it:"))
            )
            lines += [f"  {path}" for path in wanted.written[:_PATHS]]
            if (more := len(wanted.written) - _PATHS) > 0:
                lines.append(translate(plural("  … and {count} more", "  … and {count} more", more)))
        elif wanted.written is not None:
            lines.append(translate(msg("It has written nothing outside its volumes since.")))
        lines += [f"! {translate(item.text)}" for item in wanted.warnings]
        lines += [f"x {translate(item.sentence)}" for item in wanted.blocks]
        say(*(plain(line, 500) for line in lines))

    def step(self, event: Progress) -> None:
        """Print one step."""
        text = translate(event.message)
        if event.state is State.BEGUN:
            progress.doing(event.message, _NEXT.get(event.step), place=self._place)
        else:
            progress.done()
        with _on():
            if self._json:
                seconds = round(event.seconds, 3)
                self._line({"step": event.step, "state": event.state.value, "seconds": seconds, "message": text})
            elif (
                event.state is State.BEGUN and event.seconds and not progress.on
            ):  # only steps that wait have a duration
                say(f"  {plain(text, 200)} …")
            elif event.state is not State.BEGUN:
                took = msg("{step} ({seconds} s)", step=plain(text, 200), seconds=f"{event.seconds:.1f}")
                say(f"  {translate(took)}")

    def proof(self, event: Proved) -> None:
        """Print the verification of one toggle in /proc."""
        if not self._json:
            found = translate(event.proof.found)
            outcome = translate(PROVEN_WORDS[event.proof.outcome])
            with _on():
                say(plain(f"  {event.choice.id}: {outcome} ({found})", 300))

    def ended(self, event: RelaunchResult) -> None:
        """Print how it ended."""
        if self._json:
            return
        if event.why is not None:
            complain(translate(event.why))
        if event.words:
            complain(plain(event.words, 1000))
        for line in event.log.splitlines():
            complain("  | " + plain(line, 300))
        if event.blame is not None:
            complain(translate(event.blame))
        say(*(f"  {plain(translate(line), 400)}" for line in shown_lines(event)))
        say(translate(ending_sentence(event)))
        if line := test_line(event):
            text = msg("Test it with a command that exits with 0 if it works: {line}", line=line)
            say(plain(translate(text), 2000))

    def works(self, event: RelaunchResult) -> None:
        """Print that it turned out to work."""
        if not self._json and event.ending is RelaunchOutcome.VERIFIED:
            say(translate(ending_sentence(event)))

    def end(self, last: dict[str, Any]) -> None:
        """Print the JSON's last line."""
        if self._json:
            self._line(last)

    def _line(self, value: dict[str, Any]) -> None:
        write(json.dumps(self._of | value) + "\n")


def undo_object(done: Transaction, wanted: UndoPlan) -> dict[str, Any]:
    """The plan of an undo, for JSON."""
    return {
        "engine": done.engine,
        "original_id": done.old,
        "replacement_id": done.new,
        "written": None if wanted.written is None else list(wanted.written),
        "blocks": [{"code": item.code, "text": translate(item.sentence)} for item in wanted.blocks],
        "warnings": warning_objects(wanted.warnings),
    }


def warning_objects(warnings: Iterable[Caution]) -> list[dict[str, str]]:
    """Warnings for JSON."""
    return [{"code": item.code, "text": translate(item.text)} for item in warnings]


def chosen_lines(made: Plan) -> Sequence[str]:
    """Each choice as it could be typed, followed by what it could break in this container."""
    # judge the losses as the user that these choices start the program as
    asked = made.subject.container.asked
    other_user = replace(asked, user=made.wanted.user)
    started = replace(made.subject, container=replace(made.subject.container, asked=other_user))
    lines = []
    for choice in made.choices:
        lines.append(f"{choice.id}={choice.typed}")
        risks = choice.risks(made.subject if choice.toggle.changes_users else started)
        lines += [f"  ? {translate(risk)}" for risk in risks]
    return lines or [translate(msg("No options change."))]
