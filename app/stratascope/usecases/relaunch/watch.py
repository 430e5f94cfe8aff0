"""Watches a replacement: it must run, be healthy, listen where the original did, and have no process killed.

Whatever is still awaited is reported when it changes. What can't be read is reported once and counts neither way: a
guess would either break a good relaunch or approve a bad one. Decided against comparing addresses: they differ between
networks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError, Relauncher
from stratascope.core.relaunch.evidence import Clock, Expected, Failure
from stratascope.core.relaunch.launch_spec import Health, Running
from stratascope.core.relaunch.transaction import Member, Progress, State
from stratascope.value import Value, replace

POLL = 0.2  # seconds between two checks of the replacement
LOOK = 0.5  # seconds between two readings of its ports and counters, which cost more
HEALTH_MAX = 120.0  # seconds that a healthcheck may take to become healthy
LISTEN_MORE = 30.0  # seconds beyond the watch until it must listen
LOG_LINES = 40  # of the output of a replacement that failed


class Patience(Value):
    """Intervals and timeouts in seconds, named as the constants."""

    poll: float = POLL
    look: float = LOOK
    health: float = HEALTH_MAX
    listen: float = LISTEN_MORE


class FailedError(Exception):
    """The relaunch can't go on: why, the engine's own error, and the replacement's last output.

    `failure` is used to find a toggle to blame; None if it is not the replacement that failed.
    """

    def __init__(self, why: Message, words: str = "", log: str = "", failure: Failure | None = None) -> None:
        super().__init__(words or why.id)
        self.why, self.words, self.log, self.failure = why, words, log, failure


class WroteLateError(FailedError):
    """The original wrote files while it was stopped, which the replacement would lack."""


class Watcher:
    """Watches one container that was just started."""

    def __init__(
        self,
        port: Relauncher,
        clock: Clock,
        cancelled: Callable[[], bool],
        expected: Expected | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._port, self._clock, self._cancelled = port, clock, cancelled
        self._patience = patience or Patience()
        self._expected = expected or Expected()
        self._looked: float | None = None  # when its ports and kills were read
        self._lacking: tuple[int, ...] = ()
        self._blind = False

    def watch(self, container: str, seconds: float) -> Iterator[Progress]:
        """For that many seconds, and longer if something is awaited. Raises FailedError and the engine's errors."""
        progress = Progress("watch", State.BEGUN, 0.0, msg("Watch it for {seconds} s", seconds=f"{seconds:g}"))
        yield progress
        begun = self._clock.now()
        first = self._port.running(container).restarts
        awaited, blind = None, False
        while True:
            if self._cancelled():
                raise FailedError(msg("Cancelled."))
            now = self._port.running(container)
            self._judge(now, first)
            passed = self._clock.now() - begun
            self._look(now, last=passed >= seconds)
            starting = now.health is Health.STARTING and self._expected.health is Health.HEALTHY
            if passed >= seconds and not starting and not self._lacking:
                break
            if starting and passed >= max(seconds, self._patience.health):
                why = msg("Its health check did not report healthy within {seconds} s.", seconds=round(passed))
                self._fail(now, why)
            if self._lacking and not starting and passed >= seconds + self._patience.listen:
                self._fail(now, _silent(self._lacking))
            if self._blind and not blind:
                text = msg("Which ports it listens on can't be read, so that is not watched")
                yield replace(progress, seconds=passed, message=text)
            if (waits := self._awaited(starting)) != awaited:
                yield replace(progress, seconds=passed, message=waits or progress.message)
            awaited, blind = waits, self._blind
            self._clock.sleep(self._patience.poll)
        yield replace(progress, state=State.DONE, seconds=self._clock.now() - begun)

    def _awaited(self, starting: bool) -> Message | None:
        if self._lacking:
            return msg("Waiting until it listens on port {ports}", ports=_listed(self._lacking))
        return msg("Waiting until its health check reports healthy") if starting else None

    def _look(self, now: Running, *, last: bool) -> None:
        """Read its ports and kills when due; raises FailedError if they show that it failed."""
        clock, before = self._clock.now(), self._expected.before
        if self._looked is not None and not last and clock < self._looked + self._patience.look:
            return
        self._looked = clock
        found = self._expected.look(now.id)
        if found.kills and before.kills in (0, None):
            self._fail(now, msg("The kernel killed one of its processes: it needs more memory than its limit allows."),
                       out_of_memory=True)  # fmt: skip
        if found.listens is None:
            self._blind, self._lacking = bool(before.listens), ()
        else:
            self._lacking = tuple(port for port in before.listens or () if port not in found.listens)
            if found.udp is not None:
                self._lacking += tuple(port for port in before.udp or () if port not in found.udp)

    def _judge(self, now: Running, restarts: int) -> None:
        if now.status != "running":
            if now.out_of_memory:
                why = msg("It was killed: it needs more memory than its limit allows.")
            else:
                why = msg("It exited by itself, with status {status}.", status=str(now.exit_code))
            self._fail(now, why)
        if now.restarts > restarts:
            self._fail(now, msg("It ended and was restarted by the engine."))
        if now.health is Health.UNHEALTHY and self._expected.health is not Health.UNHEALTHY:
            self._fail(now, msg("Its health check reports unhealthy."))

    def _fail(self, now: Running, why: Message, *, out_of_memory: bool = False) -> None:
        log = last_words(self._port, now.id)
        failure = Failure(
            log=log,
            words=now.error,
            exit_code=now.exit_code,
            out_of_memory=out_of_memory or now.out_of_memory,
            silent=self._lacking if now.status == "running" else (),
        )
        raise FailedError(why, now.error, log, failure)


def go_on(port: Relauncher, members: Sequence[Member]) -> None:
    """Check that those started together with the watched one run as before. Raises FailedError."""
    for member in members:
        if not member.starts:
            continue
        now = port.running(member.new)
        if now.status != "running" or now.restarts or now.health is Health.UNHEALTHY:
            why = msg("{name}, which was relaunched with it, does not run as it did before.", name=member.name)
            raise FailedError(why, now.error, last_words(port, member.new))


def last_words(port: Relauncher, container: str) -> str:
    """Its last output, empty if not available."""
    with contextlib.suppress(EngineError, NoSuchContainerError):
        return port.log(container, LOG_LINES)
    return ""


def _silent(ports: Sequence[int]) -> Message:
    if len(ports) == 1:
        return msg("It listened on port {port} before, and does not now.", port=ports[0])
    return msg("It listened on ports {ports} before, and does not now.", ports=_listed(ports))


def _listed(ports: Sequence[int]) -> str:
    return ", ".join(map(str, ports[:8])) + (" …" if len(ports) > 8 else "")
