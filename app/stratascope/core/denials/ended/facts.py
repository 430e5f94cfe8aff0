"""The end of a container in one sentence, and what is known of it one by one, before anybody guesses. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stratascope.core.denials.denial import Denial
from stratascope.core.denials.ended.end import End
from stratascope.core.denials.ended.ending import Fact, Phase, Source
from stratascope.core.denials.ended.exit_codes import KILL, meant_by
from stratascope.core.message import Message, age, msg, plural
from stratascope.core.relaunch.evidence import Liveness

_OWN = (125, 126, 127)  # an engine's exit codes for what did not start: docker-run(1)
_LINE_MAX = 300  # characters of the log's last line


def headline(end: End, phase: Phase) -> Message:
    """One sentence."""
    match phase:
        case Phase.NOT_TRIED:
            return msg("It was created, but never started.")
        case Phase.NEVER_STARTED:
            return msg("It could not be started again.") if end.begun else msg("It never started.")
        case Phase.RUNNING:
            return msg("It is running.")
        case Phase.RESTARTING:
            return plural(
                "It keeps ending, and was restarted {count} time so far.",
                "It keeps ending, and was restarted {count} times so far.",
                end.restarts,
            )
        case Phase.EXITED:
            return _ended(end)


def _ended(end: End) -> Message:
    code = end.exit_code or 0
    if end.requested:
        return msg("It was stopped.")
    if end.out_of_memory and code == 128 + KILL:
        return msg("It was killed: it exceeded its memory limit.")
    if not code:
        return msg("It ended by itself, successfully.")
    return msg("It ended by itself, with exit code {code}.", code=code)


def facts(
    end: End, phase: Phase, lines: Sequence[str], refusals: Sequence[Denial], counted: Liveness
) -> tuple[Fact, ...]:
    """In the order in which they are worth reading. `lines`: the last of its log; `counted`: see `why.causes`."""
    return tuple(_facts(end, phase, lines, refusals, counted))


def _facts(
    end: End, phase: Phase, lines: Sequence[str], refusals: Sequence[Denial], counted: Liveness
) -> Iterator[Fact]:
    if end.exit_code is not None and phase is Phase.RESTARTING:
        yield Fact(_code(end.exit_code), Source.KERNEL)
    elif phase is Phase.EXITED and meant_by(end.exit_code or 0) is not None:  # else the headline has it
        yield Fact(_code(end.exit_code or 0), Source.KERNEL)
    elif phase is Phase.NEVER_STARTED and end.exit_code in _OWN:  # Podman gives none
        yield Fact(_code(end.exit_code), Source.ENGINE)
    if end.out_of_memory:
        yield Fact(msg("The kernel killed one of its processes because its memory limit was reached."), Source.KERNEL)
    elif counted.kills:
        yield Fact(
            plural(
                "The kernel killed {count} of its processes because its memory limit was reached.",
                "The kernel killed {count} of its processes because its memory limit was reached.",
                counted.kills,
            ),
            Source.KERNEL,
        )
    if counted.forks:
        yield Fact(
            plural(
                "Its process limit stopped it from creating another one {count} time.",
                "Its process limit stopped it from creating another one {count} times.",
                counted.forks,
            ),
            Source.KERNEL,
        )
    if end.begun and end.ended > end.begun:
        ran = end.ended - end.begun
        text = msg("It ran for {age}.", age=age(ran)) if ran >= 1 else msg("It ended at once.")
        yield Fact(text, Source.ENGINE)
    if end.restarts:
        yield Fact(plural("Its engine restarted it {count} time.", "Its engine restarted it {count} times.",
                          end.restarts), Source.ENGINE)  # fmt: skip
    died = sum(each.ended and not each.benign for each in refusals)
    if died:
        yield Fact(plural("{count} thing was refused just before one of its processes ended.",
                          "{count} things were refused just before one of its processes ended.", died),
                   Source.WATCHED)  # fmt: skip
    last = next((line for line in reversed(lines) if line.strip()), "")
    if last:
        yield Fact(msg("Its last output: {line}", line=last[:_LINE_MAX]), Source.LOG)


def _code(code: int) -> Message:
    meaning = meant_by(code)
    if meaning is None:
        return msg("Its exit code is {code}.", code=code)
    return msg("Its exit code is {code}: {meaning}.", code=code, meaning=meaning)
