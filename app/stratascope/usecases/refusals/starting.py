"""Runs a command here, watches what it is refused, and says why it does not start.

What a process was refused before it executed another program is no reason: it got that far. Nor is what one was refused
that ended well.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from stratascope import sandbox
from stratascope.core.container import EngineKind
from stratascope.core.message import Message, msg
from stratascope.core.observation.events import Circumstances, circumstances_of
from stratascope.core.ports import ProbeError
from stratascope.core.refusals.refusal import Attempt, AttemptKind
from stratascope.core.refusals.starting import Here, Start, causes
from stratascope.core.relaunch.want import PassedCall
from stratascope.layers.seccomp.filter_source import MeasuredDefault
from stratascope.layers.seccomp.profiles import wanted, widened
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.syscalls import Abi, names
from stratascope.tracer import Ended, Noted, Refused, TraceError, Tracer, surroundings
from stratascope.value import replace

_READ_IDS, _EXECUTES = "openat", "execve"
_RUNS = ("executed", "unwatched")
_NET_ADMIN = "CAP_NET_ADMIN"
_ROUTE = range(16, 128)  # requests of rtnetlink(7): RTM_NEWLINK and on


def why_not() -> Message | None:
    """Why no command can be watched here; None: one can."""
    if sandbox.access() is sandbox.Access.OUTSIDE:
        return None
    return msg("A Flatpak can't watch a command: it would run inside of it. Use another package.")


class Watching:
    """One command that is run here. `begin` blocks until its end; `stop` may be called from elsewhere."""

    def __init__(self, words: Sequence[str], output: int, stdin: int | None = None) -> None:
        """`output`: the open file for all that it prints. `stdin`: None: as this program's own."""
        self._words, self._output, self._stdin = tuple(words), output, stdin
        self._records: list[Refused | Ended | Noted] = []
        self._tracer: Tracer | None = None
        self._over = threading.Event()

    def begin(self, seconds: float | None = None) -> Start:
        """Run it, for at most so many seconds. Raises ProbeError if it can't be watched here."""
        found = here()
        tracer = self._tracer = Tracer({abi.value: names(abi) for abi in Abi}, self._records.append)
        clock = None if seconds is None else threading.Timer(seconds, self.stop)
        if clock is not None:
            clock.daemon = True
            clock.start()
        try:
            if self._over.is_set():
                return Start(self._words, here=found)
            code, signal = tracer.run(self._words, self._output, self._stdin)
        except TraceError as error:
            raise ProbeError(msg("This command can't be watched here: {words}.", words=str(error))) from None
        finally:
            if clock is not None:
                clock.cancel()
        ran = self._over.is_set()
        told = Start(self._words, None if ran or signal else code, signal, ran,
                     () if code == 0 and not signal and not ran else causes(attempts(self._records), found),
                     _unwatched(self._records), found)  # fmt: skip
        return replace(told, causes=()) if told.works else told

    def stop(self) -> None:
        """End it."""
        self._over.set()
        if self._tracer is not None:
            self._tracer.stop()


def here() -> Here:
    """Where a command is started."""
    found = surroundings()
    return Here(
        tuple(found["settings"].items()),
        tuple(found["covered"]),
        found["label"],
        found["container"],
        found["ranges"],
        found["uid"],
        CapabilitySet(int(found["bounding"], 16)).names(),
        found["machine"],
    )


def attempts(records: Sequence[Refused | Ended | Noted]) -> tuple[Attempt, ...]:
    """The refusals that may be the reason, in the order of time."""
    failed = {each.pid for each in records if isinstance(each, Ended) and (each.code or each.signal)}
    failed |= {each.pid for each in records if isinstance(each, Noted) and each.what == "unwatched"}  # how is not seen
    last = {each.pid: place for place, each in enumerate(records) if isinstance(each, Noted) and each.what in _RUNS}
    lacking = {each.pid for each in records if isinstance(each, Noted) and each.what == "not-gained"}
    found = []
    for place, each in enumerate(records):
        if each.pid not in failed or place < last.get(each.pid, 0) or isinstance(each, Ended):
            continue
        if isinstance(each, Refused):
            if each.pid not in lacking:  # else it lacks what it was not given
                found.append(attempt_of(each))
        elif each.what in ("read", "unwatched"):
            name = _READ_IDS if each.what == "read" else _EXECUTES
            found.append(Attempt(AttemptKind.CALL, "", name=name, path=each.path))
        elif each.what == "not-gained":
            around = Circumstances(no_new_privs=True)
            found.append(Attempt(AttemptKind.NOT_GAINED, "", path=each.path, around=around))
    return tuple(found)


def attempt_of(record: Refused) -> Attempt:
    """One refusal, as those of a container are told."""
    around = circumstances_of(record.around)
    request = bool(record.request)
    return Attempt(
        AttemptKind.REQUEST if request else AttemptKind.CALL,
        record.process,
        record.abi,
        record.name,
        record.errno,
        not record.filtered,
        record.values,
        record.path,
        (_NET_ADMIN,) if record.request in _ROUTE else (),
        around,
        uids=around.uids,
        gids=around.gids,
        apart=record.apart,
    )


def _unwatched(records: Sequence[Refused | Ended | Noted]) -> tuple[str, ...]:
    found = (each.path for each in records if isinstance(each, Noted) and each.what == "unwatched")
    return tuple(dict.fromkeys(found))


def filter_text(start: Start) -> str:
    """The filter that lets through what was refused, and otherwise what the engine's default does, as JSON; "" if no
    filter refused it. Of an engine that is not known, Docker's, which lets less through.
    """
    calls = tuple(wanted(want) for cause in start.causes for want in cause.wants if isinstance(want, PassedCall))
    if not calls:
        return ""
    kind = EngineKind.PODMAN if start.here.container == EngineKind.PODMAN.value else EngineKind.DOCKER
    default = MeasuredDefault(kind, "", frozenset(start.here.bounding)).nearest()
    return widened(default, tuple(dict.fromkeys(calls)), start.here.machine)
