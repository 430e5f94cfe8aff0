"""Rank the causes of a container's end, by its engine, the kernel, the program's file, the observer and its log. Pure.

In this order: the engine's message if it never started; a requested stop; a kill by the OOM killer; a refusal just
before the end, if it was observed; a program that the kernel could not run; signals with only one possible sender; a
known message in its log, the last one first; the exit code alone. Other causes that fit are listed as well. Decided
against trusting the log before the kernel: any program can print a message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stratascope.core.container import Asked, Status
from stratascope.core.message import Message, msg
from stratascope.core.refusals.ended import engine_words, log_words, program_file
from stratascope.core.refusals.ended.complaints import last_lines, more_memory, more_of, more_pids
from stratascope.core.refusals.ended.ending import (
    ENGINE,
    KILL,
    PROGRAM,
    SYS,
    XFSZ,
    Cause,
    End,
    Phase,
    signal_name,
    signal_of,
)
from stratascope.core.refusals.ended.program_file import Program
from stratascope.core.refusals.refusal import KERNEL, Claim, Refusal, Strength
from stratascope.core.relaunch.evidence import Failure, Liveness

_OTHERS_MOST = 3
_NOTHING = Liveness()
_OF_BUGS = frozenset((4, 6, 7, 8, 11))  # signals of crashes, for which the log tells more


YOUNG = 20.0  # seconds: twice the time after which Docker counts a start as successful


def phase_of(end: End, now: float) -> Phase:
    """How far it got. `now`: seconds since the epoch. A container restarted just now may still fail again."""
    running = end.status is Status.RUNNING and abs(now - end.begun) < YOUNG
    if end.status is Status.RESTARTING or (end.again and end.restarts and not end.requested
                                           and (running or end.status is Status.EXITED)):  # fmt: skip
        return Phase.RESTARTING
    if end.status in (Status.RUNNING, Status.PAUSED, Status.STOPPING):
        return Phase.RUNNING
    if end.begun and not end.words:
        return Phase.EXITED
    # Docker keeps the message of a failed start until a successful one
    return Phase.NEVER_STARTED if end.words or end.exit_code else Phase.NOT_TRIED


def causes(
    end: End,
    asked: Asked,
    log: str,
    refusals: Sequence[Refusal] = (),
    program: Program | None = None,
    counted: Liveness = _NOTHING,
) -> tuple[Cause, ...]:
    """The possible causes, likeliest first. `counted`: the kernel's counters of its control group, while it runs."""
    found: list[Cause] = []
    for cause in _all(end, asked, log, refusals, program, counted):
        known = [each.claim.what for each in found], [each.evidence for each in found if each.evidence]
        if cause.claim.what not in known[0] and cause.evidence not in known[1]:
            found.append(cause)
        if len(found) > _OTHERS_MOST:
            break
    return tuple(found)


def meaning(failure: Failure, asked: Asked) -> Cause | None:
    """The likeliest cause for a failed replacement, by the same rules."""
    end = End(Status.EXITED, failure.words, failure.exit_code, failure.out_of_memory)
    return next(iter(causes(end, asked, failure.log)), None)


def _all(
    end: End, asked: Asked, log: str, refusals: Sequence[Refusal], program: Program | None, counted: Liveness
) -> Iterator[Cause]:
    if end.words:
        yield _of_engine(end.words, asked, program, end)
        return  # its program did not run
    if end.requested:
        yield _requested(end)
    if end.out_of_memory or counted.kills:
        yield _memory(end, asked)
    if counted.forks:
        yield _processes(asked)
    if end.exit_code == 0 and end.status is Status.EXITED:
        return  # it ended well, whatever it was refused
    yield from (_refused(each) for each in refusals if each.ended and not each.benign)
    lines = last_lines(log)
    failed = program_file.failed(lines, program, end)
    if failed is not None:
        yield failed
    number = signal_of(end.exit_code)
    if number in (SYS, XFSZ):
        yield _killed(number, asked)
    said = [] if end.exit_code == 0 or end.requested else list(_said(lines, asked))
    if number is not None and not end.requested:
        if number == KILL and not end.out_of_memory:
            yield _from_outside(end)
        elif number not in (KILL, SYS, XFSZ) and number not in _OF_BUGS:
            yield _signal(number)
    yield from said
    if number in _OF_BUGS:
        yield _fault(number)


def _of_engine(words: str, asked: Asked, program: Program | None, end: End) -> Cause:
    reason = msg("Its engine says so.")
    better = program_file.by_file(program, end) if program is not None else None
    claim = better or engine_words.meaning(words, asked)
    if claim is None:
        what = msg("The engine could not start it, for a reason unknown to Stratascope: see the engine's message.")
        claim = Claim(ENGINE, what, Strength.SAID)
    return Cause(claim, reason, words)


def _requested(end: End) -> Cause:
    names = ", ".join(signal_name(each) for each in end.sent)
    if KILL in end.sent and len(end.sent) > 1:
        what = msg("It was stopped through the engine. It did not end in time, so it was killed: its first process "
                   "ignores the stop signal ({names}).", names=names)  # fmt: skip
    elif names:
        what = msg("It was stopped through the engine ({names}).", names=names)
    else:
        what = msg("It was stopped through the engine.")
    return Cause(Claim(ENGINE, what, Strength.SAID), msg("Its engine says so."))


def _memory(end: End, asked: Asked) -> Cause:
    if end.exit_code in (None, 128 + KILL):
        what = msg("The kernel killed it because it exceeded its memory limit.")
    else:
        what = msg("The kernel killed one of its processes because they exceeded their memory limit.")
    claim = Claim("cgroup", what, Strength.SAID, more_memory(asked, {}))
    return Cause(claim, msg("The kernel counted such a kill for its cgroup, and the engine reports it."))


def _processes(asked: Asked) -> Cause:
    what = msg("The kernel refused it more processes or threads because its process limit is reached.")
    claim = Claim("cgroup", what, Strength.SAID, more_pids(asked, {}))
    return Cause(claim, msg("The kernel counts that for its cgroup (pids.events)."))


def _refused(denial: Refusal) -> Cause:
    return Cause(denial.claim, msg("It was refused just before it ended, and the observer saw it."), denial.raw)


def _killed(number: int, asked: Asked) -> Cause:
    code = msg("Its exit code is 128 + {number}: a signal that hardly anything else sends.", number=number)
    if number == SYS:
        what = msg("A seccomp filter killed it for a system call: see which in the kernel's log, or observe it.")
        return Cause(Claim("seccomp", what, Strength.FITS), code)
    what = msg("It wrote a file larger than its limit (ulimit fsize).")
    return Cause(Claim("cgroup", what, Strength.FITS, more_of("fsize")(asked, {})), code)


def _from_outside(end: End) -> Cause:
    if end.requested is None:
        what = msg("It was killed, and not for its own memory limit: by someone (docker kill, a stop that took too "
"long), or by the kernel because the machine ran out of memory.")  # fmt: skip
    else:
        what = msg("It was killed, and neither by its engine nor for its own memory limit: by a process of the "
"host, or by the kernel because the machine ran out of memory.")  # fmt: skip
    return Cause(Claim(KERNEL, what, Strength.LEFT), msg("Its exit code is 137, and its engine reports no such kill."))


def _signal(number: int) -> Cause:
    what = msg("It was sent {name}, which ended it.", name=signal_name(number))
    return Cause(Claim(PROGRAM, what, Strength.LEFT), _by_code(number))


def _fault(number: int) -> Cause:
    what = msg("Its program has a bug, or hit one: {name} ended it.", name=signal_name(number))
    return Cause(Claim(PROGRAM, what, Strength.LEFT), _by_code(number))


def _by_code(number: int) -> Message:
    return msg("Its exit code is 128 + {number}, which engines and shells report for a signal.", number=number)


def _said(lines: Sequence[str], asked: Asked) -> Iterator[Cause]:
    last = next((place for place in reversed(range(len(lines))) if lines[place].strip()), -1)
    for place in reversed(range(len(lines))):
        claim = log_words.likely(lines[place], asked)
        if claim is not None:
            reason = msg("The last line of its log points to it.") if place == last else msg("Its log points to it.")
            yield Cause(claim, reason, lines[place])
