"""Daily commands: start, stop, restart, logs. Both engines have the same form of these calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from stratascope.core.container import EngineKind, EngineState
from stratascope.core.message import msg
from stratascope.core.ports import LogLine, NoSuchContainerError, RefusedError, StopFacts
from stratascope.core.relaunch.launch_spec import Executed, RestartPolicy
from stratascope.engines.shared.errors import refusal
from stratascope.engines.shared.events import frames, lines
from stratascope.engines.shared.json_reader import JsonObject, parse_container, words_of
from stratascope.engines.shared.relauncher import RestRelauncher
from stratascope.engines.shared.rest_client import NO_CONTAINER
from stratascope.engines.shared.rest_engine import Followed, RestEngine, command, understood

_USUAL = 10  # both engines' default stop timeout
_LONGEST = 24 * 3600  # seconds; a container's own timeout may be "for ever"
_UNREADABLE = ("does not support reading", "cannot read logs", "can not read logs", "no log", "logging driver")


class _Log:
    """A `core.ports.LogStream`."""

    def __init__(self, stream: Followed, *, framed: bool, whole: bool) -> None:
        self._stream, self._framed, self._whole = stream, framed, whole

    def __iter__(self) -> Iterator[LogLine]:
        pieces = self._stream.pieces()
        return lines(frames(pieces) if self._framed else pieces, whole=self._whole)

    def close(self) -> None:
        self._stream.close()


class RestDaily:
    """A `core.ports.DailyEngine` on one engine's connections."""

    def __init__(self, engine: RestEngine, relauncher: RestRelauncher[Any]) -> None:
        self._engine, self._relauncher = engine, relauncher

    @property
    def client(self) -> tuple[str, ...]:
        """See `core.ports.DailyEngine`."""
        return self._engine.client

    def start(self, container: str) -> None:
        """No error if it runs."""
        self._relauncher.start(container)

    def stop(self, container: str) -> None:
        """With its own stop signal and timeout."""
        self._relauncher.stop(container, self.stop_facts(container).seconds)

    def restart(self, container: str) -> None:
        """Stop as above, then start."""
        self._relauncher.restart(container, self.stop_facts(container).seconds)

    @understood()
    def stop_facts(self, container: str) -> StopFacts:
        """See `core.ports.DailyEngine`."""
        answer = self._answer(container)
        config, host = answer.part("Config"), answer.part("HostConfig")
        policy = host.part("RestartPolicy")
        seconds = config.whole("StopTimeout") if config.has("StopTimeout") else _USUAL
        return StopFacts(
            auto_remove=host.flag("AutoRemove"),
            restart=RestartPolicy(policy.text("Name") or "no", policy.whole("MaximumRetryCount")),
            seconds=seconds if 0 <= seconds < _LONGEST else _LONGEST,
            signal=_signal(config),
        )

    @understood()
    def follow(self, container: str, lines: int, since: str) -> _Log:
        """See `core.ports.DailyEngine`."""
        podman = self._engine.kind is EngineKind.PODMAN
        answer = self._answer(container)
        tty = answer.part("Config").flag("Tty")
        params = {"follow": "true", "stdout": "true", "stderr": "true", "timestamps": "true", "tail": str(lines)}
        if since:
            params["since"] = seconds_of(since)
        status, body, stream = self._engine.follow(f"/containers/{container}/logs", params)
        if status >= 400:
            stream.close()
            raise _refused(words_of(body) or f"HTTP {status}", container, answer)
        # Podman frames the output of terminals too, one line per frame, and drops line ends
        return _Log(stream, framed=podman or not tty, whole=podman)

    def execute(self, container: str, words: Sequence[str], seconds: float) -> Executed:
        """See `core.ports.Relauncher`."""
        return self._relauncher.execute(container, words, seconds)

    def _answer(self, container: str) -> JsonObject:
        body = command(self._engine, "GET", f"/containers/{container}/json", container=container)
        return parse_container(body.decode("utf-8", "replace"))


def seconds_of(moment: str) -> str:
    """Convert `2025-11-28T11:03:18.178948271Z` to `1764327798.178948271`, the one form that both engines accept."""
    date, _, rest = moment.partition(".")
    fraction = re.match(r"[0-9]*", rest)
    digits = fraction.group() if fraction is not None else ""
    zone = (rest[len(digits) :] if rest else date[19:]).replace("Z", "+00:00")
    return f"{int(datetime.fromisoformat(date[:19] + zone).timestamp())}.{digits or '0'}"


def _signal(config: JsonObject) -> str:
    """The stop signal, "" for the default. Docker, and Podman before 5.0, report a number or a name."""
    value = str(config.raw("StopSignal") or "")
    return "" if value in ("15", "SIGTERM", "TERM") else value[:40]


def _refused(words: str, container: str, answer: JsonObject) -> Exception:
    if NO_CONTAINER in words.lower():
        return NoSuchContainerError(container)
    if any(each in words.lower() for each in _UNREADABLE):
        driver = answer.part("HostConfig").part("LogConfig").text("Type") or "?"
        text = msg("Its log driver, {driver}, stores nothing that can be read here.", driver=driver)
        return RefusedError(EngineState.CONNECTED, text, words)
    return refusal(words)
