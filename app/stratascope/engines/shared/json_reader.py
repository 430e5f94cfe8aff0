"""Typed access to an engine's JSON: each lookup states the expected type, and a mismatch is a ValueError with its
place.

Decided against a schema library: both engines omit, null and add fields as they please, and only the few that are used
need to be right.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from stratascope.core.container import Status
from stratascope.core.options.rules import CPU_PERIOD
from stratascope.core.options.values import capability
from stratascope.linux.capability import NAMES

_DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)").fullmatch
_YEAR_ONE = "0001-01-01"  # Go's zero time: never
_STATUS = {
    "configured": Status.CREATED,  # Podman's states before the first start
    "initialized": Status.CREATED,
    "stopped": Status.EXITED,
    **{status.value: status for status in Status},
}


NODES_MAX, DEPTH_MAX = 200_000, 64  # one container's JSON has some hundred, and five levels
_WORDS_MAX = 2000  # characters


class JsonObject:
    """A JSON object. A field that is missing or null reads as empty; one of another type raises ValueError."""

    def __init__(self, value: dict[str, Any], where: str = "") -> None:
        self._value = value
        self._where = where

    def _get(self, key: str, kind: type | tuple[type, ...], word: str) -> Any:
        value = self._value.get(key)
        if value is None:
            return None
        # A bool is an int for isinstance, but never for us
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"{self._where}{key}: expected {word}, found {type(value).__name__}")
        return value

    def has(self, key: str) -> bool:
        """Whether the field is present, null or not."""
        return key in self._value

    def names(self) -> tuple[str, ...]:
        """The names of all fields, sorted."""
        return tuple(sorted(self._value))

    def raw(self, key: str) -> Any:
        """A field of any type, unchecked; None if missing."""
        return self._value.get(key)

    def part(self, key: str) -> JsonObject:
        """A nested object."""
        return JsonObject(self._get(key, dict, "an object") or {}, f"{self._where}{key}.")

    def text(self, key: str) -> str:
        value: str = self._get(key, str, "text") or ""
        return value

    def flag(self, key: str) -> bool:
        return bool(self._get(key, bool, "true or false"))

    def whole(self, key: str) -> int:
        """An integer; 0 if missing."""
        value = self._get(key, (int, float), "a number") or 0
        if isinstance(value, float) and not value.is_integer():
            raise ValueError(f"{self._where}{key}: expected a whole number, found {value}")
        if abs(value) >= 1 << 64:  # beyond Go's integers
            raise ValueError(f"{self._where}{key}: number out of range")
        return int(value)

    def limit(self, key: str) -> int | None:
        """A limit; None for 0 and negative numbers."""
        value = self.whole(key)
        return value if value > 0 else None

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of strings; None if missing or null."""
        value = self._get(key, list, "a list")
        if value is None:
            return None
        for item in value:
            if not isinstance(item, str):
                raise ValueError(f"{self._where}{key}: expected texts, found {type(item).__name__}")
        return tuple(value)

    def parts(self, key: str) -> tuple[JsonObject, ...]:
        """A list of objects."""
        found = []
        for place, item in enumerate(self._get(key, list, "a list") or ()):
            if not isinstance(item, dict):
                raise ValueError(f"{self._where}{key}: expected objects, found {type(item).__name__}")
            found.append(JsonObject(item, f"{self._where}{key}[{place}]."))
        return tuple(found)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """An object of strings, sorted by name."""
        value = self._get(key, dict, "an object") or {}
        for name, item in value.items():
            if not isinstance(item, str):
                raise ValueError(f"{self._where}{key}.{name}: expected text, found {type(item).__name__}")
        return tuple(sorted(value.items()))

    def moment(self, key: str) -> float:
        """A date as seconds since the epoch; 0.0 for never."""
        text = self.text(key)
        if not text or text.startswith(_YEAR_ONE):
            return 0.0
        match = _DATE(text)
        try:
            if match is None:
                raise ValueError("not RFC 3339")
            seconds = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00")).astimezone(UTC).timestamp()
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{self._where}{key}: no date: {text[:40]!r}: {error}") from None
        return seconds + float(match[2] or 0)


def parse(text: str, nodes: int = NODES_MAX) -> Any:
    """Parse JSON; ValueError for anything else, also for Python's extensions (NaN), and for more values than `nodes` or
    deeper ones than DEPTH_MAX: two bytes of text can become a value of a hundred.
    """
    brackets = text.count("[") + text.count("{")
    if len(text) > nodes and text.count(",") + brackets > nodes:
        raise ValueError(f"more than {nodes} values")
    try:
        value = msgspec.json.decode(text)  # three times as fast, and rejects lone surrogates
    except (ValueError, RecursionError):
        value = _parsed(text)
    if brackets < DEPTH_MAX:
        return value
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(DEPTH_MAX):
        if not level:
            return value
        inner = [each.values() if type(each) is dict else each for each in level]
        level = [item for items in inner for item in items if type(item) is dict or type(item) is list]
    raise ValueError("JSON is nested too deeply")


def _parsed(text: str) -> Any:
    """Slower, for any text, with an error that says what is wrong."""
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def parse_object(text: str) -> dict[str, Any]:
    """Parse a JSON object. Raises ValueError."""
    value = parse(text)
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, found {type(value).__name__}")
    return value


def one_object(text: str, what: str = "an object") -> dict[str, Any]:
    """Parse a JSON object, from the engine's API or, in a list of one, from its command line. Raises ValueError."""
    value = parse(text)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        raise ValueError(f"expected {what}, found {type(value).__name__}")
    return value


def parse_container(text: str) -> JsonObject:
    """Parse one container's object."""
    return JsonObject(one_object(text, "an object that describes a container"))


def status_of(state: JsonObject) -> Status:
    """A container's status; from the flags if the status field is missing."""
    word = state.text("Status")
    if word:
        return _STATUS.get(word, Status.UNKNOWN)
    for flag, status in (("Paused", Status.PAUSED), ("Restarting", Status.RESTARTING), ("Running", Status.RUNNING)):
        if state.flag(flag):
            return status
    return Status.UNKNOWN


def exit_code_of(state: JsonObject) -> int | None:
    """The exit status; None while it runs, or if unknown."""
    if state.whole("Pid") > 0 or not state.has("ExitCode"):
        return None
    return state.whole("ExitCode")


def ended_of(state: JsonObject) -> float:
    """When it ended; 0.0 while it runs, or if unknown."""
    return 0.0 if state.whole("Pid") > 0 else state.moment("FinishedAt")


def health_of(state: JsonObject) -> str:
    """The health status, in the engine's word; empty without a healthcheck."""
    word = (state.part("Health").text("Status") or state.part("Healthcheck").text("Status")).lower()
    return "" if word == "none" else word


def health_command_of(config: JsonObject) -> str:
    """The words of its health check's command, joined as in an event of its start; empty without one, in Podman too:
    its events name no command.
    """
    how, *words = config.part("Healthcheck").texts("Test") or ("",)
    shell = config.texts("Shell") or ("/bin/sh", "-c")
    return " ".join((*(shell if how == "CMD-SHELL" else ()), *words)) if how in ("CMD", "CMD-SHELL") else ""


def capability_names(words: tuple[str, ...] | None) -> tuple[str, ...]:
    """Normalize as typed (`net_admin`, `CAP_NET_ADMIN`, `all`) to CAP_… names or ALL, each once, in order."""
    return tuple(dict.fromkeys(capability(word) for word in words or ()))


def in_order(names: set[str]) -> tuple[str, ...]:
    """Sort capabilities by number; unknown ones last."""
    known = {name: number for number, name in enumerate(NAMES)}
    return tuple(sorted(names, key=lambda name: (known.get(name, len(known)), name)))


def cores(host: JsonObject) -> float | None:
    """The CPU limit in cores, whichever way it was set."""
    nano = host.limit("NanoCpus")
    if nano is not None:
        return nano / 1e9
    quota = host.limit("CpuQuota")
    return None if quota is None else quota / (host.limit("CpuPeriod") or CPU_PERIOD)


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _finite(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(f"number out of range: {word[:20]}")
    return value


def words_of(body: bytes) -> str:
    """The engine's error message: `{"message": …}` (Docker), `{"cause": …, "message": …}` (Podman), else the start of
    the text.
    """
    text = body[: 1 << 20].decode("utf-8", "replace").strip()
    with suppress(ValueError):
        text = JsonObject(parse_object(text)).text("message") or text
    return text[:_WORDS_MAX]


Blank = Callable[[dict[str, Any]], None]


def redacted(text: str, blank: Blank) -> str:
    """The same JSON, compact, after `blank` removed the secrets from each top-level object."""
    value = parse(text)
    for item in value if isinstance(value, list) else (value,):
        if isinstance(item, dict):
            blank(item)
    return json.dumps(value, separators=(",", ":"))


def blank_environment(container: dict[str, Any]) -> None:
    """`NAME=value` to `NAME=` in Config.Env; other entries lose all their text."""
    config = container.get("Config")
    if isinstance(config, dict) and "Env" in config:
        config["Env"] = _blank_assignments(config["Env"])


def _blank_assignments(value: Any) -> Any:
    if isinstance(value, list):
        return [_blank_assignments(item) for item in value]
    if isinstance(value, dict):
        return dict.fromkeys(value, "")
    return value.partition("=")[0] + "=" if isinstance(value, str) and "=" in value else "" if value else value


# Labels by which containers are grouped; all others may contain paths, names of people and, by mistake, secrets.
GROUPING = frozenset({
    "com.docker.compose.project",
    "com.docker.compose.service",
    "com.docker.compose.container-number",
    "io.podman.compose.project",
    "io.podman.compose.service",
    "io.kubernetes.pod.name",
    "io.kubernetes.container.name",
    "PODMAN_SYSTEMD_UNIT",
})  # fmt: skip
_OPTIONS = ("-l", "--label")


def without_labels(inspect_json: str) -> str:
    """The JSON without labels, compact. Raises ValueError if it is invalid."""
    return redacted(inspect_json, _blank)


def _blank(container: dict[str, Any]) -> None:
    config = container.get("Config")
    if not isinstance(config, dict):
        return
    labels = config.get("Labels")
    if isinstance(labels, dict):
        config["Labels"] = {name: value for name, value in labels.items() if name in GROUPING}
    command = config.get("CreateCommand")
    if isinstance(command, list):
        config["CreateCommand"] = list(_without(command))


def _without(command: list[Any]) -> list[Any]:
    """`--label NAME=value`, `--label=NAME=value`, `-l NAME=value` and `-lNAME=value` become `NAME=`."""
    found: list[Any] = []
    expected = False
    for word in command:
        if not isinstance(word, str):
            found.append(word)
            continue
        prefix = "--label=" if word.startswith("--label=") else ""
        if not prefix and word.startswith("-l") and not word.startswith("--") and len(word) > len("-l"):
            prefix = "-l"
        if expected or prefix:
            name, equals, value = word[len(prefix) :].partition("=")
            found.append(f"{prefix}{name}{equals}{value if name in GROUPING else ''}")
        else:
            found.append(word)
        expected = word in _OPTIONS
    return found
