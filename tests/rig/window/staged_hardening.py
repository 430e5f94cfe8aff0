"""Hardening without engines: offers and previews of the demo's containers, and relaunches that only report events.

`outcome` chooses how the next run ends; `gate`, where it is set, holds the run in its watch
step, or before it changes limits, until it is opened.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from stratascope.core.container import Engine, EngineKind
from stratascope.core.ground import UNREAD, Ground
from stratascope.core.message import Message, msg
from stratascope.core.observation.observation import Observation
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.hardening_plan import HardeningPlan, Wanted
from stratascope.core.relaunch.launch_spec import LaunchSpec, RestartPolicy, TwinRecord
from stratascope.core.relaunch.owner import OwnerPlan
from stratascope.core.relaunch.toggle import Choice, Preset, Proof, Proven, Subject
from stratascope.core.relaunch.transaction import (
    Damaged,
    Group,
    Progress,
    RelaunchOutcome,
    RelaunchResult,
    Remedy,
    Stage,
    State,
    Transaction,
    TransactionKind,
)
from stratascope.core.relaunch.trial import Loosening, Tried, TwinRefusal, Works
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.layers import all_layers
from stratascope.layers import toggles as toggling
from stratascope.layers.toggles import choice_of
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.hardening import Aside, Hardening
from stratascope.usecases.plan.choices import Resolved
from stratascope.usecases.plan.offers import InForce, Offer, Preview
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.preflight import Block, Caution, Preflight
from stratascope.usecases.plan.preview import Previews
from stratascope.usecases.plan.standards import STANDARDS, Standard
from stratascope.usecases.relaunch.carry_out import Event
from stratascope.usecases.relaunch.proof import Proved
from stratascope.usecases.relaunch.recovery import Recovered, Result
from stratascope.usecases.relaunch.undo import UndoPlan
from stratascope.usecases.tighten.afterwards import Afterwards
from stratascope.usecases.tighten.tighten import Tightened, TwinObserver, Wishes
from stratascope.usecases.trial.strategy import (
    Attempt,
    Ends,
    Loosened,
    Purpose,
    SearchEvent,
    TrialBegun,
    TrialDone,
    Verdict,
    found,
)
from stratascope.value import replace

STEPS = (
    ("journal", msg("Record the plan in the journal"), 0.01),
    ("create", msg("Create the replacement beside it"), 0.31),
    ("stop", msg("Stop the original"), 0.62),
    ("rename", msg("Give its name to the replacement"), 0.08),
    ("start", msg("Start the replacement"), 0.44),
)

# What a replacement is refused: a value that is too tight, a switch that is too much, and what is no fault of ours
REFUSED = (
    TwinRefusal(
        "chown",
        msg("{by}: {call} needs {names}.", by="nginx", call="chown(/etc)", names="CHOWN"),
        Loosening("capabilities", choice_of("capabilities", "CAP_CHOWN,CAP_KILL"), certain=True),
    ),
    TwinRefusal(
        "write",
        msg("{by}: {call} would write where everything is read-only.", by="nginx", call="openat(/etc)"),
        Loosening("read-only-root", certain=True),
    ),
    TwinRefusal("kill", msg("{by}: {call} is stopped by the system call filter.", by="nginx", call="kill")),
)


class StagedHardening(Hardening):
    """See the module. `calls`: the methods called, with their threads."""

    def __init__(self, engines: Sequence[Engine] = (), ground: Ground = UNREAD, pace: float = 0.0) -> None:
        super().__init__(_nowhere, _Unwritten(), _command)
        self._engines = {engine.id: engine for engine in engines}
        self._ground, self._pace = ground, pace
        self.outcome = RelaunchOutcome.VERIFIED
        self.unproven = ""  # a toggle that is reported as not enforced
        self.suspects: tuple[str, ...] = ()  # toggles to blame for a rollback
        self.blame: Message | None = None  # the text if no toggle is to blame
        self.owner: OwnerPlan | None = None
        self.judge_gate: threading.Event | None = None  # holds the plan as a person wants it
        self.blocks: tuple[Block, ...] = ()
        self.files: tuple[tuple[str, str], ...] = ()  # path and text of those that may be given as a value
        self.gate: threading.Event | None = None
        self.offer_gate: threading.Event | None = None
        self.undo_gate: threading.Event | None = None
        self.aside_gate: threading.Event | None = None
        self.slow = ""  # the engine whose offers `offer_gate` holds; empty: all
        self.trial_gate: threading.Event | None = None  # holds the first trial
        self.breaks = ""  # the toggle with which its twin breaks
        self.loosens: dict[str, str] = {}  # other values with which it works
        self.unwatched: Message | None = None  # why nothing was observed
        self.no_result: Exception | None = None  # raised by trials
        self.wishes: Wishes | None = None  # of the last trials
        self.exercised: tuple[str, ...] = ()  # told to the last run
        # What is refused after a relaunch, as it comes; None: its time is over
        self.afterwards: queue.SimpleQueue[Afterwards | Exception | None] = queue.SimpleQueue()
        self.in_force: tuple[InForce, ...] = ()  # of whatever is in view
        self.set_aside: list[Transaction] = []
        self.found_working: list[tuple[str, bool]] = []  # by the transaction's id, as a person said
        self.damaged: tuple[Damaged, ...] = ()
        self.broken_off: tuple[Transaction, ...] = ()
        self.written: tuple[str, ...] | None = ()
        self.calls: list[tuple[str, str]] = []
        self.offer_fails: Exception | None = None
        self.plan_fails: Exception | None = None
        self.recover_fails: EngineError | None = None
        self.discard_fails: Exception | None = None
        self.undo_refused: Message | None = None

    def _call(self, name: str) -> None:
        self.calls.append((name, threading.current_thread().name))

    def _engine(self, state: ContainerState) -> Engine:
        known = self._engines.get(state.container.engine)
        return known or Engine(state.container.engine, EngineKind.DOCKER, "unix:///run/docker.sock")

    def _subject(self, state: ContainerState, chosen: object = (), changes: object = None) -> Subject:
        facts = tuple((layer.id, layer.facts) for layer in state.layers)
        return Subject(state.container, self._engine(state), facts, files=self.files)

    def _foreseen(self, state: ContainerState) -> Previews:
        return Previews(all_layers(), self._ground, self._engine(state), self._subject)

    def know(self, snapshot: Snapshot) -> None:
        return None

    def suggested(self, state: ContainerState, wanted: Wanted | None = None) -> HardeningPlan:
        self._call("suggested")
        if self.judge_gate is not None:
            self.judge_gate.wait(600)
        return self._foreseen(state).plan(state, wanted=wanted)

    def standards(self, state: ContainerState, which: Sequence[Preset] = STANDARDS) -> tuple[Standard, ...]:
        self._call("standards")
        return self._foreseen(state).standards(state, which=which)

    def offer(self, state: ContainerState) -> Offer:
        self._call("offer")
        if self.offer_gate is not None and self.slow in ("", state.container.engine):
            self.offer_gate.wait(600)
        if self.offer_fails is not None:
            raise self.offer_fails
        return replace(self._foreseen(state).offer(state), in_force=self.in_force)

    def preset(self, state: ContainerState, preset: Preset) -> tuple[Choice, ...]:
        return self._foreseen(state).preset(state, preset)

    def preview(
        self, state: ContainerState, choices: Sequence[Choice], files: tuple[tuple[str, str], ...] = ()
    ) -> Preview:
        return self._foreseen(state).preview(state, choices, files)

    def plan(self, state: ContainerState, choices: Sequence[Choice], remedies: frozenset[Remedy] = frozenset()) -> Plan:
        self._call("plan")
        if self.plan_fails is not None:
            raise self.plan_fails
        subject, container = self._subject(state), state.container
        wanted = toggling.fold(container.asked, choices, subject)
        spec = LaunchSpec(container.engine, subject.engine.kind, container.id, container.name, container.image, "",
                          container.asked, "{}", "{}", RestartPolicy("always"))  # fmt: skip
        warned = (Caution("tmpfs", msg("What it keeps in memory (tmpfs) is empty after the relaunch.")),)
        left = tuple(block for block in self.blocks if block.remedy is None or block.remedy not in remedies)
        made = Plan(state, subject, spec, tuple(choices), wanted, "{}", Preflight(left, warned), remedies)
        return replace(made, owner=self.owner)

    def run(
        self,
        made: Plan,
        watch: float = 10.0,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        keep_unverified: bool = False,
        exercised: Sequence[str] = (),
        repeated: Observation | None = None,
        carry: bool = False,
    ) -> Iterator[Event]:
        plan, self.exercised = made, tuple(exercised)
        self._call("run")
        done = self.transaction(plan)
        live = all(choice.toggle.live for choice in plan.choices)
        if live:
            if self.gate is not None:
                self.gate.wait(600)
            yield from self._step("limit", msg("Change the limits"), 0.1)
            yield from self._proofs(plan)
            yield RelaunchResult(RelaunchOutcome.LIMITED, None)
            return
        yield from self._steps(watch, cancelled)
        if cancelled() or self.outcome is RelaunchOutcome.ROLLED_BACK:
            yield from self._step("roll-back", msg("Bring the original back"), 0.4)
            why = msg("Cancelled.") if cancelled() else msg("It exited by itself, with status 1.")
            log = "" if cancelled() else "nginx: [emerg] mkdir() failed (30: Read-only file system)\n\x1b[31mbad"
            blame = msg("The log speaks of a read-only file system.") if self.suspects else self.blame
            yield RelaunchResult(
                RelaunchOutcome.ROLLED_BACK, done, why, "" if cancelled() else "exit 1", log, blame, self.suspects
            )
            return
        yield from self._step("verify", msg("Verify the result in /proc"), 0.05)
        yield from self._proofs(plan)
        self.set_aside.append(done)
        if self.unproven or self.outcome is RelaunchOutcome.ENFORCED:
            seen = (msg("It has no health check."), msg("It listens on no TCP port."))
            yield RelaunchResult(
                RelaunchOutcome.KEPT if self.unproven else RelaunchOutcome.ENFORCED,
                done,
                enforced=not self.unproven,
                not_compared=seen,
            )
            return
        yield RelaunchResult(RelaunchOutcome.VERIFIED, done, enforced=True, works=True,
                             compared=(msg("Its health check reports healthy, as before."),))  # fmt: skip

    def tighten(
        self,
        state: ContainerState,
        wishes: Wishes,
        twins: TwinObserver | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[SearchEvent | Tightened]:
        self._call("tighten")
        self.wishes = wishes
        if self.no_result is not None:
            raise self.no_result
        whole = wishes.chosen or self.preset(state, Preset.STRICT)
        derived = Resolved(whole, tuple((each.id, msg("It was not seen to need it.")) for each in whole))
        works = Tried((), Works.YES, 1.5, compared=(msg("It stops like the unchanged one."),),
                      not_compared=(msg("It has no health check."),))  # fmt: skip
        yield TrialBegun(1, Attempt((), Purpose.UNCHANGED, 4), None)
        while self.trial_gate is not None and not self.trial_gate.wait(0.01) and not cancelled():
            pass
        if cancelled():
            cut = Tried((), Works.UNKNOWN, 0.1, msg("Cancelled."))
            yield TrialDone(1, Purpose.UNCHANGED, cut)
            yield Tightened(Verdict(Ends.CUT_OFF, last=cut), Resolved(()), None, 1, 0.1)
            return
        yield TrialDone(1, Purpose.UNCHANGED, works)
        yield TrialBegun(2, Attempt(whole, Purpose.WHOLE, 3), 6.0)
        rest = tuple(each for each in whole if each.id != self.breaks)
        rest = tuple(Choice(each.toggle, self.loosens.get(each.id, each.value)) for each in rest)
        if rest != whole:
            refused = TwinRefusal("k", msg("{by}: {call} is refused ({why}).", by="cron", call="open(/x)", why="EROFS"),
                                  Loosening(self.breaks, certain=True))  # fmt: skip
            why = msg("It exited by itself, with status {status}.", status="1")
            yield TrialDone(2, Purpose.WHOLE, Tried(whole, Works.BREAKS, 2.0, why, refusals=(refused,)))
            yield TrialBegun(3, Attempt(rest, Purpose.LOOSENED, 3), 6.0)
        last = replace(works, choices=rest)
        yield TrialDone(2 if rest == whole else 3, Purpose.REPEAT, last)
        yield Tightened(Verdict(Ends.FOUND, rest, last), derived, None, 3, 6.5, self.unwatched)

    def loosen(self, made: Plan, cancelled: Callable[[], bool] = lambda: False) -> Iterator[SearchEvent | Loosened]:
        self._call("loosen")
        for event in self.tighten(made.state, Wishes(chosen=made.choices), None, cancelled):
            if isinstance(event, Tightened):
                yield found(event.verdict, made.choices)
            else:
                yield event

    def refused(
        self,
        made: Plan,
        container: str,
        seconds: float,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        allowing: bool = False,
    ) -> Iterator[Afterwards]:
        self._call("refused")
        last = Afterwards((), made.choices)
        while not cancelled():
            try:
                found = self.afterwards.get(timeout=0.01)
            except queue.Empty:
                continue
            if isinstance(found, Exception):
                raise found
            if found is None:
                break
            last = found
            yield last
        yield last

    def undo_plan(self, transaction: Transaction) -> UndoPlan:
        self._call("undo_plan")
        if self.undo_gate is not None:
            self.undo_gate.wait(600)
        return UndoPlan(self.written)

    def undo(
        self, transaction: Transaction, watch: float = 10.0, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Event]:
        self._call("undo")
        if self.undo_refused is not None:
            yield RelaunchResult(RelaunchOutcome.REFUSED, transaction, self.undo_refused)
            return
        yield from self._steps(watch, cancelled)
        kind = TransactionKind.HARDEN if transaction.kind is TransactionKind.UNDO else TransactionKind.UNDO
        back = replace(transaction, id="u1", kind=kind, old=transaction.new, new=transaction.old)
        if cancelled():
            yield from self._step("roll-back", msg("Bring the original back"), 0.4)
            yield RelaunchResult(RelaunchOutcome.ROLLED_BACK, back, msg("Cancelled."))
            return
        self.set_aside = [each for each in self.set_aside if each.id != transaction.id] + [back]
        yield RelaunchResult(RelaunchOutcome.VERIFIED, back)

    def discard(self, transaction: Transaction) -> None:
        self._call("discard")
        if self.discard_fails is not None:
            raise self.discard_fails
        self.set_aside = [each for each in self.set_aside if each.id != transaction.id]

    def tested(self, transaction: Transaction, *, works: bool) -> None:
        self._call("tested")
        self.found_working.append((transaction.id, works))

    def kept(self) -> tuple[Transaction, ...]:
        self._call("kept")
        return tuple(self.set_aside)

    def aside(self) -> tuple[Aside | Damaged, ...]:
        self._call("aside")
        if self.aside_gate is not None:
            self.aside_gate.wait(600)
        return (*(Aside(each, each.engine, 4_823_449) for each in self.set_aside), *self.damaged)

    def recover(self) -> tuple[Recovered, ...]:
        self._call("recover")
        error = self.recover_fails
        result = Result.UNDONE if error is None else Result.FAILED
        return tuple(Recovered(each, result, error) for each in self.broken_off)

    # -- how

    def _steps(self, watch: float, cancelled: Callable[[], bool]) -> Iterator[Progress]:
        for name, text, seconds in STEPS:
            if cancelled():
                return
            yield from self._step(name, text, seconds)
        text = msg("Watch it for {seconds} s", seconds=f"{watch:g}")
        yield Progress("watch", State.BEGUN, 0.0, text)
        if self.gate is not None:
            while not self.gate.wait(0.01) and not cancelled():
                pass
        if not cancelled() and self.outcome is not RelaunchOutcome.ROLLED_BACK:
            yield Progress("watch", State.DONE, watch, text)

    def _step(self, name: str, text: Message, seconds: float) -> Iterator[Progress]:
        yield Progress(name, State.BEGUN, 0.0, text)
        time.sleep(seconds * self._pace)
        yield Progress(name, State.DONE, seconds, text)

    def _proofs(self, plan: Plan) -> Iterator[Proved]:
        for choice in plan.choices:
            expected = choice.told
            bad = choice.id == self.unproven
            outcome = Proven.NOT_ENFORCED if bad else Proven.ENFORCED
            yield Proved(choice, Proof(outcome, expected, msg("It is 0") if bad else expected, "@status:CapBnd"))

    def transaction(self, plan: Plan) -> Transaction:
        spec = plan.spec
        words = tuple(map(str, plan.choices))
        return Transaction(
            id="t1",
            kind=TransactionKind.HARDEN,
            stage=Stage.DONE,
            engine=spec.engine,
            endpoint="unix:///run/docker.sock",
            name=spec.name,
            old=spec.id,
            new=f"new-{spec.id[:8]}",
            created=True,
            old_aside=f"{spec.name}.old-1",
            new_aside=f"{spec.name}.new-1",
            restart=spec.restart,
            new_restart=spec.restart,
            was_running=True,
            stop_timeout=10,
            started_at=time.time() - 4000,
            choices=words,
            owner=None if self.owner is None else self.owner.owned,
        )


class _Unwritten:
    """A journal that nothing is written to."""

    def write(self, transaction: Transaction) -> None:
        raise AssertionError(transaction)

    def forget(self, transaction: str) -> None:
        raise AssertionError(transaction)

    def all(self) -> tuple[Transaction | Damaged, ...]:
        return ()

    def write_twin(self, twin: TwinRecord) -> None:
        raise AssertionError(twin)

    def forget_twin(self, twin: str) -> None:
        raise AssertionError(twin)

    def twins(self) -> tuple[TwinRecord, ...]:
        return ()

    def write_group(self, group: Group) -> None:
        raise AssertionError(group)

    def forget_group(self, group: str) -> None:
        raise AssertionError(group)

    def groups(self) -> tuple[Group, ...]:
        return ()

    def hold(self, engine: str, container: str) -> AbstractContextManager[None]:
        raise AssertionError(container)

    def held(self, container: str) -> bool:
        raise AssertionError(container)


def _nowhere(engine: str) -> EngineAccess:
    raise AssertionError(f"{engine} is on no engine")


def _command(plan: Plan) -> str:
    words = " ".join(f"--with {choice}" for choice in plan.choices)
    return f"docker run -d --name {plan.spec.name} {words} {plan.spec.image}"
