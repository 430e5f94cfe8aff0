"""The four sources of a container's options, for creating it again. Pure.

`inspect` is authoritative for what it shows; the OCI configuration has what inspect hides (sysctls, masks, device
permissions); `podman generate spec` and the command that created the container show what was chosen rather than
derived. The last two only fill gaps: the command may be older than the container's settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from stratascope.core.container import EngineKind
from stratascope.core.options.given import Typed, taken_apart
from stratascope.core.options.rules import security_option
from stratascope.core.options.values import id_map
from stratascope.engines.shared.json_reader import JsonObject, one_object, parse_object
from stratascope.value import Value

ANNOTATION = "io.podman.annotations."
_ROOT = ("", "root", "0")  # Podman's spellings of root


class Sources(Value):
    """JSON texts. `oci` and `generated` if available, `image` if the engine still has it."""

    inspect: str
    oci: str | None = None
    generated: str | None = None
    image: str | None = None


class Known(Value):
    """The parsed sources. Missing objects are empty; `has_oci` and `typed` show whether they were present."""

    answer: JsonObject
    inspect: dict[str, Any]
    oci: dict[str, Any]
    generated: dict[str, Any]
    image: dict[str, Any]
    typed: Options | None

    @property
    def has_oci(self) -> bool:
        return bool(self.oci)

    @property
    def has_choices(self) -> bool:
        """Whether a source distinguishes what was chosen from what was derived."""
        return self.typed is not None or bool(self.generated)

    @property
    def config(self) -> JsonObject:
        return self.answer.part("Config")

    @property
    def host(self) -> JsonObject:
        return self.answer.part("HostConfig")

    @property
    def notes(self) -> dict[str, str]:
        """All annotations."""
        return dict(self.config.pairs("Annotations")) | dict(self.host.pairs("Annotations"))

    def note(self, name: str) -> str:
        """One of Podman's own annotations."""
        return self.notes.get(f"{ANNOTATION}{name}", "")

    def last(self, option: str) -> str:
        """The last value typed for an option; empty if none was."""
        values = (self.typed or {}).get(option, ())
        return values[-1] if values else ""

    def all(self, option: str) -> tuple[str, ...]:
        """All values typed for an option."""
        return (self.typed or {}).get(option, ())

    def mounts(self) -> dict[str, dict[str, Any]]:
        """The OCI configuration's mounts by destination."""
        return {str(mount.get("destination")): mount for mount in objects(self.oci, "mounts")}


def known(sources: Sources) -> Known:
    """Raises ValueError with a clear text if one of them is damaged."""
    inspect = one_object(sources.inspect)
    answer = JsonObject(inspect)
    command = answer.part("Config").texts("CreateCommand")
    generated = sources.generated
    return Known(
        answer=answer,
        inspect=inspect,
        oci=parse_object(sources.oci) if sources.oci else {},
        generated=parse_object(generated) if generated else {},
        image=one_object(sources.image) if sources.image else {},
        typed=options(command) if command else None,
    )


def added(answer: JsonObject) -> tuple[str, ...]:
    """The added capabilities, from inspect.

    CapAdd lists additions to the default. A user other than root gets exactly the added ones, even those in the default
    (pkg/specgen/generate/security_linux.go), so for such a user the others are taken from the effective set.
    """
    host = answer.part("HostConfig")
    beyond, dropped = host.texts("CapAdd") or (), host.texts("CapDrop") or ()
    if answer.part("Config").text("User").partition(":")[0] in _ROOT:
        return beyond
    given = answer.texts("EffectiveCaps") or ()
    return (*beyond, *(name for name in given if name not in beyond and name not in dropped))


def id_maps(mappings: JsonObject, field: str) -> tuple[tuple[int, int, int], ...]:
    """Parse `["0:200000:65536"]`: inside, outside, length. Raises ValueError."""
    found = []
    for text in mappings.texts(field) or ():
        numbers = id_map(text)
        if numbers is None or min(numbers) < 0:
            raise ValueError(f"HostConfig.IDMappings.{field}: no id mapping: {text[:60]!r}")
        found.append(numbers)
    return tuple(found)


def part(value: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """A nested object; empty if missing. Raises ValueError for another type."""
    found: Any = value
    for key in keys:
        found = found.get(key)
        if found is None:
            return {}
        if not isinstance(found, dict):
            raise ValueError(f"{key}: expected an object, found {type(found).__name__}")
    return dict(found)


def objects(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of objects; empty if missing. Raises ValueError for another type."""
    return _list(value, key, dict, "objects")


def words(value: Mapping[str, Any], key: str) -> list[str]:
    """A list of strings; empty if missing. Raises ValueError for another type."""
    return _list(value, key, str, "texts")


def _list(value: Mapping[str, Any], key: str, kind: type, what: str) -> list[Any]:
    found = value.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, kind) for item in found):
        raise ValueError(f"{key}: expected a list of {what}")
    return list(found)


# -- the options in the command that created a container (Config.CreateCommand)
# They only fill gaps in Podman's own answers: whether an address was chosen, a secret's variable. Decided against
# running the command again: it does not include later changes, and paths and files in it may mean something else by
# now.

Options = dict[str, tuple[str, ...]]
# Podman's default masked and read-only paths (containers/common, pkg/config/default.go)
MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
)
READ_ONLY = ("/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def options(command: Sequence[str]) -> Options | None:
    """Values of each option by its long name, in the order typed; None unless it is a `podman run` or `create`."""
    start = _start(command)
    if start is None:
        return None
    found: dict[str, list[str]] = {}
    for each in _taken_apart(command, start):
        found.setdefault(each.name.lstrip("-"), []).append(_value(each))
    return {name: tuple(values) for name, values in found.items()}


def without(command: Sequence[str], name: str, drop: Callable[[str], bool]) -> list[str]:
    """The command without the long option of that name if `drop` returns true for its value: it no longer applies."""
    start = _start(command)
    gone = [] if start is None else [each for each in _taken_apart(command, start) if each.name == name]
    dropped = {place for each in gone if each.alone and drop(_value(each)) for place in range(each.at, each.end)}
    return [word for place, word in enumerate(command, -(start or 0)) if place not in dropped]


def with_option(command: Sequence[str], name: str, value: str) -> list[str]:
    """The command with one more option; unchanged unless it is a `podman run` or `create`."""
    start = _start(command)
    return list(command) if start is None else [*command[:start], f"--{name}={value}", *command[start:]]


def _start(command: Sequence[str]) -> int | None:
    """Where the options begin; None unless it is a `podman run` or `create`."""
    return next((place + 1 for place, word in enumerate(command) if word in ("run", "create")), None)


def _taken_apart(command: Sequence[str], start: int) -> list[Typed]:
    return taken_apart(command[start:], EngineKind.PODMAN, accepted=True)[0]


def _value(each: Typed) -> str:
    """An option without a value is a flag, unless the command was cut off there."""
    if each.value is None:
        return "" if each.lacks else "true"
    return each.value


def pairs(text: str) -> dict[str, str]:
    """Parse `type=image,source=x,rw` into names and values; a word without a value has an empty one."""
    return {name: value for name, _, value in (part.partition("=") for part in text.split(","))}


def networks(found: Options) -> dict[str, dict[str, str]]:
    """`--network NAME:ip=…,mac=…` by name; general options (`--ip`, `--mac-address`) apply to the first."""
    asked: dict[str, dict[str, str]] = {}
    for text in found.get("network", ()):
        for part in text.split(",") if ":" not in text else (text,):
            name, _, rest = part.partition(":")
            asked[name] = pairs(rest) if rest else {}
    for option, key in (("ip", "ip"), ("ip6", "ip6"), ("mac-address", "mac")):
        for value in found.get(option, ()):
            first = next(iter(asked), "")
            asked.setdefault(first, {})[key] = value
    return asked


def secrets(found: Options) -> list[tuple[str, dict[str, str]]]:
    """`--secret NAME,type=…,target=…`."""
    asked = []
    for text in found.get("secret", ()):
        name, _, rest = text.partition(",")
        asked.append((name, pairs(rest) if rest else {}))
    return asked


def mount_options(found: Options) -> dict[str, tuple[str, ...]]:
    """Options of `-v` and `--mount` by target, as typed."""
    asked: dict[str, tuple[str, ...]] = {}
    for text in found.get("volume", ()):
        parts = text.split(":")
        if len(parts) > 2:
            asked[parts[1]] = tuple(parts[2].split(","))
    for text in found.get("mount", ()):
        known = pairs(text)
        target = known.get("target") or known.get("destination") or known.get("dst") or ""
        asked[target] = tuple(f"{name}={value}" if value else name for name, value in known.items())
    return asked


def unmasked(options: Iterable[str]) -> tuple[str, ...]:
    """The paths that `--security-opt unmask=PATTERN:PATTERN` matches, of the default masked or read-only ones."""
    values = (value for name, value in map(security_option, options) if name == "unmask")
    patterns = [pattern for value in values for pattern in value.split(":") if pattern]
    return tuple(
        path
        for path in dict.fromkeys((*MASKED, *READ_ONLY))
        if any(PurePosixPath(path).match(pattern) for pattern in patterns)
    )
