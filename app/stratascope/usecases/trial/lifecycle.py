"""Tests a twin from its start to its stop, and compares it with its original and with an unchanged twin.

It works if its ports, its healthcheck and its start processes come up as in the original, every exercise succeeds, and
it stops as an unchanged twin does; stopping is tested because a program may lose data then. Time limits are multiples
of what the unchanged twin took. Decided against a fixed grace period: each awaited event shows by itself that it has
happened.

The twin is signalled to reload its configuration and to reopen its logs, as a service manager and logrotate do: this
needs other rights than the start, and would otherwise fail days later. Only signals with a handler are sent; if an
unchanged twin exits on one, it is restarted, and no later twin gets that signal. Decided against SIGUSR2, whose meaning
differs between programs.

A user's command reports success by exit status 0. sh runs it as the user of this program, in its own session, and its
process group is killed at the end. Its output is kept to explain a failure, up to a limit. In a Flatpak it runs on the
host, if that is allowed.
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
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.evidence import Clock, Expected, Failure, PortReply, Reply
from stratascope.core.relaunch.launch_spec import Health
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.trial import Lasting, Loosening, Pace, Tried
from stratascope.layers.namespaces.written import some
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.evidence.answers import (
    NOT_EXERCISED,
    answered,
    asks,
    changed_replies,
    compared,
    differs,
    not_compared,
)
from stratascope.usecases.evidence.readings import ProcessKind
from stratascope.usecases.plan.look import Look
from stratascope.usecases.plan.written_files import lost_files
from stratascope.usecases.relaunch.proof import all_back
from stratascope.usecases.relaunch.watch import FailedError, Patience, Watcher, last_words
from stratascope.usecases.trial.restarted import (
    Files,
    gone,
    in_memory_only,
    lasting,
    lost_in_memory,
    of_layer,
    of_places,
    unread,
    without_places,
)
from stratascope.value import Value

SECONDS = 60.0  # time limit of one command
_OUTPUT_MAX = 1 << 14  # bytes of its output to keep, counted from the end
_EXERCISE_POLL = 0.05  # seconds between checks for cancellation and the time limit
_STEP = 1 << 16


class TwinAddress(Value):
    """How a command finds the twin."""

    pid: int  # of its first process, in the host's PID namespace
    name: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables for a command."""
        return {
            "STRATASCOPE_TWIN_PID": str(self.pid),
            "STRATASCOPE_TWIN_NAME": self.name,
            "STRATASCOPE_TWIN_NETNS": f"/proc/{self.pid}/ns/net",
        }


class Exercised(Value):
    """The result of a command. `why`: the reason if it failed; `said`: the end of its output, untrusted text."""

    command: str
    why: Message | None = None
    said: str = ""


def exercise(
    command: str, place: TwinAddress, *, seconds: float, clock: Clock, cancelled: Callable[[], bool] = lambda: False
) -> Exercised:
    """Run one command, then kill its process group. Raises nothing."""
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
                why = msg("It did not finish within {seconds} s.", seconds=round(seconds))
            if why is not None:
                break
            if not selector.get_map():  # it has closed its output, but still runs
                clock.sleep(_EXERCISE_POLL)
            elif selector.select(_EXERCISE_POLL) and not _read_output(child.stdout.fileno(), said):
                selector.unregister(child.stdout)
        _end_group(child)
        _read_output(child.stdout.fileno(), said)
    if why is None and child.returncode:
        why = msg("It exited with status {status}.", status=child.returncode)
    return Exercised(command, why, said.decode("utf-8", "replace"))


def _argv(command: str, place: TwinAddress, *, outside: bool) -> Sequence[str]:
    if outside:
        return ("/bin/sh", "-c", command)
    variables = (f"--env={name}={value}" for name, value in place.environment.items())
    # --watch-bus: the command on the host ends if flatpak-spawn is killed here
    return (*sandbox.HOST, "--watch-bus", *variables, "sh", "-c", command)


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """Kill the whole process group, including background processes that the command left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _read_output(descriptor: int, said: bytearray) -> bool:
    """Read the output available now into `said`; False at its end."""
    while True:
        try:
            part = os.read(descriptor, _STEP)
        except BlockingIOError:
            return True
        if not part:
            return False
        said += part
        del said[:-_OUTPUT_MAX]
        if len(part) < _STEP:
            return True


SIGNALS = (("HUP", 1), ("USR1", 10))  # the same numbers on every architecture that engines run on
WAIT = 0.3  # seconds in which a twin may exit because of a signal
END = 0.5  # … and an unchanged twin, which is awaited longer
_SIGNAL_POLL = 0.05  # seconds between checks whether it still runs, or catches a signal yet


def understood(access: EngineAccess, container: str) -> tuple[str, ...]:
    """Send an unchanged twin every signal that it has a handler for; return those that it survives.

    Raises EngineError, NoSuchContainerError.
    """
    caught = access.caught_signals(container) or ()
    found: list[str] = []
    for name, number in SIGNALS:
        if number not in caught or not _catches(access, container, number):
            continue
        if _survives(access, container, name, END):
            found.append(name)
        else:
            access.port.start(container)
    return tuple(found)


def _catches(access: EngineAccess, container: str, number: int) -> bool:
    """Whether it has its handler, for which it is awaited: one that was just started again ignores every signal that it
    does not catch yet, as the first process of a PID namespace, pid_namespaces(7).
    """
    until = access.clock.now() + LEAST
    while number not in (access.caught_signals(container) or ()):
        if access.clock.now() >= until or access.port.running(container).status != "running":
            return False
        access.clock.sleep(_SIGNAL_POLL)
    return True


def first_fatal(access: EngineAccess, container: str, signals: tuple[str, ...]) -> str:
    """Send the signals; return the one on which it exited, or "". Raises EngineError, NoSuchContainerError."""
    return next((name for name in signals if not _survives(access, container, name, WAIT)), "")


def _survives(access: EngineAccess, container: str, signal: str, seconds: float) -> bool:
    """Send a signal; whether the container still runs after `seconds`."""
    try:
        access.port.signal(container, signal)
    except (RefusedError, NoSuchContainerError):  # it has just exited
        return False
    until = access.clock.now() + seconds
    while access.port.running(container).status == "running":
        if access.clock.now() >= until:
            return True
        access.clock.sleep(_SIGNAL_POLL)
    return False


SETTLE = 0.2  # seconds that a changed twin must keep running, if it has ports, processes or a healthcheck to await
BLIND = 2.0  # … if it has none
POLL = 0.05  # seconds between checks
PATIENT = 4.0  # a twin's time limit, as a multiple of what the unchanged one took
LEAST = 5.0  # the least time limit in seconds, however fast the unchanged one was
FIRST = 60.0  # time limit of the unchanged twin in seconds
UNSURE = 15.0  # seconds to wait for a healthcheck that was never known to succeed
KILLED = 128 + 9  # exit status of a program killed by SIGKILL, since it did not exit on the stop signal
_SECOND = 1.0
HURRY = 1  # stop timeout in seconds, if the unchanged one did not exit on the stop signal either


class Exercises(Value):
    """Commands for sh, and the time limit of each in seconds."""

    commands: tuple[str, ...] = ()
    seconds: float = SECONDS


class Keeps(Value):
    """New options of a twin that concern its files. `volumes`, `memory`: where new volumes and tmpfs are mounted."""

    volumes: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()
    read_only: bool = False

    def __bool__(self) -> bool:
        return bool(self.volumes or self.memory or self.read_only)


class LifecycleTest:
    """The test of one twin. `compared` and `not_compared` list what was and was not checked so far, `away` processes of
    the original's start that it does not have and need not.
    """

    def __init__(
        self,
        access: EngineAccess,
        seen: Look,
        processes: frozenset[ProcessKind] | None,
        exercises: Exercises,
        cancelled: Callable[[], bool],
        like: Tried | None,
        keeps: Keeps,
        hand_over: Callable[[str], None] = lambda container: None,
    ) -> None:
        """`processes`: the original's start processes; `like`: the trial of the unchanged container. `hand_over`:
        called before it is started again, since Podman makes its overlays anew. `loosenings` is set if a failure shows
        by itself what would help.
        """
        self._access, self._seen, self._processes = access, seen, processes
        self._exercises, self._cancelled = exercises, cancelled
        self._like = None if like is None else like.pace
        self._keeps, self._hand_over = keeps, hand_over
        self._choices: Sequence[Choice] = ()
        self.loosenings: tuple[Loosening, ...] = ()
        self.compared: list[Message] = []
        self.away: frozenset[ProcessKind] = frozenset()
        self.not_compared: list[Message] = [
            msg("A copy reaches nothing outside, so what the container does over the network was not tried.")
        ]
        udp = [port.container_port for port in seen.spec.asked.ports if port.container_port.endswith("/udp")]
        if udp:
            self.not_compared.append(msg("Its UDP ports are not checked: {ports}.", ports=", ".join(udp)))
        if paths := lost_files(seen.state.container, seen.changes):
            self.not_compared.append(msg("A copy starts without what was written outside its volumes: {paths}.",
                                         paths=paths))  # fmt: skip

    def run(self, container: str, name: str, choices: Sequence[Choice]) -> Pace:
        """Test a twin that was just started, and stop it. Raises FailedError, EngineError, NoSuchContainerError."""
        clock = self._access.clock
        begun, self._choices = clock.now(), choices
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
        files = self._files(container)
        code = self._stop(container)
        ended = clock.now()
        known = self._again(watcher, container, files, max(SETTLE, min(up, FIRST)))
        return Pace(up, exercised, ended - begun - up - exercised, code, healthy, signals, answers, known)

    def _files(self, container: str) -> Files | None:
        """What it wrote, before it is stopped; None if that is not read, or of no interest."""
        if self._like is not None and not self._keeps:
            return None
        port = self._access.port
        try:
            if self._like is None:
                return of_layer(port, container, self._seen.state.container)
            return of_places(port, container, self._keeps.volumes)
        except EngineError as error:
            self.not_compared.append(unread(error))
            return None

    def _again(self, watcher: Watcher, container: str, files: Files | None, seconds: float) -> Lasting | None:
        """Start it once more, and look for what it had written."""
        like = self._like
        if files is None or (like is not None and like.lasting is None):
            return None
        known = None if like is None else like.lasting
        if known is not None and (found := in_memory_only(self._keeps.memory, known)):
            self.loosenings = without_places("tmpfs", self._choices, found)
            self._fail(container, lost_in_memory(found))
        if like is None:
            self._access.clock.sleep(_SECOND)  # the resolution of their times
        self._hand_over(container)
        self._access.port.start(container)
        try:
            self._watch(watcher, container, seconds)
        except FailedError:
            if like is None and not self._cancelled():
                self.not_compared.append(msg("It does not start a second time, unchanged either."))
                return None
            raise
        port = self._access.port
        if known is None:
            found_again = of_layer(port, container, self._seen.state.container)
            port.stop(container, 0)
            return lasting(files, found_again)
        lost = gone(files, of_places(port, container, self._keeps.volumes), known)
        if lost:
            self._fail(container, msg("After a restart it lacks what it wrote: {paths}.", paths=some(lost)))
        self.compared.append(msg("It starts again, with what it wrote in its new volumes.") if files
                             else msg("It starts again."))  # fmt: skip
        port.stop(container, 0)
        return known

    def _watch(self, watcher: Watcher, container: str, seconds: float) -> None:
        for _ in watcher.watch(container, seconds):
            pass

    def _reload(self, watcher: Watcher, container: str) -> tuple[str, ...]:
        """Send the reload signals; afterwards its ports must listen again."""
        if self._like is None:
            signals = understood(self._access, container)
        else:
            signals = self._like.signals
            if ended := first_fatal(self._access, container, signals):
                self._fail(container, msg("It ended when told to reload (SIG{name}).", name=ended))
        if signals:
            names = ", ".join(f"SIG{name}" for name in signals)
            self.compared.append(msg("It keeps running when told to reload: {names}.", names=names))
        self._watch(watcher, container, 0.0)
        return signals

    def _ports(self, container: str, limit: float) -> tuple[PortReply, ...] | None:
        """Its replies at its ports; None if unknown. Ports on addresses that only the original has can't be probed."""
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
        other = changed_replies(before or (), now)
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
        away = all_back(self._access, choices, subject, before, container, seconds=limit, again=POLL,
                        go_on=lambda: self._go_on(container))  # fmt: skip
        self.away = frozenset(away)
        if there := before - self.away:
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
                why = msg("The test command failed: {command}. {why}", command=command, why=done.why)
                self._fail(container, why, said=done.said)
            self.compared.append(msg("The test command succeeds: {command}", command=command))

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
        """Raise FailedError if the twin has exited, or the trial was cancelled."""
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
