"""What a twin is put through from its start to its stop, held against what its original did, and an unchanged twin.

It works where its ports, its healthcheck and the processes of its start come as they did, each exercise ends well, and
its stop ends as an unchanged twin's does: the stop belongs to it, as a program may lose its data there. All is bounded
by how long the unchanged one took. Decided against a fixed grace period: what is awaited says when it is there.

It is told by signal to read its configuration anew and to reopen its logs, as its service manager and logrotate do.
What a program does then takes other rights than its start did, and comes on another day. Told are only signals for
which it has a handler; an unchanged twin that ends by one is started again, and no other is told so. Decided against
SIGUSR2, which means something else to each.

A command of the user's says by status 0 that it works. Each is run by sh as the user whose program this is, in a
session of its own, and its process group is ended with it. What it prints is kept for the reason why, and bounded. In a
Flatpak it runs on the host, where that is allowed.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress

from stratascope import sandbox
from stratascope.core.message import Message, msg
from stratascope.core.ports import NoSuchContainerError, RefusedError
from stratascope.core.relaunch.evidence import Clock, Expected, Failure, PortReply, Reply
from stratascope.core.relaunch.launch_spec import Health
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.trial import Pace, Tried
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.evidence.answers import NOT_EXERCISED, answered, asks, compared, differs, not_compared, unlike
from stratascope.usecases.evidence.readings import ProcessKind
from stratascope.usecases.plan.look import Look
from stratascope.usecases.plan.written_files import lost_files
from stratascope.usecases.relaunch.proof import all_back
from stratascope.usecases.relaunch.watch import FailedError, Patience, Watcher, last_words
from stratascope.value import Value

SECONDS = 60.0  # that one command may take
_SAID_MOST = 1 << 14  # bytes of what it prints, the last ones
_EXERCISE_LOOK = 0.05  # seconds between two looks whether to go on
_STEP = 1 << 16


class TwinAddress(Value):
    """Where the twin is."""

    pid: int  # of its first process, as the host counts
    name: str

    @property
    def environment(self) -> dict[str, str]:
        """What a command is told of it."""
        return {
            "STRATASCOPE_TWIN_PID": str(self.pid),
            "STRATASCOPE_TWIN_NAME": self.name,
            "STRATASCOPE_TWIN_NETNS": f"/proc/{self.pid}/ns/net",
        }


class Exercised(Value):
    """What a command came to. `why`: it failed; `said`: the end of what it printed, foreign text."""

    command: str
    why: Message | None = None
    said: str = ""


def exercise(
    command: str, place: TwinAddress, *, seconds: float, clock: Clock, cancelled: Callable[[], bool] = lambda: False
) -> Exercised:
    """Run one command to its end; its process group ends with it. Raises nothing."""
    access = sandbox.access()
    if access is sandbox.Access.WITHHELD:
        text = msg("This Flatpak can't run commands on the host. Allow it with this command: {command}",
                   command=sandbox.GRANT)  # fmt: skip
        return Exercised(command, text)
    try:
        child = subprocess.Popen(
            _argv(command, place, outside=access is sandbox.Access.OUTSIDE),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **place.environment},
            start_new_session=True,
        )
    except OSError as error:
        return Exercised(command, msg("It could not be started: {words}", words=error.strerror or str(error)))
    until, why = clock.now() + seconds, None
    said = bytearray()
    assert child.stdout is not None
    with child, selectors.DefaultSelector() as selector:
        os.set_blocking(child.stdout.fileno(), False)
        selector.register(child.stdout, selectors.EVENT_READ)
        while child.poll() is None:
            if cancelled():
                why = msg("Cancelled.")
            elif clock.now() >= until:
                why = msg("It did not finish within {seconds} seconds.", seconds=round(seconds))
            if why is not None:
                break
            if not selector.get_map():  # it closed its output, and goes on
                clock.sleep(_EXERCISE_LOOK)
            elif selector.select(_EXERCISE_LOOK) and not _read_output(child.stdout.fileno(), said):
                selector.unregister(child.stdout)
        _end_group(child)
        _read_output(child.stdout.fileno(), said)
    if why is None and child.returncode:
        why = msg("It exited with status {status}.", status=child.returncode)
    return Exercised(command, why, said.decode("utf-8", "replace"))


def _argv(command: str, place: TwinAddress, *, outside: bool) -> Sequence[str]:
    if outside:
        return ("/bin/sh", "-c", command)
    told = (f"--env={name}={value}" for name, value in place.environment.items())
    return (*sandbox.HOST, "--watch-bus", *told, "sh", "-c", command)  # it ends there where this end is killed


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """Its whole process group, also what it left behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _read_output(descriptor: int, said: bytearray) -> bool:
    """What is there now; False at its end."""
    while True:
        try:
            part = os.read(descriptor, _STEP)
        except BlockingIOError:
            return True
        if not part:
            return False
        said += part
        del said[:-_SAID_MOST]
        if len(part) < _STEP:
            return True


SIGNALS = (("HUP", 1), ("USR1", 10))  # on every architecture that engines run on
WAIT = 0.3  # seconds that it may take over one
END = 0.5  # … in which an unchanged one ends that takes it for its end
_LOOK = 0.05


def understood(access: EngineAccess, container: str) -> tuple[str, ...]:
    """Which of them the first process of an unchanged twin takes and goes on; tells it all that it has a handler for.

    Raises EngineError, NoSuchContainerError.
    """
    caught = access.caught_signals(container) or ()
    found: list[str] = []
    for name, number in SIGNALS:
        if number not in caught:
            continue
        if _told(access, container, name, END):
            found.append(name)
        else:
            access.port.start(container)
    return tuple(found)


def tell(access: EngineAccess, container: str, signals: tuple[str, ...]) -> str:
    """The signal by which it ended, of those; empty where it goes on. Raises EngineError, NoSuchContainerError."""
    return next((name for name in signals if not _told(access, container, name, WAIT)), "")


def _told(access: EngineAccess, container: str, signal: str, seconds: float) -> bool:
    """Whether it still runs afterwards."""
    try:
        access.port.signal(container, signal)
    except (RefusedError, NoSuchContainerError):  # it ended just now
        return False
    until = access.clock.now() + seconds
    while access.port.running(container).status == "running":
        if access.clock.now() >= until:
            return True
        access.clock.sleep(_LOOK)
    return False


SETTLE = 0.2  # seconds that a changed one must stay well, where it does something that can be awaited
BLIND = 2.0  # … where there is nothing to await
POLL = 0.05  # seconds between two looks
PATIENT = 4.0  # times as long as the unchanged one may another one take
LEAST = 5.0  # seconds, however fast that one was
FIRST = 60.0  # seconds that the unchanged one may take
UNSURE = 15.0  # seconds for a healthcheck of which nobody knows whether it was ever well
KILLED = 128 + 9  # exit status of a program that did not end when it was told to
HURRY = 1  # seconds to stop, where the unchanged one does not end by itself either


class Exercises(Value):
    """Commands for sh, and the seconds that each may take."""

    commands: tuple[str, ...] = ()
    seconds: float = SECONDS


class LifecycleTest:
    """For one twin. `compared` and `not_compared` say what was looked at so far."""

    def __init__(
        self,
        access: EngineAccess,
        seen: Look,
        processes: frozenset[ProcessKind] | None,
        exercises: Exercises,
        cancelled: Callable[[], bool],
        like: Tried | None,
    ) -> None:
        """`processes`: those of the original's start; `like`: the trial of the unchanged one."""
        self._access, self._seen, self._processes = access, seen, processes
        self._exercises, self._cancelled = exercises, cancelled
        self._like = None if like is None else like.pace
        self.compared: list[Message] = []
        self.not_compared: list[Message] = [
            msg("A twin reaches nothing outside, so what the container does over the network was not tried.")
        ]
        udp = [port.container_port for port in seen.spec.asked.ports if port.container_port.endswith("/udp")]
        if udp:
            self.not_compared.append(msg("Its UDP ports are not checked: {ports}.", ports=", ".join(udp)))
        if paths := lost_files(seen.state.container, seen.changes):
            self.not_compared.append(msg("A twin starts without what was written outside its volumes: {paths}.",
                                         paths=paths))  # fmt: skip

    def run(self, container: str, name: str, choices: Sequence[Choice]) -> Pace:
        """Of a twin that was just started, to its end. Raises FailedError, EngineError, NoSuchContainerError."""
        clock = self._access.clock
        begun = clock.now()
        limit = FIRST if self._like is None else max(LEAST, PATIENT * self._like.up)
        patience = Patience(poll=POLL, look=POLL, health=limit, listen=limit)
        expected = Expected(self._seen.before, self._access.liveness, Health.NONE)
        watcher = Watcher(self._access.port, clock, self._cancelled, expected, patience)
        awaited = self._seen.before.listens or self._processes or self._seen.spec.state.healthcheck
        self._watch(watcher, container, BLIND if not awaited else SETTLE if self._like is not None else 0.0)
        answers = self._ports(container, limit)
        self._all_processes(container, choices, limit)
        healthy = self._healthy(container, limit)
        up = clock.now() - begun
        signals = self._reload(watcher, container)
        self._exercise(container, name)
        exercised = clock.now() - begun - up
        if self._exercises.commands:
            self._watch(watcher, container, 0.0)
        code = self._stop(container)
        return Pace(up, exercised, clock.now() - begun - up - exercised, code, healthy, signals, answers)

    def _watch(self, watcher: Watcher, container: str, seconds: float) -> None:
        for _ in watcher.watch(container, seconds):
            pass

    def _reload(self, watcher: Watcher, container: str) -> tuple[str, ...]:
        """As its service manager and logrotate tell it; its ports are there again afterwards."""
        if self._like is None:
            told = understood(self._access, container)
        else:
            told = self._like.signals
            if ended := tell(self._access, container, told):
                self._fail(container, msg("It ended when told to reload (SIG{name}).", name=ended))
        if told:
            names = ", ".join(f"SIG{name}" for name in told)
            self.compared.append(msg("It keeps running when told to reload: {names}.", names=names))
        self._watch(watcher, container, 0.0)
        return told

    def _ports(self, container: str, limit: float) -> tuple[PortReply, ...] | None:
        """What it says at them; one on an address that only the original has can't be asked."""
        ports, clock = self._seen.before.listens, self._access.clock
        if ports is None:
            self.not_compared.append(msg("Which ports it listens on can't be read."))
        if not ports:
            return ()
        before, hear = None if self._like is None else self._like.answers, self._access.answers
        if before is None:
            now = hear(container, asks(ports, thorough=True)) if self._like is None else None
        else:
            until = clock.now() + limit
            now = answered(hear, container, before, clock, until=until, again=POLL,
                           go_on=lambda: self._go_on(container))  # fmt: skip
        self.compared.append(msg("It listens on its TCP ports: {ports}.", ports=", ".join(map(str, ports))))
        if now is None:
            self.not_compared.append(msg("Its answers at its ports: its network can't be entered from here."))
            return None
        other = unlike(before or (), now)
        if other:
            self._fail(container, differs(other[0]))
        if taken := sorted({each.port for each in now if each.reply is not Reply.NONE}):
            words = ", ".join(map(str, taken))
            self.compared.append(msg("It accepts connections on its TCP ports: {ports}.", ports=words))
        if before:
            self.compared += compared(before, now)
        self.not_compared += not_compared(ports, now, now)
        return now

    def _all_processes(self, container: str, choices: Sequence[Choice], limit: float) -> None:
        before = self._processes
        if before is None or self._access.all_processes(container) is None:
            self.not_compared.append(msg("Which processes it starts can't be read."))
            return
        subject = self._seen.subject
        away = all_back(self._access, choices, subject, before, container, seconds=limit, again=POLL)
        if before and (there := before - frozenset(away)):
            names = ", ".join(sorted({kind.name for kind in there}))
            self.compared.append(msg("The processes of its start are present: {names}.", names=names))

    def _healthy(self, container: str, limit: float) -> bool:
        state, clock = self._seen.spec.state, self._access.clock
        if not state.healthcheck:
            self.not_compared.append(msg("It has no health check."))
            return False
        sure = state.health is Health.HEALTHY if self._like is None else self._like.healthy
        if not sure and (self._like is not None or state.health is Health.UNHEALTHY):
            self.not_compared.append(msg("The unchanged container's health check does not report healthy either."))
            return False
        until = clock.now() + (limit if sure else UNSURE)
        while self._access.port.check_health(container) is not Health.HEALTHY:
            self._go_on(container)
            if clock.now() < until:
                clock.sleep(POLL)
            elif sure:
                self._fail(container, msg("Its health check does not report healthy."))
            else:
                self.not_compared.append(msg("The unchanged container's health check does not report healthy either."))
                return False
        self.compared.append(msg("Its health check reports healthy."))
        return True

    def _exercise(self, container: str, name: str) -> None:
        if not self._exercises.commands:
            self.not_compared.append(NOT_EXERCISED)
            return
        pid = self._access.port.running(container).pid
        if pid is None:
            self._go_on(container)
        seconds = self._exercises.seconds
        if self._like is not None:
            seconds = min(seconds, max(LEAST, PATIENT * self._like.exercise))
        for command in self._exercises.commands:
            done = exercise(command, TwinAddress(pid or 0, name), seconds=seconds, clock=self._access.clock,
                            cancelled=self._cancelled)  # fmt: skip
            if self._cancelled():
                raise FailedError(msg("Cancelled."))
            if done.why is not None:
                why = msg("The exercise failed: {command}. {why}", command=command, why=done.why)
                self._fail(container, why, said=done.said)
            self.compared.append(msg("The exercise succeeds: {command}", command=command))

    def _stop(self, container: str) -> int | None:
        port, wanted = self._access.port, None if self._like is None else self._like.exit_code
        self._go_on(container)
        hurried = wanted == KILLED
        port.stop(container, HURRY if hurried else self._seen.spec.stop_timeout)
        now = port.running(container)
        if now.out_of_memory:
            self._fail(container, msg("It was killed: it needs more memory than its limit allows."))
        if self._like is None or hurried:
            return now.exit_code
        if now.exit_code == KILLED:
            self._fail(container, msg("It no longer ends when told to stop."))
        if now.exit_code != wanted:
            why = msg("It stops with exit status {status}; unchanged, with {before}.", status=str(now.exit_code),
                      before=str(wanted))  # fmt: skip
            self._fail(container, why)
        self.compared.append(msg("It stops like the unchanged one."))
        return now.exit_code

    def _go_on(self, container: str) -> None:
        """Raises FailedError where it has ended, or somebody cancelled."""
        if self._cancelled():
            raise FailedError(msg("Cancelled."))
        now = self._access.port.running(container)
        if now.status != "running":
            self._fail(container, msg("It exited by itself, with status {status}.", status=str(now.exit_code)))

    def _fail(self, container: str, why: Message, *, said: str = "") -> None:
        log, now = last_words(self._access.port, container), self._access.port.running(container)
        failure = Failure(
            log="\n".join(filter(None, (log, said))),
            words=now.error,
            exit_code=now.exit_code,
            out_of_memory=now.out_of_memory,
        )
        raise FailedError(why, said or now.error, log, failure)
