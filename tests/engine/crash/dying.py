"""A relaunch that dies: `harden` or `undo` of one container on a real engine, killed at one point of it; `repair` or
`back` of one that had ended; `fill` and `unfill`, whose data gets a volume. Or a `trial`.

python tests/engine/crash/dying.py HOW NUMBER VERB CONTAINER

The points are its engine calls and journal writes in their order, each printed on stdout once it was passed; of a
`trial` only those that change something. HOW and NUMBER say where SIGKILL comes: `at` that point (before a journal
write, after an engine call), or `in` it (an engine call that is still under way). With a NUMBER beyond the last it runs
through. `undo` and `back` first relaunch it, and count from there. With HOW `wait` it is not killed, but says `here`
before that point, and goes on when a line comes on stdin; how it ended is then printed, as JSON. DYING_PATIENCE:
seconds that an engine call may take instead of up to minutes; DYING_EXERCISE: what a trial's twin is put through. The
engine and the journal's folder are those of the environment, as for `stratascope` itself.

Decided against a hook in the program: relauncher and journal are protocols, so those that count are handed in.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stratascope.core.container import EngineState
from stratascope.core.relaunch.launch_spec import TwinRecord
from stratascope.core.relaunch.transaction import RelaunchOutcome, RelaunchResult, Transaction
from stratascope.core.relaunch.trial import Works
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import choice_of
from stratascope.state.journal import FileJournal
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.look import look
from stratascope.usecases.trial.lifecycle import Exercises
from stratascope.usecases.trial.trial import Trials
from stratascope.wiring.engines import describe, open_engines
from stratascope.wiring.hardening import ConnectedEngine, ConnectedHardening

UNDER_WAY = 0.03  # seconds after which a call is under way
CHOICE = choice_of("no-new-privileges", "on")
GIVES = choice_of("read-only-root", "off")  # what a container lacked that has ended
FILLS = choice_of("volume", "/var/lib/kept")
CHOICES = {"repair": GIVES, "fill": FILLS}
FURTHER = {"undo": "harden", "back": "repair", "unfill": "fill"}  # what comes before it
LOOKS = frozenset(("plan", "running", "labelled", "changes", "log", "check_health"))  # how often depends on the machine
EXERCISES = tuple(filter(None, (os.environ.get("DYING_EXERCISE"),)))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Fate:
    """Counts the points that are passed, and ends this process at one of them."""

    def __init__(self, how: str, number: int) -> None:
        self._how, self._number = how, number
        self._passed = 0
        self.counting = True
        self.waits = how == "wait"
        self.waited = False

    @contextmanager
    def point(self, name: str, *, write: bool) -> Iterator[None]:
        """One call or write."""
        if not self.counting:
            yield
            return
        here = self._passed == self._number
        if here and self.waits:
            here = False
            say("here")
            sys.stdin.readline()
            self.waited = True
        if here and write:
            die()
        if here and self._how == "in":
            threading.Timer(UNDER_WAY, die).start()
        yield
        say(name)
        if here:
            die()
        self._passed += 1


class Calls:
    """A relauncher whose calls are points; the pure ones are none, nor are those that are named."""

    def __init__(self, port: Any, fate: Fate, passed_over: frozenset[str] = frozenset()) -> None:
        self._port, self._fate = port, fate
        self._passed_over = passed_over | {"body", "filling", "with_image", "twin", "told"}

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._port, name)
        if name in self._passed_over:
            return real

        def call(*values: Any) -> Any:
            with self._fate.point(name, write=False):
                return real(*values)

        return call


class Writes(FileJournal):
    """A journal whose writes are points."""

    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self._fate = fate

    def write(self, transaction: Transaction) -> None:
        with self._fate.point(f"write {transaction.stage}", write=True):
            super().write(transaction)

    def forget(self, transaction: str) -> None:
        with self._fate.point("forget", write=True):
            super().forget(transaction)

    def write_twin(self, twin: TwinRecord) -> None:
        with self._fate.point("write twin", write=True):
            super().write_twin(twin)

    def forget_twin(self, twin: str) -> None:
        with self._fate.point("forget twin", write=True):
            super().forget_twin(twin)


def hurry(port: Any, fate: Fate, patience: float) -> None:
    """Shorten the time that its calls may take, once it has waited."""
    real = port.send

    def send(method: str, target: str, data: bytes | None, silence: float) -> Any:
        return real(method, target, data, min(silence, patience) if fate.waited and patience else silence)

    port.send = send


def main(how: str, number: int, verb: str, container: str) -> None:
    fate = Fate(how, number)
    with open_engines() as engines:
        (port,), (engine,) = engines.ports, describe(engines)
        assert engine.state is EngineState.CONNECTED, engine
        hurry(port, fate, float(os.environ.get("DYING_PATIENCE", "0")))
        journal = Writes(fate)
        access = ConnectedEngine(engines, port, engine, journal)
        access.port = Calls(access.port, fate, LOOKS if verb == "trial" else frozenset())
        hardening = Hardening(lambda name: access, journal, lambda made: "")
        fate.counting = False
        state = access.read(ConnectedHardening(hardening, (access,), (engine,)).container(container)[1])
        assert state is not None
        if verb == "trial":
            trials = Trials(access, look(access, state.container.id), Exercises(EXERCISES))
            fate.counting = True
            tried = trials.run((CHOICE,))
            assert tried.works is Works.YES, tried
            return
        made = hardening.plan(state, (CHOICES.get(FURTHER.get(verb, verb), CHOICE),))
        fate.counting = verb not in FURTHER
        *_, ended = hardening.run(made, 0.0, lambda: False)
        assert isinstance(ended, RelaunchResult), ended
        if fate.waits:
            say(json.dumps({"ending": ended.ending, "why": ended.why and translate(ended.why), "words": ended.words}))
            return
        assert ended.ending.stays, ended
        assert ended.enforced, ended
        if verb in FURTHER:
            assert ended.transaction is not None
            fate.counting = True
            *_, ended = hardening.undo(ended.transaction, 0.0, lambda: False)
            assert isinstance(ended, RelaunchResult), ended
            assert ended.ending is RelaunchOutcome.VERIFIED, ended


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
