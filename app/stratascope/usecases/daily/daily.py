"""Everyday operations on all engines, and what start, stop and restart mean: what is lost, which others are affected,
and why it may be impossible. That a stop ends the running processes is obvious, and not mentioned.

Each engine is connected on first use. The methods of `Daily` wait for an engine; the functions are pure.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

from stratascope.core.container import Container, EngineState, Status, matching
from stratascope.core.message import Message, msg, plural
from stratascope.core.ports import DailyEngine, LogStream, RefusedError, StopFacts
from stratascope.core.relaunch.transaction import Transaction, TransactionKind
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import listed
from stratascope.usecases.daily.terminal import TerminalError, open_in_terminal
from stratascope.value import Value

UNIT = "PODMAN_SYSTEMD_UNIT"  # the label by which Podman records a container's unit
_ALIVE = (Status.RUNNING, Status.PAUSED, Status.RESTARTING)
_OF = "container:"
_ANONYMOUS = 64  # hexadecimal digits: an engine's name for an anonymous volume
_NAMED = 4  # containers named at most
_GRACE = 10  # seconds that need no mention


class Verb(StrEnum):
    """An operation on a container."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


def impossible(verb: Verb, state: ContainerState, snapshot: Snapshot) -> Message | None:
    """Why it can't be done now; None if it can."""
    why = unreachable(state, snapshot)
    if why is not None:
        return why
    alive = state.container.status in _ALIVE
    if verb is Verb.START and alive:
        return msg("It is already running.")
    if verb is Verb.STOP and not alive:
        return msg("It is not running.")
    if state.container.status in (Status.REMOVING, Status.STOPPING):
        return msg("It is being stopped or removed.")
    return None


def no_shell(state: ContainerState, snapshot: Snapshot) -> Message | None:
    """Why no shell can be opened in it; None if one can be tried."""
    why = unreachable(state, snapshot)
    if why is None and state.container.status is Status.PAUSED:
        return msg("It is paused, and a shell in it would be, too.")
    if why is None and state.container.status is not Status.RUNNING:
        return msg("It is not running.")
    return why


def unreachable(state: ContainerState, snapshot: Snapshot) -> Message | None:
    """Why its engine can't be asked anything."""
    if snapshot.demo:
        return msg("This was recorded elsewhere: there is no such container here.")
    if state.container.sandbox is not None:
        return msg("No engine runs it: it is a sandbox of another maker.")
    engine = next((each for each in snapshot.engines if each.id == state.container.engine), None)
    if engine is None:
        return msg("This is from a capture: there is no engine to ask.")
    if engine.state is not EngineState.CONNECTED:
        return msg("Its engine does not answer now.")
    return None


def meaning(verb: Verb, state: ContainerState, facts: StopFacts, others: Iterable[Container]) -> tuple[Message, ...]:
    """What a stop or a restart loses, and its other effects; worst first."""
    container, stops = state.container, verb is Verb.STOP
    return tuple(
        text
        for text in (
            _removed(container, facts) if stops else None,
            _memory(container),
            *_shared(container, others, stops=stops),
            _sessions(state),
            _ports(container),
            _owner(container),
            _policy(facts) if stops else None,
            _killed(facts),
        )
        if text is not None
    )


def start_beside(container: Container, kept: Iterable[Transaction], others: Iterable[Container]) -> tuple[Message, ...]:
    """What it means to start a container that a relaunch or an undo has set aside; empty for any other."""
    found = (
        (done, member)
        for done in kept
        for member in done.members
        if done.owner is None and (done.engine, member.old) == container.key
    )
    done, member = next(found, (None, None))
    if done is None or member is None:
        return ()
    name, there = plain(member.name, 200), {other.key: other.status for other in others}
    if there.get((done.engine, member.new)) in _ALIVE:
        beside = msg("It was kept when {name} took its place, which runs: both would run at once, with the same "
"volumes and ports.", name=name)  # fmt: skip
    else:
        beside = msg("It was kept when {name} took its place, which stays as it is.", name=name)
    if done.kind is TransactionKind.UNDO:
        return beside, msg("To have it in that place again, use Go back to it… above the plan.")
    return beside, msg("To have it in that place again, use Undo… above the plan.")


def _removed(container: Container, facts: StopFacts) -> Message | None:
    if not facts.auto_remove:
        return None
    nameless = sum(
        mount.kind == "volume" and len(mount.volume) == _ANONYMOUS and mount.volume.isalnum()
        for mount in container.asked.mounts
    )
    if nameless:
        return plural(
            "It was started with --rm: once it has stopped, its engine deletes it with its log, everything that it "
            "wrote and {count} anonymous volume.",
            "It was started with --rm: once it has stopped, its engine deletes it with its log, everything that it "
            "wrote and {count} anonymous volumes.",
            nameless,
        )
    return msg("It was started with --rm: once it has stopped, its engine deletes it with its log and everything "
               "that it wrote.")  # fmt: skip


def _memory(container: Container) -> Message | None:
    places = [mount.target for mount in container.asked.mounts if mount.kind == "tmpfs"]
    if not places:
        return None
    return msg("What it keeps in memory is lost: {places}.", places=listed(plain(place, 60) for place in places))


def _shared(container: Container, others: Iterable[Container], *, stops: bool) -> Iterable[Message]:
    """Containers in its namespaces: a PID namespace ends with its first process, a network namespace is torn down."""
    every = [each for each in others if each.engine == container.engine and each.status in _ALIVE]
    joined = [each for each in every if each.key != container.key]
    inside = [each.name for each in joined if _joins(each.asked.pid_mode, container, every)]
    network = [each.name for each in joined if _joins(each.asked.network_mode, container, every)
               and each.name not in inside]  # fmt: skip
    if container.infra:
        network = [each.name for each in joined if each.pod == container.pod and each.name not in inside]
    if inside:
        yield plural("{names} shares its processes and ends with it.", "{names} share its processes and end with it.",
                     len(inside), names=_names(inside))  # fmt: skip
    if network and stops:
        yield plural(
            "{names} shares its network and loses it.",
            "{names} share its network and lose it.",
            len(network),
            names=_names(network),
        )
    elif network:
        yield plural("{names} shares its network, and loses it until it is restarted as well.",
                     "{names} share its network, and lose it until they are restarted as well.", len(network),
                     names=_names(network))  # fmt: skip


def _joins(mode: str, container: Container, every: list[Container]) -> bool:
    return mode.startswith(_OF) and container in matching(mode.removeprefix(_OF), every)


def _names(names: list[str]) -> str:
    shown = [plain(name, 60) for name in names[:_NAMED]]
    return listed([*shown, f"+{len(names) - _NAMED}"] if len(names) > _NAMED else shown)


def _sessions(state: ContainerState) -> Message | None:
    count = sum(process.kind == "exec" and process.thread_of is None for process in state.processes)
    if not count:
        return None
    return plural(
        "{count} process of an exec session ends, too.", "{count} processes of exec sessions end, too.", count
    )


def _ports(container: Container) -> Message | None:
    if any(not port.host_port for port in container.asked.ports):
        return msg("Its engine chose a host port for it, and may choose another one at the next start.")
    return None


def _owner(container: Container) -> Message | None:
    unit = dict(container.labels).get(UNIT, "")
    if not unit:
        return None
    return msg("systemd runs it as {unit} and may restart it automatically. Use systemctl instead.", unit=unit)


def _policy(facts: StopFacts) -> Message | None:
    if facts.restart.name == "always":
        return msg("It stays stopped until someone starts it, or its engine restarts (restart policy: always).")
    return None


def _killed(facts: StopFacts) -> Message | None:
    if facts.signal and facts.seconds:
        return plural("It gets {signal}, and is killed if it is still running after {count} second.",
                      "It gets {signal}, and is killed if it is still running after {count} seconds.",
                      facts.seconds, signal=facts.signal)  # fmt: skip
    if facts.seconds == 0:
        return msg("It is killed at once, with no time to stop by itself.")
    if facts.seconds > _GRACE:
        return plural("It has {count} second to end by itself.", "It has {count} seconds to end by itself.",
                      facts.seconds)  # fmt: skip
    return None


Key = tuple[str, str]
# By exit status, since Podman sometimes loses an exec's output (containers/podman#18025)
_BASH = ("sh", "-c", "command -v bash >/dev/null || exit 3")  # `command -v` alone would exit with 127
_NOT_FOUND = (126, 127)  # exit codes of an exec whose program does not exist
_SECONDS = 20.0  # time limit for finding out which shells exist


class NoShellError(Exception):
    """Why there is no shell. `command`: a command to type instead; empty where that would not help."""

    def __init__(self, message: Message, command: str = "") -> None:
        super().__init__(message.id)
        self.message, self.command = message, command


class VerbPreview(Value):
    """What a verb would mean, to be shown before it is carried out."""

    verb: Verb
    means: tuple[Message, ...]


class Daily:
    """`connect`: returns the engine of an id; raises EngineError. `show`: runs a command in a terminal."""

    def __init__(
        self,
        connect: Callable[[str], DailyEngine],
        show: Callable[[Sequence[str], Mapping[str, str]], None] = open_in_terminal,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._connect, self._show = connect, show
        self._environ = os.environ if environ is None else environ

    def look(self, verb: Verb, state: ContainerState, others: Iterable[Container]) -> VerbPreview:
        """What the verb would mean now. Raises EngineError, NoSuchContainerError."""
        facts = self._connect(state.container.engine).stop_facts(state.container.id)
        return VerbPreview(verb, meaning(verb, state, facts, others))

    def carry_out(self, verb: Verb, key: Key) -> None:
        """Returns when done. Raises EngineError, NoSuchContainerError."""
        engine = self._connect(key[0])
        match verb:
            case Verb.START:
                engine.start(key[1])
            case Verb.STOP:
                engine.stop(key[1])
            case Verb.RESTART:
                engine.restart(key[1])

    def log(self, key: Key, lines: int, since: str = "") -> LogStream:
        """See `DailyEngine.follow`."""
        return self._connect(key[0]).follow(key[1], lines, since)

    def shell(self, key: Key, name: str) -> None:
        """Open a terminal with a shell in it. Raises NoShellError, EngineError, NoSuchContainerError."""
        engine = self._connect(key[0])
        shell = self._shell_of(engine, key[1], name)
        # by id: a name could also be the beginning of another's id
        command = (*engine.client, "exec", "-it", key[1], shell)
        try:
            self._show(command, self._environ)
        except TerminalError as error:
            raise NoShellError(error.message, error.command) from error

    def _shell_of(self, engine: DailyEngine, container: str, name: str) -> str:
        none = msg("There is no shell in {name}: its image has no sh.", name=name)
        try:
            found = engine.execute(container, _BASH, _SECONDS)
        except RefusedError as error:
            if "not found" in error.words or "no such file" in error.words.lower():
                raise NoShellError(none) from error
            raise
        if found.code in _NOT_FOUND:
            raise NoShellError(none)
        return "bash" if found.code == 0 else "sh"
