"""Explains the refusals of watched containers, and why a container ended or failed to start; shared by the window and
the command line.

The reason for an end comes from the engine, the kernel's counters and the log; nothing is changed or started. The
program's file is read only if engine or log report that it could not be executed, and not if Docker would create a
folder on the host for that (`usecases.plan.programs`).
"""

from __future__ import annotations

import posixpath
import time
from collections.abc import Sequence

from stratascope.core.container import Asked
from stratascope.core.ground import Surroundings
from stratascope.core.ports import EngineError, NoSuchContainerError, Relauncher
from stratascope.core.refusals.ended import ending, program_file, why
from stratascope.core.refusals.ended.complaints import last_lines
from stratascope.core.refusals.ended.ending import Cause, End, Ending, Phase, signal_name, signal_of
from stratascope.core.refusals.ended.program_file import Flaw, Program, examined
from stratascope.core.refusals.refusal import Claim, Refusal, RefusalRemedy
from stratascope.core.relaunch.evidence import Liveness
from stratascope.core.relaunch.launch_spec import ContainerFile
from stratascope.core.relaunch.want import Want
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.observe.service import ObservationService
from stratascope.usecases.plan.look import subject_of
from stratascope.usecases.plan.programs import may_look
from stratascope.usecases.refusals.explain import Explainer, Remedies, ordered, remedies
from stratascope.value import Value, replace

LOG_LINES = 200  # last lines of the log to search: Java, Node and Go print a stack trace after the message
SHOWN = 10  # lines of these to show
_LINE_MAX = 500  # characters per line
_FILE_MAX, _FILE_SECONDS = 32 << 20, 2.0


def why_ended(
    access: EngineAccess,
    state: ContainerState,
    refusals: Sequence[Refusal] = (),
    remedies: Remedies = lambda claim: (),
) -> Ending:
    """Why the container ended. `refusals`: its latest, if it was watched; `remedies`: see `explain.remedies`.

    Raises EngineError, NoSuchContainerError.
    """
    container = state.container
    end = access.port.end(container.id)
    phase = why.phase_of(end, time.time())
    log = _log(access.port, container.id)
    lines = last_lines(log)
    counted = access.liveness(container.id) if phase is Phase.RUNNING else Liveness()
    program = None
    if phase is not Phase.RUNNING and program_file.concerns(end.words, lines) and may_look(access, container):
        program = _program(access.port, container.id, end, program_file.named(lines))
    causes = [
        _with_remedies(each, remedies) for each in why.causes(end, container.asked, log, refusals, program, counted)
    ]
    number = signal_of(end.exit_code)
    return Ending(
        container.engine,
        container.id,
        container.name,
        phase,
        ending.headline(end, phase),
        end.exit_code,
        "" if number is None or phase is Phase.NEVER_STARTED else signal_name(number),
        end.out_of_memory,
        end.restarts,
        end.begun,
        end.ended,
        ending.facts(end, phase, lines, refusals, counted),
        causes[0] if causes else None,
        tuple(causes[1:]),
        tuple(refusals),
        tuple(plain(line, _LINE_MAX) for line in lines[-SHOWN:]),
    )


def _with_remedies(cause: Cause, remedies: Remedies) -> Cause:
    return replace(cause, remedies=remedies(cause.claim)) if cause.claim.wants else cause


def _log(port: Relauncher, container: str) -> str:
    """The end of its log; empty if unreadable: the log driver stores nothing, or the container never ran."""
    try:
        return port.log(container, LOG_LINES)
    except (EngineError, NoSuchContainerError):
        return ""


def _program(port: Relauncher, container: str, end: End, named: str) -> Program | None:
    """Examine the program it should have run; None if its file is not found. `named`: the path in a runtime error."""
    for path in (named,) if named else _places(end):
        file = _file(port, container, path)
        if file is not None:
            return _lacking(port, container, replace(examined(file, end.machine), path=path))
    return None


def _places(end: End) -> tuple[str, ...]:
    word = next(iter(end.command), "")
    if not word:
        return ()
    if "/" in word:
        return (posixpath.normpath(posixpath.join("/", end.folder, word)),)
    return tuple(posixpath.join(folder, word) for folder in end.search)


def _lacking(port: Relauncher, container: str, program: Program) -> Program:
    """The program, with a flaw if the interpreter or loader that the kernel needs for it is missing."""
    if not program.needs.startswith("/") or _file(port, container, program.needs) is not None:
        return program
    flaw = Flaw.LOADER if program.binary else Flaw.INTERPRETER
    return replace(program, flaw=flaw, detail=program.needs)


def _file(port: Relauncher, container: str, path: str) -> ContainerFile | None:
    try:
        return port.file(container, path, _FILE_MAX, _FILE_SECONDS)
    except (EngineError, NoSuchContainerError):
        return None


Key = tuple[str, str]
_Life = tuple[int | None, Asked]  # first PID and options: an explainer is valid while both stay the same
_DRIFT = 0.5  # seconds of difference that show that the clock was set, or the machine slept


class RefusalList(Value):
    """What a container was refused, oldest first. `forgotten`: how many kinds were dropped."""

    all: tuple[Refusal, ...] = ()
    forgotten: int = 0


class RefusalService:
    """See the module. Predicting remedies of new refusals takes a while: don't call this on the window's thread."""

    def __init__(self, learning: ObservationService, hardening: Hardening) -> None:
        self._learning, self._hardening = learning, hardening
        self._explainers: dict[Key, tuple[_Life, Explainer]] = {}
        self._since = 0.0  # the zero of the observer's clock, in seconds since the epoch

    def of(self, state: ContainerState, *, sessions_only: bool = False) -> RefusalList:
        """The container's refusals so far. Raises EngineError, NoSuchContainerError."""
        found = self._learning.refused(state.container)
        if not found.entries:
            return RefusalList()
        explainer = self.prepare(state)
        entries = [entry for entry in found.entries if entry.session or not sessions_only]
        since = time.time() - time.monotonic()
        if abs(since - self._since) > _DRIFT:  # smaller differences would change the time of every entry at each call
            self._since = since
        return RefusalList(explainer.denials(entries, self._since), found.forgotten)

    def prepare(self, state: ContainerState) -> Explainer:
        """What explains its refusals, made where there is none yet. Raises EngineError, NoSuchContainerError."""
        known = self._explainers.get(state.key)
        life = state.container.pid, state.container.asked
        # after it has ended, keep the explainer from when it ran: that one knows more
        if known is None or (known[0] != life and state.gap is None):
            known = self._explainers[state.key] = life, self._explainer(state)
        return known[1]

    def ending(self, state: ContainerState) -> Ending:
        """Why it ended or failed to start, including its latest refusals if it was watched.

        Raises EngineError, NoSuchContainerError.
        """
        access = self._hardening.access(state.container.engine)
        refusals = ordered(self.of(state).all)
        known = self._explainers.get(state.key)
        return why_ended(access, state, refusals, self._remedies(access, state) if known is None else known[1].remedies)

    def _explainer(self, state: ContainerState) -> Explainer:
        access = self._hardening.access(state.container.engine)
        return Explainer(state, Surroundings(access.ground, access.engine), self._remedies(access, state))

    def _remedies(self, access: EngineAccess, state: ContainerState) -> Remedies:
        subject = subject_of(access, state, ())
        known: dict[tuple[Want, ...], tuple[RefusalRemedy, ...]] = {}

        def found(claim: Claim) -> tuple[RefusalRemedy, ...]:
            if claim.wants not in known:
                try:
                    known[claim.wants] = remedies(claim, subject, lambda chosen: self._hardening.preview(state, chosen))
                except NoSuchContainerError:  # it was removed meanwhile: what it was refused is told all the same
                    return ()
            return known[claim.wants]

        return found
