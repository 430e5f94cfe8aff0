"""What `harden` and `undo` print: lines for people, or JSON, an object a line."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from stratascope.cli.output import complain, write
from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.transaction import Progress, RelaunchResult, State, Transaction
from stratascope.core.sanitize import plain
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import toggle
from stratascope.presentation.relaunch_words import PROVEN_WORDS, ending_sentence, shown_lines
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.preflight import Caution
from stratascope.usecases.relaunch.proof import Proved
from stratascope.usecases.relaunch.undo import UndoPlan
from stratascope.value import replace

_PATHS = 20  # of an undo's plan for people; JSON has all


@contextlib.contextmanager
def _on() -> Iterator[None]:
    """Halfway is the one place where a relaunch must not end because its words can't be written."""
    try:
        yield
    except OSError as error:
        complain(error.strerror or str(error))


class HardenOutput:
    """Prints as it happens: lines for people, or an object a line.

    While a relaunch is under way it raises nothing: also where nobody can read any more it is walked to its end.
    """

    def __init__(self, as_json: bool, name: str = "") -> None:
        """`name`: in each object, where there are several containers."""
        self._json = as_json
        self._of = {"name": name} if name else {}

    def plan(
        self, made: Plan, before: Matrix | None, after: Matrix | None, short: Sequence[Message] = (), closes: str = ""
    ) -> None:
        """What is going to happen. `short`: what that does not do; `closes`: the exposure under preset critical."""
        if self._json:
            return
        lines = list(chosen_lines(made))
        now, then = ("–" if each is None else f"{each.exposure.worst:.1f}" for each in (before, after))
        lines.append(translate(msg("Exposure {now}, predicted {then}", now=now, then=then)))
        lines += [f"- {translate(each)}" for each in short]
        if closes:
            lines.append(translate(msg("--preset critical would bring it to {then}.", then=closes)))
        lines += [f"! {translate(item.text)}" for item in made.checked.warnings]
        for item in made.checked.blocks:
            option = "" if item.remedy is None else f" (--{item.remedy.value})"
            lines.append(f"x {translate(item.sentence)}{option}")
        if made.owner is not None:
            lines.append(translate(made.owner.title))
            for file in made.owner.files:
                lines += [f"{file.path}:", *(f"  | {line}" for line in file.content.splitlines())]
            lines += [f"$ {line}" for line in made.owner.commands]
        write("\n".join(plain(line, 500) for line in lines) + "\n")

    def dry(self, refused: bool, as_command: str) -> None:
        """The end of what only looked: the command that would do the same, or that it can't be done."""
        if self._json:
            return
        shown = as_command.splitlines() if not refused else []
        write("".join(f"  {plain(line, 2000)}\n" for line in shown))
        self.nothing_changed(refused)

    def nothing_changed(self, refused: bool) -> None:
        """The end of what only looked."""
        if not self._json:
            end = msg("Refused. Nothing was changed.") if refused else msg("Possible. Nothing was changed.")
            write(translate(end) + "\n")

    def heading(self, names: Iterable[str], most: int = 80) -> None:
        """The names of the containers that the next lines are about."""
        if not self._json:
            write(translate(msg("{name}:", name=", ".join(plain(name, most) for name in names))) + "\n")

    def undo_plan(self, wanted: UndoPlan) -> None:
        """What the undo leaves behind."""
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
        write("\n".join(plain(line, 500) for line in lines) + "\n")

    def step(self, event: Progress) -> None:
        """One step."""
        text = translate(event.message)
        with _on():
            if self._json:
                seconds = round(event.seconds, 3)
                self._line({"step": event.step, "state": event.state.value, "seconds": seconds, "message": text})
            elif event.state is State.BEGUN and event.seconds:  # it waits for something
                write(f"  {plain(text, 200)} …\n")
            elif event.state is not State.BEGUN:
                took = msg("{step} ({seconds} s)", step=plain(text, 200), seconds=f"{event.seconds:.1f}")
                write(f"  {translate(took)}\n")

    def proof(self, event: Proved) -> None:
        """The verification of one toggle in /proc."""
        if not self._json:
            found = translate(event.proof.found)
            outcome = translate(PROVEN_WORDS[event.proof.outcome])
            with _on():
                write(plain(f"  {event.choice.toggle}: {outcome} ({found})", 300) + "\n")

    def ended(self, event: RelaunchResult) -> None:
        """How it ended."""
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
        write("".join(f"  {plain(translate(line), 400)}\n" for line in shown_lines(event)))
        write(f"{translate(ending_sentence(event))}\n")

    def end(self, last: dict[str, Any]) -> None:
        """The last line."""
        if self._json:
            self._line(last)

    def _line(self, value: dict[str, Any]) -> None:
        write(json.dumps(self._of | value) + "\n")


def undo_object(done: Transaction, wanted: UndoPlan) -> dict[str, Any]:
    """An undo before anything has happened, for JSON."""
    return {
        "engine": done.engine,
        "original_id": done.old,
        "replacement_id": done.new,
        "written": None if wanted.written is None else list(wanted.written),
        "blocks": [{"code": item.code, "text": translate(item.sentence)} for item in wanted.blocks],
        "warnings": warning_objects(wanted.warnings),
    }


def warning_objects(warnings: Iterable[Caution]) -> list[dict[str, str]]:
    """What to keep in mind, for JSON."""
    return [{"code": item.code, "text": translate(item.text)} for item in warnings]


def chosen_lines(made: Plan) -> Sequence[str]:
    """Each choice as it could be typed, and below it what it could break in this container."""
    # what a program can lose is another matter where it is started as another user by the same choices
    asked = made.subject.container.asked
    other_user = replace(asked, user=made.wanted.user)
    started = replace(made.subject, container=replace(made.subject.container, asked=other_user))
    lines = []
    for choice in made.choices:
        which = toggle(choice.toggle)
        lines.append(f"{which.id}={which.typed(choice.value)}")
        risks = which.risks(choice.value, made.subject if which.changes_users else started)
        lines += [f"  ? {translate(risk)}" for risk in risks]
    return lines or [translate(msg("No options change."))]
