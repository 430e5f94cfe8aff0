"""The end of a container, or its failed start: facts, exit codes, and types of the answer that explains it. Pure.

Statements of the engine and the kernel are certain; a message in its log is a guess, and named as evidence. The cause
can be one of the six layers, of the three other refusers (`core/refusals/refusal.py`), or its program, image or engine.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from enum import StrEnum

from stratascope.core.container import Status
from stratascope.core.message import Message, age, msg, plural
from stratascope.core.refusals.refusal import Claim, Refusal, RefusalRemedy
from stratascope.core.relaunch.evidence import Liveness
from stratascope.value import Value


class End(Value):
    """Facts about a container's end. `words`: the engine's message why it did not start. `begun`, `ended`: seconds
    since the epoch, 0.0: never. `again`: the engine restarts it whenever it ends. `requested`: somebody had the engine
    stop it; None: not reported. `sent`: numbers of the signals that the engine sent it since it started. `platform`:
    its image's, such as `linux/arm64`; `machine`: the engine's architecture in the same notation (`arm64`); "" if not
    reported. `command`: program and arguments; `search`: its PATH folders; `folder`: its working directory.
    """

    status: Status
    words: str = ""
    exit_code: int | None = None
    out_of_memory: bool = False
    begun: float = 0.0
    ended: float = 0.0
    restarts: int = 0
    again: bool = False
    requested: bool | None = None
    sent: tuple[int, ...] = ()
    platform: str = ""
    machine: str = ""
    command: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    folder: str = ""


PROGRAM, IMAGE, ENGINE = "program", "image", "engine"  # causes besides layers and other refusers


class Phase(StrEnum):
    """How far a container got."""

    NOT_TRIED = "not-tried"  # created, but never started
    NEVER_STARTED = "never-started"  # the engine or the runtime failed before its program ran
    EXITED = "exited"
    RESTARTING = "restarting"  # it ends, and its engine restarts it
    RUNNING = "running"


class Source(StrEnum):
    """Where a fact comes from."""

    ENGINE = "engine"
    KERNEL = "kernel"
    LOG = "log"
    FILE = "file"  # the file of its program
    WATCHED = "watched"  # seen by the observer


class Fact(Value):
    """One known fact about its end."""

    text: Message
    source: Source


class Cause(Value):
    """A probable cause of its end. `claim`: as for a refusal, by a layer or another cause; not `certain`: a guess.

    `reason`: what the guess is based on. `evidence`: a line of its log, or the engine's message: foreign text.
    """

    claim: Claim
    reason: Message
    evidence: str = ""
    remedies: tuple[RefusalRemedy, ...] = ()

    @property
    def certain(self) -> bool:
        return self.claim.certain


class Ending(Value):
    """The answer. `headline`: one sentence. `signal`: SIGKILL …; "" if none ended it. `cause`: None if none was found.
    `others`: other possible causes, likeliest first. `refusals`: the last ones, if it was observed, beginning with the
    one it died of. `log`: its last lines, foreign text.
    """

    engine: str
    container: str
    name: str
    phase: Phase
    headline: Message
    exit_code: int | None = None
    signal: str = ""
    out_of_memory: bool = False
    restarts: int = 0
    begun: float = 0.0
    ended: float = 0.0
    facts: tuple[Fact, ...] = ()
    cause: Cause | None = None
    others: tuple[Cause, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    log: tuple[str, ...] = ()


_SIGNALS = {
    1: msg("told that its terminal is gone (SIGHUP), which ends most programs"),
    2: msg("interrupted (SIGINT), as by Ctrl+C"),
    3: msg("told to quit (SIGQUIT)"),
    4: msg("killed for an instruction that this CPU does not know (SIGILL)"),
    5: msg("stopped by a trap of its own (SIGTRAP)"),
    6: msg("aborted by itself (SIGABRT): it detected an internal error"),
    7: msg("killed for accessing memory that no longer exists (SIGBUS): a full /dev/shm, or a file that shrank"),
    8: msg("killed for an invalid calculation (SIGFPE)"),
    9: msg("killed (SIGKILL)"),
    11: msg("killed for accessing memory that is not its own (SIGSEGV): a bug in it or in a library"),
    13: msg("ended because nothing reads its output any longer (SIGPIPE)"),
    14: msg("ended by its own alarm (SIGALRM)"),
    15: msg("asked to end (SIGTERM)"),
    24: msg("killed for exceeding its CPU time limit (SIGXCPU)"),
    25: msg("killed for exceeding its file size limit (SIGXFSZ)"),
    31: msg("killed for a system call that a filter forbids (SIGSYS)"),
}
# docker-run(1) and bash(1), EXIT STATUS; sysexits.h; conventions of language runtimes
_CODES = {
    2: msg("it failed, or was started with arguments that it does not accept"),
    64: msg("it was started with arguments that it does not accept"),
    69: msg("a service that it needs is not available"),
    71: msg("the system refused it something"),
    73: msg("it could not create a file"),
    74: msg("it could not read or write"),
    75: msg("something failed that may work next time"),
    77: msg("it lacks a permission"),
    78: msg("its configuration is wrong"),
    125: msg("the engine, or a program that starts others, failed itself"),
    126: msg("a program exists but could not be run: no execute permission, or not a program"),
    127: msg("a program was not found, or something it needs to run was not"),
    255: msg("it failed, or the runtime could not run it"),
}
KILL, XFSZ, SYS = 9, 25, 31


def signal_of(code: int | None) -> int | None:
    """The signal that an exit code represents: engines and shells add 128."""
    number = (code or 0) - 128
    return number if 1 <= number <= 64 else None


def signal_name(number: int) -> str:
    """The name of a signal (SIGKILL); the number of a real-time signal."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


def meant_by(code: int) -> Message | None:
    """The meaning of an exit code, as the second half of a sentence; None if only its program defines it."""
    number = signal_of(code)
    return _CODES.get(code) if number is None else _SIGNALS.get(number)


_OWN = (125, 126, 127)  # an engine's exit codes for failed starts: docker-run(1)
_LINE_MAX = 300  # characters of the log's last line


def headline(end: End, phase: Phase) -> Message:
    """The end in one sentence."""
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
    end: End, phase: Phase, lines: Sequence[str], refusals: Sequence[Refusal], counted: Liveness
) -> tuple[Fact, ...]:
    """The known facts, most useful first. `lines`: the last of its log; `counted`: see `why.causes`."""
    return tuple(_facts(end, phase, lines, refusals, counted))


def _facts(
    end: End, phase: Phase, lines: Sequence[str], refusals: Sequence[Refusal], counted: Liveness
) -> Iterator[Fact]:
    if end.exit_code is not None and phase is Phase.RESTARTING:
        yield Fact(_code(end.exit_code), Source.KERNEL)
    elif phase is Phase.EXITED and meant_by(end.exit_code or 0) is not None:  # else it is in the headline
        yield Fact(_code(end.exit_code or 0), Source.KERNEL)
    elif phase is Phase.NEVER_STARTED and end.exit_code in _OWN:  # Podman reports none
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
