"""Everyday operations on all engines; each engine is connected on first use. Everything here waits for an engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from stratascope.core.container import Container
from stratascope.core.message import Message, msg
from stratascope.core.ports import DailyEngine, LogStream, RefusedError
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.daily.terminal import TerminalError, open_in_terminal
from stratascope.usecases.daily.verbs import Verb, meaning
from stratascope.value import Value

Key = tuple[str, str]
# By exit status, since Podman sometimes loses an exec's output (containers/podman#18025)
_BASH = ("sh", "-c", "command -v bash >/dev/null || exit 3")  # `command -v` alone would exit with 127
_NOT_FOUND = (126, 127)  # exit codes of an exec whose program does not exist
_SECONDS = 20.0  # to find out which shells exist


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
        """Its consequences at present. Raises EngineError, NoSuchContainerError."""
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
